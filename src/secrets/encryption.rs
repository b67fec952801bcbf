//! The encryption key of a stack: from `encryption { ... }`, from the environment, else a key file in the user's own folder.

use crate::config::Settings;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::value::Value;
use state_backends::EncryptionKey;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Environment variable with a passphrase.
const PASSPHRASE: &str = "SPAWNPOINT_PASSPHRASE";
/// Environment variable with the path of a key file.
const KEY_FILE: &str = "SPAWNPOINT_KEY_FILE";

/// A key, and whether it is new.
pub enum Found {
    /// It was there.
    Key(EncryptionKey),
    /// It was made just now; its path is worth telling, once.
    Created(EncryptionKey, PathBuf),
}

/// Returns the key that protects what a stack keeps. Relative paths begin at `folder`.
///
/// # Errors
/// A source that is named but gives no key.
pub fn encryption_key(settings: &Settings, folder: &Path) -> Result<Found, Diagnostics> {
    if let Some(attributes) = &settings.encryption {
        let text = |name: &str| attributes.get(name).and_then(Value::as_text);
        let words: Option<Vec<&str>> = attributes
            .get("command")
            .and_then(Value::as_items)
            .map(|items| items.iter().filter_map(Value::as_text).collect());
        return match (text("passphrase"), text("key_file"), words) {
            (Some(passphrase), None, None) => from_passphrase(passphrase),
            (None, Some(path), None) => from_file(&folder.join(path)),
            (None, None, Some(words)) => from_command(&words, folder),
            _ => {
                Err(Diagnostic::error("`encryption` needs exactly one of `passphrase`, `key_file` and `command`")
                    .into())
            }
        };
    }
    if let Ok(passphrase) = std::env::var(PASSPHRASE) {
        return from_passphrase(&passphrase);
    }
    if let Some(path) = std::env::var_os(KEY_FILE) {
        return from_file(&folder.join(path));
    }
    own_file()
}

fn from_passphrase(passphrase: &str) -> Result<Found, Diagnostics> {
    EncryptionKey::from_passphrase(passphrase)
        .map(Found::Key)
        .map_err(|error| Diagnostic::error(error.to_string()).into())
}

fn from_file(path: &Path) -> Result<Found, Diagnostics> {
    EncryptionKey::from_key_file(path).map(Found::Key).map_err(|error| Diagnostic::error(error.to_string()).into())
}

/// The command's output is the passphrase, without the line end. Its errors go where ours go.
fn from_command(words: &[&str], folder: &Path) -> Result<Found, Diagnostics> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(Diagnostic::error("`encryption.command` is empty, expected a program and its arguments").into());
    };
    let failed = |why: String| -> Diagnostics {
        Diagnostic::error(format!("the encryption command `{program}` gave no key: {why}")).into()
    };
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    let text = String::from_utf8(output.stdout).map_err(|_| failed("its output is not UTF-8".into()))?;
    from_passphrase(text.trim_end_matches(['\n', '\r']))
}

/// One key file per user serves all stacks whose state is a local file: it protects copies of the state, not the user from himself.
fn own_file() -> Result<Found, Diagnostics> {
    let Some(folder) = config_folder() else {
        return Err(Diagnostic::error("there is no place for a key file: neither `HOME` nor `XDG_CONFIG_HOME` is set")
            .hint(format!("set {PASSPHRASE}, or {KEY_FILE} to the path of a key file"))
            .into());
    };
    let path = folder.join("spawnpoint").join("state.key");
    if path.exists() {
        return from_file(&path);
    }
    match state_backends::encryption::create_key_file(&path) {
        Ok(key) => Ok(Found::Created(key, path)),
        // Another run was faster; its key counts.
        Err(state_backends::Error::KeyFileExists { .. }) => from_file(&path),
        Err(error) => Err(Diagnostic::error(error.to_string()).into()),
    }
}

fn config_folder() -> Option<PathBuf> {
    let own = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    own.or_else(|| std::env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(".config")))
}

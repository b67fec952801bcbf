//! The private folder of one run: playbooks, inventory, variables, secrets, and a configuration that keeps the user's own out.
//!
//! It lies on a RAM disk where there is one, is readable by the user alone, and is gone when the run ends.

use super::ssh::{HostKey, PINNED_NAME};
use super::{Mode, Request, Scope, run};
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The folder, removed when dropped.
pub(super) struct Workspace {
    folder: TempDir,
    pub(super) playbook: PathBuf,
    ssh_options: Vec<String>,
}

impl Workspace {
    /// Writes everything a run needs.
    pub(super) fn create(request: &Request<'_>) -> io::Result<Self> {
        let ram = Path::new("/dev/shm");
        let parent = if ram.is_dir() { ram.to_owned() } else { std::env::temp_dir() };
        let folder = tempfile::Builder::new().prefix("spawnpoint-").tempdir_in(parent)?;
        let path = folder.path();
        let own = request.playbook.unpack(&path.join("playbooks"))?;
        let playbook = match request.mode {
            Mode::Apply | Mode::Check => own,
            Mode::Remove => path.join("playbooks/_shared/remove.yml"),
        };
        if let Some(known_hosts) = request.connection.known_hosts() {
            write(&path.join("known_hosts"), &known_hosts)?;
        }
        if let HostKey::TrustOnFirstUse { known_hosts } = &request.connection.host_key {
            // OpenSSH makes the file, not its folder.
            std::fs::create_dir_all(known_hosts.parent().unwrap_or(Path::new(".")))?;
        }
        let ssh_options = ssh_options(request, path);
        write(&path.join("inventory.json"), &inventory(request).to_string())?;
        write(&path.join("variables.yml"), &variables(request))?;
        let secrets: serde_json::Map<_, _> = request
            .secrets
            .iter()
            .filter_map(|(key, value)| Some((key.to_string(), json!(value.as_text()?))))
            .collect();
        write(&path.join("secrets.yml"), &literal_yaml(&json!({ "gs_secrets": secrets })))?;
        write(&path.join("ansible.cfg"), &configuration(path, &ssh_options))?;
        Ok(Self { folder, playbook, ssh_options })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the options every `ssh` of the run gets.
    pub(super) fn ssh_options(&self) -> &[String] {
        &self.ssh_options
    }
}

fn ssh_options(request: &Request<'_>, folder: &Path) -> Vec<String> {
    let connection = request.connection;
    let mut settings =
        vec!["BatchMode=yes".to_owned(), "ConnectTimeout=10".to_owned(), "ServerAliveInterval=15".to_owned()];
    match &connection.host_key {
        HostKey::Pinned(_) => settings.extend([
            format!("UserKnownHostsFile={}", folder.join("known_hosts").display()),
            "GlobalKnownHostsFile=/dev/null".to_owned(),
            format!("HostKeyAlias={PINNED_NAME}"),
            "StrictHostKeyChecking=yes".to_owned(),
        ]),
        HostKey::TrustOnFirstUse { known_hosts } => settings.extend([
            format!("UserKnownHostsFile=\"{}\"", known_hosts.display()),
            "StrictHostKeyChecking=accept-new".to_owned(),
        ]),
    }
    if let Some(key) = &connection.private_key {
        settings.extend([format!("IdentityFile=\"{}\"", key.display()), "IdentitiesOnly=yes".to_owned()]);
    }
    settings.extend(connection.jump.as_ref().map(|jump| format!("ProxyJump={jump}")));
    settings.into_iter().flat_map(|setting| ["-o".to_owned(), setting]).collect()
}

fn inventory(request: &Request<'_>) -> Value {
    let connection = request.connection;
    json!({ "all": { "hosts": { "guest": {
        "ansible_host": connection.host,
        "ansible_port": connection.port,
        "ansible_user": connection.user,
        "ansible_python_interpreter": "/usr/bin/python3",
    } } } })
}

fn variables(request: &Request<'_>) -> String {
    let mut variables = request.game.variables(request.server);
    if let Scope::Files { root } = &request.scope {
        variables.insert("spawnpoint_root".to_owned(), json!(root));
    }
    if let (Some(file), Some(artifact)) = (run::artifact_file(request), variables.get_mut("gs_artifact")) {
        artifact["file"] = json!(file);
    }
    literal_yaml(&json!(variables))
}

/// Returns JSON in which every text is marked as not to be evaluated: a message of the day may contain `{{ }}` and stays text.
fn literal_yaml(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => format!("!unsafe {}", quoted(text)),
        Value::Array(items) => format!("[{}]", items.iter().map(literal_yaml).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|(key, value)| format!("{}: {}", quoted(key), literal_yaml(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
    }
}

/// Returns text in YAML's double quotes, plain ASCII.
fn quoted(text: &str) -> String {
    let characters = text.chars().map(|character| match character {
        '"' | '\\' => format!("\\{character}"),
        ' '..='~' => character.to_string(),
        other => format!("\\U{:08X}", u32::from(other)),
    });
    format!("\"{}\"", characters.collect::<String>())
}

/// Returns the configuration of the run. Percent signs are doubled: Ansible's own syntax.
fn configuration(folder: &Path, ssh_options: &[String]) -> String {
    let shared = folder.join("playbooks/_shared");
    let shared = shared.display();
    let options: Vec<_> = ssh_options.iter().map(|option| shell_quoted(option)).collect();
    let options = options.join(" ").replace('%', "%%");
    format!(
        "[defaults]\n\
         stdout_callback = spawnpoint\n\
         callback_plugins = {shared}/callback\n\
         library = {shared}/library\n\
         roles_path = {shared}/roles\n\
         host_key_checking = True\n\
         gathering = explicit\n\
         retry_files_enabled = False\n\
         [ssh_connection]\n\
         pipelining = True\n\
         retries = 2\n\
         ssh_args = -o ControlMaster=auto -o ControlPersist=30s {options}\n\
         control_path_dir = {folder}/control\n\
         control_path = %(directory)s/%%C\n",
        folder = folder.display(),
    )
}

fn shell_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stay_texts() {
        let value = json!({ "a": "{{ 7 * 7 }}", "b": [1, true, null, "é\"\\"] });
        let expected = r#"{"a": !unsafe "{{ 7 * 7 }}", "b": [1, true, null, !unsafe "\U000000E9\"\\"]}"#;
        assert_eq!(literal_yaml(&value), expected);
    }
}

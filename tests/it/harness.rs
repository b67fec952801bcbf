//! What the integration tests share: golden texts under `tests/`, and the real binary in a world of its own.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Returns whether this is the full run of the suite, as CI does it.
pub(crate) fn is_full() -> bool {
    std::env::var("SPAWNPOINT_TESTS").is_ok_and(|size| size == "full")
}

/// Returns what the full run of the suite takes, or what every run does.
pub(crate) fn sized<T>(full: T, usual: T) -> T {
    if is_full() { full } else { usual }
}

/// Compares a text with `tests/NAME`; with `UPDATE_GOLDEN=1` in the environment, writes it there instead.
pub(crate) fn golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        return std::fs::write(&path, actual).expect("the tests folder can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    if expected != actual {
        let diff = similar::TextDiff::from_lines(expected.as_str(), actual);
        panic!("{} differs (- expected, + actual):\n{}", path.display(), diff.unified_diff());
    }
}

/// Hides the MAC addresses we chose, which follow from the random lineage of the state.
pub(crate) fn without_macs(text: &str) -> String {
    let mac = regex::Regex::new("BC:24:11(:[0-9A-F]{2}){3}").expect("the pattern is right");
    mac.replace_all(text, "BC:24:11:xx:xx:xx").into_owned()
}

/// A folder with a home of its own, in which the real binary runs with an environment that is the same everywhere.
pub(crate) struct World {
    root: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

impl World {
    /// Returns a world with an empty stack folder.
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().expect("a temporary folder can be made");
        for folder in ["home", "stack"] {
            std::fs::create_dir(root.path().join(folder)).expect("the temporary folder is empty");
        }
        Self { root, environment: Vec::new() }
    }

    /// Sets an environment variable for the runs that follow.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.into(), value.into()));
    }

    /// Returns the stack folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.root.path().join("stack")
    }

    /// Writes a file below the stack folder.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.folder().join(name);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("folders can be made");
        std::fs::write(path, text).expect("the temporary folder can be written");
    }

    /// Runs the binary without a terminal and with nothing to read.
    pub(crate) fn run(&self, arguments: &[&str]) -> CommandOutput {
        self.run_with_input(arguments, "")
    }

    /// Runs the binary with a text to read.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> CommandOutput {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        // Written while its output is read: neither pipe holds more than 64 KiB.
        let output = std::thread::scope(|scope| {
            // A run that ends without reading closes the pipe; that is its right.
            scope.spawn(move || drop(std::io::Write::write_all(&mut stdin, input.as_bytes())));
            child.wait_with_output().expect("the binary ends")
        });
        CommandOutput {
            stdout: self.normalised(&output.stdout),
            stderr: self.normalised(&output.stderr),
            status: output.status.code(),
        }
    }

    /// Returns a command for the binary, for tests that need more than its output.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spawnpoint"));
        command
            .args(arguments)
            .current_dir(self.folder())
            .env_clear()
            .env("HOME", self.root.path().join("home"))
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LANG", "C.UTF-8")
            .env("COLUMNS", "100")
            .env("USER", "kim")
            .env("HOSTNAME", "ws1")
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn normalised(&self, bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).replace(&*self.root.path().to_string_lossy(), "$WORLD").replace("\r\n", "\n")
    }
}

/// What a run said, in one text for snapshots.
#[derive(Clone, Debug)]
pub(crate) struct CommandOutput {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) status: Option<i32>,
}

impl fmt::Display for CommandOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.stdout)?;
        if !self.stderr.is_empty() {
            write!(f, "------- stderr -------\n{}", self.stderr)?;
        }
        match self.status {
            Some(0) => Ok(()),
            Some(status) => writeln!(f, "[exit status: {status}]"),
            None => writeln!(f, "[ended by a signal]"),
        }
    }
}

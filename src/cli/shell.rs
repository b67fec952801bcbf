//! What every command is given: where it writes, where it runs, and when.

use super::exit::Exit;
use super::failure::Outcome;
use super::terminal::Terminal;
use std::path::PathBuf;

/// The surroundings of one run.
#[derive(Clone, Debug)]
pub struct Shell {
    /// Where it writes.
    pub terminal: Terminal,
    /// The stack's folder, absolute.
    pub folder: PathBuf,
    /// When the run began.
    pub now: jiff::Timestamp,
    /// The command line without secrets, for the history.
    pub command: String,
}

/// How a command ends.
pub type Ended = Outcome<Exit>;

impl Shell {
    /// Returns who runs this: `kim@ws1`.
    pub fn who(&self) -> String {
        let variable = |names: &[&str]| names.iter().find_map(|name| std::env::var(name).ok().filter(|text| !text.is_empty()));
        let user = variable(&["USER", "LOGNAME", "USERNAME"]).unwrap_or_else(|| "unknown".into());
        let kernel = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|name| name.trim().to_owned());
        let host = variable(&["HOSTNAME", "COMPUTERNAME"]).or_else(kernel).unwrap_or_else(|| "unknown".into());
        format!("{user}@{host}")
    }

    /// Returns the folder for what is ours next to the stack. It is made on first use, with a `.gitignore` of its own.
    pub fn own_folder(&self) -> Outcome<PathBuf> {
        let folder = self.folder.join(".spawnpoint");
        let ignore = folder.join(".gitignore");
        let made = std::fs::create_dir_all(&folder).and_then(|()| match ignore.exists() {
            true => Ok(()),
            false => std::fs::write(&ignore, "# State, labs and caches of Spawnpoint: not for the repository.\n*\n"),
        });
        made.map_err(|error| crate::diagnostics::Diagnostic::error(format!("cannot make `{}`: {error}", folder.display())))?;
        Ok(folder)
    }
}

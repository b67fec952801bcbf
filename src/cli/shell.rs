//! What every command is given: where it writes, where it runs, and when.

use super::exit::Exit;
use super::failure::{Failure, Outcome};
use super::terminal::{Form, Terminal};
use crate::diagnostics::Diagnostic;
use std::path::PathBuf;
use std::sync::Arc;

/// The workspace of a stack that has no other.
pub(super) const DEFAULT_WORKSPACE: &str = "default";

/// The surroundings of one run.
#[derive(Clone, Debug)]
pub(super) struct Shell {
    /// Where it writes.
    pub(super) terminal: Terminal,
    /// The stack's folder, absolute.
    pub(super) folder: PathBuf,
    /// Which of the stack's states.
    pub(super) workspace: Arc<str>,
    /// When the run began.
    pub(super) now: jiff::Timestamp,
    /// The command line without secrets, for the history.
    pub(super) command: String,
}

/// How a command ends.
pub(super) type Ended = Outcome<Exit>;

impl Shell {
    /// Returns the surroundings of this process, in another folder if one is named.
    ///
    /// # Errors
    /// There is no such folder; told on a terminal that is ready.
    pub(super) fn new(
        chdir: Option<PathBuf>,
        no_color: bool,
        command: String,
    ) -> Result<Self, (Terminal, Box<Failure>)> {
        let terminal = Terminal::of_process(no_color);
        let folder = chdir.unwrap_or_else(|| PathBuf::from("."));
        match std::fs::canonicalize(&folder) {
            Ok(folder) if folder.is_dir() => {
                Ok(Self { terminal, folder, workspace: DEFAULT_WORKSPACE.into(), now: jiff::Timestamp::now(), command })
            }
            Ok(_) => Err((terminal, Diagnostic::error(format!("`{}` is not a folder", folder.display())).into())),
            Err(error) => {
                Err((terminal, Diagnostic::error(format!("cannot work in `{}`: {error}", folder.display())).into()))
            }
        }
    }

    /// Returns the same surroundings with standard output in a form of its own.
    #[must_use]
    pub(super) fn in_form(&self, form: Form) -> Self {
        let mut shell = self.clone();
        shell.terminal.form = form;
        shell
    }

    /// Returns the surroundings of another stack.
    #[must_use]
    pub(super) fn elsewhere(&self, folder: PathBuf, workspace: &str) -> Self {
        Self { folder, workspace: workspace.into(), ..self.clone() }
    }

    /// Returns an id for a run: short enough to say, and unique in the life of a state.
    pub(super) fn run_id(&self) -> String {
        uuid::Uuid::new_v4().simple().to_string()[..12].to_owned()
    }

    /// Returns who runs this: `kim@ws1`.
    pub(super) fn who(&self) -> String {
        let variable =
            |names: &[&str]| names.iter().find_map(|name| std::env::var(name).ok().filter(|text| !text.is_empty()));
        let user = variable(&["USER", "LOGNAME", "USERNAME"]).unwrap_or_else(|| "unknown".into());
        let kernel = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|name| name.trim().to_owned());
        let host = variable(&["HOSTNAME", "COMPUTERNAME"]).or_else(kernel).unwrap_or_else(|| "unknown".into());
        format!("{user}@{host}")
    }

    /// Returns the folder for what is ours next to the stack. It is made on first use, with a `.gitignore` of its own.
    pub(super) fn own_folder(&self) -> Outcome<PathBuf> {
        let folder = self.folder.join(".spawnpoint");
        let ignore = folder.join(".gitignore");
        let made = std::fs::create_dir_all(&folder).and_then(|()| match ignore.exists() {
            true => Ok(()),
            false => std::fs::write(&ignore, "# State, labs and caches of Spawnpoint: not for the repository.\n*\n"),
        });
        made.map_err(|error| Diagnostic::error(format!("cannot make `{}`: {error}", folder.display())))?;
        Ok(folder)
    }
}

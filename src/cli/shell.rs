//! What every command is given: where it writes, where it runs, and when.

use super::exit::Exit;
use super::failure::{Failure, Outcome};
use super::terminal::{Form, Terminal};
use crate::diagnostics::Diagnostic;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The workspace of a stack that has no other.
pub(super) const DEFAULT_WORKSPACE: &str = "default";

/// File in our own folder that names the selected workspace.
const SELECTED: &str = "workspace";
/// Environment variable that names a workspace.
const WORKSPACE: &str = "SPAWNPOINT_WORKSPACE";

/// The workspace of a run: as the command line says, else the environment, else as selected in the folder.
fn selected(folder: &Path, named: Option<String>) -> Arc<str> {
    let present = |name: &String| !name.is_empty();
    let named = named.or_else(|| std::env::var(WORKSPACE).ok().filter(present));
    let selected = || std::fs::read_to_string(folder.join(".spawnpoint").join(SELECTED)).ok();
    let name = named.or_else(|| selected().map(|text| text.trim().to_owned()).filter(present));
    name.map_or_else(|| DEFAULT_WORKSPACE.into(), Arc::from)
}

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
        workspace: Option<String>,
        no_color: bool,
        command: String,
    ) -> Result<Self, (Terminal, Box<Failure>)> {
        let terminal = Terminal::of_process(no_color);
        let folder = chdir.unwrap_or_else(|| PathBuf::from("."));
        match std::fs::canonicalize(&folder) {
            Ok(folder) if folder.is_dir() => Ok(Self {
                terminal,
                workspace: selected(&folder, workspace),
                folder,
                now: jiff::Timestamp::now(),
                command,
            }),
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

    /// Returns where the simulated clusters of the workspace are.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub(super) fn labs_folder(&self) -> Outcome<PathBuf> {
        let own = self.own_folder()?;
        Ok(match &*self.workspace {
            DEFAULT_WORKSPACE => own.join("labs"),
            name => own.join("workspaces").join(name).join("labs"),
        })
    }

    /// Selects a workspace for the runs that follow in this folder.
    ///
    /// # Errors
    /// It cannot be written down.
    pub(super) fn select_workspace(&self, name: &str) -> Outcome<()> {
        let path = self.own_folder()?.join(SELECTED);
        std::fs::write(&path, format!("{name}\n"))
            .map_err(|error| Diagnostic::error(format!("cannot write `{}`: {error}", path.display())).into())
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

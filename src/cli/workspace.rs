//! `spawnpoint workspace`: several states of one stack, side by side.

use super::configuration::{self, Given};
use super::disk::Disk;
use super::exit::Exit;
use super::flags::Values;
use super::shell::{DEFAULT_WORKSPACE, Ended, Shell};
use super::store::Store;
use crate::diagnostics::Diagnostic;
use std::sync::Arc;

/// Several states of one stack, side by side
///
/// Each workspace has a state, a lineage and simulated clusters of its own; the files are the same, and may ask for
/// `spawnpoint.workspace`. Owner markers carry the lineage, so no workspace touches what another one made.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    values: Values,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Lists all workspaces; a star marks the selected one
    List,
    /// Shows which one is selected
    Show,
    /// Makes a workspace and selects it
    New {
        /// Its name
        name: String,
    },
    /// Selects a workspace for the runs that follow in this folder
    Select {
        /// Its name
        name: String,
    },
    /// Deletes a workspace that holds no objects
    Delete {
        /// Its name
        name: String,
        /// Deletes it although it holds objects: they stay on the clusters, and nobody manages them any more
        #[arg(long)]
        force: bool,
    },
}

/// Runs the command.
pub(super) async fn run(args: Args, shell: &Shell) -> Ended {
    let given = Given::of_process(args.values.0);
    match args.command {
        Command::Show => shell.terminal.line(&shell.workspace),
        Command::List => {
            for name in Place::open(&given, shell).await?.names().await? {
                let mark = if *name == *shell.workspace { '*' } else { ' ' };
                shell.terminal.line(&format!("{mark} {name}"));
            }
        }
        Command::New { name } => {
            let place = Place::open(&given, shell).await?;
            if place.names().await?.contains(&name) {
                return Err(Diagnostic::error(format!("there is a workspace `{name}` already"))
                    .hint(format!("`spawnpoint workspace select {name}`"))
                    .into());
            }
            place.make(&name).await?;
            shell.select_workspace(&name)?;
            shell.terminal.say(&format!("Made the workspace `{name}` and selected it. It is empty."));
        }
        Command::Select { name } => {
            let names = Place::open(&given, shell).await?.names().await?;
            if !names.contains(&name) {
                return Err(unknown(&name, &names).into());
            }
            shell.select_workspace(&name)?;
            shell.terminal.say(&format!("Selected the workspace `{name}`."));
        }
        Command::Delete { name, force } => {
            Place::open(&given, shell).await?.delete(&name, force, shell).await?;
            shell.terminal.say(&format!("Deleted the workspace `{name}`."));
        }
    }
    Ok(Exit::Done)
}

/// Where the states of a stack are, seen from its default workspace, which is always there.
struct Place {
    settings: crate::config::Settings,
    shell: Shell,
    store: Store,
}

impl Place {
    async fn open(given: &Given, shell: &Shell) -> super::failure::Outcome<Self> {
        let shell = shell.elsewhere(shell.folder.clone(), DEFAULT_WORKSPACE);
        let settings = configuration::load(Arc::new(Disk::new(shell.folder.clone())), given, &shell)?.stack.settings;
        let store = Store::open(&settings, &shell).await?;
        Ok(Self { settings, shell, store })
    }

    async fn names(&self) -> super::failure::Outcome<Vec<String>> {
        Ok(self.store.backend().workspaces().await?)
    }

    async fn make(&self, name: &str) -> super::failure::Outcome<Store> {
        Store::make(&self.settings, &self.shell.elsewhere(self.shell.folder.clone(), name)).await
    }

    async fn delete(&self, name: &str, is_forced: bool, shell: &Shell) -> super::failure::Outcome<()> {
        let names = self.names().await?;
        if !names.iter().any(|known| known == name) {
            return Err(unknown(name, &names).into());
        }
        if name == DEFAULT_WORKSPACE || *name == *shell.workspace {
            let summary = match name == DEFAULT_WORKSPACE {
                true => "the workspace `default` is always there".to_owned(),
                false => format!("the workspace `{name}` is selected"),
            };
            return Err(Diagnostic::error(summary)
                .hint("`spawnpoint workspace select default` selects another")
                .into());
        }
        let objects = self.make(name).await?.load().await?.records.len();
        if objects > 0 && !is_forced {
            let things = if objects == 1 { "1 object".to_owned() } else { format!("{objects} objects") };
            return Err(Diagnostic::error(format!("the workspace `{name}` holds {things}"))
                .hint(format!("destroy them first: `spawnpoint -workspace={name} destroy`"))
                .hint("with `-force` they stay on the clusters, and nobody manages them any more")
                .into());
        }
        Ok(self.store.backend().delete_workspace(name).await?)
    }
}

/// Returns the error of a workspace that is not there.
pub(super) fn unknown(name: &str, known: &[String]) -> Diagnostic {
    let diagnostic = Diagnostic::error(format!("there is no workspace `{name}`"));
    match crate::config::similar(name, known.iter().map(String::as_str)) {
        Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
        None => diagnostic.hint(format!("`spawnpoint workspace new {name}` makes it; there are {}", known.join(", "))),
    }
}

//! The first step of every run: the files of the stack, the games it may use, and what was said about variables.

use super::failure::{Failure, Outcome};
use super::shell::Shell;
use crate::apply::GameFiles;
use crate::config::{self, Input, Stack, TestInput, VariableArgument, World};
use crate::diagnostics::{Diagnostic, Diagnostics, Sources};
use crate::domain;
use crate::lookups::Snapshot;
use crate::plan::GameFacts;
use crate::provision;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Environment variables with this prefix give values to variables of the root module.
const VARIABLE_PREFIX: &str = "SPAWNPOINT_VAR_";

/// What is said about variables outside the stack's files.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    /// Texts of `SPAWNPOINT_VAR_name`, by name.
    pub(super) environment: BTreeMap<String, String>,
    /// `-var` and `-var-file`, in the order given.
    pub(super) arguments: Vec<VariableArgument>,
}

impl Given {
    /// Returns what this process was given.
    pub(super) fn of_process(arguments: Vec<VariableArgument>) -> Self {
        let named = |(name, text): (String, String)| Some((name.strip_prefix(VARIABLE_PREFIX)?.to_owned(), text));
        // A variable whose name or text is not Unicode cannot be the value of ours.
        let texts =
            std::env::vars_os().filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)));
        Self { environment: texts.filter_map(named).collect(), arguments }
    }
}

/// A stack that was read without errors.
pub(super) struct Configuration {
    /// What the files say.
    pub(super) stack: Stack,
    /// Their texts, and those of the games' manifests.
    pub(super) sources: Sources,
    /// Warnings so far.
    pub(super) warnings: Diagnostics,
    /// Every game there is, ours and the stack's own.
    pub(super) games: BTreeMap<String, GameFacts>,
    /// Their playbooks.
    pub(super) files: BTreeMap<String, GameFiles>,
}

/// Reads the stack.
///
/// # Errors
/// All errors of all files at once.
pub(super) fn load(world: Arc<dyn World>, given: &Given, shell: &Shell) -> Outcome<Configuration> {
    load_module(world, given, ".", None, shell)
}

/// Reads a folder as a stack, perhaps for a test.
///
/// # Errors
/// As [`load`].
pub(super) fn load_module(
    world: Arc<dyn World>,
    given: &Given,
    folder: &str,
    test: Option<&TestInput>,
    shell: &Shell,
) -> Outcome<Configuration> {
    let folder_name =
        shell.folder.file_name().map_or_else(|| "stack".into(), |name| name.to_string_lossy().into_owned());
    let names = domain::names();
    let input = Input {
        world,
        folder,
        environment: given.environment.clone(),
        arguments: given.arguments.clone(),
        object_types: &names,
        lookups: Arc::new(Snapshot::default()),
        workspace: &shell.workspace,
        folder_name: &folder_name,
        working_folder: &shell.folder.to_string_lossy(),
        now: shell.now,
        test,
    };
    let (stack, mut sources, mut found) = config::load(&input);
    let files = games(shell, &mut sources, &mut found);
    match stack.filter(|_| !found.has_errors()) {
        Some(stack) => {
            let facts = |files: &GameFiles| GameFacts { game: files.game.clone(), playbook: files.playbook.digest() };
            let games = files.iter().map(|(name, files)| (name.clone(), facts(files))).collect();
            Ok(Configuration { stack, sources, warnings: found, games, files })
        }
        None => Err(Failure::new(found, &sources)),
    }
}

/// A manifest that is wrong is an error even if no server uses it: it is either ours or the stack's own.
fn games(shell: &Shell, sources: &mut Sources, found: &mut Diagnostics) -> BTreeMap<String, GameFiles> {
    let mut games = BTreeMap::new();
    for name in provision::assets::names(&shell.folder) {
        match provision::assets::playbook(&shell.folder, &name) {
            Ok(None) => {}
            Ok(Some(playbook)) => match playbook.manifest(sources) {
                Ok(game) => drop(games.insert(name, GameFiles { game, playbook })),
                Err(wrong) => found.extend(wrong),
            },
            Err(error) => found.push(Diagnostic::error(format!("cannot read the playbook of `{name}`: {error}"))),
        }
    }
    games
}

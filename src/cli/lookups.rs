//! The shell around `data` blocks: reads what their questions lack, and asks again until every one is answered.

use super::clusters;
use super::configuration::{self, Given};
use super::disk::Disk;
use super::failure::{Failure, Outcome};
use super::session::Session;
use super::shell::Shell;
use super::store::Store;
use crate::config::{Import, Stack};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::lookups::{Outputs, Read, Snapshot};
use crate::observe::{Memory, Wanted, collect_with};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Look-ups whose arguments come from other look-ups take a round each, and a guest by its name takes two. More is a mistake of ours.
const ROUNDS_MAX: usize = 256;

/// Answers the `data` blocks of a stack.
pub(super) struct Answering<'a> {
    session: &'a Session,
    memory: &'a Memory,
    /// What was seen so far.
    pub(super) snapshot: Snapshot,
    /// What was said when the stack was read last.
    found: Diagnostics,
}

impl<'a> Answering<'a> {
    pub(super) fn new(session: &'a Session, memory: &'a Memory) -> Self {
        let declared = &session.configuration.stack.clusters;
        let clusters = declared.iter().map(|(name, settings)| (name.clone(), settings.is_default)).collect();
        let snapshot = Snapshot { clusters: Some(clusters), ..Snapshot::default() };
        Self { session, memory, snapshot, found: Diagnostics::new() }
    }

    /// Returns the stack with every `data` block answered.
    ///
    /// # Errors
    /// Look-ups that find nothing, whatever follows from that, and clusters that cannot be read.
    pub(super) async fn resolve(&mut self, read: &Stack) -> Outcome<Stack> {
        for _ in 0..ROUNDS_MAX {
            let (stack, found) = read.resolve(Arc::new(self.snapshot.clone()));
            let Some(mut stack) = stack else {
                return Err(Failure::new(found, &self.session.configuration.sources));
            };
            let missing: BTreeSet<Read> =
                stack.questions().iter().filter_map(|question| self.snapshot.missing(question)).collect();
            if missing.is_empty() && found.has_errors() {
                return Err(Failure::new(found, &self.session.configuration.sources));
            }
            if missing.is_empty() {
                self.found = found;
                // A test has put other clusters under their names.
                stack.clusters.clone_from(&read.clusters);
                // The command line may import what no block does.
                let is_new = |import: &&Import| stack.imports.iter().all(|known| known.to != import.to);
                let more: Vec<Import> = read.imports.iter().filter(is_new).cloned().collect();
                stack.imports.extend(more);
                return Ok(stack);
            }
            self.read(missing).await?;
        }
        unreachable!("every round reads something that was not read before, and chains of names have an end")
    }

    /// Adds what the look-ups need to what is wanted of the clusters.
    pub(super) fn want(&self, wanted: &mut Wanted) {
        for (name, details) in &self.snapshot.wanted {
            wanted.clusters.entry(name.clone()).or_default().extend(details);
        }
    }

    /// Tells warnings that were not told when the files were read.
    pub(super) fn tell(&mut self) {
        let Session { configuration, shell, told, .. } = self.session;
        let mut news = Diagnostics::new();
        let found = std::mem::take(&mut self.found);
        news.extend(found.into_iter().filter(|diagnostic| told.iter().all(|known| known != diagnostic)));
        shell.terminal.diagnostics(&news, &configuration.sources);
    }

    async fn read(&mut self, missing: BTreeSet<Read>) -> Outcome<()> {
        let mut is_about_clusters = false;
        for read in missing {
            match read {
                Read::Stack(folder, workspace) => {
                    let outputs = outputs_of(&folder, &workspace, &self.session.shell).await;
                    self.snapshot.stacks.insert((folder, workspace), outputs);
                }
                _ => {
                    is_about_clusters = true;
                    read.want(&mut self.snapshot.wanted);
                }
            }
        }
        if is_about_clusters {
            let project = &self.session.configuration.stack.settings.project;
            let wanted =
                Wanted { clusters: self.snapshot.wanted.clone(), tag: crate::resources::marker::project_tag(project) };
            let observed = collect_with(&self.session.clusters, &wanted, Some(self.memory)).await;
            self.snapshot.observed =
                Arc::new(observed.map_err(|failed| clusters::unread(failed, &self.session.configuration))?);
        }
        Ok(())
    }
}

/// Returns what the last apply of another stack left; or why that cannot be known.
async fn outputs_of(folder: &str, workspace: &str, shell: &Shell) -> Result<Outputs, String> {
    let first = |failure: Box<Failure>| {
        failure.diagnostics.iter().next().map_or_else(String::new, |diagnostic| diagnostic.summary.clone())
    };
    let there = std::fs::canonicalize(shell.folder.join(folder)).map_err(|_| "there is no such folder".to_owned())?;
    let shell = shell.elsewhere(there, workspace);
    let world = Arc::new(Disk::new(shell.folder.clone()));
    let other = configuration::load(world, &Given::of_process(Vec::new()), &shell).map_err(first)?;
    let store = Store::open_existing(&other.stack.settings, &shell).await.map_err(first)?;
    let nothing =
        || Diagnostic::error(format!("it has no state in workspace `{workspace}` yet, apply it first")).into();
    let state = store.ok_or_else(nothing).map_err(first)?.load().await.map_err(|error| first(error.into()))?;
    Ok(state.outputs)
}

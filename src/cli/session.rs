//! How a run goes, once for all commands: read the files, open the state, look at the clusters, recover what a dead run left, plan.

use super::clusters;
use super::configuration::{self, Configuration, Given};
use super::failure::{Failure, Outcome};
use super::shell::Shell;
use super::store::Store;
use crate::apply::{Clusters, Journal, Patience, Recovery, Situation, look_and_recover};
use crate::config::{Output, World};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::observe::Observed;
use crate::plan::{self, Options, Plan, PlanInput};
use crate::state::State;
use state_backends::Lease;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// How long an apply waits for a task that a dead run started: a full clone of a big disk.
const DEAD_TASK_PATIENCE: Duration = Duration::from_secs(3600);

/// A stack, its state and its clusters.
pub(super) struct Session {
    /// What the files say.
    pub(super) configuration: Configuration,
    /// What we know we made.
    pub(super) store: Store,
    /// Clients, by cluster.
    pub(super) clusters: Clusters,
    /// The surroundings.
    pub(super) shell: Shell,
}

/// Whether the run holds the lock, and so may write what recovery found.
#[derive(Clone, Copy)]
pub(super) enum Role<'a> {
    /// It only looks: objects of a live run are shown as in progress.
    Reader,
    /// It works: recovery's entries are written before anything else.
    Worker(&'a Arc<Lease>),
}

impl Session {
    /// Reads the stack and opens its state and its clusters. Nothing is dialled yet.
    ///
    /// # Errors
    /// Whatever of these cannot be had.
    pub(super) async fn open(world: Arc<dyn World>, given: &Given, shell: &Shell) -> Outcome<Self> {
        let mut configuration = configuration::load(world.clone(), given, shell)?;
        let warnings = std::mem::take(&mut configuration.warnings);
        shell.terminal.diagnostics(&warnings, &configuration.sources);
        let store = Store::open(&configuration.stack.settings, shell).await?;
        let clusters = clusters::connect(&configuration.stack.clusters, &*world, &configuration.sources, shell)?;
        Ok(Self { configuration, store, clusters, shell: shell.clone() })
    }

    /// Looks, recovers and plans.
    ///
    /// # Errors
    /// A cluster that cannot be read, or a plan that cannot be made.
    pub(super) async fn plan(&self, options: &Options, role: Role<'_>) -> Outcome<Plan> {
        let (plan, found) = self.planned(options, role).await?;
        self.shell.terminal.diagnostics(&found, &self.configuration.sources);
        Ok(plan)
    }

    /// Looks, recovers and plans, and returns what there is to say about it.
    ///
    /// # Errors
    /// As [`Session::plan`].
    pub(super) async fn planned(&self, options: &Options, role: Role<'_>) -> Outcome<(Plan, Diagnostics)> {
        let state = self.store.load().await?;
        let (recovery, observed) = self.look(&state, role).await?;
        let mut messages = Diagnostics::new();
        messages.extend(recovery.messages);
        self.shell.terminal.diagnostics(&messages, &self.configuration.sources);
        if let Role::Worker(lease) = role {
            let written = self.store.journal(lease).append(recovery.entries).await;
            written.map_err(|error| Diagnostic::error(error.to_string()))?;
        }
        let estimates = self.store.estimates().await?;
        let (plan, found) = plan::plan(&PlanInput {
            stack: &self.configuration.stack,
            state: &recovery.state,
            observed: Some(&observed),
            games: &self.configuration.games,
            estimate_ms: &|step| estimates.estimate_ms(step),
            options,
            now: self.shell.now.as_second(),
            fingerprint_key: self.store.keys().fingerprints().bytes(),
            in_progress: &recovery.in_progress,
            avoided_vmids: &recovery.avoid.values().flatten().copied().collect(),
        });
        match plan {
            Some(plan) => Ok((plan, found)),
            None => Err(Failure::new(found, &self.configuration.sources)),
        }
    }

    /// Returns the outputs that can be told now, from files and state alone.
    ///
    /// # Errors
    /// A state that cannot be read.
    pub(super) async fn outputs(&self) -> Outcome<BTreeMap<Arc<str>, Output>> {
        let state = self.store.load().await?;
        Ok(plan::outputs_of(&PlanInput {
            stack: &self.configuration.stack,
            state: &state,
            observed: None,
            games: &self.configuration.games,
            estimate_ms: &|_| 0,
            options: &Options::default(),
            now: self.shell.now.as_second(),
            fingerprint_key: self.store.keys().fingerprints().bytes(),
            in_progress: &BTreeMap::new(),
            avoided_vmids: &BTreeSet::new(),
        }))
    }

    async fn look(&self, state: &State, role: Role<'_>) -> Outcome<(Recovery, Observed)> {
        let at_work = match role {
            Role::Reader => self.store.at_work().await?,
            Role::Worker(_) => None,
        };
        let situation = Situation {
            at_work: at_work.as_deref(),
            project: &self.configuration.stack.settings.project,
            now: self.shell.now.as_second(),
            patience: match role {
                Role::Reader => Patience::Tell,
                Role::Worker(_) => Patience::Wait(DEAD_TASK_PATIENCE),
            },
        };
        let wanted = plan::wanted(&self.configuration.stack, state, self.clusters.keys());
        let looked = look_and_recover(state, &self.clusters, &wanted, situation).await;
        looked.map_err(|failed| clusters::unread(failed, &self.configuration))
    }
}

/// Returns what is known of the schema of a registry name.
pub(super) fn schema(kind: &str) -> Option<&'static crate::resources::schema::Schema> {
    crate::resources::find(kind).map(|object| object.schema)
}

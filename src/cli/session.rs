//! How a run goes, once for all commands: read the files, open the state, look at the clusters, recover what a dead run left, plan.

use super::clusters;
use super::configuration::{self, Configuration, Given};
use super::failure::{Failure, Outcome};
use super::flags::Refresh;
use super::lookups::Answering;
use super::seen;
use super::shell::Shell;
use super::store::Store;
use crate::apply::{Clusters, Journal, Patience, Recovery, Situation, Writer, look_and_recover};
use crate::config::{Address, Import, Stack, World};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::observe::{Memory, Observed, Wanted};
use crate::plan::permissions::{self, Grants};
use crate::plan::{self, Options, Plan, PlanInput, Told};
use crate::proxmox::Call;
use crate::state::State;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
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
    /// What the last plan was made from.
    pub(super) basis: Mutex<Option<Arc<Basis>>>,
    /// What was said about the files.
    pub(super) told: Diagnostics,
    /// Whether guests that show no sign of a change are not read.
    pub(super) is_fast: bool,
}

/// What a plan was made from, besides the files.
pub(super) struct Basis {
    /// The stack with its `data` blocks answered; none if it has no such blocks.
    looked_up: Option<Stack>,
    state: State,
    observed: Arc<Observed>,
    estimate_ms: Box<dyn Fn(&str) -> u64 + Send + Sync>,
    options: Options,
    in_progress: BTreeMap<Address, String>,
    avoided_vmids: BTreeSet<u32>,
    /// What was said about the plan.
    pub(super) said: Diagnostics,
}

impl Basis {
    /// Returns the stack that was planned.
    pub(super) fn stack<'a>(&'a self, session: &'a Session) -> &'a Stack {
        self.looked_up.as_ref().unwrap_or(&session.configuration.stack)
    }

    /// Returns what the planner gets, with a stack of the same files.
    pub(super) fn input<'a>(&'a self, session: &'a Session, stack: &'a Stack, told: &'a Told) -> PlanInput<'a> {
        PlanInput {
            stack,
            state: &self.state,
            observed: Some(&self.observed),
            games: &session.configuration.games,
            estimate_ms: &*self.estimate_ms,
            options: &self.options,
            now: session.shell.now.as_second(),
            fingerprint_key: session.store.keys().fingerprints().bytes(),
            in_progress: &self.in_progress,
            told,
            avoided_vmids: &self.avoided_vmids,
        }
    }
}

/// Whether the run holds the lock, and so may write what recovery found.
#[derive(Clone, Copy)]
pub(super) enum Role<'a> {
    /// It only looks: objects of a live run are shown as in progress.
    Reader,
    /// It works: recovery's entries are written before anything else.
    Worker(&'a Writer),
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
        Ok(Self {
            configuration,
            store,
            clusters,
            shell: shell.clone(),
            basis: Mutex::default(),
            told: warnings,
            is_fast: false,
        })
    }

    /// Looks at the clusters as it was asked for.
    #[must_use]
    pub(super) fn looking(self, refresh: Refresh) -> Self {
        Self { is_fast: refresh == Refresh::Fast, ..self }
    }

    /// Plans from now on as if there were an `import` block.
    ///
    /// # Errors
    /// There is no such block, or the object is known already.
    pub(super) async fn import(&mut self, to: Address, id: String) -> Outcome<()> {
        let stack = &mut self.configuration.stack;
        if self.store.load().await?.records.contains_key(&to) {
            return Err(Diagnostic::error(format!("{to} is managed already"))
                .hint(format!(
                    "to have it known anew, forget it first: `removed {{ from = {to} }}` with `destroy = false`"
                ))
                .into());
        }
        let Some(block) = stack.blocks.iter().find(|block| block.address == to.block()) else {
            return Err(Diagnostic::error(format!("there is no block `{to}` to import into"))
                .hint(format!("describe the object first: `{} \"{}\" {{ ... }}`", to.kind, to.name))
                .into());
        };
        let span = block.span;
        stack.imports.push(Import { to, id, span });
        Ok(())
    }

    /// Returns what the last plan was made from.
    ///
    /// # Panics
    /// If nothing was planned.
    pub(super) fn basis(&self) -> Arc<Basis> {
        let basis = self.basis.lock().expect("nobody panics while holding it");
        basis.clone().expect("it was planned before")
    }

    /// Gives the stack as it was last planned.
    pub(super) fn with_stack<T>(&self, look: impl FnOnce(&Stack) -> T) -> T {
        look(self.basis().stack(self))
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

    /// Ends the session together with the program, which plans nothing more: the system takes back at once what was read and planned. Freeing
    /// the values one by one takes a tenth of the time of a large plan.
    pub(super) fn end(self, plan: Plan) {
        std::mem::forget((plan, self.basis, self.configuration));
    }

    /// Looks, recovers and plans, and returns what there is to say about it.
    ///
    /// # Errors
    /// As [`Session::plan`].
    pub(super) async fn planned(&self, options: &Options, role: Role<'_>) -> Outcome<(Plan, Diagnostics)> {
        let state = self.store.load().await?;
        let (looked_up, recovery, observed) = self.look(&state, role, options.looks).await?;
        let mut messages = Diagnostics::new();
        messages.extend(recovery.messages);
        self.shell.terminal.diagnostics(&messages, &self.configuration.sources);
        if let Role::Worker(journal) = role
            && !recovery.entries.is_empty()
        {
            journal.append(recovery.entries).await?;
        }
        let estimates = self.store.estimates().await?;
        let mut basis = Basis {
            looked_up,
            state: recovery.state,
            observed,
            estimate_ms: Box::new(move |step| estimates.estimate_ms(step)),
            options: options.clone(),
            in_progress: recovery.in_progress,
            avoided_vmids: recovery.avoid.values().flatten().copied().collect(),
            said: Diagnostics::new(),
        };
        let (plan, mut found) = plan::plan(&basis.input(self, basis.stack(self), &Told::new()));
        let Some(plan) = plan else { return Err(Failure::new(found, &self.configuration.sources)) };
        found.extend(self.preflight(&plan, &basis.observed).await);
        basis.said = found.clone();
        *self.basis.lock().expect("nobody panics while holding it") = Some(Arc::new(basis));
        Ok((plan, found))
    }

    /// Compares what the plan needs with what each cluster lets us do: one call each. A cluster that does not say is not judged.
    async fn preflight(&self, plan: &Plan, observed: &Observed) -> Diagnostics {
        let major = |cluster: &str| {
            let version = observed.clusters.get(cluster).map_or("", |view| view.version.as_str());
            version.split('.').next().and_then(|number| number.parse().ok()).unwrap_or(9)
        };
        let mut found = Diagnostics::new();
        for (cluster, needed) in permissions::of_plan(plan, major) {
            let Some(client) = self.clusters.get(&cluster) else { continue };
            let Ok(held) = client.read(&Call::get("/access/permissions")).await else { continue };
            let missing = permissions::missing(&needed, &held);
            if !missing.is_empty() {
                found.push(lacking(&cluster, &missing));
            }
        }
        found
    }

    /// Looks at the clusters, and answers the stack's `data` blocks from what is seen. There is a stack only if it has some.
    pub(super) async fn look(
        &self,
        state: &State,
        role: Role<'_>,
        looks: bool,
    ) -> Outcome<(Option<Stack>, Recovery, Arc<Observed>)> {
        let read = &self.configuration.stack;
        let wanted = |stack: &Stack| match looks {
            true => plan::wanted(stack, state, self.clusters.keys()),
            false => plan::wanted_for_new(stack, self.clusters.keys()),
        };
        if read.lookups().is_empty() {
            let wanted = wanted(read);
            let memory = self.is_fast.then(Memory::default);
            if let Some(memory) = &memory {
                seen::recall(self, &wanted, memory).await?;
            }
            let (recovery, observed) = self.recover(state, role, &wanted, memory.as_ref()).await?;
            if let Some(memory) = &memory {
                seen::record(self, &observed, memory)?;
            }
            return Ok((None, recovery, observed));
        }
        let memory = Memory::default();
        if self.is_fast {
            seen::recall(self, &wanted(read), &memory).await?;
        }
        let mut lookups = Answering::new(self, &memory);
        let mut stack = lookups.resolve(read).await?;
        let mut wanted = wanted(&stack);
        lookups.want(&mut wanted);
        let (recovery, observed) = self.recover(state, role, &wanted, Some(&memory)).await?;
        if self.is_fast {
            seen::record(self, &observed, &memory)?;
        }
        // What was recovered may have been looked at anew: the plan and its look-ups see the same.
        lookups.snapshot.observed = observed.clone();
        stack = lookups.resolve(read).await?;
        lookups.tell();
        Ok((Some(stack), recovery, observed))
    }

    async fn recover(
        &self,
        state: &State,
        role: Role<'_>,
        wanted: &Wanted,
        memory: Option<&Memory>,
    ) -> Outcome<(Recovery, Arc<Observed>)> {
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
        let looked = look_and_recover(state, &self.clusters, wanted, situation, memory).await;
        let (recovery, observed) = looked.map_err(|failed| clusters::unread(failed, &self.configuration))?;
        Ok((recovery, Arc::new(observed)))
    }
}

fn lacking(cluster: &str, missing: &Grants) -> Diagnostic {
    let lines: Vec<String> = missing
        .iter()
        .map(|(path, grant)| format!("{path}: {}", grant.privileges.iter().copied().collect::<Vec<_>>().join(" ")))
        .collect();
    Diagnostic::warning(format!("the token may not do all of this on cluster \"{cluster}\""))
        .detail(format!("It lacks\n{}", lines.join("\n")))
        .hint("`spawnpoint permissions` prints the commands that grant what the files need")
}

/// Returns what is known of the schema of a registry name.
pub(super) fn schema(kind: &str) -> Option<&'static crate::resources::schema::Schema> {
    crate::resources::find(kind).map(|object| object.schema)
}

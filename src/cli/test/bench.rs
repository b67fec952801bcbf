//! One test file on its own simulated clusters: its runs in order, then everything destroyed.

use super::report::Reporter;
use crate::apply::{Interrupt, OperationResult, Summary, Writer};
use crate::cli::configuration::{self, Given};
use crate::cli::disk::Disk;
use crate::cli::execute::{Approved, Carried, carry_out};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::session::{Role, Session};
use crate::cli::shell::Shell;
use crate::cli::store::Store;
use crate::cli::test::labs::Labs;
use crate::cli::test::verdict::Verdict;
use crate::config::console::Outside;
use crate::config::test_file::{TestCommand, TestFile, TestRun};
use crate::config::{Address, RunOutputs, TestInput, TestNames};
use crate::diagnostics::{Diagnostic, Diagnostics, Sources};
use crate::plan::{Mode, Options, Plan, Verb};
use crate::render::test_report::{FileReport, RunReport, Status};
use crate::value::Value;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Where the runs of one file happen.
pub(super) struct Bench<'a> {
    file: &'a TestFile,
    given: &'a Given,
    shell: &'a Shell,
    labs: Labs<'a>,
    /// States by key, the one used first first.
    states: Vec<(String, Held)>,
    outputs: RunOutputs,
    /// Game servers whose playbook would have run on a real cluster.
    unplayed: BTreeSet<Address>,
}

/// A state, and the last stack that was run on it.
struct Held {
    store: Store,
    session: Option<Session>,
}

impl<'a> Bench<'a> {
    /// Returns a bench on which nothing has happened.
    pub(super) fn new(file: &'a TestFile, given: &'a Given, shell: &'a Shell) -> Self {
        let labs = Labs::new(file.lab.as_deref());
        Self { file, given, shell, labs, states: Vec::new(), outputs: RunOutputs::new(), unplayed: BTreeSet::new() }
    }

    /// Runs everything, then destroys it.
    pub(super) async fn run(mut self, reporter: &Reporter) -> FileReport {
        let mut runs: Vec<RunReport> = Vec::new();
        for run in &self.file.runs {
            let is_over = runs.iter().any(|run| run.status >= Status::Error || run.status == Status::Skip);
            if !is_over {
                reporter.run_begins(&self.file.name, &run.name);
            }
            let report = if is_over { skipped(run) } else { self.report(run).await };
            reporter.run_ended(&self.file.name, &report);
            runs.push(report);
        }
        reporter.file_is_cleaned_up(&self.file.name);
        let (cleanup, leftovers) = self.clean_up().await;
        FileReport {
            path: self.file.name.clone(),
            runs,
            sources: cleanup.sources,
            cleanup: cleanup.diagnostics,
            unplayed: self.unplayed.len(),
            leftovers,
        }
    }

    async fn report(&mut self, run: &TestRun) -> RunReport {
        let begun = Instant::now();
        let mut verdict = Verdict::new(run, self.file.sources.clone());
        let plan = match self.judge(run, &mut verdict).await {
            Ok(plan) => plan,
            Err(failure) => {
                verdict.stopped(*failure);
                None
            }
        };
        let (status, diagnostics, sources) = verdict.end();
        let elapsed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        RunReport { name: run.name.to_string(), status, elapsed_ms, diagnostics, sources, plan }
    }

    /// Does what a run says, and tells the verdict what is found on the way. A failure is what stopped it.
    async fn judge(&mut self, run: &TestRun, verdict: &mut Verdict<'_>) -> Outcome<Option<Box<Plan>>> {
        let disk = Arc::new(Disk::new(self.shell.folder.clone()));
        let random = || uuid::Uuid::new_v4().into_bytes();
        let outside = Outside { world: disk.clone(), now: self.shell.now, random };
        let names = self.file.names(run, &self.outputs, outside);
        let names = names.map_err(|found| Failure::new(found, &self.file.sources))?;
        let key = run.state_key.clone().or_else(|| run.module.clone()).unwrap_or_default();
        let session = self.session(run, &key, &names, disk).await?;
        verdict.sources = session.configuration.sources.clone();
        verdict.add(session.configuration.warnings.clone());
        let worked = self.work(&session, run, &names, verdict).await;
        // Also when it failed half-way: what it made is destroyed in the end.
        self.held(&key).session = Some(session);
        worked.map(Some)
    }

    /// Does what a run says, judges it, and keeps its outputs for later runs.
    async fn work(
        &mut self,
        session: &Session,
        run: &TestRun,
        names: &TestNames,
        verdict: &mut Verdict<'_>,
    ) -> Outcome<Box<Plan>> {
        let journal = session.store.lock("test", &run.name, Duration::ZERO, self.shell).await?;
        let planned = self.step(session, run, &journal, verdict).await;
        journal.close().await?;
        let (plan, reached) = planned?;
        verdict.assertions(session.with_stack(|stack| stack.assertions(run, names, &reached.objects)));
        let outputs = reached.outputs.iter().filter_map(|(name, output)| Some((name.clone(), output.after.as_ref()?)));
        let outputs = outputs.map(|(name, output)| (name, output.value.clone()));
        self.outputs.insert(run.name.clone(), Value::object(outputs));
        Ok(plan)
    }

    /// Reads the stack of a run as it is on simulated clusters, with the state that it works on.
    async fn session(&mut self, run: &TestRun, key: &str, names: &TestNames, disk: Arc<Disk>) -> Outcome<Session> {
        let test = TestInput {
            values: names.values().to_vec(),
            sources: self.file.sources.clone(),
            is_lenient: run.module.is_some(),
        };
        let folder = run.module.as_deref().unwrap_or(".");
        let mut configuration = configuration::load_module(disk.clone(), self.given, folder, Some(&test), self.shell)?;
        let clusters = &mut configuration.stack.clusters;
        let clients = self.labs.connect(clusters, run.span, &*disk);
        let clusters = clients.map_err(|failure| Failure::new(failure.diagnostics, &configuration.sources))?;
        if !self.states.iter().any(|(known, _)| known == key) {
            self.states.push((key.to_owned(), Held { store: Store::in_memory().await?, session: None }));
        }
        let store = self.held(key).store.clone();
        Ok(Session {
            configuration,
            store,
            clusters,
            shell: self.shell.clone(),
            basis: Mutex::default(),
            told: Diagnostics::new(),
            is_fast: false,
        })
    }

    fn held(&mut self, key: &str) -> &mut Held {
        let held = self.states.iter_mut().find(|(known, _)| known == key);
        &mut held.expect("a run has a state").1
    }

    /// Plans, and applies if the run says so. Returns the plan, and the plan whose objects and outputs are those afterwards.
    async fn step(
        &mut self,
        session: &Session,
        run: &TestRun,
        journal: &Writer,
        verdict: &mut Verdict<'_>,
    ) -> Outcome<(Box<Plan>, Box<Plan>)> {
        let (plan, found) = session.planned(&Options::default(), Role::Worker(journal)).await?;
        verdict.add(found);
        if run.command == TestCommand::Plan {
            let plan = Box::new(plan);
            return Ok((plan.clone(), plan));
        }
        let played = plan.operations.iter().filter(|operation| operation.verb == Verb::Provision);
        self.unplayed.extend(played.map(|operation| operation.address.clone()));
        let Carried { summary, found } = apply(session, &plan, journal).await?;
        if found.has_errors() {
            return Err(Failure::new(found, &session.configuration.sources));
        }
        if !summary.is_success() {
            return Err(Failure::new(failures(&plan, &summary), &session.configuration.sources));
        }
        let (again, found) = session.planned(&Options::default(), Role::Worker(journal)).await?;
        verdict.add(found);
        if !again.is_empty() {
            let sentence = crate::render::plan::sentence(again.counts());
            let diagnostic = Diagnostic::warning("applied and planned again, the stack still has changes")
                .at(run.span)
                .detail(sentence)
                .hint("`-verbose` shows the first plan; look for what is another value each time, such as `plantimestamp()`");
            verdict.add(diagnostic.into());
        }
        Ok((Box::new(plan), Box::new(again)))
    }

    /// Destroys what the runs made, the last state first, and compares the labs with what they were.
    async fn clean_up(&mut self) -> (Failure, Vec<String>) {
        let mut cleanup = Failure { diagnostics: Diagnostics::new(), sources: self.file.sources.clone() };
        let mut leftovers = Vec::new();
        for (_, held) in self.states.iter_mut().rev() {
            let Some(session) = held.session.as_mut() else { continue };
            if let Err(failure) = destroy(session).await {
                cleanup = *failure;
            }
            if let Ok(state) = held.store.load().await {
                leftovers.extend(state.records.keys().map(ToString::to_string));
            }
        }
        let changed = self.labs.changed();
        if !changed.is_empty() && !cleanup.diagnostics.has_errors() {
            let diagnostic =
                Diagnostic::error("what the runs made was destroyed, and the simulated cluster is not as it was");
            cleanup.diagnostics.push(diagnostic.detail(format!("Changed: {}.", changed.join(", "))));
        }
        (cleanup, leftovers)
    }
}

fn skipped(run: &TestRun) -> RunReport {
    RunReport {
        name: run.name.to_string(),
        status: Status::Skip,
        elapsed_ms: 0,
        diagnostics: Diagnostics::new(),
        sources: Sources::new(),
        plan: None,
    }
}

async fn apply(session: &Session, plan: &Plan, journal: &Writer) -> Outcome<Carried> {
    let run = session.shell.run_id();
    // Ctrl-C ends the whole command: what is in memory needs no care.
    let (_, interrupts) = watch::channel(Interrupt::None);
    let parallelism = Options::default().parallelism;
    carry_out(session, Approved { plan, journal, run: &run, parallelism, interrupts }, &mut |_| {}).await
}

/// Destroys everything in a state, whatever the stack says against it: it is only a test.
async fn destroy(session: &mut Session) -> Outcome<()> {
    for block in &mut session.configuration.stack.blocks {
        block.lifecycle.prevent_destroy = false;
    }
    let journal = session.store.lock("test", "clean-up", Duration::ZERO, &session.shell).await?;
    let state = session.store.load().await?;
    super::labs::unprotect(&state, &session.clusters).await?;
    let options = Options { mode: Mode::Destroy, allowed_destroys: Some(u64::MAX), ..Options::default() };
    let planned = session.planned(&options, Role::Worker(&journal)).await;
    let destroyed = match planned {
        Err(failure) => Err(failure),
        Ok((plan, _)) => {
            apply(session, &plan, &journal).await.and_then(|Carried { summary, .. }| match summary.is_success() {
                true => Ok(()),
                false => Err(Failure::new(failures(&plan, &summary), &session.configuration.sources)),
            })
        }
    };
    journal.close().await?;
    destroyed
}

/// Each operation that failed, with what it said.
fn failures(plan: &Plan, summary: &Summary) -> Diagnostics {
    let mut found = Diagnostics::new();
    for (operation, result) in plan.operations.iter().zip(&summary.results) {
        if let Some(OperationResult::Failed { error, hints }) = result {
            let diagnostic = Diagnostic::error(error.clone()).about(&operation.address);
            found.push(diagnostic.hints(hints.iter().cloned()));
        }
    }
    found
}

//! Carrying out a plan that was approved: driver, reporters, Ctrl-C, outputs, history. The run holds the lock.

use super::exit::Exit;
use super::failure::{Failure, Outcome};
use super::output;
use super::session::{Role, Session};
use super::shell::{Ended, Shell};
use super::terminal::{Form, now};
use crate::apply::{self, Event, Interrupt, Journal, Late, Playbooks, Run, Summary, Writer};
use crate::config::{Moment, Output, Stack};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::plan::{Mode, Plan, Settled, Told};
use crate::render::{outcome, progress, stream};
use crate::state::{Entry, OutputRecord};
use state_backends::RunRecord;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;

/// Does what a plan says and tells how it went.
///
/// # Errors
/// The state cannot be written. What was done on the clusters is in the journal.
pub(super) async fn execute(session: &Session, plan: &Plan, journal: &Writer, run: &str, parallelism: usize) -> Ended {
    if plan.is_empty() && plan.operations.is_empty() {
        finish(plan, &Summary::default(), &session.shell);
        return Ok(Exit::Done);
    }
    let mut record = RunRecord {
        id: run.into(),
        command: session.shell.command.clone(),
        who: session.shell.who(),
        started: session.shell.now,
        finished: None,
        outcome: None,
        summary: crate::render::plan::sentence(plan.counts()),
        body: format!("{{\"intent\":{:?}}}", plan.intent),
    };
    journal.record(record.clone()).await?;
    let (wish, interrupts) = watch::channel(Interrupt::None);
    let listener = tokio::spawn(listen(wish));
    let mut reporter = Reporter::new(plan, &session.shell);
    let approved = Approved { plan, journal, run, parallelism, interrupts };
    let summary = carry_out(session, approved, &mut |event| reporter.report(&event)).await;
    listener.abort();
    reporter.end();
    let Carried { summary, found } = summary?;
    record.finished = Some(jiff::Timestamp::now());
    let is_fine = summary.is_success() && !found.has_errors();
    record.outcome = Some(word(is_fine, &summary).into());
    record.summary = outcome::headline(plan, &summary);
    journal.record(record).await?;
    finish(plan, &summary, &session.shell);
    session.shell.terminal.diagnostics(&found, &session.configuration.sources);
    if is_fine && plan.mode == Mode::Apply {
        output::show_all(&session.store.load().await?, &session.shell);
    }
    Ok(match (is_fine, summary.is_interrupted) {
        (true, _) => Exit::Done,
        (false, true) => Exit::Interrupted,
        (false, false) => Exit::Error,
    })
}

/// A plan that is to be carried out, and how.
pub(super) struct Approved<'a> {
    /// The plan.
    pub(super) plan: &'a Plan,
    /// The journal of the run, which holds the lock.
    pub(super) journal: &'a Writer,
    /// Id of the run.
    pub(super) run: &'a str,
    /// Operations at once.
    pub(super) parallelism: usize,
    /// How urgently the user wants it to end.
    pub(super) interrupts: watch::Receiver<Interrupt>,
}

/// What came of a plan.
pub(super) struct Carried {
    /// What became of each operation.
    pub(super) summary: Summary,
    /// What turned out only then: conditions and checks that do not hold, as far as it was not said with the plan.
    pub(super) found: Diagnostics,
}

/// Does what a plan says and writes what came of it into the state. What happens is told only to `report`.
///
/// # Errors
/// The state cannot be written. What was done on the clusters is in the journal.
pub(super) async fn carry_out(
    session: &Session,
    approved: Approved<'_>,
    report: &mut (dyn FnMut(Event) + Send),
) -> Outcome<Carried> {
    let Approved { plan, journal, run, parallelism, interrupts } = approved;
    let basis = session.basis();
    let planned = basis.stack(session);
    // Only a plan that leaves something open needs the stack once more.
    let moment = Moment { time: jiff::Timestamp::now(), seed: seed() };
    let applied = plan.is_open().then(|| planned.applied_at(moment)).transpose();
    let applied = applied.map_err(|found| Failure::new(found, &session.configuration.sources))?;
    let stack = applied.as_ref().unwrap_or(planned);
    let nothing = Told::new();
    let late = Late::new(basis.input(session, stack, &nothing), plan);
    let provisioner = Playbooks {
        games: session.configuration.files.clone(),
        stack: session.shell.folder.clone(),
        known_hosts: session.shell.folder.join(".spawnpoint/known_hosts"),
    };
    let apply = Run {
        plan,
        clusters: &session.clusters,
        journal,
        provisioner: &provisioner,
        late: Some(&late),
        id: run.into(),
        parallelism,
        clock: &|| jiff::Timestamp::now().as_second(),
    };
    let summary = apply::run(&apply, report, interrupts).await;
    let mut found = late.found();
    if summary.is_success() {
        let is_judged = plan.mode == Mode::Apply && (plan.is_open() || stack.has_final_rules());
        let settled = if is_judged { late.settled() } else { Arc::default() };
        if is_judged {
            found.extend(final_words(session, stack, &settled, moment).await?);
        }
        if !found.has_errors() {
            write_outputs(plan, &settled.outputs, run, journal).await?;
        }
    }
    let is_new = |diagnostic: &Diagnostic| !basis.said.iter().any(|said| same(said, diagnostic));
    let found = found.into_iter().filter(is_new).collect();
    Ok(Carried { summary, found })
}

fn same(said: &Diagnostic, diagnostic: &Diagnostic) -> bool {
    said.summary == diagnostic.summary && said.span == diagnostic.span
}

/// What is secret enough for salts: two random identifiers, of which six bits each are fixed.
fn seed() -> [u8; 32] {
    let mut seed = [0; 32];
    seed[..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    seed[16..].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    seed
}

/// Judges with final values what the plan could not judge: conditions, outputs, checks. Checks that read the cluster see what it is like now.
async fn final_words(session: &Session, stack: &Stack, settled: &Settled, moment: Moment) -> Outcome<Diagnostics> {
    let mut found = settled.found.clone();
    found.extend(settled.outputs_told.clone());
    if stack.lookups().is_empty() {
        found.extend(stack.checks(&settled.objects));
        return Ok(found);
    }
    let (looked_up, _, _) = session.look(&session.store.load().await?, Role::Reader, true).await?;
    let again = looked_up.map(|stack| stack.applied_at(moment)).transpose();
    let again = again.map_err(|found| Failure::new(found, &session.configuration.sources))?;
    found.extend(again.as_ref().unwrap_or(stack).checks(&settled.objects));
    Ok(found)
}

/// Ctrl-C once: finish what runs. Twice: leave now.
async fn listen(wish: watch::Sender<Interrupt>) {
    for interrupt in [Interrupt::Finish, Interrupt::Leave] {
        if tokio::signal::ctrl_c().await.is_err() || wish.send(interrupt).is_err() {
            return;
        }
    }
}

/// Who listens to the events.
enum Reporter<'a> {
    Bars(progress::Bars),
    Lines(progress::Lines, &'a Shell),
    Json(&'a Shell),
}

impl<'a> Reporter<'a> {
    fn new(plan: &Plan, shell: &'a Shell) -> Self {
        let style = shell.terminal.err;
        match shell.terminal.form {
            Form::Json => Self::Json(shell),
            Form::Text if shell.terminal.has_bars() => Self::Bars(progress::Bars::new(plan.operations.len(), style)),
            Form::Text => Self::Lines(progress::Lines::new(style), shell),
        }
    }

    fn report(&mut self, event: &Event) {
        match self {
            Self::Bars(bars) => bars.show(event),
            Self::Lines(lines, shell) => {
                if let Some(line) = lines.line(event) {
                    shell.terminal.say(&line);
                }
            }
            Self::Json(shell) => shell.terminal.line(&stream::event(&now(), event)),
        }
    }

    fn end(self) {
        match self {
            Self::Bars(bars) => bars.finish(),
            Self::Lines(..) | Self::Json(_) => {}
        }
    }
}

/// Outputs are part of the state from the moment the objects they speak of are.
async fn write_outputs(
    plan: &Plan,
    told: &BTreeMap<Arc<str>, Output>,
    run: &str,
    journal: &dyn Journal,
) -> Outcome<()> {
    let is_known = |output: &&Output| output.value.is_wholly_known();
    let planned: BTreeMap<&Arc<str>, &Output> =
        plan.outputs.iter().filter_map(|(name, output)| Some((name, output.after.as_ref()?))).collect();
    let record = |output: &Output| OutputRecord { value: output.value.clone(), is_sensitive: output.is_sensitive };
    let known = planned.into_iter().filter_map(|(name, output)| {
        let output = Some(output).filter(is_known).or_else(|| told.get(name).filter(is_known))?;
        Some((name.clone(), record(output)))
    });
    let entry = Entry::Outputs { run: run.into(), outputs: known.collect() };
    Ok(journal.append(vec![entry]).await?)
}

fn word(is_fine: bool, summary: &Summary) -> &'static str {
    match (is_fine, summary.is_interrupted) {
        (true, _) => "done",
        (false, true) => "interrupted",
        (false, false) => "failed",
    }
}

fn finish(plan: &Plan, summary: &Summary, shell: &Shell) {
    match shell.terminal.form {
        Form::Json => shell.terminal.line(&stream::outcome(&now(), plan, summary)),
        Form::Text => shell.terminal.data(&format!("\n{}", outcome::text(plan, summary, shell.terminal.out))),
    }
}

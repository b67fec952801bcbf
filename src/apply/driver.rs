//! The loop that carries out a plan. It owns the journal: operations hand their entries over, and what is ready goes into one batch.
//! Only a step's `Begun` is waited for; everything else rides along.

use super::perform::Performer;
use super::{Event, Finish, Journal, JournalError, Late, OperationResult, Provisioner, Schedule, Summary};
use crate::plan::{Operation, Plan};
use crate::proxmox::Client;
use crate::state::Entry;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

/// The clients of a run, by cluster.
pub type Clusters = BTreeMap<Arc<str>, Arc<Client>>;

/// Everything a run works with.
pub struct Run<'a> {
    /// What to do.
    pub plan: &'a Plan,
    /// Where to do it.
    pub clusters: &'a Clusters,
    /// Where to write it down first.
    pub journal: &'a dyn Journal,
    /// Who works inside guests.
    pub provisioner: &'a dyn Provisioner,
    /// What is found out on the way; none where the plan leaves nothing open.
    pub late: Option<&'a Late<'a>>,
    /// Id of the run, unique in its state for ever.
    pub id: Arc<str>,
    /// How many operations run at once.
    pub parallelism: usize,
    /// Seconds since 1970, for the journal.
    pub clock: &'a (dyn Fn() -> i64 + Send + Sync),
}

/// How urgently the user wants the run to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Interrupt {
    /// Not at all.
    #[default]
    None,
    /// What runs is finished, nothing is started.
    Finish,
    /// At once: what is unknown is in the journal.
    Leave,
}

/// What an operation hands over.
pub(super) enum Message {
    /// An entry that must be durable before the sender goes on.
    Gate(Box<Entry>, Gate),
    /// An entry.
    Note(Box<Entry>),
    /// Something for the reporters.
    Event(Event),
    /// Nothing else will work either: what runs is finished, nothing is started.
    Halt,
}

/// Answers whether an entry is durable.
pub(super) type Gate = oneshot::Sender<Result<(), JournalError>>;

/// Carries out a plan and returns what became of every operation.
///
/// Dropping the future is what a crash does: the next run reads the journal and finds out.
pub async fn run(
    run: &Run<'_>,
    events: &mut (dyn FnMut(Event) + Send),
    interrupts: watch::Receiver<Interrupt>,
) -> Summary {
    let sequence = AtomicU32::new(0);
    let (sender, inbox) = mpsc::unbounded_channel();
    let mut driver = Driver {
        run,
        events,
        schedule: Schedule::new(&run.plan.operations, run.parallelism),
        summary: Summary { results: vec![None; run.plan.operations.len()], is_interrupted: false },
        begun: vec![None; run.plan.operations.len()],
        batch: Batch::default(),
    };
    driver.work(&sequence, &sender, inbox, interrupts).await;
    driver.summary
}

struct Driver<'a, 'e> {
    run: &'a Run<'a>,
    events: &'e mut (dyn FnMut(Event) + Send),
    schedule: Schedule,
    summary: Summary,
    begun: Vec<Option<Instant>>,
    batch: Batch,
}

/// Entries that wait for the next append.
#[derive(Default)]
struct Batch {
    entries: Vec<Entry>,
    gates: Vec<Gate>,
    broken: Option<JournalError>,
}

/// An append under way, with those who wait for it.
type Append<'a> = BoxFuture<'a, (Result<(), JournalError>, Vec<Gate>)>;

impl<'a> Driver<'a, '_> {
    async fn work(
        &mut self,
        sequence: &AtomicU32,
        sender: &mpsc::UnboundedSender<Message>,
        mut inbox: mpsc::UnboundedReceiver<Message>,
        mut interrupts: watch::Receiver<Interrupt>,
    ) {
        let mut running = FuturesUnordered::new();
        let mut append: Option<Append<'a>> = None;
        let mut listens = true;
        loop {
            for index in self.schedule.start() {
                let operation = &self.run.plan.operations[index];
                self.start(index, operation);
                let performer = Performer { run: self.run, index, operation, sequence, driver: sender.clone() };
                running.push(async move { (index, performer.perform().await) });
            }
            while let Ok(message) = inbox.try_recv() {
                self.take(message);
            }
            if append.is_none() {
                append = self.batch.append(self.run.journal);
            }
            if append.is_none() && running.is_empty() {
                break;
            }
            tokio::select! {
                biased;
                change = interrupts.changed(), if listens => {
                    listens = change.is_ok();
                    let wish = *interrupts.borrow_and_update();
                    self.interrupt(wish);
                    if wish == Interrupt::Leave {
                        break;
                    }
                }
                (result, gates) = async { append.as_mut().expect("the branch is taken only while there is one").await },
                    if append.is_some() =>
                {
                    append = None;
                    self.appended(result, gates);
                }
                Some(message) = inbox.recv() => self.take(message),
                Some((index, result)) = running.next() => {
                    // Its last words are in the inbox already, and come before its end.
                    while let Ok(message) = inbox.try_recv() {
                        self.take(message);
                    }
                    self.end(index, result);
                }
            }
        }
    }

    fn start(&mut self, index: usize, operation: &Operation) {
        self.begun[index] = Some(Instant::now());
        let Operation { address, verb, steps, estimate_ms, .. } = operation;
        (self.events)(Event::Started {
            operation: index,
            address: address.clone(),
            verb: *verb,
            steps: steps.len(),
            estimate_ms: *estimate_ms,
        });
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Gate(entry, gate) => self.batch.add(*entry, Some(gate)),
            Message::Note(entry) => self.batch.add(*entry, None),
            Message::Event(event) => (self.events)(event),
            Message::Halt => self.skip_the_rest(),
        }
    }

    fn appended(&mut self, result: Result<(), JournalError>, gates: Vec<Gate>) {
        for gate in gates {
            gate.send(result.clone()).expect("an operation at a gate does nothing but wait");
        }
        if let Err(error) = result {
            // What was sent is finished, and the next run reads what came of it.
            self.batch.fail(error);
            self.summary.is_interrupted = true;
            self.skip_the_rest();
        }
    }

    fn interrupt(&mut self, wish: Interrupt) {
        if wish != Interrupt::None && !self.summary.is_interrupted {
            self.summary.is_interrupted = true;
            (self.events)(Event::Interrupted);
            self.skip_the_rest();
        }
    }

    fn skip_the_rest(&mut self) {
        for index in self.schedule.stop() {
            self.report(index, OperationResult::Skipped);
        }
    }

    fn end(&mut self, index: usize, result: OperationResult) {
        let finish = match &result {
            OperationResult::Done | OperationResult::DoneWithWarnings(_) => Finish::Done,
            OperationResult::Failed { .. } | OperationResult::NotStarted { .. } | OperationResult::Skipped => {
                Finish::Failed
            }
        };
        self.report(index, result);
        for dependant in self.schedule.finish(index, finish) {
            self.report(dependant, OperationResult::NotStarted { because: index });
        }
    }

    fn report(&mut self, index: usize, result: OperationResult) {
        let Operation { address, verb, identity, .. } = &self.run.plan.operations[index];
        let elapsed = self.begun[index].map(|begun| begun.elapsed()).unwrap_or_default();
        let identity = match (identity.vmid(), identity.node()) {
            (Some(vmid), Some(node)) => format!("VM {vmid} on {node}"),
            _ => identity.to_string(),
        };
        self.summary.results[index] = Some(result.clone());
        (self.events)(Event::Ended {
            operation: index,
            address: address.clone(),
            verb: *verb,
            result,
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            identity,
        });
    }
}

impl Batch {
    /// Adds an entry; once the journal is broken none is taken.
    fn add(&mut self, entry: Entry, gate: Option<Gate>) {
        match (&self.broken, gate) {
            (Some(error), Some(gate)) => {
                gate.send(Err(error.clone())).expect("an operation at a gate does nothing but wait");
            }
            (Some(_), None) => {}
            (None, gate) => {
                self.entries.push(entry);
                self.gates.extend(gate);
            }
        }
    }

    /// Takes no more entries, and lets nobody through.
    fn fail(&mut self, error: JournalError) {
        self.entries.clear();
        for gate in std::mem::take(&mut self.gates) {
            gate.send(Err(error.clone())).expect("an operation at a gate does nothing but wait");
        }
        self.broken = Some(error);
    }

    fn append<'a>(&mut self, journal: &'a dyn Journal) -> Option<Append<'a>> {
        if self.entries.is_empty() {
            return None;
        }
        let (entries, gates) = (std::mem::take(&mut self.entries), std::mem::take(&mut self.gates));
        Some(async move { (journal.append(entries).await, gates) }.boxed())
    }
}

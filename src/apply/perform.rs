//! One operation, step by step: guard, journal, send, wait, settle. Which operations run when is decided by `schedule`; the journal
//! belongs to `driver`, which this asks for every write.

use super::driver::{Message, Run};
use super::failure::{Certainty, Failure};
use super::guard::{self, Prepared};
use super::guest;
use super::outcome::{Evidence, Verdict};
use super::{Event, OperationResult, ProvisionContext, deadline::Deadline};
use crate::observe::Power;
use crate::plan::{AwaitedRow, Guard, GuardedCall, Operation, ProvisionTask, Step, Task, Verify};
use crate::proxmox::task::Exit;
use crate::proxmox::{Call, Client, ErrorClass, Method, classify};
use crate::state::{Effect, Entry, OperationKey, Outcome};
use crate::value::{Marks, Value};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Carries out one operation.
pub(super) struct Performer<'a> {
    pub(super) run: &'a Run<'a>,
    pub(super) index: usize,
    pub(super) operation: &'a Operation,
    /// Steps begun by the whole run.
    pub(super) sequence: &'a AtomicU32,
    pub(super) driver: mpsc::UnboundedSender<Message>,
}

/// Warnings of a step that was done.
type Done = Result<Vec<String>, Failure>;

/// How long a new guest may take to lose its lock after its task ended.
const UNLOCK_WITHIN: Duration = Duration::from_secs(60);

impl Performer<'_> {
    /// Does every step in order, up to the first that fails.
    pub(super) async fn perform(&self) -> OperationResult {
        let mut warnings = Vec::new();
        let settled = match self.settled() {
            Ok(settled) => settled,
            Err(Failure { error, hints, .. }) => return OperationResult::Failed { error, hints },
        };
        let steps = settled.as_ref().map_or(&self.operation.steps, |settled| &settled.steps);
        for (index, step) in steps.iter().enumerate() {
            let (operation, address) = (self.index, self.operation.address.clone());
            self.tell(Event::Step { operation, address, step: step.name.clone(), index });
            match self.step(step).await {
                Ok(more) => warnings.extend(more),
                Err(Failure { error, hints, class, .. }) => {
                    // Without a quorum no node takes a write; every other operation would only find that out for itself.
                    if class == Some(ErrorClass::NoQuorum) {
                        self.hand_over(Message::Halt);
                    }
                    return OperationResult::Failed { error: format!("{}: {error}", step.name), hints };
                }
            }
        }
        if let Some(Err(Failure { error, hints, .. })) =
            self.run.late.map(|late| late.conditions(&self.operation.address.block()))
        {
            return OperationResult::Failed { error, hints };
        }
        if warnings.is_empty() { OperationResult::Done } else { OperationResult::DoneWithWarnings(warnings) }
    }

    /// Returns the operation with its steps as they are now, if the plan had only a sketch of them.
    fn settled(&self) -> Result<Option<Operation>, Failure> {
        match (self.operation.is_sketch, self.run.late) {
            (false, _) => Ok(None),
            (true, Some(late)) => late.operation(self.index).map(Some),
            (true, None) => Err(Failure::new("the plan leaves open what this operation is made from")),
        }
    }

    async fn step(&self, step: &Step) -> Done {
        match &step.task {
            Task::Call(guarded) => self.call(step, guarded).await,
            Task::Reveal { call, member, attribute } => self.reveal(step, call, member, attribute).await,
            Task::AwaitPower { node, vmid, is_running, deadline_ms } => {
                let key =
                    self.begin(step, format!("GET {}", guest::path(node, "qemu", *vmid, "/status/current"))).await?;
                let wanted = if *is_running { Power::Running } else { Power::Stopped };
                let result = self.await_power(node, *vmid, wanted, Duration::from_millis(*deadline_ms)).await;
                self.settle(key, result)
            }
            Task::AwaitRow(awaited) => {
                let key = self.begin(step, awaited.read.to_string()).await?;
                let result = self.await_row(awaited).await;
                self.settle(key, result)
            }
            Task::Provision(task) => {
                let key = self.begin(step, format!("provision {} on VM {}", task.game, task.vmid)).await?;
                let result = self.provision(task).await;
                self.settle(key, result)
            }
            Task::Record => {
                let address = self.operation.address.clone();
                self.append(Entry::Recorded { address, effect: step.effect.clone(), at: self.now() }).await?;
                Ok(Vec::new())
            }
        }
    }

    /// Tries a call until it is done or trying again is pointless.
    async fn call(&self, step: &Step, guarded: &GuardedCall) -> Done {
        let mut attempts = 0;
        loop {
            let failure = match self.attempt(step, guarded, attempts).await {
                Ok(warnings) => return Ok(warnings),
                Err(failure) => failure,
            };
            let Some(pause) = pause_before_another(&failure, guarded, attempts) else { return Err(failure) };
            self.progress(format!("{}; trying again", failure.error));
            self.client()?.pause(pause).await;
            attempts += 1;
        }
    }

    async fn attempt(&self, step: &Step, guarded: &GuardedCall, attempts: usize) -> Done {
        let client = self.client()?;
        let lineage = &self.run.plan.lineage;
        let evidence = Evidence { client, verify: &guarded.verify, lineage };
        match guard::prepare(client, guarded, lineage).await? {
            Prepared::AlreadyDone => {
                let key = self.begin(step, guarded.call.to_string()).await?;
                self.settle(key, Ok(Vec::new()))
            }
            Prepared::Send(call) => {
                let key = self.begin(step, call.to_string()).await?;
                let within = Duration::from_millis(guarded.deadline_ms);
                let result = match self.send(client, &call, &key, within).await {
                    Ok(warnings) => self.present(&evidence, warnings).await,
                    Err(failure) => judge(failure, guarded, &evidence, attempts).await,
                };
                self.settle(key, result)
            }
        }
    }

    /// Sends a call whose answer holds a secret. The record that keeps it is durable before the step counts as done.
    async fn reveal(&self, step: &Step, guarded: &GuardedCall, member: &str, attribute: &str) -> Done {
        let client = self.client()?;
        let key = self.begin(step, guarded.call.to_string()).await?;
        let failure = match client.write(&guarded.call).await {
            Ok(written) => match (written.data.get(member).and_then(|secret| secret.as_str()), &step.effect) {
                (Some(secret), Effect::Put(record)) => {
                    let secret = Value::text(secret).with_marks(Marks::SENSITIVE);
                    let mut record = record.clone();
                    record.secrets.insert(attribute.into(), secret.clone());
                    let effect = Effect::Put(record);
                    let done = self.settle(key, Ok(Vec::new()));
                    let address = self.operation.address.clone();
                    if let Some(late) = self.run.late {
                        late.tell(&address, attribute, secret);
                    }
                    self.append(Entry::Recorded { address, effect, at: self.now() }).await?;
                    return done;
                }
                _ => Failure::new(format!("the answer has no `{member}`")),
            },
            Err(error) => error.into(),
        };
        let evidence = Evidence { client, verify: &guarded.verify, lineage: &self.run.plan.lineage };
        let lost = |_| vec![format!("it was made, and the answer with its {attribute} was lost: make it anew")];
        let result = judge(failure, guarded, &evidence, 1).await.map(lost);
        self.settle(key, result)
    }

    async fn send(&self, client: &Client, call: &Call, key: &OperationKey, within: Duration) -> Done {
        let Some(upid) = client.write(call).await?.upid else { return Ok(Vec::new()) };
        self.note(Entry::TaskAssigned { key: key.clone(), upid: upid.to_string() });
        let mut told = Duration::ZERO;
        let mut on_progress = |progress: crate::proxmox::client::Progress| {
            if progress.elapsed >= told + Duration::from_secs(10) {
                told = progress.elapsed;
                self.progress(format!("{} has been running for {} s", upid.kind, told.as_secs()));
            }
        };
        let finished = match client.wait(&upid, within, &mut on_progress).await {
            Ok(finished) => finished,
            // The task outlives our patience; the next run waits for it.
            Err(error) if error.class == ErrorClass::UnknownOutcome => {
                return Err(Failure { class: None, ..Failure::from(error) }.uncertain());
            }
            // The node forgot the task or does not let us ask: reads tell what became of it.
            Err(error) => return Err(Failure { class: Some(ErrorClass::UnknownOutcome), ..Failure::from(error) }),
        };
        match finished.exit {
            Exit::Done => Ok(Vec::new()),
            Exit::DoneWithWarnings(_) => Ok(finished.warnings),
            Exit::Failed(text) => Err(Failure { class: Some(classify(None, &text)), ..Failure::new(text) }),
            Exit::Unknown(text) => Err(Failure { class: Some(ErrorClass::UnknownOutcome), ..Failure::new(text) }),
        }
    }

    /// Waits until a guest that was just made has its whole configuration and no lock.
    async fn present(&self, evidence: &Evidence<'_>, warnings: Vec<String>) -> Done {
        let Verify::GuestPresent { vmid, .. } = evidence.verify else { return Ok(warnings) };
        let deadline = Deadline::new(evidence.client, UNLOCK_WITHIN);
        loop {
            let text = match evidence.now().await {
                Verdict::Done => return Ok(warnings),
                Verdict::NotDone(text) | Verdict::Unknown(text) => text,
            };
            if deadline.is_over() {
                let error = format!("the task that makes VM {vmid} ended, but {text}");
                return Err(Failure::new(error).uncertain());
            }
            deadline.pause(Duration::from_secs(1)).await;
        }
    }

    async fn await_power(&self, node: &str, vmid: u32, wanted: Power, within: Duration) -> Done {
        let deadline = Deadline::new(self.client()?, within);
        loop {
            // A read that fails for a passing reason is only a poll less.
            let power = guest::power(self.client()?, node, vmid).await;
            match power {
                Ok(Some(power)) if power == wanted => return Ok(Vec::new()),
                Ok(None) => return Err(Failure::new(format!("VM {vmid} does not exist any more"))),
                Ok(Some(_)) | Err(_) if !deadline.is_over() => deadline.pause(Duration::from_secs(1)).await,
                Ok(Some(_)) => {
                    let state = if wanted == Power::Running { "running" } else { "stopped" };
                    return Err(Failure::new(format!("VM {vmid} was not {state} after {} s", within.as_secs())));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn await_row(&self, awaited: &AwaitedRow) -> Done {
        let AwaitedRow { read, column, name, member, wanted, failed, deadline_ms } = awaited;
        let within = Duration::from_millis(*deadline_ms);
        let text = |row: &serde_json::Value, name: &str| row.get(name).and_then(crate::proxmox::decode::text);
        let deadline = Deadline::new(self.client()?, within);
        loop {
            let answer = self.client()?.read(read).await;
            let rows = answer.as_ref().ok().and_then(|answer| answer.as_array());
            let row = rows.into_iter().flatten().find(|row| text(row, column).as_deref() == Some(name.as_str()));
            let state = row.and_then(|row| text(row, member));
            match (&answer, state.as_deref()) {
                (_, Some(state)) if state == wanted => return Ok(Vec::new()),
                (_, Some(state)) if Some(state) == *failed => {
                    return Err(Failure::new(format!("`{name}` is in the state `{state}` ({})", read.path))
                        .hint("look at the log of the node's last task `reloadnetworkall`"));
                }
                _ if !deadline.is_over() => deadline.pause(Duration::from_secs(1)).await,
                (Err(error), _) => return Err(error.clone().into()),
                (Ok(_), state) => {
                    let state = state.unwrap_or("missing");
                    return Err(Failure::new(format!("`{name}` is still {state} after {} s", within.as_secs())));
                }
            }
        }
    }

    async fn provision(&self, task: &ProvisionTask) -> Done {
        let Operation { address, cluster, .. } = self.operation;
        let context = ProvisionContext { address, cluster, client: self.client()? };
        match self.run.provisioner.provision(task, context, &|line| self.progress(line)).await {
            Ok(provisioned) => {
                provisioned.notes.into_iter().for_each(|note| self.progress(note));
                Ok(provisioned.warnings)
            }
            Err(error) => Err(Failure { hints: error.hints, ..Failure::new(error.error) }),
        }
    }

    fn client(&self) -> Result<&Client, Failure> {
        let cluster = &self.operation.cluster;
        let client = self.run.clusters.get(cluster).map(|client| &**client);
        client.ok_or_else(|| Failure::new(format!("cluster `{cluster}` is not configured")))
    }

    /// Writes down that a step begins, and returns once that is durable.
    async fn begin(&self, step: &Step, call: String) -> Result<OperationKey, Failure> {
        let Operation { address, cluster, kind, identity, intent, .. } = self.operation.clone();
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        let key = OperationKey { run: self.run.id.clone(), sequence };
        let (step, effect, at) = (step.name.clone(), step.effect.clone(), self.now());
        self.append(Entry::Begun {
            key: key.clone(),
            address,
            cluster,
            kind,
            identity,
            step,
            call,
            intent,
            effect,
            at,
        })
        .await?;
        Ok(key)
    }

    /// Writes down how a step ended, unless nobody knows: then it stays open for the next run.
    fn settle(&self, key: OperationKey, result: Done) -> Done {
        let outcome = match &result {
            Ok(warnings) if warnings.is_empty() => Outcome::Done,
            Ok(warnings) => Outcome::DoneWithWarnings(warnings.clone()),
            Err(Failure { certainty: Certainty::Unknown, .. }) => return result,
            Err(failure) => Outcome::Failed(failure.error.clone()),
        };
        self.note(Entry::Settled { key, outcome, at: self.now() });
        result
    }

    /// Hands an entry to the driver and returns once it is durable.
    async fn append(&self, entry: Entry) -> Result<(), Failure> {
        let (durable, is_durable) = oneshot::channel();
        self.hand_over(Message::Gate(Box::new(entry), durable));
        let result = is_durable.await.expect("the driver answers every gate before it ends");
        result.map_err(|error| Failure::new(error.to_string()).hint("nothing was sent for this step"))
    }

    /// Hands over an entry that rides in the next batch.
    fn note(&self, entry: Entry) {
        self.hand_over(Message::Note(Box::new(entry)));
    }

    fn progress(&self, text: String) {
        self.tell(Event::Progress { operation: self.index, address: self.operation.address.clone(), text });
    }

    fn tell(&self, event: Event) {
        self.hand_over(Message::Event(event));
    }

    fn hand_over(&self, message: Message) {
        self.driver.send(message).expect("the driver outlives the operations it polls");
    }

    fn now(&self) -> i64 {
        (self.run.clock)()
    }
}

/// Decides what an error means for what the call should bring about; reads where the error alone does not tell.
async fn judge(failure: Failure, guarded: &GuardedCall, evidence: &Evidence<'_>, attempts: usize) -> Done {
    let within = Duration::from_millis(guarded.deadline_ms);
    let is_guest_made = matches!(evidence.verify, Verify::GuestPresent { .. });
    let verdict = match failure.class {
        _ if failure.certainty == Certainty::Unknown => return Err(failure),
        Some(ErrorClass::UnknownOutcome) if is_idempotent(guarded) && attempts == 0 => return Err(failure),
        Some(ErrorClass::UnknownOutcome) if is_idempotent(guarded) => {
            Verdict::Unknown("its answer was lost twice".to_owned())
        }
        Some(ErrorClass::UnknownOutcome) => evidence.in_time(within).await,
        Some(ErrorClass::WrongState | ErrorClass::Gone | ErrorClass::Hotplug) => evidence.now().await,
        // Only a guest carries the proof that the one who made it was us.
        Some(ErrorClass::Exists) if is_guest_made => evidence.now().await,
        _ => return Err(failure),
    };
    match (verdict, failure.class) {
        (Verdict::Done, Some(ErrorClass::Hotplug)) => {
            Ok(vec![format!("pending until the next start: {}", failure.error)])
        }
        (Verdict::Done, _) => Ok(Vec::new()),
        (Verdict::NotDone(text), Some(ErrorClass::UnknownOutcome)) => {
            Err(Failure { error: format!("{} ({text})", failure.error), ..failure })
        }
        (Verdict::Unknown(text), Some(ErrorClass::UnknownOutcome)) => {
            let error = format!("{}; what came of it is unknown: {text}", failure.error);
            Err(Failure { error, ..failure }.uncertain().hint("run again: the next run finds out what happened"))
        }
        (Verdict::NotDone(_) | Verdict::Unknown(_), _) => Err(failure),
    }
}

/// Returns whether sending the call twice is sending it once. Such objects share their place with others (rules of one list, members of one
/// pool), so that reading the place proves nothing.
fn is_idempotent(guarded: &GuardedCall) -> bool {
    guarded.call.method == Method::Put && matches!(guarded.verify, Verify::ByContent { .. })
}

/// Returns the pause after which a call that was certainly not done is tried once more, from its guard on.
fn pause_before_another(failure: &Failure, guarded: &GuardedCall, attempts: usize) -> Option<Duration> {
    let reads_first = matches!(guarded.guard, Guard::Marker { .. });
    if failure.certainty == Certainty::Unknown {
        return None;
    }
    match failure.class? {
        class @ (ErrorClass::LockWait | ErrorClass::WorkerStart) => class.pauses().get(attempts).copied(),
        ErrorClass::Stale | ErrorClass::Gone if reads_first && attempts == 0 => Some(Duration::ZERO),
        ErrorClass::GuestBusy if reads_first && attempts < 3 => Some(Duration::from_secs(2)),
        // Lost on the way, and shown by reads not to have happened or harmless to repeat: that is no blind repeat.
        ErrorClass::UnknownOutcome if attempts == 0 => Some(Duration::ZERO),
        _ => None,
    }
}

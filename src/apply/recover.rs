//! What a dead run left behind: from open steps and a fresh look at the clusters to a corrected state. Pure.
//!
//! Where the look is not enough it asks for [`Probe`]s; the shell answers them and asks again. Nothing is concluded from silence: a step
//! whose node does not answer stays open.

use crate::config::Address;
use crate::diagnostics::Diagnostic;
use crate::observe::{ClusterView, GuestView, Observed, Seen};
use crate::proxmox::Upid;
use crate::proxmox::task::Exit;
use crate::resources::marker::Marker;
use crate::resources::{self, Lookup, Sighting};
use crate::state::{Completeness, Effect, Entry, Identity, OperationKey, Outcome, Record, State};
use crate::value::{Type, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What recovery judges by.
pub struct Remains<'a> {
    /// The folded state with its open steps.
    pub state: &'a State,
    /// A look taken after the state was read; it must contain the configuration of every guest with an open step.
    pub observed: &'a Observed,
    /// Answers to probes asked for before.
    pub answers: &'a BTreeMap<Probe, Answer>,
    /// Who works on this state right now, if someone does: `run 42 by kim@ws1`.
    pub at_work: Option<&'a str>,
    /// Owner scope.
    pub project: &'a str,
    /// Seconds since 1970.
    pub now: i64,
}

/// A read that tells more about an open step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Probe {
    /// How a task stands.
    Task {
        /// Its cluster.
        cluster: Arc<str>,
        /// The task.
        upid: String,
    },
    /// Whether any task runs on a node under a subject.
    AnyTask {
        /// Cluster.
        cluster: Arc<str>,
        /// Node.
        node: String,
        /// VMID in the task's id: for a clone its source.
        subject: String,
    },
}

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A task still runs.
    Running(String),
    /// The task has ended.
    Ended(Exit),
    /// There is no such task, or none that runs.
    Nothing,
    /// The node did not answer.
    Silence,
}

/// What recovery concludes.
#[derive(Clone, Debug, Default)]
pub struct Recovery {
    /// The state after `entries`.
    pub state: State,
    /// To write before anything else, by the run that holds the lock.
    pub entries: Vec<Entry>,
    /// To answer first; then recovery is asked again.
    pub probes: BTreeSet<Probe>,
    /// Objects that are not planned, and why: `run 42 by kim@ws1 is working on it`.
    pub in_progress: BTreeMap<Address, String>,
    /// VMIDs that must not be chosen, by cluster.
    pub avoid: BTreeMap<Arc<str>, BTreeSet<u32>>,
    /// What the user should know.
    pub messages: Vec<Diagnostic>,
}

/// Judges every open step, then looks for guests of ours that nobody remembers.
pub fn recover(remains: &Remains<'_>) -> Recovery {
    let mut recovery = Recovery { state: remains.state.clone(), ..Recovery::default() };
    for (key, followed) in &remains.state.open {
        let Some(step) = OpenStep::of(key, followed) else { continue };
        let verdict = match remains.at_work {
            Some(who) => Verdict::Wait(format!("{who} is working on it")),
            None => judge(&step, remains),
        };
        recovery.conclude(&step, verdict, remains.now);
    }
    if recovery.probes.is_empty() && remains.at_work.is_none() {
        recovery.find_orphans(remains);
    }
    recovery
}

/// An open step, taken apart.
struct OpenStep<'a> {
    key: &'a OperationKey,
    address: &'a Address,
    cluster: &'a Arc<str>,
    kind: &'a str,
    identity: &'a Identity,
    name: &'a str,
    call: &'a str,
    intent: &'a str,
    effect: &'a Effect,
    upid: Option<&'a str>,
}

/// What is concluded about a step.
enum Verdict {
    Settled(Outcome),
    Abandoned(String),
    Ask(Probe),
    Wait(String),
    Corpse { node: String, vmid: u32, lock: String },
}

/// What a step was to bring about.
enum Purpose {
    Make,
    Remove,
    Change,
}

impl<'a> OpenStep<'a> {
    fn of(key: &'a OperationKey, followed: &'a [Entry]) -> Option<Self> {
        let Some(Entry::Begun { address, cluster, kind, identity, step, call, intent, effect, .. }) = followed.first()
        else {
            return None;
        };
        let upid = followed.iter().find_map(|entry| match entry {
            Entry::TaskAssigned { upid, .. } => Some(&**upid),
            _ => None,
        });
        Some(Self { key, address, cluster, kind, identity, name: step, call, intent, effect, upid })
    }

    fn purpose(&self, state: &State) -> Purpose {
        match self.effect {
            Effect::None => Purpose::Change,
            Effect::Remove => Purpose::Remove,
            Effect::Put(record) => match state.records.get(self.address) {
                Some(before) if before.identity.is_same_object(&record.identity) => Purpose::Change,
                _ => Purpose::Make,
            },
        }
    }

    /// Returns node and subject of the tasks that the call may have started: those in its path, which for a clone are the source's.
    fn task_place(&self) -> Option<(&'a str, &'a str)> {
        let (method, rest) = self.call.split_once(' ')?;
        let segments: Vec<&str> = rest.split(' ').next()?.split('/').collect();
        let parameter = |name: &str| rest.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        match segments[..] {
            ["", "nodes", node, "qemu" | "lxc", vmid, ..] if method != "GET" => Some((node, vmid)),
            // The task that makes a guest from nothing is named after the new one.
            ["", "nodes", node, "qemu" | "lxc"] if method == "POST" => Some((node, parameter("vmid")?)),
            // A download's task is named after its file, and the one that puts an upload into its place after nothing.
            ["", "nodes", node, "storage", _, "download-url"] => Some((node, parameter("filename")?)),
            ["", "nodes", node, "storage", _, "upload"] => Some((node, "")),
            _ => None,
        }
    }
}

fn judge(step: &OpenStep<'_>, remains: &Remains<'_>) -> Verdict {
    let Some(view) = remains.observed.clusters.get(step.cluster) else {
        return Verdict::Wait(format!("cluster `{}` was not read", step.cluster));
    };
    match by_task(step, remains, view) {
        Some(verdict) => verdict,
        None if step.identity.is_guest() => by_guest(step, remains, view),
        None => by_content(step, remains, view),
    }
}

/// Judges by the task, as far as it tells.
fn by_task(step: &OpenStep<'_>, remains: &Remains<'_>, view: &ClusterView) -> Option<Verdict> {
    let cluster = step.cluster.clone();
    let (probe, node) = match (step.upid, step.task_place()) {
        (Some(upid), _) => {
            let node = upid.parse().ok().map(|upid: Upid| upid.node)?;
            (Probe::Task { cluster, upid: upid.to_owned() }, node)
        }
        (None, Some((node, subject))) => {
            let (node, subject) = (node.to_owned(), subject.to_owned());
            (Probe::AnyTask { cluster, node: node.clone(), subject }, node)
        }
        (None, None) => return None,
    };
    if view.nodes.get(&node).is_some_and(|node| !node.is_online) {
        return Some(Verdict::Wait(format!("node {node} does not answer")));
    }
    match remains.answers.get(&probe) {
        None => Some(Verdict::Ask(probe)),
        Some(Answer::Running(upid)) => Some(Verdict::Wait(format!("task {upid} is still running"))),
        Some(Answer::Silence) => Some(Verdict::Wait(format!("node {node} does not answer"))),
        Some(Answer::Ended(Exit::Done)) => Some(Verdict::Settled(Outcome::Done)),
        Some(Answer::Ended(Exit::DoneWithWarnings(count))) => {
            Some(Verdict::Settled(Outcome::DoneWithWarnings(vec![format!(
                "{count} warnings in the log of {}",
                step.upid?
            )])))
        }
        Some(Answer::Ended(Exit::Failed(text))) => Some(Verdict::Settled(Outcome::Failed(text.clone()))),
        Some(Answer::Ended(Exit::Unknown(_)) | Answer::Nothing) => None,
    }
}

/// Judges by the guest as it is, when no task works on it.
fn by_guest(step: &OpenStep<'_>, remains: &Remains<'_>, view: &ClusterView) -> Verdict {
    let vmid = step.identity.vmid().expect("only guests come here");
    let guest = view.guests.get(&vmid);
    if let Some(node) = silent_node(step.identity, guest, view) {
        return Verdict::Wait(format!("node {node} does not answer"));
    }
    let purpose = step.purpose(remains.state);
    let Some(guest) = guest else {
        return match purpose {
            Purpose::Make => Verdict::Abandoned(format!("VM {vmid} was never made")),
            Purpose::Remove => Verdict::Settled(Outcome::Done),
            Purpose::Change => Verdict::Abandoned(format!("VM {vmid} does not exist any more")),
        };
    };
    let lock = || lock_of(guest).unwrap_or_default().to_owned();
    match (purpose, lock().as_str(), is_ours(step, guest, remains)) {
        // While a guest is copied or made it does not carry its marker yet, and neither does a corpse.
        (Purpose::Make, "clone" | "create", _) | (Purpose::Remove, "destroyed", _) => {
            Verdict::Corpse { node: guest.node.clone(), vmid, lock: lock() }
        }
        (Purpose::Make, _, true) | (Purpose::Remove, _, false) => Verdict::Settled(Outcome::Done),
        (Purpose::Make, _, false) => Verdict::Abandoned(format!("VMID {vmid} belongs to another guest")),
        (Purpose::Remove, _, true) => Verdict::Abandoned(format!("VM {vmid} was not destroyed")),
        (Purpose::Change, ..) => Verdict::Abandoned("the next plan compares again".to_owned()),
    }
}

/// Judges objects that are nothing but their content.
fn by_content(step: &OpenStep<'_>, remains: &Remains<'_>, view: &ClusterView) -> Verdict {
    let Some(object) = resources::find(step.kind) else {
        return Verdict::Abandoned(format!("this version knows no `{}`", step.kind));
    };
    let applied = remains
        .state
        .records
        .get(step.address)
        .map_or_else(|| Value::null(Type::Dynamic), |record| record.applied.clone());
    let lookup = Lookup {
        view,
        identity: step.identity,
        intent: step.intent,
        project: remains.project,
        applied: &applied,
        is_claim: false,
    };
    match (step.purpose(remains.state), (object.sight)(&lookup)) {
        (_, Sighting::Unreachable { node }) => Verdict::Wait(format!("node {node} does not answer")),
        (_, Sighting::Hidden { table }) => Verdict::Wait(format!("the token may not read `{table}`")),
        (Purpose::Make, Sighting::Present(_)) | (Purpose::Remove, Sighting::Absent) => Verdict::Settled(Outcome::Done),
        (Purpose::Make, Sighting::Absent) => Verdict::Abandoned("it was never made".to_owned()),
        (Purpose::Remove, Sighting::Present(_)) => Verdict::Abandoned("it was not destroyed".to_owned()),
        (Purpose::Change, _) => Verdict::Abandoned("the next plan compares again".to_owned()),
        (Purpose::Make | Purpose::Remove, Sighting::Foreign(what) | Sighting::Unmarked(what)) => {
            Verdict::Abandoned(what)
        }
    }
}

fn silent_node(identity: &Identity, guest: Option<&GuestView>, view: &ClusterView) -> Option<String> {
    let is_silent = |node: &str| view.nodes.get(node).is_some_and(|node| !node.is_online);
    match guest {
        // A guest whose configuration was not read is as good as silent.
        Some(guest) if guest.seen == Seen::Unreachable || guest.config.is_none() => Some(guest.node.clone()),
        Some(_) => None,
        None => identity.node().filter(|node| is_silent(node)).map(str::to_owned),
    }
}

fn lock_of(guest: &GuestView) -> Option<&str> {
    let in_config = guest.config.as_ref().and_then(|config| config.values.get("lock"));
    in_config.map(|lock| &**lock).or(guest.lock.as_deref())
}

fn marker_of(guest: &GuestView) -> Option<Marker> {
    guest.config.as_ref()?.values.get("description").and_then(|description| Marker::find(description))
}

fn is_ours(step: &OpenStep<'_>, guest: &GuestView, remains: &Remains<'_>) -> bool {
    marker_of(guest).is_some_and(|marker| marker.stack == remains.state.lineage && marker.intent == step.intent)
}

/// Returns the type of the guest that has this address: a block, or a template that a block builds.
fn kind_of(address: &Address) -> Option<&str> {
    let kind = match (&*address.kind, &address.child) {
        (kind, None) => kind,
        ("template", Some(_)) => "template_copy",
        (_, Some(_)) => return None,
    };
    resources::find(kind).map(|object| object.name)
}

impl Recovery {
    fn conclude(&mut self, step: &OpenStep<'_>, verdict: Verdict, now: i64) {
        let key = step.key.clone();
        match verdict {
            Verdict::Settled(outcome) => self.write(Entry::Settled { key, outcome, at: now }),
            Verdict::Abandoned(reason) => self.write(Entry::Abandoned { key, reason }),
            Verdict::Ask(probe) => self.probes.extend([probe]),
            Verdict::Wait(why) => drop(self.in_progress.insert(step.address.clone(), why)),
            Verdict::Corpse { node, vmid, lock } => {
                self.avoid.entry(step.cluster.clone()).or_default().insert(vmid);
                let message =
                    Diagnostic::warning(format!("VM {vmid} on {node} is half-made and carries the lock `{lock}`"))
                        .detail(format!(
                            "step `{}` of an earlier run was cut off on the server; no API token may clear a lock",
                            step.name
                        ))
                        .hint(format!("on {node}, as root: qm unlock {vmid} && qm destroy {vmid} --purge"))
                        .about(step.address);
                self.messages.push(message);
            }
        }
    }

    fn write(&mut self, entry: Entry) {
        self.state.take(entry.clone()).expect("recovery closes only what is open");
        self.entries.push(entry);
    }

    /// Guests that carry our marker and are in nobody's memory: made by a run whose journal was lost, or copied by a human.
    fn find_orphans(&mut self, remains: &Remains<'_>) {
        for (cluster, view) in &remains.observed.clusters {
            for guest in view.guests.values().filter(|guest| guest.seen == Seen::Present) {
                let Some(marker) = marker_of(guest).filter(|marker| marker.stack == remains.state.lineage) else {
                    continue;
                };
                if !self.knows(cluster, guest.vmid) {
                    self.orphan(cluster, guest, &marker, remains.now);
                }
            }
        }
    }

    fn knows(&self, cluster: &Arc<str>, vmid: u32) -> bool {
        let is_it = |identity: &Identity| identity.is_guest() && identity.vmid() == Some(vmid);
        let is_recorded =
            self.state.records.values().any(|record| record.cluster == *cluster && is_it(&record.identity));
        let is_open = |entries: &Vec<Entry>| match entries.first() {
            Some(Entry::Begun { cluster: on, identity, .. }) => on == cluster && is_it(identity),
            _ => false,
        };
        is_recorded || self.state.open.values().any(is_open)
    }

    fn orphan(&mut self, cluster: &Arc<str>, guest: &GuestView, marker: &Marker, now: i64) {
        let (vmid, node) = (guest.vmid, &guest.node);
        let is_copy = self.state.records.values().any(|record| record.intent == marker.intent);
        let address: Option<Address> = marker.address.parse().ok();
        let is_free = |address: &Address| {
            kind_of(address).is_some() && !self.state.records.contains_key(address) && lock_of(guest).is_none()
        };
        let Some(address) = address.filter(|address| !is_copy && is_free(address)) else {
            let message = Diagnostic::warning(format!(
                "VM {vmid} on {node} is marked as `{}`, which is another guest",
                marker.address
            ))
            .detail(if is_copy { "it is a copy that was made by hand" } else { "no run remembers it" })
            .hint(format!(
                "destroy VM {vmid}, or remove the line that begins with `spawnpoint:v1` from its description"
            ));
            return self.messages.push(message);
        };
        let record = Record {
            kind: kind_of(&address).unwrap_or(&address.kind).into(),
            cluster: cluster.clone(),
            identity: Identity::of([("node", node.clone()), ("vmid", vmid.to_string())]),
            intent: marker.intent.clone(),
            applied: Value::null(Type::Dynamic),
            dependencies: Vec::new(),
            completeness: Completeness::Partial,
            secrets: BTreeMap::new(),
            is_adopted: false,
        };
        let message =
            Diagnostic::warning(format!("VM {vmid} on {node} was made for `{address}` by a run that could not finish"))
                .hint("it is ours by its owner marker: the next apply finishes it")
                .about(&address);
        self.messages.push(message);
        self.write(Entry::Recorded { address, effect: Effect::Put(Box::new(record)), at: now });
    }
}

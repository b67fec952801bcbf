//! How many calls may be under way at once, in total and by what they touch; fewer where a node shows that it cannot keep up.
//!
//! A node has three workers for calls that need root and forks without limit for tasks, so the client is the one that holds back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use super::super::{Call, CallError, ErrorClass};

/// Upper bounds for calls under way at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// In total.
    pub calls: usize,
    /// Reads of one node; parallel reads gain nothing beyond six.
    pub reads_per_node: usize,
    /// Writes to one node. With three of them waiting for a lock, all workers of a node are taken and calls are lost.
    pub writes_per_node: usize,
    /// Calls to guest agents of one node. A silent agent holds one of the node's workers for three seconds.
    pub agents_per_node: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { calls: 20, reads_per_node: 6, writes_per_node: 2, agents_per_node: 2 }
    }
}

/// What calls contend for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Reads {
        node: String,
    },
    Writes {
        node: String,
    },
    Agents {
        node: String,
    },
    /// A file all nodes share. Its writers queue at one cluster lock, where waiting costs a worker each.
    ClusterFile(&'static str),
}

impl Kind {
    fn of(call: &Call) -> Option<Self> {
        let segments: Vec<&str> = call.path.split('/').skip(1).collect();
        let node = match segments[..] {
            ["nodes", node, ..] => Some(node.to_owned()),
            _ => None,
        };
        if let ["nodes", node, "qemu", _, "agent", ..] = segments[..] {
            return Some(Self::Agents { node: node.to_owned() });
        }
        if call.method.is_read() {
            return node.map(|node| Self::Reads { node });
        }
        let file = match segments[..] {
            ["access" | "pools", ..] => "user.cfg",
            _ if segments.contains(&"firewall") => "firewall",
            ["cluster", "sdn", ..] => "sdn",
            ["cluster", "ha", ..] => "ha",
            ["cluster", "backup" | "jobs", ..] => "jobs.cfg",
            _ => return node.map(|node| Self::Writes { node }),
        };
        Some(Self::ClusterFile(file))
    }
}

pub(super) struct Gates {
    limits: Limits,
    total: Arc<Gate>,
    gates: Mutex<BTreeMap<Kind, Arc<Gate>>>,
}

/// What a call holds while it is under way.
pub(super) struct Passage {
    narrow: Option<Place>,
    _total: Place,
}

impl Gates {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, total: Gate::new(limits.calls), gates: Mutex::default() }
    }

    /// Waits until `call` may be sent; it counts until the returned value is dropped.
    pub(super) async fn pass(&self, call: &Call) -> Passage {
        // The narrow gate comes first, so that calls queueing at it do not use up the total.
        let narrow = match Kind::of(call).map(|kind| self.gate(kind)) {
            Some(gate) => Some(gate.enter().await),
            None => None,
        };
        Passage { narrow, _total: Arc::clone(&self.total).enter().await }
    }

    fn gate(&self, kind: Kind) -> Arc<Gate> {
        let width = match kind {
            Kind::Reads { .. } => self.limits.reads_per_node,
            Kind::Writes { .. } => self.limits.writes_per_node,
            Kind::Agents { .. } => self.limits.agents_per_node,
            Kind::ClusterFile(_) => 1,
        };
        let mut gates = self.gates.lock().expect("nothing panics while holding the map");
        Arc::clone(gates.entry(kind).or_insert_with(|| Gate::new(width)))
    }

    /// Returns how wide the gate of a call is now, for tests.
    #[cfg(test)]
    pub(super) fn width(&self, call: &Call) -> usize {
        let gate = Kind::of(call).map_or_else(|| Arc::clone(&self.total), |kind| self.gate(kind));
        gate.state.lock().expect("nothing panics while holding it").width
    }
}

impl Passage {
    /// Says how the call went: a node that shows strain gets half as many of its kind, and one more after every twenty that went well.
    pub(super) fn report(&self, outcome: Result<(), &CallError>) {
        if let Some(place) = &self.narrow {
            match outcome {
                Ok(()) => place.gate.widen(),
                Err(error) if is_strain(error) => place.gate.narrow(place.epoch),
                Err(_) => {}
            }
        }
    }
}

/// Returns whether a failure says that too much was asked of a node at once: its workers were busy, or a lock was not free in time.
fn is_strain(error: &CallError) -> bool {
    match error.class {
        ErrorClass::LockWait => true,
        ErrorClass::Interrupted | ErrorClass::WorkerStart => error.status.is_some(),
        _ => error.status == Some(503),
    }
}

/// Successes that widen a gate by one.
const CALM: usize = 20;

/// Lets some through at once, and fewer while there is trouble behind it.
struct Gate {
    widest: usize,
    state: Mutex<State>,
    freed: Notify,
}

struct State {
    width: usize,
    under_way: usize,
    calm: usize,
    /// Calls that were under way together fail together: what began before the last narrowing does not narrow again.
    epoch: u64,
}

/// One that was let through.
struct Place {
    gate: Arc<Gate>,
    epoch: u64,
}

impl Gate {
    fn new(width: usize) -> Arc<Self> {
        let widest = width.max(1);
        let state = State { width: widest, under_way: 0, calm: 0, epoch: 0 };
        Arc::new(Self { widest, state: Mutex::new(state), freed: Notify::new() })
    }

    async fn enter(self: Arc<Self>) -> Place {
        loop {
            if let Some(epoch) = self.try_enter() {
                return Place { gate: self, epoch };
            }
            self.freed.notified().await;
        }
    }

    fn try_enter(&self) -> Option<u64> {
        let mut state = self.state();
        if state.under_way >= state.width {
            return None;
        }
        state.under_way += 1;
        // One notice may stand for two free places: whoever got it passes it on.
        if state.under_way < state.width {
            self.freed.notify_one();
        }
        Some(state.epoch)
    }

    fn widen(&self) {
        let mut state = self.state();
        state.calm += 1;
        if state.calm >= CALM && state.width < self.widest {
            state.width += 1;
            state.calm = 0;
            self.freed.notify_one();
        }
    }

    fn narrow(&self, epoch: u64) {
        let mut state = self.state();
        state.calm = 0;
        if epoch == state.epoch {
            state.width = (state.width / 2).max(1);
            state.epoch += 1;
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while holding it")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gate.state().under_way -= 1;
        self.gate.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_meet_at_what_they_touch() {
        let check = |call: Call, expected: &str| {
            assert_eq!(format!("{:?}", Kind::of(&call)), expected, "{call}");
        };
        check(Call::get("/cluster/resources"), "None");
        check(Call::get("/nodes/pve1/qemu/100/config"), r#"Some(Reads { node: "pve1" })"#);
        check(Call::put("/nodes/pve1/qemu/100/config"), r#"Some(Writes { node: "pve1" })"#);
        check(Call::get("/nodes/pve1/qemu/100/agent/exec-status"), r#"Some(Agents { node: "pve1" })"#);
        check(Call::post("/nodes/pve1/qemu/100/agent/ping"), r#"Some(Agents { node: "pve1" })"#);
        check(Call::post("/nodes/pve1/qemu/100/firewall/rules"), r#"Some(ClusterFile("firewall"))"#);
        check(Call::put("/pools"), r#"Some(ClusterFile("user.cfg"))"#);
        check(Call::put("/access/acl"), r#"Some(ClusterFile("user.cfg"))"#);
        check(Call::post("/cluster/backup"), r#"Some(ClusterFile("jobs.cfg"))"#);
        check(Call::put("/cluster/sdn"), r#"Some(ClusterFile("sdn"))"#);
    }

    fn failure(status: u16, text: &str) -> CallError {
        let call = Call::get("/nodes/pve1/qemu");
        let answer = super::super::super::Answer::decode(status, text, b"");
        CallError::from_answer(&call, &answer)
    }

    #[tokio::test]
    async fn a_strained_node_gets_half_and_grows_back() {
        let gates = Gates::new(Limits::default());
        let (here, there) = (Call::get("/nodes/pve1/qemu"), Call::get("/nodes/pve2/qemu"));
        let lost = failure(596, "Connection timed out");
        // Six that fail together count once.
        let mut together = Vec::new();
        for _ in 0..6 {
            together.push(gates.pass(&here).await);
        }
        together.iter().for_each(|passage| passage.report(Err(&lost)));
        assert_eq!((gates.width(&here), gates.width(&there)), (3, 6));
        drop(together);
        for expected in [1, 1] {
            gates.pass(&here).await.report(Err(&failure(500, "can't lock file '/var/lock/x' - got timeout")));
            assert_eq!(gates.width(&here), expected);
        }
        // What is wrong with the call says nothing about the node.
        gates.pass(&here).await.report(Err(&failure(403, "Permission check failed (/, Sys.Audit)")));
        for calm in 1..=200 {
            gates.pass(&here).await.report(Ok(()));
            assert_eq!(gates.width(&here), (1 + calm / 20).min(6), "after {calm}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_at_a_gate_with_room() {
        let gate = Gate::new(3);
        let (sender, mut inside) = tokio::sync::mpsc::unbounded_channel();
        for _ in 0..50 {
            let (gate, sender) = (Arc::clone(&gate), sender.clone());
            tokio::spawn(async move {
                let place = gate.enter().await;
                sender.send(place.gate.state().under_way).expect("the test listens");
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            });
        }
        drop(sender);
        let began = tokio::time::Instant::now();
        let mut most = 0;
        while let Some(under_way) = inside.recv().await {
            most = most.max(under_way);
        }
        assert_eq!((most, began.elapsed().as_secs()), (3, 17), "three at once, none idle");
    }
}

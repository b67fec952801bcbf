//! How many calls may be under way at once, in total and by what they touch.
//!
//! A node has three workers for calls that need root and forks without limit for tasks, so the client is the one that holds back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::super::Call;

/// Upper bounds for calls under way at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// In total.
    pub calls: usize,
    /// Reads of one node; parallel reads gain nothing beyond six.
    pub reads_per_node: usize,
    /// Writes to one node. With three of them waiting for a lock, all workers of a node are taken and calls are lost.
    pub writes_per_node: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { calls: 20, reads_per_node: 6, writes_per_node: 2 }
    }
}

/// What calls contend for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Gate {
    Reads {
        node: String,
    },
    Writes {
        node: String,
    },
    /// A file all nodes share. Its writers queue at one cluster lock, where waiting costs a worker each.
    ClusterFile(&'static str),
}

impl Gate {
    fn of(call: &Call) -> Option<Self> {
        let segments: Vec<&str> = call.path.split('/').skip(1).collect();
        let node = match segments[..] {
            ["nodes", node, ..] => Some(node.to_owned()),
            _ => None,
        };
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
    total: Arc<Semaphore>,
    gates: Mutex<BTreeMap<Gate, Arc<Semaphore>>>,
}

impl Gates {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, total: Arc::new(Semaphore::new(limits.calls.max(1))), gates: Mutex::default() }
    }

    /// Waits until `call` may be sent; it counts until the returned value is dropped.
    pub(super) async fn pass(&self, call: &Call) -> Vec<OwnedSemaphorePermit> {
        // The narrow gate comes first, so that calls queueing at it do not use up the total.
        let narrow = Gate::of(call).map(|gate| self.semaphore(gate));
        let mut permits = Vec::new();
        for semaphore in narrow.into_iter().chain([Arc::clone(&self.total)]) {
            permits.push(semaphore.acquire_owned().await.expect("the semaphores are never closed"));
        }
        permits
    }

    fn semaphore(&self, gate: Gate) -> Arc<Semaphore> {
        let permits = match gate {
            Gate::Reads { .. } => self.limits.reads_per_node,
            Gate::Writes { .. } => self.limits.writes_per_node,
            Gate::ClusterFile(_) => 1,
        };
        let mut gates = self.gates.lock().expect("nothing panics while holding the map");
        Arc::clone(gates.entry(gate).or_insert_with(|| Arc::new(Semaphore::new(permits.max(1)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_meet_at_what_they_touch() {
        let check = |call: Call, expected: &str| {
            assert_eq!(format!("{:?}", Gate::of(&call)), expected, "{call}");
        };
        check(Call::get("/cluster/resources"), "None");
        check(Call::get("/nodes/pve1/qemu/100/config"), r#"Some(Reads { node: "pve1" })"#);
        check(Call::put("/nodes/pve1/qemu/100/config"), r#"Some(Writes { node: "pve1" })"#);
        check(Call::post("/nodes/pve1/qemu/100/firewall/rules"), r#"Some(ClusterFile("firewall"))"#);
        check(Call::put("/pools"), r#"Some(ClusterFile("user.cfg"))"#);
        check(Call::put("/access/acl"), r#"Some(ClusterFile("user.cfg"))"#);
        check(Call::post("/cluster/backup"), r#"Some(ClusterFile("jobs.cfg"))"#);
        check(Call::put("/cluster/sdn"), r#"Some(ClusterFile("sdn"))"#);
    }
}

//! How long steps take: measured on this state's own clusters, and until then on a real server.

use crate::state::{Entry, OperationKey, Outcome};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Durations by kind of step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Estimates {
    learned_ms: BTreeMap<String, u64>,
}

/// Only the newest durations of a kind count: hardware changes.
const REMEMBERED: usize = 20;

impl Estimates {
    /// Learns from a journal, oldest entry first. Only steps that were done count.
    pub fn learn<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Self {
        let mut begun: BTreeMap<&OperationKey, (&Arc<str>, i64)> = BTreeMap::new();
        let mut seconds: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for entry in entries {
            match entry {
                Entry::Begun { key, step, at, .. } => drop(begun.insert(key, (step, *at))),
                Entry::Settled { key, outcome: Outcome::Done | Outcome::DoneWithWarnings(_), at } => {
                    if let Some((step, start)) = begun.remove(key) {
                        seconds.entry(kind_of(step).to_owned()).or_default().push((at - start).max(0));
                    }
                }
                Entry::Settled { key, outcome: Outcome::Failed(_), .. } | Entry::Abandoned { key, .. } => {
                    begun.remove(key);
                }
                Entry::TaskAssigned { .. } | Entry::Outputs { .. } | Entry::Recorded { .. } => {}
            }
        }
        let median = |mut seconds: Vec<i64>| {
            seconds.drain(..seconds.len().saturating_sub(REMEMBERED));
            seconds.sort_unstable();
            // The journal counts whole seconds: what takes none takes about half of one.
            u64::try_from(seconds[seconds.len() / 2]).map_or(0, |seconds| seconds * 1000).max(500)
        };
        Self { learned_ms: seconds.into_iter().map(|(kind, seconds)| (kind, median(seconds))).collect() }
    }

    /// Returns how long a step of this name takes.
    pub fn estimate_ms(&self, step: &str) -> u64 {
        let kind = kind_of(step);
        self.learned_ms.get(kind).copied().unwrap_or_else(|| default_ms(kind))
    }
}

/// `resize scsi0` is a `resize`.
fn kind_of(step: &str) -> &str {
    step.split(' ').next().unwrap_or(step)
}

/// Measured on one idle node with Proxmox VE 9.2 and software emulation. A linked clone took 0.2 s there; a full one is bound by its
/// disk, and 1 GiB took 1 s.
fn default_ms(kind: &str) -> u64 {
    match kind {
        "clone" | "shutdown" => 5_000,
        "create" | "stop" | "destroy" => 500,
        "configure" | "update" => 100,
        "start" => 1_000,
        "reboot" => 2_000,
        "provision" => 60_000,
        _ => 200,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Address, ModulePath};
    use crate::state::{Effect, Identity};

    fn step(sequence: u32, name: &str, at: i64, seconds: i64, outcome: Outcome) -> [Entry; 2] {
        let key = OperationKey { run: "r".into(), sequence };
        let address = Address::new(ModulePath::default(), "vm", "web");
        let begun = Entry::Begun {
            key: key.clone(),
            address,
            cluster: "lab".into(),
            kind: "vm".into(),
            identity: Identity::default(),
            step: name.into(),
            call: String::new(),
            intent: String::new(),
            effect: Effect::None,
            at,
        };
        [begun, Entry::Settled { key, outcome, at: at + seconds }]
    }

    #[test]
    fn the_median_of_what_was_done_replaces_the_default() {
        let failed = || Outcome::Failed("no".to_owned());
        let entries: Vec<Entry> = [
            step(1, "clone", 0, 30, Outcome::Done),
            step(2, "clone", 10, 50, Outcome::DoneWithWarnings(Vec::new())),
            step(3, "clone", 20, 40, Outcome::Done),
            step(4, "start", 90, 900, failed()),
            step(5, "resize scsi0", 99, 0, Outcome::Done),
        ]
        .into_iter()
        .flatten()
        .collect();
        let estimates = Estimates::learn(&entries);
        assert_eq!(estimates.estimate_ms("clone"), 40_000);
        assert_eq!(estimates.estimate_ms("resize scsi1"), 500);
        assert_eq!(estimates.estimate_ms("start"), Estimates::default().estimate_ms("start"));
    }

    #[test]
    fn old_durations_are_forgotten() {
        let slow = (0..20).flat_map(|n| step(n, "clone", i64::from(n), 100, Outcome::Done));
        let fast = (20..40).flat_map(|n| step(n, "clone", i64::from(n), 7, Outcome::Done));
        let entries: Vec<Entry> = slow.chain(fast).collect();
        assert_eq!(Estimates::learn(&entries).estimate_ms("clone"), 7_000);
    }
}

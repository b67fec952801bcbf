//! The journal as a list in memory, and a walk that compares a backend with it after every step.

use super::sample::{bodies, request};
use crate::backend::{Backend, Entry, HistoryQuery, Stored};

/// One thing that a writer does to the journal.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Appends so many entries at once.
    Append(usize),
    /// Makes a snapshot of all entries but the last so many.
    Compact(u64),
}

/// Takes the steps on a new workspace and compares what it loads after each with a list kept here.
pub async fn steps_match_the_model(backend: &dyn Backend, steps: &[Step]) {
    let lease = backend.lock(request("1")).await.expect("the lock is free");
    let lineage = backend.load().await.expect("it loads").lineage;
    let (mut all, mut snapshot, mut through, mut serial) = (Vec::new(), None, 0, 0);
    for (index, step) in steps.iter().enumerate() {
        let last = u64::try_from(all.len()).expect("few entries");
        match *step {
            Step::Append(count) => {
                let batch: Vec<Entry> =
                    (0..count).map(|entry| Entry { subject: None, body: format!("{index}.{entry}") }).collect();
                all.extend(batch.iter().map(|entry| entry.body.clone()));
                let sequence = backend.append(&lease, batch).await.expect("the holder appends");
                assert_eq!(sequence, last + u64::try_from(count).expect("few entries"), "after {step:?}");
            }
            Step::Compact(behind) => {
                through = last.saturating_sub(behind).max(through);
                snapshot = Some(format!("snapshot {index}"));
                serial += 1;
                let made =
                    backend.compact(&lease, format!("snapshot {index}"), through).await.expect("the holder compacts");
                assert_eq!(made, serial, "after {step:?}");
            }
        }
        let stored = backend.load().await.expect("it loads");
        let after = all.iter().enumerate().skip(usize::try_from(through).expect("few entries"));
        let expected: Vec<(u64, &str)> =
            after.map(|(at, body)| (u64::try_from(at).expect("few entries") + 1, body.as_str())).collect();
        let found: Vec<(u64, &str)> =
            stored.entries.iter().map(|entry| (entry.sequence, entry.body.as_str())).collect();
        assert_eq!(found, expected, "after {step:?}, step {index} of {steps:?}");
        let Stored { snapshot: found, .. } = &stored;
        assert_eq!((&stored.lineage, stored.serial, found, stored.through), (&lineage, serial, &snapshot, through));
        assert_eq!(bodies(backend, &HistoryQuery::default()).await, all, "history keeps everything");
    }
    backend.unlock(lease).await.expect("the lock is held");
}

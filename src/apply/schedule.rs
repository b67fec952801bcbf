//! Which operations may run now: a state machine over the plan's graph, its locks and a limit. It knows no time and starts nothing.

use crate::plan::{Lock, Operation};
use std::collections::BTreeMap;

/// How far an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not started yet.
    Waiting,
    /// Handed out by [`Schedule::start`].
    Running,
    /// Done.
    Done,
    /// Failed.
    Failed,
    /// Will not start, because the operation of this index failed.
    NotStarted {
        /// Index of the failed operation.
        because: usize,
    },
    /// Will not start, because the run was stopped.
    Skipped,
}

/// How an operation ended, as far as the schedule cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// What depends on it may start.
    Done,
    /// What depends on it may not.
    Failed,
}

/// The progress of one run.
///
/// Operations that hold a lock of one name are expected to agree on its limit.
#[derive(Clone, Debug)]
pub struct Schedule {
    after: Vec<Vec<usize>>,
    locks: Vec<Vec<Lock>>,
    progress: Vec<Progress>,
    holders: BTreeMap<String, u32>,
    parallelism: usize,
}

impl Schedule {
    /// Returns the schedule of a run in which nothing has started; at most `parallelism` operations run at once, at least one.
    pub fn new(operations: &[Operation], parallelism: usize) -> Self {
        Self {
            after: operations.iter().map(|operation| operation.after.clone()).collect(),
            locks: operations.iter().map(|operation| operation.locks.clone()).collect(),
            progress: vec![Progress::Waiting; operations.len()],
            holders: BTreeMap::new(),
            parallelism: parallelism.max(1),
        }
    }

    /// Returns the operations that start now, in plan order, and counts them as running.
    pub fn start(&mut self) -> Vec<usize> {
        let mut started = Vec::new();
        for index in 0..self.progress.len() {
            if self.running() >= self.parallelism {
                break;
            }
            if self.may_start(index) {
                self.progress[index] = Progress::Running;
                for lock in &self.locks[index] {
                    *self.holders.entry(lock.name.clone()).or_default() += 1;
                }
                started.push(index);
            }
        }
        started
    }

    /// Takes the end of a running operation and returns those that now will never start, with what failed, in plan order.
    pub fn finish(&mut self, index: usize, finish: Finish) -> Vec<usize> {
        assert_eq!(self.progress[index], Progress::Running, "only a running operation ends");
        for lock in &self.locks[index] {
            *self.holders.get_mut(&lock.name).expect("a running operation holds its locks") -= 1;
        }
        match finish {
            Finish::Done => {
                self.progress[index] = Progress::Done;
                Vec::new()
            }
            Finish::Failed => {
                self.progress[index] = Progress::Failed;
                self.give_up_dependants(index)
            }
        }
    }

    /// Starts nothing any more and returns what is skipped; what runs may still end.
    pub fn stop(&mut self) -> Vec<usize> {
        let skipped: Vec<usize> = self.waiting().collect();
        for index in &skipped {
            self.progress[*index] = Progress::Skipped;
        }
        skipped
    }

    /// Returns whether nothing runs and nothing will.
    pub fn is_finished(&self) -> bool {
        self.running() == 0 && self.waiting().next().is_none()
    }

    /// Returns how far each operation is, by index.
    pub fn progress(&self) -> &[Progress] {
        &self.progress
    }

    fn waiting(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.progress.len()).filter(|index| self.progress[*index] == Progress::Waiting)
    }

    fn running(&self) -> usize {
        self.progress.iter().filter(|progress| **progress == Progress::Running).count()
    }

    fn may_start(&self, index: usize) -> bool {
        let is_free = |lock: &Lock| self.holders.get(&lock.name).copied().unwrap_or_default() < lock.limit.max(1);
        self.progress[index] == Progress::Waiting
            && self.after[index].iter().all(|before| self.progress[*before] == Progress::Done)
            && self.locks[index].iter().all(is_free)
    }

    fn give_up_dependants(&mut self, failed: usize) -> Vec<usize> {
        let mut reached = vec![false; self.progress.len()];
        reached[failed] = true;
        // The plan does not promise that dependencies have smaller indexes, so this repeats until nothing is added.
        loop {
            let more: Vec<usize> = self
                .waiting()
                .filter(|index| !reached[*index] && self.after[*index].iter().any(|before| reached[*before]))
                .collect();
            if more.is_empty() {
                break;
            }
            more.into_iter().for_each(|index| reached[index] = true);
        }
        let given_up: Vec<usize> = self.waiting().filter(|index| reached[*index]).collect();
        for index in &given_up {
            self.progress[*index] = Progress::NotStarted { because: failed };
        }
        given_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Address, ModulePath};
    use crate::plan::Verb;
    use crate::state::Identity;
    use proptest::prelude::*;

    fn operation(index: usize, after: Vec<usize>, locks: Vec<Lock>) -> Operation {
        let name = format!("v{index}").into();
        Operation {
            address: Address { module: ModulePath::default(), kind: "vm".into(), name, key: None, child: None },
            kind: "vm".into(),
            cluster: "lab".into(),
            verb: Verb::Create,
            identity: Identity::default(),
            intent: String::new(),
            after,
            steps: Vec::new(),
            is_sketch: false,
            locks,
            estimate_ms: 0,
        }
    }

    /// Operations of any graph without cycles; lock `l` of all has the limit `l + 1`.
    fn graphs() -> impl Strategy<Value = Vec<Operation>> {
        let raw = proptest::collection::vec((any::<u64>(), 0..8_u32), 1..24);
        raw.prop_map(|raw| {
            let build = |(index, (edges, locks)): (usize, (u64, u32))| {
                let after = (0..index).filter(|before| edges >> (before * 2) & 3 == 3).collect();
                let held = (0..3_u32).filter(|lock| locks >> lock & 1 == 1);
                let locks = held.map(|lock| Lock { name: format!("l{lock}"), limit: lock + 1 }).collect();
                operation(index, after, locks)
            };
            raw.into_iter().enumerate().map(build).collect()
        })
    }

    /// Runs a schedule to its end and returns what happened; `choices` say which running operation ends next and how.
    fn run(operations: &[Operation], parallelism: usize, choices: &[u8], stop_at: Option<usize>) -> Vec<String> {
        let mut schedule = Schedule::new(operations, parallelism);
        let (mut running, mut log, mut step) = (Vec::<usize>::new(), Vec::new(), 0);
        loop {
            let started = schedule.start();
            for index in &started {
                let done = |before: &usize| schedule.progress()[*before] == Progress::Done;
                assert!(operations[*index].after.iter().all(done), "an edge is violated");
            }
            running.extend(&started);
            assert!(running.len() <= parallelism.max(1));
            for lock in operations.iter().flat_map(|operation| &operation.locks) {
                let holders = running.iter().filter(|index| operations[**index].locks.contains(lock)).count();
                assert!(holders <= lock.limit as usize, "{} is held {holders} times", lock.name);
            }
            log.push(format!("start {started:?}"));
            if stop_at == Some(step) {
                log.push(format!("stop {:?}", schedule.stop()));
            }
            if running.is_empty() {
                break;
            }
            let choice = usize::from(choices[step % choices.len()]);
            let index = running.remove(choice % running.len());
            let finish = if choice % 5 == 4 { Finish::Failed } else { Finish::Done };
            log.push(format!("{finish:?} {index}: {:?}", schedule.finish(index, finish)));
            step += 1;
        }
        assert!(schedule.is_finished(), "it must terminate: {:?}", schedule.progress());
        log.push(format!("{:?}", schedule.progress()));
        log
    }

    proptest! {
        #[test]
        fn edges_and_locks_hold_it_ends_and_is_repeatable(
            operations in graphs(),
            parallelism in 0..6_usize,
            choices in proptest::collection::vec(any::<u8>(), 1..40),
            stop_at in proptest::option::of(0..30_usize),
        ) {
            let first = run(&operations, parallelism, &choices, stop_at);
            prop_assert_eq!(first, run(&operations, parallelism, &choices, stop_at));
        }
    }

    #[test]
    fn a_failure_stops_what_depends_on_it_and_nothing_else() {
        let operations = [
            operation(0, vec![], vec![]),
            operation(1, vec![0], vec![]),
            operation(2, vec![1], vec![]),
            operation(3, vec![], vec![]),
        ];
        let mut schedule = Schedule::new(&operations, 8);
        assert_eq!(schedule.start(), [0, 3]);
        assert_eq!(schedule.finish(0, Finish::Failed), [1, 2]);
        assert_eq!(schedule.progress()[2], Progress::NotStarted { because: 0 });
        assert!(schedule.start().is_empty());
        assert!(schedule.finish(3, Finish::Done).is_empty());
        assert!(schedule.is_finished());
    }

    #[test]
    fn a_stop_skips_what_waits_and_lets_run_what_runs() {
        let operations = [operation(0, vec![], vec![]), operation(1, vec![0], vec![])];
        let mut schedule = Schedule::new(&operations, 8);
        assert_eq!(schedule.start(), [0]);
        assert_eq!(schedule.stop(), [1]);
        assert!(!schedule.is_finished());
        schedule.finish(0, Finish::Done);
        assert!(schedule.start().is_empty() && schedule.is_finished());
    }
}

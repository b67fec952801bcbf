//! Which operations may run now: a state machine over the plan's graph, its locks and a limit. It knows no time and starts nothing.

use crate::plan::{Lock, Operation};
use std::collections::{BTreeMap, BTreeSet};

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
/// Operations that hold a lock of one name are expected to agree on its limit. An operation is looked at when the last one before it is
/// done, and again when a lock it lacks has room: a run costs what its edges and its locks are together, not their product.
#[derive(Clone, Debug)]
pub struct Schedule {
    progress: Vec<Progress>,
    /// How many of those before it are not done, by operation.
    missing: Vec<usize>,
    /// Those after it, by operation.
    dependants: Vec<Vec<usize>>,
    /// Its locks, by operation.
    locks: Vec<Vec<usize>>,
    /// Every lock of the run.
    held: Vec<Held>,
    /// Operations with nothing missing before them, unless they are in a queue.
    ready: BTreeSet<usize>,
    /// Locks with room and a queue.
    open: BTreeSet<usize>,
    running: usize,
    parallelism: usize,
}

/// A lock.
#[derive(Clone, Debug)]
struct Held {
    limit: u32,
    holders: u32,
    /// Operations that found no room.
    queue: BTreeSet<usize>,
}

impl Held {
    fn is_full(&self) -> bool {
        self.holders >= self.limit
    }
}

impl Schedule {
    /// Returns the schedule of a run in which nothing has started; at most `parallelism` operations run at once, at least one.
    pub fn new(operations: &[Operation], parallelism: usize) -> Self {
        let mut dependants = vec![Vec::new(); operations.len()];
        for (index, operation) in operations.iter().enumerate() {
            operation.after.iter().for_each(|before| dependants[*before].push(index));
        }
        let (mut numbers, mut held) = (BTreeMap::new(), Vec::new());
        let mut number = |lock: &Lock| {
            *numbers.entry(lock.name.clone()).or_insert_with(|| {
                held.push(Held { limit: lock.limit.max(1), holders: 0, queue: BTreeSet::new() });
                held.len() - 1
            })
        };
        Self {
            progress: vec![Progress::Waiting; operations.len()],
            missing: operations.iter().map(|operation| operation.after.len()).collect(),
            dependants,
            locks: operations.iter().map(|operation| operation.locks.iter().map(&mut number).collect()).collect(),
            held,
            ready: (0..operations.len()).filter(|index| operations[*index].after.is_empty()).collect(),
            open: BTreeSet::new(),
            running: 0,
            parallelism: parallelism.max(1),
        }
    }

    /// Returns the operations that start now, in plan order, and counts them as running.
    pub fn start(&mut self) -> Vec<usize> {
        let mut started = Vec::new();
        while self.running < self.parallelism
            && let Some(index) = self.take_first()
        {
            if let Some(lacking) = self.locks[index].iter().find(|lock| self.held[**lock].is_full()) {
                self.held[*lacking].queue.insert(index);
                continue;
            }
            for lock in &self.locks[index] {
                self.held[*lock].holders += 1;
                if self.held[*lock].is_full() {
                    self.open.remove(lock);
                }
            }
            self.progress[index] = Progress::Running;
            self.running += 1;
            started.push(index);
        }
        started
    }

    /// Takes out the first operation that is ready or in the queue of a lock with room.
    fn take_first(&mut self) -> Option<usize> {
        let queued = self.open.iter().filter_map(|lock| Some((*self.held[*lock].queue.first()?, Some(*lock))));
        let ready = self.ready.first().map(|index| (*index, None));
        let (index, lock) = ready.into_iter().chain(queued).min()?;
        match lock {
            None => drop(self.ready.remove(&index)),
            Some(lock) => {
                self.held[lock].queue.remove(&index);
                if self.held[lock].queue.is_empty() {
                    self.open.remove(&lock);
                }
            }
        }
        Some(index)
    }

    /// Takes the end of a running operation and returns those that now will never start, with what failed, in plan order.
    pub fn finish(&mut self, index: usize, finish: Finish) -> Vec<usize> {
        assert_eq!(self.progress[index], Progress::Running, "only a running operation ends");
        self.running -= 1;
        for lock in &self.locks[index] {
            self.held[*lock].holders -= 1;
            if !self.held[*lock].queue.is_empty() {
                self.open.insert(*lock);
            }
        }
        match finish {
            Finish::Done => {
                self.progress[index] = Progress::Done;
                for dependant in &self.dependants[index] {
                    self.missing[*dependant] -= 1;
                    if self.missing[*dependant] == 0 && self.progress[*dependant] == Progress::Waiting {
                        self.ready.insert(*dependant);
                    }
                }
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
        let is_waiting = |index: &usize| self.progress[*index] == Progress::Waiting;
        let skipped: Vec<usize> = (0..self.progress.len()).filter(is_waiting).collect();
        for index in &skipped {
            self.progress[*index] = Progress::Skipped;
        }
        self.ready.clear();
        self.open.clear();
        self.held.iter_mut().for_each(|lock| lock.queue.clear());
        skipped
    }

    /// Returns whether nothing runs and nothing will.
    pub fn is_finished(&self) -> bool {
        self.running == 0 && self.progress.iter().all(|progress| *progress != Progress::Waiting)
    }

    /// Returns how far each operation is, by index.
    pub fn progress(&self) -> &[Progress] {
        &self.progress
    }

    /// What comes after a failed operation, however far, has something missing for ever.
    fn give_up_dependants(&mut self, failed: usize) -> Vec<usize> {
        let (mut reached, mut given_up) = (self.dependants[failed].clone(), BTreeSet::new());
        while let Some(index) = reached.pop() {
            if self.progress[index] == Progress::Waiting {
                self.progress[index] = Progress::NotStarted { because: failed };
                given_up.insert(index);
                reached.extend(&self.dependants[index]);
            }
        }
        given_up.into_iter().collect()
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
        Operation {
            address: Address::new(ModulePath::default(), "vm", format!("v{index}")),
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

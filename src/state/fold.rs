//! State = fold(snapshot, entries). The journal is a checked state machine: an entry that cannot follow what came before is an error
//! that names it, never something to be guessed around.

use super::entry::{Effect, Entry, OperationKey, Outcome};
use super::record::{Identity, State};
use crate::config::Address;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// An entry that cannot follow those before it: the journal is damaged, or two runs wrote it at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {position} of the journal is not legal: step {key} {problem}")]
pub struct IllegalEntry {
    /// Position after the snapshot, from 1.
    pub position: usize,
    /// The step it speaks of.
    pub key: OperationKey,
    /// What is wrong with it.
    pub problem: Problem,
}

/// Why an entry is illegal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// `Begun` for a step that is open.
    #[error("begins a second time")]
    BegunTwice,
    /// Something about a step that is not open.
    #[error("is not open")]
    NotOpen,
    /// A second `TaskAssigned`.
    #[error("is given a second task")]
    TaskTwice,
}

impl fmt::Display for OperationKey {
    /// Writes `run/sequence`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.run, self.sequence)
    }
}

/// Returns the state that `entries` make of a snapshot.
///
/// # Errors
/// The first entry that cannot follow those before it.
pub fn fold(snapshot: State, entries: impl IntoIterator<Item = Entry>) -> Result<State, IllegalEntry> {
    let mut state = snapshot;
    for (index, entry) in entries.into_iter().enumerate() {
        state.take(entry).map_err(|(key, problem)| IllegalEntry { position: index + 1, key, problem })?;
    }
    Ok(state)
}

impl State {
    /// Takes one more entry; on an error nothing has changed.
    pub(crate) fn take(&mut self, entry: Entry) -> Result<(), (OperationKey, Problem)> {
        match entry {
            Entry::Begun { ref key, .. } => match self.open.contains_key(key) {
                true => return Err((key.clone(), Problem::BegunTwice)),
                false => drop(self.open.insert(key.clone(), vec![entry])),
            },
            Entry::TaskAssigned { ref key, .. } => match self.open.get_mut(key) {
                None => return Err((key.clone(), Problem::NotOpen)),
                Some(followed) if followed.len() > 1 => return Err((key.clone(), Problem::TaskTwice)),
                Some(followed) => followed.push(entry),
            },
            Entry::Settled { key, outcome, .. } => {
                let begun = self.close(&key)?;
                match outcome {
                    Outcome::Done | Outcome::DoneWithWarnings(_) => self.settle(begun),
                    Outcome::Failed(_) => {}
                }
            }
            Entry::Abandoned { key, .. } => drop(self.close(&key)?),
            Entry::Outputs { outputs, .. } => self.outputs = outputs,
            Entry::Recorded { address, effect, .. } => record(&mut self.records, &address, effect, None),
        }
        Ok(())
    }

    fn close(&mut self, key: &OperationKey) -> Result<Entry, (OperationKey, Problem)> {
        let followed = self.open.remove(key).ok_or_else(|| (key.clone(), Problem::NotOpen))?;
        Ok(followed.into_iter().next().expect("an open step begins with its `Begun`"))
    }

    fn settle(&mut self, begun: Entry) {
        let Entry::Begun { address, effect, identity, .. } = begun else {
            unreachable!("`take` opens a step only with `Begun`")
        };
        record(&mut self.records, &address, effect, Some(&identity));
    }
}

/// Applies an effect. `removed` is the object that a `Remove` is about: where the new one is made before the old one is destroyed, the
/// address has got a new record by then, which stays.
fn record(
    records: &mut BTreeMap<Address, super::Record>,
    address: &Address,
    effect: Effect,
    removed: Option<&Identity>,
) {
    match effect {
        Effect::None => {}
        Effect::Put(record) => drop(records.insert(address.clone(), *record)),
        Effect::Remove => {
            let is_about_it =
                |record: &super::Record| removed.is_none_or(|identity| record.identity.is_same_object(identity));
            if records.get(address).is_some_and(is_about_it) {
                records.remove(address);
            }
        }
    }
}

impl Identity {
    /// Returns whether both name the same object: the node does not count, because guests move.
    pub fn is_same_object(&self, other: &Self) -> bool {
        self.lasting().eq(other.lasting())
    }

    fn lasting(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
        self.0.iter().filter(|(part, _)| &***part != "node")
    }

    /// Returns whether the object is a guest itself, not something inside one.
    pub fn is_guest(&self) -> bool {
        self.vmid().is_some() && self.0.keys().all(|name| matches!(&**name, "vmid" | "node"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Completeness, Record};
    use crate::value::Value;

    fn address() -> Address {
        Address::new(crate::config::ModulePath::default(), "vm", "web")
    }

    fn key(sequence: u32) -> OperationKey {
        OperationKey { run: "r1".into(), sequence }
    }

    fn vm(vmid: u32) -> Identity {
        Identity::of([("vmid", vmid.to_string()), ("node", "pve1".to_owned())])
    }

    fn put(vmid: u32) -> Effect {
        Effect::Put(Box::new(Record {
            kind: "vm".into(),
            cluster: "lab".into(),
            identity: vm(vmid),
            intent: "i".to_owned(),
            applied: Value::from("x"),
            dependencies: Vec::new(),
            completeness: Completeness::Complete,
            secrets: BTreeMap::new(),
            is_adopted: false,
        }))
    }

    fn begun(sequence: u32, vmid: u32, effect: Effect) -> Entry {
        Entry::Begun {
            key: key(sequence),
            address: address(),
            cluster: "lab".into(),
            kind: "vm".into(),
            identity: vm(vmid),
            step: "clone".into(),
            call: "POST /x".to_owned(),
            intent: "i".to_owned(),
            effect,
            at: 1,
        }
    }

    fn settled(sequence: u32, outcome: Outcome) -> Entry {
        Entry::Settled { key: key(sequence), outcome, at: 2 }
    }

    fn assigned(sequence: u32) -> Entry {
        Entry::TaskAssigned { key: key(sequence), upid: "U".to_owned() }
    }

    #[test]
    fn done_applies_the_effect_and_failed_does_not() {
        let done = fold(State::default(), [begun(1, 100, put(100)), assigned(1), settled(1, Outcome::Done)]);
        let done = done.expect("a legal journal");
        assert_eq!(done.records[&address()].identity, vm(100));
        assert!(done.open.is_empty());
        let failed = [begun(1, 100, put(100)), settled(1, Outcome::Failed("no".to_owned()))];
        let failed = fold(State::default(), failed).expect("a legal journal");
        assert!(failed.records.is_empty() && failed.open.is_empty());
    }

    #[test]
    fn an_unsettled_step_stays_open_over_a_snapshot() {
        let open = fold(State::default(), [begun(1, 100, put(100)), assigned(1)]).expect("a legal journal");
        assert_eq!(open.open[&key(1)].len(), 2);
        let abandoned = Entry::Abandoned { key: key(1), reason: "gone".to_owned() };
        let closed = fold(open, [abandoned]).expect("a legal journal");
        assert!(closed.open.is_empty() && closed.records.is_empty());
    }

    #[test]
    fn destroying_the_old_one_keeps_the_record_of_the_new_one() {
        let entries = [
            begun(1, 100, put(100)),
            settled(1, Outcome::Done),
            begun(2, 200, put(200)),
            settled(2, Outcome::Done),
            begun(3, 100, Effect::Remove),
            settled(3, Outcome::DoneWithWarnings(vec!["leaked".to_owned()])),
        ];
        let state = fold(State::default(), entries).expect("a legal journal");
        assert_eq!(state.records[&address()].identity, vm(200));
        let gone = fold(state, [begun(4, 200, Effect::Remove), settled(4, Outcome::Done)]).expect("a legal journal");
        assert!(gone.records.is_empty());
    }

    #[test]
    fn every_illegal_order_names_its_entry() {
        let cases: [(Vec<Entry>, usize, Problem); 5] = [
            (vec![settled(1, Outcome::Done)], 1, Problem::NotOpen),
            (vec![assigned(1)], 1, Problem::NotOpen),
            (vec![begun(1, 1, Effect::None), begun(1, 1, Effect::None)], 2, Problem::BegunTwice),
            (vec![begun(1, 1, Effect::None), assigned(1), assigned(1)], 3, Problem::TaskTwice),
            (vec![begun(1, 1, Effect::None), settled(1, Outcome::Done), assigned(1)], 3, Problem::NotOpen),
        ];
        for (entries, position, problem) in cases {
            let error = fold(State::default(), entries).expect_err("an illegal journal");
            assert_eq!((error.position, error.problem), (position, problem), "{error}");
            assert_eq!(error.key, key(1));
        }
    }
}

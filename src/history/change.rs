//! What was done to which object: a journal read as a list of steps.

use crate::config::Address;
use crate::state::{Effect, Entry, Identity, OperationKey, Outcome};
use std::sync::Arc;

/// One step that a run began, or one change of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct AppliedStep {
    /// The run; nothing for changes of a record, whose run the backend knows.
    pub key: Option<OperationKey>,
    /// Its object.
    pub address: Address,
    /// Where the object was then.
    pub identity: Identity,
    /// Step name; `record` for a change without a call.
    pub step: Arc<str>,
    /// The call without secrets.
    pub call: String,
    /// The task, if the server started one.
    pub upid: Option<String>,
    /// What the state says of the object since, if the step was done.
    pub effect: Effect,
    /// Seconds since 1970 when it began.
    pub began: i64,
    /// How it ended.
    pub ending: Ending,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With a known outcome, at this time in seconds since 1970.
    Settled {
        /// The outcome.
        outcome: Outcome,
        /// When.
        at: i64,
    },
    /// It never happened; the text says why we think so.
    Abandoned(String),
    /// Nobody knows yet.
    Open,
}

impl AppliedStep {
    /// Returns how long it took, in seconds; nothing if it did not end.
    pub fn seconds(&self) -> Option<i64> {
        match &self.ending {
            Ending::Settled { at, .. } => Some((at - self.began).max(0)),
            Ending::Abandoned(_) | Ending::Open => None,
        }
    }
}

/// Reads a journal, oldest entry first, into steps in the order they began.
pub fn applied_steps(entries: impl IntoIterator<Item = Entry>) -> Vec<AppliedStep> {
    let mut steps: Vec<AppliedStep> = Vec::new();
    for entry in entries {
        match entry {
            Entry::Begun { key, address, identity, step, call, effect, at, .. } => {
                let (key, ending) = (Some(key), Ending::Open);
                steps.push(AppliedStep { key, address, identity, step, call, upid: None, effect, began: at, ending });
            }
            Entry::TaskAssigned { key, upid } => update(&mut steps, &key, |step| step.upid = Some(upid)),
            Entry::Settled { key, outcome, at } => {
                update(&mut steps, &key, |step| step.ending = Ending::Settled { outcome, at });
            }
            Entry::Abandoned { key, reason } => {
                update(&mut steps, &key, |step| step.ending = Ending::Abandoned(reason));
            }
            Entry::Recorded { address, effect, at } => {
                let identity = match &effect {
                    Effect::Put(record) => record.identity.clone(),
                    Effect::None | Effect::Remove => Identity::default(),
                };
                let ending = Ending::Settled { outcome: Outcome::Done, at };
                let (step, call) = ("record".into(), String::new());
                steps.push(AppliedStep {
                    key: None,
                    address,
                    identity,
                    step,
                    call,
                    upid: None,
                    effect,
                    began: at,
                    ending,
                });
            }
            Entry::Outputs { .. } => {}
        }
    }
    steps
}

/// Changes the newest step of this key: a journal that is cut off at its start has ends without beginnings, which are passed over.
fn update(steps: &mut [AppliedStep], key: &OperationKey, change: impl FnOnce(&mut AppliedStep)) {
    if let Some(step) = steps.iter_mut().rev().find(|step| step.key.as_ref() == Some(key)) {
        change(step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ModulePath;

    #[test]
    fn a_step_is_told_from_its_beginning_to_its_end() {
        let key = OperationKey { run: "r".into(), sequence: 1 };
        let address = Address::new(ModulePath::default(), "pool", "p");
        let begun = Entry::Begun {
            key: key.clone(),
            address: address.clone(),
            cluster: "lab".into(),
            kind: "pool".into(),
            identity: Identity::default(),
            step: "create".into(),
            call: "POST /pools".to_owned(),
            intent: String::new(),
            effect: Effect::Remove,
            at: 10,
        };
        let unknown =
            Entry::Abandoned { key: OperationKey { run: "older".into(), sequence: 9 }, reason: String::new() };
        let entries = [
            unknown,
            begun,
            Entry::TaskAssigned { key: key.clone(), upid: "U".to_owned() },
            Entry::Settled { key, outcome: Outcome::Done, at: 14 },
            Entry::Recorded { address, effect: Effect::Remove, at: 20 },
        ];
        let steps = applied_steps(entries);
        assert_eq!(steps.len(), 2);
        assert_eq!((steps[0].seconds(), steps[0].upid.as_deref(), &*steps[0].step), (Some(4), Some("U"), "create"));
        assert_eq!((&*steps[1].step, steps[1].began), ("record", 20));
    }
}

//! The journal's entries. An entry is durable before the call it announces is sent.

use super::record::{Identity, Record};
use crate::config::Address;
use std::sync::Arc;

/// Names one step of one run: `run` is the run's id, `sequence` counts the steps it began.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationKey {
    /// Run id.
    pub run: Arc<str>,
    /// Counts within the run, from 1.
    pub sequence: u32,
}

/// One journal entry. Legal order per key: `Begun`, then at most one `TaskAssigned`, then `Settled` or `Abandoned`.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A call is about to be sent.
    Begun {
        /// Which step.
        key: OperationKey,
        /// Object concerned.
        address: Address,
        /// Its cluster.
        cluster: Arc<str>,
        /// Registry name of its type.
        kind: Arc<str>,
        /// Where it will be or is.
        identity: Identity,
        /// Step name: `clone`, `configure`, `start`, ...
        step: Arc<str>,
        /// The call without secrets, for people.
        call: String,
        /// Intent of the owner marker.
        intent: String,
        /// What the state says once the step is done; recovery uses it when the step proves done.
        effect: Effect,
        /// Seconds since 1970.
        at: i64,
    },
    /// The server started a task for it.
    TaskAssigned {
        /// Which step.
        key: OperationKey,
        /// The task.
        upid: String,
    },
    /// The outcome is known.
    Settled {
        /// Which step.
        key: OperationKey,
        /// What came of it.
        outcome: Outcome,
        /// Seconds since 1970.
        at: i64,
    },
    /// Recovery found that it never happened.
    Abandoned {
        /// Which step.
        key: OperationKey,
        /// Why we think so.
        reason: String,
    },
    /// Outputs after an apply. Values are in wire form with sensitive parts sealed.
    Outputs {
        /// The run.
        run: Arc<str>,
        /// All outputs, in wire form.
        outputs: std::collections::BTreeMap<Arc<str>, super::OutputRecord>,
    },
    /// The record of an object was changed without a call: adopted, moved, forgotten, refreshed.
    Recorded {
        /// Object concerned.
        address: Address,
        /// What the state says from now on.
        effect: Effect,
        /// Seconds since 1970.
        at: i64,
    },
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Done,
    /// Done, and the server warned.
    DoneWithWarnings(Vec<String>),
    /// Not done; the text is the server's.
    Failed(String),
}

/// What a finished step changes in the state.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Nothing yet.
    None,
    /// The object is recorded like this.
    Put(Box<Record>),
    /// The object is gone.
    Remove,
}

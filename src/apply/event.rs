//! The one stream of what happens during an apply. Progress bars, plain lines and JSON are made from it, nothing else.

use crate::config::Address;
use crate::plan::Verb;
use std::sync::Arc;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// An operation began.
    Started {
        /// Index in the plan's operations.
        operation: usize,
        /// Its object.
        address: Address,
        /// What is done.
        verb: Verb,
        /// Number of steps.
        steps: usize,
        /// Expected duration.
        estimate_ms: u64,
    },
    /// A step of it began.
    Step {
        /// Index in the plan's operations.
        operation: usize,
        /// Its object.
        address: Address,
        /// Step name.
        step: Arc<str>,
        /// Position of the step, from 0.
        index: usize,
    },
    /// Something worth a line happened within a step: a task log line, an Ansible task, "waiting for SSH".
    Progress {
        /// Index in the plan's operations.
        operation: usize,
        /// Its object.
        address: Address,
        /// The line, without secrets.
        text: String,
    },
    /// An operation ended.
    Ended {
        /// Index in the plan's operations.
        operation: usize,
        /// Its object.
        address: Address,
        /// What was done.
        verb: Verb,
        /// How it ended.
        result: OperationResult,
        /// Duration; virtual time on a simulator with an instant clock is not counted.
        elapsed_ms: u64,
        /// `VM 5000 on pve1`
        identity: String,
    },
    /// The user asked to stop: what runs is finished, nothing is started.
    Interrupted,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperationResult {
    /// Done.
    Done,
    /// Done, with warnings of the server.
    DoneWithWarnings(Vec<String>),
    /// Failed; its dependants are not started.
    Failed {
        /// What happened.
        error: String,
        /// What the user can do next.
        hints: Vec<String>,
    },
    /// Not started, because this operation failed.
    NotStarted {
        /// Index of the failed operation.
        because: usize,
    },
    /// Not started, because the run was interrupted.
    Skipped,
}

/// The end of an apply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Result per operation, by index.
    pub results: Vec<Option<OperationResult>>,
    /// Whether the user interrupted.
    pub is_interrupted: bool,
}

impl Summary {
    /// Returns whether everything was done.
    pub fn is_success(&self) -> bool {
        !self.is_interrupted
            && self
                .results
                .iter()
                .all(|result| matches!(result, Some(OperationResult::Done | OperationResult::DoneWithWarnings(_))))
    }
}

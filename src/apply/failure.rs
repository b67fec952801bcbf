//! Why a step did not succeed, and whether that is certain.

use crate::proxmox::{CallError, ErrorClass};

/// Why a step did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// What happened.
    pub(super) error: String,
    /// What the user can do next.
    pub(super) hints: Vec<String>,
    /// What kind of failure it is, where the server told.
    pub(super) class: Option<ErrorClass>,
    /// Whether we know what the cluster did.
    pub(super) certainty: Certainty,
}

/// Whether the outcome of a step is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Certainty {
    /// It did not happen, and the journal says so.
    NotDone,
    /// It may have happened, or may be happening still: the step stays open, and the next run finds out.
    Unknown,
}

impl Failure {
    /// Returns a failure without advice.
    pub(super) fn new(error: impl Into<String>) -> Self {
        Self { error: error.into(), hints: Vec::new(), class: None, certainty: Certainty::NotDone }
    }

    /// Adds advice.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Marks the outcome as unknown.
    pub(super) fn uncertain(mut self) -> Self {
        self.certainty = Certainty::Unknown;
        self
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let hints = error.hint.clone().into_iter().collect();
        // The client has repeated these as often as makes sense; they are told apart from the same texts at the end of a task.
        let class = Some(error.class).filter(|class| !matches!(class, ErrorClass::LockWait | ErrorClass::WorkerStart));
        Self { error: error.to_string(), hints, class, certainty: Certainty::NotDone }
    }
}

//! Why a command stopped: diagnostics for the user, with the texts they point into.

use crate::apply::{JournalError, StoreError};
use crate::diagnostics::{Diagnostic, Diagnostics, Sources};

/// The result of a command's steps.
pub(super) type Outcome<T> = Result<T, Box<Failure>>;

/// What is printed before exit code 1.
#[derive(Debug, Default)]
pub(super) struct Failure {
    /// What to say.
    pub(super) diagnostics: Diagnostics,
    /// What the spans point into.
    pub(super) sources: Sources,
}

impl Failure {
    /// Returns a failure with spans into `sources`.
    pub(super) fn new(diagnostics: impl Into<Diagnostics>, sources: &Sources) -> Box<Self> {
        Box::new(Self { diagnostics: diagnostics.into(), sources: sources.clone() })
    }
}

impl From<Diagnostic> for Box<Failure> {
    fn from(diagnostic: Diagnostic) -> Self {
        Failure::new(diagnostic, &Sources::new())
    }
}

impl From<Diagnostics> for Box<Failure> {
    fn from(diagnostics: Diagnostics) -> Self {
        Failure::new(diagnostics, &Sources::new())
    }
}

impl From<state_backends::Error> for Box<Failure> {
    fn from(error: state_backends::Error) -> Self {
        use state_backends::Error;
        let diagnostic = Diagnostic::error(error.to_string());
        let hint = match &error {
            Error::Locked { holder, .. } => format!(
                "wait for it, with `-lock-timeout=5m` if you like; if that process is gone: `spawnpoint unlock {}`",
                holder.id
            ),
            Error::LeaseLost { .. } => "somebody broke the lock; look with `spawnpoint plan` before you go on".into(),
            Error::MissingKey { .. } => {
                "set SPAWNPOINT_PASSPHRASE or SPAWNPOINT_KEY_FILE, or write it in `spawnpoint { encryption { ... } }`"
                    .into()
            }
            _ => return diagnostic.into(),
        };
        diagnostic.hint(hint).into()
    }
}

impl From<StoreError> for Box<Failure> {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Backend(error) => error.into(),
            StoreError::Wire { .. } | StoreError::Illegal { .. } => Diagnostic::error(error.to_string()).into(),
        }
    }
}

impl From<JournalError> for Box<Failure> {
    fn from(error: JournalError) -> Self {
        Diagnostic::error(error.to_string()).into()
    }
}

//! What the driver needs of a journal, and nothing about where it is kept.

use crate::state::Entry;

/// Takes entries. `store` keeps them in a backend; tests keep them in memory.
#[async_trait::async_trait]
pub trait Journal: Send + Sync {
    /// Appends entries in order, all or none. They are durable when this returns.
    ///
    /// # Errors
    /// [`JournalError`]: nothing may be sent any more, because it could not be written down first.
    async fn append(&self, entries: Vec<Entry>) -> Result<(), JournalError>;
}

/// The journal cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal cannot be written: {0}")]
pub struct JournalError(pub String);

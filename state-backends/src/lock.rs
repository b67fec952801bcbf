//! The lock on a workspace: who holds it, whether that process still lives, and the lease that proves it to a backend.
//!
//! How a backend finds out about liveness is its own business; here are the words for the answer.

use std::any::Any;
use std::fmt;

use jiff::Timestamp;

/// What the caller says about itself when it asks for the lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockRequest {
    /// User and host: `kim@ws1`.
    pub who: String,
    /// The command: `apply`.
    pub operation: String,
    /// Id of the run that will write; every entry appended under the lease carries it.
    pub run: String,
    /// Free text for whoever finds the lock held; may be empty.
    pub info: String,
    /// When the lock was asked for.
    pub created: Timestamp,
}

/// A lock as it is stored, and as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockInfo {
    /// Unique per lock ever taken: a UUID. Breaking a lock asks for it.
    pub id: String,
    /// User and host: `kim@ws1`.
    pub who: String,
    /// Process id on that host.
    pub pid: u32,
    /// The command: `apply`.
    pub operation: String,
    /// Id of the run that writes.
    pub run: String,
    /// Free text, may be empty.
    pub info: String,
    /// When it was taken.
    pub created: Timestamp,
}

impl LockInfo {
    /// Returns the lock that this process would hold for a request, with a fresh id.
    pub fn new(request: LockRequest) -> Self {
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            who: request.who,
            pid: std::process::id(),
            operation: request.operation,
            run: request.run,
            info: request.info,
            created: request.created,
        }
    }
}

impl fmt::Display for LockInfo {
    /// `kim@ws1 (process 4711) for apply, run 42, since 2026-11-20T12:00:00Z, lock 0b5f...`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, who, pid, operation, run, created, .. } = self;
        write!(formatter, "{who} (process {pid}) for {operation}, run {run}, since {created}, lock {id}")
    }
}

/// Whether the process that took a lock is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// It holds on to the lock.
    Live,
    /// It ended without unlocking; the next request takes the lock over.
    Dead,
    /// This backend cannot tell; only breaking the lock helps.
    Unknown,
}

/// Who holds the lock right now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The lock.
    pub lock: LockInfo,
    /// Whether its process is still there.
    pub liveness: Liveness,
}

/// The right to write to one workspace, until it is given to [`unlock`](crate::Backend::unlock).
///
/// Dropping a lease without unlocking is what a crash does: the lock stays, but as that of a dead holder.
pub struct Lease {
    lock: LockInfo,
    took_over: Option<LockInfo>,
    _alive: Box<dyn Any + Send + Sync>,
}

impl Lease {
    /// Returns a lease; backends call this.
    ///
    /// As long as `alive` is not dropped, the backend must report the lock as live.
    pub fn new(lock: LockInfo, took_over: Option<LockInfo>, alive: impl Any + Send + Sync) -> Self {
        Self { lock, took_over, _alive: Box::new(alive) }
    }

    /// Returns the lock that this lease holds.
    pub fn lock(&self) -> &LockInfo {
        &self.lock
    }

    /// Returns the lock of the dead holder that this lease replaced, if it replaced one: its run needs recovery.
    pub fn took_over(&self) -> Option<&LockInfo> {
        self.took_over.as_ref()
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Lease")
            .field("lock", &self.lock)
            .field("took_over", &self.took_over)
            .finish_non_exhaustive()
    }
}

//! The trait that every place for state implements, and the plain data that goes in and comes out.
//!
//! Texts (snapshot, entry, run, keyring) are opaque here. What they must never contain in clear is the caller's concern;
//! [`Protected`](crate::Protected) seals them as a whole.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::error::{Error, Result};
use crate::lock::{Holder, Lease, LockInfo, LockRequest};

/// What [`Backend::load`] finds: the newest snapshot and the journal after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// UUID made when the workspace was made. It never changes; a workspace deleted and made again gets another.
    pub lineage: String,
    /// How many snapshots there have been.
    pub serial: u64,
    /// The newest snapshot, as the caller wrote it; none before the first.
    pub snapshot: Option<String>,
    /// The last entry that the snapshot contains; 0 without a snapshot.
    pub through: u64,
    /// The entries after the snapshot, in order and without a gap.
    pub entries: Vec<StoredEntry>,
}

impl Stored {
    /// Returns the sequence of the newest entry; 0 in an empty workspace.
    ///
    /// Together with `serial` it tells a reader whether anything was written since.
    pub fn last_sequence(&self) -> u64 {
        self.entries.last().map_or(self.through, |entry| entry.sequence)
    }
}

/// One journal entry to append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is about, for filtering history; never sealed, so never a secret.
    pub subject: Option<String>,
    /// The entry itself.
    pub body: String,
}

/// One journal entry as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// Its place in the workspace's journal: 1, 2, 3 and so on, over all snapshots.
    pub sequence: u64,
    /// The run that wrote it: that of the lease.
    pub run: String,
    /// What it is about.
    pub subject: Option<String>,
    /// The entry itself.
    pub body: String,
}

/// Which entries of the history to return.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Only those about this subject.
    pub subject: Option<String>,
    /// Only those of this run.
    pub run: Option<String>,
    /// Only the newest so many of what is left.
    pub latest: Option<usize>,
}

/// What is known about one run of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRecord {
    /// Unique per run in a workspace.
    pub id: String,
    /// The command line, without secrets.
    pub command: String,
    /// User and host: `kim@ws1`.
    pub who: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended, if it did.
    pub finished: Option<Timestamp>,
    /// How it ended, if it did; a word of the caller's.
    pub outcome: Option<String>,
    /// One line for a list.
    pub summary: String,
    /// Everything else, opaque.
    pub body: String,
}

/// A place that keeps the state of one workspace; the handle was opened for it.
///
/// Several handles, in this process and in others, may be open on one workspace. Anyone may read at any time; writing the journal,
/// snapshots and runs takes the [`Lease`]. Whatever a method acknowledged survives the death of the process right after.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Returns where the state is, for messages: a path or an address without credentials.
    fn place(&self) -> String;

    /// Returns the name of the workspace that this handle was opened for.
    fn workspace(&self) -> &str;

    /// Returns the newest snapshot and the entries after it.
    async fn load(&self) -> Result<Stored>;

    /// Appends entries, all or none, and returns the sequence of the journal's last one. They are durable when this returns.
    async fn append(&self, lease: &Lease, entries: Vec<Entry>) -> Result<u64>;

    /// Replaces the snapshot by one that contains the entries up to `through`, and returns the new serial.
    ///
    /// The entries stay in the history; [`Backend::load`] just no longer returns them.
    async fn compact(&self, lease: &Lease, snapshot: String, through: u64) -> Result<u64>;

    /// Returns entries that were ever appended to this workspace, oldest first, whether or not a snapshot contains them.
    async fn history(&self, query: &HistoryQuery) -> Result<Vec<StoredEntry>>;

    /// Records a run. What was recorded earlier under the same id is kept, and hidden by this.
    async fn record_run(&self, lease: &Lease, run: RunRecord) -> Result<()>;

    /// Returns the newest `latest` runs, each as it was last recorded; the run that began last comes first.
    async fn runs(&self, latest: usize) -> Result<Vec<RunRecord>>;

    /// Takes the lock, from a dead holder if need be; fails with [`Error::Locked`] if its holder may be alive. Does not wait.
    async fn lock(&self, request: LockRequest) -> Result<Lease>;

    /// Gives the lock back; fails with [`Error::LeaseLost`] if it was lost before.
    async fn unlock(&self, lease: Lease) -> Result<()>;

    /// Takes the lock away from its holder, dead or alive, and returns what it was. The id guards against breaking a newer one.
    async fn break_lock(&self, id: &str) -> Result<LockInfo>;

    /// Returns who holds the lock.
    async fn holder(&self) -> Result<Option<Holder>>;

    /// Returns the names of all workspaces in this place, sorted.
    async fn workspaces(&self) -> Result<Vec<String>>;

    /// Deletes a workspace; fails with [`Error::Locked`] while someone may be writing to it.
    ///
    /// Handles open on it fail from now on with [`Error::NoWorkspace`], also when one of the same name is made again.
    async fn delete_workspace(&self, name: &str) -> Result<()>;

    /// Returns the workspace's keyring: an opaque text, see [`Keys`](crate::Keys).
    async fn keyring(&self) -> Result<Option<String>>;

    /// Replaces the keyring if it still is `before`, and leaves it alone otherwise; the caller reads it again.
    ///
    /// This takes no lease: a plan on a new workspace needs keys, and plans take no lock.
    async fn replace_keyring(&self, before: Option<&str>, after: &str) -> Result<()>;
}

/// Checks a workspace name; backends call this when they open.
pub fn check_workspace_name(name: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.len() <= 90 && name.chars().all(allowed) {
        return Ok(());
    }
    Err(Error::WorkspaceName { name: name.to_owned() })
}

//! State in a backend: reading it, and the [`Journal`] of a run that holds its lock.
//!
//! The backend keeps texts; what they mean is `state::wire`.

use super::{Journal, JournalError};
use crate::state::wire::{self, Seal, WireError};
use crate::state::{Entry, IllegalEntry, OperationKey, State, fold};
use state_backends::{Backend, HistoryQuery, Lease, LockInfo, LockRequest, RunRecord};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Why state cannot be read, locked or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The backend failed.
    #[error(transparent)]
    Backend(#[from] state_backends::Error),
    /// The texts do not mean anything.
    #[error("{place}: {source}")]
    Wire {
        /// Where the state is.
        place: String,
        /// What is wrong.
        source: WireError,
    },
    /// The journal contradicts itself.
    #[error("{place}: {source}")]
    Illegal {
        /// Where the state is.
        place: String,
        /// Which entry, and why.
        source: IllegalEntry,
    },
}

/// The state of one workspace in its backend. Anyone may read; writing takes the lock, see [`Store::lock`].
#[derive(Clone)]
pub struct Store {
    backend: Arc<dyn Backend>,
    seal: Arc<dyn Seal>,
}

impl Store {
    /// Returns the state in a backend; `seal` protects sensitive outputs.
    pub fn new(backend: Arc<dyn Backend>, seal: Arc<dyn Seal>) -> Self {
        Self { backend, seal }
    }

    /// Returns the backend, for locks, runs and workspaces.
    pub fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    /// Reads the state: the snapshot and what the journal says since. Open steps of a dead run are for `recover`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn load(&self) -> Result<State, StoreError> {
        self.load_through().await.map(|(state, _)| state)
    }

    /// Reads every entry the backend still has that `query` asks for, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn history(&self, query: &HistoryQuery) -> Result<Vec<Entry>, StoreError> {
        let stored = self.backend.history(query).await?;
        stored.iter().map(|entry| self.read_entry(&entry.body)).collect()
    }

    /// Takes the lock and returns the journal of the run that holds it.
    ///
    /// # Errors
    /// [`StoreError`]: usually that someone else holds the lock.
    pub async fn lock(&self, request: LockRequest) -> Result<Writer, StoreError> {
        let lease = self.backend.lock(request).await?;
        // Read under the lock: nobody writes between the reading and the first entry.
        let (state, through) = self.load_through().await?;
        Ok(Writer {
            store: self.clone(),
            lease,
            written: Mutex::new(Written { state, through, since: through, is_broken: false }),
        })
    }

    async fn load_through(&self) -> Result<(State, u64), StoreError> {
        let stored = self.backend.load().await?;
        let through = stored.last_sequence();
        let snapshot = match &stored.snapshot {
            Some(text) => wire::read_snapshot(text, &*self.seal).map_err(|source| self.damaged(source))?,
            None => State::default(),
        };
        let snapshot = State { lineage: stored.lineage, serial: stored.serial, ..snapshot };
        let entries: Vec<Entry> =
            stored.entries.iter().map(|entry| self.read_entry(&entry.body)).collect::<Result<_, _>>()?;
        let state =
            fold(snapshot, entries).map_err(|source| StoreError::Illegal { place: self.backend.place(), source })?;
        Ok((state, through))
    }

    fn read_entry(&self, text: &str) -> Result<Entry, StoreError> {
        wire::read_entry(text, &*self.seal).map_err(|source| self.damaged(source))
    }

    fn damaged(&self, source: WireError) -> StoreError {
        StoreError::Wire { place: self.backend.place(), source }
    }
}

/// The journal of the run that holds the lock. Dropping it is what a crash does; the lock is then that of a dead holder.
pub struct Writer {
    store: Store,
    lease: Lease,
    written: Mutex<Written>,
}

struct Written {
    state: State,
    through: u64,
    /// What `through` was when the lock was taken.
    since: u64,
    /// An append failed: the state here may be ahead of the journal.
    is_broken: bool,
}

impl Writer {
    /// Returns the state after everything written so far.
    pub async fn state(&self) -> State {
        self.written.lock().await.state.clone()
    }

    /// Records the run, or how it ended, in the history.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record(&self, run: RunRecord) -> Result<(), StoreError> {
        Ok(self.store.backend.record_run(&self.lease, run).await?)
    }

    /// Returns the lock of the dead run that this one replaced, if it replaced one.
    pub fn took_over(&self) -> Option<&LockInfo> {
        self.lease.took_over()
    }

    /// Writes a snapshot of the state, if anything was written, and gives the lock back. Returns the state as others see it from now on.
    ///
    /// # Errors
    /// [`StoreError`]; the journal has everything even then.
    pub async fn close(self) -> Result<State, StoreError> {
        let Written { mut state, through, since, is_broken } = self.written.into_inner();
        if is_broken {
            self.store.backend.unlock(self.lease).await?;
            return self.store.load().await;
        }
        if through == since {
            self.store.backend.unlock(self.lease).await?;
            return Ok(state);
        }
        state.serial += 1;
        let snapshot = wire::write_snapshot(&state, &*self.store.seal).map_err(|source| self.store.damaged(source))?;
        state.serial = self.store.backend.compact(&self.lease, snapshot, through).await?;
        self.store.backend.unlock(self.lease).await?;
        Ok(state)
    }

    async fn append_to(&self, written: &mut Written, entries: Vec<Entry>) -> Result<(), JournalError> {
        let mut lines = Vec::with_capacity(entries.len());
        for entry in entries {
            let body = wire::write_entry(&entry, &*self.store.seal).map_err(|error| JournalError(error.to_string()))?;
            lines.push(state_backends::Entry { subject: Self::subject(&entry, &written.state), body });
            written.state.take(entry).map_err(|(key, problem)| JournalError(format!("step {key} {problem}")))?;
        }
        let appended = self.store.backend.append(&self.lease, lines).await;
        written.through = appended.map_err(|error| JournalError(error.to_string()))?;
        Ok(())
    }

    /// What an entry is about, so that a backend can filter its history without reading it.
    fn subject(entry: &Entry, state: &State) -> Option<String> {
        let begun = |key: &OperationKey| match state.open.get(key)?.first()? {
            Entry::Begun { address, .. } => Some(address.to_string()),
            _ => None,
        };
        match entry {
            Entry::Begun { address, .. } | Entry::Recorded { address, .. } => Some(address.to_string()),
            Entry::TaskAssigned { key, .. } | Entry::Settled { key, .. } | Entry::Abandoned { key, .. } => begun(key),
            Entry::Outputs { .. } => None,
        }
    }
}

#[async_trait::async_trait]
impl Journal for Writer {
    async fn append(&self, entries: Vec<Entry>) -> Result<(), JournalError> {
        let mut written = self.written.lock().await;
        let result = self.append_to(&mut written, entries).await;
        written.is_broken |= result.is_err();
        result
    }
}

//! A backend that seals bodies on their way into another backend, and opens them on their way out.
//!
//! Sealed: snapshots, the bodies of entries, and command, summary and body of runs. In clear, because backends sort and filter by it:
//! sequences, subjects, ids, names, times, outcomes, and the lock.

use std::sync::Arc;

use async_trait::async_trait;

use super::cipher::is_sealed;
use super::keyring::Keys;
use crate::backend::{Backend, Entry, HistoryQuery, RunRecord, Stored, StoredEntry};
use crate::error::{Error, Result};
use crate::lock::{Holder, Lease, LockInfo, LockRequest};

/// A backend whose contents are sealed with the keys of its workspace.
///
/// Texts that were written before protection was switched on stay readable: history is never rewritten.
pub struct Protected {
    inner: Arc<dyn Backend>,
    keys: Arc<Keys>,
}

impl Protected {
    /// Returns a backend that protects `inner` with keys that [`Keys::open`] returned for it.
    pub fn new(inner: Arc<dyn Backend>, keys: Arc<Keys>) -> Self {
        Self { inner, keys }
    }

    fn seal(&self, context: &str, text: &str) -> Result<String> {
        self.keys.cipher().seal(context, text.as_bytes())
    }

    fn open(&self, context: &str, text: String) -> Result<String> {
        if !is_sealed(&text) {
            return Ok(text);
        }
        let damaged = |detail: String| Error::Corrupt { place: self.place(), detail };
        let bytes = self.keys.cipher().open(context, &text).map_err(|error| match error {
            Error::Unsealable { .. } => damaged(error.to_string()),
            other => other,
        })?;
        String::from_utf8(bytes.to_vec()).map_err(|_| damaged(format!("`{context}` is not a text")))
    }

    fn open_entries(&self, entries: Vec<StoredEntry>) -> Result<Vec<StoredEntry>> {
        let open = |StoredEntry { sequence, run, subject, body }| {
            let body = self.open(&entry_context(&run, subject.as_deref()), body)?;
            Ok(StoredEntry { sequence, run, subject, body })
        };
        entries.into_iter().map(open).collect()
    }
}

const SNAPSHOT: &str = "snapshot";

fn entry_context(run: &str, subject: Option<&str>) -> String {
    format!("entry of run {run} about {}", subject.unwrap_or("nothing"))
}

fn run_context(id: &str, field: &str) -> String {
    format!("{field} of run {id}")
}

#[async_trait]
impl Backend for Protected {
    fn place(&self) -> String {
        self.inner.place()
    }

    fn workspace(&self) -> &str {
        self.inner.workspace()
    }

    async fn load(&self) -> Result<Stored> {
        let stored = self.inner.load().await?;
        let snapshot = stored.snapshot.map(|snapshot| self.open(SNAPSHOT, snapshot)).transpose()?;
        Ok(Stored { snapshot, entries: self.open_entries(stored.entries)?, ..stored })
    }

    async fn append(&self, lease: &Lease, entries: Vec<Entry>) -> Result<u64> {
        let run = &lease.lock().run;
        let seal = |Entry { subject, body }| {
            let body = self.seal(&entry_context(run, subject.as_deref()), &body)?;
            Ok(Entry { subject, body })
        };
        let sealed = entries.into_iter().map(seal).collect::<Result<_>>()?;
        self.inner.append(lease, sealed).await
    }

    async fn compact(&self, lease: &Lease, snapshot: String, through: u64) -> Result<u64> {
        self.inner.compact(lease, self.seal(SNAPSHOT, &snapshot)?, through).await
    }

    async fn history(&self, query: &HistoryQuery) -> Result<Vec<StoredEntry>> {
        self.open_entries(self.inner.history(query).await?)
    }

    async fn record_run(&self, lease: &Lease, run: RunRecord) -> Result<()> {
        let seal = |field, text: &str| self.seal(&run_context(&run.id, field), text);
        let (command, summary, body) =
            (seal("command", &run.command)?, seal("summary", &run.summary)?, seal("body", &run.body)?);
        self.inner.record_run(lease, RunRecord { command, summary, body, ..run }).await
    }

    async fn runs(&self, latest: usize) -> Result<Vec<RunRecord>> {
        let open = |run: RunRecord| {
            let open = |field, text| self.open(&run_context(&run.id, field), text);
            let (command, summary, body) =
                (open("command", run.command)?, open("summary", run.summary)?, open("body", run.body)?);
            Ok(RunRecord { command, summary, body, ..run })
        };
        self.inner.runs(latest).await?.into_iter().map(open).collect()
    }

    async fn lock(&self, request: LockRequest) -> Result<Lease> {
        self.inner.lock(request).await
    }

    async fn unlock(&self, lease: Lease) -> Result<()> {
        self.inner.unlock(lease).await
    }

    async fn break_lock(&self, id: &str) -> Result<LockInfo> {
        self.inner.break_lock(id).await
    }

    async fn holder(&self) -> Result<Option<Holder>> {
        self.inner.holder().await
    }

    async fn workspaces(&self) -> Result<Vec<String>> {
        self.inner.workspaces().await
    }

    async fn delete_workspace(&self, name: &str) -> Result<()> {
        self.inner.delete_workspace(name).await
    }

    async fn keyring(&self) -> Result<Option<String>> {
        self.inner.keyring().await
    }

    async fn replace_keyring(&self, before: Option<&str>, after: &str) -> Result<()> {
        self.inner.replace_keyring(before, after).await
    }
}

//! State in one SQLite file: the default, on a local disk.
//!
//! This file is the asynchronous side: every call goes to a blocking thread, where `database` does the work under a mutex.
//! `journal` is what is written, `lease` who may write. Several processes may have the file open; write-ahead logging lets them read
//! while one of them writes, and `synchronous = FULL` makes every commit durable before it is acknowledged.

mod database;
mod journal;
mod lease;

use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::backend::{Backend, Entry, HistoryQuery, RunRecord, Stored, StoredEntry, check_workspace_name};
use crate::error::{Error, Result};
use crate::lock::{Holder, Lease, LockInfo, LockRequest};
use database::Database;

/// A handle on one workspace of a SQLite file.
#[derive(Clone)]
pub struct Sqlite {
    path: PathBuf,
    workspace: String,
    database: Arc<Mutex<Database>>,
}

impl Sqlite {
    /// Opens a workspace; folder, file and workspace are made if they are not there.
    ///
    /// A file that is not ours, or from a newer version, is an error and stays as it is.
    pub async fn open(path: impl Into<PathBuf>, workspace: &str) -> Result<Self> {
        check_workspace_name(workspace)?;
        let (path, workspace) = (path.into(), workspace.to_owned());
        let opened = {
            let (path, workspace) = (path.clone(), workspace.clone());
            on_blocking_thread(&path.clone(), move || Database::open(path, &workspace)).await?
        };
        Ok(Self { path, workspace, database: Arc::new(Mutex::new(opened)) })
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Database) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let database = Arc::clone(&self.database);
        on_blocking_thread(&self.path, move || {
            // A panic rolls its transaction back while unwinding, so the connection behind a poisoned mutex is sound.
            work(&mut database.lock().unwrap_or_else(PoisonError::into_inner))
        })
        .await
    }
}

async fn on_blocking_thread<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(stopped) => match stopped.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // Only a runtime that shuts down cancels a blocking task, and only one that has not begun.
            Err(cancelled) => {
                Err(Error::Io { action: "use", path: path.to_owned(), source: std::io::Error::other(cancelled) })
            }
        },
    }
}

#[async_trait]
impl Backend for Sqlite {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn workspace(&self) -> &str {
        &self.workspace
    }

    async fn load(&self) -> Result<Stored> {
        self.with(Database::load).await
    }

    async fn append(&self, lease: &Lease, entries: Vec<Entry>) -> Result<u64> {
        let lock = lease.lock().clone();
        self.with(move |database| database.append(&lock, &entries)).await
    }

    async fn compact(&self, lease: &Lease, snapshot: String, through: u64) -> Result<u64> {
        let lock = lease.lock().clone();
        self.with(move |database| database.compact(&lock, &snapshot, through)).await
    }

    async fn history(&self, query: &HistoryQuery) -> Result<Vec<StoredEntry>> {
        let query = query.clone();
        self.with(move |database| database.history(&query)).await
    }

    async fn record_run(&self, lease: &Lease, run: RunRecord) -> Result<()> {
        let lock = lease.lock().clone();
        self.with(move |database| database.record_run(&lock, &run)).await
    }

    async fn runs(&self, latest: usize) -> Result<Vec<RunRecord>> {
        self.with(move |database| database.runs(latest)).await
    }

    async fn lock(&self, request: LockRequest) -> Result<Lease> {
        self.with(move |database| database.lock(request)).await
    }

    async fn unlock(&self, lease: Lease) -> Result<()> {
        self.with(move |database| database.unlock(lease)).await
    }

    async fn break_lock(&self, id: &str) -> Result<LockInfo> {
        let id = id.to_owned();
        self.with(move |database| database.break_lock(&id)).await
    }

    async fn holder(&self) -> Result<Option<Holder>> {
        self.with(Database::holder).await
    }

    async fn workspaces(&self) -> Result<Vec<String>> {
        self.with(Database::workspaces).await
    }

    async fn delete_workspace(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        self.with(move |database| database.delete_workspace(&name)).await
    }

    async fn keyring(&self) -> Result<Option<String>> {
        self.with(Database::keyring).await
    }

    async fn replace_keyring(&self, before: Option<&str>, after: &str) -> Result<()> {
        let (before, after) = (before.map(str::to_owned), after.to_owned());
        self.with(move |database| database.replace_keyring(before.as_deref(), &after)).await
    }
}

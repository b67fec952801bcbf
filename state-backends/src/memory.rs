//! State in memory: what tests and one-off simulations use. Gone with the process, otherwise like any other backend.
//!
//! One [`Memory`] is one handle; [`Memory::open`] makes another handle on the same store, as a second process would.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use async_trait::async_trait;
use uuid::Uuid;

use crate::backend::{Backend, Entry, HistoryQuery, RunRecord, Stored, StoredEntry, check_workspace_name};
use crate::error::{Error, Result};
use crate::lock::{Holder, Lease, Liveness, LockInfo, LockRequest};

type Store = BTreeMap<String, Workspace>;

/// A handle on one workspace of a store in memory.
#[derive(Clone)]
pub struct Memory {
    store: Arc<Mutex<Store>>,
    name: String,
    lineage: String,
}

#[derive(Default)]
struct Workspace {
    lineage: String,
    serial: u64,
    snapshot: Option<String>,
    through: u64,
    entries: Vec<StoredEntry>,
    runs: Vec<RunRecord>,
    lock: Option<Held>,
    keyring: Option<String>,
}

/// A lock, and the thread by which its lease still hangs on it.
struct Held {
    lock: LockInfo,
    alive: Weak<()>,
}

impl Held {
    fn liveness(&self) -> Liveness {
        if self.alive.strong_count() > 0 { Liveness::Live } else { Liveness::Dead }
    }
}

impl Memory {
    /// Returns a handle on a workspace of a new, empty store.
    pub fn new(workspace: &str) -> Result<Self> {
        Self::on(Arc::default(), workspace)
    }

    /// Returns a handle on a workspace of the same store; the workspace is made if it is not there.
    pub fn open(&self, workspace: &str) -> Result<Self> {
        Self::on(Arc::clone(&self.store), workspace)
    }

    fn on(store: Arc<Mutex<Store>>, name: &str) -> Result<Self> {
        check_workspace_name(name)?;
        let fresh = || Workspace { lineage: Uuid::new_v4().to_string(), ..Workspace::default() };
        let lineage = entered(&store).entry(name.to_owned()).or_insert_with(fresh).lineage.clone();
        Ok(Self { store, name: name.to_owned(), lineage })
    }

    /// Runs `work` on the workspace while no other handle can see it.
    fn with<T>(&self, work: impl FnOnce(&mut Workspace) -> Result<T>) -> Result<T> {
        let mut store = entered(&self.store);
        match store.get_mut(&self.name) {
            Some(workspace) if workspace.lineage == self.lineage => work(workspace),
            Some(_) | None => Err(self.no_workspace(&self.name)),
        }
    }

    fn with_lease<T>(&self, lease: &Lease, work: impl FnOnce(&mut Workspace) -> Result<T>) -> Result<T> {
        self.with(|workspace| {
            let id = &lease.lock().id;
            match &workspace.lock {
                Some(held) if held.lock.id == *id => work(workspace),
                Some(_) | None => Err(Error::LeaseLost { place: self.place(), id: id.clone() }),
            }
        })
    }

    fn no_workspace(&self, name: &str) -> Error {
        Error::NoWorkspace { place: self.place(), workspace: name.to_owned() }
    }
}

/// A panic elsewhere cannot leave a workspace half-written: every change below is made after the last thing that can fail.
fn entered(store: &Mutex<Store>) -> MutexGuard<'_, Store> {
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Backend for Memory {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    fn workspace(&self) -> &str {
        &self.name
    }

    async fn load(&self) -> Result<Stored> {
        self.with(|workspace| {
            Ok(Stored {
                lineage: workspace.lineage.clone(),
                serial: workspace.serial,
                snapshot: workspace.snapshot.clone(),
                through: workspace.through,
                entries: workspace.entries.iter().filter(|entry| entry.sequence > workspace.through).cloned().collect(),
            })
        })
    }

    async fn append(&self, lease: &Lease, entries: Vec<Entry>) -> Result<u64> {
        self.with_lease(lease, |workspace| {
            for (sequence, Entry { subject, body }) in (workspace.last_sequence() + 1..).zip(entries) {
                workspace.entries.push(StoredEntry { sequence, run: lease.lock().run.clone(), subject, body });
            }
            Ok(workspace.last_sequence())
        })
    }

    async fn compact(&self, lease: &Lease, snapshot: String, through: u64) -> Result<u64> {
        self.with_lease(lease, |workspace| {
            let (first, last) = (workspace.through, workspace.last_sequence());
            if !(first..=last).contains(&through) {
                return Err(Error::NotInJournal { place: self.place(), through, first, last });
            }
            workspace.snapshot = Some(snapshot);
            workspace.through = through;
            workspace.serial += 1;
            Ok(workspace.serial)
        })
    }

    async fn history(&self, query: &HistoryQuery) -> Result<Vec<StoredEntry>> {
        let wanted = |entry: &&StoredEntry| {
            query.subject.as_ref().is_none_or(|subject| entry.subject.as_ref() == Some(subject))
                && query.run.as_ref().is_none_or(|run| entry.run == *run)
        };
        self.with(|workspace| {
            let newest_first = workspace.entries.iter().rev().filter(wanted).take(query.latest.unwrap_or(usize::MAX));
            let mut entries: Vec<StoredEntry> = newest_first.cloned().collect();
            entries.reverse();
            Ok(entries)
        })
    }

    async fn record_run(&self, lease: &Lease, run: RunRecord) -> Result<()> {
        self.with_lease(lease, |workspace| {
            workspace.runs.push(run);
            Ok(())
        })
    }

    async fn runs(&self, latest: usize) -> Result<Vec<RunRecord>> {
        self.with(|workspace| {
            let mut runs: Vec<RunRecord> = Vec::new();
            for run in &workspace.runs {
                match runs.iter_mut().find(|known| known.id == run.id) {
                    Some(known) => known.clone_from(run),
                    None => runs.push(run.clone()),
                }
            }
            Ok(runs.into_iter().rev().take(latest).collect())
        })
    }

    async fn lock(&self, request: LockRequest) -> Result<Lease> {
        self.with(|workspace| {
            if let Some(held) = &workspace.lock
                && held.liveness() == Liveness::Live
            {
                return Err(Error::Locked { place: self.place(), holder: Box::new(held.lock.clone()) });
            }
            let (lock, alive) = (LockInfo::new(request), Arc::new(()));
            let before = workspace.lock.replace(Held { lock: lock.clone(), alive: Arc::downgrade(&alive) });
            Ok(Lease::new(lock, before.map(|held| held.lock), alive))
        })
    }

    async fn unlock(&self, lease: Lease) -> Result<()> {
        self.with_lease(&lease, |workspace| {
            workspace.lock = None;
            Ok(())
        })
    }

    async fn break_lock(&self, id: &str) -> Result<LockInfo> {
        self.with(|workspace| match workspace.lock.take_if(|held| held.lock.id == id) {
            Some(held) => Ok(held.lock),
            None => Err(Error::NotHeld { place: self.place(), id: id.to_owned() }),
        })
    }

    async fn holder(&self) -> Result<Option<Holder>> {
        self.with(|workspace| {
            let holder = |held: &Held| Holder { lock: held.lock.clone(), liveness: held.liveness() };
            Ok(workspace.lock.as_ref().map(holder))
        })
    }

    async fn workspaces(&self) -> Result<Vec<String>> {
        Ok(entered(&self.store).keys().cloned().collect())
    }

    async fn delete_workspace(&self, name: &str) -> Result<()> {
        let mut store = entered(&self.store);
        let workspace = store.get(name).ok_or_else(|| self.no_workspace(name))?;
        if let Some(held) = &workspace.lock
            && held.liveness() == Liveness::Live
        {
            return Err(Error::Locked { place: self.place(), holder: Box::new(held.lock.clone()) });
        }
        store.remove(name);
        Ok(())
    }

    async fn keyring(&self) -> Result<Option<String>> {
        self.with(|workspace| Ok(workspace.keyring.clone()))
    }

    async fn replace_keyring(&self, before: Option<&str>, after: &str) -> Result<()> {
        self.with(|workspace| {
            if workspace.keyring.as_deref() == before {
                workspace.keyring = Some(after.to_owned());
            }
            Ok(())
        })
    }
}

impl Workspace {
    fn last_sequence(&self) -> u64 {
        self.entries.last().map_or(0, |entry| entry.sequence)
    }
}

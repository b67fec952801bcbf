//! The state of a stack in its backend: opened, read, and written as a journal.

use super::failure::Outcome;
use super::shell::{DEFAULT_WORKSPACE, Shell};
use super::workspace::unknown;
use crate::apply::{Journal, JournalError};
use crate::config::Settings;
use crate::diagnostics::Diagnostic;
use crate::history::Estimates;
use crate::secrets::{self, Found};
use crate::state::{Entry, State, fold, wire};
use crate::value::Value;
use state_backends::{
    Backend, EncryptionKey, HistoryQuery, Holder, Keys, Lease, Liveness, LockRequest, Memory, Protected, RunRecord,
    Sqlite, Stored,
};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How often a held lock is asked for again within `-lock-timeout`.
const LOCK_PAUSE: Duration = Duration::from_millis(500);

/// A stack's state, opened.
#[derive(Clone)]
pub(super) struct Store {
    backend: Arc<dyn Backend>,
    keys: Arc<Keys>,
}

impl Store {
    /// Opens the state that the settings name, making it and its keys on first use.
    ///
    /// # Errors
    /// The backend or its key cannot be opened.
    pub(super) async fn open(settings: &Settings, shell: &Shell) -> Outcome<Self> {
        if *shell.workspace != *DEFAULT_WORKSPACE {
            let beside = backend(settings, &shell.elsewhere(shell.folder.clone(), DEFAULT_WORKSPACE)).await?;
            let names = beside.workspaces().await?;
            if !names.iter().any(|name| **name == *shell.workspace) {
                return Err(unknown(&shell.workspace, &names).into());
            }
        }
        Self::make(settings, shell).await
    }

    /// Returns the names of all workspaces beside this one.
    ///
    /// # Errors
    /// The backend cannot be asked.
    pub(super) async fn workspaces(&self) -> Outcome<Vec<String>> {
        Ok(self.backend.workspaces().await?)
    }

    /// Deletes another workspace with its history.
    ///
    /// # Errors
    /// It is not there, or somebody works on it.
    pub(super) async fn delete_workspace(&self, name: &str) -> Outcome<()> {
        Ok(self.backend.delete_workspace(name).await?)
    }

    /// Opens a workspace, making it if it is not there.
    ///
    /// # Errors
    /// The backend or its key cannot be opened.
    pub(super) async fn make(settings: &Settings, shell: &Shell) -> Outcome<Self> {
        let inner = backend(settings, shell).await?;
        let key = match secrets::encryption_key(settings, &shell.folder)? {
            Found::Key(key) => key,
            Found::Created(key, path) => {
                let place = path.display();
                shell
                    .terminal
                    .say(&format!("Created the key file {place}: keep a copy, without it the state cannot be read."));
                key
            }
        };
        let keys = Keys::open(&*inner, Some(&key)).await?.expect("a key was given, so there is a keyring");
        Ok(Self { backend: Arc::new(Protected::new(inner, keys.clone())), keys })
    }

    /// Opens a state to look into it; nothing, if nobody made it yet.
    ///
    /// # Errors
    /// The backend or its key cannot be opened.
    pub(super) async fn open_existing(settings: &Settings, shell: &Shell) -> Outcome<Option<Self>> {
        let kind = settings.state.as_ref().map_or("sqlite", |(kind, _)| kind);
        let none = BTreeMap::new();
        let attributes = settings.state.as_ref().map_or(&none, |(_, attributes)| attributes);
        if kind == "sqlite" && !sqlite_path(attributes, shell).exists() {
            return Ok(None);
        }
        let store = Self::open(settings, shell).await?;
        Ok((store.backend.load().await?.serial > 0).then_some(store))
    }

    /// Makes a state that ends with the process: what a test needs.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(super) async fn in_memory() -> Outcome<Self> {
        let inner: Arc<dyn Backend> = Arc::new(Memory::new("default")?);
        let keys = Keys::open(&*inner, Some(&EncryptionKey::random()?)).await?;
        let keys = keys.expect("a key was given, so there is a keyring");
        Ok(Self { backend: Arc::new(Protected::new(inner, keys.clone())), keys })
    }

    /// Returns the state: the newest snapshot with the journal after it.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    pub(super) async fn load(&self) -> Outcome<State> {
        let stored = self.backend.load().await?;
        let mut state = match &stored.snapshot {
            Some(text) => wire::read_snapshot(text, &Seal(&self.keys)).map_err(|error| damaged(&error))?,
            None => State::default(),
        };
        state.lineage.clone_from(&stored.lineage);
        state.serial = stored.serial;
        let entries: Result<Vec<Entry>, _> = self.entries(&stored);
        fold(state, entries.map_err(|error| damaged(&error))?)
            .map_err(|error| Diagnostic::error(error.to_string()).into())
    }

    fn entries(&self, stored: &Stored) -> Result<Vec<Entry>, wire::WireError> {
        stored.entries.iter().map(|entry| wire::read_entry(&entry.body, &Seal(&self.keys))).collect()
    }

    /// Returns how long steps took so far.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub(super) async fn estimates(&self) -> Outcome<Estimates> {
        let history = self.backend.history(&HistoryQuery { latest: Some(2000), ..HistoryQuery::default() }).await?;
        let entries: Result<Vec<Entry>, _> =
            history.iter().map(|entry| wire::read_entry(&entry.body, &Seal(&self.keys))).collect();
        Ok(Estimates::learn(&entries.map_err(|error| damaged(&error))?))
    }

    /// Returns the keys of the state.
    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Returns who works on this state right now, if someone alive does: `run 42 by kim@ws1`.
    ///
    /// # Errors
    /// The backend cannot be asked.
    pub(super) async fn at_work(&self) -> Outcome<Option<String>> {
        let holder = self.backend.holder().await?;
        let is_at_work = |holder: &Holder| holder.liveness != Liveness::Dead;
        Ok(holder.filter(is_at_work).map(|holder| format!("run {} by {}", holder.lock.run, holder.lock.who)))
    }

    /// Takes the lock for a run, waiting at most `patience` if another holds it.
    ///
    /// # Errors
    /// It is held.
    pub(super) async fn lock(
        &self,
        operation: &str,
        run: &str,
        patience: Duration,
        shell: &Shell,
    ) -> Outcome<Arc<Lease>> {
        let deadline = tokio::time::Instant::now() + patience;
        let mut is_told = false;
        loop {
            let request = LockRequest {
                who: shell.who(),
                operation: operation.into(),
                run: run.into(),
                info: String::new(),
                created: shell.now,
            };
            match self.backend.lock(request).await {
                Ok(lease) => return Ok(Arc::new(lease)),
                Err(state_backends::Error::Locked { holder, .. }) if tokio::time::Instant::now() < deadline => {
                    if !is_told {
                        shell.terminal.say(&format!("Waiting for the lock of {holder}"));
                        is_told = true;
                    }
                    tokio::time::sleep(LOCK_PAUSE).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Gives the lock back.
    ///
    /// # Errors
    /// It was lost before.
    pub(super) async fn unlock(&self, lease: Arc<Lease>) -> Outcome<()> {
        // Nobody else holds the lease any more: the journal that shared it ended with the run.
        if let Some(lease) = Arc::into_inner(lease) {
            self.backend.unlock(lease).await?;
        }
        Ok(())
    }

    /// Takes the lock from whoever holds it.
    ///
    /// # Errors
    /// No lock has this id.
    pub(super) async fn break_lock(&self, id: &str) -> Outcome<String> {
        Ok(self.backend.break_lock(id).await?.to_string())
    }

    /// Returns a journal that writes under a lease.
    pub(super) fn journal(&self, lease: &Arc<Lease>) -> BackendJournal {
        BackendJournal { backend: self.backend.clone(), keys: self.keys.clone(), lease: lease.clone() }
    }

    /// Folds the journal into a new snapshot; what it held stays in the history.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) async fn compact(&self, lease: &Lease) -> Outcome<()> {
        let through = self.backend.load().await?.last_sequence();
        let state = self.load().await?;
        let text = wire::write_snapshot(&state, &Seal(&self.keys)).map_err(|error| damaged(&error))?;
        self.backend.compact(lease, text, through).await?;
        Ok(())
    }

    /// Records a run in the history.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) async fn record(&self, lease: &Lease, run: RunRecord) -> Outcome<()> {
        Ok(self.backend.record_run(lease, run).await?)
    }
}

/// Opens the backend that the `state` block names by its label. A new backend is an arm here.
async fn backend(settings: &Settings, shell: &Shell) -> Outcome<Arc<dyn Backend>> {
    let none = BTreeMap::new();
    let (kind, attributes) =
        settings.state.as_ref().map_or(("sqlite", &none), |(kind, attributes)| (&**kind, attributes));
    match kind {
        "sqlite" => sqlite(attributes, shell).await,
        _ => Err(Diagnostic::error(format!("state `{kind}` is not in this version, expected `sqlite`"))
            .hint("write `state \"sqlite\" {` with its `path`, or leave the block out")
            .into()),
    }
}

async fn sqlite(attributes: &BTreeMap<Arc<str>, Value>, shell: &Shell) -> Outcome<Arc<dyn Backend>> {
    let path = sqlite_path(attributes, shell);
    if !attributes.contains_key("path") {
        shell.own_folder()?;
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| Diagnostic::error(format!("cannot make `{}`: {error}", folder.display())))?;
    }
    Ok(Arc::new(Sqlite::open(path, &shell.workspace).await?))
}

fn sqlite_path(attributes: &BTreeMap<Arc<str>, Value>, shell: &Shell) -> PathBuf {
    let path = attributes.get("path").and_then(Value::as_text);
    shell.folder.join(path.unwrap_or(".spawnpoint/state.db"))
}

fn damaged(error: &wire::WireError) -> Box<super::failure::Failure> {
    Diagnostic::error(error.to_string()).into()
}

/// Seals single texts within what is written: outputs that are sensitive.
struct Seal<'a>(&'a Keys);

/// What a sealed text is bound to, so that it cannot be put elsewhere.
const SEALED_TEXT: &str = "text within the state";

impl wire::Seal for Seal<'_> {
    fn seal(&self, text: &str) -> Result<String, String> {
        self.0.cipher().seal(SEALED_TEXT, text.as_bytes()).map_err(|error| error.to_string())
    }

    fn open(&self, sealed: &str) -> Result<String, String> {
        let bytes = self.0.cipher().open(SEALED_TEXT, sealed).map_err(|error| error.to_string())?;
        String::from_utf8(bytes.to_vec()).map_err(|_| "it is not a text".to_owned())
    }
}

/// The journal of a run in a backend.
pub(super) struct BackendJournal {
    backend: Arc<dyn Backend>,
    keys: Arc<Keys>,
    lease: Arc<Lease>,
}

#[async_trait::async_trait]
impl Journal for BackendJournal {
    async fn append(&self, entries: Vec<Entry>) -> Result<(), JournalError> {
        if entries.is_empty() {
            return Ok(());
        }
        let stored = |entry: &Entry| {
            let body = wire::write_entry(entry, &Seal(&self.keys)).map_err(|error| JournalError(error.to_string()))?;
            Ok(state_backends::Entry { subject: subject(entry), body })
        };
        let bodies: Result<Vec<_>, JournalError> = entries.iter().map(stored).collect();
        let appended = self.backend.append(&self.lease, bodies?).await;
        appended.map(drop).map_err(|error| JournalError(error.to_string()))
    }
}

fn subject(entry: &Entry) -> Option<String> {
    match entry {
        Entry::Begun { address, .. } | Entry::Recorded { address, .. } => Some(address.to_string()),
        Entry::TaskAssigned { .. } | Entry::Settled { .. } | Entry::Abandoned { .. } | Entry::Outputs { .. } => None,
    }
}

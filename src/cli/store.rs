//! The state of a stack: opened in its backend with its key, and its lock waited for.

use super::failure::Outcome;
use super::shell::{DEFAULT_WORKSPACE, Shell};
use super::workspace::unknown;
use crate::apply::{self, StoreError, Writer};
use crate::config::Settings;
use crate::diagnostics::Diagnostic;
use crate::history::Estimates;
use crate::secrets::{self, Found};
use crate::state::{State, wire};
use crate::value::Value;
use state_backends::{
    Backend, EncryptionKey, HistoryQuery, Holder, Keys, Liveness, LockRequest, Memory, Protected, Sqlite,
};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How often a held lock is asked for again within `-lock-timeout`.
const LOCK_PAUSE: Duration = Duration::from_millis(500);

/// How many entries of the journal are looked at to learn how long steps take.
const LEARNT_ENTRIES: usize = 2000;

/// A stack's state, opened.
#[derive(Clone)]
pub(super) struct Store {
    state: apply::Store,
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
        Self::protected(inner, &key).await
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
        Ok((store.load().await?.serial > 0).then_some(store))
    }

    /// Makes a state that ends with the process: what a test needs.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(super) async fn in_memory() -> Outcome<Self> {
        Self::protected(Arc::new(Memory::new("default")?), &EncryptionKey::random()?).await
    }

    async fn protected(inner: Arc<dyn Backend>, key: &EncryptionKey) -> Outcome<Self> {
        let keys = Keys::open(&*inner, Some(key)).await?.expect("a key was given, so there is a keyring");
        let backend = Arc::new(Protected::new(inner, keys.clone()));
        Ok(Self { state: apply::Store::new(backend, Arc::new(Seal(keys.clone()))), keys })
    }

    /// Returns the state: the newest snapshot with the journal after it.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    pub(super) async fn load(&self) -> Result<State, StoreError> {
        self.state.load().await
    }

    /// Returns how long steps took so far.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub(super) async fn estimates(&self) -> Result<Estimates, StoreError> {
        let query = HistoryQuery { latest: Some(LEARNT_ENTRIES), ..HistoryQuery::default() };
        Ok(Estimates::learn(&self.state.history(&query).await?))
    }

    /// Returns the keys of the state.
    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Returns where the state is kept, for its workspaces and locks.
    pub(super) fn backend(&self) -> &dyn Backend {
        &**self.state.backend()
    }

    /// Returns who works on this state right now, if someone alive does: `run 42 by kim@ws1`.
    ///
    /// # Errors
    /// The backend cannot be asked.
    pub(super) async fn at_work(&self) -> Outcome<Option<String>> {
        let holder = self.backend().holder().await?;
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
    ) -> Result<Writer, StoreError> {
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
            match self.state.lock(request).await {
                Err(StoreError::Backend(state_backends::Error::Locked { holder, .. }))
                    if tokio::time::Instant::now() < deadline =>
                {
                    if !is_told {
                        shell.terminal.say(&format!("Waiting for the lock of {holder}"));
                        is_told = true;
                    }
                    tokio::time::sleep(LOCK_PAUSE).await;
                }
                taken => return taken,
            }
        }
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

/// Seals single texts within what is written: outputs that are sensitive.
struct Seal(Arc<Keys>);

/// What a sealed text is bound to, so that it cannot be put elsewhere.
const SEALED_TEXT: &str = "text within the state";

impl wire::Seal for Seal {
    fn seal(&self, text: &str) -> Result<String, String> {
        self.0.cipher().seal(SEALED_TEXT, text.as_bytes()).map_err(|error| error.to_string())
    }

    fn open(&self, sealed: &str) -> Result<String, String> {
        let bytes = self.0.cipher().open(SEALED_TEXT, sealed).map_err(|error| error.to_string())?;
        String::from_utf8(bytes.to_vec()).map_err(|_| "it is not a text".to_owned())
    }
}

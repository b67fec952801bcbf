//! Keeps a machine in a file: what a call changed is on disk before the call is answered.
//!
//! One file per lab, `.spawnpoint/labs/CLUSTER.db`, and beside it a lock file held while a process uses the lab.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Instant;

use rusqlite::{Connection, params};

use super::faults::Faults;
use super::lab::{Lab, LabError};
use super::machine::{Machine, Pace, Reply, Request, Row};

/// A lab in use.
pub struct Store {
    machine: Machine,
    faults: Faults,
    pace: Pace,
    /// When real time was last compared with virtual time, and what the latter was then.
    since: (Instant, u64),
    guest_generation: u64,
    file: Option<Kept>,
}

struct Kept {
    connection: Connection,
    path: PathBuf,
    /// Holding the file open holds the lock.
    _lock: File,
}

/// Why a lab cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process uses the lab.
    #[error("lab `{cluster}` is in use by another process")]
    InUse {
        /// Name of the cluster.
        cluster: String,
    },
    /// The lab file is wrong.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// A file or folder cannot be read or written.
    #[error("cannot use `{path}`: {detail}")]
    File {
        /// The file.
        path: String,
        /// What went wrong.
        detail: String,
    },
    /// The lab contradicts itself.
    #[error("cannot build lab `{cluster}`: {detail}")]
    Build {
        /// Name of the cluster.
        cluster: String,
        /// What went wrong.
        detail: String,
    },
}

impl StoreError {
    /// Returns what the user can do next, if anything.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::InUse { .. } => {
                Some("run `spawnpoint sim serve` and point both at its endpoint to share a lab between processes")
            }
            Self::Lab(_) | Self::File { .. } | Self::Build { .. } => None,
        }
    }
}

impl Store {
    /// Returns a lab that lives in memory only.
    ///
    /// # Errors
    /// [`StoreError::Build`].
    pub fn in_memory(lab: &Lab, pace: Pace) -> Result<Self, StoreError> {
        Self::with_machine(new_machine(lab)?, lab, pace, None)
    }

    /// Opens a lab's file in `folder`, usually `.spawnpoint/labs`, or makes it from `lab`.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process holds it, [`StoreError::File`] when it cannot be read.
    pub fn open(folder: &Path, lab: &Lab, pace: Pace) -> Result<Self, StoreError> {
        let path = folder.join(format!("{}.db", lab.cluster));
        std::fs::create_dir_all(folder).map_err(|error| file_error(folder, error))?;
        let lock = lock(folder, &lab.cluster)?;
        let connection = connect(&path).map_err(|error| file_error(&path, error))?;
        let rows = read_rows(&connection).map_err(|error| file_error(&path, error))?;
        let machine = match rows.is_empty() {
            true => new_machine(lab)?,
            false => Machine::restore(rows).map_err(|error| file_error(&path, error))?,
        };
        let kept = Kept { connection, path, _lock: lock };
        let mut store = Self::with_machine(machine, lab, pace, Some(kept))?;
        store.save()?;
        Ok(store)
    }

    /// Forgets everything that happened in a lab.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when a process holds it, [`StoreError::File`] when it cannot be removed.
    pub fn reset(folder: &Path, cluster: &str) -> Result<(), StoreError> {
        if !folder.exists() {
            return Ok(());
        }
        let _lock = lock(folder, cluster)?;
        for end in ["db", "db-wal", "db-shm"] {
            let path = folder.join(format!("{cluster}.{end}"));
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(file_error(&path, error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn with_machine(mut machine: Machine, lab: &Lab, pace: Pace, file: Option<Kept>) -> Result<Self, StoreError> {
        machine.set_pace(pace);
        let build = |detail| StoreError::Build { cluster: lab.cluster.clone(), detail };
        let faults = Faults::new(lab.fault.values().cloned()).map_err(build)?;
        let since = (Instant::now(), machine.now_ms());
        Ok(Self { machine, faults, pace, since, guest_generation: 0, file })
    }

    /// Returns how time passes.
    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// Returns the machine, to look at.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Returns a number that grows whenever a guest changed.
    pub fn guest_generation(&self) -> u64 {
        self.guest_generation
    }

    /// Returns the fault rules, which count the calls they see.
    pub fn faults(&mut self) -> &mut Faults {
        &mut self.faults
    }

    /// Answers a request and stores what it changed before returning.
    ///
    /// # Errors
    /// [`StoreError::File`] when the change cannot be stored; then nothing may be answered.
    pub fn handle(&mut self, request: &Request) -> Result<Reply, StoreError> {
        let arrived_ms = self.catch_up();
        let reply = self.machine.handle_arrived(request, arrived_ms);
        self.save()?;
        Ok(reply)
    }

    /// Lets the machine do something that is not a request, and stores it.
    ///
    /// # Errors
    /// [`StoreError::File`] when the change cannot be stored.
    pub fn change<R>(&mut self, change: impl FnOnce(&mut Machine) -> R) -> Result<R, StoreError> {
        self.catch_up();
        let result = change(&mut self.machine);
        self.save()?;
        Ok(result)
    }

    /// In real time, virtual time follows the wall clock; it may be ahead after a call that waited.
    /// Returns what time it is for whoever sends a request now.
    fn catch_up(&mut self) -> u64 {
        if let Pace::Real { speed } = self.pace {
            let passed = self.since.0.elapsed() * speed.max(1);
            let passed_ms = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
            let target_ms = self.since.1 + passed_ms;
            self.machine.advance(target_ms.saturating_sub(self.machine.now_ms()));
            return target_ms;
        }
        self.machine.now_ms()
    }

    fn save(&mut self) -> Result<(), StoreError> {
        let rows = self.machine.take_changes();
        if rows.iter().any(|row| matches!(row.table.as_str(), "guest" | "single") && row.key != "clock") {
            self.guest_generation += 1;
        }
        let Some(kept) = self.file.as_mut().filter(|_| !rows.is_empty()) else {
            return Ok(());
        };
        write_rows(&mut kept.connection, &rows).map_err(|error| file_error(&kept.path, error))
    }
}

fn new_machine(lab: &Lab) -> Result<Machine, StoreError> {
    let build = |detail| StoreError::Build { cluster: lab.cluster.clone(), detail };
    Machine::new(lab, lab.seed).map_err(build)
}

fn file_error(path: &Path, error: impl std::fmt::Display) -> StoreError {
    StoreError::File { path: path.display().to_string(), detail: error.to_string() }
}

fn lock(folder: &Path, cluster: &str) -> Result<File, StoreError> {
    let path = folder.join(format!("{cluster}.lock"));
    let file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| file_error(&path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { cluster: cluster.to_owned() }),
        Err(TryLockError::Error(error)) => Err(file_error(&path, error)),
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    // A kill of the process loses nothing with either setting; only a power cut could, and a lab survives that.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.execute(
        "CREATE TABLE IF NOT EXISTS row (kind TEXT, key TEXT, json TEXT NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID",
        [],
    )?;
    Ok(connection)
}

fn read_rows(connection: &Connection) -> rusqlite::Result<Vec<Row>> {
    let mut statement = connection.prepare("SELECT kind, key, json FROM row")?;
    let rows =
        statement.query_map([], |row| Ok(Row { table: row.get(0)?, key: row.get(1)?, json: Some(row.get(2)?) }))?;
    rows.collect()
}

fn write_rows(connection: &mut Connection, rows: &[Row]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for row in rows {
        match &row.json {
            Some(json) => {
                let mut statement =
                    transaction.prepare_cached("INSERT OR REPLACE INTO row (kind, key, json) VALUES (?1, ?2, ?3)")?;
                statement.execute(params![row.table, row.key, json])?;
            }
            None => {
                let mut statement = transaction.prepare_cached("DELETE FROM row WHERE kind = ?1 AND key = ?2")?;
                statement.execute(params![row.table, row.key])?;
            }
        }
    }
    transaction.commit()
}

//! One connection to the state file: opening it without harming what is not ours, transactions, workspaces, the keyring.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior};
use uuid::Uuid;

use crate::error::{Error, Result};

/// The format of the file that this version reads and writes.
const FORMAT: u32 = 1;

/// Marks the file as ours, for `file` and for us: `SPWN`.
const APPLICATION_ID: i32 = 0x5350_574E;

/// How long to wait for other processes. They hold the file for single commits, milliseconds each; a backup tool may take longer.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection, bound to one workspace.
pub(super) struct Database {
    pub(super) path: PathBuf,
    workspace: String,
    pub(super) lineage: String,
    connection: Connection,
}

impl Database {
    /// Opens or makes the file and the workspace in it.
    pub(super) fn open(path: PathBuf, workspace: &str) -> Result<Self> {
        if let Some(folder) = path.parent() {
            let failed = |source| Error::Io { action: "create", path: folder.to_owned(), source };
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let connection = Connection::open(&path).map_err(|source| failure(&path, source))?;
        let mut database = Self { path, workspace: workspace.to_owned(), lineage: String::new(), connection };
        database.prepare()?;
        database.lineage = database.enter_workspace()?;
        Ok(database)
    }

    fn prepare(&mut self) -> Result<()> {
        self.try_sql(|connection| connection.busy_timeout(BUSY_TIMEOUT))?;
        let is_new = self.read(is_empty)?;
        self.use_write_ahead_log()?;
        self.try_sql(|connection| {
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.pragma_update(None, "foreign_keys", true)
        })?;
        if is_new {
            self.write(|transaction, path| {
                // Another process may have been faster.
                if is_empty(transaction, path)? { create_tables(transaction, path) } else { Ok(()) }
            })?;
        }
        Ok(())
    }

    /// Switches to write-ahead logging, once per file.
    ///
    /// When two processes try this together, SQLite answers one of them with "busy" at once, whatever the timeout: of 600 new files that
    /// 24 connections opened at once, some always met it. An empty write transaction does wait for the other; then we try again.
    fn use_write_ahead_log(&mut self) -> Result<()> {
        let switch = |connection: &Connection| connection.pragma_update(None, "journal_mode", "WAL");
        for _ in 0..20 {
            match switch(&self.connection).map_err(|source| failure(&self.path, source)) {
                Err(Error::Busy { .. }) => self.write(|_, _| Ok(()))?,
                settled => return settled,
            }
        }
        Err(Error::Busy { place: self.path.display().to_string() })
    }

    fn enter_workspace(&mut self) -> Result<String> {
        let name = self.workspace.clone();
        if let Some(lineage) = self.read(|transaction, path| lineage_of(transaction, path, &name))? {
            return Ok(lineage);
        }
        self.write(|transaction, path| {
            let fresh = Uuid::new_v4().to_string();
            transaction
                .execute(
                    "INSERT INTO workspaces (lineage, name) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
                    (&fresh, &name),
                )
                .map_err(|source| failure(path, source))?;
            Ok(lineage_of(transaction, path, &name)?.expect("the workspace was inserted above unless it was there"))
        })
    }

    /// Runs `work` on one consistent view of the file.
    pub(super) fn read<T>(&mut self, work: impl FnOnce(&Transaction<'_>, &Path) -> Result<T>) -> Result<T> {
        self.transaction(TransactionBehavior::Deferred, work)
    }

    /// Runs `work` while no other process can write; what it did is durable when this returns, and undone if it failed.
    pub(super) fn write<T>(&mut self, work: impl FnOnce(&Transaction<'_>, &Path) -> Result<T>) -> Result<T> {
        self.transaction(TransactionBehavior::Immediate, work)
    }

    fn transaction<T>(
        &mut self,
        behavior: TransactionBehavior,
        work: impl FnOnce(&Transaction<'_>, &Path) -> Result<T>,
    ) -> Result<T> {
        let path = &self.path;
        let transaction =
            self.connection.transaction_with_behavior(behavior).map_err(|source| failure(path, source))?;
        let value = work(&transaction, path)?;
        transaction.commit().map_err(|source| failure(path, source))?;
        Ok(value)
    }

    fn try_sql<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        work(&self.connection).map_err(|source| failure(&self.path, source))
    }

    /// Returns the error for a workspace that was deleted while this handle was open on it.
    pub(super) fn gone(&self) -> Error {
        no_workspace(&self.path, &self.workspace)
    }

    pub(super) fn workspaces(&mut self) -> Result<Vec<String>> {
        self.try_sql(|connection| {
            let mut query = connection.prepare("SELECT name FROM workspaces WHERE name IS NOT NULL ORDER BY name")?;
            query.query_map([], |row| row.get(0))?.collect()
        })
    }

    pub(super) fn delete_workspace(&mut self, name: &str) -> Result<()> {
        self.write(|transaction, path| {
            let lineage = lineage_of(transaction, path, name)?.ok_or_else(|| no_workspace(path, name))?;
            super::lease::refuse_if_held(transaction, path, &lineage)?;
            let delete = || {
                transaction.execute("DELETE FROM locks WHERE lineage = ?", [&lineage])?;
                transaction.execute("UPDATE workspaces SET formerly = name, name = NULL WHERE lineage = ?", [&lineage])
            };
            delete().map_err(|source| failure(path, source))?;
            Ok(())
        })
    }

    pub(super) fn keyring(&mut self) -> Result<Option<String>> {
        let (lineage, gone) = (self.lineage.clone(), self.gone());
        let query = "SELECT keyring FROM workspaces WHERE lineage = ? AND name IS NOT NULL";
        self.try_sql(|connection| connection.query_row(query, [&lineage], |row| row.get(0)).optional())?.ok_or(gone)
    }

    pub(super) fn replace_keyring(&mut self, before: Option<&str>, after: &str) -> Result<()> {
        let lineage = self.lineage.clone();
        self.write(|transaction, path| {
            let update = "UPDATE workspaces SET keyring = ? WHERE lineage = ? AND keyring IS ? AND name IS NOT NULL";
            transaction.execute(update, (after, &lineage, before)).map_err(|source| failure(path, source))?;
            Ok(())
        })
    }
}

/// Returns whether the file is new, and refuses one that is foreign or from a newer version. Only reads.
fn is_empty(transaction: &Transaction<'_>, path: &Path) -> Result<bool> {
    let number =
        |sql| transaction.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(|source| failure(path, source));
    let (application_id, tables) = (number("PRAGMA application_id")?, number("SELECT count(*) FROM sqlite_schema")?);
    if application_id == 0 && tables == 0 {
        return Ok(true);
    }
    if application_id != i64::from(APPLICATION_ID) {
        return Err(Error::Foreign {
            place: path.display().to_string(),
            detail: "it is the database of another program".to_owned(),
        });
    }
    let format: String = transaction
        .query_row("SELECT value FROM meta WHERE key = 'format'", [], |row| row.get(0))
        .map_err(|source| failure(path, source))?;
    match format.parse() {
        Ok(FORMAT) => Ok(false),
        Ok(format) if format > FORMAT => {
            Err(Error::FormatTooNew { place: path.display().to_string(), format, supported: FORMAT })
        }
        Ok(_) | Err(_) => Err(corrupt(path, format!("its format is `{format}`"))),
    }
}

fn create_tables(transaction: &Transaction<'_>, path: &Path) -> Result<()> {
    let created = transaction
        .execute_batch(include_str!("schema.sql"))
        .and_then(|()| transaction.pragma_update(None, "application_id", APPLICATION_ID));
    created.map_err(|source| failure(path, source))
}

fn lineage_of(transaction: &Transaction<'_>, path: &Path, workspace: &str) -> Result<Option<String>> {
    transaction
        .query_row("SELECT lineage FROM workspaces WHERE name = ?", [workspace], |row| row.get(0))
        .optional()
        .map_err(|source| failure(path, source))
}

fn no_workspace(path: &Path, name: &str) -> Error {
    Error::NoWorkspace { place: path.display().to_string(), workspace: name.to_owned() }
}

/// Returns the error for contents that do not fit.
pub(super) fn corrupt(path: &Path, detail: impl Into<String>) -> Error {
    Error::Corrupt { place: path.display().to_string(), detail: detail.into() }
}

/// Returns what a failure of SQLite means for the file.
///
/// Our statements are fixed and correct, so a table that is missing or a value that does not convert is damage too.
pub(super) fn failure(path: &Path, source: rusqlite::Error) -> Error {
    use rusqlite::Error as Sql;
    let place = path.display().to_string();
    match (source.sqlite_error_code(), &source) {
        (Some(ErrorCode::NotADatabase), _) => {
            Error::Foreign { place, detail: "it is not an sqlite database".to_owned() }
        }
        (Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked), _) => Error::Busy { place },
        (Some(ErrorCode::DatabaseCorrupt | ErrorCode::Unknown), _)
        | (
            None,
            Sql::FromSqlConversionFailure(..)
            | Sql::IntegralValueOutOfRange(..)
            | Sql::InvalidColumnType(..)
            | Sql::QueryReturnedNoRows,
        ) => Error::Corrupt { place, detail: source.to_string() },
        _ => Error::Sqlite { place, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connection_makes_its_commits_durable() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for _ in 0..2 {
            let path = folder.path().join("state.db");
            let database = Database::open(path, "default").expect("it opens");
            let setting = |name: &str| {
                let read = |row: &rusqlite::Row<'_>| row.get::<_, rusqlite::types::Value>(0);
                database.connection.pragma_query_value(None, name, read).expect("a setting")
            };
            assert_eq!(setting("journal_mode"), "wal".to_owned().into());
            assert_eq!(setting("synchronous"), 2.into(), "2 is FULL");
            assert_eq!(setting("foreign_keys"), 1.into());
        }
    }
}

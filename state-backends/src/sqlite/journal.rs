//! What is kept in the state file: snapshot, entries and runs, read and written in transactions.

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::database::{Database, corrupt, failure};
use super::lease::require_lease;
use crate::backend::{Entry, HistoryQuery, RunRecord, Stored, StoredEntry};
use crate::error::{Error, Result};
use crate::lock::LockInfo;

impl Database {
    pub(super) fn load(&mut self) -> Result<Stored> {
        let (lineage, gone) = (self.lineage.clone(), self.gone());
        self.read(|transaction, path| {
            let sql =
                "SELECT lineage, serial, snapshot, through FROM workspaces WHERE lineage = ? AND name IS NOT NULL";
            let without_entries = |row: &Row<'_>| {
                Ok(Stored {
                    lineage: row.get(0)?,
                    serial: row.get(1)?,
                    snapshot: row.get(2)?,
                    through: row.get(3)?,
                    entries: Vec::new(),
                })
            };
            let found = transaction
                .query_row(sql, [&lineage], without_entries)
                .optional()
                .map_err(|source| failure(path, source))?;
            let stored = found.ok_or(gone)?;
            let entries =
                entries_after(transaction, &lineage, stored.through).map_err(|source| failure(path, source))?;
            let last = last_sequence(transaction, &lineage).map_err(|source| failure(path, source))?;
            if last < stored.through {
                let detail = format!("its snapshot contains entry {}, its journal ends at {last}", stored.through);
                return Err(corrupt(path, detail));
            }
            for (expected, entry) in (stored.through + 1..).zip(&entries) {
                if entry.sequence != expected {
                    return Err(corrupt(path, format!("journal entry {expected} is missing")));
                }
            }
            Ok(Stored { entries, ..stored })
        })
    }

    pub(super) fn append(&mut self, lock: &LockInfo, entries: &[Entry]) -> Result<u64> {
        let lineage = self.lineage.clone();
        self.write(|transaction, path| {
            require_lease(transaction, path, &lineage, lock)?;
            let insert = || {
                let mut sequence = last_sequence(transaction, &lineage)?;
                let mut insert = transaction.prepare_cached("INSERT INTO entries VALUES (?, ?, ?, ?, ?)")?;
                for Entry { subject, body } in entries {
                    sequence += 1;
                    insert.execute(params![lineage, sequence, lock.run, subject, body])?;
                }
                Ok(sequence)
            };
            insert().map_err(|source| failure(path, source))
        })
    }

    pub(super) fn compact(&mut self, lock: &LockInfo, snapshot: &str, through: u64) -> Result<u64> {
        let lineage = self.lineage.clone();
        self.write(|transaction, path| {
            require_lease(transaction, path, &lineage, lock)?;
            let failed = |source| failure(path, source);
            let last = last_sequence(transaction, &lineage).map_err(failed)?;
            let present = "SELECT through FROM workspaces WHERE lineage = ?";
            let first = transaction.query_row(present, [&lineage], |row| row.get(0)).map_err(failed)?;
            if !(first..=last).contains(&through) {
                return Err(Error::NotInJournal { place: path.display().to_string(), through, first, last });
            }
            let update = "UPDATE workspaces SET snapshot = ?, through = ?, serial = serial + 1 WHERE lineage = ? RETURNING serial";
            transaction.query_row(update, params![snapshot, through, lineage], |row| row.get(0)).map_err(failed)
        })
    }

    pub(super) fn history(&mut self, query: &HistoryQuery) -> Result<Vec<StoredEntry>> {
        self.read_list(|transaction, lineage| {
            let sql = "SELECT sequence, run, subject, body FROM entries
                WHERE lineage = ?1 AND (?2 IS NULL OR subject = ?2) AND (?3 IS NULL OR run = ?3)
                ORDER BY sequence DESC LIMIT ?4";
            let wanted = params![lineage, query.subject, query.run, limit(query.latest)];
            let mut entries =
                transaction.prepare_cached(sql)?.query_map(wanted, entry)?.collect::<rusqlite::Result<Vec<_>>>()?;
            entries.reverse();
            Ok(entries)
        })
    }

    pub(super) fn record_run(&mut self, lock: &LockInfo, run: &RunRecord) -> Result<()> {
        let lineage = self.lineage.clone();
        self.write(|transaction, path| {
            require_lease(transaction, path, &lineage, lock)?;
            let RunRecord { id, command, who, started, finished, outcome, summary, body } = run;
            let (started, finished) = (started.to_string(), finished.map(|time| time.to_string()));
            let sql = "INSERT INTO runs (lineage, id, command, who, started, finished, outcome, summary, body)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
            transaction
                .execute(sql, params![lineage, id, command, who, started, finished, outcome, summary, body])
                .map_err(|source| failure(path, source))?;
            Ok(())
        })
    }

    pub(super) fn runs(&mut self, latest: usize) -> Result<Vec<RunRecord>> {
        self.read_list(|transaction, lineage| {
            let sql = "SELECT id, command, who, started, finished, outcome, summary, body FROM runs
                JOIN (SELECT min(position) AS first, max(position) AS newest FROM runs WHERE lineage = ? GROUP BY id) ON position = newest
                ORDER BY first DESC LIMIT ?";
            transaction.prepare_cached(sql)?.query_map(params![lineage, limit(Some(latest))], run)?.collect()
        })
    }

    /// Reads a list that belongs to the workspace, which must still be there.
    fn read_list<T>(
        &mut self,
        list: impl FnOnce(&Transaction<'_>, &str) -> rusqlite::Result<Vec<T>>,
    ) -> Result<Vec<T>> {
        let (lineage, gone) = (self.lineage.clone(), self.gone());
        self.read(|transaction, path| {
            let exists = "SELECT 1 FROM workspaces WHERE lineage = ? AND name IS NOT NULL";
            let found = transaction
                .query_row(exists, [&lineage], |_| Ok(()))
                .optional()
                .map_err(|source| failure(path, source))?;
            found.ok_or(gone)?;
            list(transaction, &lineage).map_err(|source| failure(path, source))
        })
    }
}

fn last_sequence(transaction: &Transaction<'_>, lineage: &str) -> rusqlite::Result<u64> {
    transaction
        .query_row("SELECT coalesce(max(sequence), 0) FROM entries WHERE lineage = ?", [lineage], |row| row.get(0))
}

fn entries_after(transaction: &Transaction<'_>, lineage: &str, through: u64) -> rusqlite::Result<Vec<StoredEntry>> {
    let sql = "SELECT sequence, run, subject, body FROM entries WHERE lineage = ? AND sequence > ? ORDER BY sequence";
    transaction.prepare_cached(sql)?.query_map(params![lineage, through], entry)?.collect()
}

fn entry(row: &Row<'_>) -> rusqlite::Result<StoredEntry> {
    Ok(StoredEntry { sequence: row.get(0)?, run: row.get(1)?, subject: row.get(2)?, body: row.get(3)? })
}

fn run(row: &Row<'_>) -> rusqlite::Result<RunRecord> {
    Ok(RunRecord {
        id: row.get(0)?,
        command: row.get(1)?,
        who: row.get(2)?,
        started: time(row, 3)?,
        finished: row.get::<_, Option<String>>(4)?.map(|text| parse_time(4, &text)).transpose()?,
        outcome: row.get(5)?,
        summary: row.get(6)?,
        body: row.get(7)?,
    })
}

/// Reads a point in time, which the file keeps as text.
pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    parse_time(column, &row.get::<_, String>(column)?)
}

fn parse_time(column: usize, text: &str) -> rusqlite::Result<Timestamp> {
    let damaged = |source: jiff::Error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, source.into());
    text.parse().map_err(damaged)
}

/// SQLite reads -1 as "no limit"; a list longer than that does not exist.
fn limit(latest: Option<usize>) -> i64 {
    latest.map_or(-1, |latest| i64::try_from(latest).unwrap_or(-1))
}

//! The lock on a workspace: a row that says who, and a file that says whether they still live.
//!
//! The holder keeps an operating-system lock on a file of its own, `state.db.<lock id>.lock`. The system drops that lock with the process,
//! however it ends, so a row whose file is missing or unlocked belongs to the dead. The row decides who may write: it is read inside
//! every writing transaction. A file per lock, not per database, lets a lock be broken while its holder lives.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::database::{Database, failure};
use super::journal::time;
use crate::error::{Error, Result};
use crate::lock::{Holder, Lease, Liveness, LockInfo, LockRequest};

impl Database {
    pub(super) fn lock(&mut self, request: LockRequest) -> Result<Lease> {
        let (lineage, gone) = (self.lineage.clone(), self.gone());
        let lock = LockInfo::new(request);
        let mine = lock_file(&self.path, &lock.id);
        let taken = self.write(|transaction, path| {
            let dead = refuse_if_held(transaction, path, &lineage)?;
            let file = File::create_new(&mine).map_err(|source| Error::Io { action: "create", path: mine.clone(), source })?;
            file.try_lock().map_err(|refused| Error::Io { action: "lock", path: mine.clone(), source: refused.into() })?;
            let sql = "REPLACE INTO locks SELECT lineage, ?, ?, ?, ?, ?, ?, ? FROM workspaces WHERE lineage = ? AND name IS NOT NULL";
            let LockInfo { id, who, pid, operation, run, info, created } = &lock;
            let inserted = transaction
                .execute(sql, params![id, who, pid, operation, run, info, created.to_string(), lineage])
                .map_err(|source| failure(path, source))?;
            if inserted == 1 { Ok((dead, file)) } else { Err(gone) }
        });
        match taken {
            Ok((dead, file)) => {
                if let Some(dead) = &dead {
                    remove_lock_file(&self.path, &dead.id);
                }
                Ok(Lease::new(lock, dead, file))
            }
            Err(error) => {
                remove_lock_file(&self.path, &lock.id);
                Err(error)
            }
        }
    }

    pub(super) fn unlock(&mut self, lease: Lease) -> Result<()> {
        let lineage = self.lineage.clone();
        let result = self.write(|transaction, path| {
            require_lease(transaction, path, &lineage, lease.lock())?;
            remove_row(transaction, path, &lineage)
        });
        let id = lease.lock().id.clone();
        drop(lease);
        remove_lock_file(&self.path, &id);
        result
    }

    pub(super) fn break_lock(&mut self, id: &str) -> Result<LockInfo> {
        let lineage = self.lineage.clone();
        let broken = self.write(|transaction, path| match present(transaction, path, &lineage)? {
            Some(lock) if lock.id == id => remove_row(transaction, path, &lineage).map(|()| lock),
            Some(_) | None => Err(Error::NotHeld { place: path.display().to_string(), id: id.to_owned() }),
        })?;
        remove_lock_file(&self.path, id);
        Ok(broken)
    }

    pub(super) fn holder(&mut self) -> Result<Option<Holder>> {
        let Some(lock) = self.present_lock()? else {
            return Ok(None);
        };
        let liveness = liveness(&self.path, &lock.id)?;
        // Unlocking removes the row, then the file. Who looked in between must not take a tidy end for a death.
        if liveness == Liveness::Dead && self.present_lock()?.is_none_or(|present| present.id != lock.id) {
            return self.holder();
        }
        Ok(Some(Holder { lock, liveness }))
    }

    fn present_lock(&mut self) -> Result<Option<LockInfo>> {
        let lineage = self.lineage.clone();
        self.read(|transaction, path| present(transaction, path, &lineage))
    }
}

/// Fails with [`Error::Locked`] if a live process holds the lock, and returns the lock of a dead one. Call it in a writing transaction.
pub(super) fn refuse_if_held(transaction: &Transaction<'_>, path: &Path, lineage: &str) -> Result<Option<LockInfo>> {
    let Some(lock) = present(transaction, path, lineage)? else {
        return Ok(None);
    };
    match liveness(path, &lock.id)? {
        Liveness::Dead => Ok(Some(lock)),
        Liveness::Live | Liveness::Unknown => {
            Err(Error::Locked { place: path.display().to_string(), holder: Box::new(lock) })
        }
    }
}

/// Fails with [`Error::LeaseLost`] unless the workspace is locked by `lock`. Call it in the transaction that writes.
pub(super) fn require_lease(transaction: &Transaction<'_>, path: &Path, lineage: &str, lock: &LockInfo) -> Result<()> {
    match present(transaction, path, lineage)? {
        Some(present) if present.id == lock.id => Ok(()),
        Some(_) | None => Err(Error::LeaseLost { place: path.display().to_string(), id: lock.id.clone() }),
    }
}

fn present(transaction: &Transaction<'_>, path: &Path, lineage: &str) -> Result<Option<LockInfo>> {
    let read = |row: &Row<'_>| {
        Ok(LockInfo {
            id: row.get(0)?,
            who: row.get(1)?,
            pid: row.get(2)?,
            operation: row.get(3)?,
            run: row.get(4)?,
            info: row.get(5)?,
            created: time(row, 6)?,
        })
    };
    let sql = "SELECT id, who, pid, operation, run, info, created FROM locks WHERE lineage = ?";
    transaction.query_row(sql, [lineage], read).optional().map_err(|source| failure(path, source))
}

fn remove_row(transaction: &Transaction<'_>, path: &Path, lineage: &str) -> Result<()> {
    transaction.execute("DELETE FROM locks WHERE lineage = ?", [lineage]).map_err(|source| failure(path, source))?;
    Ok(())
}

fn lock_file(database: &Path, id: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(format!(".{id}.lock"));
    name.into()
}

/// Removes the file of a lock that no row names any more. If that fails, a file is left over that nobody ever looks at.
fn remove_lock_file(database: &Path, id: &str) {
    let _ = std::fs::remove_file(lock_file(database, id));
}

/// A shared lock is refused exactly while the holder has its exclusive one, and two who look at once do not mistake each other for it.
fn liveness(database: &Path, id: &str) -> Result<Liveness> {
    let path = lock_file(database, id);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Liveness::Dead),
        Err(source) => {
            return Err(Error::Io { action: "read", path, source });
        }
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(Liveness::Dead),
        Err(TryLockError::WouldBlock) => Ok(Liveness::Live),
        Err(TryLockError::Error(source)) => Err(Error::Io { action: "lock", path, source }),
    }
}

//! Where Spawnpoint keeps its state: a snapshot, the journal after it, the lock and the history of runs.
//!
//! ```text
//! Backend (trait, plain data)  ─┬─ memory    for tests and for the simulator
//!                               └─ sqlite    the default: one file next to the stack
//! Protected (is a Backend too) ── seals bodies on their way into any backend
//! contract::check              ── what every backend has to pass
//! ```
//!
//! In reading order: [`backend`], [`lock`], [`memory`], [`sqlite`], [`encryption`], [`contract`], [`error`].
//!
//! Architecture invariant: this crate knows no HCL, no Proxmox and no colours. Snapshots, entries and run records are texts that it
//! keeps and never reads; whoever wrote them gives them a meaning. It reads no clock: the caller says when something happened.
//! Architecture invariant: what was appended is never changed or removed. State = fold(snapshot, entries after it).

pub mod backend;
pub mod contract;
pub mod encryption;
pub mod error;
pub mod lock;
pub mod memory;
pub mod sqlite;

pub use backend::{Backend, Entry, HistoryQuery, RunRecord, Stored, StoredEntry};
pub use encryption::{Cipher, EncryptionKey, FingerprintKey, Keys, Protected};
pub use error::{Error, Result};
pub use lock::{Holder, Lease, Liveness, LockInfo, LockRequest};
pub use memory::Memory;
pub use sqlite::Sqlite;

//! Everything that can go wrong while keeping state, each case with the place it concerns.
//!
//! Turning a case into advice for the user is the caller's work; the messages here are one line each.

use std::path::PathBuf;

use crate::lock::LockInfo;

/// The result of whatever touches a backend or a key.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why state could not be read, written, locked or opened.
///
/// `place` is what [`Backend::place`](crate::Backend::place) returns: for SQLite the path of the file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Someone else, still alive, holds the lock.
    #[error("the state in `{place}` is locked by {holder}")]
    Locked {
        /// Where the state is.
        place: String,
        /// Who holds the lock, and for what.
        holder: Box<LockInfo>,
    },
    /// The lease was broken, or taken over after its holder seemed dead: its owner must not write any more.
    #[error("the lock `{id}` on the state in `{place}` was lost, nothing was written")]
    LeaseLost {
        /// Where the state is.
        place: String,
        /// Id of the lost lock.
        id: String,
    },
    /// There is no lock with this id to break.
    #[error("no lock `{id}` is held on the state in `{place}`")]
    NotHeld {
        /// Where the state is.
        place: String,
        /// The id that was asked for.
        id: String,
    },
    /// The workspace does not exist, or was deleted while it was open.
    #[error("there is no workspace `{workspace}` in `{place}`")]
    NoWorkspace {
        /// Where the state is.
        place: String,
        /// The workspace's name.
        workspace: String,
    },
    /// A name that cannot be a workspace's.
    #[error(
        "`{name}` cannot name a workspace: expected 1 to 90 letters, digits, `-`, `_` or `.`, beginning with a letter or digit"
    )]
    WorkspaceName {
        /// The name that was given.
        name: String,
    },
    /// A snapshot claims to contain entries that do not exist, or fewer than the one before it.
    #[error("a snapshot through entry {through} does not fit the journal in `{place}`, expected {first} to {last}")]
    NotInJournal {
        /// Where the state is.
        place: String,
        /// The last entry that the refused snapshot contains.
        through: u64,
        /// The last entry that the present snapshot contains.
        first: u64,
        /// The last entry of the journal.
        last: u64,
    },
    /// The data is ours but damaged.
    #[error("the state in `{place}` is damaged: {detail}")]
    Corrupt {
        /// Where the state is.
        place: String,
        /// What does not fit.
        detail: String,
    },
    /// The file belongs to something else; it was not changed.
    #[error("`{place}` is not a state file of spawnpoint: {detail}")]
    Foreign {
        /// The file.
        place: String,
        /// What was found instead.
        detail: String,
    },
    /// Written by a newer version.
    #[error("`{place}` has format {format}, this version reads up to {supported}")]
    FormatTooNew {
        /// The file or the part of it.
        place: String,
        /// The format that was found.
        format: u32,
        /// The newest format that we read.
        supported: u32,
    },
    /// The key given is not the one that the state was protected with.
    #[error("the key does not open the state in `{place}`, which is protected with a {protected_with}")]
    WrongKey {
        /// Where the state is.
        place: String,
        /// `passphrase` or `key file`.
        protected_with: &'static str,
    },
    /// The state is protected and no key was given.
    #[error("the state in `{place}` is protected with a {protected_with}, and no key was given")]
    MissingKey {
        /// Where the state is.
        place: String,
        /// `passphrase` or `key file`.
        protected_with: &'static str,
    },
    /// A sealed text that this key does not open in this context: damaged, moved from elsewhere, or sealed with another key.
    #[error("the sealed text of `{context}` cannot be opened: it is damaged or was sealed for something else")]
    Unsealable {
        /// What the text was expected to belong to.
        context: String,
    },
    /// An empty passphrase protects nothing; most likely a variable is not set.
    #[error("the passphrase is empty")]
    EmptyPassphrase,
    /// A file that is not a key file.
    #[error("the key file `{}` does not hold exactly 32 bytes", path.display())]
    KeyFileLength {
        /// The key file.
        path: PathBuf,
    },
    /// A key file is never overwritten: what it protects would be lost.
    #[error("the key file `{}` exists already", path.display())]
    KeyFileExists {
        /// The key file.
        path: PathBuf,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes: {0}")]
    Random(getrandom::Error),
    /// Other processes kept the file busy for longer than we wait.
    #[error("`{place}` is kept busy by another process")]
    Busy {
        /// The file.
        place: String,
    },
    /// Reading or writing a file failed.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// A verb: `read`, `create`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// SQLite failed in a way that is neither damage nor contention, for example on a full disk.
    #[error("cannot use `{place}`")]
    Sqlite {
        /// The file.
        place: String,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

//! How a run ends: the one table of exit codes.

use std::process::ExitCode;

/// What a run tells its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, no changes, in sync.
    Done,
    /// An error: lock held, usage, and a check that could not see everything included.
    Error,
    /// `plan -detailed-exitcode`: there are changes.
    Changes,
    /// A check found something that only informs: `fmt -check`, a file would change.
    Informed,
    /// `apply`: the plan is stale, nothing was done.
    Stale,
    /// Interrupted.
    Interrupted,
}

impl Exit {
    /// Returns the number the caller sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Error => 1,
            Self::Changes => 2,
            Self::Informed => 3,
            Self::Stale => 4,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

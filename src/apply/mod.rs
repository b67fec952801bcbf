//! Carrying out a plan: `schedule` (pure) says what may run, `driver` (shell) runs it and owns the journal, `recover` (pure) reads what a
//! dead run left behind. Everything that happens is an [`Event`]; reporters listen.

mod event;
mod schedule;

pub use event::{Event, OperationResult, Summary};
pub use schedule::{Finish, Progress, Schedule};

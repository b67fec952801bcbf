//! Carrying out a plan: `schedule` (pure) says what may run, `driver` (shell) runs it and owns the journal, `recover` (pure) reads what a
//! dead run left behind. Everything that happens is an [`Event`]; reporters listen.

mod deadline;
mod driver;
mod event;
mod failure;
mod guard;
mod guest;
mod journal;
mod late;
mod outcome;
mod perform;
mod playbook;
mod probe;
mod provisioner;
pub mod recover;
mod schedule;
mod store;

pub use driver::{Clusters, Interrupt, Run, run};
pub use event::{Event, OperationResult, Summary};
pub use journal::{Journal, JournalError};
pub use late::Late;
pub use playbook::{GameFiles, Playbooks};
pub use probe::{Patience, Situation, look_and_recover};
pub use provisioner::{ProvisionContext, ProvisionError, Provisioned, Provisioner};
pub use recover::{Recovery, Remains, recover};
pub use schedule::{Finish, Progress, Schedule};
pub use store::{Store, StoreError, Writer};

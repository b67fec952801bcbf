//! What we know we made: [`State`] is the fold of a snapshot and the journal entries after it.
//!
//! Where it is kept is the business of the crate `state-backends`; only `wire` turns it into text. No IO here.

mod entry;
mod fingerprint;
mod fold;
mod record;
pub mod wire;

pub use entry::{Effect, Entry, OperationKey, Outcome};
pub use fingerprint::fingerprint;
pub use fold::{IllegalEntry, Problem, fold};
pub use record::{Completeness, Identity, OutputRecord, Record, State};

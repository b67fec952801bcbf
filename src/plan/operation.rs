//! The second half of a plan: [`Operation`]s that leave the apply no choices.
//!
//! An operation belongs to one object and is a list of steps; operations form a graph by index. Steps are made in `resources`, put in order
//! by `schedule_order`, and run in `apply`.

use crate::config::Address;
use crate::resources::step::{Lock, Step};
use crate::state::Identity;
use std::sync::Arc;

/// All steps for one change of one object.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The object.
    pub address: Address,
    /// Registry name of its type.
    pub kind: Arc<str>,
    /// Its cluster.
    pub cluster: Arc<str>,
    /// What the operation does to it; a replacement is a `Delete` and a `Create`.
    pub verb: Verb,
    /// Where the object is or will be.
    pub identity: Identity,
    /// Intent of the owner marker; empty for objects that cannot carry one.
    pub intent: String,
    /// Indexes of operations that must be done before, sorted.
    pub after: Vec<usize>,
    /// Steps in order.
    pub steps: Vec<Step>,
    /// Whether the steps are a sketch, because something they are made from is known only when what comes before is done. They are made
    /// again just before the operation starts.
    pub is_sketch: bool,
    /// Limited things it holds while it runs.
    pub locks: Vec<Lock>,
    /// Expected duration.
    pub estimate_ms: u64,
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Makes an object.
    Create,
    /// Changes it.
    Update,
    /// Destroys it.
    Delete,
    /// Brings the inside of a guest to its desired state.
    Provision,
    /// Changes only what the state says (adopt, forget, refresh).
    Record,
}

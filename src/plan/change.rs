//! What a plan says about each object: [`Change`] and its parts. How it is found out is in the other files of this room.

use crate::config::Address;
use crate::diagnostics::Span;
use crate::resources::schema::Impact;
use crate::state::Identity;
use crate::value::{Path, Value};
use std::sync::Arc;

/// One object of the plan, changed or not.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its address.
    pub address: Address,
    /// Registry name of its type.
    pub kind: Arc<str>,
    /// Cluster it lives on; empty for objects that live only in the configuration.
    pub cluster: Arc<str>,
    /// Label of its tenant, shown as a column.
    pub tenant: Option<Arc<str>>,
    /// What happens to it.
    pub action: Action,
    /// Why, where that is not plain from the attributes.
    pub reason: Option<Reason>,
    /// Differing attributes, in schema order.
    pub attributes: Vec<AttributeChange>,
    /// Number of attributes that stay as they are and are not shown.
    pub unchanged: usize,
    /// The worst that happens to the running guest.
    pub impact: Impact,
    /// What of the user's data goes: `disk scsi1 (40GiB)`. Empty: none.
    pub data_loss: Vec<String>,
    /// Where it is, or will be.
    pub identity: Identity,
    /// Short remarks: `moved to pve2 (HA)`, `unreachable: node pve3 is offline`, `simulated guest`.
    pub notes: Vec<String>,
    /// The object before, as observed; null if there is none. Of a guest that stays, and of all that is
    /// as it should be, only what somebody wrote, now or before.
    pub before: Value,
    /// The object after; null if there is none.
    pub after: Value,
    /// Block header in the text, if the block still exists.
    pub span: Option<Span>,
}

/// What happens to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Nothing.
    NoOp,
    /// It exists and comes under our eyes, unchanged.
    Adopt,
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
    /// It is destroyed and made anew, or the other way round.
    Replace,
    /// It is destroyed.
    Delete,
    /// It is dropped from the state and left alone.
    Forget,
}

impl Action {
    /// Returns the symbol of plan texts.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::NoOp => " ",
            Self::Adopt => "<=",
            Self::Create => "+",
            Self::Update => "~",
            Self::Replace => "-/+",
            Self::Delete => "-",
            Self::Forget => ".",
        }
    }

    /// Returns the words of plan texts, as Terraform's consumers expect them after `# ADDRESS `.
    pub fn words(self) -> &'static str {
        match self {
            Self::NoOp => "is unchanged",
            Self::Adopt => "will be adopted",
            Self::Create => "will be created",
            Self::Update => "will be updated in-place",
            Self::Replace => "must be replaced",
            Self::Delete => "will be destroyed",
            Self::Forget => "will be forgotten, not destroyed",
        }
    }
}

/// Why a change is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// These attributes cannot change in place.
    CannotUpdate(Vec<Path>),
    /// Asked for by `-replace`.
    Requested,
    /// Its block is gone from the configuration.
    NotInConfiguration,
    /// Its key is gone from `for_each` or `count`.
    NotInInstances,
    /// `destroy` was asked for.
    Destroy,
    /// The object vanished from the cluster.
    Vanished,
    /// Steps of its making were not done: the run was interrupted.
    Unfinished,
    /// An object that its `replace_triggered_by` names changes.
    DependencyReplaced(Address),
}

/// One differing attribute.
#[derive(Clone, Debug)]
pub struct AttributeChange {
    /// Which.
    pub path: Path,
    /// Observed value; `None`: not there.
    pub before: Option<Value>,
    /// Desired value; `None`: not there. May be unknown.
    pub after: Option<Value>,
    /// What the change does.
    pub impact: Impact,
    /// Who caused the difference.
    pub cause: Cause,
    /// Whether it forces replacement.
    pub forces_replacement: bool,
}

/// Three-way verdict on an attribute that differs between desired and observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The configuration changed since the last apply.
    Configuration,
    /// The object changed on the cluster since the last apply; apply reverts it.
    Drift,
    /// Both changed, to different values.
    Conflict,
}

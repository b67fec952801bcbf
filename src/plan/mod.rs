//! The planner: pure, total, and specific enough that apply has no choices left.
//!
//! `PlanInput` in, [`Plan`] and diagnostics out. Architecture invariant: nothing here awaits, reads a clock or an environment; the same
//! input gives the same bytes.

mod arrange;
mod build;
mod change;
pub mod check;
mod choose;
pub mod demand;
mod difference;
mod finish;
mod import;
mod input;
mod intent;
mod judge;
mod look;
mod open;
mod operation;
mod order;
pub mod permissions;
mod quota;
mod refactor;
mod refresh;
mod select;
mod sequence;
mod settle;
mod wish;

pub use crate::resources::step::{AwaitedRow, Expected, Guard, GuardedCall, Lock, ProvisionTask, Step, Task, Verify};
pub use build::{plan, validate};
pub use change::{Action, AttributeChange, Cause, Change, Reason};
pub use input::{GameFacts, Options, PlanInput, Told};
pub use look::{wanted, wanted_for_new};
pub use operation::{Operation, Verb};
pub use settle::{Settled, errors_about, settle};

use crate::config::{Address, Objects, Output};
use crate::domain::BlockType;
use crate::value::Value;
use intent::owner_intent;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What will be done, and what that means.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Owner scope on the cluster.
    pub project: String,
    /// State it was made from.
    pub lineage: String,
    /// Serial of that state.
    pub serial: u64,
    /// Seconds since 1970 when it was made.
    pub now: i64,
    /// What was asked for.
    pub mode: Mode,
    /// Hash of what is intended, with chosen values as placeholders: equal intents mean equal wishes.
    pub intent: String,
    /// Every object, sorted by address, no-ops included.
    pub changes: Vec<Change>,
    /// What to do, as a graph by index.
    pub operations: Vec<Operation>,
    /// Records that change their address, as `moved` blocks say.
    pub moved: Vec<MovedRecord>,
    /// Outputs that change, and those that do not.
    pub outputs: BTreeMap<Arc<str>, OutputChange>,
    /// Quota of each tenant after apply.
    pub quotas: Vec<Quota>,
    /// Load of each node after apply.
    pub capacity: Vec<Capacity>,
    /// Objects another run is working on: `vm.x: in progress: run 42 by kim@ws1`.
    pub in_progress: Vec<String>,
    /// Whether recorded objects were looked at. If not, the plan is only to be shown: apply plans again.
    pub has_looked: bool,
    /// Nodes that did not answer, with the number of managed guests there.
    pub unreachable: BTreeMap<String, usize>,
    /// Expected duration of the apply: the critical path.
    pub estimate_ms: u64,
    /// Every block as expressions see it, what the plan chose included: for what is judged after planning.
    pub objects: Objects,
    /// Blocks with postconditions that are judged when they are applied.
    pub open_postconditions: BTreeSet<Address>,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Bring the world to the configuration.
    Apply,
    /// Destroy everything in the state.
    Destroy,
    /// Only bring the state to the world.
    RefreshOnly,
}

/// How often each action occurs, as Terraform counts: a replacement is an add and a destroy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Creates and replacements.
    pub add: usize,
    /// Updates.
    pub change: usize,
    /// Deletes and replacements.
    pub destroy: usize,
    /// Adoptions.
    pub import: usize,
    /// Forgotten objects.
    pub forget: usize,
}

impl Plan {
    /// Returns how often each action occurs.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for change in &self.changes {
            match change.action {
                Action::NoOp => {}
                Action::Adopt => {
                    counts.import += 1;
                    counts.change += usize::from(!change.attributes.is_empty());
                }
                Action::Create => counts.add += 1,
                Action::Update => counts.change += 1,
                Action::Replace => {
                    counts.add += 1;
                    counts.destroy += 1;
                }
                Action::Delete => counts.destroy += 1,
                Action::Forget => counts.forget += 1,
            }
        }
        counts
    }

    /// Returns for each operation the number of those that are done one after the other up to and with it, if as many as can be are done at
    /// once.
    pub fn turns(&self) -> Vec<u64> {
        let before: Vec<&[usize]> = self.operations.iter().map(|operation| operation.after.as_slice()).collect();
        order::ends(&before, &vec![1; before.len()])
    }

    /// Returns whether something in it is not known before it is carried out.
    pub fn is_open(&self) -> bool {
        let is_open = |output: &OutputChange| output.after.as_ref().is_some_and(|after| !after.value.is_wholly_known());
        self.operations.iter().any(|operation| operation.is_sketch)
            || !self.open_postconditions.is_empty()
            || self.outputs.values().any(is_open)
    }

    /// Returns whether applying it would change nothing: no object, no address, no output.
    pub fn is_empty(&self) -> bool {
        self.changes.iter().all(|change| change.action == Action::NoOp)
            && self.moved.is_empty()
            && self.outputs.values().all(OutputChange::is_unchanged)
    }
}

/// An object that is known under another address from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedRecord {
    /// Its address so far.
    pub from: Address,
    /// Its new one.
    pub to: Address,
}

/// An output before and after.
#[derive(Clone, Debug)]
pub struct OutputChange {
    /// As in the state.
    pub before: Option<Value>,
    /// As after apply; `None`: it goes.
    pub after: Option<Output>,
}

impl OutputChange {
    /// Returns whether the output stays as it is.
    pub fn is_unchanged(&self) -> bool {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => *before == after.value,
            (None, None) => true,
            _ => false,
        }
    }
}

/// A tenant's use of its tier after apply.
#[derive(Clone, Debug, PartialEq)]
pub struct Quota {
    /// Address of the tenant.
    pub tenant: Address,
    /// Name of the tier.
    pub tier: String,
    /// Lines: what, before, after, limit.
    pub lines: Vec<QuotaLine>,
}

/// One limited amount.
#[derive(Clone, Debug, PartialEq)]
pub struct QuotaLine {
    /// `cores`, `memory`, `disk`, `vms`, `game_servers`, `public_ports`.
    pub what: &'static str,
    /// Now; bytes for memory and disk.
    pub before: u64,
    /// After apply.
    pub after: u64,
    /// Limit.
    pub limit: u64,
}

/// A node's committed resources after apply.
#[derive(Clone, Debug, PartialEq)]
pub struct Capacity {
    /// Cluster.
    pub cluster: Arc<str>,
    /// Node.
    pub node: String,
    /// Memory of running guests now, bytes.
    pub memory_before_bytes: u64,
    /// Memory of running guests after apply, bytes.
    pub memory_after_bytes: u64,
    /// Memory of the node, bytes.
    pub memory_bytes: u64,
    /// Configured cores of running guests after apply.
    pub cores_after: u64,
    /// Cores of the node.
    pub cores: u64,
    /// Guests on it after apply.
    pub guests_after: u64,
}

/// Returns a block type that the graph was made from.
fn expect_domain(kind: &str) -> BlockType {
    crate::domain::find(kind).expect("blocks of unknown types were refused when the files were read")
}

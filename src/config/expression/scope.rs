//! What an expression needs from outside: the values of references, and the world that functions read from.

use super::Reference;
use crate::config::World;
use crate::diagnostics::{Diagnostic, Span};
use crate::value::Value;
use jiff::Timestamp;

/// Where references get their values.
pub trait Scope {
    /// Returns the value at the end of some of the reference's steps, and how many steps those are; the evaluator walks the rest and says
    /// what is wrong when it cannot.
    ///
    /// An error here is about the reference itself (no such variable); `try` and `can` do not catch it.
    fn resolve(&self, reference: &Reference) -> Result<Resolved, Diagnostic>;

    /// Returns whether a key computed right after the reference should be resolved with it: `vm.mc` when `vm.mc[each.key]` is cheaper than
    /// all of `vm.mc`.
    fn takes_key(&self, _reference: &Reference) -> bool {
        false
    }

    /// Returns where the value of a reference is written, if that is known and may be shown.
    fn origin(&self, _reference: &Reference) -> Option<Span> {
        None
    }

    /// Returns the world that functions read from.
    fn world(&self) -> &dyn FunctionWorld;
}

/// What a [`Scope`] found.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The value. Cheap to clone from where it is kept, since values share their insides.
    pub value: Value,
    /// How many of the reference's steps led to it.
    pub steps: usize,
}

/// The outside as functions see it.
pub trait FunctionWorld {
    /// Returns the files. Paths are as the user wrote them, relative to the working folder of the run.
    fn files(&self) -> &dyn World;

    /// Returns the time the plan was made at.
    fn plan_time(&self) -> Timestamp;

    /// Returns the current time while changes are applied, `None` while they are planned: `timestamp()` is unknown then.
    fn apply_time(&self) -> Option<Timestamp>;

    /// Returns random bytes for the call at a place while changes are applied, `None` while they are planned: `uuid()` and `bcrypt()` are
    /// unknown then.
    fn random(&self, site: Span) -> Option<[u8; 16]>;
}

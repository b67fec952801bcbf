//! What the plan left open, while it is carried out: what was found out so far, and what follows from it. The planner does the thinking.

use super::failure::Failure;
use crate::config::Address;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::plan::{Operation, Plan, PlanInput, Settled, Told, errors_about, settle};
use crate::value::Value;
use std::sync::{Arc, Mutex, MutexGuard};

/// What a run knows more than its plan.
pub struct Late<'a> {
    input: PlanInput<'a>,
    plan: &'a Plan,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    told: Told,
    /// What follows from what was told.
    settled: Option<Arc<Settled>>,
    /// What failed because of it.
    found: Diagnostics,
}

impl<'a> Late<'a> {
    /// Returns a run's knowledge before it begins. The input is the one the plan was made from; its stack is that of the run's moment.
    pub fn new(input: PlanInput<'a>, plan: &'a Plan) -> Self {
        Self { input, plan, known: Mutex::default() }
    }

    /// Returns what can be said by now.
    pub fn settled(&self) -> Arc<Settled> {
        let mut known = self.known();
        if let Some(settled) = &known.settled {
            return settled.clone();
        }
        let settled = Arc::new(settle(&PlanInput { told: &known.told, ..self.input }, self.plan));
        known.settled = Some(settled.clone());
        settled
    }

    /// Returns what went wrong with conditions on the way, with its places in the text.
    pub fn found(&self) -> Diagnostics {
        self.known().found.clone()
    }

    /// Takes note of an attribute that was found out.
    pub(super) fn tell(&self, address: &Address, attribute: &str, value: Value) {
        let mut known = self.known();
        known.told.entry(address.clone()).or_default().insert(attribute.into(), value);
        known.settled = None;
    }

    /// Returns the operation that takes the place of a sketch.
    pub(super) fn operation(&self, index: usize) -> Result<Operation, Failure> {
        let settled = self.settled();
        match settled.operations.get(&index) {
            Some(Ok(operation)) => Ok(operation.clone()),
            Some(Err(diagnostic)) => Err(self.failure(diagnostic)),
            None => Err(Failure::new("what the plan left open cannot be told").hint("plan again")),
        }
    }

    /// Judges the conditions of a block that were open when the plan was made.
    pub(super) fn conditions(&self, block: &Address) -> Result<(), Failure> {
        if !self.plan.open_postconditions.contains(block) {
            return Ok(());
        }
        match errors_about(&self.settled().found, block).next() {
            Some(diagnostic) => Err(self.failure(diagnostic)),
            None => Ok(()),
        }
    }

    fn failure(&self, diagnostic: &Diagnostic) -> Failure {
        let mut known = self.known();
        if diagnostic.span.is_some() && known.found.iter().all(|other| other.summary != diagnostic.summary) {
            known.found.push(diagnostic.clone());
        }
        Failure { hints: diagnostic.hints.clone(), ..Failure::new(diagnostic.summary.clone()) }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect("nobody panics while holding it")
    }
}

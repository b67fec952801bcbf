//! What a plan left open, settled while it is carried out: the same planner, from the same input, with what was found out since.
//!
//! Nothing is decided anew. What was known when the plan was approved must come out again, and what was not may only fill its place.

use super::arrange;
use super::build::{Drawn, claimed, draw, readdressed};
use super::change::{Action, Change};
use super::input::PlanInput;
use super::judge::{Judged, without_addresses};
use super::operation::{Operation, Verb};
use super::{Plan, open, sequence};
use crate::config::{Address, Objects, Output};
use crate::diagnostics::{Diagnostic, Diagnostics};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What can be said with what is known by now.
#[derive(Clone, Debug, Default)]
pub struct Settled {
    /// Operations whose steps were sketches, by index; or why one cannot be done.
    pub operations: BTreeMap<usize, Result<Operation, Diagnostic>>,
    /// What is wrong with blocks: conditions that turn out not to hold.
    pub found: Diagnostics,
    /// Outputs of the root module.
    pub outputs: BTreeMap<Arc<str>, Output>,
    /// What is wrong with them.
    pub outputs_told: Diagnostics,
    /// Every block as expressions see it.
    pub objects: Objects,
}

/// Settles what can be settled of a plan that was made from the same input with fewer facts.
pub fn settle(input: &PlanInput, plan: &Plan) -> Settled {
    let settled = readdressed(input, |input, _| claimed(input, |input| of_state(input, plan)));
    let flat = settled.and_then(|settled| settled);
    flat.unwrap_or_else(|found| Settled { found, ..Settled::default() })
}

fn of_state(input: &PlanInput, plan: &Plan) -> Settled {
    let Drawn { scene, judged, diagnostics, .. } = draw(input);
    let sketches = plan.operations.iter().enumerate().filter(|(_, operation)| operation.is_sketch);
    let operations = sketches.map(|(index, sketch)| (index, operation(input, plan, sketch, &judged, &diagnostics)));
    let operations = operations.collect();
    let (outputs, outputs_told) = input.stack.outputs(&scene.objects);
    let bare = |output: Output| Output { value: without_addresses(&output.value), ..output };
    Settled {
        operations,
        found: diagnostics,
        outputs: outputs.into_iter().map(|(name, output)| (name, bare(output))).collect(),
        outputs_told,
        objects: scene.objects,
    }
}

/// Returns an operation with the steps it has now.
fn operation(
    input: &PlanInput,
    plan: &Plan,
    sketch: &Operation,
    judged: &BTreeMap<Address, Judged>,
    found: &Diagnostics,
) -> Result<Operation, Diagnostic> {
    let address = &sketch.address;
    if let Some(wrong) = errors_about(found, &address.block()).next() {
        return Err(wrong.clone());
    }
    let planned = plan.changes.iter().find(|change| change.address == *address);
    let (Some(planned), Some(object)) = (planned, judged.get(address)) else {
        return Err(other(address, "it cannot be judged any more"));
    };
    if let Some(path) = object.open.first() {
        return Err(Diagnostic::error(format!("`{path}` of {address} is not known although all before it is done"))
            .hint("look at what it is made from; what depends on a guest's DHCP address needs its guest agent")
            .about(address));
    }
    differs(planned, object).map_or(Ok(()), |what| Err(other(address, &what)))?;
    let now = arrange::operations_now(input, judged, object).into_iter();
    match now.filter(|operation| operation.verb != Verb::Delete).last() {
        Some(now) => {
            let now = Operation { after: sketch.after.clone(), verb: sketch.verb, is_sketch: false, ..now };
            Ok(sequence::as_placed(sketch, now))
        }
        // What was to be found out is what is there already.
        None => Ok(Operation { steps: Vec::new(), is_sketch: false, ..sketch.clone() }),
    }
}

/// Returns the errors about a block.
pub fn errors_about<'a>(found: &'a Diagnostics, block: &Address) -> impl Iterator<Item = &'a Diagnostic> {
    let block = block.to_string();
    found.iter().filter(move |diagnostic| {
        diagnostic.severity == crate::diagnostics::Severity::Error
            && diagnostic.address.as_ref().is_some_and(|address| *address == block)
    })
}

fn other(address: &Address, what: &str) -> Diagnostic {
    Diagnostic::error(format!(
        "{address} is not done as it would not be what was planned: with what is known by now {what}"
    ))
    .hint("plan again, and look at the difference")
    .about(address)
}

/// Says what is not as it was planned.
fn differs(planned: &Change, now: &Judged) -> Option<String> {
    let turns_out_done = planned.action == Action::Update && now.change.action == Action::NoOp;
    if planned.action != now.change.action && !turns_out_done {
        return Some(format!("it {} instead of: it {}", now.change.action.words(), planned.action.words()));
    }
    if planned.identity != now.change.identity {
        return Some(format!("it is {} instead of {}", now.change.identity, planned.identity));
    }
    if now.change.impact > planned.impact || now.change.data_loss != planned.data_loss {
        return Some("it does more to the guest than was planned".to_owned());
    }
    let covering =
        |path: &crate::value::Path| planned.attributes.iter().find(|other| path.0.starts_with(&other.path.0));
    for change in &now.change.attributes {
        let Some(before) = covering(&change.path) else { return Some(format!("`{}` changes too", change.path)) };
        if before.path == change.path && !open::allows(before.after.as_ref(), change.after.as_ref()) {
            return Some(format!("`{}` gets another value", change.path));
        }
    }
    None
}

//! Operations that write one file of the cluster one after another: a guest's snapshots stand in its configuration, so each of them that goes
//! gives that another digest.
//!
//! The first write to a guest carries the digest the plan was made from, and those after it one that is read anew. So snapshots go first,
//! one by one: what changes the guest may need them gone.

use super::judge::Judged;
use super::operation::{Operation, Verb};
use crate::config::Address;
use crate::resources::is_guest;
use crate::resources::step::{Guard, Task};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Puts the removal of snapshots before the change of their guest.
pub(super) fn sequence(judged: &BTreeMap<Address, Judged>, operations: &mut [Operation]) {
    let mut gone: BTreeMap<Place, Vec<usize>> = BTreeMap::new();
    for (index, operation) in operations.iter().enumerate().filter(|(_, operation)| removes_snapshot(operation)) {
        gone.entry(place(operation)).or_default().push(index);
    }
    if gone.is_empty() {
        return;
    }
    let changes_guest = |operation: &Operation| is_guest(&operation.kind) && operation.verb == Verb::Update;
    for update in 0..operations.len() {
        let Some(removals) = gone.get(&place(&operations[update])).filter(|_| changes_guest(&operations[update]))
        else {
            continue;
        };
        let Some(guard) = first_guard(&mut operations[update]).map(|guard| guard.clone()) else { continue };
        let Some((digest, sends_digest)) = (match guard {
            Guard::Digest { digest } => Some((digest, true)),
            Guard::Unchanged { digest, .. } => Some((digest, false)),
            _ => None,
        }) else {
            continue;
        };
        let removals = removals.iter().copied().filter(|index| !waits_for(operations, *index, update));
        let removals = in_order(operations, removals.collect());
        let Some(first) = removals.first() else { continue };
        let intent = judged[&operations[update].address].intent_before.clone();
        let identity = judged[&operations[update].address].identity_before.clone().unwrap_or_default();
        let (node, vmid) = (identity.node().unwrap_or_default().to_owned(), identity.vmid().unwrap_or_default());
        if let Some(guard) = first_guard(&mut operations[*first]) {
            *guard = Guard::Unchanged { node: node.clone(), vmid, intent: intent.clone(), digest };
        }
        if let Some(guard) = first_guard(&mut operations[update]) {
            *guard = Guard::Marker { node, vmid, intent, sends_digest };
        }
        for (before, after) in removals.iter().zip(removals.iter().skip(1).chain([&update])) {
            operations[*after].after.push(*before);
        }
    }
}

/// Returns an operation that is made anew with its place among the others: what follows a removal does not carry the plan's digest.
pub(super) fn as_placed(sketch: &Operation, mut now: Operation) -> Operation {
    let placed = sketch.steps.first().and_then(|step| match &step.task {
        Task::Call(call) => Some(&call.guard),
        _ => None,
    });
    if let (Some(Guard::Marker { node, vmid, intent, .. }), Some(guard)) = (placed, first_guard(&mut now)) {
        let sends_digest = match guard {
            Guard::Digest { .. } => true,
            Guard::Unchanged { .. } => false,
            _ => return now,
        };
        *guard = Guard::Marker { node: node.clone(), vmid: *vmid, intent: intent.clone(), sends_digest };
    }
    now
}

/// Returns operations with those that wait for others behind them.
fn in_order(operations: &[Operation], mut left: Vec<usize>) -> Vec<usize> {
    let mut ordered = Vec::new();
    while !left.is_empty() {
        let waits = |one: usize| left.iter().any(|other| *other != one && waits_for(operations, one, *other));
        let next = left.iter().position(|one| !waits(*one)).expect("operations do not wait for each other in a circle");
        ordered.push(left.remove(next));
    }
    ordered
}

fn first_guard(operation: &mut Operation) -> Option<&mut Guard> {
    match &mut operation.steps.first_mut()?.task {
        Task::Call(call) => Some(&mut call.guard),
        _ => None,
    }
}

/// Cluster and VMID of a guest.
type Place = (Arc<str>, Option<u32>);

/// Returns the guest that an operation changes, or whose snapshot it does.
fn place(operation: &Operation) -> Place {
    (operation.cluster.clone(), operation.identity.vmid())
}

fn removes_snapshot(operation: &Operation) -> bool {
    &*operation.kind == "snapshot" && operation.verb == Verb::Delete
}

/// Returns whether one operation comes after another, however far.
fn waits_for(operations: &[Operation], one: usize, other: usize) -> bool {
    let (mut open, mut seen) = (vec![one], BTreeSet::new());
    while let Some(index) = open.pop() {
        if index == other {
            return true;
        }
        if seen.insert(index) {
            open.extend(&operations[index].after);
        }
    }
    false
}

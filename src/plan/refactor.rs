//! What `moved`, `removed` and `replace_triggered_by` mean for a plan: records under their new addresses, and objects made anew because
//! another one changes.

use super::change::Action;
use super::input::PlanInput;
use super::judge::Judged;
use super::operation::{Operation, Verb};
use super::{Mode, MovedRecord};
use crate::config::{Address, AddressParts, ModulePath, Moved, Removed, Stack, Target, Trigger};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::resources;
use crate::resources::schema::Takes;
use crate::resources::step::{Step, Task};
use crate::state::{Effect, Record, State};
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The state with its records under the addresses that `moved` blocks give them, and which ones moved; `None` if none did.
pub(super) fn readdressed(input: &PlanInput) -> (Option<(State, Vec<MovedRecord>)>, Diagnostics) {
    let (stack, state) = (input.stack, input.state);
    if stack.moved.is_empty() || input.options.mode == Mode::Destroy {
        return (None, Diagnostics::new());
    }
    let mut diagnostics = still_declared(stack);
    let mut records = state.records.clone();
    let mut moves = Vec::new();
    for (from, record) in &state.records {
        let Some((to, cause)) = destination(&stack.moved, from) else { continue };
        if let Some(work) = input.in_progress.get(from) {
            let summary = format!("{from} cannot become {to} while another run works on it: {work}");
            diagnostics.push(Diagnostic::error(summary).at(cause.span).hint("plan again when that run is over"));
            continue;
        }
        match state.records.get(&to).filter(|_| destination(&stack.moved, &to).is_none()) {
            // A run was cut off between writing the new record and dropping the old one.
            Some(other) if other.identity == record.identity => {}
            Some(_) => {
                let summary = format!("{from} cannot become {to}: the state has another object under that address");
                let hint = "take the `moved` block out; the object without a block is destroyed then";
                diagnostics.push(Diagnostic::error(summary).at(cause.span).hint(hint));
                continue;
            }
            None => drop(records.insert(to.clone(), record.clone())),
        }
        if !moves.iter().any(|known: &MovedRecord| known.to == *from) {
            records.remove(from);
        }
        moves.push(MovedRecord { from: from.clone(), to });
    }
    if moves.is_empty() {
        return (None, diagnostics);
    }
    for record in records.values_mut() {
        follow(record, &stack.moved);
    }
    (Some((State { records, ..state.clone() }, moves)), diagnostics)
}

/// A block that moved away and is still there would be made a second time.
fn still_declared(stack: &Stack) -> Diagnostics {
    let stays = |moved: &&Moved| {
        stack.blocks.iter().any(|block| renamed(moved, &block.address).is_some_and(|to| to != block.address))
    };
    let refusal = |moved: &Moved| {
        let summary = format!("`{}` is still declared, expected only `{}`, which it became", moved.from, moved.to);
        Diagnostic::error(summary).at(moved.span).hint("take the old block out, or the `moved` block")
    };
    let mut diagnostics = Diagnostics::new();
    diagnostics.extend(stack.moved.iter().filter(stays).map(refusal));
    diagnostics
}

/// Where an address leads through all `moved` blocks, each taken once, and the last of them.
fn destination<'a>(moved: &'a [Moved], from: &Address) -> Option<(Address, &'a Moved)> {
    let mut taken = BTreeSet::new();
    let mut end: Option<(Address, &Moved)> = None;
    loop {
        let here = end.as_ref().map_or(from, |(address, _)| address);
        let next = moved.iter().enumerate().filter(|(at, _)| !taken.contains(at)).find_map(|(at, moved)| {
            let to = renamed(moved, here).filter(|to| to != here)?;
            Some((at, to, moved))
        });
        match next {
            Some((at, to, moved)) => {
                taken.insert(at);
                end = Some((to, moved));
            }
            None => return end.filter(|(to, _)| to != from),
        }
    }
}

/// The new address of what a `moved` block is about. Two names without key stand for all instances, which keep their keys.
fn renamed(moved: &Moved, address: &Address) -> Option<Address> {
    match (&moved.from, &moved.to) {
        (Target::Block(from), Target::Block(to)) => {
            let is_whole = from.key.is_none() && to.key.is_none();
            let is_meant = address.is_same_block(from) && (is_whole || address.key == from.key);
            let key = if is_whole { &address.key } else { &to.key };
            is_meant.then(|| AddressParts { key: key.clone(), child: address.child.clone(), ..to.to_parts() }.into())
        }
        (Target::Module(from), Target::Module(to)) => {
            let ((from_name, from_key), above) = from.0.split_last()?;
            let ((to_name, to_key), new_above) = to.0.split_last()?;
            let inside = address.module.0.strip_prefix(above)?;
            let ((name, key), below) = inside.split_first()?;
            let is_whole = from_key.is_none() && to_key.is_none();
            if name != from_name || !(is_whole || key == from_key) {
                return None;
            }
            let key = if is_whole { key } else { to_key };
            let step = (to_name.clone(), key.clone());
            let module = new_above.iter().cloned().chain([step]).chain(below.iter().cloned()).collect();
            Some(AddressParts { module: ModulePath(module), ..address.to_parts() }.into())
        }
        (Target::Block(_), Target::Module(_)) | (Target::Module(_), Target::Block(_)) => None,
    }
}

/// Addresses inside a record follow too: what it was made after, and what its attributes refer to.
fn follow(record: &mut Record, moved: &[Moved]) {
    for dependency in &mut record.dependencies {
        if let Some((to, _)) = destination(moved, dependency) {
            *dependency = to;
        }
    }
    let (Some(object), Some(entries)) = (resources::find(&record.kind), record.applied.as_entries()) else { return };
    let refers = |name: &str| {
        object.schema.attribute(name).is_some_and(|attribute| matches!(attribute.takes, Takes::Reference(_)))
    };
    let new = |name: &str, value: &Value| {
        let address: Address = value.as_text().filter(|_| refers(name))?.parse().ok()?;
        Some(Value::text(destination(moved, &address)?.0.to_string()).with_marks(value.marks()))
    };
    if entries.iter().all(|(name, value)| new(name, value).is_none()) {
        return;
    }
    let entries: Vec<_> =
        entries.iter().map(|(name, value)| (name.clone(), new(name, value).unwrap_or_else(|| value.clone()))).collect();
    record.applied = Value::object(entries).with_marks(record.applied.marks());
}

/// Adds what writes the moves down: the record under its new address first, so that a run cut off between the two loses nothing.
/// Whatever else happens to the object comes after.
pub(super) fn record_moves(state: &State, moves: &[MovedRecord], operations: &mut Vec<Operation>) {
    for moved in moves {
        let record = &state.records[&moved.to];
        let written = operations.len();
        for operation in operations.iter_mut().filter(|operation| operation.address == moved.to) {
            operation.after.push(written);
        }
        operations.push(record_only(&moved.to, record, Effect::Put(Box::new(record.clone())), Vec::new()));
        operations.push(record_only(&moved.from, record, Effect::Remove, vec![written]));
    }
}

fn record_only(address: &Address, record: &Record, effect: Effect, after: Vec<usize>) -> Operation {
    Operation {
        address: address.clone(),
        kind: record.kind.clone(),
        cluster: record.cluster.clone(),
        verb: Verb::Record,
        identity: record.identity.clone(),
        intent: record.intent.clone(),
        after,
        steps: vec![Step { name: "move".into(), task: Task::Record, effect, estimate_ms: 0 }],
        is_sketch: false,
        locks: Vec::new(),
        estimate_ms: 0,
    }
}

/// Returns the `removed` block that gives up an object.
pub(super) fn removal<'a>(stack: &'a Stack, address: &Address) -> Option<&'a Removed> {
    stack.removed.iter().find(|removed| covers(&removed.from, address))
}

/// What is given up must not be declared any more.
pub(super) fn declared_removals(stack: &Stack) -> Diagnostics {
    let stays = |removed: &&Removed| stack.blocks.iter().any(|block| covers(&removed.from, &block.address));
    let refusal = |removed: &Removed| {
        let summary = format!("`{}` is still declared, and a `removed` block gives it up", removed.from);
        Diagnostic::error(summary).at(removed.span).hint("take the block out, or the `removed` block")
    };
    let mut diagnostics = Diagnostics::new();
    diagnostics.extend(stack.removed.iter().filter(stays).map(refusal));
    diagnostics
}

fn covers(target: &Target, address: &Address) -> bool {
    match target {
        Target::Block(block) => block.covers(address),
        Target::Module(path) => {
            let Some(((name, key), above)) = path.0.split_last() else { return false };
            let step = address.module.0.strip_prefix(above.as_ref()).and_then(|inside| inside.first());
            step.is_some_and(|(own, own_key)| own == name && (key.is_none() || own_key == key))
        }
    }
}

/// Objects that are made anew because what their `replace_triggered_by` names changes, each with that object.
pub(super) fn triggered(stack: &Stack, judged: &BTreeMap<Address, Judged>) -> BTreeMap<Address, Address> {
    let mut found: BTreeMap<Address, Address> = BTreeMap::new();
    let blocks: Vec<_> = stack.blocks.iter().filter(|block| !block.lifecycle.replace_triggered_by.is_empty()).collect();
    // One that is made anew may trigger the next.
    loop {
        let before = found.len();
        for block in &blocks {
            let own = judged.iter().filter(|(address, object)| {
                address.block() == block.address && matches!(object.change.action, Action::NoOp | Action::Update)
            });
            let own: Vec<&Address> = own.map(|(address, _)| address).collect();
            let cause = judged.values().find(|object| {
                let triggers = &block.lifecycle.replace_triggered_by;
                triggers.iter().any(|trigger| fires(trigger, object, &found))
            });
            for (address, cause) in own.into_iter().zip(std::iter::repeat(cause)) {
                if let Some(cause) = cause {
                    found.entry(address.clone()).or_insert_with(|| cause.change.address.clone());
                }
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

fn fires(trigger: &Trigger, object: &Judged, made_anew: &BTreeMap<Address, Address>) -> bool {
    let change = &object.change;
    if !trigger.of.covers(&change.address) {
        return false;
    }
    let is_new = change.action == Action::Replace || made_anew.contains_key(&change.address);
    let touches = || {
        change.attributes.iter().any(|attribute| {
            attribute.path.0.starts_with(&trigger.path.0) || trigger.path.0.starts_with(&attribute.path.0)
        })
    };
    is_new || (change.action == Action::Update && touches())
}

//! Objects that are in the state and not in the configuration: destroyed, forgotten, or left alone because nobody can see them.

use super::{Judged, all_disks, as_recorded, hidden, impact_of, null, sight, unmarked};
use crate::config::Address;
use crate::diagnostics::Diagnostic;
use crate::plan::Mode;
use crate::plan::change::{Action, Change, Reason};
use crate::plan::refactor::removal;
use crate::plan::wish::Scene;
use crate::resources::{self, Sighting};
use crate::state::Record;
use crate::value::Value;
use std::collections::BTreeSet;

/// Judges an object that is only in the state.
pub(super) fn judge(
    scene: &Scene,
    address: &Address,
    record: &Record,
    declared: &BTreeSet<Address>,
) -> Result<Judged, Diagnostic> {
    let object = resources::find(&record.kind).ok_or_else(|| {
        Diagnostic::error(format!("the state has an object of the unknown type `{}`", record.kind))
            .hint("use the version of Spawnpoint that made it, or a newer one")
    })?;
    refuse_import_into_nothing(scene, address, record)?;
    let mut notes = Vec::new();
    let sighting = match scene.input.options.looks {
        true => sight(scene, object, &record.cluster, &record.identity, &record.intent, &record.applied),
        false => as_recorded(record),
    };
    let (mut action, found) = match sighting {
        _ if record.is_adopted => (Action::Forget, None),
        Sighting::Present(found) => (Action::Delete, Some(*found)),
        Sighting::Absent => (Action::Forget, None),
        Sighting::Foreign(what) => {
            notes.push(format!("the recorded guest is gone: {what}"));
            (Action::Forget, None)
        }
        Sighting::Unmarked(what) => return Err(lost_marker(scene, address, record, &what)),
        Sighting::Hidden { table } => return Err(hidden(address, &table)),
        Sighting::Unreachable { node } => {
            notes.push(format!("unreachable: node {node} does not answer"));
            (Action::NoOp, None)
        }
    };
    if action == Action::Delete {
        action = instead_of_delete(scene, address, &mut notes);
    }
    let before = found.as_ref().map_or_else(|| record.applied.clone(), |found| found.value.clone());
    let tenant = record.applied.get("tenant").and_then(Value::as_text).and_then(|text| text.parse::<Address>().ok());
    Ok(Judged {
        change: Change {
            address: address.clone(),
            kind: record.kind.clone(),
            cluster: record.cluster.clone(),
            tenant: tenant.map(|tenant| tenant.name.clone()),
            action,
            reason: Some(reason_gone(address, declared, scene.input.options.mode)),
            attributes: Vec::new(),
            unchanged: 0,
            impact: impact_of(action, &[]),
            data_loss: lost(action, object.name, &before),
            identity: found.as_ref().map_or_else(|| record.identity.clone(), |found| found.identity.clone()),
            notes,
            before,
            after: null(),
            span: None,
        },
        object,
        desired: null(),
        open: Vec::new(),
        applied: record.applied.clone(),
        found,
        identity_before: Some(record.identity.clone()),
        intent: record.intent.clone(),
        intent_before: record.intent.clone(),
        is_stale_record: false,
        dependencies: record.dependencies.clone(),
        creates_first: false,
    })
}

/// Told at the block, if there still is one.
fn lost_marker(scene: &Scene, address: &Address, record: &Record, what: &str) -> Diagnostic {
    let diagnostic = unmarked(scene, address, &record.intent, what);
    match scene.input.stack.blocks.iter().find(|block| block.address == address.block()) {
        Some(block) => diagnostic.at(block.span),
        None => diagnostic,
    }
}

/// What is imported and wanted by no block would be destroyed.
fn refuse_import_into_nothing(scene: &Scene, address: &Address, record: &Record) -> Result<(), Diagnostic> {
    if record.intent.is_empty() && scene.input.stack.imports.iter().any(|import| import.to == *address) {
        let summary = format!("there is no `{address}` to import into");
        return Err(Diagnostic::error(summary).hint("describe it in its block first, or take the `import` out"));
    }
    Ok(())
}

/// Returns what a deletion loses: the disks of a guest.
fn lost(action: Action, kind: &str, before: &Value) -> Vec<String> {
    if action == Action::Delete && resources::is_guest(kind) { all_disks(before) } else { Vec::new() }
}

/// A `removed` block may give an object up, unless everything is to go.
fn instead_of_delete(scene: &Scene, address: &Address, notes: &mut Vec<String>) -> Action {
    let is_given_up = removal(scene.input.stack, address).is_some_and(|removed| !removed.destroys);
    if is_given_up && scene.input.options.mode != Mode::Destroy {
        notes.push("a `removed` block gives it up; it stays on the cluster".to_owned());
        return Action::Forget;
    }
    Action::Delete
}

fn reason_gone(address: &Address, declared: &BTreeSet<Address>, mode: Mode) -> Reason {
    if mode == Mode::Destroy {
        Reason::Destroy
    } else if address.key.is_some() && declared.contains(&address.instance(None)) {
        Reason::NotInInstances
    } else {
        Reason::NotInConfiguration
    }
}

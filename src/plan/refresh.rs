//! `-refresh-only`: what is recorded is compared with what is there, and only the state follows. The configuration is not asked.

use super::change::{Action, AttributeChange, Cause, Change};
use super::difference::{Differences, Views, compare};
use super::input::PlanInput;
use super::operation::{Operation, Verb};
use crate::config::Address;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::resources::schema::Impact;
use crate::resources::step::{Step, Task};
use crate::resources::{self, Found, Lookup, ObjectType, Sighting};
use crate::state::{Effect, Record};
use crate::value::{Entries, Kind, Path, Step as PathStep, Type, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the state will say, and what writes it down.
#[derive(Default)]
pub(super) struct Refreshed {
    /// Every recorded object, by address.
    pub(super) changes: Vec<Change>,
    /// Records written and dropped; nothing is sent to a cluster.
    pub(super) operations: Vec<Operation>,
}

/// Compares every record with what is there.
pub(super) fn refresh(input: &PlanInput) -> (Refreshed, Diagnostics) {
    let (mut refreshed, mut diagnostics) = (Refreshed::default(), Diagnostics::new());
    let records = input.state.records.iter().filter(|(address, _)| !input.in_progress.contains_key(*address));
    for (address, record) in records {
        let Some(object) = resources::find(&record.kind) else {
            let summary = format!("the state has an object of the unknown type `{}`", record.kind);
            let hint = "use the version of Spawnpoint that made it, or a newer one";
            diagnostics.push(Diagnostic::error(summary).hint(hint).about(address));
            continue;
        };
        let (change, effect) = judge(input, object, address, record);
        refreshed.operations.extend(effect.map(|effect| write_down(&change, record, effect)));
        refreshed.changes.push(change);
    }
    (refreshed, diagnostics)
}

fn judge(input: &PlanInput, object: &ObjectType, address: &Address, record: &Record) -> (Change, Option<Effect>) {
    let mut change = Change {
        address: address.clone(),
        kind: record.kind.clone(),
        cluster: record.cluster.clone(),
        tenant: tenant_of(record),
        action: Action::NoOp,
        reason: None,
        attributes: Vec::new(),
        unchanged: 0,
        impact: Impact::None,
        data_loss: Vec::new(),
        identity: record.identity.clone(),
        notes: Vec::new(),
        before: record.applied.clone(),
        after: record.applied.clone(),
        span: None,
    };
    let Some(view) = input.observed.and_then(|observed| observed.clusters.get(&record.cluster)) else {
        return (change, None);
    };
    let lookup = Lookup {
        view,
        identity: &record.identity,
        intent: &record.intent,
        is_claim: false,
        project: &input.stack.settings.project,
        applied: &record.applied,
    };
    match (object.sight)(&lookup) {
        Sighting::Present(found) => {
            let effect = follow(object, record, &found, &mut change);
            (change, effect)
        }
        Sighting::Absent => {
            change.action = Action::Forget;
            change.notes.push("it is gone from the cluster".to_owned());
            (change, Some(Effect::Remove))
        }
        Sighting::Foreign(what) => {
            change.action = Action::Forget;
            change.notes.push(format!("the recorded object is gone: {what}"));
            (change, Some(Effect::Remove))
        }
        Sighting::Unmarked(what) => {
            change.notes.push(format!("its owner marker is gone: {what}"));
            (change, None)
        }
        Sighting::Unreachable { node } => {
            change.notes.push(format!("unreachable: node {node} does not answer"));
            (change, None)
        }
        Sighting::Hidden { table } => {
            change.notes.push(format!("the token may not read `{table}`"));
            (change, None)
        }
    }
}

/// Takes over what is there, as far as we had written it.
fn follow(object: &ObjectType, record: &Record, found: &Found, change: &mut Change) -> Option<Effect> {
    // What is recorded is what we want here: what differs was changed behind our back.
    let views = Views { desired: &record.applied, applied: &record.applied, found: &found.value, is_running: false };
    let Differences { changes: differing, unchanged, .. } = compare(object.schema, &views);
    let mut applied = record.applied.clone();
    for difference in &differing {
        applied = with_at(&applied, &difference.path.0, difference.before.as_ref());
    }
    let turned = differing.into_iter().map(|difference| AttributeChange {
        before: difference.after,
        after: difference.before,
        impact: Impact::None,
        cause: Cause::Configuration,
        forces_replacement: false,
        ..difference
    });
    change.attributes = turned.collect();
    change.unchanged = unchanged;
    change.identity = found.identity.clone();
    change.notes.extend(found.notes.iter().cloned());
    if !change.attributes.is_empty() {
        change.action = Action::Update;
        change.notes.push("changed outside Spawnpoint; only the state follows".to_owned());
        change.after = applied.clone();
    }
    let is_news = !change.attributes.is_empty() || found.identity != record.identity;
    is_news.then(|| Effect::Put(Box::new(Record { applied, identity: found.identity.clone(), ..record.clone() })))
}

/// Returns a value with another one at a path; with nothing there, if there is none.
fn with_at(value: &Value, steps: &[PathStep], new: Option<&Value>) -> Value {
    let Some((step, rest)) = steps.split_first() else {
        return new.cloned().unwrap_or_else(|| Value::null(Type::Dynamic));
    };
    let name = match step {
        PathStep::Attribute(name) | PathStep::Key(name) => name,
        PathStep::Index(index) => {
            let items = value.as_items().unwrap_or_default().iter().enumerate();
            let items: Vec<Value> =
                items.map(|(at, item)| if at == *index { with_at(item, rest, new) } else { item.clone() }).collect();
            return Value::tuple(items).with_marks(value.marks());
        }
    };
    let mut entries: BTreeMap<Arc<str>, Value> = value.as_entries().map(Entries::to_map).unwrap_or_default();
    if rest.is_empty() && new.is_none() {
        entries.remove(name);
    } else {
        let inner = entries.get(name).cloned().unwrap_or_else(|| Value::null(Type::Dynamic));
        entries.insert(name.clone(), with_at(&inner, rest, new));
    }
    let rebuilt = match value.kind() {
        Kind::Map(map) => Value::map(map.of.clone(), entries),
        _ => Value::object(entries),
    };
    rebuilt.with_marks(value.marks())
}

fn tenant_of(record: &Record) -> Option<Arc<str>> {
    let address: Address = record.applied.at(&Path::attribute("tenant").0)?.as_text()?.parse().ok()?;
    Some(address.name.clone())
}

fn write_down(change: &Change, record: &Record, effect: Effect) -> Operation {
    Operation {
        address: change.address.clone(),
        kind: record.kind.clone(),
        cluster: record.cluster.clone(),
        verb: Verb::Record,
        identity: change.identity.clone(),
        intent: record.intent.clone(),
        after: Vec::new(),
        steps: vec![Step { name: "refresh".into(), task: Task::Record, effect, estimate_ms: 0 }],
        is_sketch: false,
        locks: Vec::new(),
        estimate_ms: 0,
    }
}

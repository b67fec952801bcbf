//! From wishes, records and sightings to changes: what happens to each object, and why.

use super::change::{Action, AttributeChange, Change, Reason};
use super::difference::{Views, compare};
use super::input::PlanInput;
use super::wish::{Scene, Wish};
use super::{Mode, owner_intent};
use crate::config::{Address, Block, Key};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::observe::Power;
use crate::resources::schema::Impact;
use crate::resources::{self, Found, Lookup, ObjectType, Origin, Sighting};
use crate::state::{Completeness, Identity, Record, fingerprint};
use crate::value::{Kind, Path, Type, Value};
use std::collections::BTreeMap;

/// One object with everything operations are made from.
pub(super) struct Judged {
    /// What the plan says about it.
    pub(super) change: Change,
    /// Its type.
    pub(super) object: &'static ObjectType,
    /// What is wanted, secrets in clear; null if it goes.
    pub(super) desired: Value,
    /// What was last applied; null if there is no record.
    pub(super) applied: Value,
    /// What is there.
    pub(super) found: Option<Found>,
    /// Where it is now; differs from the change's identity when it is replaced.
    pub(super) identity_before: Option<Identity>,
    /// Intent of its marker after the plan.
    pub(super) intent: String,
    /// Intent of its marker now.
    pub(super) intent_before: String,
    /// Whether the state must be written although nothing changes on the cluster.
    pub(super) is_stale_record: bool,
    /// Blocks it depends on.
    pub(super) dependencies: Vec<Address>,
    /// New one first, when it is replaced.
    pub(super) creates_first: bool,
}

/// Returns every object of configuration and state, judged, by address.
pub(super) fn judge(scene: &Scene) -> (BTreeMap<Address, Judged>, Diagnostics) {
    let input = &scene.input;
    let mut judged = BTreeMap::new();
    let mut diagnostics = Diagnostics::new();
    for (address, wish) in &scene.wishes {
        if !is_in_progress(input, address) {
            match wanted(scene, wish) {
                Ok(object) => drop(judged.insert(address.clone(), object)),
                Err(diagnostic) => diagnostics.push(diagnostic.about(address)),
            }
        }
    }
    for (address, record) in &input.state.records {
        let is_gone = !scene.wishes.contains_key(address) && !is_in_progress(input, address);
        if is_gone {
            match unwanted(scene, address, record) {
                Ok(object) => drop(judged.insert(address.clone(), object)),
                Err(diagnostic) => diagnostics.push(diagnostic.about(address)),
            }
        }
    }
    (judged, diagnostics)
}

fn is_in_progress(input: &PlanInput, address: &Address) -> bool {
    input.in_progress.contains_key(address)
}

fn sight(scene: &Scene, object: &ObjectType, cluster: &str, identity: &Identity, intent: &str, applied: &Value) -> Sighting {
    let project = &scene.input.stack.settings.project;
    match scene.view(cluster) {
        Some(view) => (object.sight)(&Lookup { view, identity, intent, project, applied }),
        None => Sighting::Absent,
    }
}

fn null() -> Value {
    Value::null(Type::Dynamic)
}

/// Judges an object that is in the configuration.
fn wanted(scene: &Scene, wish: &Wish) -> Result<Judged, Diagnostic> {
    let input = &scene.input;
    let block = &input.stack.blocks[wish.block];
    let record = input.state.records.get(&wish.address);
    let applied = record.map_or_else(null, |record| record.applied.clone());
    let identity_before = record.map(|record| record.identity.clone());
    let intent_before = record.map_or_else(String::new, |record| record.intent.clone());
    let sighting = match &identity_before {
        Some(identity) => sight(scene, wish.object, &wish.cluster, identity, &intent_before, &applied),
        None => unrecorded(scene, wish)?,
    };
    let mut notes = Vec::new();
    let found = match sighting {
        Sighting::Present(found) => Some(*found),
        Sighting::Absent => None,
        Sighting::Unreachable { node } => return Ok(silent(wish, block, &node, applied, identity_before, intent_before)),
        Sighting::Foreign(what) => {
            notes.push(format!("the recorded guest is gone: {what}"));
            None
        }
    };
    let desired = fingerprint(&wish.value, input.fingerprint_key);
    let is_running = found.as_ref().is_some_and(|found| is_running(scene, wish, found));
    let found_value = found.as_ref().map_or_else(null, |found| found.value.clone());
    let applied_for_comparison = if found.is_some() { applied.clone() } else { null() };
    let views = Views { desired: &desired, applied: &applied_for_comparison, found: &found_value, is_running };
    let (mut attributes, mut unchanged) = compare(wish.object.schema, &views);
    let before = attributes.len();
    attributes.retain(|change| found.is_none() || !is_ignored(block, &change.path));
    unchanged += before - attributes.len();
    notes.extend(found.iter().flat_map(|found| found.notes.clone()));

    let (action, reason) = action_of(scene, wish, record, found.as_ref(), &attributes);
    let identity = match &found {
        Some(found) if action != Action::Replace => found.identity.clone(),
        _ => wish.identity.clone(),
    };
    let impact = impact_of(action, &attributes);
    let intent = match action {
        Action::Create | Action::Replace => owner_intent(&input.state.lineage, &wish.address, &identity, &intent_before),
        _ => intent_before.clone(),
    };
    let is_stale_record = action == Action::NoOp && record.is_some_and(|record| is_stale(record, &desired, &identity, block));
    Ok(Judged {
        change: Change {
            address: wish.address.clone(),
            kind: wish.object.name.into(),
            cluster: wish.cluster.clone(),
            tenant: wish.tenant.as_ref().map(|tenant| tenant.name.clone()),
            action,
            reason,
            data_loss: data_loss(wish, action, &attributes, &found_value),
            attributes,
            unchanged,
            impact,
            identity,
            notes,
            before: found_value,
            after: wish.value.clone(),
            span: Some(block.span),
        },
        object: wish.object,
        desired: wish.value.clone(),
        applied,
        found,
        identity_before,
        intent,
        intent_before,
        is_stale_record,
        dependencies: block.dependencies.iter().cloned().collect(),
        creates_first: block.lifecycle.create_before_destroy,
    })
}

/// An object without a record: found by its content it is a stranger's, unless it is one we only look at.
fn unrecorded(scene: &Scene, wish: &Wish) -> Result<Sighting, Diagnostic> {
    let sighting = sight(scene, wish.object, &wish.cluster, &wish.identity, "", &null());
    match (wish.object.origin, &sighting) {
        (Origin::Adopted, _) | (_, Sighting::Absent) => Ok(sighting),
        (Origin::Made, Sighting::Present(_)) => Err(Diagnostic::error(format!(
            "{} exists already on cluster `{}` and is not ours: {}",
            wish.object.name, wish.cluster, wish.identity
        ))
        .at(wish.places.span)
        .hint("give this one another name, or remove the other by hand")),
        // A guest at a VMID we just chose or were told cannot be there: the ledger has seen the cluster. Silence is no absence, though.
        (Origin::Made, Sighting::Foreign(_)) => Ok(Sighting::Absent),
        (Origin::Made, Sighting::Unreachable { node }) => Err(Diagnostic::error(format!("node {node} does not answer, and {} is to be made there", wish.address))
            .at(wish.places.span)
            .hint("try again when the node is back, or name another `node`")),
    }
}

/// The action, and the reason where attributes do not tell it.
fn action_of(scene: &Scene, wish: &Wish, record: Option<&Record>, found: Option<&Found>, attributes: &[AttributeChange]) -> (Action, Option<Reason>) {
    let is_requested = scene.input.options.replace.iter().any(|target| target.covers(&wish.address));
    match (wish.object.origin, record, found) {
        (Origin::Adopted, None, _) => (Action::Adopt, None),
        (Origin::Adopted, Some(_), _) => (Action::NoOp, None),
        (Origin::Made, None, _) => (Action::Create, None),
        (Origin::Made, Some(_), None) => (Action::Create, Some(Reason::Vanished)),
        (Origin::Made, Some(_), Some(_)) if is_requested => (Action::Replace, Some(Reason::Requested)),
        (Origin::Made, Some(record), Some(_)) => {
            let forcing: Vec<Path> = attributes.iter().filter(|change| change.forces_replacement).map(|change| change.path.clone()).collect();
            match (forcing.is_empty(), attributes.is_empty(), record.completeness) {
                (false, _, _) => (Action::Replace, Some(Reason::CannotUpdate(forcing))),
                (true, _, Completeness::Partial) => (Action::Update, Some(Reason::Unfinished)),
                (true, false, Completeness::Complete) => (Action::Update, None),
                (true, true, Completeness::Complete) => (Action::NoOp, None),
            }
        }
    }
}

fn impact_of(action: Action, attributes: &[AttributeChange]) -> Impact {
    match action {
        Action::Update => attributes.iter().map(|change| change.impact).max().unwrap_or(Impact::Live),
        Action::Replace | Action::Delete => Impact::Recreate,
        Action::NoOp | Action::Adopt | Action::Create | Action::Forget => Impact::None,
    }
}

/// Disks whose content goes with the change.
fn data_loss(wish: &Wish, action: Action, attributes: &[AttributeChange], found: &Value) -> Vec<String> {
    if wish.object.name != "vm" {
        return Vec::new();
    }
    match action {
        Action::Replace | Action::Delete => all_disks(found),
        Action::Update => attributes.iter().filter_map(|change| removed_disk(wish, change)).collect(),
        Action::NoOp | Action::Adopt | Action::Create | Action::Forget => Vec::new(),
    }
}

/// Returns every disk of a guest with its size.
pub(super) fn all_disks(guest: &Value) -> Vec<String> {
    let disks = guest.get("disk").and_then(Value::as_entries).into_iter().flatten();
    disks.map(|(slot, disk)| format!("disk {slot} ({})", disk.get("size").and_then(Value::as_text).unwrap_or("unknown size"))).collect()
}

fn removed_disk(wish: &Wish, change: &AttributeChange) -> Option<String> {
    let is_disk = change.path.root() == Some("disk") && change.path.0.len() == 2 && change.after.is_none();
    let destroys = wish.value.at(&change.path.0).is_none();
    let size = change.before.as_ref()?.get("size").and_then(Value::as_text).unwrap_or("unknown size");
    (is_disk && destroys).then(|| format!("{} ({size}) is detached", change.path))
}

fn is_running(scene: &Scene, wish: &Wish, found: &Found) -> bool {
    let guest = found.identity.vmid().and_then(|vmid| scene.view(&wish.cluster)?.guests.get(&vmid));
    guest.is_some_and(|guest| guest.power == Power::Running)
}

fn is_ignored(block: &Block, path: &Path) -> bool {
    block.lifecycle.ignores_all_changes || block.lifecycle.ignore_changes.iter().any(|ignored| path.0.starts_with(&ignored.0))
}

/// The cluster agrees with the wish, and the record does not say so yet.
fn is_stale(record: &Record, desired: &Value, identity: &Identity, block: &Block) -> bool {
    let dependencies: Vec<Address> = block.dependencies.iter().cloned().collect();
    let says_the_same = super::difference::is_same(Some(&record.applied), Some(desired));
    !says_the_same || record.identity != *identity || record.dependencies != dependencies
}

/// Nothing is planned from silence.
fn silent(wish: &Wish, block: &Block, node: &str, applied: Value, identity_before: Option<Identity>, intent: String) -> Judged {
    Judged {
        change: Change {
            address: wish.address.clone(),
            kind: wish.object.name.into(),
            cluster: wish.cluster.clone(),
            tenant: wish.tenant.as_ref().map(|tenant| tenant.name.clone()),
            action: Action::NoOp,
            reason: None,
            attributes: Vec::new(),
            unchanged: 0,
            impact: Impact::None,
            data_loss: Vec::new(),
            identity: identity_before.clone().unwrap_or_default(),
            notes: vec![format!("unreachable: node {node} does not answer")],
            before: applied.clone(),
            after: applied.clone(),
            span: Some(block.span),
        },
        object: wish.object,
        desired: applied.clone(),
        applied,
        found: None,
        identity_before,
        intent_before: intent.clone(),
        intent,
        is_stale_record: false,
        dependencies: block.dependencies.iter().cloned().collect(),
        creates_first: false,
    }
}

/// Judges an object that is only in the state.
fn unwanted(scene: &Scene, address: &Address, record: &Record) -> Result<Judged, Diagnostic> {
    let object = resources::find(&record.kind).ok_or_else(|| {
        Diagnostic::error(format!("the state has an object of the unknown type `{}`", record.kind))
            .hint("use the version of Spawnpoint that made it, or a newer one")
    })?;
    let mut notes = Vec::new();
    let (mut action, found) = match sight(scene, object, &record.cluster, &record.identity, &record.intent, &record.applied) {
        _ if record.is_adopted => (Action::Forget, None),
        Sighting::Present(found) => (Action::Delete, Some(*found)),
        Sighting::Absent => (Action::Forget, None),
        Sighting::Foreign(what) => {
            notes.push(format!("the recorded guest is gone: {what}"));
            (Action::Forget, None)
        }
        Sighting::Unreachable { node } => {
            notes.push(format!("unreachable: node {node} does not answer"));
            (Action::NoOp, None)
        }
    };
    if scene.input.options.mode == Mode::RefreshOnly && action == Action::Delete {
        action = Action::NoOp;
    }
    let before = found.as_ref().map_or_else(|| record.applied.clone(), |found| found.value.clone());
    let tenant = record.applied.get("tenant").and_then(Value::as_text).and_then(|text| text.parse::<Address>().ok());
    Ok(Judged {
        change: Change {
            address: address.clone(),
            kind: record.kind.clone(),
            cluster: record.cluster.clone(),
            tenant: tenant.map(|tenant| tenant.name),
            action,
            reason: Some(reason_gone(scene.input.stack.blocks.as_slice(), address, scene.input.options.mode)),
            attributes: Vec::new(),
            unchanged: 0,
            impact: impact_of(action, &[]),
            data_loss: if action == Action::Delete && object.name == "vm" { all_disks(&before) } else { Vec::new() },
            identity: found.as_ref().map_or_else(|| record.identity.clone(), |found| found.identity.clone()),
            notes,
            before,
            after: null(),
            span: None,
        },
        object,
        desired: null(),
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

fn reason_gone(blocks: &[Block], address: &Address, mode: Mode) -> Reason {
    let same_name = |block: &&Block| {
        block.address.module == address.module && block.address.kind == address.kind && block.address.name == address.name
    };
    let is_keyed = |key: &Option<Key>| key.is_some();
    match mode {
        Mode::Destroy => Reason::Destroy,
        _ if is_keyed(&address.key) && blocks.iter().any(|block| same_name(&block)) => Reason::NotInInstances,
        _ => Reason::NotInConfiguration,
    }
}


/// Returns a value without the addresses of blocks inside: what leaves the run is content, not references.
pub(super) fn without_addresses(value: &Value) -> Value {
    let marks = value.marks();
    let inner = match value.kind() {
        Kind::Object(object) => Value::object(object.attributes.iter().map(|(name, value)| (name.clone(), without_addresses(value)))),
        Kind::Tuple(items) => Value::tuple(items.iter().map(without_addresses).collect::<Vec<_>>()),
        _ => value.clone(),
    };
    inner.with_marks(marks)
}

//! From wishes, records and sightings to changes: what happens to each object, and why.

mod gone;

use super::arrange::recorded_form;
use super::change::{Action, AttributeChange, Change, Reason};
use super::difference::{Differences, Views, compare, is_same};
use super::input::PlanInput;
use super::wish::{Scene, Wish};
use super::{open, owner_intent};
use crate::config::{Address, Block};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::observe::Power;
use crate::resources::marker::Marker;
use crate::resources::schema::{Impact, Schema};
use crate::resources::{Found, Lookup, ObjectType, Origin, Sighting, container, is_guest, size, vm};
use crate::state::{Completeness, Identity, Record, fingerprint};
use crate::value::{Kind, Path, Step, Type, Value, name, replaced};
use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};

/// One object with everything operations are made from.
pub(super) struct Judged {
    /// What the plan says about it.
    pub(super) change: Change,
    /// Its type.
    pub(super) object: &'static ObjectType,
    /// What is wanted, secrets in clear; null if it goes.
    pub(super) desired: Value,
    /// Attributes of it that are not known yet.
    pub(super) open: Vec<Path>,
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
    let mut judged = Vec::with_capacity(scene.wishes.len());
    let mut diagnostics = Diagnostics::new();
    for (address, wish) in &scene.wishes {
        if !is_in_progress(input, address) {
            match wanted(scene, wish) {
                Ok(object) => judged.push((address.clone(), object)),
                Err(diagnostic) => diagnostics.push(diagnostic.about(address)),
            }
        }
    }
    let declared: LazyCell<BTreeSet<Address>, _> =
        LazyCell::new(|| input.stack.blocks.iter().map(|block| block.address.instance(None)).collect());
    for (address, record) in &input.state.records {
        let is_gone = !scene.wishes.contains_key(address) && !is_in_progress(input, address);
        if is_gone {
            match gone::judge(scene, address, record, &declared) {
                Ok(object) => judged.push((address.clone(), object)),
                Err(diagnostic) => diagnostics.push(diagnostic.about(address)),
            }
        }
    }
    (judged.into_iter().collect(), diagnostics)
}

fn is_in_progress(input: &PlanInput, address: &Address) -> bool {
    input.in_progress.contains_key(address)
}

fn sight(
    scene: &Scene,
    object: &ObjectType,
    cluster: &str,
    identity: &Identity,
    intent: &str,
    applied: &Value,
) -> Sighting {
    sight_as(scene, object, cluster, identity, intent, applied, false)
}

/// Like [`sight`]; what is claimed is to become ours and must be nobody's.
fn sight_as(
    scene: &Scene,
    object: &ObjectType,
    cluster: &str,
    identity: &Identity,
    intent: &str,
    applied: &Value,
    is_claim: bool,
) -> Sighting {
    let project = &scene.input.stack.settings.project;
    match scene.view(cluster) {
        Some(view) => (object.sight)(&Lookup { view, identity, intent, project, applied, is_claim }),
        None => Sighting::Absent,
    }
}

/// What is seen of an object by somebody who does not look: what was last applied.
fn as_recorded(record: &Record) -> Sighting {
    Sighting::Present(Box::new(Found {
        value: record.applied.clone(),
        identity: record.identity.clone(),
        running: None,
        digest: None,
        notes: Vec::new(),
    }))
}

fn null() -> Value {
    Value::null(Type::Dynamic)
}

/// What is known of an object besides the wish.
struct Known {
    applied: Value,
    identity_before: Option<Identity>,
    intent_before: String,
    found: Option<Found>,
    notes: Vec<String>,
}

/// Judges an object that is in the configuration.
fn wanted(scene: &Scene, wish: &Wish) -> Result<Judged, Diagnostic> {
    let input = &scene.input;
    let block = &input.stack.blocks[wish.block];
    let record = input.state.records.get(&wish.address);
    let mut known = Known {
        // What was not applied by us is compared only where the block says something.
        applied: record.filter(|record| !is_claim(wish, record)).map_or_else(null, |record| record.applied.clone()),
        identity_before: record.map(|record| record.identity.clone()),
        intent_before: record.map_or_else(String::new, |record| record.intent.clone()),
        found: None,
        notes: Vec::new(),
    };
    let sighting = match &known.identity_before {
        Some(identity) => {
            let is_claim = record.is_some_and(|record| is_claim(wish, record));
            // What is claimed was never applied; what is wanted tells our part of it from that of others.
            let applied = if is_claim { wish.value() } else { known.applied.clone() };
            match record.filter(|_| !is_claim && !input.options.looks) {
                Some(record) => as_recorded(record),
                None => sight_as(scene, wish.object, &wish.cluster, identity, &known.intent_before, &applied, is_claim),
            }
        }
        None => unrecorded(scene, wish)?,
    };
    match sighting {
        Sighting::Present(found) => {
            known.notes.clone_from(&found.notes);
            known.found = Some(*found);
        }
        Sighting::Absent => {}
        Sighting::Unreachable { node } => {
            known.notes.push(format!("unreachable: node {node} does not answer"));
            return Ok(silent(wish, block, known));
        }
        Sighting::Hidden { table } => return Err(hidden(&wish.address, &table).at(wish.places.span)),
        Sighting::Foreign(what) => known.notes.push(format!("the recorded guest is gone: {what}")),
        Sighting::Unmarked(what) => {
            return Err(unmarked(scene, &wish.address, &known.intent_before, &what).at(wish.places.span));
        }
    }
    let value = wish.value();
    let desired = fingerprint(&value, input.fingerprint_key);
    let differences = differences(scene, wish, block, &known, &desired);
    refuse_shrinking(wish, &differences.changes)?;
    if let Some(record) = record.filter(|record| is_claim(wish, record)) {
        refuse_unlike(wish, record, known.found.is_some(), &differences.changes)?;
    }
    Ok(decide(scene, wish, record, known, (value, &desired), differences))
}

/// Whether an `import` made the record: it is not in the state, and the object is not ours yet.
fn is_claim(wish: &Wish, record: &Record) -> bool {
    record.intent.is_empty() && wish.object.origin == Origin::Made
}

fn is_recorded(schema: &Schema, path: &Path) -> bool {
    let Some((Step::Attribute(name), rest)) = path.0.split_first() else { return false };
    if let Some(attribute) = schema.attribute(name) {
        return attribute.is_recorded;
    }
    let rest = rest.iter().skip_while(|step| !matches!(step, Step::Attribute(_))).cloned().collect();
    schema.block(name).is_some_and(|nested| is_recorded(nested.schema, &Path(rest)))
}

/// Importing something else than the block describes would destroy it.
fn refuse_unlike(
    wish: &Wish,
    record: &Record,
    is_there: bool,
    attributes: &[AttributeChange],
) -> Result<(), Diagnostic> {
    let address = &wish.address;
    if record.cluster != wish.cluster || !is_there {
        let summary =
            format!("{address} runs on cluster `{}`, what is imported is on `{}`", wish.cluster, record.cluster);
        return Err(Diagnostic::error(summary)
            .at(wish.places.span)
            .hint(format!("write `cluster = cluster.{}`", record.cluster)));
    }
    let Some(change) = attributes.iter().find(|change| change.forces_replacement) else { return Ok(()) };
    let shown = |value: &Option<Value>| {
        value.as_ref().and_then(Value::as_text).map_or("another".to_owned(), |text| format!("`{text}`"))
    };
    let (has, wants) = (shown(&change.before), shown(&change.after));
    Err(Diagnostic::error(format!(
        "importing {address} would replace it: `{}` is {has} and should be {wants}",
        change.path
    ))
    .at(wish.span_of(&change.path))
    .hint("describe the object as it is; change it after the import"))
}

/// Compares with what the configuration on the cluster says, and with what a running guest still has of an older one.
fn differences(scene: &Scene, wish: &Wish, block: &Block, known: &Known, desired: &Value) -> Differences {
    let Some(found) = &known.found else {
        let views = Views { desired, applied: &null(), found: &null(), is_running: false };
        return compare(wish.object.schema, &views);
    };
    let is_running = is_running(scene, wish, found);
    let schema = wish.object.schema;
    let views = Views { desired, applied: &known.applied, found: &found.value, is_running };
    let refine = |changes: &mut Vec<AttributeChange>| {
        for change in changes.iter_mut().filter(|_| is_running) {
            change.impact = match wish.object.name {
                "vm" => vm::impact::of(&change.path, change.impact, &found.value),
                "container" => container::impact(&change.path, change.impact, change.after.is_none()),
                _ => change.impact,
            };
        }
    };
    let mut differences = compare(schema, &views);
    refine(&mut differences.changes);
    if let Some(running) = &found.running {
        // An apply that was cut off before the reboot has written everything and changed nothing yet.
        let mut waiting = compare(schema, &Views { found: running, ..views }).changes;
        refine(&mut waiting);
        let is_told = |path: &Path| differences.changes.iter().any(|change| change.path == *path);
        waiting.retain(|change| change.impact == Impact::Reboot && !is_told(&change.path));
        differences.unchanged = differences.unchanged.saturating_sub(waiting.len());
        differences.changes.extend(waiting);
    }
    let before = differences.changes.len();
    let record = scene.input.state.records.get(&wish.address);
    if record.is_some_and(|record| is_claim(wish, record)) {
        // Nobody can tell how it was made.
        differences.changes.retain(|change| !is_recorded(schema, &change.path));
    }
    differences.changes.retain(|change| !is_ignored(block, &change.path));
    let ignored = before - differences.changes.len();
    differences.unchanged += ignored;
    differences.overlooked += ignored;
    differences
}

fn decide(
    scene: &Scene,
    wish: &Wish,
    record: Option<&Record>,
    mut known: Known,
    (value, desired): (Value, &Value),
    differences: Differences,
) -> Judged {
    let is_as_wanted = differences.is_empty();
    let Differences { changes: attributes, unchanged, .. } = differences;
    let block = &scene.input.stack.blocks[wish.block];
    let (action, reason) = action_of(scene, wish, record, known.found.as_ref(), &attributes);
    let is_moving = attributes.iter().any(|change| change.path == Path::attribute("node"));
    let stays =
        |found: &Found| is_guest(wish.object.name) && !is_moving || !found.identity.is_same_object(&wish.identity);
    let identity = match &known.found {
        // Where it is now, unless it moves: what belongs to a guest goes where that goes.
        Some(found) if action != Action::Replace && stays(found) => found.identity.clone(),
        _ => wish.identity.clone(),
    };
    let intent_after = |before: &str| owner_intent(&scene.input.state.lineage, &wish.address, &identity, before);
    let intent = match action {
        Action::Create | Action::Replace => intent_after(&known.intent_before),
        Action::Adopt if wish.object.origin == Origin::Made => intent_after(""),
        _ => known.intent_before.clone(),
    };
    let is_stale_record =
        action == Action::NoOp && record.is_some_and(|record| is_stale(record, desired, &identity, block));
    let Known { found, applied, .. } = &mut known;
    match (found, action) {
        (Some(found), Action::NoOp) if is_as_wanted => (found.value, found.running) = (value.clone(), None),
        (Some(found), Action::NoOp | Action::Update) => leave_unwritten(wish.object, found, [&value, applied]),
        _ => {}
    }
    let before = known.found.as_ref().map_or_else(null, |found| found.value.clone());
    // Two of one name cannot stand side by side.
    let is_renamed = known.identity_before.as_ref() != Some(&wish.identity);
    Judged {
        change: Change {
            address: wish.address.clone(),
            kind: name(wish.object.name),
            cluster: wish.cluster.clone(),
            tenant: wish.tenant.as_ref().map(|tenant| tenant.name.clone()),
            action,
            reason,
            data_loss: data_loss(wish, action, &attributes, &before, &known.applied),
            impact: impact_of(action, &attributes),
            attributes,
            unchanged,
            identity,
            notes: known.notes,
            before,
            after: value.clone(),
            span: Some(block.span),
        },
        object: wish.object,
        open: open::paths(wish.object.schema, &value),
        desired: value,
        applied: known.applied,
        found: known.found,
        identity_before: known.identity_before,
        intent,
        intent_before: known.intent_before,
        is_stale_record,
        dependencies: block.dependencies.to_vec(),
        creates_first: is_renamed && wish.object.is_replaced_first || scene.makes_first(&wish.address),
    }
}

/// Blocks of a guest that are volumes.
const VOLUMES: [&str; 3] = ["disk", "mount", "rootfs"];

/// Leaves out what nobody wrote, now or before: it is most of a guest, and of one that stays nothing is done to it. Where somebody wrote a
/// volume all stay, for the quota counts them together.
fn leave_unwritten(object: &ObjectType, found: &mut Found, written: [&Value; 2]) {
    let Some(entries) = found.value.as_entries().filter(|_| is_guest(object.name)) else { return };
    let is_written = |name: &str| written.iter().any(|value| value.get(name).is_some());
    let has_volumes = VOLUMES.into_iter().any(is_written);
    let is_kept = |name: &str| is_written(name) || has_volumes && VOLUMES.contains(&name);
    let kept = entries.iter().filter(|(name, _)| is_kept(name)).map(|(name, value)| (name.clone(), value.clone()));
    found.value = Value::object(kept);
}

/// A guest that is ours by its MAC and does not say so any more: whatever we did, it could be the wrong thing.
fn unmarked(scene: &Scene, address: &Address, intent: &str, what: &str) -> Diagnostic {
    let stack = scene.input.state.lineage.clone();
    let marker = Marker { stack, address: address.to_string(), intent: intent.to_owned() };
    Diagnostic::error(format!("the guest of {address} has lost its owner marker: {what}"))
        .detail("It has our MAC address, so it was ours. A guest without a marker is nobody's: it is not changed and not destroyed, and no second one is made beside it.")
        .hint(format!("to keep it, write this line into its notes: `{}`", marker.line()))
        .hint("to have it made anew, destroy it by hand and plan again")
        .about(address)
}

/// What nobody can see, nobody can compare.
fn hidden(address: &Address, table: &str) -> Diagnostic {
    Diagnostic::error(format!("{address} cannot be planned: the token may not read `{table}`"))
        .hint("give the token (and its user) the privilege to audit that, for example the role `PVEAuditor` on `/`")
        .about(address)
}

/// No storage takes space back from a disk.
fn refuse_shrinking(wish: &Wish, attributes: &[AttributeChange]) -> Result<(), Diagnostic> {
    if !is_guest(wish.object.name) || attributes.iter().any(|change| change.forces_replacement) {
        return Ok(());
    }
    let is_volume = |path: &Path| path.root().is_some_and(|root| VOLUMES.contains(&root));
    for change in attributes.iter().filter(|change| is_volume(&change.path)) {
        let bytes =
            |value: &Option<Value>| value.as_ref().and_then(Value::as_text).and_then(|text| size::parse(text).ok());
        let (Some(has), Some(wants)) = (bytes(&change.before), bytes(&change.after)) else { continue };
        let is_size = change.path.0.last() == Some(&Step::Attribute("size".into()));
        if is_size && wants < has {
            let (has, wants) = (size::print(has), size::print(wants));
            return Err(Diagnostic::error(format!("`{}` cannot shrink from {has} to {wants}", change.path))
                .at(wish.span_of(&change.path))
                .detail("A disk can only grow.")
                .hint(format!("write `size = \"{has}\"`, or make the guest anew with `-replace={}`", wish.address)));
        }
    }
    Ok(())
}

/// An object without a record: found by its content it is a stranger's, unless it is one we only look at.
fn unrecorded(scene: &Scene, wish: &Wish) -> Result<Sighting, Diagnostic> {
    let sighting = sight(scene, wish.object, &wish.cluster, &wish.identity, "", &null());
    match (wish.object.origin, &sighting) {
        (Origin::Adopted, _) | (_, Sighting::Absent | Sighting::Hidden { .. }) => Ok(sighting),
        (Origin::Made, Sighting::Present(_)) => Err(Diagnostic::error(format!(
            "{} exists already on cluster `{}` and is not ours: {}",
            wish.object.name, wish.cluster, wish.identity
        ))
        .at(wish.places.span)
        .hint("give this one another name, or remove the other by hand")),
        // A guest at a VMID we just chose or were told cannot be there: the ledger has seen the cluster. Silence is no absence, though.
        (Origin::Made, Sighting::Foreign(_) | Sighting::Unmarked(_)) => Ok(Sighting::Absent),
        (Origin::Made, Sighting::Unreachable { node }) => {
            Err(Diagnostic::error(format!("node {node} does not answer, and {} is to be made there", wish.address))
                .at(wish.places.span)
                .hint("try again when the node is back, or name another `node`"))
        }
    }
}

/// The action, and the reason where attributes do not tell it.
fn action_of(
    scene: &Scene,
    wish: &Wish,
    record: Option<&Record>,
    found: Option<&Found>,
    attributes: &[AttributeChange],
) -> (Action, Option<Reason>) {
    let is_requested = scene.input.options.replace.iter().any(|target| target.covers(&wish.address));
    match (wish.object.origin, record, found) {
        (Origin::Adopted, None, _) => (Action::Adopt, None),
        (Origin::Adopted, Some(_), _) => (Action::NoOp, None),
        (Origin::Made, None, _) => (Action::Create, None),
        (Origin::Made, Some(_), None) => (Action::Create, Some(Reason::Vanished)),
        (Origin::Made, Some(record), Some(_)) if is_claim(wish, record) => (Action::Adopt, None),
        (Origin::Made, Some(_), Some(_)) if is_requested => (Action::Replace, Some(Reason::Requested)),
        (Origin::Made, Some(_), Some(_)) if scene.triggered.contains_key(&wish.address) => {
            (Action::Replace, Some(Reason::DependencyReplaced(scene.triggered[&wish.address].clone())))
        }
        (Origin::Made, Some(record), Some(_)) => {
            let forcing: Vec<Path> = attributes
                .iter()
                .filter(|change| change.forces_replacement)
                .map(|change| change.path.clone())
                .collect();
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
        Action::Adopt => attributes.iter().map(|change| change.impact).max().unwrap_or(Impact::None),
        Action::Replace => Impact::Recreate,
        Action::NoOp | Action::Create | Action::Forget | Action::Delete => Impact::None,
    }
}

/// Disks whose content goes with the change.
fn data_loss(
    wish: &Wish,
    action: Action,
    attributes: &[AttributeChange],
    found: &Value,
    applied: &Value,
) -> Vec<String> {
    if !is_guest(wish.object.name) {
        return Vec::new();
    }
    match action {
        Action::Replace | Action::Delete => all_disks(found),
        Action::Update => attributes.iter().filter_map(|change| removed_disk(change, applied)).collect(),
        Action::NoOp | Action::Adopt | Action::Create | Action::Forget => Vec::new(),
    }
}

/// Returns every disk of a guest with its size.
pub(super) fn all_disks(guest: &Value) -> Vec<String> {
    let labelled = |block: &str| guest.get(block).and_then(Value::as_entries).into_iter().flatten();
    let disks = labelled("disk").chain(labelled("mount")).map(|(slot, disk)| (&**slot, disk));
    let rootfs = guest.get("rootfs").into_iter().map(|rootfs| ("rootfs", rootfs));
    let size = |disk: &Value| disk.get("size").and_then(Value::as_text).unwrap_or("unknown size").to_owned();
    rootfs.chain(disks).map(|(slot, disk)| format!("disk {slot} ({})", size(disk))).collect()
}

/// A disk that is only detached keeps its content, but the guest loses it.
fn removed_disk(change: &AttributeChange, applied: &Value) -> Option<String> {
    let slot = match change.path.0.as_slice() {
        [Step::Attribute(block), Step::Key(slot)] if matches!(&**block, "disk" | "mount") && change.after.is_none() => {
            slot
        }
        _ => return None,
    };
    let size = change.before.as_ref()?.get("size").and_then(Value::as_text).unwrap_or("unknown size");
    let is_destroyed =
        applied.at(&change.path.0).and_then(|disk| disk.get("delete_on_remove")?.as_bool()) == Some(true);
    let fate = if is_destroyed { "destroyed" } else { "detached, kept as an unused disk" };
    Some(format!("disk {slot} ({size}, {fate})"))
}

fn is_running(scene: &Scene, wish: &Wish, found: &Found) -> bool {
    let guest = found.identity.vmid().and_then(|vmid| scene.view(&wish.cluster)?.guests.get(&vmid));
    guest.is_some_and(|guest| guest.power == Power::Running)
}

pub(super) fn is_ignored(block: &Block, path: &Path) -> bool {
    block.lifecycle.ignores_all_changes
        || block.lifecycle.ignore_changes.iter().any(|ignored| path.0.starts_with(&ignored.0))
}

/// The cluster agrees with the wish, and the record does not say so yet.
fn is_stale(record: &Record, desired: &Value, identity: &Identity, block: &Block) -> bool {
    // What is not known is not recorded; marks do not count here.
    let says_the_same = match desired.is_wholly_known() {
        true => is_same(Some(&record.applied), Some(desired)),
        false => is_same(Some(&record.applied), Some(&recorded_form(desired))),
    };
    !says_the_same || record.identity != *identity || *record.dependencies != *block.dependencies
}

/// Nothing is planned from silence.
fn silent(wish: &Wish, block: &Block, known: Known) -> Judged {
    let Known { applied, identity_before, intent_before, found, notes } = known;
    Judged {
        change: Change {
            address: wish.address.clone(),
            kind: name(wish.object.name),
            cluster: wish.cluster.clone(),
            tenant: wish.tenant.as_ref().map(|tenant| tenant.name.clone()),
            action: Action::NoOp,
            reason: None,
            attributes: Vec::new(),
            unchanged: 0,
            impact: Impact::None,
            data_loss: Vec::new(),
            identity: identity_before.clone().unwrap_or_default(),
            notes,
            before: applied.clone(),
            after: applied.clone(),
            span: Some(block.span),
        },
        object: wish.object,
        desired: applied.clone(),
        open: Vec::new(),
        applied,
        found,
        identity_before,
        intent: intent_before.clone(),
        intent_before,
        is_stale_record: false,
        dependencies: block.dependencies.to_vec(),
        creates_first: false,
    }
}

/// Returns a value without the addresses of blocks inside: what leaves the run is content, not references.
pub(super) fn without_addresses(value: &Value) -> Value {
    content(value, &|_| None).unwrap_or_else(|| value.clone())
}

/// Returns a value whose objects are no blocks any more; nothing if none of them was. `stands_for` may give another for one inside.
pub(super) fn content(value: &Value, stands_for: &dyn Fn(&Value) -> Option<Value>) -> Option<Value> {
    let inside = |value: &Value| stands_for(value).or_else(|| content(value, stands_for));
    let content = match value.kind() {
        Kind::Object(object) => match object.attributes.replaced(inside) {
            None if object.address.is_none() => return None,
            attributes => Value::from(attributes.unwrap_or_else(|| object.attributes.clone())),
        },
        Kind::Tuple(items) => Value::tuple(replaced(items, inside)?),
        _ => return None,
    };
    Some(content.with_marks(value.marks()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_that_nobody_wrote_stay_beside_one_that_somebody_did() {
        let kept = |written: &[&'static str]| {
            let object = |names: &[&'static str]| Value::object(names.iter().map(|name| (*name, Value::from(true))));
            let value = object(&["cores", "mount", "rootfs", "swap"]);
            let mut found =
                Found { value, identity: Identity::default(), running: None, digest: None, notes: Vec::new() };
            leave_unwritten(&container::CONTAINER, &mut found, [&object(written), &null()]);
            found
                .value
                .as_entries()
                .into_iter()
                .flat_map(crate::value::Entries::keys)
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(kept(&["cores", "rootfs"]), ["cores", "mount", "rootfs"]);
        assert_eq!(kept(&["swap"]), ["swap"]);
    }
}

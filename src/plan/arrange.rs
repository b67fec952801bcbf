//! From judged objects to operations: their steps, what must come before what, and how long it takes.

use super::change::{Action, Reason};
use super::finish;
use super::input::PlanInput;
use super::judge::Judged;
use super::open;
use super::operation::{Operation, Verb};
use super::order::{self, Half, Item};
use super::sequence;
use super::wish::COPY;
use crate::config::Address;
use crate::domain::{self, Role};
use crate::resources::marker::Marker;
use crate::resources::schema::{Occurs, Schema};
use crate::resources::step::{Guard, Step, Task};
use crate::resources::template_copy::{self, Forecasts};
use crate::resources::{Changed, Draft, Origin, is_guest};
use crate::state::{Completeness, Effect, Record, fingerprint};
use crate::value::{Entries, Kind, Marks, Path, Step as PathStep, Type, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Returns the operations of a plan, each knowing those it needs, and the expected duration of the whole in milliseconds.
pub(super) fn arrange(input: &PlanInput, judged: &BTreeMap<Address, Judged>) -> (Vec<Operation>, u64) {
    let staying = staying_guests(judged);
    let making = Making { input, forecasts: forecasts(judged), none: Forecasts::new() };
    let mut operations: Vec<Operation> =
        judged.values().flat_map(|object| operations_of(&making, object, &staying)).collect();
    let edges = edges(input, judged, &operations);
    let own_ms: Vec<u64> = operations.iter().map(|operation| operation.estimate_ms).collect();
    let estimate_ms = order::duration_ms(&edges, &own_ms, input.options.parallelism);
    for (operation, after) in operations.iter_mut().zip(edges) {
        operation.after = after;
    }
    sequence::sequence(judged, &mut operations);
    finish::add(input, judged, &mut operations);
    (operations, estimate_ms)
}

/// What operations are made from besides their objects.
struct Making<'a> {
    input: &'a PlanInput<'a>,
    /// Templates as the plan will have made them, by cluster.
    forecasts: BTreeMap<Arc<str>, Forecasts>,
    none: Forecasts,
}

fn forecasts(judged: &BTreeMap<Address, Judged>) -> BTreeMap<Arc<str>, Forecasts> {
    let is_made = |object: &&Judged| {
        object.object.name == template_copy::TEMPLATE_COPY.name
            && matches!(object.change.action, Action::Create | Action::Replace)
    };
    let mut forecasts: BTreeMap<Arc<str>, Forecasts> = BTreeMap::new();
    for object in judged.values().filter(is_made) {
        if let Some(guest) = template_copy::forecast(&object.desired) {
            forecasts.entry(object.change.cluster.clone()).or_default().insert(guest.vmid, Arc::new(guest));
        }
    }
    forecasts
}

/// Guests that are there, are ours and stay: only inside these is anything removed. None where nothing is removed, for nobody asks.
fn staying_guests(judged: &BTreeMap<Address, Judged>) -> BTreeSet<(Arc<str>, u32)> {
    if !judged.values().any(|object| matches!(object.change.action, Action::Delete | Action::Replace)) {
        return BTreeSet::new();
    }
    let stays = |object: &&Judged| !matches!(object.change.action, Action::Delete | Action::Replace | Action::Forget);
    let vms = judged.values().filter(|object| is_guest(object.object.name)).filter(stays);
    vms.filter_map(|object| Some((object.change.cluster.clone(), object.found.as_ref()?.identity.vmid()?))).collect()
}

fn edges(input: &PlanInput, judged: &BTreeMap<Address, Judged>, operations: &[Operation]) -> Vec<Vec<usize>> {
    let mut blocks: BTreeMap<Address, usize> = BTreeMap::new();
    let mut dependencies: Vec<Vec<usize>> = Vec::new();
    let mut number = |address: &Address, dependencies: &mut Vec<Vec<usize>>| {
        if let Some(known) = blocks.get(address) {
            return *known;
        }
        dependencies.push(Vec::new());
        blocks.insert(address.clone(), dependencies.len() - 1);
        dependencies.len() - 1
    };
    for block in &input.stack.blocks {
        let own = number(&block.address, &mut dependencies);
        dependencies[own] = block.dependencies.iter().map(|other| number(other, &mut dependencies)).collect();
    }
    let declared = dependencies.len();
    for (address, record) in &input.state.records {
        let own = number(&address.block(), &mut dependencies);
        if own >= declared && dependencies[own].is_empty() {
            dependencies[own] = record.dependencies.iter().map(|other| number(other, &mut dependencies)).collect();
        }
    }
    let mut twins: BTreeMap<&Address, Vec<usize>> = BTreeMap::new();
    for (index, operation) in operations.iter().enumerate() {
        twins.entry(&operation.address).or_default().push(index);
    }
    let item = |(index, operation): (usize, &Operation)| {
        let object = &judged[&operation.address];
        let left = input.state.records.get(&operation.address).into_iter().flat_map(|record| &record.dependencies);
        Item {
            block: number(&operation.address.block(), &mut dependencies),
            position: position(&operation.address),
            half: if operation.verb == Verb::Delete { Half::Destroy } else { Half::Make },
            twin: twins[&operation.address].iter().copied().find(|twin| *twin != index),
            waits_for_leavers: operation.verb == Verb::Delete
                && (object.change.action == Action::Delete || object.creates_first),
            left: left.map(|address| number(address, &mut dependencies)).collect(),
        }
    };
    let items: Vec<Item> = operations.iter().enumerate().map(item).collect();
    order::edges(&items, &dependencies)
}

/// Place of a child in its composite's table.
fn position(address: &Address) -> usize {
    let Some(child) = &address.child else { return 0 };
    match domain::find(&address.kind).map(|kind| kind.role) {
        // What is not in the table is a vnet or, behind it, its subnet. They come first, because all else waits until nodes run them.
        Some(Role::Composite(children)) => match children.iter().position(|kind| *kind.name == *child.name) {
            Some(place) => 2 + place,
            None => usize::from(&*child.name == "subnet"),
        },
        // A child of what is an object itself comes after it, and a template after the file it is made from.
        _ if child.name.as_ref() == COPY => 2,
        _ => 1,
    }
}

/// Returns the operations of one object as they are with what is known by now.
pub(super) fn operations_now(input: &PlanInput, judged: &BTreeMap<Address, Judged>, object: &Judged) -> Vec<Operation> {
    let making = Making { input, forecasts: forecasts(judged), none: Forecasts::new() };
    operations_of(&making, object, &BTreeSet::new())
}

fn operations_of(making: &Making, object: &Judged, staying: &BTreeSet<(Arc<str>, u32)>) -> Vec<Operation> {
    let input = making.input;
    match object.change.action {
        Action::NoOp if object.is_stale_record => {
            vec![record_only(input, object, put(input, object, Completeness::Complete))]
        }
        Action::NoOp => Vec::new(),
        Action::Adopt if object.object.origin == Origin::Made => vec![adopt(making, object)],
        Action::Adopt => vec![record_only(input, object, put(input, object, Completeness::Complete))],
        Action::Forget => vec![record_only(input, object, Effect::Remove)],
        Action::Create => vec![create(making, object)],
        Action::Update => vec![update(making, object)],
        Action::Delete => vec![delete(making, object, staying)],
        Action::Replace => vec![delete(making, object, staying), create(making, object)],
    }
}

fn with_draft<T>(making: &Making, object: &Judged, side: Side, make: impl FnOnce(&Draft) -> T) -> Option<T> {
    let input = making.input;
    let view = input.observed?.clusters.get(&object.change.cluster)?;
    let null = Value::null(Type::Dynamic);
    let (identity, intent) = match side {
        Side::Before => (object.identity_before.as_ref().unwrap_or(&object.change.identity), &object.intent_before),
        Side::After => (&object.change.identity, &object.intent),
    };
    let found = object.found.as_ref();
    let identity = if side == Side::Before { found.map_or(identity, |found| &found.identity) } else { identity };
    let marker = Marker {
        stack: input.state.lineage.clone(),
        address: object.change.address.to_string(),
        intent: intent.clone(),
    };
    let is_fresh = matches!(object.change.action, Action::Create | Action::Replace);
    let sketched = (!object.open.is_empty()).then(|| open::known_part(&object.desired, &object.open));
    let draft = Draft {
        desired: if side == Side::Before { &null } else { sketched.as_ref().unwrap_or(&object.desired) },
        applied: &object.applied,
        found: found.filter(|_| side == Side::Before || !is_fresh),
        identity,
        marker: &marker,
        project: &input.stack.settings.project,
        clones_per_node: input.stack.settings.clones_per_node,
        view,
        forecasts: making.forecasts.get(&object.change.cluster).unwrap_or(&making.none),
        files: input.stack.files(),
    };
    Some(make(&draft))
}

/// Which of two objects a draft is about when one replaces the other.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Before,
    After,
}

fn create(making: &Making, object: &Judged) -> Operation {
    let input = making.input;
    let (mut steps, locks) =
        with_draft(making, object, Side::After, |draft| ((object.object.create)(draft), (object.object.locks)(draft)))
            .unwrap_or_default();
    if let Some(first) = steps.first_mut() {
        first.effect = put(input, object, Completeness::Partial);
    }
    finish(&mut steps, put(input, object, Completeness::Complete));
    let verb = if is_provision(&steps) { Verb::Provision } else { Verb::Create };
    operation(input, object, verb, Side::After, steps, locks)
}

fn update(making: &Making, object: &Judged) -> Operation {
    let input = making.input;
    let changed = Changed { paths: changed_paths(object), impact: object.change.impact };
    let make = |draft: &Draft| ((object.object.update)(draft, &changed), (object.object.locks)(draft));
    let (mut steps, locks) = with_draft(making, object, Side::After, make).unwrap_or_default();
    finish(&mut steps, put(input, object, Completeness::Complete));
    let verb = if is_provision(&steps) { Verb::Provision } else { Verb::Update };
    operation(input, object, verb, Side::After, steps, locks)
}

/// Makes an object ours and then what the block says. The marker comes first: what follows is only sent to a guest that has it.
fn adopt(making: &Making, object: &Judged) -> Operation {
    let input = making.input;
    let changed = Changed { paths: changed_paths(object), impact: object.change.impact };
    let make = |draft: &Draft| {
        let mut steps = (object.object.claim)(draft);
        if !changed.paths.is_empty() {
            let rest = (object.object.update)(draft, &changed);
            let is_marked = !steps.is_empty();
            steps.extend(rest.into_iter().map(|step| if is_marked { after_marker(draft, step) } else { step }));
        }
        (steps, (object.object.locks)(draft))
    };
    let (mut steps, locks) = with_draft(making, object, Side::After, make).unwrap_or_default();
    if steps.is_empty() {
        return record_only(input, object, put(input, object, Completeness::Complete));
    }
    steps[0].effect = put(input, object, Completeness::Partial);
    finish(&mut steps, put(input, object, Completeness::Complete));
    operation(input, object, Verb::Update, Side::After, steps, locks)
}

/// The digest of the plan holds for the first write only.
fn after_marker(draft: &Draft, mut step: Step) -> Step {
    let identity = draft.found.map_or(draft.identity, |found| &found.identity);
    let (Task::Call(call), Some(vmid)) = (&mut step.task, identity.vmid()) else { return step };
    let sends_digest = match call.guard {
        Guard::Digest { .. } => true,
        Guard::Unchanged { .. } => false,
        _ => return step,
    };
    let node = identity.node().unwrap_or_default().to_owned();
    call.guard = Guard::Marker { node, vmid, intent: draft.marker.intent.clone(), sends_digest };
    step
}

/// An interrupted making is finished by writing everything again, as long as the guest was not started: that is the last step.
fn changed_paths(object: &Judged) -> BTreeSet<Path> {
    let mut paths: BTreeSet<Path> = object.change.attributes.iter().map(|change| change.path.clone()).collect();
    let power = object.found.as_ref().and_then(|found| found.value.get("power")).and_then(Value::as_text);
    if object.change.reason == Some(Reason::Unfinished) && power != Some("running") {
        leaves(object.object.schema, &object.desired, &Path::default(), &mut paths);
    }
    paths
}

fn leaves(schema: &Schema, value: &Value, at: &Path, into: &mut BTreeSet<Path>) {
    for (name, item) in value.as_entries().into_iter().flatten() {
        let path = at.then(PathStep::Attribute(name.clone()));
        match schema.block(name) {
            Some(nested) if matches!(nested.occurs, Occurs::ByLabel(_)) => {
                for (label, item) in item.as_entries().into_iter().flatten() {
                    let path = path.then(PathStep::Key(label.clone()));
                    leaves(nested.schema, item, &path, into);
                    into.insert(path);
                }
            }
            Some(nested) => leaves(nested.schema, item, &path, into),
            None if item.is_null() => {}
            None => {
                let keys = item.as_entries().into_iter().flat_map(Entries::keys);
                into.extend(keys.map(|key| path.then(PathStep::Key(key.clone()))));
                into.insert(path);
            }
        }
    }
}

fn delete(making: &Making, object: &Judged, staying: &BTreeSet<(Arc<str>, u32)>) -> Operation {
    let input = making.input;
    let before = object.identity_before.as_ref();
    let is_inside = match object.object.name {
        "provision" => true,
        "firewall" => before.is_some_and(|identity| identity.get("guest").is_some()),
        _ => false,
    };
    let guest = before.and_then(|identity| identity.vmid().or_else(|| identity.get("guest")?.parse().ok()));
    let is_moot = is_inside && guest.is_none_or(|vmid| !staying.contains(&(object.change.cluster.clone(), vmid)));
    let make = |draft: &Draft| ((object.object.delete)(draft), (object.object.locks)(draft));
    let (mut steps, locks) = match is_moot {
        true => Default::default(),
        false => with_draft(making, object, Side::Before, make).unwrap_or_default(),
    };
    finish(&mut steps, Effect::Remove);
    operation(input, object, Verb::Delete, Side::Before, steps, locks)
}

fn record_only(input: &PlanInput, object: &Judged, effect: Effect) -> Operation {
    let mut steps = Vec::new();
    finish(&mut steps, effect);
    operation(input, object, Verb::Record, Side::After, steps, Vec::new())
}

/// The last step says what the state knows in the end; without a step there is one that only says that.
fn finish(steps: &mut Vec<Step>, effect: Effect) {
    match steps.last_mut() {
        Some(last) => last.effect = effect,
        None => steps.push(Step { name: "record".into(), task: Task::Record, effect, estimate_ms: 0 }),
    }
}

fn is_provision(steps: &[Step]) -> bool {
    steps.iter().any(|step| matches!(step.task, Task::Provision(_)))
}

fn operation(
    input: &PlanInput,
    object: &Judged,
    verb: Verb,
    side: Side,
    mut steps: Vec<Step>,
    locks: Vec<super::Lock>,
) -> Operation {
    for step in steps.iter_mut().filter(|step| !matches!(step.task, Task::Record)) {
        step.estimate_ms = (input.estimate_ms)(&step.name);
    }
    let before = object.found.as_ref().map(|found| &found.identity).or(object.identity_before.as_ref());
    Operation {
        address: object.change.address.clone(),
        kind: object.change.kind.clone(),
        cluster: object.change.cluster.clone(),
        verb,
        identity: if side == Side::Before {
            before.unwrap_or(&object.change.identity)
        } else {
            &object.change.identity
        }
        .clone(),
        intent: if side == Side::Before { object.intent_before.clone() } else { object.intent.clone() },
        after: Vec::new(),
        is_sketch: side == Side::After && !object.open.is_empty(),
        estimate_ms: steps.iter().map(|step| step.estimate_ms).sum(),
        steps,
        locks,
    }
}

fn put(input: &PlanInput, object: &Judged, completeness: Completeness) -> Effect {
    let is_fresh = matches!(object.change.action, Action::Create | Action::Replace);
    let record = input.state.records.get(&object.change.address).filter(|_| !is_fresh);
    Effect::Put(Box::new(Record {
        kind: object.change.kind.clone(),
        cluster: object.change.cluster.clone(),
        identity: object.change.identity.clone(),
        intent: object.intent.clone(),
        applied: recorded_form(&fingerprint(&object.desired, input.fingerprint_key)),
        secrets: record.map(|record| record.secrets.clone()).unwrap_or_default(),
        dependencies: object.dependencies.clone(),
        completeness,
        is_adopted: object.object.origin == Origin::Adopted,
    }))
}

/// The state keeps what is secret as secret; that something was chosen is found out again each time. Unknown values are left out: a
/// computed attribute is observed anew.
pub(super) fn recorded_form(value: &Value) -> Value {
    let is_kept = |marks: Marks| !marks.contains(Marks::CHOSEN) && !marks.contains(Marks::EPHEMERAL);
    if value.is_wholly_known() && is_kept(value.deep_marks()) {
        return value.clone();
    }
    let marks = value.marks().without(Marks::CHOSEN | Marks::EPHEMERAL);
    let stripped = match value.kind() {
        Kind::Object(object) => {
            let known = object.attributes.iter().filter(|(_, value)| !value.is_unknown());
            Value::object(known.map(|(name, value)| (name.clone(), recorded_form(value))))
        }
        Kind::Tuple(items) => Value::tuple(items.iter().map(recorded_form).collect::<Vec<_>>()),
        Kind::List(list) => Value::list(list.of.clone(), list.items.iter().map(recorded_form)),
        Kind::Map(map) => {
            Value::map(map.of.clone(), map.entries.iter().map(|(name, item)| (name.clone(), recorded_form(item))))
        }
        _ => value.clone(),
    };
    stripped.replace_marks(marks)
}

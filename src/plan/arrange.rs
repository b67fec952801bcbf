//! From judged objects to operations: their steps, what must come before what, and how long it takes.

use super::change::{Action, Reason};
use super::input::PlanInput;
use super::judge::Judged;
use super::operation::{Operation, Verb};
use crate::config::Address;
use crate::domain::{self, Role};
use crate::resources::marker::Marker;
use crate::resources::step::{Step, Task};
use crate::resources::{Draft, Origin};
use crate::state::{Completeness, Effect, Identity, Record, fingerprint};
use crate::value::{Kind, Path, Step as PathStep, Type, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Returns the operations of a plan, each after those it needs, and the expected duration of the whole in milliseconds.
pub(super) fn arrange(input: &PlanInput, judged: &BTreeMap<Address, Judged>) -> (Vec<Operation>, u64) {
    let doomed = doomed_guests(judged);
    let mut operations = Vec::new();
    for object in judged.values() {
        operations.extend(operations_of(input, object, &doomed));
    }
    let order = Order::new(input, judged, &operations);
    let edges: Vec<Vec<usize>> = (0..operations.len()).map(|index| order.before(&operations, index)).collect();
    for (operation, after) in operations.iter_mut().zip(edges) {
        operation.after = after;
    }
    let estimate_ms = duration_ms(&operations, input.options.parallelism);
    (operations, estimate_ms)
}

/// Guests that this plan removes: nothing is done inside them any more.
fn doomed_guests(judged: &BTreeMap<Address, Judged>) -> BTreeSet<u32> {
    let goes = |object: &&Judged| object.object.name == "vm" && matches!(object.change.action, Action::Delete | Action::Replace);
    judged.values().filter(goes).filter_map(|object| object.identity_before.as_ref()?.vmid()).collect()
}

fn operations_of(input: &PlanInput, object: &Judged, doomed: &BTreeSet<u32>) -> Vec<Operation> {
    match object.change.action {
        Action::NoOp if object.is_stale_record => vec![record_only(input, object, put(input, object, Completeness::Complete))],
        Action::NoOp => Vec::new(),
        Action::Adopt => vec![record_only(input, object, put(input, object, Completeness::Complete))],
        Action::Forget => vec![record_only(input, object, Effect::Remove)],
        Action::Create => vec![create(input, object)],
        Action::Update => vec![update(input, object)],
        Action::Delete => vec![delete(input, object, doomed)],
        Action::Replace => vec![delete(input, object, doomed), create(input, object)],
    }
}

fn with_draft<T>(input: &PlanInput, object: &Judged, side: Side, make: impl FnOnce(&Draft) -> T) -> Option<T> {
    let view = input.observed?.clusters.get(&object.change.cluster)?;
    let null = Value::null(Type::Dynamic);
    let (identity, intent) = match side {
        Side::Before => (object.identity_before.as_ref().unwrap_or(&object.change.identity), &object.intent_before),
        Side::After => (&object.change.identity, &object.intent),
    };
    let found = object.found.as_ref();
    let identity = if side == Side::Before { found.map_or(identity, |found| &found.identity) } else { identity };
    let marker = Marker { stack: input.state.lineage.clone(), address: object.change.address.to_string(), intent: intent.clone() };
    let is_fresh = matches!(object.change.action, Action::Create | Action::Replace);
    let draft = Draft {
        desired: if side == Side::Before { &null } else { &object.desired },
        applied: &object.applied,
        found: found.filter(|_| side == Side::Before || !is_fresh),
        identity,
        marker: &marker,
        project: &input.stack.settings.project,
        view,
    };
    Some(make(&draft))
}

/// Which of two objects a draft is about when one replaces the other.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Before,
    After,
}

fn create(input: &PlanInput, object: &Judged) -> Operation {
    let (mut steps, locks) =
        with_draft(input, object, Side::After, |draft| ((object.object.create)(draft), (object.object.locks)(draft))).unwrap_or_default();
    if let Some(first) = steps.first_mut() {
        first.effect = put(input, object, Completeness::Partial);
    }
    finish(&mut steps, put(input, object, Completeness::Complete));
    let verb = if is_provision(&steps) { Verb::Provision } else { Verb::Create };
    operation(input, object, verb, Side::After, steps, locks)
}

fn update(input: &PlanInput, object: &Judged) -> Operation {
    let changed = changed_paths(object);
    let (mut steps, locks) =
        with_draft(input, object, Side::After, |draft| ((object.object.update)(draft, &changed), (object.object.locks)(draft))).unwrap_or_default();
    finish(&mut steps, put(input, object, Completeness::Complete));
    let verb = if is_provision(&steps) { Verb::Provision } else { Verb::Update };
    operation(input, object, verb, Side::After, steps, locks)
}

/// An interrupted making is finished by writing everything again, as long as the guest was not started: that is the last step.
fn changed_paths(object: &Judged) -> BTreeSet<Path> {
    let differing: BTreeSet<Path> = object.change.attributes.iter().map(|change| change.path.clone()).collect();
    let power = object.found.as_ref().and_then(|found| found.value.get("power")).and_then(Value::as_text);
    match object.change.reason {
        Some(Reason::Unfinished) if power != Some("running") => {
            let mut all = differing;
            leaves(&object.desired, &Path::default(), &mut all);
            all
        }
        _ => differing,
    }
}

fn leaves(value: &Value, at: &Path, into: &mut BTreeSet<Path>) {
    match value.as_entries() {
        Some(entries) => {
            for (name, item) in entries {
                // Keys under a labelled block are labels; under anything else they are attributes.
                let is_label = matches!(at.0.last(), Some(PathStep::Attribute(name)) if matches!(&**name, "disk" | "network"));
                let step = if is_label { PathStep::Key(name.clone()) } else { PathStep::Attribute(name.clone()) };
                leaves(item, &at.then(step), into);
            }
        }
        None if value.is_null() => {}
        None => drop(into.insert(at.clone())),
    }
}

fn delete(input: &PlanInput, object: &Judged, doomed: &BTreeSet<u32>) -> Operation {
    let is_inside = object.object.name == "provision";
    let guest_goes = object.identity_before.as_ref().and_then(Identity::vmid).is_some_and(|vmid| doomed.contains(&vmid));
    let (mut steps, locks) = match is_inside && guest_goes {
        true => Default::default(),
        false => with_draft(input, object, Side::Before, |draft| ((object.object.delete)(draft), (object.object.locks)(draft))).unwrap_or_default(),
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

fn operation(input: &PlanInput, object: &Judged, verb: Verb, side: Side, mut steps: Vec<Step>, locks: Vec<super::Lock>) -> Operation {
    for step in steps.iter_mut().filter(|step| !matches!(step.task, Task::Record)) {
        step.estimate_ms = (input.estimate_ms)(&step.name);
    }
    let before = object.found.as_ref().map(|found| &found.identity).or(object.identity_before.as_ref());
    Operation {
        address: object.change.address.clone(),
        kind: object.change.kind.clone(),
        cluster: object.change.cluster.clone(),
        verb,
        identity: if side == Side::Before { before.unwrap_or(&object.change.identity) } else { &object.change.identity }.clone(),
        intent: if side == Side::Before { object.intent_before.clone() } else { object.intent.clone() },
        after: Vec::new(),
        estimate_ms: steps.iter().map(|step| step.estimate_ms).sum(),
        steps,
        locks,
    }
}

fn put(input: &PlanInput, object: &Judged, completeness: Completeness) -> Effect {
    Effect::Put(Box::new(Record {
        kind: object.change.kind.clone(),
        cluster: object.change.cluster.clone(),
        identity: object.change.identity.clone(),
        intent: object.intent.clone(),
        applied: without_marks(&fingerprint(&object.desired, input.fingerprint_key)),
        dependencies: object.dependencies.clone(),
        completeness,
        is_adopted: object.object.origin == Origin::Adopted,
    }))
}

/// The state keeps what is secret as secret; that something was chosen is found out again each time. Unknown values are left out: a
/// computed attribute is observed anew.
fn without_marks(value: &Value) -> Value {
    use crate::value::Marks;
    let marks = value.marks().without(Marks::CHOSEN | Marks::EPHEMERAL);
    let stripped = match value.kind() {
        Kind::Object(object) => {
            let known = object.attributes.iter().filter(|(_, value)| !value.is_unknown());
            Value::object(known.map(|(name, value)| (name.clone(), without_marks(value))))
        }
        Kind::Tuple(items) => Value::tuple(items.iter().map(without_marks).collect::<Vec<_>>()),
        Kind::List(of, items) => Value::list(of.clone(), items.iter().map(without_marks).collect::<Vec<_>>()),
        Kind::Map(of, items) => Value::map(of.clone(), items.iter().map(|(name, item)| (name.clone(), without_marks(item))).collect::<Vec<_>>()),
        _ => value.clone(),
    };
    stripped.replace_marks(marks)
}

/// What must come before what.
struct Order<'a> {
    judged: &'a BTreeMap<Address, Judged>,
    /// Everything a block depends on, directly or not.
    ancestors: BTreeMap<Address, BTreeSet<Address>>,
    /// Operations by block, apart for making and destroying.
    making: BTreeMap<Address, Vec<usize>>,
    destroying: BTreeMap<Address, Vec<usize>>,
    /// Makings and changes of objects that depended on a block when they were last applied.
    left_by: BTreeMap<Address, Vec<usize>>,
}

impl<'a> Order<'a> {
    fn new(input: &'a PlanInput, judged: &'a BTreeMap<Address, Judged>, operations: &[Operation]) -> Self {
        let mut direct: BTreeMap<Address, BTreeSet<Address>> =
            input.stack.blocks.iter().map(|block| (block.address.clone(), block.dependencies.clone())).collect();
        for (address, record) in &input.state.records {
            direct.entry(address.block()).or_insert_with(|| record.dependencies.iter().cloned().collect());
        }
        let mut order = Self { judged, ancestors: closure(&direct), making: BTreeMap::new(), destroying: BTreeMap::new(), left_by: BTreeMap::new() };
        for (index, operation) in operations.iter().enumerate() {
            let is_delete = operation.verb == Verb::Delete;
            let by_block = if is_delete { &mut order.destroying } else { &mut order.making };
            by_block.entry(operation.address.block()).or_default().push(index);
            let record = input.state.records.get(&operation.address);
            for left in record.into_iter().flat_map(|record| &record.dependencies) {
                order.left_by.entry(left.clone()).or_default().push(index);
            }
        }
        order
    }

    /// Returns the operations that must be done before one.
    fn before(&self, operations: &[Operation], index: usize) -> Vec<usize> {
        let operation = &operations[index];
        let block = operation.address.block();
        let mut before = BTreeSet::new();
        if operation.verb == Verb::Delete {
            // What depended on it goes or lets go first.
            before.extend(self.left_by.get(&block).into_iter().flatten());
            for (other, ancestors) in &self.ancestors {
                if ancestors.contains(&block) {
                    before.extend(self.destroying.get(other).into_iter().flatten());
                }
            }
            before.extend(self.siblings(operations, index, &self.destroying, Sibling::Later));
            before.extend(self.own_half(operations, index, Verb::Create, true));
        } else {
            for ancestor in self.ancestors.get(&block).into_iter().flatten() {
                before.extend(self.making.get(ancestor).into_iter().flatten());
            }
            before.extend(self.siblings(operations, index, &self.making, Sibling::Earlier));
            before.extend(self.own_half(operations, index, Verb::Delete, false));
        }
        before.remove(&index);
        before.into_iter().collect()
    }

    /// Children of one composite are made in the order of its children's table, and destroyed the other way round.
    fn siblings(&self, operations: &[Operation], index: usize, of: &BTreeMap<Address, Vec<usize>>, which: Sibling) -> Vec<usize> {
        let operation = &operations[index];
        let own = position(&operation.address);
        let comes_first = |other: &&usize| {
            let other = position(&operations[**other].address);
            match which {
                Sibling::Earlier => other < own,
                Sibling::Later => other > own,
            }
        };
        of.get(&operation.address.block()).into_iter().flatten().filter(comes_first).copied().collect()
    }

    /// The other half of a replacement.
    fn own_half(&self, operations: &[Operation], index: usize, verb: Verb, creates_first: bool) -> Option<usize> {
        let address = &operations[index].address;
        let object = self.judged.get(address)?;
        if object.change.action != Action::Replace || object.creates_first != creates_first {
            return None;
        }
        let is_other = |other: &usize| operations[*other].address == *address && (operations[*other].verb == Verb::Delete) == (verb == Verb::Delete);
        (0..operations.len()).find(|other| *other != index && is_other(other))
    }
}

#[derive(Clone, Copy)]
enum Sibling {
    Earlier,
    Later,
}

fn position(address: &Address) -> usize {
    let Some(child) = &address.child else { return 0 };
    match domain::find(&address.kind).map(|kind| &kind.role) {
        Some(Role::Composite(children)) => children.iter().position(|kind| *kind.name == *child.name).unwrap_or(0),
        _ => 0,
    }
}

fn closure(direct: &BTreeMap<Address, BTreeSet<Address>>) -> BTreeMap<Address, BTreeSet<Address>> {
    let mut all: BTreeMap<Address, BTreeSet<Address>> = BTreeMap::new();
    for start in direct.keys() {
        let mut found = BTreeSet::new();
        let mut open: Vec<&Address> = direct[start].iter().collect();
        while let Some(address) = open.pop() {
            if !found.insert(address.clone()) {
                continue;
            }
            match all.get(address) {
                Some(known) => found.extend(known.iter().cloned()),
                None => open.extend(direct.get(address).into_iter().flatten()),
            }
        }
        all.insert(start.clone(), found);
    }
    all
}

/// The longest chain, or all the work shared out, whichever takes longer.
fn duration_ms(operations: &[Operation], parallelism: usize) -> u64 {
    let mut ends: BTreeMap<usize, u64> = BTreeMap::new();
    let mut longest = 0;
    for index in 0..operations.len() {
        longest = longest.max(end_of(operations, index, &mut ends));
    }
    let work: u64 = operations.iter().map(|operation| operation.estimate_ms).sum();
    longest.max(work / parallelism.max(1) as u64)
}

fn end_of(operations: &[Operation], index: usize, ends: &mut BTreeMap<usize, u64>) -> u64 {
    if let Some(end) = ends.get(&index) {
        return *end;
    }
    let begin = operations[index].after.iter().map(|before| end_of(operations, *before, ends)).max().unwrap_or(0);
    let end = begin + operations[index].estimate_ms;
    ends.insert(index, end);
    end
}

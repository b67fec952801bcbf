//! Work that changes share and that is done once, after all of them: applying the SDN configuration to the nodes.
//!
//! What was made has to be active before others use it, and what goes has to be let go by others first. Where both meet in one plan, the
//! work is done twice: after what is made, and again at the end.

use super::Lock;
use super::change::Action;
use super::input::PlanInput;
use super::judge::Judged;
use super::operation::{Operation, Verb};
use crate::config::{Address, ModulePath};
use crate::observe::ClusterView;
use crate::resources::Finish;
use crate::resources::step::{Step, Task};
use crate::state::{Effect, Identity};
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Adds the operations that finish others. The order of those is known by now.
pub(super) fn add(input: &PlanInput, judged: &BTreeMap<Address, Judged>, operations: &mut Vec<Operation>) {
    let mut groups: BTreeMap<(Arc<str>, &'static str), Group> = BTreeMap::new();
    for (index, operation) in operations.iter().enumerate() {
        let Some(finish) = judged.get(&operation.address).and_then(|object| object.object.finish) else { continue };
        let Some(view) = input.observed.and_then(|observed| observed.clusters.get(&operation.cluster)) else {
            continue;
        };
        let key = (operation.cluster.clone(), finish.name);
        let cluster = operation.cluster.clone();
        let group =
            groups.entry(key).or_insert_with(|| Group { finish, view, cluster, made: Vec::new(), gone: Vec::new() });
        match operation.verb {
            Verb::Create | Verb::Update => group.made.push(index),
            Verb::Delete => group.gone.push(index),
            Verb::Provision | Verb::Record => {}
        }
    }
    for group in groups.values().filter(|group| !group.made.is_empty() || !group.gone.is_empty()) {
        group.finish(input, judged, operations);
    }
}

/// Operations of one cluster that are finished together.
struct Group<'a> {
    finish: &'static Finish,
    view: &'a ClusterView,
    cluster: Arc<str>,
    made: Vec<usize>,
    gone: Vec<usize>,
}

impl Group<'_> {
    fn finish(&self, input: &PlanInput, judged: &BTreeMap<Address, Judged>, operations: &mut Vec<Operation>) {
        let is_own = |index: usize| self.made.contains(&index) || self.gone.contains(&index);
        let uses = |operation: &Operation| operation.after.iter().any(|before| self.made.contains(before));
        let users: Vec<usize> =
            (0..operations.len()).filter(|index| !is_own(*index) && uses(&operations[*index])).collect();
        let staying: Vec<&Value> = judged
            .values()
            .filter(|object| object.object.finish.is_some_and(|other| other.name == self.finish.name))
            .filter(|object| object.change.cluster == self.cluster)
            .filter(|object| !matches!(object.change.action, Action::Delete | Action::Forget))
            .map(|object| &object.desired)
            .collect();
        let last = if waits_for(operations, &self.gone, &users) {
            let first = self.operation(input, &staying, operations, self.made.clone());
            users.iter().for_each(|user| operations[*user].after.push(first));
            let after = self.gone.iter().copied().chain([first]).collect();
            self.operation(input, &staying, operations, after)
        } else {
            let after = self.made.iter().chain(&self.gone).copied().collect();
            let only = self.operation(input, &staying, operations, after);
            users.iter().for_each(|user| operations[*user].after.push(only));
            only
        };
        for index in &self.gone {
            // The record of one that is replaced is the new one's by then, and that is not active before the end either.
            if judged.get(&operations[*index].address).is_some_and(|object| object.change.action == Action::Delete) {
                forget_after(operations, *index, last);
            }
        }
    }

    fn operation(
        &self,
        input: &PlanInput,
        staying: &[&Value],
        operations: &mut Vec<Operation>,
        mut after: Vec<usize>,
    ) -> usize {
        let mut steps = (self.finish.steps)(self.view, staying);
        steps.iter_mut().for_each(|step| step.estimate_ms = (input.estimate_ms)(&step.name));
        let address = Address::new(ModulePath::default(), "cluster", self.cluster.clone());
        after.sort_unstable();
        operations.push(Operation {
            address: address.child(self.finish.name, None),
            kind: self.finish.name.into(),
            cluster: self.cluster.clone(),
            verb: Verb::Update,
            identity: Identity::default(),
            intent: String::new(),
            after,
            is_sketch: false,
            estimate_ms: steps.iter().map(|step| step.estimate_ms).sum(),
            steps,
            locks: vec![Lock::cluster_file(self.finish.name)],
        });
        operations.len() - 1
    }
}

/// Returns whether any of these operations waits, directly or not, for any of those.
fn waits_for(operations: &[Operation], these: &[usize], those: &[usize]) -> bool {
    let mut open: Vec<usize> = these.to_vec();
    let mut seen: BTreeSet<usize> = BTreeSet::new();
    while let Some(index) = open.pop() {
        if those.contains(&index) {
            return true;
        }
        if seen.insert(index) {
            open.extend(&operations[index].after);
        }
    }
    false
}

/// What was deleted is there until the end, so its record goes then: a run that is cut off before knows what is left to do.
fn forget_after(operations: &mut Vec<Operation>, index: usize, last: usize) {
    let operation = &mut operations[index];
    let Some(step) = operation.steps.last_mut() else { return };
    if step.effect != Effect::Remove {
        return;
    }
    step.effect = Effect::None;
    let record = Operation {
        verb: Verb::Record,
        after: vec![index, last],
        steps: vec![Step { name: "record".into(), task: Task::Record, effect: Effect::Remove, estimate_ms: 0 }],
        locks: Vec::new(),
        estimate_ms: 0,
        ..operation.clone()
    };
    operations.push(record);
}

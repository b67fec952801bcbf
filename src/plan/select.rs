//! `-target` and `-exclude`: which objects a plan is about.

use super::change::Action;
use super::input::PlanInput;
use super::judge::Judged;
use crate::config::Address;
use std::collections::{BTreeMap, BTreeSet};

/// Drops every object the plan is not about: what is not there yet is left out, the rest stays as it is.
pub(super) fn select(input: &PlanInput, judged: &mut BTreeMap<Address, Judged>) {
    let options = input.options;
    if options.targets.is_empty() && options.excludes.is_empty() {
        return;
    }
    let selected = selected(input, judged);
    judged.retain(|address, object| selected.contains(address) || object.change.action != Action::Create);
    for (_, object) in judged.iter_mut().filter(|(address, _)| !selected.contains(*address)) {
        object.change.action = Action::NoOp;
        object.change.attributes.clear();
        object.change.reason = None;
        object.change.data_loss.clear();
        object.change.impact = crate::resources::schema::Impact::None;
        object.is_stale_record = false;
    }
}

fn selected(input: &PlanInput, judged: &BTreeMap<Address, Judged>) -> BTreeSet<Address> {
    let dependencies: BTreeMap<Address, BTreeSet<Address>> = judged.iter().map(|(address, object)| (address.clone(), object.dependencies.iter().cloned().collect())).collect();
    let reaches = |from: &Address, goal: &dyn Fn(&Address) -> bool| {
        let mut seen = BTreeSet::new();
        let mut open: Vec<Address> = dependencies.get(from).into_iter().flatten().cloned().collect();
        while let Some(block) = open.pop() {
            if goal(&block) {
                return true;
            }
            if seen.insert(block.clone()) {
                let inside = dependencies.iter().filter(|(address, _)| address.block() == block);
                open.extend(inside.flat_map(|(_, of)| of.iter().cloned()));
            }
        }
        false
    };
    let is_target = |address: &Address| input.options.targets.is_empty() || input.options.targets.iter().any(|target| target.covers(address));
    let is_excluded = |address: &Address| input.options.excludes.iter().any(|target| target.covers(address));
    let mut selected: BTreeSet<Address> = BTreeSet::new();
    for (address, object) in judged {
        let goes = matches!(object.change.action, Action::Delete | Action::Forget);
        // What a target depends on comes along; what depends on a target that goes, goes along.
        let is_needed = judged.keys().filter(|target| is_target(target)).any(|target| reaches(target, &|block| *block == address.block()));
        let goes_along = goes && reaches(address, &|block| is_target(block));
        if is_target(address) || (is_needed && !goes) || goes_along {
            selected.insert(address.clone());
        }
    }
    selected.retain(|address| !is_excluded(address) && !reaches(address, &|block| is_excluded(block)));
    selected
}

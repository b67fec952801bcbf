//! `-target` and `-exclude`: which objects a plan is about.

use super::change::Action;
use super::input::PlanInput;
use super::judge::Judged;
use crate::config::Address;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::resources::conform::did_you_mean;
use crate::resources::schema::Impact;
use std::collections::{BTreeMap, BTreeSet};

/// Drops every object the plan is not about: what is not there yet is left out, the rest stays as it is.
pub(super) fn select(input: &PlanInput, judged: &mut BTreeMap<Address, Judged>) -> Diagnostics {
    let options = input.options;
    let diagnostics = unknown(input, judged);
    if options.targets.is_empty() && options.excludes.is_empty() {
        return diagnostics;
    }
    let selected = selected(input, judged);
    judged.retain(|address, object| selected.contains(address) || object.change.action != Action::Create);
    for (_, object) in judged.iter_mut().filter(|(address, _)| !selected.contains(*address)) {
        object.change.action = Action::NoOp;
        object.change.attributes.clear();
        object.change.reason = None;
        object.change.data_loss.clear();
        object.change.impact = Impact::None;
        object.is_stale_record = false;
    }
    diagnostics
}

/// An option that names nothing is a slip of the pen, and would make an empty plan.
fn unknown(input: &PlanInput, judged: &BTreeMap<Address, Judged>) -> Diagnostics {
    let options = input.options;
    let all = [("-target", &options.targets), ("-exclude", &options.excludes), ("-replace", &options.replace)];
    let named = all.into_iter().flat_map(|(flag, addresses)| addresses.iter().map(move |address| (flag, address)));
    let mut diagnostics = Diagnostics::new();
    for (flag, address) in named {
        let is_block = input.stack.blocks.iter().any(|block| address.covers(&block.address));
        if !is_block && !judged.keys().any(|known| address.covers(known)) {
            let known: Vec<String> = judged.keys().map(|address| address.block().to_string()).collect();
            let known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
            let summary = format!("`{flag}={address}` names nothing in the configuration or the state");
            let hint = did_you_mean(&address.to_string(), known.into_iter(), "blocks");
            diagnostics.push(Diagnostic::error(summary).hint(hint));
        }
    }
    diagnostics
}

fn selected(input: &PlanInput, judged: &BTreeMap<Address, Judged>) -> BTreeSet<Address> {
    let (targets, excludes) = (&input.options.targets, &input.options.excludes);
    let covers = |set: &[Address], address: &Address| {
        set.iter().any(|target| target.covers(address) || target.block() == *address)
    };
    let mut needs: BTreeMap<Address, BTreeSet<Address>> = BTreeMap::new();
    let mut users: BTreeMap<Address, BTreeSet<Address>> = BTreeMap::new();
    for (address, object) in judged {
        let block = address.block();
        for dependency in &object.dependencies {
            users.entry(dependency.clone()).or_default().insert(block.clone());
        }
        needs.entry(block).or_default().extend(object.dependencies.iter().cloned());
    }
    let blocks = || needs.keys().chain(users.keys());
    let wanted = |address: &&Address| targets.is_empty() || covers(targets, address);
    // What a target depends on comes along; what depends on a target that goes, goes along.
    let needed = reach(blocks().filter(wanted), &needs);
    let leaning = reach(blocks().filter(wanted), &users);
    let barred = reach(blocks().filter(|address| covers(excludes, address)), &users);
    let is_selected = |(address, object): &(&Address, &Judged)| {
        let goes = matches!(object.change.action, Action::Delete | Action::Forget);
        let is_target = targets.is_empty() || targets.iter().any(|target| target.covers(address));
        let comes_along = if goes { leaning.contains(&address.block()) } else { needed.contains(&address.block()) };
        let is_barred = excludes.iter().any(|exclude| exclude.covers(address)) || barred.contains(&address.block());
        (is_target || comes_along) && !is_barred
    };
    judged.iter().filter(is_selected).map(|(address, _)| address.clone()).collect()
}

/// Returns every block beyond these, the starting ones only if an edge leads back to them.
fn reach<'a>(
    from: impl Iterator<Item = &'a Address>,
    edges: &BTreeMap<Address, BTreeSet<Address>>,
) -> BTreeSet<Address> {
    let beyond = |address: &Address| edges.get(address).into_iter().flatten();
    let mut open: Vec<&Address> = from.flat_map(beyond).collect();
    let mut seen = BTreeSet::new();
    while let Some(address) = open.pop() {
        if seen.insert(address.clone()) {
            open.extend(beyond(address));
        }
    }
    seen
}

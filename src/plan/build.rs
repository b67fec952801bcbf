//! The planner's one path: wishes, judgement, selection, fit, operations, outputs.

use super::change::{Action, Change};
use super::input::{PlanInput, Told};
use super::judge::{Judged, judge};
use super::operation::Verb;
use super::refresh::{self, Refreshed};
use super::wish::{Lasting, Scene, wishes};
use super::{Mode, MovedRecord, OutputChange, Plan, arrange, import, intent, open, quota, refactor, select};
use crate::config::{Address, Block, Moment, Objects, Output};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::resources::template_copy;
use crate::state::OutputRecord;
use crate::value::{Marks, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Returns the plan, unless there are errors, and everything worth saying about it.
pub fn plan(input: &PlanInput) -> (Option<Plan>, Diagnostics) {
    let planned = readdressed(input, |input, moves| match input.options.mode {
        Mode::RefreshOnly => Ok(refreshed(input, moves)),
        Mode::Apply | Mode::Destroy => claimed(input, |input| planned(input, moves)),
    });
    planned.and_then(|planned| planned).unwrap_or_else(|diagnostics| (None, diagnostics))
}

/// Goes on with every record under its new address.
pub(super) fn readdressed<T>(
    input: &PlanInput,
    then: impl FnOnce(&PlanInput, &[MovedRecord]) -> T,
) -> Result<T, Diagnostics> {
    let (readdressed, mut diagnostics) = refactor::readdressed(input);
    diagnostics.extend(refactor::declared_removals(input.stack));
    match readdressed {
        _ if diagnostics.has_errors() => Err(diagnostics),
        None => Ok(then(input, &[])),
        Some((state, moves)) => Ok(then(&PlanInput { state: &state, ..*input }, &moves)),
    }
}

/// Goes on with what is imported among the records.
pub(super) fn claimed<T>(input: &PlanInput, then: impl FnOnce(&PlanInput) -> T) -> Result<T, Diagnostics> {
    match import::claimed(input) {
        (_, diagnostics) if diagnostics.has_errors() => Err(diagnostics),
        (None, _) => Ok(then(input)),
        (Some(state), _) => Ok(then(&PlanInput { state: &state, ..*input })),
    }
}

/// Plans that only the state follows what is there.
fn refreshed(input: &PlanInput, moves: &[MovedRecord]) -> (Option<Plan>, Diagnostics) {
    let (Refreshed { changes, mut operations }, diagnostics) = refresh::refresh(input);
    if diagnostics.has_errors() {
        return (None, diagnostics);
    }
    refactor::record_moves(input.state, moves, &mut operations);
    let same = |record: &OutputRecord| OutputChange {
        before: Some(record.value.clone()),
        after: Some(Output { value: record.value.clone(), is_sensitive: record.is_sensitive, description: None }),
    };
    let outputs = input.state.outputs.iter().map(|(name, record)| (name.clone(), same(record))).collect();
    let changes = changes.into_iter().map(shown).collect();
    let plan = Plan { changes, operations, outputs, ..empty(input, moves) };
    (Some(Plan { intent: intent::intent(&plan), ..plan }), diagnostics)
}

/// A plan that does nothing.
fn empty(input: &PlanInput, moves: &[MovedRecord]) -> Plan {
    Plan {
        project: input.stack.settings.project.clone(),
        lineage: input.state.lineage.clone(),
        serial: input.state.serial,
        now: input.now,
        mode: input.options.mode,
        intent: String::new(),
        changes: Vec::new(),
        operations: Vec::new(),
        moved: moves.to_vec(),
        outputs: BTreeMap::new(),
        quotas: Vec::new(),
        capacity: Vec::new(),
        in_progress: input.in_progress.iter().map(|(address, what)| format!("{address}: {what}")).collect(),
        has_looked: input.options.looks,
        unreachable: unreachable(input),
        estimate_ms: 0,
        objects: Objects::new(),
        open_postconditions: BTreeSet::new(),
    }
}

/// What is wanted beside what is there, with all that is wrong with it so far.
pub(super) struct Drawn<'a> {
    pub(super) scene: Scene<'a>,
    pub(super) judged: BTreeMap<Address, Judged>,
    pub(super) diagnostics: Diagnostics,
    /// What keeps objects from being planned that are wanted rightly.
    pub(super) errors: Diagnostics,
}

/// Evaluates and judges every object.
pub(super) fn draw<'a>(input: &PlanInput<'a>) -> Drawn<'a> {
    let (scene, diagnostics) = wishes(input, &BTreeSet::new(), BTreeMap::new());
    let (judged, errors) = judge(&scene);
    // What is replaced takes a new VMID, which others refer to: everything is evaluated again with that known.
    let triggered = refactor::triggered(input.stack, &judged);
    let replaced: BTreeSet<Address> = judged
        .values()
        .filter(|object| object.change.action == Action::Replace)
        .map(|object| object.change.address.clone())
        .chain(triggered.keys().cloned())
        .collect();
    if replaced.is_empty() || diagnostics.has_errors() {
        return Drawn { scene, judged, diagnostics, errors };
    }
    let (scene, diagnostics) = wishes(input, &replaced, triggered);
    let (judged, errors) = judge(&scene);
    Drawn { scene, judged, diagnostics, errors }
}

/// Plans with every record under its new address.
fn planned(input: &PlanInput, moves: &[MovedRecord]) -> (Option<Plan>, Diagnostics) {
    let Drawn { scene, mut judged, mut diagnostics, errors } = draw(input);
    if diagnostics.has_errors() {
        return (None, diagnostics);
    }
    diagnostics.extend(errors);
    diagnostics.extend(select::select(input, &mut judged));
    diagnostics.extend(scene.refused.clone());
    diagnostics.extend(never_told(&scene, &judged));
    diagnostics.extend(prevented(&scene, &judged));
    diagnostics.extend(leant_on(&scene, &judged));
    let (quotas, capacity, misfits) = quota::check(&scene, &judged);
    diagnostics.extend(misfits);
    let (outputs, wrong) = outputs(&scene);
    diagnostics.extend(wrong);
    if input.options.mode != Mode::Destroy {
        diagnostics.extend(input.stack.checks(&scene.objects));
    }
    if diagnostics.has_errors() {
        return (None, diagnostics);
    }
    // What was wanted goes before the operations come: both are large.
    let Lasting { objects, open_preconditions, open_postconditions } = scene.into();
    let (mut operations, estimate_ms) = arrange::arrange(input, &judged);
    for operation in operations.iter_mut().filter(|operation| operation.verb != Verb::Delete) {
        operation.is_sketch |= open_preconditions.contains(&operation.address.block());
    }
    refactor::record_moves(input.state, moves, &mut operations);
    let mut plan = Plan {
        changes: judged.into_values().map(|object| shown(object.change)).collect(),
        operations,
        outputs,
        quotas,
        capacity,
        estimate_ms,
        objects,
        open_postconditions,
        ..empty(input, moves)
    };
    plan.intent = intent::intent(&plan);
    debug_assert_eq!(super::check::check(&plan), Vec::<String>::new(), "the planner makes legal plans");
    (Some(plan), diagnostics)
}

/// Judges the files alone: what can be known without a cluster and a state.
pub fn validate(input: &PlanInput) -> Diagnostics {
    let (scene, mut diagnostics) = wishes(input, &BTreeSet::new(), BTreeMap::new());
    diagnostics.extend(refactor::declared_removals(input.stack));
    diagnostics.extend(import::judge(input.stack));
    if !diagnostics.has_errors() {
        diagnostics.extend(scene.input.stack.outputs(&scene.objects).1);
        diagnostics.extend(scene.input.stack.checks(&scene.objects));
    }
    diagnostics
}

/// The plan's own copies of desired objects show no secret, not even its fingerprint.
fn shown(mut change: Change) -> Change {
    let hidden =
        |value: &Value| if value.is_sensitive() { Value::text("").with_marks(value.marks()) } else { value.clone() };
    for attribute in &mut change.attributes {
        attribute.before = attribute.before.as_ref().map(hidden);
    }
    change
}

/// Refuses what no operation finds out either, such as an address that DHCP gives: the stack is evaluated as if everything else were told.
fn never_told(scene: &Scene, judged: &BTreeMap<Address, Judged>) -> Diagnostics {
    let open: Vec<&Judged> = judged.values().filter(|object| !object.open.is_empty()).collect();
    if open.is_empty() {
        return Diagnostics::new();
    }
    let moment = Moment { time: jiff::Timestamp::UNIX_EPOCH, seed: [0; 32] };
    let Ok(stack) = scene.input.stack.applied_at(moment) else { return Diagnostics::new() };
    let mut told = Told::new();
    for (address, object) in &scene.objects {
        let unknown =
            object.as_entries().into_iter().flatten().filter(|(_, value)| value.is_unknown() && value.is_sensitive());
        let unknown = unknown.map(|(name, _)| (name.clone(), Value::text("told").with_marks(Marks::SENSITIVE)));
        told.insert(address.clone(), unknown.collect());
    }
    let (all_told, _) =
        wishes(&PlanInput { stack: &stack, told: &told, ..scene.input }, &BTreeSet::new(), BTreeMap::new());
    let refusal = |object: &Judged| {
        let wish = all_told.wishes.get(&object.change.address)?;
        let path = open::paths(object.object.schema, &wish.value()).into_iter().next()?;
        let summary = format!("`{path}` of {} is not known before apply, and no operation finds it out", wish.address);
        Some(
            Diagnostic::error(summary)
                .at(wish.span_of(&path))
                .hint("give the guest a fixed or an `auto` address instead of `dhcp`")
                .about(&wish.address),
        )
    };
    open.into_iter().filter_map(refusal).collect()
}

/// What must not go, by the block's own words or by the guest's.
fn prevented(scene: &Scene, judged: &BTreeMap<Address, Judged>) -> Vec<Diagnostic> {
    let goes = |object: &&Judged| matches!(object.change.action, Action::Delete | Action::Replace);
    let blocks: BTreeMap<&Address, &Block> =
        scene.input.stack.blocks.iter().map(|block| (&block.address, block)).collect();
    let refusal = |object: &Judged| {
        let (address, words) = (&object.change.address, object.change.action.words());
        let block = blocks.get(&address.block());
        let diagnostic = |text: String| {
            let diagnostic = Diagnostic::error(text).about(address);
            // The change that needs it, if one does; else the block.
            let forcing = object.change.attributes.iter().find(|change| change.forces_replacement);
            let wish = scene.wishes.get(address);
            let place =
                forcing.zip(wish).map(|(change, wish)| wish.span_of(&change.path)).or(block.map(|block| block.span));
            match place {
                Some(place) => diagnostic.at(place),
                None => diagnostic,
            }
        };
        if block.is_some_and(|block| block.lifecycle.prevent_destroy) {
            let hint = "take `prevent_destroy` out of its `lifecycle` if you mean it, or undo the change that needs it";
            return Some(
                why(diagnostic(format!("{address} {words}, and its `lifecycle` forbids that")), object).hint(hint),
            );
        }
        let is_protected =
            object.found.as_ref().and_then(|found| found.value.get("protection")?.as_bool()) == Some(true);
        is_protected.then(|| {
            why(diagnostic(format!("{address} {words}, and the guest is protected")), object)
                .detail("Proxmox refuses to remove a guest with `protection`.")
                .hint("apply once with its block and `protection = false`, then plan this again")
        })
    };
    judged.values().filter(goes).filter_map(refusal).collect()
}

/// A template whose disk others lean on cannot go before they do.
fn leant_on(scene: &Scene, judged: &BTreeMap<Address, Judged>) -> Vec<Diagnostic> {
    let goes = |object: &&Judged| matches!(object.change.action, Action::Delete | Action::Replace);
    let copies = judged.values().filter(goes).filter(|object| object.object.name == template_copy::TEMPLATE_COPY.name);
    let refusal = |object: &Judged| {
        let address = &object.change.address;
        let vmid = object.found.as_ref()?.identity.vmid()?;
        let stays = |clone: &u32| {
            let is_it =
                |object: &&Judged| object.found.as_ref().and_then(|found| found.identity.vmid()) == Some(*clone);
            judged.values().filter(goes).find(is_it).is_none()
        };
        let clones = template_copy::linked_clones(scene.view(&object.change.cluster)?, vmid);
        let clones: Vec<String> = clones
            .into_iter()
            .filter(|(clone, _)| stays(clone))
            .map(|(vmid, name)| format!("{vmid} (`{name}`)"))
            .collect();
        let words = object.change.action.words();
        let span = scene.wishes.get(address).map(|wish| wish.places.span);
        let diagnostic = Diagnostic::error(format!("{address} {words}, and linked clones lean on its disk: VM {}", clones.join(", ")))
            .detail("Proxmox refuses to remove a template while a linked clone is there.")
            .hint("build the new image as another `template` block, and let guests move over one by one")
            .hint("or make the clones anew too, with `-replace=ADDRESS` for each; with `clone = \"full\"` they lean on nothing")
            .about(address);
        (!clones.is_empty()).then_some(match span {
            Some(span) => diagnostic.at(span),
            None => diagnostic,
        })
    };
    copies.filter_map(refusal).collect()
}

/// Names the attributes that cannot change in place.
fn why(diagnostic: Diagnostic, object: &Judged) -> Diagnostic {
    let forcing = object.change.attributes.iter().filter(|change| change.forces_replacement);
    let names: Vec<String> = forcing.map(|change| format!("`{}`", change.path)).collect();
    match names.is_empty() {
        true => diagnostic,
        false => diagnostic.detail(format!("{} cannot change in place.", names.join(", "))),
    }
}

fn outputs(scene: &Scene) -> (BTreeMap<std::sync::Arc<str>, OutputChange>, Diagnostics) {
    let (after, diagnostics) = if scene.input.options.mode == Mode::Destroy {
        (BTreeMap::new(), Diagnostics::new())
    } else {
        scene.input.stack.outputs(&scene.objects)
    };
    let before = &scene.input.state.outputs;
    let names: BTreeSet<_> = before.keys().chain(after.keys()).cloned().collect();
    let pair = |name: std::sync::Arc<str>| {
        let after: Option<Output> = after.get(&name).cloned().map(|mut output| {
            output.value = super::judge::without_addresses(&output.value);
            output
        });
        let before = before.get(&name).map(|record| record.value.clone());
        (name, OutputChange { before, after })
    };
    (names.into_iter().map(pair).collect(), diagnostics)
}

fn unreachable(input: &PlanInput) -> BTreeMap<String, usize> {
    let mut silent = BTreeMap::new();
    for (cluster, view) in input.observed.into_iter().flat_map(|observed| &observed.clusters) {
        for (name, _) in view.nodes.iter().filter(|(_, node)| !node.is_online) {
            let ours = input
                .state
                .records
                .values()
                .filter(|record| record.cluster == *cluster && record.identity.node() == Some(name))
                .count();
            silent.insert(name.clone(), ours);
        }
    }
    silent
}

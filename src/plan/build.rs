//! The planner's one path: wishes, judgement, selection, fit, operations, outputs.

use super::change::{Action, Change};
use super::input::PlanInput;
use super::judge::{Judged, judge};
use super::refresh::{self, Refreshed};
use super::wish::{Scene, wishes};
use super::{Mode, MovedRecord, OutputChange, Plan, arrange, import, intent, quota, refactor, select};
use crate::config::{Address, Block, Objects, Output};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::resources::schema::{Presence, Schema};
use crate::resources::template_copy;
use crate::state::OutputRecord;
use crate::value::{Path, Step, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Returns the plan, unless there are errors, and everything worth saying about it.
pub fn plan(input: &PlanInput) -> (Option<Plan>, Diagnostics) {
    let (readdressed, mut diagnostics) = refactor::readdressed(input);
    diagnostics.extend(refactor::declared_removals(input.stack));
    if diagnostics.has_errors() {
        return (None, diagnostics);
    }
    match readdressed {
        None => with_imports(input, &[]),
        Some((state, moves)) => with_imports(&PlanInput { state: &state, ..*input }, &moves),
    }
}

/// Plans with what is imported among the records.
fn with_imports(input: &PlanInput, moves: &[MovedRecord]) -> (Option<Plan>, Diagnostics) {
    if input.options.mode == Mode::RefreshOnly {
        return refreshed(input, moves);
    }
    match import::claimed(input) {
        (_, diagnostics) if diagnostics.has_errors() => (None, diagnostics),
        (None, _) => planned(input, moves),
        (Some(state), _) => planned(&PlanInput { state: &state, ..*input }, moves),
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
        unreachable: unreachable(input),
        estimate_ms: 0,
        objects: Objects::new(),
    }
}

/// Plans with every record under its new address.
fn planned(input: &PlanInput, moves: &[MovedRecord]) -> (Option<Plan>, Diagnostics) {
    let (scene, mut diagnostics) = wishes(input, &BTreeSet::new(), BTreeMap::new());
    if diagnostics.has_errors() {
        return (None, diagnostics);
    }
    let (judged, errors) = judge(&scene);
    // What is replaced takes a new VMID, which others refer to: everything is evaluated again with that known.
    let triggered = refactor::triggered(input.stack, &judged);
    let replaced: BTreeSet<Address> = judged
        .values()
        .filter(|object| object.change.action == Action::Replace)
        .map(|object| object.change.address.clone())
        .chain(triggered.keys().cloned())
        .collect();
    let (scene, mut judged, errors) = if replaced.is_empty() {
        (scene, judged, errors)
    } else {
        let (scene, again) = wishes(input, &replaced, triggered);
        diagnostics = again;
        let (judged, errors) = judge(&scene);
        (scene, judged, errors)
    };
    diagnostics.extend(errors);
    diagnostics.extend(select::select(input, &mut judged));
    diagnostics.extend(unknown_at_apply(&scene, &judged));
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
    let (mut operations, estimate_ms) = arrange::arrange(input, &judged);
    refactor::record_moves(input.state, moves, &mut operations);
    let objects = scene.objects;
    let mut plan = Plan {
        changes: judged.into_values().map(|object| shown(object.change)).collect(),
        operations,
        outputs,
        quotas,
        capacity,
        estimate_ms,
        objects,
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

/// Returns the outputs as they are with a state: after an apply it knows what its plan could not, such as the secret of a new token.
pub fn outputs_of(input: &PlanInput) -> BTreeMap<std::sync::Arc<str>, Output> {
    let (scene, _) = wishes(input, &BTreeSet::new(), BTreeMap::new());
    let known = |output: &Output| output.value.is_wholly_known();
    scene.input.stack.outputs(&scene.objects).0.into_iter().filter(|(_, output)| known(output)).collect()
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

/// The calls are made from the plan, so what they need must be known now.
fn unknown_at_apply(scene: &Scene, judged: &BTreeMap<Address, Judged>) -> Vec<Diagnostic> {
    let changed = judged.values().filter(|object| {
        matches!(object.change.action, Action::Create | Action::Update | Action::Replace | Action::Adopt)
    });
    changed
        .filter_map(|object| {
            let path = first_unknown(object.object.schema, &object.desired, &Path::default())?;
            let span = scene.wishes.get(&object.change.address)?.span_of(&path);
            Some(
                Diagnostic::error(format!("`{path}` of {} is not known before apply", object.change.address))
                    .at(span)
                    .detail("A plan holds every call it will make, so it can hold no value that only the apply will find out.")
                    .hint("use a value that is known now: a fixed or `auto` address instead of `dhcp`, `plantimestamp()` instead of `timestamp()`")
                    .about(&object.change.address),
            )
        })
        .collect()
}

fn first_unknown(schema: &Schema, value: &Value, at: &Path) -> Option<Path> {
    let is_computed =
        |name: &str| schema.attribute(name).is_some_and(|attribute| attribute.presence == Presence::Computed);
    value.as_entries()?.iter().filter(|(name, _)| !is_computed(name)).find_map(|(name, item)| {
        let path = at.then(Step::Attribute(name.clone()));
        if item.is_unknown() {
            return Some(path);
        }
        let inner = schema.block(name).map_or(&Schema::EMPTY, |nested| nested.schema);
        match item.as_entries() {
            Some(_) => first_unknown(inner, item, &path),
            None => item.as_items()?.iter().any(Value::is_unknown).then_some(path),
        }
    })
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
    let (after, diagnostics) = match scene.input.options.mode {
        Mode::Destroy => (BTreeMap::new(), Diagnostics::new()),
        Mode::Apply | Mode::RefreshOnly => scene.input.stack.outputs(&scene.objects),
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

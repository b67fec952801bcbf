//! The list of block instances: addresses, shapes, and which instance depends on which.

use super::address::Address;
use super::check::COMPARISONS_MAX;
use super::expression::{Expression, Reference, ReferenceStep, Scope, keyed_references, references};
use super::facts::{Follower, written_key};
use super::frame::{Frame, Run};
use super::meta::Repetition;
use super::module::Object;
use super::program::{CellKind, Expansion, Facts, Program};
use super::stack::{Block, Lifecycle, Trigger};
use super::suggest::did_you_mean;
use super::syntax::{Body, Place};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::value::{Path, Step};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

/// Returns every instance of every object block, sorted by address.
pub(super) fn collect(program: &Program, diagnostics: &mut Diagnostics) -> Vec<Block> {
    let mut blocks = Vec::new();
    for (place, instance) in program.instances.iter().enumerate() {
        let inherited =
            Inherited { after: called_after(program, place), cluster: called_cluster(program, place, diagnostics) };
        for object in instance.module.objects.values() {
            let collector = ObjectCollector { program, place, object };
            if let Err(diagnostic) = collector.collect(&inherited, &mut blocks, diagnostics) {
                diagnostics.push(diagnostic);
            }
        }
    }
    blocks.sort_by(|left, right| left.address.cmp(&right.address));
    blocks
}

/// Nested blocks that all instances of one block with `dynamic` blocks may have.
const NESTED_MAX: usize = 200_000;

/// What the blocks of a module instance get from the calls it came from.
struct Inherited {
    after: BTreeSet<Address>,
    cluster: Option<Arc<str>>,
}

/// Makes the instances of one object block of one module instance.
struct ObjectCollector<'a> {
    program: &'a Program,
    place: usize,
    object: &'a Object,
}

fn unfolds_too_far(block: &Address) -> Diagnostic {
    Diagnostic::error(format!("the `dynamic` blocks of `{block}` unfold to more than {NESTED_MAX} blocks"))
        .hint("use a smaller collection, or fewer instances")
}

/// References of a block, each with the computed key that follows it.
type Keyed<'a> = Vec<(Arc<Reference>, Option<&'a Expression>)>;

impl<'a> ObjectCollector<'a> {
    fn collect(
        &self,
        inherited: &Inherited,
        blocks: &mut Vec<Block>,
        diagnostics: &mut Diagnostics,
    ) -> Result<(), Diagnostic> {
        let (program, place, object) = (self.program, self.place, self.object);
        let instance = &program.instances[place];
        let key = (object.kind.clone(), object.name.clone());
        let Some(expansion) = instance.objects.get(&key) else {
            return Ok(());
        };
        let block = Address::new(instance.path.clone(), object.kind.clone(), object.name.clone());
        let (fixed, keyed) = self.references()?;
        let written = object.meta.depends_on.iter().flat_map(|written| dependency(program, place, written));
        let fixed = Follower::new(program).references(place, fixed)?;
        let triggers: Vec<Trigger> =
            object.meta.replace_triggered_by.iter().flat_map(|written| triggers(program, place, written)).collect();
        let written = written.chain(triggers.iter().map(|trigger| trigger.of.clone()));
        let shared: BTreeSet<Address> =
            self.instances(&fixed).chain(written).chain(inherited.after.iter().cloned()).collect();
        let repetition = match &object.meta.repetition {
            Repetition::Single => None,
            Repetition::Count(attribute) | Repetition::ForEach(attribute) => Some(&*attribute.expression),
        };
        let unfolded = Follower::new(program).expressions(place, repetition)?;
        let of_keyed =
            Follower::new(program).references(place, keyed.iter().map(|(reference, _)| reference.clone()))?;
        let lookups: BTreeSet<&Address> =
            [&fixed, &of_keyed, &unfolded].into_iter().flat_map(|facts| facts.lookups.iter()).collect();
        let lookups: Arc<[Address]> = lookups.into_iter().cloned().collect();
        // Blocks that stand side by side often depend on the same.
        let before = blocks.last().map(|block| &block.dependencies).filter(|before| before.iter().eq(&shared));
        let all_shared = before.map_or_else(|| shared.iter().cloned().collect(), Arc::clone);
        let run = Run::new(program, None);
        let mut own = Diagnostics::new();
        let mut nested = 0;
        for (key, value) in expansion.iter() {
            let mut frame = run.repeated_frame(place, expansion.repeated(key.as_ref(), value));
            let narrowed = keyed.iter().map(|(reference, key)| frame.narrowed(reference, *key));
            let narrowed = Follower::new(program).references(place, narrowed)?;
            let more: BTreeSet<Address> = self.instances(&narrowed).filter(|other| !shared.contains(other)).collect();
            let dependencies = match more.is_empty() {
                true => all_shared.clone(),
                false => shared.union(&more).cloned().collect(),
            };
            blocks.push(Block {
                address: block.instance(key),
                span: object.header,
                dependencies,
                lookups: lookups.clone(),
                called_cluster: inherited.cluster.clone(),
                lifecycle: Lifecycle { replace_triggered_by: triggers.clone(), ..object.meta.lifecycle.clone() },
                has_conditions: !(object.meta.preconditions.is_empty() && object.meta.postconditions.is_empty()),
                shape: frame.shape(&object.body, &run, &mut own),
            });
            nested += blocks.last().map_or(0, |block| block.shape.values().map(Vec::len).sum());
            if nested > NESTED_MAX && object.body.blocks("dynamic").next().is_some() {
                own.push(unfolds_too_far(&block).at(object.header));
            }
            // Every other instance would say the same again.
            if own.has_errors() {
                break;
            }
        }
        diagnostics.extend(run.finish(own));
        Ok(())
    }

    fn instances<'f>(&'f self, facts: &'f Facts) -> impl Iterator<Item = Address> + 'f {
        facts.blocks.iter().flat_map(|address| instances_of(self.program, address))
    }

    /// Returns the references that mean the same for every instance, and those with a key that may differ.
    fn references(&self) -> Result<(Vec<Arc<Reference>>, Keyed<'a>), Diagnostic> {
        let mut expressions = Vec::new();
        body_expressions(&self.object.body, &mut expressions);
        let rules = self.object.meta.preconditions.iter().chain(&self.object.meta.postconditions);
        expressions.extend(rules.flat_map(|rule| [&rule.condition.expression, &rule.error_message.expression]));
        let (mut fixed, mut keyed) = (Vec::new(), Vec::new());
        let run = Run::new(self.program, None);
        let frame = run.frame(self.place);
        for (reference, key) in expressions.into_iter().flat_map(|expression| keyed_references(expression)) {
            let key = key.filter(|_| frame.takes_key(&reference));
            let depends_on_objects = match key {
                Some(key) => !Follower::new(self.program).expressions(self.place, [key])?.blocks.is_empty(),
                None => true,
            };
            match depends_on_objects {
                true => fixed.push(reference),
                false => keyed.push((reference, key)),
            }
        }
        Ok((fixed, keyed))
    }
}

impl Frame<'_> {
    /// Returns the reference to one instance, if the key is known.
    pub(super) fn narrowed(&self, reference: &Reference, key: Option<&Expression>) -> Reference {
        let mut narrowed = reference.clone();
        let value = key.map(|key| (key.span, self.evaluate(key, &mut Diagnostics::new())));
        let step = value.and_then(|(span, value)| {
            let step = match (value.as_text(), value.as_i64()) {
                (Some(text), _) => Step::Key(text.into()),
                (None, Some(number)) => Step::Index(usize::try_from(number).ok()?),
                (None, None) => return None,
            };
            Some(ReferenceStep { step, span })
        });
        narrowed.steps.extend(step);
        narrowed
    }
}

/// Adds every expression of a body and of the blocks in it.
pub(super) fn body_expressions<'a>(body: &'a Body, into: &mut Vec<&'a Arc<Expression>>) {
    into.extend(body.attributes.iter().map(|attribute| &attribute.expression));
    for block in &body.blocks {
        body_expressions(&block.body, into);
    }
}

/// The blocks that the calls a module instance came from wait for.
fn called_after(program: &Program, mut place: usize) -> BTreeSet<Address> {
    let mut after = BTreeSet::new();
    while let Some(caller) = &program.instances[place].caller {
        if let Some(call) = program.instances[caller.instance].module.calls.get(&caller.call) {
            after.extend(call.meta.depends_on.iter().flat_map(|written| dependency(program, caller.instance, written)));
        }
        place = caller.instance;
    }
    after
}

/// The cluster that the nearest call with `cluster = ...` names; a module with a variable of that name gets a value instead.
pub(super) fn called_cluster(program: &Program, mut place: usize, diagnostics: &mut Diagnostics) -> Option<Arc<str>> {
    while let Some(caller) = &program.instances[place].caller {
        let calls = &program.instances[caller.instance].module.calls;
        let called = &program.instances[place].module;
        let input = calls.get(&caller.call).and_then(|call| call.inputs.get("cluster"));
        if let Some(attribute) = input.filter(|_| !called.variables.contains_key("cluster")) {
            let run = Run::new(program, None);
            let mut own = Diagnostics::new();
            let frame = run.repeated_frame(caller.instance, caller.repeated.clone());
            let value = frame.evaluate(&attribute.expression, &mut own);
            let name = value.address().and_then(|address| address.strip_prefix("cluster.")).map(Arc::from);
            if name.is_none() && !own.has_errors() {
                let summary = "`cluster` takes a cluster, expected one such as `cluster.lab`";
                own.push(Diagnostic::error(summary).at(attribute.span));
            }
            diagnostics.extend(run.finish(own));
            return name;
        }
        place = caller.instance;
    }
    None
}

/// What one entry of `replace_triggered_by` means: whole block instances, or one attribute of each.
fn triggers(program: &Program, place: usize, written: &Place) -> Vec<Trigger> {
    let steps = written.path.0.get(2..).unwrap_or_default();
    let is_key = matches!(steps.first(), Some(Step::Key(_) | Step::Index(_)));
    let path = Path(steps[usize::from(is_key)..].to_vec());
    dependency(program, place, written).into_iter().map(|of| Trigger { of, path: path.clone() }).collect()
}

/// The block instances that one entry of `depends_on` means.
fn dependency(program: &Program, place: usize, written: &Place) -> Vec<Address> {
    let here = &program.instances[place];
    let [Step::Attribute(root), Step::Attribute(name), rest @ ..] = written.path.0.as_slice() else {
        return Vec::new();
    };
    let key = match rest.first() {
        Some(Step::Key(key)) => Some(super::address::Key::Text(key.clone())),
        Some(Step::Index(index)) => Some(super::address::Key::Number(*index as u64)),
        Some(Step::Attribute(_)) | None => None,
    };
    if &**root != "module" {
        return instances_of(program, &Address::new(here.path.clone(), root.clone(), name.clone()).instance(key));
    }
    let Some(children) = here.children.get(name) else {
        return Vec::new();
    };
    let chosen = children.iter().filter(|(child, _)| key.is_none() || *child == key);
    let paths: Vec<_> = chosen.map(|(_, child)| &program.instances[*child].path).collect();
    let inside =
        program.instances.iter().filter(|instance| paths.iter().any(|path| instance.path.0.starts_with(&path.0)));
    inside
        .flat_map(|instance| {
            let blocks = instance
                .module
                .objects
                .keys()
                .map(|(kind, name)| Address::new(instance.path.clone(), kind.clone(), name.clone()));
            blocks.flat_map(|block| instances_of(program, &block))
        })
        .collect()
}

/// The instances an address without key stands for; with a key, that instance if there is one.
fn instances_of(program: &Program, address: &Address) -> Vec<Address> {
    let Some(place) = program.places.get(&address.module) else {
        return Vec::new();
    };
    let Some(expansion) = program.instances[*place].objects.get(&(address.kind.clone(), address.name.clone())) else {
        return Vec::new();
    };
    match &address.key {
        None => expansion.iter().map(|(key, _)| address.instance(key)).collect(),
        Some(key) => expansion.get(Some(key)).map(|_| address.clone()).into_iter().collect(),
    }
}

/// Reports keys of instances that do not exist, wherever they are written as constants.
pub(super) fn check_keys(program: &Program, diagnostics: &mut Diagnostics) {
    let mut told = HashSet::new();
    let mut comparisons = 0;
    for (place, instance) in program.instances.iter().enumerate() {
        let mut expressions = Vec::new();
        for object in instance.module.objects.values() {
            body_expressions(&object.body, &mut expressions);
        }
        for lookup in instance.module.lookups.values() {
            body_expressions(&lookup.body, &mut expressions);
        }
        let calls = instance.module.calls.values();
        expressions.extend(calls.flat_map(|call| call.inputs.values().map(|input| &input.expression)));
        let mut found: Vec<Diagnostic> = Vec::new();
        for expression in expressions {
            found.extend(wrong_keys(program, place, expression, &mut comparisons));
        }
        for cell in instance.cells.keys().filter(|cell| cell.kind != CellKind::Variable) {
            if let Some((place, expression)) = program.definition(place, cell) {
                found.extend(wrong_keys(program, place, &expression, &mut comparisons));
            }
        }
        // Every instance of a module has the same text.
        found.retain(|diagnostic| told.insert((diagnostic.span, diagnostic.summary.clone())));
        diagnostics.extend(found);
    }
}

fn wrong_keys(program: &Program, place: usize, expression: &Expression, comparisons: &mut usize) -> Vec<Diagnostic> {
    let here = &program.instances[place];
    let wrong = |reference: Arc<Reference>| {
        let name = reference.attribute(0)?;
        let (key, _) = written_key(&reference, 1);
        let key = key?;
        let known: Vec<String> = if &*reference.root == "module" {
            missing(here.children.get(name)?, &key, *comparisons)?
        } else {
            missing(here.objects.get(&(reference.root.clone(), name.clone()))?, &key, *comparisons)?
        };
        let what = reference.through(1);
        let diagnostic = Diagnostic::error(format!("`{what}` has no instance `{key}`")).at(reference.span_through(2));
        if *comparisons > COMPARISONS_MAX {
            return Some(diagnostic);
        }
        *comparisons += known.len();
        let text = match &key {
            super::address::Key::Text(text) => text.to_string(),
            super::address::Key::Number(number) => number.to_string(),
        };
        Some(match did_you_mean(&text, known.iter().map(String::as_str)) {
            Some(hint) => diagnostic.hint(hint),
            None if known.is_empty() => diagnostic.hint("it has no instance at all"),
            None => {
                diagnostic.hint(format!("its instances are {}", super::check::list(known.iter().map(String::as_str))))
            }
        })
    };
    references(expression).into_iter().filter_map(wrong).collect()
}

/// Returns the keys there are, if the wanted one is not among them; none after too many comparisons.
fn missing<T>(expansion: &Expansion<T>, key: &super::address::Key, comparisons: usize) -> Option<Vec<String>> {
    match expansion {
        Expansion::Single(_) | Expansion::Open(_) => None,
        _ if expansion.get(Some(key)).is_some() => None,
        _ if comparisons > COMPARISONS_MAX => Some(Vec::new()),
        Expansion::Count(items) => Some((0..items.len()).map(|index| index.to_string()).collect()),
        Expansion::Each(items) => Some(items.keys().map(ToString::to_string).collect()),
    }
}

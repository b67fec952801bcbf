//! Whether everything that is referred to is declared: judged from the text alone, so `try` and `can` hide nothing of it.

use super::expression::{Expression, Reference, references};
use super::facts::written_key;
use super::habits;
use super::lookup::Lookup;
use super::meta::{Meta, Repetition};
use super::module::{Call, Module, Object};
use super::suggest::did_you_mean;
use super::syntax::{Attribute, Body, Place};
use super::tree::Modules;
use super::variable::Rule;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::value::Step;
use std::sync::Arc;

/// Names that are there in every module, besides the block types of objects.
const ROOTS: [&str; 10] =
    ["var", "local", "module", "data", "each", "count", "path", "spawnpoint", "terraform", "cluster"];

/// Names compared to make hints: in a large module full of mistakes only the first ones get a hint.
pub(super) const COMPARISONS_MAX: usize = 100_000;

/// Checks all references of a module.
pub(super) struct Checker<'a> {
    pub module: &'a Module,
    pub modules: &'a Modules,
    pub object_types: &'a [&'a str],
    /// Types of `data` blocks.
    pub lookup_types: &'a [&'a str],
    pub diagnostics: &'a mut Diagnostics,
}

/// What may be referred to besides the names of the module.
#[derive(Clone, Copy, Default)]
struct Around<'a> {
    repetition: Option<&'a Repetition>,
    /// Names of the `dynamic` blocks around.
    iterators: &'a [Arc<str>],
    has_self: bool,
    /// The name of the `check` block it is in.
    check: Option<&'a str>,
    /// The block is read before everything else and may use variables only.
    early: Option<&'a str>,
}

impl Checker<'_> {
    /// Checks everything.
    pub(super) fn check(&mut self) {
        let module = self.module;
        let plain = Around::default();
        for local in module.locals.values() {
            self.expression(&local.expression, plain);
        }
        for variable in module.variables.values() {
            self.rules(&variable.validations, plain);
        }
        for output in module.outputs.values() {
            self.expression(&output.value.expression, plain);
            self.rules(&output.preconditions, plain);
        }
        for call in module.calls.values() {
            self.call(call);
        }
        for object in module.objects.values() {
            self.object(object);
        }
        for lookup in module.lookups.values() {
            self.lookup(lookup);
        }
        for (name, check) in &module.checks {
            self.rules(&check.assertions, Around { check: Some(name), ..plain });
        }
        for block in module.notify.values().chain(module.drift_ignores.values()) {
            self.body(&block.body, plain);
        }
        for block in &module.refactors {
            let repetition = block.body.attribute("for_each").cloned().map(Repetition::ForEach);
            let inside = Around { repetition: repetition.as_ref(), ..plain };
            for attribute in &block.body.attributes {
                let around = if &*attribute.name == "for_each" { plain } else { inside };
                self.refactor(attribute, around);
            }
            block.body.blocks.iter().for_each(|nested| self.body(&nested.body, plain));
        }
        for block in module.spawnpoint.iter().chain(module.clusters.values()) {
            self.body(&block.body, Around { early: Some(&block.kind), ..plain });
        }
    }

    /// `to` names a block, whose instance may be computed: that is judged by the planner, the key is judged here.
    fn refactor(&mut self, attribute: &Attribute, around: Around) {
        for reference in references(&attribute.expression) {
            let root = &*reference.root;
            let is_place = &*attribute.name == "to" && (root == "module" || self.object_types.contains(&root));
            if let Some(diagnostic) = self.reference(&reference, around).filter(|_| !is_place) {
                self.diagnostics.push(diagnostic);
            }
        }
    }

    fn call(&mut self, call: &Call) {
        self.meta(&call.meta);
        for input in call.inputs.values() {
            self.expression(&input.expression, Around { repetition: Some(&call.meta.repetition), ..Around::default() });
        }
        let Some(called) = self.modules.get(&call.folder) else {
            return;
        };
        for input in call
            .inputs
            .values()
            .filter(|input| !called.variables.contains_key(&input.name) && &*input.name != "cluster")
        {
            let diagnostic =
                Diagnostic::error(format!("the module has no variable `{}`", input.name)).at(input.name_span);
            let hint = match &*input.name {
                "version" => Some("a version is part of the source: `git::https://...?ref=v1.2.0`".to_owned()),
                "providers" => Some("where a module runs is `cluster = cluster.NAME`".to_owned()),
                name => did_you_mean(name, called.variables.keys().map(|name| &**name)),
            };
            self.diagnostics.push(hint.into_iter().fold(diagnostic, Diagnostic::hint));
        }
        for (name, variable) in &called.variables {
            if variable.default.is_none() && !call.inputs.contains_key(name) {
                let diagnostic = Diagnostic::error(format!("the module needs a value for `{name}`")).at(call.header);
                self.diagnostics.push(diagnostic.label(variable.header, "declared without a default here"));
            }
        }
    }

    fn object(&mut self, object: &Object) {
        self.meta(&object.meta);
        let around = Around { repetition: Some(&object.meta.repetition), ..Around::default() };
        self.body(&object.body, around);
        self.rules(&object.meta.preconditions, around);
        self.rules(&object.meta.postconditions, Around { has_self: true, ..around });
    }

    fn lookup(&mut self, lookup: &Lookup) {
        if !self.lookup_types.contains(&&*lookup.kind) {
            let diagnostic = Diagnostic::error(format!("there is no look-up of type `{}`", lookup.kind));
            let known = || self.lookup_types.iter().copied();
            let ours = habits::type_of_provider(&lookup.kind).filter(|ours| self.lookup_types.contains(ours));
            let ours = ours.map(|ours| format!("here it is `data \"{ours}\" \"{}\"`", lookup.name));
            let hint = ours.or_else(|| did_you_mean(&lookup.kind, known()));
            let hint = hint.unwrap_or_else(|| format!("there are {}", list(known())));
            self.diagnostics.push(diagnostic.at(lookup.header).hint(hint));
        }
        for place in &lookup.meta.depends_on {
            if place.path.0.first().is_none_or(|step| *step != Step::Attribute("data".into())) {
                let summary = format!("a look-up cannot wait for `{}`", place.path);
                let diagnostic = Diagnostic::error(summary).at(place.span).detail(super::lookup::EARLY);
                let hint = "what this stack manages needs no look-up: refer to the object itself, and remove this line";
                self.diagnostics.push(diagnostic.hint(hint));
            }
        }
        self.meta(&lookup.meta);
        let around =
            Around { repetition: Some(&lookup.meta.repetition), check: lookup.check.as_deref(), ..Around::default() };
        self.body(&lookup.body, around);
        self.rules(&lookup.meta.preconditions, around);
        self.rules(&lookup.meta.postconditions, Around { has_self: true, ..around });
    }

    fn meta(&mut self, meta: &Meta) {
        match &meta.repetition {
            Repetition::Count(attribute) | Repetition::ForEach(attribute) => {
                self.expression(&attribute.expression, Around::default());
            }
            Repetition::Single => {}
        }
        for place in meta.depends_on.iter().chain(&meta.replace_triggered_by) {
            self.dependency(place);
        }
    }

    fn dependency(&mut self, place: &Place) {
        let [Step::Attribute(root), Step::Attribute(name), ..] = place.path.0.as_slice() else {
            let summary = format!("expected a block such as `tenant.acme` or `module.web`, found `{}`", place.path);
            return self.diagnostics.push(Diagnostic::error(summary).at(place.span));
        };
        let is_there = match (&**root, place.path.0.get(2)) {
            ("module", _) => self.module.calls.contains_key(name),
            ("data", Some(Step::Attribute(label))) => {
                if !self.module.lookups.contains_key(&(name.clone(), label.clone())) {
                    let diagnostic = self.no_lookup(name, label).at(place.span);
                    self.diagnostics.push(diagnostic);
                }
                true
            }
            _ => self.module.objects.contains_key(&(root.clone(), name.clone())),
        };
        if !is_there {
            let diagnostic = self.undeclared(root, name).at(place.span);
            self.diagnostics.push(diagnostic);
        }
    }

    fn rules(&mut self, rules: &[Rule], around: Around) {
        for rule in rules {
            self.expression(&rule.condition.expression, around);
            self.expression(&rule.error_message.expression, around);
        }
    }

    fn body(&mut self, body: &Body, around: Around) {
        for attribute in
            body.attributes.iter().filter(|attribute| &*attribute.name != "iterator" || around.early.is_some())
        {
            self.expression(&attribute.expression, around);
        }
        for block in &body.blocks {
            match (&*block.kind, block.labels.first()) {
                ("dynamic", Some(label)) => {
                    for attribute in block.body.attributes.iter().filter(|attribute| &*attribute.name == "for_each") {
                        self.expression(&attribute.expression, around);
                    }
                    let iterator = iterator(&block.body).unwrap_or_else(|| label.text.clone());
                    let iterators: Vec<Arc<str>> = around.iterators.iter().cloned().chain([iterator]).collect();
                    let inside = Around { iterators: &iterators, ..around };
                    for attribute in block.body.attributes.iter().filter(|attribute| &*attribute.name == "labels") {
                        self.expression(&attribute.expression, inside);
                    }
                    for content in block.body.blocks("content") {
                        self.body(&content.body, inside);
                    }
                }
                _ => self.body(&block.body, around),
            }
        }
    }

    fn expression(&mut self, expression: &Expression, around: Around) {
        for reference in references(expression) {
            if let Some(diagnostic) = self.reference(&reference, around) {
                self.diagnostics.push(diagnostic);
            }
        }
    }

    fn reference(&self, reference: &Reference, around: Around) -> Option<Diagnostic> {
        let root = &*reference.root;
        if around.iterators.iter().any(|iterator| **iterator == *root) {
            return None;
        }
        if let Some(kind) = around.early.filter(|_| !matches!(root, "var" | "path")) {
            let summary = format!("`{kind}` may use variables and `path` only, found `{reference}`");
            let diagnostic = Diagnostic::error(summary).at(reference.span);
            return Some(diagnostic.hint("it is read before state is opened and before anything else is known"));
        }
        match root {
            "self" if around.has_self => None,
            "self" => Some(Diagnostic::error("`self` is only there in a `postcondition`").at(reference.span)),
            "each" | "count" => repeated(reference, around).map(|diagnostic| match (root, around.iterators.last()) {
                ("each", Some(iterator)) => Diagnostic { hints: Vec::new(), ..diagnostic }
                    .hint(format!("an item of this `dynamic` block is `{iterator}.value`, its key `{iterator}.key`")),
                _ => diagnostic,
            }),
            "path" | "spawnpoint" | "terraform" => surrounding(reference),
            "data" => self.looked_up(reference, around),
            _ if !ROOTS.contains(&root) && !self.object_types.contains(&root) => {
                Some(self.unknown_root(reference, around))
            }
            _ => self.declared(reference),
        }
    }

    fn unknown_root(&self, reference: &Reference, around: Around) -> Diagnostic {
        let root = &*reference.root;
        let known = ROOTS.iter().chain(self.object_types).copied().chain(around.iterators.iter().map(|name| &**name));
        let diagnostic = Diagnostic::error(format!("there is nothing called `{root}`")).at(reference.span_through(0));
        let rest = reference.to_string().split_off(root.len());
        if root == "resource" && !rest.is_empty() {
            return diagnostic
                .hint(format!("blocks are referred to by type and name: `{}`", rest.trim_start_matches('.')));
        }
        if let Some(ours) = habits::type_of_provider(root) {
            return diagnostic.hint(format!("did you mean `{ours}{rest}`?"));
        }
        let names =
            [("var", self.module.variables.contains_key(root)), ("local", self.module.locals.contains_key(root))];
        match (names.iter().find(|(_, is_there)| *is_there), did_you_mean(root, known)) {
            (Some((kind, _)), _) => diagnostic.hint(format!("did you mean `{kind}.{root}`?")),
            (None, _) if self.module.objects.keys().any(|(_, name)| **name == *root) => {
                let mut objects = self.module.objects.keys().filter(|(_, name)| **name == *root);
                let kind = objects.next().map_or("vm", |(kind, _)| &**kind);
                diagnostic.hint(format!("did you mean `{kind}.{reference}`?"))
            }
            (None, _) if reference.steps.is_empty() => {
                diagnostic.hint(format!("text goes between quotes: `\"{root}\"`"))
            }
            (None, Some(hint)) => diagnostic.hint(hint),
            (None, None) => diagnostic,
        }
    }

    fn declared(&self, reference: &Reference) -> Option<Diagnostic> {
        let root = &*reference.root;
        let Some(name) = reference.attribute(0) else {
            let summary = format!("expected a name after `{root}`: `{root}.name`");
            return Some(Diagnostic::error(summary).at(reference.span));
        };
        let is_there = match root {
            "var" => self.module.variables.contains_key(name),
            "local" => self.module.locals.contains_key(name),
            "module" => self.module.calls.contains_key(name),
            "cluster" => self.module.clusters.contains_key(name),
            _ => self.module.objects.contains_key(&(reference.root.clone(), name.clone())),
        };
        if !is_there {
            return Some(self.undeclared(root, name).at(reference.span_through(1)));
        }
        match root {
            "var" | "local" | "cluster" => None,
            "module" => self.output(reference, &self.module.calls[name]),
            _ => key(reference, &self.module.objects[&(reference.root.clone(), name.clone())].meta.repetition),
        }
    }

    fn looked_up(&self, reference: &Reference, around: Around) -> Option<Diagnostic> {
        let (Some(kind), Some(name)) = (reference.attribute(0), reference.attribute(1)) else {
            let summary = "expected a type and a name after `data`: `data.vm.router`";
            return Some(Diagnostic::error(summary).at(reference.span));
        };
        let Some(lookup) = self.module.lookups.get(&(kind.clone(), name.clone())) else {
            return Some(self.no_lookup(kind, name).at(reference.span_through(2)));
        };
        match &lookup.check {
            Some(check) if around.check != Some(check) => {
                let summary = format!("`data.{kind}.{name}` is only there in the check `{check}`");
                let diagnostic = Diagnostic::error(summary).at(reference.span_through(2));
                let diagnostic = diagnostic.label(lookup.header, "declared inside of it");
                Some(diagnostic.hint("move the `data` block out of the `check`"))
            }
            Some(_) | None => key_after(reference, 2, &lookup.meta.repetition),
        }
    }

    fn no_lookup(&self, kind: &str, name: &str) -> Diagnostic {
        let known: Vec<String> = self.module.lookups.keys().map(|(kind, name)| format!("data.{kind}.{name}")).collect();
        let written = format!("data.{kind}.{name}");
        let diagnostic = Diagnostic::error(format!("there is no `{written}`"));
        match (did_you_mean(&written, known.iter().map(String::as_str)), known.is_empty()) {
            (Some(hint), _) => diagnostic.hint(hint),
            (None, true) => diagnostic.hint(format!("declare it: `data \"{kind}\" \"{name}\" {{ ... }}`")),
            (None, false) => diagnostic.hint(format!("declared are {}", list(known.iter().map(String::as_str)))),
        }
    }

    fn undeclared(&self, root: &str, name: &str) -> Diagnostic {
        let module = self.module;
        let (what, count) = match root {
            "var" => (format!("variable `{name}`"), module.variables.len()),
            "local" => (format!("local value `{name}`"), module.locals.len()),
            "module" => (format!("module call `{name}`"), module.calls.len()),
            "cluster" => (format!("cluster `{name}`"), module.clusters.len()),
            kind => (format!("{kind} `{name}`"), module.objects.len()),
        };
        let diagnostic = Diagnostic::error(format!("there is no {what}"));
        if self.diagnostics.iter().len().saturating_mul(count) > COMPARISONS_MAX {
            return diagnostic;
        }
        let known: Vec<&Arc<str>> = match root {
            "var" => module.variables.keys().collect(),
            "local" => module.locals.keys().collect(),
            "module" => module.calls.keys().collect(),
            "cluster" => module.clusters.keys().collect(),
            kind => module.objects.keys().filter(|(other, _)| **other == *kind).map(|(_, name)| name).collect(),
        };
        let nearest = super::similar(name, known.iter().map(|name| &***name));
        match (nearest, known.is_empty()) {
            (Some(nearest), _) => diagnostic.hint(format!("did you mean `{root}.{nearest}`?")),
            (None, true) => match root {
                "var" => diagnostic.hint(format!("declare it: `variable \"{name}\" {{ }}`")),
                "local" => diagnostic.hint(format!("declare it: `locals {{ {name} = ... }}`")),
                "module" => diagnostic,
                kind => diagnostic.hint(format!("declare it: `{kind} \"{name}\" {{ ... }}`")),
            },
            (None, false) => diagnostic.hint(format!("declared are {}", list(known.iter().map(|name| &***name)))),
        }
    }

    fn output(&self, reference: &Reference, call: &Call) -> Option<Diagnostic> {
        if let Some(diagnostic) = key(reference, &call.meta.repetition) {
            return Some(diagnostic);
        }
        let (key, place) = written_key(reference, 1);
        let outputs = &self.modules.get(&call.folder)?.outputs;
        let output = reference.attribute(place).filter(|_| key.is_some() || call.meta.is_single())?;
        if outputs.contains_key(output) {
            return None;
        }
        let diagnostic = Diagnostic::error(format!("the module has no output `{output}`"));
        let diagnostic = diagnostic.at(reference.span_through(place + 1)).label(call.header, "called here");
        let hint = did_you_mean(output, outputs.keys().map(|name| &**name));
        Some(hint.into_iter().fold(diagnostic, Diagnostic::hint))
    }
}

fn repeated(reference: &Reference, around: Around) -> Option<Diagnostic> {
    let wanted = if &*reference.root == "each" { "for_each" } else { "count" };
    let is_there = match around.repetition {
        Some(Repetition::ForEach(_)) => wanted == "for_each",
        Some(Repetition::Count(_)) => wanted == "count",
        Some(Repetition::Single) | None => false,
    };
    if is_there {
        return member(reference, if wanted == "for_each" { &["key", "value"] } else { &["index"] });
    }
    let name = reference.through(1);
    let diagnostic = Diagnostic::error(format!("`{name}` is only there in a block with `{wanted}`"));
    let diagnostic = diagnostic.at(reference.span_through(1));
    Some(match around.repetition {
        Some(Repetition::ForEach(attribute)) => diagnostic
            .label(attribute.name_span, "this block has `for_each`")
            .hint("an instance is known by `each.key` here; a number for each is `index(keys(...), each.key)`"),
        Some(Repetition::Count(attribute)) => {
            diagnostic.label(attribute.name_span, "this block has `count`").hint("did you mean `count.index`?")
        }
        Some(Repetition::Single) => diagnostic.hint(format!("give the block a `{wanted}`")),
        None => diagnostic,
    })
}

/// Judges a name that means the same everywhere.
fn surrounding(reference: &Reference) -> Option<Diagnostic> {
    member(reference, if &*reference.root == "path" { &["module", "root", "cwd"] } else { &["workspace"] })
}

/// Judges the name after a root that has these and no others.
fn member(reference: &Reference, known: &[&str]) -> Option<Diagnostic> {
    let root = &*reference.root;
    let Some(name) = reference.attribute(0) else {
        let summary = format!("expected a name after `{root}`: `{root}.{}`", known[0]);
        return Some(Diagnostic::error(summary).at(reference.span));
    };
    if known.contains(&&**name) {
        return None;
    }
    let diagnostic = Diagnostic::error(format!("there is no `{root}.{name}`")).at(reference.span_through(1));
    let nearest = super::similar(name, known.iter().copied());
    Some(match nearest {
        Some(nearest) => diagnostic.hint(format!("did you mean `{root}.{nearest}`?")),
        None => {
            let known: Vec<String> = known.iter().map(|name| format!("{root}.{name}")).collect();
            diagnostic.hint(format!("there are {}", list(known.iter().map(String::as_str))))
        }
    })
}

/// Judges the key after a name by whether the block has instances.
fn key(reference: &Reference, repetition: &Repetition) -> Option<Diagnostic> {
    key_after(reference, 1, repetition)
}

/// Like [`key()`], of a name that has this many steps.
fn key_after(reference: &Reference, steps: usize, repetition: &Repetition) -> Option<Diagnostic> {
    let name = reference.through(steps);
    let (key, _) = written_key(reference, steps);
    match (repetition, key, reference.attribute(steps)) {
        (Repetition::Single, Some(key), _) => {
            let summary = format!("`{name}` has neither `count` nor `for_each`, so no instance `{key}`");
            Some(Diagnostic::error(summary).at(reference.span_through(steps + 1)).hint(format!("write `{name}`")))
        }
        (Repetition::Count(attribute) | Repetition::ForEach(attribute), None, Some(attribute_name)) => {
            let example = if matches!(repetition, Repetition::Count(_)) { "[0]" } else { "[\"key\"]" };
            let summary = format!("`{name}` has several instances, expected a key before `.{attribute_name}`");
            let diagnostic = Diagnostic::error(summary)
                .at(reference.span_through(steps + 1))
                .label(attribute.name_span, "it has instances because of this");
            Some(diagnostic.hint(format!(
                "one instance: `{name}{example}.{attribute_name}`; all: `[for x in {name} : x.{attribute_name}]`"
            )))
        }
        (Repetition::Single | Repetition::Count(_) | Repetition::ForEach(_), _, _) => None,
    }
}

/// The name a `dynamic` block gives its items, if it is not the block's own.
pub(super) fn iterator(body: &Body) -> Option<Arc<str>> {
    let reference = body.attribute("iterator")?.expression.as_reference()?;
    reference.steps.is_empty().then(|| reference.root.clone())
}

/// Writes names as a list, at most eight.
pub(super) fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names = names;
    let first: Vec<String> = names.by_ref().take(8).map(|name| format!("`{name}`")).collect();
    let names_left = names.count();
    let names = first;
    match names_left {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

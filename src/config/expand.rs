//! Builds the [`Program`]: module instances, instances of object blocks, every value that depends on no object.

use super::address::ModulePath;
use super::expression::Expression;
use super::facts::Follower;
use super::frame::{Frame, Run, judge};
use super::given::{self, Given};
use super::lookup::Lookup;
use super::meta::Repetition;
use super::module::Module;
use super::program::{Caller, CellKind, CellName, Expansion, Instance, Program};
use super::syntax::Attribute;
use super::tree::Modules;
use crate::diagnostics::{Diagnostic, Diagnostics, Span};
use crate::value::{Entries, Kind, Marks, Step, Type, Value, convert};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Module calls inside module calls. Reading and evaluation recurse once per level.
const MODULE_DEPTH_MAX: usize = 32;
/// Instances of modules in one stack: modules that call the next one twice, thirty deep, would be a billion.
const MODULES_MAX: usize = 20_000;
/// Instances of one block by `count` or `for_each`.
const INSTANCES_MAX: usize = 20_000;
/// Instances of blocks in one stack besides the first of each: what is written out is bounded by the size of the files.
/// Thirty thousand complete machines take 400 MB.
const REPEATED_MAX: usize = 30_000;

/// Builds a program.
pub(super) struct Builder<'a> {
    pub modules: &'a Modules,
    pub program: Program,
    pub diagnostics: &'a mut Diagnostics,
    /// Whether a limit was passed: said once.
    pub is_over: bool,
}

impl Builder<'_> {
    /// Fills the program, beginning at the root module.
    pub(super) fn build(&mut self, root: &Arc<Module>, given: Given) {
        self.add(Instance::new(ModulePath::default(), root.clone(), None));
        self.give(root, given);
        self.calls(0);
        if !self.is_over && self.follow_names() {
            self.values();
            Run::new(&self.program, None).refuse_late_lookups(self.diagnostics);
            self.objects();
            self.validations();
        }
    }

    fn add(&mut self, instance: Instance) -> usize {
        let place = self.program.instances.len();
        self.program.places.insert(instance.path.clone(), place);
        self.program.instances.push(instance);
        place
    }

    fn is_full(&self) -> bool {
        self.program.instances.len() >= MODULES_MAX
    }

    /// Gives the root module's variables their values.
    fn give(&mut self, root: &Module, mut given: Given) {
        let (mut values, mut outside) = (Vec::new(), BTreeMap::new());
        let run = Run::new(&self.program, None);
        let frame = run.frame(0);
        for (name, variable) in &root.variables {
            let (value, place) = given
                .remove(name)
                .map_or((None, given::Place::Span(variable.header)), |(value, place)| (Some(value), place));
            if value.is_none() && variable.default.is_none() {
                self.diagnostics.push(given::missing(name, variable));
            }
            if value.is_some() {
                let expression = match &place {
                    given::Place::Written(expression) => Some(expression.clone()),
                    given::Place::Span(_) | given::Place::Origin(_) => None,
                };
                outside.insert(name.clone(), expression);
            }
            let mark = |diagnostic: Diagnostic, part: &[Step]| place.mark(diagnostic, part);
            values.push((name, given::accept(name, variable, value, &mark, &frame, self.diagnostics)));
        }
        self.program.given = outside;
        for (name, value) in values {
            let cell = CellName { kind: CellKind::Variable, name: name.clone() };
            let knowledge = &self.program.instances[0].cells[&cell];
            knowledge.value.set(value).expect("a root variable is given once");
        }
    }

    /// Makes the instances of the modules that an instance calls, and theirs.
    fn calls(&mut self, place: usize) {
        let module = self.program.instances[place].module.clone();
        for name in call_order(&module) {
            let call = &module.calls[&name];
            let Some(called) = self.modules.get(&call.folder).cloned() else {
                continue;
            };
            let path = self.program.instances[place].path.clone();
            if path.0.len() >= MODULE_DEPTH_MAX || self.is_full() {
                let summary =
                    format!("too many module calls: at most {MODULE_DEPTH_MAX} deep and {MODULES_MAX} instances");
                if !self.is_over {
                    self.is_over = true;
                    self.diagnostics.push(Diagnostic::error(summary).at(call.header));
                }
                return;
            }
            let Some(keys) = self.expansion_or_stand_in(place, &call.meta.repetition) else {
                continue;
            };
            let mut children = Vec::new();
            for (key, value) in keys.iter() {
                let repeated = keys.repeated(key.as_ref(), value);
                let caller = Caller { instance: place, call: name.clone(), repeated };
                children.push(self.add(Instance::new(path.then(&name, key), called.clone(), Some(caller))));
            }
            let expansion = match &keys {
                Expansion::Single(_) => Expansion::Single(children[0]),
                Expansion::Open(_) => Expansion::Open(children[0]),
                Expansion::Count(_) => Expansion::Count(children.clone()),
                Expansion::Each(items) => {
                    Expansion::Each(items.keys().cloned().zip(children.iter().copied()).collect())
                }
            };
            self.program.instances[place].children.insert(name, expansion);
            for child in children {
                self.calls(child);
            }
        }
    }

    /// Follows every name once, so that circles are found even among names that nobody uses. Returns whether there is none.
    fn follow_names(&mut self) -> bool {
        let mut is_fine = true;
        let mut told: BTreeSet<BTreeSet<Span>> = BTreeSet::new();
        for (place, instance) in self.program.instances.iter().enumerate() {
            for cell in instance.cells.keys() {
                let Some(span) = self.program.span_of(place, cell) else {
                    continue;
                };
                if let Err(diagnostic) = Follower::new(&self.program).facts(place, cell, span) {
                    is_fine = false;
                    // The same circle is found again from each module it goes through.
                    let links = diagnostic.labels.iter().map(|(span, _)| *span).chain(diagnostic.span);
                    if told.insert(links.collect()) {
                        self.diagnostics.push(diagnostic);
                    }
                    // Each name on a circle would report the circle again.
                    break;
                }
            }
        }
        is_fine
    }

    /// Computes every value that depends on no object: later runs find them there.
    fn values(&mut self) {
        let run = Run::new(&self.program, None);
        let mut own = Diagnostics::new();
        for (place, instance) in self.program.instances.iter().enumerate() {
            for cell in instance.cells.keys() {
                let span = self.program.span_of(place, cell);
                if let Some(Err(diagnostic)) = span.map(|span| run.cell(place, cell, span)) {
                    own.push(diagnostic);
                }
            }
        }
        self.diagnostics.extend(run.finish(own));
    }

    fn objects(&mut self) {
        let (mut made, mut written) = (0, BTreeSet::new());
        for place in 0..self.program.instances.len() {
            let module = self.program.instances[place].module.clone();
            for (key, object) in &module.objects {
                let Some(expansion) = self.expansion_or_stand_in(place, &object.meta.repetition) else { continue };
                made += expansion.len();
                written.insert(object.header);
                if made > REPEATED_MAX + written.len() {
                    let summary = format!(
                        "`count`, `for_each` and calls of modules make more than {REPEATED_MAX} objects, expected fewer"
                    );
                    let hint =
                        "a stack of its own for each region or tenant is planned faster, and apart from the others";
                    return self.diagnostics.push(Diagnostic::error(summary).at(object.header).hint(hint));
                }
                self.program.instances[place].objects.insert(key.clone(), expansion);
            }
        }
    }

    /// Like [`Self::expansion`]; where stand-ins are wanted, one stands for instances that nobody knows yet.
    fn expansion_or_stand_in(&mut self, place: usize, repetition: &Repetition) -> Option<Expansion<Value>> {
        let before = self.diagnostics.iter().len();
        let expansion = self.expansion(place, repetition);
        let is_open = self.program.has_stand_ins && self.diagnostics.iter().len() == before;
        expansion.or(is_open.then(|| Expansion::Open(Value::from(true))))
    }

    /// Returns the instances of a block or call, or nothing after reporting why they cannot be known.
    fn expansion(&mut self, place: usize, repetition: &Repetition) -> Option<Expansion<Value>> {
        let attribute = match repetition {
            Repetition::Single => return Some(Expansion::Single(Value::from(true))),
            Repetition::Count(attribute) | Repetition::ForEach(attribute) => attribute,
        };
        let run = Run::new(&self.program, None);
        let mut own = Diagnostics::new();
        let value = known(&run, &run.frame(place), attribute, &mut own);
        // What is unknown because of a mistake was told with the mistake.
        let is_told = self.diagnostics.has_errors() || run.has_errors();
        let is_silent = is_told || self.program.is_stand_in(place);
        let value = value.filter(|value| !(is_undecided(value) && is_silent));
        let expansion = value.and_then(|value| match repetition {
            Repetition::Count(_) => counted(&value, attribute, &mut own).map(Expansion::Count),
            Repetition::ForEach(_) | Repetition::Single => each(&value, attribute, &mut own).map(Expansion::Each),
        });
        let reported = run.finish(own);
        self.diagnostics.extend(reported);
        expansion
    }

    fn validations(&mut self) {
        let run = Run::new(&self.program, None);
        let mut own = Diagnostics::new();
        for (place, instance) in self.program.instances.iter().enumerate() {
            let frame = run.frame(place);
            for (name, variable) in &instance.module.variables {
                for rule in &variable.validations {
                    let about = format!("`var.{name}` is not valid");
                    judge(rule, &about, &instance.path.name_of("var", name), &frame, &mut own);
                }
            }
        }
        self.diagnostics.extend(run.finish(own));
    }
}

/// Returns the value of `count` or `for_each`, or nothing after reporting that it depends on an object.
pub(super) fn known(run: &Run, frame: &Frame, attribute: &Attribute, diagnostics: &mut Diagnostics) -> Option<Value> {
    match Follower::new(run.program).expressions(frame.instance, [&*attribute.expression]) {
        Err(diagnostic) => diagnostics.push(diagnostic),
        Ok(facts) if !facts.blocks.is_empty() => {
            let blocks: Vec<String> = facts.blocks.iter().map(|address| format!("`{address}`")).collect();
            let summary = format!(
                "`{}` depends on {}, whose attributes are known only when it is planned",
                attribute.name,
                blocks.join(", ")
            );
            let diagnostic = Diagnostic::error(summary).at(attribute.span);
            diagnostics.push(diagnostic.hint(
                "how many instances there are may depend on variables, locals, look-ups, `path` and the workspace only",
            ));
        }
        Ok(facts) => {
            let mut errors = Diagnostics::new();
            let value = frame.evaluate(&attribute.expression, &mut errors);
            let is_right = !errors.has_errors();
            diagnostics.extend(errors);
            // What is not looked up yet is asked again when it is; what cannot be looked up was told.
            let is_open = is_undecided(&value) && run.is_open(&facts, attribute.span);
            return is_right.then_some(value).filter(|_| !is_open);
        }
    }
    None
}

/// Returns whether part of what decides about instances is not known: texts of a set, but not what the keys of a map stand for.
fn is_undecided(value: &Value) -> bool {
    value.is_unknown() || value.as_items().is_some() && !value.is_wholly_known()
}

pub(super) fn counted(value: &Value, attribute: &Attribute, diagnostics: &mut Diagnostics) -> Option<Vec<Value>> {
    let number = usable(value, attribute, diagnostics)
        .and_then(|value| convert(&value, &Type::Number).ok())
        .and_then(|value| value.as_i64());
    match number {
        Some(count) if (0..=INSTANCES_MAX as i64).contains(&count) => {
            return Some(vec![Value::from(true); count as usize]);
        }
        Some(count) => {
            let summary = format!("`count` is {count}, expected a whole number from 0 to {INSTANCES_MAX}");
            diagnostics.push(Diagnostic::error(summary).at(attribute.span));
        }
        None if diagnostics.has_errors() => {}
        None => {
            diagnostics.push(Diagnostic::error("`count` takes a whole number").at(attribute.span));
        }
    }
    None
}

pub(super) fn each(
    value: &Value,
    attribute: &Attribute,
    diagnostics: &mut Diagnostics,
) -> Option<BTreeMap<Arc<str>, Value>> {
    let value = usable(value, attribute, diagnostics)?;
    let count = value.as_entries().map(Entries::len).or_else(|| value.as_items().map(<[Value]>::len));
    if let Some(count) = count.filter(|count| *count > INSTANCES_MAX) {
        let summary = format!("`for_each` has {count} items, expected at most {INSTANCES_MAX}");
        diagnostics.push(Diagnostic::error(summary).at(attribute.span));
        return None;
    }
    let summary = match value.kind() {
        Kind::Map(map) => return Some(map.entries.to_map()),
        Kind::Object(object) => return Some(object.attributes.to_map()),
        Kind::Set(set) if set.of == Type::Text => {
            let keys: Option<BTreeMap<Arc<str>, Value>> =
                set.items.iter().map(|item| item.as_text().map(|text| (Arc::from(text), item.clone()))).collect();
            if keys.is_some() {
                return keys;
            }
            "`for_each` takes a set of texts, found one that is null or unknown".to_string()
        }
        Kind::Set(set) if set.items.is_empty() => return Some(BTreeMap::new()),
        Kind::List(_) | Kind::Tuple(_) => {
            let diagnostic =
                Diagnostic::error(format!("`for_each` takes a map or a set of texts, found {}", value.type_of()));
            let hint = "positions move when an item is taken out; write `toset([...])` to use the texts as keys";
            diagnostics.push(diagnostic.at(attribute.span).hint(hint));
            return None;
        }
        Kind::Null(_) | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::Set(_) | Kind::Unknown(..) => {
            format!("`for_each` takes a map or a set of texts, found {}", value.type_of())
        }
    };
    diagnostics.push(Diagnostic::error(summary).at(attribute.span));
    None
}

/// Reports a value that cannot decide about instances: null, unknown, sensitive, ephemeral.
fn usable(value: &Value, attribute: &Attribute, diagnostics: &mut Diagnostics) -> Option<Value> {
    let name = &attribute.name;
    let marks = match value.kind() {
        Kind::Set(_) => value.deep_marks(),
        _ => value.marks(),
    };
    let summary = if marks.contains(Marks::SENSITIVE) {
        format!("`{name}` is sensitive, but keys of instances are shown in addresses")
    } else if marks.contains(Marks::EPHEMERAL) {
        format!("`{name}` is ephemeral, but instances are kept in state")
    } else if value.is_unknown() {
        format!("`{name}` is not known while planning")
    } else if value.is_null() {
        format!("`{name}` is null, expected a value")
    } else {
        return Some(value.clone().replace_marks(Marks::NONE));
    };
    let diagnostic = Diagnostic::error(summary).at(attribute.span);
    let is_sensitive = marks.contains(Marks::SENSITIVE);
    diagnostics.push(if is_sensitive { diagnostic.hint("`nonsensitive(...)` if it may be shown") } else { diagnostic });
    None
}

/// The calls of a module, those first that others depend on to know their instances.
fn call_order(module: &Module) -> Vec<Arc<str>> {
    let mut graph = petgraph::graphmap::DiGraphMap::<&str, ()>::new();
    for (name, call) in &module.calls {
        graph.add_node(&**name);
        let repetition = match &call.meta.repetition {
            Repetition::Single => None,
            Repetition::Count(attribute) | Repetition::ForEach(attribute) => Some(&attribute.expression),
        };
        let expressions = repetition.into_iter().chain(call.inputs.values().map(|input| &input.expression));
        for other in calls_behind(module, expressions) {
            if let Some((other, _)) = module.calls.get_key_value(&other) {
                graph.add_edge(&**name, other, ());
            }
        }
    }
    // Strongly connected groups come out with what they depend on first.
    let groups = petgraph::algo::kosaraju_scc(&graph);
    groups.into_iter().flatten().map(Arc::from).collect()
}

/// The calls that expressions refer to, directly or through locals.
fn calls_behind<'e>(module: &'e Module, expressions: impl Iterator<Item = &'e Arc<Expression>>) -> BTreeSet<Arc<str>> {
    let mut calls = BTreeSet::new();
    let mut seen: BTreeSet<Arc<str>> = BTreeSet::new();
    let mut open: Vec<&Expression> = expressions.map(|expression| &**expression).collect();
    while let Some(expression) = open.pop() {
        for reference in super::expression::references(expression) {
            match (&*reference.root, reference.attribute(0)) {
                ("module", Some(name)) => {
                    calls.insert(name.clone());
                }
                ("local", Some(name)) if seen.insert(name.clone()) => {
                    open.extend(module.locals.get(name).map(|local| &*local.expression));
                }
                ("data", Some(kind)) => {
                    let key = reference.attribute(1).map(|name| (kind.clone(), name.clone()));
                    let lookup = key.and_then(|key| module.lookups.get(&key));
                    let lookup = lookup.filter(|lookup| seen.insert(lookup.cell().name));
                    open.extend(lookup.into_iter().flat_map(Lookup::expressions).map(AsRef::as_ref));
                }
                _ => {}
            }
        }
    }
    calls
}

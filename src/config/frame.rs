//! Where an expression of one module instance gets its values: variables, locals, outputs, objects, `each`, `count`, `path`.

use super::address::Address;
use super::expression::{self, Expression, FunctionWorld, Reference, Resolved, Scope};
use super::facts::{Follower, written_key};
use super::given;
use super::lookup::cell_name;
use super::meta::Repetition;
use super::program::{CellKind, CellName, Expansion, Program, Repeated};
use super::stack::Objects;
use super::variable::Rule;
use crate::diagnostics::{Diagnostic, Diagnostics, Span};
use crate::value::{Marks, Step, Type, Value, convert};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One evaluation of part of a program: the objects known, and what was computed from them on the way.
pub(super) struct Run<'a> {
    pub program: &'a Program,
    /// None while the configuration is read: then whatever depends on objects is unknown.
    pub objects: Option<&'a Objects>,
    /// Named values that depend on objects, computed once per run.
    computed: RefCell<BTreeMap<(usize, CellName), Value>>,
    /// Errors inside named values: reported once, not for each reference.
    reported: RefCell<Diagnostics>,
}

/// A module instance seen from inside one block of it.
pub(super) struct Frame<'a> {
    pub run: &'a Run<'a>,
    pub instance: usize,
    pub repeated: Repeated,
    /// Items of the `dynamic` blocks around, the innermost last.
    pub iterators: Vec<(Arc<str>, Value)>,
    /// `self`, where there is one.
    pub own: Option<Value>,
    /// How often the call at each place drew random bytes.
    pub drawn: RefCell<BTreeMap<Span, u32>>,
    /// What `each` goes through, where there is one.
    pub for_each: Option<&'a Expression>,
}

impl<'a> Run<'a> {
    pub(super) fn new(program: &'a Program, objects: Option<&'a Objects>) -> Self {
        Self { program, objects, computed: RefCell::default(), reported: RefCell::default() }
    }

    /// Returns what was reported while computing named values, and the caller's own diagnostics after it.
    pub(super) fn finish(self, own: Diagnostics) -> Diagnostics {
        let mut all = self.reported.into_inner();
        all.extend(own);
        all
    }

    /// Returns whether there was an error in a named value.
    pub(super) fn has_errors(&self) -> bool {
        self.reported.borrow().has_errors()
    }

    /// Returns a view for an expression outside of any repeated block.
    pub(super) fn frame(&'a self, instance: usize) -> Frame<'a> {
        self.repeated_frame(instance, Repeated::Single)
    }

    /// Returns a view for an expression of one instance of a block.
    pub(super) fn repeated_frame(&'a self, instance: usize, repeated: Repeated) -> Frame<'a> {
        let drawn = RefCell::default();
        Frame { run: self, instance, repeated, iterators: Vec::new(), own: None, drawn, for_each: None }
    }

    /// Returns the value of a name; unknown if it is wrong, which is reported once.
    pub(super) fn cell(&self, instance: usize, cell: &CellName, span: Span) -> Result<Value, Diagnostic> {
        let Some(knowledge) = self.program.instances[instance].cells.get(cell) else {
            return Err(
                Diagnostic::error(format!("`{}` is not declared", self.program.cell_text(instance, cell))).at(span)
            );
        };
        if let Some(value) = knowledge.value.get() {
            return Ok(value.clone());
        }
        let facts = Follower::new(self.program).facts(instance, cell, span)?;
        if facts.blocks.is_empty() {
            let value = self.compute(instance, cell);
            return Ok(knowledge.value.get_or_init(|| value).clone());
        }
        if self.objects.is_none() {
            return Ok(Value::unknown(Type::Dynamic));
        }
        let key = (instance, cell.clone());
        if let Some(value) = self.computed.borrow().get(&key) {
            return Ok(value.clone());
        }
        let value = self.compute(instance, cell);
        self.computed.borrow_mut().insert(key, value.clone());
        Ok(value)
    }

    fn compute(&self, instance: usize, cell: &CellName) -> Value {
        if let Some(lookup) = self.program.lookup(instance, cell) {
            let (value, found) = self.looked_up(instance, lookup);
            self.reported.borrow_mut().extend(found);
            return value;
        }
        let definition = self.program.definition(instance, cell);
        let value = definition.as_ref().map(|(place, expression)| {
            let frame = self.defining_frame(instance, cell, *place);
            let mut diagnostics = Diagnostics::new();
            let value = frame.evaluate(expression, &mut diagnostics);
            self.report(*place, diagnostics);
            value
        });
        self.declared(instance, cell, value)
    }

    /// Returns the view in which a name gets its value: that of the call, if it is a variable.
    fn defining_frame(&'a self, instance: usize, cell: &CellName, place: usize) -> Frame<'a> {
        match (cell.kind, self.program.call_of(instance)) {
            (CellKind::Variable, Some((caller, call))) => {
                self.repeated_frame(caller.instance, caller.repeated.clone()).of(&call.meta.repetition)
            }
            _ => self.frame(place),
        }
    }

    /// Keeps what is wrong with named values of a module instance.
    fn report(&self, instance: usize, diagnostics: Diagnostics) {
        let path = &self.program.instances[instance].path;
        let about = |diagnostic: Diagnostic| match diagnostic.address {
            None if !path.is_root() => diagnostic.about(path),
            _ => diagnostic,
        };
        self.reported.borrow_mut().extend(diagnostics.into_iter().map(about));
    }

    /// Applies what the declaration says: type, default, marks.
    fn declared(&self, instance: usize, cell: &CellName, value: Option<Value>) -> Value {
        let module = &self.program.instances[instance].module;
        match cell.kind {
            CellKind::Local | CellKind::Lookup => value.unwrap_or_else(|| Value::unknown(Type::Dynamic)),
            CellKind::Output => {
                let output = &module.outputs[&cell.name];
                let mut marks = Marks::NONE;
                if output.is_sensitive {
                    marks = marks | Marks::SENSITIVE;
                }
                if output.is_ephemeral {
                    marks = marks | Marks::EPHEMERAL;
                }
                value.unwrap_or_else(|| Value::unknown(Type::Dynamic)).with_marks(marks)
            }
            CellKind::Variable => {
                let variable = &module.variables[&cell.name];
                let definition = self.program.definition(instance, cell);
                let mark = |diagnostic: Diagnostic, part: &[Step]| match &definition {
                    None => diagnostic.at(variable.header),
                    Some((place, expression)) => {
                        let frame = self.defining_frame(instance, cell, *place);
                        frame.explained(expression, part, diagnostic.at(expression.span_of(part)))
                    }
                };
                let mut diagnostics = Diagnostics::new();
                let value = given::accept(&cell.name, variable, value, &mark, &self.frame(instance), &mut diagnostics);
                self.report(instance, diagnostics);
                value
            }
        }
    }
}

impl<'a> Frame<'a> {
    /// Returns the view of an instance of what is repeated so.
    pub(super) fn of(self, repetition: &'a Repetition) -> Self {
        let for_each = match repetition {
            Repetition::ForEach(attribute) => Some(&*attribute.expression),
            Repetition::Count(_) | Repetition::Single => None,
        };
        Self { for_each, ..self }
    }
}

impl Frame<'_> {
    /// Returns the value of an expression; unknown if it is wrong, which is reported.
    pub(super) fn evaluate(&self, expression: &Expression, diagnostics: &mut Diagnostics) -> Value {
        match expression::evaluate(expression, self) {
            Ok(value) => value,
            Err(errors) => {
                diagnostics.extend(errors);
                Value::unknown(Type::Dynamic)
            }
        }
    }

    fn named(&self, kind: CellKind, reference: &Reference) -> Result<Resolved, Diagnostic> {
        let name = self.name(reference)?;
        let value = self.run.cell(self.instance, &CellName { kind, name: name.clone() }, reference.span_through(1))?;
        Ok(Resolved { value, steps: 1 })
    }

    fn name<'r>(&self, reference: &'r Reference) -> Result<&'r Arc<str>, Diagnostic> {
        reference.attribute(0).ok_or_else(|| {
            let summary = format!("`{0}` alone is no value, expected a name after it: `{0}.name`", reference.root);
            Diagnostic::error(summary).at(reference.span)
        })
    }

    fn module(&self, reference: &Reference) -> Result<Resolved, Diagnostic> {
        let name = self.name(reference)?;
        let here = &self.run.program.instances[self.instance];
        let Some(children) = here.children.get(name) else {
            let is_unfolded =
                here.module.calls.get(name).is_some_and(|call| self.run.is_unfolded_later(self.instance, call));
            if is_unfolded {
                return Ok(Resolved { value: Value::unknown(Type::Dynamic), steps: 1 });
            }
            let summary = format!("`module.{name}` is not known where this is evaluated: its instances depend on it");
            return Err(Diagnostic::error(summary).at(reference.span));
        };
        if let Expansion::Open(_) = children {
            return Ok(Resolved { value: Value::unknown(Type::Dynamic), steps: 1 });
        }
        let (key, after) = written_key(reference, 1);
        let child = match (children, &key) {
            (Expansion::Single(place), _) => Some((*place, 1)),
            (_, Some(_)) => children.get(key.as_ref()).map(|place| (*place, after)),
            (_, None) => None,
        };
        let Some((place, steps)) = child else {
            return Ok(Resolved { value: self.all_outputs(children, reference.span)?, steps: 1 });
        };
        if let Some(output) = reference.attribute(steps) {
            let cell = CellName { kind: CellKind::Output, name: output.clone() };
            return Ok(Resolved {
                value: self.run.cell(place, &cell, reference.span_through(steps + 1))?,
                steps: steps + 1,
            });
        }
        Ok(Resolved { value: self.outputs(place, reference.span)?, steps })
    }

    fn data(&self, reference: &Reference) -> Result<Resolved, Diagnostic> {
        let (Some(kind), Some(name)) = (reference.attribute(0), reference.attribute(1)) else {
            let summary = format!("`{reference}` is no value, expected a type and a name: `data.vm.router`");
            return Err(Diagnostic::error(summary).at(reference.span));
        };
        let value = self.run.cell(self.instance, &cell_name(kind, name), reference.span_through(2))?;
        Ok(Resolved { value, steps: 2 })
    }

    fn outputs(&self, place: usize, span: Span) -> Result<Value, Diagnostic> {
        let names = self.run.program.instances[place].module.outputs.keys();
        let outputs = names.map(|name| {
            let cell = CellName { kind: CellKind::Output, name: name.clone() };
            Ok((name.clone(), self.run.cell(place, &cell, span)?))
        });
        Ok(Value::object(outputs.collect::<Result<Vec<_>, Diagnostic>>()?))
    }

    fn all_outputs(&self, children: &Expansion<usize>, span: Span) -> Result<Value, Diagnostic> {
        assemble(children, |_, place| self.outputs(*place, span))
    }

    fn block(&self, reference: &Reference) -> Result<Resolved, Diagnostic> {
        let name = self.name(reference)?;
        let here = &self.run.program.instances[self.instance];
        let key = (reference.root.clone(), name.clone());
        if !here.module.objects.contains_key(&key) {
            let summary = format!("there is no block `{}.{name}`", reference.root);
            return Err(Diagnostic::error(summary).at(reference.span_through(1)));
        }
        let (Some(expansion), Some(objects)) = (here.objects.get(&key), self.run.objects) else {
            return Ok(Resolved { value: Value::unknown(Type::Dynamic), steps: 1 });
        };
        let address = Address::new(here.path.clone(), reference.root.clone(), name.clone());
        let value_of =
            |address: &Address| objects.get(address).cloned().unwrap_or_else(|| Value::unknown(Type::Dynamic));
        let (key, after) = written_key(reference, 1);
        match expansion {
            Expansion::Single(_) => Ok(Resolved { value: value_of(&address), steps: 1 }),
            Expansion::Open(_) => Ok(Resolved { value: Value::unknown(Type::Dynamic), steps: 1 }),
            _ if key.is_some() && expansion.get(key.as_ref()).is_some() => {
                Ok(Resolved { value: value_of(&address.instance(key)), steps: after })
            }
            _ => {
                let value = assemble(expansion, |key, _| Ok(value_of(&address.instance(key))))?;
                Ok(Resolved { value, steps: 1 })
            }
        }
    }

    fn repetition(&self, reference: &Reference) -> Result<Resolved, Diagnostic> {
        let value = match (&*reference.root, reference.attribute(0).map(|name| &**name), &self.repeated) {
            ("each", Some("key"), Repeated::Open) => Value::unknown(Type::Text),
            ("each", Some("value"), Repeated::Open) => Value::unknown(Type::Dynamic),
            ("count", Some("index"), Repeated::Open) => Value::unknown(Type::Number),
            ("each", Some("key"), Repeated::Each(key, _)) => Value::text(key.clone()),
            ("each", Some("value"), Repeated::Each(_, value)) => value.clone(),
            ("count", Some("index"), Repeated::Count(index)) => Value::from(*index as i64),
            ("each", Some("key" | "value"), _) => {
                let diagnostic = Diagnostic::error(format!("`{reference}` is only there in a block with `for_each`"));
                return Err(diagnostic.at(reference.span));
            }
            ("count", Some("index"), _) => {
                let diagnostic = Diagnostic::error("`count.index` is only there in a block with `count`");
                return Err(diagnostic.at(reference.span));
            }
            (root, _, _) => {
                let expected = if root == "each" { "`each.key` or `each.value`" } else { "`count.index`" };
                return Err(Diagnostic::error(format!("expected {expected}, found `{reference}`")).at(reference.span));
            }
        };
        Ok(Resolved { value, steps: 1 })
    }

    fn surroundings(&self, reference: &Reference) -> Result<Resolved, Diagnostic> {
        let program = self.run.program;
        let value = match (&*reference.root, reference.attribute(0).map(|name| &**name)) {
            ("path", Some("module")) => Value::text(program.instances[self.instance].module.folder.clone()),
            ("path", Some("root")) => Value::text(program.instances[0].module.folder.clone()),
            ("path", Some("cwd")) => Value::text(program.working_folder.clone()),
            ("spawnpoint" | "terraform", Some("workspace")) => Value::text(program.workspace.clone()),
            (root, _) => {
                let expected =
                    if root == "path" { "`path.module`, `path.root` or `path.cwd`" } else { "`spawnpoint.workspace`" };
                return Err(Diagnostic::error(format!("expected {expected}, found `{reference}`")).at(reference.span));
            }
        };
        Ok(Resolved { value, steps: 1 })
    }

    fn cluster(&self, reference: &Reference) -> Result<Resolved, Diagnostic> {
        let name = self.name(reference)?;
        if !self.run.program.instances[self.instance].module.clusters.contains_key(name) {
            return Err(Diagnostic::error(format!("there is no `cluster.{name}`")).at(reference.span_through(1)));
        }
        let attributes = BTreeMap::from([(Arc::from("name"), Value::text(name.clone()))]);
        Ok(Resolved { value: Value::block(format!("cluster.{name}"), attributes), steps: 1 })
    }
}

/// Reports a rule that does not hold, with the values it speaks of. Returns whether it does, if that is known.
///
/// `of` is whose rule it is. One that is not known yet holds for now.
pub(super) fn judge(
    rule: &Rule,
    about: &str,
    of: &str,
    scope: &dyn Scope,
    diagnostics: &mut Diagnostics,
) -> Option<bool> {
    let mut errors = Diagnostics::new();
    let mut evaluate = |expression: &Expression| {
        expression::evaluate(expression, scope).unwrap_or_else(|wrong| {
            errors.extend(wrong);
            Value::unknown(Type::Dynamic)
        })
    };
    let condition = evaluate(&rule.condition.expression);
    let holds = convert(&condition, &Type::Bool).ok().and_then(|value| value.as_bool());
    if holds == Some(false) {
        let message = evaluate(&rule.error_message.expression);
        let text = match message.deep_marks().contains(Marks::SENSITIVE) {
            true => Some("(the message is sensitive)".to_string()),
            false => message.as_text().map(str::to_string),
        };
        let text = text.unwrap_or_else(|| "the condition does not hold".to_string());
        let diagnostic = Diagnostic::error(format!("{about}: {text}")).at(rule.condition.span).condition_of(of);
        diagnostics.push(expression::with_values(&rule.condition.expression, scope, diagnostic));
    } else if holds.is_none() && !condition.is_unknown() && !errors.has_errors() {
        let summary = format!("a condition is true or false, found {}", condition.type_of());
        diagnostics.push(Diagnostic::error(summary).at(rule.condition.span));
    }
    diagnostics.extend(errors);
    holds
}

/// Puts the values of all instances together: an object by key, or a tuple.
pub(super) fn assemble<T>(
    expansion: &Expansion<T>,
    mut value_of: impl FnMut(Option<super::address::Key>, &T) -> Result<Value, Diagnostic>,
) -> Result<Value, Diagnostic> {
    let values = expansion
        .iter()
        .map(|(key, item)| Ok((key.clone(), value_of(key, item)?)))
        .collect::<Result<Vec<_>, Diagnostic>>()?;
    Ok(match expansion {
        Expansion::Each(items) => Value::object(items.keys().cloned().zip(values.into_iter().map(|(_, value)| value))),
        Expansion::Single(_) | Expansion::Count(_) | Expansion::Open(_) => {
            Value::tuple(values.into_iter().map(|(_, value)| value))
        }
    })
}

impl Scope for Frame<'_> {
    fn resolve(&self, reference: &Reference) -> Result<Resolved, Diagnostic> {
        let iterators = self.iterators.iter().rev();
        if let Some((_, item)) = iterators.into_iter().find(|(name, _)| *name == reference.root) {
            return Ok(Resolved { value: item.clone(), steps: 0 });
        }
        match &*reference.root {
            "self" => self
                .own
                .clone()
                .map(|value| Resolved { value, steps: 0 })
                .ok_or_else(|| Diagnostic::error("`self` is only there in a `postcondition`").at(reference.span)),
            "var" => self.named(CellKind::Variable, reference),
            "local" => self.named(CellKind::Local, reference),
            "module" => self.module(reference),
            "data" => self.data(reference),
            "each" | "count" => self.repetition(reference),
            "path" | "spawnpoint" | "terraform" => self.surroundings(reference),
            "cluster" => self.cluster(reference),
            _ => self.block(reference),
        }
    }

    fn takes_key(&self, reference: &Reference) -> bool {
        let here = &self.run.program.instances[self.instance];
        let Some(name) = reference.attribute(0).filter(|_| reference.steps.len() == 1) else {
            return false;
        };
        match &*reference.root {
            "module" => here.children.get(name).is_some_and(Expansion::is_repeated),
            _ => here.objects.get(&(reference.root.clone(), name.clone())).is_some_and(Expansion::is_repeated),
        }
    }

    fn origin(&self, reference: &Reference) -> Option<Span> {
        Frame::origin(self, reference)
    }

    fn world(&self) -> &dyn FunctionWorld {
        self
    }
}

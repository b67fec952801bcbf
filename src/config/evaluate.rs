//! Bodies of object blocks and outputs as values, given the objects known so far.

use super::address::{Address, Key};
use super::body::{Body, Evaluated, NestedBlock};
use super::check::iterator;
use super::expand::known;
use super::expression::Expression;
use super::frame::{Frame, Run, judge};
use super::module::Object;
use super::program::{CellKind, CellName, Repeated};
use super::stack::{Objects, Output, Stack};
use super::syntax;
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, Span};
use crate::value::{Kind, Marks, Step, Type, Value, convert};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Stack {
    /// Evaluates the body of a block instance. References to objects get their values from `objects`; an object that is not there is
    /// unknown, silently: whoever left it out has said why.
    ///
    /// # Panics
    ///
    /// If `block` is not the address of one of [`Stack::blocks`].
    pub fn evaluate(&self, block: &Address, objects: &Objects) -> (Body, Diagnostics) {
        let (place, object, repeated) = self.find(block);
        let run = Run::new(&self.program, Some(objects));
        let mut own = Diagnostics::new();
        let mut frame = run.repeated_frame(place, repeated).of(&object.meta.repetition);
        let body = frame.body(&object.body, object.header, &mut own);
        (body, about(run.finish(own), block))
    }

    /// Adds to a message about part of the value of an expression of a block instance what that is made from, and where it comes from.
    ///
    /// # Panics
    ///
    /// If `block` is not the address of one of [`Stack::blocks`].
    pub fn explain(
        &self,
        block: &Address,
        objects: &Objects,
        (expression, part): (&Expression, &[Step]),
        diagnostic: Diagnostic,
    ) -> Diagnostic {
        let (place, object, repeated) = self.find(block);
        let run = Run::new(&self.program, Some(objects));
        run.repeated_frame(place, repeated).of(&object.meta.repetition).explained(expression, part, diagnostic)
    }

    /// Evaluates only some attributes and nested blocks of a block instance, as far as they are known before any object is, silently.
    ///
    /// # Panics
    ///
    /// If `block` is not the address of one of [`Stack::blocks`].
    pub fn glance(&self, block: &Address, names: &[&str]) -> Body {
        let (place, object, repeated) = self.find(block);
        let empty = Objects::new();
        let run = Run::new(&self.program, Some(&empty));
        let is_wanted = |nested: &&syntax::Block| {
            let kind =
                nested.labels.first().filter(|_| &*nested.kind == "dynamic").map_or(&nested.kind, |label| &label.text);
            names.contains(&&**kind)
        };
        let attributes = object.body.attributes.iter().filter(|attribute| names.contains(&&*attribute.name));
        let body = syntax::Body {
            attributes: attributes.cloned().collect(),
            blocks: object.body.blocks.iter().filter(is_wanted).cloned().collect(),
            literals: Vec::new(),
        };
        run.repeated_frame(place, repeated).body(&body, object.header, &mut Diagnostics::new())
    }

    /// Judges the `precondition`s of a block instance, or the `postcondition`s if its value is given as `own`. The second part says whether
    /// some of them are not decided yet.
    ///
    /// # Panics
    ///
    /// If `block` is not the address of one of [`Stack::blocks`].
    pub fn conditions(&self, block: &Address, own: Option<&Value>, objects: &Objects) -> (Diagnostics, bool) {
        let (place, object, repeated) = self.find(block);
        if object.meta.preconditions.is_empty() && object.meta.postconditions.is_empty() {
            return (Diagnostics::new(), false);
        }
        let run = Run::new(&self.program, Some(objects));
        let mut diagnostics = Diagnostics::new();
        let mut is_open = false;
        let mut frame = run.repeated_frame(place, repeated).of(&object.meta.repetition);
        frame.own = own.cloned();
        let (rules, what) = match own {
            None => (&object.meta.preconditions, "a precondition does not hold"),
            Some(_) => (&object.meta.postconditions, "a postcondition does not hold"),
        };
        for rule in rules {
            is_open |= judge(rule, what, &block.to_string(), &frame, &mut diagnostics).is_none();
        }
        (about(run.finish(diagnostics), block), is_open)
    }

    /// Evaluates the outputs of the root module.
    pub fn outputs(&self, objects: &Objects) -> (BTreeMap<Arc<str>, Output>, Diagnostics) {
        let run = Run::new(&self.program, Some(objects));
        let frame = run.frame(0);
        let mut own = Diagnostics::new();
        let mut outputs = BTreeMap::new();
        for (name, output) in &self.program.instances[0].module.outputs {
            for rule in &output.preconditions {
                judge(rule, "a precondition does not hold", &format!("output.{name}"), &frame, &mut own);
            }
            let cell = CellName { kind: CellKind::Output, name: name.clone() };
            let value = run.cell(0, &cell, output.header).unwrap_or_else(|diagnostic| {
                own.push(diagnostic);
                Value::unknown(Type::Dynamic)
            });
            let marks = value.deep_marks();
            if marks.contains(Marks::SENSITIVE) && !output.is_sensitive {
                let summary = format!("`output.{name}` is made from sensitive values, expected `sensitive = true`");
                let hint = "add `sensitive = true`, or `nonsensitive(...)` around what may be shown";
                own.push(Diagnostic::error(summary).at(output.value.span).hint(hint));
            }
            if marks.contains(Marks::EPHEMERAL) {
                let summary = format!("`output.{name}` is ephemeral, but outputs of a stack are kept in state");
                own.push(Diagnostic::error(summary).at(output.value.span));
            }
            let is_sensitive = output.is_sensitive;
            outputs.insert(name.clone(), Output { value, is_sensitive, description: output.description.clone() });
        }
        (outputs, run.finish(own))
    }

    /// Returns whether there is something to judge once everything is done: a `check`, or a precondition of an output.
    pub fn has_final_rules(&self) -> bool {
        let outputs = self.program.instances[0].module.outputs.values();
        outputs.into_iter().any(|output| !output.preconditions.is_empty())
            || self.program.instances.iter().any(|instance| !instance.module.checks.is_empty())
    }

    /// Judges the `check` blocks of all modules. What does not hold is a warning: a check never stops a run.
    pub fn checks(&self, objects: &Objects) -> Diagnostics {
        let run = Run::new(&self.program, Some(objects));
        let mut own = Diagnostics::new();
        for (place, instance) in self.program.instances.iter().enumerate() {
            for (name, check) in &instance.module.checks {
                let (about, of) = (format!("check `{name}` does not hold"), instance.path.name_of("check", name));
                for rule in &check.assertions {
                    judge(rule, &about, &of, &run.frame(place), &mut own);
                }
            }
        }
        let mut warnings = Diagnostics::new();
        warnings.extend(
            run.finish(own).into_iter().map(|diagnostic| Diagnostic { severity: Severity::Warning, ..diagnostic }),
        );
        warnings
    }

    fn find(&self, block: &Address) -> (usize, &Object, Repeated) {
        let place = *self.program.places.get(&block.module).expect("the module of a block of the stack is an instance");
        let module = &self.program.instances[place].module;
        let object =
            module.objects.get(&(block.kind.clone(), block.name.clone())).expect("a block of the stack is declared");
        let repeated = self.program.repeated(place, block).expect("a block of the stack is one of its instances");
        (place, &**object, repeated)
    }
}

fn about(diagnostics: Diagnostics, block: &Address) -> Diagnostics {
    let mut all = Diagnostics::new();
    all.extend(diagnostics.into_iter().map(|diagnostic| diagnostic.about(block)));
    all
}

impl Frame<'_> {
    pub(super) fn body(&mut self, body: &syntax::Body, span: Span, diagnostics: &mut Diagnostics) -> Body {
        let mut evaluated = Body { attributes: BTreeMap::new(), blocks: Vec::new(), span };
        for attribute in &body.attributes {
            let value = self.evaluate(&attribute.expression, diagnostics);
            let item = Evaluated {
                value,
                name_span: attribute.name_span,
                span: attribute.span,
                expression: attribute.expression.clone(),
            };
            evaluated.attributes.insert(attribute.name.clone(), item);
        }
        for block in &body.blocks {
            match (&*block.kind, block.labels.as_slice()) {
                ("dynamic", [label]) => {
                    self.dynamic(block, label, &mut evaluated.blocks, diagnostics);
                }
                _ => {
                    let labels = block.labels.iter().map(|label| label.text.clone()).collect();
                    let body = self.body(&block.body, block.header, diagnostics);
                    evaluated.blocks.push(NestedBlock { kind: block.kind.clone(), labels, body });
                }
            }
        }
        evaluated
    }

    fn dynamic(
        &mut self,
        block: &syntax::Block,
        label: &syntax::Label,
        into: &mut Vec<NestedBlock>,
        diagnostics: &mut Diagnostics,
    ) {
        let Some(content) = block.body.blocks("content").next() else {
            // Reported when the shape was found.
            return;
        };
        for item in self.items(block, label, diagnostics) {
            self.iterators.push(item);
            let labels = self.labels(block, diagnostics);
            let body = self.body(&content.body, block.header, diagnostics);
            into.push(NestedBlock { kind: label.text.clone(), labels, body });
            self.iterators.pop();
        }
    }

    /// The items of a `dynamic` block, each as the value its iterator stands for.
    fn items(
        &self,
        block: &syntax::Block,
        label: &syntax::Label,
        diagnostics: &mut Diagnostics,
    ) -> Vec<(Arc<str>, Value)> {
        let Some(for_each) = block.body.attribute("for_each") else {
            return Vec::new();
        };
        let name = iterator(&block.body).unwrap_or_else(|| label.text.clone());
        let collection = self.evaluate(&for_each.expression, diagnostics);
        let pairs: Vec<(Value, Value)> = match collection.kind() {
            Kind::Map(_) | Kind::Object(_) => {
                let entries = collection.as_entries().into_iter().flatten();
                entries.map(|(key, value)| (Value::text(key.clone()), value.clone())).collect()
            }
            Kind::Set(set) => set.items.iter().map(|item| (item.clone(), item.clone())).collect(),
            Kind::List(_) | Kind::Tuple(_) => {
                let items = collection.as_items().into_iter().flatten().enumerate();
                items.map(|(at, item)| (Value::from(at as i64), item.clone())).collect()
            }
            Kind::Null(_) | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::Unknown(..) => Vec::new(),
        };
        let marks = collection.marks();
        let item = |(key, value): (Value, Value)| Value::object([("key", key), ("value", value.with_marks(marks))]);
        pairs.into_iter().map(|pair| (name.clone(), item(pair))).collect()
    }

    fn labels(&self, block: &syntax::Block, diagnostics: &mut Diagnostics) -> Vec<Arc<str>> {
        let Some(labels) = block.body.attribute("labels") else {
            return Vec::new();
        };
        let value = self.evaluate(&labels.expression, diagnostics);
        let texts = value.as_items().map(|items| {
            items
                .iter()
                .map(|item| convert(item, &Type::Text).ok().and_then(|text| text.as_text().map(Arc::from)))
                .collect()
        });
        texts.flatten().unwrap_or_else(|| {
            diagnostics.push(Diagnostic::error("`labels` takes a list of known texts").at(labels.span));
            Vec::new()
        })
    }

    /// Returns the labels of the nested blocks by kind, `dynamic` ones expanded; reports what cannot be expanded before objects are known.
    pub(super) fn shape(
        &mut self,
        body: &syntax::Body,
        run: &Run,
        diagnostics: &mut Diagnostics,
    ) -> BTreeMap<Arc<str>, Vec<Option<Key>>> {
        let mut shape: BTreeMap<Arc<str>, Vec<Option<Key>>> = BTreeMap::new();
        for block in &body.blocks {
            match (&*block.kind, block.labels.as_slice()) {
                ("dynamic", [label]) => {
                    if !self.is_expandable(block, run, diagnostics) {
                        continue;
                    }
                    for item in self.items(block, label, diagnostics) {
                        self.iterators.push(item);
                        let key = self.labels(block, diagnostics).first().cloned().map(Key::Text);
                        shape.entry(label.text.clone()).or_default().push(key);
                        for content in block.body.blocks("content") {
                            self.shape(&content.body, run, diagnostics);
                        }
                        self.iterators.pop();
                    }
                }
                ("dynamic", _) => {
                    let summary = "`dynamic` needs the kind of block as its label: `dynamic \"disk\" {`";
                    diagnostics.push(Diagnostic::error(summary).at(block.header));
                }
                (_, labels) => {
                    let key = labels.first().map(|label| Key::Text(label.text.clone()));
                    shape.entry(block.kind.clone()).or_default().push(key);
                    // Only this level is asked for, but what is deeper must be expandable too.
                    self.shape(&block.body, run, diagnostics);
                }
            }
        }
        shape
    }

    fn is_expandable(&self, block: &syntax::Block, run: &Run, diagnostics: &mut Diagnostics) -> bool {
        if block.body.blocks("content").count() != 1 {
            let summary = "`dynamic` needs one `content` block";
            diagnostics.push(Diagnostic::error(summary).at(block.header));
            return false;
        }
        let Some(for_each) = block.body.attribute("for_each") else {
            diagnostics.push(Diagnostic::error("`dynamic` needs `for_each`").at(block.header));
            return false;
        };
        let Some(value) = known(run, self, for_each, diagnostics) else {
            return false;
        };
        let what = match value.kind() {
            Kind::Map(_) | Kind::Object(_) | Kind::Set(_) | Kind::List(_) | Kind::Tuple(_) => {
                return true;
            }
            Kind::Unknown(..) => "is not known while planning".to_string(),
            Kind::Null(_) | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) => {
                format!("takes a collection, found {}", value.type_of())
            }
        };
        diagnostics.push(Diagnostic::error(format!("`for_each` {what}")).at(for_each.span));
        false
    }
}

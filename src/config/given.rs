//! Values of variables: where those of the root module come from, in what order, and how a value becomes one of the declared type.

use super::constant;
use super::expression::Expression;
use super::frame::Frame;
use super::input::{Input, TestValue, VariableArgument, join_path};
use super::module::Module;
use super::parse;
use super::suggest::did_you_mean;
use super::syntax::Attribute;
use super::variable::Variable;
use crate::diagnostics::{Diagnostic, Diagnostics, Sources, Span};
use crate::value::{self, Step, Type, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The file of a stack's own values.
const OWN_FILE: &str = "spawnpoint.vars.hcl";

/// Where a value was given.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// In a text of the sources.
    Written(Arc<Expression>),
    /// In a text of the sources, as a whole.
    Span(Span),
    /// Elsewhere, in words: `the environment variable ...`.
    Origin(String),
}

impl Place {
    /// Says where a part of the value is that a message is about.
    pub(super) fn mark(&self, diagnostic: Diagnostic, part: &[Step]) -> Diagnostic {
        match self {
            Self::Written(expression) => diagnostic.at(expression.span_of(part)),
            Self::Span(span) => diagnostic.at(*span),
            Self::Origin(origin) => diagnostic.detail(format!("The value is from {origin}.")),
        }
    }
}

/// Values of the root module's variables by name, the strongest source last.
pub(super) type Given = BTreeMap<Arc<str>, (Value, Place)>;

/// Collects the values given from outside.
pub(super) fn collect(input: &Input, root: &Module, sources: &mut Sources, diagnostics: &mut Diagnostics) -> Given {
    let mut collector = Collector { input, root, sources, diagnostics, given: Given::new() };
    for (name, text) in &input.environment {
        // Other programs' variables of this prefix are not our business: Terraform ignores them too.
        if root.variables.contains_key(name.as_str()) {
            collector.text(name, text, &format!("SPAWNPOINT_VAR_{name}"));
        }
    }
    for file in own_files(input) {
        collector.file(&file);
    }
    for argument in &input.arguments {
        match argument {
            VariableArgument::Value { name, text } if root.variables.contains_key(name.as_str()) => {
                collector.text(name, text, &format!("-var {name}"));
            }
            VariableArgument::Value { .. } if collector.is_lenient() => {}
            VariableArgument::Value { name, .. } => {
                let diagnostic = collector.undeclared(name).detail("It was given with `-var`.");
                collector.diagnostics.push(diagnostic);
            }
            VariableArgument::File(path) => collector.file(path),
        }
    }
    for value in input.test.iter().flat_map(|test| &test.values) {
        collector.test(value);
    }
    collector.given
}

/// The files of values that are read without being asked for, the weakest first.
fn own_files(input: &Input) -> Vec<String> {
    // A folder that cannot be listed was reported when its module was read.
    let mut names = input.world.list(input.folder).unwrap_or_default();
    names.retain(|name| name == OWN_FILE || name.ends_with(".auto.vars.hcl"));
    names.sort_by_key(|name| (name != OWN_FILE, name.clone()));
    names.into_iter().map(|name| join_path(input.folder, &name)).collect()
}

struct Collector<'a> {
    input: &'a Input<'a>,
    root: &'a Module,
    sources: &'a mut Sources,
    diagnostics: &'a mut Diagnostics,
    given: Given,
}

impl Collector<'_> {
    fn is_lenient(&self) -> bool {
        self.input.test.is_some_and(|test| test.is_lenient)
    }

    fn test(&mut self, given: &TestValue) {
        let TestValue { name, value, name_span, span, must_exist } = given;
        match self.root.variables.get(name) {
            // A message with the line might show a secret.
            Some(variable) => {
                let origin = || Place::Origin(format!("the test, as `{name}`"));
                let place = if variable.is_sensitive { origin() } else { Place::Span(*span) };
                self.given.insert(name.clone(), (value.clone(), place));
            }
            None if *must_exist => {
                let diagnostic = self.undeclared(name).at(*name_span);
                self.diagnostics.push(diagnostic);
            }
            None => {}
        }
    }

    fn undeclared(&self, name: &str) -> Diagnostic {
        let diagnostic = Diagnostic::error(format!("there is no variable `{name}`"));
        match did_you_mean(name, self.root.variables.keys().map(|name| &**name)) {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic.hint(format!("declare it: `variable \"{name}\" {{ }}`")),
        }
    }

    fn file(&mut self, path: &str) {
        let bytes = match self.input.world.read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                return self.diagnostics.push(Diagnostic::error(format!("cannot read `{path}`: {error}")));
            }
        };
        let Some(file) = parse::read(path, &bytes, self.sources, self.diagnostics) else {
            return;
        };
        let Some(body) = parse::parse(file, &[], self.sources, self.diagnostics) else {
            return;
        };
        for block in &body.blocks {
            let summary = format!("a file of values has no blocks, found `{}`", block.kind);
            self.diagnostics.push(Diagnostic::error(summary).at(block.header).hint("blocks go into a `*.hcl` file"));
        }
        for attribute in body.attributes {
            if !self.root.variables.contains_key(&attribute.name) {
                if self.is_lenient() {
                    continue;
                }
                let diagnostic = self.undeclared(&attribute.name).at(attribute.name_span);
                self.diagnostics.push(diagnostic);
            } else if let Some(value) = constant::value(&attribute.expression, self.diagnostics) {
                let place = self.place(&attribute);
                self.given.insert(attribute.name, (value, place));
            }
        }
    }

    /// Where a value of a file is: a message with the line would show a secret.
    fn place(&self, attribute: &Attribute) -> Place {
        if !self.root.variables[&attribute.name].is_sensitive {
            return Place::Written(attribute.expression.clone());
        }
        let source = self.sources.get(attribute.span.file);
        let line = source.position(attribute.span.start).line;
        Place::Origin(format!("`{}`, line {line}", source.name))
    }

    /// Takes a text from outside: as it is where text is wanted or will convert, else as an expression.
    fn text(&mut self, name: &str, text: &str, origin: &str) {
        let name: Arc<str> = name.into();
        let variable = &self.root.variables[&name];
        let wanted = variable.constraint.as_ref().map_or(&Type::Dynamic, |constraint| &constraint.of);
        let is_literal = matches!(wanted, Type::Text | Type::Number | Type::Bool | Type::Dynamic);
        if is_literal {
            self.given.insert(name, (Value::text(text), Place::Origin(format!("`{origin}`"))));
            return;
        }
        if variable.is_sensitive {
            // A message about the text would show it, so it says only where the text is from.
            let (mut sources, mut errors) = (Sources::new(), Diagnostics::new());
            let value = read_expression(origin, text, &mut sources, &mut errors);
            match value {
                Some(value) => drop(self.given.insert(name, (value, Place::Origin(format!("`{origin}`"))))),
                None => {
                    self.diagnostics.push(Diagnostic::error(format!("the value of `{origin}` is no valid expression")));
                }
            }
        } else if let Some(value) = read_expression(origin, text, self.sources, self.diagnostics) {
            self.given.insert(name, (value, Place::Origin(format!("`{origin}`"))));
        }
    }
}

fn read_expression(origin: &str, text: &str, sources: &mut Sources, diagnostics: &mut Diagnostics) -> Option<Value> {
    let file = parse::read(origin, text.trim().as_bytes(), sources, diagnostics)?;
    let expression = parse::parse_expression(file, sources, diagnostics)?;
    constant::value(&expression, diagnostics)
}

/// Returns the value a variable has when it is given `value`, or nothing: default, type, marks.
pub(super) fn accept(
    name: &str,
    variable: &Variable,
    value: Option<Value>,
    mark: Mark,
    frame: &Frame,
    diagnostics: &mut Diagnostics,
) -> Value {
    if let (Some(advice), Some(_)) = (&variable.deprecated, &value) {
        diagnostics.push(mark(Diagnostic::warning(format!("`var.{name}` is deprecated: {advice}")), &[]));
    }
    let is_missing = value.as_ref().is_none_or(|value| value.is_null() && !variable.is_nullable);
    let of = variable.constraint.as_ref().map_or(&Type::Dynamic, |constraint| &constraint.of);
    let (value, is_default) = match (value, &variable.default) {
        (_, Some(default)) if is_missing => {
            (constant::value(&default.expression, diagnostics).unwrap_or_else(|| Value::unknown(of.clone())), true)
        }
        (Some(value), _) if !is_missing => (value, false),
        (Some(_), _) => {
            diagnostics.push(mark(Diagnostic::error(format!("`var.{name}` cannot be null")), &[]));
            return Value::unknown(of.clone()).with_marks(variable.marks());
        }
        (None, _) => return Value::unknown(of.clone()).with_marks(variable.marks()),
    };
    let value = match &variable.default {
        Some(default) if is_default => {
            let mark = |diagnostic: Diagnostic, part: &[Step]| diagnostic.at(default.expression.span_of(part));
            convert(name, variable, value, &mark, frame, diagnostics)
        }
        _ => convert(name, variable, value, mark, frame, diagnostics),
    };
    value.with_marks(variable.marks())
}

/// Says where a part of the value is that a message is about.
pub(super) type Mark<'a> = &'a dyn Fn(Diagnostic, &[Step]) -> Diagnostic;

fn convert(
    name: &str,
    variable: &Variable,
    value: Value,
    mark: Mark,
    frame: &Frame,
    diagnostics: &mut Diagnostics,
) -> Value {
    let Some(constraint) = &variable.constraint else {
        return value;
    };
    let value = constraint.defaults.fill(&value, &mut |default| frame.evaluate(default, diagnostics));
    value::convert(&value, &constraint.of).unwrap_or_else(|mismatch| {
        let summary = format!("`var.{name}` takes {}: {mismatch}", constraint.of);
        let diagnostic = Diagnostic::error(summary).label(variable.header, "declared here");
        diagnostics.push(mark(diagnostic, &mismatch.path.0));
        Value::unknown(constraint.of.clone())
    })
}

/// Returns the error for a variable of the root module that has neither value nor default.
pub(super) fn missing(name: &str, variable: &Variable) -> Diagnostic {
    Diagnostic::error(format!("`var.{name}` has no value and no default")).at(variable.header).hint(format!(
        "set it in `{OWN_FILE}`, with `-var {name}=...`, or in the environment as `SPAWNPOINT_VAR_{name}`"
    ))
}

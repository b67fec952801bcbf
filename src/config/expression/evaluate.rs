//! Evaluation: one pass over the tree that always gives a value and collects what is wrong.
//!
//! Where something is wrong the value is unknown, so that evaluation goes on and finds the next error without inventing errors that follow
//! from the first.

use super::limits::{ERRORS_MAX, ITEMS_MAX, ORIGINS_MAX, TEXT_MAX, WEIGHT_MAX};
use super::{Call, Expression, Node, Reference, Scope, references};
use crate::config::functions::{self, Problem, Run};
use crate::config::habits;
use crate::config::similar;
use crate::diagnostics::{Diagnostic, Diagnostics, Span};
use crate::value::{Kind, Marks, Type, Value, convert, display_short};
use std::collections::BTreeSet;
use std::fmt::Write;
use unicode_segmentation::UnicodeSegmentation;

/// Evaluates an expression. All errors that do not follow from each other are reported.
pub fn evaluate(expression: &Expression, scope: &dyn Scope) -> Result<Value, Diagnostics> {
    evaluate_within(expression, scope, 0)
}

/// Adds the values of the references in an expression to a diagnostic about it.
pub(in crate::config) fn with_values(about: &Expression, scope: &dyn Scope, diagnostic: Diagnostic) -> Diagnostic {
    Evaluator::new(scope, 0).with_values(about, diagnostic)
}

/// Returns the value of an expression, if it has one: what is wrong with it is somebody else's to say.
pub(in crate::config) fn quietly(expression: &Expression, scope: &dyn Scope) -> Option<Value> {
    Evaluator::new(scope, 0).quietly(expression)
}

/// Evaluates a template that a template called: `calls` is how many are open.
pub(in crate::config) fn render(
    expression: &Expression,
    scope: &dyn Scope,
    calls: usize,
) -> Result<Value, Diagnostics> {
    evaluate_within(expression, scope, calls)
}

fn evaluate_within(expression: &Expression, scope: &dyn Scope, calls: usize) -> Result<Value, Diagnostics> {
    if let Some(value) = expression.as_constant() {
        return Ok(value.clone());
    }
    let mut evaluator = Evaluator::new(scope, calls);
    let value = evaluator.value(expression);
    let mut diagnostics = Diagnostics::new();
    diagnostics.extend(evaluator.static_errors);
    diagnostics.extend(evaluator.diagnostics);
    if diagnostics.has_errors() { Err(diagnostics) } else { Ok(value) }
}

pub(super) struct Evaluator<'a> {
    pub(super) scope: &'a dyn Scope,
    /// Values of `for` variables and splat items, innermost last.
    pub(super) locals: Vec<Value>,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Errors about references themselves, which nothing catches.
    static_errors: Vec<Diagnostic>,
    /// Above zero while errors will be thrown away, so that they need not be explained well.
    pub(super) quiet: usize,
    items: u64,
    calls: usize,
}

impl<'a> Evaluator<'a> {
    fn new(scope: &'a dyn Scope, calls: usize) -> Self {
        let (locals, diagnostics, static_errors) = (Vec::new(), Vec::new(), Vec::new());
        Self { scope, locals, diagnostics, static_errors, quiet: 0, items: 0, calls }
    }

    pub(super) fn value(&mut self, expression: &Expression) -> Value {
        match &expression.node {
            Node::Literal(value) => value.clone(),
            Node::Reference(reference) => self.reference(reference),
            Node::Local(place, _) => self.locals.get(*place).cloned().unwrap_or_else(unknown),
            Node::Tuple(items) => {
                let items: Vec<_> = items.iter().map(|item| self.value(item)).collect();
                self.weighed(Value::tuple(items), expression.span)
            }
            Node::Object(entries) => self.object(entries, expression),
            Node::Template(parts) => self.template(parts, expression),
            Node::Join(each) => self.join(each, expression),
            Node::Traversal(source, steps) => match self.with_key(source, steps) {
                Some(reference) => {
                    let instance = self.reference(&reference);
                    self.walk(instance, source, &steps[1..])
                }
                None => {
                    let source_value = self.value(source);
                    self.walk(source_value, source, steps)
                }
            },
            Node::Conditional(conditional) => self.conditional(conditional, expression),
            Node::Call(call) => self.call(call, expression),
            Node::UnknownCall(call) => self.no_such_function(&call.0, expression),
            Node::Unary(operator, operand) => self.unary(*operator, operand),
            Node::Binary(operator, sides) => self.binary(*operator, &sides.0, &sides.1, expression),
            Node::For(each) => self.for_expression(each, expression),
        }
    }

    /// Evaluates, and says whether that went without errors.
    pub(super) fn checked(&mut self, expression: &Expression) -> (Value, bool) {
        let errors = self.error_count();
        let value = self.value(expression);
        (value, self.error_count() == errors)
    }

    pub(super) fn error_count(&self) -> usize {
        self.diagnostics.len() + self.static_errors.len()
    }

    /// Evaluates with errors thrown away; returns `None` if there were any.
    pub(super) fn quietly(&mut self, expression: &Expression) -> Option<Value> {
        let (value, is_fine) = self.hushed(expression);
        is_fine.then_some(value)
    }

    /// Evaluates with errors thrown away; returns whether there were none. What failed is unknown, and may still have a type.
    pub(super) fn hushed(&mut self, expression: &Expression) -> (Value, bool) {
        let before = self.diagnostics.len();
        self.quiet += 1;
        let checked = self.checked(expression);
        self.quiet -= 1;
        self.diagnostics.truncate(before);
        checked
    }

    /// Reports an error about part of an expression, with the values of the references in that part.
    pub(super) fn fail(&mut self, about: &Expression, diagnostic: Diagnostic) -> Value {
        self.fail_at(about.span, about, diagnostic)
    }

    pub(super) fn fail_at(&mut self, span: Span, about: &Expression, diagnostic: Diagnostic) -> Value {
        if self.quiet > 0 {
            self.diagnostics.push(diagnostic);
        } else if self.diagnostics.len() < ERRORS_MAX {
            let diagnostic = self.with_values(about, diagnostic.at(span));
            if !self.diagnostics.contains(&diagnostic) {
                self.diagnostics.push(diagnostic);
            }
        }
        unknown()
    }

    fn with_values(&self, about: &Expression, mut diagnostic: Diagnostic) -> Diagnostic {
        let mut told = BTreeSet::new();
        let mut origins = 0;
        for reference in references(about) {
            let name = reference.to_string();
            if told.len() < 6
                && told.insert(name.clone())
                && let Some(value) = self.peek(&reference)
            {
                let origin = self.scope.origin(&reference).filter(|_| origins < ORIGINS_MAX);
                if let Some(origin) = origin.filter(|origin| diagnostic.span.is_none_or(|span| !meet(span, *origin))) {
                    origins += 1;
                    diagnostic = diagnostic.label(origin, format!("`{name}` comes from here"));
                }
                diagnostic = diagnostic.value(name, format!("is {}", display_short(&value)));
            }
        }
        about.visit_locals(&mut |place, name| {
            if told.len() < 6
                && told.insert(name.to_string())
                && let Some(value) = self.locals.get(place)
            {
                diagnostic.values.push((name.to_string(), format!("is {}", display_short(value))));
            }
        });
        diagnostic
    }

    fn peek(&self, reference: &Reference) -> Option<Value> {
        let resolved = self.scope.resolve(reference).ok()?;
        let marks = resolved.value.marks();
        let rest: Vec<_> = reference.steps.get(resolved.steps..)?.iter().map(|step| step.step.clone()).collect();
        resolved.value.at(&rest).map(|value| value.clone().with_marks(marks))
    }

    fn reference(&mut self, reference: &Reference) -> Value {
        match self.scope.resolve(reference) {
            Ok(resolved) => self.walk_reference(&resolved.value, reference, resolved.steps),
            Err(diagnostic) => {
                let diagnostic = if diagnostic.span.is_some() { diagnostic } else { diagnostic.at(reference.span) };
                if self.static_errors.len() < ERRORS_MAX && !self.static_errors.contains(&diagnostic) {
                    self.static_errors.push(diagnostic);
                }
                unknown()
            }
        }
    }

    /// Counts one more item of a loop; false when there were too many.
    pub(super) fn count_item(&mut self, about: &Expression) -> bool {
        self.items += 1;
        if self.items == ITEMS_MAX + 1 {
            self.fail(about, Diagnostic::error(format!("expression goes through more than {ITEMS_MAX} items")));
        }
        self.items <= ITEMS_MAX
    }

    /// Refuses a value that would be too large to write out.
    pub(super) fn weighed(&mut self, value: Value, span: Span) -> Value {
        if value.weight() <= WEIGHT_MAX {
            return value;
        }
        let diagnostic = Diagnostic::error(format!("value is too large: it consists of more than {WEIGHT_MAX} parts"));
        self.fail_at(span, &Expression::constant(span, unknown()), diagnostic)
    }

    fn template(&mut self, parts: &[Expression], expression: &Expression) -> Value {
        let mut text = String::new();
        let mut marks = Marks::NONE;
        let mut is_known = true;
        let errors = self.error_count();
        for part in parts {
            let value = self.value(part);
            marks = marks | value.marks();
            match value.kind() {
                Kind::Null(_) => {
                    self.fail(
                        part,
                        Diagnostic::error("null cannot be part of text").hint("use `coalesce` to give a default"),
                    );
                }
                Kind::Unknown(..) => is_known = false,
                Kind::Text(part) if is_known => text.push_str(part),
                Kind::Number(number) if is_known => write!(text, "{number}").expect("writing to a String cannot fail"),
                Kind::Bool(flag) if is_known => text.push_str(if *flag { "true" } else { "false" }),
                Kind::Text(_) | Kind::Number(_) | Kind::Bool(_) => {}
                _ => {
                    let what = value.type_of().with_article();
                    let diagnostic = Diagnostic::error(format!("{what} cannot be part of text; a string is required"));
                    self.fail(part, diagnostic.hint("`jsonencode` and `join` turn collections into text"));
                }
            }
            if text.len() > TEXT_MAX {
                return self.fail(expression, Diagnostic::error(format!("text is longer than {} MiB", TEXT_MAX >> 20)));
            }
        }
        if self.error_count() > errors {
            return Value::unknown(Type::Text).with_marks(marks);
        }
        match is_known {
            true => crate::value::normalized(&text).with_marks(marks),
            false => unknown_text(&text).with_marks(marks),
        }
    }

    fn join(&mut self, each: &Expression, expression: &Expression) -> Value {
        let joined = self.value(each);
        let Some(items) = joined.as_items() else { return Value::unknown(Type::Text).with_marks(joined.marks()) };
        let marks = joined.deep_marks();
        let mut text = String::new();
        for item in items {
            let Some(part) = item.as_text() else { return Value::unknown(Type::Text).with_marks(marks) };
            text.push_str(part);
            if text.len() > TEXT_MAX {
                return self.fail(expression, Diagnostic::error(format!("text is longer than {} MiB", TEXT_MAX >> 20)));
            }
        }
        crate::value::normalized(&text).with_marks(marks)
    }

    fn call(&mut self, call: &Call, expression: &Expression) -> Value {
        match call.function.run {
            Run::Try => return self.try_each(call, expression),
            Run::Can => return self.can(call, expression),
            Run::TemplateOf => return self.template_of(call, expression),
            Run::Values(_) => {}
        }
        let errors = self.error_count();
        let Some(mut arguments) = self.arguments(call, expression) else { return unknown() };
        if !self.has_right_count(call, arguments.len(), expression) {
            return unknown();
        }
        for (place, argument) in arguments.iter_mut().enumerate() {
            let parameter = call.function.parameter(place).expect("the count of arguments was checked");
            match convert(argument, parameter.expected()) {
                Ok(converted) => *argument = converted,
                Err(mismatch) => {
                    self.argument_problem(call, place, &mismatch.to_string(), expression);
                }
            }
        }
        if self.error_count() > errors {
            return unknown();
        }
        match functions::call(call.function, &arguments, self.scope.world(), expression.span, self.calls) {
            Ok(value) => self.weighed(value, expression.span),
            Err(Problem::Argument(place, text)) => self.argument_problem(call, place, &text, expression),
            Err(Problem::Call(text)) => self.fail_at(
                call.name_span,
                expression,
                Diagnostic::error(format!("`{}` failed: {text}", call.function.name)),
            ),
        }
    }

    fn no_such_function(&mut self, name: &str, expression: &Expression) -> Value {
        let diagnostic = Diagnostic::error(format!("there is no function `{name}`"));
        let span = Span { end: expression.span.start + name.len() as u32, ..expression.span };
        let name = name.rsplit("::").next().unwrap_or(name).trim_start();
        if let Some(written) = habits::function_of_elsewhere(name) {
            return self.fail_at(span, expression, diagnostic.hint(format!("write `{written}`")));
        }
        match similar(name, functions::names()) {
            Some(similar) => self.fail_at(span, expression, diagnostic.hint(format!("did you mean `{similar}`?"))),
            None => self.fail_at(span, expression, diagnostic),
        }
    }

    fn arguments(&mut self, call: &Call, expression: &Expression) -> Option<Vec<Value>> {
        let Some((last, others)) = call.arguments.split_last().filter(|_| call.expands_last) else {
            return Some(call.arguments.iter().map(|argument| self.value(argument)).collect());
        };
        let mut arguments: Vec<_> = others.iter().map(|argument| self.value(argument)).collect();
        arguments.extend(self.expanded(last, expression)?);
        Some(arguments)
    }

    /// Returns what `LAST...` stands for; nothing if that is not known, or wrong and told.
    fn expanded(&mut self, last: &Expression, expression: &Expression) -> Option<Vec<Value>> {
        let (expanded, is_fine) = self.checked(last);
        if !is_fine {
            return None;
        }
        let problem = match expanded.kind() {
            Kind::List(_) | Kind::Set(_) | Kind::Tuple(_) => {
                let items = expanded.as_items()?.iter();
                return Some(items.map(|item| item.clone().with_marks(expanded.marks())).collect());
            }
            Kind::Unknown(Type::Dynamic | Type::List(_) | Type::Set(_) | Type::Tuple(_), _) => return None,
            Kind::Null(_) => "null cannot be expanded into arguments with `...`".to_owned(),
            _ => format!(
                "{} cannot be expanded with `...`; a list, set or tuple is required",
                expanded.type_of().with_article()
            ),
        };
        self.fail_at(last.span, expression, Diagnostic::error(problem));
        None
    }

    pub(super) fn has_right_count(&mut self, call: &Call, count: usize, expression: &Expression) -> bool {
        let function = call.function;
        if let Some(missing) = function.parameters.get(count) {
            let diagnostic = Diagnostic::error(format!("`{}` lacks its argument `{}`", function.name, missing.name));
            self.fail(expression, diagnostic.hint(format!("it is called as `{}`", function.signature())));
            return false;
        }
        if function.variadic.is_none() && count > function.parameters.len() {
            let extra = call.arguments.get(function.parameters.len()).unwrap_or(expression);
            let takes = match function.parameters.len() {
                0 => "no argument".to_owned(),
                1 => "1 argument".to_owned(),
                takes => format!("{takes} arguments"),
            };
            let diagnostic = Diagnostic::error(format!("`{}` takes {takes}, not {count}", function.name));
            self.fail_at(
                extra.span,
                expression,
                diagnostic.hint(format!("it is called as `{}`", function.signature())),
            );
            return false;
        }
        true
    }

    pub(super) fn argument_problem(&mut self, call: &Call, place: usize, text: &str, expression: &Expression) -> Value {
        let name = call.function.parameter(place).map_or("", |parameter| parameter.name);
        let at = call.arguments.get(place).or(call.arguments.last()).unwrap_or(expression);
        let diagnostic = Diagnostic::error(format!("argument `{name}` of `{}` is wrong: {text}", call.function.name));
        self.fail_at(at.span, expression, diagnostic)
    }

    /// Gives the first argument that evaluates without error. What is unknown may yet fail, so it is unknown as a whole.
    fn try_each(&mut self, call: &Call, expression: &Expression) -> Value {
        // What is expanded is evaluated before any argument is tried, so an error in it is not caught.
        let expanded = match call.arguments.last().filter(|_| call.expands_last) {
            Some(last) => match self.expanded(last, expression) {
                Some(items) => items,
                None => return unknown(),
            },
            None => Vec::new(),
        };
        let tried = call.arguments.len() - usize::from(call.expands_last);
        let static_errors = self.static_errors.len();
        for argument in &call.arguments[..tried] {
            match self.quietly(argument) {
                Some(value) => return known_or_unknown(value),
                None if self.static_errors.len() > static_errors => return unknown(),
                None => {}
            }
        }
        if let Some(first) = expanded.into_iter().next() {
            return known_or_unknown(first);
        }
        let Some(last) = call.arguments[..tried].last() else {
            return self.fail(expression, Diagnostic::error("`try` needs at least one argument"));
        };
        self.value(last);
        if let Some(diagnostic) = self.diagnostics.last_mut() {
            diagnostic.detail.get_or_insert_with(|| {
                "No argument of `try` could be evaluated; this is what is wrong with the last one.".into()
            });
        }
        unknown()
    }

    fn can(&mut self, call: &Call, expression: &Expression) -> Value {
        let expanded = match call.expands_last {
            true => self.arguments(call, expression),
            false => None,
        };
        if !self.has_right_count(call, expanded.as_ref().map_or(call.arguments.len(), Vec::len), expression) {
            return unknown();
        }
        let value = match expanded {
            Some(arguments) => arguments.into_iter().next(),
            None => self.quietly(&call.arguments[0]),
        };
        match value {
            Some(value) if !value.is_wholly_known() => Value::unknown(Type::Bool),
            Some(_) => Value::from(true),
            None => Value::from(false),
        }
    }

    /// `templatestring`: its first argument must be a reference, so that nobody builds templates from parts and loses track of quoting.
    fn template_of(&mut self, call: &Call, expression: &Expression) -> Value {
        if !self.has_right_count(call, call.arguments.len(), expression) {
            return unknown();
        }
        if !matches!(call.arguments[0].node, Node::Reference(_) | Node::Local(..) | Node::Traversal(..)) {
            let diagnostic = Diagnostic::error(
                "argument `template` of `templatestring` must be a reference to text, not an expression",
            );
            return self.fail(
                &call.arguments[0],
                diagnostic.hint("a template that is written here needs no function: write it in quotes"),
            );
        }
        let (template, variables) = (self.value(&call.arguments[0]), self.value(&call.arguments[1]));
        match functions::render_text(&template, &variables, self.scope.world(), self.calls) {
            Ok(value) => value,
            Err(Problem::Argument(place, text)) => self.argument_problem(call, place, &text, expression),
            Err(Problem::Call(text)) => {
                self.fail(expression, Diagnostic::error(format!("`templatestring` failed: {text}")))
            }
        }
    }
}

/// `try` gives a value only where nothing of it can still turn out otherwise.
fn known_or_unknown(value: Value) -> Value {
    match value.is_wholly_known() {
        true => value,
        false => unknown().with_marks(value.marks()),
    }
}

pub(super) fn unknown() -> Value {
    Value::unknown(Type::Dynamic)
}

/// Whether two places have something in common.
fn meet(one: Span, other: Span) -> bool {
    one.file == other.file && one.start < other.end && other.start < one.end
}

fn unknown_text(text: &str) -> Value {
    // What follows may join with the last character, so that one does not count.
    let prefix = text.grapheme_indices(true).next_back().map_or("", |(at, _)| &text[..at]);
    let refinement = crate::value::Refinement {
        is_not_null: true,
        prefix: (!prefix.is_empty()).then(|| prefix.into()),
        ..crate::value::Refinement::default()
    };
    Value::new(Kind::Unknown(Type::Text, Some(std::sync::Arc::new(refinement))))
}

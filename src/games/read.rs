//! Literal attributes and blocks of HCL with spans: a manifest has no expressions, so it needs no evaluator.
//!
//! Every problem is kept, and reading goes on.

use crate::diagnostics::{Diagnostic, Diagnostics, FileId, Span};
use crate::value::Value;
use hcl::edit::Span as _;
use hcl::edit::expr::{Expression, UnaryOperator};
use hcl::edit::structure::{Attribute, Block, Body};
use std::sync::Arc;

/// Reads one body: knows where it is and what was wrong so far.
pub(super) struct Reader<'a> {
    pub(super) file: FileId,
    pub(super) found: &'a mut Diagnostics,
}

impl Reader<'_> {
    pub(super) fn span(&self, of: &impl hcl::edit::Span) -> Span {
        let range = of.span().unwrap_or_default();
        Span::new(self.file, range.start as u32, range.end as u32)
    }

    pub(super) fn header(&self, block: &Block) -> Span {
        let last = block.labels.last().and_then(hcl::edit::Span::span);
        let start = block.ident.span().unwrap_or_default();
        Span::new(self.file, start.start as u32, last.map_or(start.end, |label| label.end) as u32)
    }

    pub(super) fn error(&mut self, at: Span, summary: impl Into<String>) {
        self.found.push(Diagnostic::error(summary).at(at));
    }

    /// Reports every attribute and block that is not among the expected ones.
    pub(super) fn expect_only(&mut self, body: &Body, attributes: &[&str], blocks: &[&str]) {
        for attribute in body.attributes() {
            self.expect_name(&attribute.key, "attribute", attributes);
        }
        for block in body.blocks() {
            self.expect_name(&block.ident, "block", blocks);
        }
    }

    fn expect_name(&mut self, name: &hcl::edit::Decorated<hcl::edit::Ident>, what: &str, expected: &[&str]) {
        if expected.contains(&name.as_str()) {
            return;
        }
        let found =
            Diagnostic::error(format!("unknown {what} `{}` in a game manifest", name.as_str())).at(self.span(name));
        self.found.push(super::validate::with_suggestion(found, name.as_str(), expected.iter().copied()));
    }

    /// Reports an attribute that is missing; `at` is the header of what should have it.
    pub(super) fn required<T>(&mut self, found: Option<T>, body: &Body, name: &str, at: Span) -> Option<T> {
        if found.is_none() && !body.has_attribute(name) {
            self.error(at, format!("`{name}` is missing"));
        }
        found
    }

    pub(super) fn text(&mut self, body: &Body, name: &str) -> Option<Arc<str>> {
        self.literal(body, name, "text in quotes", |value| value.as_text().map(Arc::from))
    }

    pub(super) fn flag(&mut self, body: &Body, name: &str) -> Option<bool> {
        self.literal(body, name, "`true` or `false`", Value::as_bool)
    }

    pub(super) fn number<N: TryFrom<i64>>(&mut self, body: &Body, name: &str) -> Option<N> {
        let expected = format!("a whole number that fits {} bits", size_of::<N>() * 8);
        self.literal(body, name, &expected, |value| value.as_i64().and_then(|number| N::try_from(number).ok()))
    }

    pub(super) fn texts(&mut self, body: &Body, name: &str) -> Option<Vec<Arc<str>>> {
        self.literal(body, name, "a list of texts", |value| {
            value.as_items()?.iter().map(|item| item.as_text().map(Arc::from)).collect()
        })
    }

    pub(super) fn value(&mut self, body: &Body, name: &str) -> Option<Value> {
        self.literal(body, name, "a literal", |value| Some(value.clone()))
    }

    fn literal<T>(&mut self, body: &Body, name: &str, expected: &str, get: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let attribute: &Attribute = body.get_attribute(name)?;
        let found = literal(&attribute.value).as_ref().and_then(get);
        if found.is_none() {
            let at = self.span(&attribute.value);
            self.error(at, format!("`{name}` must be {expected}"));
        }
        found
    }

    /// Returns the only label of a block.
    pub(super) fn label(&mut self, block: &Block) -> Option<Arc<str>> {
        if let [label] = block.labels.as_slice() {
            return Some(Arc::from(label.as_str()));
        }
        let at = self.header(block);
        self.error(at, format!("`{}` needs exactly one label: its name", block.ident.as_str()));
        None
    }
}

/// Returns the value of a literal, or nothing for what would have to be evaluated.
fn literal(expression: &Expression) -> Option<Value> {
    match expression {
        Expression::Bool(flag) => Some(Value::from(*flag.value())),
        Expression::Number(number) => number.value().as_i64().map(Value::from),
        Expression::String(text) => Some(Value::from(text.as_str())),
        Expression::Array(items) => items.iter().map(literal).collect::<Option<Vec<_>>>().map(Value::tuple),
        Expression::UnaryOp(operation) if *operation.operator.value() == UnaryOperator::Neg => {
            literal(&operation.expr)?.as_i64()?.checked_neg().map(Value::from)
        }
        // A manifest is data: what needs a variable, a function or an operator has no place in it.
        _ => None,
    }
}

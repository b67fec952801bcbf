//! The parser's tree against what the recognizer saw in the same text: nothing swallowed, nothing made up, nothing taken for another thing.

use super::event::{Event, EventKind};
use hcl::edit::Span as _;
use hcl::edit::expr::{BinaryOp, Conditional, Expression, Object, ObjectKey, Traversal, TraversalOperator, UnaryOp};
use hcl::edit::structure::{Attribute, Block, BlockLabel, Body};
use hcl::edit::template::{Directive, Element, ForTemplateExpr, Template};
use hcl::edit::visit::{Visit, visit_element, visit_expr};
use std::ops::Range;
use std::slice::Iter;

/// Where two readings of a text part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Difference {
    /// What one of them sees there.
    pub kind: EventKind,
    /// The byte.
    pub at: u32,
}

/// Returns where the tree of attributes and blocks says something else than the events.
pub(super) fn of_body(body: &Body, events: &[Event]) -> Option<Difference> {
    let mut walk = Walk::new(events, 0);
    walk.visit_body(body);
    walk.finish()
}

/// Returns where the tree of an expression says something else than the events.
pub(super) fn of_expression(expression: &Expression, events: &[Event]) -> Option<Difference> {
    let mut walk = Walk::new(events, 0);
    walk.visit_expr(expression);
    walk.finish()
}

/// Returns where the tree of a template says something else than the events, which count bytes from `before` the template.
pub(super) fn of_template(template: &Template, events: &[Event], before: u32) -> Option<Difference> {
    let mut walk = Walk::new(events, before);
    walk.visit_template(template);
    walk.finish()
}

/// Sees the events of a tree, one after the other, and stops at the first that is not the next one.
struct Walk<'e> {
    expected: Iter<'e, Event>,
    before: u32,
    /// The last byte of which both said the same.
    last: u32,
    difference: Option<Difference>,
}

impl<'e> Walk<'e> {
    fn new(events: &'e [Event], before: u32) -> Self {
        Self { expected: events.iter(), before, last: before, difference: None }
    }

    fn see(&mut self, kind: EventKind, at: Option<usize>) {
        if self.difference.is_some() {
            return;
        }
        let seen = Event { kind, at: at.map(|at| at as u32 + self.before) };
        match self.expected.next() {
            Some(expected) if *expected == seen => self.last = seen.at.unwrap_or(self.last),
            expected => self.difference = Some(self.first([Some(seen), expected.copied()])),
        }
    }

    fn see_start(&mut self, kind: EventKind, range: Option<Range<usize>>) {
        self.see(kind, range.map(|range| range.start));
    }

    /// The one that comes first; what has no place of its own comes before any other.
    fn first(&self, events: [Option<Event>; 2]) -> Difference {
        let places = events.into_iter().flatten().map(|event| (event.at.unwrap_or(self.last), event.kind));
        let (at, kind) = places.min_by_key(|(at, _)| *at).expect("one of them is there");
        Difference { kind, at }
    }

    fn finish(mut self) -> Option<Difference> {
        let left = self.expected.next().copied();
        self.difference.or_else(|| left.map(|left| self.first([Some(left), None])))
    }
}

impl Visit for Walk<'_> {
    fn visit_attr(&mut self, node: &Attribute) {
        self.see_start(EventKind::Attribute, node.key.span());
        self.visit_expr(&node.value);
    }

    fn visit_block(&mut self, node: &Block) {
        self.see_start(EventKind::Block, node.ident.span());
        for label in &node.labels {
            let range = match label {
                BlockLabel::Ident(name) => name.span(),
                BlockLabel::String(text) => text.span(),
            };
            self.see_start(EventKind::Label, range);
        }
        self.visit_body(&node.body);
        self.see(EventKind::BlockEnd, None);
    }

    fn visit_expr(&mut self, node: &Expression) {
        let (kind, end) = match node {
            Expression::Null(_) | Expression::Bool(_) | Expression::Variable(_) => (EventKind::Name, None),
            Expression::Number(_) => return self.see(EventKind::Number, node.span().map(|range| range.end)),
            Expression::String(_) | Expression::StringTemplate(_) => (EventKind::Quoted, Some(EventKind::QuotedEnd)),
            Expression::HeredocTemplate(_) => (EventKind::Heredoc, Some(EventKind::HeredocEnd)),
            Expression::Array(_) => (EventKind::Tuple, None),
            Expression::Object(_) => (EventKind::Object, None),
            Expression::Parenthesis(_) => (EventKind::Parenthesis, None),
            Expression::ForExpr(_) => (EventKind::For, None),
            Expression::FuncCall(_) => (EventKind::Call, None),
            Expression::Conditional(_)
            | Expression::UnaryOp(_)
            | Expression::BinaryOp(_)
            | Expression::Traversal(_) => return visit_expr(self, node),
        };
        self.see_start(kind, node.span());
        visit_expr(self, node);
        if let Some(end) = end {
            self.see(end, node.span().map(|range| range.end));
        }
    }

    fn visit_object(&mut self, node: &Object) {
        for (key, value) in node {
            match key {
                ObjectKey::Ident(name) => self.see_start(EventKind::Name, name.span().or_else(|| key.span())),
                ObjectKey::Expression(key) => self.visit_expr(key),
            }
            self.visit_expr(value.expr());
        }
    }

    fn visit_conditional(&mut self, node: &Conditional) {
        self.visit_expr(&node.cond_expr);
        self.see(EventKind::Conditional, None);
        self.visit_expr(&node.true_expr);
        self.visit_expr(&node.false_expr);
    }

    fn visit_unary_op(&mut self, node: &UnaryOp) {
        self.see_start(EventKind::Unary, node.operator.span());
        self.visit_expr(&node.expr);
    }

    fn visit_binary_op(&mut self, node: &BinaryOp) {
        self.visit_expr(&node.lhs_expr);
        self.see_start(EventKind::Binary, node.operator.span());
        self.visit_expr(&node.rhs_expr);
    }

    fn visit_traversal(&mut self, node: &Traversal) {
        self.visit_expr(&node.expr);
        for operator in &node.operators {
            self.see_start(EventKind::Step, operator.span());
            if let TraversalOperator::Index(index) = operator.value() {
                self.visit_expr(index);
            }
        }
    }

    fn visit_element(&mut self, node: &Element) {
        let Element::Directive(directive) = node else { return visit_element(self, node) };
        let range = directive.span();
        match &**directive {
            Directive::If(parsed) => {
                self.see_start(EventKind::If, range);
                self.visit_expr(&parsed.if_expr.cond_expr);
                self.visit_template(&parsed.if_expr.template);
                if let Some(otherwise) = &parsed.else_expr {
                    self.see(EventKind::Else, None);
                    self.visit_template(&otherwise.template);
                }
                self.see(EventKind::EndIf, None);
            }
            Directive::For(parsed) => {
                self.see_start(EventKind::ForDirective, range);
                self.visit_for_template_expr(&parsed.for_expr);
                self.see(EventKind::EndFor, None);
            }
        }
    }

    fn visit_for_template_expr(&mut self, node: &ForTemplateExpr) {
        self.visit_expr(&node.collection_expr);
        self.visit_template(&node.template);
    }
}

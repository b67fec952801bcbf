//! References: traversals that begin at a name the scope knows.

use super::{Expression, Node, StepKind};
use crate::diagnostics::Span;
use crate::value::Step;
use std::fmt;
use std::sync::Arc;

/// A traversal with only literal steps, whose root is not a `for` variable: `var.size`, `vm.mc["lobby"].address`.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The first name.
    pub root: Arc<str>,
    /// The steps after it.
    pub steps: Vec<ReferenceStep>,
    /// Where it is written.
    pub span: Span,
}

/// One step of a [`Reference`].
#[derive(Clone, Debug)]
pub struct ReferenceStep {
    /// The step.
    pub step: Step,
    /// Where it is written.
    pub span: Span,
}

impl Reference {
    /// Returns the name of the attribute at a place, if there is an attribute step: place 0 is the step after the root.
    pub fn attribute(&self, place: usize) -> Option<&Arc<str>> {
        match self.steps.get(place).map(|step| &step.step) {
            Some(Step::Attribute(name)) => Some(name),
            _ => None,
        }
    }

    /// Returns the span of the root and the first steps.
    pub fn span_through(&self, steps: usize) -> Span {
        let end = match steps {
            0 => self.span.start + self.root.len() as u32,
            _ => self.steps.get(steps - 1).map_or(self.span.end, |step| step.span.end),
        };
        Span::new(self.span.file, self.span.start, end)
    }

    /// Writes the root and the first steps as the user would.
    pub fn through(&self, steps: usize) -> String {
        let mut text = self.root.to_string();
        for step in self.steps.iter().take(steps) {
            match &step.step {
                Step::Attribute(name) => text.extend([".", name]),
                Step::Key(key) => text.push_str(&format!("[{key:?}]")),
                Step::Index(index) => text.push_str(&format!("[{index}]")),
            }
        }
        text
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.through(self.steps.len()))
    }
}

/// Returns every reference in an expression, in the order written: for dependency edges, and for checking that what is referred to exists.
pub fn references(expression: &Expression) -> Vec<Arc<Reference>> {
    let mut found = Vec::new();
    expression.visit(&mut |node| {
        if let Node::Reference(reference) = node {
            found.push(reference.clone());
        }
    });
    found
}

/// Like [`references`], each with the expression of the key that follows it, if one does that is not constant: `each.key` in
/// `vm.mc[each.key].address`. With its value the reference means one instance instead of all.
pub fn keyed_references(expression: &Expression) -> Vec<(Arc<Reference>, Option<&Expression>)> {
    let mut found = Vec::new();
    let mut key = None;
    expression.visit(&mut |node| match node {
        // The source of a traversal is visited right after it.
        Node::Traversal(source, steps) if matches!(source.node, Node::Reference(_)) => {
            key = match steps.first().map(|step| &step.kind) {
                Some(StepKind::Index(index)) => Some(index),
                Some(StepKind::Attribute(_) | StepKind::Splat(_)) | None => None,
            };
        }
        Node::Reference(reference) => found.push((reference.clone(), key.take())),
        _ => {}
    });
    found
}

impl Expression {
    /// Calls back for every named `for` variable in the expression.
    pub(super) fn visit_locals(&self, visitor: &mut impl FnMut(usize, &str)) {
        self.visit(&mut |node| {
            if let Node::Local(place, Some(name)) = node {
                visitor(*place, name);
            }
        });
    }

    fn visit<'e>(&'e self, visitor: &mut impl FnMut(&'e Node)) {
        visitor(&self.node);
        match &self.node {
            Node::Literal(_) | Node::Reference(_) | Node::Local(..) => {}
            Node::Tuple(items) | Node::Template(items) => items.iter().for_each(|item| item.visit(visitor)),
            Node::Object(entries) => entries.iter().for_each(|(key, value)| {
                key.visit(visitor);
                value.visit(visitor);
            }),
            Node::Join(inner) | Node::Unary(_, inner) => inner.visit(visitor),
            Node::Traversal(source, steps) => {
                source.visit(visitor);
                for step in steps {
                    match &step.kind {
                        StepKind::Attribute(_) => {}
                        StepKind::Index(inner) | StepKind::Splat(inner) => inner.visit(visitor),
                    }
                }
            }
            Node::Conditional(conditional) => {
                conditional.condition.visit(visitor);
                conditional.when_true.visit(visitor);
                conditional.when_false.visit(visitor);
            }
            Node::Call(call) => call.arguments.iter().for_each(|argument| argument.visit(visitor)),
            Node::UnknownCall(call) => call.1.iter().for_each(|argument| argument.visit(visitor)),
            Node::Binary(_, sides) => {
                sides.0.visit(visitor);
                sides.1.visit(visitor);
            }
            Node::For(each) => {
                each.collection.visit(visitor);
                each.key.iter().chain(&each.condition).for_each(|inner| inner.visit(visitor));
                each.value.visit(visitor);
            }
        }
    }
}

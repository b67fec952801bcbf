//! Expressions: a compact tree with spans, lowered once per file from what the parser gives ([`lower()`]) and evaluated against a [`Scope`]
//! ([`evaluate()`]) as often as needed.
//!
//! The parser's quirks stay in `lower` and `template`; functions are in `config::functions`; where names come from is the scope's affair.

mod collection;
mod conditional;
mod evaluate;
mod limits;
mod lower;
mod operator;
mod part;
mod reference;
mod scope;
mod template;
mod traversal;

pub use evaluate::evaluate;
pub(super) use evaluate::{quietly, render, with_values};
pub(super) use limits::{TEXT_MAX, WEIGHT_MAX};
pub(super) use lower::lower_with;
pub use lower::{lower, lower_template};
pub(super) use part::Nearer;
pub use reference::{Reference, ReferenceStep, keyed_references, references};
pub use scope::{FunctionWorld, Resolved, Scope};

use super::functions::Function;
use crate::diagnostics::Span;
use crate::value::Value;
use std::sync::Arc;

/// An expression.
#[derive(Clone, Debug)]
pub struct Expression {
    /// Where it is written.
    pub span: Span,
    node: Node,
}

impl Expression {
    fn new(span: Span, node: Node) -> Self {
        Self { span, node }
    }

    /// Returns an expression that is always `value`: a default, or what stands for an expression that could not be read.
    pub fn constant(span: Span, value: Value) -> Self {
        Self::new(span, Node::Literal(value))
    }

    /// Returns the expression that is a reference and nothing else.
    pub(super) fn reference(reference: Reference) -> Self {
        Self::new(reference.span, Node::Reference(Arc::new(reference)))
    }

    /// Returns the value, if the expression is one that needs no evaluation.
    pub fn as_constant(&self) -> Option<&Value> {
        match &self.node {
            Node::Literal(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the reference, if the expression is nothing but one (`tenant.acme`, `vm.mc["a"]`).
    pub fn as_reference(&self) -> Option<&Reference> {
        match &self.node {
            Node::Reference(reference) => Some(reference),
            _ => None,
        }
    }

    /// Returns the items, if the expression is written as a list: what `depends_on` and `ignore_changes` take.
    pub fn as_items(&self) -> Option<&[Expression]> {
        match &self.node {
            Node::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// Returns keys and values, if the expression is written as an object.
    pub fn as_entries(&self) -> Option<&[(Expression, Expression)]> {
        match &self.node {
            Node::Object(entries) => Some(entries),
            _ => None,
        }
    }

    /// Returns the name and arguments, if the expression is a call: what a type constraint (`list(string)`) is written as.
    pub fn as_call(&self) -> Option<(&str, &[Expression])> {
        match &self.node {
            Node::Call(call) => Some((call.function.name, &call.arguments)),
            Node::UnknownCall(call) => Some((&call.0, &call.1)),
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
enum Node {
    Literal(Value),
    /// A traversal from a name that is not a `for` variable.
    Reference(Arc<Reference>),
    /// A `for` variable by its place on the stack of variables, or the item of a splat (without a name).
    Local(usize, Option<Arc<str>>),
    Tuple(Box<[Expression]>),
    Object(Box<[(Expression, Expression)]>),
    /// Text made of the texts of its parts.
    Template(Box<[Expression]>),
    /// Text made of the items of a tuple: the `for` directive of templates.
    Join(Box<Expression>),
    Traversal(Box<Expression>, Box<[Step]>),
    Conditional(Box<Conditional>),
    Call(Box<Call>),
    /// A call of a function that does not exist: an error once it is evaluated, or a type constraint.
    UnknownCall(Box<(Arc<str>, Box<[Expression]>)>),
    Unary(Unary, Box<Expression>),
    Binary(Binary, Box<(Expression, Expression)>),
    For(Box<For>),
}

#[derive(Clone, Debug)]
struct Step {
    span: Span,
    kind: StepKind,
}

#[derive(Clone, Debug)]
enum StepKind {
    Attribute(Arc<str>),
    Index(Expression),
    /// The expression computed for each item, with the item as the innermost variable.
    Splat(Expression),
}

#[derive(Clone, Debug)]
struct Conditional {
    condition: Expression,
    when_true: Expression,
    when_false: Expression,
}

#[derive(Clone, Debug)]
struct Call {
    function: &'static Function,
    name_span: Span,
    arguments: Box<[Expression]>,
    expands_last: bool,
}

#[derive(Clone, Debug)]
struct For {
    has_key: bool,
    collection: Expression,
    /// Makes an object instead of a tuple.
    key: Option<Expression>,
    value: Expression,
    condition: Option<Expression>,
    is_grouping: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Unary {
    Negate,
    Not,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Binary {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

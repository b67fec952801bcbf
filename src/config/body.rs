//! A block's body after evaluation: attributes with values and spans, nested blocks in the order written.
//!
//! Whether an attribute may be there, and of what type, is judged by `resources::schema`.

use super::expression::Expression;
use crate::diagnostics::Span;
use crate::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An evaluated body.
#[derive(Clone, Debug)]
pub struct Body {
    /// Attributes by name.
    pub attributes: BTreeMap<Arc<str>, Evaluated>,
    /// Nested blocks in the order written, `dynamic` ones expanded in place.
    pub blocks: Vec<NestedBlock>,
    /// The whole block, for "missing attribute" messages: its header line.
    pub span: Span,
}

/// An evaluated attribute.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// The value.
    pub value: Value,
    /// The attribute's name in the text.
    pub name_span: Span,
    /// The expression in the text.
    pub span: Span,
    /// The expression itself: where the parts of the value are written.
    pub expression: Arc<Expression>,
}

/// An evaluated nested block.
#[derive(Clone, Debug)]
pub struct NestedBlock {
    /// Block type: `disk`, `network`.
    pub kind: Arc<str>,
    /// Labels in order.
    pub labels: Vec<Arc<str>>,
    /// Its body.
    pub body: Body,
}

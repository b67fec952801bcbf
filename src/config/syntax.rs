//! A file as written: attributes and blocks with their places, expressions lowered, the parser's tree gone.

use super::constraint::Constraint;
use super::expression::Expression;
use crate::diagnostics::Span;
use crate::value::Path;
use std::sync::Arc;

/// The inside of a file or of a block.
#[derive(Clone, Debug, Default)]
pub(super) struct Body {
    /// Attributes in the order written; no name twice.
    pub attributes: Vec<Attribute>,
    /// Attributes that are read but never evaluated.
    pub literals: Vec<Literal>,
    /// Blocks in the order written.
    pub blocks: Vec<Block>,
}

/// An attribute whose right side is not an expression, though it looks like one: a type, or places in the configuration.
#[derive(Clone, Debug)]
pub(super) struct Literal {
    pub name: Arc<str>,
    pub name_span: Span,
    pub content: LiteralContent,
}

/// What a literal attribute holds.
#[derive(Clone, Debug)]
pub(super) enum LiteralContent {
    /// `type` of a variable.
    Type(Constraint),
    /// `depends_on`, `ignore_changes` and the like: a list of places.
    Places(Vec<Place>),
    /// `from`, `to`, or `ignore_changes = all`: one place.
    Place(Place),
    /// Something else, reported already.
    Malformed,
}

/// A place in the configuration: `vm.mc["a"].memory`, with the first name as first attribute.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub path: Path,
    pub span: Span,
}

/// `name = expression`
#[derive(Clone, Debug)]
pub(super) struct Attribute {
    pub name: Arc<str>,
    pub name_span: Span,
    pub expression: Arc<Expression>,
    pub span: Span,
}

/// `kind "label" { ... }`
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub kind: Arc<str>,
    pub kind_span: Span,
    pub labels: Vec<Label>,
    /// From the kind to the last label.
    pub header: Span,
    pub body: Body,
}

/// A label of a block.
#[derive(Clone, Debug)]
pub(super) struct Label {
    pub text: Arc<str>,
    pub span: Span,
}

impl Body {
    /// Returns the attribute of a name.
    pub(super) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| &*attribute.name == name)
    }

    /// Returns the literal attribute of a name.
    pub(super) fn literal(&self, name: &str) -> Option<&LiteralContent> {
        self.literals.iter().find(|literal| &*literal.name == name).map(|literal| &literal.content)
    }

    /// Returns the blocks of a kind.
    pub(super) fn blocks<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Block> {
        self.blocks.iter().filter(move |block| &*block.kind == kind)
    }
}

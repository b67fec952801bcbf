//! The blocks of the language that are no objects, in one table: what may stand in each, for the checks, for `spawnpoint schema` and for
//! the manual. The object blocks are in `domain`.

mod declarations;
mod settings;
mod testing;

pub(super) use declarations::{
    ASSERT, CHECK, IMPORT, LIFECYCLE, LOCALS, MODULE, MOVED, OUTPUT, POSTCONDITION, PRECONDITION, REMOVED,
    REMOVED_LIFECYCLE, VALIDATION, VARIABLE,
};
pub(super) use settings::{CLUSTER, DRIFT_IGNORE, ENCRYPTION, LIMITS, NOTIFY, SIMULATOR, SPAWNPOINT, STATES};

pub(super) use testing::{RUN, TEST_ASSERT, TEST_MODULE, TEST_SIMULATOR, VARIABLES};

pub use declarations::META;

use crate::value::Type;
use std::sync::Arc;

/// Every block that may stand in a file by itself, settings first.
pub static BLOCKS: &[&Block] = &[
    &SPAWNPOINT,
    &CLUSTER,
    &NOTIFY,
    &DRIFT_IGNORE,
    &VARIABLE,
    &LOCALS,
    &OUTPUT,
    &MODULE,
    &CHECK,
    &MOVED,
    &REMOVED,
    &IMPORT,
];

/// Every block that may stand in a test file by itself.
pub static TEST_BLOCKS: &[&Block] = &[&RUN, &VARIABLES, &TEST_SIMULATOR];

/// A kind of block.
#[derive(Debug)]
pub struct Block {
    /// Its name.
    pub name: &'static str,
    /// What its label is, if it takes one.
    pub label: Option<&'static str>,
    /// What it is for, whole sentences.
    pub documentation: &'static str,
    /// What may be set in it.
    pub attributes: &'static [Attribute],
    /// What blocks it may hold.
    pub blocks: &'static [&'static Block],
    /// Whether there is at most one.
    pub is_single: bool,
    /// A text with it that is a stack of its own; empty for a block that stands in another.
    pub example: &'static str,
}

/// One attribute of a [`Block`].
#[derive(Debug)]
pub struct Attribute {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// Whether it must be there.
    pub is_required: bool,
    /// What it is when it is not there, as the language would write it.
    pub default: Option<&'static str>,
    /// Whether its value is never shown.
    pub is_sensitive: bool,
    /// What it is for, whole sentences.
    pub documentation: &'static str,
}

/// What an attribute takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// A text.
    Text,
    /// A list of texts.
    Texts,
    /// A number.
    Number,
    /// A list of numbers.
    Numbers,
    /// `true` or `false`.
    Bool,
    /// A map of texts.
    TextByName,
    /// An expression of any type.
    Any,
    /// A type constraint, not a value.
    Constraint,
    /// The address of a block or a module, not its value.
    Place,
    /// A list of such addresses, or of attribute paths.
    Places,
}

impl Takes {
    /// Returns the type values are converted to; any for what is not evaluated.
    pub fn as_type(self) -> Type {
        match self {
            Self::Text => Type::Text,
            Self::Texts => Type::List(Arc::new(Type::Text)),
            Self::Number => Type::Number,
            Self::Numbers => Type::List(Arc::new(Type::Number)),
            Self::Bool => Type::Bool,
            Self::TextByName => Type::Map(Arc::new(Type::Text)),
            Self::Any | Self::Constraint | Self::Place | Self::Places => Type::Dynamic,
        }
    }

    /// Returns it in a few words.
    pub fn text(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Texts => "list(string)",
            Self::Number => "number",
            Self::Numbers => "list(number)",
            Self::Bool => "bool",
            Self::TextByName => "map(string)",
            Self::Any => "any",
            Self::Constraint => "type",
            Self::Place => "address",
            Self::Places => "list of addresses",
        }
    }
}

impl Block {
    const fn new(name: &'static str, documentation: &'static str) -> Self {
        Self { name, label: None, documentation, attributes: &[], blocks: &[], is_single: false, example: "" }
    }

    const fn label(mut self, label: &'static str) -> Self {
        self.label = Some(label);
        self
    }

    const fn attributes(mut self, attributes: &'static [Attribute]) -> Self {
        self.attributes = attributes;
        self
    }

    const fn blocks(mut self, blocks: &'static [&'static Block]) -> Self {
        self.blocks = blocks;
        self
    }

    const fn single(mut self) -> Self {
        self.is_single = true;
        self
    }

    const fn example(mut self, example: &'static str) -> Self {
        self.example = example;
        self
    }

    /// Returns an attribute by name.
    pub fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }
}

impl Attribute {
    const fn new(name: &'static str, takes: Takes, documentation: &'static str) -> Self {
        Self { name, takes, is_required: false, default: None, is_sensitive: false, documentation }
    }

    const fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    const fn sensitive(mut self) -> Self {
        self.is_sensitive = true;
        self
    }
}

//! `variable` blocks: declaration and the rules their values keep. Where the values come from is in `given`.

use super::constraint::Constraint;
use super::meta::{self, Constants};
use super::syntax::{Attribute, Block, Body, LiteralContent};
use super::vocabulary;
use crate::diagnostics::{Diagnostic, Diagnostics, Span};
use crate::value::Marks;

/// A declared variable.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    /// `type`; none if it takes anything.
    pub constraint: Option<Constraint>,
    pub default: Option<Attribute>,
    pub is_sensitive: bool,
    pub is_ephemeral: bool,
    /// Whether null is a value for it.
    pub is_nullable: bool,
    /// What to do instead of setting it.
    pub deprecated: Option<String>,
    pub validations: Vec<Rule>,
    pub header: Span,
}

/// A condition with what to say when it does not hold: `validation`, `precondition`, `postcondition`.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub condition: Attribute,
    pub error_message: Attribute,
}

impl Variable {
    /// Returns the marks of every value of the variable.
    pub(super) fn marks(&self) -> Marks {
        let sensitive = if self.is_sensitive { Marks::SENSITIVE } else { Marks::NONE };
        let ephemeral = if self.is_ephemeral { Marks::EPHEMERAL } else { Marks::NONE };
        sensitive | ephemeral
    }
}

/// Reads a `variable` block.
pub(super) fn read(block: &Block, diagnostics: &mut Diagnostics) -> Variable {
    let mut reader = Constants::new(&block.body, diagnostics);
    let (is_sensitive, is_ephemeral) = (reader.flag("sensitive"), reader.flag("ephemeral"));
    let is_nullable = reader.flag_or("nullable", true);
    let deprecated = reader.text("deprecated");
    // For people: read here only to be checked.
    reader.text("description");
    reader.refuse_others(&vocabulary::VARIABLE);
    meta::refuse_blocks(&block.body, &vocabulary::VARIABLE, diagnostics);
    let constraint = match block.body.literal("type") {
        Some(LiteralContent::Type(constraint)) => Some(constraint.clone()),
        Some(LiteralContent::Places(_) | LiteralContent::Place(_) | LiteralContent::Malformed) | None => None,
    };
    Variable {
        constraint,
        default: block.body.attribute("default").cloned(),
        is_sensitive,
        is_ephemeral,
        is_nullable,
        deprecated,
        validations: rules(&block.body, &vocabulary::VALIDATION, diagnostics),
        header: block.header,
    }
}

/// Reads the rules of a body.
pub(super) fn rules(body: &Body, of: &vocabulary::Block, diagnostics: &mut Diagnostics) -> Vec<Rule> {
    let mut rules = Vec::new();
    for block in body.blocks(of.name) {
        Constants::new(&block.body, diagnostics).refuse_others(of);
        match (block.body.attribute("condition"), block.body.attribute("error_message")) {
            (Some(condition), Some(error_message)) => {
                rules.push(Rule { condition: condition.clone(), error_message: error_message.clone() });
            }
            _ => {
                let article = if of.name.starts_with('a') { "an" } else { "a" };
                let summary = format!("{article} `{}` needs `condition` and `error_message`", of.name);
                diagnostics.push(Diagnostic::error(summary).at(block.header));
            }
        }
    }
    rules
}

//! The arguments every object block and module call may have: `count`, `for_each`, `depends_on`, `lifecycle`; and attributes that must
//! be constants.

use super::constant;
use super::stack::Lifecycle;
use super::suggest::did_you_mean;
use super::syntax::{Attribute, Block, Body, LiteralContent, Place};
use super::variable::{self, Rule};
use super::vocabulary;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::value::{Path, Value};
use std::sync::{Arc, LazyLock};

/// How often a block stands for an instance.
#[derive(Clone, Debug, Default)]
pub(super) enum Repetition {
    #[default]
    Single,
    Count(Attribute),
    ForEach(Attribute),
}

/// The meta-arguments of a block.
#[derive(Clone, Debug, Default)]
pub(super) struct Meta {
    pub repetition: Repetition,
    pub depends_on: Vec<Place>,
    pub lifecycle: Lifecycle,
    /// Blocks and attributes whose change replaces the object.
    pub replace_triggered_by: Vec<Place>,
    pub preconditions: Vec<Rule>,
    pub postconditions: Vec<Rule>,
}

impl Meta {
    /// Returns it, the one that is there already if it is that of a block without meta-arguments: most blocks are.
    pub(super) fn shared(self) -> Arc<Self> {
        static NONE: LazyLock<Arc<Meta>> = LazyLock::new(Arc::default);
        let has_rules = !(self.preconditions.is_empty() && self.postconditions.is_empty());
        let has_places = !(self.depends_on.is_empty() && self.replace_triggered_by.is_empty());
        let has_any = !self.is_single() || has_rules || has_places || self.lifecycle != Lifecycle::default();
        if has_any { Arc::new(self) } else { NONE.clone() }
    }

    /// Returns whether the block has neither `count` nor `for_each`.
    pub(super) fn is_single(&self) -> bool {
        match self.repetition {
            Repetition::Single => true,
            Repetition::Count(_) | Repetition::ForEach(_) => false,
        }
    }
}

/// Takes the meta-arguments out of a block.
pub(super) fn take(block: &mut Block, diagnostics: &mut Diagnostics) -> Meta {
    let mut meta = Meta::default();
    let body = &mut block.body;
    let count = take_attribute(body, "count");
    meta.repetition = match (count, take_attribute(body, "for_each")) {
        (None, None) => Repetition::Single,
        (Some(count), None) => Repetition::Count(count),
        (None, Some(for_each)) => Repetition::ForEach(for_each),
        (Some(count), Some(for_each)) => {
            let diagnostic = Diagnostic::error("a block has either `count` or `for_each`, expected one of them");
            diagnostics.push(diagnostic.at(for_each.name_span).label(count.name_span, "`count` is here"));
            Repetition::ForEach(for_each)
        }
    };
    meta.depends_on = places(body, "depends_on", diagnostics);
    let (lifecycles, others) =
        std::mem::take(&mut body.blocks).into_iter().partition(|block| &*block.kind == "lifecycle");
    body.blocks = others;
    for lifecycle in lifecycles {
        read_lifecycle(&lifecycle, &mut meta, diagnostics);
    }
    meta
}

fn take_attribute(body: &mut Body, name: &str) -> Option<Attribute> {
    let at = body.attributes.iter().position(|attribute| &*attribute.name == name)?;
    Some(body.attributes.remove(at))
}

/// Returns the places a literal attribute lists.
fn places(body: &Body, name: &str, diagnostics: &mut Diagnostics) -> Vec<Place> {
    match body.literal(name) {
        Some(LiteralContent::Places(places)) => places.clone(),
        Some(LiteralContent::Place(place)) => {
            let summary = format!("`{name}` takes a list, expected `[{}]`", place.path);
            diagnostics.push(Diagnostic::error(summary).at(place.span));
            Vec::new()
        }
        Some(LiteralContent::Type(_) | LiteralContent::Malformed) | None => Vec::new(),
    }
}

fn read_lifecycle(block: &Block, meta: &mut Meta, diagnostics: &mut Diagnostics) {
    let mut reader = Constants::new(&block.body, diagnostics);
    meta.lifecycle.prevent_destroy = reader.flag("prevent_destroy");
    meta.lifecycle.create_before_destroy = reader.flag("create_before_destroy");
    reader.refuse_others(&vocabulary::LIFECYCLE);
    match block.body.literal("ignore_changes") {
        Some(LiteralContent::Place(place)) if place.path == Path::attribute("all") => {
            meta.lifecycle.ignores_all_changes = true;
        }
        _ => {
            let ignored = places(&block.body, "ignore_changes", diagnostics);
            meta.lifecycle.ignore_changes = ignored.into_iter().map(|place| place.path).collect();
        }
    }
    meta.replace_triggered_by = places(&block.body, "replace_triggered_by", diagnostics);
    meta.preconditions = variable::rules(&block.body, &vocabulary::PRECONDITION, diagnostics);
    meta.postconditions = variable::rules(&block.body, &vocabulary::POSTCONDITION, diagnostics);
    refuse_blocks(&block.body, &vocabulary::LIFECYCLE, diagnostics);
}

/// Reports the nested blocks that a kind of block does not have.
pub(super) fn refuse_blocks(body: &Body, of: &vocabulary::Block, diagnostics: &mut Diagnostics) {
    let known = || of.blocks.iter().map(|block| block.name);
    for block in body.blocks.iter().filter(|block| known().all(|known| known != &*block.kind)) {
        let summary = format!("`{}` has no block `{}`", of.name, block.kind);
        let diagnostic = Diagnostic::error(summary).at(block.header);
        let hint = did_you_mean(&block.kind, known());
        diagnostics.push(hint.into_iter().fold(diagnostic, Diagnostic::hint));
    }
}

/// Reads attributes that must be constants.
pub(super) struct Constants<'a> {
    body: &'a Body,
    diagnostics: &'a mut Diagnostics,
}

impl<'a> Constants<'a> {
    pub(super) fn new(body: &'a Body, diagnostics: &'a mut Diagnostics) -> Self {
        Self { body, diagnostics }
    }

    fn value(&mut self, name: &'static str) -> Option<(&'a Attribute, Value)> {
        let attribute = self.body.attribute(name)?;
        let value = constant::value(&attribute.expression, self.diagnostics)?;
        (!value.is_null()).then_some((attribute, value))
    }

    /// Returns a truth value; one that is not there is false.
    pub(super) fn flag(&mut self, name: &'static str) -> bool {
        self.flag_or(name, false)
    }

    /// Returns a truth value.
    pub(super) fn flag_or(&mut self, name: &'static str, default: bool) -> bool {
        let Some((attribute, value)) = self.value(name) else {
            return default;
        };
        let flag = value.as_bool();
        if flag.is_none() {
            let summary = format!("`{name}` takes `true` or `false`");
            self.diagnostics.push(Diagnostic::error(summary).at(attribute.span));
        }
        flag.unwrap_or(default)
    }

    /// Returns a text.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        let (attribute, value) = self.value(name)?;
        let text = value.as_text().map(str::to_string);
        if text.is_none() {
            let summary = format!("`{name}` takes a string, found {}", value.type_of());
            self.diagnostics.push(Diagnostic::error(summary).at(attribute.span));
        }
        text
    }

    /// Reports attributes that a kind of block does not have.
    pub(super) fn refuse_others(self, of: &vocabulary::Block) {
        let kind = of.name;
        let known = || of.attributes.iter().map(|attribute| attribute.name);
        let names = self.body.attributes.iter().map(|attribute| (&attribute.name, attribute.name_span));
        let literals = self.body.literals.iter().map(|literal| (&literal.name, literal.name_span));
        for (name, span) in names.chain(literals).filter(|(name, _)| known().all(|known| known != &***name)) {
            let diagnostic = Diagnostic::error(format!("`{kind}` has no attribute `{name}`")).at(span);
            let hint = did_you_mean(name, known());
            self.diagnostics.push(hint.into_iter().fold(diagnostic, Diagnostic::hint));
        }
    }
}

//! `data` blocks: what they ask, who answers, and what they give.
//!
//! Answers come from [`Lookups`], so nothing here knows a cluster. A question that cannot be answered yet gives an unknown value of the
//! right type; [`Stack::questions`] tells what is open, and [`Stack::resolve`] reads the stack again with somebody who knows more.

use super::address::{Address, Key};
use super::blocks::{body_expressions, called_cluster};
use super::body::Body;
use super::expand::{counted, each, known};
use super::expression::Expression;
use super::facts::Follower;
use super::frame::{Run, assemble, judge};
use super::meta::{Meta, Repetition};
use super::module::Call;
use super::program::{CellKind, CellName, Expansion, Facts, Instance, Program, Repeated};
use super::syntax;
use super::{Stack, load};
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, Span};
use crate::value::{Type, Value};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// Who answers the questions of `data` blocks.
pub trait Lookups: fmt::Debug + Send + Sync {
    /// Returns the types of `data` blocks there are.
    fn names(&self) -> Vec<&'static str>;

    /// Returns what a question gives, by what is known now.
    fn answer(&self, question: &Question) -> Answer;
}

/// What one instance of a `data` block asks.
#[derive(Clone, Debug)]
pub struct Question {
    /// `data.vm.router["a"]`, with the module before it.
    pub address: Address,
    /// Its type: `vm`.
    pub kind: Arc<str>,
    /// The cluster it or a module call names; none means the default.
    pub cluster: Option<Arc<str>>,
    /// Its arguments.
    pub body: Body,
}

/// What is known about a question.
#[derive(Clone, Debug)]
pub enum Answer {
    /// What the block gives.
    Known(Value),
    /// Nobody has looked yet; the type of what it will give.
    Open(Type),
    /// It has no answer, and why.
    Wrong(Diagnostics),
}

/// A `data` block.
#[derive(Clone, Debug)]
pub(super) struct Lookup {
    pub kind: Arc<str>,
    pub name: Arc<str>,
    pub meta: Meta,
    /// Without the meta-arguments.
    pub body: syntax::Body,
    pub header: Span,
    /// The `check` block it stands in: only that may refer to it, and what goes wrong with it is a warning.
    pub check: Option<Arc<str>>,
}

/// A `data` block in the graph.
#[derive(Clone, Debug)]
pub struct LookupNode {
    /// The block, all its instances: `data.vm.router`.
    pub address: Address,
    /// The `data` blocks its arguments refer to.
    pub lookups: BTreeSet<Address>,
    /// The block's header.
    pub span: Span,
}

impl Lookup {
    /// Returns every expression that decides what it gives.
    pub(super) fn expressions(&self) -> Vec<&Arc<Expression>> {
        let mut expressions = Vec::new();
        body_expressions(&self.body, &mut expressions);
        match &self.meta.repetition {
            Repetition::Count(attribute) | Repetition::ForEach(attribute) => expressions.push(&attribute.expression),
            Repetition::Single => {}
        }
        let rules = self.meta.preconditions.iter().chain(&self.meta.postconditions);
        expressions.extend(rules.flat_map(|rule| [&rule.condition.expression, &rule.error_message.expression]));
        expressions
    }

    /// Returns the name of its value in the module.
    pub(super) fn cell(&self) -> CellName {
        cell_name(&self.kind, &self.name)
    }
}

/// Returns the name under which the value of a `data` block is kept.
pub(super) fn cell_name(kind: &str, name: &str) -> CellName {
    CellName { kind: CellKind::Lookup, name: format!("{kind}.{name}").into() }
}

impl Stack {
    /// Returns what nobody has answered yet. Empty: every `data` block has its value, or there is none.
    pub fn questions(&self) -> Vec<Question> {
        let run = Run::new(&self.program, None);
        // What is wrong was told when the stack was read.
        let mut told = Diagnostics::new();
        let mut open = Vec::new();
        for (place, instance) in self.program.instances.iter().enumerate() {
            for lookup in instance.module.lookups.values() {
                let Some(expansion) = run.instances(place, lookup, &mut told) else { continue };
                for (key, value) in expansion.iter() {
                    let repeated = Repeated::of(key.as_ref(), value);
                    let question = run.question(place, lookup, key, repeated, &mut told);
                    let is_open =
                        |question: &Question| matches!(self.program.lookups.answer(question), Answer::Open(_));
                    open.extend(question.filter(is_open));
                }
            }
        }
        open
    }

    /// Returns the stack as it is when `lookups` answers the questions, from the texts that were read. With errors it is good for nothing but
    /// further questions: who asks all of them can tell all errors at once.
    pub fn resolve(&self, lookups: Arc<dyn Lookups>) -> (Option<Self>, Diagnostics) {
        let mut diagnostics = Diagnostics::new();
        let stack = load::resolve(&self.origin, &self.program, lookups, &mut diagnostics);
        (stack, diagnostics)
    }

    /// Returns the stack with one instance for each block and each module whose instances follow from what nobody has looked up, so that
    /// what is in it can be judged, and what is wrong with named values of such modules. The stack is good for nothing else.
    pub fn with_stand_ins(&self) -> (Self, Diagnostics) {
        let program = Program { has_stand_ins: true, ..self.program.blank(self.program.lookups.clone()) };
        let mut found = Diagnostics::new();
        let stack = load::build(&self.origin, program, &mut found).unwrap_or_else(|| self.clone());
        // What is wrong with everything else was told when it was read.
        let instances = stack.program.instances.iter().enumerate();
        let is_new = |(place, _): &(usize, &Instance)| stack.program.is_stand_in(*place);
        let new: BTreeSet<String> = instances.filter(is_new).map(|(_, instance)| instance.path.to_string()).collect();
        let mut told = Diagnostics::new();
        let is_of_new = |found: &Diagnostic| found.address.as_ref().is_some_and(|address| new.contains(address));
        told.extend(found.into_iter().filter(is_of_new));
        (stack, told)
    }

    /// Returns the `data` blocks of all modules.
    pub fn lookups(&self) -> Vec<LookupNode> {
        let mut nodes = Vec::new();
        for (place, instance) in self.program.instances.iter().enumerate() {
            for lookup in instance.module.lookups.values() {
                let address = self.program.lookup_address(place, lookup, None);
                let knowledge = instance.cells.get(&lookup.cell()).and_then(|knowledge| knowledge.facts.get());
                let lookups = knowledge.map(|facts| (*facts.lookups).clone()).unwrap_or_default();
                nodes.push(LookupNode { lookups, address, span: lookup.header });
            }
        }
        nodes
    }
}

impl Program {
    /// Returns the address of a `data` block or of an instance of it.
    pub(super) fn lookup_address(&self, place: usize, lookup: &Lookup, key: Option<Key>) -> Address {
        let kind = format!("data.{}", lookup.kind);
        Address::new(self.instances[place].path.clone(), kind, lookup.name.clone()).instance(key)
    }
}

impl Run<'_> {
    /// Returns what a `data` block gives: one value, or one for each instance. What is wrong is reported, and its value unknown.
    pub(super) fn looked_up(&self, place: usize, lookup: &Lookup) -> (Value, Diagnostics) {
        let mut found = Diagnostics::new();
        let unknown = || Value::unknown(Type::Dynamic);
        let expansion = self.instances(place, lookup, &mut found);
        let value = expansion.and_then(|expansion| {
            let mut value_of = |key: Option<Key>, value: &Value| {
                let repeated = Repeated::of(key.as_ref(), value);
                Ok(self.given(place, lookup, key, repeated, &mut found).unwrap_or_else(unknown))
            };
            match &expansion {
                Expansion::Single(value) => value_of(None, value).ok(),
                Expansion::Count(_) | Expansion::Each(_) | Expansion::Open(_) => assemble(&expansion, value_of).ok(),
            }
        });
        let address = self.program.lookup_address(place, lookup, None);
        let mut reported = Diagnostics::new();
        reported.extend(found.into_iter().map(|diagnostic| {
            let severity = if lookup.check.is_some() { Severity::Warning } else { diagnostic.severity };
            let about = diagnostic.address.clone().unwrap_or_else(|| address.to_string());
            Diagnostic { severity, ..diagnostic }.about(about)
        }));
        (value.unwrap_or_else(unknown), reported)
    }

    /// Returns whether facts depend on a `data` block whose value is not known: then what is unknown is no mistake.
    pub(super) fn is_open(&self, facts: &Facts, span: Span) -> bool {
        facts.lookups.iter().any(|address| {
            let place = self.program.places.get(&address.module);
            let kind = address.kind.strip_prefix("data.");
            let value = place.zip(kind).map(|(place, kind)| self.cell(*place, &cell_name(kind, &address.name), span));
            !matches!(value, Some(Ok(value)) if value.is_wholly_known())
        })
    }

    fn instances(&self, place: usize, lookup: &Lookup, found: &mut Diagnostics) -> Option<Expansion<Value>> {
        match &lookup.meta.repetition {
            Repetition::Single => Some(Expansion::Single(Value::from(true))),
            Repetition::Count(attribute) => {
                let value = known(self, &self.frame(place), attribute, found)?;
                counted(&value, attribute, found).map(Expansion::Count)
            }
            Repetition::ForEach(attribute) => {
                let value = known(self, &self.frame(place), attribute, found)?;
                each(&value, attribute, found).map(Expansion::Each)
            }
        }
    }

    /// Returns what one instance gives.
    fn given(
        &self,
        place: usize,
        lookup: &Lookup,
        key: Option<Key>,
        repeated: Repeated,
        found: &mut Diagnostics,
    ) -> Option<Value> {
        let mut frame = self.repeated_frame(place, repeated.clone()).of(&lookup.meta.repetition);
        let of = self.program.lookup_address(place, lookup, key.clone()).to_string();
        let mut broken = Diagnostics::new();
        for rule in &lookup.meta.preconditions {
            judge(rule, "a precondition does not hold", &of, &frame, &mut broken);
        }
        let is_broken = broken.has_errors();
        found.extend(broken);
        if is_broken {
            return None;
        }
        let question = self.question(place, lookup, key, repeated, found)?;
        let value = match self.program.lookups.answer(&question) {
            Answer::Known(value) => value,
            Answer::Open(of) => Value::unknown(of),
            Answer::Wrong(wrong) => {
                found.extend(wrong.into_iter().map(|diagnostic| diagnostic.about(&question.address)));
                return None;
            }
        };
        frame.own = Some(value.clone());
        for rule in &lookup.meta.postconditions {
            judge(rule, "a postcondition does not hold", &of, &frame, found);
        }
        Some(value)
    }

    /// Returns the question of an instance; nothing, if its arguments are wrong.
    fn question(
        &self,
        place: usize,
        lookup: &Lookup,
        key: Option<Key>,
        repeated: Repeated,
        found: &mut Diagnostics,
    ) -> Option<Question> {
        let mut errors = Diagnostics::new();
        let mut frame = self.repeated_frame(place, repeated).of(&lookup.meta.repetition);
        let mut body = frame.body(&lookup.body, lookup.header, &mut errors);
        let cluster = match body.attributes.remove("cluster") {
            None => called_cluster(self.program, place, &mut errors),
            Some(own) => {
                let name = own.value.address().and_then(|address| address.strip_prefix("cluster.")).map(Arc::from);
                if name.is_none() && !errors.has_errors() {
                    let diagnostic = Diagnostic::error("`cluster` takes a cluster").at(own.span);
                    errors.push(diagnostic.hint("write `cluster = cluster.NAME`, the object itself"));
                }
                name
            }
        };
        let is_right = !errors.has_errors();
        found.extend(errors);
        let address = self.program.lookup_address(place, lookup, key);
        is_right.then(|| Question { address, kind: lookup.kind.clone(), cluster, body })
    }

    /// Returns whether how often a module is called follows from what nobody has looked up yet.
    pub(super) fn is_unfolded_later(&self, place: usize, call: &Call) -> bool {
        let (Repetition::Count(attribute) | Repetition::ForEach(attribute)) = &call.meta.repetition else {
            return false;
        };
        let facts = Follower::new(self.program).expressions(place, [&*attribute.expression]);
        facts.is_ok_and(|facts| self.is_open(&facts, attribute.span))
    }

    /// Reports `data` blocks that depend on objects.
    pub(super) fn refuse_late_lookups(&self, diagnostics: &mut Diagnostics) {
        let mut seen: Vec<Span> = Vec::new();
        for instance in &self.program.instances {
            for lookup in instance.module.lookups.values() {
                let facts = instance.cells.get(&lookup.cell()).and_then(|knowledge| knowledge.facts.get());
                let Some(block) = facts.and_then(|facts| facts.blocks.first()) else { continue };
                if !seen.contains(&lookup.header) {
                    seen.push(lookup.header);
                    let (kind, name) = (&lookup.kind, &lookup.name);
                    let summary = format!("`data.{kind}.{name}` depends on `{block}`, which is only planned then");
                    let diagnostic = Diagnostic::error(summary).at(lookup.header);
                    diagnostics.push(
                        diagnostic
                            .detail(EARLY)
                            .hint(format!("what this stack manages needs no look-up: refer to `{block}` itself")),
                    );
                }
            }
        }
    }
}

/// Why a look-up cannot wait for an object.
pub(super) const EARLY: &str = "Look-ups are answered before anything is planned, so that a plan knows every object it will touch. \
    They may use variables, locals, `path`, the workspace and other look-ups.";

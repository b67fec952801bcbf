//! What an expression depends on: the blocks it refers to, directly or through locals, module variables and module outputs.
//!
//! Every name is followed once per module instance. Names that refer to each other in a circle are found here, so evaluation never meets
//! one, and the longest chain of names is limited, so evaluation never runs out of stack.

use super::address::{Address, Key};
use super::expression::{Expression, Reference, references};
use super::lookup::Lookup;
use super::program::{CellKind, CellName, Expansion, Facts, Program};
use crate::diagnostics::{Diagnostic, Span};
use crate::value::Step;
use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Longest chain of names that refer to names. Evaluation recurses once per link; real stacks have less than ten.
const CHAIN_MAX: usize = 100;

/// A name of a module instance, with the place that refers to it.
type Link = (usize, CellName, Span);

/// Follows names; holds the chain it is in.
pub(super) struct Follower<'a> {
    program: &'a Program,
    chain: Vec<Link>,
}

/// Collects the facts of one expression.
#[derive(Default)]
struct Gathered {
    blocks: BTreeSet<Address>,
    lookups: BTreeSet<Address>,
    rank: usize,
}

impl<'a> Follower<'a> {
    pub(super) fn new(program: &'a Program) -> Self {
        Self { program, chain: Vec::new() }
    }

    /// Returns the facts of expressions in a module instance.
    pub(super) fn expressions<'e>(
        &mut self,
        instance: usize,
        expressions: impl IntoIterator<Item = &'e Expression>,
    ) -> Result<Facts, Diagnostic> {
        self.references(instance, expressions.into_iter().flat_map(references))
    }

    /// Returns the facts of references in a module instance.
    pub(super) fn references(
        &mut self,
        instance: usize,
        references: impl IntoIterator<Item = impl Borrow<Reference>>,
    ) -> Result<Facts, Diagnostic> {
        let mut gathered = Gathered::default();
        for reference in references {
            self.reference(instance, reference.borrow(), &mut gathered)?;
        }
        let Gathered { blocks, lookups, rank } = gathered;
        Ok(Facts { blocks: Arc::new(blocks), lookups: Arc::new(lookups), rank })
    }

    fn reference(&mut self, instance: usize, reference: &Reference, gathered: &mut Gathered) -> Result<(), Diagnostic> {
        let Some(name) = reference.attribute(0) else {
            return Ok(());
        };
        match &*reference.root {
            "var" => self.cell(instance, CellKind::Variable, name, reference.span, gathered),
            "local" => self.cell(instance, CellKind::Local, name, reference.span, gathered),
            "module" => self.outputs(instance, name, reference, gathered),
            "data" => self.lookup(instance, name, reference, gathered),
            _ => {
                let here = &self.program.instances[instance];
                if let Some(object) = here.module.objects.get(&(reference.root.clone(), name.clone())) {
                    let block = Address::new(here.path.clone(), reference.root.clone(), name.clone());
                    let key = if object.meta.is_single() { None } else { written_key(reference, 1).0 };
                    gathered.blocks.insert(block.instance(key));
                }
                Ok(())
            }
        }
    }

    fn lookup(
        &mut self,
        instance: usize,
        kind: &Arc<str>,
        reference: &Reference,
        gathered: &mut Gathered,
    ) -> Result<(), Diagnostic> {
        let here = &self.program.instances[instance];
        let key = reference.attribute(1).map(|name| (kind.clone(), name.clone()));
        let Some(lookup) = key.and_then(|key| here.module.lookups.get(&key)) else {
            return Ok(());
        };
        gathered.lookups.insert(self.program.lookup_address(instance, lookup, None));
        let cell = lookup.cell();
        self.cell(instance, cell.kind, &cell.name, reference.span, gathered)
    }

    fn outputs(
        &mut self,
        instance: usize,
        call: &Arc<str>,
        reference: &Reference,
        gathered: &mut Gathered,
    ) -> Result<(), Diagnostic> {
        let program = self.program;
        let Some(children) = program.instances[instance].children.get(call) else {
            return Ok(());
        };
        let (key, after) = written_key(reference, 1);
        let output = reference.attribute(after);
        let places: Vec<usize> = match (children, &key) {
            (Expansion::Count(_) | Expansion::Each(_) | Expansion::Open(_), None) => {
                children.iter().map(|(_, place)| *place).collect()
            }
            _ => children.get(key.as_ref()).copied().into_iter().collect(),
        };
        for place in places {
            let outputs = program.instances[place].module.outputs.keys();
            for name in outputs.filter(|name| {
                output
                    .is_none_or(|output| output == *name || key.is_none() && !matches!(children, Expansion::Single(_)))
            }) {
                self.cell(place, CellKind::Output, name, reference.span, gathered)?;
            }
        }
        Ok(())
    }

    fn cell(
        &mut self,
        instance: usize,
        kind: CellKind,
        name: &Arc<str>,
        span: Span,
        gathered: &mut Gathered,
    ) -> Result<(), Diagnostic> {
        let facts = self.facts(instance, &CellName { kind, name: name.clone() }, span)?;
        gathered.rank = gathered.rank.max(facts.rank + 1);
        gathered.blocks.extend(facts.blocks.iter().cloned());
        gathered.lookups.extend(facts.lookups.iter().cloned());
        Ok(())
    }

    /// Returns the facts of a name that is referred to at `span`. A name that is not declared has none: that is reported elsewhere.
    pub(super) fn facts(&mut self, instance: usize, cell: &CellName, span: Span) -> Result<Facts, Diagnostic> {
        let program = self.program;
        let Some(knowledge) = program.instances[instance].cells.get(cell) else {
            return Ok(Facts::default());
        };
        if let Some(facts) = knowledge.facts.get() {
            return Ok(facts.clone());
        }
        let is_here = |link: &Link| link.0 == instance && link.1 == *cell;
        if let Some(start) = self.chain.iter().position(is_here) {
            return Err(self.circle(start, span));
        }
        self.chain.push((instance, cell.clone(), span));
        if self.chain.len() > CHAIN_MAX {
            return Err(too_long(span));
        }
        let facts = match (program.lookup(instance, cell), program.definition(instance, cell)) {
            (Some(lookup), _) => self.expressions(instance, lookup.expressions().into_iter().map(AsRef::as_ref))?,
            (None, Some((place, expression))) => self.expressions(place, [&*expression])?,
            (None, None) => Facts::default(),
        };
        self.chain.pop();
        if facts.rank > CHAIN_MAX {
            return Err(too_long(span));
        }
        Ok(knowledge.facts.get_or_init(|| facts).clone())
    }

    fn circle(&self, start: usize, span: Span) -> Diagnostic {
        let names: Vec<String> =
            self.chain[start..].iter().map(|(place, cell, _)| self.program.cell_text(*place, cell)).collect();
        let first = names.first().cloned().unwrap_or_default();
        let summary = format!("`{first}` depends on itself: {} -> {first}", names.join(" -> "));
        let others = self.chain.iter().skip(start + 1).zip(&names);
        let diagnostic = others.fold(Diagnostic::error(summary).at(span), |diagnostic, ((_, cell, at), name)| {
            diagnostic.label(*at, format!("`{name}` refers to `{}` here", cell.name))
        });
        diagnostic.hint("let one of them be a constant, or take the common part out")
    }
}

fn too_long(span: Span) -> Diagnostic {
    Diagnostic::error(format!("a chain of more than {CHAIN_MAX} names that refer to names, expected fewer")).at(span)
}

impl Program {
    /// Returns the expression behind a name, and the module instance it is evaluated in; none for values from outside.
    pub(super) fn definition(&self, instance: usize, cell: &CellName) -> Option<(usize, Arc<Expression>)> {
        let here = &self.instances[instance];
        match cell.kind {
            CellKind::Local => Some((instance, here.module.locals.get(&cell.name)?.expression.clone())),
            CellKind::Output => Some((instance, here.module.outputs.get(&cell.name)?.value.expression.clone())),
            CellKind::Lookup => None,
            CellKind::Variable => {
                let caller = here.caller.as_ref()?;
                let call = self.instances[caller.instance].module.calls.get(&caller.call)?;
                Some((caller.instance, call.inputs.get(&cell.name)?.expression.clone()))
            }
        }
    }

    /// Returns the `data` block behind a name, if it is one.
    pub(super) fn lookup(&self, instance: usize, cell: &CellName) -> Option<&Lookup> {
        let (kind, name) = cell.name.split_once('.').filter(|_| cell.kind == CellKind::Lookup)?;
        self.instances[instance].module.lookups.get(&(kind.into(), name.into()))
    }

    /// Returns where a name gets its value; none for values from outside.
    pub(super) fn span_of(&self, instance: usize, cell: &CellName) -> Option<Span> {
        let lookup = self.lookup(instance, cell).map(|lookup| lookup.header);
        lookup.or_else(|| self.definition(instance, cell).map(|(_, expression)| expression.span))
    }

    /// Writes a name with its module as the user knows it.
    pub(super) fn cell_text(&self, instance: usize, cell: &CellName) -> String {
        let path = &self.instances[instance].path;
        let root = match cell.kind {
            CellKind::Variable => "var",
            CellKind::Local => "local",
            CellKind::Output => "output",
            CellKind::Lookup => "data",
        };
        match path.is_root() {
            true => format!("{root}.{}", cell.name),
            false => format!("{path}.{root}.{}", cell.name),
        }
    }
}

/// Returns the key written at a place of a reference, and the place after it.
pub(super) fn written_key(reference: &Reference, place: usize) -> (Option<Key>, usize) {
    match reference.steps.get(place).map(|step| &step.step) {
        Some(Step::Key(key)) => (Some(Key::Text(key.clone())), place + 1),
        Some(Step::Index(index)) => (Some(Key::Number(*index as u64)), place + 1),
        Some(Step::Attribute(_)) | None => (None, place),
    }
}

//! What the files say about objects that exist already: `moved`, `removed` and `import` blocks.

use super::address::{Address, Key, ModulePath};
use super::expand::{each, known};
use super::expression::keyed_references;
use super::facts::Follower;
use super::frame::{Frame, Run};
use super::meta::{self, Constants};
use super::program::{Program, Repeated};
use super::stack::{Import, Moved, Removed, Target};
use super::syntax::{Block, LiteralContent, Place};
use super::vocabulary;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::value::{Path, Step};

/// The `moved`, `removed` and `import` blocks of a stack.
#[derive(Debug, Default)]
pub(super) struct Refactors {
    pub moved: Vec<Moved>,
    pub removed: Vec<Removed>,
    pub imports: Vec<Import>,
}

/// Reads the blocks of all modules; what is in a called module counts for each of its instances.
pub(super) fn collect(program: &Program, diagnostics: &mut Diagnostics) -> Refactors {
    let mut refactors = Refactors::default();
    let run = Run::new(program, None);
    let mut own = Diagnostics::new();
    for (place, instance) in program.instances.iter().enumerate() {
        for block in &instance.module.refactors {
            let mut reader = Reader { path: &instance.path, block, diagnostics: &mut own };
            match &*block.kind {
                "moved" => refactors.moved.extend(reader.moved()),
                "removed" => refactors.removed.extend(reader.removed()),
                _ => refactors.imports.extend(reader.imports(&run, place)),
            }
        }
    }
    diagnostics.extend(run.finish(own));
    refactors
}

struct Reader<'a> {
    path: &'a ModulePath,
    block: &'a Block,
    diagnostics: &'a mut Diagnostics,
}

impl Reader<'_> {
    fn moved(&mut self) -> Option<Moved> {
        self.refuse(&vocabulary::MOVED);
        let (from, to) = (self.target("from"), self.target("to"));
        let (from, to) = (from?, to?);
        let fits = match (&from, &to) {
            (Target::Block(from), Target::Block(to)) => from.kind == to.kind,
            (Target::Module(_), Target::Module(_)) => true,
            (Target::Block(_), Target::Module(_)) | (Target::Module(_), Target::Block(_)) => false,
        };
        if !fits {
            let summary = format!("`{from}` cannot become `{to}`: expected two blocks of one type, or two modules");
            self.diagnostics.push(Diagnostic::error(summary).at(self.block.header));
        }
        fits.then_some(Moved { from, to, span: self.block.header })
    }

    fn removed(&mut self) -> Option<Removed> {
        self.refuse(&vocabulary::REMOVED);
        let from = self.target("from")?;
        let destroys = self.block.body.blocks("lifecycle").next().is_none_or(|lifecycle| {
            let mut reader = Constants::new(&lifecycle.body, self.diagnostics);
            let destroys = reader.flag_or("destroy", true);
            reader.refuse_others(&vocabulary::REMOVED_LIFECYCLE);
            destroys
        });
        Some(Removed { from, destroys, span: self.block.header })
    }

    fn imports(&mut self, run: &Run, place: usize) -> Vec<Import> {
        self.refuse(&vocabulary::IMPORT);
        if !self.path.is_root() {
            let diagnostic = Diagnostic::error("a module holds no `import` block, expected it in the root module");
            self.diagnostics.push(diagnostic.at(self.block.header));
            return Vec::new();
        }
        let Some(attribute) = self.block.body.attribute("for_each") else {
            return self.import(&run.frame(place)).into_iter().collect();
        };
        let value = known(run, &run.frame(place), attribute, self.diagnostics);
        let entries = value.and_then(|value| each(&value, attribute, self.diagnostics)).unwrap_or_default();
        let imports = entries
            .into_iter()
            .filter_map(|(key, value)| self.import(&run.repeated_frame(place, Repeated::Each(key, value))));
        imports.collect()
    }

    fn import(&mut self, frame: &Frame) -> Option<Import> {
        let to = self.imported(frame)?;
        let Some(attribute) = self.block.body.attribute("id") else {
            self.diagnostics.push(Diagnostic::error("`import` needs an `id`").at(self.block.header));
            return None;
        };
        let mut errors = Diagnostics::new();
        let value = frame.evaluate(&attribute.expression, &mut errors);
        let is_wrong = errors.has_errors();
        self.diagnostics.extend(errors);
        let text = value.as_text().map(str::to_string);
        match text.or_else(|| value.as_i64().map(|number| number.to_string())) {
            Some(id) => Some(Import { to, id, span: self.block.header }),
            None => {
                let facts = Follower::new(frame.run.program).expressions(frame.instance, [&*attribute.expression]);
                let is_open = facts.is_ok_and(|facts| frame.run.is_open(&facts, attribute.span));
                if !is_wrong && !is_open {
                    self.diagnostics.push(Diagnostic::error("`id` takes a text that is known").at(attribute.span));
                }
                None
            }
        }
    }

    /// The block instance that `to` names, or the part of one that is an object of its own; its key may be computed.
    fn imported(&mut self, frame: &Frame) -> Option<Address> {
        let Some(attribute) = self.block.body.attribute("to") else {
            self.diagnostics.push(Diagnostic::error("`import` needs one address in `to`").at(self.block.header));
            return None;
        };
        let written = keyed_references(&attribute.expression).into_iter().next();
        let place = written.map(|(reference, key)| {
            let reference = frame.narrowed(&reference, key);
            let steps = reference.steps.iter().map(|step| step.step.clone());
            let path = Path(std::iter::once(Step::Attribute(reference.root.clone())).chain(steps).collect());
            Place { path, span: attribute.span }
        });
        match place
            .as_ref()
            .and_then(|place| leading(self.path, place))
            .map(|(target, rest)| (target, key_of_part(rest)))
        {
            Some((Target::Block(address), Some(None))) => Some(address),
            Some((Target::Block(address), Some(Some((name, key))))) => Some(address.child(name, key)),
            Some((Target::Module(_), Some(None))) => {
                let diagnostic = Diagnostic::error("a module cannot be imported, expected a block");
                self.diagnostics.push(diagnostic.at(attribute.span));
                None
            }
            Some((Target::Block(_), None) | (Target::Module(_), _)) | None => {
                let diagnostic =
                    Diagnostic::error("this is no address, expected one such as `vm.mc` or `vm.mc[\"a\"]`");
                self.diagnostics.push(diagnostic.at(attribute.span));
                None
            }
        }
    }

    fn refuse(&mut self, of: &vocabulary::Block) {
        Constants::new(&self.block.body, self.diagnostics).refuse_others(of);
        meta::refuse_blocks(&self.block.body, of, self.diagnostics);
    }

    fn target(&mut self, name: &str) -> Option<Target> {
        let place = match self.block.body.literal(name) {
            Some(LiteralContent::Place(place)) => place,
            Some(LiteralContent::Places(_) | LiteralContent::Type(_)) | None => {
                let summary = format!("`{}` needs one address in `{name}`", self.block.kind);
                self.diagnostics.push(Diagnostic::error(summary).at(self.block.header));
                return None;
            }
            Some(LiteralContent::Malformed) => return None,
        };
        let target = target(self.path, place);
        if target.is_none() {
            let summary =
                format!("`{}` is no address, expected one such as `vm.mc[\"a\"]` or `module.web`", place.path);
            self.diagnostics.push(Diagnostic::error(summary).at(place.span));
        }
        target
    }
}

/// Reads an address relative to a module instance.
fn target(path: &ModulePath, place: &Place) -> Option<Target> {
    leading(path, place).filter(|(_, rest)| rest.is_empty()).map(|(target, _)| target)
}

/// Reads the name and key of a part of a block; `Some(None)`: there are no steps, so it is the block itself.
fn key_of_part(steps: &[Step]) -> Option<Option<(&str, Option<Key>)>> {
    match steps {
        [] => Some(None),
        [Step::Attribute(name), rest @ ..] => {
            let (key, rest) = key(rest);
            rest.is_empty().then_some(Some((name, key)))
        }
        _ => None,
    }
}

/// Reads the address of a block or module relative to a module instance, and returns what comes after it.
fn leading<'a>(path: &ModulePath, place: &'a Place) -> Option<(Target, &'a [Step])> {
    let mut path = path.clone();
    let mut steps = place.path.0.as_slice();
    while let [Step::Attribute(word), Step::Attribute(name), rest @ ..] = steps {
        let (key, rest) = key(rest);
        steps = rest;
        if &**word != "module" {
            let address = Address::new(path, word.clone(), name.clone()).instance(key);
            return Some((Target::Block(address), steps));
        }
        path = path.then(name, key);
        if steps.is_empty() {
            return Some((Target::Module(path), steps));
        }
    }
    None
}

fn key(steps: &[Step]) -> (Option<Key>, &[Step]) {
    match steps {
        [Step::Key(key), rest @ ..] => (Some(Key::Text(key.clone())), rest),
        [Step::Index(index), rest @ ..] => (Some(Key::Number(*index as u64)), rest),
        _ => (None, steps),
    }
}

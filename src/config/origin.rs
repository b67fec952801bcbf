//! Where a value is written: from a name back through `each`, variables, locals and outputs to the text that gives it.

use super::address::Key;
use super::expression::{self, Expression, Nearer, Reference, ReferenceStep, quietly};
use super::frame::Frame;
use super::meta::Repetition;
use super::program::{Program, Repeated};
use crate::diagnostics::{Diagnostic, Span};
use crate::value::Step;

/// Names and expressions that are followed; what is further away is no help.
const HOPS_MAX: usize = 256;

/// An expression, a part of its value, and what the names in it mean.
struct Spot<'a> {
    instance: usize,
    repeated: Repeated,
    for_each: Option<&'a Expression>,
    expression: &'a Expression,
    part: Vec<Step>,
}

impl<'a> Frame<'a> {
    /// Returns where the value of a reference is written, if it is and may be shown.
    pub(super) fn origin(&self, reference: &Reference) -> Option<Span> {
        if self.iterators.iter().any(|(name, _)| *name == reference.root) {
            return None;
        }
        let here = (self.instance, &self.repeated, self.for_each);
        let spot = self.run.program.named(here, reference, Vec::new())?;
        Some(self.followed(spot))
    }

    /// Follows a part of a value to where it is written.
    fn followed<'e>(&'e self, mut spot: Spot<'e>) -> Span {
        for _ in 0..HOPS_MAX {
            let view =
                Frame { for_each: spot.for_each, ..self.run.repeated_frame(spot.instance, spot.repeated.clone()) };
            match spot.expression.nearer(&spot.part, &|expression| quietly(expression, &view)) {
                Nearer::Inside(expression, part) => spot = Spot { expression, part, ..spot },
                Nearer::Named(reference, part) => {
                    let here = (spot.instance, &spot.repeated, spot.for_each);
                    match self.run.program.named(here, reference, part) {
                        Some(next) => spot = next,
                        None => break,
                    }
                }
                Nearer::Here => break,
            }
        }
        spot.expression.span
    }

    /// Adds to a message about part of the value of an expression what it is made from, and where that comes from.
    pub(super) fn explained(&self, expression: &Expression, part: &[Step], diagnostic: Diagnostic) -> Diagnostic {
        let (inside, rest) = expression.part(part);
        if rest.is_empty() {
            return expression::with_values(inside, self, diagnostic);
        }
        if let Some(reference) = inside.as_reference() {
            let mut whole = reference.clone();
            whole.steps.extend(rest.iter().map(|step| ReferenceStep { step: step.clone(), span: inside.span }));
            return expression::with_values(&Expression::reference(whole), self, diagnostic);
        }
        let (instance, repeated, for_each) = (self.instance, self.repeated.clone(), self.for_each);
        let origin = self.followed(Spot { instance, repeated, for_each, expression: inside, part: rest.to_vec() });
        let is_within =
            |outer: Span| origin.file == outer.file && outer.start <= origin.start && origin.end <= outer.end;
        match diagnostic.span {
            Some(span) if is_within(span) => diagnostic.at(origin),
            _ => diagnostic.label(origin, "it comes from here"),
        }
    }
}

impl Program {
    /// Returns what a name stands for, seen from a module instance and an instance of a block in it.
    fn named<'a>(
        &'a self,
        (instance, repeated, for_each): (usize, &Repeated, Option<&'a Expression>),
        reference: &Reference,
        part: Vec<Step>,
    ) -> Option<Spot<'a>> {
        let here = &self.instances[instance];
        let steps: Vec<Step> = reference.steps.iter().map(|step| step.step.clone()).chain(part).collect();
        let (Step::Attribute(name), rest) = steps.split_first()? else { return None };
        let alone = |expression: &'a Expression, instance, part: &[Step]| {
            Some(Spot { instance, repeated: Repeated::Single, for_each: None, expression, part: part.to_vec() })
        };
        match &*reference.root {
            "local" => alone(&here.module.locals.get(name)?.expression, instance, rest),
            "each" => {
                let Repeated::Each(key, _) = repeated else { return None };
                // Who has `each.key` from a set has it from where the item is written; the keys of a map are not what they lead to.
                let is_item = &**name == "value";
                let part = std::iter::once(Step::Key(key.clone())).chain(rest.iter().cloned()).collect::<Vec<_>>();
                alone(for_each?, instance, if is_item { &part } else { &[] })
            }
            "var" => {
                let variable = here.module.variables.get(name).filter(|variable| !variable.is_sensitive)?;
                let input =
                    self.call_of(instance).and_then(|(caller, call)| Some((caller, call, call.inputs.get(name)?)));
                if let Some((caller, call, input)) = input {
                    let for_each = match &call.meta.repetition {
                        Repetition::ForEach(attribute) => Some(&*attribute.expression),
                        Repetition::Count(_) | Repetition::Single => None,
                    };
                    return Some(Spot {
                        instance: caller.instance,
                        repeated: caller.repeated.clone(),
                        for_each,
                        expression: &input.expression,
                        part: rest.to_vec(),
                    });
                }
                match self.given.get(name).filter(|_| here.path.is_root()) {
                    Some(given) => alone(given.as_ref()?, instance, rest),
                    None => alone(&variable.default.as_ref()?.expression, instance, rest),
                }
            }
            "module" => {
                let (key, rest) = match rest.split_first() {
                    Some((Step::Key(key), rest)) => (Some(Key::Text(key.clone())), rest),
                    Some((Step::Index(index), rest)) => (Some(Key::Number(*index as u64)), rest),
                    _ => (None, rest),
                };
                let child = *here.children.get(name)?.get(key.as_ref())?;
                let (Step::Attribute(output), rest) = rest.split_first()? else { return None };
                let output = self.instances[child].module.outputs.get(output).filter(|output| !output.is_sensitive)?;
                alone(&output.value.expression, child, rest)
            }
            _ => None,
        }
    }
}

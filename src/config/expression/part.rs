//! Parts of a value in the text: which piece of an expression gives what is found at a path.

use super::{Expression, Node, Reference, StepKind};
use crate::diagnostics::Span;
use crate::value::{Step, Type, Value, convert};

/// What gives part of the value of an expression, one step nearer to where it is written.
pub(in crate::config) enum Nearer<'e> {
    /// The part at a path of the value of another expression, in the same place.
    Inside(&'e Expression, Vec<Step>),
    /// The part at a path of what a name stands for.
    Named(&'e Reference, Vec<Step>),
    /// Nothing nearer: it is computed here, or written.
    Here,
}

impl Expression {
    /// Returns the innermost expression that is written for a part of the value, and the steps that are left: where the text has a name or
    /// a call, only its value has those parts.
    pub(in crate::config) fn part<'p>(&self, path: &'p [Step]) -> (&Self, &'p [Step]) {
        match path.split_first().and_then(|(step, rest)| Some((self.item(step)?, rest))) {
            Some(((_, inside), rest)) => inside.part(rest),
            None => (self, path),
        }
    }

    /// Returns the place of the innermost expression that is written for a part of the value.
    pub fn span_of(&self, path: &[Step]) -> Span {
        self.part(path).0.span
    }

    /// Returns the place of the key that leads to a part of the value; that of the part, where no key is written.
    pub fn span_of_key(&self, path: &[Step]) -> Span {
        let key = path.split_last().and_then(|(last, before)| {
            let (inside, rest) = self.part(before);
            rest.is_empty().then(|| inside.item(last))??.0
        });
        key.map_or_else(|| self.span_of(path), |key| key.span)
    }

    /// Returns the key, if there is one, and the expression of an item.
    fn item(&self, step: &Step) -> Option<(Option<&Self>, &Self)> {
        match (&self.node, step) {
            (Node::Tuple(items), Step::Index(at)) => Some((None, items.get(*at)?)),
            // The items of `toset([...])` are their own keys.
            (Node::Tuple(items), Step::Key(key)) => {
                items.iter().find(|item| item.is_text(key)).map(|item| (None, item))
            }
            (Node::Object(entries), Step::Attribute(name) | Step::Key(name)) => {
                entries.iter().find(|(key, _)| key.is_text(name)).map(|(key, item)| (Some(key), item))
            }
            _ => None,
        }
    }

    fn is_text(&self, text: &str) -> bool {
        let written = self.as_constant().and_then(|key| convert(key, &Type::Text).ok());
        written.is_some_and(|written| written.as_text() == Some(text))
    }

    /// Returns what gives the part of the value at a path. `value_of` evaluates what decides about it: keys and conditions.
    pub(in crate::config) fn nearer(&self, path: &[Step], value_of: &dyn Fn(&Self) -> Option<Value>) -> Nearer<'_> {
        let inside = |expression| Nearer::Inside(expression, path.to_vec());
        match &self.node {
            Node::Reference(reference) => Nearer::Named(reference, path.to_vec()),
            Node::Object(_) | Node::Tuple(_) => match path.split_first() {
                Some((step, rest)) => {
                    self.item(step).map_or(Nearer::Here, |(_, item)| Nearer::Inside(item, rest.to_vec()))
                }
                None => Nearer::Here,
            },
            Node::Traversal(source, steps) => {
                let steps = steps.iter().map(|step| match &step.kind {
                    StepKind::Attribute(name) => Some(Step::Attribute(name.clone())),
                    StepKind::Index(key) => key_step(&value_of(key)?),
                    StepKind::Splat(_) => None,
                });
                let steps = steps.chain(path.iter().map(|step| Some(step.clone()))).collect::<Option<Vec<_>>>();
                steps.map_or(Nearer::Here, |steps| Nearer::Inside(source, steps))
            }
            Node::Conditional(conditional) => {
                match value_of(&conditional.condition).and_then(|condition| condition.as_bool()) {
                    Some(true) => inside(&conditional.when_true),
                    Some(false) => inside(&conditional.when_false),
                    None => Nearer::Here,
                }
            }
            Node::Call(call) => match (call.function.name, &*call.arguments) {
                ("tomap" | "toset" | "tolist" | "tostring" | "tonumber" | "tobool", [argument]) => inside(argument),
                ("merge", arguments) if !path.is_empty() => {
                    let has_it = |argument: &&Self| value_of(argument).is_some_and(|map| map.at(&path[..1]).is_some());
                    arguments.iter().rev().find(has_it).map_or(Nearer::Here, inside)
                }
                _ => Nearer::Here,
            },
            _ => Nearer::Here,
        }
    }
}

fn key_step(key: &Value) -> Option<Step> {
    match (key.as_text(), key.as_i64()) {
        (Some(text), _) => Some(Step::Key(text.into())),
        (None, Some(number)) => usize::try_from(number).ok().map(Step::Index),
        (None, None) => None,
    }
}

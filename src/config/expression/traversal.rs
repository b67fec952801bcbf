//! Walking into values: attributes, indices, splats.

use super::evaluate::{Evaluator, unknown};
use super::{Expression, Node, Reference, ReferenceStep, Step, StepKind};
use crate::config::check::list;
use crate::config::similar;
use crate::diagnostics::{Diagnostic, Span};
use crate::value::{self, Entries, Kind, Marks, Type, Value, convert};
use std::sync::Arc;

/// Why a step cannot be taken.
pub(super) struct Wrong {
    summary: String,
    hint: Option<String>,
}

impl Wrong {
    fn new(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), hint: None }
    }

    fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    fn diagnostic(self) -> Diagnostic {
        let diagnostic = Diagnostic::error(self.summary);
        match self.hint {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        }
    }
}

/// What a step leads to: borrowed from where it is, so that walking copies nothing, or made up for an unknown.
enum Found<'v> {
    Inside(&'v Value),
    Unknown(Value),
}

impl Evaluator<'_> {
    /// Returns the reference with the key that follows it, where the scope asks for that and the key is known.
    pub(super) fn with_key(&mut self, source: &Expression, steps: &[Step]) -> Option<Reference> {
        let Node::Reference(reference) = &source.node else {
            return None;
        };
        let step = steps.first()?;
        let StepKind::Index(key) = &step.kind else {
            return None;
        };
        if !self.scope.takes_key(reference) {
            return None;
        }
        // What is wrong with the key is reported when the steps are walked.
        let key = self.quietly(key)?;
        if !key.marks().is_empty() {
            return None;
        }
        let key = match key.kind() {
            Kind::Text(text) => value::Step::Key(text.clone()),
            Kind::Number(number) => value::Step::Index(usize::try_from(number.as_i64()?).ok()?),
            _ => return None,
        };
        let mut reference = (**reference).clone();
        reference.steps.push(ReferenceStep { step: key, span: step.span });
        reference.span.end = step.span.end;
        Some(reference)
    }

    /// Walks the steps of a reference that the scope left over, cloning only what they lead to.
    pub(super) fn walk_reference(&mut self, start: &Value, reference: &Reference, done: usize) -> Value {
        let mut value = start;
        let mut made;
        let mut marks = Marks::NONE;
        for (place, step) in reference.steps.iter().enumerate().skip(done) {
            marks = marks | value.marks();
            let found = match &step.step {
                value::Step::Attribute(name) => attribute(value, name),
                value::Step::Key(key) => index(value, &Value::text(key.clone())),
                value::Step::Index(at) => index(value, &Value::from(*at as i64)),
            };
            match found {
                Ok(Found::Inside(inside)) => value = inside,
                Ok(Found::Unknown(unknown)) => {
                    made = unknown;
                    value = &made;
                }
                Err(wrong) => {
                    let so_far = Reference {
                        root: reference.root.clone(),
                        steps: reference.steps[..place].to_vec(),
                        span: reference.span_through(place),
                    };
                    let about = Expression::new(so_far.span, Node::Reference(Arc::new(so_far)));
                    return self.fail_at(step.span, &about, wrong.diagnostic());
                }
            }
        }
        value.clone().with_marks(marks)
    }

    pub(super) fn walk(&mut self, start: Value, source: &Expression, steps: &[Step]) -> Value {
        let mut value = start;
        for step in steps {
            let marks = value.marks();
            let found = match &step.kind {
                StepKind::Attribute(name) => attribute(&value, name),
                StepKind::Index(key) => {
                    let (key, is_fine) = self.checked(key);
                    if !is_fine {
                        return unknown();
                    }
                    index(&value, &key)
                }
                StepKind::Splat(each) => {
                    value = self.splat(&value, each, source, step.span);
                    continue;
                }
            };
            value = match found {
                Ok(Found::Inside(inside)) => inside.clone().with_marks(marks),
                Ok(Found::Unknown(unknown)) => unknown.with_marks(marks),
                Err(wrong) => {
                    let diagnostic = wrong.diagnostic();
                    let about = match &step.kind {
                        StepKind::Index(key) => {
                            Expression::new(source.span, Node::Tuple(Box::new([source.clone(), key.clone()])))
                        }
                        StepKind::Attribute(_) | StepKind::Splat(_) => source.clone(),
                    };
                    return self.fail_at(step.span, &about, diagnostic);
                }
            };
        }
        value
    }

    fn splat(&mut self, value: &Value, each: &Expression, source: &Expression, span: Span) -> Value {
        let marks = value.marks();
        let (items, element) = match value.kind() {
            Kind::List(list) | Kind::Set(list) => (list.items.to_vec(), Some(list.of.clone())),
            Kind::Tuple(items) => (items.to_vec(), None),
            Kind::Null(Type::List(_) | Type::Set(_) | Type::Tuple(_)) => {
                return self.fail_at(span, source, Diagnostic::error("`*` cannot be applied to null"));
            }
            Kind::Null(_) => return Value::tuple([]).with_marks(marks),
            Kind::Unknown(Type::Dynamic, _) => return unknown().with_marks(marks),
            Kind::Unknown(of @ (Type::List(_) | Type::Set(_) | Type::Tuple(_)), _) => {
                return Value::unknown(self.splat_type(of, each)).with_marks(marks);
            }
            Kind::Unknown(..) => {
                self.each(each, value.clone());
                return unknown().with_marks(marks);
            }
            Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::Map(_) | Kind::Object(_) => {
                (vec![value.clone().replace_marks(Marks::NONE)], None)
            }
        };
        let mut results = Vec::with_capacity(items.len());
        for item in items {
            if !self.count_item(source) {
                return unknown();
            }
            results.push(self.each(each, item));
        }
        let Some(of) = element else { return self.weighed(Value::tuple(results).with_marks(marks), span) };
        let of = match results.split_first() {
            None => match self.splat_type(&Type::List(of.into()), each) {
                Type::List(of) => (*of).clone(),
                _ => Type::Dynamic,
            },
            Some((first, rest)) => {
                let of = first.type_of();
                if rest.iter().any(|item| item.type_of() != of) {
                    // Items whose type is not known yet may fit later.
                    return if results.iter().all(|item| !item.type_of().has_dynamic()) {
                        Value::tuple(results).with_marks(marks)
                    } else {
                        unknown().with_marks(marks)
                    };
                }
                of
            }
        };
        self.weighed(Value::list(of, results).with_marks(marks), span)
    }

    fn each(&mut self, each: &Expression, item: Value) -> Value {
        self.locals.push(item);
        let value = self.value(each);
        self.locals.pop();
        value
    }

    fn splat_type(&mut self, of: &Type, each: &Expression) -> Type {
        match of {
            Type::Tuple(items) => {
                Type::tuple(items.iter().map(|item| self.each(each, Value::unknown(item.clone())).type_of()))
            }
            other => {
                let item = other.element().cloned().unwrap_or(Type::Dynamic);
                Type::List(self.each(each, Value::unknown(item)).type_of().into())
            }
        }
    }
}

fn attribute<'v>(value: &'v Value, name: &str) -> Result<Found<'v>, Wrong> {
    match value.kind() {
        Kind::Object(object) => match object.attributes.get(name) {
            Some(found) => Ok(Found::Inside(found)),
            None => Err(no_such("attribute", name, object.attributes.keys().map(AsRef::as_ref))),
        },
        Kind::Map(map) => match map.entries.get(name) {
            Some(found) => Ok(Found::Inside(found)),
            None => Err(no_such("key", name, map.entries.keys().map(AsRef::as_ref))),
        },
        Kind::Null(_) => Err(Wrong::new(format!("null has no attribute `{name}`"))),
        Kind::Unknown(of, _) => match of {
            Type::Dynamic | Type::Reference(_) => Ok(Found::Unknown(unknown())),
            Type::Map(of) => Ok(Found::Unknown(Value::unknown((**of).clone()))),
            Type::Object(fields) => match fields.get(name) {
                Some(field) => Ok(Found::Unknown(Value::unknown(field.of.clone()))),
                None => Err(no_such("attribute", name, fields.keys().map(AsRef::as_ref))),
            },
            other => Err(no_attributes(other, name)),
        },
        Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::List(_) | Kind::Set(_) | Kind::Tuple(_) => {
            Err(no_attributes(&value.type_of(), name))
        }
    }
}

fn no_such<'n>(what: &str, name: &str, names: impl Iterator<Item = &'n str> + Clone) -> Wrong {
    let hint = match similar(name, names.clone()) {
        Some(similar) => format!("did you mean `{similar}`?"),
        None if names.clone().next().is_none() => "there is nothing in it".to_owned(),
        None => format!("there are {}", list(names)),
    };
    Wrong::new(format!("there is no {what} `{name}` here")).hint(Some(hint))
}

fn no_attributes(of: &Type, name: &str) -> Wrong {
    let wrong = Wrong::new(format!("{} has no attribute `{name}`", of.with_article()));
    match of {
        Type::List(_) | Type::Tuple(_) => {
            wrong.hint(Some(format!("take one item (`[0].{name}`) or the attribute of all (`[*].{name}`)")))
        }
        Type::Set(_) => wrong.hint(Some(format!("take the attribute of all items: `[*].{name}`"))),
        _ => wrong,
    }
}

fn index<'v>(value: &'v Value, key: &Value) -> Result<Found<'v>, Wrong> {
    if value.is_null() {
        return Err(Wrong::new("null has no items"));
    }
    if key.is_null() {
        return Err(Wrong::new("null cannot be an index"));
    }
    let is_dynamic = |value: &Value| matches!(value.kind(), Kind::Unknown(Type::Dynamic, _));
    let found = match value.kind() {
        _ if is_dynamic(key) || is_dynamic(value) => Ok(Found::Unknown(unknown())),
        Kind::List(list) => item(&list.items, key, || list.of.clone()),
        Kind::Tuple(items) => item(items, key, || Type::Dynamic),
        Kind::Map(map) => entry(&map.entries, key, "key", &map.of),
        Kind::Object(object) => entry(&object.attributes, key, "attribute", &Type::Dynamic),
        Kind::Unknown(of, _) => index_unknown(of, key),
        Kind::Set(_) => Err(of_set()),
        Kind::Null(_) | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) => {
            Err(Wrong::new(format!("{} has no items to index", value.type_of().with_article())))
        }
    };
    Ok(match found? {
        // The key decides what is found, so its marks are on the result too.
        Found::Inside(inside) if !key.marks().is_empty() => Found::Unknown(inside.clone().with_marks(key.marks())),
        Found::Unknown(unknown) => Found::Unknown(unknown.with_marks(key.marks())),
        inside @ Found::Inside(_) => inside,
    })
}

fn of_set() -> Wrong {
    Wrong::new("items of a set have no index")
        .hint(Some("`tolist` makes a list of it, sorted; `one` takes the only item".into()))
}

fn item<'v>(items: &'v [Value], key: &Value, of: impl Fn() -> Type) -> Result<Found<'v>, Wrong> {
    let number =
        convert(key, &Type::Number).map_err(|mismatch| Wrong::new(format!("this is not an index: {mismatch}")))?;
    let Kind::Number(number) = number.kind() else { return Ok(Found::Unknown(Value::unknown(of()))) };
    if !number.is_integer() {
        return Err(Wrong::new(format!("index {number} is not a whole number")));
    }
    if number.signum() < 0 {
        return Err(Wrong::new(format!("index {number} is negative; items are counted from 0"))
            .hint(Some("`element(list, -1)` gives the last item".into())));
    }
    let found = number.as_i64().and_then(|index| items.get(usize::try_from(index).ok()?));
    found.map(Found::Inside).ok_or_else(|| match items.len() {
        0 => Wrong::new(format!("there is no item {number}: there are no items")),
        1 => Wrong::new(format!("there is no item {number}: there is one item, and its index is 0")),
        count => Wrong::new(format!("there is no item {number}: there are {count} items, counted from 0")),
    })
}

fn entry<'v>(entries: &'v Entries, key: &Value, what: &str, of: &Type) -> Result<Found<'v>, Wrong> {
    let name = convert(key, &Type::Text).map_err(|mismatch| Wrong::new(format!("this is not a key: {mismatch}")))?;
    let Some(name) = name.as_text() else { return Ok(Found::Unknown(Value::unknown(of.clone()))) };
    // The key may be secret; then it is not spelled out.
    let shown = if key.is_sensitive() { "(sensitive)" } else { name };
    entries.get(name).map(Found::Inside).ok_or_else(|| match key.is_sensitive() {
        true => Wrong::new(format!("there is no {what} `{shown}` here")),
        false => no_such(what, name, entries.keys().map(AsRef::as_ref)),
    })
}

fn index_unknown(of: &Type, key: &Value) -> Result<Found<'static>, Wrong> {
    match of {
        Type::List(of) => item(&[], &Value::unknown(Type::Number), || (**of).clone())
            .map(|_| Found::Unknown(Value::unknown((**of).clone()))),
        Type::Map(of) => Ok(Found::Unknown(Value::unknown((**of).clone()))),
        Type::Tuple(items) => match key.as_i64() {
            Some(at) => match usize::try_from(at).ok().and_then(|at| items.get(at)) {
                Some(of) => Ok(Found::Unknown(Value::unknown(of.clone()))),
                None => {
                    Err(Wrong::new(format!("there is no item {at}: there are {} items, counted from 0", items.len())))
                }
            },
            None => Ok(Found::Unknown(unknown())),
        },
        Type::Object(fields) => match key.as_text() {
            Some(name) => match fields.get(name) {
                Some(field) => Ok(Found::Unknown(Value::unknown(field.of.clone()))),
                None => Err(no_such("attribute", name, fields.keys().map(AsRef::as_ref))),
            },
            None => Ok(Found::Unknown(unknown())),
        },
        Type::Dynamic | Type::Reference(_) => Ok(Found::Unknown(unknown())),
        Type::Set(_) => Err(of_set()),
        Type::Bool | Type::Number | Type::Text => {
            Err(Wrong::new(format!("{} has no items to index", of.with_article())))
        }
    }
}

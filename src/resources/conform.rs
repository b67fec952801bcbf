//! Judges an evaluated body against a schema: every error with its place, and the object in canonical form.
//!
//! Canonical: sizes in the largest exact unit, sets sorted, references as the object they are, defaults filled in. What is left out and has
//! no default is not there at all, so that "not written" and "null" are the same.

use super::habits::of_provider;
use super::schema::{Attribute, Nested, Occurs, Presence, Schema, Takes};
use super::size;
use crate::config::expression::Expression;
use crate::config::{Body, Evaluated, NestedBlock};
use crate::diagnostics::{Diagnostic, Diagnostics, Span};
use crate::value::{Kind, Mismatch, Path, Step, Type, Value, convert, display_short, name};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where the parts of a block are written.
#[derive(Clone, Debug)]
pub struct Places {
    /// Attributes and nested blocks of the block itself, by name. Sorted.
    own: Box<[(Arc<str>, Written)]>,
    /// Those further inside, by path. Sorted.
    inside: Box<[(Path, Written)]>,
    /// The block's header.
    pub span: Span,
}

/// How a part of a block is written.
#[derive(Clone, Debug)]
enum Written {
    /// As an attribute with this value.
    Value(Arc<Expression>),
    /// As a nested block with this header.
    Block(Span),
}

impl Written {
    fn span(&self) -> Span {
        match self {
            Self::Value(expression) => expression.span,
            Self::Block(header) => *header,
        }
    }
}

impl Places {
    /// Returns the place of an attribute or nested block, if it is written.
    pub fn get(&self, path: &Path) -> Option<Span> {
        self.find(&path.0).map(Written::span)
    }

    fn find(&self, steps: &[Step]) -> Option<&Written> {
        if let [Step::Attribute(name)] = steps {
            let found = self.own.binary_search_by(|(written, _)| written.cmp(name));
            return found.ok().map(|place| &self.own[place].1);
        }
        let found = self.inside.binary_search_by(|(written, _)| written.0.as_slice().cmp(steps));
        found.ok().map(|place| &self.inside[place].1)
    }

    /// Returns the expression of the attribute that a path leads into, with the steps inside of its value.
    pub fn expression<'p>(&self, path: &'p Path) -> Option<(&Expression, &'p [Step])> {
        (1..=path.0.len()).rev().find_map(|steps| match self.find(&path.0[..steps])? {
            Written::Value(expression) => Some((&**expression, &path.0[steps..])),
            Written::Block(_) => None,
        })
    }

    /// Returns the best place for a message about an attribute or a part of its value: the expression that gives it, else the block.
    pub fn span_of(&self, path: &Path) -> Span {
        let inside = || self.expression(path).map(|(expression, part)| expression.span_of(part));
        self.get(path).or_else(inside).unwrap_or(self.span)
    }

    /// Like [`Self::span_of`], of the key that leads to the part.
    pub fn span_of_key(&self, path: &Path) -> Span {
        self.expression(path).map_or(self.span, |(expression, part)| expression.span_of_key(part))
    }
}

/// Adds to a message about part of the value of an attribute where that comes from.
pub type Explain<'a> = &'a dyn Fn(&Expression, &[Step], Diagnostic) -> Diagnostic;

/// Judges `body` against `schema`. The object is returned in canonical form even with errors, without the wrong parts.
pub fn conform(schema: &Schema, body: &Body, explain: Explain) -> (Value, Places, Diagnostics) {
    let own = Vec::with_capacity(body.attributes.len());
    let mut judge = Judge { own, inside: Vec::new(), explain, diagnostics: Diagnostics::new() };
    let value = judge.object(schema, body, &Path::default());
    judge.own.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
    judge.inside.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
    (value, Places { own: judge.own.into(), inside: judge.inside.into(), span: body.span }, judge.diagnostics)
}

struct Judge<'a> {
    own: Vec<(Arc<str>, Written)>,
    inside: Vec<(Path, Written)>,
    explain: Explain<'a>,
    diagnostics: Diagnostics,
}

type Attributes = Vec<(Arc<str>, Value)>;

impl Judge<'_> {
    fn object(&mut self, schema: &Schema, body: &Body, at: &Path) -> Value {
        let mut attributes = Attributes::with_capacity(schema.attributes.len());
        for (name, evaluated) in &body.attributes {
            match schema.attribute(name) {
                Some(attribute) => {
                    self.note(at, name, evaluated.expression.clone());
                    if let Some(value) = self.attribute(attribute, evaluated) {
                        attributes.push((name.clone(), value));
                    }
                }
                None => self.unknown_attribute(schema, name, evaluated),
            }
        }
        self.complete(schema, body, &mut attributes);
        self.nested_blocks(schema, body, at, &mut attributes);
        Value::object(attributes)
    }

    fn note(&mut self, at: &Path, name: &Arc<str>, expression: Arc<Expression>) {
        let written = Written::Value(expression);
        match at.0.is_empty() {
            true => self.own.push((name.clone(), written)),
            false => self.inside.push((at.then(Step::Attribute(name.clone())), written)),
        }
    }

    fn note_block(&mut self, path: &Path, span: Span) {
        let written = Written::Block(span);
        match path.0.as_slice() {
            [Step::Attribute(name)] => self.own.push((name.clone(), written)),
            _ => self.inside.push((path.clone(), written)),
        }
    }

    /// Fills in defaults and misses required attributes.
    fn complete(&mut self, schema: &Schema, body: &Body, attributes: &mut Attributes) {
        for attribute in schema.attributes {
            if attributes.iter().any(|(name, _)| **name == *attribute.name) || is_null_written(body, attribute) {
                continue;
            }
            if let Some(default) = attribute.default {
                attributes.push((name(attribute.name), literal(attribute, default)));
            } else if attribute.presence == Presence::Required && !body.attributes.contains_key(attribute.name) {
                self.diagnostics.push(
                    Diagnostic::error(format!("missing attribute `{}`", attribute.name))
                        .at(body.span)
                        .detail(attribute.documentation)
                        .hint(format!("add `{} = ...` to this block", attribute.name)),
                );
            }
        }
    }

    fn attribute(&mut self, attribute: &Attribute, evaluated: &Evaluated) -> Option<Value> {
        if attribute.presence == Presence::Computed {
            self.diagnostics.push(
                Diagnostic::error(format!("`{}` can be read, not written", attribute.name))
                    .at(evaluated.name_span)
                    .hint("remove this line"),
            );
            return None;
        }
        if evaluated.value.is_null() {
            if attribute.presence == Presence::Required {
                self.diagnostics
                    .push(Diagnostic::error(format!("`{}` must not be null", attribute.name)).at(evaluated.span));
            }
            return None;
        }
        match canonical(attribute.takes, &evaluated.value) {
            Ok(value) => {
                Some(if attribute.is_sensitive { value.with_marks(crate::value::Marks::SENSITIVE) } else { value })
            }
            Err(problems) => {
                for problem in problems {
                    let mut path = Path::attribute(attribute.name);
                    path.0.extend(problem.part.iter().cloned());
                    let diagnostic = Diagnostic::error(format!("wrong value for `{path}`: {}", problem.summary))
                        .at(evaluated.expression.span_of(&problem.part))
                        .detail(attribute.documentation)
                        .hints(problem.hint);
                    self.diagnostics.push((self.explain)(&evaluated.expression, &problem.part, diagnostic));
                }
                None
            }
        }
    }

    fn unknown_attribute(&mut self, schema: &Schema, name: &str, evaluated: &Evaluated) {
        let mut diagnostic = Diagnostic::error(format!("unknown attribute `{name}`")).at(evaluated.name_span);
        if schema.block(name).is_some() {
            diagnostic = diagnostic.hint(format!("`{name}` is a block: write `{name} {{ ... }}` without `=`"));
        } else if let Some(written) = of_provider(schema, name) {
            diagnostic = diagnostic.hint(format!("here it is {written}"));
        } else {
            let names = schema.attributes.iter().map(|attribute| attribute.name);
            diagnostic = diagnostic.hint(did_you_mean(name, names, "attributes"));
        }
        self.diagnostics.push(diagnostic);
    }

    fn nested_blocks(&mut self, schema: &Schema, body: &Body, at: &Path, attributes: &mut Attributes) {
        for block in &body.blocks {
            if schema.block(&block.kind).is_none() {
                let names = schema.blocks.iter().map(|nested| nested.name);
                let mut diagnostic = Diagnostic::error(format!("unknown block `{}`", block.kind)).at(block.body.span);
                diagnostic = match (schema.attribute(&block.kind), of_provider(schema, &block.kind)) {
                    (Some(_), _) => diagnostic.hint(format!("`{0}` is an attribute: write `{0} = ...`", block.kind)),
                    (None, Some(written)) => diagnostic.hint(format!("here it is {written}")),
                    (None, None) => diagnostic.hint(did_you_mean(&block.kind, names, "blocks")),
                };
                self.diagnostics.push(diagnostic);
            }
        }
        for nested in schema.blocks {
            let blocks: Vec<&NestedBlock> = body.blocks.iter().filter(|block| *block.kind == *nested.name).collect();
            if blocks.is_empty() {
                continue;
            }
            let path = at.then(Step::Attribute(name(nested.name)));
            attributes.push((name(nested.name), self.nested(nested, &blocks, &path)));
            // A map has no order; where the order written counts, it is an attribute beside it.
            if schema.attribute("order").is_some_and(|order| order.presence == Presence::Derived) {
                let labels = blocks.iter().filter_map(|block| block.labels.first());
                let order = labels.map(|label| Value::text(label.clone())).collect::<Vec<_>>();
                attributes.push(("order".into(), Value::list(Type::Text, order)));
            }
        }
    }

    fn nested(&mut self, nested: &Nested, blocks: &[&NestedBlock], path: &Path) -> Value {
        match nested.occurs {
            Occurs::Once => {
                for extra in &blocks[1..] {
                    self.diagnostics.push(
                        Diagnostic::error(format!("more than one `{}` block", nested.name))
                            .at(extra.body.span)
                            .label(blocks[0].body.span, "the first one")
                            .hint("keep one of them"),
                    );
                }
                self.expect_labels(nested, blocks[0], 0);
                self.note_block(path, blocks[0].body.span);
                self.object(nested.schema, &blocks[0].body, path)
            }
            Occurs::Many => {
                let items = blocks.iter().enumerate().map(|(index, block)| {
                    self.expect_labels(nested, block, 0);
                    let path = path.then(Step::Index(index));
                    self.note_block(&path, block.body.span);
                    self.object(nested.schema, &block.body, &path)
                });
                Value::tuple(items.collect::<Vec<_>>())
            }
            Occurs::ByLabel(_) => self.labelled(nested, blocks, path),
        }
    }

    fn labelled(&mut self, nested: &Nested, blocks: &[&NestedBlock], path: &Path) -> Value {
        let mut entries: BTreeMap<Arc<str>, Value> = BTreeMap::new();
        for block in blocks {
            if !self.expect_labels(nested, block, 1) {
                continue;
            }
            let label = block.labels[0].clone();
            let path = path.then(Step::Key(label.clone()));
            if entries.contains_key(&label) {
                let first = blocks.iter().find(|other| other.labels.as_slice() == [label.clone()]);
                self.diagnostics.push(
                    Diagnostic::error(format!("`{} \"{label}\"` is there twice", nested.name))
                        .at(block.body.span)
                        .label(first.map_or(block.body.span, |first| first.body.span), "the first one")
                        .hint("give each its own label"),
                );
                continue;
            }
            self.note_block(&path, block.body.span);
            let value = self.object(nested.schema, &block.body, &path);
            entries.insert(label, value);
        }
        Value::object(entries)
    }

    fn expect_labels(&mut self, nested: &Nested, block: &NestedBlock, count: usize) -> bool {
        if block.labels.len() == count {
            return true;
        }
        let wanted = match nested.occurs {
            Occurs::ByLabel(what) => format!("expected one label, {what}: `{} \"...\" {{ ... }}`", nested.name),
            Occurs::Once | Occurs::Many => format!("expected no label: `{} {{ ... }}`", nested.name),
        };
        self.diagnostics.push(
            Diagnostic::error(match block.labels.len() {
                0 => format!("`{}` has no label", nested.name),
                1 => format!("`{}` has a label", nested.name),
                count => format!("`{}` has {count} labels", nested.name),
            })
            .at(block.body.span)
            .hint(wanted),
        );
        false
    }
}

fn is_null_written(body: &Body, attribute: &Attribute) -> bool {
    // An explicit null means "as if not written", so the default applies there too.
    attribute.default.is_none() && body.attributes.get(attribute.name).is_some_and(|written| written.value.is_null())
}

/// Returns the value of a default as the schema writes it.
pub fn literal(attribute: &Attribute, text: &str) -> Value {
    canonical(attribute.takes, &Value::text(text)).unwrap_or_else(|problem| {
        unreachable!("the default of `{}` fits its own kind: {}", attribute.name, problem[0].summary)
    })
}

/// Why a value does not fit.
struct Problem {
    /// The part that does not.
    part: Vec<Step>,
    summary: String,
    hint: Vec<String>,
}

impl Problem {
    fn new(summary: impl Into<String>) -> Self {
        Self { part: Vec::new(), summary: summary.into(), hint: Vec::new() }
    }
}

impl From<Problem> for Vec<Problem> {
    fn from(problem: Problem) -> Self {
        vec![problem]
    }
}

/// Returns the value in the canonical form of its kind, or everything that is wrong with it. Unknown values stay unknown.
fn canonical(takes: Takes, value: &Value) -> Result<Value, Vec<Problem>> {
    let marks = value.marks();
    if value.is_unknown() {
        return Ok(Value::unknown(type_of(takes)).with_marks(marks));
    }
    let converted = match takes {
        Takes::Any => return Ok(value.clone()),
        Takes::Reference(kind) => return Ok(reference(kind, value)?),
        Takes::List(of) => return items(*of, value, Order::Kept).map(|value| value.with_marks(marks)),
        Takes::Set(of) => return items(*of, value, Order::Sorted).map(|value| value.with_marks(marks)),
        Takes::Map(of) => return entries(*of, value).map(|value| value.with_marks(marks)),
        other => {
            let written = || match (value.is_sensitive(), value.kind()) {
                (false, Kind::Text(_) | Kind::Bool(_) | Kind::Number(_)) => format!(", found {}", display_short(value)),
                (false, _) => format!(", found {}", value.type_of().with_article()),
                (true, _) => String::new(),
            };
            let problem = |mismatch: Mismatch| Problem::new(format!("{mismatch}{}", written()));
            convert(value, &type_of(other)).map_err(problem)?
        }
    };
    let text = || converted.as_text().unwrap_or_default().to_owned();
    let check = |result: Result<Option<String>, String>| match result {
        Ok(None) => Ok(converted.clone()),
        Ok(Some(text)) => Ok(Value::text(text).with_marks(marks)),
        Err(summary) => Err(vec![Problem::new(summary)]),
    };
    match takes {
        Takes::Integer(low, high) => check(integer(&converted, low, high)),
        Takes::OneOf(words) => Ok(one_of(words, &text()).map(|()| converted.clone())?),
        Takes::Size => check(size::parse(&text()).map(|bytes| Some(size::print(bytes)))),
        Takes::Duration => check(duration_ms(&text()).map(|_| None)),
        Takes::HostName => check(host_name(&text()).map(|()| None)),
        Takes::Cidr => check(cidr(&text()).map(|()| None)),
        Takes::Address => check(
            text().parse::<std::net::IpAddr>().map(|_| None).map_err(|_| format!("`{}` is not an IP address", text())),
        ),
        Takes::Port => check(port(&text()).map(|()| None)),
        Takes::Bool | Takes::Number | Takes::Text => Ok(converted),
        Takes::Any | Takes::Reference(_) | Takes::List(_) | Takes::Set(_) | Takes::Map(_) => {
            unreachable!("returned above")
        }
    }
}

/// Returns the language type behind a kind.
pub fn type_of(takes: Takes) -> Type {
    match takes {
        Takes::Bool => Type::Bool,
        Takes::Integer(..) | Takes::Number => Type::Number,
        Takes::Text
        | Takes::OneOf(_)
        | Takes::Size
        | Takes::Duration
        | Takes::HostName
        | Takes::Cidr
        | Takes::Address
        | Takes::Port => Type::Text,
        Takes::Reference(kind) => Type::reference(kind),
        Takes::List(of) => Type::List(Arc::new(type_of(*of))),
        Takes::Set(of) => Type::Set(Arc::new(type_of(*of))),
        Takes::Map(of) => Type::Map(Arc::new(type_of(*of))),
        Takes::Any => Type::Dynamic,
    }
}

fn reference(kind: &str, value: &Value) -> Result<Value, Problem> {
    let is_of_kind = |address: &Arc<str>| {
        let mut parts = address.split('.').skip_while(|part| *part == "module");
        address.starts_with(&format!("{kind}.")) || parts.any(|part| part == kind)
    };
    match value.address() {
        Some(address) if is_of_kind(address) => Ok(value.clone()),
        Some(address) => Err(Problem::new(format!("expected a `{kind}`, found `{address}`"))),
        None => Err(Problem {
            part: Vec::new(),
            summary: format!("expected the object of a `{kind}` block"),
            hint: vec![format!(
                "write the object itself, `{kind}.NAME`, not its name as text and not a copy: rebuilding an object loses what it is"
            )],
        }),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Order {
    Kept,
    Sorted,
}

fn items(of: Takes, value: &Value, order: Order) -> Result<Value, Vec<Problem>> {
    let Some(given) = value.as_items() else {
        let hint = value.as_text().map(|text| format!("put it in brackets: `[{text:?}]`"));
        let summary = format!("expected a list, found {}", value.type_of());
        let hint = hint.into_iter().filter(|_| !value.is_sensitive()).collect();
        return Err(vec![Problem { part: Vec::new(), summary, hint }]);
    };
    let mut items = each(given.iter().enumerate().map(|(at, item)| (Step::Index(at), canonical(of, item))))?;
    if order == Order::Sorted && !items.iter().all(Value::is_wholly_known) {
        // Two items may turn out to be the same one.
        return Ok(Value::unknown(Type::Set(Arc::new(type_of(of)))).with_marks(value.deep_marks()));
    }
    if order == Order::Sorted {
        items.sort_by_cached_key(|item| (item.as_i64(), item.as_text().map(str::to_owned)));
        items.dedup();
    }
    let of = type_of(of);
    Ok(match order {
        Order::Kept => Value::list(of, items),
        Order::Sorted => Value::ordered_set(of, items),
    })
}

fn entries(of: Takes, value: &Value) -> Result<Value, Vec<Problem>> {
    let Some(given) = value.as_entries() else {
        return Err(vec![Problem::new(format!("expected a map, found {}", value.type_of()))]);
    };
    let entries = each(given.iter().map(|(key, item)| (Step::Key(key.clone()), canonical(of, item))))?;
    Ok(Value::map(type_of(of), given.keys().cloned().zip(entries)))
}

/// Returns all items, or everything that is wrong with any of them.
fn each(items: impl Iterator<Item = (Step, Result<Value, Vec<Problem>>)>) -> Result<Vec<Value>, Vec<Problem>> {
    let (mut right, mut wrong) = (Vec::with_capacity(items.size_hint().0), Vec::new());
    for (step, item) in items {
        match item {
            Ok(item) => right.push(item),
            Err(problems) => wrong.extend(problems.into_iter().map(|mut problem| {
                problem.part.insert(0, step.clone());
                problem
            })),
        }
    }
    if wrong.is_empty() { Ok(right) } else { Err(wrong) }
}

fn integer(value: &Value, low: i64, high: i64) -> Result<Option<String>, String> {
    match value.as_i64() {
        Some(number) if (low..=high).contains(&number) => Ok(None),
        Some(number) if high == i64::MAX => Err(format!("{number} is too small, expected at least {low}")),
        Some(number) => Err(format!("{number} is out of range, expected {low} to {high}")),
        None => Err("expected a whole number".to_owned()),
    }
}

fn one_of(words: &'static [&'static str], text: &str) -> Result<(), Problem> {
    if words.contains(&text) {
        return Ok(());
    }
    let summary = match words.len() {
        0..=6 => format!(
            "`{text}` is not one of {}",
            words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
        ),
        _ => format!("`{text}` is not one of the words"),
    };
    let hint = did_you_mean(text, words.iter().copied(), "words");
    let is_needed = words.len() > 6 || hint.starts_with("did you mean");
    Err(Problem { part: Vec::new(), summary, hint: is_needed.then_some(hint).into_iter().collect() })
}

/// Returns the milliseconds of a duration such as `90s`, `10m`, `1h30m`.
pub fn duration_ms(text: &str) -> Result<u64, String> {
    let fail = || format!("`{text}` is not a duration, expected a number and a unit such as `90s`, `10m` or `2h`");
    let mut total = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit()).ok_or_else(fail)?;
        let number: u64 = rest[..digits].parse().map_err(|_| fail())?;
        let unit_end =
            rest[digits..].find(|character: char| character.is_ascii_digit()).map_or(rest.len(), |at| at + digits);
        let scale = match &rest[digits..unit_end] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(fail()),
        };
        total = number.checked_mul(scale).and_then(|part| total.checked_add(part)).ok_or_else(fail)?;
        rest = &rest[unit_end..];
    }
    if text.is_empty() { Err(fail()) } else { Ok(total) }
}

fn host_name(text: &str) -> Result<(), String> {
    let is_fine = (1..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-');
    if is_fine {
        Ok(())
    } else {
        Err(format!("`{text}` is not a host name, expected at most 63 letters, digits and inner dashes"))
    }
}

fn cidr(text: &str) -> Result<(), String> {
    let network: ipnet::IpNet =
        text.parse().map_err(|_| format!("`{text}` is not a network, expected e.g. `10.40.0.0/24`"))?;
    if network.trunc() == network {
        return Ok(());
    }
    Err(format!("`{text}` is an address in a network, the network is `{}`", network.trunc()))
}

fn port(text: &str) -> Result<(), String> {
    match text.parse::<u16>() {
        Ok(1..) => Ok(()),
        _ if text == "auto" => Ok(()),
        _ => Err(format!("`{text}` is not a port, expected 1 to 65535 or `auto`")),
    }
}

/// Names that a hint lists.
const NAMES_MAX: usize = 12;

/// Returns a hint that names the likely word, or all of them if none is near.
pub fn did_you_mean<'a>(word: &str, candidates: impl Iterator<Item = &'a str>, what: &str) -> String {
    let all: Vec<&str> = candidates.collect();
    let nearest = all
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), *candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().max(word.len()) / 4);
    match nearest {
        Some((_, candidate)) => format!("did you mean `{candidate}`?"),
        None if all.is_empty() => format!("there are no {what} here"),
        None if all.len() > NAMES_MAX => {
            let more = all.len() - NAMES_MAX;
            format!("{what} here: {} and {more} more; `spawnpoint schema` lists them", all[..NAMES_MAX].join(", "))
        }
        None => format!("{what} here: {}", all.join(", ")),
    }
}

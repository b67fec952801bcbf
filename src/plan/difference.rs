//! Three-way comparison of one object, attribute by attribute: what is wanted, what was last applied, what is there.
//!
//! Generic over schemas. Attributes that nobody wrote, and that we did not write before, are not ours to compare.

use super::change::{AttributeChange, Cause};
use crate::resources::conform::literal;
use crate::resources::schema::{Attribute, Impact, Nested, Occurs, Presence, Schema, Takes};
use crate::value::{Entries, Kind, Marks, Path, Step, Value, name};
use std::sync::Arc;

/// The three views of one object. Null stands for none.
pub(super) struct Views<'a> {
    /// What is wanted; sensitive leaves are fingerprints.
    pub(super) desired: &'a Value,
    /// What was last applied; sensitive leaves are fingerprints.
    pub(super) applied: &'a Value,
    /// What is there.
    pub(super) found: &'a Value,
    /// Whether the object changes while a guest runs; a stopped guest takes everything at once.
    pub(super) is_running: bool,
}

/// What a comparison came to.
#[derive(Default)]
pub(super) struct Differences {
    /// The differing attributes, in schema order.
    pub(super) changes: Vec<AttributeChange>,
    /// How many managed ones agree, or differ in a way that is not worth a change.
    pub(super) unchanged: usize,
    /// How many of those differ nevertheless.
    pub(super) overlooked: usize,
}

impl Differences {
    /// Returns whether all that is managed agrees.
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.overlooked == 0
    }
}

/// Compares three views of one object.
pub(super) fn compare(schema: &Schema, views: &Views) -> Differences {
    let mut comparison = Comparison { views, differences: Differences::default() };
    let whole = Part { desired: Some(views.desired), applied: Some(views.applied), found: Some(views.found) };
    comparison.schema(schema, whole, &Way::Start);
    // Most changes are small, and a plan may have very many.
    comparison.differences.changes.shrink_to_fit();
    comparison.differences
}

struct Comparison<'a> {
    views: &'a Views<'a>,
    differences: Differences,
}

/// What each view has in one place.
#[derive(Clone, Copy)]
struct Part<'a> {
    desired: Option<&'a Value>,
    applied: Option<&'a Value>,
    found: Option<&'a Value>,
}

impl<'a> Part<'a> {
    /// What is there counts only where somebody wrote something.
    fn inside(self, inner: impl Fn(&'a Value) -> Option<&'a Value>) -> Self {
        let inner = |whole: Option<&'a Value>| whole.and_then(&inner);
        let (desired, applied) = (inner(self.desired), inner(self.applied));
        let found = desired.or(applied).and_then(|_| inner(self.found));
        Self { desired, applied, found }
    }

    fn named(self, name: &str) -> Self {
        self.inside(|whole| whole.get(name))
    }

    /// Whether somebody wrote it, now or before.
    fn is_managed(self) -> bool {
        [self.desired, self.applied].into_iter().flatten().any(|value| !value.is_null())
    }

    /// Keys that are wanted or that we wrote before, in order.
    fn keys(self) -> Vec<&'a Arc<str>> {
        let entries = [self.desired, self.applied].into_iter().flatten().filter_map(Value::as_entries);
        let mut keys: Vec<&Arc<str>> = entries.flat_map(Entries::keys).collect();
        keys.sort();
        keys.dedup();
        keys
    }

    /// How many items are wanted or were before.
    fn count(self) -> usize {
        let items = [self.desired, self.applied].into_iter().flatten().filter_map(Value::as_items);
        items.map(<[Value]>::len).max().unwrap_or_default()
    }
}

/// The way to a part; a path is made of it only where one is told.
enum Way<'a> {
    Start,
    Attribute(&'a Self, &'a str),
    Key(&'a Self, &'a Arc<str>),
    Index(&'a Self, usize),
}

impl Way<'_> {
    fn path(&self) -> Path {
        match self {
            Self::Start => Path::default(),
            Self::Attribute(before, attribute) => before.path().then(Step::Attribute(name(attribute))),
            Self::Key(before, key) => before.path().then(Step::Key((*key).clone())),
            Self::Index(before, index) => before.path().then(Step::Index(*index)),
        }
    }
}

impl Comparison<'_> {
    fn schema(&mut self, schema: &Schema, part: Part, at: &Way) {
        // A schema has far more names than somebody wrote.
        let mut written: Vec<usize> = part.keys().into_iter().filter_map(|key| schema.place(key)).collect();
        written.sort_unstable();
        for place in written {
            match schema.attributes.get(place) {
                Some(attribute) => self.attribute(attribute, part, at),
                None => self.block(&schema.blocks[place - schema.attributes.len()], part, at),
            }
        }
    }

    fn attribute(&mut self, attribute: &Attribute, part: Part, at: &Way) {
        if attribute.presence == Presence::Computed {
            return;
        }
        let (inner, way) = (part.named(attribute.name), Way::Attribute(at, attribute.name));
        match attribute.takes {
            Takes::Map(_) | Takes::Any => {
                for key in inner.keys() {
                    self.leaf(attribute, inner.named(key), &Way::Key(&way, key));
                }
            }
            _ => self.leaf(attribute, inner, &way),
        }
    }

    fn block(&mut self, nested: &Nested, part: Part, at: &Way) {
        let (inner, way) = (part.named(nested.name), Way::Attribute(at, nested.name));
        match nested.occurs {
            Occurs::Once if inner.is_managed() => self.schema(nested.schema, inner, &way),
            Occurs::Once => {}
            Occurs::ByLabel(_) => {
                for label in inner.keys() {
                    self.labelled(nested.schema, inner.named(label), &Way::Key(&way, label));
                }
            }
            Occurs::Many => {
                for index in 0..inner.count() {
                    let item = inner.inside(|items| items.as_items()?.get(index));
                    self.schema(nested.schema, item, &Way::Index(&way, index));
                }
            }
        }
    }

    /// A labelled block that comes or goes is one change; one that stays is compared inside. All of a new object is told in full.
    fn labelled(&mut self, schema: &Schema, part: Part, at: &Way) {
        match (part.desired, part.found) {
            (None, None) => {}
            (Some(_), None) if !self.views.found.is_null() => self.comes_or_goes(part, at),
            (None, Some(_)) => self.comes_or_goes(part, at),
            (Some(_), _) => self.schema(schema, part, at),
        }
    }

    fn comes_or_goes(&mut self, part: Part, at: &Way) {
        self.differences.changes.push(AttributeChange {
            path: at.path(),
            before: part.found.cloned(),
            after: part.desired.cloned(),
            impact: Impact::Live,
            // What we had put there and is missing went behind our back.
            cause: if part.found.is_none() && part.applied.is_some() { Cause::Drift } else { Cause::Configuration },
            forces_replacement: false,
        });
    }

    fn leaf(&mut self, attribute: &Attribute, part: Part, at: &Way) {
        if !part.is_managed() {
            return;
        }
        let written = |value: Option<&Value>| value.filter(|value| !value.is_null()).cloned();
        let default = || attribute.default.map(|text| literal(attribute, text));
        let absent = || attribute.value_if_absent();
        let applied = written(part.applied);
        let wanted = written(part.desired).or_else(default).or_else(absent);
        let there = match attribute.is_recorded {
            true => applied.clone().or_else(default),
            false => written(part.found).or_else(absent).or_else(default),
        };
        let is_same = is_same(wanted.as_ref(), there.as_ref());
        if is_same || is_ignored_power(attribute, wanted.as_ref()) || self.is_remark(attribute, wanted.as_ref()) {
            self.differences.unchanged += 1;
            self.differences.overlooked += usize::from(!is_same);
            return;
        }
        let impact = match attribute.impact {
            Impact::Restart | Impact::Reboot | Impact::Stop if !self.views.is_running => Impact::Live,
            impact => impact,
        };
        self.differences.changes.push(AttributeChange {
            path: at.path(),
            cause: cause(wanted.as_ref(), applied.as_ref(), there.as_ref()),
            before: there,
            after: wanted,
            impact,
            forces_replacement: impact == Impact::Recreate,
        });
    }

    /// What nobody wrote and what touches nothing is not worth a change: the record follows silently (the node of a guest that moved).
    fn is_remark(&self, attribute: &Attribute, wanted: Option<&Value>) -> bool {
        let is_chosen = wanted.is_some_and(|wanted| wanted.marks().contains(Marks::CHOSEN));
        attribute.impact == Impact::None && is_chosen && !self.views.found.is_null()
    }
}

/// `power = "ignore"` means that nobody compares it.
fn is_ignored_power(attribute: &Attribute, wanted: Option<&Value>) -> bool {
    attribute.name == "power" && wanted.and_then(Value::as_text) == Some("ignore")
}

fn cause(wanted: Option<&Value>, applied: Option<&Value>, there: Option<&Value>) -> Cause {
    match applied {
        Some(_) if is_same(applied, wanted) => Cause::Drift,
        Some(_) if is_same(applied, there) => Cause::Configuration,
        Some(_) => Cause::Conflict,
        None => Cause::Configuration,
    }
}

/// Returns whether two values say the same; marks and the difference between lists and tuples, maps and objects do not count.
pub(super) fn is_same(left: Option<&Value>, right: Option<&Value>) -> bool {
    match (left, right) {
        (None, None) => true,
        (Some(value), None) | (None, Some(value)) => {
            value.is_null() || value.as_items().is_some_and(<[Value]>::is_empty)
        }
        (Some(left), Some(right)) => is_equal(left, right),
    }
}

fn is_equal(left: &Value, right: &Value) -> bool {
    if let (Some(left), Some(right)) = (left.as_items(), right.as_items()) {
        return left.len() == right.len() && left.iter().zip(right).all(|(left, right)| is_equal(left, right));
    }
    if let (Some(left), Some(right)) = (left.as_entries(), right.as_entries()) {
        return left.len() == right.len()
            && left.iter().zip(right).all(|((name, left), (other, right))| name == other && is_equal(left, right));
    }
    match (left.kind(), right.kind()) {
        (Kind::Null(_), Kind::Null(_)) => true,
        (Kind::Bool(left), Kind::Bool(right)) => left == right,
        (Kind::Number(left), Kind::Number(right)) => left == right,
        (Kind::Text(left), Kind::Text(right)) => left == right,
        _ => false,
    }
}

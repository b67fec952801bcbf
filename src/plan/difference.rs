//! Three-way comparison of one object, attribute by attribute: what is wanted, what was last applied, what is there.
//!
//! Generic over schemas. Attributes that nobody wrote, and that we did not write before, are not ours to compare.

use super::change::{AttributeChange, Cause};
use crate::resources::conform::literal;
use crate::resources::schema::{Attribute, Impact, Occurs, Presence, Schema, Takes};
use crate::value::{Kind, Marks, Path, Step, Value};
use std::collections::BTreeSet;
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

/// Returns the differing attributes in schema order, and the number of managed ones that agree.
pub(super) fn compare(schema: &Schema, views: &Views) -> (Vec<AttributeChange>, usize) {
    let mut comparison = Comparison { views, changes: Vec::new(), unchanged: 0 };
    comparison.schema(schema, &Path::default());
    (comparison.changes, comparison.unchanged)
}

struct Comparison<'a> {
    views: &'a Views<'a>,
    changes: Vec<AttributeChange>,
    unchanged: usize,
}

impl Comparison<'_> {
    fn schema(&mut self, schema: &Schema, at: &Path) {
        for attribute in schema.attributes {
            if attribute.presence == Presence::Computed {
                continue;
            }
            let path = at.then(Step::Attribute(attribute.name.into()));
            match attribute.takes {
                Takes::Map(_) | Takes::Any => self.entries(attribute, &path),
                _ => self.leaf(attribute, &path),
            }
        }
        for nested in schema.blocks {
            let path = at.then(Step::Attribute(nested.name.into()));
            match nested.occurs {
                Occurs::Once => self.once(nested.schema, &path),
                Occurs::ByLabel(_) => {
                    for label in self.keys(&path) {
                        self.labelled(nested.schema, &path.then(Step::Key(label)));
                    }
                }
                Occurs::Many => {
                    let length = |value: &Value| value.at(&path.0).and_then(Value::as_items).map_or(0, <[Value]>::len);
                    for index in 0..length(self.views.desired).max(length(self.views.applied)) {
                        self.schema(nested.schema, &path.then(Step::Index(index)));
                    }
                }
            }
        }
    }

    fn once(&mut self, schema: &Schema, path: &Path) {
        if self.is_managed(path) {
            self.schema(schema, path);
        }
    }

    /// A labelled block that comes or goes is one change; one that stays is compared inside. All of a new object is told in full.
    fn labelled(&mut self, schema: &Schema, path: &Path) {
        let (wanted, found) = (self.views.desired.at(&path.0), self.views.found.at(&path.0));
        match (wanted, found) {
            (None, None) => {}
            (Some(_), None) if !self.views.found.is_null() => self.comes_or_goes(path, None, wanted),
            (None, Some(_)) => self.comes_or_goes(path, found, None),
            (Some(_), _) => self.schema(schema, path),
        }
    }

    fn comes_or_goes(&mut self, path: &Path, before: Option<&Value>, after: Option<&Value>) {
        self.changes.push(AttributeChange {
            path: path.clone(),
            before: before.cloned(),
            after: after.cloned(),
            impact: Impact::Live,
            // What we had put there and is missing went behind our back.
            cause: if before.is_none() && self.views.applied.at(&path.0).is_some() {
                Cause::Drift
            } else {
                Cause::Configuration
            },
            forces_replacement: false,
        });
    }

    fn entries(&mut self, attribute: &Attribute, path: &Path) {
        for key in self.keys(path) {
            self.leaf(attribute, &path.then(Step::Key(key)));
        }
    }

    /// Keys that are wanted or that we wrote before.
    fn keys(&self, path: &Path) -> BTreeSet<Arc<str>> {
        let of = |value: &Value| {
            value.at(&path.0).and_then(Value::as_entries).map(|entries| entries.keys().cloned().collect::<Vec<_>>())
        };
        [self.views.desired, self.views.applied].into_iter().filter_map(of).flatten().collect()
    }

    fn is_managed(&self, path: &Path) -> bool {
        [self.views.desired, self.views.applied]
            .into_iter()
            .any(|value| value.at(&path.0).is_some_and(|value| !value.is_null()))
    }

    fn leaf(&mut self, attribute: &Attribute, path: &Path) {
        if !self.is_managed(path) {
            return;
        }
        let written = |value: &Value| value.at(&path.0).filter(|value| !value.is_null()).cloned();
        let applied = written(self.views.applied);
        let default = attribute.default.map(|text| literal(attribute, text));
        let absent = attribute.value_if_absent();
        let wanted = written(self.views.desired).or_else(|| default.clone()).or_else(|| absent.clone());
        let there = match attribute.is_recorded {
            true => applied.clone().or(default),
            false => written(self.views.found).or(absent).or(default),
        };
        let is_same = is_same(wanted.as_ref(), there.as_ref());
        if is_same || is_ignored_power(attribute, wanted.as_ref()) || self.is_remark(attribute, wanted.as_ref()) {
            self.unchanged += 1;
            return;
        }
        let impact = match attribute.impact {
            Impact::Restart | Impact::Reboot | Impact::Stop if !self.views.is_running => Impact::Live,
            impact => impact,
        };
        self.changes.push(AttributeChange {
            path: path.clone(),
            cause: cause(wanted.as_ref(), applied.as_ref(), there.as_ref()),
            before: there,
            after: wanted,
            impact,
            forces_replacement: impact == Impact::Recreate,
        });
    }
}

impl Comparison<'_> {
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

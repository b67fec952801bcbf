//! The language's `==`, and the order of items in sets.

use super::{Kind, Marks, Type, Value};
use std::cmp::Ordering;
use std::fmt::Write;

/// Returns whether two values are equal: `None` when that depends on something unknown.
///
/// Values of different types are different (`1 == "1"` is false); nulls are equal to each other. Marks do not matter here.
pub fn equals(left: &Value, right: &Value) -> Option<bool> {
    match (left.kind(), right.kind()) {
        (Kind::Unknown(..), _) => excluded(left, right),
        (_, Kind::Unknown(..)) => excluded(right, left),
        (Kind::Null(_), Kind::Null(_)) => Some(true),
        (Kind::Null(_), _) | (_, Kind::Null(_)) => Some(false),
        (Kind::Bool(_) | Kind::Number(_) | Kind::Text(_), _) => Some(left.kind() == right.kind()),
        (Kind::Tuple(left_items), Kind::Tuple(right_items)) if left_items.len() == right_items.len() => {
            types_agree(left, right).unwrap_or_else(|| all_equal(left_items.iter().zip(right_items.iter())))
        }
        (Kind::Object(left_object), Kind::Object(right_object)) => {
            let (left_entries, right_entries) = (&left_object.attributes, &right_object.attributes);
            match left_entries.keys().eq(right_entries.keys()) {
                true => types_agree(left, right)
                    .unwrap_or_else(|| all_equal(left_entries.values().zip(right_entries.values()))),
                false => Some(false),
            }
        }
        (Kind::List(left), Kind::List(right)) => match left.of == right.of && left.items.len() == right.items.len() {
            true => all_equal(left.items.iter().zip(&right.items)),
            false => Some(false),
        },
        (Kind::Set(left_set), Kind::Set(right_set)) => match (left.is_wholly_known(), right.is_wholly_known()) {
            _ if left_set.of != right_set.of => Some(false),
            (true, true) if left_set.items.len() != right_set.items.len() => Some(false),
            (true, true) => all_equal(left_set.items.iter().zip(&right_set.items)),
            _ => None,
        },
        (Kind::Map(left), Kind::Map(right)) => {
            match left.of == right.of && left.entries.keys().eq(right.entries.keys()) {
                true => all_equal(left.entries.values().zip(right.entries.values())),
                false => Some(false),
            }
        }
        _ => Some(false),
    }
}

fn all_equal<'a>(mut pairs: impl Iterator<Item = (&'a Value, &'a Value)>) -> Option<bool> {
    pairs
        .find_map(|(left, right)| match equals(left, right) {
            Some(true) => None,
            other => Some(other),
        })
        .unwrap_or(Some(true))
}

/// Decides from the types of tuples and objects alone, where it can: an unknown of unknown type inside leaves it open.
#[expect(clippy::option_option, reason = "undecided, or decided with an answer that may itself be unknown")]
fn types_agree(left: &Value, right: &Value) -> Option<Option<bool>> {
    let is_open = !left.is_wholly_known() || !right.is_wholly_known();
    let (left, right) = (left.type_of(), right.type_of());
    if is_open && (left.has_dynamic() || right.has_dynamic()) {
        let may_agree = left.conforms_to(&right) || right.conforms_to(&left);
        return Some(if may_agree { None } else { Some(false) });
    }
    (left != right).then_some(Some(false))
}

/// Says `Some(false)` where what is known about an unknown value excludes the known one.
fn excluded(unknown: &Value, known: &Value) -> Option<bool> {
    let Kind::Unknown(of, refinement) = unknown.kind() else { return None };
    if known.is_unknown() {
        return None;
    }
    let refinement = refinement.as_deref();
    if known.is_null() {
        return refinement.filter(|known| known.is_not_null).map(|_| false);
    }
    if let (Some(prefix), Some(text)) = (refinement.and_then(|known| known.prefix.as_deref()), known.as_text())
        && !text.starts_with(prefix)
    {
        return Some(false);
    }
    let known_type = known.type_of();
    (!of.has_dynamic() && !known_type.has_dynamic() && *of != known_type).then_some(false)
}

impl Value {
    /// Returns a set of values that are all of type `of`: in the language's order, without duplicates, marked with the marks of its items.
    pub fn set(of: Type, items: impl IntoIterator<Item = Value>) -> Self {
        let mut marks = Marks::NONE;
        let mut items: Vec<Value> = items
            .into_iter()
            .map(|item| {
                let (bare, item_marks) = item.without_marks();
                marks = marks | item_marks;
                bare
            })
            .collect();
        match of {
            Type::Bool | Type::Number | Type::Text => items.sort_by(set_order),
            _ => items.sort_by_cached_key(set_key),
        }
        items.dedup_by(|later, earlier| equals(later, earlier) == Some(true));
        Self::ordered_set(of, items).with_marks(marks)
    }
}

/// Orders items of sets of bools, numbers and text: known, then unknown, then null.
fn set_order(left: &Value, right: &Value) -> Ordering {
    match (left.kind(), right.kind()) {
        (Kind::Bool(left), Kind::Bool(right)) => left.cmp(right),
        (Kind::Number(left), Kind::Number(right)) => left.cmp(right),
        (Kind::Text(left), Kind::Text(right)) => left.cmp(right),
        _ => rank(left).cmp(&rank(right)),
    }
}

fn rank(value: &Value) -> u8 {
    match value.kind() {
        Kind::Null(_) => 2,
        Kind::Unknown(..) => 1,
        _ => 0,
    }
}

/// Items that are not primitive are ordered by a text that spells them out.
fn set_key(value: &Value) -> (u8, String) {
    let mut key = String::new();
    spell(value, &mut key);
    (rank(value), key)
}

fn spell(value: &Value, key: &mut String) {
    let written = match value.kind() {
        Kind::Unknown(..) => key.write_str("?"),
        Kind::Null(_) => key.write_str("~"),
        Kind::Bool(flag) => key.write_str(if *flag { "T" } else { "F" }),
        Kind::Number(number) => write!(key, "{number}"),
        Kind::Text(text) => write!(key, "{text:?}"),
        Kind::List(list) | Kind::Set(list) => return spell_all(list.items.iter(), "[]", key),
        Kind::Tuple(items) => return spell_all(items.iter(), "<>", key),
        Kind::Object(object) => return spell_all(object.attributes.values(), "<>", key),
        Kind::Map(map) => {
            key.push('{');
            for (name, entry) in &map.entries {
                let _ = write!(key, "{name:?}:");
                spell(entry, key);
                key.push(';');
            }
            key.write_str("}")
        }
    };
    written.expect("writing to a String cannot fail");
}

fn spell_all<'a>(items: impl Iterator<Item = &'a Value>, brackets: &str, key: &mut String) {
    key.push_str(&brackets[..1]);
    for item in items {
        spell(item, key);
        key.push(';');
    }
    key.push_str(&brackets[1..]);
}

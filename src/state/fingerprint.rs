//! Telling whether a secret changed without keeping it: sensitive leaves become HMACs. Where the key is kept is not known here.

use crate::value::{Entries, Kind, Map, Marks, Object, Type, Value};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt::Write;
use std::sync::Arc;

/// How a fingerprint begins.
const PREFIX: &str = "hmac-sha256:";

/// Returns `value` with every sensitive leaf replaced by `hmac-sha256:<hex>`, still marked sensitive.
///
/// A collection that is sensitive as a whole is fingerprinted leaf by leaf. Null and unknown leaves hold no secret and stay, and so does
/// a fingerprint: doing it twice is doing it once. Element types become `string` where an element was replaced.
pub fn fingerprint(value: &Value, key: &[u8; 32]) -> Value {
    replace(value, key, Marks::NONE)
}

fn replace(value: &Value, key: &[u8; 32], inherited: Marks) -> Value {
    if !(value.deep_marks() | inherited).contains(Marks::SENSITIVE) {
        return value.clone();
    }
    let marks = value.marks() | inherited;
    let below = if marks.contains(Marks::SENSITIVE) { Marks::SENSITIVE } else { Marks::NONE };
    let inside = |items: &[Value]| items.iter().map(|item| replace(item, key, below)).collect::<Vec<_>>();
    let inside_entries = |entries: &Entries| -> Entries {
        entries.iter().map(|(name, item)| (name.clone(), replace(item, key, below))).collect()
    };
    let replaced = match value.kind() {
        Kind::Null(_) | Kind::Unknown(..) => return value.clone(),
        Kind::Bool(flag) => leaf(value, marks, key, &flag.to_string()),
        Kind::Number(number) => leaf(value, marks, key, &number.to_string()),
        Kind::Text(text) => leaf(value, marks, key, text),
        Kind::List(list) => {
            let items = inside(&list.items);
            Value::list(element_type(&list.of, items.iter()), items)
        }
        Kind::Set(set) => {
            let items = inside(&set.items);
            Value::ordered_set(element_type(&set.of, items.iter()), items)
        }
        Kind::Tuple(items) => Value::tuple(inside(items)),
        Kind::Map(map) => {
            let entries = inside_entries(&map.entries);
            Value::new(Kind::Map(Arc::new(Map { of: element_type(&map.of, entries.values()), entries })))
        }
        Kind::Object(object) => {
            let (attributes, address) = (inside_entries(&object.attributes), object.address.clone());
            Value::new(Kind::Object(Arc::new(Object { attributes, address })))
        }
    };
    // The leaves keep the mark, and a collection of marked leaves needs none: what is written can be checked leaf by leaf.
    let is_leaf = matches!(replaced.kind(), Kind::Bool(_) | Kind::Number(_) | Kind::Text(_));
    let kept = value.marks().without(Marks::SENSITIVE);
    replaced.replace_marks(if is_leaf { kept | below } else { kept })
}

/// Returns whether everything sensitive in a value is a fingerprint, or null.
pub(super) fn has_only_fingerprints(value: &Value) -> bool {
    let inside = value.as_items().into_iter().flatten().chain(value.as_entries().into_iter().flat_map(Entries::values));
    let is_harmless = !value.is_sensitive() || value.is_null() || value.as_text().is_some_and(is_fingerprint);
    is_harmless && inside.into_iter().all(has_only_fingerprints)
}

fn leaf(value: &Value, marks: Marks, key: &[u8; 32], text: &str) -> Value {
    match marks.contains(Marks::SENSITIVE) && !is_fingerprint(text) {
        true => Value::text(mac(text, key)),
        false => value.clone(),
    }
}

/// Returns whether the text is a whole fingerprint; a secret that only begins like one is a secret.
fn is_fingerprint(text: &str) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.strip_prefix(PREFIX).is_some_and(|hex| hex.len() == 64 && hex.bytes().all(is_digit))
}

/// Returns the element type of a collection after some of its items may have become text.
fn element_type<'a>(before: &Type, mut items: impl Iterator<Item = &'a Value>) -> Type {
    let is_scalar = matches!(before, Type::Bool | Type::Number);
    match is_scalar && items.any(|item| item.as_text().is_some()) {
        true => Type::Text,
        false => before.clone(),
    }
}

fn mac(text: &str, key: &[u8; 32]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().iter().fold(PREFIX.to_owned(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string cannot fail");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn secret(text: &str) -> Value {
        Value::from(text).with_marks(Marks::SENSITIVE)
    }

    #[test]
    fn only_sensitive_leaves_are_replaced_and_they_stay_sensitive() {
        let value = Value::object([("user", Value::from("kim")), ("password", secret("hunter2"))]);
        let printed = fingerprint(&value, &KEY);
        assert_eq!(printed.get("user"), Some(&Value::from("kim")));
        let password = printed.get("password").expect("it is there");
        assert!(password.is_sensitive());
        let text = password.as_text().expect("a fingerprint is text");
        assert!(text.starts_with("hmac-sha256:") && text.len() == 12 + 64, "{text}");
    }

    #[test]
    fn a_collection_that_is_sensitive_as_a_whole_hides_every_leaf() {
        let value =
            Value::object([("pin", Value::from(1234)), ("user", Value::from("kim"))]).with_marks(Marks::SENSITIVE);
        let printed = fingerprint(&value, &KEY);
        for leaf in ["pin", "user"] {
            let leaf = printed.get(leaf).expect("it is there");
            assert!(leaf.is_sensitive() && leaf.as_text().is_some_and(|text| text.starts_with("hmac-sha256:")));
        }
    }

    #[test]
    fn equal_secrets_are_equal_other_keys_differ_and_twice_is_once() {
        let once = fingerprint(&secret("hunter2"), &KEY);
        assert_eq!(once, fingerprint(&secret("hunter2"), &KEY));
        assert_ne!(once, fingerprint(&secret("hunter3"), &KEY));
        assert_ne!(once, fingerprint(&secret("hunter2"), &[8; 32]));
        assert_eq!(fingerprint(&once, &KEY), once);
    }
}

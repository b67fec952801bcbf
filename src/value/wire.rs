//! The only form in which values are written down: JSON, with tags where JSON cannot say what a value is.
//!
//! Null keeps its type, lists, sets and maps the type of their items, numbers every digit. Sensitive values, at any depth, are handed to
//! the caller to be sealed: they never stand in clear. Ephemeral values are written as null, unknown ones not at all.

mod read;

use super::{Entries, Kind, Marks, Number, ObjectField, Type, Value};
use read::Written;
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer};
use serde_json::{Map, Value as Json, json};
use std::fmt;
use std::sync::Arc;

/// Version of the form. A reader refuses newer ones.
pub const FORMAT: u32 = 1;

/// Levels a value may have.
const DEPTH_MAX: usize = 200;

/// Turns the clear text of a sensitive value into what may be stored: a ciphertext, or a keyed digest.
pub type Seal<'a> = &'a mut dyn FnMut(&str) -> Result<String, WireError>;

/// Turns a sealed text back.
pub type Open<'a> = &'a mut dyn FnMut(&str) -> Result<String, WireError>;

/// Why a value cannot be written or read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireError(pub String);

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WireError {}

fn broken<E: de::Error>(what: impl fmt::Display) -> E {
    E::custom(format_args!("stored value cannot be read: {what}"))
}

/// Writes a value: `{"format": 1, "value": ...}`.
pub fn to_json(value: &Value, seal: Seal<'_>) -> Result<Json, WireError> {
    Ok(json!({ "format": FORMAT, "value": write(value, seal, 0)? }))
}

/// Reads what [`to_json`] wrote.
pub fn from_json(json: &Json, open: Open<'_>) -> Result<Value, WireError> {
    Written { open }.deserialize(json).map_err(|error| WireError(error.to_string()))
}

/// A value that is read right from where it is written, what was sealed as it stands there.
#[derive(Debug)]
pub struct Stored(pub Value);

impl<'de> Deserialize<'de> for Stored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Written { open: &mut |sealed| Ok(sealed.to_owned()) }.deserialize(deserializer).map(Self)
    }
}

fn write(value: &Value, seal: Seal<'_>, depth: usize) -> Result<Json, WireError> {
    if depth > DEPTH_MAX {
        return Err(WireError(format!("value is more than {DEPTH_MAX} levels deep")));
    }
    if value.marks().contains(Marks::EPHEMERAL) {
        return Ok(json!({ "null": type_json(&value.type_of()) }));
    }
    let bare = value.clone().replace_marks(Marks::NONE);
    let written = match value.is_sensitive() {
        true => {
            let clear = write(&bare, seal, depth + 1)?.to_string();
            json!({ "sealed": seal(&clear)? })
        }
        false => write_kind(&bare, seal, depth)?,
    };
    Ok(if value.marks().contains(Marks::CHOSEN) { json!({ "chosen": written }) } else { written })
}

fn write_kind(value: &Value, seal: Seal<'_>, depth: usize) -> Result<Json, WireError> {
    let items = |items: &[Value], seal: Seal<'_>| {
        items.iter().map(|item| write(item, seal, depth + 1)).collect::<Result<Vec<_>, _>>()
    };
    let entries = |entries: &Entries, seal: Seal<'_>| {
        let entries = entries.iter().map(|(key, entry)| Ok((key.to_string(), write(entry, seal, depth + 1)?)));
        entries.collect::<Result<Map<_, _>, WireError>>()
    };
    Ok(match value.kind() {
        Kind::Bool(flag) => Json::Bool(*flag),
        Kind::Text(text) => Json::String(text.to_string()),
        Kind::Number(Number::Integer(number)) => json!(number),
        Kind::Number(number) => json!({ "number": number.to_string() }),
        Kind::Null(of) => json!({ "null": type_json(of) }),
        Kind::Tuple(tuple) => Json::Array(items(tuple, seal)?),
        Kind::List(list) => json!({ "list": items(&list.items, seal)?, "of": type_json(&list.of) }),
        Kind::Set(set) => json!({ "set": items(&set.items, seal)?, "of": type_json(&set.of) }),
        Kind::Map(map) => json!({ "map": entries(&map.entries, seal)?, "of": type_json(&map.of) }),
        Kind::Object(object) => match &object.address {
            Some(address) => json!({ "object": entries(&object.attributes, seal)?, "address": &**address }),
            None => json!({ "object": entries(&object.attributes, seal)? }),
        },
        Kind::Unknown(..) => return Err(WireError("a value that is not known yet cannot be stored".into())),
    })
}

/// Writes a type: a word, or an object with one tag.
fn type_json(of: &Type) -> Json {
    match of {
        Type::Dynamic => json!("dynamic"),
        Type::Bool => json!("bool"),
        Type::Number => json!("number"),
        Type::Text => json!("string"),
        Type::List(of) => json!({ "list": type_json(of) }),
        Type::Set(of) => json!({ "set": type_json(of) }),
        Type::Map(of) => json!({ "map": type_json(of) }),
        Type::Tuple(items) => json!({ "tuple": items.iter().map(type_json).collect::<Vec<_>>() }),
        Type::Object(fields) => {
            let fields = fields.iter().map(|(name, field)| match field.is_optional {
                true => (name.to_string(), json!({ "optional": type_json(&field.of) })),
                false => (name.to_string(), type_json(&field.of)),
            });
            json!({ "object": fields.collect::<Map<_, _>>() })
        }
        Type::Reference(kind) => json!({ "reference": kind.as_str() }),
    }
}

fn type_of_json<E: de::Error>(json: &Json) -> Result<Type, E> {
    let tagged = json.as_object().and_then(|tagged| tagged.iter().next());
    Ok(match (json.as_str(), tagged.map(|(tag, content)| (tag.as_str(), content))) {
        (Some("dynamic"), _) => Type::Dynamic,
        (Some("bool"), _) => Type::Bool,
        (Some("number"), _) => Type::Number,
        (Some("string"), _) => Type::Text,
        (_, Some(("list", of))) => Type::List(Arc::new(type_of_json(of)?)),
        (_, Some(("set", of))) => Type::Set(Arc::new(type_of_json(of)?)),
        (_, Some(("map", of))) => Type::Map(Arc::new(type_of_json(of)?)),
        (_, Some(("tuple", Json::Array(items)))) => {
            Type::tuple(items.iter().map(type_of_json).collect::<Result<Vec<_>, _>>()?)
        }
        (_, Some(("object", Json::Object(fields)))) => {
            let fields = fields.iter().map(|(name, field)| {
                let optional = field.as_object().and_then(|field| field.get("optional"));
                let of = type_of_json(optional.unwrap_or(field))?;
                Ok((name.as_str().into(), ObjectField { of, is_optional: optional.is_some() }))
            });
            Type::Object(Arc::new(fields.collect::<Result<_, E>>()?))
        }
        (_, Some(("reference", Json::String(kind)))) => Type::reference(kind.as_str()),
        _ => return Err(broken("a type is not one of this format")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Value {
        let secret = Value::from("hunter2").with_marks(Marks::SENSITIVE);
        Value::object([
            ("text", Value::from("a")),
            ("third", Value::from(Number::parse("0.1").expect("a number"))),
            ("none", Value::null(Type::List(Arc::new(Type::Text)))),
            ("set", Value::set(Type::Number, [Value::from(2), Value::from(1)])),
            ("list", Value::list(Type::Text, [secret])),
            ("port", Value::from(25_565).with_marks(Marks::CHOSEN)),
            ("vm", Value::block("vm.mc", std::collections::BTreeMap::from([("name".into(), Value::from("mc"))]))),
            ("map", Value::map(Type::tuple([Type::Bool]), [("k".into(), Value::tuple([Value::from(true)]))])),
        ])
    }

    #[test]
    fn a_value_reads_back_and_secrets_are_sealed() {
        let written = to_json(&sample(), &mut |clear| Ok(clear.chars().rev().collect())).expect("the sample is known");
        assert!(!written.to_string().contains("hunter2"), "{written}");
        let read = from_json(&written, &mut |sealed| Ok(sealed.chars().rev().collect())).expect("it was just written");
        assert!(read == sample(), "{read:?}");
    }

    #[test]
    fn what_cannot_be_kept_is_refused_or_dropped() {
        let mut seal = |clear: &str| Ok(clear.to_string());
        assert!(to_json(&Value::tuple([Value::unknown(Type::Text)]), &mut seal).is_err());
        let ephemeral =
            to_json(&Value::from("once").with_marks(Marks::EPHEMERAL), &mut seal).expect("null can be written");
        assert_eq!(ephemeral.to_string(), r#"{"format":1,"value":{"null":"string"}}"#);
        for text in [
            r#"{"value":1}"#,
            r#"{"format":2,"value":1}"#,
            r#"{"format":1,"value":null}"#,
            r#"{"format":1,"value":{"x":1}}"#,
            r#"{"format":1,"value":{"x":"1"}}"#,
        ] {
            let json: Json = serde_json::from_str(text).expect("the text is JSON");
            assert!(from_json(&json, &mut |sealed| Ok(sealed.to_string())).is_err(), "{text}");
        }
    }
}

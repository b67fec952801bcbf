//! JSON.

use super::call::{Arguments, Function, Outcome, Parameter, Problem, Returns, Takes};
use crate::value::{Kind, Number, Type, Value, normalized};
use std::collections::BTreeMap;
use std::fmt::Write;

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new(
        "jsondecode",
        &[Parameter::new("text", Takes::Text)],
        Returns::Dynamic,
        decode,
        "Reads JSON.",
        (r#"jsondecode("[1, true]")"#, "[1, true]"),
    ),
    Function::new(
        "jsonencode",
        &[Parameter::new("value", Takes::Any).or_null()],
        Returns::Text,
        |call| Ok(normalized(&encode(&call.values[0]))),
        "Writes a value as JSON, keys sorted.",
        ("jsonencode({ a = 1 })", r#""{\"a\":1}""#),
    ),
];

/// Writes a known value as JSON.
pub(in crate::config) fn encode(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, out: &mut String) {
    match value.kind() {
        Kind::Null(_) => out.push_str("null"),
        Kind::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Kind::Number(number) => write!(out, "{number}").expect("writing to a String cannot fail"),
        Kind::Text(text) => quote(text, out),
        Kind::List(_) | Kind::Set(_) | Kind::Tuple(_) => {
            out.push('[');
            for (place, item) in value.as_items().into_iter().flatten().enumerate() {
                out.push_str(if place > 0 { "," } else { "" });
                write(item, out);
            }
            out.push(']');
        }
        Kind::Map(_) | Kind::Object(_) => {
            out.push('{');
            for (place, (key, entry)) in value.as_entries().into_iter().flatten().enumerate() {
                out.push_str(if place > 0 { "," } else { "" });
                quote(key, out);
                out.push(':');
                write(entry, out);
            }
            out.push('}');
        }
        Kind::Unknown(..) => unreachable!("functions are not called with unknown arguments unless they ask for them"),
    }
}

/// Quotes like Go does: `<`, `>` and `&` are escaped too, so that the text can stand in HTML.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                write!(out, "\\u{:04x}", u32::from(character)).expect("writing to a String cannot fail");
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

fn decode(call: &Arguments<'_>) -> Outcome {
    let parsed: serde_json::Value =
        serde_json::from_str(call.text(0)).map_err(|error| Problem::Argument(0, format!("it is not JSON: {error}")))?;
    from_json(&parsed)
}

/// Returns the value that JSON stands for.
pub(in crate::config) fn from_json(parsed: &serde_json::Value) -> Outcome {
    Ok(match parsed {
        serde_json::Value::Null => Value::null(Type::Dynamic),
        serde_json::Value::Bool(flag) => Value::from(*flag),
        serde_json::Value::Number(number) => {
            let number = number.to_string();
            Value::from(
                Number::parse(&number)
                    .ok_or_else(|| Problem::Argument(0, format!("number `{number}` is out of range")))?,
            )
        }
        serde_json::Value::String(text) => normalized(text),
        serde_json::Value::Array(items) => Value::tuple(items.iter().map(from_json).collect::<Result<Vec<_>, _>>()?),
        serde_json::Value::Object(entries) => {
            let entries = entries.iter().map(|(key, entry)| Ok((key.as_str().into(), from_json(entry)?)));
            let entries: BTreeMap<std::sync::Arc<str>, Value> = entries.collect::<Result<_, Problem>>()?;
            Value::object(entries)
        }
    })
}

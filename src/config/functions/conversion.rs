//! Conversion to a type, and null for what is ephemeral.

use super::call::{Arguments, Function, Outcome, Parameter, Returns, Takes, wrong};
use crate::value::{Kind, Marks, Object, Type, Value, can_convert, convert};
use std::sync::Arc;

const ANYTHING: Parameter = Parameter::new("value", Takes::Any).or_null().or_unknown().or_marked();

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new(
        "tobool",
        &[ANYTHING],
        Returns::Bool,
        |call| to(call, &Type::Bool),
        "Converts to a bool.",
        (r#"tobool("true")"#, "true"),
    ),
    Function::new(
        "tonumber",
        &[ANYTHING],
        Returns::Number,
        |call| to(call, &Type::Number),
        "Converts to a number.",
        (r#"tonumber("25565")"#, "25565"),
    ),
    Function::new(
        "tostring",
        &[ANYTHING],
        Returns::Text,
        |call| to(call, &Type::Text),
        "Converts to a string.",
        ("tostring(5)", r#""5""#),
    ),
    Function::new(
        "tolist",
        &[ANYTHING],
        Returns::Dynamic,
        |call| to(call, &Type::List(Arc::new(Type::Dynamic))),
        "Converts to a list, with all items of one type.",
        (r#"tolist([1, "a"])"#, r#"["1", "a"]"#),
    ),
    Function::new(
        "toset",
        &[ANYTHING],
        Returns::Dynamic,
        |call| to(call, &Type::Set(Arc::new(Type::Dynamic))),
        "Converts to a set: sorted, without duplicates.",
        (r#"toset(["b", "a", "b"])"#, r#"["a", "b"]"#),
    ),
    Function::new(
        "tomap",
        &[ANYTHING],
        Returns::Dynamic,
        |call| to(call, &Type::Map(Arc::new(Type::Dynamic))),
        "Converts to a map, with all values of one type.",
        (r#"tomap({ a = 1, b = "x" })"#, r#"{ a = "1", b = "x" }"#),
    ),
    Function::new(
        "ephemeralasnull",
        &[ANYTHING],
        Returns::First,
        |call| Ok(without_ephemeral(&call.values[0])),
        "Replaces every ephemeral part by null.",
        ("ephemeralasnull(1)", "1"),
    ),
];

fn to(call: &Arguments<'_>, of: &Type) -> Outcome {
    let value = &call.values[0];
    match convert(value, of) {
        Ok(converted) => Ok(converted),
        Err(_) if value.is_sensitive() => {
            wrong(0, format!("this sensitive value does not convert to {}", of.with_article()))
        }
        Err(mismatch) => match value.as_text() {
            Some(text) => wrong(0, format!("{mismatch}, and `{text}` does not convert")),
            None if can_convert(&value.type_of(), of) => wrong(0, mismatch.to_string()),
            None => wrong(0, format!("{mismatch}, and {} does not convert", value.type_of().with_article())),
        },
    }
}

fn without_ephemeral(value: &Value) -> Value {
    if !value.deep_marks().contains(Marks::EPHEMERAL) {
        return value.clone();
    }
    if value.marks().contains(Marks::EPHEMERAL) {
        return Value::null(value.type_of()).with_marks(value.marks().without(Marks::EPHEMERAL));
    }
    let of_entry = |(name, entry): (&Arc<str>, &Value)| (name.clone(), without_ephemeral(entry));
    let without = match value.kind() {
        Kind::List(list) => Value::list(list.of.clone(), list.items.iter().map(without_ephemeral)),
        Kind::Tuple(items) => Value::tuple(items.iter().map(without_ephemeral)),
        Kind::Map(map) => Value::map(map.of.clone(), map.entries.iter().map(of_entry)),
        Kind::Object(object) => Value::new(Kind::Object(Arc::new(Object {
            attributes: object.attributes.iter().map(of_entry).collect(),
            address: object.address.clone(),
        }))),
        // Items of sets carry no marks of their own, and the others have nothing inside.
        Kind::Set(_) | Kind::Null(_) | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::Unknown(..) => {
            value.clone()
        }
    };
    without.with_marks(value.marks())
}

//! Maps and objects.

use super::call::{Arguments, Function, Outcome, Parameter, Problem, Returns, Takes, failed, wrong};
use crate::value::{Kind, Marks, Type, Value, convert, equals, unify};
use std::collections::BTreeMap;
use std::sync::Arc;

const MAP: Parameter = Parameter::new("map", Takes::Any).or_unknown_inside().or_marked();
const LIST: Parameter = Parameter::new("list", Takes::ListOfAny);

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new(
        "keys",
        &[MAP.or_unknown()],
        Returns::Dynamic,
        keys,
        "Gives the keys of a map or object, sorted.",
        ("keys({ b = 1, a = 2 })", r#"["a", "b"]"#),
    ),
    Function::new(
        "values",
        &[MAP],
        Returns::Dynamic,
        values,
        "Gives the values of a map or object, in the order of their keys.",
        ("values({ b = 1, a = 2 })", "[2, 1]"),
    ),
    Function::new(
        "lookup",
        &[MAP.or_unknown(), Parameter::new("key", Takes::Text).or_unknown().or_marked()],
        Returns::Dynamic,
        lookup,
        "Gives the value of a key, or the default if there is no such key.",
        (r#"lookup({ a = 1 }, "b", 0)"#, "0"),
    )
    .variadic(Parameter::new("default", Takes::Any).or_null().or_unknown().or_marked()),
    Function::new(
        "merge",
        &[],
        Returns::Dynamic,
        merge,
        "Merges maps and objects; later ones win. Null is skipped.",
        ("merge({ a = 1 }, { b = 2 })", "{ a = 1, b = 2 }"),
    )
    .variadic(MAP.named("maps").or_null()),
    Function::new(
        "matchkeys",
        &[LIST.named("values"), LIST.named("keys"), LIST.named("search")],
        Returns::First,
        match_keys,
        "Gives the values whose keys, at the same place, are among those searched for.",
        (r#"matchkeys(["v1", "v2"], ["a", "b"], ["b"])"#, r#"["v2"]"#),
    ),
    Function::new(
        "transpose",
        &[Parameter::new("map", Takes::MapOfAny)],
        Returns::Computed(|_| Type::Map(Arc::new(Type::List(Arc::new(Type::Text))))),
        transpose,
        "Swaps keys and values of a map of lists of strings.",
        (r#"transpose({ a = ["x", "y"] })"#, r#"{ x = ["a"], y = ["a"] }"#),
    ),
    Function::new(
        "zipmap",
        &[
            Parameter::new("keys", Takes::ListOfText).or_marked(),
            Parameter::new("values", Takes::Any).or_unknown_inside().or_marked(),
        ],
        Returns::Dynamic,
        zipmap,
        "Makes a map of a list of keys and a list of values.",
        (r#"zipmap(["a", "b"], [1, 2])"#, "{ a = 1, b = 2 }"),
    ),
];

fn not_a_map<T>(place: usize, value: &Value) -> Result<T, Problem> {
    wrong(place, format!("a map or object is required, not {}", value.type_of().with_article()))
}

fn keys(call: &Arguments<'_>) -> Outcome {
    let map = &call.values[0];
    let text = |key: &Arc<str>| Value::text(key.clone());
    let keys = match map.kind() {
        Kind::Map(map) => Value::list(Type::Text, map.entries.keys().map(text)),
        Kind::Object(object) => Value::tuple(object.attributes.keys().map(text)),
        Kind::Unknown(Type::Object(fields), _) => Value::tuple(fields.keys().map(text)),
        Kind::Unknown(Type::Map(_), _) => Value::unknown(Type::List(Arc::new(Type::Text))),
        Kind::Unknown(Type::Dynamic | Type::Reference(_), _) => Value::unknown(Type::Dynamic),
        _ => return not_a_map(0, map),
    };
    Ok(keys.with_marks(map.marks()))
}

fn values(call: &Arguments<'_>) -> Outcome {
    let map = &call.values[0];
    let values = match map.kind() {
        Kind::Map(map) => Value::list(map.of.clone(), map.entries.values().cloned()),
        Kind::Object(object) => Value::tuple(object.attributes.values().cloned()),
        _ => return not_a_map(0, map),
    };
    Ok(values.with_marks(map.marks()))
}

fn lookup(call: &Arguments<'_>) -> Outcome {
    let (map, key) = (&call.values[0], &call.values[1]);
    let marks = map.marks() | key.marks();
    let default = match &call.values[2..] {
        [] => None,
        [default] => Some(default),
        _ => return failed("it takes two or three arguments"),
    };
    let element = match map.kind() {
        Kind::Map(map) => Some(map.of.clone()),
        Kind::Unknown(Type::Map(of), _) => Some((**of).clone()),
        Kind::Object(_) | Kind::Unknown(Type::Dynamic | Type::Object(_) | Type::Reference(_), _) => None,
        _ => return not_a_map(0, map),
    };
    let default = match (default, &element) {
        (Some(default), Some(of)) => match convert(default, of) {
            Ok(default) => Some(default),
            Err(_) => {
                return wrong(2, format!("the default must be like the values of the map: {}", of.with_article()));
            }
        },
        (default, _) => default.cloned(),
    };
    let (Some(entries), Some(name)) = (map.as_entries(), key.as_text()) else {
        return Ok(Value::unknown(element.unwrap_or(Type::Dynamic)).with_marks(marks));
    };
    match (entries.get(name), default) {
        (Some(found), _) => Ok(found.clone().with_marks(marks)),
        (None, Some(default)) => Ok(default.with_marks(marks)),
        (None, None) if key.is_sensitive() => failed("there is no such key"),
        (None, None) => failed(format!("there is no key `{name}`")),
    }
}

fn merge(call: &Arguments<'_>) -> Outcome {
    let mut marks = Marks::NONE;
    let mut merged: BTreeMap<Arc<str>, Value> = BTreeMap::new();
    let mut types = Vec::new();
    for (place, map) in call.values.iter().enumerate() {
        marks = marks | map.marks();
        match map.as_entries() {
            Some(entries) => merged.extend(entries.iter().map(|(key, entry)| (key.clone(), entry.clone()))),
            None if map.is_null() => {}
            None => return not_a_map(place, map),
        }
        types.push(map.type_of());
    }
    let of_maps = match types.split_first() {
        Some((Type::Map(of), rest)) if rest.iter().all(|other| matches!(other, Type::Map(other) if other == of)) => {
            Some(of)
        }
        _ => None,
    };
    let merged = match of_maps {
        Some(of) => Value::map((**of).clone(), merged),
        None => Value::object(merged),
    };
    Ok(merged.with_marks(marks))
}

fn match_keys(call: &Arguments<'_>) -> Outcome {
    let of = |place: usize| call.values[place].type_of().element().cloned().unwrap_or(Type::Dynamic);
    let (values, keys, search) = (call.items(0), call.items(1), call.items(2));
    let common = match (search.is_empty(), unify(&[of(1), of(2)])) {
        (true, _) => Type::Dynamic,
        (false, Some(common)) => common,
        (false, None) => return failed("keys and what is searched for must be of one type"),
    };
    if values.len() != keys.len() {
        return failed(format!("there are {} values and {} keys; there must be as many", values.len(), keys.len()));
    }
    let converted = |item: &Value| convert(item, &common).map_err(|mismatch| Problem::Call(mismatch.to_string()));
    let search: Vec<Value> = search.iter().map(converted).collect::<Result<_, _>>()?;
    let mut found = Vec::new();
    for (value, key) in values.iter().zip(keys) {
        let key = converted(key)?;
        if search.iter().any(|wanted| equals(wanted, &key) == Some(true)) {
            found.push(value.clone());
        }
    }
    Ok(Value::list(of(0), found))
}

fn transpose(call: &Arguments<'_>) -> Outcome {
    let of_lists = Type::Map(Arc::new(Type::List(Arc::new(Type::Text))));
    let map = convert(&call.values[0], &of_lists).map_err(|mismatch| Problem::Argument(0, mismatch.to_string()))?;
    let mut transposed: BTreeMap<Arc<str>, Vec<Value>> = BTreeMap::new();
    for (key, list) in map.as_entries().into_iter().flatten() {
        for item in list.as_items().unwrap_or_default() {
            match item.as_text() {
                Some(text) => transposed.entry(text.into()).or_default().push(Value::text(key.clone())),
                None => return wrong(0, "its lists must not contain null"),
            }
        }
    }
    let lists = transposed.into_iter().map(|(key, items)| (key, Value::list(Type::Text, items)));
    Ok(Value::map(Type::List(Arc::new(Type::Text)), lists))
}

fn zipmap(call: &Arguments<'_>) -> Outcome {
    let (keys, values) = (&call.values[0], &call.values[1]);
    let mut marks = keys.deep_marks() | values.marks();
    let (Some(names), Some(items)) = (keys.as_items(), values.as_items()) else {
        return wrong(1, format!("a list or tuple is required, not {}", values.type_of().with_article()));
    };
    if matches!(values.kind(), Kind::Set(_)) {
        return wrong(1, "a list or tuple is required, not a set");
    }
    if names.len() != items.len() {
        return failed(format!("there are {} keys and {} values; there must be as many", names.len(), items.len()));
    }
    let mut entries = BTreeMap::new();
    for (place, (name, item)) in names.iter().zip(items).enumerate() {
        marks = marks | name.marks();
        match name.kind() {
            Kind::Text(name) => entries.insert(name.clone(), item.clone()),
            _ => return wrong(0, format!("key {place} is null")),
        };
    }
    let zipped = match values.kind() {
        Kind::List(list) => Value::map(list.of.clone(), entries),
        _ => Value::object(entries),
    };
    Ok(zipped.with_marks(marks))
}

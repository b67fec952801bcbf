//! Questions about collections, and choosing between values.

use super::call::{Arguments, Function, Outcome, Parameter, Problem, Returns, Takes, failed, wrong};
use crate::value::{Kind, Type, Value, convert, equals, unify};
use unicode_segmentation::UnicodeSegmentation;

const LIST: Parameter = Parameter::new("list", Takes::Any);

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new(
        "alltrue",
        &[Parameter::new("list", Takes::ListOfBool).or_unknown_inside()],
        Returns::Bool,
        all_true,
        "Gives true if all items are true; null counts as false.",
        ("alltrue([true, false])", "false"),
    ),
    Function::new(
        "anytrue",
        &[Parameter::new("list", Takes::ListOfBool).or_unknown_inside()],
        Returns::Bool,
        any_true,
        "Gives true if one item is true.",
        ("anytrue([true, false])", "true"),
    ),
    Function::new(
        "coalesce",
        &[],
        Returns::Dynamic,
        coalesce,
        "Gives the first value that is neither null nor empty text, all converted to one type.",
        (r#"coalesce(null, "", "debian")"#, r#""debian""#),
    )
    .variadic(Parameter::new("values", Takes::Any).or_null().or_unknown()),
    Function::new(
        "coalescelist",
        &[],
        Returns::Dynamic,
        coalesce_list,
        "Gives the first list that is not empty.",
        ("coalescelist([], [1])", "[1]"),
    )
    .variadic(Parameter::new("lists", Takes::Any).or_null().or_unknown()),
    Function::new(
        "compact",
        &[Parameter::new("list", Takes::ListOfText)],
        Returns::ListOfText,
        compact,
        "Takes null and empty text out of a list.",
        (r#"compact(["a", ""])"#, r#"["a"]"#),
    ),
    Function::new(
        "contains",
        &[LIST.or_unknown_inside(), Parameter::new("value", Takes::Any)],
        Returns::Computed(|_| Type::Bool),
        contains,
        "Gives true if the value is an item of the list, set or tuple.",
        (r#"contains(["a"], "a")"#, "true"),
    ),
    Function::new(
        "distinct",
        &[Parameter::new("list", Takes::ListOfAny)],
        Returns::First,
        distinct,
        "Takes repeated items out of a list.",
        (r#"distinct(["a", "b", "a"])"#, r#"["a", "b"]"#),
    ),
    Function::new(
        "index",
        &[LIST.or_unknown_inside(), Parameter::new("value", Takes::Any)],
        Returns::Number,
        index,
        "Gives the place of a value in a list, counted from 0.",
        (r#"index(["a", "b"], "b")"#, "1"),
    ),
    Function::new(
        "length",
        &[Parameter::new("value", Takes::Any).or_unknown().or_marked()],
        Returns::Number,
        length,
        "Counts the items of a collection or the characters of text.",
        (r#"length(["a", "b"])"#, "2"),
    ),
    Function::new(
        "one",
        &[LIST.or_unknown_inside()],
        Returns::Dynamic,
        one,
        "Gives the only item of a list, set or tuple, or null if there is none.",
        (r#"one(["a"])"#, r#""a""#),
    ),
];

fn all_true(call: &Arguments<'_>) -> Outcome {
    for item in call.items(0) {
        match item.as_bool() {
            _ if item.is_unknown() => return Ok(Value::unknown(Type::Bool)),
            Some(true) => {}
            Some(false) | None => return Ok(Value::from(false)),
        }
    }
    Ok(Value::from(true))
}

fn any_true(call: &Arguments<'_>) -> Outcome {
    let items = call.items(0);
    match items.iter().any(|item| item.as_bool() == Some(true)) {
        false if items.iter().any(Value::is_unknown) => Ok(Value::unknown(Type::Bool)),
        is_any => Ok(Value::from(is_any)),
    }
}

fn coalesce(call: &Arguments<'_>) -> Outcome {
    let types: Vec<_> = call.values.iter().map(Value::type_of).collect();
    // Blocks need no common type: one of them is chosen as it is.
    let are_blocks = call.values.iter().all(|value| value.address().is_some() || value.is_null());
    let of = match unify(&types) {
        _ if are_blocks => Type::Dynamic,
        Some(of) if of.has_dynamic() => typed(&types).unwrap_or(of),
        Some(of) => of,
        None => return failed("all arguments must be of one type, or convert to one"),
    };
    for value in call.values {
        let value = convert(value, &of).map_err(|mismatch| Problem::Call(mismatch.to_string()))?;
        match value.kind() {
            Kind::Unknown(..) => return Ok(Value::unknown(of)),
            Kind::Null(_) => {}
            Kind::Text(text) if text.is_empty() => {}
            _ => return Ok(value),
        }
    }
    failed("all arguments are null or empty text")
}

/// Returns the type of the arguments whose type is known, when the others only lack one.
fn typed(types: &[Type]) -> Option<Type> {
    let known: Vec<_> = types.iter().filter(|of| **of != Type::Dynamic).cloned().collect();
    unify(&known)
}

fn coalesce_list(call: &Arguments<'_>) -> Outcome {
    if call.values.is_empty() {
        return failed("at least one argument is required");
    }
    // Also what stands behind the one that is taken has to be a list.
    for (place, value) in call.values.iter().enumerate() {
        match value.kind() {
            _ if value.is_unknown() => return Ok(Value::unknown(Type::Dynamic)),
            _ if value.is_null() => return wrong(place, "it must not be null"),
            Kind::Set(_) => return wrong(place, "a list or tuple is required, not a set"),
            _ if value.as_items().is_some() => {}
            _ => return wrong(place, format!("a list or tuple is required, not {}", value.type_of().with_article())),
        }
    }
    let is_filled = |value: &&Value| value.as_items().is_some_and(|items| !items.is_empty());
    call.values.iter().find(is_filled).cloned().map_or_else(|| failed("all lists are empty"), Ok)
}

fn compact(call: &Arguments<'_>) -> Outcome {
    let kept = call.items(0).iter().filter(|item| item.as_text().is_some_and(|text| !text.is_empty()));
    Ok(Value::list(Type::Text, kept.cloned()))
}

fn sequence<'a>(call: &'a Arguments<'_>) -> Result<&'a [Value], Problem> {
    let value = &call.values[0];
    value.as_items().ok_or_else(|| {
        Problem::Argument(0, format!("a list, set or tuple is required, not {}", value.type_of().with_article()))
    })
}

fn contains(call: &Arguments<'_>) -> Outcome {
    let mut is_open = false;
    for item in sequence(call)? {
        match equals(item, &call.values[1]) {
            Some(true) => return Ok(Value::from(true)),
            Some(false) => {}
            None => is_open = true,
        }
    }
    if is_open { Ok(Value::unknown(Type::Bool)) } else { Ok(Value::from(false)) }
}

fn distinct(call: &Arguments<'_>) -> Outcome {
    let items = call.items(0);
    let of = call.values[0].type_of().element().cloned().unwrap_or(Type::Dynamic);
    // A set finds the repeated ones without comparing each with each.
    let set = Value::set(of.clone(), items.iter().cloned());
    let mut left: Vec<_> = set.as_items().into_iter().flatten().map(|item| (item, false)).collect();
    if left.len() == items.len() {
        return Ok(Value::list(of, items.iter().cloned()));
    }
    let mut kept = Vec::new();
    for item in items {
        let place = left.iter().position(|(candidate, is_taken)| !is_taken && *candidate == item);
        if let Some(place) = place {
            left[place].1 = true;
            kept.push(item.clone());
        }
    }
    Ok(Value::list(of, kept))
}

fn index(call: &Arguments<'_>) -> Outcome {
    if matches!(call.values[0].kind(), Kind::Set(_)) {
        return wrong(0, "items of a set have no place");
    }
    for (place, item) in sequence(call)?.iter().enumerate() {
        match equals(item, &call.values[1]) {
            Some(true) => return Ok(Value::from(place as i64)),
            Some(false) => {}
            None => return Ok(Value::unknown(Type::Number)),
        }
    }
    failed("the value is not in the list")
}

fn length(call: &Arguments<'_>) -> Outcome {
    let value = &call.values[0];
    let count = match value.kind() {
        Kind::Text(text) => text.graphemes(true).count(),
        Kind::Set(set) if !value.is_wholly_known() && set.items.len() > 1 => {
            return Ok(Value::unknown(Type::Number).with_marks(value.marks()));
        }
        Kind::List(list) | Kind::Set(list) => list.items.len(),
        Kind::Tuple(items) => items.len(),
        Kind::Map(map) => map.entries.len(),
        Kind::Object(object) => object.attributes.len(),
        Kind::Unknown(Type::Tuple(items), _) => items.len(),
        Kind::Unknown(Type::Object(fields), _) => fields.len(),
        Kind::Unknown(
            Type::Dynamic | Type::Text | Type::List(_) | Type::Set(_) | Type::Map(_) | Type::Reference(_),
            _,
        ) => {
            return Ok(Value::unknown(Type::Number).with_marks(value.marks()));
        }
        Kind::Unknown(Type::Bool | Type::Number, _) | Kind::Null(_) | Kind::Bool(_) | Kind::Number(_) => {
            return wrong(0, format!("text or a collection is required, not {}", value.type_of().with_article()));
        }
    };
    Ok(Value::from(count as i64).with_marks(value.marks()))
}

fn one(call: &Arguments<'_>) -> Outcome {
    let value = &call.values[0];
    match value.as_items() {
        Some([]) => Ok(Value::null(value.type_of().element().cloned().unwrap_or(Type::Dynamic))),
        Some([only]) => Ok(only.clone()),
        Some(items) => {
            wrong(0, format!("a list, set or tuple of at most one item is required, and it has {}", items.len()))
        }
        None => wrong(
            0,
            format!("a list, set or tuple of at most one item is required, not {}", value.type_of().with_article()),
        ),
    }
}

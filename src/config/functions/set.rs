//! Sets.

use super::call::{Arguments, Function, Outcome, Parameter, Problem, Returns, Takes, failed, wrong};
use crate::config::expression::WEIGHT_MAX;
use crate::value::{Kind, Type, Value, convert, equals, unify};
use std::sync::Arc;

const SET: Parameter = Parameter::new("sets", Takes::SetOfAny);

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new(
        "setintersection",
        &[SET.named("first")],
        Returns::Dynamic,
        intersection,
        "Gives the items that are in all sets.",
        (r#"setintersection(["a", "b"], ["b"])"#, r#"["b"]"#),
    )
    .variadic(SET),
    Function::new(
        "setproduct",
        &[],
        Returns::Dynamic,
        product,
        "Gives every combination of one item from each set.",
        (r#"setproduct(["a"], [1, 2])"#, r#"[["a", 1], ["a", 2]]"#),
    )
    .variadic(Parameter::new("sets", Takes::Any).or_unknown_inside()),
    Function::new(
        "setsubtract",
        &[SET.named("from"), SET.named("items")],
        Returns::Dynamic,
        subtract,
        "Gives the items of the first set that are not in the second.",
        (r#"setsubtract(["a", "b"], ["b"])"#, r#"["a"]"#),
    ),
    Function::new(
        "setunion",
        &[SET.named("first").or_unknown_inside()],
        Returns::Dynamic,
        union,
        "Gives the items that are in any of the sets.",
        (r#"setunion(["a"], ["b"])"#, r#"["a", "b"]"#),
    )
    .variadic(SET.or_unknown_inside()),
];

/// Converts all arguments to sets of one type.
fn alike(call: &Arguments<'_>) -> Result<(Type, Vec<Value>), Problem> {
    let mut types = Vec::new();
    for value in call.values {
        match (value.type_of().element(), value.as_items()) {
            (Some(Type::Dynamic), Some([])) | (None, _) => {}
            (Some(of), _) => types.push(of.clone()),
        }
    }
    let of = match (types.is_empty(), unify(&types)) {
        (true, _) => Type::Dynamic,
        (false, Some(of)) => of,
        (false, None) => return failed("the sets must have items of one type"),
    };
    let set = Type::Set(Arc::new(of.clone()));
    let sets =
        call.values.iter().enumerate().map(|(place, value)| {
            convert(value, &set).map_err(|mismatch| Problem::Argument(place, mismatch.to_string()))
        });
    Ok((of, sets.collect::<Result<_, _>>()?))
}

/// Finds an item in a set, which is sorted, by the order of the set itself.
fn has(set: &Value, item: &Value, of: &Type) -> bool {
    let items = set.as_items().unwrap_or_default();
    match (of, item.kind()) {
        (Type::Text, Kind::Text(text)) => items
            .binary_search_by(|other| other.as_text().map_or(std::cmp::Ordering::Greater, |other| other.cmp(text)))
            .is_ok(),
        _ => items.iter().any(|other| equals(other, item) == Some(true)),
    }
}

fn intersection(call: &Arguments<'_>) -> Outcome {
    let (of, sets) = alike(call)?;
    let (first, others) = sets.split_first().expect("there is a first parameter");
    let kept =
        first.as_items().unwrap_or_default().iter().filter(|item| others.iter().all(|other| has(other, item, &of)));
    Ok(Value::set(of.clone(), kept.cloned()))
}

fn subtract(call: &Arguments<'_>) -> Outcome {
    let (of, sets) = alike(call)?;
    let kept = sets[0].as_items().unwrap_or_default().iter().filter(|item| !has(&sets[1], item, &of));
    Ok(Value::set(of.clone(), kept.cloned()))
}

fn union(call: &Arguments<'_>) -> Outcome {
    let (of, sets) = alike(call)?;
    let all: Vec<Value> = sets.iter().flat_map(|set| set.as_items().unwrap_or_default().to_vec()).collect();
    Ok(Value::set(of, all))
}

fn product(call: &Arguments<'_>) -> Outcome {
    if call.values.len() < 2 {
        return failed("at least two arguments are required");
    }
    let mut columns = Vec::new();
    let mut types = Vec::new();
    let mut count: usize = 1;
    for (place, value) in call.values.iter().enumerate() {
        let Some(items) = value.as_items() else {
            return wrong(place, format!("a set, list or tuple is required, not {}", value.type_of().with_article()));
        };
        // The items of a tuple get one type here, like those of lists and sets.
        let list = convert(value, &Type::List(Arc::new(Type::Dynamic)))
            .map_err(|mismatch| Problem::Argument(place, mismatch.to_string()))?;
        types.push(list.type_of().element().cloned().unwrap_or(Type::Dynamic));
        columns.push(list.as_items().unwrap_or_default().to_vec());
        count = count.saturating_mul(items.len());
    }
    if count.saturating_mul(columns.len()) > WEIGHT_MAX as usize {
        return failed("there are too many combinations");
    }
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for column in &columns {
        rows = rows
            .iter()
            .flat_map(|row| column.iter().map(|item| [row.as_slice(), std::slice::from_ref(item)].concat()))
            .collect();
    }
    let of = Type::tuple(types);
    let rows = rows.into_iter().map(Value::tuple);
    match call.values.iter().all(|value| matches!(value.kind(), Kind::Set(_))) {
        true => Ok(Value::set(of, rows)),
        false => Ok(Value::list(of, rows)),
    }
}

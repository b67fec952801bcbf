//! Lists and tuples.

use super::call::{Arguments, Function, Outcome, Parameter, Problem, Returns, Takes, failed, wrong};
use crate::value::{Kind, Marks, Number, Type, Value, convert, unify};
use std::sync::Arc;

const LIST: Parameter = Parameter::new("list", Takes::Any).or_unknown_inside().or_marked();
const NUMBER: Parameter = Parameter::new("number", Takes::Number);

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new(
        "chunklist",
        &[Parameter::new("list", Takes::ListOfAny).or_unknown_inside().or_marked(), NUMBER.named("size")],
        Returns::Dynamic,
        chunk,
        "Splits a list into lists of a size.",
        ("chunklist([1, 2, 3], 2)", "[[1, 2], [3]]"),
    ),
    Function::new(
        "concat",
        &[],
        Returns::Dynamic,
        concat,
        "Joins lists and tuples to one.",
        ("concat([1], [2, 3])", "[1, 2, 3]"),
    )
    .variadic(LIST.named("lists")),
    Function::new(
        "element",
        &[LIST, NUMBER.named("index")],
        Returns::Dynamic,
        element,
        "Gives the item at an index; past the end it begins anew, and negative ones count from the end.",
        (r#"element(["a", "b"], 2)"#, r#""a""#),
    ),
    Function::new(
        "flatten",
        &[LIST],
        Returns::Dynamic,
        flatten,
        "Replaces lists inside a list by their items, at every depth.",
        ("flatten([[1], [2, [3]]])", "[1, 2, 3]"),
    ),
    Function::new(
        "range",
        &[],
        Returns::ListOfNumber,
        range,
        "Gives numbers from a start up to but not including a limit, at most 1024.",
        ("range(3)", "[0, 1, 2]"),
    )
    .variadic(NUMBER.named("numbers")),
    Function::new(
        "reverse",
        &[LIST],
        Returns::Dynamic,
        reverse,
        "Gives a list in reverse order.",
        ("reverse([1, 2])", "[2, 1]"),
    ),
    Function::new(
        "slice",
        &[LIST, NUMBER.named("start"), NUMBER.named("end")],
        Returns::Dynamic,
        slice,
        "Gives the items from a start up to but not including an end.",
        ("slice([1, 2, 3], 1, 3)", "[2, 3]"),
    ),
    Function::new(
        "sort",
        &[Parameter::new("list", Takes::ListOfText)],
        Returns::ListOfText,
        sort,
        "Sorts a list of strings, by bytes.",
        (r#"sort(["b", "a"])"#, r#"["a", "b"]"#),
    ),
];

/// Most numbers `range` makes, as in Terraform.
const RANGE_MAX: usize = 1024;

fn sequence<'a>(call: &'a Arguments<'_>, place: usize) -> Result<&'a [Value], Problem> {
    let value = &call.values[place];
    match value.kind() {
        Kind::List(list) => Ok(&list.items),
        Kind::Tuple(items) => Ok(items),
        _ => wrong(place, format!("a list or tuple is required, not {}", value.type_of().with_article())),
    }
}

/// Makes a list where the argument was one, else a tuple, with the argument's marks.
fn like(model: &Value, items: Vec<Value>) -> Value {
    let made = match model.kind() {
        Kind::List(list) | Kind::Set(list) => Value::list(list.of.clone(), items),
        _ => Value::tuple(items),
    };
    made.with_marks(model.marks())
}

fn chunk(call: &Arguments<'_>) -> Outcome {
    let (list, size) = (&call.values[0], call.integer(1)?);
    let Ok(size) = usize::try_from(size) else { return wrong(1, "the size must not be negative") };
    let items = call.items(0);
    let of = list.type_of().element().cloned().unwrap_or(Type::Dynamic);
    let size = if size == 0 { items.len().max(1) } else { size };
    let chunks = items.chunks(size).map(|chunk| Value::list(of.clone(), chunk.iter().cloned()));
    Ok(Value::list(Type::List(Arc::new(of.clone())), chunks).with_marks(list.marks()))
}

fn concat(call: &Arguments<'_>) -> Outcome {
    if call.values.is_empty() {
        return failed("at least one argument is required");
    }
    let mut marks = Marks::NONE;
    let mut all = Vec::new();
    for place in 0..call.values.len() {
        marks = marks | call.values[place].marks();
        all.extend_from_slice(sequence(call, place)?);
    }
    let types: Vec<_> = call.values.iter().map(Value::type_of).collect();
    let common = if types.iter().all(|of| matches!(of, Type::List(_))) { unify(&types) } else { None };
    let Some(Type::List(of)) = common else { return Ok(Value::tuple(all).with_marks(marks)) };
    let converted: Result<Vec<_>, _> = all.iter().map(|item| convert(item, &of)).collect();
    let converted = converted.map_err(|mismatch| Problem::Call(mismatch.to_string()))?;
    Ok(Value::list((*of).clone(), converted).with_marks(marks))
}

fn element(call: &Arguments<'_>) -> Outcome {
    let items = sequence(call, 0)?;
    let index = call.integer(1)?;
    match items.len() as i64 {
        0 => failed("an empty list has no items"),
        _ if index < 0 => wrong(1, "the index must not be negative"),
        length => Ok(items[index.rem_euclid(length) as usize].clone().with_marks(call.values[0].marks())),
    }
}

fn flatten(call: &Arguments<'_>) -> Outcome {
    let list = &call.values[0];
    if list.as_items().is_none() {
        return wrong(0, format!("a list, set or tuple is required, not {}", list.type_of().with_article()));
    }
    let mut flat = Flat { items: Vec::new(), marks: Marks::NONE, is_known: true };
    flat.add(list);
    match flat.is_known {
        true => Ok(Value::tuple(flat.items).with_marks(flat.marks)),
        false => Ok(Value::unknown(Type::Dynamic).with_marks(flat.marks)),
    }
}

struct Flat {
    items: Vec<Value>,
    marks: Marks,
    is_known: bool,
}

impl Flat {
    fn add(&mut self, list: &Value) {
        self.marks = self.marks | list.marks();
        for item in list.as_items().unwrap_or_default() {
            match item.kind() {
                Kind::List(_) | Kind::Set(_) | Kind::Tuple(_) => self.add(item),
                // It may turn out to be a list.
                Kind::Unknown(Type::Dynamic | Type::List(_) | Type::Set(_) | Type::Tuple(_), _) => {
                    self.is_known = false;
                }
                _ => self.items.push(item.clone()),
            }
        }
    }
}

fn range(call: &Arguments<'_>) -> Outcome {
    let number = |place: usize| call.number(place).clone();
    let one_towards = |start: &Number, end: &Number| Number::from(if end < start { -1 } else { 1 });
    let zero = Number::from(0);
    let (start, end, step) = match call.values.len() {
        1 => (zero.clone(), number(0), one_towards(&zero, call.number(0))),
        2 => (number(0), number(1), one_towards(call.number(0), call.number(1))),
        3 => (number(0), number(1), number(2)),
        count => return failed(format!("it takes one, two or three numbers, not {count}")),
    };
    let goes_down = match step.signum() {
        0 => return wrong(2, "the step must not be zero"),
        sign => sign < 0,
    };
    if (goes_down && end > start) || (!goes_down && end < start) {
        return wrong(1, "the step leads away from the limit");
    }
    let mut numbers = Vec::new();
    let mut next = start;
    while if goes_down { next > end } else { next < end } {
        if numbers.len() == RANGE_MAX {
            return failed(format!("it would give more than {RANGE_MAX} numbers"));
        }
        let after = next.plus(&step);
        numbers.push(Value::from(next));
        next = match after {
            Some(after) => after,
            None => return failed("the numbers are too large"),
        };
    }
    Ok(Value::list(Type::Number, numbers))
}

fn reverse(call: &Arguments<'_>) -> Outcome {
    let list = &call.values[0];
    match list.as_items() {
        Some(items) => Ok(like(list, items.iter().rev().cloned().collect())),
        None => wrong(0, format!("a list, set or tuple is required, not {}", list.type_of().with_article())),
    }
}

fn slice(call: &Arguments<'_>) -> Outcome {
    let items = sequence(call, 0)?;
    let (start, end) = (call.integer(1)?, call.integer(2)?);
    let place = |argument: usize, at: i64| match usize::try_from(at) {
        Ok(at) if at <= items.len() => Ok(at),
        Ok(_) => wrong(argument, format!("{at} is past the end: there are {} items", items.len())),
        Err(_) => wrong(argument, "it must not be negative"),
    };
    let (start, end) = (place(1, start)?, place(2, end)?);
    if start > end {
        return wrong(1, "the start must not be after the end");
    }
    Ok(like(&call.values[0], items[start..end].to_vec()))
}

fn sort(call: &Arguments<'_>) -> Outcome {
    let mut items = call.items(0).to_vec();
    if let Some(place) = items.iter().position(Value::is_null) {
        return wrong(0, format!("item {place} is null, which has no place in the order"));
    }
    items.sort_by(|left, right| left.as_text().cmp(&right.as_text()));
    Ok(Value::list(Type::Text, items))
}

//! Numbers.

use super::call::{Arguments, Function, Outcome, Parameter, Problem, Returns, Takes, failed, wrong};
use super::power;
use crate::value::{Kind, Number, Type, Value, convert};

const NUMBER: Parameter = Parameter::new("number", Takes::Number);

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new(
        "abs",
        &[NUMBER],
        Returns::Number,
        |call| Ok(call.number(0).absolute().into()),
        "Gives the number without its sign.",
        ("abs(-3)", "3"),
    ),
    Function::new(
        "ceil",
        &[NUMBER],
        Returns::Number,
        |call| Ok(call.number(0).ceiling().into()),
        "Rounds up to a whole number.",
        ("ceil(1.2)", "2"),
    ),
    Function::new(
        "floor",
        &[NUMBER],
        Returns::Number,
        |call| Ok(call.number(0).floor().into()),
        "Rounds down to a whole number.",
        ("floor(1.8)", "1"),
    ),
    Function::new(
        "signum",
        &[NUMBER],
        Returns::Number,
        |call| Ok(call.integer(0)?.signum().into()),
        "Gives -1, 0 or 1 by the sign of a whole number.",
        ("signum(-7)", "-1"),
    ),
    Function::new(
        "log",
        &[NUMBER, NUMBER.named("base")],
        Returns::Number,
        log,
        "Gives the logarithm of a number in a base.",
        ("log(8, 2)", "3"),
    ),
    Function::new(
        "pow",
        &[NUMBER, NUMBER.named("power")],
        Returns::Number,
        pow,
        "Raises a number to a power.",
        ("pow(2, 10)", "1024"),
    ),
    Function::new("max", &[], Returns::Number, max, "Gives the largest of the numbers.", ("max(1, 3, 2)", "3"))
        .variadic(NUMBER.named("numbers")),
    Function::new("min", &[], Returns::Number, min, "Gives the smallest of the numbers.", ("min(1, 3, 2)", "1"))
        .variadic(NUMBER.named("numbers")),
    Function::new(
        "parseint",
        &[Parameter::new("number", Takes::Any), NUMBER.named("base")],
        Returns::Computed(|_| Type::Number),
        parse_integer,
        "Reads text as a whole number in a base from 2 to 62.",
        (r#"parseint("ff", 16)"#, "255"),
    ),
    Function::new(
        "sum",
        &[Parameter::new("list", Takes::Any)],
        Returns::Number,
        sum,
        "Adds the numbers of a list or set.",
        ("sum([1, 2, 3])", "6"),
    ),
];

fn from_double(double: f64) -> Outcome {
    match Number::from_f64(double) {
        Some(number) => Ok(Value::from(number)),
        None => failed("the result is not a number that can be written down"),
    }
}

fn log(call: &Arguments<'_>) -> Outcome {
    from_double(power::log(call.number(0).as_f64()) / power::log(call.number(1).as_f64()))
}

fn pow(call: &Arguments<'_>) -> Outcome {
    from_double(power::pow(call.number(0).as_f64(), call.number(1).as_f64()))
}

fn max(call: &Arguments<'_>) -> Outcome {
    extreme((0..call.values.len()).map(|place| call.number(place)).max())
}

fn min(call: &Arguments<'_>) -> Outcome {
    extreme((0..call.values.len()).map(|place| call.number(place)).min())
}

fn extreme(number: Option<&Number>) -> Outcome {
    number.map_or_else(|| failed("at least one number is required"), |number| Ok(Value::from(number.clone())))
}

fn parse_integer(call: &Arguments<'_>) -> Outcome {
    let Some(text) = call.values[0].as_text() else {
        return wrong(0, format!("a string is required, not {}", call.values[0].type_of().with_article()));
    };
    let base = call.integer(1)?;
    if !(2..=62).contains(&base) {
        return wrong(1, "the base must be from 2 to 62");
    }
    let (sign, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) => (if text.starts_with('-') { "-" } else { "" }, digits),
        None => ("", text),
    };
    let number = if digits.is_empty() || digits.len() > 10_000 { None } else { from_digits(digits, base) };
    match number {
        Some(number) if sign == "-" => Ok(Value::from(number.negated())),
        Some(number) => Ok(Value::from(number)),
        None => wrong(0, format!("`{text}` is not a whole number in base {base}")),
    }
}

/// Up to base 36 letters of both cases mean the same; above, upper case comes after lower case.
fn from_digits(digits: &str, base: i64) -> Option<Number> {
    if base <= 36 {
        let is_digits = digits.chars().all(|digit| digit.is_digit(base as u32));
        return if is_digits { Number::from_digits(digits, base as u32) } else { None };
    }
    digits.bytes().try_fold(Number::from(0), |number, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'z' => digit - b'a' + 10,
            b'A'..=b'Z' => digit - b'A' + 36,
            _ => return None,
        };
        let digit = i64::from(digit);
        if digit < base { number.times(&base.into())?.plus(&digit.into()) } else { None }
    })
}

fn sum(call: &Arguments<'_>) -> Outcome {
    let list = &call.values[0];
    let Some(items) = list.as_items() else {
        return wrong(0, format!("a list, set or tuple of numbers is required, not {}", list.type_of().with_article()));
    };
    if items.is_empty() {
        return failed("cannot sum an empty list");
    }
    let not_numbers = || Problem::Argument(0, "a list, set or tuple of numbers is required".into());
    let mut sum = Number::from(0);
    for item in items {
        let number = convert(item, &Type::Number).map_err(|_| not_numbers())?;
        let Kind::Number(number) = number.kind() else { return Err(not_numbers()) };
        sum = sum.plus(number).ok_or_else(|| Problem::Call("the sum is out of the range of numbers".into()))?;
    }
    Ok(Value::from(sum))
}

//! `format` and `formatlist`: Go's verbs, with widths that count what a reader sees as characters.

use super::call::{Arguments, Function, Outcome, Parameter, Problem, Returns, Takes, failed, wrong};
use super::json;
use crate::config::expression::TEXT_MAX;
use crate::value::{Kind, Number, Type, Value, convert, normalized};
use unicode_segmentation::UnicodeSegmentation;

const FORMAT: Parameter = Parameter::new("format", Takes::Text);
const VALUES: Parameter = Parameter::new("values", Takes::Any).or_null();

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("format", &[FORMAT], Returns::Computed(|_| Type::Text), format, "Makes text from a format with verbs: `%s` text, `%d` whole number, `%f` decimals, `%q` quoted, `%v` anything, `%5d` and `%05d` width, `%.2f` precision, `%[2]s` by position.", (r#"format("%s-%02d", "mc", 7)"#, r#""mc-07""#)).variadic(VALUES),
    Function::new("formatlist", &[FORMAT], Returns::ListOfText, format_list, "Makes a list of texts: lists among the values are gone through together, other values are repeated.", (r#"formatlist("%s.lan", ["a", "b"])"#, r#"["a.lan", "b.lan"]"#)).variadic(VALUES.or_unknown()),
];

/// Widest padding and longest precision.
const WIDTH_MAX: usize = 100_000;

/// One `%...` of a format.
#[derive(Default)]
struct Verb {
    text: String,
    offset: usize,
    plus: bool,
    minus: bool,
    space: bool,
    zero: bool,
    sharp: bool,
    width: Option<usize>,
    precision: Option<usize>,
    argument: Option<usize>,
    letter: char,
}

fn format(call: &Arguments<'_>) -> Outcome {
    formatted(call.text(0), &call.values[1..]).map(|text| normalized(&text))
}

fn formatted(format: &str, values: &[Value]) -> Result<String, Problem> {
    let mut result = String::new();
    let mut rest = format;
    let (mut next, mut highest) = (0, 0);
    while let Some(at) = rest.find('%') {
        result.push_str(&rest[..at]);
        let offset = format.len() - rest.len() + at;
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("%%") {
            result.push('%');
            rest = after;
            continue;
        }
        let (verb, length) = verb(rest, offset)?;
        rest = &rest[length..];
        let place = verb.argument.unwrap_or(next);
        next = place + 1;
        highest = highest.max(next);
        let Some(value) = values.get(place) else {
            return failed(format!(
                "`{}` at {offset} needs value number {}, and there are {}",
                verb.text,
                place + 1,
                values.len()
            ));
        };
        append(&verb, value, &mut result)?;
        if result.len() > TEXT_MAX {
            return failed("the text would be too long");
        }
    }
    result.push_str(rest);
    if highest < values.len() {
        return wrong(highest + 1, format!("there are {} values, and the format uses {highest}", values.len()));
    }
    Ok(result)
}

fn verb(text: &str, offset: usize) -> Result<(Verb, usize), Problem> {
    let mut verb = Verb { offset, ..Verb::default() };
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((_, flag)) = characters.next_if(|(_, flag)| "+- #0".contains(*flag)) {
        match flag {
            '+' => verb.plus = true,
            '-' => verb.minus = true,
            ' ' => verb.space = true,
            '0' => verb.zero = true,
            _ => verb.sharp = true,
        }
    }
    let number = |characters: &mut std::iter::Peekable<std::iter::Skip<std::str::CharIndices<'_>>>| {
        let mut digits = String::new();
        while let Some((_, digit)) = characters.next_if(|(_, digit)| digit.is_ascii_digit()) {
            digits.push(digit);
        }
        match digits.is_empty() {
            true => Ok(None),
            false => match digits.parse::<usize>() {
                Ok(number) if number <= WIDTH_MAX => Ok(Some(number)),
                _ => failed(format!("a width at {offset} is larger than {WIDTH_MAX}")),
            },
        }
    };
    verb.width = number(&mut characters)?;
    if characters.next_if(|(_, dot)| *dot == '.').is_some() {
        verb.precision = Some(number(&mut characters)?.unwrap_or(0));
    }
    if characters.next_if(|(_, bracket)| *bracket == '[').is_some() {
        let position = number(&mut characters)?.filter(|position| *position > 0);
        let is_closed = characters.next_if(|(_, bracket)| *bracket == ']').is_some();
        match position.filter(|_| is_closed) {
            Some(position) => verb.argument = Some(position - 1),
            None => return failed(format!("the position in brackets at {offset} is not a number from 1")),
        }
    }
    match characters.next() {
        Some((at, letter)) if "vtbdoxXeEfgGsq".contains(letter) => {
            verb.letter = letter;
            let length = at + 1;
            verb.text = text[..length].into();
            Ok((verb, length))
        }
        Some((at, other)) => failed(format!("`{}` at {offset} is not a verb", &text[..at + other.len_utf8()])),
        None => failed(format!("the verb at {offset} is not complete")),
    }
}

fn append(verb: &Verb, value: &Value, result: &mut String) -> Result<(), Problem> {
    let unsuitable =
        |text: String| Problem::Call(format!("`{}` at {} cannot take this value: {text}", verb.text, verb.offset));
    if value.is_null() && verb.letter != 'v' {
        return Err(unsuitable("it is null".into()));
    }
    let to = |of: &Type| convert(value, of).map_err(|mismatch| unsuitable(mismatch.to_string()));
    match verb.letter {
        'v' => {
            let text = match value.kind() {
                Kind::Text(text) if !verb.sharp => text.to_string(),
                Kind::Number(number) if !verb.sharp => general(number, None, 'e'),
                _ => json::encode(value),
            };
            result.push_str(&padded(verb, text));
        }
        't' => result.push_str(if to(&Type::Bool)?.as_bool() == Some(true) { "true" } else { "false" }),
        's' | 'q' => {
            let text = to(&Type::Text)?;
            let mut text = text.as_text().unwrap_or_default().to_string();
            if let Some(precision) = verb.precision.filter(|precision| *precision > 0) {
                text = text.graphemes(true).take(precision).collect();
            }
            let text = if verb.letter == 'q' { json::encode(&Value::from(text)) } else { text };
            result.push_str(&padded(verb, text));
        }
        _ => {
            let number = to(&Type::Number)?;
            let Kind::Number(number) = number.kind() else { return Err(unsuitable("it is not a number".into())) };
            let digits = match verb.letter {
                'b' | 'd' | 'o' | 'x' | 'X' => {
                    integer(verb, number).ok_or_else(|| unsuitable("a whole number is required".into()))?
                }
                letter => float(verb, &number.absolute(), letter),
            };
            result.push_str(&signed(verb, number, &digits));
        }
    }
    Ok(())
}

fn padded(verb: &Verb, text: String) -> String {
    let Some(missing) = verb.width.and_then(|width| width.checked_sub(text.graphemes(true).count())) else {
        return text;
    };
    match (verb.minus, verb.zero) {
        (true, _) => text + &" ".repeat(missing),
        (false, true) => "0".repeat(missing) + &text,
        (false, false) => " ".repeat(missing) + &text,
    }
}

/// Puts the sign and the padding around the digits of a number.
fn signed(verb: &Verb, number: &Number, digits: &str) -> String {
    let sign = match (number.signum() < 0, verb.plus, verb.space) {
        (true, ..) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        (false, false, false) => "",
    };
    let length = sign.len() + digits.len();
    let missing = verb.width.unwrap_or(0).saturating_sub(length);
    let has_integer_precision = "bdoxX".contains(verb.letter) && verb.precision.is_some();
    match (verb.minus, verb.zero && !has_integer_precision) {
        (true, _) => format!("{sign}{digits}{}", " ".repeat(missing)),
        (false, true) => format!("{sign}{}{digits}", "0".repeat(missing)),
        (false, false) => format!("{}{sign}{digits}", " ".repeat(missing)),
    }
}

fn integer(verb: &Verb, number: &Number) -> Option<String> {
    let base = match verb.letter {
        'b' => 2,
        'o' => 8,
        'd' => 10,
        _ => 16,
    };
    let mut digits = number.absolute().to_digits(base)?;
    if verb.letter == 'X' {
        digits = digits.to_uppercase();
    }
    if let Some(missing) = verb.precision.and_then(|precision| precision.checked_sub(digits.len())) {
        digits = "0".repeat(missing) + &digits;
    }
    let prefix = match (verb.sharp, verb.letter) {
        (true, 'b') => "0b",
        (true, 'o') => "0",
        (true, 'x') => "0x",
        (true, 'X') => "0X",
        _ => "",
    };
    Some(format!("{prefix}{digits}"))
}

fn float(verb: &Verb, number: &Number, letter: char) -> String {
    match letter {
        'f' => fixed(number, verb.precision.unwrap_or(6)),
        'e' | 'E' => scientific(number, Some(verb.precision.unwrap_or(6)), letter),
        'g' => general(number, verb.precision, 'e'),
        _ => general(number, verb.precision, 'E'),
    }
}

fn fixed(number: &Number, decimals: usize) -> String {
    let digits = number.rounded_digits(decimals as i64);
    let digits = format!("{digits:0>width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    if decimals == 0 { whole.to_string() } else { format!("{whole}.{fraction}") }
}

/// Returns the digits of a positive number and the power of ten of the first: exactly `count` digits, or as many as tell it from others.
fn significant(number: &Number, count: Option<usize>) -> (String, i64) {
    let text = number.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let all = format!("{whole}{fraction}");
    let zeros = all.len() - all.trim_start_matches('0').len();
    if zeros == all.len() {
        return ("0".repeat(count.unwrap_or(1)), 0);
    }
    let exponent = whole.len() as i64 - 1 - zeros as i64;
    let Some(count) = count else { return (all[zeros..].trim_end_matches('0').to_string(), exponent) };
    let digits = number.rounded_digits(count as i64 - 1 - exponent);
    match digits.len() > count {
        // Rounding up has made one more digit.
        true => (digits[..count].to_string(), exponent + 1),
        false => (digits, exponent),
    }
}

fn scientific(number: &Number, precision: Option<usize>, letter: char) -> String {
    let (digits, exponent) = significant(number, precision.map(|precision| precision + 1));
    let sign = if exponent < 0 { '-' } else { '+' };
    let point = if digits.len() > 1 { "." } else { "" };
    format!("{}{point}{}{letter}{sign}{:02}", &digits[..1], &digits[1..], exponent.abs())
}

/// The shorter of fixed and scientific, without zeros at the end.
fn general(number: &Number, precision: Option<usize>, letter: char) -> String {
    let is_negative = number.signum() < 0;
    let number = &number.absolute();
    let (digits, exponent) = significant(number, precision.map(|precision| precision.max(1)));
    let digits = digits.trim_end_matches('0');
    let limit = match precision {
        None => 6,
        Some(precision) if precision > digits.len() && digits.len() as i64 > exponent => digits.len() as i64,
        Some(precision) => precision.max(1) as i64,
    };
    let text = match exponent < -4 || exponent >= limit {
        true => scientific(number, Some(digits.len().saturating_sub(1)), letter),
        false => fixed(number, (digits.len() as i64 - 1 - exponent).max(0) as usize),
    };
    if is_negative { format!("-{text}") } else { text }
}

fn format_list(call: &Arguments<'_>) -> Outcome {
    let values = &call.values[1..];
    let mut length = None;
    for (place, value) in values.iter().enumerate() {
        if matches!(value.kind(), Kind::Unknown(Type::Dynamic | Type::List(_) | Type::Set(_) | Type::Tuple(_), _)) {
            return Ok(Value::unknown(Type::Dynamic));
        }
        let Some(items) = value.as_items() else { continue };
        match length {
            None => length = Some(items.len()),
            Some(length) if length == items.len() => {}
            Some(length) => {
                return wrong(
                    place + 1,
                    format!("it has {} items, and an argument before it has {length}", items.len()),
                );
            }
        }
    }
    let mut texts = Vec::new();
    for round in 0..length.unwrap_or(1) {
        let row: Vec<Value> = values
            .iter()
            .map(|value| value.as_items().map_or_else(|| value.clone(), |items| items[round].clone()))
            .collect();
        if row.iter().any(|value| !value.is_wholly_known()) {
            texts.push(Value::unknown(Type::Text));
            continue;
        }
        match formatted(call.text(0), &row) {
            Ok(text) => texts.push(normalized(&text)),
            Err(Problem::Call(text)) => return failed(format!("item {round}: {text}")),
            Err(problem) => return Err(problem),
        }
    }
    Ok(Value::list(Type::Text, texts))
}

//! Text. Lengths and positions count what a reader sees as one character (grapheme clusters).

use super::call::{Arguments, Function, Outcome, Parameter, Returns, Takes, failed, wrong};
use crate::config::expression::TEXT_MAX;
use crate::value::{Type, Value, normalized};
use unicode_segmentation::UnicodeSegmentation;

const TEXT: Parameter = Parameter::new("text", Takes::Text);

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new(
        "chomp",
        &[TEXT],
        Returns::Text,
        |call| Ok(Value::from(call.text(0).trim_end_matches(['\r', '\n']))),
        "Takes line ends off the end.",
        (r#"chomp("a\n")"#, r#""a""#),
    ),
    Function::new(
        "endswith",
        &[TEXT, TEXT.named("suffix")],
        Returns::Bool,
        |call| Ok(Value::from(call.text(0).ends_with(call.text(1)))),
        "Gives true if the text ends with the suffix.",
        (r#"endswith("node1", "1")"#, "true"),
    ),
    Function::new(
        "indent",
        &[Parameter::new("spaces", Takes::Number), TEXT],
        Returns::Text,
        indent,
        "Puts spaces before every line but the first.",
        (r#"indent(2, "a\nb")"#, r#""a\n  b""#),
    ),
    Function::new(
        "join",
        &[Parameter::new("separator", Takes::Text)],
        Returns::Text,
        join,
        "Joins the texts of lists with a separator.",
        (r#"join(", ", ["a", "b"])"#, r#""a, b""#),
    )
    .variadic(Parameter::new("lists", Takes::ListOfText)),
    Function::new(
        "lower",
        &[TEXT],
        Returns::Text,
        |call| Ok(mapped(call.text(0), lower)),
        "Gives the text in lower case.",
        (r#"lower("Lobby")"#, r#""lobby""#),
    ),
    Function::new(
        "upper",
        &[TEXT],
        Returns::Text,
        |call| Ok(mapped(call.text(0), upper)),
        "Gives the text in upper case.",
        (r#"upper("eu")"#, r#""EU""#),
    ),
    Function::new(
        "title",
        &[TEXT],
        Returns::Text,
        title,
        "Makes the first letter of each word upper case.",
        (r#"title("game server")"#, r#""Game Server""#),
    ),
    Function::new(
        "split",
        &[Parameter::new("separator", Takes::Text), TEXT],
        Returns::ListOfText,
        split,
        "Splits text at each separator.",
        (r#"split(",", "a,b")"#, r#"["a", "b"]"#),
    ),
    Function::new(
        "startswith",
        &[TEXT, TEXT.named("prefix")],
        Returns::Bool,
        |call| Ok(Value::from(call.text(0).starts_with(call.text(1)))),
        "Gives true if the text begins with the prefix.",
        (r#"startswith("mc-1", "mc")"#, "true"),
    ),
    Function::new(
        "strcontains",
        &[TEXT, TEXT.named("part")],
        Returns::Bool,
        |call| Ok(Value::from(call.text(0).contains(call.text(1)))),
        "Gives true if the part is in the text.",
        (r#"strcontains("lobby", "obb")"#, "true"),
    ),
    Function::new(
        "strrev",
        &[TEXT],
        Returns::Text,
        |call| Ok(normalized(&call.text(0).graphemes(true).rev().collect::<String>())),
        "Gives the text backwards.",
        (r#"strrev("abc")"#, r#""cba""#),
    ),
    Function::new(
        "substr",
        &[TEXT, Parameter::new("offset", Takes::Number), Parameter::new("length", Takes::Number)],
        Returns::Text,
        substr,
        "Gives part of the text. A negative offset counts from the end; length -1 means the rest.",
        (r#"substr("survival", 0, 4)"#, r#""surv""#),
    ),
    Function::new(
        "trim",
        &[TEXT, TEXT.named("characters")],
        Returns::Text,
        trim,
        "Takes characters off both ends.",
        (r#"trim("?!hi!?", "!?")"#, r#""hi""#),
    ),
    Function::new(
        "trimprefix",
        &[TEXT, TEXT.named("prefix")],
        Returns::Text,
        |call| Ok(Value::from(call.text(0).strip_prefix(call.text(1)).unwrap_or(call.text(0)))),
        "Takes a prefix off, if it is there.",
        (r#"trimprefix("vm-a", "vm-")"#, r#""a""#),
    ),
    Function::new(
        "trimspace",
        &[TEXT],
        Returns::Text,
        |call| Ok(Value::from(call.text(0).trim())),
        "Takes blanks and line ends off both ends.",
        (r#"trimspace(" a\n")"#, r#""a""#),
    ),
    Function::new(
        "trimsuffix",
        &[TEXT, TEXT.named("suffix")],
        Returns::Text,
        |call| Ok(Value::from(call.text(0).strip_suffix(call.text(1)).unwrap_or(call.text(0)))),
        "Takes a suffix off, if it is there.",
        (r#"trimsuffix("a.lan", ".lan")"#, r#""a""#),
    ),
];

/// Changes characters one by one: Terraform does not let one character become two.
fn mapped(text: &str, map: fn(char) -> char) -> Value {
    normalized(&text.chars().map(map).collect::<String>())
}

fn lower(character: char) -> char {
    match character {
        'İ' => 'i',
        _ => single(character.to_lowercase(), character),
    }
}

fn upper(character: char) -> char {
    single(character.to_uppercase(), character)
}

/// Returns how a character is written at the begin of a word: four letters of Latin that stand for two have a form for that, and
/// Georgian ones have upper case only where all is in upper case.
fn title_case(character: char) -> char {
    match character {
        'Ǆ'..='ǆ' => 'ǅ',
        'Ǉ'..='ǉ' => 'ǈ',
        'Ǌ'..='ǌ' => 'ǋ',
        'Ǳ'..='ǳ' => 'ǲ',
        'ა'..='ჿ' => character,
        _ => upper(character),
    }
}

fn single(mut mapped: impl Iterator<Item = char>, otherwise: char) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(only), None) => only,
        _ => otherwise,
    }
}

fn title(call: &Arguments<'_>) -> Outcome {
    let is_separator = |character: char| match character {
        '_' => false,
        _ if character.is_ascii() => !character.is_ascii_alphanumeric(),
        _ => character.is_whitespace(),
    };
    let mut previous = ' ';
    let titled = |character: char| {
        let starts_word = is_separator(std::mem::replace(&mut previous, character));
        if starts_word { title_case(character) } else { character }
    };
    Ok(normalized(&call.text(0).chars().map(titled).collect::<String>()))
}

fn indent(call: &Arguments<'_>) -> Outcome {
    let spaces = call.integer(0)?;
    let text = call.text(1);
    let Ok(spaces) = usize::try_from(spaces) else { return wrong(0, "the number of spaces must not be negative") };
    let lines = text.matches('\n').count();
    if spaces.saturating_mul(lines) > TEXT_MAX {
        return failed(format!("the text would be longer than {} MiB", TEXT_MAX >> 20));
    }
    Ok(Value::from(text.replace('\n', &format!("\n{}", " ".repeat(spaces)))))
}

fn join(call: &Arguments<'_>) -> Outcome {
    if call.values.len() == 1 {
        return failed("at least one list is required");
    }
    let mut parts = Vec::new();
    for place in 1..call.values.len() {
        for (index, item) in call.items(place).iter().enumerate() {
            match item.as_text() {
                Some(text) => parts.push(text),
                None => return wrong(place, format!("item {index} is null")),
            }
        }
    }
    let length: usize = parts.iter().map(|part| part.len() + call.text(0).len()).sum();
    match length > TEXT_MAX {
        true => failed(format!("the text would be longer than {} MiB", TEXT_MAX >> 20)),
        false => Ok(normalized(&parts.join(call.text(0)))),
    }
}

fn split(call: &Arguments<'_>) -> Outcome {
    let (separator, text) = (call.text(0), call.text(1));
    let parts: Vec<Value> = match separator.is_empty() {
        true => text.chars().map(|character| Value::from(character.to_string())).collect(),
        false => text.split(separator).map(normalized).collect(),
    };
    Ok(Value::list(Type::Text, parts))
}

fn substr(call: &Arguments<'_>) -> Outcome {
    let (offset, length) = (call.integer(1)?, call.integer(2)?);
    let clusters: Vec<&str> = call.text(0).graphemes(true).collect();
    let start = match usize::try_from(offset) {
        Ok(offset) => offset,
        // An offset before the beginning is the beginning.
        Err(_) => clusters.len().saturating_sub(usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX)),
    };
    let rest = clusters.get(start..).unwrap_or_default();
    let length = usize::try_from(length).unwrap_or(rest.len()).min(rest.len());
    Ok(normalized(&rest[..length].concat()))
}

fn trim(call: &Arguments<'_>) -> Outcome {
    let characters: Vec<char> = call.text(1).chars().collect();
    Ok(normalized(call.text(0).trim_matches(&characters[..])))
}

//! Regular expressions, in Terraform's dialect (RE2).

use super::call::{Arguments, Function, Outcome, Parameter, Problem, Returns, Takes, failed, wrong};
use crate::value::{ObjectField, Type, Value, normalized};
use regex::{Captures, Regex, RegexBuilder};
use std::sync::Arc;

const TEXT: Parameter = Parameter::new("text", Takes::Text);
const PATTERN: Parameter = Parameter::new("pattern", Takes::Text);

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new(
        "regex",
        &[PATTERN, TEXT],
        Returns::Computed(result_type),
        find,
        "Finds the first match: its text, or its groups as a list or (named) an object. No match is an error.",
        (r#"regex("[0-9]+", "pve12")"#, r#""12""#),
    ),
    Function::new(
        "regexall",
        &[PATTERN, TEXT],
        Returns::Computed(|values| Type::List(Arc::new(result_type(values)))),
        find_all,
        "Finds all matches.",
        (r#"regexall("[0-9]", "a1b2")"#, r#"["1", "2"]"#),
    ),
    Function::new(
        "replace",
        &[TEXT, TEXT.named("part"), TEXT.named("replacement")],
        Returns::Text,
        replace,
        "Replaces every occurrence of a part; a part in slashes is a regular expression.",
        (r#"replace("1.2.3", ".", "-")"#, r#""1-2-3""#),
    ),
];

/// Largest count in `{n}`, as in RE2.
const REPEAT_MAX: u32 = 1000;

fn compile(pattern: &str) -> Result<Regex, String> {
    let translated = translate(pattern)?;
    let regex = RegexBuilder::new(&translated).size_limit(1 << 20).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it is too large".to_string(),
        other => other.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_string(),
    })?;
    Ok(regex)
}

/// Rewrites what RE2 and the `regex` crate read differently: `\d`, `\w`, `\s` and `\b` mean ASCII, `\Q..\E` quotes, counts are limited
/// and do not follow each other.
fn translate(pattern: &str) -> Result<String, String> {
    let mut result = String::with_capacity(pattern.len());
    let mut rest = pattern;
    let mut follows_count = false;
    while let Some(character) = rest.chars().next() {
        let after = &rest[character.len_utf8()..];
        let is_braced = character == '{' && after.starts_with(|digit: char| digit.is_ascii_digit());
        let is_count = is_braced || matches!(character, '*' | '+' | '?');
        if is_count && follows_count && character != '?' {
            return Err("a count follows a count".into());
        }
        // After a question mark that makes a count lazy there may be no other count either, but the crate sees that itself.
        follows_count = is_count && !is_braced && !follows_count;
        rest = match character {
            '\\' => escape(after, false, &mut result)?,
            '[' => class(after, &mut result)?,
            '{' if is_braced => {
                check_count(after)?;
                result.push('{');
                after
            }
            // In RE2 a brace that is not a count is a brace.
            '{' => {
                result.push_str("\\{");
                after
            }
            other => {
                result.push(other);
                after
            }
        };
    }
    Ok(result)
}

/// Translates an escape, from what follows the backslash; returns what follows the escape.
fn escape<'p>(after: &'p str, in_class: bool, result: &mut String) -> Result<&'p str, String> {
    let Some(letter) = after.chars().next() else {
        result.push('\\');
        return Ok(after);
    };
    let rest = &after[letter.len_utf8()..];
    match letter {
        'Q' => {
            let (quoted, rest) = rest.split_once("\\E").unwrap_or((rest, ""));
            result.push_str(&regex::escape(quoted));
            return Ok(rest);
        }
        'd' | 'D' | 'w' | 'W' | 's' | 'S' => result.push_str(ascii_class(letter, in_class)),
        'b' | 'B' if !in_class => result.push_str(&format!("(?-u:\\{letter})")),
        'p' | 'P' => {
            // A Unicode class, `\pN` or `\p{Greek}`, is copied whole.
            let end = match rest.starts_with('{') {
                true => rest.find('}').map_or(rest.len(), |at| at + 1),
                false => rest.chars().next().map_or(0, char::len_utf8),
            };
            result.extend(['\\', letter]);
            result.push_str(&rest[..end]);
            return Ok(&rest[end..]);
        }
        other => result.extend(['\\', other]),
    }
    Ok(rest)
}

/// Translates a class, from what follows its bracket; returns what follows the class.
fn class<'p>(after: &'p str, result: &mut String) -> Result<&'p str, String> {
    result.push('[');
    let mut rest = after;
    for (open, written) in [('^', "^"), (']', "\\]")] {
        if let Some(tail) = rest.strip_prefix(open) {
            result.push_str(written);
            rest = tail;
        }
    }
    while let Some(character) = rest.chars().next() {
        let after = &rest[character.len_utf8()..];
        rest = match (character, rest.find(":]")) {
            (']', _) => {
                result.push(']');
                return Ok(after);
            }
            ('\\', _) => escape(after, true, result)?,
            ('[', Some(end)) if after.starts_with(':') => {
                result.push_str(&rest[..end + 2]);
                &rest[end + 2..]
            }
            // The crate would read these as a class in a class, and as operations on classes.
            ('[', _) => {
                result.push_str("\\[");
                after
            }
            ('&' | '~' | '-', _) if after.starts_with(character) => {
                result.extend(['\\', character]);
                after
            }
            (other, _) => {
                result.push(other);
                after
            }
        };
    }
    Ok(rest)
}

fn ascii_class(class: char, in_class: bool) -> &'static str {
    match (class, in_class) {
        ('d', false) => "[0-9]",
        ('d', true) => "0-9",
        ('D', _) => "[^0-9]",
        ('w', false) => "[0-9A-Za-z_]",
        ('w', true) => "0-9A-Za-z_",
        ('W', _) => "[^0-9A-Za-z_]",
        ('s', false) => "[\\t\\n\\f\\r ]",
        ('s', true) => "\\t\\n\\f\\r ",
        _ => "[^\\t\\n\\f\\r ]",
    }
}

fn check_count(after: &str) -> Result<(), String> {
    let count = after.split('}').next().unwrap_or_default();
    let is_too_large = count
        .split(',')
        .any(|number| number.parse::<u32>().is_ok_and(|number| number > REPEAT_MAX) || number.len() > 9);
    if is_too_large { Err(format!("a count in braces is larger than {REPEAT_MAX}")) } else { Ok(()) }
}

enum Groups {
    None,
    Numbered,
    Named(Vec<String>),
}

fn groups(regex: &Regex) -> Result<Groups, String> {
    let names: Vec<_> = regex.capture_names().skip(1).collect();
    let named: Vec<String> = names.iter().flatten().map(ToString::to_string).collect();
    match (names.len(), named.len()) {
        (0, _) => Ok(Groups::None),
        (_, 0) => Ok(Groups::Numbered),
        (all, named_count) if all == named_count => Ok(Groups::Named(named)),
        _ => Err("named and unnamed groups cannot be mixed".into()),
    }
}

fn prepared(call: &Arguments<'_>) -> Result<(Regex, Groups), Problem> {
    let explain = |error: String| Problem::Argument(0, format!("the regular expression is wrong: {error}"));
    let regex = compile(call.text(0)).map_err(explain)?;
    let groups = groups(&regex).map_err(explain)?;
    Ok((regex, groups))
}

fn result_type(values: &[Value]) -> Type {
    let regex = values.first().and_then(Value::as_text).and_then(|pattern| compile(pattern).ok());
    match regex.map(|regex| (groups(&regex), regex.captures_len() - 1)) {
        Some((Ok(Groups::None), _)) => Type::Text,
        Some((Ok(Groups::Numbered), count)) => Type::tuple(vec![Type::Text; count]),
        Some((Ok(Groups::Named(names)), _)) => Type::Object(Arc::new(
            names.into_iter().map(|name| (name.into(), ObjectField { of: Type::Text, is_optional: false })).collect(),
        )),
        _ => Type::Dynamic,
    }
}

fn match_value(captures: &Captures<'_>, groups: &Groups) -> Value {
    let group = |found: Option<regex::Match<'_>>| {
        found.map_or_else(|| Value::null(Type::Text), |found| normalized(found.as_str()))
    };
    match groups {
        Groups::None => group(captures.get(0)),
        Groups::Numbered => Value::tuple((1..captures.len()).map(|index| group(captures.get(index)))),
        Groups::Named(names) => Value::object(names.iter().map(|name| (name.as_str(), group(captures.name(name))))),
    }
}

fn find(call: &Arguments<'_>) -> Outcome {
    let (regex, groups) = prepared(call)?;
    match regex.captures(call.text(1)) {
        Some(captures) => Ok(match_value(&captures, &groups)),
        None => failed("the text does not match the pattern"),
    }
}

fn find_all(call: &Arguments<'_>) -> Outcome {
    let (regex, groups) = prepared(call)?;
    let matches = regex.captures_iter(call.text(1)).map(|captures| match_value(&captures, &groups));
    Ok(Value::list(result_type(call.values), matches))
}

fn replace(call: &Arguments<'_>) -> Outcome {
    let (text, part, replacement) = (call.text(0), call.text(1), call.text(2));
    let pattern = part.strip_prefix('/').and_then(|part| part.strip_suffix('/'));
    let Some(pattern) = pattern.filter(|_| part.len() > 1) else {
        let length = if part.is_empty() {
            text.len() * (replacement.len() + 1)
        } else {
            text.matches(part).count() * replacement.len() + text.len()
        };
        return match length > crate::config::expression::TEXT_MAX {
            true => failed("the text would be too long"),
            false => Ok(normalized(&text.replace(part, replacement))),
        };
    };
    match compile(pattern) {
        Ok(regex) => Ok(normalized(&regex.replace_all(text, replacement))),
        Err(error) => wrong(1, format!("the regular expression is wrong: {error}")),
    }
}

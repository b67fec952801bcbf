//! Values as a user would write them, with what is sensitive or unknown masked: for terminals and diagnostics.

use super::{Kind, Value};
use std::fmt::{self, Write};

/// Longest form that a diagnostic shows.
const SHORT_MAX: usize = 80;

/// A value in HCL syntax, over several lines where it has parts.
pub struct Display<'a>(pub &'a Value);

impl fmt::Display for Display<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_value(f, self.0, Some(0))
    }
}

/// Returns a value in HCL syntax on one line, cut off when it is long.
pub fn display_short(value: &Value) -> String {
    let mut limited = Limited(String::new());
    match write_value(&mut limited, value, None) {
        Ok(()) => limited.0,
        Err(fmt::Error) => {
            let end = limited.0.char_indices().nth(SHORT_MAX - 1).map_or(limited.0.len(), |(at, _)| at);
            format!("{}…", &limited.0[..end])
        }
    }
}

/// Stops the writer once there is enough, so that a large value costs no more than a small one.
struct Limited(String);

impl Write for Limited {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.push_str(text);
        if self.0.len() > SHORT_MAX * 4 || self.0.chars().count() > SHORT_MAX { Err(fmt::Error) } else { Ok(()) }
    }
}

fn write_value(out: &mut dyn Write, value: &Value, depth: Option<usize>) -> fmt::Result {
    if value.is_sensitive() {
        return out.write_str("(sensitive)");
    }
    match value.kind() {
        Kind::Null(_) => out.write_str("null"),
        Kind::Bool(flag) => write!(out, "{flag}"),
        Kind::Number(number) => write!(out, "{number}"),
        Kind::Text(text) => write_quoted(out, text),
        Kind::Unknown(..) => out.write_str("(known after apply)"),
        Kind::List(_) | Kind::Set(_) | Kind::Tuple(_) => {
            let items = value.as_items().expect("lists, sets and tuples have items");
            write_parts(out, "[]", items.iter(), depth, |out, item, depth| write_value(out, item, depth))
        }
        Kind::Map(_) | Kind::Object(_) => {
            let entries = value.as_entries().expect("maps and objects have entries");
            write_parts(out, "{}", entries.iter(), depth, |out, (key, entry), depth| {
                match is_name(key) {
                    true => out.write_str(key)?,
                    false => write_quoted(out, key)?,
                }
                out.write_str(" = ")?;
                write_value(out, entry, depth)
            })
        }
    }
}

/// Writes parts between brackets: each on a line of its own at `depth`, or all on one line.
fn write_parts<T>(
    out: &mut dyn Write,
    brackets: &str,
    parts: impl ExactSizeIterator<Item = T>,
    depth: Option<usize>,
    write_part: impl Fn(&mut dyn Write, T, Option<usize>) -> fmt::Result,
) -> fmt::Result {
    let (open, close) = brackets.split_at(1);
    out.write_str(open)?;
    let (is_empty, pads) = (parts.len() == 0, close == "}" && depth.is_none());
    for (place, part) in parts.enumerate() {
        match depth {
            Some(depth) => write!(out, "\n{:indent$}", "", indent = (depth + 1) * 2)?,
            None if place > 0 => out.write_str(", ")?,
            None if pads => out.write_str(" ")?,
            None => {}
        }
        write_part(out, part, depth.map(|depth| depth + 1))?;
        // In lists of several lines items are separated by commas, entries by their lines.
        if depth.is_some() && close == "]" {
            out.write_str(",")?;
        }
    }
    match depth {
        _ if is_empty => {}
        Some(depth) => write!(out, "\n{:indent$}", "", indent = depth * 2)?,
        None if pads => out.write_str(" ")?,
        None => {}
    }
    out.write_str(close)
}

fn is_name(key: &str) -> bool {
    let mut characters = key.chars();
    characters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|character| character.is_alphanumeric() || character == '_' || character == '-')
}

fn write_quoted(out: &mut dyn Write, text: &str) -> fmt::Result {
    out.write_str("\"")?;
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        match character {
            '"' | '\\' => write!(out, "\\{character}")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            '$' | '%' if rest[1..].starts_with('{') => write!(out, "{character}{character}")?,
            other if other.is_control() => write!(out, "\\u{:04x}", u32::from(other))?,
            other => out.write_char(other)?,
        }
        rest = &rest[character.len_utf8()..];
    }
    out.write_str("\"")
}

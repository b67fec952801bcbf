//! YAML: read from the parser's events with Terraform's rules for plain scalars, written the way its library writes.

use super::call::{Arguments, Function, Outcome, Parameter, Problem, Returns, Takes};
use crate::value::{Entries, Kind, Number, Type, Value, normalized};
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Tag};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new(
        "yamldecode",
        &[Parameter::new("text", Takes::Text)],
        Returns::Dynamic,
        decode,
        "Reads YAML: one document.",
        (r#"yamldecode("a: [1, yes]")"#, "{ a = [1, true] }"),
    ),
    Function::new(
        "yamlencode",
        &[Parameter::new("value", Takes::Any).or_null()],
        Returns::Text,
        |call| Ok(Value::from(encode(&call.values[0]))),
        "Writes a value as YAML, keys sorted, text in quotes.",
        (r#"yamlencode({ a = "x" })"#, r#""\"a\": \"x\"\n""#),
    ),
];

/// Levels a document may have.
const DEPTH_MAX: usize = 200;

/// Where a line of quoted text is broken, as libyaml does.
const WIDTH: usize = 80;

fn decode(call: &Arguments<'_>) -> Outcome {
    let mut reader = Reader { events: Parser::new_from_str(call.text(0)), anchors: BTreeMap::new(), depth: 0 };
    reader.document().map_err(|text| Problem::Argument(0, format!("it is not YAML that can be read: {text}")))
}

struct Reader<'input, P: Iterator<Item = Result<(Event<'input>, saphyr_parser::Span), ScanError>>> {
    events: P,
    anchors: BTreeMap<usize, Value>,
    depth: usize,
}

impl<'input, P: Iterator<Item = Result<(Event<'input>, saphyr_parser::Span), ScanError>>> Reader<'input, P> {
    fn next(&mut self) -> Result<Event<'input>, String> {
        match self.events.next() {
            Some(Ok((event, _))) => Ok(event),
            Some(Err(error)) => Err(error.to_string()),
            None => Ok(Event::StreamEnd),
        }
    }

    fn document(&mut self) -> Result<Value, String> {
        let mut found = None;
        loop {
            match self.next()? {
                Event::StreamEnd => return found.ok_or_else(|| "it is empty".to_string()),
                Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
                Event::DocumentStart(_) if found.is_some() => return Err("there is more than one document".into()),
                Event::DocumentStart(_) => {
                    let event = self.next()?;
                    found = Some(self.node(event)?);
                }
                _ => return Err("there is something outside the document".into()),
            }
        }
    }

    fn node(&mut self, event: Event<'input>) -> Result<Value, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("it is more than {DEPTH_MAX} levels deep"));
        }
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => (scalar(&text, style, tag.as_deref())?, anchor),
            Event::SequenceStart(anchor, tag) => {
                check_tag(tag.as_ref(), "seq")?;
                (self.sequence()?, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                check_tag(tag.as_ref(), "map")?;
                (self.mapping()?, anchor)
            }
            Event::Alias(anchor) => {
                (self.anchors.get(&anchor).cloned().ok_or("an alias refers to what it is part of, or to nothing")?, 0)
            }
            _ => return Err("the document ends too early".into()),
        };
        if value.weight() > crate::config::expression::WEIGHT_MAX {
            return Err("with its aliases written out it is too large".into());
        }
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
        self.depth -= 1;
        Ok(value)
    }

    fn sequence(&mut self) -> Result<Value, String> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                Event::SequenceEnd => return Ok(Value::tuple(items)),
                event => items.push(self.node(event)?),
            }
        }
    }

    fn mapping(&mut self) -> Result<Value, String> {
        let mut entries: BTreeMap<Arc<str>, Value> = BTreeMap::new();
        let mut merged: BTreeMap<Arc<str>, Value> = BTreeMap::new();
        loop {
            let event = self.next()?;
            if event == Event::MappingEnd {
                merged.extend(entries);
                return Ok(Value::object(merged));
            }
            let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = self.node(event)?;
            let event = self.next()?;
            let value = self.node(event)?;
            if is_merge {
                merge(&value, &mut merged)?;
                continue;
            }
            match crate::value::convert(&key, &Type::Text) {
                Ok(key) if key.as_text().is_some() => {
                    entries.insert(key.as_text().unwrap_or_default().into(), value);
                }
                _ => return Err("a key is neither text nor a number nor a bool".into()),
            }
        }
    }
}

fn merge(value: &Value, merged: &mut BTreeMap<Arc<str>, Value>) -> Result<(), String> {
    if let Some(items) = value.as_items() {
        return items.iter().try_for_each(|item| merge(item, merged));
    }
    for (key, entry) in value.as_entries().ok_or("`<<` takes a mapping, or a sequence of them")? {
        merged.entry(key.clone()).or_insert_with(|| entry.clone());
    }
    Ok(())
}

fn check_tag(tag: Option<&Cow<'_, Tag>>, wanted: &str) -> Result<(), String> {
    match tag {
        Some(tag) if !(is_core(tag) && tag.suffix == wanted) => {
            Err(format!("tag `{}{}` is not supported", tag.handle, tag.suffix))
        }
        _ => Ok(()),
    }
}

fn is_core(tag: &Tag) -> bool {
    tag.handle == "tag:yaml.org,2002:" || tag.handle == "!!"
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    let wrong = |what: &str| format!("`{text}` is not {what}");
    match tag {
        None if style != ScalarStyle::Plain => Ok(normalized(text)),
        None => plain(text),
        Some(tag) if tag.handle.is_empty() && tag.suffix == "!" => Ok(normalized(text)),
        // As in Terraform, a quoted scalar stays text whatever its tag says.
        Some(tag) if is_core(tag) && style != ScalarStyle::Plain && tag.suffix != "null" => Ok(normalized(text)),
        Some(tag) if !is_core(tag) => Err(format!("tag `{}{}` is not supported", tag.handle, tag.suffix)),
        Some(tag) => match tag.suffix.as_str() {
            "str" | "binary" => Ok(normalized(text)),
            "null" => Ok(Value::null(Type::Dynamic)),
            "bool" => flag(text).map(Value::from).ok_or_else(|| wrong("a bool")),
            "int" | "float" => number(text).map(Value::from).ok_or_else(|| wrong("a number")),
            "timestamp" => timestamp(text).map(Value::from).ok_or_else(|| wrong("a time")),
            _ => Err(format!("tag `{}{}` is not supported", tag.handle, tag.suffix)),
        },
    }
}

fn plain(text: &str) -> Result<Value, String> {
    if matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Ok(Value::null(Type::Dynamic));
    }
    let unsigned = text.trim_start_matches(['+', '-']);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") {
        return Err(format!("`{text}` is not a finite number"));
    }
    if let Some(flag) = flag(text) {
        return Ok(Value::from(flag));
    }
    if let Some(time) = timestamp(text) {
        return Ok(Value::from(time));
    }
    Ok(number(text).map_or_else(|| normalized(text), Value::from))
}

fn flag(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

fn number(text: &str) -> Option<Number> {
    let in_base = |digits: &str, base: u32| {
        let is_digits = !digits.is_empty() && digits.len() < 1000 && digits.chars().all(|digit| digit.is_digit(base));
        if is_digits { Number::from_digits(digits, base) } else { None }
    };
    match (text.strip_prefix("0x"), text.strip_prefix("0o")) {
        (Some(digits), _) => in_base(digits, 16),
        (_, Some(digits)) => in_base(digits, 8),
        _ if text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) => Number::parse(text),
        _ => None,
    }
}

/// Rewrites dates and times (`2001-1-1`, `2001-01-01 10:00:00`) to RFC 3339.
fn timestamp(text: &str) -> Option<String> {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some(&text[at..])),
        None => (text, None),
    };
    let number = |text: &str, digits: std::ops::RangeInclusive<usize>| {
        let is_number = digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { text.parse::<i16>().ok() } else { None }
    };
    let parts: Vec<&str> = date.split('-').collect();
    let [year, month, day] = parts[..] else { return None };
    let (year, month, day) = (number(year, 4..=4)?, number(month, 1..=2)?, number(day, 1..=2)?);
    jiff::civil::Date::new(year, month as i8, day as i8).ok()?;
    let date = format!("{year:04}-{month:02}-{day:02}");
    let Some(time) = time else { return Some(format!("{date}T00:00:00Z")) };
    let has_zone = !time.starts_with(' ');
    let clock = &time[1..];
    let zone_at = clock.find(['Z', '+', '-']).unwrap_or(clock.len());
    let (clock, zone) = clock.split_at(zone_at);
    let zone = match (has_zone, zone) {
        (false, "") | (true, "Z") => "Z",
        (true, zone) if zone.len() == 6 && zone.as_bytes()[3] == b':' => zone,
        _ => return None,
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let parts: Vec<&str> = clock.split(':').collect();
    let [hour, minute, second] = parts[..] else { return None };
    let (hour, minute, second) = (number(hour, 1..=2)?, number(minute, 1..=2)?, number(second, 1..=2)?);
    number(&fraction[..fraction.len().min(4)], 1..=4)?;
    jiff::civil::Time::new(hour as i8, minute as i8, second as i8, 0).ok()?;
    Some(format!("{date}T{hour:02}:{minute:02}:{second:02}{zone}"))
}

fn encode(value: &Value) -> String {
    let mut writer = Writer { text: String::new() };
    let is_open = writer.node(value, -1, true);
    writer.text.push('\n');
    // A plain scalar at the top has no end of its own.
    if is_open {
        writer.text.push_str("...\n");
    }
    writer.text
}

struct Writer {
    text: String,
}

impl Writer {
    /// Writes a value after its key or dash, without a line end; returns whether it was a plain scalar.
    fn node(&mut self, value: &Value, indent: i32, at_line_start: bool) -> bool {
        match value.kind() {
            Kind::Text(text) => {
                self.string(text, indent);
                return false;
            }
            Kind::Null(_) => self.text.push_str("null"),
            Kind::Bool(flag) => self.text.push_str(if *flag { "true" } else { "false" }),
            Kind::Number(number) => write!(self.text, "{number}").expect("writing to a String cannot fail"),
            Kind::List(_) | Kind::Set(_) | Kind::Tuple(_) => {
                self.items(value.as_items().expect("lists, sets and tuples have items"), indent, at_line_start);
                return false;
            }
            Kind::Map(_) | Kind::Object(_) => {
                self.entries(value.as_entries().expect("maps and objects have entries"), indent, at_line_start);
                return false;
            }
            Kind::Unknown(..) => {
                unreachable!("functions are not called with unknown arguments unless they ask for them")
            }
        }
        true
    }

    fn line(&mut self, indent: i32) {
        self.text.push('\n');
        self.text.extend(std::iter::repeat_n(' ', usize::try_from(indent).unwrap_or(0)));
    }

    fn items(&mut self, items: &[Value], indent: i32, at_line_start: bool) {
        if items.is_empty() {
            self.text.push_str("[]");
            return;
        }
        // Below a key a list is as deep as the key; below a dash it goes on behind it.
        let own = if indent < 0 { 0 } else { indent + if at_line_start { 2 } else { 0 } };
        for (place, item) in items.iter().enumerate() {
            if place > 0 || !at_line_start {
                self.line(own);
            }
            self.text.push_str("- ");
            self.node(item, own, true);
        }
    }

    fn entries(&mut self, entries: &Entries, indent: i32, at_line_start: bool) {
        if entries.is_empty() {
            self.text.push_str("{}");
            return;
        }
        let own = if indent < 0 { 0 } else { indent + 2 };
        for (place, (key, entry)) in entries.iter().enumerate() {
            if place > 0 || !at_line_start {
                self.line(own);
            }
            if key.len() <= 128 && !key.contains('\n') {
                self.quoted(key, own, false);
            } else {
                self.text.push_str("? ");
                self.string(key, own);
                self.line(own);
            }
            self.text.push(':');
            let is_block = entry.as_items().is_some_and(|items| !items.is_empty())
                || entry.as_entries().is_some_and(|entries| !entries.is_empty());
            if !is_block {
                self.text.push(' ');
            }
            self.node(entry, own, !is_block);
        }
    }

    fn string(&mut self, text: &str, indent: i32) {
        let indent = if indent < 0 { 2 } else { indent + 2 };
        let is_literal = text.contains('\n')
            && !text.ends_with(' ')
            && !text.contains(" \n")
            && text.chars().all(|character| character == '\n' || is_printable(character));
        if !is_literal {
            self.quoted(text, indent, true);
            return;
        }
        self.text.push('|');
        if text.starts_with([' ', '\n']) {
            self.text.push('2');
        }
        let body = text.strip_suffix('\n');
        match body {
            None => self.text.push('-'),
            Some(body) if body.is_empty() || body.ends_with('\n') => self.text.push('+'),
            Some(_) => {}
        }
        for line in body.unwrap_or(text).split('\n') {
            if line.is_empty() {
                self.text.push('\n');
            } else {
                self.line(indent);
                self.text.push_str(line);
            }
        }
    }

    fn quoted(&mut self, text: &str, indent: i32, may_break: bool) {
        let line_start = self.text.rfind('\n').map_or(0, |at| at + 1);
        let mut column = self.text[line_start..].chars().count() + 1;
        let mut after_space = false;
        self.text.push('"');
        let characters: Vec<char> = text.chars().collect();
        for (place, character) in characters.iter().enumerate() {
            let before = self.text.len();
            if *character == ' ' {
                if may_break && !after_space && column > WIDTH && place > 0 && place + 1 < characters.len() {
                    self.line(indent);
                    column = usize::try_from(indent).unwrap_or(0);
                    if characters[place + 1] == ' ' {
                        self.text.push('\\');
                        column += 1;
                    }
                } else {
                    self.text.push(' ');
                    column += 1;
                }
                after_space = true;
                continue;
            }
            after_space = false;
            escape(*character, &mut self.text);
            column += self.text[before..].chars().count();
        }
        self.text.push('"');
    }
}

fn escape(character: char, out: &mut String) {
    let short = match character {
        '\0' => "\\0",
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\t' => "\\t",
        '\n' => "\\n",
        '\u{b}' => "\\v",
        '\u{c}' => "\\f",
        '\r' => "\\r",
        '\u{1b}' => "\\e",
        '"' => "\\\"",
        '\\' => "\\\\",
        '\u{85}' => "\\N",
        '\u{2028}' => "\\L",
        '\u{2029}' => "\\P",
        _ if is_printable(character) => return out.push(character),
        _ => "",
    };
    let code = u32::from(character);
    let written = match code {
        _ if !short.is_empty() => out.write_str(short),
        0..=0xff => write!(out, "\\x{code:02X}"),
        0x100..=0xffff => write!(out, "\\u{code:04X}"),
        _ => write!(out, "\\U{code:08X}"),
    };
    written.expect("writing to a String cannot fail");
}

/// Whether libyaml writes a character as it is.
fn is_printable(character: char) -> bool {
    matches!(character, '\u{20}'..='\u{7e}' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

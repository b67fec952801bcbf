//! Values as the user would write them. Sensitive ones are `(sensitive value)`, unknown ones `(known after apply)`, at any depth.

use crate::value::{Entries, Kind, Value};

/// A value shorter than this goes on one line.
const LINE: usize = 72;

/// Returns a value on one line.
pub fn inline(value: &Value) -> String {
    if value.is_sensitive() {
        return "(sensitive value)".into();
    }
    match value.kind() {
        Kind::Null(_) => "null".into(),
        Kind::Unknown(..) => "(known after apply)".into(),
        Kind::Bool(flag) => flag.to_string(),
        Kind::Number(number) => number.to_string(),
        Kind::Text(text) if is_digest(text) => quoted(&format!("{}...", &text[..12])),
        Kind::Text(text) => quoted(text),
        Kind::List(_) | Kind::Set(_) | Kind::Tuple(_) => {
            let items = value.as_items().into_iter().flatten();
            format!("[{}]", items.map(inline).collect::<Vec<_>>().join(", "))
        }
        Kind::Map(map) => braces(&map.entries),
        Kind::Object(object) => match &object.address {
            Some(address) => address.to_string(),
            None => braces(&object.attributes),
        },
    }
}

/// Returns a value on as many lines as it needs to be read: one, if it is short. Lines after the first are indented within the value.
pub fn lines(value: &Value) -> Vec<String> {
    let one = inline(value);
    let shown_whole = value.is_sensitive() || value.is_unknown() || value.address().is_some();
    let is_text_block = value.as_text().is_some_and(|text| text.trim_end().contains('\n'));
    if shown_whole || (one.chars().count() <= LINE && !is_text_block) {
        return vec![one];
    }
    if let Some(text) = value.as_text().filter(|_| is_text_block) {
        let body = text.trim_end_matches('\n').split('\n').map(|line| format!("  {line}"));
        return std::iter::once("<<-EOT".to_owned()).chain(body).chain(["EOT".to_owned()]).collect();
    }
    if let Some(items) = value.as_items() {
        let body = items.iter().flat_map(|item| indented("", lines(item), ","));
        return std::iter::once("[".to_owned()).chain(body).chain(["]".to_owned()]).collect();
    }
    if let Some(entries) = value.as_entries() {
        let width = entries.keys().map(|key| name(key).chars().count()).max().unwrap_or(0);
        let body =
            entries.iter().flat_map(|(key, item)| indented(&format!("{:width$} = ", name(key)), lines(item), ""));
        return std::iter::once("{".to_owned()).chain(body).chain(["}".to_owned()]).collect();
    }
    vec![one]
}

/// Returns a name as it is written on the left of `=`: bare if it is an identifier, else quoted.
pub fn name(text: &str) -> String {
    let is_start = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
    let is_identifier = text.starts_with(is_start)
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-');
    if is_identifier { text.to_owned() } else { quoted(text) }
}

/// Returns text in quotes, with what HCL and a terminal would take for something else escaped.
pub fn quoted(text: &str) -> String {
    let mut result = String::from("\"");
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' | '\\' => result.extend(['\\', letter]),
            '\n' => result.push_str("\\n"),
            '\r' => result.push_str("\\r"),
            '\t' => result.push_str("\\t"),
            '$' | '%' if letters.peek() == Some(&'{') => result.extend([letter, letter]),
            letter if letter.is_control() || turns_text(letter) => {
                result.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            letter => result.push(letter),
        }
    }
    result.push('"');
    result
}

/// Whether text is a SHA-256 in hexadecimal digits: nobody reads more than its beginning.
fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Letters that make a terminal show what follows in another order than it is: a value could pose as another.
fn turns_text(letter: char) -> bool {
    matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn braces(entries: &Entries) -> String {
    match entries.is_empty() {
        true => "{}".into(),
        false => {
            let entries: Vec<String> =
                entries.iter().map(|(key, item)| format!("{} = {}", name(key), inline(item))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
    }
}

fn indented(head: &str, mut lines: Vec<String>, tail: &str) -> Vec<String> {
    lines[0].insert_str(0, head);
    lines.last_mut().expect("a value has a line").push_str(tail);
    lines.iter().map(|line| format!("  {line}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Marks, Type};

    fn secret() -> Value {
        Value::from("hunter2").with_marks(Marks::SENSITIVE)
    }

    #[test]
    fn values_read_like_the_language() {
        let value = Value::object([
            ("flag", Value::from(true)),
            ("a key", Value::from("say \"${x}\"\n")),
            ("of", Value::block("tenant.acme", Entries::default())),
            ("list", Value::tuple([Value::from(1), Value::null(Type::Text)])),
        ]);
        assert_eq!(
            inline(&value),
            r#"{ "a key" = "say \"$${x}\"\n", flag = true, list = [1, null], of = tenant.acme }"#
        );
    }

    #[test]
    fn secrets_and_unknowns_hide_at_any_depth() {
        let value = Value::object([("a", Value::tuple([secret(), Value::unknown(Type::Text)]))]);
        assert_eq!(inline(&value), "{ a = [(sensitive value), (known after apply)] }");
        assert_eq!(lines(&Value::from("one\ntwo").with_marks(Marks::SENSITIVE)), ["(sensitive value)"]);
    }

    #[test]
    fn long_values_take_several_lines() {
        let long = "x".repeat(60);
        let value =
            Value::object([("a", Value::tuple([Value::from(&*long), Value::from(&*long)])), ("bb", Value::from(1))]);
        let quoted = format!("\"{long}\"");
        assert_eq!(lines(&value).join("\n"), format!("{{\n  a  = [\n    {quoted},\n    {quoted},\n  ]\n  bb = 1\n}}"));
        assert_eq!(lines(&Value::from("one\ntwo\n")), ["<<-EOT", "  one", "  two", "EOT"]);
    }
}

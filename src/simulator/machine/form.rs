//! Decodes parameters the way Proxmox VE does, traps included.
//!
//! Both `&` and `;` end a pair; a second raw `=` loses the rest; `+` is a space; a repeated name is an array.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::request::Fault;

/// A parameter before its schema is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Raw {
    Text(String),
    List(Vec<String>),
}

pub(super) type RawParameters = BTreeMap<String, Raw>;

/// Decodes a form body or a query string.
pub(super) fn decode(text: &str) -> RawParameters {
    let mut parameters = RawParameters::new();
    for pair in text.split(['&', ';']).filter(|pair| !pair.is_empty()) {
        let mut parts = pair.split('=');
        let name = unescape(parts.next().unwrap_or_default());
        let value = unescape(parts.next().unwrap_or_default());
        // `_dc` only defeats caches.
        if name != "_dc" {
            add(&mut parameters, name, value);
        }
    }
    parameters
}

/// Decodes a body by its content type; no type means a form.
pub(super) fn decode_body(content_type: Option<&str>, body: &[u8]) -> Result<RawParameters, Fault> {
    let kind = content_type.unwrap_or("application/x-www-form-urlencoded");
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/x-www-form-urlencoded" => Ok(decode(&String::from_utf8_lossy(body))),
        "application/json" if body.is_empty() => Ok(RawParameters::new()),
        "application/json" => decode_json(body),
        other => Err(Fault { has_body: false, ..Fault::new(506, format!("upload '{other}' not supported")) }),
    }
}

fn decode_json(body: &[u8]) -> Result<RawParameters, Fault> {
    let not_json = |error: String| Fault::new(400, format!("unable to parse JSON body: {error}"));
    let value: Value = serde_json::from_slice(body).map_err(|error| not_json(error.to_string()))?;
    let Value::Object(members) = value else {
        return Err(not_json("not an object".to_owned()));
    };
    let mut parameters = RawParameters::new();
    for (name, value) in members {
        let raw = match value {
            Value::Null => Raw::Text(String::new()),
            Value::Array(items) => Raw::List(items.iter().filter_map(scalar).collect()),
            other => match scalar(&other) {
                Some(text) => Raw::Text(text),
                None => {
                    return Err(Fault::parameter(&name, "type check ('string') failed - got HASH"));
                }
            },
        };
        parameters.insert(name, raw);
    }
    Ok(parameters)
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Bool(flag) => Some(if *flag { "1" } else { "0" }.to_owned()),
        Value::Number(number) => {
            let text = number.to_string();
            Some(text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned))
        }
        Value::String(text) => Some(text.clone()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn add(parameters: &mut RawParameters, name: String, value: String) {
    let raw = match parameters.remove(&name) {
        None => Raw::Text(value),
        Some(Raw::Text(first)) => Raw::List(vec![first, value]),
        Some(Raw::List(mut items)) => {
            items.push(value);
            Raw::List(items)
        }
    };
    parameters.insert(name, raw);
}

fn unescape(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// Decodes one path segment; here `+` is a plus.
pub(super) fn unescape_segment(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let shown: Vec<(String, String)> = decode(text)
            .into_iter()
            .map(|(name, raw)| match raw {
                Raw::Text(text) => (name, text),
                Raw::List(items) => (name, format!("[{}]", items.join(","))),
            })
            .collect();
        let expected: Vec<_> = expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        assert_eq!(shown, expected, "decoding {text}");
    }

    #[test]
    fn pairs_end_at_both_separators_and_lose_what_follows_a_second_equals_sign() {
        check("tags=b;A;b", &[("A", ""), ("b", ""), ("tags", "b")]);
        check("description=a=b=c", &[("description", "a")]);
        check("net0=virtio%3DBC:24,bridge=vmbr0", &[("net0", "virtio=BC:24,bridge")]);
        check("description=a+b%2Bc%20d&_dc=123", &[("description", "a b+c d")]);
        check("command=ls&command=-l", &[("command", "[ls,-l]")]);
        check("sshkeys=ssh%2520a", &[("sshkeys", "ssh%20a")]);
    }

    #[test]
    fn json_numbers_booleans_and_lists_become_text() {
        let body = br#"{"cores":2.0,"onboot":true,"delete":["a","b"],"description":null}"#;
        let parameters = decode_body(Some("application/json; charset=utf-8"), body).expect("the body is JSON");
        assert_eq!(parameters["cores"], Raw::Text("2".into()));
        assert_eq!(parameters["onboot"], Raw::Text("1".into()));
        assert_eq!(parameters["delete"], Raw::List(vec!["a".into(), "b".into()]));
        assert_eq!(parameters["description"], Raw::Text(String::new()));
        assert_eq!(decode_body(Some("text/plain"), b"x").expect_err("plain text is refused").status, 506);
    }
}

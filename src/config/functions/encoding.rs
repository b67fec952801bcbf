//! Base64, compression, character sets, URLs and CSV.

use super::call::{Arguments, Function, Outcome, Parameter, Problem, Returns, Takes, failed, wrong};
use crate::config::expression::TEXT_MAX;
use crate::value::{ObjectField, Type, Value, normalized};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use encoding_rs::Encoding;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use percent_encoding::percent_decode_str;
use std::io::{Read, Write};
use std::sync::Arc;

const TEXT: Parameter = Parameter::new("text", Takes::Text);

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new(
        "base64decode",
        &[TEXT],
        Returns::Text,
        |call| utf8(decode(call, 0)?),
        "Reads Base64; the result must be text.",
        (r#"base64decode("aGk=")"#, r#""hi""#),
    ),
    Function::new(
        "base64encode",
        &[TEXT],
        Returns::Text,
        |call| Ok(Value::from(STANDARD.encode(call.text(0)))),
        "Writes text as Base64.",
        (r#"base64encode("hi")"#, r#""aGk=""#),
    ),
    Function::new(
        "base64gzip",
        &[TEXT],
        Returns::Text,
        gzip,
        "Compresses text with gzip and writes it as Base64.",
        (r#"base64gunzip(base64gzip("hi"))"#, r#""hi""#),
    ),
    Function::new(
        "base64gunzip",
        &[TEXT],
        Returns::Text,
        gunzip,
        "Reads what `base64gzip` writes.",
        (r#"base64gunzip(base64gzip("hi"))"#, r#""hi""#),
    ),
    Function::new(
        "textencodebase64",
        &[TEXT, TEXT.named("encoding")],
        Returns::Text,
        encode_text,
        "Writes text in a character set (by IANA name) as Base64.",
        (r#"textencodebase64("hi", "UTF-16LE")"#, r#""aABpAA==""#),
    ),
    Function::new(
        "textdecodebase64",
        &[TEXT, TEXT.named("encoding")],
        Returns::Text,
        decode_text,
        "Reads Base64 of text in a character set (by IANA name).",
        (r#"textdecodebase64("aABpAA==", "UTF-16LE")"#, r#""hi""#),
    ),
    Function::new(
        "urlencode",
        &[TEXT],
        Returns::Text,
        |call| Ok(Value::from(url_encoded(call.text(0)))),
        "Escapes text for the query of a URL.",
        (r#"urlencode("a b&c")"#, r#""a+b%26c""#),
    ),
    Function::new(
        "urldecode",
        &[TEXT],
        Returns::Text,
        url_decode,
        "Reads what `urlencode` writes.",
        (r#"urldecode("a+b%26c")"#, r#""a b&c""#),
    ),
    Function::new(
        "csvdecode",
        &[TEXT],
        Returns::Dynamic,
        csv_decode,
        "Reads CSV with a header line: a list of objects with text attributes.",
        (r#"csvdecode("name,port\nmc,25565")"#, r#"[{ name = "mc", port = "25565" }]"#),
    ),
];

fn decode(call: &Arguments<'_>, place: usize) -> Result<Vec<u8>, Problem> {
    let text: String = call.text(place).chars().filter(|character| !matches!(character, '\r' | '\n')).collect();
    STANDARD.decode(text).map_err(|_| Problem::Argument(place, "it is not Base64".into()))
}

fn utf8(bytes: Vec<u8>) -> Outcome {
    match String::from_utf8(bytes) {
        Ok(text) => Ok(normalized(&text)),
        Err(_) => failed("the result is not text in UTF-8"),
    }
}

fn gzip(call: &Arguments<'_>) -> Outcome {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let compressed = encoder.write_all(call.text(0).as_bytes()).and_then(|()| encoder.finish());
    Ok(Value::from(STANDARD.encode(compressed.expect("writing to memory cannot fail"))))
}

fn gunzip(call: &Arguments<'_>) -> Outcome {
    let compressed = decode(call, 0)?;
    let mut bytes = Vec::new();
    match MultiGzDecoder::new(&compressed[..]).take(TEXT_MAX as u64 + 1).read_to_end(&mut bytes) {
        Err(_) => wrong(0, "it is not gzip data"),
        Ok(length) if length > TEXT_MAX => failed(format!("the result is longer than {} MiB", TEXT_MAX >> 20)),
        Ok(_) => utf8(bytes),
    }
}

enum Charset {
    Utf16 { is_big_endian: bool, has_mark: bool },
    Latin1,
    Other(&'static Encoding),
}

/// Finds a character set; the ones the web reads differently from their IANA definition are ours.
fn charset(name: &str) -> Result<Charset, Problem> {
    match name.to_ascii_uppercase().as_str() {
        "UTF-16LE" => Ok(Charset::Utf16 { is_big_endian: false, has_mark: false }),
        "UTF-16BE" => Ok(Charset::Utf16 { is_big_endian: true, has_mark: false }),
        "UTF-16" => Ok(Charset::Utf16 { is_big_endian: true, has_mark: true }),
        "ISO-8859-1" | "LATIN1" | "ISO_8859-1" | "L1" => Ok(Charset::Latin1),
        _ => match Encoding::for_label_no_replacement(name.as_bytes()) {
            Some(encoding) => Ok(Charset::Other(encoding)),
            None => wrong(1, format!("`{name}` is not the IANA name of a character set")),
        },
    }
}

fn encode_text(call: &Arguments<'_>) -> Outcome {
    let text = call.text(0);
    let no_character = || Problem::Argument(0, format!("it has characters that {} lacks", call.text(1)));
    let bytes: Vec<u8> = match charset(call.text(1))? {
        Charset::Utf16 { is_big_endian, has_mark } => {
            let mark = has_mark.then_some(0xfeff);
            let units = mark.into_iter().chain(text.encode_utf16());
            units.flat_map(|unit: u16| if is_big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
        }
        Charset::Latin1 => text
            .chars()
            .map(|character| u8::try_from(u32::from(character)))
            .collect::<Result<_, _>>()
            .map_err(|_| no_character())?,
        Charset::Other(encoding) => match encoding.encode(text) {
            (bytes, _, false) => bytes.into_owned(),
            (_, _, true) => return Err(no_character()),
        },
    };
    Ok(Value::from(STANDARD.encode(bytes)))
}

fn decode_text(call: &Arguments<'_>) -> Outcome {
    let bytes = decode(call, 0)?;
    let not_text = || Problem::Argument(0, format!("it is not text in {}", call.text(1)));
    let text = match charset(call.text(1))? {
        Charset::Latin1 => bytes.iter().map(|byte| char::from(*byte)).collect(),
        Charset::Other(encoding) => {
            encoding.decode_without_bom_handling_and_without_replacement(&bytes).ok_or_else(not_text)?.into_owned()
        }
        Charset::Utf16 { is_big_endian, has_mark } => {
            if bytes.len() % 2 == 1 {
                return Err(not_text());
            }
            let (bytes, is_big_endian) = match (has_mark, bytes.get(..2)) {
                (true, Some([0xff, 0xfe])) => (&bytes[2..], false),
                (true, Some([0xfe, 0xff])) => (&bytes[2..], true),
                _ => (&bytes[..], is_big_endian),
            };
            let unit = |pair: &[u8]| {
                if is_big_endian {
                    u16::from_be_bytes([pair[0], pair[1]])
                } else {
                    u16::from_le_bytes([pair[0], pair[1]])
                }
            };
            String::from_utf16(&bytes.chunks(2).map(unit).collect::<Vec<_>>()).map_err(|_| not_text())?
        }
    };
    Ok(normalized(&text))
}

fn url_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => encoded.push('+'),
            b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn url_decode(call: &Arguments<'_>) -> Outcome {
    let text = call.text(0).replace('+', " ");
    let is_escape = |after: &str| after.len() >= 2 && after.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit);
    if text.split('%').skip(1).any(|after| !is_escape(after)) {
        return wrong(0, "a `%` in it is not followed by two hexadecimal digits");
    }
    utf8(percent_decode_str(&text).collect())
}

/// Refuses quotes where the reader would take them as they are: inside a field that is not quoted, after a closing one, or left open.
fn check_quotes(text: &str) -> Result<(), Problem> {
    #[derive(PartialEq)]
    enum At {
        Start,
        Plain,
        Quoted,
        Closed,
    }
    let mut at = At::Start;
    for (index, character) in text.char_indices() {
        at = match (at, character) {
            (At::Quoted, '"') | (At::Closed, '\r') => At::Closed,
            (At::Start | At::Closed, '"') | (At::Quoted, _) => At::Quoted,
            (At::Start | At::Plain | At::Closed, ',' | '\n') => At::Start,
            (At::Start | At::Plain, other) if other != '"' => At::Plain,
            _ => {
                let line = text[..index].matches('\n').count() + 1;
                return wrong(0, format!("line {line} has a quote in a field that is not quoted as a whole"));
            }
        };
    }
    if at == At::Quoted { wrong(0, "a quote is not closed") } else { Ok(()) }
}

fn csv_decode(call: &Arguments<'_>) -> Outcome {
    check_quotes(call.text(0))?;
    let mut reader = csv::Reader::from_reader(call.text(0).as_bytes());
    let explain = |error: csv::Error| Problem::Argument(0, format!("it is not CSV: {error}"));
    let names: Vec<Arc<str>> = reader.headers().map_err(explain)?.iter().map(Arc::from).collect();
    if names.is_empty() {
        return wrong(0, "it has no header line");
    }
    for (place, name) in names.iter().enumerate() {
        if names[..place].contains(name) {
            return wrong(0, format!("it has two columns `{name}`"));
        }
    }
    let of = Type::Object(Arc::new(
        names.iter().map(|name| (name.clone(), ObjectField { of: Type::Text, is_optional: false })).collect(),
    ));
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(explain)?;
        rows.push(Value::object(names.iter().cloned().zip(record.iter().map(normalized))));
    }
    Ok(Value::list(of, rows))
}

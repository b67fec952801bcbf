//! How a value of the language stands as text in the configuration of a guest: one codec per notation, none of which knows its key.

use super::schema::Takes;
use super::size;
use crate::proxmox::property::{decode_ssh_keys, encode_ssh_keys, size_bytes, size_text};
use crate::value::{Kind, Number, Type, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Where an attribute stands in a configuration, and how.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    /// Configuration key; inside a property string, the sub-key.
    pub key: &'static str,
    /// Its notation.
    pub codec: &'static Codec,
    /// What a guest has whose configuration does not say, in that notation.
    pub absent: Option<&'static str>,
}

/// A notation.
#[derive(Debug)]
pub struct Codec {
    /// Reads a text; `None` if it says nothing an attribute of this kind could say.
    pub read: fn(Takes, &str) -> Option<Value>,
    /// Prints a value; `None` if there is nothing to print.
    pub print: fn(&Value) -> Option<String>,
}

/// Words as they are, `1` and `0`, numbers, disk sizes (`8G`), lists with commas.
pub static PLAIN: Codec = Codec { read, print };

/// Memory, counted in MiB; a property string with `current=` means the same.
pub static MEBIBYTES: Codec = Codec {
    read: |_, text| {
        let number = text.strip_prefix("current=").unwrap_or(text).split(',').next()?.parse::<u64>().ok()?;
        Some(Value::text(size::print(number << 20)))
    },
    print: |value| Some((size::parse(value.as_text()?).ok()? >> 20).to_string()),
};

/// Whether freed blocks are given back.
pub static DISCARD: Codec =
    Codec { read: |_, text| Some(Value::from(text == "on")), print: |value| Some(word(value, "on", "ignore")) };

/// Items with semicolons between them, as inside a property string, where commas mean something else.
pub static SEMICOLONS: Codec = Codec { read, print: |value| joined(value, ";") };

/// Items with spaces between them.
pub static SPACES: Codec = Codec { read, print: |value| joined(value, " ") };

/// Public keys, percent-encoded.
pub static SSH_KEYS: Codec = Codec {
    read: |_, text| {
        let keys = decode_ssh_keys(text)?;
        let keys = keys.lines().map(str::trim).filter(|key| !key.is_empty()).map(Value::from);
        Some(Value::list(Type::Text, keys.collect::<Vec<_>>()))
    },
    print: |value| joined(value, "\n").map(|keys| encode_ssh_keys(&keys)),
};

/// Text, percent-encoded.
pub static PERCENT: Codec = Codec {
    read: |_, text| decode_ssh_keys(text).map(Value::text),
    print: |value| value.as_text().map(encode_ssh_keys),
};

/// Text in base64, which may hold commas.
pub static BASE64: Codec = Codec {
    read: |_, text| {
        let bytes = STANDARD.decode(text).ok();
        let decoded = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        Some(Value::text(decoded.unwrap_or_else(|| text.to_owned())))
    },
    print: |value| value.as_text().map(|text| STANDARD.encode(text)),
};

/// Boot devices: `order=scsi0;net0`. A blank says that there are none; the old notation says nothing we manage.
pub static BOOT: Codec = Codec {
    read: |takes, text| match text.trim() {
        "" => Some(Value::list(Type::Text, Vec::new())),
        text => read(takes, text.strip_prefix("order=")?),
    },
    print: |value| Some(format!("order={}", joined(value, ";")?)),
};

/// Devices that can be plugged while the guest runs: a list, `1` for the usual ones, `0` for none.
pub static HOTPLUG: Codec = Codec {
    read: |takes, text| match text {
        "1" => read(takes, USUALLY_HOT),
        "0" => read(takes, ""),
        text => read(takes, text),
    },
    print: |value| joined(value, ",").map(|text| if text.is_empty() { "0".to_owned() } else { text }),
};

/// Variables with NUL between them.
pub static ENVIRONMENT: Codec = Codec {
    read: |_, text| {
        let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
        Some(Value::map(Type::Text, pairs.map(|(name, value)| (name.into(), Value::text(value))).collect::<Vec<_>>()))
    },
    print: |value| {
        let pairs = value.as_entries()?.iter().map(|(name, value)| Some(format!("{name}={}", value.as_text()?)));
        Some(pairs.collect::<Option<Vec<_>>>()?.join("\0"))
    },
};

/// What can be plugged unless the guest says otherwise.
pub const USUALLY_HOT: &str = "network,disk,usb";

fn read(takes: Takes, text: &str) -> Option<Value> {
    match takes {
        Takes::Bool => Some(Value::from(matches!(text, "1" | "on" | "yes" | "true"))),
        Takes::Integer(..) | Takes::Number => Number::parse(text).map(|number| Value::new(Kind::Number(number))),
        Takes::Size => size_bytes(text).map(|bytes| Value::text(size::print(bytes))),
        Takes::List(of) => {
            let items = items(text).map(|item| read(*of, item)).collect::<Option<Vec<_>>>()?;
            Some(Value::list(super::conform::type_of(*of), items))
        }
        Takes::Set(of) => {
            let mut items = items(text).map(|item| read(*of, item)).collect::<Option<Vec<_>>>()?;
            items.sort_by_cached_key(|item| (item.as_i64(), item.as_text().map(str::to_owned)));
            items.dedup();
            Some(Value::ordered_set(super::conform::type_of(*of), items))
        }
        _ => Some(Value::text(text)),
    }
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ';', ' ', '\0']).filter(|item| !item.is_empty())
}

/// Prints a value as the server writes one of its kind.
pub fn print(value: &Value) -> Option<String> {
    match value.kind() {
        Kind::Bool(_) => Some(word(value, "1", "0")),
        Kind::Number(number) => Some(number.to_string()),
        Kind::Text(text) => Some(text.to_string()),
        Kind::List(_) | Kind::Set(_) | Kind::Tuple(_) => joined(value, ","),
        _ => None,
    }
}

/// A size as the server writes it: `8G`.
pub static SIZE: Codec = Codec { read, print: |value| size::parse(value.as_text()?).ok().map(size_text) };

fn word(value: &Value, on: &str, off: &str) -> String {
    if value.as_bool() == Some(true) { on } else { off }.to_owned()
}

fn joined(value: &Value, separator: &str) -> Option<String> {
    let texts: Option<Vec<String>> = value.as_items()?.iter().map(print).collect();
    Some(texts?.iter().map(|text| text.trim()).collect::<Vec<_>>().join(separator))
}

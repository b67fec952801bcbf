//! The small languages inside configuration values: property strings (`local:8,size=10G`), sizes, and the coding of `sshkeys`.
//!
//! Nothing here knows which keys an option has.

use std::collections::BTreeMap;
use std::fmt;

/// A property string: `value-of-the-default-key,key=value,key=value`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PropertyString {
    /// Value of the default key, which is written first and without its key.
    pub default: Option<String>,
    /// Every other key.
    pub options: BTreeMap<String, String>,
}

/// Why a text is not a property string.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PropertyError {
    /// A key was given twice; for the default key also once by name and once without.
    #[error("`{0}` is given twice")]
    Duplicate(String),
    /// A part without `=` where there is no default key.
    #[error("`{0}` has no key, expected `key=value`")]
    NoKey(String),
    /// An empty key or value, or a default value that holds `=` and so could not be printed without its key.
    #[error("`{0}` is malformed, expected `key=value`")]
    Malformed(String),
}

impl PropertyString {
    /// Parses `text` as the server does: parts in any order, empty parts skipped, the default key with or without its name.
    ///
    /// # Errors
    /// A key given twice, a part without key when there is no default key, an empty key or value, a default value that holds `=`.
    pub fn parse(text: &str, default_key: Option<&str>) -> Result<Self, PropertyError> {
        let mut parsed = Self::default();
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            let (key, value) = match part.split_once('=') {
                Some((key, value)) if is_sound(key, value, default_key) => (Some(key), value),
                Some(_) => return Err(PropertyError::Malformed(part.to_owned())),
                None => (None, part),
            };
            let key = key.or(default_key).ok_or_else(|| PropertyError::NoKey(part.to_owned()))?;
            let previous = if Some(key) == default_key {
                parsed.default.replace(value.to_owned())
            } else {
                parsed.options.insert(key.to_owned(), value.to_owned())
            };
            if previous.is_some() {
                return Err(PropertyError::Duplicate(key.to_owned()));
            }
        }
        Ok(parsed)
    }

    /// Returns the value of an option; the default key has none here.
    pub fn option(&self, key: &str) -> Option<&str> {
        self.options.get(key).map(String::as_str)
    }
}

impl fmt::Display for PropertyString {
    /// Prints the server's order: the default value, then the keys alphabetically.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if let Some(value) = &self.default {
            f.write_str(value)?;
            separator = ",";
        }
        for (key, value) in &self.options {
            write!(f, "{separator}{key}={value}")?;
            separator = ",";
        }
        Ok(())
    }
}

fn is_sound(key: &str, value: &str, default_key: Option<&str>) -> bool {
    let is_printable = Some(key) != default_key || !value.contains('=');
    !key.is_empty() && !value.trim().is_empty() && is_printable
}

const UNITS: [(char, u32); 4] = [('T', 40), ('G', 30), ('M', 20), ('K', 10)];

/// Returns the bytes of a size as disks carry it: `10G`, `1536M`, `0.5T`, or plain bytes. `None` if it is not a size.
pub fn size_bytes(text: &str) -> Option<u64> {
    let unit = UNITS.iter().find(|(letter, _)| text.ends_with(*letter));
    let (digits, shift) = unit.map_or((text, 0), |(_, shift)| (&text[..text.len() - 1], *shift));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, fraction)| (whole, Some(fraction)));
    if !is_number(whole) || !fraction.is_none_or(|fraction| is_number(fraction) && fraction.len() <= 9) {
        return None;
    }
    let whole: u128 = u128::from(whole.parse::<u64>().ok()?) << shift;
    let part = match fraction {
        None => 0,
        Some(fraction) => (fraction.parse::<u128>().ok()? << shift) / 10u128.pow(u32::try_from(fraction.len()).ok()?),
    };
    u64::try_from(whole + part).ok()
}

/// Returns `bytes` in the largest unit that is exact, as the server prints sizes (nothing is `0T`).
pub fn size_text(bytes: u64) -> String {
    let exact = UNITS.iter().find(|(_, shift)| bytes.is_multiple_of(1 << shift));
    exact.map_or_else(|| bytes.to_string(), |(letter, shift)| format!("{}{letter}", bytes >> shift))
}

/// Returns public keys, one per line, coded as the `sshkeys` option of a VM wants its value.
///
/// The server checks this text before it stores it: a space is `%20`, never `+`. Sending the parameter encodes it once more.
/// Containers take `ssh-public-keys` plain.
pub fn encode_ssh_keys(keys: &str) -> String {
    super::call::segment(keys)
}

/// Returns the keys that an `sshkeys` value holds, or `None` if it does not decode to text.
pub fn decode_ssh_keys(value: &str) -> Option<String> {
    percent_encoding::percent_decode_str(value).decode_utf8().ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prints_the_servers_order() {
        let check = |text: &str, default_key: Option<&str>, expected: &str| {
            let printed =
                PropertyString::parse(text, default_key).map_or_else(|error| error.to_string(), |it| it.to_string());
            assert_eq!(printed, expected, "{text}");
        };
        check("size=10G,file=local:9/disk.raw,discard=on", Some("file"), "local:9/disk.raw,discard=on,size=10G");
        check("virtio=BC:24:11:00:00:01,bridge=vmbr0", None, "bridge=vmbr0,virtio=BC:24:11:00:00:01");
        check("ip=dhcp,,", None, "ip=dhcp");
        check("enabled=1,fstrim_cloned_disks=1", Some("enabled"), "1,fstrim_cloned_disks=1");
        check("", None, "");
        check("cputype=host,flags=+aes;-pcid", Some("cputype"), "host,flags=+aes;-pcid");
        check("a=b=c", None, "a=b=c");
        check("1,enabled=0", Some("enabled"), "`enabled` is given twice");
        check("host", None, "`host` has no key, expected `key=value`");
        check("ip=", None, "`ip=` is malformed, expected `key=value`");
        check("=1", Some("enabled"), "`=1` is malformed, expected `key=value`");
    }

    #[test]
    fn sizes_go_both_ways() {
        for (text, bytes) in
            [("10G", 10 << 30), ("1536M", 1536 << 20), ("0T", 0), ("4M", 4 << 20), ("1025", 1025), ("528K", 528 << 10)]
        {
            assert_eq!(size_bytes(text), Some(bytes), "{text}");
            assert_eq!(size_text(bytes), text);
        }
        assert_eq!(size_bytes("0.5G"), Some(512 << 20));
        for text in ["", "G", "-1G", "1.G", ".5G", "10g", "1GG", "99999999999999999999", "16777216T", "1e3"] {
            assert_eq!(size_bytes(text), None, "{text}");
        }
    }

    #[test]
    fn ssh_keys_are_percent_encoded() {
        let encoded = encode_ssh_keys("ssh-ed25519 AAAA+b/c= me@host\n");
        assert_eq!(encoded, "ssh-ed25519%20AAAA%2Bb%2Fc%3D%20me%40host%0A");
        assert_eq!(decode_ssh_keys("a%2bb%0A").as_deref(), Some("a+b\n"));
        assert_eq!(decode_ssh_keys("%ff"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_without_panic(text in ".*|[a-z=,0-9.GMK]*") {
            for default_key in [None, Some("a")] {
                if let Ok(parsed) = PropertyString::parse(&text, default_key) {
                    let printed = parsed.to_string();
                    prop_assert_eq!(PropertyString::parse(&printed, default_key), Ok(parsed));
                }
            }
            let _ = (size_bytes(&text), decode_ssh_keys(&text));
        }

        #[test]
        fn any_size_survives_printing(bytes: u64) {
            prop_assert_eq!(size_bytes(&size_text(bytes)), Some(bytes));
        }

        #[test]
        fn any_keys_survive_coding(keys: String) {
            let encoded = encode_ssh_keys(&keys);
            prop_assert!(encoded.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~%".contains(&byte)));
            prop_assert_eq!(decode_ssh_keys(&encoded), Some(keys));
        }
    }
}

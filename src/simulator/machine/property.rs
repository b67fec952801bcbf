//! Property strings as the server prints them, and sizes.

use std::collections::BTreeMap;

/// Prints a size in the largest unit that divides it: `10G`, `528K`; nothing at all is `0T`.
pub(super) fn print_size(bytes: u64) -> String {
    let mut amount = bytes;
    let mut unit = 0;
    let units = ["", "K", "M", "G", "T"];
    while unit < units.len() - 1 && amount.is_multiple_of(1024) {
        amount /= 1024;
        unit += 1;
    }
    format!("{amount}{}", units[unit])
}

/// Reads a size such as `32G`, `3100M` or a bare number of bytes.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let (number, factor) = match text.char_indices().next_back()? {
        (at, 'K') => (&text[..at], 1u64 << 10),
        (at, 'M') => (&text[..at], 1 << 20),
        (at, 'G') => (&text[..at], 1 << 30),
        (at, 'T') => (&text[..at], 1 << 40),
        _ => (text, 1),
    };
    scaled(number, factor)
}

/// Reads a decimal number and multiplies it; fractions are allowed.
pub(super) fn scaled(number: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: u64 = format!("{whole}{fraction}").parse().ok()?;
    let divisor = 10u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    u64::try_from(u128::from(digits) * u128::from(factor) / divisor).ok()
}

/// Prints a property string: the leading value first, the other keys alphabetically.
pub(super) fn print(leading: &str, others: &BTreeMap<String, String>) -> String {
    let mut text = leading.to_owned();
    for (key, value) in others {
        text.push_str(&format!(",{key}={value}"));
    }
    text
}

/// Splits a property string into its leading value and its keys without judging them.
pub(super) fn split(text: &str) -> (String, BTreeMap<String, String>) {
    let mut leading = String::new();
    let mut keys = BTreeMap::new();
    for (position, part) in text.split(',').enumerate() {
        match part.split_once('=') {
            Some((key, value)) if position > 0 || key == "file" => {
                if key == "file" {
                    value.clone_into(&mut leading);
                } else {
                    keys.insert(key.to_owned(), value.to_owned());
                }
            }
            _ if position == 0 => part.clone_into(&mut leading),
            _ => drop(keys.insert(part.to_owned(), String::new())),
        }
    }
    (leading, keys)
}

/// Returns one key of a property string.
pub(super) fn key_of(text: &str, key: &str) -> Option<String> {
    text.split(',')
        .find_map(|part| part.split_once('=').filter(|(name, _)| *name == key).map(|(_, value)| value.to_owned()))
}

/// Returns whether `agent` is switched on: `1` and `enabled=1,...` both say so.
pub(super) fn is_enabled(text: Option<&str>) -> bool {
    text.is_some_and(|text| {
        let first = text.split(',').next().unwrap_or_default();
        first == "1" || key_of(text, "enabled").as_deref() == Some("1")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_use_the_largest_exact_unit() {
        for (bytes, text) in
            [(0, "0T"), (512 << 20, "512M"), (10 << 30, "10G"), (1536 << 30, "1536G"), (528 << 10, "528K")]
        {
            assert_eq!(print_size(bytes), text);
        }
        assert_eq!(parse_size("3100M"), Some(3100 << 20));
        assert_eq!(parse_size("4"), Some(4));
        assert_eq!(parse_size("1.5T"), Some(1536 << 30));
        assert_eq!(parse_size("8GB"), None);
        assert_eq!(scaled("0.5", 1 << 30), Some(512 << 20));
    }

    #[test]
    fn a_disk_is_printed_with_sorted_keys() {
        let (volume, keys) = split("local:1,format=qcow2,discard=on,cache=none");
        assert_eq!(print(&volume, &keys), "local:1,cache=none,discard=on,format=qcow2");
        assert!(is_enabled(Some("enabled=1,fstrim_cloned_disks=1")) && is_enabled(Some("1")) && !is_enabled(Some("0")));
    }
}

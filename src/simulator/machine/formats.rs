//! The named value formats of the API, such as `dns-name` or `pve-tag-list`. Unlisted names accept any text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::OnceLock;

use super::api::{Field, Rule};
use super::schema::{parse_fields, parse_properties, split_list};

/// Checks a value against a named format; the error is the text after `invalid format - `.
pub(super) fn check(format: &str, text: &str, name: &str) -> Result<(), String> {
    if format.starts_with('$') {
        return parse_properties(format, text, name).map(drop);
    }
    if let Some(item_format) = format.strip_suffix("-list") {
        return match item_format {
            "pve-tag" => check_tags(text),
            _ => split_list(text).into_iter().try_for_each(|item| check(item_format, item, name)),
        };
    }
    match format {
        "pve-vmid" => require(is_vmid(text), "value does not look like a valid VM ID"),
        "pve-node" => require(is_dns_label(text), "value does not look like a valid node name"),
        "dns-name" => require(is_dns_name(text), "value does not look like a valid DNS name"),
        "pve-configid" => require(is_identifier(text), &format!("invalid configuration ID '{text}'")),
        "pve-storage-id" => require(is_storage_id(text), &format!("storage ID '{text}' contains illegal characters")),
        "pve-poolid" => require(is_pool_id(text), &format!("value '{text}' does not look like a valid pool ID")),
        "pve-roleid" => require(is_storage_id(text), &format!("value '{text}' does not look like a valid role ID")),
        "pve-groupid" => require(is_storage_id(text), &format!("value '{text}' does not look like a valid group ID")),
        "pve-userid" => require(is_user_id(text), &format!("value '{text}' does not look like a valid user name")),
        "pve-storage-content" => {
            let known = ["images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import", "none"];
            require(known.contains(&text), &format!("invalid content type '{text}'"))
        }
        "ip" | "address" => require(text.parse::<IpAddr>().is_ok(), "value does not look like a valid IP address"),
        "ipv4" => require(text.parse::<Ipv4Addr>().is_ok(), "value does not look like a valid ipv4 address"),
        "ipv6" => require(text.parse::<Ipv6Addr>().is_ok(), "value does not look like a valid ipv6 address"),
        "mac-addr" => require(is_unicast_mac(text), "value does not look like a valid unicast MAC address"),
        "urlencoded" => require(is_urlencoded(text), &format!("invalid urlencoded string: {text}")),
        "pve-fw-addr-spec" => check_addresses(text),
        "pve-qm-ipconfig" => parse_fields(ip_configuration(), text, name).map(drop),
        "pve-ipv4-config" => require(
            is_network::<Ipv4Addr>(text, &["dhcp"], 32),
            "value does not look like a valid ipv4 network configuration",
        ),
        "pve-ipv6-config" => {
            let words = ["dhcp", "auto"];
            require(
                is_network::<Ipv6Addr>(text, &words, 128),
                "value does not look like a valid ipv6 network configuration",
            )
        }
        "pve-vm-cpu-conf" => check_cpu(text),
        "pve-calendar-event" => super::calendar::Calendar::parse(text)
            .map(drop)
            .map_err(|error| format!("invalid calendar event '{text}' - {error}\n")),
        "pve-iface" => require(is_interface(text), &format!("invalid network interface name '{text}'")),
        _ => Ok(()),
    }
}

fn require(holds: bool, text: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(text.to_owned()) }
}

fn is_interface(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
    (2..=21).contains(&text.len())
        && text.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && text.bytes().all(is_inner)
}

fn is_vmid(text: &str) -> bool {
    text.len() <= 9 && text.parse::<u32>().is_ok_and(|vmid| vmid >= 100) && !text.starts_with('0')
}

fn is_dns_label(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !text.is_empty() && text.bytes().all(is_inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn is_dns_name(text: &str) -> bool {
    text.split('.').all(is_dns_label)
}

fn is_identifier(text: &str) -> bool {
    text.len() > 1
        && text.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn is_storage_id(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn is_pool_id(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    text.split('/').count() <= 3 && text.split('/').all(is_part)
}

fn is_user_id(text: &str) -> bool {
    let Some((user, realm)) = text.rsplit_once('@') else {
        return false;
    };
    !user.is_empty() && !user.contains([' ', ':', '/']) && is_storage_id(realm)
}

fn is_unicast_mac(text: &str) -> bool {
    let bytes: Vec<Option<u8>> = text
        .split(':')
        .map(|part| match part.len() {
            2 => u8::from_str_radix(part, 16).ok(),
            _ => None,
        })
        .collect();
    bytes.len() == 6 && bytes.iter().all(Option::is_some) && bytes[0].is_some_and(|first| first & 1 == 0)
}

fn is_urlencoded(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.!~*'()%".contains(&byte))
}

fn is_network<A: std::str::FromStr>(text: &str, words: &[&str], longest: u8) -> bool {
    if words.contains(&text) {
        return true;
    }
    let Some((address, prefix)) = text.split_once('/') else {
        return false;
    };
    address.parse::<A>().is_ok() && prefix.parse::<u8>().is_ok_and(|prefix| prefix <= longest)
}

fn check_tags(text: &str) -> Result<(), String> {
    let is_tag = |tag: &str| {
        let mut bytes = tag.bytes();
        let is_first = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        bytes.next().is_some_and(is_first) && bytes.all(|byte| is_first(byte) || matches!(byte, b'-' | b'+' | b'.'))
    };
    require(split_list(text).into_iter().all(is_tag), "invalid characters in tag")
}

fn check_addresses(text: &str) -> Result<(), String> {
    let items: Vec<&str> = text.split(',').map(str::trim).collect();
    if items.len() > 1 && items.iter().any(|item| item.contains('-') && !item.starts_with('+')) {
        return Err("you can't use a range in a list".to_owned());
    }
    Ok(())
}

fn check_cpu(text: &str) -> Result<(), String> {
    let model = text.split(',').find_map(|part| match part.split_once('=') {
        None => Some(part),
        Some(("cputype", model)) => Some(model),
        Some(_) => None,
    });
    match model.and_then(|model| model.strip_prefix("custom-")) {
        Some(custom) => Err(format!("Custom cputype '{custom}' not found")),
        None => Ok(()),
    }
}

fn ip_configuration() -> &'static [Field] {
    static FIELDS: OnceLock<Vec<Field>> = OnceLock::new();
    FIELDS.get_or_init(|| {
        let field = |name, format: &str| Field { name, is_optional: true, rule: Rule::of_format(format) };
        vec![field("gw", "ipv4"), field("gw6", "ipv6"), field("ip", "pve-ipv4-config"), field("ip6", "pve-ipv6-config")]
    })
}

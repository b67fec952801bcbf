//! IP networks.

use super::call::{Arguments, Function, Outcome, Parameter, Problem, Returns, Takes, failed, wrong};
use crate::value::{Type, Value};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const PREFIX: Parameter = Parameter::new("prefix", Takes::Text);
const NUMBER: Parameter = Parameter::new("number", Takes::Number);

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new(
        "cidrcontains",
        &[PREFIX, PREFIX.named("inner")],
        Returns::Bool,
        contains,
        "Gives true if an address or network lies wholly in a network.",
        (r#"cidrcontains("10.40.0.0/24", "10.40.0.7")"#, "true"),
    ),
    Function::new(
        "cidrhost",
        &[PREFIX, NUMBER.named("host")],
        Returns::Text,
        host,
        "Gives an address of a network by number; negative numbers count from the end.",
        (r#"cidrhost("10.40.0.0/24", 7)"#, r#""10.40.0.7""#),
    ),
    Function::new(
        "cidrnetmask",
        &[PREFIX],
        Returns::Text,
        netmask,
        "Gives the mask of an IPv4 network.",
        (r#"cidrnetmask("10.40.0.0/24")"#, r#""255.255.255.0""#),
    ),
    Function::new(
        "cidrsubnet",
        &[PREFIX, NUMBER.named("newbits"), NUMBER.named("netnum")],
        Returns::Text,
        subnet,
        "Gives a part of a network: so many bits longer, by number.",
        (r#"cidrsubnet("10.40.0.0/16", 8, 3)"#, r#""10.40.3.0/24""#),
    ),
    Function::new(
        "cidrsubnets",
        &[PREFIX],
        Returns::ListOfText,
        subnets,
        "Gives parts of a network that follow each other, each so many bits longer.",
        (r#"cidrsubnets("10.40.0.0/16", 8, 8)"#, r#"["10.40.0.0/24", "10.40.1.0/24"]"#),
    )
    .variadic(NUMBER.named("newbits")),
];

/// A network: its first address as a number.
#[derive(Clone, Copy)]
struct Network {
    base: u128,
    length: u32,
    width: u32,
}

impl Network {
    fn parse(text: &str, place: usize) -> Result<Self, Problem> {
        let invalid = || Problem::Argument(place, format!("`{text}` is not a network such as `10.40.0.0/24`"));
        let (address, length) = text.split_once('/').ok_or_else(invalid)?;
        let length: u32 = if length.bytes().all(|byte| byte.is_ascii_digit()) {
            length.parse().map_err(|_| invalid())?
        } else {
            return Err(invalid());
        };
        let (base, width) = parse_address(address).ok_or_else(invalid)?;
        if length > width {
            return Err(invalid());
        }
        let mask = Self { base, length, width }.mask();
        Ok(Self { base: base & mask, length, width })
    }

    fn mask(&self) -> u128 {
        let all = if self.width == 128 { u128::MAX } else { (1 << self.width) - 1 };
        let host = self.width - self.length;
        if host >= 128 { 0 } else { all >> host << host }
    }

    fn address(&self, address: u128) -> String {
        match self.width {
            32 => Ipv4Addr::from(address as u32).to_string(),
            // An IPv4 address in IPv6 form is written as IPv4.
            _ => match Ipv6Addr::from(address).to_ipv4_mapped() {
                Some(mapped) => mapped.to_string(),
                None => Ipv6Addr::from(address).to_string(),
            },
        }
    }

    fn text(&self) -> String {
        format!("{}/{}", self.address(self.base), self.length)
    }
}

/// Reads an address; leading zeros in IPv4 numbers are decimal and do no harm.
fn parse_address(text: &str) -> Option<(u128, u32)> {
    if text.contains(':') {
        return text.parse::<Ipv6Addr>().ok().map(|address| (u128::from(address), 128));
    }
    let octets: Vec<&str> = text.split('.').collect();
    if octets.len() != 4 {
        return None;
    }
    let mut address = 0;
    for octet in octets {
        let is_number = !octet.is_empty() && octet.bytes().all(|byte| byte.is_ascii_digit());
        let octet = if is_number { octet.parse::<u128>().ok()? } else { return None };
        address = address << 8 | if octet < 256 { octet } else { return None };
    }
    Some((address, 32))
}

fn host(call: &Arguments<'_>) -> Outcome {
    let network = Network::parse(call.text(0), 0)?;
    let number = call.number(1);
    let Some(wanted) = (if number.is_integer() { number.to_string().parse::<i128>().ok() } else { None }) else {
        return wrong(1, "a whole number is required");
    };
    let bits = network.width - network.length;
    let last = if bits >= 128 { u128::MAX } else { (1 << bits) - 1 };
    let offset = match u128::try_from(wanted) {
        Ok(wanted) if wanted <= last => wanted,
        Err(_) if wanted.unsigned_abs() - 1 <= last => last - (wanted.unsigned_abs() - 1),
        _ => {
            return failed(format!(
                "a network with a prefix of {} bits has no address number {wanted}",
                network.length
            ));
        }
    };
    Ok(Value::from(network.address(network.base | offset)))
}

fn netmask(call: &Arguments<'_>) -> Outcome {
    let network = Network::parse(call.text(0), 0)?;
    match network.width {
        32 => Ok(Value::from(network.address(network.mask()))),
        _ => wrong(0, "only IPv4 networks have a netmask"),
    }
}

fn subnet(call: &Arguments<'_>) -> Outcome {
    let network = Network::parse(call.text(0), 0)?;
    let (bits, number) = (call.integer(1)?, call.number(2));
    let length = match u32::try_from(i64::from(network.length).saturating_add(bits)) {
        Ok(length) if length <= network.width => length,
        _ => {
            return wrong(
                1,
                format!(
                    "a prefix of {} bits cannot become {bits} bits longer: addresses have {} bits",
                    network.length, network.width
                ),
            );
        }
    };
    if bits < 0 {
        return Ok(Value::from(Network { length, ..network }.text()));
    }
    let Some(wanted) = (if number.is_integer() { number.to_string().parse::<i128>().ok() } else { None }) else {
        return wrong(2, "a whole number is required");
    };
    let is_too_large = bits < 128 && wanted.unsigned_abs() >> bits > 0;
    if wanted < 0 || is_too_large {
        return wrong(2, format!("{bits} bits more give no network number {wanted}"));
    }
    let shift = network.width - length;
    let all = if network.width == 128 { u128::MAX } else { (1 << network.width) - 1 };
    let offset = (wanted as u128).checked_shl(shift).unwrap_or(0) & all;
    Ok(Value::from(Network { base: network.base | offset, length, width: network.width }.text()))
}

fn subnets(call: &Arguments<'_>) -> Outcome {
    let network = Network::parse(call.text(0), 0)?;
    let mut next = network.base;
    let mut is_full = false;
    let mut parts = Vec::new();
    for place in 1..call.values.len() {
        let bits = call.integer(place)?;
        if bits < 1 {
            return wrong(place, "it must be at least one bit");
        }
        let length = match u32::try_from(i64::from(network.length).saturating_add(bits)) {
            Ok(length) if length <= network.width && bits <= 32 => length,
            _ => return wrong(place, format!("a prefix of {} bits cannot become {bits} bits longer", network.length)),
        };
        let size = 1u128.checked_shl(network.width - length).unwrap_or(0);
        // Networks begin at multiples of their size.
        let rest = next % size;
        let start = if rest == 0 { next } else { next + (size - rest) };
        let part = Network { base: start, length, width: network.width };
        if is_full || start & network.mask() != network.base {
            return wrong(place, "there is no room left in the network");
        }
        parts.push(Value::from(part.text()));
        let after = start.checked_add(size);
        is_full = after.is_none();
        next = after.unwrap_or(0);
    }
    Ok(Value::list(Type::Text, parts))
}

fn contains(call: &Arguments<'_>) -> Outcome {
    let outer = Network::parse(call.text(0), 0)?;
    let text = call.text(1);
    let inner = match text.contains('/') {
        true => Network::parse(text, 1)?,
        false => match text.parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) => Network { base: u128::from(u32::from(address)), length: 32, width: 32 },
            Ok(IpAddr::V6(address)) => Network { base: u128::from(address), length: 128, width: 128 },
            Err(_) => return wrong(1, format!("`{text}` is neither an address nor a network")),
        },
    };
    if outer.width != inner.width {
        return failed("one is IPv4 and the other IPv6");
    }
    Ok(Value::from(inner.length >= outer.length && inner.base & outer.mask() == outer.base))
}

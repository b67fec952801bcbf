//! Network devices by slot: bridge and VLAN from the tenant, a MAC address of their own, and an address.

use super::{Attributes, Guest};
use crate::plan::choose::Subnet;
use crate::plan::wish::{Draft, Scene, nested};
use crate::value::{Entries, Marks, Path, Step, Type, Value};
use std::collections::BTreeMap;
use std::net::IpAddr;

pub(super) fn complete(scene: &mut Scene, draft: &mut Draft, guest: &Guest, attributes: &mut Attributes) {
    let written = attributes.get("network").and_then(Value::as_entries).cloned().unwrap_or_default();
    let mut nics = BTreeMap::new();
    let mut first_address = None;
    for (index, (slot, nic)) in written.iter().enumerate() {
        let position = if index == 0 { Position::First } else { Position::Further };
        let nic = one(scene, draft, guest, slot, nic, position);
        if index == 0 {
            first_address = nic.get("address").cloned();
        }
        nics.insert(slot.clone(), nic);
    }
    if !nics.is_empty() {
        attributes.insert("network".into(), Value::object(nics));
    }
    let address = first_address.as_ref().and_then(Value::as_text).and_then(|text| text.split_once('/'));
    let address = address
        .map_or_else(|| Value::unknown(Type::Text), |(address, _)| Value::text(address).with_marks(Marks::CHOSEN));
    attributes.insert("address".into(), address);
}

#[derive(Clone, Copy, PartialEq)]
enum Position {
    /// The device that has the default gateway.
    First,
    Further,
}

fn one(scene: &mut Scene, draft: &mut Draft, guest: &Guest, slot: &str, written: &Value, position: Position) -> Value {
    let mut nic = written.as_entries().map(Entries::to_map).unwrap_or_default();
    let network = guest.tenant.get("network");
    inherit_bridge(draft, network, slot, &mut nic);
    mac(scene, draft, guest, slot, &mut nic);
    let subnet =
        network.and_then(|network| Subnet::of(&draft.cluster, network)).filter(|_| is_on_tenants_bridge(&nic, network));
    address(scene, draft, guest, slot, &mut nic, subnet.as_ref());
    let is_inside = |text: &str| {
        let address: Option<IpAddr> = text.split('/').next().and_then(|text| text.parse().ok());
        subnet.as_ref().zip(address).is_some_and(|(subnet, address)| subnet.cidr.contains(&address))
    };
    let gateway = network.and_then(|network| network.get("gateway"));
    if position == Position::First
        && nic.get("address").and_then(Value::as_text).is_some_and(is_inside)
        && let Some(gateway) = gateway
    {
        nic.entry("gateway".into()).or_insert_with(|| gateway.clone());
    }
    Value::object(nic)
}

fn inherit_bridge(draft: &mut Draft, network: Option<&Value>, slot: &str, nic: &mut Attributes) {
    let is_own = nic.contains_key("bridge");
    for name in ["bridge", "vlan"] {
        // A VLAN belongs to its bridge: on a bridge of its own, a device has no VLAN unless it says so.
        if let Some(value) = network.and_then(|network| network.get(name)).filter(|_| !is_own || name == "bridge") {
            nic.entry(name.into()).or_insert_with(|| value.clone());
        }
    }
    if !nic.contains_key("bridge") {
        let block = Path::attribute("network").then(Step::Key(slot.into()));
        draft.error(format!("`{slot}` has no bridge"), &block, "add `bridge`, or a `network` block to its tenant");
    }
}

fn is_on_tenants_bridge(nic: &Attributes, network: Option<&Value>) -> bool {
    let same = |name: &str| {
        nic.get(name).and_then(Value::as_text) == network.and_then(|network| network.get(name)).and_then(Value::as_text)
    };
    let same_number = |name: &str| {
        nic.get(name).and_then(Value::as_i64) == network.and_then(|network| network.get(name)).and_then(Value::as_i64)
    };
    same("bridge") && same_number("vlan")
}

fn mac(scene: &mut Scene, draft: &mut Draft, guest: &Guest, slot: &str, nic: &mut Attributes) {
    if let Some(mac) = nic.get("mac").and_then(Value::as_text).map(str::to_uppercase) {
        if !is_mac(&mac) {
            let hint = "write six bytes whose first is even, such as `BC:24:11:01:02:03`, or leave `mac` out";
            draft.error(format!("`{mac}` is not the MAC address of a device"), &nested("network", slot, "mac"), hint);
        }
        scene.ledger.keep_mac(&mac);
        nic.insert("mac".into(), Value::text(mac));
        return;
    }
    let kept = scene.kept_unless_beside(&draft.block.address, &nested("network", slot, "mac"));
    let mac =
        kept.unwrap_or_else(|| Value::text(scene.ledger.choose_mac(&scene.input.state.lineage, &guest.owner, slot)));
    nic.insert("mac".into(), mac.with_marks(Marks::CHOSEN));
}

fn address(
    scene: &mut Scene,
    draft: &mut Draft,
    guest: &Guest,
    slot: &str,
    nic: &mut Attributes,
    subnet: Option<&Subnet>,
) {
    let path = nested("network", slot, "address");
    let default = if subnet.is_some() { "auto" } else { "dhcp" };
    let written = match nic.get("address") {
        Some(value) if value.is_unknown() => return,
        Some(value) => value.as_text().unwrap_or_default().to_owned(),
        None => default.to_owned(),
    };
    let value = match written.as_str() {
        "dhcp" => Some(Value::text("dhcp")),
        "auto" => auto(scene, draft, guest, slot, subnet),
        fixed => fixed_address(scene, draft, guest, &path, fixed, nic),
    };
    match value {
        Some(value) => drop(nic.insert("address".into(), value)),
        None => drop(nic.remove("address")),
    }
}

fn auto(scene: &mut Scene, draft: &mut Draft, guest: &Guest, slot: &str, subnet: Option<&Subnet>) -> Option<Value> {
    let path = nested("network", slot, "address");
    let Some(subnet) = subnet else {
        draft.error(
            "there is no network to take an address from",
            &path,
            "add `network { cidr = ... }` to its tenant, or write `dhcp` or an address",
        );
        return None;
    };
    let kept = scene.kept_unless_beside(&draft.block.address, &path).filter(|kept| {
        let address: Option<IpAddr> = kept.as_text().and_then(|text| text.split('/').next()?.parse().ok());
        address.is_some_and(|address| subnet.cidr.contains(&address))
    });
    let value =
        kept.or_else(|| Some(Value::text(subnet.with_prefix(scene.ledger.choose_address(subnet, &guest.owner)?))));
    if value.is_none() {
        let place =
            if draft.is_written(&path) { path } else { Path::attribute("network").then(Step::Key(slot.into())) };
        draft.error(
            format!("no address is left in {}", subnet.cidr),
            &place,
            "use a larger `cidr` or `address_range` for the tenant, or free addresses by destroying guests",
        );
    }
    value.map(|value| value.with_marks(Marks::CHOSEN))
}

/// Addresses are unique within one cluster, bridge and VLAN.
fn domain(cluster: &str, nic: &Attributes) -> String {
    let bridge = nic.get("bridge").and_then(Value::as_text).unwrap_or_default();
    format!("{cluster}/{bridge}/{}", nic.get("vlan").and_then(Value::as_i64).unwrap_or_default())
}

fn is_mac(text: &str) -> bool {
    let bytes: Vec<&str> = text.split(':').collect();
    let is_byte = |byte: &&str| byte.len() == 2 && byte.bytes().all(|digit| digit.is_ascii_hexdigit());
    // The lowest bit of the first byte says that it is no address of one device.
    let is_one = bytes.first().and_then(|byte| u8::from_str_radix(byte, 16).ok()).is_some_and(|byte| byte & 1 == 0);
    bytes.len() == 6 && bytes.iter().all(is_byte) && is_one
}

fn fixed_address(
    scene: &mut Scene,
    draft: &mut Draft,
    guest: &Guest,
    path: &Path,
    text: &str,
    nic: &Attributes,
) -> Option<Value> {
    let Some((address, _)) = text
        .split_once('/')
        .and_then(|(address, _)| Some((address.parse::<IpAddr>().ok()?, text.parse::<ipnet::IpNet>().ok()?)))
    else {
        draft.error(
            format!("`{text}` is not an address with prefix"),
            path,
            "write `auto`, `dhcp` or for example `10.40.0.9/24`",
        );
        return None;
    };
    let domain = domain(&draft.cluster, nic);
    if let Err(other) = scene.ledger.take_address(&domain, address, &guest.owner) {
        draft.error(format!("the address {address} is taken by {other}"), path, "choose another, or write `auto`");
        return None;
    }
    Some(Value::text(text))
}

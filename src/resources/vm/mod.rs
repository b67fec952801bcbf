//! `vm`: a virtual machine, cloned from a template or made from its disks. Its attributes and their configuration keys are in `schema`, what
//! needs more than its key in `decode` and `encode`, and the calls that make, change and destroy it in `steps`.

pub mod decode;
mod encode;
pub mod impact;
pub mod schema;
mod steps;

use super::marker::Marker;
use super::{Found, Lookup, ObjectType, Origin, Sighting};
use crate::observe::{GuestConfig, GuestView, Seen};
use crate::state::Identity;
use crate::value::Value;
use std::collections::BTreeSet;

/// The type. Source: API section `/nodes/{node}/qemu`.
pub static VM: ObjectType = ObjectType {
    name: "vm",
    summary: "A virtual machine, cloned from a template or made from its disks.",
    schema: &schema::SCHEMA,
    origin: Origin::Made,
    example: r#"vm "mc" {
  template = template.debian13
  cores    = 2
  memory   = "4GiB"
}
"#,
    identify: |vm| identity(vm.get("node").and_then(Value::as_text).unwrap_or_default(), super::template::vmid_of(vm)),
    sight,
    create: steps::create,
    update: steps::update,
    delete: steps::delete,
    is_replaced_first: false,
    locks: steps::locks,
    ..ObjectType::BASE
};

/// Returns the identity of a guest.
pub fn identity(node: &str, vmid: u32) -> Identity {
    Identity::of([("node", node.to_owned()), ("vmid", vmid.to_string())])
}

fn sight(lookup: &Lookup) -> Sighting {
    let Some(guest) = lookup.identity.vmid().and_then(|vmid| lookup.view.guests.get(&vmid)) else {
        return silent_node(lookup).unwrap_or(Sighting::Absent);
    };
    if guest.seen == Seen::Unreachable {
        return Sighting::Unreachable { node: guest.node.clone() };
    }
    let Some(config) = &guest.config else {
        return Sighting::Unreachable { node: guest.node.clone() };
    };
    let marker = Marker::find(config.values.get("description").map_or("", String::as_str));
    if marker.as_ref().map(|marker| marker.intent.as_str()) != Some(lookup.intent) {
        let name = config.values.get("name").unwrap_or(&guest.name);
        if marker.is_none() && shares_mac(config, lookup.applied) {
            return Sighting::Unmarked(format!("VM {} on {} is `{name}`", guest.vmid, guest.node));
        }
        let owner =
            marker.map_or_else(|| "without our marker".to_owned(), |marker| format!("marked as {}", marker.address));
        return Sighting::Foreign(format!("VM {} on {} is `{name}`, {owner}", guest.vmid, guest.node));
    }
    Sighting::Present(Box::new(Found {
        value: decode::decode(guest, config, lookup.project),
        identity: identity(&guest.node, guest.vmid),
        running: running(guest, config, lookup.project),
        digest: Some(config.digest.clone()),
        notes: notes(guest, lookup.identity),
    }))
}

/// Returns the guest as its process runs, where that is not what its configuration says.
fn running(guest: &GuestView, config: &GuestConfig, project: &str) -> Option<Value> {
    if config.running.is_empty() {
        return None;
    }
    let mut values = config.values.clone();
    for (key, value) in &config.running {
        match value {
            Some(value) => drop(values.insert(key.clone(), value.clone())),
            None => drop(values.remove(key)),
        }
    }
    Some(decode::decode(guest, &GuestConfig { values, ..GuestConfig::default() }, project))
}

/// MAC addresses are made for one guest, so one of ours on a guest without a marker means that the marker was lost.
fn shares_mac(config: &GuestConfig, applied: &Value) -> bool {
    let macs = |guest: &Value| -> BTreeSet<String> {
        let nics = guest.get("network").and_then(Value::as_entries).into_iter().flat_map(|nics| nics.values());
        nics.filter_map(|nic| nic.get("mac")?.as_text().map(str::to_owned)).collect()
    };
    !macs(&Value::object([("network", decode::networks(&config.values))])).is_disjoint(&macs(applied))
}

/// A guest that is missing from the list while its node is silent may well be there.
fn silent_node(lookup: &Lookup) -> Option<Sighting> {
    let node = lookup.identity.node()?;
    let is_silent = lookup.view.nodes.get(node).is_some_and(|view| !view.is_online);
    is_silent.then(|| Sighting::Unreachable { node: node.to_owned() })
}

fn notes(guest: &GuestView, recorded: &Identity) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(node) = recorded.node().filter(|node| *node != guest.node) {
        let by = if guest.is_ha_managed { " by HA" } else { "" };
        notes.push(format!("moved from {node} to {}{by}", guest.node));
    }
    if let Some(lock) = &guest.lock {
        notes.push(format!("locked ({lock})"));
    }
    if guest.config.as_ref().is_some_and(|config| !config.running.is_empty()) {
        notes.push("has changes that wait for a reboot".to_owned());
    }
    notes
}

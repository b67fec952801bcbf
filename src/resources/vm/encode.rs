//! The other direction: which configuration keys carry an attribute, and what they must say. What is only its key is written by the
//! layout; here is what needs more: volumes, MAC addresses, the owner marker.
//!
//! A disk or network option string is replaced whole by the server, so sub-keys we do not manage are taken over from the present one.

use super::decode::{IP_CONFIG, is_cdrom, is_disk, model_and_mac};
use super::schema::{BUSES, DISK, EFI_DISK, LAYOUT, NETWORK, NIC_MODELS, TPM_STATE};
use crate::proxmox::property::PropertyString;
use crate::resources::guest::gibibytes;
use crate::resources::keys::{Source, Write, write_options};
use crate::resources::marker::with_tags;
use crate::resources::schema::Schema;
use crate::resources::size;
use crate::resources::wire::print;
use crate::value::{Path, Step, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Returns the keys that carry an attribute; none for those that are not in the configuration (power, pool, node, sizes). The path of a
/// labelled block stands for all of it.
pub(super) fn keys_of(path: &Path) -> Vec<String> {
    let label = |index: usize| match path.0.get(index) {
        Some(Step::Key(label) | Step::Attribute(label)) => Some(&**label),
        Some(Step::Index(_)) | None => None,
    };
    let ip = |slot: &str| slot.strip_prefix("net").map(|index| format!("ipconfig{index}"));
    match (path.root().unwrap_or_default(), label(1), label(2)) {
        ("description" | "tags", ..) => vec![path.to_string()],
        ("extra", Some(key), _) => vec![key.to_owned()],
        ("disk", Some(_), Some("size" | "storage" | "delete_on_remove" | "format" | "import_from"))
        | ("efidisk0" | "tpmstate0", Some("storage"), _) => Vec::new(),
        ("network", Some(slot), None) => std::iter::once(slot.to_owned()).chain(ip(slot)).collect(),
        ("network", Some(slot), Some(name)) if IP_CONFIG.iter().any(|(attribute, _)| *attribute == name) => {
            ip(slot).into_iter().collect()
        }
        ("disk" | "network" | "cdrom", Some(slot), _) => vec![slot.to_owned()],
        (root @ ("efidisk0" | "tpmstate0"), ..) => vec![root.to_owned()],
        _ => LAYOUT.keys_of(path),
    }
}

/// Returns every key a freshly made guest must be told. `onboot`, `protection`, tags and description are always among them, because a
/// clone inherits the template's.
pub(super) fn all_keys(source: &Source) -> BTreeSet<String> {
    let mut keys = LAYOUT.wanted_keys(source.desired);
    let labels = |block: &str| source.desired.get(block).and_then(Value::as_entries).into_iter().flatten();
    for (slot, disk) in labels("disk") {
        let mut options = DISK.attributes.iter().filter(|attribute| attribute.wire.is_some());
        if !source.present.contains_key(slot) || options.any(|attribute| disk.get(attribute.name).is_some()) {
            keys.insert(slot.to_string());
        }
    }
    for (slot, nic) in labels("network") {
        keys.insert(slot.to_string());
        let has_address = IP_CONFIG.iter().any(|(name, _)| nic.get(name).is_some());
        if let (Some(index), true) = (slot.strip_prefix("net"), has_address) {
            keys.insert(format!("ipconfig{index}"));
        }
    }
    keys.extend(labels("cdrom").chain(labels("extra")).map(|(key, _)| key.to_string()));
    let volumes = ["efidisk0", "tpmstate0"].into_iter().filter(|name| source.desired.get(name).is_some());
    keys.extend(volumes.chain(["description", "tags", "onboot", "protection"]).map(str::to_owned));
    keys
}

/// Returns what to write to `key`.
pub(super) fn encode(key: &str, source: &Source) -> Write {
    let desired = source.desired;
    let plain = |value: Option<String>| value.map_or(Write::Unset, Write::Set);
    let block = |name: &str| desired.get(name).and_then(|blocks| blocks.get(key));
    match key {
        "description" => {
            let text = desired.get("description").and_then(Value::as_text);
            Write::Set(source.marker.with_text(text.unwrap_or_default()))
        }
        "tags" => {
            let own = desired.get("tags").and_then(Value::as_items).unwrap_or_default();
            let own = own.iter().filter_map(Value::as_text).map(str::to_owned);
            Write::Set(with_tags(own, source.project).into_iter().collect::<Vec<_>>().join(";"))
        }
        "efidisk0" => plain(made_anew(key, &EFI_DISK, source)),
        "tpmstate0" => plain(made_anew(key, &TPM_STATE, source)),
        _ if key.starts_with("ipconfig") => plain(ipconfig(key, desired)),
        _ if key.starts_with("net") => plain(nic(key, source)),
        _ if block("disk").is_some() => plain(disk(key, source)),
        _ if block("cdrom").is_some() => {
            let file = block("cdrom").and_then(|drive| drive.get("file")).and_then(Value::as_text);
            Write::Set(format!("{},media=cdrom", file.unwrap_or("none")))
        }
        _ if source.present.get(key).is_some_and(|value| is_disk(key, value) || is_cdrom(key, value)) => Write::Unset,
        _ => LAYOUT.encode(key, source).unwrap_or_else(|| plain(block("extra").and_then(print))),
    }
}

fn ipconfig(key: &str, desired: &Value) -> Option<String> {
    let slot = format!("net{}", key.strip_prefix("ipconfig")?);
    let nic = desired.get("network")?.get(&slot)?;
    let text = |name: &str| nic.get(name).and_then(Value::as_text);
    let is_told = |name: &str| match name {
        "gateway" => text("address").is_some_and(|address| address != "dhcp"),
        "gateway6" => text("address6").is_some_and(|address| !matches!(address, "dhcp" | "auto")),
        _ => true,
    };
    let parts = IP_CONFIG.iter().filter(|(name, _)| is_told(name));
    let parts: Vec<String> = parts.filter_map(|(name, key)| Some(format!("{key}={}", text(name)?))).collect();
    Some(parts.join(",")).filter(|text| !text.is_empty())
}

fn nic(slot: &str, source: &Source) -> Option<String> {
    let nic = source.desired.get("network")?.get(slot)?;
    let present = source.present.get(slot).and_then(|text| PropertyString::parse(text, Some("model")).ok());
    let mut parsed = present.unwrap_or_default();
    let old = model_and_mac(&parsed);
    for model in NIC_MODELS {
        parsed.options.remove(model);
    }
    parsed.options.remove("macaddr");
    parsed.default = None;
    // What a template's device has is no default: a clone's says everything itself.
    if source.is_clone {
        parsed.options.clear();
    }
    let text = |name: &str| nic.get(name).and_then(print);
    let model = text("model").unwrap_or_else(|| "virtio".to_owned());
    let mac = text("mac").or_else(|| old.map(|(_, mac)| mac));
    let path = Path::attribute("network").then(Step::Key(slot.into()));
    write_options(&mut parsed, &NETWORK, None, &path, nic, source);
    // The server prints the model first; a MAC that is not sent would be made anew on every write.
    let head = mac.map_or_else(|| model.clone(), |mac| format!("{model}={mac}"));
    let rest = parsed.to_string();
    Some(if rest.is_empty() { head } else { format!("{head},{rest}") })
}

fn disk(slot: &str, source: &Source) -> Option<String> {
    let disk = source.desired.get("disk")?.get(slot)?;
    let text = |name: &str| disk.get(name).and_then(Value::as_text);
    let present = source.present.get(slot).filter(|value| is_disk(slot, value));
    let present = present.and_then(|text| PropertyString::parse(text, Some("file")).ok());
    let mut parsed = present.clone().unwrap_or_default();
    parsed.default = match (&present, text("import_from")) {
        (Some(_), _) if source.is_clone || source.moved.contains(slot) => Some(format!("{{volume:{slot}}}")),
        (Some(present), _) => present.default.clone(),
        (None, Some(image)) => {
            parsed.options.insert("import-from".to_owned(), image.to_owned());
            Some(format!("{}:0", text("storage")?))
        }
        // `STORAGE:GIBIBYTES` allocates a new volume.
        (None, None) => Some(format!("{}:{}", text("storage")?, gibibytes(size::parse(text("size")?).ok()?))),
    };
    if let (None, Some(format)) = (&present, text("format")) {
        parsed.options.insert("format".to_owned(), format.to_owned());
    }
    // The server keeps the size; what is sent for it is ignored.
    parsed.options.remove("size");
    let path = Path::attribute("disk").then(Step::Key(slot.into()));
    write_options(&mut parsed, &DISK, None, &path, disk, source);
    // A bus without an option takes no `off` of it either.
    let missing = BUSES.iter().find(|(bus, ..)| slot.starts_with(bus)).map_or(&[][..], |(.., missing)| *missing);
    parsed.options.retain(|key, _| !missing.contains(&key.as_str()));
    Some(parsed.to_string())
}

/// A small volume of the firmware. What it was made with cannot change: other options mean another volume.
fn made_anew(key: &str, schema: &Schema, source: &Source) -> Option<String> {
    let wanted = source.desired.get(key)?;
    let storage = wanted.get("storage").and_then(Value::as_text)?;
    let mut parsed = PropertyString { default: Some(format!("{storage}:1")), options: BTreeMap::new() };
    write_options(&mut parsed, schema, None, &Path::attribute(key), wanted, source);
    Some(parsed.to_string())
}

//! Volumes and network devices of a container: option strings whose head is made by the server, read and written.

use super::schema::{MOUNT, NETWORK, ROOTFS};
use crate::observe::ConfigValues;
use crate::proxmox::property::{PropertyString, size_bytes};
use crate::resources::keys::{Source, is_slot, read_options, write_options};
use crate::resources::schema::Schema;
use crate::resources::size;
use crate::value::{Path, Step, Value, name};

/// Returns whether a key is a volume of a container.
pub fn is_volume(key: &str) -> bool {
    key == "rootfs" || is_slot(key, "mp", 256)
}

/// Reads a volume; a folder of the node has neither storage nor size.
pub fn read(text: &str, schema: &Schema) -> Option<Value> {
    let parsed = PropertyString::parse(text, Some("volume")).ok()?;
    let mut volume = read_options(schema, &parsed, Some("volume"));
    let source = parsed.default.as_deref().unwrap_or_default();
    match source.split_once(':') {
        Some((storage, _)) if !source.starts_with('/') => volume.push((name("storage"), Value::text(storage))),
        _ => volume.push((name("volume"), Value::text(source))),
    }
    if let Some(bytes) = parsed.option("size").and_then(size_bytes) {
        volume.push((name("size"), Value::text(size::print(bytes))));
    }
    Some(Value::object(volume))
}

/// Reads the mount points by slot.
pub fn mounts(values: &ConfigValues) -> Value {
    let slots = values.iter().filter(|(key, _)| is_slot(key, "mp", 256));
    Value::object(slots.filter_map(|(slot, text)| Some((slot.clone(), read(text, &MOUNT)?))))
}

/// Reads the network devices by slot.
pub fn networks(values: &ConfigValues) -> Value {
    let slots = values.iter().filter(|(key, _)| is_slot(key, "net", 32));
    Value::object(slots.filter_map(|(slot, text)| {
        let parsed = PropertyString::parse(text, None).ok()?;
        let mut nic = read_options(&NETWORK, &parsed, None);
        if let Some(mac) = parsed.option("hwaddr") {
            nic.push((name("mac"), Value::text(mac.to_uppercase())));
        }
        Some((slot.clone(), Value::object(nic)))
    }))
}

/// Returns the size in bytes of a volume.
pub fn volume_bytes(text: &str) -> Option<u64> {
    size_bytes(PropertyString::parse(text, Some("volume")).ok()?.option("size")?)
}

/// Prints a volume: the one that is there, or `STORAGE:GIBIBYTES` for a new one.
pub(super) fn print(key: &str, source: &Source) -> Option<String> {
    let (schema, path, wanted) = match key {
        "rootfs" => (&ROOTFS, Path::attribute("rootfs"), source.desired.get("rootfs")?),
        _ => (&MOUNT, Path::attribute("mount").then(Step::Key(key.into())), source.desired.get("mount")?.get(key)?),
    };
    let text = |name: &str| wanted.get(name).and_then(Value::as_text);
    let present = source.present.get(key).and_then(|text| PropertyString::parse(text, Some("volume")).ok());
    let mut printed = present.clone().unwrap_or_default();
    printed.default = match (text("volume"), &present) {
        (Some(folder), _) => Some(folder.to_owned()),
        (None, Some(_)) if source.moved.contains(key) => Some(format!("{{volume:{key}}}")),
        (None, Some(present)) => present.default.clone(),
        (None, None) => {
            let bytes = size::parse(text("size")?).ok()?;
            Some(format!("{}:{}", text("storage")?, crate::resources::guest::gibibytes(bytes)))
        }
    };
    write_options(&mut printed, schema, None, &path, wanted, source);
    Some(printed.to_string())
}

/// Prints a network device.
pub(super) fn print_network(slot: &str, source: &Source) -> Option<String> {
    let nic = source.desired.get("network")?.get(slot)?;
    let present = source.present.get(slot).and_then(|text| PropertyString::parse(text, None).ok());
    let mut printed = present.unwrap_or_default();
    let path = Path::attribute("network").then(Step::Key(slot.into()));
    write_options(&mut printed, &NETWORK, None, &path, nic, source);
    let is_fixed = |key: &str| printed.option(key).is_some_and(|address| address.contains('/'));
    let (has_four, has_six) = (is_fixed("ip"), is_fixed("ip6"));
    // A gateway without an address of its own is refused.
    printed.options.retain(|key, _| (has_four || key != "gw") && (has_six || key != "gw6"));
    Some(printed.to_string())
}

//! A guest's configuration as the cluster prints it, read into the shape of the schema.
//!
//! What the API omits is left out here too; `Attribute::value_if_absent` says what it stands for.

use super::schema::{BUSES, DISK, EFI_DISK, LAYOUT, NETWORK, NIC_MODELS, TPM_STATE};
use crate::observe::{ConfigValues, GuestConfig, GuestView, Power};
use crate::proxmox::property::{PropertyString, size_bytes};
use crate::resources::container::volumes::{is_volume, volume_bytes};
use crate::resources::keys::{Attributes, is_slot, read_options};
use crate::resources::schema::Schema;
use crate::resources::{marker, size};
use crate::value::{Type, Value, name};

/// Returns the guest in the shape of the `vm` schema, without what the cluster cannot tell.
pub fn decode(guest: &GuestView, config: &GuestConfig, project: &str) -> Value {
    let values = &config.values;
    let mut attributes = LAYOUT.decode(values);
    let mut set = |attribute: &str, value: Value| attributes.push((name(attribute), value));
    if !values.contains_key("name") {
        set("name", Value::text(guest.name.clone()));
    }
    set("node", Value::text(guest.node.clone()));
    set("vmid", Value::from(i64::from(guest.vmid)));
    if !values.contains_key("balloon") {
        set("balloon", Value::text(size::print(memory_mib(values) << 20)));
    }
    set("description", Value::text(marker::text_without(values.text("description").unwrap_or_default())));
    let tags = marker::tags_without(values.text("tags").unwrap_or_default(), project);
    set("tags", Value::ordered_set(Type::Text, tags.into_iter().map(Value::from)));
    if let Some(pool) = &guest.pool {
        set("pool", Value::text(pool.clone()));
    }
    match guest.power {
        Power::Running => set("power", Value::text("running")),
        Power::Stopped => set("power", Value::text("stopped")),
        Power::Unknown => {}
    }
    set("disk", disks(values));
    set("cdrom", cdroms(values));
    for (slot, schema) in [("efidisk0", &EFI_DISK), ("tpmstate0", &TPM_STATE)] {
        if let Some(volume) = values.get(slot).and_then(|value| volume(value, schema)) {
            set(slot, Value::object(volume));
        }
    }
    set("network", networks(values));
    set("extra", extra(values));
    Value::object(attributes)
}

/// Returns the keys that the schema does not know.
fn extra(values: &ConfigValues) -> Value {
    let is_known = |key: &str| LAYOUT.knows(key) || is_special(key);
    let unknown = values.iter().filter(|(key, _)| !is_known(key));
    Value::map(Type::Text, unknown.map(|(key, value)| (key.clone(), Value::text(value.clone()))))
}

/// Returns whether a key is read and written by the code of this type, or belongs to the server.
pub fn is_special(key: &str) -> bool {
    const OURS: [&str; 14] = [
        "description",
        "tags",
        "efidisk0",
        "tpmstate0",
        "digest",
        "lock",
        "template",
        "meta",
        "parent",
        "snaptime",
        "vmstate",
        "runningmachine",
        "runningcpu",
        "cdrom",
    ];
    let stems = [("net", 32), ("ipconfig", 32), ("unused", 256)];
    OURS.contains(&key)
        || stems.iter().any(|(stem, count)| is_slot(key, stem, *count))
        || BUSES.iter().any(|(bus, count, _)| is_slot(key, bus, *count))
}

/// Returns configured memory in MiB. `memory` is text, or a property string with `current=`.
pub fn memory_mib(values: &ConfigValues) -> u64 {
    let text = values.text("memory").unwrap_or("512");
    text.strip_prefix("current=").unwrap_or(text).split(',').next().and_then(|text| text.parse().ok()).unwrap_or(512)
}

/// Returns whether the configuration turns the guest agent on.
pub fn has_agent(values: &ConfigValues) -> bool {
    let parsed = values.get("agent").and_then(|text| PropertyString::parse(text, Some("enabled")).ok());
    parsed.and_then(|parsed| parsed.default).is_some_and(|enabled| enabled == "1")
}

/// Returns whether a configuration key is a disk that is neither CD-ROM nor cloud-init drive.
pub fn is_disk(key: &str, value: &str) -> bool {
    is_drive(key) && !value.contains("media=cdrom") && !value.contains("cloudinit") && value != "none"
}

/// Returns the size in bytes of the disk in a slot.
pub fn disk_bytes(value: &str) -> Option<u64> {
    size_bytes(PropertyString::parse(value, Some("file")).ok()?.option("size")?)
}

/// Returns the storage of a disk or cloud-init drive.
pub fn storage_of(value: &str) -> Option<&str> {
    Some(value.split(',').next()?.strip_prefix("file=").unwrap_or(value).split_once(':')?.0)
}

/// Returns the sum of all disks in bytes; those of a container are there under other keys.
pub fn all_disks_bytes(values: &ConfigValues) -> u64 {
    let disks = values.iter().filter(|(key, value)| is_disk(key, value)).filter_map(|(_, value)| disk_bytes(value));
    let volumes = values.iter().filter(|(key, _)| is_volume(key)).filter_map(|(_, value)| volume_bytes(value));
    disks.chain(volumes).sum()
}

/// Options and storage of a volume.
fn volume(value: &str, schema: &Schema) -> Option<Attributes> {
    let parsed = PropertyString::parse(value, Some("file")).ok()?;
    let mut volume = read_options(schema, &parsed, Some("file"));
    if let Some(storage) = storage_of(value) {
        volume.push((name("storage"), Value::text(storage)));
    }
    Some(volume)
}

/// Returns the disks by slot.
pub fn disks(values: &ConfigValues) -> Value {
    Value::object(values.iter().filter(|(key, value)| is_disk(key, value)).filter_map(|(slot, value)| {
        let mut disk = volume(value, &DISK)?;
        if let Some(bytes) = disk_bytes(value) {
            disk.push((name("size"), Value::text(size::print(bytes))));
        }
        Some((name(slot), Value::object(disk)))
    }))
}

fn cdroms(values: &ConfigValues) -> Value {
    let drives = values.iter().filter(|(key, value)| is_cdrom(key, value));
    Value::object(drives.map(|(slot, value)| {
        let file = value.split(',').next().unwrap_or_default();
        (name(slot), Value::object([(name("file"), Value::text(file.strip_prefix("file=").unwrap_or(file)))]))
    }))
}

/// Returns whether a configuration key is a CD drive with or without medium, but not the cloud-init drive.
pub fn is_cdrom(key: &str, value: &str) -> bool {
    is_drive(key) && (value.contains("media=cdrom") || value == "none") && !value.contains("cloudinit")
}

fn is_drive(key: &str) -> bool {
    BUSES.iter().any(|(bus, count, _)| is_slot(key, bus, *count))
}

/// Returns model and MAC of a network device.
pub fn model_and_mac(parsed: &PropertyString) -> Option<(String, String)> {
    let by_model = NIC_MODELS.iter().find_map(|model| Some(((*model).to_owned(), parsed.option(model)?.to_owned())));
    by_model.or_else(|| {
        let model = parsed.option("model").map_or_else(|| parsed.default.clone(), |model| Some(model.to_owned()))?;
        Some((model, parsed.option("macaddr").unwrap_or_default().to_owned()))
    })
}

/// Returns the network devices by slot.
pub fn networks(values: &ConfigValues) -> Value {
    Value::object(values.iter().filter(|(key, _)| is_slot(key, "net", 32)).filter_map(|(slot, value)| {
        let parsed = PropertyString::parse(value, Some("model")).ok()?;
        let mut nic = read_options(&NETWORK, &parsed, Some("model"));
        if let Some((model, mac)) = model_and_mac(&parsed) {
            nic.push((name("model"), Value::text(model)));
            nic.push((name("mac"), Value::text(mac.to_uppercase())));
        }
        let index = &slot[3..];
        if let Some(Ok(ip)) = values.get(&format!("ipconfig{index}")).map(|text| PropertyString::parse(text, None)) {
            for (attribute, key) in IP_CONFIG {
                if let Some(text) = ip.option(key) {
                    nic.push((name(attribute), Value::text(text)));
                }
            }
        }
        Some((name(slot), Value::object(nic)))
    }))
}

/// Attributes of a network device that stand under `ipconfigN`, and their sub-keys there.
pub const IP_CONFIG: [(&str, &str); 4] =
    [("address", "ip"), ("gateway", "gw"), ("address6", "ip6"), ("gateway6", "gw6")];

//! A guest's configuration as the cluster prints it, read into the shape of the schema.
//!
//! Defaults that the API omits are filled in, so that "not set" and "set to the default" are the same.

use crate::observe::{GuestConfig, GuestView, Power};
use crate::proxmox::property::{PropertyString, decode_ssh_keys, size_bytes};
use crate::resources::{marker, size};
use crate::value::{Kind, Number, Type, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

type Attributes = BTreeMap<Arc<str>, Value>;

/// Returns the guest in the shape of the `vm` schema, without what the cluster cannot tell.
pub fn decode(guest: &GuestView, config: &GuestConfig, project: &str) -> Value {
    let values = &config.values;
    let text = |key: &str| values.get(key).cloned();
    let text_or = |key: &str, default: &str| Value::text(text(key).unwrap_or_else(|| default.to_owned()));
    let integer_or = |key: &str, default: i64| Value::from(number(values, key).unwrap_or(default));
    let flag_or = |key: &str, default: bool| Value::from(text(key).map_or(default, |text| text == "1"));
    let memory = memory_mib(values);

    let mut attributes: Attributes = BTreeMap::new();
    let mut set = |name: &str, value: Value| drop(attributes.insert(name.into(), value));
    set("name", text_or("name", &guest.name));
    set("node", Value::text(guest.node.clone()));
    set("vmid", Value::from(i64::from(guest.vmid)));
    set("cores", integer_or("cores", 1));
    set("sockets", integer_or("sockets", 1));
    set("cpu", Value::text(cpu_type(values)));
    set("memory", Value::text(size::print(memory << 20)));
    set("balloon", Value::text(size::print(number(values, "balloon").map_or(memory, |mib| mib as u64) << 20)));
    set("cpulimit", decimal(text("cpulimit").as_deref().unwrap_or("0")));
    set("cpuunits", integer_or("cpuunits", 100));
    set("numa", flag_or("numa", false));
    set("agent", Value::from(has_agent(values)));
    set("ostype", text_or("ostype", "other"));
    set("scsihw", text_or("scsihw", "lsi"));
    set("onboot", flag_or("onboot", false));
    set("protection", flag_or("protection", false));
    set("description", Value::text(marker::text_without(values.get("description").map_or("", String::as_str))));
    let tags = marker::tags_without(values.get("tags").map_or("", String::as_str), project);
    set("tags", Value::new(Kind::Set(Type::Text, tags.into_iter().map(Value::from).collect())));
    if let Some(pool) = &guest.pool {
        set("pool", Value::text(pool.clone()));
    }
    match guest.power {
        Power::Running => set("power", Value::text("running")),
        Power::Stopped => set("power", Value::text("stopped")),
        Power::Unknown => {}
    }
    set("disk", disks(values));
    set("network", networks(values));
    set("cloud_init", cloud_init(values));
    Value::object(attributes)
}

/// Returns configured memory in MiB. `memory` is text, or a property string with `current=`.
pub fn memory_mib(values: &BTreeMap<String, String>) -> u64 {
    let text = values.get("memory").map_or("512", String::as_str);
    text.strip_prefix("current=").unwrap_or(text).split(',').next().and_then(|text| text.parse().ok()).unwrap_or(512)
}

/// Returns whether the configuration turns the guest agent on.
pub fn has_agent(values: &BTreeMap<String, String>) -> bool {
    let parsed = values.get("agent").and_then(|text| PropertyString::parse(text, Some("enabled")).ok());
    parsed.and_then(|parsed| parsed.default).is_some_and(|enabled| enabled == "1")
}

/// Returns whether a configuration key is a disk that is neither CD-ROM nor cloud-init drive.
pub fn is_disk(key: &str, value: &str) -> bool {
    let slot = key.trim_end_matches(|character: char| character.is_ascii_digit());
    slot.len() < key.len()
        && matches!(slot, "scsi" | "virtio" | "sata" | "ide")
        && !value.contains("media=cdrom")
        && !value.contains("cloudinit")
        && value != "none"
}

/// Returns the size in bytes of the disk in a slot.
pub fn disk_bytes(value: &str) -> Option<u64> {
    size_bytes(PropertyString::parse(value, Some("file")).ok()?.option("size")?)
}

/// Returns the storage of a disk or cloud-init drive.
pub fn storage_of(value: &str) -> Option<&str> {
    Some(value.split(',').next()?.strip_prefix("file=").unwrap_or(value).split_once(':')?.0)
}

/// Returns the sum of all disks in bytes.
pub fn all_disks_bytes(values: &BTreeMap<String, String>) -> u64 {
    values.iter().filter(|(key, value)| is_disk(key, value)).filter_map(|(_, value)| disk_bytes(value)).sum()
}

fn number(values: &BTreeMap<String, String>, key: &str) -> Option<i64> {
    values.get(key)?.parse().ok()
}

fn decimal(text: &str) -> Value {
    Number::parse(text).map_or_else(|| Value::from(0), |number| Value::new(Kind::Number(number)))
}

fn cpu_type(values: &BTreeMap<String, String>) -> String {
    let parsed = values.get("cpu").and_then(|text| PropertyString::parse(text, Some("cputype")).ok());
    parsed.and_then(|parsed| parsed.default).unwrap_or_else(|| "kvm64".to_owned())
}

/// Returns the disks by slot.
pub fn disks(values: &BTreeMap<String, String>) -> Value {
    Value::object(values.iter().filter(|(key, value)| is_disk(key, value)).filter_map(|(slot, value)| {
        let parsed = PropertyString::parse(value, Some("file")).ok()?;
        let flag =
            |key: &str, on: &str, default: bool| Value::from(parsed.option(key).map_or(default, |text| text == on));
        let mut disk: Attributes = BTreeMap::new();
        if let Some(bytes) = parsed.option("size").and_then(size_bytes) {
            disk.insert("size".into(), Value::text(size::print(bytes)));
        }
        if let Some(storage) = storage_of(value) {
            disk.insert("storage".into(), Value::text(storage));
        }
        disk.insert("ssd".into(), flag("ssd", "1", false));
        disk.insert("discard".into(), flag("discard", "on", false));
        disk.insert("iothread".into(), flag("iothread", "1", false));
        disk.insert("backup".into(), flag("backup", "1", true));
        disk.insert("cache".into(), Value::text(parsed.option("cache").unwrap_or("none")));
        Some((slot.as_str(), Value::object(disk)))
    }))
}

/// Models by which a network device may be named.
pub const NIC_MODELS: [&str; 5] = ["virtio", "e1000", "e1000e", "rtl8139", "vmxnet3"];

/// Returns model and MAC of a network device.
pub fn model_and_mac(parsed: &PropertyString) -> Option<(String, String)> {
    let by_model = NIC_MODELS.iter().find_map(|model| Some(((*model).to_owned(), parsed.option(model)?.to_owned())));
    by_model.or_else(|| {
        let model = parsed.option("model").map_or_else(|| parsed.default.clone(), |model| Some(model.to_owned()))?;
        Some((model, parsed.option("macaddr").unwrap_or_default().to_owned()))
    })
}

/// Returns the network devices by slot.
pub fn networks(values: &BTreeMap<String, String>) -> Value {
    let is_nic = |key: &str| key.strip_prefix("net").is_some_and(|rest| rest.parse::<u8>().is_ok());
    Value::object(values.iter().filter(|(key, _)| is_nic(key)).filter_map(|(slot, value)| {
        let parsed = PropertyString::parse(value, Some("model")).ok()?;
        let mut nic: Attributes = BTreeMap::new();
        if let Some((model, mac)) = model_and_mac(&parsed) {
            nic.insert("model".into(), Value::text(model));
            nic.insert("mac".into(), Value::text(mac.to_uppercase()));
        }
        if let Some(bridge) = parsed.option("bridge") {
            nic.insert("bridge".into(), Value::text(bridge));
        }
        if let Some(tag) = parsed.option("tag").and_then(|tag| tag.parse::<i64>().ok()) {
            nic.insert("vlan".into(), Value::from(tag));
        }
        nic.insert("firewall".into(), Value::from(parsed.option("firewall") == Some("1")));
        if let Some(rate) = parsed.option("rate") {
            nic.insert("rate".into(), decimal(rate));
        }
        let index = &slot[3..];
        if let Some(Ok(ip)) = values.get(&format!("ipconfig{index}")).map(|text| PropertyString::parse(text, None)) {
            if let Some(address) = ip.option("ip") {
                nic.insert("address".into(), Value::text(address));
            }
            if let Some(gateway) = ip.option("gw") {
                nic.insert("gateway".into(), Value::text(gateway));
            }
        }
        Some((slot.as_str(), Value::object(nic)))
    }))
}

fn cloud_init(values: &BTreeMap<String, String>) -> Value {
    let mut attributes: Attributes = BTreeMap::new();
    if let Some(user) = values.get("ciuser") {
        attributes.insert("user".into(), Value::text(user.clone()));
    }
    if let Some(keys) = values.get("sshkeys").and_then(|text| decode_ssh_keys(text)) {
        let keys = keys.lines().map(str::trim).filter(|key| !key.is_empty()).map(Value::from);
        attributes.insert("ssh_keys".into(), Value::list(Type::Text, keys));
    }
    attributes.insert("upgrade".into(), Value::from(values.get("ciupgrade").is_none_or(|text| text == "1")));
    if let Some(servers) = values.get("nameserver") {
        let servers = servers.split([' ', ',']).filter(|server| !server.is_empty()).map(Value::from);
        attributes.insert("dns".into(), Value::list(Type::Text, servers));
    }
    if let Some(domain) = values.get("searchdomain") {
        attributes.insert("search_domain".into(), Value::text(domain.clone()));
    }
    Value::object(attributes)
}

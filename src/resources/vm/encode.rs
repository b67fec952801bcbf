//! The other direction: which configuration keys carry an attribute, and what they must say.
//!
//! A disk or network option string is replaced whole by the server, so sub-keys we do not manage are taken over from the present one.

use super::decode::{is_disk, model_and_mac};
use crate::proxmox::property::{PropertyString, encode_ssh_keys};
use crate::resources::marker::{Marker, with_tags};
use crate::resources::size;
use crate::value::{Path, Step, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What to write to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// This text.
    Set(String),
    /// This text, which is never shown.
    SetSecret(String),
    /// Nothing: the key is deleted.
    Unset,
}

/// What keys are written from.
pub(super) struct Source<'a> {
    /// The guest wanted.
    pub desired: &'a Value,
    /// Its configuration now; for a clone that is yet to be made, the template's.
    pub present: &'a BTreeMap<String, String>,
    /// Whether `present` is the template's: volume ids are filled in from a fresh read, and what is not wanted is dropped.
    pub is_clone: bool,
    /// Attributes that change; what is neither wanted nor among them stays as it is.
    pub changed: &'a BTreeSet<Path>,
    /// Owner marker.
    pub marker: &'a Marker,
    /// Owner scope.
    pub project: &'a str,
}

/// Returns the keys that carry an attribute; none for those that are not in the configuration (power, pool, node, sizes). The path of a
/// labelled block stands for all of it.
pub(super) fn keys_of(path: &Path) -> Vec<String> {
    let label = |index: usize| match path.0.get(index) {
        Some(Step::Key(label) | Step::Attribute(label)) => Some(&**label),
        Some(Step::Index(_)) | None => None,
    };
    let ip = |slot: &str| slot.strip_prefix("net").map(|index| format!("ipconfig{index}"));
    match (path.root().unwrap_or_default(), label(1), label(2)) {
        (root, ..) if PLAIN.contains(&root) => vec![root.to_owned()],
        ("disk", Some(_), Some("size" | "storage" | "delete_on_remove")) => Vec::new(),
        ("network", Some(slot), None) => std::iter::once(slot.to_owned()).chain(ip(slot)).collect(),
        ("network", Some(slot), Some("address" | "gateway")) => ip(slot).into_iter().collect(),
        ("disk", Some(slot), _) | ("network", Some(slot), Some(_)) => vec![slot.to_owned()],
        ("cloud_init", Some(name), _) => {
            CLOUD_INIT.iter().filter(|(attribute, _)| *attribute == name).map(|(_, key)| (*key).to_owned()).collect()
        }
        _ => Vec::new(),
    }
}

/// Attributes that are a key of the same name.
const PLAIN: [&str; 16] = [
    "name",
    "cores",
    "sockets",
    "cpu",
    "memory",
    "balloon",
    "cpulimit",
    "cpuunits",
    "numa",
    "agent",
    "ostype",
    "scsihw",
    "onboot",
    "protection",
    "description",
    "tags",
];

/// Attributes of `cloud_init` and their keys.
const CLOUD_INIT: [(&str, &str); 6] = [
    ("user", "ciuser"),
    ("password", "cipassword"),
    ("ssh_keys", "sshkeys"),
    ("upgrade", "ciupgrade"),
    ("dns", "nameserver"),
    ("search_domain", "searchdomain"),
];

/// Returns every key a freshly made guest must be told. `onboot`, `protection`, tags and description are always among them, because a
/// clone inherits the template's.
pub(super) fn all_keys(source: &Source) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    let Some(entries) = source.desired.as_entries() else { return keys };
    for name in entries.keys() {
        keys.extend(keys_of(&Path::attribute(name.clone())));
    }
    let labels = |block: &str| source.desired.get(block).and_then(Value::as_entries).into_iter().flatten();
    for (slot, disk) in labels("disk") {
        let is_option = |name: &&str| disk.get(name).is_some();
        let has_options = ["ssd", "discard", "iothread", "cache", "backup"].iter().any(is_option);
        if has_options || !source.present.contains_key(&**slot) {
            keys.insert(slot.to_string());
        }
    }
    for (slot, nic) in labels("network") {
        keys.insert(slot.to_string());
        if let (Some(index), Some(_)) = (slot.strip_prefix("net"), nic.get("address")) {
            keys.insert(format!("ipconfig{index}"));
        }
    }
    for (name, _) in labels("cloud_init") {
        keys.extend(keys_of(&Path::attribute("cloud_init").then(Step::Attribute(name.clone()))));
    }
    keys.extend(["description", "tags", "onboot", "protection"].map(str::to_owned));
    keys
}

/// Returns what to write to `key`.
pub(super) fn encode(key: &str, source: &Source) -> Write {
    let desired = source.desired;
    let text = |name: &str| desired.get(name).and_then(Value::as_text);
    let plain = |value: Option<String>| value.map_or(Write::Unset, Write::Set);
    match key {
        "memory" => plain(text("memory").and_then(mebibytes)),
        "balloon" => plain(text("balloon").and_then(mebibytes)),
        "agent" => plain(desired.get("agent").and_then(Value::as_bool).map(flag)),
        "description" => Write::Set(source.marker.with_text(text("description").unwrap_or_default())),
        "tags" => {
            let own = desired.get("tags").and_then(Value::as_items).unwrap_or_default();
            let own = own.iter().filter_map(Value::as_text).map(str::to_owned);
            Write::Set(with_tags(own, source.project).into_iter().collect::<Vec<_>>().join(";"))
        }
        "cipassword" => plain_cloud(source, "password", |value| value.as_text().map(str::to_owned)),
        "ciuser" => plain_cloud(source, "user", scalar),
        "searchdomain" => plain_cloud(source, "search_domain", scalar),
        "ciupgrade" => plain_cloud(source, "upgrade", scalar),
        "sshkeys" => plain_cloud(source, "ssh_keys", |keys| joined(keys, "\n").map(|keys| encode_ssh_keys(&keys))),
        "nameserver" => plain_cloud(source, "dns", |servers| joined(servers, " ")),
        _ if key.starts_with("ipconfig") => plain(ipconfig(key, desired)),
        _ if key.starts_with("net") => plain(nic(key, source)),
        _ if desired.get("disk").and_then(|disks| disks.get(key)).is_some() => plain(disk(key, source)),
        _ if source.present.get(key).is_some_and(|value| is_disk(key, value)) => Write::Unset,
        _ => plain(desired.get(key).and_then(scalar)),
    }
}

fn plain_cloud(source: &Source, name: &str, print: impl Fn(&Value) -> Option<String>) -> Write {
    let value = source.desired.get("cloud_init").and_then(|block| block.get(name));
    match value.and_then(|value| Some((value, print(value)?))) {
        Some((value, text)) if value.is_sensitive() => Write::SetSecret(text),
        Some((_, text)) if !text.is_empty() => Write::Set(text),
        _ => Write::Unset,
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value.kind() {
        crate::value::Kind::Bool(on) => Some(flag(*on)),
        crate::value::Kind::Number(number) => Some(number.to_string()),
        crate::value::Kind::Text(text) => Some(text.to_string()),
        _ => None,
    }
}

fn flag(on: bool) -> String {
    if on { "1" } else { "0" }.to_owned()
}

fn joined(values: &Value, separator: &str) -> Option<String> {
    let texts: Vec<&str> = values.as_items()?.iter().filter_map(Value::as_text).map(str::trim).collect();
    Some(texts.join(separator))
}

fn mebibytes(text: &str) -> Option<String> {
    Some((size::parse(text).ok()? >> 20).to_string())
}

fn ipconfig(key: &str, desired: &Value) -> Option<String> {
    let slot = format!("net{}", key.strip_prefix("ipconfig")?);
    let nic = desired.get("network")?.get(&slot)?;
    let address = nic.get("address")?.as_text()?;
    let gateway = nic.get("gateway").and_then(Value::as_text).filter(|_| address != "dhcp");
    Some(gateway.map_or_else(|| format!("ip={address}"), |gateway| format!("ip={address},gw={gateway}")))
}

fn nic(slot: &str, source: &Source) -> Option<String> {
    let nic = source.desired.get("network")?.get(slot)?;
    let present = source.present.get(slot).and_then(|text| PropertyString::parse(text, Some("model")).ok());
    let mut parsed = present.unwrap_or_default();
    let old = model_and_mac(&parsed);
    for model in super::decode::NIC_MODELS {
        parsed.options.remove(model);
    }
    parsed.options.remove("macaddr");
    parsed.default = None;
    let text = |name: &str| nic.get(name).and_then(scalar);
    let model = text("model").unwrap_or_else(|| "virtio".to_owned());
    let mac = text("mac").or_else(|| old.map(|(_, mac)| mac));
    let path = Path::attribute("network").then(Step::Key(slot.into()));
    let is_dropped = |name: &str| source.is_clone || source.changed.contains(&path.then(Step::Attribute(name.into())));
    for (name, key) in [("bridge", "bridge"), ("vlan", "tag"), ("rate", "rate"), ("firewall", "firewall")] {
        match text(name) {
            Some(value) => drop(parsed.options.insert(key.to_owned(), value)),
            None if is_dropped(name) => drop(parsed.options.remove(key)),
            None => {}
        }
    }
    // The server prints the model first; a MAC that is not sent would be made anew on every write.
    let head = mac.map_or_else(|| model.clone(), |mac| format!("{model}={mac}"));
    let rest = parsed.to_string();
    Some(if rest.is_empty() { head } else { format!("{head},{rest}") })
}

fn disk(slot: &str, source: &Source) -> Option<String> {
    let disk = source.desired.get("disk")?.get(slot)?;
    let text = |name: &str| disk.get(name).and_then(Value::as_text);
    let present = source.present.get(slot).and_then(|text| PropertyString::parse(text, Some("file")).ok());
    let mut parsed = present.clone().unwrap_or_default();
    parsed.default = match &present {
        Some(_) if source.is_clone => Some(format!("{{volume:{slot}}}")),
        Some(present) => present.default.clone(),
        // `STORAGE:GIBIBYTES` allocates a new volume.
        None => Some(format!("{}:{}", text("storage")?, gibibytes(size::parse(text("size")?).ok()?))),
    };
    // The server keeps the size; what is sent for it is ignored.
    parsed.options.remove("size");
    let options = [("ssd", "1", "0"), ("discard", "on", "ignore"), ("iothread", "1", "0"), ("backup", "1", "0")];
    for (name, on, off) in options {
        // A bus without the option takes no `off` either.
        if (name == "ssd" && slot.starts_with("virtio"))
            || (name == "iothread" && (slot.starts_with("sata") || slot.starts_with("ide")))
        {
            continue;
        }
        if let Some(is_on) = disk.get(name).and_then(Value::as_bool) {
            parsed.options.insert(name.to_owned(), if is_on { on } else { off }.to_owned());
        }
    }
    if let Some(cache) = text("cache") {
        parsed.options.insert("cache".to_owned(), cache.to_owned());
    }
    Some(parsed.to_string())
}

/// Returns a size in GiB as the allocation syntax takes it: whole, or with decimals (`0.5`).
fn gibibytes(bytes: u64) -> String {
    const GIB: u64 = 1 << 30;
    if bytes.is_multiple_of(GIB) { (bytes / GIB).to_string() } else { format!("{}", bytes as f64 / GIB as f64) }
}

//! One guest as a lab has it, with its snapshots: its configuration without secrets, without what is its own only (ids, generations), and with disks as they
//! would be asked for.

use crate::proxmox::decode::text;
use crate::proxmox::property::{PropertyString, size_bytes};
use crate::simulator::lab::{Container, Guest, Lab, Snapshot};
use serde_json::Value;
use std::collections::BTreeMap;

/// What is secret, or may hold a secret.
const SECRETS: [&str; 4] = ["args", "cipassword", "env", "sshkeys"];
/// What the server makes anew for every guest, or what is told elsewhere.
const OWN: [&str; 14] = [
    "digest",
    "hostname",
    "lock",
    "meta",
    "name",
    "parent",
    "runningcpu",
    "runningmachine",
    "smbios1",
    "snapstate",
    "snaptime",
    "template",
    "vmgenid",
    "vmstate",
];
/// How the line of a description begins that says whose a guest is. The rest are notes of people.
const MARKER: &str = "spawnpoint:v1 ";

/// A guest as the list of the cluster has it.
pub(super) struct GuestRow {
    pub(super) vmid: u32,
    pub(super) node: String,
    pub(super) is_running: bool,
    pub(super) is_container: bool,
}

impl GuestRow {
    pub(super) fn noun(&self) -> &'static str {
        if self.is_container { "CT" } else { "VM" }
    }
}

/// What is kept of a configuration, and what of it is not, with the reason.
struct Kept {
    config: BTreeMap<String, String>,
    left_out: Vec<(String, &'static str)>,
    has_disk: bool,
}

fn values_of(config: &Value) -> BTreeMap<String, String> {
    config.as_object().into_iter().flatten().filter_map(|(key, value)| Some((key.clone(), text(value)?))).collect()
}

fn keep(values: &BTreeMap<String, String>, row: &GuestRow, lab: &Lab) -> Kept {
    let mut kept = Kept { config: BTreeMap::new(), left_out: Vec::new(), has_disk: false };
    for (key, value) in values {
        let taken = match key.as_str() {
            key if OWN.contains(&key) || value.trim().is_empty() => continue,
            key if SECRETS.contains(&key) => Err("it is or may hold a secret"),
            "description" => marker(value).ok_or("notes may hold secrets"),
            key if slot(key) == "unused" => Err("no lab has detached disks"),
            key if is_drive(key) => {
                drive(key, value, &row.node, lab).inspect(|_| kept.has_disk |= !is_removable(value))
            }
            _ => Ok(value.clone()),
        };
        match taken {
            Ok(value) => drop(kept.config.insert(key.clone(), value)),
            Err(why) => kept.left_out.push((key.clone(), why)),
        }
    }
    kept
}

/// Returns the label of a guest's block that no other has; two guests may have one name, and blocks may not.
fn label(name: String, key: &str, is_taken: bool, vmid: u32, config: &mut BTreeMap<String, String>) -> String {
    if !is_taken {
        return name;
    }
    config.insert(key.to_owned(), name.clone());
    format!("{name}-{vmid}")
}

/// Adds a guest to the lab; returns what of it is not there.
pub(super) fn add(row: &GuestRow, config: &Value, snapshots: Snapshots, lab: &mut Lab) -> Vec<String> {
    let values = values_of(config);
    let Kept { config: mut kept, left_out, has_disk } = keep(&values, row, lab);
    let mut left_out: Vec<String> =
        left_out.into_iter().map(|(key, why)| format!("{} {}, `{key}`: {why}", row.noun(), row.vmid)).collect();
    if config.get("lxc").is_some() {
        left_out.push(format!("CT {}, `lxc`: no lab has raw lines of LXC", row.vmid));
    }
    let is_template = values.get("template").is_some_and(|flag| flag == "1");
    let named =
        |key: &str, otherwise: &str| values.get(key).cloned().unwrap_or_else(|| format!("{otherwise}{}", row.vmid));
    let node = Some(row.node.clone());
    let Snapshots { snapshot, parent } = snapshots;
    if row.is_container {
        if !kept.contains_key("rootfs") {
            left_out.push(format!("CT {}: no lab has a container without a root disk", row.vmid));
            return left_out;
        }
        let name = named("hostname", "CT");
        let label = label(name.clone(), "hostname", lab.container.contains_key(&name), row.vmid, &mut kept);
        let container = Container {
            vmid: row.vmid,
            node,
            template: is_template,
            running: row.is_running,
            config: kept,
            snapshot,
            parent,
        };
        lab.container.insert(label, container);
        return left_out;
    }
    let name = named("name", "VM-");
    let label = label(name.clone(), "name", lab.guest.contains_key(&name), row.vmid, &mut kept);
    let system = if values.get("ostype").is_some_and(|kind| kind.starts_with('w')) { "windows" } else { "linux" };
    let guest = Guest {
        vmid: Some(row.vmid),
        node,
        template: is_template,
        running: row.is_running,
        image: has_disk.then(|| system.to_owned()),
        config: kept,
        snapshot,
        parent,
        ..Guest::default()
    };
    lab.guest.insert(label, guest);
    left_out
}

/// The snapshots of a guest, and the one it comes from.
#[derive(Default)]
pub(super) struct Snapshots {
    pub(super) snapshot: BTreeMap<String, Snapshot>,
    pub(super) parent: Option<String>,
}

/// Returns a snapshot, and what of it no lab has.
pub(super) fn snapshot(
    row: &GuestRow,
    listed: &Value,
    config: &Value,
    now: &Value,
    lab: &Lab,
) -> (String, Snapshot, Vec<String>) {
    let member = |name: &str| listed.get(name).and_then(text).filter(|text| !text.is_empty());
    let name = member("name").unwrap_or_default();
    let (values, now) = (values_of(config), values_of(now));
    let mut left_out = Vec::new();
    let drives = |values: &BTreeMap<String, String>| -> Vec<String> {
        let drives = values.iter().filter(|(key, _)| is_drive(key));
        drives.map(|(key, value)| format!("{key}={}", value.split(',').next().unwrap_or_default())).collect()
    };
    if drives(&values) != drives(&now) {
        left_out.push(format!("snapshot `{name}` of {} {}: it had other disks", row.noun(), row.vmid));
    }
    let is_setting = |(key, _): &(&String, &String)| !is_drive(key) && *key != "description";
    let settings = values.iter().filter(is_setting).map(|(key, value)| (key.clone(), value.clone())).collect();
    let snapshot = Snapshot {
        time_s: member("snaptime").and_then(|text| text.parse().ok()).unwrap_or_default(),
        parent: member("parent"),
        description: member("description").and_then(|text| marker(&text)),
        memory: member("vmstate").is_some_and(|flag| flag == "1"),
        config: keep(&settings, row, lab).config,
    };
    (name, snapshot, left_out)
}

/// Returns what of a description says whose the guest is.
fn marker(description: &str) -> Option<String> {
    let lines: Vec<&str> = description.lines().filter(|line| line.starts_with(MARKER)).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn slot(key: &str) -> &str {
    key.trim_end_matches(|letter: char| letter.is_ascii_digit())
}

fn is_drive(key: &str) -> bool {
    let is_numbered = key.ends_with(|letter: char| letter.is_ascii_digit());
    let stems = ["scsi", "virtio", "sata", "ide", "efidisk", "tpmstate", "mp"];
    key == "rootfs" || (is_numbered && stems.contains(&slot(key)))
}

fn is_removable(value: &str) -> bool {
    value.contains("media=cdrom") || value.contains("cloudinit")
}

/// Returns a drive as it would be asked for when a guest is made: `local-lvm:32,ssd=1`.
fn drive(key: &str, value: &str, node: &str, lab: &Lab) -> Result<String, &'static str> {
    let head = if matches!(slot(key), "rootfs" | "mp") { "volume" } else { "file" };
    let parsed = PropertyString::parse(value, Some(head)).map_err(|_| "it cannot be read")?;
    let volume = parsed.default.clone().or_else(|| parsed.option(head).map(str::to_owned)).unwrap_or_default();
    let options: Vec<String> = value
        .split(',')
        .filter(|part| {
            part.contains('=') && !["file=", "volume=", "size=", "media=disk"].iter().any(|old| part.starts_with(old))
        })
        .map(str::to_owned)
        .collect();
    let with = |head: String, options: &[String]| [&[head], options].concat().join(",");
    let Some((storage, rest)) = volume.split_once(':').filter(|_| !volume.starts_with('/')) else {
        return match &*volume {
            "none" | "cdrom" => Ok(with("none".to_owned(), &options)),
            _ => Err("no lab has devices of a node"),
        };
    };
    let is_here =
        lab.storage.get(storage).is_some_and(|storage| storage.nodes.as_ref().is_none_or(|nodes| nodes.contains(node)));
    if !is_here {
        return Err("its storage is not in the lab");
    }
    if rest.contains("cloudinit") {
        let options: Vec<String> = options.into_iter().filter(|option| option != "media=cdrom").collect();
        return Ok(with(format!("{storage}:cloudinit"), &options));
    }
    if value.contains("media=cdrom") {
        return match lab.file.contains_key(&volume) {
            true => Ok(with(volume, &options)),
            false => Ok("none,media=cdrom".to_owned()),
        };
    }
    let format = rest.rsplit_once('.').map(|(_, end)| end).filter(|end| matches!(*end, "qcow2" | "vmdk"));
    let format = format.map(|format| format!("format={format}"));
    // Those two are as big as they are, whatever is asked for.
    let gib = match slot(key) {
        "efidisk" | "tpmstate" => "1".to_owned(),
        _ => gib(parsed.option("size").and_then(size_bytes).ok_or("its size is not known")?),
    };
    Ok(with(format!("{storage}:{gib}"), &options.into_iter().chain(format).collect::<Vec<_>>()))
}

/// Returns a size in GiB as a decimal number that means the same number of bytes.
fn gib(bytes: u64) -> String {
    let (whole, rest) = (bytes >> 30, bytes & ((1 << 30) - 1));
    if rest == 0 {
        return whole.to_string();
    }
    // The fraction of a power of two ends: thirty decimals hold it.
    let digits = (0..30).scan(rest, |rest, _| {
        let next = *rest * 10;
        *rest = next & ((1 << 30) - 1);
        Some(char::from(b'0' + (next >> 30) as u8))
    });
    format!("{whole}.{}", digits.collect::<String>().trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_exact() {
        let check = |bytes: u64, text: &str| assert_eq!(gib(bytes), text);
        check(32 << 30, "32");
        check(64 << 20, "0.0625");
        check((3 << 30) + (256 << 20), "3.25");
        check(1 << 20, "0.0009765625");
    }

    #[test]
    fn only_the_marker_of_a_description_is_kept() {
        let text = "root password: hunter2\nspawnpoint:v1 stack=a addr=vm.x intent=b\nnotes";
        assert_eq!(marker(text).as_deref(), Some("spawnpoint:v1 stack=a addr=vm.x intent=b"));
        assert_eq!(marker("hunter2"), None);
    }
}

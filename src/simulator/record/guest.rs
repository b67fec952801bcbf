//! One guest as a lab has it: its configuration without secrets, without what is its own only (ids, generations), and with disks as they
//! would be asked for.

use crate::proxmox::decode::text;
use crate::proxmox::property::{PropertyString, size_bytes};
use crate::simulator::lab::{Guest, Lab};
use serde_json::Value;
use std::collections::BTreeMap;

/// What is secret, or may hold a secret.
const SECRETS: [&str; 3] = ["args", "cipassword", "sshkeys"];
/// What the server makes anew for every guest, or what is told elsewhere.
const OWN: [&str; 11] = [
    "digest",
    "lock",
    "meta",
    "name",
    "parent",
    "runningcpu",
    "runningmachine",
    "smbios1",
    "snaptime",
    "template",
    "vmgenid",
];
/// How the line of a description begins that says whose a guest is. The rest are notes of people.
const MARKER: &str = "spawnpoint:v1 ";

/// A guest as the list of the cluster has it.
pub(super) struct GuestRow {
    pub(super) vmid: u32,
    pub(super) node: String,
    pub(super) is_running: bool,
}

/// Returns the label of a guest's block, the block, and what of the guest is not in it.
pub(super) fn of(row: &GuestRow, config: &Value, lab: &Lab) -> (String, Guest, Vec<String>) {
    let GuestRow { vmid, node, is_running } = row;
    let values: BTreeMap<String, String> =
        config.as_object().into_iter().flatten().filter_map(|(key, value)| Some((key.clone(), text(value)?))).collect();
    let (mut kept, mut left_out) = (BTreeMap::new(), Vec::new());
    let mut has_disk = false;
    for (key, value) in &values {
        let taken = match key.as_str() {
            key if OWN.contains(&key) || value.trim().is_empty() => continue,
            key if SECRETS.contains(&key) => Err("it is or may hold a secret"),
            "description" => marker(value).ok_or("notes may hold secrets"),
            key if slot(key) == "unused" => Err("no lab has detached disks"),
            key if is_drive(key) => drive(key, value, node, lab).inspect(|_| has_disk |= !is_removable(value)),
            _ => Ok(value.clone()),
        };
        match taken {
            Ok(value) => drop(kept.insert(key.clone(), value)),
            Err(why) => left_out.push(format!("VM {vmid}, `{key}`: {why}")),
        }
    }
    let name = values.get("name").cloned().unwrap_or_else(|| format!("VM-{vmid}"));
    let label = match lab.guest.contains_key(&name) {
        false => name,
        // Two guests may have one name, and blocks may not.
        true => {
            kept.insert("name".to_owned(), name.clone());
            format!("{name}-{vmid}")
        }
    };
    let system = if values.get("ostype").is_some_and(|kind| kind.starts_with('w')) { "windows" } else { "linux" };
    let guest = Guest {
        vmid: Some(*vmid),
        node: Some(node.clone()),
        template: values.get("template").is_some_and(|flag| flag == "1"),
        running: *is_running,
        image: has_disk.then(|| system.to_owned()),
        config: kept,
        ..Guest::default()
    };
    (label, guest, left_out)
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
    matches!(slot(key), "scsi" | "virtio" | "sata" | "ide" | "efidisk" | "tpmstate")
        && key.ends_with(|letter: char| letter.is_ascii_digit())
}

fn is_removable(value: &str) -> bool {
    value.contains("media=cdrom") || value.contains("cloudinit")
}

/// Returns a drive as it would be asked for when a guest is made: `local-lvm:32,ssd=1`.
fn drive(key: &str, value: &str, node: &str, lab: &Lab) -> Result<String, &'static str> {
    let parsed = PropertyString::parse(value, Some("file")).map_err(|_| "it cannot be read")?;
    let volume = parsed.default.clone().or_else(|| parsed.option("file").map(str::to_owned)).unwrap_or_default();
    let options: Vec<String> = value
        .split(',')
        .filter(|part| part.contains('=') && !["file=", "size=", "media=disk"].iter().any(|old| part.starts_with(old)))
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

//! What a node is made of. A simulated one has no devices to hand to guests and no disks to look at.

use serde_json::{Map, Value, json};

use super::Machine;
use super::request::{Answer, Fault};
use super::routes::{Context, Entry};
use super::schema::split_list;

pub(super) const ROUTES: &[Entry] = &[
    ("GET", "/nodes/{node}/capabilities/qemu/cpu", cpu_models),
    ("GET", "/nodes/{node}/capabilities/qemu/machines", machine_types),
    ("GET", "/nodes/{node}/capabilities/qemu/migration", migration),
    ("GET", "/nodes/{node}/hardware/pci", nothing),
    ("GET", "/nodes/{node}/hardware/usb", nothing),
    ("GET", "/nodes/{node}/disks/list", nothing),
    ("GET", "/nodes/{node}/disks/directory", nothing),
    ("GET", "/nodes/{node}/disks/lvm", volume_groups),
    ("GET", "/nodes/{node}/disks/lvmthin", nothing),
    ("GET", "/nodes/{node}/disks/zfs", nothing),
    ("GET", "/nodes/{node}/ceph/status", no_ceph),
    ("GET", "/cluster/ceph/status", no_ceph),
];

/// Name and vendor of every model that QEMU 10.2 offers, and whether it stands for a whole generation.
const CPU_MODELS: &str = include_str!("cpu_models.txt");

fn cpu_models(machine: &mut Machine, _context: &Context) -> Answer {
    let built_in = CPU_MODELS.lines().map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let mut row = json!({ "custom": 0, "name": words.first(), "vendor": words.get(1) });
        if words.len() > 2 {
            row["abstract"] = json!(1);
        }
        row
    });
    let custom = machine.objects.keys().filter_map(|key| key.strip_prefix("cpu-models/"));
    let custom = custom.map(|name| json!({ "custom": 1, "name": name, "vendor": "default" }));
    Ok(Value::Array(built_in.chain(custom).collect()).into())
}

fn machine_types(_machine: &mut Machine, _context: &Context) -> Answer {
    let types = [("i440fx", "pc-i440fx"), ("q35", "pc-q35")];
    let versions = ["10.2", "10.1", "10.0", "9.2", "9.1", "9.0", "8.2", "8.1", "8.0"];
    let rows = types.iter().flat_map(|(kind, prefix)| {
        versions.map(|version| json!({ "id": format!("{prefix}-{version}"), "type": kind, "version": version }))
    });
    Ok(Value::Array(rows.collect()).into())
}

fn migration(_machine: &mut Machine, _context: &Context) -> Answer {
    Ok(json!({ "has-dbus-vmstate": true }).into())
}

fn nothing(_machine: &mut Machine, _context: &Context) -> Answer {
    Ok(json!([]).into())
}

fn volume_groups(_machine: &mut Machine, _context: &Context) -> Answer {
    Ok(json!({ "children": [], "leaf": 0 }).into())
}

fn no_ceph(_machine: &mut Machine, _context: &Context) -> Answer {
    Err(Fault::text("binary not installed: /usr/bin/ceph-mon"))
}

/// Adds to a mapping in a list what is wrong with it on a node, if the call asks about one.
pub(super) fn add_checks(_machine: &Machine, context: &Context, id: &str, row: &mut Map<String, Value>) {
    let Some(node) = context.parameters.get("check-node") else {
        return;
    };
    let kind = context.template.rsplit('/').next().unwrap_or_default();
    let entries = row.get("map").and_then(Value::as_array).cloned().unwrap_or_default();
    let entries: Vec<&str> = entries.iter().filter_map(Value::as_str).filter(|entry| is_of(entry, node)).collect();
    let (severity, message) = match entries.first() {
        None => ("warning", format!("No mapping for node {node}.")),
        Some(entry) => {
            let path = super::property::key_of(entry, "path").or_else(|| super::property::key_of(entry, "id"));
            let device = path.unwrap_or_default();
            match kind {
                // Folders are not looked into; a lab's nodes have no devices at all.
                "dir" => {
                    row.insert("checks".to_owned(), json!([]));
                    return;
                }
                _ => ("error", format!("Invalid configuration: {kind} device '{device}' of '{id}' not found\n")),
            }
        }
    };
    row.insert("checks".to_owned(), json!([{ "severity": severity, "message": message }]));
}

impl Machine {
    /// Returns whether the cluster maps a device of this name.
    pub(super) fn has_mapping(&self, name: &str) -> bool {
        ["pci", "usb"].iter().any(|kind| self.objects.has(&format!("mapping.{kind}/{name}")))
    }
}

fn is_of(entry: &str, node: &str) -> bool {
    super::property::key_of(entry, "node").is_some_and(|nodes| split_list(&nodes).contains(&node))
}

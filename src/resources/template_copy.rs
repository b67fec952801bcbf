//! `template_copy`: a template on one node that a `template` block builds from an image. It is made as a virtual machine is, with its disk
//! imported, and then turned into a template; the calls are those of `vm`, and here is how the one is put as the other.

use super::guest::Guest;
use super::schema::{Attribute, Impact, Schema, Takes};
use super::step::{Lock, Step, Verify};
use super::vm::VM;
use super::vm::decode::decode;
use super::{Changed, Draft, Lookup, ObjectType, Objection, Sighting, row, size};
use crate::observe::{ClusterView, GuestConfig, GuestKind, GuestView, Power, Seen};
use crate::proxmox::Call;
use crate::value::{Path, Step as PathStep, Type, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Slot of the disk that the image becomes.
pub const DISK: &str = "scsi0";

/// Slot of its network device.
pub const NETWORK: &str = "net0";

/// Types of storages whose disks can be the base of others, which linked clones refer to. Source: feature matrix of the storage plugins.
pub const WITH_BASES: [&str; 8] = ["dir", "nfs", "cifs", "cephfs", "btrfs", "lvmthin", "zfspool", "rbd"];

/// The type. Source: API section `/nodes/{node}/qemu`, call `template`.
pub static TEMPLATE_COPY: ObjectType = ObjectType {
    name: "template_copy",
    summary: "A template on one node, built from an image.",
    schema: &SCHEMA,
    check,
    identify: |copy| super::vm::identity(row::text_of(copy, "node"), super::template::vmid_of(copy)),
    sight,
    create,
    update,
    delete: |draft| Guest::of("qemu", draft).destroy(),
    is_replaced_first: true,
    locks,
    ..ObjectType::BASE
};

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new("node", Takes::Text, "Node it is on.").required().on_change(Impact::Recreate),
        Attribute::new("vmid", Takes::Integer(100, 999_999_999), "VMID.").chosen().on_change(Impact::Recreate),
        Attribute::new("name", Takes::HostName, "Its name on the cluster.").chosen(),
        Attribute::new("image", Takes::Text, "Volume of the image.").derived().on_change(Impact::Recreate).recorded(),
        Attribute::new("version", Takes::Text, "What tells one image from another.")
            .derived()
            .on_change(Impact::Recreate)
            .recorded(),
        Attribute::new("disk_storage", Takes::Text, "Storage of its disk.").required().on_change(Impact::Recreate),
        // Not compared with what is there: a copy that is half-made has the size of its image, and is finished, not made anew.
        Attribute::new("disk_size", Takes::Size, "Size of its disk.").on_change(Impact::Recreate).recorded(),
        Attribute::new("cores", Takes::Integer(1, 8192), "Cores."),
        Attribute::new("memory", Takes::Size, "Memory."),
        Attribute::new("agent", Takes::Bool, "Whether the guest agent runs in its clones."),
        Attribute::new("ostype", Takes::Text, "Kind of guest system."),
        Attribute::new("scsihw", Takes::Text, "SCSI controller."),
        Attribute::new("bridge", Takes::Text, "Bridge of its network device."),
        Attribute::new("mac", Takes::Text, "MAC address of that device; clones get their own.").chosen(),
        Attribute::new("description", Takes::Text, "Notes.").or(""),
        Attribute::new("tags", Takes::Set(&Takes::Text), "Tags, besides those that mark it as managed."),
        Attribute::new("pool", Takes::Text, "Pool."),
        Attribute::new("timeout", Takes::Duration, "How long making it may take.").on_change(Impact::None).recorded(),
    ],
    blocks: &[],
};

/// Attributes that a copy and a virtual machine have alike.
const ALIKE: [&str; 10] =
    ["node", "vmid", "name", "cores", "memory", "ostype", "scsihw", "description", "tags", "pool"];

/// Returns the virtual machine that a copy is before it is a template.
fn as_vm(copy: &Value) -> Value {
    if copy.is_null() {
        return Value::null(Type::Dynamic);
    }
    let text = |name: &str| copy.get(name).filter(|value| !value.is_null()).cloned();
    let object = |pairs: Vec<(&'static str, Option<Value>)>| {
        Value::object(pairs.into_iter().filter_map(|(name, value)| Some((name, value?))))
    };
    let one = |label: &'static str, value: Value| Value::object([(label, value)]);
    let disk =
        object(vec![("storage", text("disk_storage")), ("size", text("disk_size")), ("import_from", text("image"))]);
    let nic = object(vec![("model", Some(Value::text("virtio"))), ("bridge", text("bridge")), ("mac", text("mac"))]);
    let mut vm: Vec<(&'static str, Option<Value>)> = ALIKE.iter().map(|name| (*name, text(name))).collect();
    vm.extend([
        ("agent", text("agent").map(|enabled| one("enabled", enabled))),
        ("boot", Some(Value::list(Type::Text, vec![Value::text(DISK)]))),
        ("disk", Some(one(DISK, disk))),
        ("network", copy.get("bridge").map(|_| one(NETWORK, nic))),
        // Where many images for clouds print what goes wrong.
        ("serial", Some(one("serial0", one("device", Value::text("socket"))))),
        // With it comes the drive that its clones read their settings from.
        ("cloud_init", Some(one("upgrade", Value::from(false)))),
        ("timeouts", text("timeout").map(|timeout| one("clone", timeout))),
    ]);
    object(vm)
}

/// Returns the path of a virtual machine's attribute that a copy's attribute is.
fn path_of_vm(path: &Path) -> Option<Path> {
    let name = path.root()?;
    let inside = |block: &str, label: Option<&str>, attribute: &str| {
        let path = Path::attribute(block);
        let path = label.map_or(path.clone(), |label| path.then(PathStep::Key(label.into())));
        path.then(PathStep::Attribute(attribute.into()))
    };
    match name {
        "agent" => Some(inside("agent", None, "enabled")),
        "bridge" | "mac" => Some(inside("network", Some(NETWORK), name)),
        "disk_size" => Some(inside("disk", Some(DISK), "size")),
        "node" | "vmid" => None,
        _ => ALIKE.contains(&name).then(|| Path::attribute(name)),
    }
}

/// Returns a copy from its configuration, in the shape of its schema.
pub fn decode_copy(guest: &GuestView, config: &GuestConfig, project: &str) -> Value {
    let vm = decode(guest, config, project);
    let at = |path: &[&str]| path.iter().try_fold(&vm, |value, name| value.get(name)).cloned();
    let usual = |name: &str| VM.schema.attribute(name)?.value_if_absent();
    let alike = ALIKE.iter().map(|name| (*name, at(&[name]).or_else(|| usual(name))));
    let mut copy: Vec<(&'static str, Option<Value>)> = alike.collect();
    copy.extend([
        ("disk_storage", at(&["disk", DISK, "storage"])),
        ("disk_size", at(&["disk", DISK, "size"])),
        ("agent", Some(at(&["agent", "enabled"]).unwrap_or_else(|| Value::from(false)))),
        ("bridge", at(&["network", NETWORK, "bridge"])),
        ("mac", at(&["network", NETWORK, "mac"])),
    ]);
    Value::object(copy.into_iter().filter_map(|(name, value)| Some((name, value?))))
}

fn sight(lookup: &Lookup) -> Sighting {
    super::guest::sight(lookup, GuestKind::Qemu, decode_copy)
}

/// Returns the template as it will be, for what is planned to be cloned from it.
pub fn forecast(copy: &Value) -> Option<GuestView> {
    let vmid = super::template::vmid_of(copy);
    let text = |name: &str| copy.get(name).and_then(Value::as_text);
    let storage = text("disk_storage")?;
    let bytes = |name: &str| text(name).and_then(|text| size::parse(text).ok());
    let cores = copy.get("cores").and_then(Value::as_i64).unwrap_or(1);
    let disk = format!("{storage}:base-{vmid}-disk-0");
    let size = bytes("disk_size").map(|bytes| format!(",size={}", crate::proxmox::property::size_text(bytes)));
    let mut values: Vec<(&str, String)> = vec![
        ("boot", format!("order={DISK}")),
        ("ciupgrade", "0".to_owned()),
        ("cores", cores.to_string()),
        ("ide2", format!("{storage}:vm-{vmid}-cloudinit,media=cdrom")),
        ("memory", (bytes("memory").unwrap_or(512 << 20) >> 20).to_string()),
        ("serial0", "socket".to_owned()),
        ("template", "1".to_owned()),
        (DISK, disk + &size.unwrap_or_default()),
    ];
    values.extend(["name", "ostype", "scsihw"].into_iter().filter_map(|key| Some((key, text(key)?.to_owned()))));
    values.extend(text("bridge").map(|bridge| (NETWORK, format!("virtio=BC:24:11:00:00:00,bridge={bridge}"))));
    if copy.get("agent").and_then(Value::as_bool) == Some(true) {
        values.push(("agent", "enabled=1".to_owned()));
    }
    let values = values.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
    Some(GuestView {
        vmid,
        node: text("node")?.to_owned(),
        kind: GuestKind::Qemu,
        name: text("name").unwrap_or_default().to_owned(),
        seen: Seen::Present,
        power: Power::Stopped,
        is_template: true,
        tags: BTreeSet::new(),
        lock: None,
        pool: text("pool").map(str::to_owned),
        cores: u64::try_from(cores).unwrap_or(1),
        memory_bytes: bytes("memory").unwrap_or_default(),
        disk_bytes: bytes("disk_size").unwrap_or_default(),
        is_ha_managed: false,
        config: Some(GuestConfig { values, ..GuestConfig::default() }),
    })
}

/// Calls a function of `vm` with the draft of the machine that a copy is.
fn with_vm(draft: &Draft, make: impl FnOnce(&Draft) -> Vec<Step>) -> Vec<Step> {
    let (desired, applied) = (as_vm(draft.desired), as_vm(draft.applied));
    make(&Draft { desired: &desired, applied: &applied, ..*draft })
}

fn create(draft: &Draft) -> Vec<Step> {
    let mut steps = with_vm(draft, VM.create);
    steps.push(convert(draft));
    steps
}

/// What is told of a template can change; one that was left half-made is finished.
fn update(draft: &Draft, changed: &Changed) -> Vec<Step> {
    let is_template = Guest::of("qemu", draft).view().is_some_and(|guest| guest.is_template);
    let paths: BTreeSet<Path> = changed.paths.iter().filter_map(path_of_vm).collect();
    // The disk of a template is the base of others, and stays as it is.
    let paths = paths.into_iter().filter(|path| !is_template || path.root() != Some("disk")).collect();
    let mut steps = with_vm(draft, |draft| (VM.update)(draft, &Changed { paths, impact: changed.impact }));
    if !is_template {
        steps.push(convert(draft));
    }
    steps
}

fn convert(draft: &Draft) -> Step {
    let guest = Guest::of("qemu", draft);
    let wanted = vec![("template".to_owned(), Some("1".to_owned()))];
    let verify = Verify::Config { node: guest.node.clone(), vmid: guest.vmid, wanted };
    guest.step("convert", Call::post(guest.path("/template")), guest.marker_guard(false), verify, 600_000)
}

/// Importing reads an image whole and writes a disk: few at once on a node are the fastest.
fn locks(draft: &Draft) -> Vec<Lock> {
    let node = draft.identity.node().unwrap_or_default();
    let mut locks = vec![Lock { name: format!("guest {}", draft.identity.get("vmid").unwrap_or_default()), limit: 1 }];
    if draft.found.is_none() && !draft.desired.is_null() {
        locks.push(Lock { name: format!("images on {node}"), limit: 2 });
    }
    locks
}

fn check(copy: &Value, view: Option<&ClusterView>) -> Vec<Objection> {
    let (node, storage) = (row::text_of(copy, "node"), row::text_of(copy, "disk_storage"));
    let known = view.and_then(|view| view.nodes.get(node)).filter(|node| node.is_online && !node.storages.is_empty());
    let Some(known) = known else { return Vec::new() };
    let objection =
        |summary: String, hint: String| vec![Objection { path: Path::attribute("disk_storage"), summary, hint }];
    let fits = known.storages.iter().filter(|(_, other)| is_fit(&other.kind, &other.content));
    let fits = fits.map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match known.storages.get(storage) {
        Some(there) if is_fit(&there.kind, &there.content) => Vec::new(),
        Some(_) => objection(
            format!("storage `{storage}` cannot hold templates"),
            format!("those of {node} that can are {fits}"),
        ),
        None => objection(format!("node {node} has no storage `{storage}`"), format!("those for templates are {fits}")),
    }
}

fn is_fit(kind: &str, content: &BTreeSet<String>) -> bool {
    WITH_BASES.contains(&kind) && content.contains("images")
}

/// Returns the guests, by VMID and name, whose disks lean on the disk of a template.
pub fn linked_clones(view: &ClusterView, vmid: u32) -> Vec<(u32, String)> {
    let base = format!("base-{vmid}-disk-");
    let leans = |guest: &&GuestView| {
        let values = guest.config.iter().flat_map(|config| config.values.values());
        guest.vmid != vmid && values.into_iter().any(|value| value.contains(&base))
    };
    view.guests.values().filter(leans).map(|guest| (guest.vmid, guest.name.clone())).collect()
}

/// Templates that a plan will have made, by VMID.
pub type Forecasts = BTreeMap<u32, Arc<GuestView>>;

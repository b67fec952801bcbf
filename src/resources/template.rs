//! `template`: a guest that others are cloned from. One that is adopted by its VMID is looked at, never changed, forgotten in the end. One
//! that is built is not an object itself: it is a `template_copy` on each of its nodes, and the `storage_file` they are made from.

use super::schema::{Attribute, Impact, Nested, Occurs, Schema, Takes};
use super::step::{Lock, Step};
use super::vm::decode::{all_disks_bytes, decode};
use super::vm::schema::{OS_TYPES, SCSI_CONTROLLERS};
use super::{Draft, Found, Lookup, ObjectType, Origin, Sighting};
use crate::observe::Seen;
use crate::state::Identity;
use crate::value::Value;

/// The type. Source: API section `/nodes/{node}/qemu`, key `template`.
pub static TEMPLATE: ObjectType = ObjectType {
    name: "template",
    summary: "A template that virtual machines are cloned from: adopted by its VMID, or built from an image on each of its nodes.",
    schema: &SCHEMA,
    origin: Origin::Adopted,
    example: r#"template "debian13" {
  vmid = 9000
}

template "cloud" {
  nodes        = ["pve1"]
  disk_storage = "local-lvm"
  disk_size    = "4GiB"

  image {
    url     = "https://example.org/debian-13-genericcloud-amd64.qcow2"
    storage = "local"
  }
}
"#,
    import_id: Some(("its VMID", super::by_vmid)),
    identify: |template| identity(vmid_of(template)),
    sight,
    create: no_steps,
    update: |_, _| Vec::new(),
    delete: no_steps,
    is_replaced_first: false,
    locks: |_| Vec::<Lock>::new(),
    ..ObjectType::BASE
};

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new(
            "vmid",
            Takes::Integer(100, 999_999_999),
            "VMID of the template that is adopted; of one that is built or adopted on several nodes, its VMID on the first of them.",
        )
        .chosen()
        .on_change(Impact::Recreate),
        Attribute::new(
            "vmids",
            Takes::Map(&Takes::Integer(100, 999_999_999)),
            "VMIDs by node: of templates on several nodes that are adopted as one, `{ pve1 = 9000, pve2 = 9001 }`, so that each node clones its own; of one that is built, default: the lowest free ones of the cluster's vmid_range.",
        )
        .chosen()
        .on_change(Impact::Recreate),
        Attribute::new(
            "nodes",
            Takes::List(&Takes::Text),
            "Nodes it is built on: one where its storage is shared, else each whose guests are cloned from it.",
        )
        .deciding(),
        Attribute::new("name", Takes::HostName, "Its name on the cluster; of one that is built, default: the label.")
            .chosen(),
        Attribute::new("disk_storage", Takes::Text, "Storage its disk is built on.").on_change(Impact::Recreate),
        Attribute::new(
            "disk_size",
            Takes::Size,
            "Size its disk is enlarged to; default: the image's, which nobody knows before it is built.",
        )
        .on_change(Impact::Recreate),
        Attribute::new("cores", Takes::Integer(1, 8192), "Cores of clones that say nothing else.").deciding().or("1"),
        Attribute::new("memory", Takes::Size, "Memory of clones that say nothing else.").or("1GiB"),
        Attribute::new("agent", Takes::Bool, "Whether the guest agent runs in its clones.").or("true"),
        Attribute::new("ostype", Takes::OneOf(OS_TYPES), "Kind of guest system.").or("l26"),
        Attribute::new("scsihw", Takes::OneOf(SCSI_CONTROLLERS), "SCSI controller.").or("virtio-scsi-single"),
        Attribute::new("bridge", Takes::Text, "Bridge of its network device.").or("vmbr0"),
        Attribute::new("description", Takes::Text, "Notes; the owner marker stands under them.").or(""),
        Attribute::new("tags", Takes::Set(&Takes::Text), "Tags, besides those that mark it as managed."),
        Attribute::new("pool", Takes::Text, "Pool it is in."),
        Attribute::new("timeout", Takes::Duration, "How long fetching the image, and making a copy, may take.")
            .or("1h")
            .on_change(Impact::None),
        Attribute::new("node", Takes::Text, "The node it is on, or the first of them.").computed(),
    ],
    blocks: &[Nested {
        name: "image",
        occurs: Occurs::Once,
        schema: &IMAGE,
        documentation: "The disk image it is built from. Another image means that it is built anew; what was cloned from it stays.",
    }],
};

static IMAGE: Schema = Schema {
    attributes: &[
        Attribute::new("url", Takes::Text, "Where the nodes fetch it from; this or `file`.").deciding(),
        Attribute::new("checksum", Takes::Text, "What its content must be, e.g. `sha512:` and the digits.")
            .on_change(Impact::Recreate),
        Attribute::new("storage", Takes::Text, "Storage it is kept on, which takes files of the type `import`.")
            .on_change(Impact::Recreate),
        Attribute::new(
            "file_name",
            Takes::Text,
            "Its name there; default: the last part of `url`, with a part of the checksum.",
        )
        .on_change(Impact::Recreate),
        Attribute::new(
            "verify_certificates",
            Takes::Bool,
            "Whether the nodes check the certificate of the server they fetch from.",
        )
        .or("true")
        .on_change(Impact::None),
        Attribute::new("file", Takes::Reference("storage_file"), "The image as another block has put it on a storage.")
            .on_change(Impact::Recreate),
    ],
    blocks: &[],
};

/// Returns where the template with this VMID is.
pub fn identity(vmid: u32) -> Identity {
    Identity::of([("vmid", vmid.to_string())])
}

/// Returns the VMID of an evaluated guest or template; 0 while it is not known.
pub(super) fn vmid_of(guest: &Value) -> u32 {
    guest.get("vmid").and_then(Value::as_i64).and_then(|vmid| u32::try_from(vmid).ok()).unwrap_or_default()
}

fn sight(lookup: &Lookup) -> Sighting {
    let Some(guest) = lookup.identity.vmid().and_then(|vmid| lookup.view.guests.get(&vmid)) else {
        return Sighting::Absent;
    };
    if guest.seen == Seen::Unreachable {
        return Sighting::Unreachable { node: guest.node.clone() };
    }
    let Some(config) = &guest.config else { return Sighting::Absent };
    if !guest.is_template {
        return Sighting::Foreign(format!("VM {} on {} is not a template", guest.vmid, guest.node));
    }
    let decoded = decode(guest, config, lookup.project);
    let taken = |name: &'static str| decoded.get(name).cloned().map(|value| (name, value));
    let size = Value::text(super::size::print(all_disks_bytes(&config.values)));
    let attributes = [taken("vmid"), taken("name"), taken("node"), Some(("disk_size", size))];
    Sighting::Present(Box::new(Found {
        value: Value::object(attributes.into_iter().flatten()),
        identity: lookup.identity.clone(),
        running: None,
        digest: None,
        notes: Vec::new(),
    }))
}

fn no_steps(_draft: &Draft) -> Vec<Step> {
    Vec::new()
}

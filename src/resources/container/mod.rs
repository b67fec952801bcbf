//! `container`: a Linux container, made from an archive. Its attributes and their configuration keys are in `schema`, volumes and network
//! devices in `volumes`, and the calls that make, change and destroy it in `steps`.

pub mod schema;
mod steps;
pub mod volumes;

use super::keys::{Attributes, is_slot};
use super::schema::Impact;
use super::{Lookup, ObjectType, Origin, Sighting, guest, marker};
use crate::observe::{ConfigValues, GuestConfig, GuestKind, GuestView, Power};
use crate::value::{Path, Step, Type, Value, name};

/// The type. Source: API section `/nodes/{node}/lxc`.
pub static CONTAINER: ObjectType = ObjectType {
    name: "container",
    summary: "A Linux container, made from an archive.",
    schema: &schema::SCHEMA,
    origin: Origin::Made,
    example: r#"container "dns" {
  ostemplate = "shared:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst"
  memory     = "512MiB"

  rootfs {
    storage = "local-lvm"
    size    = "8GiB"
  }
  network "net0" {
    bridge  = "vmbr0"
    address = "dhcp"
  }
}
"#,
    import_id: Some(("its VMID", super::by_vmid)),
    claim: |draft| guest::claim(draft, steps::update),
    identify: |container| {
        let node = container.get("node").and_then(Value::as_text).unwrap_or_default();
        super::vm::identity(node, super::template::vmid_of(container))
    },
    sight,
    create: steps::create,
    update: steps::update,
    delete: steps::delete,
    is_replaced_first: false,
    locks: steps::locks,
    ..ObjectType::BASE
};

fn sight(lookup: &Lookup) -> Sighting {
    guest::sight(lookup, GuestKind::Lxc, decode)
}

/// Returns the container in the shape of its schema, without what the cluster cannot tell.
fn decode(guest: &GuestView, config: &GuestConfig, project: &str) -> Value {
    let values = &config.values;
    let mut attributes: Attributes = schema::LAYOUT.decode(values);
    let mut set = |attribute: &str, value: Value| attributes.push((name(attribute), value));
    if !values.contains_key("hostname") {
        set("name", Value::text(guest.name.clone()));
    }
    set("node", Value::text(guest.node.clone()));
    set("vmid", Value::from(i64::from(guest.vmid)));
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
    if let Some(rootfs) = values.get("rootfs").and_then(|text| volumes::read(text, &schema::ROOTFS)) {
        set("rootfs", rootfs);
    }
    set("mount", volumes::mounts(values));
    set("network", volumes::networks(values));
    set("extra", extra(values));
    Value::object(attributes)
}

fn extra(values: &ConfigValues) -> Value {
    let is_known = |key: &str| schema::LAYOUT.knows(key) || is_special(key);
    let unknown = values.iter().filter(|(key, _)| !is_known(key));
    Value::map(Type::Text, unknown.map(|(key, value)| (key.clone(), Value::text(value.clone()))))
}

/// Returns whether a key is read and written by the code of this type, or belongs to the server.
pub fn is_special(key: &str) -> bool {
    const OURS: [&str; 9] =
        ["description", "tags", "rootfs", "digest", "lock", "template", "lxc", "parent", "snaptime"];
    let stems = [("net", 32), ("mp", 256), ("unused", 256)];
    OURS.contains(&key) || stems.iter().any(|(stem, count)| is_slot(key, stem, *count))
}

/// Returns what a change does to a running container, from what the schema says of it. A volume can be plugged in, and not out.
pub fn impact(path: &Path, declared: Impact, is_gone: bool) -> Impact {
    match path.0.as_slice() {
        [Step::Attribute(block), Step::Key(_)] if &**block == "mount" && !is_gone => Impact::Live,
        [Step::Attribute(block), Step::Key(_)] if matches!(&**block, "mount" | "device") => Impact::Reboot,
        _ => declared,
    }
}

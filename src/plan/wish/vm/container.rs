//! Completing a `container`: what it inherits from its tenant, its volumes, and its chosen identity.

use super::{Attributes, Guest, networks, place};
use crate::plan::wish::{Completed, Draft, Scene, nested};
use crate::resources::container::is_special;
use crate::resources::container::schema::LAYOUT;
use crate::resources::keys::is_slot;
use crate::resources::vm::identity;
use crate::value::{Marks, Path, Step, Type, Value};
use std::collections::BTreeMap;

pub(in crate::plan::wish) fn complete(scene: &mut Scene, draft: &mut Draft) -> Option<Completed> {
    let mut attributes = draft.attributes();
    let guest = Guest {
        owner: draft.block.address.to_string(),
        tenant: attributes.get("tenant").cloned().unwrap_or_else(|| Value::null(Type::Dynamic)),
        template: Value::null(Type::Dynamic),
        model: None,
        source: None,
        copies: BTreeMap::new(),
    };
    super::common(scene, draft, &guest, &mut attributes);
    inherit(&guest, &mut attributes);
    origin(draft, &mut attributes);
    volumes(draft, &mut attributes);
    extra(draft, &attributes);
    networks::complete(scene, draft, &guest, &mut attributes);
    names(&mut attributes);
    if guest.tenant.get("status").and_then(Value::as_text) == Some("suspended") {
        attributes.insert("power".into(), Value::text("stopped"));
    }
    let vmid = place::vmid(scene, draft, &attributes);
    let node = place::node(scene, draft, &guest, &attributes);
    let identity = match (&node, vmid) {
        (Some(node), Some(vmid)) => identity(node, vmid),
        _ => Default::default(),
    };
    if scene.view(&draft.cluster).is_some() && (vmid.is_none() || node.is_none()) {
        return None;
    }
    let chosen = |value: Option<Value>, of: Type| {
        value.map_or_else(|| Value::unknown(of), |value| value.with_marks(Marks::CHOSEN))
    };
    attributes.insert("vmid".into(), chosen(vmid.map(|vmid| Value::from(i64::from(vmid))), Type::Number));
    if !draft.is_written(&Path::attribute("node")) {
        attributes.insert("node".into(), chosen(node.map(Value::from), Type::Text));
    } else if let Some(node) = node {
        // As written, unless nobody minds where it is.
        attributes.insert("node".into(), Value::from(node));
    }
    let tenant = guest.tenant.address().and_then(|address| address.parse().ok());
    Some(Completed { attributes, tenant, identity })
}

/// Keys and name servers come from the tenant where the block says nothing.
fn inherit(guest: &Guest, attributes: &mut Attributes) {
    let dns = guest.tenant.get("network").and_then(|network| network.get("dns"));
    for (name, value) in [("ssh_keys", guest.tenant.get("ssh_keys")), ("dns", dns)] {
        if let Some(value) = value {
            attributes.entry(name.into()).or_insert_with(|| value.clone());
        }
    }
}

/// A container is made from an archive of a system or from a backup. What a backup says and the block does not is kept as it is.
fn origin(draft: &mut Draft, attributes: &mut Attributes) {
    let is_given = |name: &str| attributes.get(name).is_some_and(|value| !value.is_null());
    let archive = attributes.get("restore").and_then(|restore| restore.get("archive")).and_then(Value::as_text);
    let Some(archive) = archive.map(str::to_owned) else {
        if !is_given("ostemplate") && !is_given("restore") {
            let hint = "add `ostemplate`, or `restore { archive = ... }` to make it from a backup";
            draft.error("a container is made from something", &Path::default(), hint);
        }
        return;
    };
    let path = Path::attribute("restore").then(Step::Attribute("archive".into()));
    if !archive.split_once(':').is_some_and(|(_, rest)| rest.contains("vzdump-lxc-") || rest.starts_with("backup/ct/"))
    {
        let hint = "name a volume such as `local:backup/vzdump-lxc-100-2026_11_20-04_00_00.tar.zst`: `pvesm list STORAGE --content backup`";
        draft.error(format!("`{archive}` is no backup of a container"), &path, hint);
    }
    if is_given("ostemplate") {
        draft.error(
            "a container is made from an archive or restored, not both",
            &path,
            "take `ostemplate` or `restore` out",
        );
    }
    for name in ["password", "ssh_keys"] {
        let path = Path::attribute(name);
        if draft.is_written(&path) {
            let hint = format!("take `{name}` out, and change it inside once it runs");
            draft.error(format!("a restored container keeps its own `{name}`"), &path, hint);
        }
    }
    let storage = attributes.get("restore").and_then(|restore| restore.get("storage"));
    if is_given("rootfs") && storage.is_some_and(|storage| !storage.is_null()) {
        let path = Path::attribute("restore").then(Step::Attribute("storage".into()));
        let hint =
            "take it out; or take `rootfs` and `mount` out to have the volumes as they were, all on this storage";
        draft.error("`rootfs` already says where its volumes go", &path, hint);
    }
    if is_given("mount") && !is_given("rootfs") {
        let hint = "add `rootfs`: either the backup says what volumes there are, or the block says all of them";
        draft.error("a restored container with mounts of its own needs `rootfs`", &Path::attribute("mount"), hint);
    }
    for name in ["memory", "unprivileged"] {
        if !draft.is_written(&Path::attribute(name)) {
            attributes.remove(name);
        }
    }
}

/// A mount is a volume of a storage, or a folder of the node.
fn volumes(draft: &mut Draft, attributes: &mut Attributes) {
    if !attributes.contains_key("rootfs") && !attributes.contains_key("restore") {
        let path = Path::default();
        draft.error("a container needs a root disk", &path, "add `rootfs { storage = ... }`");
    }
    let mounts: Attributes = attributes.get("mount").and_then(Value::as_entries).cloned().unwrap_or_default();
    for (slot, mount) in &mounts {
        let path = Path::attribute("mount").then(Step::Key(slot.clone()));
        if !is_slot(slot, "mp", 256) {
            draft.error(format!("there is no mount slot `{slot}`"), &path, "name a slot: mp0 to mp255");
        }
        let has = |name: &str| mount.get(name).is_some_and(|value| !value.is_null());
        match (has("volume"), has("storage") && has("size")) {
            (true, false) | (false, true) => {}
            (true, true) => draft.error(
                format!("`{slot}` is a folder and a volume"),
                &nested("mount", slot, "volume"),
                "take `volume` out, or `storage` and `size`",
            ),
            (false, false) => draft.error(
                format!("`{slot}` mounts nothing"),
                &path,
                "add `storage` and `size` for a volume, or `volume` for a folder of the node",
            ),
        }
    }
}

fn extra(draft: &mut Draft, attributes: &Attributes) {
    let keys = attributes.get("extra").and_then(Value::as_entries).into_iter().flat_map(BTreeMap::keys);
    for key in keys {
        let hint = match LAYOUT.in_charge_of(key) {
            Some(name) => format!("write `{name}` instead"),
            None if is_special(key) => "take it out: Spawnpoint or the server writes this key itself".to_owned(),
            None => continue,
        };
        draft.error(format!("`{key}` is not a key for `extra`"), &Path::attribute("extra"), hint);
    }
}

/// Devices are named after their slots.
fn names(attributes: &mut Attributes) {
    let Some(nics) = attributes.get("network").and_then(Value::as_entries).cloned() else { return };
    let nics = nics.into_iter().map(|(slot, nic)| {
        let mut nic = nic.as_entries().cloned().unwrap_or_default();
        let name = format!("eth{}", slot.strip_prefix("net").unwrap_or_default());
        nic.entry("name".into()).or_insert_with(|| Value::text(name).with_marks(Marks::CHOSEN));
        (slot, Value::object(nic))
    });
    attributes.insert("network".into(), Value::object(nics.collect::<Attributes>()));
}

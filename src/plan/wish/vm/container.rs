//! Completing a `container`: what it inherits from its tenant, its volumes, and its chosen identity.

use super::{Attributes, Guest, networks, place};
use crate::plan::wish::{Completed, Draft, Scene, nested};
use crate::resources::container::is_special;
use crate::resources::container::schema::LAYOUT;
use crate::resources::keys::is_slot;
use crate::resources::vm::identity;
use crate::value::{Entries, Marks, Path, Step, Type, Value};
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

/// A mount is a volume of a storage, or a folder of the node.
fn volumes(draft: &mut Draft, attributes: &mut Attributes) {
    if !attributes.contains_key("rootfs") {
        let path = Path::default();
        draft.error("a container needs a root disk", &path, "add `rootfs { storage = ... }`");
    }
    let mounts: Attributes =
        attributes.get("mount").and_then(Value::as_entries).map(Entries::to_map).unwrap_or_default();
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
    let keys = attributes.get("extra").and_then(Value::as_entries).into_iter().flat_map(Entries::keys);
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
    let Some(nics) = attributes.get("network").and_then(Value::as_entries) else { return };
    let nics = nics.iter().map(|(slot, nic)| {
        let mut nic = nic.as_entries().map(Entries::to_map).unwrap_or_default();
        let name = format!("eth{}", slot.strip_prefix("net").unwrap_or_default());
        nic.entry("name".into()).or_insert_with(|| Value::text(name).with_marks(Marks::CHOSEN));
        (slot.clone(), Value::object(nic))
    });
    let nics = Value::object(nics.collect::<Vec<_>>());
    attributes.insert("network".into(), nics);
}

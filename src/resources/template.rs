//! `template`: a guest that others are cloned from. It is adopted by its VMID: looked at, never changed, forgotten in the end.

use super::schema::{Attribute, Impact, Schema, Takes};
use super::step::{Lock, Step};
use super::vm::decode::{all_disks_bytes, decode};
use super::{Draft, Found, Lookup, ObjectType, Origin, Sighting};
use crate::observe::Seen;
use crate::state::Identity;
use crate::value::Value;

/// The type. Source: API section `/nodes/{node}/qemu`, key `template`.
pub static TEMPLATE: ObjectType = ObjectType {
    name: "template",
    summary: "A template that virtual machines are cloned from, adopted by its VMID.",
    schema: &SCHEMA,
    origin: Origin::Adopted,
    example: r#"template "debian13" {
  vmid = 9000
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
        Attribute::new("vmid", Takes::Integer(100, 999_999_999), "VMID of the template.")
            .required()
            .deciding()
            .on_change(Impact::None),
        Attribute::new("name", Takes::Text, "Its name on the cluster.").computed(),
        Attribute::new("node", Takes::Text, "The node it is on.").computed(),
        Attribute::new("disk_size", Takes::Size, "Size of all its disks.").computed(),
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

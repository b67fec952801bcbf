//! `vm`: a virtual machine, cloned from a template or made from its disks. Its attributes and their configuration keys are in `schema`, what
//! needs more than its key in `decode` and `encode`, and the calls that make, change and destroy it in `steps`.

pub mod decode;
mod encode;
pub mod impact;
pub mod schema;
mod steps;

use super::{Lookup, ObjectType, Origin, Sighting};
use crate::observe::GuestKind;
use crate::state::Identity;
use crate::value::Value;

/// The type. Source: API section `/nodes/{node}/qemu`.
pub static VM: ObjectType = ObjectType {
    name: "vm",
    summary: "A virtual machine, cloned from a template or made from its disks.",
    schema: &schema::SCHEMA,
    origin: Origin::Made,
    example: r#"vm "mc" {
  template = template.debian13
  cores    = 2
  memory   = "4GiB"
}
"#,
    import_id: Some(("its VMID", crate::resources::by_vmid)),
    claim: |draft| super::guest::claim(draft, steps::update),
    identify: |vm| identity(vm.get("node").and_then(Value::as_text).unwrap_or_default(), super::template::vmid_of(vm)),
    sight,
    create: steps::create,
    update: steps::update,
    delete: steps::delete,
    is_replaced_first: false,
    locks: steps::locks,
    ..ObjectType::BASE
};

/// Returns the identity of a guest.
pub fn identity(node: &str, vmid: u32) -> Identity {
    Identity::of([("node", node.to_owned()), ("vmid", vmid.to_string())])
}

fn sight(lookup: &Lookup) -> Sighting {
    super::guest::sight(lookup, GuestKind::Qemu, decode::decode)
}

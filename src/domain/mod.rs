//! The blocks users write: which there are, what may stand in them, and how composites expand to plain instances with named children.
//!
//! Shape only: nothing is chosen here. What lives on the cluster is in `resources`. A new composite is one file and one line in [`BLOCKS`].

mod expand;
pub mod game_server;
pub mod tenant;
pub mod tier;

pub use expand::{Instance, expand, instances};

use crate::config::Key;
use crate::resources::ObjectType;
use crate::resources::schema::Schema;
use crate::value::Value;

/// Every object block of the language.
pub static BLOCKS: &[&BlockType] = &[&tier::TIER, &tenant::TENANT, &TEMPLATE, &VM, &game_server::GAME_SERVER];

/// Returns a block type by name.
pub fn find(name: &str) -> Option<&'static BlockType> {
    BLOCKS.iter().copied().find(|block| block.name == name)
}

/// Returns the names of all object blocks.
pub fn names() -> Vec<&'static str> {
    BLOCKS.iter().map(|block| block.name).collect()
}

/// A type of block.
pub struct BlockType {
    /// Name in the language.
    pub name: &'static str,
    /// One sentence for the manual.
    pub summary: &'static str,
    /// What may stand in it.
    pub schema: &'static Schema,
    /// What it becomes.
    pub role: Role,
    /// A block that parses, plans and applies.
    pub example: &'static str,
}

/// What a block becomes.
pub enum Role {
    /// Settings that others refer to; nothing on the cluster.
    Setting,
    /// One object of a type.
    Object(&'static ObjectType),
    /// Children; nothing itself.
    Composite(&'static [ChildType]),
}

/// A kind of child of a composite.
pub struct ChildType {
    /// Its name in addresses, reserved in the composite's schema.
    pub name: &'static str,
    /// Type of the object.
    pub object: &'static ObjectType,
    /// Nested block whose labels are the keys of the children; `None`: there is exactly one child.
    pub keyed_by: Option<&'static str>,
    /// Returns what the child should be, from the evaluated composite.
    pub desired: fn(&Value, Option<&Key>) -> Value,
}

static VM: BlockType = BlockType {
    name: "vm",
    summary: "A virtual machine, cloned from a template.",
    schema: &crate::resources::vm::schema::SCHEMA,
    role: Role::Object(&crate::resources::vm::VM),
    example: r#"vm "mc" {
  template = template.debian13
  cores    = 2
  memory   = "4GiB"
}
"#,
};

static TEMPLATE: BlockType = BlockType {
    name: "template",
    summary: "A template that virtual machines are cloned from, adopted by its VMID.",
    schema: crate::resources::template::TEMPLATE.schema,
    role: Role::Object(&crate::resources::template::TEMPLATE),
    example: r#"template "debian13" {
  vmid = 9000
}
"#,
};

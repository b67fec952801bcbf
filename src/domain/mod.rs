//! The blocks users write: which there are, what may stand in them, and how composites expand to plain instances with named children.
//!
//! Shape only: nothing is chosen here. What lives on the cluster is in `resources`. A new composite is one file and one line in [`BLOCKS`].

mod expand;
pub mod game_server;
pub mod tenant;
pub mod tier;

pub use expand::{Instance, expand, instances};

use crate::config::Key;
use crate::resources::schema::Schema;
use crate::resources::{self, ObjectType};
use crate::value::Value;

/// Every block that is not one object of a type in `resources`.
pub static BLOCKS: &[&BlockType] = &[&tier::TIER, &tenant::TENANT, &game_server::GAME_SERVER];

/// Returns a block type by name.
pub fn find(name: &str) -> Option<BlockType> {
    every().find(|block| block.name == name)
}

/// Returns every object block of the language: composites and settings, then the types of `resources` that are blocks of their own.
pub fn all() -> Vec<BlockType> {
    every().collect()
}

fn every() -> impl Iterator<Item = BlockType> {
    let own = resources::REGISTRY.iter().filter(|object| !object.example.is_empty()).map(|object| BlockType {
        name: object.name,
        summary: object.summary,
        schema: object.schema,
        role: Role::Object(object),
        example: object.example,
    });
    BLOCKS.iter().map(|block| **block).chain(own)
}

/// Returns the names of all object blocks.
pub fn names() -> Vec<&'static str> {
    all().into_iter().map(|block| block.name).collect()
}

/// A type of block.
#[derive(Clone, Copy)]
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
#[derive(Clone, Copy)]
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

//! Expands block instances to the objects they become, once per block.

use super::{ChildType, Role, find};
use crate::config::{Address, Block, Stack};
use crate::resources::ObjectType;

/// One object that a block becomes.
#[derive(Clone)]
pub struct Instance {
    /// Its address: that of the block, or of a child of it.
    pub address: Address,
    /// Its type.
    pub object: &'static ObjectType,
    /// How it follows from its composite; `None`: the block is the object.
    pub child: Option<&'static ChildType>,
}

/// Returns the objects of every block, by block in the order of the stack. Settings become nothing.
pub fn expand(stack: &Stack) -> Vec<Instance> {
    stack.blocks.iter().flat_map(instances).collect()
}

/// Returns the objects of one block.
pub fn instances(block: &Block) -> Vec<Instance> {
    let Some(kind) = find(&block.address.kind) else { return Vec::new() };
    match kind.role {
        Role::Setting => Vec::new(),
        Role::Object(object) => vec![Instance { address: block.address.clone(), object, child: None }],
        Role::Composite(children) => children.iter().flat_map(|child| children_of(block, child)).collect(),
    }
}

fn children_of(block: &Block, child: &'static ChildType) -> Vec<Instance> {
    let instance =
        |key| Instance { address: block.address.child(child.name, key), object: child.object, child: Some(child) };
    match child.keyed_by {
        None => vec![instance(None)],
        Some(nested) => block.shape.get(nested).into_iter().flatten().map(|key| instance(key.clone())).collect(),
    }
}

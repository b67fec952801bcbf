//! Everything known about a kind of object, one file each. Calls are made as data here, never sent.

pub mod marker;
pub mod schema;

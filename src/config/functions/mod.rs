//! The functions of the language, in one table: evaluation, `spawnpoint functions` and the manual read the same entries.
//!
//! One file per family. A function sees values that were already converted to the types of its parameters and unmarked, unless its
//! parameter says otherwise; it returns a value or says which argument is wrong.

mod call;
mod collection;
mod conversion;
mod encoding;
mod filesystem;
mod format;
mod hash;
mod json;
mod lookup;
mod network;
mod numeric;
mod pattern;
mod power;
mod sequence;
mod set;
mod special;
mod text;
mod time;
mod yaml;

pub use call::{Function, Parameter};
pub(super) use call::{Problem, Run, call};
pub(super) use json::{encode, from_json};
pub(super) use special::render_text;

use std::collections::BTreeMap;
use std::sync::LazyLock;

static TABLE: LazyLock<BTreeMap<&'static str, &'static Function>> =
    LazyLock::new(|| all_families().flatten().map(|function| (function.name, function)).collect());

fn all_families() -> impl Iterator<Item = &'static [Function]> {
    [
        special::FUNCTIONS,
        numeric::FUNCTIONS,
        text::FUNCTIONS,
        format::FUNCTIONS,
        pattern::FUNCTIONS,
        collection::FUNCTIONS,
        lookup::FUNCTIONS,
        sequence::FUNCTIONS,
        set::FUNCTIONS,
        conversion::FUNCTIONS,
        encoding::FUNCTIONS,
        json::FUNCTIONS,
        yaml::FUNCTIONS,
        network::FUNCTIONS,
        time::FUNCTIONS,
        hash::FUNCTIONS,
        filesystem::FUNCTIONS,
    ]
    .into_iter()
}

/// Returns a function by name.
pub fn find(name: &str) -> Option<&'static Function> {
    TABLE.get(name).copied()
}

/// Returns all functions, sorted by name.
pub fn all() -> impl Iterator<Item = &'static Function> {
    TABLE.values().copied()
}

/// Returns the names of all functions, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    TABLE.keys().copied()
}

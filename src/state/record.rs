//! Records of objects we made or adopted.

use super::entry::{Entry, OperationKey};
use crate::config::Address;
use crate::value::{Entries, Value, name};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// All we know.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Identifies this state for ever; part of every owner marker.
    pub lineage: String,
    /// Counts snapshots.
    pub serial: u64,
    /// Objects by address.
    pub records: BTreeMap<Address, Record>,
    /// Outputs of the last apply.
    pub outputs: BTreeMap<Arc<str>, OutputRecord>,
    /// `Begun` entries that nothing settled yet, with what followed them, in journal order.
    pub open: BTreeMap<OperationKey, Vec<Entry>>,
}

/// One object.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Registry name of its type: `vm`, `pool`.
    pub kind: Arc<str>,
    /// Cluster it lives on.
    pub cluster: Arc<str>,
    /// How to find it there.
    pub identity: Identity,
    /// The `intent` of its owner marker; empty for objects that cannot carry one.
    pub intent: String,
    /// The desired object as last applied: sensitive leaves are replaced by their fingerprints.
    pub applied: Value,
    /// Computed attributes that the server told only once, when it made the object: the secret of a token. Sealed when written.
    pub secrets: BTreeMap<Arc<str>, Value>,
    /// Addresses it was made after; its destruction comes before theirs.
    pub dependencies: Vec<Address>,
    /// Whether every step of its making was done.
    pub completeness: Completeness,
    /// Adopted objects are forgotten, never deleted.
    pub is_adopted: bool,
}

/// Whether an object is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// Every step was done.
    Complete,
    /// It exists, and steps of its making are missing; the next plan finishes them.
    Partial,
}

/// How to find an object on its cluster: a few names and values, such as `vmid = 5000`, `node = pve1`. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity(pub Entries<Arc<str>>);

impl Identity {
    /// Returns an identity of these parts.
    pub fn of<const N: usize>(parts: [(&str, String); N]) -> Self {
        Self(parts.into_iter().map(|(part, value)| (name(part), value.into())).collect())
    }

    /// Returns it with another value for one part.
    #[must_use]
    pub fn with(&self, part: &str, value: &str) -> Self {
        let others = self.0.iter().map(|(part, value)| (part.clone(), value.clone()));
        Self(others.chain([(name(part), value.into())]).collect())
    }

    /// Returns one part.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| &**value)
    }

    /// Returns the VMID, if the object is a guest.
    pub fn vmid(&self) -> Option<u32> {
        self.get("vmid")?.parse().ok()
    }

    /// Returns the node, if the object has one.
    pub fn node(&self) -> Option<&str> {
        self.get("node")
    }
}

impl fmt::Display for Identity {
    /// Writes `vmid=5000 node=pve1`, in order of the names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.0.iter().enumerate() {
            write!(f, "{}{name}={value}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

/// One output as last applied.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputRecord {
    /// Its value; sensitive parts are sealed when written.
    pub value: Value,
    /// Whether it is declared sensitive.
    pub is_sensitive: bool,
}

//! One immutable snapshot of the clusters per run: [`Observed`].
//!
//! `collect` and `fast` (shell) make the calls, `decode` (pure) reads the answers; what a VM's config means is in `resources`.

pub mod collect;
pub mod decode;
pub mod fast;

pub use collect::{Memory, Unread, Wanted, collect, collect_with};

use crate::value::Entries;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What was seen, by cluster.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// By cluster name.
    pub clusters: BTreeMap<Arc<str>, ClusterView>,
}

/// One cluster.
#[derive(Clone, Debug, Default)]
pub struct ClusterView {
    /// `version` of GET /version, e.g. `9.2.11`.
    pub version: String,
    /// How the other side is called in messages.
    pub endpoint: String,
    /// Whether a simulator answered.
    pub is_simulated: bool,
    /// Nodes by name.
    pub nodes: BTreeMap<String, NodeView>,
    /// Every guest of the cluster by VMID, ours or not. A guest of a node we could not read is here with `Seen::Unreachable`.
    pub guests: BTreeMap<u32, GuestView>,
    /// Pools by id.
    pub pools: BTreeMap<String, PoolView>,
    /// Access rules.
    pub acl: BTreeSet<AclView>,
    /// Users by id (`kim@pve`); `None` where we may not see them.
    pub users: Option<BTreeSet<String>>,
    /// Tables that some resource type asked for, by the path it was asked for under. One that belongs to an object that is gone is missing.
    pub tables: BTreeMap<String, serde_json::Value>,
    /// Tables that were asked for and that we may not read, and guests ([`ClusterView::guest_path`]).
    pub hidden: BTreeSet<String>,
}

impl ClusterView {
    /// Returns the path that stands in `hidden` for a guest that may not be seen.
    pub fn guest_path(vmid: u32) -> String {
        format!("/vms/{vmid}")
    }

    /// Returns whether it runs this major version of Proxmox VE or a later one. A version that nobody can read is a new one.
    pub fn has_version(&self, major: u32) -> bool {
        self.version.split('.').next().and_then(|own| own.parse::<u32>().ok()).is_none_or(|own| own >= major)
    }
}

/// One node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeView {
    /// Whether it is online and answered us.
    pub is_online: bool,
    /// CPU cores.
    pub cores: u64,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Storages usable on it, by name.
    pub storages: BTreeMap<String, StorageView>,
    /// Bridges and SDN vnets usable on it; `None` where we may not see them.
    pub bridges: Option<BTreeSet<String>>,
}

/// One storage as seen from one node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StorageView {
    /// `dir`, `lvmthin`, `nfs`, ...
    pub kind: String,
    /// Whether all nodes see the same content.
    pub is_shared: bool,
    /// `images`, `iso`, ...
    pub content: BTreeSet<String>,
    /// Size in bytes.
    pub total_bytes: u64,
    /// Used bytes.
    pub used_bytes: u64,
}

/// One guest.
#[derive(Clone, Debug, PartialEq)]
pub struct GuestView {
    /// VMID.
    pub vmid: u32,
    /// Node it is on now.
    pub node: String,
    /// `qemu` or `lxc`.
    pub kind: GuestKind,
    /// Name; may be empty for a new guest.
    pub name: String,
    /// Whether it was read.
    pub seen: Seen,
    /// Power state from the node's list, fresh.
    pub power: Power,
    /// Whether it is a template.
    pub is_template: bool,
    /// Tags.
    pub tags: BTreeSet<String>,
    /// Config lock, if any.
    pub lock: Option<String>,
    /// Pool, if any.
    pub pool: Option<String>,
    /// Configured cores.
    pub cores: u64,
    /// Configured memory in bytes.
    pub memory_bytes: u64,
    /// Size of its disks in bytes, as the list has it (boot disk only).
    pub disk_bytes: u64,
    /// Whether HA manages it.
    pub is_ha_managed: bool,
    /// Its configuration, if it was asked for.
    pub config: Option<GuestConfig>,
}

/// Whether a guest's node could be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Its node answered.
    Present,
    /// Its node did not answer: nothing is planned from silence.
    Unreachable,
}

/// Kind of guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestKind {
    /// Virtual machine.
    Qemu,
    /// Container.
    Lxc,
}

impl GuestKind {
    /// Returns the kind as it stands in paths.
    pub fn segment(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::Lxc => "lxc",
        }
    }
}

/// Power state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// Running (paused counts as running: it holds memory and locks).
    Running,
    /// Stopped.
    Stopped,
    /// Not told.
    Unknown,
}

/// Texts by configuration key.
pub type ConfigValues = Entries<Arc<str>>;

/// A guest's configuration, as text per key, the way the server prints it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuestConfig {
    /// The default view: current values overlaid with pending ones. Without `digest`.
    pub values: ConfigValues,
    /// What the running process has, for keys where that differs; `None`: the key is not set there.
    pub running: BTreeMap<Arc<str>, Option<Arc<str>>>,
    /// SHA-1 of the configuration file.
    pub digest: String,
}

/// One pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolView {
    /// Comment.
    pub comment: String,
    /// VMIDs of members.
    pub guests: BTreeSet<u32>,
    /// Storage members.
    pub storages: BTreeSet<String>,
}

/// One access rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AclView {
    /// `/pool/acme`
    pub path: String,
    /// `PVEVMUser`
    pub role: String,
    /// `user`, `group` or `token`.
    pub subject_kind: String,
    /// `kim@pve`
    pub subject: String,
    /// Whether it holds below the path.
    pub propagates: bool,
}

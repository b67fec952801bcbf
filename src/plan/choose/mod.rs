//! Choosing identities: VMIDs, nodes, MAC and network addresses, ports. A fold in dependency order, ties by address; once chosen they are
//! kept in the state.
//!
//! Every choice is checked against everything that is known: the cluster as seen, the state, and what this plan chose before.

mod address;
mod mac;
mod node;
mod port;
mod vmid;

pub(super) use address::Subnet;
pub(super) use node::{Demand, NodeLoad};

use crate::config::Address;
use crate::observe::ClusterView;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// What is taken already.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// VMIDs by cluster, with who has them.
    vmids: BTreeMap<(Arc<str>, u32), String>,
    /// Addresses by broadcast domain (cluster, bridge, VLAN), with who has them.
    addresses: BTreeMap<(String, IpAddr), String>,
    /// MAC addresses.
    macs: BTreeSet<String>,
    /// Ports by guest address, with who has them.
    ports: BTreeMap<(Address, u16), Address>,
    /// Load by cluster and node.
    nodes: BTreeMap<(Arc<str>, String), NodeLoad>,
}

impl Ledger {
    /// Notes everything a cluster holds.
    pub(super) fn note_cluster(&mut self, cluster: &Arc<str>, view: &ClusterView) {
        for guest in view.guests.values() {
            self.vmids.insert((cluster.clone(), guest.vmid), format!("`{}` on {}", guest.name, guest.node));
        }
        for (name, load) in node::loads(view) {
            self.nodes.insert((cluster.clone(), name), load);
        }
    }
}

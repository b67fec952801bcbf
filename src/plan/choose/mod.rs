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
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// What is taken already.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// VMIDs by cluster, with who has them.
    vmids: BTreeMap<(Arc<str>, u32), String>,
    /// Where the search for the next VMID begins, by cluster and range.
    next_vmids: BTreeMap<(Arc<str>, u32, u32), u32>,
    /// Addresses by broadcast domain (cluster, bridge, VLAN), with who has them.
    addresses: BTreeMap<String, BTreeMap<IpAddr, String>>,
    /// Where the search for the next address begins, by broadcast domain and lowest address of the range.
    next_addresses: BTreeMap<(String, Ipv4Addr), Ipv4Addr>,
    /// MAC addresses.
    macs: BTreeSet<String>,
    /// Ports by guest address, with who has them.
    ports: BTreeMap<(Address, u16), Address>,
    /// VMIDs and addresses that the text of some block fixes, with that block: nobody else is given them.
    fixed_vmids: BTreeMap<u32, String>,
    fixed_addresses: BTreeMap<IpAddr, String>,
    /// Load by cluster and node.
    nodes: BTreeMap<(Arc<str>, String), NodeLoad>,
}

impl Ledger {
    /// Notes a VMID that a block's text fixes.
    pub(super) fn fix_vmid(&mut self, vmid: u32, owner: &str) {
        self.fixed_vmids.insert(vmid, owner.to_owned());
    }

    /// Notes an address that a block's text fixes.
    pub(super) fn fix_address(&mut self, address: IpAddr, owner: &str) {
        self.fixed_addresses.insert(address, owner.to_owned());
    }

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

//! Nodes: spread over the online ones that have what the guest needs, by free committed memory, ties by name.

use super::Ledger;
use crate::observe::{ClusterView, Power};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a node has and what is promised of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::plan) struct NodeLoad {
    /// Memory in bytes.
    pub(in crate::plan) memory_bytes: u64,
    /// Memory promised to guests, running or not, templates excluded.
    pub(in crate::plan) committed_bytes: u64,
    /// Whether it can be used.
    pub(in crate::plan) is_online: bool,
    /// Storages on it.
    storages: BTreeSet<String>,
    /// Bridges on it; `None`: we may not see them.
    bridges: Option<BTreeSet<String>>,
}

/// What a guest needs of a node.
#[derive(Clone, Debug, Default)]
pub(in crate::plan) struct Demand {
    /// Memory in bytes.
    pub(in crate::plan) memory_bytes: u64,
    /// Storages its disks are on.
    pub(in crate::plan) storages: BTreeSet<String>,
    /// Bridges its network devices are on.
    pub(in crate::plan) bridges: BTreeSet<String>,
    /// Only these nodes, if any is named.
    pub(in crate::plan) allowed: BTreeSet<String>,
    /// The only nodes the template can be cloned to, where its disks are not shared.
    pub(in crate::plan) bound_to: BTreeSet<String>,
    /// Whether the fullest node that fits is taken instead of the emptiest.
    pub(in crate::plan) packs: bool,
}

/// Returns the load of every node.
pub(super) fn loads(view: &ClusterView) -> BTreeMap<String, NodeLoad> {
    let mut loads: BTreeMap<String, NodeLoad> = view
        .nodes
        .iter()
        .map(|(name, node)| {
            let load = NodeLoad {
                memory_bytes: node.memory_bytes,
                committed_bytes: 0,
                is_online: node.is_online,
                storages: node.storages.keys().cloned().collect(),
                bridges: node.bridges.clone(),
            };
            (name.clone(), load)
        })
        .collect();
    for guest in view.guests.values().filter(|guest| !guest.is_template) {
        if let Some(load) = loads.get_mut(&guest.node) {
            load.committed_bytes += if guest.power == Power::Unknown { 0 } else { guest.memory_bytes };
        }
    }
    loads
}

impl Ledger {
    /// Returns what is known of a node.
    pub(in crate::plan) fn node(&self, cluster: &Arc<str>, node: &str) -> Option<&NodeLoad> {
        self.nodes.get(&(cluster.clone(), node.to_owned()))
    }

    /// Returns the nodes of a cluster.
    pub(in crate::plan) fn node_names(&self, cluster: &Arc<str>) -> Vec<&str> {
        self.nodes.keys().filter(|(of, _)| of == cluster).map(|(_, name)| name.as_str()).collect()
    }

    /// Promises memory of a node to a guest that is not counted yet.
    pub(in crate::plan) fn commit_memory(&mut self, cluster: &Arc<str>, node: &str, bytes: u64) {
        if let Some(load) = self.nodes.get_mut(&(cluster.clone(), node.to_owned())) {
            load.committed_bytes += bytes;
        }
    }

    /// Says why a node cannot take what is demanded.
    pub(in crate::plan) fn refusal(&self, cluster: &Arc<str>, node: &str, demand: &Demand) -> Option<String> {
        refusal(node, self.node(cluster, node)?, demand)
    }

    /// Chooses a node; the error says for each node why it was not taken.
    pub(in crate::plan) fn choose_node(&self, cluster: &Arc<str>, demand: &Demand) -> Result<String, Vec<String>> {
        let mut refusals = Vec::new();
        let mut best: Option<(u64, &str)> = None;
        for ((_, name), load) in self.nodes.iter().filter(|((of, _), _)| of == cluster) {
            match refusal(name, load, demand) {
                Some(why) => refusals.push(format!("{name}: {why}")),
                None => {
                    let free = load.memory_bytes.saturating_sub(load.committed_bytes);
                    let is_better =
                        best.is_none_or(|(other, _)| if demand.packs { free < other } else { free > other });
                    if is_better {
                        best = Some((free, name));
                    }
                }
            }
        }
        best.map(|(_, name)| name.to_owned()).ok_or(refusals)
    }
}

fn refusal(name: &str, load: &NodeLoad, demand: &Demand) -> Option<String> {
    if !demand.allowed.is_empty() && !demand.allowed.contains(name) {
        return Some("not among `placement.nodes`".to_owned());
    }
    if !load.is_online {
        return Some("offline".to_owned());
    }
    if !demand.bound_to.is_empty() && !demand.bound_to.contains(name) {
        let nodes: Vec<&str> = demand.bound_to.iter().map(String::as_str).collect();
        return Some(format!("the template's disks are local to {}", nodes.join(", ")));
    }
    let is_known = !load.storages.is_empty();
    if let Some(missing) = demand.storages.iter().find(|storage| is_known && !load.storages.contains(*storage)) {
        return Some(format!("no storage `{missing}`"));
    }
    if let Some(missing) =
        load.bridges.as_ref().and_then(|bridges| demand.bridges.iter().find(|bridge| !bridges.contains(*bridge)))
    {
        return Some(format!("no bridge `{missing}`"));
    }
    let free = load.memory_bytes.saturating_sub(load.committed_bytes);
    // A node whose size we may not see tells nothing.
    (load.memory_bytes > 0 && free < demand.memory_bytes).then(|| {
        let print = |bytes: u64| crate::resources::size::print(bytes >> 20 << 20);
        format!("{} free of {}", print(free), print(load.memory_bytes))
    })
}

//! [`Graph`]: addresses in dependency order. The order is total: among those that could come next, the lowest address does.

use super::Cycle;
use crate::config::Address;
use petgraph::Direction;
use petgraph::algo::tred::{dag_to_toposorted_adjacency_list, dag_transitive_reduction_closure};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::IntoNeighbors;
use std::collections::{BTreeSet, HashMap};

/// A graph without cycles. An edge goes from the dependant to its dependency.
#[derive(Clone, Debug)]
pub struct Graph {
    /// Nodes are numbered in the order of their addresses.
    graph: DiGraph<Address, ()>,
    order: Vec<NodeIndex>,
}

impl Graph {
    /// Returns the graph of these addresses and `(dependant, dependency)` pairs, or a cycle among them.
    ///
    /// A pair with an end that is no node constrains nothing and is left out: with `-target`, what a target depends on may be outside.
    pub fn new<'a>(
        mut nodes: Vec<Address>,
        edges: impl IntoIterator<Item = (&'a Address, &'a Address)>,
    ) -> Result<Self, Cycle> {
        nodes.sort_unstable();
        nodes.dedup();
        let numbers: HashMap<&Address, u32> = nodes.iter().zip(0..).collect();
        let number = |address: &Address| numbers.get(address).copied();
        let pairs = edges.into_iter().filter_map(|(from, to)| Some((number(from)?, number(to)?)));
        let mut pairs: Vec<(u32, u32)> = pairs.collect();
        pairs.sort_unstable();
        pairs.dedup();
        let mut graph = DiGraph::with_capacity(nodes.len(), pairs.len());
        for address in nodes {
            graph.add_node(address);
        }
        for (from, to) in pairs {
            graph.add_edge(NodeIndex::from(from), NodeIndex::from(to), ());
        }
        match dependencies_first(&graph) {
            order if order.len() == graph.node_count() => Ok(Self { graph, order }),
            _ => Err(Cycle::find(&graph)),
        }
    }

    /// Returns every address after all it depends on.
    pub fn order(&self) -> Vec<Address> {
        self.order.iter().map(|node| self.graph[*node].clone()).collect()
    }

    /// Returns the same as places in the sorted list of addresses.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> {
        self.order.iter().map(|node| node.index())
    }

    /// Returns what depends directly on an address, sorted.
    pub fn dependants(&self, address: &Address) -> Vec<Address> {
        self.neighbours(address, Direction::Incoming)
    }

    /// Returns what an address depends directly on, sorted.
    pub fn dependencies(&self, address: &Address) -> Vec<Address> {
        self.neighbours(address, Direction::Outgoing)
    }

    /// Returns an address and everything it depends on, directly or not.
    pub fn with_dependencies(&self, address: &Address) -> BTreeSet<Address> {
        self.reach(address, Direction::Outgoing)
    }

    /// Returns an address and everything that depends on it, directly or not.
    pub fn with_dependants(&self, address: &Address) -> BTreeSet<Address> {
        self.reach(address, Direction::Incoming)
    }

    /// Returns the `(dependant, dependency)` pairs that no longer path makes superfluous, sorted: what a drawing needs.
    pub fn reduction(&self) -> Vec<(Address, Address)> {
        // The algorithm of the library wants a topological order in the direction of the edges: dependants first.
        let order: Vec<NodeIndex> = self.order.iter().rev().copied().collect();
        let (list, _) = dag_to_toposorted_adjacency_list::<_, u32>(&self.graph, &order);
        let (reduced, _) = dag_transitive_reduction_closure(&list);
        let address = |position: u32| self.graph[order[position as usize]].clone();
        let mut edges: Vec<(Address, Address)> = reduced
            .node_indices()
            .flat_map(|from| reduced.neighbors(from).map(move |to| (from, to)))
            .map(|(from, to)| (address(from), address(to)))
            .collect();
        edges.sort();
        edges
    }

    fn node(&self, address: &Address) -> Option<NodeIndex> {
        self.graph.raw_nodes().binary_search_by(|node| node.weight.cmp(address)).ok().map(NodeIndex::new)
    }

    fn neighbours(&self, address: &Address, direction: Direction) -> Vec<Address> {
        let Some(node) = self.node(address) else {
            return Vec::new();
        };
        let found: BTreeSet<_> = self.graph.neighbors_directed(node, direction).collect();
        found.into_iter().map(|node| self.graph[node].clone()).collect()
    }

    fn reach(&self, address: &Address, direction: Direction) -> BTreeSet<Address> {
        let mut reached = BTreeSet::new();
        let mut waiting: Vec<NodeIndex> = self.node(address).into_iter().collect();
        while let Some(node) = waiting.pop() {
            if reached.insert(self.graph[node].clone()) {
                waiting.extend(self.graph.neighbors_directed(node, direction));
            }
        }
        reached
    }
}

/// Kahn's algorithm with a sorted set of what is ready. Node indexes ascend with addresses, so the set is in order of addresses.
fn dependencies_first(graph: &DiGraph<Address, ()>) -> Vec<NodeIndex> {
    let mut missing: Vec<usize> = graph.node_indices().map(|node| graph.neighbors(node).count()).collect();
    let mut ready: BTreeSet<NodeIndex> = graph.node_indices().filter(|node| missing[node.index()] == 0).collect();
    let mut order = Vec::with_capacity(graph.node_count());
    while let Some(node) = ready.pop_first() {
        order.push(node);
        for dependant in graph.neighbors_directed(node, Direction::Incoming) {
            missing[dependant.index()] -= 1;
            if missing[dependant.index()] == 0 {
                ready.insert(dependant);
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::text::tests::{address, graph};

    fn text(addresses: impl IntoIterator<Item = Address>) -> String {
        addresses.into_iter().map(|address| address.to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn order_has_dependencies_first_and_ties_by_address() {
        let graph = graph("vm.b>tenant.t vm.a>tenant.t vm.a>template.d game_server.g>vm.b tier.z>tier.z2");
        assert_eq!(text(graph.order()), "template.d tenant.t tier.z2 tier.z vm.a vm.b game_server.g");
    }

    #[test]
    fn neighbours_are_direct_and_reach_is_not() {
        let graph = graph("vm.a>tenant.t game_server.g>vm.a vm.b>tenant.t");
        assert_eq!(text(graph.dependants(&address("tenant.t"))), "vm.a vm.b");
        assert_eq!(text(graph.dependencies(&address("game_server.g"))), "vm.a");
        assert_eq!(text(graph.with_dependencies(&address("game_server.g"))), "game_server.g tenant.t vm.a");
        assert_eq!(text(graph.with_dependants(&address("tenant.t"))), "game_server.g tenant.t vm.a vm.b");
    }

    #[test]
    fn reduction_leaves_out_what_a_longer_path_says() {
        let graph = graph("vm.a>tenant.t tenant.t>tier.g vm.a>tier.g");
        let edges: Vec<String> = graph.reduction().iter().map(|(from, to)| format!("{from}>{to}")).collect();
        assert_eq!(edges, ["tenant.t>tier.g", "vm.a>tenant.t"]);
    }

    #[test]
    fn an_edge_to_the_outside_constrains_nothing() {
        let graph = Graph::new(vec![address("vm.a")], [(&address("vm.a"), &address("tenant.gone"))]);
        assert_eq!(text(graph.expect("no cycle").order()), "vm.a");
    }
}

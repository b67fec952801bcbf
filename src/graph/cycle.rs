//! What is said about a graph that has no order: one cycle, the shortest through its lowest address.

use crate::config::Address;
use crate::diagnostics::{Diagnostic, Span};
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Addresses of which each depends on the next, and the last on the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle(pub Vec<Address>);

impl Cycle {
    /// Returns a cycle of a graph that has one.
    pub(super) fn find(graph: &DiGraph<Address, ()>) -> Self {
        let (start, path) = tarjan_scc(graph)
            .into_iter()
            .filter_map(|component| {
                let start = component.iter().copied().min_by_key(|node| &graph[*node])?;
                Some((start, shortest_way_back(graph, start)?))
            })
            .min_by_key(|(start, _)| graph[*start].clone())
            .expect("a graph whose nodes cannot all be ordered has a cycle");
        debug_assert_eq!(path.first(), Some(&start));
        Self(path.into_iter().map(|node| graph[node].clone()).collect())
    }

    /// Returns the one error about it. `span` says where a block's header is.
    pub fn diagnostic(&self, span: impl Fn(&Address) -> Option<Span>) -> Diagnostic {
        let first = self.0.first().expect("a cycle has an address");
        let path: Vec<String> = self.0.iter().chain([first]).map(|address| format!("`{address}`")).collect();
        let summary = match self.0.len() {
            1 => format!("{} depends on itself", path[0]),
            _ => format!("blocks depend on each other in a circle: {}", path.join(" -> ")),
        };
        let mut diagnostic = Diagnostic::error(summary)
            .detail("Each of them would have to be made before the others. Expected: dependencies that lead somewhere.")
            .hint("take one of these references out, or move the shared value into `locals` or a `variable`")
            .about(first);
        if let Some(span) = span(first) {
            diagnostic = diagnostic.at(span);
        }
        let next = self.0.iter().cycle().skip(1);
        let others = self.0.iter().zip(next).skip(1);
        others
            .filter_map(|(address, next)| Some((span(address)?, next)))
            .fold(diagnostic, |diagnostic, (span, next)| diagnostic.label(span, format!("depends on `{next}`")))
    }
}

/// Breadth first, neighbours in order of addresses.
fn shortest_way_back(graph: &DiGraph<Address, ()>, start: NodeIndex) -> Option<Vec<NodeIndex>> {
    let mut came_from: BTreeMap<NodeIndex, NodeIndex> = BTreeMap::new();
    let mut waiting = VecDeque::from([start]);
    while let Some(node) = waiting.pop_front() {
        for next in graph.neighbors(node).collect::<BTreeSet<_>>() {
            if next == start {
                let mut path = vec![node];
                while *path.last().expect("never empty") != start {
                    path.push(came_from[path.last().expect("never empty")]);
                }
                path.reverse();
                return Some(path);
            }
            if let std::collections::btree_map::Entry::Vacant(entry) = came_from.entry(next) {
                entry.insert(node);
                waiting.push_back(next);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::config::{Address, Block, Lifecycle};
    use crate::diagnostics::{Diagnostic, FileId, Span};
    use crate::graph::text::tests::address;

    fn errors(edges: &[(&str, &[&str])]) -> Vec<Diagnostic> {
        let block = |(at, (from, to)): (usize, &(&str, &[&str]))| Block {
            address: address(from),
            span: Span::new(FileId(0), at as u32 * 10, at as u32 * 10 + 5),
            lookups: Default::default(),
            dependencies: to.iter().map(|text| address(text)).collect(),
            lifecycle: Lifecycle::default(),
            called_cluster: None,
            has_conditions: false,
            shape: Default::default(),
        };
        let blocks: Vec<Block> = edges.iter().enumerate().map(block).collect();
        crate::graph::build(&blocks).expect_err("a cycle").into_iter().collect()
    }

    #[test]
    fn a_cycle_is_one_error_with_every_block_on_it() {
        let found = errors(&[
            ("vm.c", &["vm.a"]),
            ("vm.a", &["vm.b", "tenant.t"]),
            ("vm.b", &["vm.c", "tenant.t"]),
            ("tenant.t", &[]),
            ("vm.outside", &["vm.a"]),
        ]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].summary, "blocks depend on each other in a circle: `vm.a` -> `vm.b` -> `vm.c` -> `vm.a`");
        assert_eq!(found[0].span, Some(Span::new(FileId(0), 10, 15)));
        let labels: Vec<(u32, &str)> = found[0].labels.iter().map(|(span, text)| (span.start, text.as_str())).collect();
        assert_eq!(labels, [(20, "depends on `vm.c`"), (0, "depends on `vm.a`")]);
    }

    #[test]
    fn a_block_that_refers_to_itself_is_a_cycle_of_one() {
        assert_eq!(errors(&[("vm.a", &["vm.a"])])[0].summary, "`vm.a` depends on itself");
    }

    #[test]
    fn an_order_is_found_for_every_address_otherwise() {
        let addresses: Vec<Address> = (0..200).map(|at| address(&format!("vm.x{at:03}"))).collect();
        let edges = addresses.windows(2).map(|pair| (&pair[0], &pair[1]));
        let order = crate::graph::Graph::new(addresses.clone(), edges).expect("a chain").order();
        assert!(order.iter().eq(addresses.iter().rev()));
    }
}

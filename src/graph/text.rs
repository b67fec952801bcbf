//! The graph as text for other programs: DOT for Graphviz, Mermaid for Markdown.

use super::Graph;
use std::collections::BTreeMap;
use std::fmt::Write as _;

impl Graph {
    /// Returns the graph in Graphviz' language, without superfluous edges.
    pub fn dot(&self) -> String {
        let mut text =
            String::from("digraph spawnpoint {\n  rankdir = \"RL\";\n  node [shape = box, style = rounded];\n");
        for address in self.order() {
            let _ = writeln!(text, "  {};", quoted(&address.to_string()));
        }
        for (dependant, dependency) in self.reduction() {
            let _ = writeln!(text, "  {} -> {};", quoted(&dependant.to_string()), quoted(&dependency.to_string()));
        }
        text.push_str("}\n");
        text
    }

    /// Returns the graph as a Mermaid flow chart, without superfluous edges.
    pub fn mermaid(&self) -> String {
        let order = self.order();
        let id: BTreeMap<_, usize> = order.iter().enumerate().map(|(at, address)| (address, at)).collect();
        let mut text = String::from("flowchart RL\n");
        for address in &order {
            let label = address.to_string().replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
            let _ = writeln!(text, "  n{}[\"{label}\"]", id[address]);
        }
        for (dependant, dependency) in self.reduction() {
            let _ = writeln!(text, "  n{} --> n{}", id[&dependant], id[&dependency]);
        }
        text
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
pub(super) mod tests {
    use crate::config::{Address, Key, ModulePath};
    use crate::graph::Graph;

    /// Reads `kind.name` or `kind.name[key]`.
    pub(in crate::graph) fn address(text: &str) -> Address {
        let (kind, rest) = text.split_once('.').expect("kind.name");
        let (name, key) = rest.split_once('[').map_or((rest, None), |(name, key)| (name, key.strip_suffix(']')));
        let key = key.map(|key| Key::Text(key.into()));
        Address::new(ModulePath::default(), kind, name).instance(key)
    }

    /// Reads `dependant>dependency` pairs.
    pub(in crate::graph) fn graph(text: &str) -> Graph {
        let pair = |pair: &str| pair.split_once('>').map(|(from, to)| (address(from), address(to))).expect("from>to");
        let edges: Vec<(Address, Address)> = text.split_whitespace().map(pair).collect();
        let nodes = edges.iter().flat_map(|(from, to)| [from.clone(), to.clone()]).collect();
        Graph::new(nodes, edges.iter().map(|(from, to)| (from, to))).expect("no cycle")
    }

    #[test]
    fn dot_quotes_keys() {
        insta::assert_snapshot!(graph("vm.mc[lobby]>tenant.acme").dot(), @r#"
        digraph spawnpoint {
          rankdir = "RL";
          node [shape = box, style = rounded];
          "tenant.acme";
          "vm.mc[\"lobby\"]";
          "vm.mc[\"lobby\"]" -> "tenant.acme";
        }
        "#);
    }

    #[test]
    fn mermaid_numbers_nodes_in_order() {
        insta::assert_snapshot!(graph("vm.mc[lobby]>tenant.acme game_server.g>vm.mc[lobby]").mermaid(), @r#"
        flowchart RL
          n0["tenant.acme"]
          n1["vm.mc[&quot;lobby&quot;]"]
          n2["game_server.g"]
          n2 --> n1
          n1 --> n0
        "#);
    }
}

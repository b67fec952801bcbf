//! Where the nodes of a cluster are, for calls about one of them: any other node would pass such a call on, which costs a second connection
//! and ends after thirty seconds.
//!
//! A run of a few calls does not ask. After many, the cluster is asked once for the addresses of its nodes, and those that can be reached
//! and trusted as the endpoints are get their calls themselves.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::super::{Answer, Call, decode};

/// Calls about nodes after which it pays to ask.
const MANY: u32 = 32;

/// What is known of the nodes.
#[derive(Default)]
pub(super) struct Nodes(Mutex<Known>);

#[derive(Default)]
struct Known {
    calls: u32,
    urls: BTreeMap<String, reqwest::Url>,
}

impl Nodes {
    /// Returns where a node is, if it is known and was reached.
    pub(super) fn url(&self, node: &str) -> Option<reqwest::Url> {
        self.known().urls.get(node).cloned()
    }

    /// Counts a call about a node; returns whether it is time to ask where they are, which it is once.
    pub(super) fn is_time_to_ask(&self) -> bool {
        let mut known = self.known();
        known.calls = known.calls.saturating_add(1);
        known.calls == MANY
    }

    /// Takes note of nodes that were reached.
    pub(super) fn reached(&self, urls: impl IntoIterator<Item = (String, reqwest::Url)>) {
        self.known().urls.extend(urls);
    }

    /// Gives up a node that cannot be reached any more.
    pub(super) fn forget(&self, node: &str) {
        self.known().urls.remove(node);
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().expect("nothing panics while holding it")
    }
}

/// Returns the node that a call is about.
pub(super) fn node_of(call: &Call) -> Option<&str> {
    call.path.strip_prefix("/nodes/")?.split('/').next()
}

/// Reads from GET /cluster/status where the other nodes are that are online: at the same port as the one that answers.
pub(super) fn others(status: &Answer, endpoint: &reqwest::Url) -> BTreeMap<String, reqwest::Url> {
    let row = |row: &serde_json::Value| {
        let text = |name: &str| row.get(name).and_then(decode::text);
        let flag = |name: &str| row.get(name).and_then(decode::boolean);
        let is_other = text("type")? == "node" && flag("online") == Some(true) && flag("local") != Some(true);
        let mut url = endpoint.clone();
        url.set_ip_host(text("ip")?.parse().ok()?).ok()?;
        is_other.then_some((text("name")?, url))
    };
    status.data.as_array().into_iter().flatten().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_nodes_are_at_the_same_port() {
        let body = br#"{"data":[{"type":"cluster","name":"c","quorate":1},
            {"type":"node","name":"pve1","ip":"10.0.0.1","online":1,"local":1},
            {"type":"node","name":"pve2","ip":"10.0.0.2","online":"1","local":0},
            {"type":"node","name":"pve3","ip":"10.0.0.3","online":0,"local":0},
            {"type":"node","name":"pve4","ip":"fd00::4","online":1,"local":0},
            {"type":"node","name":"pve5","online":1,"local":0}]}"#;
        let endpoint = reqwest::Url::parse("https://pve.lan:8443").expect("it is a URL");
        let urls: Vec<String> = others(&Answer::decode(200, "OK", body), &endpoint)
            .into_iter()
            .map(|(node, url)| format!("{node} {url}"))
            .collect();
        assert_eq!(urls, ["pve2 https://10.0.0.2:8443/", "pve4 https://[fd00::4]:8443/"]);
        assert_eq!(node_of(&Call::get("/nodes/pve1/qemu/100/config")), Some("pve1"));
        assert_eq!(node_of(&Call::get("/cluster/resources")), None);
    }
}

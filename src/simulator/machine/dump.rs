//! A canonical picture of the cluster, for tests that compare before and after.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Machine;

impl Machine {
    /// Returns what the cluster holds: guests, pools, access, firewall, storage content. No times, counters, logs or tasks.
    pub fn dump(&self) -> Value {
        let guests: BTreeMap<String, Value> = self
            .guests
            .iter()
            .map(|(vmid, guest)| {
                let value = json!({
                    "type": guest.kind.as_str(), "snapshots": guest.snapshots, "node": guest.node, "config": guest.config, "pending": guest.pending,
                    "pending_delete": guest.pending_delete, "running": guest.is_running(), "files": guest.files,
                });
                (vmid.to_string(), value)
            })
            .collect();
        let users: BTreeMap<&String, Value> = self
            .access
            .users
            .iter()
            .map(|(id, user)| {
                let tokens: BTreeMap<&String, bool> =
                    user.tokens.iter().map(|(id, token)| (id, token.is_separated)).collect();
                let value = json!({
                    "enabled": user.is_enabled, "details": user.details, "groups": user.groups, "tokens": tokens,
                });
                (id, value)
            })
            .collect();
        let acl: Vec<Value> = self
            .access
            .entries
            .iter()
            .map(|entry| json!([entry.path, entry.kind, entry.subject, entry.role, entry.propagates]))
            .collect();
        let volumes: BTreeMap<&String, Value> = self
            .volumes
            .iter()
            .map(|(key, volume)| {
                let value = json!({ "format": volume.format, "size": volume.size_bytes, "parent": volume.parent });
                (key, value)
            })
            .collect();
        let pools: BTreeMap<&String, Value> = self.pools.iter().map(|(name, pool)| (name, json!(pool))).collect();
        let empty = super::state::Firewall::default();
        let firewalls: BTreeMap<&String, Value> = self
            .firewalls
            .iter()
            .filter(|(_, firewall)| **firewall != empty)
            .map(|(name, firewall)| (name, json!(firewall)))
            .collect();
        json!({
            "objects": self.objects.iter().collect::<BTreeMap<_, _>>(), "cluster": self.meta.cluster, "guests": guests, "pools": pools, "users": users, "acl": acl,
            "groups": self.access.groups, "roles": self.access.roles, "volumes": volumes, "firewalls": firewalls,
            "options": *self.options,
        })
    }
}

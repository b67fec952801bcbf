//! Reads the answers of Proxmox VE into the types of this room. Pure and lenient: unknown members are ignored, numbers may be text,
//! and a row without what makes it one is skipped.
//!
//! What a config key means is not known here; `resources` reads the texts.

use super::{AclView, GuestConfig, GuestKind, GuestView, NodeView, PoolView, Power, Seen, StorageView};
use crate::proxmox::decode::{boolean, integer, text, written};
use crate::value::name;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The parts of GET /cluster/resources that a run starts from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resources {
    /// Nodes, with nothing read from them yet.
    pub nodes: BTreeMap<String, NodeView>,
    /// Guests, as far as the cluster tells: up to ten seconds old but for id, node, kind, tags, lock and pool.
    pub guests: BTreeMap<u32, GuestView>,
}

/// Reads GET /version.
pub fn version(answer: &Value) -> String {
    member(answer, "version").unwrap_or_default()
}

/// Reads GET /cluster/resources.
pub fn resources(answer: &Value) -> Resources {
    let mut resources = Resources::default();
    for row in rows(answer) {
        match member(row, "type").as_deref() {
            Some("node") => {
                if let Some(name) = member(row, "node") {
                    resources.nodes.insert(name, node(row));
                }
            }
            Some("qemu") => insert_guest(&mut resources.guests, row, GuestKind::Qemu),
            Some("lxc") => insert_guest(&mut resources.guests, row, GuestKind::Lxc),
            _ => {}
        }
    }
    resources
}

/// Reads GET /nodes/NODE/qemu or /lxc over what the cluster told: this list is fresh.
pub fn guest_list(answer: &Value, on: &str, kind: GuestKind, guests: &mut BTreeMap<u32, GuestView>) {
    for row in rows(answer) {
        let Some(vmid) = vmid(row) else { continue };
        let fresh = guest(row, vmid, on.to_owned(), kind);
        // Pool and HA state are known to the cluster only.
        let (pool, is_ha_managed) =
            guests.get(&vmid).map_or((None, false), |known| (known.pool.clone(), known.is_ha_managed));
        guests.insert(vmid, GuestView { pool, is_ha_managed, ..fresh });
    }
}

/// Reads GET config: the default view.
pub fn config(answer: &Value) -> GuestConfig {
    let values = entries(answer).filter(|(key, _)| *key != "digest");
    let values = values.filter_map(|(key, value)| Some((name(key), written(value)?.into()))).collect();
    GuestConfig { values, running: BTreeMap::new(), digest: member(answer, "digest").unwrap_or_default() }
}

/// Reads GET pending: both views in one, and the digest as one of the rows.
pub fn pending(answer: &Value) -> GuestConfig {
    let (mut values, mut running, mut digest) = (Vec::new(), BTreeMap::new(), String::new());
    for row in rows(answer) {
        let member = |name: &str| row.get(name).and_then(written);
        let Some(key) = member("key") else { continue };
        let (current, planned) = (member("value"), member("pending"));
        if key == "digest" {
            digest = current.unwrap_or_default().to_owned();
            continue;
        }
        let is_deleted = row.get("delete").and_then(integer).is_some_and(|delete| delete != 0);
        let default_view = match (planned, is_deleted) {
            (Some(_), _) => planned,
            (None, true) => None,
            (None, false) => current,
        };
        if default_view != current {
            running.insert(name(key), current.map(Arc::from));
        }
        values.extend(default_view.map(|value| (name(key), Arc::from(value))));
    }
    GuestConfig { values: values.into_iter().collect(), running, digest }
}

/// Reads GET /pools, which tells ids and comments.
pub fn pools(answer: &Value) -> BTreeMap<String, PoolView> {
    let pool = |row: &Value| {
        let view = PoolView { comment: member(row, "comment").unwrap_or_default(), ..PoolView::default() };
        Some((member(row, "poolid")?, view))
    };
    rows(answer).filter_map(pool).collect()
}

/// Reads GET /pools?poolid=ID, a list of one with members; `None` if it is not there.
pub fn pool(answer: &Value) -> Option<PoolView> {
    // The older path /pools/ID answers the object itself.
    let row = rows(answer).next().or_else(|| answer.is_object().then_some(answer))?;
    let mut view = PoolView { comment: member(row, "comment").unwrap_or_default(), ..PoolView::default() };
    for item in row.get("members").map(rows).into_iter().flatten() {
        match (vmid(item), member(item, "storage")) {
            (Some(vmid), _) => view.guests.extend([vmid]),
            (None, Some(storage)) => view.storages.extend([storage]),
            (None, None) => {}
        }
    }
    Some(view)
}

/// Reads GET /access/acl.
pub fn acl(answer: &Value) -> BTreeSet<AclView> {
    let rule = |row: &Value| {
        Some(AclView {
            path: member(row, "path")?,
            role: member(row, "roleid")?,
            subject_kind: member(row, "type")?,
            subject: member(row, "ugid")?,
            propagates: row.get("propagate").and_then(boolean).unwrap_or(true),
        })
    };
    rows(answer).filter_map(rule).collect()
}

/// Reads GET /access/users.
pub fn users(answer: &Value) -> BTreeSet<String> {
    rows(answer).filter_map(|row| member(row, "userid")).collect()
}

/// Reads GET /nodes/NODE/storage. Storages that are switched off on the node are left out.
pub fn storages(answer: &Value) -> BTreeMap<String, StorageView> {
    let flag = |row: &Value, name: &str| row.get(name).and_then(boolean);
    let storage = |row: &Value| {
        let view = StorageView {
            kind: member(row, "type").unwrap_or_default(),
            is_shared: flag(row, "shared").unwrap_or(false),
            content: member(row, "content").map(|content| items(&content, &[','])).unwrap_or_default(),
            total_bytes: amount(row, "total"),
            used_bytes: amount(row, "used"),
        };
        Some((member(row, "storage")?, view))
    };
    let is_usable = |row: &&Value| flag(row, "enabled") != Some(false) && flag(row, "active") != Some(false);
    rows(answer).filter(is_usable).filter_map(storage).collect()
}

/// Reads GET /nodes/NODE/network?type=any_bridge.
pub fn bridges(answer: &Value) -> BTreeSet<String> {
    rows(answer).filter_map(|row| member(row, "iface")).collect()
}

/// Reads the power state of GET status/current: the state of the process, then the state of the emulator.
pub fn power(answer: &Value) -> Power {
    match member(answer, "status").as_deref() {
        Some("stopped") => Power::Stopped,
        None | Some("unknown" | "") => Power::Unknown,
        // `paused`, `prelaunch` and the like hold memory and locks as a running guest does.
        Some(_) => Power::Running,
    }
}

fn node(row: &Value) -> NodeView {
    NodeView {
        is_online: member(row, "status").as_deref() == Some("online"),
        cores: amount(row, "maxcpu"),
        memory_bytes: amount(row, "maxmem"),
        storages: BTreeMap::new(),
        bridges: None,
    }
}

fn insert_guest(guests: &mut BTreeMap<u32, GuestView>, row: &Value, kind: GuestKind) {
    if let (Some(vmid), Some(node)) = (vmid(row), member(row, "node")) {
        guests.insert(vmid, guest(row, vmid, node, kind));
    }
}

fn guest(row: &Value, vmid: u32, node: String, kind: GuestKind) -> GuestView {
    // The cluster's rows say `maxcpu`, the node's lists say `cpus`.
    let cores = amount(row, "cpus").max(amount(row, "maxcpu"));
    GuestView {
        vmid,
        node,
        kind,
        name: member(row, "name").unwrap_or_default(),
        seen: Seen::Present,
        power: power(row),
        is_template: row.get("template").and_then(boolean).unwrap_or(false),
        tags: member(row, "tags").map(|tags| items(&tags, &[';', ',', ' '])).unwrap_or_default(),
        lock: member(row, "lock").filter(|lock| !lock.is_empty()),
        pool: member(row, "pool").filter(|pool| !pool.is_empty()),
        cores,
        memory_bytes: amount(row, "maxmem"),
        disk_bytes: amount(row, "maxdisk"),
        is_ha_managed: member(row, "hastate").is_some_and(|state| !matches!(&*state, "" | "unmanaged" | "ignored")),
        config: None,
    }
}

fn rows(answer: &Value) -> impl Iterator<Item = &Value> {
    answer.as_array().into_iter().flatten()
}

fn entries(answer: &Value) -> impl Iterator<Item = (&String, &Value)> {
    answer.as_object().into_iter().flatten()
}

fn member(row: &Value, name: &str) -> Option<String> {
    row.get(name).and_then(text)
}

fn vmid(row: &Value) -> Option<u32> {
    row.get("vmid").and_then(integer)?.try_into().ok()
}

fn amount(row: &Value, name: &str) -> u64 {
    row.get(name).and_then(integer).and_then(|amount| amount.try_into().ok()).unwrap_or_default()
}

fn items(list: &str, separators: &[char]) -> BTreeSet<String> {
    list.split(separators).map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn resources_are_read_and_the_fresh_list_wins() {
        let Resources { nodes, mut guests } = resources(&json!([
            {"type": "node", "node": "pve1", "status": "online", "maxcpu": 32, "maxmem": 137438953472_u64},
            {"type": "node", "node": "pve2", "status": "offline"},
            {"type": "qemu", "vmid": 5000, "node": "pve1", "status": "unknown", "tags": "b;a", "pool": "acme", "hastate": "started"},
            {"type": "lxc", "vmid": "200", "node": "pve1", "status": "running", "name": "dns"},
            {"type": "storage", "storage": "local", "node": "pve1"},
            {"type": "qemu", "node": "pve1"},
        ]));
        assert!(nodes["pve1"].is_online && !nodes["pve2"].is_online);
        assert_eq!((nodes["pve1"].cores, nodes["pve1"].memory_bytes), (32, 128 << 30));
        assert_eq!(guests.keys().copied().collect::<Vec<_>>(), [200, 5000]);
        assert_eq!(guests[&5000].power, Power::Unknown);
        let list = json!([{"vmid": 5000, "name": "web", "status": "running", "cpus": 4, "maxmem": "2147483648",
                           "tags": "a;b", "lock": "backup", "template": ""}]);
        guest_list(&list, "pve1", GuestKind::Qemu, &mut guests);
        let web = &guests[&5000];
        assert_eq!((&*web.name, web.power, web.cores, web.memory_bytes), ("web", Power::Running, 4, 2 << 30));
        assert_eq!((web.pool.as_deref(), web.is_ha_managed, web.lock.as_deref()), (Some("acme"), true, Some("backup")));
        assert!(!web.is_template);
    }

    #[test]
    fn config_values_are_texts() {
        let config = config(&json!({"memory": "512", "cores": 2, "onboot": true, "digest": "abc", "odd": null}));
        let expected = [("cores", "2"), ("memory", "512"), ("onboot", "1")];
        assert_eq!(config.values, expected.map(|(key, value)| (name(key), Arc::from(value))).into_iter().collect());
        assert_eq!(config.digest, "abc");
    }

    #[test]
    fn pending_tells_both_views() {
        let config = pending(&json!([
            {"key": "cores", "value": 1, "pending": 2},
            {"key": "serial0", "value": "socket", "delete": 1},
            {"key": "vga", "pending": "std"},
            {"key": "name", "value": "web", "pending": "web"},
            {"key": "memory", "value": "512"},
            {"key": "digest", "value": "d1"},
        ]));
        let values = [("cores", "2"), ("memory", "512"), ("name", "web"), ("vga", "std")];
        assert_eq!(config.values, values.map(|(key, value)| (name(key), Arc::from(value))).into_iter().collect());
        let running = [("cores", Some("1")), ("serial0", Some("socket")), ("vga", None)];
        assert_eq!(config.running, running.map(|(key, value)| (name(key), value.map(Arc::from))).into());
        assert_eq!(config.digest, "d1");
    }

    #[test]
    fn tables_are_read() {
        let members = json!([{"poolid": "acme", "comment": "c", "members": [
            {"type": "qemu", "vmid": 5000, "id": "qemu/5000"}, {"type": "storage", "storage": "shared", "id": "storage/pve1/shared"}]}]);
        let view = pool(&members).expect("a pool");
        assert_eq!((view.guests, view.storages), (BTreeSet::from([5000]), BTreeSet::from(["shared".to_owned()])));
        assert_eq!(pool(&json!([])), None);
        let rules = acl(
            &json!([{"path": "/pool/acme", "roleid": "PVEVMUser", "type": "user", "ugid": "kim@pve", "propagate": "1"}]),
        );
        assert!(rules.iter().all(|rule| rule.propagates && rule.subject == "kim@pve") && rules.len() == 1);
        let storages = storages(&json!([
            {"storage": "local-lvm", "type": "lvmthin", "content": "rootdir,images", "total": 100, "used": "40", "active": 1, "enabled": 1},
            {"storage": "off", "type": "dir", "enabled": 0},
        ]));
        assert_eq!(storages.keys().collect::<Vec<_>>(), ["local-lvm"]);
        assert_eq!((storages["local-lvm"].used_bytes, storages["local-lvm"].content.contains("images")), (40, true));
    }
}

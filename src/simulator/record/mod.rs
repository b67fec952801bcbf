//! Makes a lab of a cluster that is there: what the simulator needs to play it, read over the API, without a secret.
//!
//! A lab says less than a cluster holds. What is left out is told; what a lab made by this is recorded as again is the same lab.

mod guest;
mod parts;
mod write;

use super::lab::{Bridge, File, Lab, Node, NodeStatus, Pool, Storage, User};
use crate::proxmox::call::segment;
use crate::proxmox::decode::{boolean, integer, text};
use crate::proxmox::{Call, CallError, Client, ErrorClass};
use guest::{GuestRow, Snapshots};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

pub use write::text as lab_text;

/// Settings of a storage that say nothing secret and that the simulator shows as they are.
const STORAGE_OPTIONS: [&str; 9] =
    ["blocksize", "export", "path", "pool", "prune-backups", "server", "sparse", "thinpool", "vgname"];
/// Options of the datacenter that guests depend on.
const OPTIONS: [&str; 8] =
    ["bwlimit", "keyboard", "mac_prefix", "max_workers", "migration", "next-id", "tag-style", "user-tag-access"];
/// Content that is files of its own, not disks of guests.
const FILES: [&str; 4] = ["iso", "vztmpl", "snippets", "import"];

/// A lab, and what of the cluster it does not hold.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The lab.
    pub lab: Lab,
    /// What was left out or taken away, each a sentence without its end.
    pub left_out: Vec<String>,
}

/// Records a cluster. Only reads.
///
/// # Errors
/// A read that a lab cannot do without failed.
pub async fn record(client: &Client, name: Option<&str>) -> Result<Recording, CallError> {
    let mut recorder = Recorder { client, left_out: Vec::new() };
    let version = recorder.read("/version").await?;
    let status = recorder.visible("/cluster/status", "the name of the cluster").await?;
    let resources = recorder.read("/cluster/resources").await?;
    let node = recorder.nodes(&resources);
    let online: Vec<String> =
        node.iter().filter(|(_, node)| node.status == NodeStatus::Online).map(|(name, _)| name.clone()).collect();
    let mut lab = Lab {
        cluster: name.map_or_else(|| cluster_name(status.as_ref()), str::to_owned),
        version: match member(&version, "version").starts_with("8.") {
            true => "8.4".to_owned(),
            false => "9.2".to_owned(),
        },
        seed: 0,
        node,
        storage: BTreeMap::new(),
        bridge: recorder.bridges(&online).await?,
        guest: BTreeMap::new(),
        container: BTreeMap::new(),
        firewall: BTreeMap::new(),
        ha_resource: BTreeMap::new(),
        ha_rule: BTreeMap::new(),
        ha_group: BTreeMap::new(),
        zone: BTreeMap::new(),
        vnet: BTreeMap::new(),
        subnet: BTreeMap::new(),
        pool: BTreeMap::new(),
        user: BTreeMap::new(),
        file: BTreeMap::new(),
        url: BTreeMap::new(),
        options: recorder.options().await?,
        fault: BTreeMap::new(),
    };
    recorder.storages(&mut lab, &online).await?;
    recorder.guests(&mut lab, &resources).await?;
    recorder.network(&mut lab).await?;
    recorder.availability(&mut lab).await?;
    recorder.firewalls(&mut lab).await?;
    recorder.pools(&mut lab).await?;
    recorder.users(&mut lab).await?;
    Ok(Recording { lab, left_out: recorder.left_out })
}

struct Recorder<'a> {
    client: &'a Client,
    left_out: Vec<String>,
}

impl Recorder<'_> {
    async fn read(&self, path: &str) -> Result<Value, CallError> {
        self.client.read(&Call::get(path)).await
    }

    /// Reads what one may have to do without.
    async fn visible(&mut self, path: &str, what: &str) -> Result<Option<Value>, CallError> {
        self.visible_by(&Call::get(path), what).await
    }

    async fn visible_by(&mut self, call: &Call, what: &str) -> Result<Option<Value>, CallError> {
        match self.client.read(call).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.class == ErrorClass::Forbidden => {
                self.leave_out(format!("{what}: the token may not read `{}`", call.path));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn leave_out(&mut self, what: impl Into<String>) {
        self.left_out.push(what.into());
    }

    /// An offline node does not say how big it is: it is taken for as big as the first that does.
    fn nodes(&mut self, resources: &Value) -> BTreeMap<String, Node> {
        let rows: Vec<&Value> = rows(resources).filter(|row| member(row, "type") == "node").collect();
        let size = |row: &Value| {
            let cores = u32::try_from(amount(row, "maxcpu")).ok().filter(|cores| *cores > 0)?;
            Some((cores, (amount(row, "maxmem") >> 30).max(1)))
        };
        let usual = rows.iter().find_map(|row| size(row)).unwrap_or((1, 1));
        let node = |row: &&Value| {
            let (cores, memory_gib) = size(row).unwrap_or(usual);
            let status = match &*member(row, "status") {
                "online" => NodeStatus::Online,
                _ => NodeStatus::Offline,
            };
            (member(row, "node"), Node { cores, memory_gib, cards: BTreeMap::new(), status, certificate_ends: None })
        };
        rows.iter().map(node).collect()
    }

    async fn options(&mut self) -> Result<BTreeMap<String, String>, CallError> {
        let Some(answer) = self.visible("/cluster/options", "options of the datacenter").await? else {
            return Ok(BTreeMap::new());
        };
        let option = |name: &&str| Some(((*name).to_owned(), setting(answer.get(*name)?)?));
        Ok(OPTIONS.iter().filter_map(option).collect())
    }

    /// Bridges of all nodes in one: in a lab, every node has all of them.
    async fn bridges(&mut self, online: &[String]) -> Result<BTreeMap<String, Bridge>, CallError> {
        let mut bridges: BTreeMap<String, Bridge> = BTreeMap::new();
        for node in online {
            let call = Call::get(format!("/nodes/{}/network", segment(node))).with("type", "any_bridge");
            for row in rows(&self.client.read(&call).await?) {
                match &*member(row, "type") {
                    "bridge" | "OVSBridge" => {}
                    // Told with the network that is defined by software.
                    "vnet" => continue,
                    kind => {
                        self.leave_out(format!("`{}` on {node}: a lab has no {kind}", member(row, "iface")));
                        continue;
                    }
                }
                let bridge = bridges.entry(member(row, "iface")).or_default();
                bridge.vlan_aware |= row.get("bridge_vlan_aware").and_then(boolean).unwrap_or(false);
                // With more nodes each has an address of its own, which a lab cannot say.
                let address = Some(member(row, "cidr")).filter(|address| online.len() == 1 && !address.is_empty());
                bridge.address = bridge.address.take().or(address);
            }
        }
        Ok(bridges)
    }

    async fn storages(&mut self, lab: &mut Lab, online: &[String]) -> Result<(), CallError> {
        for row in rows(&self.read("/storage").await?) {
            let name = member(row, "storage");
            let Some(kind) = kind_of(&member(row, "type")) else {
                self.leave_out(format!("storage `{name}`: `{}` is not simulated", member(row, "type")));
                continue;
            };
            if row.get("disable").and_then(boolean) == Some(true) {
                self.leave_out(format!("storage `{name}`: it is switched off"));
                continue;
            }
            let option = |key: &&str| Some(((*key).to_owned(), setting(row.get(*key)?)?));
            let nodes: BTreeSet<String> =
                list(&member(row, "nodes")).into_iter().filter(|node| lab.node.contains_key(node)).collect();
            let storage = Storage {
                kind: kind.to_owned(),
                content: list(&member(row, "content")),
                size_gib: 0,
                used_gib: 0,
                shared: kind == "nfs" || kind == "rbd" || row.get("shared").and_then(boolean) == Some(true),
                nodes: Some(nodes).filter(|nodes| !nodes.is_empty()),
                options: STORAGE_OPTIONS.iter().filter_map(option).collect(),
            };
            lab.storage.insert(name, storage);
        }
        for node in online {
            self.storages_of(lab, node).await?;
        }
        // Seen on no node, it has no size; with one that is nothing, no guest could be on it.
        lab.storage.retain(|_, storage| storage.size_gib > 0);
        Ok(())
    }

    /// The sizes and files of one node's storages. Of local storages with different sizes the smallest counts.
    async fn storages_of(&mut self, lab: &mut Lab, node: &str) -> Result<(), CallError> {
        let base = format!("/nodes/{}/storage", segment(node));
        for row in rows(&self.read(&base).await?) {
            let name = member(row, "storage");
            let is_usable = row.get("active").and_then(boolean) != Some(false);
            let Some(storage) = lab.storage.get_mut(&name) else { continue };
            if !is_usable || (storage.shared && storage.size_gib > 0) {
                continue;
            }
            let content = self.client.read(&Call::get(format!("{base}/{}/content", segment(&name)))).await?;
            let known: u64 = rows(&content).map(|volume| amount(volume, "used").max(own_bytes(volume))).sum();
            let size_gib = amount(row, "total") >> 30;
            storage.size_gib = if storage.size_gib == 0 { size_gib } else { storage.size_gib.min(size_gib) };
            storage.used_gib = storage.used_gib.max(amount(row, "used").saturating_sub(known) >> 30);
            for volume in rows(&content).filter(|volume| FILES.contains(&&*member(volume, "content"))) {
                lab.file.insert(member(volume, "volid"), file(volume));
            }
            let backups = rows(&content).filter(|volume| member(volume, "content") == "backup").count();
            if backups > 0 {
                self.left_out.push(format!("backups on `{name}` ({backups})"));
            }
        }
        Ok(())
    }

    async fn guests(&mut self, lab: &mut Lab, resources: &Value) -> Result<(), CallError> {
        for row in rows(resources) {
            let kind = member(row, "type");
            if !matches!(&*kind, "qemu" | "lxc") {
                continue;
            }
            let (vmid, node) = (amount(row, "vmid"), member(row, "node"));
            let is_online = lab.node.get(&node).is_some_and(|node| node.status == NodeStatus::Online);
            let is_running = member(row, "status") == "running";
            let Ok(vmid) = u32::try_from(vmid) else { continue };
            let row = GuestRow { vmid, node, is_running, is_container: kind == "lxc" };
            if !is_online {
                self.leave_out(format!("{} {vmid}: its node {} does not answer", row.noun(), row.node));
                continue;
            }
            let path = format!("/nodes/{}/{kind}/{vmid}", segment(&row.node));
            let config = self.read(&format!("{path}/config")).await?;
            let snapshots = self.snapshots(&row, &path, &config, lab).await?;
            let left_out = guest::add(&row, &config, snapshots, lab);
            self.left_out.extend(left_out);
        }
        Ok(())
    }

    async fn snapshots(
        &mut self,
        row: &GuestRow,
        path: &str,
        config: &Value,
        lab: &Lab,
    ) -> Result<Snapshots, CallError> {
        let mut snapshots = Snapshots::default();
        for listed in rows(&self.read(&format!("{path}/snapshot")).await?) {
            let name = member(listed, "name");
            if name == "current" {
                snapshots.parent = Some(member(listed, "parent")).filter(|parent| !parent.is_empty());
                continue;
            }
            let then = self.read(&format!("{path}/snapshot/{}/config", segment(&name))).await?;
            let (name, snapshot, left_out) = guest::snapshot(row, listed, &then, config, lab);
            snapshots.snapshot.insert(name, snapshot);
            self.left_out.extend(left_out);
        }
        Ok(snapshots)
    }

    async fn pools(&mut self, lab: &mut Lab) -> Result<(), CallError> {
        let Some(answer) = self.visible("/pools", "pools").await? else { return Ok(()) };
        let vmids = vmids(lab);
        for row in rows(&answer) {
            let id = member(row, "poolid");
            let members = self.client.read(&Call::get("/pools").with("poolid", &id)).await?;
            let mut pool =
                Pool { comment: Some(member(row, "comment")).filter(|text| !text.is_empty()), ..Pool::default() };
            let items = rows(&members).filter_map(|pool| pool.get("members")).flat_map(rows);
            for item in items {
                let vmid = u32::try_from(amount(item, "vmid")).ok().filter(|vmid| vmids.contains(vmid));
                let storage = Some(member(item, "storage")).filter(|name| lab.storage.contains_key(name));
                match &*member(item, "type") {
                    "storage" => pool.storages.extend(storage),
                    _ => pool.guests.extend(vmid),
                }
            }
            lab.pool.insert(id, pool);
        }
        Ok(())
    }

    /// Users with the roles they have below a path. Passwords and tokens are told to nobody, so nobody can log in to the lab as them.
    async fn users(&mut self, lab: &mut Lab) -> Result<(), CallError> {
        let Some(answer) = self.visible("/access/users", "users").await? else { return Ok(()) };
        for row in rows(&answer).filter(|row| member(row, "userid") != "root@pam") {
            lab.user.insert(member(row, "userid"), User::default());
        }
        if !lab.user.is_empty() {
            self.leave_out("passwords and tokens of users: give those that log in one in the lab");
        }
        let roles: BTreeSet<String> = rows(&self.read("/access/roles").await?)
            .filter(|row| row.get("special").and_then(boolean) == Some(true))
            .map(|row| member(row, "roleid"))
            .collect();
        let Some(rules) = self.visible("/access/acl", "access rules").await? else { return Ok(()) };
        let mut others = 0;
        for row in rows(&rules) {
            let (path, role) = (member(row, "path"), member(row, "roleid"));
            let is_plain = member(row, "type") == "user"
                && roles.contains(&role)
                && row.get("propagate").and_then(boolean) != Some(false);
            match lab.user.get_mut(&member(row, "ugid")).filter(|_| is_plain) {
                Some(user) if !user.roles.contains_key(&path) => drop(user.roles.insert(path, role)),
                _ => others += 1,
            }
        }
        if others > 0 {
            self.leave_out(format!("access rules of groups, tokens and own roles ({others})"));
        }
        Ok(())
    }
}

/// Returns the ids of the guests that a lab has.
fn vmids(lab: &Lab) -> BTreeSet<u32> {
    let containers = lab.container.values().map(|container| container.vmid);
    lab.guest.values().filter_map(|guest| guest.vmid).chain(containers).collect()
}

/// A node on its own is in no cluster and has no name for one.
fn cluster_name(status: Option<&Value>) -> String {
    let name = status.into_iter().flat_map(rows).find(|row| member(row, "type") == "cluster");
    name.map(|row| member(row, "name")).filter(|name| !name.is_empty()).unwrap_or_else(|| "recorded".to_owned())
}

/// Returns the kind of storage the simulator has for one of the server's.
fn kind_of(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "dir" | "btrfs" => "dir",
        "nfs" | "cifs" | "cephfs" => "nfs",
        "lvmthin" => "lvmthin",
        "lvm" => "lvm",
        "zfspool" => "zfspool",
        "rbd" => "rbd",
        _ => return None,
    })
}

fn file(volume: &Value) -> File {
    let bytes = amount(volume, "size");
    match &*member(volume, "content") {
        // How big the disk in an image is, and what is on it, only its content tells: as big as the file, and something that boots.
        "import" => File { size_mib: bytes >> 20, file_bytes: Some(bytes), image: Some("linux".to_owned()) },
        _ => File { size_mib: 0, file_bytes: Some(bytes), image: None },
    }
}

/// Only disks of guests tell what they use.
fn own_bytes(volume: &Value) -> u64 {
    match &*member(volume, "content") {
        "images" | "rootdir" => 0,
        _ => amount(volume, "size"),
    }
}

/// Returns a setting as its configuration file has it: some are answered taken apart.
fn setting(value: &Value) -> Option<String> {
    match value {
        Value::Object(parts) => {
            let parts: Option<Vec<String>> =
                parts.iter().map(|(key, value)| Some(format!("{key}={}", text(value)?))).collect();
            parts.map(|parts| parts.join(","))
        }
        scalar => text(scalar),
    }
}

fn rows(answer: &Value) -> impl Iterator<Item = &Value> {
    answer.as_array().into_iter().flatten()
}

fn member(row: &Value, name: &str) -> String {
    row.get(name).and_then(text).unwrap_or_default()
}

fn amount(row: &Value, name: &str) -> u64 {
    row.get(name).and_then(integer).and_then(|amount| u64::try_from(amount).ok()).unwrap_or_default()
}

fn list(text: &str) -> BTreeSet<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

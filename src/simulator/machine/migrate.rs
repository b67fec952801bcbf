//! Moving guests between nodes: with shared storage, with local volumes, running or not.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Machine;
use super::clone::COPY_BYTES_PER_MS;
use super::disks::{is_cdrom, is_cloudinit, is_disk_key, storage_of, volume_in};
use super::power::memory_bytes;
use super::request::{Answer, Fault};
use super::routes::Context;
use super::state::{Guest, GuestType};
use super::task::{Spawn, Step, Work, exclusive};

const LOCK_WAIT_MS: u64 = 10_000;
/// What a migration takes besides its copies.
const OVERHEAD_MS: u64 = 2000;
/// How fast memory goes to the other node, per millisecond.
const MEMORY_BYTES_PER_MS: u64 = 1 << 20;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct MigrateWork {
    vmid: u32,
    node: String,
    kind: GuestType,
    target: String,
    is_online: bool,
    with_local_disks: bool,
    restarts: bool,
    /// Storages on the other side: `*` stands for every one that is not named.
    storages: BTreeMap<String, String>,
}

/// A volume on the way, and where it goes.
struct LocalVolume {
    volid: String,
    storage: String,
}

impl Machine {
    /// Says what stands in the way of a migration.
    pub(super) fn migration_preconditions(&mut self, context: &Context) -> Answer {
        let guest = self.named_guest(context)?;
        let local = self.local_volumes(guest);
        let mut allowed = Vec::new();
        let mut refused = Map::new();
        for name in self.nodes.keys().filter(|name| **name != guest.node) {
            let missing: BTreeSet<&str> =
                storages_of(guest).into_iter().filter(|storage| !self.is_storage_on(storage, name)).collect();
            match missing.is_empty() {
                true => allowed.push(name.clone()),
                false => drop(refused.insert(name.clone(), json!({ "unavailable_storages": missing }))),
            }
        }
        let disks = local.iter().map(|volid| {
            let size = self.volume(&guest.node, volid).map_or(0, |volume| volume.size_bytes);
            json!({ "volid": volid, "size": size, "cdrom": 0, "is_unused": 0, "shared": 0 })
        });
        let disks: Vec<Value> = disks.collect();
        Ok(json!({
            "running": u8::from(guest.is_running()), "local_disks": disks, "local_resources": [], "mapped-resources": [],
            "mapped-resource-info": {}, "allowed_nodes": allowed, "not_allowed_nodes": refused,
            "dependent-ha-resources": [],
        })
        .into())
    }

    fn is_storage_on(&self, storage: &str, node: &str) -> bool {
        self.storages.get(storage).is_some_and(|storage| storage.is_on(node))
    }

    /// Returns the volumes of a guest that only its node can see.
    fn local_volumes(&self, guest: &Guest) -> BTreeSet<String> {
        let configs = guest.snapshots.values().map(|snapshot| &snapshot.config).chain([&guest.config]);
        let values = configs.flat_map(|config| config.iter()).filter(|(key, value)| {
            (is_disk_key(key) && (!is_cdrom(value) || is_cloudinit(value)))
                || key.starts_with("unused")
                || *key == "vmstate"
        });
        let volids = values.filter_map(|(_, value)| volume_in(value));
        let is_local = |volid: &&str| self.storages.get(storage_of(volid)).is_none_or(|storage| !storage.is_shared);
        volids.filter(is_local).map(str::to_owned).collect()
    }

    pub(super) fn migrate(&mut self, context: &Context) -> Answer {
        let parameters = &context.parameters;
        let (vmid, kind, node) = (parameters.vmid(), context.guest_type(), context.node().to_owned());
        let target = parameters.required("target").to_owned();
        for name in ["force", "migration_type", "migration_network"] {
            if parameters.get(name).is_some() && !context.caller.is_root() {
                return Err(Fault::parameter(name, "Only root may use this option."));
            }
        }
        if target == node {
            return Err(Fault::parameter("target", "target is local node."));
        }
        if !self.nodes.has(&target) {
            return Err(Fault::text(format!("no such cluster node '{target}'")));
        }
        let storages = parameters.get("targetstorage").or_else(|| parameters.get("target-storage"));
        let work = MigrateWork {
            vmid,
            node: node.clone(),
            kind,
            target,
            is_online: parameters.is_set("online"),
            with_local_disks: parameters.is_set("with-local-disks"),
            restarts: parameters.is_set("restart"),
            storages: read_pairs(storages.unwrap_or_default()),
        };
        let guest = self.named_guest(context)?;
        if let Some(text) = guest.locked() {
            return Err(Fault::text(text));
        }
        self.check_migration(guest, &work)?;
        if let Some(upid) = self.delegate_migration(&context.caller, &node, vmid, &work.target) {
            return Ok(upid.into());
        }
        for storage in work.storages.values() {
            self.require(&context.caller, &format!("/storage/{storage}"), "Datastore.AllocateSpace")?;
            if !self.is_storage_on(storage, &work.target) {
                return Err(Fault::text(format!("storage '{storage}' is not available on node '{}'", work.target)));
            }
        }
        let task = kind.task("migrate");
        let spawn = Spawn {
            node: &node,
            kind: &task,
            id: vmid.to_string(),
            locks: exclusive(vmid),
            wait_ms: LOCK_WAIT_MS,
            work: Work::Migrate(work),
        };
        Ok(json!(self.spawn(&context.caller, spawn)).into())
    }

    fn check_migration(&self, guest: &Guest, work: &MigrateWork) -> Result<(), Fault> {
        if guest.is_running() {
            match guest.kind {
                GuestType::Qemu if !work.is_online => {
                    return Err(Fault::text("can't migrate running VM without --online"));
                }
                GuestType::Lxc if !work.is_online && !work.restarts => {
                    return Err(Fault::text("can't migrate running container without --online or --restart"));
                }
                GuestType::Qemu | GuestType::Lxc => {}
            }
        }
        if work.storages.is_empty() {
            for storage in storages_of(guest) {
                if !self.is_storage_on(storage, &work.target) {
                    let text = format!("storage '{storage}' is not available on node '{}'", work.target);
                    return Err(Fault::text(text));
                }
            }
        }
        Ok(())
    }

    pub(super) fn run_migrate(&mut self, seq: u64, stage: u32, work: &MigrateWork) -> Step {
        let guest = match self.guest_of_type(work.kind, &work.node, work.vmid) {
            Ok(guest) => guest.clone(),
            Err(fault) => return Step::failed(fault.message),
        };
        if stage == 0 {
            return self.begin_migration(seq, &guest, work);
        }
        let volumes = self.plan_volumes(&guest, work).unwrap_or_default();
        for volume in &volumes {
            if let Err(text) = self.carry_volume(&guest, work, volume) {
                self.unlock(work.vmid);
                return self.abort_migration(seq, &text);
            }
        }
        let (restarts, target) = (work.restarts && guest.is_running(), work.target.clone());
        if restarts {
            self.power_off(work.vmid);
        }
        self.unlock(work.vmid);
        self.move_guest(work.vmid, &target);
        if restarts {
            self.task_log(seq, "start container on target node");
            self.boot(work.vmid);
        }
        self.task_log(seq, "migration finished successfully");
        Step::DONE
    }

    fn begin_migration(&mut self, seq: u64, guest: &Guest, work: &MigrateWork) -> Step {
        if let Some(text) = guest.locked() {
            return Step::failed(text);
        }
        let noun = guest.kind.noun();
        let address = self.nodes.get(&work.target).map(|node| node.address.clone()).unwrap_or_default();
        self.task_log(seq, format!("starting migration of {noun} {} to node '{}' ({address})", work.vmid, work.target));
        if guest.kind == GuestType::Lxc && guest.is_running() && !work.restarts {
            return self.abort_migration(seq, "lxc live migration is currently not implemented");
        }
        if !self.nodes.get(&work.target).is_some_and(|node| node.is_online) {
            return self.abort_migration(seq, "Can't connect to destination address using public key");
        }
        let volumes = match self.plan_volumes(guest, work) {
            Ok(volumes) => volumes,
            Err(text) => return self.abort_migration(seq, &format!("Problem found while scanning volumes - {text}")),
        };
        let mut bytes = 0;
        for volume in &volumes {
            let used = self.volume(&work.node, &volume.volid).map_or(0, |found| found.used_bytes);
            self.task_log(seq, format!("copying local disk images: {}", volume.volid));
            bytes += used;
        }
        let memory_ms = if guest.is_running() { memory_bytes(&guest.config) / MEMORY_BYTES_PER_MS } else { 0 };
        self.with_guest(work.vmid, |guest| guest.config.insert("lock".to_owned(), "migrate".to_owned()));
        Step::After(OVERHEAD_MS + bytes / COPY_BYTES_PER_MS + memory_ms)
    }

    fn abort_migration(&mut self, seq: u64, text: &str) -> Step {
        self.task_log(seq, format!("ERROR: {text}"));
        self.task_log(seq, "aborting phase 1 - cleanup resources");
        Step::failed("migration aborted")
    }

    /// Returns which volumes have to be copied, or why they cannot be.
    fn plan_volumes(&self, guest: &Guest, work: &MigrateWork) -> Result<Vec<LocalVolume>, String> {
        for (key, value) in guest.config.iter().filter(|(key, _)| is_disk_key(key)) {
            let volid = volume_in(value).unwrap_or_default();
            let is_local = self.storages.get(storage_of(volid)).is_some_and(|storage| !storage.is_shared);
            if is_cdrom(value) && !is_cloudinit(value) && is_local {
                return Err(format!("can't migrate local disk '{volid}': local cdrom image ({key})"));
            }
        }
        let mut volumes = Vec::new();
        for volid in self.local_volumes(guest) {
            if guest.is_running() && guest.kind == GuestType::Qemu && !work.with_local_disks && !is_cloudinit(&volid) {
                return Err("can't live migrate attached local disks without with-local-disks option".to_owned());
            }
            let Some(volume) = self.volume(&guest.node, &volid) else {
                return Err(format!("volume '{volid}' does not exist"));
            };
            if let Some(parent) = &volume.parent {
                return Err(format!("can't migrate '{volid}' as it's a clone of '{parent}'"));
            }
            if self.has_visible_children(&volid) {
                return Err(format!("can't migrate local disk '{volid}': referenced by linked clone(s)"));
            }
            let kind = self.storages.get(storage_of(&volid)).map_or("", |storage| storage.kind.as_str());
            if guest.is_in_snapshot(&volid) {
                if guest.is_running() {
                    return Err("online storage migration not possible if non-replicated snapshot exists".to_owned());
                }
                if kind != "zfspool" && volume.format != "qcow2" {
                    return Err(format!("can't migrate local disk '{volid}': non-migratable snapshot exists"));
                }
            }
            let source = storage_of(&volid).to_owned();
            let storage = work.storages.get(&source).or_else(|| work.storages.get("*")).cloned().unwrap_or(source);
            volumes.push(LocalVolume { volid, storage });
        }
        Ok(volumes)
    }

    /// Copies one volume to the other node and renames it in the configuration when its storage changes.
    fn carry_volume(&mut self, guest: &Guest, work: &MigrateWork, volume: &LocalVolume) -> Result<(), String> {
        let original = self.volume(&work.node, &volume.volid).cloned();
        let original = original.ok_or_else(|| format!("volume '{}' does not exist", volume.volid))?;
        if volume.storage == original.storage {
            if self.available_bytes(&volume.storage, &work.target) < original.used_bytes {
                return Err(format!(
                    "storage '{}' is full on node '{}': No space left on device",
                    volume.storage, work.target
                ));
            }
            self.free_volume(&work.node, &volume.volid);
            let moved = super::state::Volume { node: work.target.clone(), ..original };
            self.add_volume(&work.target, moved);
            return Ok(());
        }
        let (moved, _) = self.copy_volume(&work.target, &original, &volume.storage, work.vmid, &original.format)?;
        self.free_volume(&work.node, &volume.volid);
        let keys: Vec<String> = guest.config.keys().cloned().collect();
        self.with_guest(work.vmid, |guest| {
            for key in keys {
                let Some(value) = guest.config.get_mut(&key) else {
                    continue;
                };
                if volume_in(value) == Some(volume.volid.as_str()) {
                    *value = value.replacen(&volume.volid, &moved, 1);
                }
            }
        });
        Ok(())
    }

    /// Puts a guest on another node, as the cluster manager does when it moves one. Its volumes must be there.
    pub(super) fn move_guest(&mut self, vmid: u32, target: &str) {
        self.with_guest(vmid, |guest| target.clone_into(&mut guest.node));
    }
}

/// Returns the storages a guest's disks are on.
fn storages_of(guest: &Guest) -> BTreeSet<&str> {
    let disks = guest.config.iter().filter(|(key, _)| is_disk_key(key));
    disks.filter_map(|(_, value)| volume_in(value)).map(storage_of).collect()
}

/// Reads `a:b,c:d` or one name for all; `1` means the same names as before.
fn read_pairs(text: &str) -> BTreeMap<String, String> {
    let pairs = super::schema::split_list(text).into_iter().filter(|item| *item != "1");
    let pair = |item: &str| match item.split_once(':') {
        Some((from, to)) => (from.to_owned(), to.to_owned()),
        None => ("*".to_owned(), item.to_owned()),
    };
    pairs.map(pair).collect()
}

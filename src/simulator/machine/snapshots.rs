//! Snapshots of guests: taking, listing, describing, rolling back, deleting.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Machine;
use super::config::{is_network_key, typed_config};
use super::disks::{file_name, is_cdrom, is_disk_key, storage_of, volume_in};
use super::pending::keep_as_unused;
use super::power::memory_bytes;
use super::property::{key_of, parse_size};
use super::request::{Answer, Fault};
use super::routes::Context;
use super::state::{Config, Guest, GuestType, Snapshot, Storage, Volume};
use super::task::{Spawn, Step, Work, exclusive};

const LOCK_WAIT_MS: u64 = 10_000;
/// Durations of the reference server, in milliseconds.
const TAKE_MS: u64 = 90;
const TAKE_WITH_MEMORY_MS: u64 = 1140;
const DELETE_MS: u64 = 80;
const ROLLBACK_MS: u64 = 150;
/// What a file for a guest's memory holds beyond twice the memory.
const STATE_EXTRA_BYTES: u64 = 500 << 20;
/// Keys of a snapshot that are about the snapshot itself.
const OWN_KEYS: &[&str] =
    &["snaptime", "snapstate", "vmstate", "runningmachine", "runningcpu", "parent", "description"];

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SnapshotWork {
    vmid: u32,
    node: String,
    kind: GuestType,
    name: String,
    action: SnapshotAction,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum SnapshotAction {
    Take { description: String, with_memory: bool },
    Delete,
    RollBack { starts: bool },
}

impl Machine {
    pub(super) fn list_snapshots(&mut self, context: &Context) -> Answer {
        let guest = self.named_guest(context)?;
        let mut snapshots: Vec<(&String, &Snapshot)> = guest.snapshots.iter().collect();
        snapshots.sort_by_key(|(name, snapshot)| (taken_s(snapshot), (*name).clone()));
        let rows = snapshots.into_iter().map(|(name, snapshot)| {
            let text = |key: &str| snapshot.config.get(key);
            let description = text("description").cloned().unwrap_or_default();
            let mut row = json!({ "name": name, "description": description, "snaptime": taken_s(snapshot) });
            if guest.kind == GuestType::Qemu {
                row["vmstate"] = json!(u8::from(text("vmstate").is_some()));
            }
            for key in ["parent", "snapstate"] {
                if let Some(value) = text(key) {
                    row[key] = json!(value);
                }
            }
            row
        });
        let mut rows: Vec<Value> = rows.collect();
        let mut current = json!({
            "name": "current", "description": "You are here!", "digest": guest.digest(),
            "running": u8::from(guest.is_running()),
        });
        if let Some(parent) = guest.config.get("parent") {
            current["parent"] = json!(parent);
        }
        rows.push(current);
        Ok(Value::Array(rows).into())
    }

    pub(super) fn snapshot_index(&mut self, _context: &Context) -> Answer {
        Ok(json!([{ "cmd": "rollback" }, { "cmd": "config" }]).into())
    }

    pub(super) fn snapshot_config(&mut self, context: &Context) -> Answer {
        let guest = self.named_guest(context)?;
        let snapshot = find(guest, context.parameters.required("snapname"))?;
        Ok(Value::Object(typed_config(guest.kind, &snapshot.config)).into())
    }

    pub(super) fn describe_snapshot(&mut self, context: &Context) -> Answer {
        let vmid = context.parameters.vmid();
        let name = context.parameters.required("snapname");
        self.wait_for_lock(vmid, LOCK_WAIT_MS).map_err(Fault::text)?;
        let guest = self.named_guest(context)?;
        if let Some(text) = guest.locked() {
            return Err(Fault::text(text));
        }
        find(guest, name)?;
        if let Some(description) = context.parameters.get("description") {
            self.with_snapshot(vmid, name, |snapshot| {
                snapshot.config.insert("description".to_owned(), description.to_owned());
            });
        }
        Ok(().into())
    }

    pub(super) fn take_snapshot(&mut self, context: &Context) -> Answer {
        let name = context.parameters.required("snapname");
        let is_reserved =
            matches!(name, "current" | "pending") || (name == "vzdump" && context.guest_type() == GuestType::Lxc);
        if is_reserved {
            return Err(Fault::text(format!("unable to use snapshot name '{name}' (reserved name)")));
        }
        let description = context.parameters.get("description").unwrap_or_default().to_owned();
        let with_memory = context.parameters.is_set("vmstate");
        self.spawn_snapshot(context, "snapshot", SnapshotAction::Take { description, with_memory })
    }

    pub(super) fn delete_snapshot(&mut self, context: &Context) -> Answer {
        self.spawn_snapshot(context, "delsnapshot", SnapshotAction::Delete)
    }

    pub(super) fn roll_back(&mut self, context: &Context) -> Answer {
        let starts = context.parameters.is_set("start");
        self.spawn_snapshot(context, "rollback", SnapshotAction::RollBack { starts })
    }

    /// Nothing is checked before the worker runs, not even that the guest exists.
    fn spawn_snapshot(&mut self, context: &Context, task: &str, action: SnapshotAction) -> Answer {
        let (vmid, kind, node) = (context.parameters.vmid(), context.guest_type(), context.node());
        let name = context.parameters.required("snapname").to_owned();
        let work = Work::Snapshot(SnapshotWork { vmid, node: node.to_owned(), kind, name, action });
        let task = kind.task(task);
        let spawn =
            Spawn { node, kind: &task, id: vmid.to_string(), locks: exclusive(vmid), wait_ms: LOCK_WAIT_MS, work };
        Ok(json!(self.spawn(&context.caller, spawn)).into())
    }

    pub(super) fn run_snapshot(&mut self, seq: u64, stage: u32, work: &SnapshotWork) -> Step {
        let guest = match self.guest_of_type(work.kind, &work.node, work.vmid) {
            Ok(guest) => guest.clone(),
            Err(fault) => return Step::failed(fault.message),
        };
        if let (0, Some(text)) = (stage, guest.locked()) {
            return Step::failed(text);
        }
        let result = match (&work.action, stage) {
            (SnapshotAction::Take { description, with_memory }, 0) => {
                self.begin_snapshot(seq, work, &guest, description, *with_memory)
            }
            (SnapshotAction::Take { .. }, _) => {
                self.with_snapshot(work.vmid, &work.name, |snapshot| drop(snapshot.config.remove("snapstate")));
                self.unlock(work.vmid);
                Ok(None)
            }
            (SnapshotAction::Delete, 0) => self.begin_change(work, &guest, "snapshot-delete", DELETE_MS),
            (SnapshotAction::Delete, _) => {
                self.drop_snapshot(work, &guest);
                Ok(None)
            }
            (SnapshotAction::RollBack { .. }, 0) => self.begin_roll_back(work, &guest),
            (SnapshotAction::RollBack { starts }, _) => {
                self.finish_roll_back(seq, work, &guest, *starts);
                Ok(None)
            }
        };
        match result {
            Ok(Some(delay_ms)) => {
                // Between its two halves only the lock in the configuration keeps others away.
                self.release_locks(seq);
                Step::After(delay_ms)
            }
            Ok(None) => Step::DONE,
            Err(text) => Step::failed(text),
        }
    }

    fn begin_snapshot(
        &mut self,
        seq: u64,
        work: &SnapshotWork,
        guest: &Guest,
        description: &str,
        with_memory: bool,
    ) -> Result<Option<u64>, String> {
        if guest.is_template() {
            return Err("you can't take a snapshot if it's a template".to_owned());
        }
        if guest.snapshots.contains_key(&work.name) {
            return Err(format!("snapshot name '{}' already used", work.name));
        }
        let volids = snapshot_volumes(&guest.config);
        if !volids.iter().all(|(_, volid)| self.can_snapshot(volid)) {
            return Err("snapshot feature is not available".to_owned());
        }
        let with_memory = with_memory && guest.is_running();
        let mut config = guest.config.clone();
        config.retain(|key, _| !key.starts_with("unused") && key != "lock" && key != "description");
        config.insert("snaptime".to_owned(), (self.clock.now_ms / 1000).to_string());
        config.insert("snapstate".to_owned(), "prepare".to_owned());
        config.insert("description".to_owned(), description.to_owned());
        if with_memory {
            let volid = self.allocate_state(seq, work.vmid, &work.name, guest)?;
            config.insert("vmstate".to_owned(), volid);
            config.insert("runningmachine".to_owned(), "pc-i440fx-10.2+pve0".to_owned());
            config.insert("runningcpu".to_owned(), "kvm64,enforce,+kvm_pv_eoi,+kvm_pv_unhalt,+lahf_lm,+sep".to_owned());
        }
        if guest.kind == GuestType::Qemu {
            for (key, volid) in &volids {
                self.task_log(seq, format!("snapshotting 'drive-{key}' ({volid})"));
            }
            if with_memory {
                self.task_log(seq, "internal qemu snapshot");
            }
        }
        let snapshot = Snapshot { config, files: guest.files.clone(), instance_id: guest.instance_id.clone() };
        self.with_guest(work.vmid, |guest| {
            guest.snapshots.insert(work.name.clone(), snapshot);
            guest.config.insert("parent".to_owned(), work.name.clone());
            guest.config.insert("lock".to_owned(), "snapshot".to_owned());
        });
        Ok(Some(if with_memory { TAKE_WITH_MEMORY_MS } else { TAKE_MS }))
    }

    /// Allocates the volume a guest's memory is saved to: where its configuration says, else beside its first disk.
    pub(super) fn allocate_state(&mut self, seq: u64, vmid: u32, name: &str, guest: &Guest) -> Result<String, String> {
        let of_disk = |config: &Config| snapshot_volumes(config).first().map(|(_, volid)| storage_of(volid).to_owned());
        let storage = guest.config.get("vmstatestorage").cloned().or_else(|| of_disk(&guest.config));
        let storage = storage.unwrap_or_else(|| "local".to_owned());
        let definition = self.storage_on(&storage, &guest.node).map_err(|fault| fault.message)?.clone();
        let stem = format!("vm-{vmid}-state-{name}");
        let volid = match definition.is_file_based() {
            true => format!("{storage}:{vmid}/{stem}.raw"),
            false => format!("{storage}:{stem}"),
        };
        let memory = memory_bytes(&guest.config);
        if self.available_bytes(&storage, &guest.node) < memory {
            return Err(format!(
                "unable to create image: no space left on storage '{storage}': No space left on device"
            ));
        }
        let size_bytes = 2 * memory + STATE_EXTRA_BYTES;
        self.task_log(seq, super::disks::formatting_line(&definition, vmid, &volid, "raw", size_bytes));
        self.task_log(seq, format!("saving VM state and RAM using storage '{storage}'"));
        let volume = Volume {
            storage,
            node: if definition.is_shared { String::new() } else { guest.node.clone() },
            volid: volid.clone(),
            content: "images".to_owned(),
            format: "raw".to_owned(),
            size_bytes,
            used_bytes: memory / 4,
            vmid: Some(vmid),
            parent: None,
            image: None,
            created_s: self.clock.now_ms / 1000,
            notes: None,
            is_protected: false,
            archive: None,
        };
        self.add_volume(&guest.node, volume);
        Ok(volid)
    }

    fn begin_change(
        &mut self,
        work: &SnapshotWork,
        guest: &Guest,
        lock: &str,
        delay_ms: u64,
    ) -> Result<Option<u64>, String> {
        find(guest, &work.name).map_err(|fault| fault.message)?;
        self.with_guest(work.vmid, |guest| guest.config.insert("lock".to_owned(), lock.to_owned()));
        Ok(Some(delay_ms))
    }

    fn drop_snapshot(&mut self, work: &SnapshotWork, guest: &Guest) {
        let Some(gone) = guest.snapshots.get(&work.name) else {
            return;
        };
        if let Some(volid) = gone.config.get("vmstate") {
            self.free_volume(&work.node, volid);
        }
        let parent = gone.config.get("parent").cloned();
        let volids: Vec<String> = snapshot_volumes(&gone.config).into_iter().map(|(_, volid)| volid).collect();
        self.with_guest(work.vmid, |guest| {
            guest.snapshots.remove(&work.name);
            let others = guest.snapshots.values_mut().map(|snapshot| &mut snapshot.config);
            for config in others.chain(std::iter::once(&mut guest.config)) {
                if config.get("parent") == Some(&work.name) {
                    match &parent {
                        Some(parent) => drop(config.insert("parent".to_owned(), parent.clone())),
                        None => drop(config.remove("parent")),
                    }
                }
            }
            guest.config.remove("lock");
            for volid in volids {
                if !guest.is_in_snapshot(&volid) {
                    keep_as_unused(guest, &volid);
                }
            }
        });
    }

    fn begin_roll_back(&mut self, work: &SnapshotWork, guest: &Guest) -> Result<Option<u64>, String> {
        let snapshot = find(guest, &work.name).map_err(|fault| fault.message)?;
        if let Some(state) = snapshot.config.get("snapstate") {
            return Err(format!("unable to rollback to incomplete snapshot (snapstate = {state})"));
        }
        let is_newest = guest.snapshots.values().all(|other| taken_s(other) <= taken_s(snapshot));
        for (_, volid) in snapshot_volumes(&snapshot.config) {
            let is_zfs = self.storages.get(storage_of(&volid)).is_some_and(|storage| storage.kind == "zfspool");
            if is_zfs && !is_newest {
                return Err(format!("can't rollback, '{}' is not most recent snapshot on '{volid}'", work.name));
            }
        }
        self.power_off(work.vmid);
        self.begin_change(work, guest, "rollback", ROLLBACK_MS)
    }

    fn finish_roll_back(&mut self, seq: u64, work: &SnapshotWork, guest: &Guest, starts: bool) {
        let Some(snapshot) = guest.snapshots.get(&work.name).cloned() else {
            return;
        };
        for (key, volid) in snapshot_volumes(&snapshot.config) {
            let size = snapshot.config.get(&key).and_then(|value| key_of(value, "size"));
            if let Some(size_bytes) = size.and_then(|text| parse_size(&text)) {
                self.resize_volume(&work.node, &volid, size_bytes);
            }
        }
        let generation = self.random_uuid();
        self.with_guest(work.vmid, |guest| {
            let before = std::mem::take(&mut guest.config);
            guest.config.clone_from(&snapshot.config);
            guest.config.retain(|key, _| !OWN_KEYS.contains(&key.as_str()));
            guest.config.insert("parent".to_owned(), work.name.clone());
            if guest.config.contains_key("vmgenid") {
                guest.config.insert("vmgenid".to_owned(), generation);
            }
            if let Some(description) = before.get("description") {
                guest.config.insert("description".to_owned(), description.clone());
            }
            for (key, value) in &before {
                if key.starts_with("unused") || (is_disk_key(key) && !is_cdrom(value)) {
                    keep_as_unused(guest, volume_in(value).unwrap_or_default());
                }
            }
            guest.pending.clear();
            guest.pending_delete.clear();
            guest.files.clone_from(&snapshot.files);
            guest.instance_id.clone_from(&snapshot.instance_id);
        });
        let has_memory = snapshot.config.contains_key("vmstate");
        for key in snapshot.config.keys().filter(|key| has_memory && is_network_key(key)) {
            self.task_log(seq, format!("netdev {key}: using 'host_mtu=1500' for migration compat"));
        }
        if starts || has_memory {
            self.boot(work.vmid);
        }
    }

    fn with_snapshot(&mut self, vmid: u32, name: &str, change: impl FnOnce(&mut Snapshot)) {
        self.with_guest(vmid, |guest| guest.snapshots.get_mut(name).map(change));
    }

    pub(super) fn unlock(&mut self, vmid: u32) {
        self.with_guest(vmid, |guest| guest.config.remove("lock"));
    }

    /// Returns whether the storage of a volume can snapshot it.
    pub(super) fn can_snapshot(&self, volid: &str) -> bool {
        let Some(storage) = self.storages.get(storage_of(volid)) else {
            return false;
        };
        match storage.kind.as_str() {
            "lvm" => false,
            _ if Storage::is_file_based(storage) => file_name(volid).ends_with(".qcow2"),
            _ => true,
        }
    }
}

fn find<'a>(guest: &'a Guest, name: &str) -> Result<&'a Snapshot, Fault> {
    guest.snapshots.get(name).ok_or_else(|| Fault::text(format!("snapshot '{name}' does not exist")))
}

fn taken_s(snapshot: &Snapshot) -> u64 {
    snapshot.config.get("snaptime").and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Returns the disks of a configuration that a snapshot includes, with their volumes.
pub(super) fn snapshot_volumes(config: &Config) -> Vec<(String, String)> {
    let disks = config.iter().filter(|(key, value)| is_disk_key(key) && !is_cdrom(value));
    disks.filter_map(|(key, value)| Some((key.clone(), volume_in(value)?.to_owned()))).collect()
}

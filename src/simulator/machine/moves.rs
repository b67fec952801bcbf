//! Moving a guest's volume: to another storage, or to another guest.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Machine;
use super::clone::COPY_BYTES_PER_MS;
use super::config::Changes;
use super::disks::{copy_lines, file_name, is_cdrom, is_cloudinit, is_disk_key, storage_of, volume_in};
use super::pending::keep_as_unused;
use super::property::{print, print_size, split};
use super::request::{Answer, Fault};
use super::routes::Context;
use super::state::{Guest, GuestType};
use super::task::{Hold, Spawn, Step, Work, exclusive};

const LOCK_WAIT_MS: u64 = 10_000;
/// What a move takes besides the copy.
const OVERHEAD_MS: u64 = 150;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct MoveWork {
    vmid: u32,
    node: String,
    kind: GuestType,
    key: String,
    storage: String,
    format: Option<String>,
    deletes: bool,
    /// The setting with the new volume, once the first stage made it.
    moved: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ReassignWork {
    vmid: u32,
    node: String,
    key: String,
    target: u32,
    target_key: String,
}

impl Machine {
    pub(super) fn move_volume(&mut self, context: &Context) -> Answer {
        let parameters = &context.parameters;
        let kind = context.guest_type();
        let key =
            parameters.get(if kind == GuestType::Qemu { "disk" } else { "volume" }).unwrap_or_default().to_owned();
        match (parameters.get("storage"), parameters.number::<u32>("target-vmid")) {
            (Some(_), Some(_)) => {
                let text = "either set 'storage' or 'target-vmid', but not both";
                Err(Fault::parameter("storage", text))
            }
            (None, Some(target)) if kind == GuestType::Qemu => self.reassign(context, key, target),
            (None, Some(_)) => Err(Fault::not_modelled("POST", "move_volume to another container")),
            (Some(storage), None) => {
                let storage = storage.to_owned();
                self.move_to_storage(context, key, storage)
            }
            (None, None) => {
                let text = "both 'storage' and 'target-vmid' missing, either needs to be set";
                Err(Fault::parameter("storage", text))
            }
        }
    }

    /// Moving to another storage is checked before a worker runs, and again by it.
    fn move_to_storage(&mut self, context: &Context, key: String, storage: String) -> Answer {
        let parameters = &context.parameters;
        let (vmid, kind, node) = (parameters.vmid(), context.guest_type(), context.node().to_owned());
        self.require(&context.caller, &format!("/storage/{storage}"), "Datastore.AllocateSpace")?;
        let work = MoveWork {
            vmid,
            node: node.clone(),
            kind,
            key,
            storage,
            format: parameters.get("format").map(str::to_owned),
            deletes: parameters.is_set("delete"),
            moved: None,
        };
        let guest = self.named_guest(context)?;
        let stale = "detected modified configuration - file changed by other user? Try again.";
        if parameters.get("digest").is_some_and(|digest| digest != guest.digest()) {
            return Err(Fault::text(stale));
        }
        self.check_move(guest, &work).map_err(Fault::text)?;
        self.storage_on(&work.storage, &node)?;
        let task = if kind == GuestType::Qemu { "qmmove" } else { "move_volume" };
        let spawn = Spawn {
            node: &node,
            kind: task,
            id: vmid.to_string(),
            locks: exclusive(vmid),
            wait_ms: LOCK_WAIT_MS,
            work: Work::Move(work),
        };
        Ok(json!(self.spawn(&context.caller, spawn)).into())
    }

    fn check_move(&self, guest: &Guest, work: &MoveWork) -> Result<(), String> {
        if let Some(text) = guest.locked() {
            return Err(text);
        }
        if work.kind == GuestType::Lxc && guest.is_running() {
            return Err("cannot move volumes of a running container".to_owned());
        }
        if work.key == "tpmstate0" && guest.is_running() {
            return Err("cannot move TPM state while VM is running".to_owned());
        }
        let value = guest.config.get(&work.key).ok_or_else(|| format!("disk '{}' does not exist", work.key))?;
        if is_cdrom(value) && !is_cloudinit(value) {
            return Err("you can't move a cdrom".to_owned());
        }
        let volid = volume_in(value).ok_or_else(|| format!("disk '{}' has no associated volume", work.key))?;
        let format = self.volume(&work.node, volid).map(|volume| volume.format.clone());
        let keeps_format = work.format.is_none() || work.format == format;
        if work.kind == GuestType::Qemu && storage_of(volid) == work.storage && keeps_format {
            return Err("you can't move to the same storage with same format".to_owned());
        }
        if guest.is_in_snapshot(volid) && work.deletes {
            return Err("you can't move a disk with snapshots and delete the source".to_owned());
        }
        Ok(())
    }

    pub(super) fn run_move(&mut self, seq: u64, stage: u32, work: &MoveWork) -> Step {
        let guest = match self.guest_of_type(work.kind, &work.node, work.vmid) {
            Ok(guest) => guest.clone(),
            Err(fault) => return Step::failed(fault.message),
        };
        if stage > 0 {
            self.finish_move(seq, &guest, work);
            return Step::DONE;
        }
        if let Err(text) = self.check_move(&guest, work) {
            return Step::failed(text);
        }
        let value = guest.config.get(&work.key).cloned().unwrap_or_default();
        let (volid, mut options) = split(&value);
        let Some(original) = self.volume(&work.node, &volid).cloned() else {
            return Step::failed(format!("storage migration failed: volume '{volid}' does not exist"));
        };
        self.task_log(
            seq,
            format!(
                "copying volume '{volid}' from current storage '{}' to target storage '{}'",
                original.storage, work.storage
            ),
        );
        let word = if work.kind == GuestType::Qemu { "drive" } else { "mountpoint" };
        self.task_log(seq, format!("create full clone of {word} {} ({volid})", work.key));
        let format = work.format.clone().unwrap_or_else(|| original.format.clone());
        match self.copy_volume(&work.node, &original, &work.storage, work.vmid, &format) {
            Ok((moved, lines)) => {
                lines.into_iter().for_each(|line| self.task_log(seq, line));
                self.task_log(seq, format!("allocated target volume '{moved}'"));
                copy_lines(original.size_bytes).into_iter().for_each(|line| self.task_log(seq, line));
                options.insert("size".to_owned(), print_size(original.size_bytes));
                let work = MoveWork { moved: Some(print(&moved, &options)), ..work.clone() };
                self.replace_work(seq, Work::Move(work));
                Step::After(OVERHEAD_MS + original.used_bytes / COPY_BYTES_PER_MS)
            }
            Err(text) => Step::failed(format!("storage migration failed: {text}")),
        }
    }

    fn finish_move(&mut self, seq: u64, guest: &Guest, work: &MoveWork) {
        let Some(moved) = work.moved.clone() else {
            return;
        };
        let before = guest.config.get(&work.key).and_then(|value| volume_in(value)).unwrap_or_default().to_owned();
        self.with_guest(work.vmid, |guest| guest.config.insert(work.key.clone(), moved));
        if work.deletes || is_cloudinit(&before) {
            self.task_log(seq, format!("removing source volume '{before}' after successful copy"));
            self.free_volume(&work.node, &before);
        } else {
            self.with_guest(work.vmid, |guest| keep_as_unused(guest, &before));
        }
    }

    fn reassign(&mut self, context: &Context, key: String, target: u32) -> Answer {
        let (vmid, node) = (context.parameters.vmid(), context.node().to_owned());
        let target_key = context.parameters.get("target-disk").unwrap_or(&key).to_owned();
        self.require(&context.caller, &format!("/vms/{target}"), "VM.Config.Disk")?;
        let work = ReassignWork { vmid, node: node.clone(), key, target, target_key };
        self.check_reassignment(&work).map_err(Fault::text)?;
        let spawn = Spawn {
            node: &node,
            kind: "qmmove",
            id: format!("{vmid}-{}>{target}-{}", work.key, work.target_key),
            locks: vec![Hold { vmid, is_shared: false }, Hold { vmid: target, is_shared: false }],
            wait_ms: LOCK_WAIT_MS,
            work: Work::Reassign(work),
        };
        Ok(json!(self.spawn(&context.caller, spawn)).into())
    }

    /// Checks a disk on its way to another machine; returns its volume.
    fn check_reassignment(&self, work: &ReassignWork) -> Result<String, String> {
        let source = self.guest(&work.node, work.vmid).map_err(|fault| fault.message)?;
        let target = self.guests.get(&work.target).filter(|guest| guest.kind == GuestType::Qemu);
        let target = target.ok_or_else(|| GuestType::Qemu.missing(&work.node, work.target))?;
        if work.vmid == work.target {
            return Err("must be different than source VMID to move disk to another VM".to_owned());
        }
        if target.node != work.node {
            return Err("Both VMs need to be on the same node".to_owned());
        }
        if let Some(text) = source.locked().or_else(|| target.locked()) {
            return Err(text);
        }
        let value = source.config.get(&work.key).and_then(|value| volume_in(value));
        let volid = value.ok_or_else(|| format!("Disk '{}' for VM '{}' does not exist", work.key, work.vmid))?;
        if source.is_running() && !work.key.starts_with("unused") {
            return Err("Cannot move disk to another VM while the source VM is running - detach first".to_owned());
        }
        if target.config.contains_key(&work.target_key) {
            let text = format!("Target disk key '{}' is already in use for VM '{}'", work.target_key, work.target);
            return Err(text);
        }
        if source.is_in_snapshot(volid) {
            return Err("Can't move disk used by a snapshot to another VM".to_owned());
        }
        Ok(volid.to_owned())
    }

    pub(super) fn run_reassign(&mut self, seq: u64, work: &ReassignWork) -> Step {
        let volid = match self.check_reassignment(work) {
            Ok(volid) => volid,
            Err(text) => return Step::failed(text),
        };
        let ReassignWork { vmid, node, key, target, target_key } = work;
        self.task_log(seq, format!("reassign disk '{key}' from VM '{vmid}' as '{target_key}' to VM '{target}'"));
        self.task_log(seq, format!("removing disk '{key}' from VM '{vmid}' config"));
        let mut options = std::collections::BTreeMap::new();
        self.with_guest(*vmid, |guest| {
            if let Some(value) = guest.config.remove(key) {
                options = split(&value).1;
            }
        });
        let number = self.free_disk_number(storage_of(&volid), node, *target);
        let name = file_name(&volid);
        let end = name.rsplit_once('.').map_or(String::new(), |(_, end)| format!(".{end}"));
        let storage = storage_of(&volid);
        let moved = match name == volid.split_once(':').map_or("", |(_, name)| name) {
            true => format!("{storage}:vm-{target}-disk-{number}{end}"),
            false => format!("{storage}:{target}/vm-{target}-disk-{number}{end}"),
        };
        self.rename_volume(node, &volid, &moved);
        self.set_owner(node, &moved, *target);
        if is_disk_key(target_key) {
            let size = self.volume(node, &moved).map_or(0, |volume| volume.size_bytes);
            options.insert("size".to_owned(), print_size(size));
        }
        let setting = print(&moved, &options);
        let line = format!("update VM {target}: -{target_key} {moved}");
        self.with_guest(*target, |guest| guest.config.insert(target_key.clone(), setting));
        self.task_log(seq, line);
        Step::DONE
    }

    /// Detaches or destroys disks: what a configuration write that deletes their keys does.
    pub(super) fn unlink_disks(&mut self, context: &Context) -> Answer {
        let parameters = &context.parameters;
        let vmid = parameters.vmid();
        let delete: Vec<String> = parameters.items("idlist").into_iter().map(str::to_owned).collect();
        let changes = Changes { delete, frees: parameters.is_set("force"), ..Changes::default() };
        self.put_changes(context, vmid, &changes)
    }
}

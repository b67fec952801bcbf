//! Backups: a worker writes a guest into an archive on a storage.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Machine;
use super::clone::COPY_BYTES_PER_MS;
use super::disks::{is_cdrom, is_disk_key, volume_in};
use super::property::key_of;
use super::request::{Answer, Fault};
use super::routes::Context;
use super::state::{Config, Firewall, Guest, GuestType, Volume};
use super::task::{Spawn, Step, Work};

/// What a backup takes besides reading the disks.
const OVERHEAD_MS: u64 = 2000;
/// Parameters only root itself may give.
const ROOT_ONLY: &[&str] = &["dumpdir", "script", "tmpdir"];

/// A guest in an archive.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Archive {
    pub(super) kind: GuestType,
    pub(super) config: Config,
    /// What was on each disk, by its key.
    pub(super) disks: BTreeMap<String, Volume>,
    pub(super) files: BTreeMap<String, String>,
    pub(super) instance_id: Option<String>,
    pub(super) firewall: Option<Firewall>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct BackupWork {
    node: String,
    vmids: Vec<u32>,
    storage: String,
    stops: bool,
    compression: String,
    notes: Option<String>,
    is_protected: bool,
    keeps: Option<usize>,
    /// How many guests could not be saved so far.
    failures: u32,
}

impl Machine {
    pub(super) fn backup(&mut self, context: &Context) -> Answer {
        let parameters = &context.parameters;
        let node = context.node().to_owned();
        for name in ROOT_ONLY {
            if parameters.get(name).is_some() && !context.caller.is_root() {
                return Err(Fault::parameter(name, "Only root may set this option."));
            }
        }
        for name in ["fleecing", "performance", "exclude-path", "stdout", "stop"] {
            if parameters.get(name).is_some() {
                return Err(Fault::not_modelled("POST", &format!("/nodes/{node}/vzdump with {name}")));
            }
        }
        let storage = parameters.get("storage").unwrap_or("local").to_owned();
        let vmids = self.chosen_guests(context);
        for vmid in &vmids {
            self.require(&context.caller, &format!("/vms/{vmid}"), "VM.Backup")?;
        }
        self.require(&context.caller, &format!("/storage/{storage}"), "Datastore.AllocateSpace")?;
        let here = |vmid: &u32| self.guests.get(vmid).is_some_and(|guest| guest.node == node);
        let vmids: Vec<u32> = vmids.into_iter().filter(here).collect();
        if vmids.is_empty() {
            // Nothing to do on this node is said with this word instead of a task.
            return Ok(json!("OK").into());
        }
        let id = if vmids.len() == 1 { vmids[0].to_string() } else { String::new() };
        let work = BackupWork {
            node: node.clone(),
            vmids,
            storage,
            stops: parameters.get("mode") == Some("stop"),
            compression: parameters.get("compress").unwrap_or("0").to_owned(),
            notes: parameters.get("notes-template").map(str::to_owned),
            is_protected: parameters.is_set("protected"),
            keeps: read_keeps(parameters.get("prune-backups"))?,
            failures: 0,
        };
        let spawn = Spawn { node: &node, kind: "vzdump", id, locks: Vec::new(), wait_ms: 0, work: Work::Backup(work) };
        Ok(json!(self.spawn(&context.caller, spawn)).into())
    }

    fn chosen_guests(&self, context: &Context) -> Vec<u32> {
        let parameters = &context.parameters;
        let excluded: Vec<u32> = parameters.items("exclude").iter().filter_map(|text| text.parse().ok()).collect();
        let chosen: Vec<u32> = if let Some(pool) = parameters.get("pool") {
            self.pools.get(pool).map(|pool| pool.guests.iter().copied().collect()).unwrap_or_default()
        } else if parameters.is_set("all") {
            self.guests.keys().copied().collect()
        } else {
            parameters.items("vmid").iter().filter_map(|text| text.parse().ok()).collect()
        };
        chosen.into_iter().filter(|vmid| !excluded.contains(vmid)).collect()
    }

    /// Stages come in pairs: a guest is locked, then its archive is written.
    pub(super) fn run_backup(&mut self, seq: u64, stage: u32, work: &BackupWork) -> Step {
        if stage == 0 {
            let usable = self.storage_on(&work.storage, &work.node).map_err(|fault| fault.message);
            let problem = match usable {
                Ok(storage) if storage.content.contains("backup") => None,
                Ok(_) => Some(format!("can't use storage '{}' for backups - wrong content type", work.storage)),
                Err(text) => Some(text),
            };
            if let Some(text) = problem {
                return Step::failed(format!("could not get storage information for '{}': {text}", work.storage));
            }
            let vmids: Vec<String> = work.vmids.iter().map(u32::to_string).collect();
            let line = format!("starting new backup job: vzdump {} --storage {}", vmids.join(" "), work.storage);
            self.task_log(seq, format!("INFO: {line}"));
        }
        let position = usize::try_from(stage / 2).unwrap_or(usize::MAX);
        let Some(vmid) = work.vmids.get(position).copied() else {
            return match work.failures {
                0 => {
                    self.task_log(seq, "INFO: Backup job finished successfully");
                    Step::DONE
                }
                _ => Step::failed("job errors"),
            };
        };
        let result = match stage % 2 {
            0 => self.begin_backup(seq, vmid),
            _ => self.write_archive(seq, vmid, work).map(|()| 0),
        };
        result.map_or_else(
            |text| {
                self.task_log(seq, format!("ERROR: Backup of VM {vmid} failed - {text}"));
                let failures = work.failures + 1;
                // A guest that could not be locked has no second stage; the next stage passes it by.
                let vmids = match stage % 2 {
                    0 => work.vmids.iter().map(|other| if *other == vmid { 0 } else { *other }).collect(),
                    _ => work.vmids.clone(),
                };
                self.replace_work(seq, Work::Backup(BackupWork { failures, vmids, ..work.clone() }));
                Step::After(10)
            },
            Step::After,
        )
    }

    fn begin_backup(&mut self, seq: u64, vmid: u32) -> Result<u64, String> {
        let guest = self.guests.get(&vmid).cloned().ok_or_else(|| format!("unable to find VM '{vmid}'"))?;
        if let Some(text) = guest.locked() {
            return Err(text);
        }
        let noun = if guest.kind == GuestType::Qemu { "VM" } else { "CT" };
        self.task_log(seq, format!("INFO: Starting Backup of VM {vmid} ({})", guest.kind.as_str()));
        self.task_log(seq, format!("INFO: status = {}", if guest.is_running() { "running" } else { "stopped" }));
        self.task_log(seq, format!("INFO: {noun} Name: {}", guest.name(vmid)));
        let mut bytes = 0;
        for (_, volid) in saved_disks(&guest) {
            bytes += self.volume(&guest.node, &volid).map_or(0, |volume| volume.used_bytes);
        }
        self.with_guest(vmid, |guest| guest.config.insert("lock".to_owned(), "backup".to_owned()));
        Ok(OVERHEAD_MS + bytes / COPY_BYTES_PER_MS)
    }

    fn write_archive(&mut self, seq: u64, vmid: u32, work: &BackupWork) -> Result<(), String> {
        let Some(guest) = self.guests.get(&vmid).cloned() else {
            return Ok(());
        };
        self.unlock(vmid);
        let mut config = guest.config.clone();
        for key in ["lock", "parent", "vmstate", "runningmachine"] {
            config.remove(key);
        }
        config.retain(|key, _| !key.starts_with("unused"));
        let disks: BTreeMap<String, Volume> = saved_disks(&guest)
            .into_iter()
            .filter_map(|(key, volid)| Some((key, self.volume(&guest.node, &volid)?.clone())))
            .collect();
        let used: u64 = disks.values().map(|volume| volume.used_bytes).sum();
        let size_bytes = 4096 + if work.compression == "0" { used } else { used / 3 };
        if self.available_bytes(&work.storage, &work.node) < size_bytes {
            return Err("vma_queue_write: write error - No space left on device".to_owned());
        }
        let (volid, format) = self.archive_name(vmid, guest.kind, work);
        let definition = self.storage_on(&work.storage, &work.node).map_err(|fault| fault.message)?.clone();
        let name = super::disks::file_name(&volid);
        self.task_log(seq, format!("INFO: creating vzdump archive '{}/dump/{name}'", definition.path()));
        let archive = Archive {
            kind: guest.kind,
            config,
            disks,
            files: guest.files.clone(),
            instance_id: guest.instance_id.clone(),
            firewall: self.firewalls.get(&format!("guest/{vmid}")).cloned(),
        };
        let notes = work.notes.as_ref().map(|template| {
            let text = template.replace("{{guestname}}", &guest.name(vmid)).replace("{{vmid}}", &vmid.to_string());
            text.replace("{{node}}", &work.node).replace("{{cluster}}", &self.meta.cluster)
        });
        let volume = Volume {
            storage: work.storage.clone(),
            node: if definition.is_shared { String::new() } else { work.node.clone() },
            volid,
            content: "backup".to_owned(),
            format,
            size_bytes,
            used_bytes: size_bytes,
            vmid: Some(vmid),
            parent: None,
            image: None,
            created_s: self.clock.now_ms / 1000,
            notes,
            is_protected: work.is_protected,
            archive: Some(Box::new(archive)),
        };
        self.add_volume(&work.node, volume);
        self.task_log(seq, format!("INFO: archive file size: {}KB", size_bytes / 1024));
        self.task_log(seq, format!("INFO: Finished Backup of VM {vmid} (00:00:02)"));
        if work.stops && guest.is_running() {
            self.boot(vmid);
        }
        self.prune(vmid, work);
        Ok(())
    }

    fn archive_name(&self, vmid: u32, kind: GuestType, work: &BackupWork) -> (String, String) {
        let second = i64::try_from(self.clock.now_ms / 1000).unwrap_or(0);
        let moment = jiff::Timestamp::from_second(second).unwrap_or_default();
        let base = if kind == GuestType::Qemu { "vma" } else { "tar" };
        let format = match work.compression.as_str() {
            "zstd" => format!("{base}.zst"),
            "gzip" => format!("{base}.gz"),
            "lzo" | "1" => format!("{base}.lzo"),
            _ => base.to_owned(),
        };
        let date = moment.strftime("%Y_%m_%d-%H_%M_%S");
        (format!("{}:backup/vzdump-{}-{vmid}-{date}.{format}", work.storage, kind.as_str()), format)
    }

    /// Removes the oldest unprotected archives of a guest when only so many are kept.
    fn prune(&mut self, vmid: u32, work: &BackupWork) {
        let Some(keeps) = work.keeps else {
            return;
        };
        let is_mine = |volume: &&Volume| {
            volume.content == "backup"
                && volume.storage == work.storage
                && volume.vmid == Some(vmid)
                && !volume.is_protected
        };
        let mut archives: Vec<(u64, String)> =
            self.volumes.values().filter(is_mine).map(|volume| (volume.created_s, volume.volid.clone())).collect();
        archives.sort();
        let surplus = archives.len().saturating_sub(keeps);
        for (_, volid) in archives.into_iter().take(surplus) {
            self.free_volume(&work.node, &volid);
        }
    }

    /// Shows the configuration an archive holds.
    pub(super) fn extract_config(&mut self, context: &Context) -> Answer {
        let volid = context.parameters.required("volume");
        self.check_readable_volume(&context.caller, context.node(), volid)?;
        let volume = self.volume(context.node(), volid);
        let archive = volume.and_then(|volume| volume.archive.as_ref());
        let archive = archive.ok_or_else(|| Fault::text(format!("volume '{volid}' does not exist")))?;
        let text: String = archive.config.iter().map(|(key, value)| format!("{key}: {value}\n")).collect();
        Ok(json!(text).into())
    }
}

/// Returns the disks of a guest that a backup includes.
fn saved_disks(guest: &Guest) -> Vec<(String, String)> {
    let disks = guest.config.iter().filter(|(key, value)| is_disk_key(key) && !is_cdrom(value));
    let is_included = |key: &str, value: &str| match key_of(value, "backup").as_deref() {
        Some(flag) => flag == "1",
        // Of a container's mount points only those that ask for it are saved.
        None => !key.starts_with("mp"),
    };
    let disks = disks.filter(|(key, value)| is_included(key, value));
    disks.filter_map(|(key, value)| Some((key.clone(), volume_in(value)?.to_owned()))).collect()
}

/// Reads how many archives are kept; only the plain number is modelled.
fn read_keeps(text: Option<&str>) -> Result<Option<usize>, Fault> {
    let Some(text) = text else {
        return Ok(None);
    };
    let (_, mut keys) = super::property::split(&format!(",{text}"));
    keys.remove("");
    let keeps = keys.remove("keep-last").and_then(|number| number.parse().ok());
    keys.remove("keep-all");
    match keys.is_empty() {
        true => Ok(keeps),
        false => Err(Fault::not_modelled("POST", "vzdump with other rules than keep-last")),
    }
}

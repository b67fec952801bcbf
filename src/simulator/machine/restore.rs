//! Guests from backups. What is different about the volumes of a container is in `container_restore`.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Machine;
use super::auth::Caller;
use super::backup::Archive;
use super::config::{check_plain_ssh_keys, is_network_key};
use super::disks::{is_base, is_cdrom, is_cloudinit, is_disk_key};
use super::property::{print, print_size, split};
use super::request::{Answer, Fault};
use super::routes::Context;
use super::state::{Config, Guest, GuestType};
use super::task::{Spawn, Step, Work, exclusive};

const CLAIM_WAIT_MS: u64 = 5000;
const WORKER_WAIT_MS: u64 = 1000;
/// What a restore takes besides writing the disks.
const OVERHEAD_MS: u64 = 1000;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RestoreWork {
    pub(super) vmid: u32,
    pub(super) node: String,
    kind: GuestType,
    pub(super) archive: String,
    pub(super) storage: Option<String>,
    is_unique: bool,
    /// Settings that replace those of the archive; of a container also its volumes.
    pub(super) settings: Config,
    pool: Option<String>,
    starts: bool,
    caller: (String, Option<String>),
    realised: Option<Config>,
}

impl RestoreWork {
    fn failed(&self, text: &str) -> String {
        format!("unable to restore {} {} - {text}", self.kind.noun(), self.vmid)
    }
}

impl Machine {
    /// `archive` of a new machine, `ostemplate` with `restore` of a new container.
    pub(super) fn restore_guest(&mut self, context: &Context) -> Answer {
        let kind = context.guest_type();
        let mut parameters = context.parameters.clone();
        let (vmid, node) = (parameters.vmid(), context.node().to_owned());
        for name in ["live-restore", "ha-managed", "import-working-storage", "template"] {
            if parameters.remove(name).is_some_and(|value| value != "0") {
                return Err(Fault::not_modelled("POST", &format!("a restore with {name}")));
            }
        }
        let is_forced = parameters.remove("force").as_deref() == Some("1");
        let pool = parameters.remove("pool");
        if kind == GuestType::Lxc {
            self.check_container_overwritten(vmid, &node, is_forced)?;
        }
        self.check_may_allocate(&context.caller, vmid, pool.as_deref())?;
        let archive_name = if kind == GuestType::Qemu { "archive" } else { "ostemplate" };
        let archive = parameters.remove(archive_name).unwrap_or_default();
        let mut storage = parameters.remove("storage");
        let is_unique = parameters.remove("unique").as_deref() == Some("1");
        let starts = parameters.remove("start").as_deref() == Some("1");
        let keys = parameters.remove("ssh-public-keys");
        for name in ["node", "vmid", "bwlimit", "restore", "ignore-unpack-errors", "password"] {
            parameters.remove(name);
        }
        let mut settings: Config = parameters.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        match kind {
            GuestType::Qemu => {
                if settings.keys().any(|key| is_disk_key(key)) {
                    return Err(Fault::not_modelled("POST", "a restore with other disks"));
                }
                self.check_readable_volume(&context.caller, &node, &archive)?;
                if let Some(storage) = &storage {
                    self.storage_on(storage, &node)?;
                    self.require(&context.caller, &format!("/storage/{storage}"), "Datastore.AllocateSpace")?;
                }
            }
            GuestType::Lxc => {
                if let Some(keys) = keys {
                    check_plain_ssh_keys(&keys)?;
                }
                let path = pool.as_ref().map_or_else(|| format!("/vms/{vmid}"), |pool| format!("/pool/{pool}"));
                let place = (node.as_str(), path.as_str());
                self.check_container_restore(&context.caller, place, &archive, &mut storage, &mut settings)?;
            }
        }
        let caller = (context.caller.user.clone(), context.caller.token.clone());
        let work = RestoreWork {
            vmid,
            node: node.clone(),
            kind,
            archive,
            storage,
            is_unique,
            settings,
            pool,
            starts,
            caller,
            realised: None,
        };
        self.claim_for_restore(&work, is_forced)?;
        let spawn = Spawn {
            node: &node,
            kind: &kind.task("restore"),
            id: vmid.to_string(),
            locks: exclusive(vmid),
            wait_ms: WORKER_WAIT_MS,
            work: Work::Restore(work),
        };
        Ok(json!(self.spawn(&context.caller, spawn)).into())
    }

    /// Takes the id, or the guest that is to be overwritten.
    fn claim_for_restore(&mut self, work: &RestoreWork, is_forced: bool) -> Result<(), Fault> {
        let refuse = |text: String| Fault::text(work.failed(&text));
        self.wait_for_lock(work.vmid, CLAIM_WAIT_MS).map_err(refuse)?;
        let existing = self.guests.get(&work.vmid).filter(|guest| guest.node == work.node && guest.kind == work.kind);
        match existing {
            Some(guest) if is_forced => {
                if guest.is_protected() {
                    return Err(refuse("protection mode enabled".to_owned()));
                }
                if guest.is_running() {
                    let noun = if work.kind == GuestType::Qemu { "vm" } else { "container" };
                    return Err(refuse(format!("{noun} is running")));
                }
                if let Some(text) = guest.locked() {
                    return Err(refuse(text));
                }
                self.with_guest(work.vmid, |guest| guest.config.insert("lock".to_owned(), "create".to_owned()));
            }
            _ => {
                self.check_id_unused(work.vmid).map_err(|fault| match work.kind {
                    GuestType::Qemu => refuse(fault.message),
                    GuestType::Lxc => fault,
                })?;
                let stub = Config::from([("lock".to_owned(), "create".to_owned())]);
                let guest = match work.kind {
                    GuestType::Qemu => Guest::new(&work.node, stub),
                    GuestType::Lxc => Guest::container(&work.node, stub),
                };
                self.add_guest(work.vmid, guest);
            }
        }
        Ok(())
    }

    pub(super) fn run_restore(&mut self, seq: u64, stage: u32, work: &RestoreWork) -> Step {
        let volume = self.volume(&work.node, &work.archive).cloned();
        let archive = volume.as_ref().and_then(|volume| volume.archive.clone());
        if stage == 0 {
            let result = match archive {
                Some(archive) if archive.kind != work.kind => {
                    Err("backup archive is of another type of guest".to_owned())
                }
                Some(archive) => self.check_restored_bridges(work, &archive).and_then(|()| match work.kind {
                    GuestType::Lxc => self.unpack_container(seq, work, &archive),
                    GuestType::Qemu => self.unpack_archive(seq, work, &archive),
                }),
                None => Err(format!("volume '{}' does not exist", work.archive)),
            };
            return match result {
                Ok((config, bytes)) => {
                    self.replace_work(seq, Work::Restore(RestoreWork { realised: Some(config), ..work.clone() }));
                    Step::After(OVERHEAD_MS + bytes / super::clone::COPY_BYTES_PER_MS)
                }
                Err(text) => {
                    self.take_back(work);
                    Step::failed(work.failed(&text))
                }
            };
        }
        let config = work.realised.clone().unwrap_or_default();
        let archive = archive.unwrap_or_default();
        self.with_guest(work.vmid, |guest| {
            guest.config = config;
            guest.files.clone_from(&archive.files);
            guest.instance_id.clone_from(&archive.instance_id);
        });
        if let Some(firewall) = archive.firewall {
            self.firewalls.insert(format!("guest/{}", work.vmid), firewall);
        }
        if let Some(pool) = &work.pool {
            self.join_pool(pool, work.vmid);
        }
        if work.starts {
            let caller = Caller { user: work.caller.0.clone(), token: work.caller.1.clone() };
            self.spawn_start(&caller, work.vmid, &work.node, work.kind);
        }
        Step::DONE
    }

    /// Whoever restores a guest must be allowed the bridges it was on, unless the call names others.
    fn check_restored_bridges(&self, work: &RestoreWork, archive: &Archive) -> Result<(), String> {
        let caller = Caller { user: work.caller.0.clone(), token: work.caller.1.clone() };
        let cards = archive.config.iter().filter(|(key, _)| is_network_key(key) && !work.settings.contains_key(*key));
        let mut checks = cards.map(|(_, value)| self.check_bridge(&caller, value).map_err(|fault| fault.task_text()));
        checks.try_for_each(|check| check)
    }

    /// A failed restore leaves what was there before: nothing, or the guest it would have replaced.
    fn take_back(&mut self, work: &RestoreWork) {
        let is_stub = self.guests.get(&work.vmid).is_some_and(|guest| guest.config.len() == 1);
        if is_stub {
            self.remove_guest(work.vmid);
        } else {
            self.unlock(work.vmid);
        }
    }

    fn unpack_archive(&mut self, seq: u64, work: &RestoreWork, archive: &Archive) -> Result<(Config, u64), String> {
        if let Some(old) = self.guests.get(&work.vmid).cloned().filter(|guest| guest.config.len() > 1) {
            for volid in super::guests::owned_volumes(&old) {
                self.free_volume(&work.node, &volid);
            }
            self.with_guest(work.vmid, |guest| {
                guest.snapshots.clear();
                guest.config.retain(|key, _| key == "lock");
            });
        }
        let mut config = Config::new();
        let mut made = Vec::new();
        let mut bytes = 0;
        for (key, value) in &archive.config {
            if !is_disk_key(key) {
                config.insert(key.clone(), value.clone());
                continue;
            }
            match self.restore_disk(seq, work, archive, key, value) {
                Ok(Some((setting, copied))) => {
                    made.push(setting.split(',').next().unwrap_or_default().to_owned());
                    bytes += copied;
                    config.insert(key.clone(), setting);
                }
                Ok(None) => {}
                Err(text) => {
                    for volid in made {
                        self.free_volume(&work.node, &volid);
                    }
                    return Err(text);
                }
            }
        }
        self.complete_restored(work, &mut config);
        Ok((config, bytes))
    }

    /// Returns a disk's new setting and how much was written; a disk the archive does not hold is left out.
    fn restore_disk(
        &mut self,
        seq: u64,
        work: &RestoreWork,
        archive: &Archive,
        key: &str,
        value: &str,
    ) -> Result<Option<(String, u64)>, String> {
        let (volid, mut options) = split(value);
        if is_cdrom(value) && !is_cloudinit(value) {
            return Ok(Some((value.to_owned(), 0)));
        }
        if is_cloudinit(value) {
            let storage = work.storage.clone().unwrap_or_else(|| super::disks::storage_of(&volid).to_owned());
            let made = self.realise_disk(&work.node, work.vmid, key, &format!("{storage}:cloudinit,media=cdrom"))?;
            return Ok(Some((made.0, 0)));
        }
        let Some(original) = archive.disks.get(key) else {
            return Ok(None);
        };
        let storage = work.storage.clone().unwrap_or_else(|| original.storage.clone());
        let (restored, lines) = self.copy_volume(&work.node, original, &storage, work.vmid, &original.format)?;
        lines.into_iter().for_each(|line| self.task_log(seq, line));
        self.task_log(seq, format!("new volume ID is '{restored}'"));
        let restored = if is_base(&volid) {
            let base = restored.replacen("vm-", "base-", 1);
            self.rename_volume(&work.node, &restored, &base);
            base
        } else {
            restored
        };
        options.insert("size".to_owned(), print_size(original.size_bytes));
        Ok(Some((print(&restored, &options), original.used_bytes)))
    }

    pub(super) fn complete_restored(&mut self, work: &RestoreWork, config: &mut Config) {
        if work.is_unique {
            let cards: Vec<(String, String)> = config
                .iter()
                .filter(|(key, _)| is_network_key(key))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            for (key, value) in cards {
                let fresh = self.with_new_mac(work.kind, &key, &value);
                config.insert(key, fresh);
            }
        }
        if work.kind == GuestType::Qemu {
            let generation = self.random_uuid();
            config.insert("vmgenid".to_owned(), generation);
            if work.is_unique {
                let uuid = self.random_uuid();
                config.insert("smbios1".to_owned(), format!("uuid={uuid}"));
            }
        }
        for (key, value) in work.settings.iter().filter(|(key, _)| !is_disk_key(key)) {
            let value = match work.kind {
                GuestType::Qemu => self.normalise(key, value),
                GuestType::Lxc => self.normalise_container(key, value),
            };
            match value.is_empty() {
                true => drop(config.remove(key)),
                false => drop(config.insert(key.clone(), value)),
            }
        }
    }

    fn with_new_mac(&mut self, kind: GuestType, key: &str, value: &str) -> String {
        match kind {
            GuestType::Lxc => {
                let (_, mut keys) = split(&format!(",{value}"));
                keys.remove("");
                keys.remove("hwaddr");
                let name = keys.remove("name").unwrap_or_default();
                self.normalise_container(key, &print(&format!("name={name}"), &keys))
            }
            GuestType::Qemu => {
                let (head, rest) = value.split_once(',').unwrap_or((value, ""));
                let model = head.split('=').next().unwrap_or_default();
                let rest = if rest.is_empty() { String::new() } else { format!(",{rest}") };
                format!("{model}={}{rest}", self.random_mac())
            }
        }
    }
}

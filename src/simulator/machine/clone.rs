//! Cloning a guest: linked or full, with the stub that stands in while disks are copied.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Machine;
use super::config::is_network_key;
use super::disks::{copy_lines, is_base, is_cdrom, is_cloudinit, is_disk_key, storage_of, volume_in};
use super::property::{print, print_size, split};
use super::request::{Answer, Fault};
use super::routes::Context;
use super::state::{Config, Guest, Volume};
use super::task::{Hold, Spawn, Step, Work};

/// How long a clone worker waits for both guests' locks.
const LOCK_WAIT_MS: u64 = 1000;
/// How fast a full copy goes: what the reference server did with raw files.
pub(super) const COPY_BYTES_PER_MS: u64 = 600 << 10;
/// A copy from this length on goes in pieces, stage by stage up to [`LAST_PIECE`].
const LONG_COPY_MS: u64 = 1000;
const LAST_PIECE: u32 = 6;
/// Configuration keys that are not copied.
const NOT_COPIED: &[&str] =
    &["template", "lock", "parent", "snapstate", "snaptime", "vmstate", "runningmachine", "runningcpu"];

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct CloneWork {
    source: u32,
    newid: u32,
    node: String,
    target: String,
    is_full: bool,
    name: Option<String>,
    description: Option<String>,
    storage: Option<String>,
    format: Option<String>,
    pool: Option<String>,
    /// What is copied: the source as it is, or one of its snapshots.
    snapshot: Option<String>,
    /// How long each piece of a long copy takes; 0 until that is known.
    piece_ms: u64,
}

impl CloneWork {
    fn config_of<'a>(&self, source: &'a Guest) -> &'a Config {
        let snapshot = self.snapshot.as_ref().and_then(|name| source.snapshots.get(name));
        snapshot.map_or(&source.config, |snapshot| &snapshot.config)
    }
}

impl Machine {
    pub(super) fn clone_guest(&mut self, context: &Context) -> Answer {
        let work = self.read_clone(context)?;
        let source_is_running = self.guests.get(&work.source).is_some_and(Guest::is_running);
        let locks = vec![
            Hold { vmid: work.newid, is_shared: false },
            Hold { vmid: work.source, is_shared: !source_is_running },
        ];
        let spawn = Spawn {
            node: context.node(),
            kind: "qmclone",
            id: work.source.to_string(),
            locks,
            wait_ms: LOCK_WAIT_MS,
            work: Work::Clone(work),
        };
        Ok(json!(self.spawn(&context.caller, spawn)).into())
    }

    fn read_clone(&self, context: &Context) -> Result<CloneWork, Fault> {
        let parameters = &context.parameters;
        let text = |name: &str| parameters.get(name).map(str::to_owned);
        let node = context.node().to_owned();
        let (source, newid) = (parameters.vmid(), parameters.number("newid").unwrap_or_default());
        if let Some(pool) = parameters.get("pool") {
            self.check_pool_exists(pool)?;
        }
        let target = text("target").unwrap_or_else(|| node.clone());
        if !self.nodes.has(&target) {
            return Err(Fault::text(format!("no such cluster node '{target}'")));
        }
        if let Some(storage) = parameters.get("storage") {
            self.storage_on(storage, &node)?;
        }
        let guest = self.guest(&node, source)?;
        if let Some(text) = guest.locked() {
            return Err(Fault::text(text));
        }
        let snapshot = text("snapname");
        if let Some(name) = snapshot.as_ref().filter(|name| !guest.snapshots.contains_key(*name)) {
            return Err(Fault::text(format!("snapshot '{name}' does not exist")));
        }
        let is_full = parameters.get("full").map_or(!guest.is_template(), |value| value == "1");
        if !is_full {
            for name in ["storage", "format"] {
                if parameters.get(name).is_some() {
                    return Err(Fault::text(format!("parameter '{name}' not allowed for linked clones")));
                }
            }
        }
        let work = CloneWork {
            source,
            newid,
            node,
            target,
            is_full,
            name: text("name"),
            description: text("description"),
            storage: text("storage"),
            format: text("format"),
            pool: text("pool"),
            snapshot,
            piece_ms: 0,
        };
        self.check_clone(context, guest, &work)?;
        if self.guests.has(&newid) {
            return Err(Fault::text(format!("unable to create VM {newid}: config file already exists")));
        }
        Ok(work)
    }

    fn check_clone(&self, context: &Context, guest: &Guest, work: &CloneWork) -> Result<(), Fault> {
        for (key, value) in work.config_of(guest).iter().filter(|(key, _)| is_disk_key(key)) {
            let volid = value.split(',').next().unwrap_or_default();
            if volid == "none" || (is_cdrom(value) && !is_cloudinit(value)) {
                continue;
            }
            let storage = work.storage.as_deref().unwrap_or_else(|| storage_of(volid));
            self.require(&context.caller, &format!("/storage/{storage}"), "Datastore.AllocateSpace")?;
            if !work.is_full && !is_cdrom(value) && !is_base(volid) {
                return Err(Fault::text(format!("Linked clone feature is not supported for '{volid}' ({key})")));
            }
            let is_shared = |name: &str| self.storages.get(name).is_some_and(|storage| storage.is_shared);
            if work.target != work.node && !(is_shared(storage_of(volid)) && is_shared(storage)) {
                let text = format!("can't clone VM to node '{}' (VM uses local storage)", work.target);
                return Err(Fault::text(text));
            }
        }
        for (_, value) in work.config_of(guest).iter().filter(|(key, _)| is_network_key(key)) {
            self.check_bridge(&context.caller, value)?;
        }
        Ok(())
    }

    pub(super) fn run_clone(&mut self, seq: u64, stage: u32, work: &CloneWork) -> Step {
        match stage {
            0 => {
                if self.guests.has(&work.newid) {
                    return Step::failed(format!("unable to create VM {}: config file already exists", work.newid));
                }
                self.task_log(seq, format!("creating a clone of VM {} with ID {}", work.source, work.newid));
                Step::After(20)
            }
            1 => {
                let stub = [("lock", "clone"), ("description", " qmclone temporary file")];
                let stub = stub.map(|(key, value)| (key.to_owned(), value.to_owned()));
                self.add_guest(work.newid, Guest::new(&work.node, Config::from(stub)));
                Step::After(60)
            }
            2 => self.begin_copy(seq, work),
            3..LAST_PIECE if work.piece_ms > 0 => Step::After(work.piece_ms),
            _ => {
                self.with_guest(work.newid, |guest| {
                    guest.config.remove("lock");
                    guest.node.clone_from(&work.target);
                });
                if let Some(pool) = &work.pool {
                    self.join_pool(pool, work.newid);
                }
                Step::DONE
            }
        }
    }

    /// Waits for the storages, then copies; what does not fit is found out half-way.
    fn begin_copy(&mut self, seq: u64, work: &CloneWork) -> Step {
        let source = self.guests.get(&work.source).map(|source| work.config_of(source).clone()).unwrap_or_default();
        let volids: Vec<String> = source
            .iter()
            .filter(|(key, value)| is_disk_key(key) && (!is_cdrom(value) || is_cloudinit(value)))
            .filter_map(|(_, value)| volume_in(value).map(str::to_owned))
            .collect();
        let targets = work.storage.as_ref().map_or_else(|| volids.clone(), |storage| vec![format!("{storage}:")]);
        if let Some((wait_ms, result)) = self.first_storage_wait(&targets) {
            self.task_log(seq, "trying to acquire lock...");
            if let Err(error) = result {
                self.doom(seq, format!("clone failed: {error}"));
            }
            return Step::Again(wait_ms);
        }
        let used = volids.iter().filter_map(|volid| self.volume(&work.node, volid)).map(|volume| volume.used_bytes);
        let half_ms = used.sum::<u64>() / COPY_BYTES_PER_MS / 2;
        match self.clone_disks(seq, work) {
            Ok(copied_bytes) => {
                let (copy_ms, error) = self.copy_fate(seq, 60 + copied_bytes / COPY_BYTES_PER_MS);
                match error {
                    None => self.copy_in_pieces(seq, work, copy_ms),
                    Some(error) => {
                        self.doom(seq, format!("clone failed: {error}"));
                        Step::After(copy_ms)
                    }
                }
            }
            Err(error) if error.contains("No space left") => {
                self.doom(seq, format!("clone failed: {error}"));
                Step::After(half_ms.max(1))
            }
            Err(error) => {
                self.drop_clone(work);
                Step::failed(format!("clone failed: {error}"))
            }
        }
    }

    /// A long copy has moments in between, at which others see it under way.
    fn copy_in_pieces(&mut self, seq: u64, work: &CloneWork, copy_ms: u64) -> Step {
        if copy_ms < LONG_COPY_MS {
            return Step::After(copy_ms);
        }
        let piece_ms = copy_ms / u64::from(LAST_PIECE - 2);
        if let Some(task) = self.tasks.get_mut(&seq) {
            task.work = Work::Clone(CloneWork { piece_ms, ..work.clone() });
        }
        Step::After(piece_ms)
    }

    /// Writes the real configuration, still locked, and copies the disks. Returns how many bytes were copied.
    fn clone_disks(&mut self, seq: u64, work: &CloneWork) -> Result<u64, String> {
        let source = self.guests.get(&work.source).cloned().ok_or("the source is gone")?;
        let mut config = Config::from([("lock".to_owned(), "clone".to_owned())]);
        let mut copied_bytes = 0;
        for (key, value) in work.config_of(&source) {
            if NOT_COPIED.contains(&key.as_str()) || key.starts_with("unused") {
                continue;
            }
            let value = if is_disk_key(key) {
                let (setting, bytes) = self.clone_disk(seq, work, key, value, &config)?;
                copied_bytes += bytes;
                setting
            } else if is_network_key(key) {
                let (model, mut keys) = split(&value.replacen('=', "\u{0}", 1));
                keys.remove("macaddr");
                let model = model.split('\u{0}').next().unwrap_or_default().to_owned();
                print(&format!("{model}={}", self.random_mac()), &keys)
            } else {
                value.clone()
            };
            config.insert(key.clone(), value);
        }
        let mut pending: Vec<&str> = source.pending.keys().map(String::as_str).collect();
        pending.extend((!source.pending_delete.is_empty()).then_some("delete"));
        if !pending.is_empty() && work.snapshot.is_none() {
            self.task_log(seq, format!("found pending changes for '{}', discarding for clone", pending.join(",")));
        }
        self.personalise(work, &source, &mut config);
        self.copy_firewall(work.source, work.newid);
        self.with_guest(work.newid, |guest| guest.config = config);
        Ok(copied_bytes)
    }

    fn personalise(&mut self, work: &CloneWork, source: &Guest, config: &mut Config) {
        let default_name = format!("Copy-of-VM-{}", source.name(work.source).replace(' ', "-"));
        config.insert("name".to_owned(), work.name.clone().unwrap_or(default_name));
        if let Some(description) = &work.description {
            let description = description.trim_end_matches('\n');
            match description.is_empty() {
                true => drop(config.remove("description")),
                false => drop(config.insert("description".to_owned(), description.to_owned())),
            }
        }
        let uuid = self.random_uuid();
        config.insert("smbios1".to_owned(), format!("uuid={uuid}"));
        if config.contains_key("vmgenid") {
            let generation = self.random_uuid();
            config.insert("vmgenid".to_owned(), generation);
        }
    }

    fn clone_disk(
        &mut self,
        seq: u64,
        work: &CloneWork,
        key: &str,
        value: &str,
        done: &Config,
    ) -> Result<(String, u64), String> {
        let (volid, mut options) = split(value);
        if volid == "none" || (is_cdrom(value) && !is_cloudinit(value)) {
            return Ok((value.to_owned(), 0));
        }
        let original = self.volume(&work.node, &volid).cloned().ok_or_else(|| {
            self.free_all(&work.node, done);
            format!("volume '{volid}' does not exist")
        })?;
        let is_linked = !work.is_full && !is_cloudinit(value);
        let word = if is_linked { "linked" } else { "full" };
        self.task_log(seq, format!("create {word} clone of drive {key} ({volid})"));
        let made = if is_linked {
            self.link_volume(&work.node, &original, work.newid)
        } else {
            let storage = work.storage.clone().unwrap_or_else(|| original.storage.clone());
            let default = if work.storage.is_some() { "raw" } else { &original.format };
            let format = work.format.clone().unwrap_or_else(|| default.to_owned());
            self.copy_volume(&work.node, &original, &storage, work.newid, &format)
        };
        let (volume, lines) = made.inspect_err(|_| self.free_all(&work.node, done))?;
        lines.into_iter().for_each(|line| self.task_log(seq, line));
        if !is_linked {
            self.task_log(seq, format!("allocated target volume '{volume}'"));
            if !is_cloudinit(value) {
                copy_lines(original.size_bytes).into_iter().for_each(|line| self.task_log(seq, line));
            }
        }
        options.insert("size".to_owned(), print_size(original.size_bytes));
        Ok((print(&volume, &options), if is_linked { 0 } else { self.content_bytes(&work.node, &original) }))
    }

    /// Returns how much a full copy of a volume reads: a linked one has the rest of its content in its base.
    fn content_bytes(&self, node: &str, volume: &Volume) -> u64 {
        let base = volume.parent.as_deref().and_then(|parent| self.volume(node, parent));
        let below = base.map_or(0, |base| self.content_bytes(node, base));
        (volume.used_bytes + below).min(volume.size_bytes)
    }

    fn free_all(&mut self, node: &str, config: &Config) {
        for (_, value) in
            config.iter().filter(|(key, value)| is_disk_key(key) && (!is_cdrom(value) || is_cloudinit(value)))
        {
            self.free_volume(node, value.split(',').next().unwrap_or_default());
        }
    }

    /// Takes back what a clone made.
    pub(super) fn drop_clone(&mut self, work: &CloneWork) {
        if let Some(config) = self.guests.get(&work.newid).map(|guest| guest.config.clone()) {
            self.free_all(&work.node, &config);
        }
        self.firewalls.remove(&format!("guest/{}", work.newid));
        self.remove_guest(work.newid);
    }

    /// Stops a clone that runs: it cleans up and says it was interrupted.
    pub(super) fn cancel_clone(&mut self, seq: u64, work: &CloneWork) {
        // If the copy ends while the worker is being stopped, the clone stays.
        self.drop_clone(work);
        self.end_task(
            seq,
            Err("clone failed: copy failed: command '/usr/bin/qemu-img convert' failed: interrupted by signal"
                .to_owned()),
        );
    }
}

//! Cloning a container: its source is locked for the whole copy, so one clone at a time.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Machine;
use super::clone::COPY_BYTES_PER_MS;
use super::config::is_network_key;
use super::container_config::is_bind_mount;
use super::disks::{is_base, is_disk_key, storage_of, volume_in};
use super::property::{print, print_size, split};
use super::request::{Answer, Fault};
use super::routes::Context;
use super::state::{Config, Guest};
use super::task::{Spawn, Step, Work};

/// How long the call waits for the source's lock.
const LOCK_WAIT_MS: u64 = 10_000;
/// Making and unmounting the file systems takes this long besides the copy.
const OVERHEAD_MS: u64 = 900;
const NOT_COPIED: &[&str] = &["template", "lock", "parent", "snaptime", "snapstate"];

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct CloneContainerWork {
    source: u32,
    newid: u32,
    node: String,
    target: String,
    is_full: bool,
    hostname: Option<String>,
    description: Option<String>,
    storage: Option<String>,
    pool: Option<String>,
    /// What is copied: the source's configuration, or that of a snapshot.
    config: Config,
}

impl Machine {
    pub(super) fn clone_container(&mut self, context: &Context) -> Answer {
        let source = context.parameters.vmid();
        self.wait_for_lock(source, LOCK_WAIT_MS).map_err(Fault::text)?;
        let work = self.read_container_clone(context)?;
        let node = work.node.clone();
        self.with_guest(source, |guest| guest.config.insert("lock".to_owned(), "disk".to_owned()));
        let stub = Config::from([("lock".to_owned(), "create".to_owned())]);
        self.add_guest(work.newid, Guest::container(&node, stub));
        let spawn = Spawn {
            node: &node,
            kind: "vzclone",
            id: source.to_string(),
            locks: Vec::new(),
            wait_ms: 0,
            work: Work::CloneContainer(work),
        };
        Ok(json!(self.spawn(&context.caller, spawn)).into())
    }

    fn read_container_clone(&self, context: &Context) -> Result<CloneContainerWork, Fault> {
        let parameters = &context.parameters;
        let text = |name: &str| parameters.get(name).map(str::to_owned);
        let node = context.node().to_owned();
        let newid = parameters.number("newid").unwrap_or_default();
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
        self.check_id_unused(newid)?;
        let guest = self.named_guest(context)?;
        if let Some(text) = guest.locked() {
            return Err(Fault::text(text));
        }
        let config = match parameters.get("snapname") {
            Some(name) => {
                let snapshot = guest.snapshots.get(name);
                snapshot.ok_or_else(|| Fault::text(format!("snapshot '{name}' does not exist")))?.config.clone()
            }
            None => guest.config.clone(),
        };
        let is_full = parameters.get("full").map_or(!guest.is_template(), |value| value == "1");
        if !is_full && parameters.get("storage").is_some() {
            return Err(Fault::text("parameter 'storage' not allowed for linked clones"));
        }
        if is_full && guest.is_running() && parameters.get("snapname").is_none() {
            return Err(Fault::text("Cannot do full clones on a running container without snapshots"));
        }
        let work = CloneContainerWork {
            source: parameters.vmid(),
            newid,
            node,
            target,
            is_full,
            hostname: text("hostname"),
            description: text("description"),
            storage: text("storage"),
            pool: text("pool"),
            config,
        };
        self.check_container_clone(context, &work)?;
        Ok(work)
    }

    fn check_container_clone(&self, context: &Context, work: &CloneContainerWork) -> Result<(), Fault> {
        for (key, value) in work.config.iter().filter(|(key, _)| is_disk_key(key)) {
            if is_bind_mount(value) {
                return Err(Fault::text(format!("unable to clone mountpoint '{key}' (type bind)")));
            }
            let volid = volume_in(value).unwrap_or_default();
            let source = self.storages.get(storage_of(volid));
            // A linked volume would be a qcow2 file there, which no container can use.
            let is_linkable = is_base(volid) && !source.is_some_and(super::state::Storage::is_file_based);
            if !work.is_full && !is_linkable {
                return Err(Fault::text(format!("Linked clone feature for '{volid}' is not available")));
            }
            let storage = work.storage.as_deref().unwrap_or_else(|| storage_of(volid));
            self.require(&context.caller, &format!("/storage/{storage}"), "Datastore.AllocateSpace")?;
            let is_shared = |name: &str| self.storages.get(name).is_some_and(|storage| storage.is_shared);
            if work.target != work.node && !(is_shared(storage_of(volid)) && is_shared(storage)) {
                return Err(Fault::text(format!("can't clone CT to node '{}' (CT uses local storage)", work.target)));
            }
        }
        for (_, value) in work.config.iter().filter(|(key, _)| is_network_key(key)) {
            self.check_bridge(&context.caller, value)?;
        }
        Ok(())
    }

    pub(super) fn run_clone_container(&mut self, seq: u64, stage: u32, work: &CloneContainerWork) -> Step {
        match stage {
            0 => {
                self.task_log(seq, format!("creating a clone of container {} with ID {}", work.source, work.newid));
                self.write_clone_config(work);
                Step::After(30)
            }
            1 => match self.clone_mount_points(seq, work) {
                Ok(copied_bytes) => {
                    let (copy_ms, error) = self.copy_fate(seq, OVERHEAD_MS + copied_bytes / COPY_BYTES_PER_MS);
                    if let Some(error) = error {
                        self.doom(seq, format!("clone failed: {error}"));
                    }
                    Step::After(copy_ms)
                }
                Err(error) => {
                    self.drop_container_clone(work);
                    Step::failed(format!("clone failed: {error}"))
                }
            },
            _ => {
                self.unlock(work.source);
                self.unlock(work.newid);
                self.with_guest(work.newid, |guest| guest.node.clone_from(&work.target));
                if let Some(pool) = &work.pool {
                    self.join_pool(pool, work.newid);
                }
                Step::DONE
            }
        }
    }

    /// Writes everything but the volumes, so that the new container's description is there from the start.
    fn write_clone_config(&mut self, work: &CloneContainerWork) {
        let mut config = Config::from([("lock".to_owned(), "create".to_owned())]);
        for (key, value) in &work.config {
            let is_left_out = NOT_COPIED.contains(&key.as_str()) || key.starts_with("unused") || is_disk_key(key);
            if is_left_out {
                continue;
            }
            let value = if is_network_key(key) {
                let (_, mut keys) = split(&format!(",{value}"));
                keys.remove("hwaddr");
                let name = keys.remove("name").unwrap_or_default();
                self.normalise_container(key, &print(&format!("name={name}"), &keys))
            } else {
                value.clone()
            };
            config.insert(key.clone(), value);
        }
        if let Some(hostname) = &work.hostname {
            config.insert("hostname".to_owned(), hostname.clone());
        }
        if let Some(description) = &work.description {
            match self.normalise_container("description", description) {
                text if text.is_empty() => drop(config.remove("description")),
                text => drop(config.insert("description".to_owned(), text)),
            }
        }
        self.copy_firewall(work.source, work.newid);
        self.with_guest(work.newid, |guest| guest.config = config);
    }

    fn clone_mount_points(&mut self, seq: u64, work: &CloneContainerWork) -> Result<u64, String> {
        let mut copied_bytes = 0;
        for (key, value) in work.config.iter().filter(|(key, _)| is_disk_key(key)) {
            let (volid, mut options) = split(value);
            let original = self.volume(&work.node, &volid).cloned();
            let original = original.ok_or_else(|| format!("volume '{volid}' does not exist"))?;
            let word = if work.is_full { "full" } else { "linked" };
            self.task_log(seq, format!("create {word} clone of mountpoint {key} ({volid})"));
            let (made, lines) = if work.is_full {
                copied_bytes += original.used_bytes;
                let storage = work.storage.clone().unwrap_or_else(|| original.storage.clone());
                self.copy_volume(&work.node, &original, &storage, work.newid, "raw")?
            } else {
                self.link_volume(&work.node, &original, work.newid)?
            };
            lines.into_iter().for_each(|line| self.task_log(seq, line));
            options.insert("size".to_owned(), print_size(original.size_bytes));
            let setting = print(&made, &options);
            self.with_guest(work.newid, |guest| guest.config.insert(key.clone(), setting));
        }
        Ok(copied_bytes)
    }

    /// Takes back a clone that failed or was stopped.
    pub(super) fn drop_container_clone(&mut self, work: &CloneContainerWork) {
        if let Some(guest) = self.guests.get(&work.newid).cloned() {
            for volid in
                guest.config.iter().filter(|(key, _)| is_disk_key(key)).filter_map(|(_, value)| volume_in(value))
            {
                self.free_volume(&work.node, volid);
            }
        }
        self.firewalls.remove(&format!("guest/{}", work.newid));
        self.remove_guest(work.newid);
        self.unlock(work.source);
    }
}

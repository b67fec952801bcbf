//! A container's configuration: checks, canonical forms, and what a running container takes at once.

use std::collections::BTreeMap;

use serde_json::json;

use super::Machine;
use super::auth::Caller;
use super::config::{Changes, check_names, is_network_key};
use super::disks::{VolumeKind, Wish, is_disk_key, read, storage_of, volume_in};
use super::pending::{keep_as_unused, normalise_tags};
use super::property::{parse_size, print, print_size};
use super::request::{Answer, Fault};
use super::routes::Context;
use super::schema::parse_properties;
use super::state::{Config, Guest, GuestType};
use super::task::{Spawn, Step, Work, exclusive};

const LOCK_WAIT_MS: u64 = 10_000;
/// How long the reference server checked a file system before it grew it.
const RESIZE_MS: u64 = 22_000;
/// Keys a running container takes at once because nothing in it changes.
const ALWAYS_LIVE: &[&str] =
    &["description", "onboot", "startup", "protection", "hostname", "hookscript", "cores", "tags", "lock"];
/// Keys a running container takes at once through its control group.
const LIMITS: &[&str] = &["cpulimit", "cpuunits", "memory", "swap"];

/// Returns whether a mount point is a folder or device of the node.
pub(super) fn is_bind_mount(value: &str) -> bool {
    value.starts_with('/') || value.starts_with("volume=/")
}

/// Brings a mount point's volume to the front: `mp=/data,volume=local:1` says the same as `local:1,mp=/data`.
fn volume_first(key: &str, value: &str) -> String {
    let format = if key == "rootfs" { "$rootfs" } else { "$mp" };
    let Ok(mut keys) = parse_properties(format, value, key) else {
        return value.to_owned();
    };
    let volume = keys.remove("volume").unwrap_or_default();
    print(&volume, &keys)
}

impl Machine {
    pub(super) fn put_container_config(&mut self, context: &Context) -> Answer {
        let vmid = context.parameters.vmid();
        let changes = self.read_container_changes(context)?;
        self.wait_for_lock(vmid, LOCK_WAIT_MS).map_err(Fault::text)?;
        let guest = self.named_guest(context)?;
        if let Some(text) = guest.locked().filter(|_| !changes.delete.iter().any(|key| key == "lock")) {
            return Err(Fault::text(text));
        }
        if changes.digest.as_ref().is_some_and(|digest| *digest != guest.digest()) {
            return Err(Fault::text("detected modified configuration - file changed by other user? Try again."));
        }
        self.check_container_change(vmid, &changes)?;
        self.apply_container_changes(vmid, &changes)?;
        Ok(().into())
    }

    fn read_container_changes(&self, context: &Context) -> Result<Changes, Fault> {
        let mut parameters = context.parameters.clone();
        let vmid = parameters.vmid();
        for name in ["node", "vmid"] {
            parameters.remove(name);
        }
        let digest = parameters.remove("digest");
        let names = |text: Option<String>| -> Vec<String> {
            text.iter().flat_map(|text| super::schema::split_list(text)).map(str::to_owned).collect()
        };
        let (delete, revert) = (names(parameters.remove("delete")), names(parameters.remove("revert")));
        let set: Config = parameters.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        if set.is_empty() && delete.is_empty() && revert.is_empty() {
            return Err(Fault::text("no options specified"));
        }
        let changes = Changes { set, delete, revert, digest, ..Changes::default() };
        check_names(GuestType::Lxc, &changes)?;
        let path = format!("/vms/{vmid}");
        for key in &changes.delete {
            self.check_container_key(&context.caller, &path, key, "")?;
        }
        self.check_container_settings(&context.caller, context.node(), &path, &changes.set, false)?;
        self.named_guest(context)?;
        Ok(changes)
    }

    /// Checks each key: who may set it, and what it refers to.
    pub(super) fn check_container_settings(
        &self,
        caller: &Caller,
        node: &str,
        path: &str,
        settings: &Config,
        is_new: bool,
    ) -> Result<(), Fault> {
        for (key, value) in settings {
            self.check_container_key(caller, path, key, value)?;
            if is_network_key(key) {
                self.check_bridge(caller, value)?;
            }
            if is_disk_key(key) && !is_bind_mount(value) {
                self.check_mount_point(caller, node, key, value, is_new)?;
            }
        }
        Ok(())
    }

    fn check_container_key(&self, caller: &Caller, path: &str, key: &str, value: &str) -> Result<(), Fault> {
        let only_root =
            |what: &str| Err(Fault::new(403, format!("Permission check failed ({what} is only allowed for root@pam)")));
        let stem = key.trim_end_matches(|letter: char| letter.is_ascii_digit());
        if !caller.is_root() {
            match stem {
                "mp" | "rootfs" if is_bind_mount(value) => return only_root("mount point type bind"),
                "dev" => return only_root("configuring device passthrough"),
                "features" if value.split(',').any(|part| !part.is_empty() && !part.starts_with("nesting=")) => {
                    return only_root("changing feature flags (except nesting)");
                }
                "lock" | "hookscript" => return Err(Fault::text(format!("only root can set '{key}' config"))),
                _ => {}
            }
        }
        let privilege = match stem {
            "rootfs" | "mp" | "unused" => "VM.Config.Disk",
            "cores" | "cpulimit" | "cpuunits" => "VM.Config.CPU",
            "memory" | "swap" => "VM.Config.Memory",
            "net" | "nameserver" | "searchdomain" | "hostname" => "VM.Config.Network",
            _ => "VM.Config.Options",
        };
        self.require(caller, path, privilege)?;
        if key == "startup" { self.require(caller, "/", "Sys.Modify") } else { Ok(()) }
    }

    fn check_mount_point(
        &self,
        caller: &Caller,
        node: &str,
        key: &str,
        value: &str,
        is_new: bool,
    ) -> Result<(), Fault> {
        let value = volume_first(key, value);
        let storage = storage_of(&value);
        let definition = self.storage_on(storage, node)?;
        if !definition.content.contains("rootdir") {
            let text = format!("storage '{storage}' does not support container directories");
            return Err(match is_new {
                true => Fault::parameter("storage", text),
                false => Fault::text(format!("storage '{storage}' does not allow content type 'rootdir' (Container)")),
            });
        }
        match read(&value).0 {
            Wish::New { size_bytes: 0, .. } => Err(Fault::not_modelled("POST", "a container volume without size")),
            Wish::New { .. } => self.require(caller, &format!("/storage/{storage}"), "Datastore.AllocateSpace"),
            Wish::Existing { volid } => self.check_readable_volume(caller, node, &volid),
            Wish::Empty | Wish::CloudInit { .. } | Wish::Import { .. } => {
                Err(Fault::text(format!("unable to parse volume ID '{}'", value.split(',').next().unwrap_or_default())))
            }
        }
    }

    fn check_container_change(&self, vmid: u32, changes: &Changes) -> Result<(), Fault> {
        let Some(guest) = self.guests.get(&vmid) else {
            return Ok(());
        };
        for key in changes.delete.iter().filter(|key| guest.config.contains_key(*key)) {
            if matches!(key.as_str(), "memory" | "rootfs" | "ostype") {
                return Err(Fault::text(format!("unable to delete required option '{key}'")));
            }
            if key == "unprivileged" {
                return Err(Fault::text("unable to delete read-only option: 'unprivileged'"));
            }
            if guest.is_protected() && (is_disk_key(key) || key.starts_with("unused")) {
                return Err(Fault::text(format!("can't remove CT {vmid} drive '{key}' - protection mode enabled")));
            }
        }
        for key in changes.set.keys() {
            if key == "unprivileged" {
                return Err(Fault::text("unable to modify read-only option: 'unprivileged'"));
            }
            if guest.is_protected() && is_disk_key(key) {
                return Err(Fault::text(format!("can't update CT {vmid} drive '{key}' - protection mode enabled")));
            }
        }
        Ok(())
    }

    fn apply_container_changes(&mut self, vmid: u32, changes: &Changes) -> Result<(), Fault> {
        self.with_guest(vmid, |guest| {
            for key in &changes.revert {
                guest.pending.remove(key);
                guest.pending_delete.remove(key);
            }
        });
        for key in &changes.delete {
            self.delete_container_key(vmid, key)?;
        }
        let mut problems = BTreeMap::new();
        for (key, value) in &changes.set {
            if let Err(error) = self.set_container_key(vmid, key, value) {
                problems.insert(key.clone(), format!("unable to apply pending change {key} : {error}\n"));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(Fault::parameters(problems)) }
    }

    fn delete_container_key(&mut self, vmid: u32, key: &str) -> Result<(), Fault> {
        let Some(guest) = self.guests.get(&vmid) else {
            return Ok(());
        };
        let (node, value) = (guest.node.clone(), guest.config.get(key).cloned());
        let is_live = ALWAYS_LIVE.contains(&key) || key.starts_with("unused") || is_network_key(key);
        let is_live = is_live || matches!(key, "swap" | "cpulimit" | "cpuunits");
        if guest.is_running() && !is_live {
            self.with_guest(vmid, |guest| {
                guest.pending.remove(key);
                if guest.config.contains_key(key) {
                    guest.pending_delete.insert(key.to_owned());
                }
            });
            return Ok(());
        }
        let Some(volid) = value.as_deref().and_then(volume_in).map(str::to_owned) else {
            self.forget_key(vmid, key);
            return Ok(());
        };
        if key.starts_with("unused") && !guest.is_in_snapshot(&volid) {
            self.free_volume(&node, &volid);
        }
        self.forget_key(vmid, key);
        if is_disk_key(key) {
            self.with_guest(vmid, |guest| keep_as_unused(guest, &volid));
        }
        Ok(())
    }

    fn forget_key(&mut self, vmid: u32, key: &str) {
        self.with_guest(vmid, |guest| {
            guest.config.remove(key);
            guest.pending.remove(key);
            guest.pending_delete.remove(key);
        });
    }

    fn set_container_key(&mut self, vmid: u32, key: &str, value: &str) -> Result<(), String> {
        let Some(guest) = self.guests.get(&vmid) else {
            return Ok(());
        };
        let (node, is_running, before) = (guest.node.clone(), guest.is_running(), guest.config.get(key).cloned());
        let is_mount_point = key.starts_with("mp") && is_disk_key(key);
        let is_live = ALWAYS_LIVE.contains(&key)
            || LIMITS.contains(&key)
            || is_network_key(key)
            || (is_mount_point && before.is_none());
        if is_running && !is_live {
            let value = self.normalise_container(key, value);
            self.with_guest(vmid, |guest| {
                guest.pending_delete.remove(key);
                match guest.config.get(key) == Some(&value) {
                    true => drop(guest.pending.remove(key)),
                    false => drop(guest.pending.insert(key.to_owned(), value)),
                }
            });
            return Ok(());
        }
        let value = match is_disk_key(key) {
            true => self.realise_mount_point(&node, vmid, key, value)?.0,
            false => self.normalise_container(key, value),
        };
        self.with_guest(vmid, |guest| {
            guest.pending.remove(key);
            guest.pending_delete.remove(key);
            let volid = volume_in(&value).unwrap_or_default().to_owned();
            guest.config.retain(|name, other| !(name.starts_with("unused") && *other == volid));
            match value.is_empty() && key != "tags" {
                true => drop(guest.config.remove(key)),
                false if value.is_empty() => drop(guest.config.insert(key.to_owned(), " ".to_owned())),
                false => drop(guest.config.insert(key.to_owned(), value)),
            }
            if let Some(old) = before.as_deref().and_then(volume_in).filter(|_| is_disk_key(key)) {
                keep_as_unused(guest, old);
            }
        });
        Ok(())
    }

    /// Applies what waits for a start; a mount point that cannot be made stays pending.
    pub(super) fn apply_pending_container(&mut self, vmid: u32) {
        let Some(guest) = self.guests.get(&vmid).cloned() else {
            return;
        };
        self.with_guest(vmid, |guest| guest.power = super::state::Power::Stopped);
        for key in &guest.pending_delete {
            // Deleting a key of a stopped container cannot fail.
            drop(self.delete_container_key(vmid, key));
        }
        for (key, value) in &guest.pending {
            drop(self.set_container_key(vmid, key, value));
        }
    }

    /// Brings a value into the form the server stores.
    pub(super) fn normalise_container(&mut self, key: &str, value: &str) -> String {
        if is_network_key(key) {
            let Ok(mut keys) = parse_properties("$net", value, key) else {
                return value.to_owned();
            };
            let name = keys.remove("name").unwrap_or_default();
            keys.entry("type".to_owned()).or_insert("veth".to_owned());
            if !keys.contains_key("hwaddr") {
                keys.insert("hwaddr".to_owned(), self.random_mac());
            }
            return print(&format!("name={name}"), &keys);
        }
        match key {
            "tags" => normalise_tags(value),
            // Unlike a virtual machine's, a container's description always ends with a line feed.
            "description" if value.trim_end_matches('\n').is_empty() => String::new(),
            "description" => format!("{}\n", value.trim_end_matches('\n')),
            "nameserver" | "searchdomain" => super::schema::split_list(value).join(" "),
            _ => value.to_owned(),
        }
    }

    /// Makes true what a mount point asks for; returns the setting to store and the lines for the task log.
    pub(super) fn realise_mount_point(
        &mut self,
        node: &str,
        vmid: u32,
        key: &str,
        value: &str,
    ) -> Result<(String, Vec<String>), String> {
        let value = volume_first(key, value);
        if is_bind_mount(&value) {
            return Ok((value, Vec::new()));
        }
        let (wish, mut options) = read(&value);
        match wish {
            Wish::New { storage, size_bytes } => {
                let (volid, mut lines) =
                    self.allocate(node, &storage, vmid, "raw", size_bytes, VolumeKind::Container)?;
                let blocks = size_bytes / 4096;
                lines.push(format!("Creating filesystem with {blocks} 4k blocks and {} inodes", blocks / 4));
                lines.push(format!("Filesystem UUID: {}", self.random_uuid()));
                lines.push("Superblock backups stored on blocks: ".to_owned());
                lines.push(format!("\t{}", superblocks(blocks)));
                options.insert("size".to_owned(), print_size(size_bytes));
                Ok((print(&volid, &options), lines))
            }
            Wish::Existing { volid } => {
                let volume = self.volume(node, &volid).ok_or_else(|| format!("volume '{volid}' does not exist"))?;
                options.insert("size".to_owned(), print_size(volume.size_bytes));
                Ok((print(&volid, &options), Vec::new()))
            }
            Wish::Empty | Wish::CloudInit { .. } | Wish::Import { .. } => {
                Err(format!("unable to parse volume '{value}'"))
            }
        }
    }

    /// Grows a container's volume. Unlike for a virtual machine, everything is checked before the worker runs.
    pub(super) fn resize_mount_point(&mut self, context: &Context) -> Answer {
        let parameters = &context.parameters;
        let vmid = parameters.vmid();
        let node = context.node().to_owned();
        self.wait_for_lock(vmid, LOCK_WAIT_MS).map_err(Fault::text)?;
        let guest = self.named_guest(context)?;
        if let Some(text) = guest.locked() {
            return Err(Fault::text(text));
        }
        if parameters.get("digest").is_some_and(|digest| digest != guest.digest()) {
            return Err(Fault::text("detected modified configuration - file changed by other user? Try again."));
        }
        let key = parameters.required("disk").to_owned();
        let Some(volid) = guest.config.get(&key).and_then(|value| volume_in(value)).map(str::to_owned) else {
            return Err(Fault::text("format error"));
        };
        self.require(&context.caller, &format!("/storage/{}", storage_of(&volid)), "Datastore.AllocateSpace")?;
        let before = self.volume(&node, &volid).map(|volume| volume.size_bytes);
        let before = before.ok_or_else(|| Fault::text(format!("volume '{volid}' does not exist")))?;
        let text = parameters.required("size");
        let size_bytes = match text.strip_prefix('+') {
            Some(more) => parse_size(more).map(|more| before + more),
            None => parse_size(text),
        };
        let size_bytes = size_bytes.unwrap_or(0);
        if size_bytes < before {
            return Err(Fault::text("unable to shrink disk size"));
        }
        if size_bytes == before {
            return Err(Fault::text("disk is already at specified size"));
        }
        let line = format!("update CT {vmid}: resize --disk {key} --size {}", print_size(size_bytes));
        self.log_line(&node, &context.caller.full_id(), 6, &line);
        let work = Work::ResizeMountPoint { vmid, key, size_bytes };
        let spawn = Spawn {
            node: &node,
            kind: "resize",
            id: vmid.to_string(),
            locks: exclusive(vmid),
            wait_ms: LOCK_WAIT_MS,
            work,
        };
        Ok(json!(self.spawn(&context.caller, spawn)).into())
    }

    pub(super) fn run_resize_mount_point(
        &mut self,
        seq: u64,
        stage: u32,
        vmid: u32,
        key: &str,
        size_bytes: u64,
    ) -> Step {
        if stage > 0 {
            return Step::DONE;
        }
        let Some(guest) = self.guests.get(&vmid).cloned() else {
            return Step::failed(format!("Configuration file for CT {vmid} does not exist"));
        };
        if let Some(volid) = guest.config.get(key).and_then(|value| volume_in(value)) {
            self.resize_volume(&guest.node, volid, size_bytes);
        }
        self.with_guest(vmid, |guest| set_size(guest, key, size_bytes));
        self.task_log(seq, "Image resized.");
        Step::After(if guest.is_running() { 500 } else { RESIZE_MS })
    }
}

/// Returns where a file system keeps copies of its first block: in the groups 1 and the powers of 3, 5 and 7.
fn superblocks(blocks: u64) -> String {
    const GROUP: u64 = 32_768;
    let powers = |base: u64| std::iter::successors(Some(base), move |power| power.checked_mul(base));
    let is_there = |group: &u64| group * GROUP < blocks;
    let mut groups = std::collections::BTreeSet::from([1]);
    for base in [3, 5, 7] {
        groups.extend(powers(base).take_while(is_there));
    }
    let numbers: Vec<String> = groups.iter().map(|group| (group * GROUP).to_string()).collect();
    numbers.join(", ")
}

fn set_size(guest: &mut Guest, key: &str, size_bytes: u64) {
    if let Some(value) = guest.config.get_mut(key) {
        let (volume, mut options) = super::property::split(value);
        options.insert("size".to_owned(), print_size(size_bytes));
        *value = print(&volume, &options);
    }
}

//! The rest of a guest's life: adding, removing, resizing disks, becoming a template.

use serde_json::{Value, json};

use super::Machine;
use super::disks::{file_name, is_base, is_cdrom, is_cloudinit, is_disk_key, volume_in};
use super::property::{parse_size, print, print_size, split};
use super::request::{Answer, Fault};
use super::routes::Context;
use super::snapshots::snapshot_volumes;
use super::state::{Config, Guest, GuestType, Storage};
use super::task::{Spawn, Step, Work, exclusive};

const LOCK_WAIT_MS: u64 = 10_000;

impl Machine {
    pub(super) fn add_guest(&mut self, vmid: u32, guest: Guest) {
        self.guests.insert(vmid, guest);
        self.plan_broadcast();
    }

    /// Removes a guest; what the status daemon said about it stays for whoever gets the id next.
    pub(super) fn remove_guest(&mut self, vmid: u32) -> Option<Guest> {
        self.guests.remove(&vmid)
    }

    pub(super) fn delete_guest(&mut self, context: &Context) -> Answer {
        let vmid = context.parameters.vmid();
        let guest = self.named_guest(context)?;
        let kind = guest.kind;
        let skips_lock = context.parameters.is_set("skiplock");
        if skips_lock && !context.caller.is_root() {
            return Err(Fault::parameter("skiplock", "Only root may use this option."));
        }
        if guest.is_protected() {
            return Err(Fault::text(format!("can't remove {} {vmid} - protection mode enabled", kind.noun())));
        }
        let stops = kind == GuestType::Lxc && context.parameters.is_set("force");
        if guest.is_running() && !stops {
            return Err(Fault::text(still_running(kind, vmid)));
        }
        if self.ha_sid(vmid).is_some() && !context.parameters.is_set("purge") {
            let noun = kind.noun();
            let text = format!("unable to remove {noun} {vmid} - used in HA resources and purge parameter not set.");
            return Err(Fault::text(text));
        }
        let work = Work::Destroy {
            vmid,
            purges: context.parameters.is_set("purge"),
            frees_unreferenced: context.parameters.is_set("destroy-unreferenced-disks"),
            skips_lock,
        };
        if stops {
            self.power_off(vmid);
        }
        self.spawn_for(context, &kind.task("destroy"), vmid, work)
    }

    pub(super) fn run_destroy(
        &mut self,
        seq: u64,
        stage: u32,
        vmid: u32,
        purges: bool,
        frees_unreferenced: bool,
        skips_lock: bool,
    ) -> Step {
        let Some(guest) = self.guests.get(&vmid).cloned() else {
            return Step::failed(format!("Configuration file for VM {vmid} does not exist"));
        };
        if stage > 0 {
            self.remove_guest(vmid);
            return Step::DONE;
        }
        if let Some(text) = guest.locked().filter(|_| !skips_lock && guest.lock() != Some("suspended")) {
            return Step::failed(text);
        }
        if guest.is_running() {
            return Step::failed(still_running(guest.kind, vmid));
        }
        let volids = owned_volumes(&guest);
        if let Some(volid) = volids.iter().find(|volid| self.has_visible_children(volid)) {
            return Step::failed(format!("base volume '{volid}' is still in use by linked cloned"));
        }
        for volid in &volids {
            if self.volume(&guest.node, volid).is_some_and(|volume| volume.vmid == Some(vmid)) {
                self.free_volume(&guest.node, volid);
            }
        }
        if frees_unreferenced {
            self.free_unreferenced(&guest.node, vmid);
        }
        self.forget_references(vmid);
        if purges {
            let noun = guest.kind.noun();
            self.task_log(seq, format!("purging {noun} {vmid} from related configurations.."));
            self.purge(seq, vmid);
        }
        self.with_guest(vmid, |guest| guest.config.insert("lock".to_owned(), "destroyed".to_owned()));
        Step::After(60)
    }

    fn free_unreferenced(&mut self, node: &str, vmid: u32) {
        let is_stray = |volume: &&super::state::Volume| {
            volume.vmid == Some(vmid)
                && matches!(volume.content.as_str(), "images" | "rootdir")
                && (volume.node.is_empty() || volume.node == node)
        };
        let strays: Vec<String> = self.volumes.values().filter(is_stray).map(|volume| volume.volid.clone()).collect();
        for volid in strays {
            self.free_volume(node, &volid);
        }
    }

    fn forget_references(&mut self, vmid: u32) {
        let path = format!("/vms/{vmid}");
        if self.access.entries.iter().any(|entry| entry.path == path) {
            self.access.entries.retain(|entry| entry.path != path);
        }
        if let Some(pool) = self.pool_of_guest(vmid)
            && let Some(pool) = self.pools.get_mut(&pool)
        {
            pool.guests.remove(&vmid);
        }
        self.firewalls.remove(&format!("guest/{vmid}"));
    }

    pub(super) fn resize_disk(&mut self, context: &Context) -> Answer {
        let parameters = &context.parameters;
        let vmid = parameters.vmid();
        if parameters.is_set("skiplock") && !context.caller.is_root() {
            return Err(Fault::parameter("skiplock", "Only root may use this option."));
        }
        let work = Work::Resize {
            vmid,
            disk: parameters.required("disk").to_owned(),
            size: parameters.required("size").to_owned(),
            digest: parameters.get("digest").map(str::to_owned),
        };
        self.spawn_for(context, "resize", vmid, work)
    }

    pub(super) fn run_resize(
        &mut self,
        seq: u64,
        stage: u32,
        vmid: u32,
        disk: &str,
        size: &str,
        digest: Option<&str>,
    ) -> Step {
        if stage > 0 {
            return Step::DONE;
        }
        let Some(guest) = self.guests.get(&vmid).cloned() else {
            return Step::failed(format!("Configuration file for VM {vmid} does not exist"));
        };
        if digest.is_some_and(|digest| digest != guest.digest()) {
            return Step::failed("checksum mismatch (file change by other user?)");
        }
        if let Some(lock) = guest.lock() {
            return Step::failed(format!("VM is locked ({lock})"));
        }
        let Some(value) = guest.config.get(disk) else {
            return Step::failed(format!("disk '{disk}' does not exist"));
        };
        if is_cdrom(value) {
            return Step::failed("you can't resize a cdrom");
        }
        let (volid, mut options) = split(value);
        let Some(volume) = self.volume(&guest.node, &volid).cloned() else {
            return Step::failed(format!("volume '{volid}' does not exist"));
        };
        let wanted = match size.strip_prefix('+') {
            Some(more) => parse_size(more).map(|more| volume.size_bytes + more),
            None => parse_size(size),
        };
        let Some(wanted) = wanted else {
            return Step::failed(format!("unable to parse size '{size}'"));
        };
        if wanted < volume.size_bytes {
            return Step::failed("shrinking disks is not supported");
        }
        if wanted == volume.size_bytes {
            return Step::DONE;
        }
        if is_base(&volid) {
            let path = self.image_path(vmid, &volid);
            let refused = format!("Could not open '{path}'");
            self.task_log(seq, format!("qemu-img: {refused}: {refused}: Operation not permitted"));
            let format = &volume.format;
            return Step::failed(format!(
                "command '/usr/bin/qemu-img resize '--preallocation=metadata' -f {format} {path} {wanted}' failed: exit code 1"
            ));
        }
        self.resize_volume(&guest.node, &volid, wanted);
        options.insert("size".to_owned(), print_size(wanted));
        self.with_guest(vmid, |guest| guest.config.insert(disk.to_owned(), print(&volid, &options)));
        let user = self.tasks.get(&seq).map(|task| task.user.clone()).unwrap_or_default();
        self.log_line(&guest.node, &user, 6, &format!("update VM {vmid}: resize --disk {disk} --size {size}"));
        self.task_log(seq, "Image resized.");
        Step::After(70)
    }

    pub(super) fn make_template(&mut self, context: &Context) -> Answer {
        let vmid = context.parameters.vmid();
        let guest = self.named_guest(context)?;
        let kind = guest.kind;
        if let Some(text) = guest.locked() {
            return Err(Fault::text(text));
        }
        if !guest.snapshots.is_empty() {
            let text = format!("unable to create template, because {} contains snapshots", kind.noun());
            return Err(Fault::text(text));
        }
        if guest.is_template() {
            return Err(Fault::text("you can't convert a template to a template"));
        }
        if guest.is_running() {
            return Err(Fault::text(match kind {
                GuestType::Qemu => "you can't convert a VM to template if VM is running",
                GuestType::Lxc => "you can't convert a CT to template if the CT is running",
            }));
        }
        let answer = self.spawn_for(context, &kind.task("template"), vmid, Work::Template { vmid })?;
        // The same worker runs for a container, but its call does not say so.
        if kind == GuestType::Lxc { Ok(().into()) } else { Ok(answer) }
    }

    pub(super) fn run_template(&mut self, stage: u32, vmid: u32) -> Step {
        if stage == 0 {
            return Step::After(60);
        }
        let Some(guest) = self.guests.get(&vmid).cloned() else {
            return Step::failed(format!("Configuration file for VM {vmid} does not exist"));
        };
        for (key, base) in self.make_bases(&guest.node, &guest.config) {
            self.with_guest(vmid, |guest| guest.config.insert(key, base));
        }
        self.with_guest(vmid, |guest| guest.config.insert("template".to_owned(), "1".to_owned()));
        Step::DONE
    }

    /// Renames the disks of a guest to what those of a template are called; returns the settings that change.
    pub(super) fn make_bases(&mut self, node: &str, config: &Config) -> Config {
        let mut changed = Config::new();
        for (key, value) in config.iter().filter(|(key, value)| is_disk_key(key) && !is_cdrom(value)) {
            let (volid, options) = split(value);
            let name = file_name(&volid);
            let renamed = match name.split_once('-') {
                Some(("vm", rest)) => Some(format!("base-{rest}")),
                Some(("subvol", rest)) => Some(format!("basevol-{rest}")),
                _ => None,
            };
            if let Some(renamed) = renamed {
                let base = format!("{}{renamed}", &volid[..volid.len() - name.len()]);
                self.rename_volume(node, &volid, &base);
                changed.insert(key.clone(), print(&base, &options));
            }
        }
        changed
    }

    /// Says whether a guest could be cloned, copied or snapshotted, and on which nodes.
    pub(super) fn guest_feature(&mut self, context: &Context) -> Answer {
        let guest = self.named_guest(context)?;
        let config = match context.parameters.get("snapname") {
            Some(name) => {
                let snapshot = guest.snapshots.get(name);
                &snapshot.ok_or_else(|| Fault::text(format!("snapshot '{name}' does not exist")))?.config
            }
            None => &guest.config,
        };
        let disks: Vec<String> = snapshot_volumes(config).into_iter().map(|(_, volid)| volid).collect();
        let storage_of_disk = |volid: &str| self.storages.get(super::disks::storage_of(volid));
        let is_file = |volid: &str| storage_of_disk(volid).is_some_and(Storage::is_file_based);
        let has_feature = match context.parameters.required("feature") {
            "clone" => disks.iter().all(|volid| is_base(volid) && (guest.kind == GuestType::Qemu || !is_file(volid))),
            "snapshot" => disks.iter().all(|volid| self.can_snapshot(volid)),
            _ => true,
        };
        let is_shared = disks.iter().all(|volid| storage_of_disk(volid).is_some_and(|storage| storage.is_shared));
        let nodes: Vec<&String> = if is_shared { self.nodes.keys().collect() } else { vec![&guest.node] };
        Ok(json!({ "hasFeature": u8::from(has_feature), "nodes": nodes }).into())
    }

    fn spawn_for(&mut self, context: &Context, kind: &str, vmid: u32, work: Work) -> Answer {
        let node = context.node();
        let spawn = Spawn { node, kind, id: vmid.to_string(), locks: exclusive(vmid), wait_ms: LOCK_WAIT_MS, work };
        Ok(json!(self.spawn(&context.caller, spawn)).into())
    }

    pub(super) fn list_guests(&mut self, context: &Context) -> Answer {
        self.list_of_type(context, GuestType::Qemu)
    }

    pub(super) fn list_containers(&mut self, context: &Context) -> Answer {
        self.list_of_type(context, GuestType::Lxc)
    }

    fn list_of_type(&self, context: &Context, kind: GuestType) -> Answer {
        let rows = self.guests.iter().filter(|(vmid, guest)| {
            guest.node == context.node()
                && guest.kind == kind
                && self.has(&context.caller, &format!("/vms/{vmid}"), "VM.Audit")
        });
        let rows = rows.map(|(vmid, guest)| {
            let mut row = self.status_row(*vmid, guest);
            if guest.is_template() {
                row["template"] = json!(1);
            }
            row
        });
        Ok(Value::Array(rows.collect()).into())
    }

    pub(super) fn guest_index(&mut self, context: &Context) -> Answer {
        let guest = self.named_guest(context)?;
        let names: &[&str] = match guest.kind {
            GuestType::Qemu => &[
                "config",
                "pending",
                "status",
                "unlink",
                "vncproxy",
                "termproxy",
                "migrate",
                "resize",
                "move",
                "rrd",
                "rrddata",
                "monitor",
                "agent",
                "snapshot",
                "spiceproxy",
                "sendkey",
                "firewall",
                "mtunnel",
                "remote_migrate",
            ],
            GuestType::Lxc => &[
                "config",
                "pending",
                "status",
                "vncproxy",
                "termproxy",
                "vncwebsocket",
                "spiceproxy",
                "migrate",
                "clone",
                "rrd",
                "rrddata",
                "firewall",
                "snapshot",
                "resize",
                "interfaces",
            ],
        };
        Ok(Value::Array(names.iter().map(|name| json!({ "subdir": name })).collect()).into())
    }

    pub(super) fn status_index(&mut self, context: &Context) -> Answer {
        let guest = self.named_guest(context)?;
        let names: &[&str] = match guest.kind {
            GuestType::Qemu => &["current", "start", "stop", "reset", "shutdown", "suspend", "reboot"],
            GuestType::Lxc => &["current", "start", "stop", "shutdown", "migrate"],
        };
        Ok(Value::Array(names.iter().map(|name| json!({ "subdir": name })).collect()).into())
    }
}

fn still_running(kind: GuestType, vmid: u32) -> String {
    match kind {
        GuestType::Qemu => format!("VM {vmid} is running - destroy failed"),
        GuestType::Lxc => format!("unable to destroy CT {vmid} - container is running"),
    }
}

/// Returns the volumes a guest's configuration and snapshots refer to as theirs.
pub(super) fn owned_volumes(guest: &Guest) -> std::collections::BTreeSet<String> {
    let is_owned = |(key, value): &(&String, &String)| {
        (is_disk_key(key) && (!is_cdrom(value) || is_cloudinit(value)))
            || key.starts_with("unused")
            || *key == "vmstate"
    };
    let configs = guest.snapshots.values().map(|snapshot| &snapshot.config).chain([&guest.config]);
    let owned = configs.flat_map(|config| config.iter()).filter(is_owned);
    owned.filter_map(|(_, value)| volume_in(value)).map(str::to_owned).collect()
}

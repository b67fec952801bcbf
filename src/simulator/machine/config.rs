//! Reading and writing a guest's configuration: checks, digest, locks. How a change takes effect is in `pending`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha1::{Digest, Sha1};

use super::Machine;
use super::api::{Api, Kind};
use super::auth::Caller;
use super::disks::{is_cdrom, is_cloudinit, is_disk_key};
use super::request::{Answer, Fault};
use super::routes::Context;
use super::schema::Parameters;
use super::state::{Config, Guest, GuestType};
use super::task::{Spawn, Step, Work, exclusive};

/// Keys only the user root@pam itself may touch; a token of root is refused.
const ROOT_ONLY: &[&str] = &[
    "affinity",
    "amd-sev",
    "arch",
    "args",
    "hookscript",
    "hugepages",
    "intel-tdx",
    "ivshmem",
    "keephugepages",
    "lock",
    "spice_enhancements",
    "vmgenid",
];
/// How long a configuration write waits for a guest's lock.
const LOCK_WAIT_MS: u64 = 10_000;
const MASK: &str = "**********";

/// What a configuration write asks for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Changes {
    pub(super) set: Config,
    pub(super) delete: Vec<String>,
    pub(super) revert: Vec<String>,
    /// Removes volumes at once instead of keeping them as unused.
    pub(super) frees: bool,
    pub(super) digest: Option<String>,
    pub(super) skips_lock: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ConfigureWork {
    pub(super) vmid: u32,
    pub(super) changes: Changes,
}

impl Guest {
    /// Returns the configuration file's text, of which the digest is made.
    pub(super) fn raw_text(&self) -> String {
        let mut text = String::new();
        if let Some(description) = self.config.get("description") {
            for line in description.split('\n') {
                text.push_str(&format!("#{}\n", line.replace('%', "%25")));
            }
        }
        push_section(&mut text, &self.config);
        if !self.pending.is_empty() || !self.pending_delete.is_empty() {
            text.push_str("\n[PENDING]\n");
            if !self.pending_delete.is_empty() {
                let keys: Vec<&str> = self.pending_delete.iter().map(String::as_str).collect();
                text.push_str(&format!("delete: {}\n", keys.join(",")));
            }
            push_section(&mut text, &self.pending);
        }
        for (name, snapshot) in &self.snapshots {
            text.push_str(&format!("\n[{name}]\n"));
            push_section(&mut text, &snapshot.config);
        }
        text
    }

    pub(super) fn digest(&self) -> String {
        sha1_hex(self.raw_text().as_bytes())
    }
}

fn push_section(text: &mut String, config: &Config) {
    for (key, value) in config.iter().filter(|(key, _)| *key != "description") {
        text.push_str(&format!("{key}: {value}\n"));
    }
}

/// Returns the SHA-1 of bytes in hexadecimal.
pub(super) fn sha1_hex(bytes: &[u8]) -> String {
    Sha1::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns a configuration value in the JSON type the server uses for its key.
pub(super) fn typed(kind: GuestType, key: &str, value: &str) -> Value {
    if key == "cipassword" {
        return json!(MASK);
    }
    if key == "snaptime" {
        return value.parse::<u64>().map_or_else(|_| json!(value), |number| json!(number));
    }
    match Api::get().config_rule(kind, key).map(|field| field.rule.kind) {
        Some(Kind::Integer | Kind::Boolean) => {
            value.parse::<i64>().map_or_else(|_| json!(value), |number| json!(number))
        }
        _ => json!(value),
    }
}

/// Returns a configuration as JSON members.
pub(super) fn typed_config(kind: GuestType, config: &Config) -> Map<String, Value> {
    config.iter().map(|(key, value)| (key.clone(), typed(kind, key, value))).collect()
}

impl Machine {
    /// Returns a virtual machine of a node, or the error the server has for a missing one.
    pub(super) fn guest(&self, node: &str, vmid: u32) -> Result<&Guest, Fault> {
        self.guest_of_type(GuestType::Qemu, node, vmid)
    }

    pub(super) fn guest_of_type(&self, kind: GuestType, node: &str, vmid: u32) -> Result<&Guest, Fault> {
        let is_here = |guest: &&Guest| guest.node == node && guest.kind == kind;
        self.guests.get(&vmid).filter(is_here).ok_or_else(|| Fault::text(kind.missing(node, vmid)))
    }

    /// Returns the guest a call is about.
    pub(super) fn named_guest(&self, context: &Context) -> Result<&Guest, Fault> {
        self.guest_of_type(context.guest_type(), context.node(), context.parameters.vmid())
    }

    pub(super) fn guest_config(&mut self, context: &Context) -> Answer {
        let guest = self.named_guest(context)?;
        let config = match context.parameters.get("snapshot") {
            Some(_) if context.parameters.is_set("current") => {
                let text = "cannot use 'snapshot' parameter with 'current'";
                return Err(Fault::parameter("snapshot", text));
            }
            Some(name) => {
                let snapshot = guest.snapshots.get(name);
                snapshot.ok_or_else(|| Fault::text(format!("snapshot '{name}' does not exist")))?.config.clone()
            }
            None if context.parameters.is_set("current") => guest.config.clone(),
            None => guest.merged(),
        };
        let mut data = typed_config(guest.kind, &config);
        data.insert("digest".to_owned(), json!(guest.digest()));
        Ok(Value::Object(data).into())
    }

    pub(super) fn guest_pending(&mut self, context: &Context) -> Answer {
        let guest = self.named_guest(context)?;
        let mut rows: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
        for (key, value) in &guest.config {
            let row = rows.entry(key).or_default();
            row.insert("key".to_owned(), json!(key));
            row.insert("value".to_owned(), typed(guest.kind, key, value));
        }
        for (key, value) in &guest.pending {
            let row = rows.entry(key).or_default();
            row.insert("key".to_owned(), json!(key));
            row.insert("pending".to_owned(), typed(guest.kind, key, value));
        }
        for key in &guest.pending_delete {
            rows.entry(key).or_default().insert("delete".to_owned(), json!(1));
        }
        let digest = guest.digest();
        let mut rows: Vec<Value> = rows.into_values().map(Value::Object).collect();
        rows.push(json!({ "key": "digest", "value": digest }));
        Ok(Value::Array(rows).into())
    }

    /// PUT: done when it answers.
    pub(super) fn put_config(&mut self, context: &Context) -> Answer {
        let vmid = context.parameters.vmid();
        let changes = self.read_changes(context)?;
        self.put_changes(context, vmid, &changes)
    }

    pub(super) fn put_changes(&mut self, context: &Context, vmid: u32, changes: &Changes) -> Answer {
        // A lock in the config is refused at once, and looked for again once the wait for the guest is over.
        self.check_writable(context.node(), vmid, changes)?;
        self.wait_for_lock(vmid, LOCK_WAIT_MS).map_err(Fault::text)?;
        self.check_writable(context.node(), vmid, changes)?;
        let message = format!("update VM {vmid}: {}", describe(&context.parameters));
        self.log_line(context.node(), &context.caller.full_id(), 6, &message);
        self.apply_changes(vmid, changes)?;
        Ok(().into())
    }

    /// POST: a worker does it.
    pub(super) fn post_config(&mut self, context: &Context) -> Answer {
        let vmid = context.parameters.vmid();
        let changes = self.read_changes(context)?;
        self.check_writable(context.node(), vmid, &changes)?;
        let line = format!("update VM {vmid}: {}", describe(&context.parameters));
        let work = Work::Configure(ConfigureWork { vmid, changes });
        let spawn = Spawn {
            node: context.node(),
            kind: "qmconfig",
            id: vmid.to_string(),
            locks: exclusive(vmid),
            wait_ms: LOCK_WAIT_MS,
            work,
        };
        let upid = self.spawn(&context.caller, spawn);
        let seq = self.upids[&upid];
        self.task_log(seq, line);
        let Some(delay_s) = context.parameters.number::<u64>("background_delay") else {
            return Ok(json!(upid).into());
        };
        self.wait_for_task(seq, delay_s * 1000, &upid)
    }

    /// Waits for a worker; nothing is answered when it ended well in time, its error when it failed.
    pub(super) fn wait_for_task(&mut self, seq: u64, wait_ms: u64, upid: &str) -> Answer {
        use super::task::Phase;
        let until_ms = self.clock.now_ms + wait_ms;
        while self.clock.now_ms < until_ms && self.tasks.get(&seq).is_some_and(super::task::Task::is_active) {
            let next_ms = self.agenda.first().map_or(until_ms, |(due_ms, _)| (*due_ms).min(until_ms));
            self.advance_to(next_ms);
        }
        match self.tasks.get(&seq).map(|task| &task.phase) {
            Some(Phase::Ended { status, .. }) if status == "OK" => Ok(().into()),
            Some(Phase::Ended { status, .. }) => Err(Fault::text(status.clone())),
            _ => Ok(json!(upid).into()),
        }
    }

    pub(super) fn run_configure(&mut self, seq: u64, stage: u32, work: &ConfigureWork) -> Step {
        if stage == 0 {
            return Step::After(60);
        }
        let Some(node) = self.guests.get(&work.vmid).map(|guest| guest.node.clone()) else {
            return Step::failed(format!("Configuration file for VM {} does not exist", work.vmid));
        };
        let checked = self.check_writable(&node, work.vmid, &work.changes);
        match checked.and_then(|()| self.apply_changes(work.vmid, &work.changes)) {
            Ok(lines) => {
                lines.into_iter().for_each(|line| self.task_log(seq, line));
                Step::DONE
            }
            Err(fault) => Step::End(Err(fault.task_text())),
        }
    }

    /// Checks that the digest still holds and no lock is on the guest.
    fn check_writable(&self, node: &str, vmid: u32, changes: &Changes) -> Result<(), Fault> {
        let guest = self.guest(node, vmid)?;
        if changes.digest.as_ref().is_some_and(|digest| *digest != guest.digest()) {
            return Err(Fault::text("checksum mismatch (file change by other user?)"));
        }
        match guest.locked() {
            Some(text) if !changes.skips_lock => Err(Fault::text(text)),
            _ => Ok(()),
        }
    }

    fn read_changes(&self, context: &Context) -> Result<Changes, Fault> {
        let mut parameters = context.parameters.clone();
        let vmid = parameters.vmid();
        for name in ["node", "vmid", "background_delay", "import-working-storage"] {
            parameters.remove(name);
        }
        let digest = parameters.remove("digest");
        let skips_lock = parameters.remove("skiplock").as_deref() == Some("1");
        if skips_lock && !context.caller.is_root() {
            return Err(Fault::parameter("skiplock", "Only root may use this option."));
        }
        let frees = parameters.remove("force").as_deref() == Some("1");
        let names = |text: Option<String>| -> Vec<String> {
            text.iter().flat_map(|text| super::schema::split_list(text)).map(str::to_owned).collect()
        };
        let delete = names(parameters.remove("delete"));
        let revert = names(parameters.remove("revert"));
        let mut set: Config = parameters.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        if let Some(value) = set.remove("cdrom") {
            set.insert("ide2".to_owned(), value);
        }
        if set.is_empty() && delete.is_empty() && revert.is_empty() {
            return Err(Fault::text("no options specified"));
        }
        let changes = Changes { set, delete, revert, frees, digest, skips_lock };
        check_names(GuestType::Qemu, &changes)?;
        self.check_settings(&context.caller, context.node(), &format!("/vms/{vmid}"), &changes)?;
        let guest = self.guest(context.node(), vmid)?;
        check_boot(&changes, guest)?;
        Ok(changes)
    }

    /// Checks each key: who may set it, and what it refers to.
    pub(super) fn check_settings(
        &self,
        caller: &Caller,
        node: &str,
        path: &str,
        changes: &Changes,
    ) -> Result<(), Fault> {
        for key in changes.set.keys().chain(&changes.delete) {
            let value = changes.set.get(key).map_or("", String::as_str);
            check_root_only(caller, key, value)?;
            if key == "rng0" && value.contains("/dev/hwrng") {
                self.require(caller, "/mapping/hwrng", "Mapping.Use")?;
            }
            for privileges in privileges_of(key, value) {
                self.require_any(caller, path, privileges)?;
            }
            if key == "startup" {
                self.require(caller, "/", "Sys.Modify")?;
            }
        }
        for (key, value) in &changes.set {
            if is_disk_key(key) {
                self.check_disk(caller, node, key, value)?;
            }
            if is_network_key(key) {
                self.check_bridge(caller, value)?;
            }
        }
        if let Some(keys) = changes.set.get("sshkeys") {
            check_ssh_keys(keys)?;
        }
        Ok(())
    }

    /// Attaching to a bridge needs SDN.Use on it.
    pub(super) fn check_bridge(&self, caller: &Caller, value: &str) -> Result<(), Fault> {
        let Some(bridge) = super::property::key_of(value, "bridge") else {
            return Ok(());
        };
        let zone = self.zone_of_vnet(&bridge).unwrap_or("localnetwork");
        let mut path = format!("/sdn/zones/{zone}/{bridge}");
        if let Some(tag) = super::property::key_of(value, "tag") {
            path = format!("{path}/{tag}");
        }
        self.require(caller, &path, "SDN.Use")
    }
}

/// Returns whether a configuration key holds a network card.
pub(super) fn is_network_key(key: &str) -> bool {
    key.strip_prefix("net").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Checks the names a write deletes.
pub(super) fn check_names(kind: GuestType, changes: &Changes) -> Result<(), Fault> {
    for key in &changes.delete {
        if changes.set.contains_key(key) {
            let text = format!("you can't use '-{key}' and -delete {key}' at the same time");
            return Err(Fault::parameter("delete", text));
        }
        let is_own = matches!(key.as_str(), "digest" | "node" | "vmid" | "delete" | "revert" | "force" | "skiplock");
        if is_own || Api::get().config_rule(kind, key).is_none() {
            return Err(Fault::parameter("delete", format!("unknown option '{key}'")));
        }
    }
    Ok(())
}

fn check_root_only(caller: &Caller, key: &str, value: &str) -> Result<(), Fault> {
    if caller.is_root() {
        return Ok(());
    }
    if ROOT_ONLY.contains(&key) {
        return Err(Fault::text(format!("only root can set '{key}' config")));
    }
    let stem = key.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let is_real_device = match stem {
        "serial" => value.starts_with("/dev/"),
        "usb" | "hostpci" => !value.is_empty() && !value.contains("mapping=") && !value.contains("spice"),
        "parallel" => true,
        _ => false,
    };
    match (is_real_device, stem) {
        (true, "serial") => Err(Fault::text(format!("only root can modify '{key}' config for real devices"))),
        (true, _) => Err(Fault::text(format!("only root can set '{key}' config for real devices"))),
        (false, _) => Ok(()),
    }
}

fn check_boot(changes: &Changes, guest: &Guest) -> Result<(), Fault> {
    let Some(order) = changes.set.get("boot").and_then(|boot| super::property::key_of(boot, "order")) else {
        return Ok(());
    };
    let merged = guest.merged();
    let exists = |device: &&str| {
        changes.set.contains_key(*device)
            || (merged.contains_key(*device) && !changes.delete.iter().any(|key| key == device))
    };
    match order.split(';').filter(|device| !device.is_empty()).find(|device| !exists(device)) {
        Some(device) => Err(Fault::text(format!("invalid bootorder: device '{device}' does not exist'"))),
        None => Ok(()),
    }
}

/// The server reads the keys after decoding them; what is no key is refused without naming the parameter.
fn check_ssh_keys(encoded: &str) -> Result<(), Fault> {
    check_plain_ssh_keys(&super::form::unescape_segment(encoded))
}

/// The same for a container, whose keys come as they are.
pub(super) fn check_plain_ssh_keys(text: &str) -> Result<(), Fault> {
    let is_key = |line: &str| {
        let mut words = line.split_whitespace();
        let kind = words.next().unwrap_or_default();
        let has_kind = kind.starts_with("ssh-") || kind.starts_with("ecdsa-") || kind.starts_with("sk-");
        has_kind && words.next().is_some_and(|blob| blob.starts_with("AAAA"))
    };
    if text.lines().filter(|line| !line.trim().is_empty()).all(is_key) {
        return Ok(());
    }
    Err(Fault::text("SSH public key validation error"))
}

/// Returns the privilege groups a key needs; of each group one suffices.
fn privileges_of(key: &str, value: &str) -> Vec<&'static [&'static str]> {
    let stem = key.trim_end_matches(|letter: char| letter.is_ascii_digit());
    if is_disk_key(key) {
        return match (is_cloudinit(value), is_cdrom(value)) {
            (true, _) => vec![&["VM.Config.Cloudinit"], &["VM.Config.CDROM"]],
            (false, true) => vec![&["VM.Config.CDROM"]],
            (false, false) => vec![&["VM.Config.Disk"]],
        };
    }
    match stem {
        "cores" | "sockets" | "cpu" | "cpulimit" | "cpuunits" | "vcpus" | "numa" | "smp" => {
            vec![&["VM.Config.CPU"]]
        }
        "memory" | "balloon" | "shares" | "allow-ksm" => vec![&["VM.Config.Memory"]],
        "net" => vec![&["VM.Config.Network"]],
        "boot" | "bootdisk" | "vmstatestorage" | "unused" | "virtiofs" => vec![&["VM.Config.Disk"]],
        "ciuser" | "cipassword" | "citype" | "cicustom" | "ciupgrade" | "sshkeys" | "nameserver" | "searchdomain"
        | "ipconfig" => {
            vec![&["VM.Config.Cloudinit", "VM.Config.Network"]]
        }
        "acpi" | "hotplug" | "kvm" | "machine" | "scsihw" | "smbios" | "tablet" | "vga" | "watchdog" | "audio"
        | "rng" | "serial" | "usb" | "hostpci" => {
            vec![&["VM.Config.HWType"]]
        }
        "freeze" => vec![&["VM.PowerMgmt"]],
        _ => vec![&["VM.Config.Options"]],
    }
}

/// Returns the options of a write as the cluster log shows them, secrets hidden.
fn describe(parameters: &Parameters) -> String {
    let is_shown = |name: &str| !matches!(name, "node" | "vmid" | "digest" | "background_delay");
    let words = parameters.iter().filter(|(name, _)| is_shown(name)).map(|(name, value)| match name {
        "cipassword" => format!("-{name} <hidden>"),
        _ => format!("-{name} {value}"),
    });
    words.collect::<Vec<_>>().join(" ")
}

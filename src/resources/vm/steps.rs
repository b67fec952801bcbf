//! The calls that make, change and destroy a virtual machine, in the order that survives a crash after any of them.
//!
//! Making: clone with the marker in the call itself, then one configuration write, then disks grow, then start. Every call after the clone
//! is preceded by a fresh read that proves the marker.

use super::decode::{disk_bytes, is_disk, storage_of};
use super::encode::{all_keys, encode, keys_of};
use crate::proxmox::Call;
use crate::resources::keys::{Source, Write};
use crate::resources::schema::Impact;
use crate::resources::step::{Guard, GuardedCall, Lock, Step, Task, Verify};
use crate::resources::{Changed, Draft, conform, pool, size};
use crate::state::Effect;
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Clones from one node at once, unless the stack says otherwise: more of them wait for the storage's lock, and give up after 10 s.
const CLONES_PER_NODE: u32 = 4;

/// Returns the steps that clone, configure and start a guest.
pub(super) fn create(draft: &Draft) -> Vec<Step> {
    let guest = Guest::of(draft);
    let template = draft.desired.get("template_vmid").and_then(Value::as_i64).unwrap_or_default() as u32;
    let empty = BTreeMap::new();
    let source_config =
        draft.view.guests.get(&template).and_then(|view| view.config.as_ref()).map_or(&empty, |config| &config.values);
    let source_node = draft.view.guests.get(&template).map_or("", |view| view.node.as_str());

    let mut steps = vec![guest.clone_step(template, source_node, source_config)];
    let changed = BTreeSet::new();
    let source = Source {
        desired: draft.desired,
        present: source_config,
        is_clone: true,
        marker: draft.marker,
        project: draft.project,
        changed: &changed,
    };
    let keys = all_keys(&source);
    steps.extend(guest.configure(&source, &keys, &guest.marker_guard(true)));
    steps.extend(guest.grow(source_config));
    if guest.text("power") == Some("running") {
        steps.push(guest.start());
    }
    steps
}

/// Returns the steps that change a guest, with a reboot if one of the changes needs it.
pub(super) fn update(draft: &Draft, changed: &Changed) -> Vec<Step> {
    let guest = Guest::of(draft);
    let empty = BTreeMap::new();
    let view = draft.identity.vmid().and_then(|vmid| draft.view.guests.get(&vmid));
    let config = view.and_then(|view| view.config.as_ref());
    let present = config.map_or(&empty, |config| &config.values);
    let is_running = view.is_some_and(|view| view.power == crate::observe::Power::Running);
    let source = Source {
        desired: draft.desired,
        present,
        is_clone: false,
        marker: draft.marker,
        project: draft.project,
        changed: &changed.paths,
    };

    let mut steps = Vec::new();
    let mut keys: BTreeSet<String> = changed.paths.iter().flat_map(keys_of).collect();
    let destroyed: Vec<String> = keys.extract_if(.., |key| guest.destroys_disk(draft, key)).collect();
    // Disks grow before options are written: an option that waits for a reboot brings the size of its time along.
    if changed.paths.iter().any(|path| path.root() == Some("disk")) {
        steps.extend(guest.grow(present));
    }
    let planned = config.map(|config| Guard::Digest { digest: config.digest.clone() });
    let guard = match steps.first_mut().map(|step| &mut step.task) {
        Some(Task::Call(first)) => {
            first.guard = planned.unwrap_or_else(|| guest.marker_guard(true));
            guest.marker_guard(true)
        }
        _ => planned.unwrap_or_else(|| guest.marker_guard(true)),
    };
    steps.extend(guest.configure(&source, &keys, &guard));
    steps.extend(destroyed.iter().map(|slot| guest.destroy_disk(slot)));
    if changed.paths.iter().any(|path| path.root() == Some("pool")) {
        steps.extend(guest.change_pool(draft));
    }
    let wants_power = guest.text("power");
    let needs_reboot = changed.impact >= Impact::Reboot;
    match (is_running, wants_power) {
        (false, Some("running")) => steps.push(guest.start()),
        (true, Some("stopped")) => steps.push(guest.shutdown()),
        (true, _) if needs_reboot => steps.extend(guest.reboot()),
        _ => {}
    }
    steps
}

/// Returns the steps that stop and remove a guest with its disks.
pub(super) fn delete(draft: &Draft) -> Vec<Step> {
    let guest = Guest::of(draft);
    let is_running = draft
        .identity
        .vmid()
        .and_then(|vmid| draft.view.guests.get(&vmid))
        .is_some_and(|view| view.power == crate::observe::Power::Running);
    let mut steps = Vec::new();
    if is_running {
        steps.push(guest.shutdown());
    }
    let call = Call::delete(guest.path("")).with("purge", "1").with("destroy-unreferenced-disks", "1");
    let verify = Verify::GuestAbsent { node: guest.node.clone(), vmid: guest.vmid };
    steps.push(guest.step("destroy", call, guest.marker_guard(false), verify, guest.timeout_ms("destroy", 600_000)));
    steps
}

/// Returns what a guest's operations hold: the guest, and for a clone a place in its node's and store's queue.
pub(super) fn locks(draft: &Draft) -> Vec<Lock> {
    let vmid = draft.identity.get("vmid").unwrap_or_default();
    let mut locks = vec![Lock { name: format!("guest {vmid}"), limit: 1 }];
    if draft.found.is_none() && !draft.desired.is_null() {
        let template = draft.desired.get("template_vmid").and_then(Value::as_i64).unwrap_or_default() as u32;
        let source = draft.view.guests.get(&template).map_or("", |view| view.node.as_str());
        let limit = draft.clones_per_node.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(CLONES_PER_NODE);
        locks.push(Lock { name: format!("clones on {source}"), limit });
    }
    locks
}

/// A guest and what its calls have in common.
struct Guest<'a> {
    node: String,
    vmid: u32,
    intent: String,
    desired: &'a Value,
    draft: &'a Draft<'a>,
}

impl<'a> Guest<'a> {
    fn of(draft: &'a Draft<'a>) -> Self {
        Self {
            node: draft.identity.node().unwrap_or_default().to_owned(),
            vmid: draft.identity.vmid().unwrap_or_default(),
            intent: draft.marker.intent.clone(),
            desired: if draft.desired.is_null() { draft.applied } else { draft.desired },
            draft,
        }
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.desired.get(name).and_then(Value::as_text)
    }

    fn path(&self, rest: &str) -> String {
        format!("/nodes/{}/qemu/{}{rest}", self.node, self.vmid)
    }

    fn timeout_ms(&self, name: &str, default: u64) -> u64 {
        let text = self.desired.get("timeouts").and_then(|block| block.get(name)).and_then(Value::as_text);
        text.and_then(|text| conform::duration_ms(text).ok()).unwrap_or(default)
    }

    fn marker_guard(&self, sends_digest: bool) -> Guard {
        Guard::Marker { node: self.node.clone(), vmid: self.vmid, intent: self.intent.clone(), sends_digest }
    }

    fn step(&self, name: &str, call: Call, guard: Guard, verify: Verify, deadline_ms: u64) -> Step {
        Step {
            name: name.into(),
            task: Task::Call(Box::new(GuardedCall { call, guard, verify, deadline_ms })),
            effect: Effect::None,
            estimate_ms: 0,
        }
    }

    fn clone_step(&self, template: u32, source_node: &str, source: &BTreeMap<String, String>) -> Step {
        let is_full = self.text("clone") == Some("full");
        let mut call = Call::post(format!("/nodes/{source_node}/qemu/{template}/clone"))
            .with("newid", self.vmid.to_string())
            .with("name", self.text("name").unwrap_or_default())
            .with("description", self.draft.marker.with_text(self.text("description").unwrap_or_default()))
            .with("full", if is_full { "1" } else { "0" });
        if let Some(pool) = self.text("pool") {
            call = call.with("pool", pool);
        }
        if self.node != source_node {
            call = call.with("target", self.node.clone());
        }
        if let Some(storage) = self.clone_storage(source).filter(|_| is_full) {
            call = call.with("storage", storage);
        }
        let verify = Verify::GuestPresent {
            node: source_node.to_owned(),
            vmid: self.vmid,
            intent: self.intent.clone(),
            task_kind: "qmclone".to_owned(),
            task_subject: template.to_string(),
        };
        self.step("clone", call, Guard::Vacant { vmid: self.vmid }, verify, self.timeout_ms("clone", 3_600_000))
    }

    /// The storage a full clone goes to: that of the first managed disk of the template that wants another than the template's.
    fn clone_storage(&self, source: &BTreeMap<String, String>) -> Option<String> {
        let disks = self.desired.get("disk")?.as_entries()?;
        disks.iter().find_map(|(slot, disk)| {
            let wanted = disk.get("storage")?.as_text()?;
            let present = storage_of(source.get(&**slot)?)?;
            (wanted != present).then(|| wanted.to_owned())
        })
    }

    /// One write with every key. A background worker does it where volumes are made or devices plugged, because a synchronous call is cut
    /// off after 30 s by the proxy between nodes.
    fn configure(&self, source: &Source, keys: &BTreeSet<String>, guard: &Guard) -> Option<Step> {
        if keys.is_empty() {
            return None;
        }
        let mut wanted = BTreeMap::new();
        let mut deleted = Vec::new();
        let mut parameters: Vec<(String, Write)> = Vec::new();
        for key in keys {
            let write = encode(key, source);
            match &write {
                Write::Unset if source.present.contains_key(key) => {
                    deleted.push(key.clone());
                    wanted.insert(key.clone(), None);
                }
                Write::Unset => {}
                Write::Set(text) => {
                    if !text.contains("{volume:")
                        && source.desired.get("disk").is_none_or(|disks| disks.get(key).is_none())
                    {
                        wanted.insert(key.clone(), Some(text.clone()));
                    }
                    parameters.push((key.clone(), write));
                }
                Write::SetSecret(_) => parameters.push((key.clone(), write)),
            }
        }
        if parameters.is_empty() && deleted.is_empty() {
            return None;
        }
        let needs_drive =
            keys.iter().any(|key| key.starts_with("ci") || key.starts_with("ipconfig") || key == "sshkeys");
        let drive = self.cloud_init_drive(source.present).filter(|_| needs_drive);
        let plugs = drive.is_some()
            || keys.iter().any(|key| {
                source.desired.get("disk").is_some_and(|disks| disks.get(key).is_some()) || key.starts_with("net")
            });
        let is_background = plugs || !source.is_clone;
        let mut call = if is_background { Call::post(self.path("/config")) } else { Call::put(self.path("/config")) };
        for (key, write) in parameters {
            call = match write {
                Write::Set(text) => call.with(key, text),
                Write::SetSecret(text) => call.with_secret(key, text),
                Write::Unset => unreachable!("collected under `deleted`"),
            };
        }
        if let Some((slot, volume)) = drive {
            call = call.with(slot, volume);
        }
        if !deleted.is_empty() {
            call = call.with("delete", deleted.join(","));
        }
        let verify = Verify::Config { node: self.node.clone(), vmid: self.vmid, wanted };
        Some(self.step("configure", call, guard.clone(), verify, 120_000))
    }

    /// The drive cloud-init reads from, if the guest has none yet.
    fn cloud_init_drive(&self, present: &BTreeMap<String, String>) -> Option<(&'static str, String)> {
        if present.values().any(|value| value.contains("cloudinit")) {
            return None;
        }
        let storage =
            present.iter().find(|(key, value)| is_disk(key, value)).and_then(|(_, value)| storage_of(value))?;
        Some(("ide2", format!("{storage}:cloudinit")))
    }

    /// Disks that are to be bigger than they are. A new disk is made with its size.
    fn grow(&self, present: &BTreeMap<String, String>) -> Vec<Step> {
        let disks = self.desired.get("disk").and_then(Value::as_entries).into_iter().flatten();
        disks
            .filter_map(|(slot, disk)| {
                let wanted = size::parse(disk.get("size")?.as_text()?).ok()?;
                let has = disk_bytes(present.get(&**slot)?)?;
                (wanted > has).then(|| {
                    let call = Call::put(self.path("/resize"))
                        .with("disk", &**slot)
                        .with("size", crate::proxmox::property::size_text(wanted));
                    let verify = Verify::DiskSize {
                        node: self.node.clone(),
                        vmid: self.vmid,
                        slot: slot.to_string(),
                        bytes: wanted,
                    };
                    self.step(&format!("resize {slot}"), call, self.marker_guard(true), verify, 300_000)
                })
            })
            .collect()
    }

    /// A disk whose block is gone is detached and kept as `unusedN`, unless the block said otherwise.
    fn destroys_disk(&self, draft: &Draft, slot: &str) -> bool {
        let before = draft.applied.get("disk").and_then(|disks| disks.get(slot));
        let is_gone = self.desired.get("disk").and_then(|disks| disks.get(slot)).is_none();
        is_gone && before.and_then(|disk| disk.get("delete_on_remove")).and_then(Value::as_bool) == Some(true)
    }

    fn destroy_disk(&self, slot: &str) -> Step {
        let call = Call::post(self.path("/config")).with("delete", slot).with("force", "1");
        let wanted = BTreeMap::from([(slot.to_owned(), None)]);
        let verify = Verify::Config { node: self.node.clone(), vmid: self.vmid, wanted };
        self.step(&format!("destroy {slot}"), call, self.marker_guard(true), verify, 120_000)
    }

    fn change_pool(&self, draft: &Draft) -> Option<Step> {
        let before = draft.found.and_then(|found| found.value.get("pool")).and_then(Value::as_text);
        let (call, poolid, is_present) = match (self.text("pool"), before) {
            (Some(wanted), _) => (pool::take_in(wanted, self.vmid), wanted, true),
            (None, Some(before)) => (pool::let_go(before, self.vmid), before, false),
            (None, None) => return None,
        };
        let read = Call::get("/pools").with("poolid", poolid);
        Some(self.step("pool", call, self.marker_guard(false), Verify::ByContent { read, is_present }, 60_000))
    }

    fn start(&self) -> Step {
        let call = Call::post(self.path("/status/start"));
        let verify = Verify::Power { node: self.node.clone(), vmid: self.vmid, is_running: true };
        self.step("start", call, self.marker_guard(false), verify, self.timeout_ms("start", 300_000))
    }

    /// Asks the guest, and switches it off if it does not obey in time.
    fn shutdown(&self) -> Step {
        let timeout_ms = self.timeout_ms("shutdown", 180_000);
        let call = Call::post(self.path("/status/shutdown"))
            .with("timeout", (timeout_ms / 1000).to_string())
            .with("forceStop", "1");
        let verify = Verify::Power { node: self.node.clone(), vmid: self.vmid, is_running: false };
        self.step("shutdown", call, self.marker_guard(false), verify, timeout_ms + 30_000)
    }

    /// A reboot through the API, which applies what is pending; its task ends before the guest runs again.
    fn reboot(&self) -> Vec<Step> {
        let timeout_ms = self.timeout_ms("shutdown", 180_000);
        let call = Call::post(self.path("/status/reboot")).with("timeout", (timeout_ms / 1000).to_string());
        let verify = Verify::Power { node: self.node.clone(), vmid: self.vmid, is_running: true };
        let reboot = self.step("reboot", call, self.marker_guard(false), verify, timeout_ms + 30_000);
        let running = Step {
            name: "wait for running".into(),
            task: Task::AwaitPower {
                node: self.node.clone(),
                vmid: self.vmid,
                is_running: true,
                deadline_ms: self.timeout_ms("start", 300_000),
            },
            effect: Effect::None,
            estimate_ms: 0,
        };
        vec![reboot, running]
    }
}

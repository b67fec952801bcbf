//! What guests have in common, whether virtual machines or containers: how one is recognised as ours, and calls: guards, power, pool, removal.

use super::marker::Marker;
use super::schema::Impact;
use super::step::{AwaitedRow, Guard, GuardedCall, Step, Task, Verify};
use super::{Changed, Draft, Found, Lookup, Sighting, conform, pool};
use crate::observe::{ClusterView, GuestConfig, GuestKind, GuestView, Power, Seen};
use crate::proxmox::Call;
use crate::proxmox::property::size_text;
use crate::state::{Effect, Identity};
use crate::value::{self, Entries, Path, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A guest whose steps are made.
pub struct Guest<'a> {
    /// `qemu` or `lxc`, as it stands in paths.
    pub kind: &'static str,
    /// Node it is on now, or will be made on.
    pub node: String,
    /// VMID.
    pub vmid: u32,
    /// What it should be; what it was, when it goes.
    pub desired: &'a Value,
    /// What the steps are made from.
    pub draft: &'a Draft<'a>,
}

impl<'a> Guest<'a> {
    /// Returns the guest of a draft.
    pub fn of(kind: &'static str, draft: &'a Draft<'a>) -> Self {
        let identity = draft.found.map_or(draft.identity, |found| &found.identity);
        Self {
            kind,
            node: identity.node().unwrap_or_default().to_owned(),
            vmid: draft.identity.vmid().unwrap_or_default(),
            desired: if draft.desired.is_null() { draft.applied } else { draft.desired },
            draft,
        }
    }

    /// Returns the guest as seen.
    pub fn view(&self) -> Option<&'a GuestView> {
        self.draft.view.guests.get(&self.vmid)
    }

    /// Returns whether it was seen running.
    pub fn is_running(&self) -> bool {
        self.view().is_some_and(|view| view.power == Power::Running)
    }

    /// Returns its owner marker.
    pub fn marker(&self) -> &'a Marker {
        self.draft.marker
    }

    /// Returns a text attribute.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.desired.get(name).and_then(Value::as_text)
    }

    /// Returns the path of the guest and something below it.
    pub fn path(&self, rest: &str) -> String {
        format!("/nodes/{}/{}/{}{rest}", self.node, self.kind, self.vmid)
    }

    /// Returns a time limit of its `timeouts` block.
    pub fn timeout_ms(&self, name: &str, default: u64) -> u64 {
        let text = self.desired.get("timeouts").and_then(|block| block.get(name)).and_then(Value::as_text);
        text.and_then(|text| conform::duration_ms(text).ok()).unwrap_or(default)
    }

    /// Returns how long making it by copying so many bytes may take: an hour, or three times what a slow storage needs for them.
    pub fn copy_deadline_ms(&self, bytes: u64) -> u64 {
        self.timeout_ms("clone", copying_ms(bytes))
    }

    /// Returns the guard that reads its marker.
    pub fn marker_guard(&self, sends_digest: bool) -> Guard {
        let intent = self.draft.marker.intent.clone();
        Guard::Marker { node: self.node.clone(), vmid: self.vmid, intent, sends_digest }
    }

    /// Returns a step of one call.
    pub fn step(&self, name: &str, call: Call, guard: Guard, verify: Verify, deadline_ms: u64) -> Step {
        Step {
            name: value::name(name),
            task: Task::Call(Box::new(GuardedCall { call, guard, verify, deadline_ms })),
            effect: Effect::None,
            estimate_ms: 0,
        }
    }

    /// Returns the verification of a guest that is made by a task of this kind.
    pub fn verify_made(&self, task_node: &str, task_kind: &str, task_subject: &str) -> Verify {
        Verify::GuestPresent {
            node: self.node.clone(),
            task_node: task_node.to_owned(),
            vmid: self.vmid,
            intent: self.draft.marker.intent.clone(),
            task_kind: task_kind.to_owned(),
            task_subject: task_subject.to_owned(),
        }
    }

    /// Makes a volume bigger.
    pub fn resize(&self, slot: &str, bytes: u64) -> Step {
        let call = Call::put(self.path("/resize")).with("disk", slot).with("size", size_text(bytes));
        let verify = Verify::DiskSize { node: self.node.clone(), vmid: self.vmid, slot: slot.to_owned(), bytes };
        self.step(&format!("resize {slot}"), call, self.marker_guard(true), verify, 300_000)
    }

    /// Moves a volume to another storage and removes it from the one it was on.
    pub fn move_volume(&self, slot: &str, storage: &str, format: Option<&str>) -> Step {
        let (what, name) = if self.kind == "qemu" { ("/move_disk", "disk") } else { ("/move_volume", "volume") };
        let mut call = Call::post(self.path(what)).with(name, slot).with("storage", storage).with("delete", "1");
        if let Some(format) = format {
            call = call.with("format", format);
        }
        let (slot, storage) = (slot.to_owned(), storage.to_owned());
        let name = format!("move {slot}");
        let verify = Verify::Volume { node: self.node.clone(), vmid: self.vmid, slot, storage };
        self.step(&name, call, self.marker_guard(true), verify, self.timeout_ms("move", 3_600_000))
    }

    /// Brings it to another node. A virtual machine runs on meanwhile, a container is restarted. `storages` are those there for volumes
    /// on local storages here, which are copied if there are any.
    pub fn migrate(
        &self,
        target: &str,
        is_running: bool,
        copies: bool,
        storages: &BTreeMap<String, String>,
    ) -> Vec<Step> {
        let is_vm = self.kind == "qemu";
        let mut call = Call::post(self.path("/migrate")).with("target", target);
        if is_running && is_vm {
            call = call.with("online", "1");
        } else if is_running {
            let timeout_ms = self.timeout_ms("shutdown", 180_000);
            call = call.with("restart", "1").with("timeout", (timeout_ms / 1000).to_string());
        }
        if copies && is_vm {
            call = call.with("with-local-disks", "1");
        }
        if !storages.is_empty() {
            let pairs: Vec<String> = storages.iter().map(|(from, to)| format!("{from}:{to}")).collect();
            call = call.with(if is_vm { "targetstorage" } else { "target-storage" }, pairs.join(","));
        }
        let (from, to) = (self.node.clone(), target.to_owned());
        let verify = Verify::Migrated { from, to, vmid: self.vmid };
        let deadline_ms = self.timeout_ms("move", 3_600_000);
        let mut steps = vec![self.step("migrate", call, self.marker_guard(false), verify, deadline_ms)];
        if self.view().is_some_and(|view| view.is_ha_managed) {
            // The task only asks the manager, which moves the guest in its own time.
            steps.push(Step {
                name: format!("wait for {target}").into(),
                task: Task::AwaitRow(Box::new(AwaitedRow {
                    read: Call::get("/cluster/resources").with("type", "vm"),
                    column: "vmid",
                    name: self.vmid.to_string(),
                    member: "node",
                    wanted: target.to_owned().into(),
                    failed: None,
                    deadline_ms,
                })),
                effect: Effect::None,
                estimate_ms: 0,
            });
        }
        steps
    }

    /// Makes the first step hold only for the guest as the plan saw it.
    pub fn as_planned(&self, steps: &mut [Step]) {
        let digest = self.view().and_then(|view| view.config.as_ref()).map(|config| config.digest.clone());
        let (Some(digest), Some(Step { task: Task::Call(first), .. })) = (digest, steps.first_mut()) else { return };
        match first.guard.clone() {
            Guard::Marker { sends_digest: true, .. } => first.guard = Guard::Digest { digest },
            Guard::Marker { node, vmid, intent, sends_digest: false } => {
                first.guard = Guard::Unchanged { node, vmid, intent, digest };
            }
            _ => {}
        }
    }

    /// Moves it into the pool that is wanted, or out of the one it is in.
    pub fn change_pool(&self) -> Option<Step> {
        let before = self.draft.found.and_then(|found| found.value.get("pool")).and_then(Value::as_text);
        let (call, poolid, is_present) = match (self.text("pool"), before) {
            (Some(wanted), _) => (pool::take_in(wanted, self.vmid), wanted, true),
            (None, Some(before)) => (pool::let_go(before, self.vmid), before, false),
            (None, None) => return None,
        };
        let read = Call::get("/pools").with("poolid", poolid);
        Some(self.step("pool", call, self.marker_guard(false), Verify::ByContent { read, is_present }, 60_000))
    }

    /// Starts it.
    pub fn start(&self) -> Step {
        let call = Call::post(self.path("/status/start"));
        let verify = Verify::Power { node: self.node.clone(), vmid: self.vmid, is_running: true };
        self.step("start", call, self.marker_guard(false), verify, self.timeout_ms("start", 300_000))
    }

    /// Asks it to shut down, and switches it off if it does not obey in time.
    pub fn shutdown(&self) -> Step {
        let timeout_ms = self.timeout_ms("shutdown", 180_000);
        let call = Call::post(self.path("/status/shutdown"))
            .with("timeout", (timeout_ms / 1000).to_string())
            .with("forceStop", "1");
        let verify = Verify::Power { node: self.node.clone(), vmid: self.vmid, is_running: false };
        self.step("shutdown", call, self.marker_guard(false), verify, timeout_ms + 30_000)
    }

    /// A reboot through the API, which applies what is pending; its task ends before the guest runs again.
    pub fn reboot(&self) -> Vec<Step> {
        let timeout_ms = self.timeout_ms("shutdown", 180_000);
        let call = Call::post(self.path("/status/reboot")).with("timeout", (timeout_ms / 1000).to_string());
        let verify = Verify::Power { node: self.node.clone(), vmid: self.vmid, is_running: true };
        let reboot = self.step("reboot", call, self.marker_guard(false), verify, timeout_ms + 30_000);
        let running = Step {
            name: value::name("wait for running"),
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

    /// Removes a key at once together with the volume behind it.
    pub fn destroy_volume(&self, slot: &str) -> Step {
        let call = Call::post(self.path("/config")).with("delete", slot).with("force", "1");
        let wanted = vec![(slot.to_owned(), None)];
        let verify = Verify::Config { node: self.node.clone(), vmid: self.vmid, wanted };
        self.step(&format!("destroy {slot}"), call, self.marker_guard(true), verify, 120_000)
    }

    /// Stops and removes it with its volumes.
    pub fn destroy(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.is_running() {
            steps.push(self.shutdown());
        }
        let call = Call::delete(self.path("")).with("purge", "1").with("destroy-unreferenced-disks", "1");
        let verify = Verify::GuestAbsent { node: self.node.clone(), vmid: self.vmid };
        steps.push(self.step("destroy", call, self.marker_guard(false), verify, self.timeout_ms("destroy", 600_000)));
        steps
    }
}

/// How long copying so many bytes may take.
fn copying_ms(bytes: u64) -> u64 {
    const HOUR_MS: u64 = 3_600_000;
    /// What a slow storage copies in a second.
    const SLOW_BYTES_PER_S: u64 = 20 << 20;
    (bytes / SLOW_BYTES_PER_S).saturating_mul(3 * 1000).max(HOUR_MS)
}

/// Returns a size in GiB as the allocation syntax takes it: whole, or with decimals (`0.5`).
pub fn gibibytes(bytes: u64) -> String {
    const GIB: u64 = 1 << 30;
    if bytes.is_multiple_of(GIB) { (bytes / GIB).to_string() } else { format!("{}", bytes as f64 / GIB as f64) }
}

/// Returns whether the guest at a place carries the marker of an intent: then it is ours, whatever it is like.
pub fn is_marked(view: &ClusterView, identity: &Identity, intent: &str) -> bool {
    let config = identity.vmid().and_then(|vmid| view.guests.get(&vmid)?.config.as_ref());
    let marker = config.and_then(|config| Marker::find(config.values.get("description")?));
    marker.is_some_and(|marker| marker.intent == intent)
}

/// How a type reads the configuration of a guest.
type Decode = fn(&GuestView, &GuestConfig, &str) -> Value;

/// Says whether a guest is on the cluster, and what it is like.
pub fn sight(lookup: &Lookup, kind: GuestKind, decode: Decode) -> Sighting {
    let Some(guest) = lookup.identity.vmid().and_then(|vmid| lookup.view.guests.get(&vmid)) else {
        return silent_node(lookup).or_else(|| unseen(lookup)).unwrap_or(Sighting::Absent);
    };
    if guest.seen == Seen::Unreachable {
        return Sighting::Unreachable { node: guest.node.clone() };
    }
    let Some(config) = &guest.config else {
        return Sighting::Unreachable { node: guest.node.clone() };
    };
    let noun = match guest.kind {
        GuestKind::Qemu => "VM",
        GuestKind::Lxc => "CT",
    };
    if guest.kind != kind {
        return Sighting::Foreign(format!("{noun} {} on {} is another kind of guest", guest.vmid, guest.node));
    }
    let value = decode(guest, config, lookup.project);
    let marker = Marker::find(config.values.text("description").unwrap_or_default());
    let is_free = lookup.is_claim && marker.is_none();
    if is_free && guest.is_template {
        return Sighting::Foreign(format!("{noun} {} on {} is a template", guest.vmid, guest.node));
    }
    if !is_free && (lookup.is_claim || marker.as_ref().map(|marker| marker.intent.as_str()) != Some(lookup.intent)) {
        let name = value.get("name").and_then(Value::as_text).unwrap_or_default();
        if marker.is_none() && shares_mac(&value, lookup.applied) {
            return Sighting::Unmarked(format!("{noun} {} on {} is `{name}`", guest.vmid, guest.node));
        }
        let owner =
            marker.map_or_else(|| "without our marker".to_owned(), |marker| format!("marked as {}", marker.address));
        return Sighting::Foreign(format!("{noun} {} on {} is `{name}`, {owner}", guest.vmid, guest.node));
    }
    Sighting::Present(Box::new(Found {
        running: running(guest, config, lookup.project, decode),
        value,
        identity: super::vm::identity(&guest.node, guest.vmid),
        digest: Some(config.digest.clone()),
        notes: notes(guest, lookup.identity),
    }))
}

/// Returns the step that marks a guest as ours and changes nothing else. It is only sent if nothing changed since the plan was made.
pub fn claim(draft: &Draft, update: fn(&Draft, &Changed) -> Vec<Step>) -> Vec<Step> {
    let Some(found) = draft.found else { return Vec::new() };
    let as_it_is = Draft { desired: &found.value, ..*draft };
    let paths = [Path::attribute("description"), Path::attribute("tags")].into();
    let is_write = |step: &Step| matches!(&step.task, Task::Call(call) if matches!(call.guard, Guard::Digest { .. }));
    let steps = update(&as_it_is, &Changed { paths, impact: Impact::Live }).into_iter().filter(is_write);
    steps.map(|step| Step { name: "mark".into(), ..step }).collect()
}

/// Returns the guest as its process runs, where that is not what its configuration says.
fn running(guest: &GuestView, config: &GuestConfig, project: &str, decode: Decode) -> Option<Value> {
    if config.running.is_empty() {
        return None;
    }
    let mut values = config.values.to_map();
    for (key, value) in &config.running {
        match value {
            Some(value) => drop(values.insert(key.clone(), value.clone())),
            None => drop(values.remove(key)),
        }
    }
    Some(decode(guest, &GuestConfig { values: values.into(), ..GuestConfig::default() }, project))
}

/// MAC addresses are made for one guest, so one of ours on a guest without a marker means that the marker was lost. A template that is
/// built has only one device, and says its address itself.
fn shares_mac(found: &Value, applied: &Value) -> bool {
    let macs = |guest: &Value| -> BTreeSet<String> {
        let nics = guest.get("network").and_then(Value::as_entries).into_iter().flat_map(Entries::values);
        nics.chain([guest]).filter_map(|nic| nic.get("mac")?.as_text().map(str::to_owned)).collect()
    };
    !macs(found).is_disjoint(&macs(applied))
}

/// A guest that the token may not see may well be there.
fn unseen(lookup: &Lookup) -> Option<Sighting> {
    let table = ClusterView::guest_path(lookup.identity.vmid()?);
    lookup.view.hidden.contains(&table).then_some(Sighting::Hidden { table })
}

/// A guest that is missing from the list while its node is silent may well be there.
fn silent_node(lookup: &Lookup) -> Option<Sighting> {
    let node = lookup.identity.node()?;
    let is_silent = lookup.view.nodes.get(node).is_some_and(|view| !view.is_online);
    is_silent.then(|| Sighting::Unreachable { node: node.to_owned() })
}

fn notes(guest: &GuestView, recorded: &Identity) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(node) = recorded.node().filter(|node| *node != guest.node) {
        let by = if guest.is_ha_managed { " by HA" } else { "" };
        notes.push(format!("moved from {node} to {}{by}", guest.node));
    }
    if let Some(lock) = &guest.lock {
        notes.push(format!("locked ({lock})"));
    }
    if guest.config.as_ref().is_some_and(|config| !config.running.is_empty()) {
        notes.push("has changes that wait for a reboot".to_owned());
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_big_copy_has_more_than_an_hour() {
        let check = |bytes: u64, minutes: u64| assert_eq!(copying_ms(bytes) / 60_000, minutes);
        check(0, 60);
        check(8 << 30, 60);
        check(1 << 40, 2621);
    }
}

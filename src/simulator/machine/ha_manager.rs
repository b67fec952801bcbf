//! The manager behind high availability: every ten seconds it looks at what is wanted and what is, and takes one step for each resource.
//!
//! It starts and stops guests, moves them when asked to, and brings the guests of a node that stays away to another one.

use serde_json::{Value, json};

use super::Machine;
use super::auth::Caller;
use super::ha::{RESOURCES, RULES, vmid_of};
use super::objects::{File, text};
use super::power::{Action, PowerWork};
use super::schema::split_list;
use super::state::{Object, Setting};
use super::task::{Event, Spawn, Work, exclusive};

/// How often the manager looks.
const ROUND_MS: u64 = 10_000;
/// How long a node stays away before its guests are brought elsewhere.
const FENCE_MS: u64 = 60_000;
const LOCK_WAIT_MS: u64 = 10_000;

/// What the manager knows of a resource: `state`, `target` while it moves, `lost` since when its node is away.
const PLACES: File = File { name: "ha.status", id: "sid", created_by: "" };

impl Machine {
    /// Makes sure the manager's next round is on the agenda.
    pub(super) fn plan_manager(&mut self) {
        let due_ms = (self.clock.now_ms / ROUND_MS + 1) * ROUND_MS;
        self.agenda.insert((due_ms, Event::Manager));
    }

    /// Returns on which node a resource is and in which state the manager sees it.
    pub(super) fn ha_place(&self, sid: &str) -> (String, String) {
        let node = vmid_of(sid).and_then(|vmid| self.guests.get(&vmid)).map(|guest| guest.node.clone());
        let state = self.object(&PLACES, sid).and_then(|place| text(place, "state")).unwrap_or("queued");
        (node.unwrap_or_default(), state.to_owned())
    }

    pub(super) fn forget_manager(&mut self, sid: &str) {
        self.remove_object(&PLACES, sid);
    }

    pub(super) fn request_move(&mut self, sid: &str, target: &str) {
        let mut place = self.object(&PLACES, sid).cloned().unwrap_or_default();
        place.insert("target".to_owned(), Setting::Text(target.to_owned()));
        self.save_object(&PLACES, sid, place);
        self.plan_manager();
    }

    /// Returns the rows of the manager and its helpers on the nodes, once they have something to do.
    pub(super) fn manager_rows(&self) -> Vec<Value> {
        if self.objects_of(&PLACES).next().is_none() {
            return Vec::new();
        }
        let time = super::calendar::print_utc(self.now_s());
        let Some(master) = self.nodes.iter().find(|(_, node)| node.is_online).map(|(name, _)| name) else {
            return Vec::new();
        };
        let row = |id: String, node: &str, kind: &str, state: &str| {
            json!({
                "id": id, "node": node, "status": format!("{node} ({state}, {time})"), "timestamp": self.now_s(), "type": kind,
            })
        };
        let helpers = self.nodes.iter().map(|(name, node)| {
            let state = if node.is_online { "active" } else { "old timestamp - dead?" };
            row(format!("lrm:{name}"), name, "lrm", state)
        });
        std::iter::once(row("master".to_owned(), master, "master", "active")).chain(helpers).collect()
    }

    pub(super) fn run_manager(&mut self) {
        let resources: Vec<(String, String)> = self
            .objects_of(&RESOURCES)
            .map(|(sid, object)| (sid.to_owned(), text(object, "state").unwrap_or("started").to_owned()))
            .collect();
        let mut is_settled = true;
        for (sid, wanted) in &resources {
            if let Some(vmid) = vmid_of(sid).filter(|vmid| self.guests.has(vmid)) {
                is_settled &= self.tend(sid, vmid, wanted);
            }
        }
        // A settled manager sleeps until something happens to one of its guests.
        if !is_settled {
            self.plan_manager();
        }
    }

    /// Takes one step towards what is wanted of a resource; returns whether nothing was left to do.
    fn tend(&mut self, sid: &str, vmid: u32, wanted: &str) -> bool {
        let Some(guest) = self.guests.get(&vmid).cloned() else {
            return true;
        };
        let mut place = self.object(&PLACES, sid).cloned().unwrap_or_default();
        if wanted == "ignored" {
            self.remove_object(&PLACES, sid);
            return true;
        }
        if !self.nodes.get(&guest.node).is_some_and(|node| node.is_online) {
            self.recover(sid, vmid, &mut place);
            self.save_object(&PLACES, sid, place);
            return false;
        }
        place.remove("lost");
        let is_busy = self.active_tasks().any(|task| task.locks.iter().any(|hold| hold.vmid == vmid));
        let target = text(&place, "target").map(str::to_owned).filter(|target| *target != guest.node);
        let state = match (target, wanted) {
            _ if is_busy => text(&place, "state").unwrap_or("queued").to_owned(),
            (Some(target), _) => {
                self.with_guest(vmid, |guest| guest.node.clone_from(&target));
                place.remove("target");
                "migrate".to_owned()
            }
            (None, "started") if !guest.is_running() => {
                self.act(&guest.node, vmid, Action::Start);
                "starting".to_owned()
            }
            (None, "started") => "started".to_owned(),
            (None, _) if guest.is_running() => {
                self.act(&guest.node, vmid, Action::Shutdown { timeout_ms: 60_000, is_forced: true });
                "request_stop".to_owned()
            }
            (None, wanted) => wanted.to_owned(),
        };
        let is_settled = state == wanted;
        place.insert("state".to_owned(), Setting::Text(state));
        self.save_object(&PLACES, sid, place);
        is_settled
    }

    /// Leaves a power call for a managed guest to the manager; the task ends long before the guest does what is asked.
    pub(super) fn delegate_to_manager(&mut self, caller: &Caller, node: &str, vmid: u32, word: &str) -> Option<Value> {
        let (kind, state, verb) = match word {
            "start" => ("hastart", "started", "start"),
            "stop" | "shutdown" => ("hastop", "stopped", "stop"),
            _ => return None,
        };
        let sid = self.ha_sid(vmid).filter(|_| self.ha_state(vmid) != Some("ignored"))?;
        self.request_ha_state(&sid, state);
        let noun = self.guests.get(&vmid).map_or("VM", |guest| guest.kind.noun());
        let work = Work::Say { line: format!("Requesting HA {verb} for {noun} {vmid}") };
        let spawn = Spawn { node, kind, id: vmid.to_string(), locks: Vec::new(), wait_ms: 0, work };
        Some(json!(self.spawn(caller, spawn)))
    }

    /// Leaves the migration of a managed guest to the manager; the task ends long before the guest has moved.
    pub(super) fn delegate_migration(&mut self, caller: &Caller, node: &str, vmid: u32, target: &str) -> Option<Value> {
        let sid = self.ha_sid(vmid).filter(|_| self.ha_state(vmid) != Some("ignored"))?;
        self.request_move(&sid, target);
        let noun = self.guests.get(&vmid).map_or("VM", |guest| guest.kind.noun());
        let work = Work::Say { line: format!("Requesting HA migration for {noun} {vmid} to node {target}") };
        let spawn = Spawn { node, kind: "hamigrate", id: vmid.to_string(), locks: Vec::new(), wait_ms: 0, work };
        Some(json!(self.spawn(caller, spawn)))
    }

    /// A node that stays away is fenced, and its guests come back elsewhere, stopped until the next round.
    fn recover(&mut self, sid: &str, vmid: u32, place: &mut Object) {
        let now_ms = self.clock.now_ms;
        let lost_ms = match text(place, "lost").and_then(|text| text.parse::<u64>().ok()) {
            Some(lost_ms) => lost_ms,
            None => {
                place.insert("lost".to_owned(), Setting::Text(now_ms.to_string()));
                now_ms
            }
        };
        let mut state = "fence";
        if now_ms >= lost_ms + FENCE_MS {
            state = "recovery";
            if let Some(node) = self.refuge(sid, vmid) {
                self.power_off(vmid);
                self.with_guest(vmid, |guest| guest.node.clone_from(&node));
                place.remove("lost");
                state = "started";
            }
        }
        place.insert("state".to_owned(), Setting::Text(state.to_owned()));
    }

    /// Returns where a guest may go: nodes of its rules first, and all its disks must be there.
    fn refuge(&self, sid: &str, vmid: u32) -> Option<String> {
        let guest = self.guests.get(&vmid)?;
        let disks = guest.config.iter().filter(|(key, _)| super::disks::is_disk_key(key));
        let are_shared = disks.into_iter().all(|(_, value)| {
            let volid = value.split(',').next().unwrap_or_default();
            self.storages.get(super::disks::storage_of(volid)).is_none_or(|storage| storage.is_shared)
        });
        let rule = self.objects_of(&RULES).map(|(_, rule)| rule).find(|rule| {
            text(rule, "type") == Some("node-affinity")
                && text(rule, "disable") != Some("1")
                && text(rule, "resources").is_some_and(|resources| split_list(resources).contains(&sid))
        });
        let preferred: Vec<&str> = rule
            .and_then(|rule| text(rule, "nodes"))
            .map(|nodes| split_list(nodes).into_iter().filter_map(|node| node.split(':').next()).collect())
            .unwrap_or_default();
        let is_strict = rule.is_some_and(|rule| text(rule, "strict") == Some("1"));
        let is_up = |name: &str| name != guest.node && self.nodes.get(name).is_some_and(|node| node.is_online);
        let found = preferred.iter().copied().find(|name| is_up(name));
        let any = || self.nodes.keys().map(String::as_str).find(|name| is_up(name));
        let found = found.or_else(|| if is_strict { None } else { any() });
        found.filter(|_| are_shared).map(str::to_owned)
    }

    fn act(&mut self, node: &str, vmid: u32, action: Action) {
        let word = if action == Action::Start { "start" } else { "shutdown" };
        let Some(kind) = self.guests.get(&vmid).map(|guest| guest.kind) else {
            return;
        };
        let work = Work::Power(PowerWork { vmid, node: node.to_owned(), kind, action });
        let spawn = Spawn {
            node,
            kind: &kind.task(word),
            id: vmid.to_string(),
            locks: exclusive(vmid),
            wait_ms: LOCK_WAIT_MS,
            work,
        };
        self.spawn(&Caller::root(), spawn);
    }
}

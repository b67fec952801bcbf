//! What is known about guests: fresh from their node, or up to ten seconds old in the cluster's bulk list.

use serde_json::{Value, json};

use super::Machine;
use super::auth::Caller;
use super::disks::{is_cdrom, is_disk_key};
use super::power::memory_bytes;
use super::property::{is_enabled, key_of, parse_size};
use super::request::Answer;
use super::routes::Context;
use super::state::{Config, Guest, GuestType, Power, Seen};
use super::task::Event;

/// How often the status daemon tells the cluster about guests.
const CYCLE_MS: u64 = 10_000;

impl Machine {
    /// Makes sure the next broadcast is on the agenda.
    pub(super) fn plan_broadcast(&mut self) {
        let due_ms = (self.clock.now_ms / CYCLE_MS + 1) * CYCLE_MS;
        self.agenda.insert((due_ms, Event::Broadcast));
    }

    /// The status daemons tell what they see.
    pub(super) fn broadcast(&mut self) {
        let mut untold = std::mem::take(&mut self.untold);
        untold.extend(self.guests.touched());
        for vmid in untold {
            match self.guests.get(&vmid).map(|guest| seen(vmid, guest)) {
                Some(seen) if self.seen.get(&vmid) != Some(&seen) => self.seen.insert(vmid, seen),
                Some(_) => {}
                None => drop(self.seen.remove(&vmid)),
            }
        }
    }

    pub(super) fn guest_status(&mut self, context: &Context) -> Answer {
        let vmid = context.parameters.vmid();
        let guest = self.named_guest(context)?;
        let mut data = self.status_row(vmid, guest);
        data["ha"] = self.ha_of_guest(vmid);
        if guest.kind == GuestType::Lxc {
            return Ok(data.into());
        }
        data["qmpstatus"] = match guest.power {
            Power::Running { is_paused: true, .. } => json!("paused"),
            _ => data["status"].clone(),
        };
        if is_enabled(guest.config.get("agent").map(String::as_str)) {
            data["agent"] = json!(1);
        }
        if guest.is_template() {
            data["template"] = json!(1);
        }
        if guest.config.contains_key("vga") {
            data["clipboard"] = Value::Null;
        }
        if guest.is_running() {
            complete_running_status(&mut data, vmid, guest);
        }
        Ok(data.into())
    }

    /// Returns the row of a guest in its node's list.
    pub(super) fn status_row(&self, vmid: u32, guest: &Guest) -> Value {
        let seen = seen(vmid, guest);
        let mut row = json!({
            "vmid": vmid, "name": seen.name, "status": if seen.is_running { "running" } else { "stopped" },
            "cpus": seen.cores, "maxmem": seen.memory_bytes, "maxdisk": seen.disk_bytes, "cpu": 0, "mem": 0,
            "memhost": 0, "disk": 0, "netin": 0, "netout": 0, "uptime": 0,
        });
        if guest.kind == GuestType::Lxc {
            complete_container_row(&mut row, guest);
        }
        if let Power::Running { since_ms, pid, .. } = guest.power {
            row["uptime"] = json!((self.clock.now_ms - since_ms) / 1000);
            row["pid"] = json!(pid);
            row["mem"] = json!(seen.memory_bytes / 4);
            row["diskread"] = json!(0);
            row["diskwrite"] = json!(0);
        }
        if let Some(lock) = guest.lock() {
            row["lock"] = json!(lock);
        }
        if let Some(tags) = guest.config.get("tags").filter(|tags| !tags.trim().is_empty()) {
            row["tags"] = json!(tags);
        }
        if guest.config.contains_key("serial0") {
            row["serial"] = json!(1);
        }
        row
    }

    pub(super) fn resources(&mut self, context: &Context) -> Answer {
        let wanted = context.parameters.get("type");
        let includes = |kind: &str| wanted.is_none_or(|wanted| wanted == kind);
        let caller = &context.caller;
        let mut rows = Vec::new();
        if wanted.is_none() {
            rows.extend(self.pool_rows(caller));
        }
        if includes("vm") {
            let visible = self.guests.keys().filter(|vmid| self.has(caller, &format!("/vms/{vmid}"), "VM.Audit"));
            rows.extend(visible.map(|vmid| self.resource_row(*vmid)));
        }
        if includes("node") {
            rows.extend(self.node_rows(caller, "cgroup-mode"));
        }
        if includes("storage") {
            rows.extend(self.storage_rows(caller));
        }
        if wanted.is_none() || (wanted == Some("sdn") && self.is_before_9()) {
            rows.extend(self.zone_rows(caller));
        }
        Ok(Value::Array(rows).into())
    }

    fn pool_rows(&self, caller: &Caller) -> Vec<Value> {
        let visible = self.pools.keys().filter(|name| self.has(caller, &format!("/pool/{name}"), "Pool.Audit"));
        visible.map(|name| json!({ "id": format!("/pool/{name}"), "pool": name, "type": "pool" })).collect()
    }

    /// Returns the row of a guest in the bulk list: existence, node, lock, tags and pool are fresh, the rest is not.
    pub(super) fn resource_row(&self, vmid: u32) -> Value {
        let kind = self.guests.get(&vmid).map_or("qemu", |guest| guest.kind.as_str());
        let mut row = json!({ "id": format!("{kind}/{vmid}"), "type": kind, "vmid": vmid, "status": "unknown" });
        let Some(guest) = self.guests.get(&vmid) else {
            return row;
        };
        row["node"] = json!(guest.node);
        let is_node_up = self.nodes.get(&guest.node).is_some_and(|node| node.is_online);
        if let Some(seen) = self.seen.get(&vmid).filter(|_| is_node_up) {
            row["name"] = json!(seen.name);
            row["status"] = json!(if seen.is_running { "running" } else { "stopped" });
            row["template"] = json!(u8::from(seen.is_template));
            row["maxcpu"] = json!(seen.cores);
            row["maxmem"] = json!(seen.memory_bytes);
            row["maxdisk"] = json!(seen.disk_bytes);
            let up_s = if seen.is_running { (self.clock.now_ms - seen.uptime_since_ms) / 1000 } else { 0 };
            row["uptime"] = json!(up_s);
            row["mem"] = json!(if seen.is_running { seen.memory_bytes / 4 } else { 0 });
            for key in ["cpu", "disk", "diskread", "diskwrite", "memhost", "netin", "netout"] {
                row[key] = json!(0);
            }
        }
        if let Some(lock) = guest.lock() {
            row["lock"] = json!(lock);
        }
        if let Some(tags) = guest.config.get("tags").filter(|tags| !tags.trim().is_empty()) {
            row["tags"] = json!(tags);
        }
        if let Some(sid) = self.ha_sid(vmid) {
            let (_, state) = self.ha_place(&sid);
            row["hastate"] = json!(if state == "queued" { self.ha_state(vmid).unwrap_or_default() } else { &state });
        }
        if let Some(pool) = self.pool_of_guest(vmid) {
            row["pool"] = json!(pool);
        }
        row
    }
}

/// What the server asks the process of a running machine for.
fn complete_running_status(data: &mut Value, vmid: u32, guest: &Guest) {
    let memory = memory_bytes(&guest.config);
    data["running-machine"] = json!("pc-i440fx-10.2+pve0");
    data["running-qemu"] = json!("10.2.2");
    data["balloon"] = json!(memory);
    data["ballooninfo"] = json!({ "actual": memory, "max_mem": memory });
    data["proxmox-support"] = json!({
        "backup-access-api": true, "backup-fleecing": true, "backup-max-workers": true, "pbs-dirty-bitmap": true,
        "pbs-dirty-bitmap-migration": true, "pbs-dirty-bitmap-savevm": true, "pbs-library-version": "1.5.2",
        "pbs-masterkey": true, "query-bitmap-info": true,
    });
    for what in ["cpu", "io", "memory"] {
        data[format!("pressure{what}full")] = json!(0);
        data[format!("pressure{what}some")] = json!(0);
    }
    let cards = guest.config.keys().filter_map(|key| key.strip_prefix("net")?.parse::<u32>().ok());
    let cards: serde_json::Map<String, Value> =
        cards.map(|number| (format!("tap{vmid}i{number}"), json!({ "netin": 0, "netout": 0 }))).collect();
    if !cards.is_empty() {
        data["nics"] = Value::Object(cards);
    }
    let drives = guest.config.iter().filter(|(key, value)| is_disk_key(key) && !value.starts_with("none"));
    let drives: serde_json::Map<String, Value> = drives.map(|(key, _)| (key.clone(), drive_counters())).collect();
    if !drives.is_empty() {
        data["blockstat"] = Value::Object(drives);
    }
}

/// The counters of a drive nobody has used.
fn drive_counters() -> Value {
    let mut counters =
        json!({ "account_failed": true, "account_invalid": true, "timed_stats": [], "wr_highest_offset": 0 });
    for what in ["rd", "wr", "unmap", "flush", "zone_append"] {
        let names = match what {
            "flush" => ["operations", "total_time_ns"].as_slice(),
            _ => &["bytes", "merged", "operations", "total_time_ns"],
        };
        for name in names {
            counters[format!("{what}_{name}")] = json!(0);
        }
        for end in ["failed", "invalid"] {
            counters[format!("{end}_{what}_operations")] = json!(0);
        }
    }
    counters
}

/// A container's row has its swap, and the disk it uses, which nobody can see in a virtual machine.
fn complete_container_row(row: &mut Value, guest: &Guest) {
    let swap_mib: u64 = guest.config.get("swap").and_then(|text| text.parse().ok()).unwrap_or(512);
    row["type"] = json!("lxc");
    row["swap"] = json!(0);
    row["maxswap"] = json!(swap_mib << 20);
    row["diskread"] = json!(0);
    row["diskwrite"] = json!(0);
    if let Some(row) = row.as_object_mut() {
        row.remove("memhost");
    }
}

fn seen(vmid: u32, guest: &Guest) -> Seen {
    let uptime_since_ms = match guest.power {
        Power::Running { since_ms, .. } => since_ms,
        Power::Stopped => 0,
    };
    Seen {
        name: guest.name(vmid),
        is_running: guest.is_running(),
        is_template: guest.is_template(),
        cores: cores(&guest.config),
        memory_bytes: memory_bytes(&guest.config),
        disk_bytes: boot_disk_bytes(&guest.config),
        uptime_since_ms,
    }
}

/// Returns the number of virtual processors.
pub(super) fn cores(config: &Config) -> u64 {
    let number = |key: &str, default| config.get(key).and_then(|text| text.parse().ok()).unwrap_or(default);
    match number("vcpus", 0) {
        0 => number("sockets", 1) * number("cores", 1),
        vcpus => vcpus,
    }
}

fn boot_disk_bytes(config: &Config) -> u64 {
    let order = config.get("boot").and_then(|boot| key_of(boot, "order")).unwrap_or_default();
    let is_disk = |key: &str| is_disk_key(key) && config.get(key).is_some_and(|value| !is_cdrom(value));
    let first = order.split(';').find(|key| is_disk(key)).map(str::to_owned);
    let first = first.or_else(|| config.keys().find(|key| is_disk(key)).cloned());
    let value = first.and_then(|key| config.get(&key)).and_then(|value| key_of(value, "size"));
    value.and_then(|size| parse_size(&size)).unwrap_or(0)
}

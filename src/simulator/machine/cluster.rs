//! Calls about the cluster as a whole: version, status, next id, log and options. Resources are in `status`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Machine;
use super::request::{Answer, Fault};
use super::routes::{Context, Entry};

pub(super) fn version(machine: &mut Machine, _context: &Context) -> Answer {
    let (release, version, repoid) = machine.release();
    Ok(json!({ "release": release, "repoid": repoid, "version": version }).into())
}

impl Machine {
    fn release(&self) -> (&'static str, &'static str, &'static str) {
        match self.is_before_9() {
            true => ("8.4", "8.4.14", "b502d23c55afcba1"),
            false => ("9.2", "9.2.11", "14a22df35955d97d"),
        }
    }

    /// Returns the manager's version as a node's status shows it.
    pub(super) fn version(&self) -> String {
        let (_, version, repoid) = self.release();
        format!("pve-manager/{version}/{repoid}")
    }

    /// Returns whether the lab plays a server of the 8 series.
    pub(super) fn is_before_9(&self) -> bool {
        self.meta.version.starts_with('8')
    }
}

pub(super) const ROUTES: &[Entry] =
    &[("GET", "/cluster/config/nodes", members), ("GET", "/cluster/config/apiversion", api_version)];

/// Lists the members of the cluster; a node on its own is none.
fn members(machine: &mut Machine, _context: &Context) -> Answer {
    let members = machine.nodes.iter().filter(|_| machine.nodes.len() > 1);
    let rows = members.map(|(name, node)| {
        json!({
            "name": name, "node": name, "nodeid": node.position.to_string(), "quorum_votes": "1", "ring0_addr": node.address,
        })
    });
    Ok(Value::Array(rows.collect()).into())
}

fn api_version(_machine: &mut Machine, _context: &Context) -> Answer {
    Ok(json!(1).into())
}

pub(super) fn status(machine: &mut Machine, _context: &Context) -> Answer {
    let mut rows = Vec::new();
    if machine.nodes.len() > 1 {
        let online = machine.nodes.values().filter(|node| node.is_online).count();
        rows.push(json!({
            "id": "cluster", "name": machine.meta.cluster, "nodes": machine.nodes.len(), "type": "cluster",
            "quorate": u8::from(online * 2 > machine.nodes.len()), "version": machine.nodes.len(),
        }));
    }
    for (name, node) in machine.nodes.iter() {
        rows.push(json!({
            "id": format!("node/{name}"), "ip": node.address, "level": "", "local": u8::from(node.position == 1),
            "name": name, "nodeid": node.position, "online": u8::from(node.is_online), "type": "node",
        }));
    }
    Ok(Value::Array(rows).into())
}

pub(super) fn next_id(machine: &mut Machine, context: &Context) -> Answer {
    if let Some(vmid) = context.parameters.number::<u32>("vmid") {
        if machine.guests.has(&vmid) {
            return Err(Fault::parameter("vmid", format!("VM {vmid} already exists")));
        }
        return Ok(json!(vmid.to_string()).into());
    }
    let range = machine.options.get("next-id").cloned().unwrap_or_default();
    let bound = |key: &str, default: u32| {
        super::property::key_of(&range, key).and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (lower, upper) = (bound("lower", 100), bound("upper", 1_000_000));
    let free = (lower..upper).find(|vmid| !machine.guests.has(vmid));
    match free {
        Some(vmid) => Ok(json!(vmid.to_string()).into()),
        None => Err(Fault::text(format!("unable to get any free VMID in range [{lower}, {upper}]"))),
    }
}

pub(super) fn log(machine: &mut Machine, context: &Context) -> Answer {
    let max = context.parameters.number::<usize>("max").unwrap_or(50);
    let sees_all = machine.has(&context.caller, "/", "Sys.Syslog");
    let own_user = context.caller.full_id();
    let rows = machine.log.iter().rev().filter(|(_, line)| sees_all || line.user == own_user).take(max);
    let rows = rows.map(|(number, line)| {
        json!({
            "id": format!("{number}:{}", line.node), "uid": number.to_string(), "time": line.time_s, "node": line.node,
            "pid": 1000, "tag": "pvedaemon", "pri": line.priority, "user": line.user, "msg": line.message,
        })
    });
    Ok(Value::Array(rows.collect()).into())
}

pub(super) fn options(machine: &mut Machine, context: &Context) -> Answer {
    let sees_all = machine.has_any(&context.caller, "/", &["Sys.Audit", "Sys.Modify"]);
    let mut data = serde_json::Map::new();
    for (key, value) in machine.options.iter() {
        let is_public = matches!(key.as_str(), "tag-style" | "console" | "user-tag-access" | "registered-tags");
        if sees_all || is_public {
            data.insert(key.clone(), json!(value));
        }
    }
    let tags: BTreeSet<&str> = machine
        .guests
        .values()
        .filter_map(|guest| guest.config.get("tags"))
        .flat_map(|tags| tags.split(';'))
        .filter(|tag| !tag.trim().is_empty())
        .collect();
    data.insert("allowed-tags".to_owned(), json!(tags));
    Ok(Value::Object(data).into())
}

pub(super) fn set_options(machine: &mut Machine, context: &Context) -> Answer {
    for name in context.parameters.items("delete") {
        machine.options.remove(name);
    }
    for (name, value) in context.parameters.iter().filter(|(name, _)| *name != "delete") {
        let text = if name == "description" { format!("{value}\n") } else { value.to_owned() };
        machine.options.insert(name.to_owned(), text);
    }
    Ok(().into())
}

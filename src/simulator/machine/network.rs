//! Network interfaces of a node. Writes go to a file of their own, which counts once it was applied.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Machine;
use super::objects::{File, change, text, typed_all};
use super::request::{Answer, Fault, Success};
use super::routes::{Context, Entry};
use super::state::{Bridge, Card, Node, Object, Setting};
use super::task::{Spawn, Step, Work};

pub(super) const ROUTES: &[Entry] = &[
    ("GET", "/nodes/{node}/network", list),
    ("POST", "/nodes/{node}/network", create),
    ("PUT", "/nodes/{node}/network", apply),
    ("DELETE", "/nodes/{node}/network", revert),
    ("GET", "/nodes/{node}/network/{iface}", show),
    ("PUT", "/nodes/{node}/network/{iface}", update),
    ("DELETE", "/nodes/{node}/network/{iface}", delete),
];

/// Interfaces by `node/name`, as they run; cards and the lab's bridges are not in it.
const RUNNING: File = File { name: "running.network", id: "iface", created_by: "/nodes/{node}/network" };
/// What was changed since: an interface with its new settings, or one that is marked as gone.
const CHANGES: File = File { name: "network", id: "iface", created_by: "/nodes/{node}/network" };
const GONE: &str = "gone";

type Interfaces = BTreeMap<String, Object>;

fn set(object: &mut Object, name: &str, value: &str) {
    object.insert(name.to_owned(), Setting::Text(value.to_owned()));
}

fn of_bridge(node: &Node, bridge: &Bridge) -> Object {
    let first_card = node.cards.keys().next().map_or("eno1", String::as_str);
    let mut object = Object::new();
    set(&mut object, "type", "bridge");
    set(&mut object, "autostart", "1");
    set(&mut object, "bridge_ports", bridge.ports.as_deref().unwrap_or(first_card));
    if bridge.is_vlan_aware {
        set(&mut object, "bridge_vlan_aware", "1");
    }
    if let Some(cidr) = &bridge.address {
        set(&mut object, "cidr", cidr);
    }
    complete("", &mut object);
    object
}

/// Fills in what follows from the rest of an interface.
fn complete(name: &str, object: &mut Object) {
    if let Some((address, mask)) = text(object, "cidr").and_then(|cidr| cidr.split_once('/')) {
        let (address, mask) = (address.to_owned(), mask.to_owned());
        set(object, "address", &address);
        set(object, "netmask", &mask);
    }
    let method = if object.contains_key("address") { "static" } else { "manual" };
    set(object, "method", method);
    set(object, "method6", if object.contains_key("cidr6") { "static" } else { "manual" });
    match text(object, "type") {
        Some("bridge") => {
            for (key, value) in [("bridge_fd", "0"), ("bridge_ports", ""), ("bridge_stp", "off")] {
                object.entry(key.to_owned()).or_insert_with(|| Setting::Text(value.to_owned()));
            }
            if text(object, "bridge_vlan_aware") == Some("1") {
                object.entry("bridge_vids".to_owned()).or_insert_with(|| Setting::Text("2-4094".to_owned()));
            }
        }
        Some("vlan") => {
            if let Some((device, tag)) = name.rsplit_once('.') {
                set(object, "vlan-raw-device", device);
                set(object, "vlan-id", tag);
            }
        }
        _ => {}
    }
    if let Some(comments) = text(object, "comments").filter(|comments| !comments.ends_with('\n')) {
        let comments = format!("{comments}\n");
        set(object, "comments", &comments);
    }
}

impl Machine {
    fn cards(&self, node: &str) -> BTreeMap<String, Card> {
        let cards = self.nodes.get(node).map(|node| node.cards.clone()).unwrap_or_default();
        match cards.is_empty() {
            true => BTreeMap::from([("eno1".to_owned(), Card { is_configured: true, is_present: true })]),
            false => cards,
        }
    }

    /// Returns the interfaces that run, apart from cards.
    fn running_interfaces(&self, name: &str) -> Interfaces {
        let Some(node) = self.nodes.get(name) else {
            return Interfaces::new();
        };
        let mut found: Interfaces =
            node.bridges.iter().map(|(bridge, settings)| (bridge.clone(), of_bridge(node, settings))).collect();
        found.extend(self.of_node(&RUNNING, name));
        found
    }

    fn of_node(&self, file: &'static File, node: &str) -> Interfaces {
        let prefix = format!("{node}/");
        let own = self
            .objects_of(file)
            .filter_map(|(key, object)| Some((key.strip_prefix(&prefix)?.to_owned(), object.clone())));
        own.collect()
    }

    /// Returns the interfaces as the next apply makes them.
    fn planned_interfaces(&self, node: &str) -> Interfaces {
        let mut found = self.running_interfaces(node);
        for (name, object) in self.of_node(&CHANGES, node) {
            if object.contains_key(GONE) {
                found.remove(&name);
            } else {
                found.insert(name, object);
            }
        }
        found
    }

    fn has_network_changes(&self, node: &str) -> bool {
        !self.of_node(&CHANGES, node).is_empty()
    }

    pub(super) fn run_network_apply(&mut self, stage: u32, name: &str) -> Step {
        if stage == 0 {
            return Step::After(1000);
        }
        let planned = self.planned_interfaces(name);
        for key in self.of_node(&CHANGES, name).into_keys() {
            self.remove_object(&CHANGES, &format!("{name}/{key}"));
        }
        for key in self.of_node(&RUNNING, name).into_keys() {
            self.remove_object(&RUNNING, &format!("{name}/{key}"));
        }
        let is_bridge = |object: &Object| matches!(text(object, "type"), Some("bridge" | "OVSBridge"));
        if let Some(node) = self.nodes.get_mut(name) {
            node.bridges.retain(|bridge, _| planned.contains_key(bridge));
            for (bridge, object) in planned.iter().filter(|(_, object)| is_bridge(object)) {
                let dhcp = node.bridges.get(bridge).and_then(|bridge| bridge.dhcp.clone());
                let bridge_now = Bridge {
                    is_vlan_aware: text(object, "bridge_vlan_aware") == Some("1"),
                    address: text(object, "cidr").map(str::to_owned),
                    ports: text(object, "bridge_ports").map(str::to_owned),
                    dhcp,
                };
                node.bridges.insert(bridge.clone(), bridge_now);
            }
        }
        for (key, object) in planned {
            self.save_object(&RUNNING, &format!("{name}/{key}"), object);
        }
        Step::DONE
    }
}

fn row(name: &str, object: &Object, is_active: bool, priority: usize) -> Map<String, Value> {
    let fields = super::api::Api::get().parameters("POST", "/nodes/{node}/network");
    let mut row = typed_all(fields, object);
    row.insert("iface".to_owned(), json!(name));
    row.insert("families".to_owned(), json!(["inet"]));
    row.insert("priority".to_owned(), json!(priority));
    if is_active {
        row.insert("active".to_owned(), json!(1));
    }
    row
}

/// Returns one row per interface: cards first, as the file lists them.
fn rows(machine: &Machine, node: &str) -> Vec<Map<String, Value>> {
    let is_written = machine.has_network_changes(node);
    let mut rows = Vec::new();
    let mut priority = 3;
    for (name, card) in machine.cards(node) {
        let mut object = Object::new();
        set(&mut object, "type", "eth");
        complete(&name, &mut object);
        let mut row = row(&name, &object, card.is_present, priority);
        if card.is_present {
            row.insert("exists".to_owned(), json!(1));
        }
        // Writing the file puts every card into it.
        if card.is_configured || is_written {
            priority += 1;
        } else {
            row.remove("priority");
        }
        rows.push(row);
    }
    let running = machine.running_interfaces(node);
    for (name, object) in machine.planned_interfaces(node) {
        rows.push(row(&name, &object, running.contains_key(&name), priority));
        priority += 1;
    }
    rows
}

fn list(machine: &mut Machine, context: &Context) -> Answer {
    let node = context.node();
    let wanted = context.parameters.get("type");
    let mut rows = rows(machine, node);
    rows.retain(|row| match wanted {
        None | Some("include_sdn") => true,
        Some("any_bridge" | "any_local_bridge") => row["type"] == "bridge" || row["type"] == "OVSBridge",
        Some(kind) => row["type"] == kind,
    });
    rows.retain(|row| {
        let path = format!("/sdn/zones/localnetwork/{}", row["iface"].as_str().unwrap_or_default());
        row["type"] != "bridge" || machine.has_any(&context.caller, &path, &["SDN.Audit", "SDN.Use", "SDN.Allocate"])
    });
    let data = Value::Array(rows.into_iter().map(Value::Object).collect());
    let mut beside = Map::new();
    if machine.has_network_changes(node) {
        beside.insert("changes".to_owned(), json!(changes(machine, node)));
    }
    Ok(Success { data, beside })
}

/// Returns what an apply would change, as a diff of the file.
fn changes(machine: &Machine, node: &str) -> String {
    let old = print(machine.running_interfaces(node));
    let new = print(machine.planned_interfaces(node));
    let diff = similar::TextDiff::from_lines(&old, &new);
    diff.unified_diff().header("/etc/network/interfaces", "/etc/network/interfaces.new").to_string()
}

fn print(interfaces: Interfaces) -> String {
    let mut out = "auto lo\niface lo inet loopback\n".to_owned();
    for (name, object) in interfaces {
        let method = text(&object, "method").unwrap_or("manual");
        if text(&object, "autostart") == Some("1") {
            out.push_str(&format!("\nauto {name}"));
        }
        out.push_str(&format!("\niface {name} inet {method}\n"));
        let pairs = [
            ("cidr", "address"),
            ("gateway", "gateway"),
            ("bridge_ports", "bridge-ports"),
            ("bridge_stp", "bridge-stp"),
        ];
        for (key, word) in pairs {
            if let Some(value) = text(&object, key) {
                out.push_str(&format!("\t{word} {}\n", if value.is_empty() { "none" } else { value }));
            }
        }
    }
    out
}

fn missing() -> Fault {
    Fault::parameter("iface", "interface does not exist")
}

fn show(machine: &mut Machine, context: &Context) -> Answer {
    let wanted = context.parameters.required("iface");
    let found = rows(machine, context.node()).into_iter().find(|row| row["iface"] == wanted);
    let mut row = found.ok_or_else(missing)?;
    row.remove("iface");
    Ok(Value::Object(row).into())
}

fn create(machine: &mut Machine, context: &Context) -> Answer {
    let (node, name) = (context.node(), context.parameters.required("iface"));
    if rows(machine, node).iter().any(|row| row["iface"] == name) {
        return Err(Fault::parameter("iface", "interface already exists"));
    }
    save(machine, context, Object::new())
}

fn save(machine: &mut Machine, context: &Context, mut object: Object) -> Answer {
    let (node, name) = (context.node(), context.parameters.required("iface"));
    if let Some(gateway) = context.parameters.get("gateway") {
        let has_one = |(other, object): (&String, &Object)| other != name && text(object, "gateway").is_some();
        let planned = machine.planned_interfaces(node);
        if let Some((other, _)) = planned.iter().find(|(other, object)| has_one((other, object))) {
            let text = format!("Default gateway already exists on interface '{other}'.");
            return Err(Fault::parameter("gateway", text));
        }
        set(&mut object, "gateway", gateway);
    }
    change(&context.parameters, &mut object, &["iface", "node"]);
    if let Some(address) = context.parameters.get("address").filter(|_| context.parameters.get("cidr").is_none()) {
        let cidr = format!("{address}/{}", context.parameters.get("netmask").unwrap_or("24"));
        set(&mut object, "cidr", &cidr);
    }
    if !object.contains_key("cidr") {
        object.remove("address");
        object.remove("netmask");
    }
    complete(name, &mut object);
    machine.save_object(&CHANGES, &format!("{node}/{name}"), object);
    Ok(().into())
}

fn update(machine: &mut Machine, context: &Context) -> Answer {
    let (node, name) = (context.node(), context.parameters.required("iface"));
    if machine.cards(node).contains_key(name) {
        return save(machine, context, Object::new());
    }
    let object = machine.planned_interfaces(node).remove(name).ok_or_else(missing)?;
    save(machine, context, object)
}

fn delete(machine: &mut Machine, context: &Context) -> Answer {
    let (node, name) = (context.node(), context.parameters.required("iface"));
    machine.planned_interfaces(node).remove(name).ok_or_else(missing)?;
    let key = format!("{node}/{name}");
    if machine.running_interfaces(node).contains_key(name) {
        machine.save_object(&CHANGES, &key, Object::from([(GONE.to_owned(), Setting::Text("1".to_owned()))]));
    } else {
        machine.remove_object(&CHANGES, &key);
    }
    Ok(().into())
}

fn revert(machine: &mut Machine, context: &Context) -> Answer {
    for name in machine.of_node(&CHANGES, context.node()).into_keys() {
        machine.remove_object(&CHANGES, &format!("{}/{name}", context.node()));
    }
    Ok(().into())
}

fn apply(machine: &mut Machine, context: &Context) -> Answer {
    let node = context.node();
    let work = Work::ApplyNetwork { node: node.to_owned() };
    let spawn = Spawn { node, kind: "srvreload", id: "networking".to_owned(), locks: Vec::new(), wait_ms: 0, work };
    Ok(json!(machine.spawn(&context.caller, spawn)).into())
}

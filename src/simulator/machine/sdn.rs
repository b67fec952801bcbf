//! Software-defined network: zones, VNets, subnets, controllers, address and name services. Writes change the configuration; it runs once
//! it was applied. Fabrics are in `sdn_fabrics`, the pending and running views in `sdn_view`.

use serde_json::{Map, Value, json};

use super::Machine;
use super::objects::{File, change, text, typed_all};
use super::request::{Answer, Fault};
use super::routes::{Context, Entry};
use super::state::{Object, Setting};
use super::task::{Spawn, Step, Work};

/// One kind of object of the network.
pub(super) struct Kind {
    pub(super) file: File,
    pub(super) running: File,
    /// How messages call it.
    pub(super) word: &'static str,
    /// What a missing one is called in the answer to a GET.
    pub(super) missing: &'static str,
    list: &'static str,
    item: &'static str,
    /// Members that name an object rather than describe it, so that no change of them is ever pending.
    pub(super) identity: &'static [&'static str],
}

macro_rules! kind {
    ($word:literal, $plural:literal, $parent:literal, $missing:literal, $identity:expr) => {
        Kind {
            file: File { name: concat!("sdn.", $plural), id: $word, created_by: concat!($parent, "/", $plural) },
            running: File {
                name: concat!("running.sdn.", $plural),
                id: $word,
                created_by: concat!($parent, "/", $plural),
            },
            word: $word,
            missing: $missing,
            list: concat!($parent, "/", $plural),
            item: concat!($parent, "/", $plural, "/{", $word, "}"),
            identity: $identity,
        }
    };
}

pub(super) const ZONES: Kind = kind!("zone", "zones", "/cluster/sdn", "sdn", &["type"]);
pub(super) const VNETS: Kind = kind!("vnet", "vnets", "/cluster/sdn", "sdn vnet", &["type"]);
pub(super) const SUBNETS: Kind = kind!(
    "subnet",
    "subnets",
    "/cluster/sdn/vnets/{vnet}",
    "sdn subnet",
    &["type", "vnet", "cidr", "id", "mask", "network", "zone"]
);
const CONTROLLERS: Kind = kind!("controller", "controllers", "/cluster/sdn", "sdn", &["type"]);
const IPAMS: Kind = kind!("ipam", "ipams", "/cluster/sdn", "sdn", &["type"]);
const DNS: Kind = kind!("dns", "dns", "/cluster/sdn", "sdn", &["type"]);
/// Everything that an apply makes run.
pub(super) const KINDS: [&Kind; 6] = [&ZONES, &VNETS, &SUBNETS, &CONTROLLERS, &IPAMS, &DNS];

const LOCK: File = File { name: "sdn.lock", id: "name", created_by: "" };

pub(super) const ROUTES: &[Entry] = &[
    ("GET", ZONES.list, list),
    ("POST", ZONES.list, create),
    ("GET", ZONES.item, show),
    ("PUT", ZONES.item, update),
    ("DELETE", ZONES.item, delete),
    ("GET", VNETS.list, list),
    ("POST", VNETS.list, create),
    ("GET", VNETS.item, show),
    ("PUT", VNETS.item, update),
    ("DELETE", VNETS.item, delete),
    ("GET", SUBNETS.list, list),
    ("POST", SUBNETS.list, create),
    ("GET", SUBNETS.item, show),
    ("PUT", SUBNETS.item, update),
    ("DELETE", SUBNETS.item, delete),
    ("GET", CONTROLLERS.list, list),
    ("POST", CONTROLLERS.list, create),
    ("GET", CONTROLLERS.item, show),
    ("PUT", CONTROLLERS.item, update),
    ("DELETE", CONTROLLERS.item, delete),
    ("GET", IPAMS.list, list),
    ("POST", IPAMS.list, create),
    ("GET", IPAMS.item, show),
    ("PUT", IPAMS.item, update),
    ("DELETE", IPAMS.item, delete),
    ("GET", "/cluster/sdn/ipams/{ipam}/status", ipam_status),
    ("GET", DNS.list, list),
    ("POST", DNS.list, create),
    ("GET", DNS.item, show),
    ("PUT", DNS.item, update),
    ("DELETE", DNS.item, delete),
    ("PUT", "/cluster/sdn", apply),
    ("POST", "/cluster/sdn/rollback", rollback),
    ("POST", "/cluster/sdn/lock", lock),
    ("DELETE", "/cluster/sdn/lock", unlock),
    ("GET", "/cluster/sdn/dry-run", dry_run),
    ("GET", "/nodes/{node}/sdn/zones", node_zones),
    ("GET", "/nodes/{node}/sdn/zones/{zone}/content", zone_content),
];

fn kind_of(context: &Context) -> &'static Kind {
    let is_its = |kind: &&&Kind| context.template == kind.list || context.template == kind.item;
    KINDS.iter().find(is_its).expect("only routes of a kind lead here")
}

fn list(machine: &mut Machine, context: &Context) -> Answer {
    let kind = kind_of(context);
    let parameters = &context.parameters;
    let mut rows = machine.sdn_rows(kind, parameters.is_set("pending"), parameters.is_set("running"));
    if kind.word == "ipam" {
        rows.insert(0, json!({ "ipam": "pve", "type": "pve", "digest": machine.file_digest(&IPAMS.file) }));
    }
    rows.retain(|row| parameters.get("type").is_none_or(|wanted| row["type"] == wanted));
    rows.retain(|row| parameters.get("vnet").is_none_or(|wanted| kind.word != "subnet" || row["vnet"] == wanted));
    rows.retain(|row| machine.sees_sdn(&context.caller, kind, row));
    Ok(Value::Array(rows).into())
}

fn show(machine: &mut Machine, context: &Context) -> Answer {
    let kind = kind_of(context);
    let parameters = &context.parameters;
    let id = parameters.required(kind.word);
    if kind.word == "ipam" && id == "pve" {
        return Ok(json!({ "ipam": "pve", "type": "pve", "digest": machine.file_digest(&IPAMS.file) }).into());
    }
    // A subnet is named with dashes; a network in the path is another path.
    let rows = machine.sdn_rows(kind, parameters.is_set("pending"), parameters.is_set("running"));
    let row = rows.into_iter().find(|row| row[kind.word] == id);
    match row.filter(|row| machine.sees_sdn(&context.caller, kind, row)) {
        Some(row) => Ok(row.into()),
        None => Err(Fault::text(format!("{} '{id}' does not exist", kind.missing))),
    }
}

fn failed(verb: &str, kind: &Kind) -> impl Fn(String) -> Fault {
    let prefix = format!("{verb} sdn {} object failed: ", kind.word);
    move |text| Fault::text(format!("{prefix}{text}"))
}

/// A refused parameter loses its status on the way out of the lock.
fn refused(name: &str, text: &str) -> String {
    format!("400 Parameter verification failed.\n{name}: {text}")
}

fn create(machine: &mut Machine, context: &Context) -> Answer {
    let kind = kind_of(context);
    let failed = failed("create", kind);
    machine.check_sdn_lock(context).map_err(&failed)?;
    let mut object = Object::new();
    change(&context.parameters, &mut object, &[kind.word]);
    let id = match kind.word {
        "subnet" => subnet_id(machine, context)?,
        _ => context.parameters.required(kind.word).to_owned(),
    };
    if machine.object(&kind.file, &id).is_some() {
        return Err(failed(format!("sdn {} object ID '{id}' already defined", kind.word)));
    }
    if kind.word == "vnet" {
        object.insert("type".to_owned(), Setting::Text("vnet".to_owned()));
    }
    machine.check_sdn_object(kind, &id, &object).map_err(failed)?;
    machine.save_object(&kind.file, &id, object);
    Ok(().into())
}

fn update(machine: &mut Machine, context: &Context) -> Answer {
    let kind = kind_of(context);
    let failed = failed("update", kind);
    machine.check_sdn_lock(context).map_err(&failed)?;
    machine.check_file(context, &kind.file, &format!("update sdn {} object failed: ", kind.word))?;
    let id = context.parameters.required(kind.word);
    let missing = || failed(format!("{} '{id}' does not exist", kind.missing));
    let mut object = machine.object(&kind.file, id).cloned().ok_or_else(missing)?;
    change(&context.parameters, &mut object, &[kind.word]);
    machine.check_sdn_object(kind, id, &object).map_err(&failed)?;
    machine.save_object(&kind.file, id, object);
    Ok(().into())
}

fn delete(machine: &mut Machine, context: &Context) -> Answer {
    let kind = kind_of(context);
    let failed = failed("delete", kind);
    machine.check_sdn_lock(context).map_err(&failed)?;
    let id = context.parameters.required(kind.word);
    if machine.object(&kind.file, id).is_none() {
        return Err(failed(format!("{} '{id}' does not exist", kind.missing)));
    }
    if let Some(text) = machine.sdn_user_of(kind, id) {
        return Err(failed(text));
    }
    machine.remove_object(&kind.file, id);
    Ok(().into())
}

/// A subnet is called after its zone and its network.
fn subnet_id(machine: &Machine, context: &Context) -> Result<String, Fault> {
    let (vnet, cidr) = (context.parameters.required("vnet"), context.parameters.required("subnet"));
    let vnet = machine.object(&VNETS.file, vnet);
    let zone = vnet.and_then(|vnet| text(vnet, "zone")).map(str::to_owned);
    let zone = zone.ok_or_else(|| Fault::text("create sdn subnet object failed: sdn vnet does not exist"))?;
    let network: ipnet::IpNet = cidr
        .parse()
        .map_err(|_| Fault::parameter("subnet", "invalid format - value does not look like a valid CIDR\n"))?;
    Ok(format!("{zone}-{}-{}", network.network(), network.prefix_len()))
}

/// Returns the network a subnet's id names.
pub(super) fn network_of(id: &str) -> Option<(&str, ipnet::IpNet)> {
    let (rest, mask) = id.rsplit_once('-')?;
    let (zone, network) = rest.split_once('-')?;
    Some((zone, format!("{network}/{mask}").parse().ok()?))
}

impl Machine {
    fn sees_sdn(&self, caller: &super::auth::Caller, kind: &Kind, row: &Value) -> bool {
        let text =
            |key: &str| row[key].as_str().or_else(|| row["pending"][key].as_str()).unwrap_or_default().to_owned();
        let path = match kind.word {
            "zone" | "subnet" => format!("/sdn/zones/{}", text("zone")),
            "vnet" => format!("/sdn/zones/{}/{}", text("zone"), text("vnet")),
            "dns" => format!("/sdn/dns/{}", text("dns")),
            word => format!("/sdn/{word}s/{}", text(word)),
        };
        self.has_any(caller, &path, &["SDN.Audit", "SDN.Allocate"])
    }

    /// Says what is wrong with an object, in the words of the plugin that looks at it.
    fn check_sdn_object(&self, kind: &Kind, id: &str, object: &Object) -> Result<(), String> {
        match kind.word {
            "zone" => self.check_zone(object),
            "vnet" => self.check_vnet(id, object),
            "subnet" => check_gateway(id, object),
            "dns" => Err(format!("dns api error: {}", unreachable_server(text(object, "url").unwrap_or_default()))),
            "ipam" if text(object, "type") != Some("pve") => {
                let name = text(object, "type").unwrap_or_default();
                let url = text(object, "url").unwrap_or_default();
                Err(format!("Can't connect to {name} api: {}", unreachable_server(url)))
            }
            _ => Ok(()),
        }
    }

    fn check_zone(&self, object: &Object) -> Result<(), String> {
        let needed: &[&str] = match text(object, "type").unwrap_or_default() {
            "vlan" => &["bridge"],
            "qinq" => &["bridge", "tag"],
            "vxlan" if text(object, "fabric").is_none() => &["peers"],
            "evpn" => &["controller", "vrf-vxlan"],
            _ => &[],
        };
        if let Some(name) = needed.iter().find(|name| !object.contains_key(**name)) {
            return Err(format!("missing value for required option '{name}'"));
        }
        match text(object, "controller") {
            Some(name) if self.object(&CONTROLLERS.file, name).is_none() => Err(format!(
                "controller {name} don't exist at /usr/share/perl5/PVE/Network/SDN/Zones/EvpnPlugin.pm line 354."
            )),
            _ => Ok(()),
        }
    }

    fn check_vnet(&self, id: &str, object: &Object) -> Result<(), String> {
        let zone_id = text(object, "zone").unwrap_or_default();
        let Some(zone) = self.object(&ZONES.file, zone_id) else {
            return Err(
                "cannot lookup undefined type! at /usr/share/perl5/PVE/API2/Network/SDN/Vnets.pm line 326.".to_owned()
            );
        };
        let zone_kind = text(zone, "type").unwrap_or_default();
        let tag = text(object, "tag");
        match zone_kind {
            "vlan" | "qinq" if tag.is_none() => return Err(refused("tag", "missing vlan tag")),
            "vxlan" | "evpn" if tag.is_none() => return Err(refused("tag", "missing vxlan tag")),
            "simple" if tag.is_some() => return Err(refused("tag", "vlan tag is not allowed on simple zone")),
            _ => {}
        }
        let is_twin = |(other, twin): &(&str, &Object)| {
            *other != id && tag.is_some() && text(twin, "tag") == tag && text(twin, "zone") == Some(zone_id)
        };
        match self.objects_of(&VNETS.file).find(is_twin) {
            Some((other, _)) => Err(refused(
                "tag",
                &format!("tag {} already exist in zone {zone_id} in vnet {other}", tag.unwrap_or_default()),
            )),
            None => Ok(()),
        }
    }

    /// Says what still uses an object.
    fn sdn_user_of(&self, kind: &Kind, id: &str) -> Option<String> {
        let names = |file: &'static File, key: &'static str| {
            self.objects_of(file).find(|(_, object)| text(object, key) == Some(id)).map(|(name, _)| name.to_owned())
        };
        match kind.word {
            "zone" => names(&VNETS.file, "zone").map(|vnet| {
                format!("zone {id} is used by vnet {vnet} at /usr/share/perl5/PVE/Network/SDN/Zones/Plugin.pm line 149.")
            }),
            "vnet" => names(&SUBNETS.file, "vnet").map(|_| refused("vnet", "can't delete vnet if subnets exists")),
            "controller" => names(&ZONES.file, "controller").map(|zone| {
                format!("controller {id} is used by {zone} at /usr/share/perl5/PVE/Network/SDN/Controllers/EvpnPlugin.pm line 516.")
            }),
            "ipam" => names(&ZONES.file, "ipam").map(|zone| format!("ipam {id} is used by zone {zone}")),
            _ => None,
        }
    }

    fn sdn_lock(&self) -> Option<&str> {
        self.object(&LOCK, "lock").and_then(|lock| text(lock, "token"))
    }

    /// While somebody holds the lock, writes need its token.
    pub(super) fn check_sdn_lock(&self, context: &Context) -> Result<(), String> {
        match self.sdn_lock() {
            Some(token) if context.parameters.get("lock-token") != Some(token) => {
                Err("invalid lock token provided!".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Returns the zone of a VNet that runs: guests can be attached to it like to a bridge.
    pub(super) fn zone_of_vnet(&self, vnet: &str) -> Option<&str> {
        self.object(&VNETS.running, vnet).and_then(|vnet| text(vnet, "zone"))
    }

    /// Returns whether a node has something of this name to attach a guest to.
    pub(super) fn has_bridge(&self, node: &str, name: &str) -> bool {
        self.nodes.get(node).is_some_and(|node| node.bridges.contains_key(name)) || self.zone_of_vnet(name).is_some()
    }

    /// Returns the rows of the zones in the cluster's bulk list.
    pub(super) fn zone_rows(&self, caller: &super::auth::Caller) -> Vec<Value> {
        let mut rows = Vec::new();
        for (node, state) in self.nodes.iter().filter(|(_, state)| state.is_online) {
            let applied = self.objects_of(&ZONES.running).filter(|(_, zone)| is_on(zone, node)).map(|(name, _)| name);
            for zone in std::iter::once("localnetwork").chain(applied) {
                if state.is_online
                    && self.has_any(caller, &format!("/sdn/zones/{zone}"), &["SDN.Audit", "SDN.Use", "SDN.Allocate"])
                {
                    rows.push(json!({
                        "id": format!("network/{node}/zone/{zone}"), "network": zone, "network-type": "zone", "node": node,
                        "status": if zone == "localnetwork" { "ok" } else { "available" }, "type": "network",
                    }));
                }
            }
        }
        rows
    }

    pub(super) fn run_network_reload(&mut self, seq: u64, stage: u32) -> Step {
        if stage > 0 {
            return Step::DONE;
        }
        let nodes: Vec<String> =
            self.nodes.iter().filter(|(_, node)| node.is_online).map(|(name, _)| name.clone()).collect();
        for node in nodes {
            self.task_log(seq, format!("{node}: reloading network config"));
        }
        Step::After(1500)
    }
}

fn is_on(zone: &Object, node: &str) -> bool {
    text(zone, "nodes").is_none_or(|nodes| super::schema::split_list(nodes).contains(&node))
}

/// The simulator reaches nobody: any server of names or addresses refuses it.
fn unreachable_server(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    let port = match (host.contains(':'), url.starts_with("https")) {
        (true, _) => "",
        (false, true) => ":443",
        (false, false) => ":80",
    };
    format!("Invalid response from server: 500 Can't connect to {host}{port} (Connection refused)")
}

fn check_gateway(id: &str, object: &Object) -> Result<(), String> {
    let (Some((_, network)), Some(gateway)) = (network_of(id), text(object, "gateway")) else {
        return Ok(());
    };
    match gateway.parse().is_ok_and(|address: std::net::IpAddr| network.contains(&address)) {
        true => Ok(()),
        false => Err(refused("gateway", &format!("{gateway} is not in subnet {network}"))),
    }
}

fn ipam_status(machine: &mut Machine, context: &Context) -> Answer {
    if context.parameters.required("ipam") != "pve" {
        return Err(Fault::text("Currently only PVE IPAM is supported!"));
    }
    let gateways = machine.objects_of(&SUBNETS.running).filter_map(|(id, subnet)| {
        let (zone, network) = network_of(id)?;
        let row = json!({
            "gateway": 1, "ip": text(subnet, "gateway")?, "subnet": network.to_string(), "vnet": text(subnet, "vnet")?, "zone": zone,
        });
        Some(row)
    });
    Ok(Value::Array(gateways.collect()).into())
}

fn apply(machine: &mut Machine, context: &Context) -> Answer {
    machine.check_sdn_lock(context).map_err(Fault::text)?;
    for kind in KINDS {
        machine.copy_objects(&kind.file, &kind.running);
    }
    super::sdn_fabrics::apply(machine);
    if context.parameters.is_set("release-lock") {
        machine.remove_object(&LOCK, "lock");
    }
    let node = machine.nodes.keys().next().cloned().unwrap_or_default();
    let spawn = Spawn {
        node: &node,
        kind: "reloadnetworkall",
        id: String::new(),
        locks: Vec::new(),
        wait_ms: 0,
        work: Work::ReloadNetwork,
    };
    Ok(json!(machine.spawn(&context.caller, spawn)).into())
}

fn rollback(machine: &mut Machine, context: &Context) -> Answer {
    machine.check_sdn_lock(context).map_err(Fault::text)?;
    for kind in KINDS {
        machine.copy_objects(&kind.running, &kind.file);
    }
    super::sdn_fabrics::rollback(machine);
    if context.parameters.get("release-lock") != Some("0") {
        machine.remove_object(&LOCK, "lock");
    }
    Ok(().into())
}

fn lock(machine: &mut Machine, context: &Context) -> Answer {
    if machine.sdn_lock().is_some() {
        return Err(Fault::text("could not acquire lock for SDN config: configuration is already locked"));
    }
    let is_pending = KINDS.iter().any(|kind| machine.is_pending(kind));
    if is_pending && !context.parameters.is_set("allow-pending") {
        return Err(Fault::text("could not acquire lock for SDN config: configuration has pending changes"));
    }
    let token = machine.random_uuid();
    machine.save_object(&LOCK, "lock", Object::from([("token".to_owned(), Setting::Text(token.clone()))]));
    Ok(json!(token).into())
}

fn unlock(machine: &mut Machine, context: &Context) -> Answer {
    if !context.parameters.is_set("force") {
        machine.check_sdn_lock(context).map_err(Fault::text)?;
    }
    machine.remove_object(&LOCK, "lock");
    Ok(().into())
}

/// Shows what an apply would write on a node: interfaces of VNets; routing stays as it is.
fn dry_run(machine: &mut Machine, context: &Context) -> Answer {
    let node = context.node();
    let text_of = |machine: &Machine, zones: &File, vnets: &File| {
        let mut lines = vec!["#version:1".to_owned()];
        for (vnet, object) in machine.objects_of(vnets) {
            let zone = text(object, "zone").and_then(|zone| machine.object(zones, zone));
            if zone.is_some_and(|zone| is_on(zone, node)) {
                lines
                    .push(format!("\nauto {vnet}\niface {vnet}\n\tbridge_ports none\n\tbridge_stp off\n\tbridge_fd 0"));
            }
        }
        lines.join("\n") + "\n"
    };
    let old = text_of(machine, &ZONES.running, &VNETS.running);
    let new = text_of(machine, &ZONES.file, &VNETS.file);
    let diff = similar::TextDiff::from_lines(&old, &new);
    let diff = diff.unified_diff().header("/etc/network/interfaces.d/sdn", "/etc/network/interfaces.d/sdn").to_string();
    Ok(json!({ "frr-diff": "", "interfaces-diff": diff }).into())
}

fn node_zones(machine: &mut Machine, context: &Context) -> Answer {
    let is_broken = machine.nodes.get(context.node()).is_some_and(|node| node.has_network_trouble);
    let status = if is_broken { "error" } else { "available" };
    let rows = machine.objects_of(&ZONES.running).filter(|(zone, object)| {
        is_on(object, context.node())
            && machine.has_any(&context.caller, &format!("/sdn/zones/{zone}"), &["SDN.Audit", "SDN.Allocate"])
    });
    Ok(Value::Array(rows.map(|(zone, _)| json!({ "zone": zone, "status": status })).collect()).into())
}

fn zone_content(machine: &mut Machine, context: &Context) -> Answer {
    let zone = context.parameters.required("zone");
    let vnets = machine.objects_of(&VNETS.running).filter(|(_, vnet)| text(vnet, "zone") == Some(zone));
    Ok(Value::Array(vnets.map(|(vnet, _)| json!({ "vnet": vnet, "status": "available" })).collect()).into())
}

/// Returns what an object says of itself, with what follows from its id.
pub(super) fn described(kind: &Kind, id: &str, object: &Object) -> Map<String, Value> {
    let fields = super::api::Api::get().parameters("POST", kind.file.created_by);
    let mut row = typed_all(fields, object);
    row.insert(kind.word.to_owned(), json!(id));
    if let Some((zone, network)) = network_of(id).filter(|_| kind.word == "subnet") {
        row.insert("id".to_owned(), json!(id));
        row.insert("cidr".to_owned(), json!(network.to_string()));
        row.insert("network".to_owned(), json!(network.network().to_string()));
        row.insert("mask".to_owned(), json!(network.prefix_len().to_string()));
        row.insert("zone".to_owned(), json!(zone));
        if let Some(Setting::List(ranges)) = object.get("dhcp-range") {
            let pair = |part: &str| part.split_once('=').map(|(key, value)| (key.to_owned(), json!(value)));
            let range = |text: &String| text.split(',').filter_map(pair).collect::<Map<_, _>>();
            row.insert("dhcp-range".to_owned(), ranges.iter().map(range).map(Value::Object).collect());
        }
    }
    row
}

//! The guest agent, and what runs inside simulated guests.
//!
//! A guest's files are part of its state. Files below `/etc/spawnpoint` say which games it serves.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Machine;
use super::agent_exec;
use super::config::is_network_key;
use super::property::key_of;
use super::request::{Answer, Fault};
use super::routes::Context;
use super::state::{Guest, GuestType, Power};

/// How long the server waits for an agent that does not answer.
const PING_MS: u64 = 3000;
/// Longest content of one file-write.
const WRITE_BYTES: usize = 61_440;
/// The file with a guest's only game, and the folder with one file per game.
const GAME_FILE: &str = "/etc/spawnpoint/game.json";
const GAMES_FOLDER: &str = "/etc/spawnpoint/games/";

/// A game a simulated guest serves, as its file says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Game {
    /// Status protocol, e.g. `minecraft-java`.
    pub protocol: String,
    /// Port it listens on.
    pub port: u16,
    /// Version it reports.
    #[serde(default)]
    pub version: String,
    /// Settings it was started with, as text.
    #[serde(default, deserialize_with = "settings_as_text")]
    pub settings: BTreeMap<String, String>,
}

/// A running simulated guest that serves games.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedGuest {
    /// Its id.
    pub vmid: u32,
    /// Its name.
    pub name: String,
    /// Its first IPv4 address.
    pub address: Ipv4Addr,
    /// What it serves.
    pub games: Vec<Game>,
}

fn settings_as_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let values: BTreeMap<String, Value> = Deserialize::deserialize(deserializer)?;
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    Ok(values.into_iter().map(|(key, value)| (key, text(value))).collect())
}

pub(super) fn handler(method: &str, command: &str) -> Option<fn(&mut Machine, &Context) -> Answer> {
    let handler: fn(&mut Machine, &Context) -> Answer = match (method, command) {
        ("POST", "ping") => ping,
        ("GET", "network-get-interfaces") => interfaces,
        ("GET", "get-osinfo") => system_info,
        ("GET", "get-host-name") => host_name,
        ("POST", "file-write") => write_file,
        ("GET", "file-read") => read_file,
        ("POST", "exec") => agent_exec::exec,
        ("GET", "exec-status") => agent_exec::exec_status,
        ("GET", "info") => agent_exec::info,
        ("GET", "get-timezone") => agent_exec::timezone,
        ("GET", "get-time") => agent_exec::time,
        ("GET", "get-users" | "get-fsinfo") => agent_exec::nothing,
        _ => return None,
    };
    Some(handler)
}

fn ping(machine: &mut Machine, context: &Context) -> Answer {
    machine.guest_with_agent(context)?;
    Ok(json!({ "result": {} }).into())
}

fn interfaces(machine: &mut Machine, context: &Context) -> Answer {
    let guest = machine.guest_with_agent(context)?;
    let counters = json!({
        "rx-bytes": 0, "rx-dropped": 0, "rx-errs": 0, "rx-packets": 0, "tx-bytes": 0, "tx-dropped": 0, "tx-errs": 0,
        "tx-packets": 0,
    });
    let mut rows = vec![json!({
        "name": "lo", "hardware-address": "00:00:00:00:00:00", "statistics": counters,
        "ip-addresses": [
            { "ip-address": "127.0.0.1", "ip-address-type": "ipv4", "prefix": 8 },
            { "ip-address": "::1", "ip-address-type": "ipv6", "prefix": 128 },
        ],
    })];
    for nic in machine.nics(&guest) {
        let mut addresses = Vec::new();
        if let Some((address, prefix)) = &nic.address {
            addresses.push(json!({ "ip-address": address, "ip-address-type": "ipv4", "prefix": prefix }));
        }
        addresses.push(json!({ "ip-address": link_local(&nic.mac), "ip-address-type": "ipv6", "prefix": 64 }));
        rows.push(json!({
            "name": nic.name, "hardware-address": nic.mac, "ip-addresses": addresses,
            "statistics": counters,
        }));
    }
    Ok(json!({ "result": rows }).into())
}

fn system_info(machine: &mut Machine, context: &Context) -> Answer {
    machine.guest_with_agent(context)?;
    Ok(json!({ "result": {
        "id": "debian", "name": "Debian GNU/Linux", "pretty-name": "Debian GNU/Linux 13 (trixie)", "version-id": "13",
        "kernel-release": "6.12.48+deb13-cloud-amd64", "machine": "x86_64",
    }})
    .into())
}

fn host_name(machine: &mut Machine, context: &Context) -> Answer {
    let guest = machine.guest_with_agent(context)?;
    Ok(json!({ "result": { "host-name": guest.name(context.parameters.vmid()) } }).into())
}

fn write_file(machine: &mut Machine, context: &Context) -> Answer {
    let parameters = &context.parameters;
    let content = parameters.required("content");
    if content.len() > WRITE_BYTES {
        return Err(Fault::parameter("content", format!("value may only be {WRITE_BYTES} characters long")));
    }
    machine.guest_with_agent(context)?;
    let content = if parameters.get("encode") == Some("0") { decode_base64(content)? } else { content.to_owned() };
    let path = parameters.required("file").to_owned();
    machine.with_guest(parameters.vmid(), |guest| guest.files.insert(path, content));
    Ok(().into())
}

/// With `encode=0` the caller sends what is already base64.
fn decode_base64(text: &str) -> Result<String, Fault> {
    use base64::Engine;
    let bytes =
        base64::engine::general_purpose::STANDARD.decode(text).map_err(|error| Fault::text(error.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn read_file(machine: &mut Machine, context: &Context) -> Answer {
    let guest = machine.guest_with_agent(context)?;
    let path = context.parameters.required("file");
    match guest.files.get(path) {
        Some(content) => Ok(json!({ "bytes-read": content.len(), "content": content }).into()),
        None => Err(Fault::text(format!(
            "Agent error: failed to open file '{path}' (mode: 'r'): No such file or directory"
        ))),
    }
}

/// A network card as its guest sees it.
pub(super) struct Nic {
    pub(super) name: String,
    pub(super) mac: String,
    pub(super) address: Option<(String, u8)>,
}

impl Machine {
    /// Returns the guest of a call if its agent answers; finding out that it does not takes time.
    pub(super) fn guest_with_agent(&mut self, context: &Context) -> Result<Guest, Fault> {
        let vmid = context.parameters.vmid();
        let guest = self.guest(context.node(), vmid)?.clone();
        if !guest.config.contains_key("agent") {
            return Err(Fault::text("No QEMU guest agent configured"));
        }
        let Power::Running { agent_at_ms, .. } = guest.power else {
            return Err(Fault::text(format!("VM {vmid} is not running")));
        };
        if agent_at_ms.is_some_and(|up_ms| up_ms <= self.clock.now_ms) {
            return Ok(guest);
        }
        self.advance_to(self.clock.now_ms + PING_MS);
        Err(Fault::text("QEMU guest agent is not running"))
    }

    pub(super) fn nics(&self, guest: &Guest) -> Vec<Nic> {
        if guest.kind == GuestType::Lxc {
            return self.container_nics(guest);
        }
        let has_any = guest.config.keys().any(|key| key.starts_with("ipconfig"));
        let mut nics = Vec::new();
        for (key, value) in guest.config.iter().filter(|(key, _)| is_network_key(key)) {
            let number: u32 = key["net".len()..].parse().unwrap_or(0);
            let mac = mac_of(value);
            let ip = guest.config.get(&format!("ipconfig{number}")).and_then(|text| key_of(text, "ip"));
            let wants_lease = ip.as_deref() == Some("dhcp") || !has_any;
            let text = if wants_lease { self.leases.get(&mac).cloned() } else { ip };
            let address = text.and_then(|cidr| {
                let (address, prefix) = cidr.split_once('/')?;
                Some((address.to_owned(), prefix.parse().ok()?))
            });
            nics.push(Nic { name: format!("eth{number}"), mac, address });
        }
        nics
    }

    /// A container's addresses are part of its cards' settings.
    fn container_nics(&self, guest: &Guest) -> Vec<Nic> {
        let cards = guest.config.iter().filter(|(key, _)| is_network_key(key));
        let nic = |(_, value): (&String, &String)| {
            let mac = mac_of(value);
            let ip = key_of(value, "ip");
            let cidr = if ip.as_deref() == Some("dhcp") { self.leases.get(&mac).cloned() } else { ip };
            let address = cidr.and_then(|cidr| {
                let (address, prefix) = cidr.split_once('/')?;
                Some((address.to_owned(), prefix.parse().ok()?))
            });
            Nic { name: key_of(value, "name").unwrap_or_default(), mac, address }
        };
        cards.map(nic).collect()
    }

    /// The DHCP servers behind the bridges give each card an address and remember it.
    pub(super) fn take_leases(&mut self, guest: &Guest) {
        for (_, value) in guest.config.iter().filter(|(key, _)| is_network_key(key)) {
            let mac = mac_of(value);
            let bridge = key_of(value, "bridge").unwrap_or_default();
            let network = self.nodes.get(&guest.node).and_then(|node| node.bridges.get(&bridge)?.dhcp.clone());
            let Some(network) = network.and_then(|text| text.parse::<ipnet::Ipv4Net>().ok()) else {
                continue;
            };
            if self.leases.contains_key(&mac) {
                continue;
            }
            let taken: BTreeSet<&String> = self.leases.values().collect();
            // The first addresses, 256 or nearly a fifth, are left to nodes, gateways and hand-made addresses.
            let hosts = network.hosts();
            let left_out = (hosts.count() / 5).saturating_sub(1).min(256);
            let free = hosts
                .skip(left_out)
                .map(|host| format!("{host}/{}", network.prefix_len()))
                .find(|cidr| !taken.contains(cidr));
            if let Some(free) = free {
                self.leases.insert(mac, free);
            }
        }
    }

    fn first_address(&self, guest: &Guest) -> Option<Ipv4Addr> {
        self.nics(guest).into_iter().find_map(|nic| nic.address?.0.parse().ok())
    }

    /// Returns the running guests whose files say that they serve games. A file that is no JSON serves nothing.
    pub fn serving_guests(&self) -> Vec<SimulatedGuest> {
        let serving = |(vmid, guest): (&u32, &Guest)| {
            let games = Some(games_of(guest)).filter(|games| !games.is_empty())?;
            Some(SimulatedGuest { vmid: *vmid, name: guest.name(*vmid), address: self.first_address(guest)?, games })
        };
        self.guests.iter().filter(|(_, guest)| guest.is_running()).filter_map(serving).collect()
    }

    /// Calls that only the simulator answers, below `/spawnpoint/`.
    pub(super) fn answer_about_simulator(&mut self, method: &str, path: &str) -> Answer {
        let vmid = path.strip_prefix("guests/").and_then(|text| text.parse::<u32>().ok());
        let Some((vmid, guest)) =
            vmid.and_then(|vmid| Some((vmid, self.guests.get(&vmid)?))).filter(|_| method == "GET")
        else {
            return Err(Fault::not_implemented(method, &format!("/spawnpoint/{path}")));
        };
        let name = guest.name(vmid);
        let bound = self.bindings.get(&name);
        Ok(json!({
            "name": name, "connect": bound.map(|bound| bound.connect), "root": bound.and_then(|bound| bound.root.as_ref()),
            "running": guest.is_running(),
            "address": self.first_address(guest), "status_address": self.first_address(guest).map(loopback_of),
            "personalised": guest.personalised,
        })
        .into())
    }
}

/// Returns where a guest of address a.b.c.d answers on this machine: 127.b.c.d.
pub(super) fn loopback_of(address: Ipv4Addr) -> Ipv4Addr {
    let [_, b, c, d] = address.octets();
    Ipv4Addr::new(127, b, c, d)
}

fn games_of(guest: &Guest) -> Vec<Game> {
    let is_game = |path: &str| path == GAME_FILE || (path.starts_with(GAMES_FOLDER) && path.ends_with(".json"));
    let files = guest.files.iter().filter(|(path, _)| is_game(path));
    files.filter_map(|(_, content)| serde_json::from_str(content).ok()).collect()
}

/// Returns the address of a network card in lower case, as guests show it.
fn mac_of(value: &str) -> String {
    let of_machine = || value.split(',').next()?.split_once('=').map(|(_, mac)| mac.to_owned());
    key_of(value, "hwaddr").or_else(of_machine).unwrap_or_default().to_lowercase()
}

/// Returns the address a card gives itself from its hardware address.
pub(super) fn link_local(mac: &str) -> String {
    let bytes: Vec<u8> = mac.split(':').filter_map(|part| u8::from_str_radix(part, 16).ok()).collect();
    let [a, b, c, d, e, f] = bytes[..] else {
        return "fe80::1".to_owned();
    };
    let high = |first: u8, second: u8| u16::from(first) << 8 | u16::from(second);
    let groups = [high(a ^ 2, b), high(c, 0xff), high(0xfe, d), high(e, f)];
    std::net::Ipv6Addr::new(0xfe80, 0, 0, 0, groups[0], groups[1], groups[2], groups[3]).to_string()
}

//! What a lab holds beside nodes, storages and virtual machines: containers, snapshots, firewalls, high availability, and the network that
//! is defined by software.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Lab;

/// Settings by name, as the API takes them.
pub(crate) type Settings = BTreeMap<String, Setting>;

/// A setting: one text, or several where the API takes a list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Setting {
    /// One text.
    Text(String),
    /// Several.
    List(Vec<String>),
}

/// A container.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Container {
    /// Id.
    pub vmid: u32,
    /// Node; the first one when absent.
    pub node: Option<String>,
    /// Makes it a template.
    #[serde(default)]
    pub template: bool,
    /// Starts it with the lab.
    #[serde(default)]
    pub running: bool,
    /// Configuration as the API takes it; its host name is the label unless it is said here.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
    /// Snapshots by name.
    #[serde(default)]
    pub snapshot: BTreeMap<String, Snapshot>,
    /// The snapshot it comes from, if it has any.
    pub parent: Option<String>,
}

/// A snapshot of a guest. What was on its disks then is what is on them now.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// When it was taken, in seconds since 1970.
    pub time_s: u64,
    /// The snapshot before it.
    pub parent: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Whether it holds the memory of the running machine.
    #[serde(default)]
    pub memory: bool,
    /// Configuration of its time, without disks: those are the guest's.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
}

/// A firewall: of the cluster, a node, a guest, a security group or a VNet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Firewall {
    /// Options as the API takes them.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// Comment of a security group.
    pub comment: Option<String>,
    /// Rules in their order, as the API takes them.
    #[serde(default)]
    pub rules: Vec<BTreeMap<String, String>>,
    /// Names of addresses.
    #[serde(default)]
    pub alias: BTreeMap<String, BTreeMap<String, String>>,
    /// Sets of addresses.
    #[serde(default)]
    pub ip_set: BTreeMap<String, IpSet>,
}

/// A set of addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IpSet {
    /// Comment.
    pub comment: Option<String>,
    /// What is said of each address or network: `comment`, `nomatch`.
    #[serde(default)]
    pub addresses: BTreeMap<String, BTreeMap<String, String>>,
}

/// Checks what these parts say about others; the error names the label to look for.
pub(super) fn check(lab: &Lab) -> Result<(), (String, String)> {
    let fail = |name: &str, message: String| Err((name.to_owned(), message));
    for (name, container) in &lab.container {
        if let Some(node) = container.node.as_ref().filter(|node| !lab.node.contains_key(*node)) {
            return fail(name, format!("container `{name}` is on node `{node}`, which the lab does not have"));
        }
    }
    let mut owners = BTreeMap::<u32, &str>::new();
    let machines = lab.guest.iter().filter_map(|(name, guest)| Some((name, guest.vmid?)));
    for (name, vmid) in machines.chain(lab.container.iter().map(|(name, container)| (name, container.vmid))) {
        if let Some(other) = owners.insert(vmid, name) {
            return fail(name, format!("`{name}` and `{other}` have one id, {vmid}"));
        }
    }
    let of_guests = lab.guest.iter().map(|(name, guest)| (name, &guest.snapshot, &guest.parent));
    let of_containers = lab.container.iter().map(|(name, guest)| (name, &guest.snapshot, &guest.parent));
    for (name, snapshots, parent) in of_guests.chain(of_containers) {
        let parents = snapshots.values().filter_map(|snapshot| snapshot.parent.as_ref()).chain(parent);
        if let Some(parent) = parents.into_iter().find(|parent| !snapshots.contains_key(*parent)) {
            return fail(name, format!("`{name}` has no snapshot `{parent}`, which another one comes from"));
        }
    }
    for name in lab.firewall.keys() {
        let is_there = match name.split_once('/') {
            None => name == "cluster",
            Some(("group", _)) => true,
            Some(("node", node)) => lab.node.contains_key(node),
            Some(("guest", vmid)) => vmid.parse().is_ok_and(|vmid: u32| owners.contains_key(&vmid)),
            Some(("vnet", vnet)) => lab.vnet.contains_key(vnet),
            Some(_) => false,
        };
        if !is_there {
            let message =
                "expected `cluster`, or `node/NAME`, `guest/VMID`, `group/NAME`, `vnet/NAME` of what the lab has";
            return fail(name, format!("there is no place for firewall `{name}`, {message}"));
        }
    }
    for sid in lab.ha_resource.keys() {
        let kind_and_id = sid.split_once(':').and_then(|(kind, id)| Some((kind, id.parse::<u32>().ok()?)));
        let is_there = match kind_and_id {
            Some(("vm", vmid)) => lab.guest.values().any(|guest| guest.vmid == Some(vmid)),
            Some(("ct", vmid)) => lab.container.values().any(|container| container.vmid == vmid),
            _ => false,
        };
        if !is_there {
            return fail(sid, format!("ha_resource `{sid}` is not `vm:VMID` or `ct:VMID` of a guest of the lab"));
        }
    }
    let needs = [("vnet", &lab.vnet, "zone", &lab.zone), ("subnet", &lab.subnet, "vnet", &lab.vnet)];
    for (kind, blocks, member, others) in needs {
        for (name, settings) in blocks {
            let is_there = |setting: &Setting| matches!(setting, Setting::Text(other) if others.contains_key(other));
            if !settings.get(member).is_some_and(is_there) {
                return fail(name, format!("{kind} `{name}` has no `{member}` that the lab has"));
            }
        }
    }
    Ok(())
}

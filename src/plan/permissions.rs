//! What a token must be allowed for a stack: privileges by path, for exactly what the files hold. How they are granted is in `render`.
//!
//! Sources: the permission rules of the API schema; names of privileges by version (9.x split `VM.Monitor` into `VM.GuestAgent.*`).

use super::wish::wishes;
use super::{Action, Plan, PlanInput};
use crate::resources::is_guest;
use crate::value::{Entries, Path, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Privileges on one path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// Names of privileges.
    pub privileges: BTreeSet<&'static str>,
    /// Whether they must hold below the path too.
    pub propagates: bool,
}

/// What is needed on one cluster, by path.
pub type Grants = BTreeMap<String, Grant>;

/// Returns what the files need on each cluster of a major version of Proxmox VE, without looking at one.
///
/// What only a plan chooses, such as the storage of a disk nobody named, is asked for by the path above it.
pub fn of_files(input: &PlanInput, major: u32) -> BTreeMap<Arc<str>, Grants> {
    let (scene, _) = wishes(input, &BTreeSet::new(), BTreeMap::new());
    let values: Vec<(String, Value)> =
        scene.wishes.values().map(|wish| (wish.address.to_string(), wish.value())).collect();
    let objects = scene.wishes.values().zip(&values).map(|(wish, (address, value))| Object {
        address: address.clone(),
        kind: wish.object.name,
        cluster: &wish.cluster,
        value,
        moves: false,
    });
    of_objects(&objects.collect::<Vec<_>>(), |_| major)
}

/// Returns what the objects of a plan need, those that go included. The major version of a cluster is asked by its name.
pub fn of_plan(plan: &Plan, major: impl Fn(&str) -> u32) -> BTreeMap<Arc<str>, Grants> {
    let on_clusters = plan.changes.iter().filter(|change| !change.cluster.is_empty());
    let objects = on_clusters.map(|change| Object {
        address: change.address.to_string(),
        kind: &change.kind,
        cluster: &change.cluster,
        value: if change.after.is_null() { &change.before } else { &change.after },
        moves: matches!(change.action, Action::Update | Action::Adopt)
            && change.attributes.iter().any(|attribute| attribute.path == Path::attribute("node")),
    });
    of_objects(&objects.collect::<Vec<_>>(), major)
}

/// An object on a cluster, as far as rights are concerned.
struct Object<'a> {
    address: String,
    kind: &'a str,
    cluster: &'a Arc<str>,
    value: &'a Value,
    /// Whether it goes to another node.
    moves: bool,
}

fn of_objects(objects: &[Object], major: impl Fn(&str) -> u32) -> BTreeMap<Arc<str>, Grants> {
    let templates: BTreeMap<&str, &Value> = objects
        .iter()
        .filter(|object| object.kind == "template")
        .map(|object| (object.address.as_str(), object.value))
        .collect();
    let built: BTreeMap<String, &Value> = objects
        .iter()
        .filter(|object| object.kind == "template_copy")
        .filter_map(|object| Some((object.address.rsplit_once(".copy[")?.0.to_owned(), object.value)))
        .collect();
    let guests: BTreeMap<&str, &Value> = objects
        .iter()
        .filter(|object| is_guest(object.kind))
        .map(|object| (object.address.as_str(), object.value))
        .collect();
    let mut clusters: BTreeMap<Arc<str>, Needs> = BTreeMap::new();
    for object in objects {
        let needs = clusters.entry(object.cluster.clone()).or_insert_with(|| Needs::new(major(object.cluster)));
        let named = |name: &str| object.value.get(name).and_then(Value::as_text);
        let template =
            named("template").and_then(|address| templates.get(address).or_else(|| built.get(address)).copied());
        let guest = named("vm").or_else(|| named("container")).and_then(|address| guests.get(address).copied());
        needs.object(object, template, guest);
    }
    clusters.into_iter().map(|(name, needs)| (name, needs.grants)).collect()
}

/// Returns what is missing, given the answer of GET /access/permissions: by path, privileges and whether each holds below it.
///
/// The server lists the paths for which anything was said; what holds for a path is said at it, or at the nearest one above.
pub fn missing(wanted: &Grants, held: &serde_json::Value) -> Grants {
    let lacks = |path: &str, privilege: &str| {
        let mut at = path;
        loop {
            if let Some(said) = held.get(at) {
                let is_exact = at == path;
                return !said.get(privilege).is_some_and(|holds| is_exact || holds != 0);
            }
            at = match at.rsplit_once('/') {
                Some(("", _)) if at != "/" => "/",
                Some((above, _)) if !above.is_empty() => above,
                _ => return true,
            };
        }
    };
    let mut missing = Grants::new();
    for (path, grant) in wanted {
        let privileges: BTreeSet<_> =
            grant.privileges.iter().copied().filter(|privilege| lacks(path, privilege)).collect();
        if !privileges.is_empty() {
            missing.insert(path.clone(), Grant { privileges, propagates: grant.propagates });
        }
    }
    missing
}

struct Needs {
    major: u32,
    grants: Grants,
}

impl Needs {
    fn new(major: u32) -> Self {
        let mut needs = Self { major, grants: Grants::new() };
        // Version, nodes and tables of the cluster are read in every run; what is below has rules of its own.
        needs.add("/", &["Sys.Audit"]);
        // Without it a node does not tell how big it is, so nobody could say what fits.
        needs.add("/nodes", &["Sys.Audit"]);
        needs
    }

    fn add(&mut self, path: impl Into<String>, privileges: &[&'static str]) {
        let path = path.into();
        let propagates = path != "/";
        let grant = self.grants.entry(path).or_default();
        grant.privileges.extend(privileges);
        grant.propagates |= propagates;
    }

    /// Adds what an object needs; one that belongs to a guest needs it where that guest is.
    fn object(&mut self, object: &Object, template: Option<&Value>, guest: Option<&Value>) {
        let value = object.value;
        let text = |name: &str| value.get(name).and_then(Value::as_text).unwrap_or_default();
        let is_missing = |name: &str| value.get(name).is_none_or(Value::is_null);
        match object.kind {
            "vm" | "container" => {
                self.guest(object.kind, value, template);
                if object.moves {
                    self.add(scope(value), &["VM.Migrate"]);
                }
            }
            "template" => self.template(value),
            "template_copy" => self.template_copy(value),
            "snapshot" => self.add(guest.map_or_else(|| "/vms".to_owned(), scope), &["VM.Audit", "VM.Snapshot"]),
            "pool" => {
                self.add(format!("/pool/{}", text("poolid")), &["Pool.Allocate", "Pool.Audit"]);
                for storage in value.get("storages").and_then(Value::as_items).into_iter().flatten() {
                    self.add(format!("/storage/{}", storage.as_text().unwrap_or_default()), &["Datastore.Allocate"]);
                }
            }
            "acl" => {
                self.add(or(text("path"), "/"), &["Permissions.Modify"]);
                // To see whether whom it is for exists.
                self.add("/access/groups", &["Sys.Audit"]);
            }
            "role" => self.add("/access", &["Sys.Modify"]),
            "group" => self.add("/access/groups", &["Group.Allocate", "Sys.Audit", "User.Modify"]),
            "user" | "token" => {
                let user = or(text("userid"), text("user"));
                let realm = user.split('!').next().and_then(|user| user.rsplit('@').next()).unwrap_or("pve");
                self.add(format!("/access/realm/{realm}"), &["Realm.AllocateUser"]);
                self.add("/access/groups", &["User.Modify"]);
            }
            "firewall" if !text("vm").is_empty() || !is_missing("vmid") => {
                self.add(guest.map_or_else(|| "/vms".to_owned(), scope), &["VM.Audit", "VM.Config.Network"]);
            }
            "firewall" if !text("node").is_empty() => {
                self.add(format!("/nodes/{}", text("node")), &["Sys.Audit", "Sys.Modify"]);
            }
            "firewall" | "firewall_group" | "ip_set" | "firewall_alias" | "backup_job" => {
                self.add("/", &["Sys.Modify"]);
            }
            "network_zone" | "vnet" | "subnet" => self.add("/sdn", &["SDN.Allocate", "SDN.Audit"]),
            "ha_group" | "ha_resource" | "ha_rule" => self.add("/", &["Sys.Console"]),
            "storage_file" => self.file(text("node"), text("storage"), !is_missing("url")),
            // Nothing for `provision`: a test asks whether every other type is above.
            _ => {}
        }
    }

    fn guest(&mut self, kind: &str, value: &Value, template: Option<&Value>) {
        let mut privileges = vec![
            "VM.Allocate",
            "VM.Audit",
            "VM.Config.CPU",
            "VM.Config.Disk",
            "VM.Config.Memory",
            "VM.Config.Network",
            "VM.Config.Options",
            "VM.PowerMgmt",
        ];
        if kind == "vm" {
            privileges.extend(["VM.Config.CDROM", "VM.Config.Cloudinit"]);
            let hardware =
                ["bios", "machine", "serial", "usb", "hostpci", "vga", "rng", "audio", "tpmstate0", "efidisk0"];
            let is_written = |name: &str| value.get(name).is_some_and(|value| !value.is_null());
            if hardware.into_iter().any(is_written) {
                privileges.push("VM.Config.HWType");
            }
            if asks_agent(value) {
                privileges.push(if self.major >= 9 { "VM.GuestAgent.Audit" } else { "VM.Monitor" });
            }
        }
        self.add(scope(value), &privileges);
        let vmids = template.map(vmids_of).unwrap_or_default();
        for vmid in &vmids {
            self.add(format!("/vms/{vmid}"), &["VM.Audit", "VM.Clone"]);
        }
        if template.is_some() && vmids.is_empty() {
            self.add("/vms", &["VM.Clone"]);
        }
        self.volumes(kind, value);
        let restore = value.get("restore").filter(|restore| !restore.is_null());
        if let Some(restore) = restore {
            // A backup is read whole, of a guest that may be gone: only who may do everything with its storage may always do that.
            let archive = restore.get("archive").and_then(Value::as_text).and_then(|volume| volume.split(':').next());
            self.add(format!("/storage/{}", archive.unwrap_or_default()), &["Datastore.Allocate", "Datastore.Audit"]);
            let has_none = || kind == "container" && value.get("rootfs").is_none_or(Value::is_null);
            let storage = restore.get("storage").and_then(Value::as_text).or_else(|| has_none().then_some("local"));
            if let Some(storage) = storage {
                self.add(format!("/storage/{storage}"), &["Datastore.AllocateSpace", "Datastore.Audit"]);
            }
        }
        match template.is_some() || restore.is_some() {
            // It must be allowed the bridges of its template or backup too, and only the cluster knows those.
            true => self.add("/sdn/zones/localnetwork", &["SDN.Audit", "SDN.Use"]),
            false => self.bridges(value),
        }
    }

    /// A file is put there, looked at, and removed in the end; a node that fetches it goes out into the network.
    fn file(&mut self, node: &str, storage: &str, is_fetched: bool) {
        let path = if storage.is_empty() { "/storage".to_owned() } else { format!("/storage/{storage}") };
        self.add(path, &["Datastore.Allocate", "Datastore.AllocateTemplate", "Datastore.Audit"]);
        match (is_fetched, self.major) {
            (false, _) => {}
            (true, 8..) => {
                let path = if node.is_empty() { "/nodes".to_owned() } else { format!("/nodes/{node}") };
                self.add(path, &["Sys.AccessNetwork"]);
            }
            (true, _) => self.add("/", &["Sys.Audit", "Sys.Modify"]),
        }
    }

    /// A disk whose storage nobody named lands where its template is, which only the cluster knows. A container says where its volumes go,
    /// or its restore does.
    fn volumes(&mut self, kind: &str, value: &Value) {
        let is_given = |value: &Value, name: &str| value.get(name).is_some_and(|inner| !inner.is_null());
        let labelled = ["disk", "mount"].into_iter().filter_map(|block| value.get(block)?.as_entries());
        let volumes = labelled.flat_map(Entries::values).chain(value.get("rootfs").filter(|rootfs| !rootfs.is_null()));
        let storages: Vec<Option<&str>> = volumes
            .filter(|volume| !is_given(volume, "volume"))
            .map(|volume| volume.get("storage").and_then(Value::as_text))
            .collect();
        let path =
            |storage: Option<&str>| storage.map_or("/storage".to_owned(), |storage| format!("/storage/{storage}"));
        if storages.is_empty() && !(kind == "container" && is_given(value, "restore")) {
            self.add("/storage", &["Datastore.AllocateSpace", "Datastore.Audit"]);
        }
        for storage in storages {
            self.add(path(storage), &["Datastore.AllocateSpace", "Datastore.Audit"]);
        }
        if kind == "container" && is_given(value, "ostemplate") {
            let archive = value.get("ostemplate").and_then(Value::as_text).and_then(|volume| volume.split(':').next());
            self.add(path(archive), &["Datastore.Audit"]);
        }
    }

    fn bridges(&mut self, value: &Value) {
        let networks = value.get("network").and_then(Value::as_entries);
        for (_, network) in networks.into_iter().flatten() {
            let bridge = network.get("bridge").and_then(Value::as_text);
            let path = match (bridge, network.get("vlan").and_then(Value::as_i64)) {
                (Some(bridge), Some(vlan)) => format!("/sdn/zones/localnetwork/{bridge}/{vlan}"),
                (Some(bridge), None) => format!("/sdn/zones/localnetwork/{bridge}"),
                (None, _) => "/sdn/zones/localnetwork".to_owned(),
            };
            self.add(path, &["SDN.Audit", "SDN.Use"]);
        }
    }

    /// A template that is built is a guest until it is one, and cloned from where it is.
    fn template_copy(&mut self, value: &Value) {
        let privileges = [
            "VM.Allocate",
            "VM.Audit",
            "VM.Clone",
            "VM.Config.CDROM",
            "VM.Config.CPU",
            "VM.Config.Cloudinit",
            "VM.Config.Disk",
            "VM.Config.HWType",
            "VM.Config.Memory",
            "VM.Config.Network",
            "VM.Config.Options",
        ];
        self.add(scope(value), &privileges);
        for (name, privileges) in
            [("disk_storage", &["Datastore.AllocateSpace", "Datastore.Audit"][..]), ("image", &["Datastore.Audit"])]
        {
            let storage = value.get(name).and_then(Value::as_text).and_then(|text| text.split(':').next());
            self.add(storage.map_or("/storage".to_owned(), |storage| format!("/storage/{storage}")), privileges);
        }
        let bridge = value.get("bridge").and_then(Value::as_text);
        let path = bridge.map_or(String::new(), |bridge| format!("/{bridge}"));
        self.add(format!("/sdn/zones/localnetwork{path}"), &["SDN.Audit", "SDN.Use"]);
    }

    fn template(&mut self, value: &Value) {
        let vmids = vmids_of(value);
        for vmid in &vmids {
            self.add(format!("/vms/{vmid}"), &["VM.Audit"]);
        }
        if vmids.is_empty() {
            self.add("/vms", &["VM.Audit"]);
        }
    }
}

/// Returns the VMIDs that a template is known to have, on whichever nodes.
fn vmids_of(template: &Value) -> BTreeSet<i64> {
    let by_node = template.get("vmids").and_then(Value::as_entries).into_iter().flat_map(Entries::values);
    template.get("vmid").into_iter().chain(by_node).filter_map(Value::as_i64).collect()
}

/// Where rights on a guest are given: to its pool, if it has one.
fn scope(guest: &Value) -> String {
    match guest.get("pool").and_then(Value::as_text) {
        Some(pool) => format!("/pool/{pool}"),
        None => "/vms".to_owned(),
    }
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

/// An address that DHCP gives is found by asking the agent.
fn asks_agent(value: &Value) -> bool {
    let networks = value.get("network").and_then(Value::as_entries);
    networks.into_iter().flatten().any(|(_, network)| network.get("address").and_then(Value::as_text) == Some("dhcp"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A new type that nobody thought of here would be planned without a warning and fail in the middle.
    #[test]
    fn every_type_of_object_needs_something() {
        let none = Value::object(Vec::<(&str, Value)>::new());
        for object in crate::resources::REGISTRY {
            let mut needs = Needs::new(9);
            let cluster = Arc::from("lab");
            let address = format!("{}.x", object.name);
            needs.object(
                &Object { address, kind: object.name, cluster: &cluster, value: &none, moves: false },
                None,
                None,
            );
            let is_needy = needs.grants != Needs::new(9).grants;
            // The playbook of a game server goes over SSH; only the way there may need the agent, which its guest asks for.
            assert_eq!(is_needy, object.name != "provision", "{}", object.name);
        }
    }

    #[test]
    fn a_firewall_needs_rights_where_it_is() {
        let value = |pairs: &[(&'static str, &str)]| {
            Value::object(pairs.iter().map(|(name, text)| (*name, Value::text(*text))))
        };
        let (guest, node, whole) = (value(&[("vm", "vm.a")]), value(&[("node", "pve1")]), value(&[]));
        let cluster = Arc::from("lab");
        let object = |address: &str, kind, value| Object {
            address: address.to_owned(),
            kind,
            cluster: &cluster,
            value,
            moves: false,
        };
        let pool = value(&[("pool", "acme")]);
        for (firewall, path, privilege) in [
            (&guest, "/pool/acme", "VM.Config.Network"),
            (&node, "/nodes/pve1", "Sys.Modify"),
            (&whole, "/", "Sys.Modify"),
        ] {
            let grants = of_objects(&[object("firewall.x", "firewall", firewall)], |_| 9);
            let alone = &grants["lab"];
            let grants = of_objects(&[object("firewall.x", "firewall", firewall), object("vm.a", "vm", &pool)], |_| 9);
            let grants = &grants["lab"];
            assert!(grants[path].privileges.contains(privilege), "{path}: {grants:?}");
            assert_eq!(alone["/"].privileges.contains("Sys.Modify"), path == "/", "{path}: {alone:?}");
        }
    }

    #[test]
    fn what_is_missing_is_found_at_the_path_or_above() {
        let grant =
            |privileges: &[&'static str]| Grant { privileges: privileges.iter().copied().collect(), propagates: true };
        let wanted = Grants::from([
            ("/pool/acme".to_owned(), grant(&["VM.Allocate", "VM.Audit"])),
            ("/storage/fast".to_owned(), grant(&["Datastore.AllocateSpace"])),
            ("/vms/9000".to_owned(), grant(&["VM.Clone"])),
        ]);
        let held = json!({
            "/": {"VM.Clone": 0},
            "/pool/acme": {"VM.Audit": 1},
            "/storage": {"Datastore.AllocateSpace": 1},
        });
        let missing = missing(&wanted, &held);
        assert_eq!(missing["/pool/acme"].privileges, BTreeSet::from(["VM.Allocate"]));
        assert!(!missing.contains_key("/storage/fast"), "said at the path above");
        assert!(missing.contains_key("/vms/9000"), "what does not propagate holds nowhere below");
    }
}

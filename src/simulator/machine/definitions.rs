//! Storage definitions of the cluster: which storages there are and what they take. Their content is in `storage` and `uploads`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::Machine;
use super::api::Api;
use super::auth::Caller;
use super::config::sha1_hex;
use super::objects::{check_digest, deleted, typed};
use super::request::{Answer, Fault};
use super::routes::{Context, Entry};
use super::schema::{Parameters, split_list};
use super::state::{Setting, Storage};

pub(super) const ROUTES: &[Entry] = &[
    ("GET", "/storage", list),
    ("POST", "/storage", create),
    ("GET", "/storage/{storage}", show),
    ("PUT", "/storage/{storage}", update),
    ("DELETE", "/storage/{storage}", delete),
];

const AUDIT: &[&str] = &["Datastore.Audit", "Datastore.AllocateSpace"];
/// What a new storage of the lab holds when it is no folder of a file system that is there.
const NEW_BYTES: u64 = 100 << 30;
/// Settings that are written and never shown.
const SECRET: &[&str] = &["password", "encryption-key", "keyring", "master-pubkey", "smbpassword"];

/// What each type cannot do without.
fn required(kind: &str) -> &'static [&'static str] {
    match kind {
        "dir" | "btrfs" => &["path"],
        "nfs" => &["server", "export"],
        "cifs" => &["server", "share"],
        "lvm" => &["vgname"],
        "lvmthin" => &["vgname", "thinpool"],
        "zfspool" | "rbd" => &["pool"],
        "pbs" => &["server", "datastore"],
        "iscsi" | "iscsidirect" => &["portal", "target"],
        "zfs" => &["pool", "portal", "target", "iscsiprovider", "blocksize"],
        "esxi" => &["server"],
        _ => &[],
    }
}

fn default_content(kind: &str) -> &'static str {
    match kind {
        "pbs" | "cephfs" => "backup",
        "lvmthin" | "zfspool" => "images,rootdir",
        "esxi" => "import",
        _ => "images",
    }
}

/// These types are one storage for all nodes by nature.
fn is_shared(kind: &str) -> bool {
    matches!(kind, "nfs" | "cifs" | "cephfs" | "rbd" | "iscsi" | "iscsidirect" | "pbs" | "zfs" | "esxi")
}

fn list(machine: &mut Machine, context: &Context) -> Answer {
    let wanted = context.parameters.get("type");
    let rows = machine.storages.iter().filter(|(name, storage)| {
        wanted.is_none_or(|kind| kind == storage.kind) && machine.sees_storage(&context.caller, name)
    });
    Ok(Value::Array(rows.map(|(name, storage)| machine.definition_row(name, storage)).collect()).into())
}

fn show(machine: &mut Machine, context: &Context) -> Answer {
    let name = context.parameters.required("storage");
    let storage = machine.storages.get(name).ok_or_else(|| Fault::text(format!("storage '{name}' does not exist")))?;
    Ok(machine.definition_row(name, storage).into())
}

fn read(parameters: &Parameters, storage: &mut Storage) {
    for name in deleted(parameters) {
        match name {
            "nodes" => storage.nodes = None,
            "content" => storage.content = set(default_content(&storage.kind)),
            "shared" => storage.is_shared = is_shared(&storage.kind),
            _ => drop(storage.options.remove(name)),
        }
    }
    for (name, value) in parameters.iter() {
        match name {
            "storage" | "type" | "digest" | "delete" => {}
            "nodes" => storage.nodes = Some(set(value)),
            "content" => storage.content = set(value),
            "shared" => storage.is_shared = value == "1" || is_shared(&storage.kind),
            _ => drop(storage.options.insert(name.to_owned(), value.to_owned())),
        }
    }
}

fn set(list: &str) -> BTreeSet<String> {
    split_list(list).into_iter().map(str::to_owned).collect()
}

fn answer(name: &str, kind: &str) -> Value {
    let mut data = json!({ "storage": name, "type": kind });
    if kind == "pbs" {
        data["config"] = json!({});
    }
    data
}

fn create(machine: &mut Machine, context: &Context) -> Answer {
    let parameters = &context.parameters;
    let (name, kind) = (parameters.required("storage"), parameters.required("type"));
    if let Some(option) = required(kind).iter().find(|option| parameters.get(option).is_none()) {
        return Err(Fault::text(format!("missing value for required option '{option}'")));
    }
    let failed = |text: String| Fault::text(format!("create storage failed: {text}"));
    if machine.storages.has(name) {
        return Err(failed(format!("storage ID '{name}' already defined")));
    }
    let mut storage = Storage {
        kind: kind.to_owned(),
        content: set(default_content(kind)),
        is_shared: is_shared(kind),
        nodes: None,
        total_bytes: NEW_BYTES,
        other_bytes: 0,
        options: std::collections::BTreeMap::new(),
    };
    read(parameters, &mut storage);
    if matches!(kind, "nfs" | "cifs" | "cephfs") {
        storage.options.entry("path".to_owned()).or_insert_with(|| format!("/mnt/pve/{name}"));
    }
    // A folder is on the same file system as the others.
    if kind == "dir"
        && let Some(other) = machine.storages.values().find(|other| other.kind == "dir")
    {
        (storage.total_bytes, storage.other_bytes) = (other.total_bytes, other.other_bytes);
    }
    if storage.is_enabled() {
        machine.check_activation(name, &storage).map_err(failed)?;
    }
    machine.storages.insert(name.to_owned(), storage);
    Ok(answer(name, kind).into())
}

fn update(machine: &mut Machine, context: &Context) -> Answer {
    let name = context.parameters.required("storage");
    check_digest(context, &machine.definitions_digest(), "update storage failed: ")?;
    let missing = || Fault::text(format!("update storage failed: storage '{name}' does not exist"));
    let mut storage = machine.storages.get(name).cloned().ok_or_else(missing)?;
    read(&context.parameters, &mut storage);
    let kind = storage.kind.clone();
    machine.storages.insert(name.to_owned(), storage);
    Ok(answer(name, &kind).into())
}

/// Only the definition goes; what is on the storage stays where it is.
fn delete(machine: &mut Machine, context: &Context) -> Answer {
    let name = context.parameters.required("storage");
    if machine.storages.remove(name).is_none() {
        return Err(Fault::text(format!("delete storage failed: storage '{name}' does not exist")));
    }
    Ok(().into())
}

impl Machine {
    pub(super) fn sees_storage(&self, caller: &Caller, name: &str) -> bool {
        self.has_any(caller, &format!("/storage/{name}"), AUDIT)
    }

    fn definitions_digest(&self) -> String {
        let text: String =
            self.storages.iter().map(|(name, storage)| format!("{name}: {}\n", json!(storage))).collect();
        sha1_hex(text.as_bytes())
    }

    fn definition_row(&self, name: &str, storage: &Storage) -> Value {
        let fields = Api::get().parameters("POST", "/storage");
        let shown = storage.options.iter().filter(|(key, _)| !SECRET.contains(&key.as_str()));
        let options = shown.map(|(key, value)| (key.clone(), typed(fields, key, &Setting::Text(value.clone()))));
        let mut row: Map<String, Value> = options.collect();
        let join = |items: &BTreeSet<String>| items.iter().map(String::as_str).collect::<Vec<_>>().join(",");
        for (key, value) in [("storage", name), ("type", &storage.kind)] {
            row.insert(key.to_owned(), json!(value));
        }
        row.insert("content".to_owned(), json!(join(&storage.content)));
        row.insert("digest".to_owned(), json!(self.definitions_digest()));
        if storage.is_shared {
            row.insert("shared".to_owned(), json!(1));
        }
        if let Some(nodes) = &storage.nodes {
            row.insert("nodes".to_owned(), json!(join(nodes)));
        }
        Value::Object(row)
    }

    /// A storage is looked at when it is made: what it stands on must be there.
    fn check_activation(&self, name: &str, storage: &Storage) -> Result<(), String> {
        let option = |key: &str| storage.options.get(key).map(String::as_str).unwrap_or_default();
        let has_same = |keys: &[&str]| {
            self.storages
                .values()
                .any(|other| keys.iter().all(|key| other.options.get(*key).map(String::as_str) == Some(option(key))))
        };
        match storage.kind.as_str() {
            "lvmthin" if !has_same(&["vgname", "thinpool"]) => {
                Err(format!("no such logical volume {}/{}", option("vgname"), option("thinpool")))
            }
            "lvm" if !has_same(&["vgname"]) => Err(format!("no such volume group '{}'", option("vgname"))),
            "zfspool" if !has_same(&["pool"]) => {
                let pool = option("pool");
                Err(format!(
                    "could not activate storage '{name}', zfs error: cannot import '{pool}': no such pool available"
                ))
            }
            // Servers elsewhere are taken to answer; this computer serves nothing.
            "nfs" | "cifs" | "pbs" if option("server").starts_with("127.") => {
                Err(format!("storage '{name}' is not online"))
            }
            _ => Ok(()),
        }
    }
}

impl Storage {
    pub(super) fn is_enabled(&self) -> bool {
        self.options.get("disable").is_none_or(|value| value != "1")
    }
}

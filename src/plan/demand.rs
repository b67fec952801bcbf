//! What the files take for granted on each cluster: storages that hold what will be put there, bridges, templates. What may be done with
//! them is in `permissions`.

use super::PlanInput;
use super::wish::wishes;
use crate::value::{Entries, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What must be there on one cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Storages that are named, with the content each must take: `images`, `rootdir`, `iso`.
    pub storages: BTreeMap<String, BTreeSet<String>>,
    /// Bridges and vnets that are named.
    pub bridges: BTreeSet<String>,
    /// VMIDs of templates that are adopted.
    pub templates: BTreeSet<u32>,
    /// Whether a playbook is run on a guest.
    pub runs_playbooks: bool,
}

/// Returns what the files take for granted, by cluster, without looking at one. What only a plan chooses is not in it.
pub fn of_files(input: &PlanInput) -> BTreeMap<Arc<str>, Demand> {
    let (scene, _) = wishes(input, &BTreeSet::new(), BTreeMap::new());
    let mut demands: BTreeMap<Arc<str>, Demand> = BTreeMap::new();
    // What this stack makes itself need not be there.
    let made: BTreeSet<String> = scene
        .wishes
        .values()
        .filter(|wish| wish.object.name == "vnet")
        .filter_map(|wish| wish.value().get("vnet").and_then(Value::as_text).map(str::to_owned))
        .collect();
    for wish in scene.wishes.values() {
        note(wish.object.name, &wish.value(), demands.entry(wish.cluster.clone()).or_default());
    }
    for demand in demands.values_mut() {
        demand.bridges.retain(|bridge| !made.contains(bridge));
    }
    demands
}

fn note(kind: &str, value: &Value, demand: &mut Demand) {
    match kind {
        "vm" => {
            for disk in entries(value, "disk") {
                note_storage(disk, "images", demand);
            }
        }
        "container" => {
            let root = value.get("rootfs").filter(|root| !root.is_null());
            for volume in root.into_iter().chain(entries(value, "mount")) {
                note_storage(volume, "rootdir", demand);
            }
        }
        "provision" => demand.runs_playbooks = true,
        "template" => {
            let is_adopted = value.get("image").is_none_or(Value::is_null);
            let vmids = value.get("vmid").into_iter().chain(entries(value, "vmids"));
            let vmids = vmids.filter_map(|vmid| u32::try_from(vmid.as_i64()?).ok());
            demand.templates.extend(vmids.filter(|_| is_adopted));
        }
        _ => {}
    }
    let networks = entries(value, "network").filter_map(|network| network.get("bridge").and_then(Value::as_text));
    demand.bridges.extend(networks.map(str::to_owned));
}

fn entries<'a>(value: &'a Value, block: &str) -> impl Iterator<Item = &'a Value> {
    value.get(block).and_then(Value::as_entries).into_iter().flat_map(Entries::values)
}

fn note_storage(volume: &Value, content: &str, demand: &mut Demand) {
    if let Some(storage) = volume.get("storage").and_then(Value::as_text) {
        demand.storages.entry(storage.to_owned()).or_default().insert(content.to_owned());
    }
}

//! Bringing a guest that is there to other storages, to another node, or both: what moves where, in which order.
//!
//! A volume goes to its new storage before the guest leaves, where its node has that storage: what is shared then need not be copied a
//! second time. What only the other node has becomes part of the migration, and what cannot goes after it.

use super::guest::Guest;
use super::step::{Lock, Step};
use super::{Changed, Draft};
use crate::observe::ConfigValues;
use crate::observe::StorageView;
use crate::value::{Path, Step as PathStep, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What has to be moved.
#[derive(Debug, Default)]
pub struct Relocation {
    /// Volumes that move while the guest is where it is.
    before: Vec<Volume>,
    /// The node it goes to.
    target: Option<String>,
    /// Storages there for what is on local storages here.
    mapping: BTreeMap<String, String>,
    /// Whether some volumes are copied along to it.
    copies: bool,
    /// Volumes that move when the guest has arrived.
    after: Vec<Volume>,
}

#[derive(Debug)]
struct Volume {
    slot: String,
    storage: String,
    format: Option<String>,
}

/// Returns the blocks of a guest that are volumes on a storage, with the path of each: disks, firmware disk, root disk, mounts.
pub fn volumes(guest: &Value) -> Vec<(String, Path, &Value)> {
    let single = ["efidisk0", "tpmstate0", "rootfs"].into_iter();
    let single = single.filter_map(|name| Some((name.to_owned(), Path::attribute(name), guest.get(name)?)));
    let labelled = ["disk", "mount"].into_iter().flat_map(|block| {
        let blocks = guest.get(block).and_then(Value::as_entries).into_iter().flatten();
        blocks.map(move |(slot, volume)| {
            (slot.to_string(), Path::attribute(block).then(PathStep::Key(slot.clone())), volume)
        })
    });
    let is_stored = |volume: &Value| volume.get("storage").is_some_and(|storage| !storage.is_null());
    single.chain(labelled).filter(|(_, _, volume)| is_stored(volume)).collect()
}

/// Returns the storage that the value of a configuration key is on; `None`: it is no volume of a storage.
pub fn storage_of(value: &str) -> Option<&str> {
    let volume = value.split(',').next()?;
    let (storage, _) =
        volume.strip_prefix("file=").or(volume.strip_prefix("volume=")).unwrap_or(volume).split_once(':')?;
    (!storage.starts_with('/') && !storage.is_empty()).then_some(storage)
}

/// Returns what a migration holds: a place among those that copy to its node.
pub fn lock(draft: &Draft) -> Option<Lock> {
    let target = draft.desired.get("node").and_then(Value::as_text)?;
    let is_elsewhere = draft.found.is_some_and(|found| found.identity.node() != Some(target));
    is_elsewhere.then(|| Lock { name: format!("migrations to {target}"), limit: 2 })
}

impl Relocation {
    /// Returns what the changes of a guest with this configuration move.
    pub fn of(guest: &Guest, present: &ConfigValues, changed: &Changed) -> Self {
        let target =
            guest.text("node").filter(|node| *node != guest.node && changed.paths.contains(&Path::attribute("node")));
        let mut relocation = Self { target: target.map(str::to_owned), ..Self::default() };
        let storages = guest.draft.view.nodes.get(&guest.node).map(|node| &node.storages);
        let storage_here = |name: &str| storages.and_then(|storages| storages.get(name));
        let is_local = |name: &str| storage_here(name).is_some_and(|storage: &StorageView| !storage.is_shared);
        for (slot, path, wanted) in volumes(guest.desired) {
            let text = |name: &str| wanted.get(name).and_then(Value::as_text).map(str::to_owned);
            let path = path.then(PathStep::Attribute("storage".into()));
            let (Some(storage), Some(has)) = (text("storage"), present.get(&slot).and_then(|value| storage_of(value)))
            else {
                continue;
            };
            if storage == has || !changed.paths.contains(&path) {
                continue;
            }
            let is_mapped = relocation.mapping.get(has).is_none_or(|other| *other == storage);
            let volume = Volume { slot, storage, format: text("format") };
            if relocation.target.is_none() || storage_here(&volume.storage).is_some() {
                relocation.before.push(volume);
            } else if is_local(has) && is_mapped {
                relocation.mapping.insert(has.to_owned(), volume.storage);
            } else {
                relocation.after.push(volume);
            }
        }
        let stays =
            |slot: &str| relocation.before.iter().find(|volume| volume.slot == slot).map(|volume| &*volume.storage);
        let mut left_on = present.iter().filter_map(|(slot, value)| stays(slot).or_else(|| storage_of(value)));
        relocation.copies = relocation.target.is_some() && left_on.any(is_local);
        relocation
    }

    /// Returns whether volumes move to other storages, other than with the guest.
    pub fn moves_volumes(&self) -> bool {
        !self.before.is_empty() || !self.after.is_empty()
    }

    /// Returns whether the volume of a slot moves to another storage, other than with the guest.
    pub fn moves(&self, slot: &str) -> bool {
        self.before.iter().chain(&self.after).any(|volume| volume.slot == slot)
    }

    /// Returns the slots whose volumes are others once these steps are done.
    pub fn moved(&self) -> BTreeSet<String> {
        self.before.iter().map(|volume| volume.slot.clone()).collect()
    }

    /// Returns the steps on the node where the guest is.
    pub fn before(&self, guest: &Guest) -> Vec<Step> {
        self.before
            .iter()
            .map(|volume| guest.move_volume(&volume.slot, &volume.storage, volume.format.as_deref()))
            .collect()
    }

    /// Returns the steps that bring the guest to its new node, and what is left to do there. `guest` is there afterwards.
    pub fn leave(&self, guest: &mut Guest, is_running: bool) -> Vec<Step> {
        let Some(target) = &self.target else { return Vec::new() };
        let mut steps = guest.migrate(target, is_running, self.copies, &self.mapping);
        guest.node.clone_from(target);
        steps.extend(
            self.after.iter().map(|volume| guest.move_volume(&volume.slot, &volume.storage, volume.format.as_deref())),
        );
        steps
    }
}

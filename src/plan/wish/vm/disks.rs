//! Disks by slot: sizes and storages from the template where the block says nothing, and whether the clone can be linked.

use super::{Attributes, Guest};
use crate::observe::ClusterView;
use crate::observe::ConfigValues;
use crate::plan::wish::{Draft, Scene, nested};
use crate::resources::size;
use crate::resources::template_copy::WITH_BASES;
use crate::resources::vm::decode::{is_disk, storage_of};
use crate::value::{Entries, Marks, Path, Type, Value};
use std::collections::BTreeMap;

pub(super) fn complete(scene: &Scene, draft: &mut Draft, guest: &Guest, attributes: &mut Attributes) {
    let written = attributes.get("disk").and_then(Value::as_entries).cloned().unwrap_or_default();
    let mut disks = BTreeMap::new();
    for (slot, disk) in &written {
        let is_restored = comes_from_backup(scene, draft, attributes, slot);
        let disk = one(scene, draft, guest, slot, disk, is_restored);
        disks.insert(slot.clone(), disk);
    }
    if !disks.is_empty() {
        attributes.insert("disk".into(), Value::object(disks));
    }
    clone_kind(scene, draft, guest, attributes);
}

/// A disk of a backup has the size and storage it had there; one that is added later is new.
fn comes_from_backup(scene: &Scene, draft: &Draft, attributes: &Attributes, slot: &str) -> bool {
    let is_restored = attributes.get("restore").is_some_and(|restore| !restore.is_null());
    let record = scene.record(&draft.block.address);
    is_restored && record.is_none_or(|record| record.applied.get("disk").and_then(|disks| disks.get(slot)).is_some())
}

fn one(scene: &Scene, draft: &mut Draft, guest: &Guest, slot: &str, disk: &Value, is_restored: bool) -> Value {
    let mut disk = disk.as_entries().map(Entries::to_map).unwrap_or_default();
    let source = || guest.model()?.get("disk")?.get(slot);
    let address = draft.block.address.clone();
    for name in ["size", "storage"] {
        let path = nested("disk", slot, name);
        let kept = match name {
            "size" => scene.kept(&address, &path),
            // Nobody wrote where it is, so it may be wherever somebody moved it.
            _ => scene.kept_while_it_lives(&address, &path).map(|kept| storage_now(scene, draft, slot).unwrap_or(kept)),
        };
        let inherited = kept.or_else(|| source()?.get(name).cloned());
        match inherited {
            Some(value) => {
                disk.entry(name.into()).or_insert_with(|| value.with_marks(Marks::CHOSEN));
            }
            None if guest.template.is_null() && name == "size" && disk.contains_key("import_from") => {}
            None if is_restored => {}
            None if guest.template.is_null() && !disk.contains_key(name) => {
                let block = Path(path.0[..2].to_vec());
                draft.error(
                    format!("a disk that is no template's needs `{name}`"),
                    &block,
                    format!("add `{name}` to this block, or name the `template` the guest is cloned from"),
                );
            }
            None if guest.template_config().is_none() && !guest.template.is_null() => {
                disk.entry(name.into()).or_insert_with(|| Value::unknown(Type::Text));
            }
            None if !disk.contains_key(name) && name == "size" && source().is_some() => {
                let block = Path(path.0[..2].to_vec());
                draft.error(
                    "the template is not built yet, and only then its disk has a size",
                    &block,
                    "add `size` to this block, or `disk_size` to the template",
                );
            }
            None if !disk.contains_key(name) => {
                let block = Path(path.0[..2].to_vec());
                draft.error(
                    format!("the template has no disk `{slot}`, so a new one needs `{name}`"),
                    &block,
                    format!("add `{name}` to this block, or use a slot of the template"),
                );
            }
            None => {}
        }
    }
    let bytes = |value: Option<&Value>| value.and_then(Value::as_text).and_then(|text| size::parse(text).ok());
    let path = nested("disk", slot, "size");
    // The template may have grown since a guest was cloned from it.
    let is_new = scene.kept_while_it_lives(&address, &path).is_none();
    if is_new
        && let Some(wanted) = bytes(disk.get("size"))
        && let Some(least) = bytes(source().and_then(|source| source.get("size")))
        && wanted < least
    {
        let least = size::print(least);
        draft.error(
            format!("disk `{slot}` cannot be smaller than the template's {least}"),
            &path,
            format!("write `size = \"{least}\"` or more"),
        );
    }
    Value::object(disk)
}

/// Returns the storage that a disk of a guest that is there is on.
fn storage_now(scene: &Scene, draft: &Draft, slot: &str) -> Option<Value> {
    let vmid = scene.record(&draft.block.address)?.identity.vmid()?;
    let config = scene.view(&draft.cluster)?.guests.get(&vmid)?.config.as_ref()?;
    storage_of(config.values.get(slot)?).map(Value::text)
}

/// Linked where the store can and every disk stays on the template's storage; kept once chosen.
fn clone_kind(scene: &Scene, draft: &mut Draft, guest: &Guest, attributes: &mut Attributes) {
    let path = Path::attribute("clone");
    if guest.template.is_null() {
        if attributes.contains_key("clone") {
            draft.error("there is no template to clone", &path, "take `clone` out, or name a `template`");
        }
        return;
    }
    let can_link = guest
        .template_config()
        .zip(scene.view(&draft.cluster))
        .map(|(config, view)| can_link(&config.values, view, attributes));
    match attributes.get("clone").and_then(Value::as_text) {
        Some("linked") if can_link == Some(false) => {
            draft.error(
                "a linked clone is not possible: it shares the template's storage, and that storage must support it",
                &path,
                "write `clone = \"full\"`, or leave `storage` of its disks out",
            );
        }
        Some(_) => {}
        None => {
            let kept = scene.kept_while_it_lives(&draft.block.address, &path);
            let chosen = kept.or_else(|| can_link.map(|can| Value::text(if can { "linked" } else { "full" })));
            attributes.insert(
                "clone".into(),
                chosen.map_or_else(|| Value::unknown(Type::Text), |value| value.with_marks(Marks::CHOSEN)),
            );
        }
    }
}

fn can_link(config: &ConfigValues, view: &ClusterView, attributes: &Attributes) -> bool {
    let kind_of = |storage: &str| {
        view.nodes.values().find_map(|node| node.storages.get(storage)).map(|storage| storage.kind.as_str())
    };
    let stays = |slot: &str, storage: &str| {
        let wanted = attributes.get("disk").and_then(|disks| disks.get(slot)?.get("storage")?.as_text());
        wanted.is_none_or(|wanted| wanted == storage)
    };
    config.iter().filter(|(key, value)| is_disk(key, value)).all(|(slot, value)| {
        storage_of(value).is_some_and(|storage| {
            stays(slot, storage) && kind_of(storage).is_none_or(|kind| WITH_BASES.contains(&kind))
        })
    })
}

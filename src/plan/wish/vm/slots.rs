//! Whether devices fit their slots, and whether `extra` holds only what no attribute is in charge of.

use super::Attributes;
use crate::plan::wish::{Draft, nested};
use crate::resources::keys::{Place, is_slot};
use crate::resources::vm::decode::is_special;
use crate::resources::vm::schema::{BUSES, LAYOUT};
use crate::value::{Path, Step, Value};

pub(super) fn check(draft: &mut Draft, attributes: &Attributes) {
    let labels = |block: &str| attributes.get(block).and_then(Value::as_entries).cloned().unwrap_or_default();
    for (slot, disk) in &labels("disk") {
        fits_bus(draft, slot, disk);
    }
    for slot in labels("cdrom").keys() {
        let path = Path::attribute("cdrom").then(Step::Key(slot.clone()));
        if !BUSES.iter().any(|(bus, count, _)| *bus != "virtio" && is_slot(slot, bus, *count)) {
            let hint = "name a slot: ide0 to ide3, sata0 to sata5 or scsi0 to scsi30";
            draft.error(format!("there is no slot `{slot}` for a CD drive"), &path, hint);
        }
        if labels("disk").contains_key(slot) {
            draft.error(format!("slot `{slot}` has a disk and a CD drive"), &path, "move one of them to a free slot");
        }
    }
    for slot in labels("network").keys().filter(|slot| !is_slot(slot, "net", 32)) {
        let path = Path::attribute("network").then(Step::Key(slot.clone()));
        draft.error(format!("there is no network slot `{slot}`"), &path, "name a slot: net0 to net31");
    }
    for block in LAYOUT.blocks {
        let Place::Slots(stem, count, _) = block.place else { continue };
        for slot in labels(block.name).keys().filter(|slot| !is_slot(slot, stem, count)) {
            let path = Path::attribute(block.name).then(Step::Key(slot.clone()));
            let hint = format!("name a slot: {stem}0 to {stem}{}", count - 1);
            draft.error(format!("there is no slot `{slot}` for `{}`", block.name), &path, hint);
        }
    }
    for key in labels("extra").keys() {
        let hint = match LAYOUT.in_charge_of(key) {
            Some(name) => format!("write `{name}` instead"),
            None if is_special(key) => "take it out: Spawnpoint or the server writes this key itself".to_owned(),
            None => continue,
        };
        draft.error(format!("`{key}` is not a key for `extra`"), &Path::attribute("extra"), hint);
    }
}

fn fits_bus(draft: &mut Draft, slot: &str, disk: &Value) {
    let Some((bus, _, missing)) = BUSES.iter().find(|(bus, count, _)| is_slot(slot, bus, *count)) else {
        let path = Path::attribute("disk").then(Step::Key(slot.into()));
        let hint = "name a slot: scsi0 to scsi30, virtio0 to virtio15, sata0 to sata5 or ide0 to ide3";
        return draft.error(format!("there is no disk slot `{slot}`"), &path, hint);
    };
    for name in *missing {
        let is_told = disk.get(name).is_some_and(|value| !value.is_null() && value.as_bool() != Some(false));
        if is_told {
            draft.error(
                format!("a disk on {bus} has no `{name}`"),
                &nested("disk", slot, name),
                "take it out, or use a scsi slot",
            );
        }
    }
}

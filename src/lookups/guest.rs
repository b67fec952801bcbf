//! What the look-ups of guests share: finding one by VMID or name, and what the lists tell of each.

use super::{Ask, Given, Missing, Read, Seen, object_type, shaped, text_or_null, texts};
use crate::observe::{GuestConfig, GuestKind, GuestView, Power, Seen as Reached};
use crate::resources::conform::did_you_mean;
use crate::resources::schema::{Attribute, Nested, Occurs, Schema, Takes};
use crate::resources::size;
use crate::resources::vm::decode::disks;
use crate::value::{Type, Value};
use std::sync::Arc;

pub(super) const NODE: Attribute = Attribute::new("node", Takes::Text, "The node it is on now.").computed();
pub(super) const STATUS: Attribute =
    Attribute::new("status", Takes::OneOf(&["running", "stopped", "unknown"]), "Whether it runs.").computed();
pub(super) const TAGS: Attribute = Attribute::new("tags", Takes::Set(&Takes::Text), "Its tags.").computed();
pub(super) const CORES: Attribute = Attribute::new("cores", Takes::Number, "Its virtual CPU cores.").computed();
pub(super) const MEMORY: Attribute = Attribute::new("memory", Takes::Size, "Its memory.").computed();
pub(super) const POOL: Attribute =
    Attribute::new("pool", Takes::Text, "The pool it is in; null if it is in none.").computed();

/// The disks of a guest.
pub(super) const DISKS: Nested = Nested {
    name: "disk",
    occurs: Occurs::ByLabel("the slot: scsi0"),
    schema: &DISK,
    documentation: "Its disks by slot.",
};

static DISK: Schema = Schema {
    attributes: &[
        Attribute::new("storage", Takes::Text, "Storage it is on.").computed(),
        Attribute::new("size", Takes::Size, "Its size.").computed(),
    ],
    blocks: &[],
};

/// Returns the guest that `vmid` or `name` names, template or not as wanted.
pub(super) fn find<'a>(ask: &Ask, seen: &Seen<'a>, is_template: bool) -> Result<&'a GuestView, Missing> {
    let what = if is_template { "template" } else { "VM" };
    let fits = |guest: &&GuestView| guest.kind == GuestKind::Qemu && guest.is_template == is_template;
    let all = || seen.view.guests.values().filter(fits);
    let vmid = ask.argument("vmid").and_then(Value::as_i64);
    let (vmid, name) = match (vmid, ask.text("name")) {
        (Some(_), Some(_)) | (None, None) => {
            let diagnostic = ask.wrong(format!("a look-up of a {what} needs either `vmid` or `name`"), None);
            return Err(Missing::Wrong(Box::new(diagnostic)));
        }
        (vmid, name) => (vmid.and_then(|vmid| u32::try_from(vmid).ok()), name),
    };
    let Some(name) = name else {
        let vmid = vmid.unwrap_or_default();
        return all().find(|guest| guest.vmid == vmid).ok_or_else(|| {
            let other = seen.view.guests.get(&vmid).map(|guest| match (guest.kind, guest.is_template) {
                (GuestKind::Lxc, _) => format!("{vmid} is the container `{}`", guest.name),
                (GuestKind::Qemu, true) => format!("{vmid} is the template `{}`, use `data \"template\"`", guest.name),
                (GuestKind::Qemu, false) => format!("{vmid} is the VM `{}`, and no template", guest.name),
            });
            let summary = format!("there is no {what} {vmid} on cluster `{}`", seen.name);
            Missing::Wrong(Box::new(ask.wrong(summary, Some("vmid")).hint(other.unwrap_or_else(|| listed(all())))))
        });
    };
    let named: Vec<&GuestView> = all().filter(|guest| guest.name == name).collect();
    match named.as_slice() {
        [guest] => Ok(guest),
        [] => {
            let names = all().map(|guest| guest.name.as_str()).filter(|name| !name.is_empty());
            let plural = if is_template { "templates" } else { "VMs" };
            Err(ask.not_found(what, "name", &seen.name, names, plural))
        }
        several => {
            let vmids: Vec<String> = several.iter().map(|guest| guest.vmid.to_string()).collect();
            let summary = format!("{} {what}s on cluster `{}` are named `{name}`", several.len(), seen.name);
            let hint = format!("name the one you mean by `vmid`: {}", vmids.join(", "));
            Err(Missing::Wrong(Box::new(ask.wrong(summary, Some("name")).hint(hint))))
        }
    }
}

fn listed<'a>(guests: impl Iterator<Item = &'a GuestView>) -> String {
    let known: Vec<String> = guests.take(8).map(|guest| format!("{} `{}`", guest.vmid, guest.name)).collect();
    match known.is_empty() {
        true => did_you_mean("", std::iter::empty(), "guests"),
        false => format!("there are {}", known.join(", ")),
    }
}

/// Returns the configuration of a guest.
pub(super) fn config<'a>(ask: &Ask, seen: &Seen<'a>, guest: &'a GuestView) -> Result<&'a GuestConfig, Missing> {
    if let Some(config) = &guest.config {
        return Ok(config);
    }
    if guest.seen == Reached::Present && !seen.wanted.guests.contains(&guest.vmid) {
        return Err(Missing::Read(Read::Guest(seen.name.clone(), guest.vmid)));
    }
    let summary = format!("node {} does not answer, and VM {} is there", guest.node, guest.vmid);
    Err(Missing::Wrong(Box::new(ask.wrong(summary, None).hint("try again when the node is back"))))
}

/// Returns what the lists tell of a guest.
pub(super) fn listed_facts(guest: &GuestView) -> Given {
    let status = match guest.power {
        Power::Running => "running",
        Power::Stopped => "stopped",
        Power::Unknown => "unknown",
    };
    Given::from([
        ("vmid", Value::from(i64::from(guest.vmid))),
        ("name", Value::text(guest.name.clone())),
        ("node", Value::text(guest.node.clone())),
        ("status", Value::text(status)),
        ("tags", texts(guest.tags.iter().map(String::as_str))),
        ("cores", Value::from(guest.cores as i64)),
        ("memory", Value::text(size::print(guest.memory_bytes))),
        ("pool", text_or_null(guest.pool.as_deref())),
    ])
}

/// Returns what its configuration tells of the disks of a guest.
pub(super) fn disks_of(config: &GuestConfig) -> Value {
    by_slot(&DISK, &disks(&config.values))
}

/// Returns devices by slot, each with exactly what the schema has.
pub(super) fn by_slot(schema: &Schema, devices: &Value) -> Value {
    let devices = devices.as_entries().into_iter().flatten();
    let items: Vec<(Arc<str>, Value)> =
        devices.map(|(slot, device)| (slot.clone(), shaped(schema, device, Given::new()))).collect();
    let of: Type = object_type(schema);
    Value::map(of, items)
}

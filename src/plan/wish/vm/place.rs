//! VMID and node of a guest: as written, as kept, or chosen.

use super::{Attributes, Guest};
use crate::config::Address;
use crate::observe::{GuestView, StorageView};
use crate::plan::choose::Demand;
use crate::plan::judge::is_ignored;
use crate::plan::wish::{Draft, Scene};
use crate::resources::conform::did_you_mean;
use crate::resources::vm::decode::{is_disk, storage_of};
use crate::resources::{Lookup, Sighting, find, guest, size};
use crate::state::Record;
use crate::value::{Path, Step, Value};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Returns the VMID, or `None` after an error.
pub(super) fn vmid(scene: &mut Scene, draft: &mut Draft, attributes: &Attributes) -> Option<u32> {
    let path = Path::attribute("vmid");
    let written = attributes.get("vmid").and_then(Value::as_i64).and_then(|vmid| u32::try_from(vmid).ok());
    vmid_of(scene, draft, &draft.block.address.clone(), written, &path)
}

/// Returns the VMID of an object of a block, or `None` after an error, or where no cluster was seen to choose on.
pub(in crate::plan::wish) fn vmid_of(
    scene: &mut Scene,
    draft: &mut Draft,
    address: &Address,
    written: Option<u32>,
    path: &Path,
) -> Option<u32> {
    let owner = address.to_string();
    if let Some(vmid) = written {
        return match scene.ledger.take_vmid(&draft.cluster, vmid, &owner) {
            Ok(()) => Some(vmid),
            Err(other) => {
                let is_going = other.parse::<Address>().is_ok_and(|other| scene.is_going(&other));
                let hint = match is_going {
                    true => format!("apply the removal of {other} first, or choose another"),
                    false => "choose another, or leave `vmid` out".to_owned(),
                };
                draft.error(format!("VMID {vmid} is taken by {other}"), path, hint);
                None
            }
        };
    }
    let is_free = !scene.replaced.contains(address) && !has_stranger(scene, draft, address);
    if let Some(vmid) = scene.record(address).filter(|_| is_free).and_then(|record| record.identity.vmid())
        && scene.ledger.take_vmid(&draft.cluster, vmid, &owner).is_ok()
    {
        return Some(vmid);
    }
    scene.view(&draft.cluster)?;
    let range = scene.input.stack.clusters.get(&draft.cluster).and_then(|cluster| cluster.vmid_range);
    let chosen = scene.ledger.choose_vmid(&draft.cluster, range, &owner);
    if chosen.is_none() {
        let (low, high) = range.unwrap_or_default();
        draft.error(
            format!("no VMID is left in {low} to {high}"),
            path,
            format!("widen `vmid_range` of cluster `{}`", draft.cluster),
        );
    }
    chosen
}

/// Whether another guest sits where ours is recorded: then ours is gone, and the VMID with it.
fn has_stranger(scene: &Scene, draft: &Draft, address: &Address) -> bool {
    let seen = scene.view(&draft.cluster).filter(|_| scene.input.options.looks);
    let Some((view, record)) = seen.zip(scene.record(address)) else { return false };
    let Record { identity, intent, applied, .. } = record;
    if guest::is_marked(view, identity, intent) {
        return false;
    }
    let project = &scene.input.stack.settings.project;
    let lookup = Lookup { view, identity, intent, project, applied, is_claim: intent.is_empty() };
    let object = find(&record.kind);
    object.is_some_and(|object| matches!((object.sight)(&lookup), Sighting::Foreign(_)))
}

/// Returns the node, or `None` after an error.
pub(super) fn node(scene: &mut Scene, draft: &mut Draft, guest: &Guest, attributes: &Attributes) -> Option<String> {
    let path = Path::attribute("node");
    let address = draft.block.address.clone();
    let view = scene.view(&draft.cluster)?;
    known_nodes(scene, draft, attributes);
    let record = scene.record(&address);
    let seen = record
        .filter(|_| !has_stranger(scene, draft, &address))
        .and_then(|record| view.guests.get(&record.identity.vmid()?));
    if let Some(node) = attributes.get("node").and_then(Value::as_text) {
        return written_node(scene, draft, (guest, attributes), node, seen);
    }
    if let Some(seen) = seen {
        return Some(seen.node.clone());
    }
    let memory_bytes =
        attributes.get("memory").and_then(Value::as_text).and_then(|text| size::parse(text).ok()).unwrap_or_default();
    let demand = demand(scene, draft, guest, attributes, memory_bytes);
    match scene.ledger.choose_node(&draft.cluster, &demand) {
        Ok(node) => {
            scene.ledger.commit_memory(&draft.cluster, &node, memory_bytes);
            Some(node)
        }
        Err(refusals) => {
            let memory = Path::attribute("memory");
            let place = if draft.is_written(&memory) { memory } else { path };
            let span = draft.span_of(&place);
            draft.diagnostics.push(
                crate::diagnostics::Diagnostic::error(format!("no node can take {}", guest.owner))
                    .at(span)
                    .detail(format!("It needs {} of memory. {}.", size::print(memory_bytes), refusals.join("; ")))
                    .hint("ask for less memory, free some on a node, or change `placement`, storage or bridge"),
            );
            None
        }
    }
}

/// Names in `placement.nodes` that no node has would silently shrink the choice.
fn known_nodes(scene: &Scene, draft: &mut Draft, attributes: &Attributes) {
    let nodes = attributes.get("placement").and_then(|placement| placement.get("nodes")).and_then(Value::as_items);
    let path = Path::attribute("placement").then(Step::Attribute("nodes".into()));
    for node in nodes.into_iter().flatten().filter_map(Value::as_text) {
        if scene.ledger.node(&draft.cluster, node).is_none() {
            let hint = did_you_mean(node, scene.ledger.node_names(&draft.cluster).into_iter(), "nodes");
            draft.error(format!("there is no node `{node}` on cluster `{}`", draft.cluster), &path, hint);
        }
    }
}

fn written_node(
    scene: &mut Scene,
    draft: &mut Draft,
    (guest, attributes): (&Guest, &Attributes),
    node: &str,
    seen: Option<&GuestView>,
) -> Option<String> {
    let path = Path::attribute("node");
    if scene.ledger.node(&draft.cluster, node).is_none() {
        let hint = did_you_mean(node, scene.ledger.node_names(&draft.cluster).into_iter(), "nodes");
        draft.error(format!("there is no node `{node}` on cluster `{}`", draft.cluster), &path, hint);
        return None;
    }
    let bytes = attributes.get("memory").and_then(Value::as_text).and_then(|text| size::parse(text).ok());
    let bytes = bytes.unwrap_or_default();
    match seen {
        Some(seen) if seen.node == node => {}
        Some(seen) if is_ignored(draft.block, &path) => return Some(seen.node.clone()),
        Some(seen) => {
            let demand = demand(scene, draft, guest, attributes, bytes);
            if let Some((why, hint)) = staying(scene, draft, (node, &demand), (guest, attributes), seen) {
                draft.error(format!("{} cannot move from {} to {node}: {why}", guest.owner, seen.node), &path, hint);
                return None;
            }
            scene.ledger.commit_memory(&draft.cluster, node, bytes);
        }
        None if !guest.copies.is_empty()
            && bound_to(scene, draft, guest).is_some_and(|nodes| !nodes.contains(node)) =>
        {
            let template = guest.template.address().map_or("the template", |address| &**address);
            let is_built = guest.template.get("image").is_some_and(|image| !image.is_null());
            let (what, hint) = match is_built {
                true => ("is not built", format!("add \"{node}\" to its `nodes`, or choose one of them")),
                false => ("is not", "add the VMID it has there to its `vmids`, or choose one of its nodes".to_owned()),
            };
            draft.error(format!("{template} {what} on {node}, and its disks are local"), &path, hint);
            return None;
        }
        None => scene.ledger.commit_memory(&draft.cluster, node, bytes),
    }
    Some(node.to_owned())
}

/// Says why a guest cannot go to another node, and what to do about it.
fn staying(
    scene: &Scene,
    draft: &Draft,
    (node, demand): (&str, &Demand),
    (guest, attributes): (&Guest, &Attributes),
    seen: &GuestView,
) -> Option<(String, String)> {
    let demand = Demand { bound_to: BTreeSet::new(), allowed: BTreeSet::new(), ..demand.clone() };
    if let Some(why) = scene.ledger.refusal(&draft.cluster, node, &demand) {
        return Some((why, "write a `storage` or `bridge` that node has, or another node".to_owned()));
    }
    let storages = &scene.view(&draft.cluster)?.nodes.get(&seen.node)?.storages;
    let is_local = |storage: &str| storages.get(storage).is_some_and(|storage: &StorageView| !storage.is_shared);
    let media = attributes.get("cdrom").and_then(Value::as_entries).into_iter().flatten();
    let medium = media.filter_map(|(slot, drive)| Some((slot, drive.get("file")?.as_text()?.split_once(':')?.0)));
    if let Some((slot, storage)) = medium.into_iter().find(|(_, storage)| is_local(storage)) {
        let hint = format!("write `file = \"none\"` in `cdrom \"{slot}\"`, or a medium on a storage that is shared");
        return Some((format!("the medium in `{slot}` is on `{storage}`, which only {} has", seen.node), hint));
    }
    // A linked clone is only what differs from its template's disk, which stays.
    let is_linked = attributes.get("clone").and_then(Value::as_text) == Some("linked");
    let config = &seen.config.as_ref()?.values;
    let of_template = |slot: &str| storage_of(guest.template_config()?.values.get(slot)?);
    let wanted = |slot: &str| attributes.get("disk")?.get(slot)?.get("storage")?.as_text();
    let stays = |(slot, value): &(&Arc<str>, &Arc<str>)| {
        let storage = storage_of(value).unwrap_or_default();
        is_disk(slot, value)
            && is_local(storage)
            && of_template(slot) == Some(storage)
            && wanted(slot).is_none_or(|wanted| wanted == storage)
    };
    let (slot, _) = config.iter().filter(|_| is_linked).find(stays)?;
    let hint = format!("write another `storage` in `disk \"{slot}\"`: a disk that moves becomes whole");
    Some((format!("disk `{slot}` is a linked clone of what only {} has", seen.node), hint))
}

fn demand(scene: &Scene, draft: &Draft, guest: &Guest, attributes: &Attributes, memory_bytes: u64) -> Demand {
    let texts = |block: &str, name: &str| -> BTreeSet<String> {
        let entries = attributes.get(block).and_then(Value::as_entries).into_iter().flatten();
        entries.filter_map(|(_, nested)| nested.get(name)?.as_text().map(str::to_owned)).collect()
    };
    let single =
        ["rootfs", "efidisk0", "tpmstate0"].into_iter().filter_map(|name| attributes.get(name)?.get("storage"));
    let single = single.filter_map(|storage| storage.as_text().map(str::to_owned));
    let archive = attributes.get("ostemplate").and_then(Value::as_text).into_iter().map(str::to_owned);
    let restore = |name: &str| attributes.get("restore").and_then(|restore| restore.get(name)).and_then(Value::as_text);
    let archive = archive.chain(restore("archive").map(str::to_owned));
    let media = texts("cdrom", "file").into_iter().chain(texts("disk", "import_from")).chain(archive);
    let media = media.filter_map(|volume| Some(volume.split_once(':')?.0.to_owned()));
    let named: Vec<String> = single.chain(media).chain(restore("storage").map(str::to_owned)).collect();
    let placement = attributes.get("placement");
    let allowed = placement.and_then(|placement| placement.get("nodes")).and_then(Value::as_items).unwrap_or_default();
    let strategy = placement.and_then(|placement| placement.get("strategy")).and_then(Value::as_text);
    Demand {
        memory_bytes,
        storages: texts("disk", "storage").into_iter().chain(texts("mount", "storage")).chain(named).collect(),
        bridges: texts("network", "bridge")
            .into_iter()
            .filter(|bridge| !scene.makes_vnet(&draft.cluster, bridge))
            .collect(),
        allowed: allowed.iter().filter_map(|node| node.as_text().map(str::to_owned)).collect(),
        bound_to: bound_to(scene, draft, guest).unwrap_or_default(),
        packs: strategy == Some("pack"),
    }
}

/// A clone lands on another node than a template's only if every disk of the template is on shared storage.
fn bound_to(scene: &Scene, draft: &Draft, guest: &Guest) -> Option<BTreeSet<String>> {
    let source = guest.source.as_deref()?;
    let storages = &scene.view(&draft.cluster)?.nodes.get(&source.node)?.storages;
    let config = &guest.template_config()?.values;
    let is_shared = |value: &str| {
        storage_of(value).and_then(|storage| storages.get(storage)).is_some_and(|storage| storage.is_shared)
    };
    let all_shared = config.iter().filter(|(key, value)| is_disk(key, value)).all(|(_, value)| is_shared(value));
    let nodes = match guest.copies.is_empty() {
        true => [source.node.clone()].into(),
        false => guest.copies.keys().map(ToString::to_string).collect(),
    };
    (!all_shared).then_some(nodes)
}

//! What a run has to see before it can plan: everything recorded, what the files name, and the tables of the types in use.

use crate::config::{Block, Objects, Stack};
use crate::domain;
use crate::observe::Wanted;
use crate::observe::collect::ClusterWanted;
use crate::resources::firewall::FIREWALL;
use crate::resources::subnet::SUBNET;
use crate::resources::vnet::VNET;
use crate::resources::{self, ObjectType, storage_file};
use crate::state::{Identity, State};
use crate::value::{Entries, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Returns what to look at on each of these clusters if what is recorded is not looked at: what new objects are chosen and made by.
pub fn wanted_for_new<'a>(stack: &Stack, clusters: impl Iterator<Item = &'a Arc<str>>) -> Wanted {
    // No guest carries an empty tag.
    Wanted { tag: String::new(), ..wanted(stack, &State::default(), clusters) }
}

/// Returns what to look at on each of these clusters.
pub fn wanted<'a>(stack: &Stack, state: &State, clusters: impl Iterator<Item = &'a Arc<str>>) -> Wanted {
    let mut named = ClusterWanted { storages: true, bridges: true, ..ClusterWanted::default() };
    for block in &stack.blocks {
        note_block(stack, block, &mut named);
    }
    let mut clusters: BTreeMap<Arc<str>, ClusterWanted> = clusters.map(|name| (name.clone(), named.clone())).collect();
    for (object, identity) in stack.imports.iter().filter_map(|import| super::import::declared(stack, import).ok()) {
        for wanted in clusters.values_mut() {
            wanted.guests.extend(identity.vmid());
            wanted.pools.extend(identity.get("pool").map(str::to_owned));
            note_type(object, wanted);
            wanted.tables.extend((object.reads)(&identity));
            if let Some(vmid) = identity.vmid().filter(|_| resources::is_guest(object.name)) {
                // Its firewall is there, whatever it says.
                let firewall = Identity::of([("guest", vmid.to_string())]);
                wanted.tables.extend((FIREWALL.reads)(&firewall));
            }
        }
    }
    for record in state.records.values() {
        let Some(wanted) = clusters.get_mut(&record.cluster) else { continue };
        wanted.guests.extend(record.identity.vmid());
        wanted.pools.extend(record.identity.get("pool").map(str::to_owned));
        if let Some(object) = resources::find(&record.kind) {
            note_type(object, wanted);
            wanted.tables.extend((object.reads)(&record.identity));
        }
    }
    Wanted { clusters, tag: resources::marker::project_tag(&stack.settings.project) }
}

fn note_type(object: &ObjectType, wanted: &mut ClusterWanted) {
    wanted.tables.extend(object.tables.iter().map(|path| (*path).to_owned()));
}

fn note_block(stack: &Stack, block: &Block, named: &mut ClusterWanted) {
    // Evaluated alone, a block has only what does not refer to others: enough for a VMID or a name.
    let attribute = |name: &str| {
        let (body, _) = stack.evaluate(&block.address, &Objects::new());
        body.attributes.get(name).map(|attribute| attribute.value.clone())
    };
    for instance in domain::instances(block) {
        note_type(instance.object, named);
    }
    match &*block.address.kind {
        "template" => {
            let number = |vmid: &Value| vmid.as_i64().and_then(|vmid| u32::try_from(vmid).ok());
            named.guests.extend(attribute("vmid").as_ref().and_then(number));
            let by_node = attribute("vmids");
            let by_node = by_node.as_ref().and_then(Value::as_entries).into_iter().flat_map(Entries::values);
            named.guests.extend(by_node.filter_map(number));
        }
        "storage_file" => {
            let text = |name: &str| attribute(name).and_then(|value| value.as_text().map(str::to_owned));
            let place = text("node").zip(text("storage")).zip(text("content_type"));
            named.tables.extend(place.map(|((node, storage), kind)| storage_file::table(&node, &storage, &kind)));
        }
        "tenant" => {
            let pool = attribute("pool").and_then(|pool| pool.as_text().map(str::to_owned));
            named.pools.insert(pool.unwrap_or_else(|| block.address.name.to_string()));
            let (body, _) = stack.evaluate(&block.address, &Objects::new());
            let networks = body.blocks.iter().filter(|nested| &*nested.kind == "network");
            if networks.into_iter().any(|network| network.body.attributes.contains_key("zone")) {
                note_type(&VNET, named);
                note_type(&SUBNET, named);
            }
        }
        _ => {}
    }
}

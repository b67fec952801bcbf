//! `data "vms"`: the virtual machines of a cluster, ours or not.

use super::guest::{self, CORES, MEMORY, NODE, POOL, STATUS, TAGS};
use super::{Ask, Given, LookupType, Missing, numbers, object_type, shaped, texts};
use crate::observe::{GuestKind, GuestView};
use crate::resources::schema::{Attribute, Nested, Occurs, Schema, Takes};
use crate::value::{Type, Value};

/// The type.
pub(super) static VMS: LookupType = LookupType {
    name: "vms",
    summary: "The virtual machines that are there, whoever made them, in the order of their VMIDs. Templates are left out.",
    schema: &SCHEMA,
    example: r#"data "vms" "web" {
  tags = ["web"]
}

output "web" {
  value = { for vm in data.vms.web.vms : vm.name => vm.node }
}
"#,
    answer,
};

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new("node", Takes::Text, "Only those on this node."),
        Attribute::new("pool", Takes::Text, "Only those in this pool."),
        Attribute::new("tags", Takes::Set(&Takes::Text), "Only those that have all these tags."),
        Attribute::new("names", Takes::Set(&Takes::Text), "Their names: what `for_each` takes.").computed(),
        Attribute::new("vmids", Takes::List(&Takes::Number), "Their VMIDs.").computed(),
    ],
    blocks: &[Nested {
        name: "vms",
        occurs: Occurs::Many,
        schema: &GUEST,
        documentation: "What is known of each without asking for its configuration.",
    }],
};

static GUEST: Schema = Schema {
    attributes: &[
        Attribute::new("vmid", Takes::Number, "Its VMID.").computed(),
        Attribute::new("name", Takes::Text, "Its name.").computed(),
        NODE,
        STATUS,
        TAGS,
        POOL,
        CORES,
        MEMORY,
    ],
    blocks: &[],
};

fn answer(ask: &Ask) -> Result<Given, Missing> {
    let seen = ask.cluster()?;
    let (node, pool) = (ask.text("node"), ask.text("pool"));
    if node.is_some_and(|node| !seen.view.nodes.contains_key(node)) {
        let nodes = seen.view.nodes.keys().map(String::as_str);
        return Err(ask.not_found("node", "node", &seen.name, nodes, "nodes"));
    }
    if pool.is_some_and(|pool| !seen.view.pools.contains_key(pool)) {
        let pools = seen.view.pools.keys().map(String::as_str);
        return Err(ask.not_found("pool", "pool", &seen.name, pools, "pools"));
    }
    let tags: Vec<&str> =
        ask.argument("tags").and_then(Value::as_items).unwrap_or_default().iter().filter_map(Value::as_text).collect();
    let fits = |guest: &&GuestView| {
        guest.kind == GuestKind::Qemu
            && !guest.is_template
            && node.is_none_or(|node| guest.node == node)
            && pool.is_none_or(|pool| guest.pool.as_deref() == Some(pool))
            && tags.iter().all(|tag| guest.tags.contains(*tag))
    };
    let found: Vec<&GuestView> = seen.view.guests.values().filter(fits).collect();
    let of: Type = object_type(&GUEST);
    let nothing = Value::null(Type::Dynamic);
    Ok(Given::from([
        ("names", texts(found.iter().map(|guest| guest.name.as_str()).filter(|name| !name.is_empty()))),
        ("vmids", numbers(found.iter().map(|guest| guest.vmid))),
        ("vms", Value::list(of, found.iter().map(|guest| shaped(&GUEST, &nothing, guest::listed_facts(guest))))),
    ]))
}

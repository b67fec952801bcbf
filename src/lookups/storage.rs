//! `data "storage"`: one storage, as the nodes see it.

use super::{Ask, Given, LookupType, Missing, Read, texts};
use crate::observe::StorageView;
use crate::resources::schema::{Attribute, Schema, Takes};
use crate::resources::size;
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The type.
pub(super) static STORAGE: LookupType = LookupType {
    name: "storage",
    summary: "A storage: what it is, what it holds, and how much room is left.",
    schema: &SCHEMA,
    example: r#"data "storage" "local_lvm" {
  name = "local-lvm"
  node = "pve1"
}

output "is_thin" {
  value = data.storage.local_lvm.type == "lvmthin"
}
"#,
    answer,
};

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new("name", Takes::Text, "Its name.").required(),
        Attribute::new(
            "node",
            Takes::Text,
            "The node it is looked at from. Without it, the first by name: another node may see other content if it is not shared.",
        ),
        Attribute::new("type", Takes::Text, "Its type: dir, lvmthin, nfs, zfspool.").computed(),
        Attribute::new("shared", Takes::Bool, "Whether all nodes see the same content.").computed(),
        Attribute::new("content", Takes::Set(&Takes::Text), "What it may hold: images, iso, snippets.").computed(),
        Attribute::new("nodes", Takes::Set(&Takes::Text), "Nodes it is usable on.").computed(),
        Attribute::new("total", Takes::Size, "Its size.").computed(),
        Attribute::new(
            "used",
            Takes::Size,
            "What is used of it now. It changes by itself: nothing managed should follow it.",
        )
        .computed(),
        Attribute::new("available", Takes::Size, "What is left of it now.").computed(),
    ],
    blocks: &[],
};

fn answer(ask: &Ask) -> Result<Given, Missing> {
    let seen = ask.cluster()?;
    if !seen.wanted.storages {
        return Err(Missing::Read(Read::Storages(seen.name.clone())));
    }
    let name = ask.text("name").unwrap_or_default();
    let nodes = &seen.view.nodes;
    let views: BTreeMap<&str, &StorageView> =
        nodes.iter().filter_map(|(node, view)| Some((node.as_str(), view.storages.get(name)?))).collect();
    if views.is_empty() {
        let known: BTreeSet<&str> = nodes.values().flat_map(|node| node.storages.keys()).map(String::as_str).collect();
        return Err(ask.not_found("storage", "name", &seen.name, known.into_iter(), "storages"));
    }
    let view = match ask.text("node") {
        None => views.values().next(),
        Some(node) => views.get(node),
    };
    let Some(view) = view else {
        let node = ask.text("node").unwrap_or_default();
        if !nodes.contains_key(node) {
            return Err(ask.not_found("node", "node", &seen.name, nodes.keys().map(String::as_str), "nodes"));
        }
        let usable: Vec<&str> = views.keys().copied().collect();
        let summary = format!("the storage `{name}` is not usable on node `{node}`");
        let diagnostic = ask.wrong(summary, Some("node")).hint(format!("it is on {}", usable.join(", ")));
        return Err(Missing::Wrong(Box::new(diagnostic)));
    };
    let bytes = |bytes: u64| Value::text(size::print(bytes));
    Ok(Given::from([
        ("type", Value::text(view.kind.clone())),
        ("shared", Value::from(view.is_shared)),
        ("content", texts(view.content.iter().map(String::as_str))),
        ("nodes", texts(views.keys().copied())),
        ("total", bytes(view.total_bytes)),
        ("used", bytes(view.used_bytes)),
        ("available", bytes(view.total_bytes.saturating_sub(view.used_bytes))),
    ]))
}

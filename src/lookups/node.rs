//! `data "node"`: one node of a cluster.

use super::{Ask, Given, LookupType, Missing, Read, numbers, texts};
use crate::resources::schema::{Attribute, Schema, Takes};
use crate::resources::size;
use crate::value::Value;

/// The type.
pub(super) static NODE: LookupType = LookupType {
    name: "node",
    summary: "A node: whether it is online, how large it is, what it has.",
    schema: &SCHEMA,
    example: r#"data "node" "first" {
  name = "pve1"

  lifecycle {
    postcondition {
      condition     = contains(self.bridges, "vmbr1")
      error_message = "The node has no vmbr1."
    }
  }
}
"#,
    answer,
};

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new("name", Takes::Text, "Its name.").required(),
        Attribute::new("online", Takes::Bool, "Whether it is online and answered.").computed(),
        Attribute::new("cores", Takes::Number, "Its CPU cores.").computed(),
        Attribute::new("memory", Takes::Size, "Its memory.").computed(),
        Attribute::new("storages", Takes::Set(&Takes::Text), "Storages usable on it.").computed(),
        Attribute::new(
            "bridges",
            Takes::Set(&Takes::Text),
            "Bridges and vnets usable on it; null if the token may not see them.",
        )
        .computed(),
        Attribute::new(
            "vmids",
            Takes::List(&Takes::Number),
            "VMIDs of the guests on it, containers and templates too.",
        )
        .computed(),
    ],
    blocks: &[],
};

fn answer(ask: &Ask) -> Result<Given, Missing> {
    let seen = ask.cluster()?;
    let name = ask.text("name").unwrap_or_default();
    let Some(node) = seen.view.nodes.get(name) else {
        let known = seen.view.nodes.keys().map(String::as_str);
        return Err(ask.not_found("node", "name", &seen.name, known, "nodes"));
    };
    if !seen.wanted.storages {
        return Err(Missing::Read(Read::Storages(seen.name.clone())));
    }
    if !seen.wanted.bridges {
        return Err(Missing::Read(Read::Bridges(seen.name.clone())));
    }
    let guests = seen.view.guests.values().filter(|guest| guest.node == name);
    let mut given = Given::from([
        ("online", Value::from(node.is_online)),
        ("cores", Value::from(node.cores as i64)),
        ("memory", Value::text(size::print(node.memory_bytes))),
        ("storages", texts(node.storages.keys().map(String::as_str))),
        ("vmids", numbers(guests.map(|guest| guest.vmid))),
    ]);
    given.extend(node.bridges.as_ref().map(|bridges| ("bridges", texts(bridges.iter().map(String::as_str)))));
    Ok(given)
}

//! `ha_group`: nodes that guests under high availability run on, before version 9 of Proxmox VE; rules took its place.

use super::ha_resource::has_rules;
use super::row::{self, Column, Row};
use super::schema::{Attribute, Impact, Schema, Takes};
use super::{ObjectType, Objection};
use crate::observe::ClusterView;
use crate::proxmox::Call;
use crate::proxmox::call::segment;
use crate::state::Identity;
use crate::value::{Path, Value};

const TABLE: &str = "/cluster/ha/groups";

/// The type. Source: API section `/cluster/ha/groups` of 8.4; 9.0 turns groups into rules and refuses these calls.
pub static HA_GROUP: ObjectType = ObjectType {
    name: "ha_group",
    summary: "Nodes that guests under high availability run on, on Proxmox VE 8; later versions have `ha_rule`.",
    schema: &SCHEMA,
    example: r#"ha_group "west" {
  group = "west"
  nodes = ["pve1:2", "pve2"]
}

ha_resource "arena" {
  sid   = "vm:${vm.mc.vmid}"
  group = ha_group.west.group
}
"#,
    tables: &[TABLE],
    check,
    import_id: Some(("its name", |id| super::named("group", id))),
    identify: |group| Identity::of([("group", row::text_of(group, "group").to_owned())]),
    sight: |lookup| ROW.sight(lookup),
    create: |draft| ROW.create(draft),
    update: |draft, changed| ROW.update(draft, changed),
    delete: |draft| ROW.delete(draft),
    is_replaced_first: true,
    locks: |_| ROW.locks(),
    ..ObjectType::BASE
};

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new("group", Takes::Text, "Its name on the cluster.").required().on_change(Impact::Recreate),
        Attribute::new("nodes", Takes::Set(&Takes::Text), "Nodes, each with a priority if it matters: `pve1:2`.")
            .required(),
        Attribute::new("restricted", Takes::Bool, "Whether its guests run on no other node.").or("false"),
        Attribute::new("nofailback", Takes::Bool, "Whether guests stay where they are when a better node returns.")
            .or("false"),
        Attribute::new("comment", Takes::Text, "What it is for.").or(""),
    ],
    blocks: &[],
};

static ROW: Row = Row {
    schema: &SCHEMA,
    find: |view, identity| row::find(view, TABLE, "group", name(identity)),
    names: |identity| vec![("group", Value::text(name(identity)))],
    path: |identity| format!("{TABLE}/{}", segment(name(identity))),
    make: |identity| Call::post(TABLE).with("group", name(identity)),
    columns: &[Column::new("nodes"), Column::new("restricted"), Column::new("nofailback"), Column::new("comment")],
    file: "ha/groups.cfg",
    digest: Some(|identity| (Call::get(TABLE), "group", name(identity).to_owned())),
};

fn name(identity: &Identity) -> &str {
    identity.get("group").unwrap_or_default()
}

fn check(_group: &Value, view: Option<&ClusterView>) -> Vec<Objection> {
    match view.filter(|view| has_rules(view)) {
        None => Vec::new(),
        Some(view) => vec![Objection {
            path: Path::attribute("group"),
            summary: format!("Proxmox VE {} has no HA groups: rules took their place", view.version),
            hint: "write a `ha_rule` with `type = \"node-affinity\"`, the same `nodes` and `strict` for `restricted`"
                .to_owned(),
        }],
    }
}

//! `ha_resource`: a guest that the cluster keeps in a state, on another node if need be.

use super::row::{self, Column, Row};
use super::schema::{Attribute, Impact, Schema, Takes};
use super::{ObjectType, Objection};
use crate::observe::ClusterView;
use crate::proxmox::Call;
use crate::proxmox::call::segment;
use crate::state::Identity;
use crate::value::{Path, Value};

const TABLE: &str = "/cluster/ha/resources";

/// The type. Source: API section `/cluster/ha/resources`.
pub static HA_RESOURCE: ObjectType = ObjectType {
    name: "ha_resource",
    summary: "A guest under high availability: the cluster keeps it in a state, on another node if need be.",
    schema: &SCHEMA,
    example: r#"ha_resource "mc" {
  sid         = "vm:${vm.mc.vmid}"
  max_restart = 2
}
"#,
    tables: &[TABLE],
    check,
    import_id: Some(("its guest, such as `vm:5000` or `ct:200`", |id| super::named("sid", id))),
    identify: |resource| Identity::of([("sid", row::text_of(resource, "sid").to_owned())]),
    sight: |lookup| ROW.sight(lookup),
    create: |draft| ROW.create(draft),
    update: |draft, changed| ROW.update(draft, changed),
    delete: |draft| ROW.delete(draft),
    locks: |_| ROW.locks(),
    ..ObjectType::BASE
};

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new("sid", Takes::Text, "The guest: `vm:5000`, or `ct:200` for a container.")
            .required()
            .on_change(Impact::Recreate),
        Attribute::new(
            "state",
            Takes::OneOf(&["started", "stopped", "disabled", "ignored"]),
            "The state it is kept in; `ignored`: it is left alone.",
        )
        .or("started"),
        Attribute::new("max_restart", Takes::Integer(0, 10), "Attempts to restart it on its node.").or("1"),
        Attribute::new("max_relocate", Takes::Integer(0, 10), "Attempts to start it on other nodes.").or("1"),
        Attribute::new(
            "failback",
            Takes::Bool,
            "Whether it goes back to a better node that returns; before, its group says so.",
        )
        .since(9),
        Attribute::new(
            "group",
            Takes::Text,
            "HA group whose nodes it runs on, e.g. `ha_group.west.group`. Proxmox VE 9 has rules instead.",
        ),
        Attribute::new("comment", Takes::Text, "What it is.").or(""),
    ],
    blocks: &[],
};

static ROW: Row = Row {
    schema: &SCHEMA,
    find: |view, identity| row::find(view, TABLE, "sid", name(identity)),
    names: |identity| vec![("sid", Value::text(name(identity)))],
    path: |identity| format!("{TABLE}/{}", segment(name(identity))),
    make: |identity| Call::post(TABLE).with("sid", name(identity)),
    columns: &[
        Column::new("state"),
        Column::new("max_restart"),
        Column::new("max_relocate"),
        Column::new("failback"),
        Column::new("group"),
        Column::new("comment"),
    ],
    file: "ha/resources.cfg",
    digest: Some(|identity| (Call::get(TABLE), "sid", name(identity).to_owned())),
};

fn name(identity: &Identity) -> &str {
    identity.get("sid").unwrap_or_default()
}

/// Returns whether the cluster has rules of high availability; groups before that.
pub(super) fn has_rules(view: &ClusterView) -> bool {
    view.has_version(9)
}

fn check(resource: &Value, view: Option<&ClusterView>) -> Vec<Objection> {
    let objection = |name: &str, summary: &str, hint: &str| Objection {
        path: Path::attribute(name),
        summary: summary.to_owned(),
        hint: hint.to_owned(),
    };
    let sid = row::text_of(resource, "sid");
    let is_sid =
        sid.split_once(':').is_some_and(|(kind, vmid)| matches!(kind, "vm" | "ct") && vmid.parse::<u32>().is_ok());
    let mut objections = Vec::new();
    if !is_sid && resource.get("sid").is_some_and(|sid| !sid.is_unknown()) {
        let summary = format!("`{sid}` is no guest");
        objections.push(objection("sid", &summary, "write `vm:` and the VMID: `\"vm:${vm.mc.vmid}\"`"));
    }
    let is_written = |name: &str| resource.get(name).is_some_and(|value| !value.is_null());
    if view.is_some_and(has_rules) && is_written("group") {
        let summary = "Proxmox VE 9 has no HA groups";
        objections.push(objection("group", summary, "write a `ha_rule` with `type = \"node-affinity\"`"));
    }
    objections
}

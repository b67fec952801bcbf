//! `ha_rule`: on which nodes guests under high availability run, and which keep together or apart.

use super::ha_resource::has_rules;
use super::row::{self, Column, Row};
use super::schema::{Attribute, Impact, Schema, Takes};
use super::{ObjectType, Objection};
use crate::observe::ClusterView;
use crate::proxmox::Call;
use crate::proxmox::call::segment;
use crate::state::Identity;
use crate::value::{Path, Value};

const TABLE: &str = "/cluster/ha/rules";

/// The type. Source: API section `/cluster/ha/rules`, which came with 9.0.
pub static HA_RULE: ObjectType = ObjectType {
    name: "ha_rule",
    summary: "A rule of high availability: on which nodes guests run, or which keep together or apart.",
    schema: &SCHEMA,
    example: r#"ha_resource "lobby" {
  sid = "vm:${vm.mc.vmid}"
}

ha_rule "home" {
  rule      = "home"
  type      = "node-affinity"
  resources = [ha_resource.lobby.sid]
  nodes     = ["pve1:2", "pve2"]
}
"#,
    tables: &[TABLE],
    check,
    import_id: Some(("its name", |id| super::named("rule", id))),
    identify: |rule| Identity::of([("rule", row::text_of(rule, "rule").to_owned())]),
    sight: |lookup| ROW.sight(lookup),
    create: |draft| ROW.create(draft),
    update: |draft, changed| ROW.update(draft, changed),
    delete: |draft| ROW.delete(draft),
    is_replaced_first: false,
    locks: |_| ROW.locks(),
    ..ObjectType::BASE
};

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new("rule", Takes::Text, "Its name on the cluster.").required().on_change(Impact::Recreate),
        Attribute::new(
            "type",
            Takes::OneOf(&["node-affinity", "resource-affinity"]),
            "Whether it is about nodes or about each other.",
        )
        .required()
        .on_change(Impact::Recreate),
        Attribute::new("resources", Takes::Set(&Takes::Text), "The guests, e.g. `[ha_resource.mc.sid]`.").required(),
        Attribute::new(
            "nodes",
            Takes::Set(&Takes::Text),
            "Of `node-affinity`: nodes, each with a priority if it matters: `pve1:2`.",
        ),
        Attribute::new("strict", Takes::Bool, "Of `node-affinity`: whether they run on no other node."),
        Attribute::new(
            "affinity",
            Takes::OneOf(&["positive", "negative"]),
            "Of `resource-affinity`: `positive` keeps them on one node, `negative` apart.",
        ),
        Attribute::new("disable", Takes::Bool, "Whether it is switched off.").or("false"),
        Attribute::new("comment", Takes::Text, "What it is for.").or(""),
    ],
    blocks: &[],
};

static ROW: Row = Row {
    schema: &SCHEMA,
    find: |view, identity| row::find(view, TABLE, "rule", name(identity)),
    names: |identity| vec![("rule", Value::text(name(identity)))],
    path: |identity| format!("{TABLE}/{}", segment(name(identity))),
    make: |identity| Call::post(TABLE).with("rule", name(identity)),
    columns: &[
        Column::new("type").always(),
        Column::new("resources"),
        Column::new("nodes"),
        Column::new("strict"),
        Column::new("affinity"),
        Column::new("disable"),
        Column::new("comment"),
    ],
    file: "ha/rules.cfg",
    digest: Some(|identity| (Call::get(TABLE), "rule", name(identity).to_owned())),
};

fn name(identity: &Identity) -> &str {
    identity.get("rule").unwrap_or_default()
}

fn check(rule: &Value, view: Option<&ClusterView>) -> Vec<Objection> {
    let objection = |name: &str, summary: &str, hint: &str| Objection {
        path: Path::attribute(name),
        summary: summary.to_owned(),
        hint: hint.to_owned(),
    };
    if let Some(view) = view.filter(|view| !has_rules(view)) {
        let summary = format!("Proxmox VE {} has no HA rules: they came with version 9", view.version);
        return vec![objection(
            "rule",
            &summary,
            "write a `ha_group`, and name it in each `ha_resource`: `group = ha_group.NAME.group`",
        )];
    }
    let is_written = |name: &&str| rule.get(name).is_some_and(|value| !value.is_null());
    let (needed, strange): (&str, &[&str]) = match row::text_of(rule, "type") {
        "node-affinity" => ("nodes", &["affinity"]),
        "resource-affinity" => ("affinity", &["nodes", "strict"]),
        _ => return Vec::new(),
    };
    let mut objections = Vec::new();
    if !is_written(&needed) {
        let summary = format!("a rule of this type needs `{needed}`");
        objections.push(objection("type", &summary, &format!("add `{needed} = ...`")));
    }
    for name in strange.iter().filter(|name| is_written(name)) {
        let summary = format!("`{name}` goes with the other type of rule");
        objections.push(objection(name, &summary, "remove this line"));
    }
    objections
}

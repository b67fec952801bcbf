//! `firewall_group`: rules of the cluster's firewall under one name, which the rules of guests refer to.

use super::row::{self, Column, Row};
use super::rules::{self, Place};
use super::schema::{Attribute, Impact, Nested, Occurs, Schema, Takes};
use super::step::{Guard, Step};
use super::{Changed, Draft, Lookup, ObjectType, Sighting};
use crate::proxmox::Call;
use crate::proxmox::call::segment;
use crate::state::Identity;
use crate::value::{Path, Value};
use std::collections::BTreeSet;

const TABLE: &str = "/cluster/firewall/groups";

/// The type. Source: API section `/cluster/firewall/groups`.
pub static FIREWALL_GROUP: ObjectType = ObjectType {
    name: "firewall_group",
    summary: "A firewall group: rules under one name, which the firewalls of guests refer to.",
    schema: &SCHEMA,
    example: r#"firewall_group "game" {
  group = "game"

  rule "status" {
    action = "ACCEPT"
    proto  = "tcp"
    dport  = "25565"
  }
}
"#,
    tables: &[TABLE],
    reads: |identity| vec![path(identity)],
    import_id: Some(("its name", |id| super::named("group", id))),
    identify: |group| Identity::of([("group", row::text_of(group, "group").to_owned())]),
    sight,
    create,
    update,
    delete,
    is_replaced_first: true,
    locks: |_| ROW.locks(),
    ..ObjectType::BASE
};

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new(
            "group",
            Takes::Text,
            "Name: a letter, then letters, digits, `-` and `_`; at most 18 characters.",
        )
        .required()
        .on_change(Impact::Recreate),
        Attribute::new("comment", Takes::Text, "What it is for.").or(""),
        Attribute::new("exclusive", Takes::Bool, "Whether rules that are not written here are removed.")
            .or("true")
            .recorded(),
        rules::ORDER,
        rules::UNMANAGED,
    ],
    blocks: &[Nested {
        name: "rule",
        occurs: Occurs::ByLabel("its name, e.g. ssh; it stands at the head of the rule's comment"),
        schema: &rules::RULE,
        documentation: "A rule. They are tried in the order written.",
    }],
};

static ROW: Row = Row {
    schema: &SCHEMA,
    find: |view, identity| row::find(view, TABLE, "group", name(identity)),
    names: |identity| vec![("group", Value::text(name(identity)))],
    path,
    make: |identity| Call::post(TABLE).with("group", name(identity)),
    columns: &[Column::new("comment").or_empty()],
    file: "firewall/cluster.fw",
    digest: None,
};

fn name(identity: &Identity) -> &str {
    identity.get("group").unwrap_or_default()
}

fn path(identity: &Identity) -> String {
    format!("{TABLE}/{}", segment(name(identity)))
}

fn place(draft: &Draft) -> Place {
    let path = path(draft.identity);
    Place { table: path.clone(), path, proof: Guard::None }
}

fn sight(lookup: &Lookup) -> Sighting {
    let mut sighting = ROW.sight(lookup);
    if let Sighting::Present(found) = &mut sighting {
        let list = lookup.view.tables.get(&path(lookup.identity)).map(rules::read).unwrap_or_default();
        found.value = rules::with_list(&found.value, &list, lookup.applied);
    }
    sighting
}

fn create(draft: &Draft) -> Vec<Step> {
    let mut steps = ROW.create(draft);
    steps.extend(rules::fill(&place(draft), &rules::wanted(draft.desired)));
    steps
}

fn update(draft: &Draft, changed: &Changed) -> Vec<Step> {
    let mut steps = Vec::new();
    if changed.paths.contains(&Path::attribute("comment")) {
        // To rename a group to its own name is how its comment changes.
        let name = name(draft.identity);
        let comment = row::text_of(draft.desired, "comment");
        let call = Call::post(TABLE).with("group", name).with("rename", name).with("comment", comment);
        steps.push(ROW.step(draft, "update", call, Guard::None, true));
    }
    steps.extend(rules::change(&place(draft), draft));
    steps
}

/// Only an empty group can go.
fn delete(draft: &Draft) -> Vec<Step> {
    let list = draft.view.tables.get(&path(draft.identity)).map(rules::read).unwrap_or_default();
    let mut steps = rules::steps(&place(draft), &list, &[], &BTreeSet::new(), true);
    steps.extend(ROW.delete(draft));
    steps
}

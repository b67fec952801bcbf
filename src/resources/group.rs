//! `group`: users that are given roles together. Who is in it is said by each `user`.

use super::ObjectType;
use super::row::{self, Column, Row};
use super::schema::{Attribute, Impact, Schema, Takes};
use crate::proxmox::Call;
use crate::proxmox::call::segment;
use crate::state::Identity;
use crate::value::Value;

const TABLE: &str = "/access/groups";

/// The type. Source: API section `/access/groups`.
pub static GROUP: ObjectType = ObjectType {
    name: "group",
    summary: "A group of users, which can be given roles together.",
    schema: &SCHEMA,
    example: r#"group "admins" {
  groupid = "admins"
  comment = "may do anything with the game hosts"
}
"#,
    tables: &[TABLE],
    import_id: Some(("its name", |id| super::named("group", id))),
    identify: |group| Identity::of([("group", row::text_of(group, "groupid").to_owned())]),
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
        Attribute::new("groupid", Takes::Text, "Name of the group.").required().on_change(Impact::Recreate),
        Attribute::new("comment", Takes::Text, "What it is for.").or(""),
    ],
    blocks: &[],
};

static ROW: Row = Row {
    schema: &SCHEMA,
    find: |view, identity| row::find(view, TABLE, "groupid", name(identity)),
    names: |identity| vec![("groupid", Value::text(name(identity)))],
    path: |identity| format!("{TABLE}/{}", segment(name(identity))),
    make: |identity| Call::post(TABLE).with("groupid", name(identity)),
    columns: &[Column::new("comment").or_empty()],
    file: "user.cfg",
    digest: None,
};

fn name(identity: &Identity) -> &str {
    identity.get("group").unwrap_or_default()
}

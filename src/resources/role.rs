//! `role`: a named set of privileges. Which privileges there are depends on the version; the cluster itself is asked.

use super::row::{self, Column, Row};
use super::schema::{Attribute, Impact, Schema, Takes};
use super::{ObjectType, Objection, conform};
use crate::observe::ClusterView;
use crate::proxmox::Call;
use crate::proxmox::call::segment;
use crate::state::Identity;
use crate::value::{Path, Value};
use std::collections::BTreeSet;

const TABLE: &str = "/access/roles";
/// The built-in role that has every privilege of its version.
const EVERYTHING: &str = "Administrator";

/// The type. Source: API section `/access/roles`.
pub static ROLE: ObjectType = ObjectType {
    name: "role",
    summary: "A role: a named set of privileges.",
    schema: &SCHEMA,
    example: r#"role "operator" {
  roleid = "GameOperator"
  privs  = ["VM.Audit", "VM.PowerMgmt", "VM.Console"]
}
"#,
    tables: &[TABLE],
    check,
    import_id: Some(("its name", |id| super::named("role", id))),
    identify: |role| Identity::of([("role", row::text_of(role, "roleid").to_owned())]),
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
        Attribute::new("roleid", Takes::Text, "Name of the role; names that begin with PVE are Proxmox's own.")
            .required()
            .on_change(Impact::Recreate),
        Attribute::new("privs", Takes::Set(&Takes::Text), "Its privileges, e.g. `VM.Audit`.").required(),
    ],
    blocks: &[],
};

static ROW: Row = Row {
    schema: &SCHEMA,
    find: |view, identity| row::find(view, TABLE, "roleid", name(identity)),
    names: |identity| vec![("roleid", Value::text(name(identity)))],
    path: |identity| format!("{TABLE}/{}", segment(name(identity))),
    make: |identity| Call::post(TABLE).with("roleid", name(identity)),
    columns: &[Column::new("privs").or_empty()],
    file: "user.cfg",
    digest: None,
};

fn name(identity: &Identity) -> &str {
    identity.get("role").unwrap_or_default()
}

fn check(role: &Value, view: Option<&ClusterView>) -> Vec<Objection> {
    let mut objections = Vec::new();
    let name = row::text_of(role, "roleid");
    if name.to_uppercase().starts_with("PVE") {
        objections.push(Objection {
            path: Path::attribute("roleid"),
            summary: format!("a role cannot be named `{name}`"),
            hint: "names that begin with PVE are Proxmox's own: choose another".to_owned(),
        });
    }
    let known = view.map(privileges).unwrap_or_default();
    let wanted = role.get("privs").and_then(Value::as_items).unwrap_or_default();
    let unknown = |privilege: &&str| !known.is_empty() && !known.contains(*privilege);
    for privilege in wanted.iter().filter_map(Value::as_text).filter(unknown) {
        let version = view.map_or("", |view| &view.version);
        objections.push(Objection {
            path: Path::attribute("privs"),
            summary: format!("Proxmox VE {version} has no privilege `{privilege}`"),
            hint: conform::did_you_mean(privilege, known.iter().map(String::as_str), "privileges"),
        });
    }
    objections
}

/// Every privilege of the cluster's version; empty where the roles may not be read.
fn privileges(view: &ClusterView) -> BTreeSet<String> {
    match row::find(view, TABLE, "roleid", EVERYTHING) {
        row::Look::At(role) => role.get("privs").map(row::words).unwrap_or_default().into_iter().collect(),
        row::Look::Nowhere | row::Look::Hidden(_) => BTreeSet::new(),
    }
}

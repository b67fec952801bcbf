//! `firewall_alias`: a name for an address or network in the rules of the cluster's firewalls.

use super::row::{self, Column, Row};
use super::schema::{Attribute, Impact, Schema, Takes};
use super::{ObjectType, Objection};
use crate::observe::ClusterView;
use crate::proxmox::Call;
use crate::proxmox::call::segment;
use crate::state::Identity;
use crate::value::{Path, Value};

const TABLE: &str = "/cluster/firewall/aliases";

/// The type. Source: API section `/cluster/firewall/aliases`.
pub static FIREWALL_ALIAS: ObjectType = ObjectType {
    name: "firewall_alias",
    summary: "A name for an address or network, for use in firewall rules as `dc/NAME`.",
    schema: &SCHEMA,
    example: r#"firewall_alias "office" {
  name = "office"
  cidr = "198.51.100.0/24"
}
"#,
    tables: &[TABLE],
    check,
    import_id: Some(("its name", |id| super::named("alias", id))),
    identify: |alias| Identity::of([("alias", row::text_of(alias, "name").to_owned())]),
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
        Attribute::new("name", Takes::Text, "Name: a letter, then letters, digits, `-` and `_`.")
            .required()
            .on_change(Impact::Recreate),
        Attribute::new("cidr", Takes::Text, "An address or a network, e.g. `198.51.100.0/24`.").required(),
        Attribute::new("comment", Takes::Text, "What it is.").or(""),
    ],
    blocks: &[],
};

static ROW: Row = Row {
    schema: &SCHEMA,
    find: |view, identity| row::find(view, TABLE, "name", name(identity)),
    names: |identity| vec![("name", Value::text(name(identity)))],
    path: |identity| format!("{TABLE}/{}", segment(name(identity))),
    make: |identity| Call::post(TABLE).with("name", name(identity)),
    // The call replaces the whole alias.
    columns: &[Column::new("cidr").always(), Column::new("comment").or_empty().always()],
    file: "firewall/cluster.fw",
    digest: Some(|identity| (Call::get(TABLE), "name", name(identity).to_owned())),
};

fn name(identity: &Identity) -> &str {
    identity.get("alias").unwrap_or_default()
}

fn check(alias: &Value, _view: Option<&ClusterView>) -> Vec<Objection> {
    let cidr = row::text_of(alias, "cidr");
    let objection = |hint| Objection {
        path: Path::attribute("cidr"),
        summary: format!("`{cidr}` is not an address or network"),
        hint,
    };
    address_problem(cidr).map(objection).into_iter().collect()
}

/// Returns what to write instead, if the text is not an address or network in the form the firewall keeps it.
pub(super) fn address_problem(text: &str) -> Option<String> {
    if text.parse::<std::net::IpAddr>().is_ok() {
        return None;
    }
    match text.parse::<ipnet::IpNet>() {
        Err(_) => Some("write an address such as `198.51.100.7` or a network such as `198.51.100.0/24`".to_owned()),
        Ok(network) if network.prefix_len() == network.max_prefix_len() => Some(format!("write `{}`", network.addr())),
        Ok(network) if network.trunc() != network => Some(format!("the network is `{}`", network.trunc())),
        Ok(_) => None,
    }
}

//! `vnet`: a virtual network of a zone, which guests name as their bridge.

use super::ObjectType;
use super::network_zone::check_name;
use super::row::{self, Column, Row};
use super::schema::{Attribute, Impact, Schema, Takes};
use super::sdn::{self, Known};
use crate::observe::ClusterView;
use crate::proxmox::Call;
use crate::proxmox::call::segment;
use crate::state::Identity;
use crate::value::Value;

const TABLE: &str = "/cluster/sdn/vnets";

/// The type. Source: API section `/cluster/sdn/vnets`.
pub static VNET: ObjectType = ObjectType {
    name: "vnet",
    summary: "A virtual network of a zone, which guests name as their bridge.",
    schema: &SCHEMA,
    example: r#"network_zone "players" {
  zone = "players"
  type = "simple"
}

vnet "arena" {
  vnet = "arena"
  zone = network_zone.players.zone
}
"#,
    tables: &[TABLE, "/cluster/sdn/vnets?pending=1", super::network_zone::TABLE],
    check: |vnet, _| check_name(vnet, "vnet"),
    import_id: Some(("its name", |id| super::named("vnet", id))),
    identify: |vnet| Identity::of([("vnet", row::text_of(vnet, "vnet").to_owned())]),
    sight: |lookup| sdn::sight(&ROW, lookup, &known(lookup.view, lookup.identity)),
    create: |draft| ROW.create(draft),
    update: |draft, changed| sdn::update(&ROW, draft, changed, &known(draft.view, draft.identity)),
    delete: |draft| sdn::delete(&ROW, draft, &known(draft.view, draft.identity)),
    locks: |_| ROW.locks(),
    finish: Some(&sdn::APPLY),
    ..ObjectType::BASE
};

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new("vnet", Takes::Text, "Its name: 2 to 8 letters and digits.")
            .required()
            .on_change(Impact::Recreate),
        Attribute::new("zone", Takes::Text, "Its zone, e.g. `network_zone.games.zone`.").required(),
        sdn::ACTIVE,
        Attribute::new("alias", Takes::Text, "What it is, in words.").or(""),
        Attribute::new("tag", Takes::Integer(1, 16_777_215), "Its VLAN or VXLAN, in zones of such types."),
        Attribute::new("vlanaware", Takes::Bool, "Whether guests may use VLANs inside.").or("false"),
        Attribute::new("isolate_ports", Takes::Bool, "Whether guests are kept apart from each other.").or("false"),
    ],
    blocks: &[],
};

static ROW: Row = Row {
    schema: &SCHEMA,
    find: |view, identity| known(view, identity).look(),
    names: |identity| vec![("vnet", Value::text(name(identity)))],
    path: |identity| format!("{TABLE}/{}", segment(name(identity))),
    make: |identity| Call::post(TABLE).with("vnet", name(identity)),
    columns: &[
        Column::new("zone"),
        Column::new("alias"),
        Column::new("tag"),
        Column::new("vlanaware"),
        Column::new("isolate_ports").sent_as("isolate-ports"),
    ],
    file: sdn::FILE,
    digest: Some(|identity| (Call::get(TABLE), "vnet", name(identity).to_owned())),
};

fn name(identity: &Identity) -> &str {
    identity.get("vnet").unwrap_or_default()
}

fn known<'a>(view: &'a ClusterView, identity: &Identity) -> Known<'a> {
    sdn::find(view, TABLE, "vnet", name(identity))
}

//! `subnet`: addresses of a vnet, with their gateway and what is handed out.

use super::ObjectType;
use super::row::{self, Column, Row};
use super::schema::{Attribute, Impact, Schema, Takes};
use super::sdn::{self, Known};
use crate::observe::ClusterView;
use crate::proxmox::call::segment;
use crate::proxmox::{Call, decode};
use crate::state::Identity;
use crate::value::{Type, Value};
use serde_json::Value as Json;

/// The type. Source: API section `/cluster/sdn/vnets/{vnet}/subnets`.
pub static SUBNET: ObjectType = ObjectType {
    name: "subnet",
    summary: "A subnet of a vnet: its addresses, their gateway, and what DHCP hands out.",
    schema: &SCHEMA,
    example: r#"network_zone "east" {
  zone = "east"
  type = "simple"
}

vnet "lobby" {
  vnet = "lobby"
  zone = network_zone.east.zone
}

subnet "lobby" {
  subnet  = "10.50.0.0/24"
  vnet    = vnet.lobby.vnet
  zone    = vnet.lobby.zone
  gateway = "10.50.0.1"
}
"#,
    tables: &[super::network_zone::TABLE],
    reads: |identity| vec![table(identity), format!("{}?pending=1", table(identity))],
    import_id: Some(("its zone, vnet and network with spaces between, such as `games arena 10.50.0.0/24`", by_words)),
    identify: |subnet| {
        let text = |name: &str| row::text_of(subnet, name).to_owned();
        Identity::of([("subnet", text("subnet")), ("vnet", text("vnet")), ("zone", text("zone"))])
    },
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
        Attribute::new("subnet", Takes::Cidr, "The network, e.g. `10.50.0.0/24`.")
            .required()
            .on_change(Impact::Recreate),
        Attribute::new("vnet", Takes::Text, "Its vnet, e.g. `vnet.arena.vnet`.").required().on_change(Impact::Recreate),
        Attribute::new("zone", Takes::Text, "The vnet's zone, e.g. `vnet.arena.zone`.")
            .required()
            .on_change(Impact::Recreate),
        sdn::ACTIVE,
        Attribute::new("gateway", Takes::Address, "Gateway of the guests."),
        Attribute::new("snat", Takes::Bool, "Whether guests reach the outside by the node's address.").or("false"),
        Attribute::new(
            "dhcp_range",
            Takes::Set(&Takes::Text),
            "Addresses that DHCP hands out, e.g. `[\"10.50.0.100-10.50.0.200\"]`.",
        ),
        Attribute::new("dhcp_dns_server", Takes::Address, "Name server that DHCP tells guests."),
        Attribute::new("dnszoneprefix", Takes::Text, "Prefix of names in the zone's domain."),
    ],
    blocks: &[],
};

static ROW: Row = Row {
    schema: &SCHEMA,
    find: |view, identity| known(view, identity).look(),
    names: |identity| {
        ["subnet", "vnet", "zone"].map(|part| (part, Value::text(identity.get(part).unwrap_or_default()))).to_vec()
    },
    path: |identity| format!("{}/{}", table(identity), segment(&id(identity))),
    make: |identity| {
        Call::post(table(identity)).with("subnet", identity.get("subnet").unwrap_or_default()).with("type", "subnet")
    },
    columns: &[
        Column::new("gateway"),
        Column::new("snat"),
        Column::new("dhcp_range").sent_as("dhcp-range").repeated(ranges, read_ranges),
        Column::new("dhcp_dns_server").sent_as("dhcp-dns-server"),
        Column::new("dnszoneprefix"),
    ],
    file: sdn::FILE,
    digest: Some(|identity| (Call::get(table(identity)), "subnet", id(identity))),
};

fn by_words(id: &str) -> Result<Identity, String> {
    match id.split_whitespace().collect::<Vec<_>>()[..] {
        [zone, vnet, subnet] => {
            Ok(Identity::of([("subnet", subnet.to_owned()), ("vnet", vnet.to_owned()), ("zone", zone.to_owned())]))
        }
        _ => Err("expected a zone, a vnet and a network".to_owned()),
    }
}

fn table(identity: &Identity) -> String {
    format!("/cluster/sdn/vnets/{}/subnets", segment(identity.get("vnet").unwrap_or_default()))
}

/// The server names subnets `zone-network-length`.
fn id(identity: &Identity) -> String {
    let subnet = identity.get("subnet").unwrap_or_default().replace('/', "-");
    format!("{}-{subnet}", identity.get("zone").unwrap_or_default())
}

fn known<'a>(view: &'a ClusterView, identity: &Identity) -> Known<'a> {
    sdn::find(view, &table(identity), "subnet", &id(identity))
}

fn ranges(value: &Value) -> Vec<String> {
    let range = |text: &str| {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        format!("start-address={},end-address={}", first.trim(), last.trim())
    };
    value.as_items().unwrap_or_default().iter().filter_map(Value::as_text).map(range).collect()
}

/// The server tells ranges as objects, and in some versions as property strings.
fn read_ranges(member: &Json) -> Option<Value> {
    let range = |item: &Json| {
        let part = |name: &str| match item {
            Json::Object(parts) => parts.get(name).and_then(decode::text),
            other => decode::text(other)?
                .split(',')
                .find_map(|part| Some(part.strip_prefix(name)?.strip_prefix('=')?.to_owned())),
        };
        Some(format!("{}-{}", part("start-address")?, part("end-address")?))
    };
    let mut ranges: Vec<String> = member.as_array()?.iter().filter_map(range).collect();
    ranges.sort();
    Some(Value::ordered_set(Type::Text, ranges.into_iter().map(Value::from)))
}

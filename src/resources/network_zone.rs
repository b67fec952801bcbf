//! `network_zone`: a virtual network area of SDN, in which vnets are.

use super::row::{self, Column, Row};
use super::schema::{Attribute, Impact, Schema, Takes};
use super::sdn::{self, Known};
use super::{ObjectType, Objection};
use crate::observe::ClusterView;
use crate::proxmox::Call;
use crate::proxmox::call::segment;
use crate::state::Identity;
use crate::value::{Path, Value};

/// The table of zones as configured.
pub(super) const TABLE: &str = "/cluster/sdn/zones";

/// The type. Source: API section `/cluster/sdn/zones`.
pub static NETWORK_ZONE: ObjectType = ObjectType {
    name: "network_zone",
    summary: "A zone of software-defined networking, in which vnets are.",
    schema: &SCHEMA,
    example: r#"network_zone "games" {
  zone = "games"
  type = "simple"
}
"#,
    tables: &[TABLE, "/cluster/sdn/zones?pending=1"],
    check: |zone, _| check_name(zone, "zone"),
    import_id: Some(("its name", |id| super::named("zone", id))),
    identify: |zone| Identity::of([("zone", row::text_of(zone, "zone").to_owned())]),
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
        Attribute::new("zone", Takes::Text, "Its name: 2 to 8 letters and digits.")
            .required()
            .on_change(Impact::Recreate),
        Attribute::new(
            "type",
            Takes::OneOf(&["simple", "vlan", "qinq", "vxlan", "evpn"]),
            "How its networks reach across nodes.",
        )
        .required()
        .on_change(Impact::Recreate),
        sdn::ACTIVE,
        Attribute::new("nodes", Takes::Set(&Takes::Text), "Nodes it is on; default: all."),
        Attribute::new("mtu", Takes::Integer(576, 65_520), "Size of packets at most."),
        Attribute::new("bridge", Takes::Text, "Of `vlan` and `qinq`: the bridge it uses."),
        Attribute::new("tag", Takes::Integer(1, 4094), "Of `qinq`: the outer VLAN."),
        Attribute::new(
            "vlan_protocol",
            Takes::OneOf(&["802.1q", "802.1ad"]),
            "Of `qinq`: the protocol of the outer VLAN.",
        ),
        Attribute::new("peers", Takes::Set(&Takes::Address), "Of `vxlan`: addresses of the nodes."),
        Attribute::new("vxlan_port", Takes::Integer(1, 65_536), "Of `vxlan`: UDP port."),
        Attribute::new("controller", Takes::Text, "Of `evpn`: its controller."),
        Attribute::new("vrf_vxlan", Takes::Integer(1, 16_777_215), "Of `evpn`: id of its routing table."),
        Attribute::new("exitnodes", Takes::Set(&Takes::Text), "Of `evpn`: nodes that route to the outside."),
        Attribute::new("exitnodes_primary", Takes::Text, "Of `evpn`: the first choice among them."),
        Attribute::new(
            "exitnodes_local_routing",
            Takes::Bool,
            "Of `evpn`: whether exit nodes reach guests themselves.",
        ),
        Attribute::new("advertise_subnets", Takes::Bool, "Of `evpn`: whether silent guests are announced."),
        Attribute::new("disable_arp_nd_suppression", Takes::Bool, "Of `evpn`: whether ARP and ND packets pass."),
        Attribute::new("rt_import", Takes::Text, "Of `evpn`: route targets to import."),
        Attribute::new("mac", Takes::Text, "Of `evpn`: MAC address of the gateways."),
        Attribute::new("ipam", Takes::Text, "Where addresses are kept, e.g. `pve`."),
        Attribute::new("dhcp", Takes::OneOf(&["dnsmasq"]), "Of `simple`: what hands out addresses."),
        Attribute::new("dns", Takes::Text, "DNS server that names are registered with."),
        Attribute::new("reversedns", Takes::Text, "DNS server that addresses are registered with."),
        Attribute::new("dnszone", Takes::Text, "Domain of the names."),
    ],
    blocks: &[],
};

static ROW: Row = Row {
    schema: &SCHEMA,
    find: |view, identity| known(view, identity).look(),
    names: |identity| vec![("zone", Value::text(name(identity)))],
    path: |identity| format!("{TABLE}/{}", segment(name(identity))),
    make: |identity| Call::post(TABLE).with("zone", name(identity)),
    columns: &[
        Column::new("type"),
        Column::new("nodes"),
        Column::new("mtu"),
        Column::new("bridge"),
        Column::new("tag"),
        Column::new("vlan_protocol").sent_as("vlan-protocol"),
        Column::new("peers"),
        Column::new("vxlan_port").sent_as("vxlan-port"),
        Column::new("controller"),
        Column::new("vrf_vxlan").sent_as("vrf-vxlan"),
        Column::new("exitnodes"),
        Column::new("exitnodes_primary").sent_as("exitnodes-primary"),
        Column::new("exitnodes_local_routing").sent_as("exitnodes-local-routing"),
        Column::new("advertise_subnets").sent_as("advertise-subnets"),
        Column::new("disable_arp_nd_suppression").sent_as("disable-arp-nd-suppression"),
        Column::new("rt_import").sent_as("rt-import"),
        Column::new("mac"),
        Column::new("ipam"),
        Column::new("dhcp"),
        Column::new("dns"),
        Column::new("reversedns"),
        Column::new("dnszone"),
    ],
    file: sdn::FILE,
    digest: Some(|identity| (Call::get(TABLE), "zone", name(identity).to_owned())),
};

fn name(identity: &Identity) -> &str {
    identity.get("zone").unwrap_or_default()
}

fn known<'a>(view: &'a ClusterView, identity: &Identity) -> Known<'a> {
    sdn::find(view, TABLE, "zone", name(identity))
}

/// Names of zones and vnets become names of network devices, which are short.
pub(super) fn check_name(object: &Value, attribute: &str) -> Vec<Objection> {
    let name = row::text_of(object, attribute);
    let is_fine = (2..=8).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && name.starts_with(|letter: char| letter.is_ascii_alphabetic());
    if is_fine || object.get(attribute).is_none_or(Value::is_unknown) {
        return Vec::new();
    }
    vec![Objection {
        path: Path::attribute(attribute),
        summary: format!("`{name}` cannot be the name of a network"),
        hint: "write 2 to 8 letters and digits, a letter first".to_owned(),
    }]
}

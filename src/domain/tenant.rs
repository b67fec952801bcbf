//! `tenant`: isolation for one customer. It becomes a pool, an access rule per `access`, a firewall group, and a vnet with its subnet if its
//! network is in a zone; network, keys and tier are inherited by its guests.

use super::{BlockType, ChildType, Role};
use crate::config::Key;
use crate::resources::conform::literal;
use crate::resources::schema::{Attribute, Impact, Nested, Occurs, Schema, Takes};
use crate::resources::subnet::SUBNET;
use crate::resources::vm::schema::CONNECTION;
use crate::resources::vnet::VNET;
use crate::resources::{ObjectType, acl, firewall_group, pool};
use crate::value::{Type, Value};
use sha2::{Digest, Sha256};

/// The block.
pub static TENANT: BlockType = BlockType {
    name: "tenant",
    summary: "Isolation for one customer: pool, access, network, quota and keys.",
    schema: &SCHEMA,
    role: Role::Composite(CHILDREN),
    example: r#"tenant "acme" {
  network {
    bridge  = "vmbr1"
    vlan    = 40
    cidr    = "10.40.0.0/24"
    gateway = "10.40.0.1"
  }
}
"#,
};

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new("tier", Takes::Reference("tier"), "What it may use.").on_change(Impact::None),
        Attribute::new("status", Takes::OneOf(&["active", "suspended"]), "`suspended`: its guests are stopped.")
            .or("active"),
        Attribute::new("pool", Takes::Text, "Name of its pool; default: the label.").chosen(),
        Attribute::new("comment", Takes::Text, "Shown at the pool.").or(""),
        Attribute::new("ssh_keys", Takes::List(&Takes::Text), "Public keys that may log in to its guests."),
        Attribute::new("timezone", Takes::Text, "Time zone of its schedules.").or("UTC"),
    ],
    blocks: &[
        Nested {
            name: "network",
            occurs: Occurs::Once,
            schema: &NETWORK,
            documentation: "Its network, from which guests get addresses.",
        },
        Nested {
            name: "access",
            occurs: Occurs::ByLabel("the user, e.g. kim@pve"),
            schema: &ACCESS,
            documentation: "Who may do what with everything in its pool.",
        },
        Nested {
            name: "firewall",
            occurs: Occurs::Once,
            schema: &FIREWALL,
            documentation: "What may reach its guests; everything else is dropped. It becomes a firewall group that the firewall of each guest refers to.",
        },
        Nested {
            name: "connection",
            occurs: Occurs::Once,
            schema: &CONNECTION,
            documentation: "How to reach its guests by SSH.",
        },
    ],
};

static NETWORK: Schema = Schema {
    attributes: &[
        Attribute::new("bridge", Takes::Text, "Bridge or SDN vnet that is there; this or `zone`.").chosen(),
        Attribute::new("vlan", Takes::Integer(1, 4094), "VLAN tag on the bridge."),
        Attribute::new(
            "zone",
            Takes::Text,
            "SDN zone, e.g. `network_zone.games.zone`, in which the tenant gets a vnet and a subnet of its own: `tenant.NAME.vnet`, `tenant.NAME.subnet`.",
        ),
        Attribute::new("vnet", Takes::Text, "With `zone`: name of the vnet; default: from that of the pool.").chosen(),
        Attribute::new(
            "tag",
            Takes::Integer(1, 16_777_215),
            "With `zone`: VLAN or VXLAN of the vnet, in zones of such types.",
        ),
        Attribute::new("snat", Takes::Bool, "With `zone`: whether guests reach the outside by the node's address."),
        Attribute::new("cidr", Takes::Cidr, "Network that addresses are taken from.").required(),
        Attribute::new("gateway", Takes::Address, "Default gateway of guests."),
        Attribute::new("dns", Takes::List(&Takes::Address), "Name servers of guests."),
        Attribute::new(
            "address_range",
            Takes::List(&Takes::Address),
            "First and last address to choose from; default: the cidr.",
        ),
        Attribute::new("reserved", Takes::List(&Takes::Address), "Addresses never chosen."),
    ],
    blocks: &[],
};

static FIREWALL: Schema = Schema {
    attributes: &[],
    blocks: &[Nested {
        name: "allow",
        occurs: Occurs::ByLabel("its name, e.g. ssh"),
        schema: &ALLOW,
        documentation: "Something that is let in.",
    }],
};

static ALLOW: Schema = Schema {
    attributes: &[
        Attribute::new("proto", Takes::Text, "Protocol, e.g. `tcp`."),
        Attribute::new("port", Takes::Text, "Port or ports: `22`, `8000:8100`, `80,443`; with `proto` only."),
        Attribute::new("source", Takes::Text, "Where it comes from: addresses, networks, `+dc/partners`, `dc/office`."),
        Attribute::new("comment", Takes::Text, "Remark."),
    ],
    blocks: &[],
};

static ACCESS: Schema = Schema {
    attributes: &[Attribute::new("role", Takes::Text, "Role on the pool, e.g. PVEVMUser.").required()],
    blocks: &[],
};

const CHILDREN: &[ChildType] = &[
    ChildType { name: "pool", object: &pool::POOL, keyed_by: None, desired: pool_of },
    ChildType { name: "access", object: &acl::ACL, keyed_by: Some("access"), desired: access_of },
    ChildType {
        name: "firewall",
        object: &firewall_group::FIREWALL_GROUP,
        keyed_by: Some("firewall"),
        desired: firewall_of,
    },
];

/// Returns the name of a tenant's vnet. Such names are those of network devices: that of a pool that cannot be one ends in its digest.
pub fn vnet_name(poolid: &str) -> String {
    const LENGTH_MAX: usize = 8;
    let name: String = poolid.chars().filter(char::is_ascii_alphanumeric).collect();
    let starts_well = name.starts_with(|letter: char| letter.is_ascii_alphabetic());
    if starts_well && name == poolid && (2..=LENGTH_MAX).contains(&name.len()) {
        return name;
    }
    let digest = Sha256::digest(poolid.as_bytes());
    let short: String = name.chars().take(3).collect();
    format!("v{short}{:02x}{:02x}", digest[0], digest[1])
}

/// Returns the vnet and the subnet of a tenant whose network is in a zone, each as the child of this name.
pub fn networks_of(tenant: &Value) -> Vec<(&'static str, &'static ObjectType, Value)> {
    let network = tenant.get("network").filter(|network| !network.is_null());
    let Some(network) = network.filter(|network| network.get("zone").is_some_and(|zone| !zone.is_null())) else {
        return Vec::new();
    };
    let make = |object: &'static ObjectType, given: &[(&'static str, &str)]| {
        let defaults = object.schema.attributes.iter();
        let defaults = defaults.filter_map(|attribute| Some((attribute.name, literal(attribute, attribute.default?))));
        let given = given.iter().filter_map(|(name, here)| Some((*name, network.get(here)?.clone())));
        Value::object(defaults.chain(given.filter(|(_, value)| !value.is_null())))
    };
    let vnet = make(&VNET, &[("vnet", "vnet"), ("zone", "zone"), ("tag", "tag")]);
    let names = [("subnet", "cidr"), ("vnet", "vnet"), ("zone", "zone"), ("gateway", "gateway"), ("snat", "snat")];
    vec![("vnet", &VNET, vnet), ("subnet", &SUBNET, make(&SUBNET, &names))]
}

/// Returns the name of a tenant's firewall group, if it has one. Such names are short, so that of a long pool ends in its digest.
pub fn firewall_group_name(tenant: &Value) -> Option<String> {
    const LENGTH_MAX: usize = 18;
    tenant.get("firewall").filter(|firewall| !firewall.is_null())?;
    let poolid = tenant.get("pool").and_then(Value::as_text)?;
    let fits = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    let name: String = poolid.chars().map(fits).collect();
    let starts_well = name.starts_with(|letter: char| letter.is_ascii_alphabetic());
    if starts_well && name == poolid && (2..=LENGTH_MAX).contains(&name.len()) {
        return Some(name);
    }
    let digest = Sha256::digest(poolid.as_bytes());
    let short: String = name.chars().take(9).collect();
    Some(format!("t-{short}-{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2]))
}

fn firewall_of(tenant: &Value, _key: Option<&Key>) -> Value {
    let allowed = tenant.get("firewall").and_then(|firewall| firewall.get("allow")).and_then(Value::as_entries);
    let rule = |allow: &Value| {
        let given = [("proto", "proto"), ("dport", "port"), ("source", "source"), ("comment", "comment")];
        let given = given.into_iter().filter_map(|(name, here)| Some((name, allow.get(here)?.clone())));
        let fixed = [("type", Value::text("in")), ("action", Value::text("ACCEPT")), ("enable", Value::from(true))];
        Value::object([("comment", Value::text(""))].into_iter().chain(fixed).chain(given))
    };
    // Everything here lets something in, so the order means nothing.
    let rules: Vec<_> = allowed.into_iter().flatten().map(|(label, allow)| (label.clone(), rule(allow))).collect();
    let order = Value::list(Type::Text, rules.iter().map(|(label, _)| Value::text(label.clone())));
    Value::object([
        ("group", Value::text(firewall_group_name(tenant).unwrap_or_default())),
        ("comment", tenant.get("comment").cloned().unwrap_or_else(|| Value::text(""))),
        ("exclusive", Value::from(true)),
        ("order", order),
        ("unmanaged_rules", Value::text("")),
        ("rule", Value::object(rules)),
    ])
}

fn pool_of(tenant: &Value, _key: Option<&Key>) -> Value {
    let attribute = |name: &str| tenant.get(name).cloned().unwrap_or_else(|| Value::text(""));
    Value::object([("poolid", attribute("pool")), ("comment", attribute("comment"))])
}

fn access_of(tenant: &Value, key: Option<&Key>) -> Value {
    let Some(Key::Text(user)) = key else { unreachable!("access blocks are keyed by user") };
    let role = tenant.get("access").and_then(|access| access.get(user)).and_then(|access| access.get("role"));
    let poolid = tenant.get("pool").and_then(Value::as_text).unwrap_or_default();
    let (kind, subject) = match user.strip_prefix('@') {
        Some(group) => ("group", group),
        None if user.contains('!') => ("token", &**user),
        None => ("user", &**user),
    };
    Value::object([
        ("path", Value::text(pool::acl_path(poolid))),
        ("role", role.cloned().unwrap_or_else(|| Value::text(""))),
        ("subject_kind", Value::text(kind)),
        ("subject", Value::text(subject)),
        ("propagate", Value::from(true)),
    ])
}

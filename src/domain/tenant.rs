//! `tenant`: isolation for one customer. It becomes a pool and an access rule per `access`; network, keys and tier are inherited by its
//! guests.

use super::{BlockType, ChildType, Role};
use crate::config::Key;
use crate::resources::schema::{Attribute, Impact, Nested, Occurs, Schema, Takes};
use crate::resources::vm::schema::CONNECTION;
use crate::resources::{acl, pool};
use crate::value::Value;

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
            name: "connection",
            occurs: Occurs::Once,
            schema: &CONNECTION,
            documentation: "How to reach its guests by SSH.",
        },
    ],
};

static NETWORK: Schema = Schema {
    attributes: &[
        Attribute::new("bridge", Takes::Text, "Bridge or SDN vnet.").required(),
        Attribute::new("vlan", Takes::Integer(1, 4094), "VLAN tag on the bridge."),
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

static ACCESS: Schema = Schema {
    attributes: &[Attribute::new("role", Takes::Text, "Role on the pool, e.g. PVEVMUser.").required()],
    blocks: &[],
};

const CHILDREN: &[ChildType] = &[
    ChildType { name: "pool", object: &pool::POOL, keyed_by: None, desired: pool_of },
    ChildType { name: "access", object: &acl::ACL, keyed_by: Some("access"), desired: access_of },
];

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

//! `tier`: what a tenant may use. Limits only; the planner compares them with what the tenant's pool holds.

use super::{BlockType, Role};
use crate::resources::schema::{Attribute, Impact, Nested, Occurs, Schema, Takes};

/// The block.
pub static TIER: BlockType = BlockType {
    name: "tier",
    summary: "What a tenant may use; checked at plan time.",
    schema: &SCHEMA,
    role: Role::Setting,
    example: r#"tier "gold" {
  cores  = 16
  memory = "64GiB"
  vms    = 10
}
"#,
};

const fn limit(name: &'static str, takes: Takes, documentation: &'static str) -> Attribute {
    Attribute::new(name, takes, documentation).on_change(Impact::None)
}

static SCHEMA: Schema = Schema {
    attributes: &[
        limit("cores", Takes::Integer(0, i64::MAX), "Cores of all guests together."),
        limit("memory", Takes::Size, "Memory of all guests together."),
        limit("disk", Takes::Size, "Disks of all guests together."),
        limit("vms", Takes::Integer(0, i64::MAX), "Number of guests."),
        limit("game_servers", Takes::Integer(0, i64::MAX), "Number of game servers."),
        limit("public_ports", Takes::Integer(0, i64::MAX), "Number of game servers with `expose = \"public\"`."),
    ],
    blocks: &[Nested { name: "price", occurs: Occurs::Once, schema: &PRICE, documentation: "What it costs." }],
};

static PRICE: Schema = Schema {
    attributes: &[
        limit("monthly", Takes::Number, "Price of a month.").required(),
        limit("currency", Takes::Text, "Currency, e.g. EUR.").or("EUR"),
    ],
    blocks: &[],
};

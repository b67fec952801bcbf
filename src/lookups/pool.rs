//! `data "pool"`: a pool and what is in it.

use super::{Ask, Given, LookupType, Missing, Read, numbers, texts};
use crate::resources::schema::{Attribute, Schema, Takes};
use crate::value::Value;

/// The type.
pub(super) static POOL: LookupType = LookupType {
    name: "pool",
    summary: "A pool that is there, with its members.",
    schema: &SCHEMA,
    example: r#"data "pool" "ops" {
  poolid = "ops"
}

output "operated" {
  value = length(data.pool.ops.vmids)
}
"#,
    answer,
};

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new("poolid", Takes::Text, "Name of the pool.").required(),
        Attribute::new("comment", Takes::Text, "What it is for.").computed(),
        Attribute::new("vmids", Takes::List(&Takes::Number), "VMIDs of the guests in it.").computed(),
        Attribute::new("storages", Takes::Set(&Takes::Text), "Storages in it.").computed(),
    ],
    blocks: &[],
};

fn answer(ask: &Ask) -> Result<Given, Missing> {
    let seen = ask.cluster()?;
    let poolid = ask.text("poolid").unwrap_or_default();
    let Some(pool) = seen.view.pools.get(poolid) else {
        let known = seen.view.pools.keys().map(String::as_str);
        return Err(ask.not_found("pool", "poolid", &seen.name, known, "pools"));
    };
    if !seen.wanted.pools.contains(poolid) {
        return Err(Missing::Read(Read::Pool(seen.name.clone(), poolid.to_owned())));
    }
    Ok(Given::from([
        ("comment", Value::text(pool.comment.trim_end())),
        ("vmids", numbers(pool.guests.iter().copied())),
        ("storages", texts(pool.storages.iter().map(String::as_str))),
    ]))
}

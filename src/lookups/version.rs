//! `data "version"`: which Proxmox VE a cluster runs.

use super::{Ask, Given, LookupType, Missing};
use crate::resources::schema::{Attribute, Schema, Takes};
use crate::value::{Type, Value};

/// The type.
pub(super) static VERSION: LookupType = LookupType {
    name: "version",
    summary: "The version of Proxmox VE that the cluster runs.",
    schema: &SCHEMA,
    example: r#"data "version" "here" {
}

check "version" {
  assert {
    condition     = data.version.here.major >= 9
    error_message = "This stack was tried on Proxmox VE 9 only."
  }
}
"#,
    answer,
};

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new("version", Takes::Text, "The version, such as 9.2.11.").computed(),
        Attribute::new("major", Takes::Number, "Its first number.").computed(),
        Attribute::new("minor", Takes::Number, "Its second number.").computed(),
    ],
    blocks: &[],
};

fn answer(ask: &Ask) -> Result<Given, Missing> {
    let seen = ask.cluster()?;
    let version = &seen.view.version;
    let part = |at: usize| {
        let number = version.split(['.', '-', '~']).nth(at).and_then(|part| part.parse::<i64>().ok());
        number.map_or_else(|| Value::null(Type::Number), Value::from)
    };
    Ok(Given::from([("version", Value::text(version.clone())), ("major", part(0)), ("minor", part(1))]))
}

//! `data "template"`: a guest that others are cloned from, to look at. To clone from it, a `template` block adopts it.

use super::guest::{self, CORES, DISKS, MEMORY, NODE, TAGS};
use super::{Ask, Given, LookupType, Missing};
use crate::resources::schema::{Attribute, Schema, Takes};

/// The type.
pub(super) static TEMPLATE: LookupType = LookupType {
    name: "template",
    summary: "A template that is there. Its `vmid` is what a `template` block adopts it by.",
    schema: &SCHEMA,
    example: r#"data "template" "debian13" {
  name = "debian-13"
}

template "debian13" {
  vmid = data.template.debian13.vmid
}
"#,
    answer,
};

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new("vmid", Takes::Integer(100, 999_999_999), "Its VMID. Either this or `name` is given."),
        Attribute::new("name", Takes::Text, "Its name, which only one template of the cluster may have."),
        NODE,
        TAGS,
        CORES,
        MEMORY,
    ],
    blocks: &[DISKS],
};

fn answer(ask: &Ask) -> Result<Given, Missing> {
    let seen = ask.cluster()?;
    let found = guest::find(ask, &seen, true)?;
    let config = guest::config(ask, &seen, found)?;
    let mut given = guest::listed_facts(found);
    // A template neither runs nor belongs to anybody.
    given.remove("status");
    given.remove("pool");
    given.insert("disk", guest::disks_of(config));
    Ok(given)
}

//! `data "vm"`: one virtual machine, ours or not.

use super::guest::{self, CORES, DISKS, MEMORY, NODE, POOL, STATUS, TAGS};
use super::{Ask, Given, LookupType, Missing};
use crate::resources::marker;
use crate::resources::schema::{Attribute, Nested, Occurs, Schema, Takes};
use crate::resources::vm::decode::networks;
use crate::value::Value;

/// The type.
pub(super) static VM: LookupType = LookupType {
    name: "vm",
    summary: "A virtual machine that is there, whoever made it: its address, its disks, where it runs.",
    schema: &SCHEMA,
    example: r#"data "vm" "router" {
  name = "router"
}

output "router" {
  value = data.vm.router.node
}
"#,
    answer,
};

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new("vmid", Takes::Integer(100, 999_999_999), "Its VMID. Either this or `name` is given."),
        Attribute::new("name", Takes::Text, "Its name, which only one virtual machine of the cluster may have."),
        NODE,
        STATUS,
        TAGS,
        POOL,
        CORES,
        MEMORY,
        Attribute::new("description", Takes::Text, "Its notes, without our owner marker.").computed(),
        Attribute::new(
            "address",
            Takes::Address,
            "The first fixed address of its cloud-init configuration; null if there is none.",
        )
        .computed(),
    ],
    blocks: &[
        Nested {
            name: "network",
            occurs: Occurs::ByLabel("the slot: net0"),
            schema: &NETWORK,
            documentation: "Its network devices by slot.",
        },
        DISKS,
    ],
};

static NETWORK: Schema = Schema {
    attributes: &[
        Attribute::new("model", Takes::Text, "Model of the device: virtio, e1000.").computed(),
        Attribute::new("mac", Takes::Text, "MAC address, upper case.").computed(),
        Attribute::new("bridge", Takes::Text, "Bridge it is on.").computed(),
        Attribute::new("vlan", Takes::Number, "VLAN tag; null without.").computed(),
        Attribute::new(
            "address",
            Takes::Text,
            "Address with prefix, or dhcp, as cloud-init is told; null if it is not.",
        )
        .computed(),
        Attribute::new("gateway", Takes::Address, "Gateway, as cloud-init is told; null if it is not.").computed(),
    ],
    blocks: &[],
};

fn answer(ask: &Ask) -> Result<Given, Missing> {
    let seen = ask.cluster()?;
    let found = guest::find(ask, &seen, false)?;
    let config = guest::config(ask, &seen, found)?;
    let mut given = guest::listed_facts(found);
    let network = networks(&config.values);
    let fixed = network.as_entries().into_iter().flatten().find_map(|(_, nic)| {
        let address = nic.get("address")?.as_text()?.split('/').next()?;
        address.parse::<std::net::IpAddr>().ok().map(|address| Value::text(address.to_string()))
    });
    let description = config.values.text("description").unwrap_or_default();
    given.insert("description", Value::text(marker::text_without(description)));
    given.extend(fixed.map(|address| ("address", address)));
    given.insert("network", guest::by_slot(&NETWORK, &network));
    given.insert("disk", guest::disks_of(config));
    Ok(given)
}

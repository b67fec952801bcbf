//! Network addresses: the lowest free one of the tenant's range, checked against the state and the guests we manage.

use super::Ledger;
use crate::value::Value;
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The network of a tenant, as far as choosing addresses needs it.
#[derive(Clone, Debug)]
pub(in crate::plan) struct Subnet {
    /// Cluster, bridge and VLAN: addresses are unique within.
    pub(in crate::plan) domain: String,
    /// The network.
    pub(in crate::plan) cidr: IpNet,
    first: Option<IpAddr>,
    last: Option<IpAddr>,
    reserved: BTreeSet<IpAddr>,
}

impl Subnet {
    /// Reads the `network` block of a tenant; `None` if it has no readable cidr.
    pub(in crate::plan) fn of(cluster: &str, network: &Value) -> Option<Self> {
        let address = |name: &str| network.get(name).and_then(Value::as_text).and_then(|text| text.parse().ok());
        let addresses = |name: &str| -> Vec<IpAddr> {
            let items = network.get(name).and_then(Value::as_items).unwrap_or_default();
            items.iter().filter_map(|item| item.as_text()?.parse().ok()).collect()
        };
        let range = addresses("address_range");
        let reserved = addresses("reserved").into_iter().chain(addresses("dns")).chain(address("gateway")).collect();
        let bridge = network.get("bridge").and_then(Value::as_text).unwrap_or_default();
        let vlan = network.get("vlan").and_then(Value::as_i64).unwrap_or_default();
        Some(Self {
            domain: format!("{cluster}/{bridge}/{vlan}"),
            cidr: network.get("cidr")?.as_text()?.parse().ok()?,
            first: range.first().copied(),
            last: range.get(1).copied(),
            reserved,
        })
    }

    fn candidates(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.cidr.hosts().filter(|address| {
            self.first.is_none_or(|first| *address >= first)
                && self.last.is_none_or(|last| *address <= last)
                && !self.reserved.contains(address)
        })
    }

    /// Returns an address with the prefix length of the network, as the guest is told it.
    pub(in crate::plan) fn with_prefix(&self, address: IpAddr) -> String {
        format!("{address}/{}", self.cidr.prefix_len())
    }
}

impl Ledger {
    /// Takes an address; says who has it otherwise.
    pub(in crate::plan) fn take_address(&mut self, domain: &str, address: IpAddr, owner: &str) -> Result<(), String> {
        match self.addresses.get(&(domain.to_owned(), address)) {
            Some(other) if other != owner => Err(other.clone()),
            _ => {
                self.addresses.insert((domain.to_owned(), address), owner.to_owned());
                Ok(())
            }
        }
    }

    /// Takes the lowest free address of a subnet; `None`: the range is used up.
    pub(in crate::plan) fn choose_address(&mut self, subnet: &Subnet, owner: &str) -> Option<IpAddr> {
        let is_fixed = |address: &IpAddr| self.fixed_addresses.get(address).is_some_and(|by| by != owner);
        let is_taken = |address: &IpAddr| self.addresses.contains_key(&(subnet.domain.clone(), *address));
        let free = subnet.candidates().find(|address| !is_taken(address) && !is_fixed(address))?;
        self.addresses.insert((subnet.domain.clone(), free), owner.to_owned());
        Some(free)
    }
}

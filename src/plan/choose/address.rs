//! Network addresses: the lowest free one of the tenant's range, checked against the state and the guests we manage.

use super::Ledger;
use crate::value::Value;
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

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

    /// First and last address that may be chosen; `None` for IPv6, where nobody counts addresses one by one.
    fn bounds(&self) -> Option<(Ipv4Addr, Ipv4Addr)> {
        let IpNet::V4(cidr) = self.cidr else { return None };
        let v4 = |address: Option<IpAddr>| match address {
            Some(IpAddr::V4(address)) => Some(address),
            Some(IpAddr::V6(_)) | None => None,
        };
        let (mut low, mut high) = (cidr.network(), cidr.broadcast());
        if cidr.prefix_len() < 31 {
            (low, high) = (step(low, 1)?, Ipv4Addr::from(u32::from(high) - 1));
        }
        Some((v4(self.first).unwrap_or(low).max(low), v4(self.last).unwrap_or(high).min(high)))
    }

    /// Returns an address with the prefix length of the network, as the guest is told it.
    pub(in crate::plan) fn with_prefix(&self, address: IpAddr) -> String {
        format!("{address}/{}", self.cidr.prefix_len())
    }
}

impl Ledger {
    /// Takes an address; says who has it otherwise.
    pub(in crate::plan) fn take_address(&mut self, domain: &str, address: IpAddr, owner: &str) -> Result<(), String> {
        let taken = self.addresses.entry(domain.to_owned()).or_default();
        match taken.get(&address) {
            Some(other) if other != owner => Err(other.clone()),
            _ => {
                taken.insert(address, owner.to_owned());
                Ok(())
            }
        }
    }

    /// Takes the lowest free address of a subnet; `None`: the range is used up.
    pub(in crate::plan) fn choose_address(&mut self, subnet: &Subnet, owner: &str) -> Option<IpAddr> {
        let (low, high) = subnet.bounds()?;
        let taken = self.addresses.entry(subnet.domain.clone()).or_default();
        // Nothing is given back while planning, so the search goes on where the last one ended.
        let next = self.next_addresses.entry((subnet.domain.clone(), low)).or_insert(low);
        let is_fixed = |address: &IpAddr| self.fixed_addresses.get(address).is_some_and(|by| by != owner);
        let is_free =
            |address: &IpAddr| !taken.contains_key(address) && !subnet.reserved.contains(address) && !is_fixed(address);
        let free =
            std::iter::successors(Some(*next), |address| step(*address, 1)).take_while(|address| *address <= high);
        let free = free.map(IpAddr::V4).find(is_free)?;
        if let IpAddr::V4(free) = free {
            *next = step(free, 1).unwrap_or(free);
        }
        taken.insert(free, owner.to_owned());
        Some(free)
    }
}

fn step(address: Ipv4Addr, by: u32) -> Option<Ipv4Addr> {
    u32::from(address).checked_add(by).map(Ipv4Addr::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(cidr: &str, range: &[&str], reserved: &[&str]) -> Subnet {
        let list = |items: &[&str]| Value::tuple(items.iter().map(|item| Value::text(*item)).collect::<Vec<_>>());
        let network = Value::object([
            ("bridge", Value::text("vmbr1")),
            ("cidr", Value::text(cidr)),
            ("gateway", Value::text("10.0.0.1")),
            ("address_range", list(range)),
            ("reserved", list(reserved)),
        ]);
        Subnet::of("lab", &network).expect("it has a cidr")
    }

    fn chosen(ledger: &mut Ledger, subnet: &Subnet, count: usize) -> Vec<Option<String>> {
        (0..count).map(|index| Some(ledger.choose_address(subnet, &format!("vm.{index}"))?.to_string())).collect()
    }

    #[test]
    fn leaves_out_network_broadcast_gateway_reserved_and_taken() {
        let subnet = subnet("10.0.0.0/29", &[], &["10.0.0.3"]);
        let mut ledger = Ledger::default();
        let other = "10.0.0.4".parse().expect("an address");
        assert_eq!(ledger.take_address(&subnet.domain, other, "vm.other"), Ok(()));
        assert_eq!(ledger.take_address(&subnet.domain, other, "vm.second"), Err("vm.other".to_owned()));
        ledger.fix_address("10.0.0.6".parse().expect("an address"), "vm.fixed");
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(chosen(&mut ledger, &subnet, 3), [text("10.0.0.2"), text("10.0.0.5"), None]);
        assert_eq!(subnet.with_prefix(other), "10.0.0.4/29");
    }

    #[test]
    fn keeps_to_the_range_and_to_the_network() {
        let text = |text: &str| Some(text.to_owned());
        let inside = subnet("10.0.0.0/24", &["10.0.0.10", "10.0.0.11"], &[]);
        assert_eq!(chosen(&mut Ledger::default(), &inside, 3), [text("10.0.0.10"), text("10.0.0.11"), None]);
        let beyond = subnet("10.0.0.0/30", &["10.0.0.2", "10.0.9.9"], &[]);
        assert_eq!(chosen(&mut Ledger::default(), &beyond, 2), [text("10.0.0.2"), None]);
        let all = subnet("0.0.0.0/0", &["255.255.255.254", "255.255.255.255"], &[]);
        assert_eq!(chosen(&mut Ledger::default(), &all, 2), [text("255.255.255.254"), None]);
    }
}

//! High availability, firewalls and the network that is defined by software, as a lab has them: what the calls that make them would take.

use super::{Recorder, list, member, rows, vmids};
use crate::proxmox::call::segment;
use crate::proxmox::decode::text;
use crate::proxmox::{Call, CallError};
use crate::simulator::lab::{Firewall, IpSet, Lab, NodeStatus, Setting, Settings};
use crate::simulator::machine::takes;
use serde_json::Value;
use std::collections::BTreeMap;

impl Recorder<'_> {
    pub(super) async fn availability(&mut self, lab: &mut Lab) -> Result<(), CallError> {
        let Some(answer) = self.visible("/cluster/ha/resources", "high availability").await? else { return Ok(()) };
        let vmids = vmids(lab);
        for row in rows(&answer) {
            let sid = member(row, "sid");
            let vmid = sid.split_once(':').and_then(|(_, id)| id.parse::<u32>().ok());
            match vmid.is_some_and(|vmid| vmids.contains(&vmid)) {
                true => {
                    let settings = settings(row, "/cluster/ha/resources", &["sid", "type"]);
                    lab.ha_resource.insert(sid, settings);
                }
                false => self.leave_out(format!("ha resource `{sid}`: its guest is not in the lab")),
            }
        }
        let is_before_9 = lab.version.starts_with("8.");
        let (path, id) = if is_before_9 { ("/cluster/ha/groups", "group") } else { ("/cluster/ha/rules", "rule") };
        let Some(answer) = self.visible(path, "rules of high availability").await? else { return Ok(()) };
        for row in rows(&answer) {
            // Every group is of type `group`; the type of a rule says what it is.
            let settings = settings(row, path, if is_before_9 { &["group", "type"] } else { &["rule"] });
            let managed = |sid: &String| lab.ha_resource.contains_key(sid);
            let resources = list(&member(row, "resources"));
            let name = member(row, id);
            if let Some(sid) = resources.iter().find(|sid| !managed(sid)) {
                self.leave_out(format!("ha rule `{name}`: `{sid}` is not in the lab"));
                continue;
            }
            match is_before_9 {
                true => drop(lab.ha_group.insert(name, settings)),
                false => drop(lab.ha_rule.insert(name, settings)),
            }
        }
        Ok(())
    }

    /// What runs counts, not what waits to be applied.
    pub(super) async fn network(&mut self, lab: &mut Lab) -> Result<(), CallError> {
        let running = |path: &str| Call::get(path).with("running", "1");
        let zones = self.visible_by(&running("/cluster/sdn/zones"), "zones, VNets and subnets").await?;
        let Some(zones) = zones else { return Ok(()) };
        for row in rows(&zones) {
            let name = member(row, "zone");
            // What it leans on may hold secrets, and is served by nobody in a lab.
            if let Some(other) = ["controller", "dns", "reversedns"].iter().find(|key| row.get(**key).is_some()) {
                self.leave_out(format!("zone `{name}` with its VNets: a lab has no {other}"));
                continue;
            }
            lab.zone.insert(name, settings(row, "/cluster/sdn/zones", &["zone"]));
        }
        let vnets = self.client.read(&running("/cluster/sdn/vnets")).await?;
        for row in rows(&vnets).filter(|row| lab.zone.contains_key(&member(row, "zone"))) {
            let name = member(row, "vnet");
            lab.vnet.insert(name.clone(), settings(row, "/cluster/sdn/vnets", &["vnet"]));
            let subnets = running(&format!("/cluster/sdn/vnets/{}/subnets", segment(&name)));
            for row in rows(&self.client.read(&subnets).await?) {
                let mut settings = settings(row, "/cluster/sdn/vnets/{vnet}/subnets", &["subnet"]);
                settings.insert("vnet".to_owned(), Setting::Text(name.clone()));
                lab.subnet.insert(member(row, "subnet"), settings);
            }
        }
        for path in ["/cluster/sdn/zones", "/cluster/sdn/vnets"] {
            let pending = self.client.read(&Call::get(path).with("pending", "1")).await?;
            for row in rows(&pending).filter(|row| !member(row, "state").is_empty()) {
                let name = Some(member(row, "vnet")).filter(|name| !name.is_empty());
                let name = name.unwrap_or_else(|| member(row, "zone"));
                self.leave_out(format!("`{name}` of the network: what waits to be applied"));
            }
        }
        Ok(())
    }

    pub(super) async fn firewalls(&mut self, lab: &mut Lab) -> Result<(), CallError> {
        let mut places = vec![("cluster".to_owned(), "/cluster/firewall".to_owned())];
        let online = lab.node.iter().filter(|(_, node)| node.status == NodeStatus::Online);
        places.extend(online.map(|(name, _)| (format!("node/{name}"), format!("/nodes/{}/firewall", segment(name)))));
        let first = lab.node.keys().next().cloned().unwrap_or_default();
        let at = |node: &Option<String>| segment(node.as_ref().unwrap_or(&first));
        let guests = lab.guest.values().filter_map(|guest| Some((guest.vmid?, "qemu", at(&guest.node))));
        let containers = lab.container.values().map(|guest| (guest.vmid, "lxc", at(&guest.node)));
        places.extend(
            guests
                .chain(containers)
                .map(|(vmid, kind, node)| (format!("guest/{vmid}"), format!("/nodes/{node}/{kind}/{vmid}/firewall"))),
        );
        places.extend(
            lab.vnet
                .keys()
                .map(|vnet| (format!("vnet/{vnet}"), format!("/cluster/sdn/vnets/{}/firewall", segment(vnet)))),
        );
        for (scope, path) in places {
            let Some(firewall) = self.firewall(&scope, &path).await? else { continue };
            if firewall != Firewall::default() {
                lab.firewall.insert(scope, firewall);
            }
        }
        let Some(groups) = self.visible("/cluster/firewall/groups", "security groups").await? else { return Ok(()) };
        for row in rows(&groups) {
            let name = member(row, "group");
            let rules = self.read(&format!("/cluster/firewall/groups/{}", segment(&name))).await?;
            let comment = Some(member(row, "comment")).filter(|text| !text.is_empty());
            let firewall = Firewall { comment, rules: rules_of(&rules), ..Firewall::default() };
            lab.firewall.insert(format!("group/{name}"), firewall);
        }
        Ok(())
    }

    /// Nodes and VNets have neither names of addresses nor sets of them, and before version 8.3 a VNet has no firewall at all.
    async fn firewall(&mut self, scope: &str, path: &str) -> Result<Option<Firewall>, CallError> {
        let Some(options) = self.visible(&format!("{path}/options"), &format!("firewall of {scope}")).await? else {
            return Ok(None);
        };
        let rules = self.read(&format!("{path}/rules")).await?;
        let mut firewall = Firewall { rules: rules_of(&rules), ..Firewall::default() };
        let own = values_of(&options).into_iter().filter(|(name, _)| name != "digest");
        firewall.options = own.collect();
        if scope.starts_with("node/") || scope.starts_with("vnet/") {
            return Ok(Some(firewall));
        }
        for row in rows(&self.read(&format!("{path}/aliases")).await?) {
            let settings = values_of(row).into_iter().filter(|(name, _)| ["cidr", "comment"].contains(&name.as_str()));
            firewall.alias.insert(member(row, "name"), settings.collect());
        }
        for row in rows(&self.read(&format!("{path}/ipset")).await?) {
            let name = member(row, "name");
            let comment = Some(member(row, "comment")).filter(|text| !text.is_empty());
            let mut set = IpSet { comment, ..IpSet::default() };
            for entry in rows(&self.read(&format!("{path}/ipset/{}", segment(&name))).await?) {
                let settings =
                    values_of(entry).into_iter().filter(|(name, _)| ["comment", "nomatch"].contains(&name.as_str()));
                set.addresses.insert(member(entry, "cidr"), settings.collect());
            }
            firewall.ip_set.insert(name, set);
        }
        Ok(Some(firewall))
    }
}

fn values_of(row: &Value) -> BTreeMap<String, String> {
    row.as_object().into_iter().flatten().filter_map(|(key, value)| Some((key.clone(), text(value)?))).collect()
}

fn rules_of(answer: &Value) -> Vec<BTreeMap<String, String>> {
    let is_given = |name: &str| name != "pos" && takes("POST", "/cluster/firewall/rules", name);
    let rule =
        |row: &Value| values_of(row).into_iter().filter(|(name, _)| is_given(name) && name != "digest").collect();
    rows(answer).map(rule).collect()
}

/// Returns what the call that makes a row would take, without what names it.
fn settings(row: &Value, path: &str, names: &[&str]) -> Settings {
    let members = row.as_object().into_iter().flatten();
    let is_given = |name: &str| !names.contains(&name) && name != "digest" && takes("POST", path, name);
    members
        .filter(|(name, _)| is_given(name))
        .filter_map(|(name, value)| Some((name.clone(), setting(value)?)))
        .collect()
}

fn setting(value: &Value) -> Option<Setting> {
    match value {
        Value::Array(items) => items.iter().map(super::setting).collect::<Option<Vec<_>>>().map(Setting::List),
        scalar => super::setting(scalar).map(Setting::Text),
    }
}

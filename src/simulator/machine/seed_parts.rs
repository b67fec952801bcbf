//! The parts of a lab beside nodes, storages and virtual machines: containers, snapshots, firewalls, high availability, and the network
//! that is defined by software.

use super::Machine;
use super::api::{Api, field};
use super::disks::is_disk_key;
use super::ha::{GROUPS, RESOURCES, RULES};
use super::objects::File;
use super::sdn::{SUBNETS, VNETS, ZONES};
use super::seed::EPOCH_MS;
use super::snapshots::snapshot_volumes;
use super::state::{AddressSet, Config, Firewall, Guest, Object, Setting, Snapshot};
use crate::simulator::lab::{self, Lab, Settings};
use std::collections::BTreeMap;

/// Returns whether a call of the API takes a parameter.
pub(in crate::simulator) fn takes(method: &str, path: &str, name: &str) -> bool {
    field(Api::get().parameters(method, path), name).is_some()
}

impl Machine {
    /// Adds them all; the rest of the lab is there already.
    pub(super) fn add_lab_parts(&mut self, lab: &Lab) -> Result<(), String> {
        for (name, container) in &lab.container {
            self.add_lab_container(lab, name, container).map_err(|error| format!("container `{name}`: {error}"))?;
        }
        for (scope, firewall) in &lab.firewall {
            let firewall = firewall_of(scope, firewall).map_err(|error| format!("firewall `{scope}`: {error}"))?;
            self.firewalls.insert(scope.clone(), firewall);
        }
        let (since_9, before_9) =
            if self.is_before_9() { (&lab.ha_group, &lab.ha_rule) } else { (&lab.ha_rule, &lab.ha_group) };
        if let Some(name) = before_9.keys().next() {
            let (word, other) = if self.is_before_9() { ("ha_rule", "ha_group") } else { ("ha_group", "ha_rule") };
            return Err(format!("{word} `{name}`: version {} has `{other}` instead", lab.version));
        }
        let file = if self.is_before_9() { &GROUPS } else { &RULES };
        self.add_sections("ha rule or group", &[file], since_9)?;
        self.add_sections("ha_resource", &[&RESOURCES], &lab.ha_resource)?;
        for sid in lab.ha_resource.keys() {
            let mut object = self.object(&RESOURCES, sid).cloned().unwrap_or_default();
            object.entry("state".to_owned()).or_insert_with(|| Setting::Text("started".to_owned()));
            self.save_object(&RESOURCES, sid, object);
        }
        if !lab.ha_resource.is_empty() {
            self.plan_manager();
        }
        for (word, kind, blocks) in
            [("zone", &ZONES, &lab.zone), ("vnet", &VNETS, &lab.vnet), ("subnet", &SUBNETS, &lab.subnet)]
        {
            // What a lab says of the network is not only written down, it runs.
            self.add_sections(word, &[&kind.file, &kind.running], blocks)?;
        }
        Ok(())
    }

    fn add_sections(
        &mut self,
        word: &str,
        files: &[&'static File],
        blocks: &BTreeMap<String, Settings>,
    ) -> Result<(), String> {
        for (name, settings) in blocks {
            let mut object = Object::new();
            for (key, setting) in settings {
                check_setting("POST", files[0].created_by, key).map_err(|error| format!("{word} `{name}`: {error}"))?;
                let setting = match setting {
                    lab::Setting::Text(text) => Setting::Text(text.clone()),
                    lab::Setting::List(items) => Setting::List(items.clone()),
                };
                object.insert(key.clone(), setting);
            }
            for file in files {
                self.save_object(file, name, object.clone());
            }
        }
        Ok(())
    }

    fn add_lab_container(&mut self, lab: &Lab, name: &str, container: &lab::Container) -> Result<(), String> {
        let vmid = container.vmid;
        let node = container.node.clone().or_else(|| lab.node.keys().next().cloned()).unwrap_or_default();
        let mut config = Config::from([("hostname".to_owned(), name.to_owned())]);
        for (key, value) in &container.config {
            check_setting("POST", "/nodes/{node}/lxc", key)?;
            let value = match is_disk_key(key) {
                true => self.realise_mount_point(&node, vmid, key, value)?.0,
                false => self.normalise_container(key, value),
            };
            config.insert(key.clone(), value);
        }
        if !config.contains_key("rootfs") {
            return Err("its `config` needs a `rootfs`, e.g. `local-lvm:8`".to_owned());
        }
        for (key, value) in [("arch", "amd64"), ("memory", "512"), ("ostype", "debian"), ("swap", "512")] {
            config.entry(key.to_owned()).or_insert_with(|| value.to_owned());
        }
        let image = config["ostype"].clone();
        let root = Config::from([("rootfs".to_owned(), config["rootfs"].clone())]);
        self.install(&node, &root, &image);
        if container.template {
            config.extend(self.make_bases(&node, &config));
            config.insert("template".to_owned(), "1".to_owned());
        }
        self.open_guest(vmid, Guest::container(&node, config), container.running);
        self.add_lab_snapshots(vmid, &container.snapshot, container.parent.as_deref())
    }

    /// Adds the snapshots of a guest that is there. Its disks then are those it has now.
    pub(super) fn add_lab_snapshots(
        &mut self,
        vmid: u32,
        snapshots: &BTreeMap<String, lab::Snapshot>,
        parent: Option<&str>,
    ) -> Result<(), String> {
        let Some(guest) = self.guests.get(&vmid).cloned() else {
            return Ok(());
        };
        let of_disks = guest.config.iter().filter(|(key, _)| is_disk_key(key));
        let disks: Config = of_disks.map(|(key, value)| (key.clone(), value.clone())).collect();
        for (name, snapshot) in snapshots {
            if let Some((_, volid)) = snapshot_volumes(&disks).into_iter().find(|(_, volid)| !self.can_snapshot(volid))
            {
                return Err(format!("snapshot `{name}`: `{volid}` cannot be in one"));
            }
            let mut config = disks.clone();
            for (key, value) in &snapshot.config {
                let value = match guest.kind {
                    super::state::GuestType::Qemu => self.normalise(key, value),
                    super::state::GuestType::Lxc => self.normalise_container(key, value),
                };
                config.insert(key.clone(), value);
            }
            let time_s = if snapshot.time_s == 0 { EPOCH_MS / 1000 } else { snapshot.time_s };
            config.insert("snaptime".to_owned(), time_s.to_string());
            config.insert("description".to_owned(), snapshot.description.clone().unwrap_or_default());
            config.extend(snapshot.parent.iter().map(|parent| ("parent".to_owned(), parent.clone())));
            if snapshot.memory {
                let volid = self.allocate_state(u64::MAX, vmid, name, &guest)?;
                config.insert("vmstate".to_owned(), volid);
            }
            let snapshot = Snapshot { config, files: guest.files.clone(), instance_id: guest.instance_id.clone() };
            self.with_guest(vmid, |guest| guest.snapshots.insert(name.clone(), snapshot));
        }
        if let Some(parent) = parent {
            self.with_guest(vmid, |guest| guest.config.insert("parent".to_owned(), parent.to_owned()));
        }
        Ok(())
    }
}

fn check_setting(method: &str, path: &str, name: &str) -> Result<(), String> {
    match takes(method, path, name) {
        true => Ok(()),
        false => Err(format!("the API has no setting `{name}` here")),
    }
}

fn firewall_of(scope: &str, firewall: &lab::Firewall) -> Result<Firewall, String> {
    let options = match scope.split('/').next().unwrap_or_default() {
        "cluster" => "/cluster/firewall/options",
        "node" => "/nodes/{node}/firewall/options",
        "vnet" => "/cluster/sdn/vnets/{vnet}/firewall/options",
        _ => "/nodes/{node}/qemu/{vmid}/firewall/options",
    };
    firewall.options.keys().try_for_each(|name| check_setting("PUT", options, name))?;
    for rule in &firewall.rules {
        rule.keys().try_for_each(|name| check_setting("POST", "/cluster/firewall/rules", name))?;
        if !rule.contains_key("type") || !rule.contains_key("action") {
            return Err("a rule has a `type` and an `action`".to_owned());
        }
    }
    let sets = firewall
        .ip_set
        .iter()
        .map(|(name, set)| (name.clone(), AddressSet { comment: set.comment.clone(), entries: set.addresses.clone() }));
    let off = || ("enable".to_owned(), "0".to_owned());
    let rules = firewall.rules.iter().map(|rule| [off()].into_iter().chain(rule.clone()).collect());
    Ok(Firewall {
        options: firewall.options.clone(),
        rules: rules.collect(),
        comment: firewall.comment.clone(),
        aliases: firewall.alias.clone(),
        sets: sets.collect(),
    })
}

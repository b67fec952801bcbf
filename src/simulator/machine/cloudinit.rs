//! Cloud-init data as the server makes it from a guest's configuration.

use serde_json::{Value, json};

use super::Machine;
use super::config::{sha1_hex, typed};
use super::disks::{is_cloudinit, is_disk_key};
use super::form::unescape_segment;
use super::property::key_of;
use super::request::{Answer, Fault};
use super::routes::Context;
use super::state::{Config, Guest};

/// How long a regeneration waits for the guest's lock.
const LOCK_WAIT_MS: u64 = 10_000;

impl Machine {
    pub(super) fn cloudinit_pending(&mut self, context: &Context) -> Answer {
        let guest = self.guest(context.node(), context.parameters.vmid())?;
        // Addresses are not among them.
        let rows = guest.config.iter().filter(|(key, _)| is_cloudinit_key(key));
        Ok(Value::Array(
            rows.map(|(key, value)| json!({ "key": key, "value": typed(guest.kind, key, value) })).collect(),
        )
        .into())
    }

    pub(super) fn cloudinit_regenerate(&mut self, context: &Context) -> Answer {
        let vmid = context.parameters.vmid();
        self.guest(context.node(), vmid)?;
        self.wait_for_lock(vmid, LOCK_WAIT_MS).map_err(Fault::text)?;
        Ok(().into())
    }

    pub(super) fn cloudinit_dump(&mut self, context: &Context) -> Answer {
        let vmid = context.parameters.vmid();
        let guest = self.guest(context.node(), vmid)?;
        let config = guest.merged();
        let text = match context.parameters.required("type") {
            "user" => user_data(vmid, &config),
            "network" => network_data(&config),
            _ => format!(
                "instance-id: {}\n",
                sha1_hex(format!("{}{}", user_data(vmid, &config), network_data(&config)).as_bytes())
            ),
        };
        Ok(json!(text).into())
    }

    /// Returns what cloud-init takes for the identity of the machine; nothing without a cloud-init drive.
    pub(super) fn instance_id(&self, guest: &Guest) -> Option<String> {
        let has_drive = guest.config.iter().any(|(key, value)| is_disk_key(key) && is_cloudinit(value));
        let text = format!("{}{}", user_data(0, &guest.config), network_data(&guest.config));
        has_drive.then(|| sha1_hex(text.as_bytes()))
    }
}

fn is_cloudinit_key(key: &str) -> bool {
    matches!(
        key,
        "ciuser" | "cipassword" | "citype" | "cicustom" | "ciupgrade" | "sshkeys" | "nameserver" | "searchdomain"
    )
}

fn user_data(vmid: u32, config: &Config) -> String {
    let name = config.get("name").cloned().unwrap_or_else(|| format!("VM{vmid}"));
    let host = name.split('.').next().unwrap_or_default().to_owned();
    let mut text = format!("#cloud-config\nhostname: {host}\nmanage_etc_hosts: true\n");
    if let Some(domain) = config.get("searchdomain") {
        text.push_str(&format!("fqdn: {host}.{domain}\n"));
    }
    for (key, label) in [("ciuser", "user"), ("cipassword", "password")] {
        if let Some(value) = config.get(key) {
            text.push_str(&format!("{label}: {value}\n"));
        }
    }
    if let Some(keys) = config.get("sshkeys") {
        text.push_str("ssh_authorized_keys:\n");
        for line in unescape_segment(keys).lines().filter(|line| !line.is_empty()) {
            text.push_str(&format!("  - {line}\n"));
        }
    }
    let upgrades = config.get("ciupgrade").is_none_or(|value| value == "1");
    text.push_str(&format!("chpasswd:\n  expire: False\nusers:\n  - default\npackage_upgrade: {upgrades}\n"));
    text
}

fn network_data(config: &Config) -> String {
    let mut text = "version: 1\nconfig:\n".to_owned();
    for (key, value) in config.iter().filter(|(key, _)| key.starts_with("ipconfig")) {
        let number = &key["ipconfig".len()..];
        let mac = config
            .get(&format!("net{number}"))
            .and_then(|net| net.split(',').next()?.split_once('='))
            .map_or("", |(_, mac)| mac);
        text.push_str(&format!(
            "    - type: physical\n      name: eth{number}\n      mac_address: '{}'\n      subnets:\n",
            mac.to_lowercase()
        ));
        match key_of(value, "ip").as_deref() {
            Some("dhcp") => text.push_str("      - type: dhcp4\n"),
            Some(address) => {
                text.push_str(&format!("      - type: static\n        address: '{address}'\n"));
                if let Some(gateway) = key_of(value, "gw") {
                    text.push_str(&format!("        gateway: '{gateway}'\n"));
                }
            }
            None => {}
        }
    }
    for (key, label) in [("nameserver", "address"), ("searchdomain", "search")] {
        if let Some(value) = config.get(key) {
            text.push_str(&format!("    - type: nameserver\n      {label}:\n      - '{value}'\n"));
        }
    }
    text
}

//! How a configuration change takes effect: at once on a stopped guest, live or pending on a running one.

use std::collections::BTreeMap;

use super::Machine;
use super::config::{Changes, is_network_key};
use super::disks::{Wish, is_cdrom, is_cloudinit, is_disk_key, read};
use super::property::{key_of, print};
use super::request::Fault;
use super::schema::{parse_properties, split_list};
use super::state::{Config, Guest};

/// Keys that change nothing in the running process and so take effect at once.
const ALWAYS_LIVE: &[&str] = &[
    "description",
    "hookscript",
    "lock",
    "migrate_downtime",
    "migrate_speed",
    "name",
    "onboot",
    "protection",
    "shares",
    "startup",
    "tags",
    "vmstatestorage",
    "ciuser",
    "cipassword",
    "citype",
    "cicustom",
    "ciupgrade",
    "sshkeys",
    "searchdomain",
    "nameserver",
    "cpulimit",
    "cpuunits",
    "digest",
    "template",
    "tablet",
];
/// Disk options a running guest cannot change.
const FIXED_DISK_OPTIONS: &[&str] =
    &["aio", "discard", "iothread", "queues", "product", "vendor", "cache", "ssd", "ro"];

impl Machine {
    /// Applies a checked change; returns the lines a task log shows.
    ///
    /// The keys go one by one: a failure part-way leaves the earlier ones in place, as on the real server.
    pub(super) fn apply_changes(&mut self, vmid: u32, changes: &Changes) -> Result<Vec<String>, Fault> {
        let mut log = Vec::new();
        self.with_guest(vmid, |guest| {
            for key in &changes.revert {
                guest.pending.remove(key);
                guest.pending_delete.remove(key);
            }
        });
        let mut problems = BTreeMap::new();
        for key in &changes.delete {
            match self.delete_key(vmid, key, changes.frees) {
                Ok(()) => {}
                Err(Fault { status: 400, errors, .. }) if !errors.is_empty() => problems.extend(errors),
                Err(fault) => return Err(fault),
            }
        }
        for (key, value) in &changes.set {
            match self.set_key(vmid, key, value, &mut log) {
                Ok(()) => {}
                Err(Fault { status: 400, errors, .. }) if !errors.is_empty() => problems.extend(errors),
                Err(fault) => return Err(fault),
            }
        }
        if problems.is_empty() { Ok(log) } else { Err(Fault::parameters(problems)) }
    }

    /// Applies everything that waits for a restart.
    pub(super) fn apply_pending(&mut self, vmid: u32) {
        self.with_guest(vmid, |guest| {
            for key in std::mem::take(&mut guest.pending_delete) {
                if is_disk_key(&key) && !guest.config.get(&key).is_some_and(|value| is_cdrom(value)) {
                    detach(guest, &key);
                }
                guest.config.remove(&key);
            }
            for (key, value) in std::mem::take(&mut guest.pending) {
                guest.config.insert(key, value);
            }
        });
    }

    pub(super) fn with_guest<R>(&mut self, vmid: u32, change: impl FnOnce(&mut Guest) -> R) -> Option<R> {
        let guest = self.guests.get_mut(&vmid)?;
        let result = change(guest);
        self.plan_broadcast();
        Some(result)
    }

    fn delete_key(&mut self, vmid: u32, key: &str, frees: bool) -> Result<(), Fault> {
        let Some(guest) = self.guests.get(&vmid) else {
            return Ok(());
        };
        let node = guest.node.clone();
        let is_protected = guest.config.get("protection").is_some_and(|value| value == "1");
        let Some(value) = guest.config.get(key).cloned() else {
            self.with_guest(vmid, |guest| guest.pending.remove(key));
            return Ok(());
        };
        let volid = value.split(',').next().unwrap_or_default().to_owned();
        if key.starts_with("unused") {
            if guest.is_in_snapshot(&volid) {
                let text = format!("unable to delete '{volid}' - volume is still in use (snapshot?)");
                return Err(Fault::text(text));
            }
            if is_protected {
                let text = format!("can't remove unused disk '{volid}' - protection mode enabled");
                return Err(Fault::text(text));
            }
            if self.has_visible_children(&volid) {
                return Err(Fault::text(format!("base volume '{volid}' is still in use by linked cloned")));
            }
            self.free_volume(&node, &volid);
            self.with_guest(vmid, |guest| guest.config.remove(key));
            return Ok(());
        }
        if is_disk_key(key) && is_protected && !is_cdrom(&value) {
            return Err(Fault::text(format!("can't remove drive '{key}' - protection mode enabled")));
        }
        if guest.is_running() && !is_live_removal(guest, key) {
            self.with_guest(vmid, |guest| {
                guest.pending.remove(key);
                guest.pending_delete.insert(key.to_owned());
            });
            return Ok(());
        }
        if guest.is_running() && is_network_key(key) && !self.has_system(guest) {
            self.with_guest(vmid, |guest| guest.pending_delete.insert(key.to_owned()));
            return Err(still_busy(key));
        }
        if is_disk_key(key) && is_cloudinit(&value) {
            self.free_volume(&node, &volid);
            self.with_guest(vmid, |guest| guest.config.remove(key));
        } else if is_disk_key(key) && frees && !guest.is_in_snapshot(&volid) {
            self.free_volume(&node, &volid);
            self.with_guest(vmid, |guest| guest.config.remove(key));
        } else if is_disk_key(key) && !is_cdrom(&value) {
            self.with_guest(vmid, |guest| detach(guest, key));
        } else {
            self.with_guest(vmid, |guest| guest.config.remove(key));
        }
        self.with_guest(vmid, |guest| {
            guest.pending.remove(key);
            guest.pending_delete.remove(key);
            drop_from_boot(guest, key);
        });
        Ok(())
    }

    fn set_key(&mut self, vmid: u32, key: &str, value: &str, log: &mut Vec<String>) -> Result<(), Fault> {
        let Some(guest) = self.guests.get(&vmid) else {
            return Ok(());
        };
        let node = guest.node.clone();
        let (is_running, before) = (guest.is_running(), guest.config.get(key).cloned());
        let value = if is_disk_key(key) {
            let (setting, lines) = self.realise_disk(&node, vmid, key, value).map_err(Fault::text)?;
            log.extend(lines);
            self.release_replaced(vmid, &node, key, before.as_deref(), &setting);
            setting
        } else {
            self.normalise(key, value)
        };
        let guest = self.guests.get(&vmid).expect("the guest was there a moment ago");
        if is_running && !is_live(guest, key, before.as_deref(), &value) {
            self.with_guest(vmid, |guest| {
                guest.pending_delete.remove(key);
                if before.as_deref() == Some(value.as_str()) {
                    guest.pending.remove(key);
                } else {
                    guest.pending.insert(key.to_owned(), value);
                }
            });
            return Ok(());
        }
        if is_running && is_network_key(key) {
            self.check_hotplug(vmid, &node, key, &value)?;
            let is_replugged = before.as_deref().is_some_and(|before| !is_same_device(before, &value));
            let has_system = self.guests.get(&vmid).is_some_and(|guest| self.has_system(guest));
            if is_replugged && !has_system {
                self.with_guest(vmid, |guest| guest.pending.insert(key.to_owned(), value));
                return Err(still_busy(key));
            }
        }
        self.with_guest(vmid, |guest| {
            guest.pending.remove(key);
            guest.pending_delete.remove(key);
            if value.is_empty() && key != "tags" {
                guest.config.remove(key);
            } else {
                let value = if value.is_empty() { " ".to_owned() } else { value };
                guest.config.insert(key.to_owned(), value);
            }
        });
        Ok(())
    }

    /// A volume that gives way to another one stays as unused; one that was unused and is attached again leaves that list.
    fn release_replaced(&mut self, vmid: u32, node: &str, key: &str, before: Option<&str>, setting: &str) {
        let volume_of = |text: &str| text.split(',').next().unwrap_or_default().to_owned();
        let after = volume_of(setting);
        if let Some(before) = before.filter(|before| volume_of(before) != after) {
            if is_cloudinit(before) {
                self.free_volume(node, &volume_of(before));
            } else if !is_cdrom(before) {
                self.with_guest(vmid, |guest| detach(guest, key));
            }
        }
        self.with_guest(vmid, |guest| {
            guest.config.retain(|name, value| !(name.starts_with("unused") && *value == after));
        });
    }

    fn check_hotplug(&mut self, vmid: u32, node: &str, key: &str, value: &str) -> Result<(), Fault> {
        let bridge = key_of(value, "bridge").unwrap_or_default();
        let exists = bridge.is_empty() || self.has_bridge(node, &bridge);
        if exists {
            return Ok(());
        }
        self.with_guest(vmid, |guest| guest.pending.insert(key.to_owned(), value.to_owned()));
        Err(Fault::parameter(key, format!("hotplug problem - interface {bridge} does not exist\n")))
    }

    /// Brings a value into the form the server stores.
    pub(super) fn normalise(&mut self, key: &str, value: &str) -> String {
        if is_network_key(key) {
            return self.normalise_network(value);
        }
        match key {
            "tags" => normalise_tags(value),
            "description" => value.trim_end_matches('\n').to_owned(),
            "cipassword" => format!("$5$simulated${}", self.password_digest(value)),
            "boot" => normalise_boot(value),
            _ => value.to_owned(),
        }
    }

    /// Prints a NIC again: model and MAC first, the rest alphabetically; a missing MAC is made up anew each time.
    fn normalise_network(&mut self, value: &str) -> String {
        let Ok(mut keys) = parse_properties(super::seed::NETWORK_FORMAT, value, "net") else {
            return value.to_owned();
        };
        let model = keys.remove("model").unwrap_or_default();
        let mac = keys.remove("macaddr").unwrap_or_else(|| self.random_mac());
        print(&format!("{model}={mac}"), &keys)
    }

    pub(super) fn random_mac(&mut self) -> String {
        let prefix = self.options.get("mac_prefix").cloned().unwrap_or_else(|| "BC:24:11".to_owned());
        let bits = self.random();
        format!("{prefix}:{:02X}:{:02X}:{:02X}", bits & 0xff, (bits >> 8) & 0xff, (bits >> 16) & 0xff)
    }
}

/// Returns tags in lower case, sorted and without doubles.
pub(super) fn normalise_tags(value: &str) -> String {
    let tags: std::collections::BTreeSet<String> = split_list(value).into_iter().map(str::to_lowercase).collect();
    tags.into_iter().collect::<Vec<_>>().join(";")
}

/// A card is only let go by a guest whose system plays along.
fn still_busy(key: &str) -> Fault {
    let text = format!("hotplug problem - error on hot-unplugging device '{key}' - still busy in guest?\n");
    Fault::parameter(key, text)
}

fn normalise_boot(value: &str) -> String {
    match key_of(value, "order") {
        Some(order) if order.is_empty() => " ".to_owned(),
        _ => value.to_owned(),
    }
}

/// Moves a disk's volume to the next free `unusedN`.
pub(super) fn detach(guest: &mut Guest, key: &str) {
    let Some(value) = guest.config.remove(key) else {
        return;
    };
    keep_as_unused(guest, value.split(',').next().unwrap_or_default());
}

/// Lists a volume as unused, unless it is attached or listed already.
pub(super) fn keep_as_unused(guest: &mut Guest, volid: &str) {
    if volid.is_empty() || guest.config.values().any(|value| value.split(',').next() == Some(volid)) {
        return;
    }
    let slot = (0..256).map(|number| format!("unused{number}")).find(|slot| !guest.config.contains_key(slot));
    if let Some(slot) = slot {
        guest.config.insert(slot, volid.to_owned());
    }
}

fn drop_from_boot(guest: &mut Guest, key: &str) {
    let Some(order) = guest.config.get("boot").and_then(|boot| key_of(boot, "order")) else {
        return;
    };
    if !order.split(';').any(|device| device == key) {
        return;
    }
    let rest: Vec<&str> = order.split(';').filter(|device| *device != key).collect();
    let boot = if rest.is_empty() { " ".to_owned() } else { format!("order={}", rest.join(";")) };
    guest.config.insert("boot".to_owned(), boot);
}

fn hotplugs(config: &Config, what: &str) -> bool {
    match config.get("hotplug").map(String::as_str) {
        None | Some("1") => matches!(what, "network" | "disk" | "usb"),
        Some("0") => false,
        Some(list) => split_list(list).contains(&what),
    }
}

/// Returns whether a running guest takes a new value at once.
fn is_live(guest: &Guest, key: &str, before: Option<&str>, after: &str) -> bool {
    if before == Some(after) || ALWAYS_LIVE.contains(&key) || key.starts_with("ipconfig") || key.starts_with("unused") {
        return true;
    }
    if is_network_key(key) {
        return hotplugs(&guest.config, "network") || before.is_some_and(|before| is_same_device(before, after));
    }
    if !is_disk_key(key) {
        return is_live_option(guest, key, before, after);
    }
    if is_cdrom(after) && before.is_some_and(is_cdrom) {
        return true;
    }
    let is_hotpluggable = key.starts_with("scsi") || key.starts_with("virtio");
    let Some(before) = before else {
        return is_hotpluggable && hotplugs(&guest.config, "disk");
    };
    let (Wish::Existing { volid: old }, old_options) = read(before) else {
        return false;
    };
    let (Wish::Existing { volid: new }, new_options) = read(after) else {
        return false;
    };
    old == new && FIXED_DISK_OPTIONS.iter().all(|option| old_options.get(*option) == new_options.get(*option))
}

/// Options that are live for some guests, or in some of their parts.
fn is_live_option(guest: &Guest, key: &str, before: Option<&str>, after: &str) -> bool {
    let without_trim = |text: &str| {
        let parts = text.split(',').map(|part| part.strip_prefix("enabled=").unwrap_or(part));
        parts.filter(|part| !part.starts_with("fstrim_cloned_disks=")).map(str::to_owned).collect::<Vec<_>>()
    };
    match key {
        "hotplug" => !after.contains("memory") && !before.is_some_and(|before| before.contains("memory")),
        "agent" => before.is_some_and(|before| without_trim(before) == without_trim(after)),
        _ => is_usb_key(key) && hotplugs(&guest.config, "usb"),
    }
}

fn is_usb_key(key: &str) -> bool {
    key.strip_prefix("usb").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_same_device(before: &str, after: &str) -> bool {
    let fixed = |text: &str| (text.split(',').next().map(str::to_owned), key_of(text, "queues"), key_of(text, "mtu"));
    fixed(before) == fixed(after)
}

fn is_live_removal(guest: &Guest, key: &str) -> bool {
    if ALWAYS_LIVE.contains(&key) || key.starts_with("ipconfig") {
        return true;
    }
    if is_network_key(key) {
        return hotplugs(&guest.config, "network");
    }
    if is_usb_key(key) {
        return hotplugs(&guest.config, "usb");
    }
    if key == "hotplug" {
        return !guest.config.get("hotplug").is_some_and(|before| before.contains("memory"));
    }
    let is_boot_disk = guest.config.get("boot").is_some_and(|boot| boot.contains(key));
    let is_hotpluggable = key.starts_with("scsi") || key.starts_with("virtio");
    is_disk_key(key) && is_hotpluggable && !is_boot_disk && hotplugs(&guest.config, "disk")
}

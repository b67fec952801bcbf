//! What a change does to a running guest where that depends on the guest: on what it lets be plugged, and on the bus of a drive.

use super::VM;
use crate::resources::schema::Impact;
use crate::value::{Path, Step, Value};

/// Options of a network device that are part of the device: it is unplugged and plugged again for them.
const OF_THE_DEVICE: [&str; 5] = ["model", "mac", "queues", "mtu", "host-tunnel"];

/// Returns what a change does to a running guest, from what the schema says of it.
pub fn of(path: &Path, declared: Impact, guest: &Value) -> Impact {
    let name = |index: usize| match path.0.get(index) {
        Some(Step::Attribute(name) | Step::Key(name)) => &**name,
        Some(Step::Index(_)) | None => "",
    };
    let hot = |feature: &str| if hotplugs(guest, feature) { Impact::Live } else { Impact::Reboot };
    match (name(0), path.0.len()) {
        ("disk" | "cdrom", 2) if is_hot_bus(name(1)) => hot("disk"),
        ("network", 2) => hot("network"),
        ("network", 3) if OF_THE_DEVICE.contains(&name(2)) => hot("network"),
        ("usb", _) | ("tablet", 1) => hot("usb"),
        // Other devices that come or go.
        (_, 2) if matches!(path.0[1], Step::Key(_)) && name(0) != "extra" => Impact::Reboot,
        // Hot memory is set up when the guest starts.
        ("hotplug", 1) if hotplugs(guest, "memory") => Impact::Reboot,
        _ => declared,
    }
}

fn is_hot_bus(slot: &str) -> bool {
    ["scsi", "virtio"].iter().any(|bus| slot.starts_with(bus))
}

fn hotplugs(guest: &Value, feature: &str) -> bool {
    let usual = || VM.schema.attribute("hotplug")?.value_if_absent();
    let features = guest.get("hotplug").cloned().or_else(usual);
    features.iter().filter_map(Value::as_items).flatten().any(|item| item.as_text() == Some(feature))
}

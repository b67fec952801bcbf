//! The calls below one guest, for virtual machines and containers: which handler answers which.

use super::Machine;
use super::routes::Handler;
use super::state::GuestType;
use super::{agent, firewall};

type Entry = (&'static str, &'static str, Handler);

/// What both kinds of guest answer by the same rules.
const BOTH: &[Entry] = &[
    ("GET", "", Machine::guest_index),
    ("GET", "/config", Machine::guest_config),
    ("GET", "/pending", Machine::guest_pending),
    ("GET", "/feature", Machine::guest_feature),
    ("DELETE", "", Machine::delete_guest),
    ("POST", "/template", Machine::make_template),
    ("GET", "/status", Machine::status_index),
    ("GET", "/status/current", Machine::guest_status),
    ("POST", "/status/start", Machine::change_power),
    ("POST", "/status/stop", Machine::change_power),
    ("POST", "/status/shutdown", Machine::change_power),
    ("POST", "/status/reboot", Machine::change_power),
    ("GET", "/migrate", Machine::migration_preconditions),
    ("POST", "/migrate", Machine::migrate),
    ("GET", "/snapshot", Machine::list_snapshots),
    ("POST", "/snapshot", Machine::take_snapshot),
    ("GET", "/snapshot/{snapname}", Machine::snapshot_index),
    ("DELETE", "/snapshot/{snapname}", Machine::delete_snapshot),
    ("GET", "/snapshot/{snapname}/config", Machine::snapshot_config),
    ("PUT", "/snapshot/{snapname}/config", Machine::describe_snapshot),
    ("POST", "/snapshot/{snapname}/rollback", Machine::roll_back),
];

const QEMU: &[Entry] = &[
    ("PUT", "/config", Machine::put_config),
    ("POST", "/config", Machine::post_config),
    ("PUT", "/resize", Machine::resize_disk),
    ("POST", "/clone", Machine::clone_guest),
    ("POST", "/move_disk", Machine::move_volume),
    ("PUT", "/unlink", Machine::unlink_disks),
    ("POST", "/status/reset", Machine::change_power),
    ("POST", "/status/suspend", Machine::change_power),
    ("POST", "/status/resume", Machine::change_power),
    ("GET", "/cloudinit", Machine::cloudinit_pending),
    ("PUT", "/cloudinit", Machine::cloudinit_regenerate),
    ("GET", "/cloudinit/dump", Machine::cloudinit_dump),
];

const LXC: &[Entry] = &[
    ("PUT", "/config", Machine::put_container_config),
    ("PUT", "/resize", Machine::resize_mount_point),
    ("POST", "/clone", Machine::clone_container),
    ("POST", "/move_volume", Machine::move_volume),
    ("GET", "/interfaces", Machine::container_interfaces),
];

/// Finds the handler of a call below `/nodes/{node}/qemu/{vmid}` or `/nodes/{node}/lxc/{vmid}`.
pub(super) fn handler(kind: GuestType, method: &str, rest: &str) -> Option<Handler> {
    if let Some(rest) = rest.strip_prefix("/firewall") {
        return firewall::handler(method, rest);
    }
    if let Some(rest) = rest.strip_prefix("/agent/").filter(|_| kind == GuestType::Qemu) {
        return agent::handler(method, rest);
    }
    let own = match kind {
        GuestType::Qemu => QEMU,
        GuestType::Lxc => LXC,
    };
    let is_wanted = |entry: &&Entry| entry.0 == method && entry.1 == rest;
    own.iter().chain(BOTH).find(is_wanted).map(|(_, _, handler)| *handler)
}

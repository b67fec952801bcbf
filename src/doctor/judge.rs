//! Makes findings of answers. Nothing is asked here.

use super::cluster::is_distrust;
use super::{Area, Finding, Severity};
use crate::observe::{GuestConfig, GuestView, NodeView};
use crate::plan::demand::Demand;
use crate::plan::permissions::Grants;
use crate::proxmox::decode::{boolean, integer, text};
use crate::proxmox::https::Trust;
use crate::proxmox::property::PropertyString;
use crate::proxmox::{CallError, Clock, ErrorClass};
use crate::render::amount::size;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// From here on, log lines and task times are read wrongly.
const SKEW_WARN_S: u64 = 30;
/// From here on, tickets are not accepted and searches for tasks miss them.
const SKEW_ERROR_S: u64 = 300;
/// Oldest version that is supported.
const VERSION_MIN: (u32, u32) = (8, 4);
/// Shares of a storage, in percent.
const FULL_WARN: u64 = 90;
const FULL_ERROR: u64 = 98;

/// Judges an endpoint that gave no version. Where another one answers, runs go on without it.
pub(super) fn endpoint(name: &str, error: &CallError, is_spare: bool) -> Finding {
    let (area, what) = match error.class {
        _ if is_distrust(error) => (Area::Tls, "is not trusted"),
        ErrorClass::Unauthenticated => (Area::Endpoint, "does not accept the token"),
        ErrorClass::Unreachable | ErrorClass::Interrupted => (Area::Endpoint, "does not answer"),
        _ => (Area::Endpoint, "answers with an error"),
    };
    // The transport's words begin with the endpoint too.
    let prefix = format!("cannot reach {name}: ");
    let why = error.text.strip_prefix(&prefix).unwrap_or(&error.text);
    let remedy = error.hint.clone().unwrap_or_else(|| "is this the API of Proxmox VE, on port 8006?".to_owned());
    let finding = Finding::error(area, format!("{name} {what}: {why}"), remedy);
    Finding { severity: if is_spare { Severity::Warn } else { Severity::Error }, ..finding }
}

/// Judges how the server proves who it is.
pub(super) fn trust(trust: &Trust) -> Finding {
    match trust {
        Trust::SystemRoots => Finding::ok(Area::Tls, "certificates are checked against this system's authorities"),
        Trust::CaFile(path) => Finding::ok(Area::Tls, format!("certificates are checked against `{}`", path.display())),
        Trust::Fingerprints(pins) if pins.len() == 1 => Finding::ok(Area::Tls, "the certificate is the pinned one"),
        Trust::Fingerprints(pins) => {
            Finding::ok(Area::Tls, format!("the certificate is one of {} pinned ones", pins.len()))
        }
        Trust::Insecure => Finding::warn(
            Area::Tls,
            "nothing is checked: whoever answers under this address gets the token",
            "instead of `insecure`, write `fingerprints = [...]` with what `pvenode cert info` shows on the node",
        ),
    }
}

/// Compares the time there with the time here.
pub(super) fn clock(simulator: Option<Clock>, there: Option<i64>, here: i64) -> Finding {
    let Some(there) = there.filter(|_| simulator.is_none()) else {
        return Finding::ok(
            Area::Clock,
            match simulator {
                Some(_) => "a simulated cluster keeps a time of its own",
                None => "the server does not say what time it is",
            },
        );
    };
    let skew = here.abs_diff(there);
    let text = format!("the server's clock is {skew} s {}", if there > here { "ahead" } else { "behind" });
    let remedy = "see `timedatectl` here and `chronyc tracking` on the node, and let both follow a time server";
    match skew {
        0..=1 => Finding::ok(Area::Clock, "the server's clock agrees with this machine's"),
        _ if skew < SKEW_WARN_S => Finding::ok(Area::Clock, text),
        _ if skew < SKEW_ERROR_S => Finding::warn(Area::Clock, text, remedy),
        _ => Finding::error(Area::Clock, text, remedy),
    }
}

/// Judges a version such as `9.2.11`.
pub(super) fn version(version: &str) -> Finding {
    let mut numbers = version.split(['.', '-']).map_while(|number| number.parse::<u32>().ok());
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let (major, minor) = VERSION_MIN;
    let text = format!("Proxmox VE {version}");
    let remedy = format!("upgrade the nodes to {major}.{minor} or later");
    match found {
        _ if found >= VERSION_MIN => Finding::ok(Area::Version, text),
        (8, _) => Finding::warn(Area::Version, format!("{text} is older than what is tested"), remedy),
        _ => Finding::error(Area::Version, format!("{text} is not supported"), remedy),
    }
}

/// Reads from GET /cluster/status whether the cluster has a quorum; nothing for a node on its own.
pub(super) fn is_quorate(status: &Value) -> Option<bool> {
    let rows = status.as_array()?.iter();
    rows.filter_map(|row| row.get("quorate").and_then(boolean)).next()
}

/// Judges the nodes.
pub(super) fn nodes(nodes: &BTreeMap<String, NodeView>, quorate: Option<bool>) -> Finding {
    let silent: Vec<&str> = nodes.iter().filter(|(_, node)| !node.is_online).map(|(name, _)| name.as_str()).collect();
    if quorate == Some(false) {
        return Finding::error(
            Area::Nodes,
            "the cluster has no quorum: nothing can be changed",
            "bring most of its nodes up; `pvecm status` on a node tells which are missed",
        );
    }
    match (silent.is_empty(), nodes.len()) {
        (true, 1) => Finding::ok(Area::Nodes, "one node, online"),
        (true, count) => Finding::ok(Area::Nodes, format!("{count} nodes, all online")),
        (false, count) => Finding::warn(
            Area::Nodes,
            format!("offline: {} (of {count} nodes)", silent.join(", ")),
            "its guests are neither changed nor planned until it answers again",
        ),
    }
}

/// Judges what the token may do by what is missing.
pub(super) fn privileges(held: &Value, missing: &Grants) -> Finding {
    let paths = held.as_object().map_or(0, serde_json::Map::len);
    if paths == 0 {
        return Finding::error(
            Area::Privileges,
            "the token has no privileges at all, so the cluster looks empty to it",
            "a token with privilege separation has none of its user's: `spawnpoint permissions` prints what to grant",
        );
    }
    if missing.is_empty() {
        return Finding::ok(Area::Privileges, format!("the token has what is needed, granted on {paths} paths"));
    }
    let lines = missing
        .iter()
        .map(|(path, grant)| format!("{path}: {}", grant.privileges.iter().copied().collect::<Vec<_>>().join(" ")));
    let last = "`spawnpoint permissions` prints the commands that grant what the files need".to_owned();
    let count: usize = missing.values().map(|grant| grant.privileges.len()).sum();
    let finding = Finding::error(Area::Privileges, format!("the token lacks {count} privileges"), String::new());
    Finding { remedies: lines.chain([last]).collect(), ..finding }
}

/// One storage on the nodes that have it.
#[derive(Default)]
struct StorageSeen {
    content: BTreeSet<String>,
    inactive_on: Vec<String>,
    /// Least free space of any node, and the size there.
    room: Option<(u64, u64)>,
}

/// Judges the storages by the lists of the nodes: those the stack names, and what is wrong with others.
pub(super) fn storages(lists: &BTreeMap<String, Value>, demand: Option<&Demand>) -> Vec<Finding> {
    let mut seen: BTreeMap<String, StorageSeen> = BTreeMap::new();
    for (node, list) in lists {
        for row in list.as_array().into_iter().flatten() {
            note_storage(&mut seen, node, row);
        }
    }
    let wanted = demand.map(|demand| &demand.storages);
    let mut findings = Vec::new();
    for (name, content) in wanted.into_iter().flatten().filter(|(name, _)| !seen.contains_key(*name)) {
        let there: Vec<&str> = seen.keys().map(String::as_str).collect();
        let content = content.iter().cloned().collect::<Vec<_>>().join(",");
        let remedy = format!("name another one ({}), or make it with `pvesm add`, content {content}", there.join(", "));
        findings.push(Finding::error(Area::Storage, format!("`{name}` is on no node"), remedy));
    }
    let takes_images = seen.values().any(|storage| storage.content.contains("images"));
    if !lists.is_empty() && !takes_images {
        let remedy = "give one the content: `pvesm set STORAGE --content images,...`";
        findings.push(Finding::error(Area::Storage, "no storage takes disk images", remedy));
    }
    for (name, storage) in &seen {
        let lacking: Vec<&str> = wanted
            .and_then(|wanted| wanted.get(name))
            .into_iter()
            .flatten()
            .filter(|content| !storage.content.contains(*content))
            .map(String::as_str)
            .collect();
        findings.push(judge_storage(name, storage, &lacking));
    }
    findings
}

fn note_storage(seen: &mut BTreeMap<String, StorageSeen>, node: &str, row: &Value) {
    let Some(name) = row.get("storage").and_then(text) else { return };
    let flag = |name: &str| row.get(name).and_then(boolean);
    let amount = |name: &str| row.get(name).and_then(integer).and_then(|amount| u64::try_from(amount).ok());
    let storage = seen.entry(name).or_default();
    let content = row.get("content").and_then(text).unwrap_or_default();
    storage.content.extend(content.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned));
    if flag("enabled") == Some(false) || flag("active") == Some(false) {
        storage.inactive_on.push(node.to_owned());
        return;
    }
    if let Some(room) = amount("total").zip(amount("used")).map(|(total, used)| (total.saturating_sub(used), total)) {
        storage.room = Some(storage.room.map_or(room, |before| before.min(room)));
    }
}

fn judge_storage(name: &str, storage: &StorageSeen, lacking: &[&str]) -> Finding {
    let content: Vec<&str> = storage.content.iter().map(String::as_str).collect();
    if !lacking.is_empty() {
        let all = content.iter().chain(lacking).copied().collect::<Vec<_>>().join(",");
        return Finding::error(
            Area::Storage,
            format!("`{name}` does not take {}, which the files put there", lacking.join(", ")),
            format!("`pvesm set {name} --content {all}`, or name another storage"),
        );
    }
    if !storage.inactive_on.is_empty() {
        return Finding::warn(
            Area::Storage,
            format!("`{name}` is not active on {}", storage.inactive_on.join(", ")),
            format!("see `pvesm status --storage {name}` on that node"),
        );
    }
    let takes = if content.is_empty() { "takes nothing".to_owned() } else { format!("takes {}", content.join(", ")) };
    let Some((free, total)) = storage.room.filter(|(_, total)| *total > 0) else {
        return Finding::ok(Area::Storage, format!("`{name}` {takes}"));
    };
    let used = u64::try_from(u128::from(total - free) * 100 / u128::from(total)).unwrap_or(100);
    let text = format!("`{name}` {takes}; {} of {} free", size(free), size(total));
    let remedy = "free space on it: old backups, images of guests that are gone";
    match used {
        FULL_ERROR.. => Finding::error(Area::Storage, text, remedy),
        FULL_WARN.. => Finding::warn(Area::Storage, text, remedy),
        _ => Finding::ok(Area::Storage, text),
    }
}

/// Judges the bridges by the lists of the nodes.
pub(super) fn bridges(lists: &BTreeMap<String, Value>, demand: Option<&Demand>) -> Vec<Finding> {
    if lists.is_empty() {
        return Vec::new();
    }
    let mut nodes_of: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (node, list) in lists {
        for row in list.as_array().into_iter().flatten() {
            if let Some(name) = row.get("iface").and_then(text) {
                nodes_of.entry(name).or_default().insert(node);
            }
        }
    }
    let there: Vec<&str> = nodes_of.keys().map(String::as_str).collect();
    let wanted = demand.map(|demand| &demand.bridges).filter(|wanted| !wanted.is_empty());
    let Some(wanted) = wanted else {
        return vec![match there.is_empty() {
            true => Finding::warn(Area::Bridge, "no bridge is to be seen", BRIDGE_REMEDY),
            false => Finding::ok(Area::Bridge, format!("there are {}", there.join(", "))),
        }];
    };
    let judge = |name: &String| {
        let on = nodes_of.get(name).cloned().unwrap_or_default();
        let lacking: Vec<&str> = lists.keys().map(String::as_str).filter(|node| !on.contains(node)).collect();
        match (on.is_empty(), lacking.is_empty()) {
            (_, true) => Finding::ok(Area::Bridge, format!("`{name}` is on every node")),
            (true, false) => {
                let others = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
                let remedy = format!("name another one (there is {others}), or: {BRIDGE_REMEDY}");
                Finding::error(Area::Bridge, format!("`{name}` is on no node"), remedy)
            }
            (false, false) => Finding::warn(
                Area::Bridge,
                format!("`{name}` is not on {}", lacking.join(", ")),
                "guests on it cannot be placed or moved there: make it on every node, under Node > Network",
            ),
        }
    };
    wanted.iter().map(judge).collect()
}

const BRIDGE_REMEDY: &str =
    "make it under Node > Network; a token sees only bridges on which it has SDN.Audit or SDN.Use";

/// There is nothing to clone from.
pub(super) fn no_templates() -> Finding {
    Finding::warn(
        Area::Template,
        "there is no template to clone from",
        "make a guest from a cloud image, then `qm template VMID`; its VMID goes into a `template` block",
    )
}

/// The stack adopts a template that is not there.
pub(super) fn absent_template(vmid: u32, guests: &BTreeMap<u32, GuestView>) -> Vec<Finding> {
    let there: Vec<String> = guests
        .values()
        .filter(|guest| guest.is_template)
        .map(|guest| format!("{} `{}`", guest.vmid, guest.name))
        .collect();
    let remedy = match there.is_empty() {
        true => "this token sees no template on the cluster: make one, or grant VM.Audit on it".to_owned(),
        false => format!("name one that is there: {}", there.join(", ")),
    };
    vec![Finding::error(Area::Template, format!("there is no guest {vmid}"), remedy)]
}

/// Judges how a template is laid out.
pub(super) fn template(guest: &GuestView, config: &GuestConfig) -> Vec<Finding> {
    let vmid = guest.vmid;
    let name = format!("{vmid} `{}`", guest.name);
    let value = |key: &str| config.values.text(key).unwrap_or_default();
    let mut findings = Vec::new();
    let mut add = |severity, area, text: &str, remedy: String| {
        findings.push(Finding { severity, ..Finding::warn(area, format!("{name} {text}"), remedy) });
    };
    if !guest.is_template {
        let remedy = format!("convert it, which cannot be undone: `qm template {vmid}`");
        add(Severity::Error, Area::Template, "is not a template", remedy);
    }
    let is_disk = |key: &str, drive: &str| {
        let slot = key.trim_end_matches(|letter: char| letter.is_ascii_digit());
        matches!(slot, "scsi" | "virtio" | "sata" | "ide") && !drive.contains("media=cdrom") && !is_cloud_init(drive)
    };
    let disks: Vec<&str> =
        config.values.iter().filter(|(key, drive)| is_disk(key, drive)).map(|(key, _)| &**key).collect();
    let boots = boot_order(value("boot"));
    match disks.first() {
        None => add(
            Severity::Error,
            Area::Template,
            "has no disk",
            format!("import a cloud image: `qm set {vmid} --scsi0 STORAGE:0,import-from=FILE`"),
        ),
        Some(first) if !boots.iter().any(|slot| disks.contains(&slot.as_str())) => add(
            Severity::Error,
            Area::Template,
            "does not boot from its disk",
            format!("`qm set {vmid} --boot order={first}`"),
        ),
        Some(_) => {}
    }
    if !config.values.values().any(|drive| is_cloud_init(drive)) {
        add(
            Severity::Warn,
            Area::Template,
            "has no cloud-init drive; each clone is given one",
            format!("`qm set {vmid} --ide2 STORAGE:cloudinit`, once"),
        );
    }
    if !is_agent_on(value("agent")) {
        add(
            Severity::Warn,
            Area::Agent,
            "has the guest agent switched off: addresses from DHCP are not found",
            format!("install `qemu-guest-agent` in the image, then `qm set {vmid} --agent enabled=1`"),
        );
    }
    if let Some(lock) = &guest.lock {
        let remedy = format!("wait for the task that holds it; if there is none: `qm unlock {vmid}`");
        add(Severity::Warn, Area::Template, &format!("carries the lock `{lock}`"), remedy);
    }
    if findings.is_empty() {
        let text = format!("{name} on {} has a disk to boot from, a cloud-init drive and an agent", guest.node);
        findings.push(Finding::ok(Area::Template, text));
    }
    findings
}

fn is_cloud_init(drive: &str) -> bool {
    // `local:cloudinit` as written, `local:9000/vm-9000-cloudinit.qcow2` as stored.
    drive.split(',').next().is_some_and(|volume| volume.contains("cloudinit"))
}

fn boot_order(boot: &str) -> Vec<String> {
    let order = PropertyString::parse(boot, Some("legacy")).ok();
    let order = order.as_ref().and_then(|parsed| parsed.option("order")).unwrap_or_default();
    order.split(';').map(str::trim).filter(|slot| !slot.is_empty()).map(str::to_owned).collect()
}

fn is_agent_on(agent: &str) -> bool {
    let first = agent.split(',').next().unwrap_or_default();
    matches!(first.strip_prefix("enabled=").unwrap_or(first).trim(), "1" | "on" | "yes" | "true")
}

/// A guest of the stack runs and its agent does not answer.
pub(super) fn silent_agent(guest: &GuestView, error: &CallError) -> Finding {
    let text = format!("{} `{}` on {}: {}", guest.vmid, guest.name, guest.node, error.text);
    let remedy = match error.class {
        ErrorClass::Forbidden => error.hint.clone().unwrap_or_default(),
        _ => "inside the guest: `systemctl enable --now qemu-guest-agent`".to_owned(),
    };
    Finding::warn(Area::Agent, text, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn clocks_are_compared_in_both_directions() {
        let severity = |there: i64| clock(None, Some(there), 10_000).severity;
        assert_eq!([10_000, 10_029, 9_971].map(severity), [Severity::Ok; 3]);
        assert_eq!([10_030, 9_701].map(severity), [Severity::Warn; 2]);
        assert_eq!([10_300, 0].map(severity), [Severity::Error; 2]);
        assert!(clock(None, Some(9_700), 10_000).text.ends_with("300 s behind"));
        assert_eq!(clock(Some(Clock::Real), Some(0), 10_000).severity, Severity::Ok);
    }

    #[test]
    fn versions_are_supported_from_8_4() {
        let severity = |text: &str| version(text).severity;
        assert_eq!(["8.4.14", "9.2.11", "10.0", "9.0~beta1"].map(severity), [Severity::Ok; 4]);
        assert_eq!(["8.3.5", "8"].map(severity), [Severity::Warn; 2]);
        assert_eq!(["7.4-16", ""].map(severity), [Severity::Error; 2]);
    }

    #[test]
    fn a_lost_quorum_is_an_error_and_one_node_needs_none() {
        let nodes_of = |online: &[bool]| {
            let node = |is_online: &bool| NodeView { is_online: *is_online, ..NodeView::default() };
            online.iter().enumerate().map(|(at, is_online)| (format!("pve{at}"), node(is_online))).collect()
        };
        let status = json!([{"type": "cluster", "quorate": 0}, {"type": "node", "name": "pve1", "online": 1}]);
        assert_eq!(nodes(&nodes_of(&[true, false]), is_quorate(&status)).severity, Severity::Error);
        assert_eq!(nodes(&nodes_of(&[true, false]), Some(true)).severity, Severity::Warn);
        assert_eq!(nodes(&nodes_of(&[true]), is_quorate(&json!([{"type": "node"}]))).severity, Severity::Ok);
    }

    #[test]
    fn storages_are_judged_over_all_nodes() {
        let row = |active: u8, used: u64| json!([{"storage": "fast", "content": "images,rootdir", "active": active, "enabled": 1, "total": 100_u64 << 30, "used": used << 30}]);
        let judge = |first: Value, second: Value| {
            let lists = BTreeMap::from([("pve1".to_owned(), first), ("pve2".to_owned(), second)]);
            let finding = storages(&lists, None).remove(0);
            (finding.severity, finding.text)
        };
        assert_eq!(
            judge(row(1, 10), row(1, 20)),
            (Severity::Ok, "`fast` takes images, rootdir; 80GiB of 100GiB free".to_owned())
        );
        assert_eq!(judge(row(1, 10), row(1, 91)).0, Severity::Warn);
        assert_eq!(judge(row(1, 99), row(1, 10)).0, Severity::Error);
        assert_eq!(judge(row(1, 10), row(0, 10)), (Severity::Warn, "`fast` is not active on pve2".to_owned()));
    }
}

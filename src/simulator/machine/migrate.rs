//! Moving a guest to another node: what stands against it, and the move itself.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Machine;
use super::disks::{is_cdrom, is_disk_key, storage_of};
use super::property::key_of;
use super::request::{Answer, Fault};
use super::routes::{Context, Entry};
use super::state::{Guest, GuestType};
use super::task::{Spawn, Step, Work, exclusive};

const LOCK_WAIT_MS: u64 = 10_000;
/// A guest whose disks are shared only hands over its memory.
const SHARED_MS: u64 = 1500;
/// How fast disks that are not shared are copied.
const BYTES_PER_MS: u64 = 200 << 10;

pub(super) const ROUTES: &[Entry] = &[
    ("GET", "/nodes/{node}/qemu/{vmid}/migrate", preconditions),
    ("POST", "/nodes/{node}/qemu/{vmid}/migrate", migrate),
    ("POST", "/nodes/{node}/lxc/{vmid}/migrate", migrate),
];

/// A guest on its way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct MigrateWork {
    vmid: u32,
    target: String,
    is_online: bool,
    copies_disks: bool,
}

fn local_disks(machine: &Machine, guest: &Guest) -> Vec<(String, String)> {
    let disks = guest.config.iter().filter(|(key, value)| is_disk_key(key) && !is_cdrom(value));
    let is_local = |volid: &str| machine.storages.get(storage_of(volid)).is_some_and(|storage| !storage.is_shared);
    let disks = disks.map(|(key, value)| (key.clone(), value.split(',').next().unwrap_or_default().to_owned()));
    disks.filter(|(_, volid)| is_local(volid)).collect()
}

fn preconditions(machine: &mut Machine, context: &Context) -> Answer {
    let vmid = context.parameters.vmid();
    let guest = machine.guest(context.node(), vmid)?;
    let local = local_disks(machine, guest);
    let disks: Vec<Value> = local
        .iter()
        .map(|(key, volid)| {
            let size = guest.config.get(key).and_then(|value| key_of(value, "size"));
            json!({
                "cdrom": 0, "drivename": key, "is_unused": 0, "volid": volid,
                "size": size.and_then(|size| super::property::parse_size(&size)).unwrap_or(0),
            })
        })
        .collect();
    let is_other = |name: &&String| **name != guest.node;
    let allowed: Vec<&String> = machine.nodes.keys().filter(is_other).filter(|_| local.is_empty()).collect();
    Ok(json!({
        "allowed_nodes": allowed, "local_disks": disks, "local_resources": [], "mapped-resources": [], "not_allowed_nodes": {},
        "running": u8::from(guest.is_running()),
    })
    .into())
}

fn migrate(machine: &mut Machine, context: &Context) -> Answer {
    let parameters = &context.parameters;
    let (vmid, target) = (parameters.vmid(), parameters.required("target"));
    if !machine.nodes.has(target) {
        return Err(Fault::text(format!("no such cluster node '{target}'")));
    }
    if target == context.node() {
        return Err(Fault::parameter("target", "target is local node."));
    }
    let kind = context.guest_type();
    let guest = machine.guest_of_type(kind, context.node(), vmid)?.clone();
    if let Some(text) = guest.locked() {
        return Err(Fault::text(text));
    }
    let is_online = parameters.is_set("online") || parameters.is_set("restart");
    if guest.is_running() && !is_online {
        let option = if kind == GuestType::Lxc { "--restart" } else { "--online" };
        return Err(Fault::text(format!("can't migrate running {} without {option}", kind.noun())));
    }
    if let Some(sid) = machine.ha_sid(vmid) {
        machine.request_move(&sid, target);
        let work = Work::Say { line: format!("Requesting HA migration for {} {vmid} to node {target}", kind.noun()) };
        let node = context.node();
        let spawn = Spawn { node, kind: "hamigrate", id: vmid.to_string(), locks: Vec::new(), wait_ms: 0, work };
        return Ok(json!(machine.spawn(&context.caller, spawn)).into());
    }
    let copies_disks = parameters.is_set("with-local-disks") || !guest.is_running();
    let work = Work::Migrate(MigrateWork { vmid, target: target.to_owned(), is_online, copies_disks });
    let name = kind.task("migrate");
    let spawn = Spawn {
        node: context.node(),
        kind: &name,
        id: vmid.to_string(),
        locks: exclusive(vmid),
        wait_ms: LOCK_WAIT_MS,
        work,
    };
    Ok(json!(machine.spawn(&context.caller, spawn)).into())
}

impl Machine {
    pub(super) fn run_migrate(&mut self, seq: u64, stage: u32, work: &MigrateWork) -> Step {
        let Some(guest) = self.guests.get(&work.vmid).cloned() else {
            return Step::failed(format!("Configuration file for VM {} does not exist", work.vmid));
        };
        let failed = |text: String| Step::failed(format!("migration aborted: {text}"));
        if !self.nodes.get(&work.target).is_some_and(|node| node.is_online) {
            return failed(format!("target node '{}' is offline", work.target));
        }
        let local = local_disks(self, &guest);
        if stage == 0 {
            if guest.is_running() && !work.is_online {
                return failed("can't migrate running VM without --online".to_owned());
            }
            if let Some((_, volid)) = local.first().filter(|_| !work.copies_disks) {
                return failed(format!("can't live migrate attached local disks without with-local-disks option ({volid})"));
            }
            let missing = local.iter().map(|(_, volid)| storage_of(volid)).find(|name| {
                !self.storages.get(*name).is_some_and(|storage| storage.is_on(&work.target))
            });
            if let Some(name) = missing {
                return failed(format!("storage '{name}' is not available on node '{}'", work.target));
            }
            self.task_log(seq, format!("starting migration of VM {} to node '{}'", work.vmid, work.target));
            self.with_guest(work.vmid, |guest| guest.config.insert("lock".to_owned(), "migrate".to_owned()));
            let bytes: u64 =
                local.iter().filter_map(|(_, volid)| self.volume(&guest.node, volid)).map(|volume| volume.used_bytes).sum();
            return Step::After(SHARED_MS + bytes / BYTES_PER_MS);
        }
        for (_, volid) in &local {
            if let Some(volume) = self.volumes.remove(&format!("{}|{volid}", guest.node)) {
                self.add_volume(&work.target, super::state::Volume { node: work.target.clone(), ..volume });
            }
        }
        self.with_guest(work.vmid, |guest| {
            guest.config.remove("lock");
            guest.node.clone_from(&work.target);
        });
        self.task_log(seq, "migration finished successfully");
        Step::DONE
    }
}

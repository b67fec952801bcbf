//! The calls that make, change and destroy a virtual machine, in the order that survives a crash after any of them.
//!
//! Making by clone: clone with the marker in the call itself, then one configuration write, then disks grow, then start. From a backup it is
//! the same, with the restore for the clone. Without either one call makes it with its whole configuration. Every call after the first is preceded by a fresh read that proves the marker.

use super::decode::{disk_bytes, is_disk, storage_of};
use super::encode::{all_keys, encode, keys_of};
use crate::observe::ConfigValues;
use crate::proxmox::Call;
use crate::resources::guest::Guest;
use crate::resources::keys::{Source, Write};
use crate::resources::relocate::{self, Relocation};
use crate::resources::schema::Impact;
use crate::resources::step::{Guard, Lock, Step, Verify};
use crate::resources::{Changed, Draft, size};
use crate::value::{Entries, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Clones from one node at once, unless the stack says otherwise: more of them wait for the storage's lock, and give up after 10 s.
const CLONES_PER_NODE: u32 = 4;

/// How long a linked clone may take.
const LINKED_CLONE_MS: u64 = 300_000;

/// Returns the steps that make and start a guest.
pub(super) fn create(draft: &Draft) -> Vec<Step> {
    let guest = Guest::of("qemu", draft);
    let archive = draft.desired.get("restore").and_then(|restore| restore.get("archive")).and_then(Value::as_text);
    let mut steps = match (template_of(draft.desired), archive) {
        (Some(template), _) => clone_and_configure(&guest, template),
        (None, Some(archive)) => restore_and_configure(&guest, archive),
        (None, None) => make(&guest),
    };
    if guest.text("power") == Some("running") {
        steps.push(guest.start());
    }
    steps
}

fn template_of(vm: &Value) -> Option<u32> {
    vm.get("template_vmid").and_then(Value::as_i64).and_then(|vmid| u32::try_from(vmid).ok())
}

fn clone_and_configure(guest: &Guest, template: u32) -> Vec<Step> {
    let draft = guest.draft;
    let empty = ConfigValues::default();
    let source_config =
        draft.guest(template).and_then(|guest| guest.config.as_ref()).map_or(&empty, |config| &config.values);
    let source_node = draft.guest(template).map_or("", |guest| guest.node.as_str());
    let changed = BTreeSet::new();
    let source = Source {
        desired: draft.desired,
        present: source_config,
        is_clone: true,
        moved: &BTreeSet::new(),
        marker: draft.marker,
        project: draft.project,
        changed: &changed,
    };
    let mut steps = vec![clone_step(guest, template, source_node, source_config)];
    steps.extend(spread(guest, source_config));
    let keys = all_keys(&source);
    steps.extend(configure(guest, &source, &keys, &guest.marker_guard(true)));
    steps.extend(grow(guest, source_config));
    steps
}

/// A full clone goes to one storage as a whole; disks that are wanted elsewhere move there.
fn spread(guest: &Guest, source: &ConfigValues) -> Vec<Step> {
    let cloned_to = clone_storage(guest, source).filter(|_| guest.text("clone") == Some("full"));
    let disks = guest.desired.get("disk").and_then(Value::as_entries).into_iter().flatten();
    let moves = disks.filter_map(|(slot, disk)| {
        let has = storage_of(source.get(slot)?)?;
        let wanted = disk.get("storage")?.as_text()?;
        (cloned_to.as_deref().unwrap_or(has) != wanted).then(|| guest.move_volume(slot, wanted, None))
    });
    moves.collect()
}

/// What the backup holds is not known here: named disks are taken for its own, and the write fails where it has none in that slot.
fn restore_and_configure(guest: &Guest, archive: &str) -> Vec<Step> {
    let draft = guest.draft;
    let disks: Vec<_> = draft.desired.get("disk").and_then(Value::as_entries).into_iter().flatten().collect();
    let in_backup = disks.iter().map(|(slot, _)| ((*slot).clone(), "backup:volume".into()));
    // The drive that cloud-init reads from comes with the backup, if the guest had one.
    let present: ConfigValues = in_backup.chain([("drive".into(), "backup:cloudinit".into())]).collect();
    let changed = BTreeSet::new();
    let source = Source {
        desired: draft.desired,
        present: &present,
        is_clone: true,
        moved: &BTreeSet::new(),
        marker: draft.marker,
        project: draft.project,
        changed: &changed,
    };
    let mut call = Call::post(format!("/nodes/{}/qemu", guest.node))
        .with("vmid", guest.vmid.to_string())
        .with("archive", archive)
        // Other MAC addresses and another machine id: the guest that was backed up may still run.
        .with("unique", "1")
        .with("description", draft.marker.with_text(guest.text("description").unwrap_or_default()));
    if let Some(storage) = draft.desired.get("restore").and_then(|restore| restore.get("storage")?.as_text()) {
        call = call.with("storage", storage);
    }
    if let Some(pool) = guest.text("pool") {
        call = call.with("pool", pool);
    }
    let verify = guest.verify_made(&guest.node, "qmrestore", &guest.vmid.to_string());
    let deadline_ms = guest.copy_deadline_ms(wanted_bytes(draft.desired));
    let mut steps = vec![guest.step("restore", call, Guard::Vacant { vmid: guest.vmid }, verify, deadline_ms)];
    let mut keys = all_keys(&source);
    keys.retain(|key| !["efidisk0", "tpmstate0"].contains(&key.as_str()));
    steps.extend(configure(guest, &source, &keys, &guest.marker_guard(true)));
    let bytes = |disk: &Value| size::parse(disk.get("size")?.as_text()?).ok();
    steps.extend(disks.iter().filter_map(|(slot, disk)| Some(guest.resize(slot, bytes(disk)?))));
    steps
}

/// Returns what the disks of a guest hold together, as far as its block says.
fn wanted_bytes(vm: &Value) -> u64 {
    let disks = vm.get("disk").and_then(Value::as_entries).into_iter().flatten();
    disks.filter_map(|(_, disk)| size::parse(disk.get("size")?.as_text()?).ok()).sum()
}

/// One call makes the guest with everything it has; disks from images grow afterwards, because nobody knows the size of an image.
fn make(guest: &Guest) -> Vec<Step> {
    let draft = guest.draft;
    let (changed, empty) = (BTreeSet::new(), ConfigValues::default());
    let source = Source {
        desired: draft.desired,
        present: &empty,
        is_clone: false,
        moved: &BTreeSet::new(),
        marker: draft.marker,
        project: draft.project,
        changed: &changed,
    };
    let mut call = Call::post(format!("/nodes/{}/qemu", guest.node)).with("vmid", guest.vmid.to_string());
    let keys = all_keys(&source);
    for key in &keys {
        call = match encode(key, &source) {
            Write::Set(text) => call.with(key.clone(), text),
            Write::SetSecret(text) => call.with_secret(key.clone(), text),
            Write::Unset => call,
        };
    }
    if let Some((slot, volume)) = cloud_init_drive(&source).filter(|_| needs_drive(&keys)) {
        call = call.with(slot, volume);
    }
    if let Some(pool) = guest.text("pool") {
        call = call.with("pool", pool);
    }
    let verify = guest.verify_made(&guest.node, "qmcreate", &guest.vmid.to_string());
    let deadline_ms = guest.copy_deadline_ms(wanted_bytes(draft.desired));
    let mut steps = vec![guest.step("create", call, Guard::Vacant { vmid: guest.vmid }, verify, deadline_ms)];
    let disks = draft.desired.get("disk").and_then(Value::as_entries).into_iter().flatten();
    steps.extend(disks.filter(|(_, disk)| disk.get("import_from").is_some()).filter_map(|(slot, disk)| {
        let bytes = size::parse(disk.get("size")?.as_text()?).ok()?;
        Some(guest.resize(slot, bytes))
    }));
    steps
}

/// Returns the steps that change a guest, with a reboot if one of the changes needs it. It leaves its node last: what keeps it there, such
/// as a disk of that node, is gone by then.
pub(super) fn update(draft: &Draft, changed: &Changed) -> Vec<Step> {
    let mut guest = Guest::of("qemu", draft);
    let empty = ConfigValues::default();
    let present = guest.view().and_then(|view| view.config.as_ref()).map_or(&empty, |config| &config.values);
    let relocation = Relocation::of(&guest, present, changed);
    let source = Source {
        desired: draft.desired,
        present,
        is_clone: false,
        moved: &relocation.moved(),
        marker: draft.marker,
        project: draft.project,
        changed: &changed.paths,
    };

    let was_running = guest.is_running();
    // The server moves the state of a trusted platform module only while nobody uses it.
    let is_running = was_running && !relocation.moves("tpmstate0");
    let mut steps = Vec::new();
    if was_running && !is_running {
        steps.push(guest.shutdown());
    }
    steps.extend(relocation.before(&guest));
    let mut keys: BTreeSet<String> = changed.paths.iter().flat_map(keys_of).collect();
    let destroyed: Vec<String> = keys.extract_if(.., |key| destroys_disk(&guest, key)).collect();
    // Disks grow before options are written: an option that waits for a reboot brings the size of its time along.
    if changed.paths.iter().any(|path| path.root() == Some("disk")) {
        steps.extend(grow(&guest, present));
    }
    steps.extend(configure(&guest, &source, &keys, &guest.marker_guard(true)));
    steps.extend(destroyed.iter().map(|slot| guest.destroy_volume(slot)));
    let is_first_a_write = !steps.is_empty();
    if changed.paths.iter().any(|path| path.root() == Some("pool")) {
        steps.extend(guest.change_pool());
    }
    let leaving = relocation.leave(&mut guest, is_running);
    if is_first_a_write || steps.is_empty() && !leaving.is_empty() {
        steps.extend(leaving);
        guest.as_planned(&mut steps);
    } else {
        steps.extend(leaving);
    }
    let wants_power = guest.text("power");
    let needs_reboot = changed.impact >= Impact::Reboot;
    match (is_running, wants_power) {
        (false, Some("running")) => steps.push(guest.start()),
        (false, Some("ignore")) if was_running => steps.push(guest.start()),
        (true, Some("stopped")) => steps.push(guest.shutdown()),
        (true, _) if needs_reboot => steps.extend(guest.reboot()),
        _ => {}
    }
    steps
}

/// Returns the steps that stop and remove a guest with its disks.
pub(super) fn delete(draft: &Draft) -> Vec<Step> {
    Guest::of("qemu", draft).destroy()
}

/// Returns what a guest's operations hold: the guest, and for a clone a place in its node's and store's queue.
pub(super) fn locks(draft: &Draft) -> Vec<Lock> {
    let vmid = draft.identity.get("vmid").unwrap_or_default();
    let mut locks = vec![Lock { name: format!("guest {vmid}"), limit: 1 }];
    let is_made = draft.found.is_none() && !draft.desired.is_null();
    if let Some(template) = template_of(draft.desired).filter(|_| is_made) {
        let source = draft.guest(template).map_or("", |guest| guest.node.as_str());
        let limit = draft.clones_per_node.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(CLONES_PER_NODE);
        locks.push(Lock { name: format!("clones on {source}"), limit });
    }
    locks.extend(relocate::lock(draft));
    locks
}

fn clone_step(guest: &Guest, template: u32, source_node: &str, source: &ConfigValues) -> Step {
    let is_full = guest.text("clone") == Some("full");
    let mut call = Call::post(format!("/nodes/{source_node}/qemu/{template}/clone"))
        .with("newid", guest.vmid.to_string())
        .with("name", guest.text("name").unwrap_or_default())
        .with("description", guest.draft.marker.with_text(guest.text("description").unwrap_or_default()))
        .with("full", if is_full { "1" } else { "0" });
    if let Some(pool) = guest.text("pool") {
        call = call.with("pool", pool);
    }
    if guest.node != source_node {
        call = call.with("target", guest.node.clone());
    }
    if let Some(storage) = clone_storage(guest, source).filter(|_| is_full) {
        call = call.with("storage", storage);
    }
    let verify = guest.verify_made(source_node, "qmclone", &template.to_string());
    // A linked clone copies nothing; what takes it longer than this is not on its way.
    let deadline_ms = match is_full {
        true => guest.copy_deadline_ms(source.values().filter_map(|value| disk_bytes(value)).sum()),
        false => guest.timeout_ms("clone", LINKED_CLONE_MS),
    };
    guest.step("clone", call, Guard::Vacant { vmid: guest.vmid }, verify, deadline_ms)
}

/// The storage a full clone goes to: that of the first managed disk of the template that wants another than the template's.
fn clone_storage(guest: &Guest, source: &ConfigValues) -> Option<String> {
    let disks = guest.desired.get("disk")?.as_entries()?;
    disks.iter().find_map(|(slot, disk)| {
        let wanted = disk.get("storage")?.as_text()?;
        let present = storage_of(source.get(slot)?)?;
        (wanted != present).then(|| wanted.to_owned())
    })
}

/// One write with every key. A background worker does it where volumes are made or devices plugged, because a synchronous call is cut
/// off after 30 s by the proxy between nodes.
fn configure(guest: &Guest, source: &Source, keys: &BTreeSet<String>, guard: &Guard) -> Option<Step> {
    if keys.is_empty() {
        return None;
    }
    let mut wanted = BTreeMap::new();
    let mut deleted = Vec::new();
    let mut parameters: Vec<(String, Write)> = Vec::new();
    for key in keys {
        let write = encode(key, source);
        match &write {
            Write::Unset if source.present.contains_key(key) => {
                deleted.push(key.clone());
                wanted.insert(key.clone(), None);
            }
            Write::Unset => {}
            Write::Set(text) => {
                let is_volume = ["efidisk0", "tpmstate0"].contains(&key.as_str())
                    || source.desired.get("disk").is_some_and(|disks| disks.get(key).is_some());
                if !is_volume {
                    wanted.insert(key.clone(), Some(text.clone()));
                }
                parameters.push((key.clone(), write));
            }
            Write::SetSecret(_) => parameters.push((key.clone(), write)),
        }
    }
    if parameters.is_empty() && deleted.is_empty() {
        return None;
    }
    let drive = cloud_init_drive(source).filter(|_| needs_drive(keys));
    let plugs = drive.is_some()
        || keys.iter().any(|key| {
            source.desired.get("disk").is_some_and(|disks| disks.get(key).is_some()) || key.starts_with("net")
        });
    let is_background = plugs || !source.is_clone;
    let mut call = if is_background { Call::post(guest.path("/config")) } else { Call::put(guest.path("/config")) };
    for (key, write) in parameters {
        call = match write {
            Write::Set(text) => call.with(key, text),
            Write::SetSecret(text) => call.with_secret(key, text),
            Write::Unset => unreachable!("collected under `deleted`"),
        };
    }
    if let Some((slot, volume)) = drive {
        call = call.with(slot, volume);
    }
    if !deleted.is_empty() {
        call = call.with("delete", deleted.join(","));
    }
    let wanted = wanted.into_iter().collect();
    let verify = Verify::Config { node: guest.node.clone(), vmid: guest.vmid, wanted };
    Some(guest.step("configure", call, guard.clone(), verify, 120_000))
}

fn needs_drive(keys: &BTreeSet<String>) -> bool {
    keys.iter().any(|key| key.starts_with("ci") || key.starts_with("ipconfig") || key == "sshkeys")
}

/// The drive cloud-init reads from, if the guest has none yet, in a free slot.
fn cloud_init_drive(source: &Source) -> Option<(&'static str, String)> {
    let Source { present, desired, .. } = source;
    if present.values().any(|value| value.contains("cloudinit")) {
        return None;
    }
    let wanted = |block: &str| desired.get(block).and_then(Value::as_entries);
    let disks = wanted("disk").into_iter().flat_map(Entries::values);
    let storage = present
        .iter()
        .find(|(key, value)| is_disk(key, value))
        .and_then(|(_, value)| storage_of(value).map(str::to_owned))
        .or_else(|| disks.filter_map(|disk| disk.get("storage")?.as_text().map(str::to_owned)).next())?;
    let is_taken = |slot: &str| {
        present.contains_key(slot)
            || ["disk", "cdrom"].iter().any(|block| wanted(block).is_some_and(|it| it.contains_key(slot)))
    };
    let slot = ["ide2", "ide0", "ide1", "ide3", "sata5", "scsi30"].into_iter().find(|slot| !is_taken(slot))?;
    Some((slot, format!("{storage}:cloudinit")))
}

/// Disks that are to be bigger than they are. A new disk is made with its size.
fn grow(guest: &Guest, present: &ConfigValues) -> Vec<Step> {
    let disks = guest.desired.get("disk").and_then(Value::as_entries).into_iter().flatten();
    disks
        .filter_map(|(slot, disk)| {
            let wanted = size::parse(disk.get("size")?.as_text()?).ok()?;
            let has = disk_bytes(present.get(slot)?)?;
            (wanted > has).then(|| guest.resize(slot, wanted))
        })
        .collect()
}

/// A disk whose block is gone is detached and kept as `unusedN`, unless the block said otherwise.
fn destroys_disk(guest: &Guest, slot: &str) -> bool {
    let before = guest.draft.applied.get("disk").and_then(|disks| disks.get(slot));
    let is_gone = guest.desired.get("disk").and_then(|disks| disks.get(slot)).is_none();
    is_gone && before.and_then(|disk| disk.get("delete_on_remove")).and_then(Value::as_bool) == Some(true)
}

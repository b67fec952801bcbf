//! The calls that make, change and destroy a container. One call makes it with its whole configuration, from a backup too; later writes are answered at once,
//! because a container knows no background write.

use super::schema::LAYOUT;
use super::volumes::{is_volume, print, print_network, volume_bytes};
use crate::observe::ConfigValues;
use crate::proxmox::Call;
use crate::resources::guest::Guest;
use crate::resources::keys::{Source, Write, is_slot};
use crate::resources::marker::with_tags;
use crate::resources::relocate::{self, Relocation};
use crate::resources::schema::Impact;
use crate::resources::step::{Guard, Lock, Step, Verify};
use crate::resources::{Changed, Draft, size, wire};
use crate::value::{Entries, Path, Step as PathStep, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Returns the steps that make and start a container.
pub(super) fn create(draft: &Draft) -> Vec<Step> {
    let guest = Guest::of("lxc", draft);
    let (changed, empty) = (BTreeSet::new(), ConfigValues::default());
    let source = source(draft, &empty, &changed);
    let mut call = Call::post(format!("/nodes/{}/lxc", guest.node)).with("vmid", guest.vmid.to_string());
    let restore = draft.desired.get("restore").filter(|restore| !restore.is_null());
    call = match restore.and_then(|restore| restore.get("archive")?.as_text()) {
        // Other MAC addresses than in the backup: the container that was backed up may still run.
        Some(archive) => call.with("ostemplate", archive).with("restore", "1").with("unique", "1"),
        None => call.with("ostemplate", guest.text("ostemplate").unwrap_or_default()),
    };
    if let Some(storage) = restore.and_then(|restore| restore.get("storage")?.as_text()) {
        call = call.with("storage", storage);
    }
    for key in all_keys(draft.desired) {
        call = match encode(&key, &source) {
            Write::Set(text) => call.with(key, text),
            Write::SetSecret(text) => call.with_secret(key, text),
            Write::Unset => call,
        };
    }
    let lines = draft.desired.get("ssh_keys").and_then(Value::as_items).unwrap_or_default();
    let keys: Vec<&str> = lines.iter().filter_map(Value::as_text).map(str::trim).collect();
    if !keys.is_empty() && restore.is_none() {
        call = call.with("ssh-public-keys", keys.join("\n"));
    }
    if let Some(password) = guest.text("password") {
        call = call.with_secret("password", password);
    }
    if let Some(pool) = guest.text("pool") {
        call = call.with("pool", pool);
    }
    let (name, worker) = if restore.is_some() { ("restore", "vzrestore") } else { ("create", "vzcreate") };
    let verify = guest.verify_made(&guest.node, worker, &guest.vmid.to_string());
    let deadline_ms = guest.timeout_ms("clone", 3_600_000);
    let mut steps = vec![guest.step(name, call, Guard::Vacant { vmid: guest.vmid }, verify, deadline_ms)];
    if guest.text("power") == Some("running") {
        steps.push(guest.start());
    }
    steps
}

/// Returns the steps that change a container, with a reboot if one of the changes needs it. Its volumes move while it is stopped, and a
/// migration restarts it.
pub(super) fn update(draft: &Draft, changed: &Changed) -> Vec<Step> {
    let mut guest = Guest::of("lxc", draft);
    let empty = ConfigValues::default();
    let config = guest.view().and_then(|view| view.config.as_ref());
    let present = config.map_or(&empty, |config| &config.values);
    let relocation = Relocation::of(&guest, present, changed);
    let moved = relocation.moved();
    let source = Source { moved: &moved, ..source(draft, present, &changed.paths) };
    let was_running = guest.is_running();
    let is_running = was_running && !relocation.moves_volumes();
    let mut steps = Vec::new();
    if was_running && !is_running {
        steps.push(guest.shutdown());
    }
    steps.extend(relocation.before(&guest));
    steps.extend(grow(&guest, present));
    let keys: BTreeSet<String> = changed.paths.iter().flat_map(keys_of).collect();
    steps.extend(configure(&guest, &source, &keys, guest.marker_guard(true)));
    let is_first_a_write = !steps.is_empty();
    if changed.paths.iter().any(|path| path.root() == Some("pool")) {
        steps.extend(guest.change_pool());
    }
    let leaving = relocation.leave(&mut guest, is_running);
    let is_first_planned = is_first_a_write || steps.is_empty() && !leaving.is_empty();
    let restarts = !leaving.is_empty();
    steps.extend(leaving);
    if is_first_planned {
        guest.as_planned(&mut steps);
    }
    match (is_running, guest.text("power")) {
        (false, Some("running")) => steps.push(guest.start()),
        (false, Some("ignore")) if was_running => steps.push(guest.start()),
        (true, Some("stopped")) => steps.push(guest.shutdown()),
        (true, _) if changed.impact >= Impact::Reboot && !restarts => steps.extend(guest.reboot()),
        _ => {}
    }
    steps
}

/// Returns the steps that stop and remove a container with its volumes.
pub(super) fn delete(draft: &Draft) -> Vec<Step> {
    Guest::of("lxc", draft).destroy()
}

/// Returns what a container's operations hold.
pub(super) fn locks(draft: &Draft) -> Vec<Lock> {
    let own = Lock { name: format!("guest {}", draft.identity.get("vmid").unwrap_or_default()), limit: 1 };
    [own].into_iter().chain(relocate::lock(draft)).collect()
}

static NONE: BTreeSet<String> = BTreeSet::new();

fn source<'a>(draft: &'a Draft, present: &'a ConfigValues, changed: &'a BTreeSet<Path>) -> Source<'a> {
    let Draft { desired, marker, project, .. } = *draft;
    Source { desired, present, is_clone: false, moved: &NONE, changed, marker, project }
}

/// Returns the keys that carry an attribute; none for those that are not in the configuration (power, pool, node, sizes).
fn keys_of(path: &Path) -> Vec<String> {
    let name = |index: usize| match path.0.get(index) {
        Some(PathStep::Key(name) | PathStep::Attribute(name)) => Some(&**name),
        Some(PathStep::Index(_)) | None => None,
    };
    match (path.root().unwrap_or_default(), name(1), name(2)) {
        ("description" | "tags", ..) => vec![path.to_string()],
        ("rootfs", Some("size" | "storage"), _) | ("mount", Some(_), Some("size" | "storage")) => Vec::new(),
        ("rootfs", ..) => vec!["rootfs".to_owned()],
        ("mount" | "network" | "extra", Some(slot), _) => vec![slot.to_owned()],
        _ => LAYOUT.keys_of(path),
    }
}

fn all_keys(desired: &Value) -> BTreeSet<String> {
    let mut keys = LAYOUT.wanted_keys(desired);
    let labels = ["mount", "network", "extra"].into_iter().filter_map(|block| desired.get(block)?.as_entries());
    keys.extend(labels.flat_map(Entries::keys).map(ToString::to_string));
    keys.extend(["rootfs", "description", "tags"].map(str::to_owned));
    keys
}

fn encode(key: &str, source: &Source) -> Write {
    let plain = |text: Option<String>| text.map_or(Write::Unset, Write::Set);
    match key {
        "description" => {
            let text = source.desired.get("description").and_then(Value::as_text);
            Write::Set(source.marker.with_text(text.unwrap_or_default()))
        }
        "tags" => {
            let own = source.desired.get("tags").and_then(Value::as_items).unwrap_or_default();
            let own = own.iter().filter_map(Value::as_text).map(str::to_owned);
            Write::Set(with_tags(own, source.project).into_iter().collect::<Vec<_>>().join(";"))
        }
        _ if is_volume(key) => plain(print(key, source)),
        _ if is_slot(key, "net", 32) => plain(print_network(key, source)),
        _ => LAYOUT
            .encode(key, source)
            .unwrap_or_else(|| plain(source.desired.get("extra").and_then(|extra| wire::print(extra.get(key)?)))),
    }
}

/// Volumes that are to be bigger than they are. A new one is made with its size.
fn grow(guest: &Guest, present: &ConfigValues) -> Vec<Step> {
    let mounts = guest.desired.get("mount").and_then(Value::as_entries).into_iter().flatten();
    let rootfs = guest.desired.get("rootfs").into_iter().map(|rootfs| ("rootfs", rootfs));
    let volumes = rootfs.chain(mounts.map(|(slot, mount)| (&**slot, mount)));
    let growing = volumes.filter_map(|(slot, volume)| {
        let wanted = size::parse(volume.get("size")?.as_text()?).ok()?;
        let has = volume_bytes(present.get(slot)?)?;
        (wanted > has).then(|| guest.resize(slot, wanted))
    });
    growing.collect()
}

fn configure(guest: &Guest, source: &Source, keys: &BTreeSet<String>, guard: Guard) -> Option<Step> {
    let mut call = Call::put(guest.path("/config"));
    let (mut wanted, mut deleted) = (BTreeMap::new(), Vec::new());
    for key in keys {
        match encode(key, source) {
            Write::Unset if source.present.contains_key(key) => {
                deleted.push(key.clone());
                wanted.insert(key.clone(), None);
            }
            Write::Unset => {}
            Write::Set(text) => {
                if !is_volume(key) && !is_slot(key, "net", 32) && key != "description" {
                    wanted.insert(key.clone(), Some(text.clone()));
                }
                call = call.with(key.clone(), text);
            }
            Write::SetSecret(text) => call = call.with_secret(key.clone(), text),
        }
    }
    if !deleted.is_empty() {
        call = call.with("delete", deleted.join(","));
    }
    if call.parameters.is_empty() {
        return None;
    }
    let wanted = wanted.into_iter().collect();
    let verify = Verify::Config { node: guest.node.clone(), vmid: guest.vmid, wanted };
    Some(guest.step("configure", call, guard, verify, 120_000))
}

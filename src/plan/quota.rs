//! Does it fit: each tenant's tier, and each node's memory, before and after the plan.
//!
//! Counted is what is configured, of every guest in the tenant's pool, ours or not, templates excluded.

use super::change::Action;
use super::judge::Judged;
use super::wish::{Scene, TenantFacts};
use super::{Capacity, Quota, QuotaLine};
use crate::config::Address;
use crate::diagnostics::{Diagnostic, Diagnostics, Span};
use crate::observe::{ClusterView, GuestView, Power};
use crate::resources::vm::decode::all_disks_bytes;
use crate::resources::{is_guest, size};
use crate::value::{Path, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What one guest uses.
#[derive(Clone, Debug, Default)]
struct Usage {
    node: String,
    pool: Option<String>,
    cores: u64,
    memory: u64,
    disk: u64,
    is_running: bool,
    /// The object that brings it about, if the plan does.
    by: Option<Address>,
}

type Guests = BTreeMap<u32, Usage>;

/// What several guests use together.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    cores: u64,
    memory: u64,
    disk: u64,
    guests: u64,
}

impl Sum {
    fn add(&mut self, guest: &Usage) {
        self.cores += guest.cores;
        self.memory += guest.memory;
        self.disk += guest.disk;
        self.guests += 1;
    }
}

/// Returns what the guests of each pool use.
fn by_pool(guests: &Guests) -> BTreeMap<&str, Sum> {
    let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
    for (pool, guest) in guests.values().filter_map(|guest| Some((guest.pool.as_deref()?, guest))) {
        sums.entry(pool).or_default().add(guest);
    }
    sums
}

/// Returns what the running guests of each node use.
fn by_node(guests: &Guests) -> BTreeMap<&str, Sum> {
    let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
    for guest in guests.values().filter(|guest| guest.is_running) {
        sums.entry(&guest.node).or_default().add(guest);
    }
    sums
}

/// Returns quota and capacity tables, and an error for everything that does not fit and is made worse by the plan.
pub(super) fn check(scene: &Scene, judged: &BTreeMap<Address, Judged>) -> (Vec<Quota>, Vec<Capacity>, Diagnostics) {
    let mut quotas = Vec::new();
    let mut capacity = Vec::new();
    let mut diagnostics = Diagnostics::new();
    let servers = servers(scene, judged);
    for cluster in scene.input.stack.clusters.keys() {
        let Some(view) = scene.view(cluster) else { continue };
        let before = usage_now(view);
        let after = usage_after(&before, cluster, judged);
        let pools = (by_pool(&before), by_pool(&after));
        for tenant in scene.tenants.values().filter(|tenant| tenant.cluster == *cluster) {
            let of_tenant = |sums: &BTreeMap<&str, Sum>| sums.get(&*tenant.pool).copied().unwrap_or_default();
            let guests = (of_tenant(&pools.0), of_tenant(&pools.1));
            let servers = servers.get(&tenant.address).copied().unwrap_or_default();
            quotas.extend(quota(scene, judged, tenant, guests, servers, &mut diagnostics));
        }
        nodes(scene, judged, cluster, view, (&before, &after), &mut capacity, &mut diagnostics);
    }
    (quotas, capacity, diagnostics)
}

fn usage_now(view: &ClusterView) -> Guests {
    view.guests.values().filter(|guest| !guest.is_template).map(|guest| (guest.vmid, usage_of(guest))).collect()
}

fn usage_of(guest: &GuestView) -> Usage {
    let disk = guest.config.as_ref().map_or(guest.disk_bytes, |config| all_disks_bytes(&config.values));
    Usage {
        node: guest.node.clone(),
        pool: guest.pool.clone(),
        cores: guest.cores,
        memory: guest.memory_bytes,
        disk,
        is_running: guest.power == Power::Running,
        by: None,
    }
}

fn usage_after(before: &Guests, cluster: &Arc<str>, judged: &BTreeMap<Address, Judged>) -> Guests {
    let mut after = before.clone();
    for object in judged.values().filter(|object| is_guest(object.object.name) && object.change.cluster == *cluster) {
        let change = &object.change;
        if matches!(change.action, Action::Delete | Action::Replace)
            && let Some(vmid) = object.identity_before.as_ref().and_then(crate::state::Identity::vmid)
        {
            after.remove(&vmid);
        }
        let is_made_or_changed = matches!(change.action, Action::Create | Action::Update | Action::Replace);
        if let Some(vmid) = change.identity.vmid().filter(|_| is_made_or_changed) {
            let present = before.get(&vmid).cloned().unwrap_or_default();
            after.insert(vmid, wanted_usage(object, &present));
        }
    }
    after
}

fn wanted_usage(object: &Judged, present: &Usage) -> Usage {
    let value = &object.desired;
    let number = |name: &str| value.get(name).and_then(Value::as_i64).and_then(|number| u64::try_from(number).ok());
    let bytes = |value: Option<&Value>| value.and_then(Value::as_text).and_then(|text| size::parse(text).ok());
    let power = value.get("power").and_then(Value::as_text);
    let cores = number("cores").map(|cores| cores * number("sockets").unwrap_or(1));
    Usage {
        node: object.change.identity.node().unwrap_or_default().to_owned(),
        pool: value.get("pool").and_then(Value::as_text).map(str::to_owned),
        cores: cores.unwrap_or(present.cores),
        memory: bytes(value.get("memory")).unwrap_or(present.memory),
        disk: disk_after(object, present.disk),
        is_running: power
            .map_or(present.is_running, |power| power == "running" || (power == "ignore" && present.is_running)),
        by: Some(object.change.address.clone()),
    }
}

/// Managed slots count with what is wanted, the others with what is there or comes with the template.
fn disk_after(object: &Judged, present: u64) -> u64 {
    let sizes = |value: &Value| -> BTreeMap<Arc<str>, u64> {
        let labelled = |block: &str| value.get(block).and_then(Value::as_entries).into_iter().flatten();
        let disks = labelled("disk").chain(labelled("mount")).map(|(slot, disk)| (slot.clone(), disk));
        let disks = disks.chain(value.get("rootfs").map(|rootfs| ("rootfs".into(), rootfs)));
        disks.filter_map(|(slot, disk)| Some((slot, size::parse(disk.get("size")?.as_text()?).ok()?))).collect()
    };
    let wanted = sizes(&object.desired);
    if wanted.is_empty() {
        return present;
    }
    let there = object.found.as_ref().map_or_else(BTreeMap::new, |found| sizes(&found.value));
    there.into_iter().chain(wanted).collect::<BTreeMap<_, _>>().values().sum()
}

fn quota(
    scene: &Scene,
    judged: &BTreeMap<Address, Judged>,
    tenant: &TenantFacts,
    (before, after): (Sum, Sum),
    servers: Servers,
    diagnostics: &mut Diagnostics,
) -> Option<Quota> {
    let tier = tenant.tier.as_entries()?;
    let name = tenant.tier.address().and_then(|address| address.parse::<Address>().ok())?.name.to_string();
    let limit = |name: &str| {
        let value = tier.get(name)?;
        value.as_i64().and_then(|number| u64::try_from(number).ok()).or_else(|| size::parse(value.as_text()?).ok())
    };
    let amounts: [(&'static str, u64, u64); 6] = [
        ("cores", before.cores, after.cores),
        ("memory", before.memory, after.memory),
        ("disk", before.disk, after.disk),
        ("vms", before.guests, after.guests),
        ("game_servers", servers.before, servers.after),
        ("public_ports", servers.public_before, servers.public_after),
    ];
    let lines: Vec<QuotaLine> = amounts
        .into_iter()
        .filter_map(|(what, before, after)| Some(QuotaLine { what, before, after, limit: limit(what)? }))
        .collect();
    for line in lines.iter().filter(|line| line.after > line.limit && line.after > line.before) {
        diagnostics.push(exceeded(scene, judged, tenant, line, &name));
    }
    Some(Quota { tenant: tenant.address.clone(), tier: name, lines })
}

#[derive(Clone, Copy, Default)]
struct Servers {
    before: u64,
    after: u64,
    public_before: u64,
    public_after: u64,
}

/// Counts the game servers of each tenant. Who is public is written in the block; before the plan, the recorded ones count by their block too.
fn servers<'a>(scene: &'a Scene, judged: &BTreeMap<Address, Judged>) -> BTreeMap<&'a Address, Servers> {
    let mut tenants: BTreeMap<&Address, Servers> = BTreeMap::new();
    for object in judged.values().filter(|object| object.object.name == "provision") {
        let wish = scene.wishes.get(&object.change.address);
        let Some(tenant) = wish.and_then(|wish| wish.tenant.as_ref()) else { continue };
        let servers = tenants.entry(tenant).or_default();
        let block = scene.objects.get(&object.change.address.block());
        let is_public = block.and_then(|block| block.get("expose")).and_then(Value::as_text) == Some("public");
        let was_there = object.identity_before.is_some();
        servers.after += 1;
        servers.before += u64::from(was_there);
        servers.public_after += u64::from(is_public);
        servers.public_before += u64::from(is_public && was_there);
    }
    tenants
}

/// The message stands where the tenant's last addition is written; the tier is the second place.
fn exceeded(
    scene: &Scene,
    judged: &BTreeMap<Address, Judged>,
    tenant: &TenantFacts,
    line: &QuotaLine,
    tier: &str,
) -> Diagnostic {
    let print = |amount: u64| match line.what {
        "memory" | "disk" => size::print(amount),
        _ => amount.to_string(),
    };
    let kind = if matches!(line.what, "game_servers" | "public_ports") { "provision" } else { "vm" };
    let adds = |object: &&Judged| {
        let is_added = matches!(object.change.action, Action::Create | Action::Update | Action::Replace);
        let wish = scene.wishes.get(&object.change.address);
        is_added && object.object.name == kind && wish.and_then(|wish| wish.tenant.as_ref()) == Some(&tenant.address)
    };
    let last = judged.values().rfind(adds);
    let summary = format!(
        "{} has {} {} in tier `{tier}`, and this plan needs {}",
        tenant.address,
        print(line.limit),
        line.what.replace('_', " "),
        print(line.after)
    );
    let diagnostic = match last {
        Some(object) => {
            let place = place_of(scene, &object.change.address, line.what).unwrap_or(tenant.span);
            Diagnostic::error(summary)
                .at(place)
                .about(&object.change.address)
                .label(tenant.span, "the tier is given here")
        }
        None => Diagnostic::error(summary).at(tenant.span).about(&tenant.address),
    };
    let by = line.after - line.limit;
    diagnostic.hint(format!("ask for {} less, or give the tenant a larger tier", print(by)))
}

fn place_of(scene: &Scene, address: &Address, what: &str) -> Option<Span> {
    Some(scene.wishes.get(address)?.span_of(&Path::attribute(what)))
}

fn nodes(
    scene: &Scene,
    judged: &BTreeMap<Address, Judged>,
    cluster: &Arc<str>,
    view: &ClusterView,
    (before, after): (&Guests, &Guests),
    capacity: &mut Vec<Capacity>,
    diagnostics: &mut Diagnostics,
) {
    let (nodes_before, nodes_after) = (by_node(before), by_node(after));
    for (name, node) in &view.nodes {
        let running = |sums: &BTreeMap<&str, Sum>| sums.get(&**name).copied().unwrap_or_default();
        let (running_before, running_after) = (running(&nodes_before), running(&nodes_after));
        let line = Capacity {
            cluster: cluster.clone(),
            node: name.clone(),
            memory_before_bytes: running_before.memory,
            memory_after_bytes: running_after.memory,
            memory_bytes: node.memory_bytes,
            cores_after: running_after.cores,
            cores: node.cores,
            guests_after: running_after.guests,
        };
        let is_worse = line.memory_after_bytes > line.memory_before_bytes;
        if node.is_online && line.memory_bytes > 0 && is_worse && line.memory_after_bytes > line.memory_bytes {
            let mut on_it = after.values().rev().filter(|guest| guest.is_running && guest.node == *name);
            let culprit = on_it.find_map(|guest| guest.by.clone());
            diagnostics.push(node_full(scene, judged, &line, culprit));
        }
        capacity.push(line);
    }
}

fn node_full(
    scene: &Scene,
    judged: &BTreeMap<Address, Judged>,
    line: &Capacity,
    culprit: Option<Address>,
) -> Diagnostic {
    let summary = format!(
        "node {} has {} of memory, and its running guests would have {}",
        line.node,
        size::print(line.memory_bytes),
        size::print(line.memory_after_bytes)
    );
    let mut diagnostic =
        Diagnostic::error(summary).hint("ask for less memory, or leave `node` out so that another is chosen");
    if let Some(address) = culprit.filter(|address| judged.contains_key(address)) {
        if let Some(span) = place_of(scene, &address, "memory") {
            diagnostic = diagnostic.at(span);
        }
        diagnostic = diagnostic.about(&address);
    }
    diagnostic
}

//! `snapshot`: a moment of a guest to go back to. Its owner marker is in its description, as a guest's is.

use super::marker::{Marker, text_without};
use super::schema::{Attribute, Impact, Schema, Takes};
use super::step::{Guard, GuardedCall, Lock, Step, Task, Verify};
use super::{Changed, Draft, Found, Lookup, ObjectType, Sighting};
use crate::observe::Seen;
use crate::proxmox::call::segment;
use crate::proxmox::{Call, decode};
use crate::state::{Effect, Identity};
use crate::value::Value;

/// The type. Source: API sections `/nodes/{node}/qemu/{vmid}/snapshot` and `/nodes/{node}/lxc/{vmid}/snapshot`.
pub static SNAPSHOT: ObjectType = ObjectType {
    name: "snapshot",
    summary: "A snapshot of a virtual machine or container: a moment to go back to.",
    schema: &SCHEMA,
    example: r#"snapshot "before_update" {
  vm          = vm.mc
  description = "before the update to 1.22"
}
"#,
    reads: |identity| vec![table(identity)],
    import_id: Some(("the VMID of its guest and its name, such as `5000/before_update`", by_guest)),
    claim,
    identify,
    sight,
    create,
    update,
    delete,
    locks: |draft| vec![Lock { name: format!("guest {}", part(draft.identity, "vmid")), limit: 1 }],
    ..ObjectType::BASE
};

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new("vm", Takes::Reference("vm"), "The virtual machine it is of; this or `container`.")
            .on_change(Impact::None)
            .recorded(),
        Attribute::new("container", Takes::Reference("container"), "The container it is of; this or `vm`.")
            .on_change(Impact::None)
            .recorded(),
        Attribute::new("vmid", Takes::Integer(100, 999_999_999), "VMID of the guest.")
            .derived()
            .on_change(Impact::Recreate),
        Attribute::new(
            "name",
            Takes::Text,
            "Its name: a letter, then letters, digits, `_` and `-`; default: the label.",
        )
        .chosen()
        .on_change(Impact::Recreate),
        Attribute::new("description", Takes::Text, "What it is for; the owner marker stands under it.").or(""),
        Attribute::new("vmstate", Takes::Bool, "Whether it holds the memory of a running virtual machine too.")
            .or("false")
            .on_change(Impact::Recreate),
    ],
    blocks: &[],
};

/// Where a snapshot is: its guest, and its name there.
fn identify(snapshot: &Value) -> Identity {
    let guest = ["vm", "container"].into_iter().find_map(|kind| Some((kind, snapshot.get(kind)?)));
    let (kind, guest) =
        guest.map_or(("qemu", None), |(kind, guest)| (if kind == "vm" { "qemu" } else { "lxc" }, Some(guest)));
    let text = |name: &str| guest.and_then(|guest| guest.get(name)).and_then(Value::as_text).unwrap_or_default();
    let vmid = guest.and_then(|guest| guest.get("vmid")).and_then(Value::as_i64).unwrap_or_default();
    Identity::of([
        ("kind", kind.to_owned()),
        ("node", text("node").to_owned()),
        ("snapshot", snapshot.get("name").and_then(Value::as_text).unwrap_or_default().to_owned()),
        ("vmid", vmid.to_string()),
    ])
}

fn by_guest(id: &str) -> Result<Identity, String> {
    let parts = id.split_once('/').filter(|(vmid, name)| vmid.parse::<u32>().is_ok() && !name.is_empty());
    let (vmid, name) = parts.ok_or_else(|| "expected a VMID, `/` and the name of a snapshot".to_owned())?;
    Ok(Identity::of([("snapshot", name.to_owned()), ("vmid", vmid.to_owned())]))
}

fn part<'a>(identity: &'a Identity, name: &str) -> &'a str {
    identity.get(name).unwrap_or_default()
}

/// Where the snapshots of its guest are among the tables that are read.
fn table(identity: &Identity) -> String {
    format!("/guests/{}/snapshot", part(identity, "vmid"))
}

fn list(identity: &Identity) -> String {
    format!("/nodes/{}/{}/{}/snapshot", part(identity, "node"), part(identity, "kind"), part(identity, "vmid"))
}

fn path(identity: &Identity) -> String {
    format!("{}/{}", list(identity), segment(part(identity, "snapshot")))
}

fn sight(lookup: &Lookup) -> Sighting {
    let Some(guest) = lookup.identity.vmid().and_then(|vmid| lookup.view.guests.get(&vmid)) else {
        return Sighting::Absent;
    };
    if guest.seen == Seen::Unreachable {
        return Sighting::Unreachable { node: guest.node.clone() };
    }
    let identity = Identity::of([
        ("kind", guest.kind.segment().to_owned()),
        ("node", guest.node.clone()),
        ("snapshot", part(lookup.identity, "snapshot").to_owned()),
        ("vmid", part(lookup.identity, "vmid").to_owned()),
    ]);
    let table = table(lookup.identity);
    let Some(list) = lookup.view.tables.get(&table) else {
        // Only the snapshots of guests that have records are read, and those nobody could read may well be there.
        return match (lookup.view.hidden.contains(&table), lookup.applied.is_null()) {
            (true, _) => Sighting::Hidden { table },
            (false, true) => Sighting::Absent,
            (false, false) => Sighting::Unreachable { node: guest.node.clone() },
        };
    };
    let is_named = |row: &&serde_json::Value| {
        row.get("name").and_then(decode::text).as_deref() == Some(part(lookup.identity, "snapshot"))
    };
    let Some(row) = list.as_array().into_iter().flatten().find(is_named) else { return Sighting::Absent };
    let description = row.get("description").and_then(decode::text).unwrap_or_default();
    let name = part(&identity, "snapshot");
    let marker = Marker::find(&description);
    if let Some(marker) = marker.as_ref().filter(|_| lookup.is_claim) {
        return Sighting::Foreign(format!("snapshot {name} of guest {} is marked as {}", guest.vmid, marker.address));
    }
    if !lookup.intent.is_empty() && marker.is_none_or(|marker| marker.intent != lookup.intent) {
        return Sighting::Foreign(format!("snapshot {name} of guest {} is not ours", guest.vmid));
    }
    let value = Value::object([
        ("vmid", Value::from(i64::from(guest.vmid))),
        ("name", Value::text(name)),
        ("description", Value::text(text_without(&description))),
        ("vmstate", Value::from(row.get("vmstate").and_then(decode::boolean).unwrap_or(false))),
    ]);
    Sighting::Present(Box::new(Found { value, identity, running: None, digest: None, notes: Vec::new() }))
}

/// Marks a snapshot as ours and changes nothing else.
fn claim(draft: &Draft) -> Vec<Step> {
    let text = draft.found.and_then(|found| found.value.get("description")).and_then(Value::as_text);
    vec![step(draft, "mark", described(draft, text.unwrap_or_default()), true)]
}

fn create(draft: &Draft) -> Vec<Step> {
    let has_memory = draft.desired.get("vmstate").and_then(Value::as_bool) == Some(true);
    let call = Call::post(list(draft.identity))
        .with("snapname", part(draft.identity, "snapshot"))
        .with("description", draft.marker.with_text(text(draft)));
    let call = if has_memory { call.with("vmstate", "1") } else { call };
    vec![step(draft, "snapshot", call, true)]
}

fn update(draft: &Draft, changed: &Changed) -> Vec<Step> {
    if changed.impact == Impact::None {
        return Vec::new();
    }
    vec![step(draft, "update", described(draft, text(draft)), true)]
}

fn delete(draft: &Draft) -> Vec<Step> {
    vec![step(draft, "destroy", Call::delete(path(draft.identity)), false)]
}

fn text<'a>(draft: &Draft<'a>) -> &'a str {
    draft.desired.get("description").and_then(Value::as_text).unwrap_or_default()
}

fn described(draft: &Draft, text: &str) -> Call {
    Call::put(format!("{}/config", path(draft.identity))).with("description", draft.marker.with_text(text))
}

fn step(draft: &Draft, name: &str, call: Call, is_present: bool) -> Step {
    let read = Call::get(format!("{}/config", path(draft.identity)));
    let verify = Verify::ByContent { read, is_present };
    let node = part(draft.identity, "node").to_owned();
    // A guest may have moved since the plan was made, or by it.
    let guard = Guard::Owned { node, vmid: draft.identity.vmid().unwrap_or_default() };
    Step {
        name: name.into(),
        task: Task::Call(Box::new(GuardedCall { call, guard, verify, deadline_ms: 600_000 })),
        effect: Effect::None,
        estimate_ms: 0,
    }
}

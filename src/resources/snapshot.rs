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
    reads: |identity| vec![list(identity)],
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

fn part<'a>(identity: &'a Identity, name: &str) -> &'a str {
    identity.get(name).unwrap_or_default()
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
        ("kind", part(lookup.identity, "kind").to_owned()),
        ("node", guest.node.clone()),
        ("snapshot", part(lookup.identity, "snapshot").to_owned()),
        ("vmid", part(lookup.identity, "vmid").to_owned()),
    ]);
    let present = |value: Value, notes| {
        Sighting::Present(Box::new(Found { value, identity: identity.clone(), running: None, digest: None, notes }))
    };
    let Some(table) = lookup.view.tables.get(&list(lookup.identity)) else {
        // The list is read where the guest was recorded. Snapshots move along, and are looked at there by the next plan.
        let is_moved = guest.node != part(lookup.identity, "node") && !lookup.applied.is_null();
        let note = format!("not looked at: its guest moved to {}", guest.node);
        return if is_moved { present(lookup.applied.clone(), vec![note]) } else { Sighting::Absent };
    };
    let is_named = |row: &&serde_json::Value| {
        row.get("name").and_then(decode::text).as_deref() == Some(part(lookup.identity, "snapshot"))
    };
    let Some(row) = table.as_array().into_iter().flatten().find(is_named) else { return Sighting::Absent };
    let description = row.get("description").and_then(decode::text).unwrap_or_default();
    let marker = Marker::find(&description);
    if !lookup.intent.is_empty() && marker.is_none_or(|marker| marker.intent != lookup.intent) {
        return Sighting::Foreign(format!("snapshot {} of VM {} is not ours", part(&identity, "snapshot"), guest.vmid));
    }
    let value = Value::object([
        ("vmid", Value::from(i64::from(guest.vmid))),
        ("name", Value::text(part(&identity, "snapshot"))),
        ("description", Value::text(text_without(&description))),
        ("vmstate", Value::from(row.get("vmstate").and_then(decode::boolean).unwrap_or(false))),
    ]);
    present(value, Vec::new())
}

fn create(draft: &Draft) -> Vec<Step> {
    let has_memory = draft.desired.get("vmstate").and_then(Value::as_bool) == Some(true);
    let call = Call::post(list(draft.identity))
        .with("snapname", part(draft.identity, "snapshot"))
        .with("description", description(draft));
    let call = if has_memory { call.with("vmstate", "1") } else { call };
    vec![step(draft, "snapshot", call, true)]
}

fn update(draft: &Draft, changed: &Changed) -> Vec<Step> {
    if changed.impact == Impact::None {
        return Vec::new();
    }
    let call = Call::put(format!("{}/config", path(draft.identity))).with("description", description(draft));
    vec![step(draft, "update", call, true)]
}

fn delete(draft: &Draft) -> Vec<Step> {
    vec![step(draft, "destroy", Call::delete(path(draft.identity)), false)]
}

fn description(draft: &Draft) -> String {
    let text = draft.desired.get("description").and_then(Value::as_text);
    draft.marker.with_text(text.unwrap_or_default())
}

fn step(draft: &Draft, name: &str, call: Call, is_present: bool) -> Step {
    let read = Call::get(format!("{}/config", path(draft.identity)));
    let verify = Verify::ByContent { read, is_present };
    Step {
        name: name.into(),
        task: Task::Call(Box::new(GuardedCall { call, guard: Guard::None, verify, deadline_ms: 600_000 })),
        effect: Effect::None,
        estimate_ms: 0,
    }
}

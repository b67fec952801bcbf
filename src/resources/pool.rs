//! `pool`: a named set of guests and storages that permissions can refer to. Which guests are in it is said by each guest.

use super::schema::{Attribute, Impact, Schema, Takes};
use super::step::{Guard, GuardedCall, Lock, Step, Task, Verify};
use super::{Changed, Draft, Found, Lookup, ObjectType, Origin, Sighting};
use crate::proxmox::Call;
use crate::proxmox::call::segment;
use crate::state::{Effect, Identity};
use crate::value::{Path, Type, Value};
use std::collections::BTreeSet;

/// The type. Source: API section `/pools`.
pub static POOL: ObjectType = ObjectType {
    name: "pool",
    summary: "A pool: a named set of guests and storages that permissions can refer to.",
    schema: &SCHEMA,
    origin: Origin::Made,
    example: r#"pool "spare" {
  poolid  = "spare"
  comment = "kept for guests made by hand"
}
"#,
    import_id: Some(("its name", |id| super::named("pool", id))),
    identify: |pool| identity(pool.get("poolid").and_then(Value::as_text).unwrap_or_default()),
    sight,
    create,
    update,
    delete,
    is_replaced_first: true,
    locks,
    ..ObjectType::BASE
};

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new("poolid", Takes::Text, "Name of the pool.").required().on_change(Impact::Recreate),
        Attribute::new("comment", Takes::Text, "What it is for.").or(""),
        Attribute::new(
            "storages",
            Takes::Set(&Takes::Text),
            "Storages in it, e.g. `[\"local-lvm\"]`: whose backups and images its users may see. Left out: nobody minds which.",
        ),
    ],
    blocks: &[],
};

/// Returns where the pool of this name is.
pub fn identity(poolid: &str) -> Identity {
    Identity::of([("pool", poolid.to_owned())])
}

fn sight(lookup: &Lookup) -> Sighting {
    let poolid = lookup.identity.get("pool").unwrap_or_default();
    lookup.view.pools.get(poolid).map_or(Sighting::Absent, |pool| {
        Sighting::Present(Box::new(Found {
            value: Value::object([
                ("poolid", Value::text(poolid)),
                ("comment", Value::text(pool.comment.trim_end())),
                (
                    "storages",
                    Value::ordered_set(Type::Text, pool.storages.iter().map(|name| Value::text(name.as_str()))),
                ),
            ]),
            identity: lookup.identity.clone(),
            running: None,
            digest: None,
            notes: Vec::new(),
        }))
    })
}

fn create(draft: &Draft) -> Vec<Step> {
    let call = Call::post("/pools").with("poolid", poolid(draft)).with("comment", comment(draft));
    let mut steps = vec![step(draft, "create", call, true)];
    steps.extend(enter(draft, &storages(draft.desired)));
    steps
}

fn update(draft: &Draft, changed: &Changed) -> Vec<Step> {
    let mut steps = Vec::new();
    if changed.paths.contains(&Path::attribute("comment")) {
        let call = Call::put("/pools").with("poolid", poolid(draft)).with("comment", comment(draft));
        steps.push(step(draft, "update", call, true));
    }
    if changed.paths.contains(&Path::attribute("storages")) {
        let (has, wants) =
            (draft.found.map(|found| storages(&found.value)).unwrap_or_default(), storages(draft.desired));
        let coming = wants.difference(&has).copied().collect();
        let going = has.difference(&wants).copied().collect();
        steps.extend(enter(draft, &coming));
        steps.extend(leave(draft, &going));
    }
    steps
}

/// Only an empty pool can go.
fn delete(draft: &Draft) -> Vec<Step> {
    let there = draft.found.map(|found| storages(&found.value)).unwrap_or_default();
    let ours = storages(draft.applied).intersection(&there).copied().collect();
    let mut steps: Vec<Step> = leave(draft, &ours).into_iter().collect();
    steps.push(step(draft, "destroy", Call::delete("/pools").with("poolid", poolid(draft)), false));
    steps
}

fn storages(pool: &Value) -> BTreeSet<&str> {
    pool.get("storages").and_then(Value::as_items).into_iter().flatten().filter_map(Value::as_text).collect()
}

/// Adding a member again would be refused, so only those come that are not there.
fn enter(draft: &Draft, storages: &BTreeSet<&str>) -> Option<Step> {
    (!storages.is_empty()).then(|| step(draft, "add storages", members(draft, storages), true))
}

fn leave(draft: &Draft, storages: &BTreeSet<&str>) -> Option<Step> {
    (!storages.is_empty()).then(|| step(draft, "remove storages", members(draft, storages).with("delete", "1"), true))
}

fn members(draft: &Draft, storages: &BTreeSet<&str>) -> Call {
    let storages: Vec<&str> = storages.iter().copied().collect();
    Call::put("/pools").with("poolid", poolid(draft)).with("storage", storages.join(","))
}

fn locks(_draft: &Draft) -> Vec<Lock> {
    vec![Lock::cluster_file("user.cfg")]
}

fn step(draft: &Draft, name: &str, call: Call, is_present: bool) -> Step {
    let read = Call::get("/pools").with("poolid", poolid(draft));
    Step {
        name: name.into(),
        task: Task::Call(Box::new(GuardedCall {
            call,
            guard: Guard::None,
            verify: Verify::ByContent { read, is_present },
            deadline_ms: 60_000,
        })),
        effect: Effect::None,
        estimate_ms: 0,
    }
}

fn poolid(draft: &Draft) -> String {
    draft.identity.get("pool").unwrap_or_default().to_owned()
}

fn comment(draft: &Draft) -> String {
    draft.desired.get("comment").and_then(Value::as_text).unwrap_or_default().to_owned()
}

/// Returns the call that moves a guest into a pool, from another if it is in one.
pub fn take_in(poolid: &str, vmid: u32) -> Call {
    Call::put("/pools").with("poolid", poolid).with("vms", vmid.to_string()).with("allow-move", "1")
}

/// Returns the call that takes a guest out of a pool.
pub fn let_go(poolid: &str, vmid: u32) -> Call {
    Call::put("/pools").with("poolid", poolid).with("vms", vmid.to_string()).with("delete", "1")
}

/// Returns the ACL path of a pool.
pub fn acl_path(poolid: &str) -> String {
    format!("/pool/{}", if poolid.contains('/') { poolid.to_owned() } else { segment(poolid) })
}

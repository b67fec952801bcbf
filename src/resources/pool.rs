//! `pool`: a named set of guests and storages that permissions can refer to. Members are the business of the guests.

use super::schema::{Attribute, Impact, Schema, Takes};
use super::step::{Guard, GuardedCall, Lock, Step, Task, Verify};
use super::{Changed, Draft, Found, Lookup, ObjectType, Origin, Sighting};
use crate::proxmox::Call;
use crate::proxmox::call::segment;
use crate::state::{Effect, Identity};
use crate::value::Value;

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
            value: Value::object([("poolid", Value::text(poolid)), ("comment", Value::text(pool.comment.trim_end()))]),
            identity: lookup.identity.clone(),
            running: None,
            digest: None,
            notes: Vec::new(),
        }))
    })
}

fn create(draft: &Draft) -> Vec<Step> {
    vec![step(
        draft,
        "create",
        Call::post("/pools").with("poolid", poolid(draft)).with("comment", comment(draft)),
        true,
    )]
}

fn update(draft: &Draft, _changed: &Changed) -> Vec<Step> {
    let call = Call::put("/pools").with("poolid", poolid(draft)).with("comment", comment(draft));
    vec![step(draft, "update", call, true)]
}

fn delete(draft: &Draft) -> Vec<Step> {
    vec![step(draft, "destroy", Call::delete("/pools").with("poolid", poolid(draft)), false)]
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

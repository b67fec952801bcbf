//! `provision`: what a game server is inside its guest. The cluster cannot tell it, so it is judged against what was last applied.

use super::schema::{Attribute, Impact, Nested, Occurs, Schema, Takes};
use super::step::{Lock, ProvisionTask, Step, Task};
use super::vm::schema::CONNECTION;
use super::{Changed, Draft, Found, Lookup, ObjectType, Origin, Sighting, conform};
use crate::observe::Seen;
use crate::state::{Effect, Identity};
use crate::value::{Entries, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The type. It lives in a guest; its steps are runs of a playbook.
pub static PROVISION: ObjectType = ObjectType {
    name: "provision",
    summary: "A game server inside its guest: artifact, settings and service, brought there by a playbook.",
    schema: &SCHEMA,
    origin: Origin::Made,
    example: "",
    identify,
    sight,
    create: steps,
    update,
    delete,
    is_replaced_first: false,
    locks,
    ..ObjectType::BASE
};

/// Power of a server whose guest is stopped: nothing is done inside.
pub const SUSPENDED: &str = "suspended";

static SCHEMA: Schema = Schema {
    attributes: &[
        Attribute::new("game", Takes::Text, "Folder of the playbook.")
            .required()
            .on_change(Impact::Recreate)
            .recorded(),
        Attribute::new("server", Takes::Text, "Name of the server on its guest.")
            .required()
            .on_change(Impact::Recreate)
            .recorded(),
        Attribute::new("vmid", Takes::Integer(100, 999_999_999), "Its guest.").on_change(Impact::Recreate).recorded(),
        Attribute::new("node", Takes::Text, "Node of its guest.").on_change(Impact::None).derived().recorded(),
        Attribute::new("address", Takes::Text, "Address of its guest; unknown until apply with DHCP.")
            .on_change(Impact::None)
            .derived()
            .recorded(),
        Attribute::new("mac", Takes::Text, "MAC address of its guest, to find the address by.")
            .on_change(Impact::None)
            .derived()
            .recorded(),
        Attribute::new("version", Takes::Text, "Version of the game.").on_change(Impact::Restart).recorded(),
        Attribute::new("port", Takes::Integer(1, 65535), "Port it answers on.").on_change(Impact::Restart).recorded(),
        Attribute::new(
            "power",
            Takes::OneOf(&["running", "stopped", SUSPENDED]),
            "Whether it runs; `suspended`: its guest does not.",
        )
        .recorded(),
        Attribute::new("settings", Takes::Map(&Takes::Any), "Settings, resolved against the manifest.")
            .on_change(Impact::Restart)
            .recorded(),
        Attribute::new("secrets", Takes::Map(&Takes::Any), "Secret settings.")
            .on_change(Impact::Restart)
            .sensitive()
            .recorded(),
        Attribute::new("playbook", Takes::Text, "Digest of playbook, roles and templates: a new one runs it again.")
            .derived()
            .recorded(),
    ],
    blocks: &[Nested {
        name: "connection",
        occurs: Occurs::Once,
        schema: &CONNECTION,
        documentation: "How to reach the guest by SSH.",
    }],
};

/// Returns the identity of a server on a guest.
pub fn identity(vmid: u32, game: &str, server: &str) -> Identity {
    Identity::of([("vmid", vmid.to_string()), ("game", game.to_owned()), ("server", server.to_owned())])
}

fn identify(server: &Value) -> Identity {
    let text = |name: &str| server.get(name).and_then(Value::as_text).unwrap_or_default();
    identity(super::template::vmid_of(server), text("game"), text("server"))
}

fn sight(lookup: &Lookup) -> Sighting {
    let guest = lookup.identity.vmid().and_then(|vmid| lookup.view.guests.get(&vmid));
    match guest {
        Some(guest) if guest.seen == Seen::Unreachable => Sighting::Unreachable { node: guest.node.clone() },
        Some(_) if !lookup.applied.is_null() => Sighting::Present(Box::new(Found {
            value: lookup.applied.clone(),
            identity: lookup.identity.clone(),
            running: None,
            digest: None,
            notes: Vec::new(),
        })),
        _ => Sighting::Absent,
    }
}

/// The playbook runs in a guest that runs. What it would have done is done when the guest is started again: the whole playbook then.
fn steps(draft: &Draft) -> Vec<Step> {
    let is_suspended = draft.desired.get("power").and_then(Value::as_text) == Some(SUSPENDED);
    if is_suspended { Vec::new() } else { vec![step(draft, false)] }
}

/// How to reach the guest is only recorded: it changes nothing inside.
fn update(draft: &Draft, changed: &Changed) -> Vec<Step> {
    if changed.impact == Impact::None && !changed.paths.is_empty() { Vec::new() } else { steps(draft) }
}

/// A server is removed from a guest that runs; with a guest that is gone or going there is nothing to do.
fn delete(draft: &Draft) -> Vec<Step> {
    let guest = draft.identity.vmid().and_then(|vmid| draft.view.guests.get(&vmid));
    let is_running = guest.is_some_and(|guest| guest.power == crate::observe::Power::Running);
    if is_running { vec![step(draft, true)] } else { Vec::new() }
}

fn locks(draft: &Draft) -> Vec<Lock> {
    // Two playbooks on one guest would fight for its package manager.
    vec![Lock { name: format!("inside guest {}", draft.identity.get("vmid").unwrap_or_default()), limit: 1 }]
}

fn step(draft: &Draft, is_removal: bool) -> Step {
    let value = if draft.desired.is_null() { draft.applied } else { draft.desired };
    let text = |name: &str| value.get(name).and_then(Value::as_text).map(str::to_owned);
    let map = |name: &str| -> BTreeMap<Arc<str>, Value> {
        value.get(name).and_then(Value::as_entries).map(Entries::to_map).unwrap_or_default()
    };
    Step {
        name: if is_removal { "remove" } else { "provision" }.into(),
        task: Task::Provision(Box::new(ProvisionTask {
            game: text("game").unwrap_or_default(),
            server: text("server").unwrap_or_default(),
            node: text("node").unwrap_or_default(),
            vmid: draft.identity.vmid().unwrap_or_default(),
            address: text("address"),
            mac: text("mac"),
            port: value
                .get("port")
                .and_then(Value::as_i64)
                .and_then(|port| u16::try_from(port).ok())
                .unwrap_or_default(),
            version: text("version").unwrap_or_default(),
            is_running: text("power").as_deref() != Some("stopped"),
            settings: map("settings"),
            secrets: map("secrets"),
            connection: value.get("connection").cloned().unwrap_or_else(|| Value::null(crate::value::Type::Dynamic)),
            is_removal,
            deadline_ms: conform::duration_ms("30m").expect("the text is a duration"),
        })),
        effect: Effect::None,
        estimate_ms: 0,
    }
}

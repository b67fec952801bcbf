//! What SDN objects have in common: their changes wait until the configuration is applied to every node, once per run, after all of them.

use super::row::{self, Look, Row};
use super::schema::{Attribute, Presence, Takes};
use super::step::{AwaitedRow, Guard, GuardedCall, Step, Task, Verify};
use super::{Changed, Draft, Finish, Lookup, Sighting};
use crate::observe::ClusterView;
use crate::proxmox::call::segment;
use crate::proxmox::{Call, decode};
use crate::state::Effect;
use crate::value::Value;
use serde_json::Value as Json;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The configuration of all SDN objects together.
pub const FILE: &str = "sdn";

/// Applies what was changed and looks at every node, because the task that applies ends well even where a node failed.
pub static APPLY: Finish = Finish { name: "network", steps: apply };

/// Whether nodes run what is configured.
pub const ACTIVE: Attribute = Attribute {
    presence: Presence::Derived,
    default: Some("true"),
    ..Attribute::new("active", Takes::Bool, "Whether the nodes run it as it is configured. The apply sees to that.")
};

/// What a look at the configured and at the pending table finds.
pub enum Known<'a> {
    /// It is configured; the flag says whether nodes run it so.
    Configured(Cow<'a, Json>, bool),
    /// It was deleted, and nodes still run it.
    Leaving,
    /// It is neither.
    Nowhere,
    /// The table may not be read.
    Hidden(String),
}

impl<'a> Known<'a> {
    /// Returns the row as configured: one that is leaving has none.
    pub fn look(self) -> Look<'a> {
        match self {
            Self::Configured(row, _) => Look::At(row),
            Self::Leaving | Self::Nowhere => Look::Nowhere,
            Self::Hidden(table) => Look::Hidden(table),
        }
    }
}

/// Finds an object in the table of what is configured and in that of what waits for an apply.
pub fn find<'a>(view: &'a ClusterView, table: &str, column: &str, name: &str) -> Known<'a> {
    let pending = row::find(view, &format!("{table}?pending=1"), column, name);
    let state = match &pending {
        Look::At(row) => row.get("state").and_then(decode::text),
        Look::Nowhere | Look::Hidden(_) => None,
    };
    match row::find(view, table, column, name) {
        Look::At(row) => Known::Configured(row, state.is_none()),
        Look::Hidden(table) => Known::Hidden(table),
        Look::Nowhere if state.as_deref() == Some("deleted") => Known::Leaving,
        Look::Nowhere => Known::Nowhere,
    }
}

/// Says whether an object is there: one that is leaving still is.
pub fn sight(row: &Row, lookup: &Lookup, known: &Known) -> Sighting {
    let mut sighting = match known {
        Known::Leaving => Sighting::Present(Box::new(super::Found {
            value: row.read(lookup.identity, &Json::Null),
            identity: lookup.identity.clone(),
            running: None,
            digest: None,
            notes: vec!["deleted, and the nodes still run it".to_owned()],
        })),
        Known::Configured(..) | Known::Nowhere | Known::Hidden(_) => row.sight(lookup),
    };
    if let Sighting::Present(found) = &mut sighting {
        let mut attributes = row::attributes(&found.value);
        attributes.insert("active".into(), Value::from(matches!(known, Known::Configured(_, true))));
        found.value = Value::object(attributes);
    }
    sighting
}

/// Returns the steps that change an object; one that is leaving is made again.
pub fn update(row: &Row, draft: &Draft, changed: &Changed, known: &Known) -> Vec<Step> {
    match known {
        Known::Leaving => row.create(draft),
        Known::Configured(..) | Known::Nowhere | Known::Hidden(_) => row.update(draft, changed),
    }
}

/// Returns the steps that destroy an object; one that is leaving needs only the apply.
pub fn delete(row: &Row, draft: &Draft, known: &Known) -> Vec<Step> {
    match known {
        Known::Leaving => Vec::new(),
        Known::Configured(..) | Known::Nowhere | Known::Hidden(_) => row.delete(draft),
    }
}

/// The zones that objects belong to are those that nodes must run in the end.
fn apply(view: &ClusterView, staying: &[&Value]) -> Vec<Step> {
    let mut steps = vec![Step {
        name: "apply".into(),
        task: Task::Call(Box::new(GuardedCall {
            call: Call::put("/cluster/sdn"),
            guard: Guard::None,
            verify: Verify::ByContent { read: Call::get("/cluster/sdn/zones"), is_present: true },
            deadline_ms: 300_000,
        })),
        effect: Effect::None,
        estimate_ms: 0,
    }];
    let zones: BTreeSet<&str> =
        staying.iter().map(|object| row::text_of(object, "zone")).filter(|zone| !zone.is_empty()).collect();
    let nodes = view.nodes.iter().filter(|(_, node)| node.is_online).map(|(name, _)| name);
    for node in nodes {
        for zone in zones.iter().filter(|zone| is_on(view, staying, zone, node)) {
            steps.push(Step {
                name: format!("see {zone} on {node}").into(),
                task: Task::AwaitRow(Box::new(AwaitedRow {
                    read: Call::get(format!("/nodes/{}/sdn/zones", segment(node))),
                    column: "zone",
                    name: (*zone).to_owned(),
                    member: "status",
                    wanted: "available".into(),
                    failed: Some("error"),
                    deadline_ms: 60_000,
                })),
                effect: Effect::None,
                estimate_ms: 0,
            });
        }
    }
    steps
}

/// A zone may be limited to some nodes.
fn is_on(view: &ClusterView, staying: &[&Value], zone: &str, node: &str) -> bool {
    let wanted = staying.iter().find(|object| row::text_of(object, "zone") == zone && object.get("type").is_some());
    let nodes: Vec<String> = match wanted {
        Some(zone) => zone.get("nodes").map(row::plain).unwrap_or_default().split(',').map(str::to_owned).collect(),
        None => match row::find(view, "/cluster/sdn/zones", "zone", zone) {
            Look::At(zone) => zone.get("nodes").map(row::words).unwrap_or_default(),
            Look::Nowhere | Look::Hidden(_) => Vec::new(),
        },
    };
    nodes.iter().all(String::is_empty) || nodes.iter().any(|name| name == node)
}

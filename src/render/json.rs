//! The plan as JSON in the form of `terraform show -json`, format 1.2, with ours under `x_spawnpoint`.
//!
//! Two things differ from Terraform on purpose: a sensitive value is null and only its mask says that it is there, and the text of a
//! plan is a rendering of the same tree, so that what one shows the other has.

use super::change::place;
use super::diff::{Harm, Object, Schemas, objects};
use crate::config::{Address, Key};
use crate::plan::{Action, AttributeChange, Cause, Change, Plan, Reason};
use crate::resources::schema::Impact;
use crate::value::{Kind, Path, Step, Value};
use serde_json::{Map, Value as Json, json};

/// Version of Terraform's plan format that consumers check.
pub const FORMAT_VERSION: &str = "1.2";

/// Provider name of every object: one program, one provider.
const PROVIDER: &str = "spawnpoint";

/// Returns a plan as JSON.
pub fn plan(plan: &Plan, schemas: Schemas) -> Json {
    let objects = objects(plan, schemas);
    let harm_of = |change: &Change| objects.iter().find(|object| object.change.address == change.address);
    let changes: Vec<Json> = plan.changes.iter().map(|change| resource_change(change, harm_of(change))).collect();
    let drift: Vec<Json> = plan.changes.iter().filter_map(drifted).collect();
    let outputs: Map<String, Json> =
        plan.outputs.iter().map(|(name, output)| (name.to_string(), output_change(output))).collect();
    let mut document = json!({
        "format_version": FORMAT_VERSION,
        "terraform_version": env!("CARGO_PKG_VERSION"),
        "planned_values": planned_values(plan),
        "resource_changes": changes,
        "output_changes": outputs,
        "timestamp": timestamp(plan.now),
        "errored": false,
        "applyable": !plan.is_empty(),
        "complete": plan.has_looked && plan.unreachable.is_empty() && plan.in_progress.is_empty(),
        "x_spawnpoint": ours(plan, &objects),
    });
    if !drift.is_empty() {
        document["resource_drift"] = Json::Array(drift);
    }
    document
}

/// Returns a value as plain JSON: null where it is unknown, sensitive or null.
pub fn value(value: &Value) -> Json {
    plain(value, Secrets::Hidden)
}

/// Returns a value as plain JSON with what is sensitive in it: for a user who asked for this very value.
pub fn value_in_clear(value: &Value) -> Json {
    plain(value, Secrets::Shown)
}

#[derive(Clone, Copy, PartialEq)]
enum Secrets {
    Hidden,
    Shown,
}

fn plain(value: &Value, secrets: Secrets) -> Json {
    if value.is_sensitive() && secrets == Secrets::Hidden {
        return Json::Null;
    }
    if let Some(address) = value.address() {
        return Json::String(address.to_string());
    }
    match value.kind() {
        Kind::Null(_) | Kind::Unknown(..) => Json::Null,
        Kind::Bool(flag) => Json::Bool(*flag),
        Kind::Number(number) => serde_json::from_str(&number.to_string()).unwrap_or(Json::Null),
        Kind::Text(text) => Json::String(text.to_string()),
        Kind::List(_) | Kind::Set(_) | Kind::Tuple(_) => {
            value.as_items().into_iter().flatten().map(|item| plain(item, secrets)).collect()
        }
        Kind::Map(_) | Kind::Object(_) => {
            let entries = value.as_entries().into_iter().flatten();
            entries.map(|(key, item)| (key.to_string(), plain(item, secrets))).collect()
        }
    }
}

/// Mirrors a value: `true` where `is_marked`, known leaves left out, positions of lists kept.
fn mask(value: &Value, is_marked: fn(&Value) -> bool) -> Json {
    if is_marked(value) {
        return Json::Bool(true);
    }
    if value.address().is_some() {
        return Json::Bool(false);
    }
    if let Some(items) = value.as_items() {
        return items
            .iter()
            .map(|item| mask(item, is_marked))
            .map(|mask| if mask == Json::Bool(false) { json!({}) } else { mask })
            .collect();
    }
    match value.as_entries() {
        None => Json::Bool(false),
        Some(entries) => {
            let marked = entries.iter().map(|(key, item)| (key.to_string(), mask(item, is_marked)));
            Json::Object(marked.filter(|(_, mask)| has_mark(mask)).collect())
        }
    }
}

fn has_mark(mask: &Json) -> bool {
    match mask {
        Json::Bool(flag) => *flag,
        Json::Array(items) => items.iter().any(has_mark),
        Json::Object(entries) => !entries.is_empty(),
        Json::Null | Json::Number(_) | Json::String(_) => false,
    }
}

/// The mask of a whole object: `empty` where there is none.
fn object_mask(value: &Value, empty: Json, is_marked: fn(&Value) -> bool) -> Json {
    match mask(value, is_marked) {
        Json::Bool(false) if value.is_null() => empty,
        Json::Bool(false) => json!({}),
        mask => mask,
    }
}

fn resource_change(change: &Change, object: Option<&Object<'_>>) -> Json {
    let mut result = identity(&change.address, &change.kind);
    let replace_paths: Vec<Json> = change
        .attributes
        .iter()
        .filter(|attribute| attribute.forces_replacement)
        .map(|attribute| steps(&attribute.path))
        .collect();
    let mut inner = json!({
        "actions": actions(change),
        "before": value(&change.before),
        "after": value(&change.after),
        "after_unknown": object_mask(&change.after, json!({}), Value::is_unknown),
        "before_sensitive": object_mask(&change.before, json!(false), Value::is_sensitive),
        "after_sensitive": object_mask(&change.after, json!(false), Value::is_sensitive),
    });
    if !replace_paths.is_empty() {
        inner["replace_paths"] = Json::Array(replace_paths);
    }
    if change.action == Action::Adopt {
        inner["importing"] = json!({ "id": change.identity.to_string() });
    }
    result["change"] = inner;
    if let Some(reason) = change.reason.as_ref().and_then(action_reason) {
        result["action_reason"] = json!(reason);
    }
    if let Some(object) = object {
        result["x_spawnpoint"] = json!({
            "tenant": change.tenant.as_deref(),
            "cluster": &*change.cluster,
            "place": place(&change.kind, &change.identity),
            "harm": harm(object.harm),
            "data_loss": change.data_loss,
            "notes": change.notes,
            "attributes": change.attributes.iter().map(attribute).collect::<Vec<_>>(),
        });
    }
    result
}

fn attribute(attribute: &AttributeChange) -> Json {
    json!({
        "path": attribute.path.to_string(),
        "impact": impact(attribute.impact),
        "cause": match attribute.cause {
            Cause::Configuration => "configuration",
            Cause::Drift => "drift",
            Cause::Conflict => "conflict",
        },
    })
}

type Side = fn(&AttributeChange) -> Option<&Value>;

/// The object as it was last applied is not part of a plan, so only what drifted is shown: observed `after`, applied `before`.
fn drifted(change: &Change) -> Option<Json> {
    let outside: Vec<&AttributeChange> =
        change.attributes.iter().filter(|attribute| attribute.cause == Cause::Drift).collect();
    let is_gone = change.reason == Some(Reason::Vanished);
    if outside.is_empty() && !is_gone {
        return None;
    }
    let side = |pick: Side| -> Json {
        outside
            .iter()
            .map(|attribute| (attribute.path.to_string(), pick(attribute).map_or(Json::Null, value)))
            .collect()
    };
    let hidden = |pick: Side| -> Json {
        let secret = outside.iter().filter(|attribute| pick(attribute).is_some_and(Value::is_sensitive));
        secret.map(|attribute| (attribute.path.to_string(), json!(true))).collect()
    };
    let (applied, observed): (Side, Side) =
        (|attribute| attribute.after.as_ref(), |attribute| attribute.before.as_ref());
    let mut result = identity(&change.address, &change.kind);
    result["change"] = json!({
        "actions": [if is_gone { "delete" } else { "update" }],
        "before": if is_gone { value(&change.after) } else { side(applied) },
        "after": if is_gone { Json::Null } else { side(observed) },
        "after_unknown": {},
        "before_sensitive": if is_gone { object_mask(&change.after, json!(false), Value::is_sensitive) } else { hidden(applied) },
        "after_sensitive": if is_gone { json!(false) } else { hidden(observed) },
    });
    Some(result)
}

/// What every mention of an object begins with. A child has its own type; its name is what tells it from its siblings.
fn identity(address: &Address, kind: &str) -> Json {
    let (name, key) = match &address.child {
        None => (&address.name, &address.key),
        Some(child) => (&child.name, &child.key),
    };
    let mut result = json!({
        "address": address.to_string(),
        "mode": "managed",
        "type": kind,
        "name": &**name,
        "provider_name": PROVIDER,
    });
    match key {
        Some(Key::Number(number)) => result["index"] = json!(number),
        Some(Key::Text(text)) => result["index"] = json!(&**text),
        None => {}
    }
    if !address.module.is_root() {
        result["module_address"] = json!(address.module.to_string());
    }
    result
}

/// Everything after apply, flat under the root module: our addresses name their modules themselves.
fn planned_values(plan: &Plan) -> Json {
    let stays = plan.changes.iter().filter(|change| !matches!(change.action, Action::Delete | Action::Forget));
    let resources: Vec<Json> = stays
        .map(|change| {
            let mut result = identity(&change.address, &change.kind);
            result["schema_version"] = json!(1);
            result["values"] = value(&change.after);
            result["sensitive_values"] = object_mask(&change.after, json!({}), Value::is_sensitive);
            result
        })
        .collect();
    let outputs: Map<String, Json> = plan
        .outputs
        .iter()
        .filter_map(|(name, output)| Some((name.to_string(), output.after.as_ref()?)))
        .map(|(name, output)| {
            let shown = if output.is_sensitive { Json::Null } else { value(&output.value) };
            (
                name,
                json!({ "sensitive": output.is_sensitive, "type": output.value.type_of().to_string(), "value": shown }),
            )
        })
        .collect();
    json!({ "outputs": outputs, "root_module": { "resources": resources } })
}

fn output_change(output: &crate::plan::OutputChange) -> Json {
    let is_sensitive = output.after.as_ref().is_some_and(|after| after.is_sensitive)
        || output.before.as_ref().is_some_and(Value::is_sensitive);
    let shown = |of: Option<&Value>| of.filter(|_| !is_sensitive).map_or(Json::Null, value);
    let after = output.after.as_ref().map(|after| &after.value);
    let actions = match (&output.before, &after) {
        _ if output.is_unchanged() => "no-op",
        (None, _) => "create",
        (_, None) => "delete",
        (Some(_), Some(_)) => "update",
    };
    json!({
        "actions": [actions],
        "before": shown(output.before.as_ref()),
        "after": shown(after),
        "after_unknown": after.is_some_and(|after| !after.is_wholly_known()),
        "before_sensitive": is_sensitive && output.before.is_some(),
        "after_sensitive": is_sensitive && after.is_some(),
    })
}

fn ours(plan: &Plan, objects: &[Object<'_>]) -> Json {
    let quota = |quota: &crate::plan::Quota| {
        let lines: Map<String, Json> = quota
            .lines
            .iter()
            .map(|line| {
                (line.what.to_owned(), json!({ "before": line.before, "after": line.after, "limit": line.limit }))
            })
            .collect();
        json!({ "tenant": quota.tenant.to_string(), "tier": quota.tier, "limits": lines })
    };
    let node = |node: &crate::plan::Capacity| {
        json!({
            "cluster": &*node.cluster,
            "node": node.node,
            "memory_before_bytes": node.memory_before_bytes,
            "memory_after_bytes": node.memory_after_bytes,
            "memory_bytes": node.memory_bytes,
            "cores_after": node.cores_after,
            "cores": node.cores,
            "guests_after": node.guests_after,
        })
    };
    json!({
        "project": plan.project,
        "lineage": plan.lineage,
        "serial": plan.serial,
        "intent": plan.intent,
        "harm": harm(objects.first().map_or(Harm::None, |object| object.harm)),
        "operations": plan.operations.len(),
        "estimate_ms": plan.estimate_ms,
        "quotas": plan.quotas.iter().map(quota).collect::<Vec<_>>(),
        "nodes": plan.capacity.iter().map(node).collect::<Vec<_>>(),
        "has_looked": plan.has_looked,
        "unreachable": plan.unreachable,
        "in_progress": plan.in_progress,
    })
}

fn actions(change: &Change) -> &'static [&'static str] {
    match change.action {
        // What is imported and differs is changed, too.
        Action::Adopt if !change.attributes.is_empty() => &["update"],
        Action::NoOp | Action::Adopt => &["no-op"],
        Action::Create => &["create"],
        Action::Update => &["update"],
        Action::Replace => &["delete", "create"],
        Action::Delete => &["delete"],
        Action::Forget => &["forget"],
    }
}

fn action_reason(reason: &Reason) -> Option<&'static str> {
    match reason {
        Reason::CannotUpdate(_) => Some("replace_because_cannot_update"),
        Reason::Requested => Some("replace_by_request"),
        Reason::NotInConfiguration => Some("delete_because_no_resource_config"),
        Reason::NotInInstances => Some("delete_because_each_key"),
        Reason::DependencyReplaced(_) => Some("replace_by_triggers"),
        Reason::Destroy | Reason::Vanished | Reason::Unfinished => None,
    }
}

fn harm(harm: Harm) -> &'static str {
    match harm {
        Harm::None => "none",
        Harm::Live => "live",
        Harm::Reboots => "reboots",
        Harm::Restarts => "restarts",
        Harm::Stops => "stops",
        Harm::Replaces => "re-creates",
        Harm::Destroys => "destroys",
        Harm::LosesData => "loses-data",
    }
}

fn impact(impact: Impact) -> &'static str {
    match impact {
        Impact::None => "none",
        Impact::Live => "live",
        Impact::Reboot => "reboots",
        Impact::Restart => "restarts",
        Impact::Stop => "stops",
        Impact::Recreate => "re-creates",
    }
}

fn steps(path: &Path) -> Json {
    let step = |step: &Step| match step {
        Step::Attribute(name) | Step::Key(name) => json!(&**name),
        Step::Index(at) => json!(at),
    };
    path.0.iter().map(step).collect()
}

/// Returns a moment as RFC 3339 in UTC.
fn timestamp(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |moment| moment.to_string())
}

//! One JSON object per line on standard output with `-json`, in the form of Terraform's machine-readable UI 1.2.

use super::amount::elapsed;
use super::diagnostics;
use super::gather::{Gathered, gather};
use super::json;
use super::plan::sentence;
use crate::apply::{Event, OperationResult, Summary};
use crate::config::{Address, AddressParts, Key, ModulePath};
use crate::diagnostics::{Diagnostics, Severity, Sources};
use crate::plan::{Action, Mode, Plan, Verb};
use serde_json::{Value as Json, json};

/// Returns the line every stream begins with.
pub fn version(at: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let more = json!({ "spawnpoint": version, "terraform": version, "ui": "1.2" });
    line(at, "info", "version", &format!("Spawnpoint {version}"), more)
}

/// Returns the lines of diagnostics.
pub fn diagnostics(at: &str, found: &Diagnostics, sources: &Sources) -> Vec<String> {
    gather(found).iter().map(|gathered| diagnostic_in(at, gathered, sources, json!({}))).collect()
}

/// Returns the line of a diagnostic with what else is to be said of it.
pub(super) fn diagnostic_in(at: &str, gathered: &Gathered, sources: &Sources, more: Json) -> String {
    let diagnostic = gathered.diagnostic;
    let (level, word) = match diagnostic.severity {
        Severity::Error => ("error", "Error"),
        Severity::Warning => ("warn", "Warning"),
    };
    let message = format!("{word}: {}", diagnostic.summary);
    line(
        at,
        level,
        "diagnostic",
        &message,
        joined(more, json!({ "diagnostic": diagnostics::gathered_json(gathered, sources) })),
    )
}

/// Returns the lines of a plan: each change, then the counts, then the outputs.
pub fn plan(at: &str, plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for change in plan.changes.iter().filter(|change| change.action != Action::NoOp) {
        let action = action(change.action);
        let more = json!({ "change": { "resource": resource(&change.address, &change.kind), "action": action } });
        lines.push(line(at, "info", "planned_change", &format!("{}: Plan to {action}", change.address), more));
    }
    let operation = if plan.mode == Mode::Destroy { "destroy" } else { "plan" };
    lines.push(summary_line(at, &sentence(plan.counts()), plan.counts(), operation));
    lines
}

/// Returns the last line of an apply.
pub fn outcome(at: &str, plan: &Plan, summary: &Summary) -> String {
    let counts = super::outcome::done(plan, summary);
    let operation = if plan.mode == Mode::Destroy { "destroy" } else { "apply" };
    summary_line(at, &super::outcome::headline(plan, summary), counts, operation)
}

fn summary_line(at: &str, message: &str, counts: crate::plan::Counts, operation: &str) -> String {
    let changes = json!({
        "add": counts.add,
        "change": counts.change,
        "import": counts.import,
        "remove": counts.destroy,
        "forget": counts.forget,
        "operation": operation,
    });
    line(at, "info", "change_summary", message, json!({ "changes": changes }))
}

/// Returns the line of an event.
pub fn event(at: &str, event: &Event) -> String {
    match event {
        Event::Started { address, verb, .. } => {
            let hook = json!({ "resource": resource(address, &address.kind), "action": of(*verb) });
            line(at, "info", "apply_start", &format!("{address}: {}...", title(of(*verb))), json!({ "hook": hook }))
        }
        Event::Step { address, step, index, .. } => {
            let hook = json!({ "resource": resource(address, &address.kind), "step": &**step, "index": index });
            line(at, "info", "x_spawnpoint_step", &format!("{address}: [{step}]"), json!({ "hook": hook }))
        }
        Event::Progress { address, text, .. } => {
            let hook =
                json!({ "resource": resource(address, &address.kind), "provisioner": "spawnpoint", "output": text });
            line(at, "info", "provision_progress", &format!("{address}: {text}"), json!({ "hook": hook }))
        }
        Event::Ended { address, verb, result, elapsed_ms, identity, .. } => {
            ended(at, address, *verb, result, *elapsed_ms, identity)
        }
        Event::Interrupted => {
            line(at, "warn", "log", "Interrupted: what runs is finished, nothing new is started", json!({}))
        }
    }
}

fn ended(at: &str, address: &Address, verb: Verb, result: &OperationResult, elapsed_ms: u64, identity: &str) -> String {
    let mut hook = json!({
        "resource": resource(address, &address.kind),
        "action": of(verb),
        "elapsed_seconds": elapsed_ms / 1000,
    });
    if !identity.is_empty() {
        hook["id_key"] = json!("identity");
        hook["id_value"] = json!(identity);
    }
    let after = elapsed(elapsed_ms);
    match result {
        OperationResult::Done | OperationResult::DoneWithWarnings(_) => line(
            at,
            "info",
            "apply_complete",
            &format!("{address}: {} complete after {after}", title(of(verb))),
            json!({ "hook": hook }),
        ),
        OperationResult::Failed { error, .. } => {
            hook["error"] = json!(error);
            line(
                at,
                "error",
                "apply_errored",
                &format!("{address}: {} failed after {after}: {error}", title(of(verb))),
                json!({ "hook": hook }),
            )
        }
        OperationResult::NotStarted { .. } | OperationResult::Skipped => {
            line(at, "warn", "x_spawnpoint_not_started", &format!("{address}: not started"), json!({ "hook": hook }))
        }
    }
}

/// Returns the line of the outputs. Sensitive ones have no value in it.
pub fn outputs<'a>(at: &str, outputs: impl Iterator<Item = (&'a str, &'a crate::value::Value, bool)>) -> String {
    let shown: Json = outputs
        .map(|(name, value, is_sensitive)| {
            let shown = if is_sensitive { Json::Null } else { json::value(value) };
            (name.to_owned(), json!({ "sensitive": is_sensitive, "type": value.type_of().to_string(), "value": shown }))
        })
        .collect();
    let count = shown.as_object().map_or(0, serde_json::Map::len);
    line(at, "info", "outputs", &format!("Outputs: {count}"), json!({ "outputs": shown }))
}

pub(super) fn line(at: &str, level: &str, kind: &str, message: &str, more: Json) -> String {
    let own = json!({
        "@level": level,
        "@message": message,
        "@module": "spawnpoint.ui",
        "@timestamp": at,
        "type": kind,
    });
    joined(own, more).to_string()
}

/// Puts two objects into one.
pub(super) fn joined(mut one: Json, other: Json) -> Json {
    if let (Some(one), Json::Object(other)) = (one.as_object_mut(), other) {
        one.extend(other);
    }
    one
}

fn resource(address: &Address, kind: &str) -> Json {
    let (name, key) = match &address.child {
        None => (&address.name, &address.key),
        Some(child) => (&child.name, &child.key),
    };
    let local = Address::from(AddressParts { module: ModulePath::default(), ..address.to_parts() });
    json!({
        "addr": address.to_string(),
        "module": address.module.to_string(),
        "resource": local.to_string(),
        "implied_provider": "spawnpoint",
        "resource_type": kind,
        "resource_name": &**name,
        "resource_key": match key {
            None => Json::Null,
            Some(Key::Number(number)) => json!(number),
            Some(Key::Text(text)) => json!(&**text),
        },
    })
}

fn action(action: Action) -> &'static str {
    match action {
        Action::NoOp => "noop",
        Action::Adopt => "import",
        Action::Create => "create",
        Action::Update => "update",
        Action::Replace => "replace",
        Action::Delete => "delete",
        Action::Forget => "remove",
    }
}

fn of(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "create",
        Verb::Update | Verb::Provision => "update",
        Verb::Delete => "delete",
        Verb::Record => "import",
    }
}

fn title(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

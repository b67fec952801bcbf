//! Completing a `game_server`: settings against the game's manifest, a port, and what the playbook needs to know.

use super::{Completed, Draft, Scene};
use crate::config::{Address, Key};
use crate::diagnostics::Diagnostic;
use crate::games::{Game, Underlined, Wanted};
use crate::resources::conform::did_you_mean;
use crate::resources::provision;
use crate::state::Identity;
use crate::value::{Entries, Marks, Path, Type, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn complete(scene: &mut Scene, draft: &mut Draft) -> Option<Completed> {
    let mut attributes = draft.attributes();
    let guest = attributes.get("vm")?.clone();
    let name = attributes.get("game")?.as_text()?.to_owned();
    let games = scene.input.games;
    let Some(facts) = games.get(&name) else {
        let hint = did_you_mean(&name, games.keys().map(String::as_str), "games");
        draft.error(format!("there is no game `{name}`"), &Path::attribute("game"), hint);
        return None;
    };
    if !attributes.contains_key("version") && !brings_artifact(&attributes) {
        let kept = scene.kept(&draft.block.address.child("provision", None), &Path::attribute("version"));
        let newest = || {
            facts
                .game
                .versions
                .keys()
                .max_by_key(|version| natural(version))
                .map(|version| Value::text(version.clone()))
        };
        // What runs is kept: a newer version in the manifest is no reason to upgrade a server.
        let version = kept.filter(|kept| kept.as_text().is_some_and(|kept| facts.game.versions.contains_key(kept)));
        attributes
            .extend(version.or_else(newest).map(|version| (Arc::from("version"), version.with_marks(Marks::CHOSEN))));
    }
    let settings = settings(scene, draft, &facts.game, &attributes);
    let port = port(scene, draft, &facts.game, &guest, &attributes)?;
    attributes.insert("port".into(), Value::from(i64::from(port)).with_marks(Marks::CHOSEN));

    let power = match guest.get("power").and_then(Value::as_text) {
        Some("stopped") => provision::SUSPENDED,
        _ => attributes.get("power").and_then(Value::as_text).unwrap_or("running"),
    };
    let mut inside: BTreeMap<Arc<str>, Value> = BTreeMap::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            inside.insert(name.into(), value);
        }
    };
    set("game", Some(Value::text(name)));
    set("server", Some(Value::text(server_name(&draft.block.address))));
    for inherited in ["vmid", "address"] {
        set(inherited, guest.get(inherited).filter(|value| !value.is_unknown()).cloned());
    }
    // Nobody wrote it here: a guest that moves takes its servers along.
    let node = guest.get("node").filter(|value| !value.is_unknown()).cloned();
    set("node", node.map(|node| node.with_marks(Marks::CHOSEN)));
    set("mac", first_nic(&guest).and_then(|nic| nic.get("mac")).cloned());
    set("version", attributes.get("version").cloned());
    set("port", attributes.get("port").cloned());
    set("power", Some(Value::text(power)));
    set("settings", Some(Value::object(settings)));
    set("secrets", attributes.get("secrets").map(sensitive_entries));
    set("playbook", Some(Value::text(facts.playbook.clone())));
    set("connection", connection(&attributes, &guest));
    attributes.insert("provision".into(), Value::object(inside));
    attributes.insert("endpoint".into(), endpoint(&guest, port));
    let tenant = guest.get("tenant").and_then(Value::address).and_then(|address| address.parse().ok());
    Some(Completed { attributes, tenant, identity: Identity::default() })
}

/// Whether the settings name an artifact of their own instead of a pinned version.
fn brings_artifact(attributes: &BTreeMap<Arc<str>, Value>) -> bool {
    let settings = attributes.get("settings").and_then(Value::as_entries);
    settings.is_some_and(|settings| settings.keys().any(|key| key.starts_with("artifact_")))
}

/// Sorts `1.21.10` after `1.21.8`.
fn natural(version: &str) -> Vec<(Option<u64>, &str)> {
    version.split(['.', '-', '+']).map(|part| (part.parse().ok(), part)).collect()
}

fn settings(
    scene: &Scene,
    draft: &mut Draft,
    game: &Game,
    attributes: &BTreeMap<Arc<str>, Value>,
) -> BTreeMap<Arc<str>, Value> {
    let null = Value::null(Type::Dynamic);
    let part = |name: &str| attributes.get(name).unwrap_or(&null);
    let wanted = Wanted { version: part("version"), settings: part("settings"), secrets: part("secrets") };
    let places = draft.places.clone();
    let mark = |diagnostic: Diagnostic, path: &Path, what: Underlined| {
        let diagnostic = diagnostic.at(match what {
            Underlined::Key => places.span_of_key(path),
            Underlined::Value => places.span_of(path),
        });
        match places.expression(path) {
            Some(written) => scene.input.stack.explain(&draft.block.address, &scene.objects, written, diagnostic),
            None => diagnostic,
        }
    };
    let (settings, diagnostics) = game.validate(&wanted, &mark);
    draft.diagnostics.extend(diagnostics);
    settings
}

/// The port as written, as kept, or the first free one; never one that another server of the guest has.
fn port(
    scene: &mut Scene,
    draft: &mut Draft,
    game: &Game,
    guest: &Value,
    attributes: &BTreeMap<Arc<str>, Value>,
) -> Option<u16> {
    let owner = draft.block.address.clone();
    let guest: Address = guest.address()?.parse().ok()?;
    let path = Path::attribute("port");
    let default = &game.ports["game"];
    let written = attributes.get("port").and_then(Value::as_text).and_then(|text| text.parse::<u16>().ok());
    let recorded =
        scene.kept(&owner.child("provision", None), &path).and_then(|port| u16::try_from(port.as_i64()?).ok());
    let Some(port) = written.or(recorded) else {
        let chosen = scene.ledger.choose_port(&guest, default.default, default.stride, &owner);
        if chosen.is_none() {
            draft.error(format!("no port is left on {guest}"), &path, "move the server to another guest");
        }
        return chosen;
    };
    match scene.ledger.take_port(&guest, port, &owner) {
        Ok(()) => Some(port),
        Err(other) => {
            let free = scene.ledger.choose_port(&guest, default.default, default.stride, &owner);
            let hint = free
                .map_or_else(String::new, |free| format!("write `port = {free}`, which is free, or `port = \"auto\"`"));
            draft.error(format!("port {port} on {guest} is taken by {other}"), &path, hint);
            None
        }
    }
}

fn server_name(address: &Address) -> String {
    match &address.key {
        None => address.name.to_string(),
        Some(Key::Number(number)) => format!("{}-{number}", address.name),
        Some(Key::Text(text)) => format!("{}-{text}", address.name),
    }
}

fn first_nic(guest: &Value) -> Option<&Value> {
    guest.get("network")?.as_entries()?.values().next()
}

/// A connection is inherited as a whole: the server's own, else the guest's (which has taken over the tenant's).
fn connection(attributes: &BTreeMap<Arc<str>, Value>, guest: &Value) -> Option<Value> {
    attributes.get("connection").or_else(|| guest.get("connection")).cloned()
}

fn endpoint(guest: &Value, port: u16) -> Value {
    match guest.get("address").and_then(Value::as_text) {
        Some(address) => Value::text(format!("{address}:{port}")).with_marks(Marks::CHOSEN),
        None => Value::unknown(Type::Text),
    }
}

fn sensitive_entries(secrets: &Value) -> Value {
    let entries = secrets.as_entries().map(Entries::to_map).unwrap_or_default();
    Value::object(entries.into_iter().map(|(name, value)| (name, value.with_marks(Marks::SENSITIVE))))
}

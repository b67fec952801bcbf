//! Authentication realms. Only the settings are kept: nobody can log in through a directory or an identity provider.

use serde_json::{Value, json};

use super::Machine;
use super::api::Api;
use super::config::sha1_hex;
use super::objects::{STALE, change, deleted, text, typed_all};
use super::request::{Answer, Fault};
use super::routes::{Context, Entry};
use super::state::{Object, Realm};

pub(super) const ROUTES: &[Entry] = &[
    ("GET", "/access/domains", list),
    ("POST", "/access/domains", create),
    ("GET", "/access/domains/{realm}", show),
    ("PUT", "/access/domains/{realm}", update),
    ("DELETE", "/access/domains/{realm}", delete),
    ("GET", "/access/tfa", second_factors),
];

/// Nobody has a second factor here.
fn second_factors(_machine: &mut Machine, _context: &Context) -> Answer {
    Ok(json!([]).into())
}

fn list(machine: &mut Machine, _context: &Context) -> Answer {
    let rows = machine.access.realms.iter().map(|(name, realm)| {
        let mut row = json!({ "realm": name, "type": realm.kind });
        if let Some(comment) = &realm.comment {
            row["comment"] = json!(comment);
        }
        if text(&realm.settings, "default") == Some("1") {
            row["default"] = json!(1);
        }
        row
    });
    Ok(Value::Array(rows.collect()).into())
}

fn digest(machine: &Machine) -> String {
    sha1_hex(json!(machine.access.realms).to_string().as_bytes())
}

fn read(context: &Context, realm: &mut Realm) {
    change(
        &context.parameters,
        &mut realm.settings,
        &["realm", "type", "comment", "password", "check-connection", "client-key"],
    );
    if let Some(comment) = context.parameters.get("comment") {
        realm.comment = Some(comment.to_owned());
    }
    if deleted(&context.parameters).contains(&"comment") {
        realm.comment = None;
    }
}

fn create(machine: &mut Machine, context: &Context) -> Answer {
    let failed = |text: String| Fault::text(format!("add auth server failed: {text}"));
    let (name, kind) = (context.parameters.required("realm"), context.parameters.required("type"));
    if matches!(name, "pam" | "pve") {
        return Err(failed(format!("unable to use reserved name '{name}'")));
    }
    if machine.access.realms.contains_key(name) {
        return Err(failed(format!("domain '{name}' already exists")));
    }
    let needed: &[&str] = match kind {
        "ldap" => &["server1", "base_dn", "user_attr"],
        "ad" => &["server1", "domain"],
        "openid" => &["issuer-url", "client-id"],
        _ => return Err(failed(format!("unable to create builtin type '{kind}'"))),
    };
    if let Some(option) = needed.iter().find(|option| context.parameters.get(option).is_none()) {
        return Err(failed(format!("missing value for required option '{option}'")));
    }
    let mut realm = Realm { kind: kind.to_owned(), comment: None, settings: Object::new() };
    read(context, &mut realm);
    machine.access.realms.insert(name.to_owned(), realm);
    Ok(().into())
}

fn show(machine: &mut Machine, context: &Context) -> Answer {
    let name = context.parameters.required("realm");
    let missing = || Fault::text(format!("domain '{name}' does not exist"));
    let realm = machine.access.realms.get(name).ok_or_else(missing)?;
    let mut row = typed_all(Api::get().parameters("POST", "/access/domains"), &realm.settings);
    row.insert("type".to_owned(), json!(realm.kind));
    row.insert("digest".to_owned(), json!(digest(machine)));
    if let Some(comment) = &realm.comment {
        row.insert("comment".to_owned(), json!(comment));
    }
    Ok(Value::Object(row).into())
}

fn update(machine: &mut Machine, context: &Context) -> Answer {
    let failed = |text: String| Fault::text(format!("update auth server failed: {text}"));
    let name = context.parameters.required("realm");
    if context.parameters.get("digest").is_some_and(|given| given != digest(machine)) {
        return Err(failed(STALE.to_owned()));
    }
    let missing = || failed(format!("domain '{name}' does not exist"));
    let realm = machine.access.realms.get_mut(name).ok_or_else(missing)?;
    read(context, realm);
    Ok(().into())
}

fn delete(machine: &mut Machine, context: &Context) -> Answer {
    let failed = |text: String| Fault::text(format!("delete auth server failed: {text}"));
    let name = context.parameters.required("realm");
    if matches!(name, "pam" | "pve") {
        return Err(failed(format!("unable to delete builtin realm '{name}'")));
    }
    let removed = machine.access.realms.remove(name);
    removed.ok_or_else(|| failed(format!("domain '{name}' does not exist")))?;
    Ok(().into())
}

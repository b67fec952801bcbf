//! Certificates by ACME: plugins and directories. Accounts cannot be made, for that would ask a server outside.

use serde_json::{Map, Value, json};

use super::Machine;
use super::areas::ACME_PLUGINS;
use super::objects::typed_all;
use super::request::Answer;
use super::routes::{Context, Entry};

pub(super) const ROUTES: &[Entry] = &[
    ("GET", "/cluster/acme/plugins", plugins),
    ("GET", "/cluster/acme/account", accounts),
    ("GET", "/cluster/acme/directories", directories),
];

/// Names a plugin in the row that shows it.
pub(super) fn name_plugin(_machine: &Machine, _context: &Context, id: &str, row: &mut Map<String, Value>) {
    row.insert("plugin".to_owned(), json!(id));
}

/// The plugin that needs no other server is always there.
fn plugins(machine: &mut Machine, context: &Context) -> Answer {
    let digest = machine.file_digest(&ACME_PLUGINS);
    let fields = super::api::Api::get().parameters("POST", ACME_PLUGINS.created_by);
    let made = machine.objects_of(&ACME_PLUGINS).map(|(id, object)| (id, typed_all(fields, object)));
    let built_in = Map::from_iter([("type".to_owned(), json!("standalone"))]);
    let mut rows: Vec<Value> = Vec::new();
    for (id, mut row) in std::iter::once(("standalone", built_in)).chain(made) {
        row.insert("plugin".to_owned(), json!(id));
        row.insert("digest".to_owned(), json!(digest));
        rows.push(Value::Object(row));
    }
    rows.retain(|row| context.parameters.get("type").is_none_or(|kind| row["type"] == kind));
    Ok(Value::Array(rows).into())
}

fn accounts(_machine: &mut Machine, _context: &Context) -> Answer {
    Ok(json!([]).into())
}

fn directories(_machine: &mut Machine, _context: &Context) -> Answer {
    Ok(json!([
        { "name": "Let's Encrypt V2", "url": "https://acme-v02.api.letsencrypt.org/directory" },
        { "name": "Let's Encrypt V2 Staging", "url": "https://acme-staging-v02.api.letsencrypt.org/directory" },
    ])
    .into())
}

//! Folders of the API: a GET that lists what is below it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Machine;
use super::api::Api;
use super::request::Answer;
use super::routes::{Context, Entry};

/// Folders, each with the member its rows have.
const FOLDERS: &[(&str, &str)] = &[
    ("/", "subdir"),
    ("/access", "subdir"),
    ("/cluster", "name"),
    ("/cluster/acme", "name"),
    ("/cluster/backup-info", "subdir"),
    ("/cluster/bulk-action", "name"),
    ("/cluster/bulk-action/guest", "name"),
    ("/cluster/ceph", "name"),
    ("/cluster/config", "name"),
    ("/cluster/firewall", "name"),
    ("/cluster/ha", "id"),
    ("/cluster/ha/status", "name"),
    ("/cluster/jobs", "subdir"),
    ("/cluster/mapping", "name"),
    ("/cluster/metrics", "name"),
    ("/cluster/notifications", "name"),
    ("/cluster/notifications/endpoints", "name"),
    ("/cluster/qemu", "name"),
    ("/cluster/sdn", "id"),
    ("/nodes/{node}", "name"),
    ("/nodes/{node}/apt", "id"),
    ("/nodes/{node}/capabilities", "name"),
    ("/nodes/{node}/capabilities/qemu", "name"),
    ("/nodes/{node}/certificates", "name"),
    ("/nodes/{node}/disks", "name"),
    ("/nodes/{node}/firewall", "name"),
    ("/nodes/{node}/hardware", "type"),
    ("/nodes/{node}/scan", "method"),
    ("/nodes/{node}/sdn", "subdir"),
    ("/nodes/{node}/storage/{storage}", "subdir"),
    ("/nodes/{node}/tasks/{upid}", "name"),
];

/// What the folders do not list although it is there.
const UNLISTED: &[&str] = &["dry-run", "execute", "lock", "rollback", "vncwebsocket", "lvmthin"];

/// Returns the member of the rows of a folder.
fn member(template: &str) -> Option<&'static str> {
    FOLDERS.iter().find(|(folder, _)| *folder == template).map(|(_, member)| *member)
}

/// Returns the routes of all folders.
pub(super) fn routes() -> impl Iterator<Item = Entry> {
    FOLDERS.iter().map(|(folder, _)| -> Entry { ("GET", folder, list) })
}

fn list(_machine: &mut Machine, context: &Context) -> Answer {
    let member = member(context.template).unwrap_or("name");
    let names: BTreeSet<&str> = Api::get().children(context.template).collect();
    let names = names.into_iter().filter(|name| !name.starts_with('{') && !UNLISTED.contains(name));
    Ok(Value::Array(names.map(|name| json!({ member: name })).collect()).into())
}

//! Completing a `snapshot`: whose it is, and its name.

use super::{Completed, Draft};
use crate::resources::snapshot::SNAPSHOT;
use crate::value::{Marks, Path, Type, Value};

pub(super) fn complete(draft: &mut Draft) -> Option<Completed> {
    let mut attributes = draft.attributes();
    let is_named = |name: &str| attributes.get(name).is_some_and(|value| !value.is_null());
    let (is_of_vm, is_of_container) = (is_named("vm"), is_named("container"));
    if is_of_vm == is_of_container {
        let path = Path::attribute(if is_of_vm { "container" } else { "vm" });
        draft.error("a snapshot is of one guest", &path, "write `vm = vm.NAME` or `container = container.NAME`");
        return None;
    }
    let label = draft.block.address.name.clone();
    attributes.entry("name".into()).or_insert_with(|| Value::text(label).with_marks(Marks::CHOSEN));
    if let Some(name) = attributes["name"].as_text().filter(|name| !is_snapshot_name(name)).map(str::to_owned) {
        let hint = "write `name`: a letter, then letters, digits, `_` and `-`, at most 40";
        draft.error(format!("`{name}` is not the name of a snapshot"), &Path::attribute("name"), hint);
    }
    if is_of_container && attributes.get("vmstate").and_then(Value::as_bool) == Some(true) {
        let path = Path::attribute("vmstate");
        draft.error("a snapshot of a container has no memory", &path, "take `vmstate` out");
    }
    let guest = ["vm", "container"].into_iter().find_map(|name| attributes.get(name).cloned())?;
    let vmid = guest.get("vmid").cloned().unwrap_or_else(|| Value::unknown(Type::Number));
    attributes.insert("vmid".into(), vmid);
    let identity = (SNAPSHOT.identify)(&Value::object(attributes.clone()));
    Some(Completed { attributes, tenant: None, identity })
}

fn is_snapshot_name(name: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    (2..=40).contains(&name.len())
        && name.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && name.chars().all(fits)
        && !matches!(name, "current" | "pending")
}

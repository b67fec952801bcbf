//! What a plan wants, as a hash: equal wishes give equal intents, whatever identities were chosen and whatever else happened meanwhile.

use super::change::{Action, Change};
use super::{Mode, Plan};
use crate::config::Address;
use crate::state::Identity;
use crate::value::{Marks, Value};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Returns the intent id of a plan: 64 hexadecimal digits.
pub(super) fn intent(plan: &Plan) -> String {
    let mut text = format!("project={}\nlineage={}\nmode={}\n", plan.project, plan.lineage, mode(plan.mode));
    for change in plan.changes.iter().filter(|change| change.action != Action::NoOp) {
        describe(change, &mut text);
    }
    for moved in &plan.moved {
        text.push_str(&format!("moved {} {}\n", moved.from, moved.to));
    }
    hex(&Sha256::digest(text))
}

/// Returns the intent of an owner marker: it names this making of an object at this place.
pub(super) fn owner_intent(lineage: &str, address: &Address, identity: &Identity, before: &str) -> String {
    let name = format!("{lineage}\n{address}\n{identity}\n{before}");
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, name.as_bytes()).to_string()
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Apply => "apply",
        Mode::Destroy => "destroy",
        Mode::RefreshOnly => "refresh",
    }
}

fn describe(change: &Change, text: &mut String) {
    let goes = matches!(change.action, Action::Delete | Action::Replace | Action::Forget | Action::Adopt);
    let identity = if goes { change.identity.to_string() } else { String::new() };
    let written = writeln!(text, "{} {} {} {identity}", change.address, change.cluster, change.action.words());
    written.expect("writing to a string does not fail");
    for attribute in &change.attributes {
        text.push_str(&format!(
            "  {} = {}\n",
            attribute.path,
            attribute.after.as_ref().map_or_else(|| "-".to_owned(), canonical)
        ));
    }
}

/// Chosen values are placeholders; secrets are fingerprints already.
fn canonical(value: &Value) -> String {
    if value.marks().contains(Marks::CHOSEN) {
        return "(chosen)".to_owned();
    }
    if let Some(items) = value.as_items() {
        return format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","));
    }
    if let Some(entries) = value.as_entries() {
        let entries: Vec<String> =
            entries.iter().map(|(name, value)| format!("{name:?}:{}", canonical(value))).collect();
        return format!("{{{}}}", entries.join(","));
    }
    format!("{:?}", value.clone().replace_marks(Marks::NONE))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

//! Completing a `firewall`, and giving guests theirs: what their own block says, and one rule that refers to their tenant's group.

use super::{Completed, Draft, Scene, flatten};
use crate::config::Address;
use crate::diagnostics::Diagnostic;
use crate::domain::tenant;
use crate::resources::conform::literal;
use crate::resources::firewall::{FIREWALL, GUEST};
use crate::resources::rules::RULE;
use crate::value::{Entries, Marks, Path, Type, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

type Attributes = BTreeMap<Arc<str>, Value>;

pub(super) fn complete(draft: &mut Draft) -> Option<Completed> {
    let mut attributes = draft.attributes();
    if let Some(guest) = ["vm", "container"].into_iter().find_map(|kind| attributes.get(kind).cloned()) {
        note_guest(&mut attributes, &guest);
    }
    let identity = (FIREWALL.identify)(&Value::object(attributes.clone()));
    Some(Completed { attributes, tenant: None, identity })
}

fn note_guest(attributes: &mut Attributes, guest: &Value) {
    for (name, of_guest) in [("vmid", "vmid"), ("guest_node", "node")] {
        let value = guest.get(of_guest).filter(|value| !value.is_unknown() && !value.is_null());
        // Nobody wrote these here: a guest that moves takes its firewall along.
        attributes.extend(value.map(|value| (Arc::from(name), value.clone().with_marks(Marks::CHOSEN))));
    }
}

/// Returns the firewall of a guest, if its own block or its tenant asks for one.
pub(super) fn of_guest(
    scene: &Scene,
    draft: &mut Draft,
    guest: &Value,
    tenant: Option<&Address>,
) -> Option<(Address, Value)> {
    let own = guest.get("firewall").filter(|block| !block.is_null());
    let group = tenant.and_then(|tenant| tenant::firewall_group_name(scene.objects.get(tenant)?));
    if own.is_none() && group.is_none() {
        return None;
    }
    let mut attributes: Attributes = own.and_then(Value::as_entries).map(Entries::to_map).unwrap_or_default();
    for attribute in GUEST.attributes {
        if let Some(default) = attribute.default {
            attributes.entry(attribute.name.into()).or_insert_with(|| literal(attribute, default));
        }
    }
    if let Some(group) = group {
        attributes.entry("enable".into()).or_insert_with(|| Value::from(true));
        refer_to(&mut attributes, &group);
        note_idle_devices(draft, guest);
    }
    let address = draft.block.address.child("firewall", None);
    attributes.insert(draft.block.address.kind.clone(), Value::text(draft.block.address.to_string()));
    note_guest(&mut attributes, guest);
    Some((address, flatten(&Value::object(attributes))))
}

/// Puts one rule before the others, which names the group.
fn refer_to(attributes: &mut Attributes, group: &str) {
    const LABEL: &str = "tenant";
    let default = |attribute: &'static crate::resources::schema::Attribute| {
        let value = match attribute.name {
            "type" => Value::text("group"),
            "action" => Value::text(group),
            _ => literal(attribute, attribute.default?),
        };
        Some((attribute.name, value))
    };
    let rule = Value::object(RULE.attributes.iter().filter_map(default));
    let mut rules = attributes.get("rule").and_then(Value::as_entries).map(Entries::to_map).unwrap_or_default();
    rules.insert(LABEL.into(), rule);
    attributes.insert("rule".into(), Value::object(rules));
    let order = attributes.get("order").and_then(Value::as_items).unwrap_or_default().to_vec();
    let others = order.into_iter().filter(|label| label.as_text() != Some(LABEL));
    let order: Vec<Value> = std::iter::once(Value::text(LABEL)).chain(others).collect();
    attributes.insert("order".into(), Value::list(Type::Text, order));
}

/// A device with `firewall = false` is not filtered, whatever the rules say.
fn note_idle_devices(draft: &mut Draft, guest: &Value) {
    for (slot, device) in guest.get("network").and_then(Value::as_entries).into_iter().flatten() {
        if device.get("firewall").and_then(Value::as_bool) != Some(true) {
            let span = draft.span_of(&Path::attribute("network").then(crate::value::Step::Key(slot.clone())));
            draft.diagnostics.push(
                Diagnostic::warning(format!("the tenant's firewall does not filter `{slot}`"))
                    .at(span)
                    .hint(format!("write `firewall = true` in `network \"{slot}\"`")),
            );
        }
    }
}

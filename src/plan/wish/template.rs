//! Completing an adopted `template`: it must be on the cluster, and be a template.

use super::{Completed, Draft, Scene};
use crate::resources::schema::Presence;
use crate::resources::{Lookup, Sighting, conform, template};
use crate::value::{Path, Type, Value};

pub(super) fn complete(scene: &mut Scene, draft: &mut Draft) -> Option<Completed> {
    let mut attributes = draft.attributes();
    let vmid = attributes.get("vmid").and_then(Value::as_i64).and_then(|vmid| u32::try_from(vmid).ok())?;
    let identity = template::identity(vmid);
    let path = Path::attribute("vmid");
    let Some(view) = scene.view(&draft.cluster) else {
        for attribute in
            template::TEMPLATE.schema.attributes.iter().filter(|attribute| attribute.presence == Presence::Computed)
        {
            attributes.insert(attribute.name.into(), Value::unknown(conform::type_of(attribute.takes)));
        }
        return Some(Completed { attributes, tenant: None, identity });
    };
    let applied = Value::null(Type::Dynamic);
    let lookup = Lookup {
        view,
        identity: &identity,
        intent: "",
        project: &scene.input.stack.settings.project,
        applied: &applied,
        is_claim: false,
    };
    match (template::TEMPLATE.sight)(&lookup) {
        Sighting::Present(found) => {
            attributes.extend(found.value.as_entries().cloned().unwrap_or_default());
        }
        Sighting::Absent => {
            let templates: Vec<String> = view
                .guests
                .values()
                .filter(|guest| guest.is_template)
                .map(|guest| format!("{} (`{}`)", guest.vmid, guest.name))
                .collect();
            let hint = match templates.is_empty() {
                true => "this cluster has no templates".to_owned(),
                false => format!("templates on this cluster: {}", templates.join(", ")),
            };
            draft.error(format!("there is no template {vmid} on cluster `{}`", draft.cluster), &path, hint);
        }
        Sighting::Foreign(what) | Sighting::Unmarked(what) => {
            draft.error(what, &path, "name the VMID of a template, or convert the guest: `qm template VMID`");
        }
        Sighting::Hidden { table } => {
            draft.error(format!("the token may not read `{table}`"), &path, "give it the privilege to audit that");
        }
        Sighting::Unreachable { node } => {
            draft.error(
                format!("template {vmid} cannot be read: node {node} does not answer"),
                &path,
                "try again when the node is back",
            );
        }
    }
    Some(Completed { attributes, tenant: None, identity })
}

//! Completing a `template`: one that is adopted must be on the cluster, and be a template; one that is built is in `build`.

pub(in crate::plan) mod build;

use super::{Completed, Draft, Part, Scene};
use crate::config::Address;
use crate::resources::template_copy::TEMPLATE_COPY;
use crate::resources::{Lookup, Sighting, conform, template};
use crate::state::Record;
use crate::value::{Entries, Path, Type, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Returns the template as expressions see it, and what it consists of if it is built.
pub(super) fn complete(scene: &mut Scene, draft: &mut Draft) -> Option<(Completed, Option<Vec<Part>>)> {
    match draft.written.get("image").filter(|image| !image.is_null()).cloned() {
        Some(image) => build::complete(scene, draft, &image).map(|(completed, parts)| (completed, Some(parts))),
        None => adopt(scene, draft).map(|completed| (completed, None)),
    }
}

/// What the cluster tells of a template.
const TOLD: [&str; 3] = ["name", "node", "disk_size"];

fn adopt(scene: &mut Scene, draft: &mut Draft) -> Option<Completed> {
    let path = Path::attribute("vmid");
    for attribute in template::TEMPLATE.schema.attributes.iter().filter(|attribute| attribute.name != "vmid") {
        let path = Path::attribute(attribute.name);
        if draft.is_written(&path) {
            let hint = "take it out, or add an `image` block to build the template";
            draft.error(format!("`{path}` is for a template that is built"), &path, hint);
        }
    }
    let Some(vmid) = draft.written.get("vmid").cloned() else {
        let hint = "write the `vmid` of the one to adopt, or add an `image` block to build one";
        draft.error("nothing says which template this is", &Path::default(), hint);
        return None;
    };
    let mut attributes = BTreeMap::from([(Arc::from("vmid"), vmid.clone())]);
    let vmid = vmid.as_i64().and_then(|vmid| u32::try_from(vmid).ok())?;
    refuse_own(scene, draft, vmid);
    let identity = template::identity(vmid);
    let Some(view) = scene.view(&draft.cluster) else {
        for attribute in TOLD.iter().filter_map(|name| template::TEMPLATE.schema.attribute(name)) {
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
            attributes.extend(found.value.as_entries().map(Entries::to_map).unwrap_or_default());
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

/// One that this block built would be destroyed, because nothing asks for it any more, and adopted.
fn refuse_own(scene: &Scene, draft: &mut Draft, vmid: u32) {
    let is_own = |(address, record): (&Address, &Record)| {
        *record.kind == *TEMPLATE_COPY.name
            && record.identity.vmid() == Some(vmid)
            && address.block() == draft.block.address
    };
    if scene.input.state.records.iter().any(is_own) {
        let address = draft.block.address.clone();
        draft.error(
            format!("{address} was built by this block, and is ours"),
            &Path::attribute("vmid"),
            "put its `image` block back; to give it up and keep it, write a `removed` block with `destroy = false` and adopt it under another name",
        );
    }
}

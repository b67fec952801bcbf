//! Completing a `template`: one that is adopted must be on the cluster, and be a template; one that is built is in `build`.

pub(in crate::plan) mod build;

use super::{Completed, Draft, Part, Scene};
use crate::config::Address;
use crate::resources::template_copy::TEMPLATE_COPY;
use crate::resources::{Lookup, Sighting, conform, template};
use crate::state::Record;
use crate::value::{Entries, Path, Step, Type, Value};
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
    for attribute in template::TEMPLATE.schema.attributes {
        let path = Path::attribute(attribute.name);
        if !["vmid", "vmids"].contains(&attribute.name) && draft.is_written(&path) {
            let hint = "take it out, or add an `image` block to build the template";
            draft.error(format!("`{path}` is for a template that is built"), &path, hint);
        }
    }
    let copies = copies(draft)?;
    let mut attributes = BTreeMap::new();
    if copies.iter().any(|copy| copy.node.is_some()) {
        let vmids = copies.iter().filter_map(|copy| Some((copy.node.clone()?, copy.vmid.clone())));
        attributes.insert(Arc::from("vmids"), Value::map(Type::Number, vmids));
    }
    let mut identity = None;
    for copy in &copies {
        let vmid = copy.vmid.as_i64().and_then(|vmid| u32::try_from(vmid).ok())?;
        refuse_own(scene, draft, vmid, &copy.path);
        let told = look(scene, draft, vmid, copy);
        // The first of them speaks for all.
        if identity.is_none() {
            attributes.insert("vmid".into(), copy.vmid.clone());
            attributes.extend(told);
            identity = Some(template::identity(vmid));
        }
    }
    Some(Completed { attributes, tenant: None, identity: identity? })
}

/// A template that is there: its VMID, the node it must be on if that is said, and where both are written.
struct Copy {
    node: Option<Arc<str>>,
    vmid: Value,
    path: Path,
}

/// Returns the templates that a block adopts as one, the first of them first.
fn copies(draft: &mut Draft) -> Option<Vec<Copy>> {
    let path = Path::attribute("vmid");
    let alone = draft.written.get("vmid").filter(|vmid| !vmid.is_null()).cloned();
    let by_node = draft.written.get("vmids").and_then(Value::as_entries).cloned().unwrap_or_default();
    let mut copies: Vec<Copy> = by_node
        .iter()
        .map(|(node, vmid)| {
            let path = Path::attribute("vmids").then(Step::Key(node.clone()));
            Copy { node: Some(node.clone()), vmid: vmid.clone(), path }
        })
        .collect();
    match alone {
        None if copies.is_empty() => {
            let hint = "write the `vmid` of the one to adopt, or add an `image` block to build one";
            draft.error("nothing says which template this is", &Path::default(), hint);
            return None;
        }
        None => {}
        Some(vmid) if copies.is_empty() => copies.push(Copy { node: None, vmid, path }),
        Some(vmid) => match copies.iter().position(|copy| copy.vmid.as_i64() == vmid.as_i64()) {
            Some(at) => copies[..=at].rotate_right(1),
            None => {
                let hint = "leave `vmid` out: `vmids` says where each is";
                draft.error("`vmid` is none of `vmids`", &path, hint);
                return None;
            }
        },
    }
    Some(copies)
}

/// Returns what the cluster tells of a template, which must be one, and where it is said to be.
fn look(scene: &Scene, draft: &mut Draft, vmid: u32, Copy { node, path, .. }: &Copy) -> BTreeMap<Arc<str>, Value> {
    let identity = template::identity(vmid);
    let Some(view) = scene.view(&draft.cluster) else {
        let told = TOLD.iter().filter_map(|name| template::TEMPLATE.schema.attribute(name));
        return told
            .map(|attribute| (Arc::from(attribute.name), Value::unknown(conform::type_of(attribute.takes))))
            .collect();
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
            let there = found.value.get("node").and_then(Value::as_text).unwrap_or_default();
            if let Some(node) = node.as_ref().filter(|node| ***node != *there) {
                draft.error(
                    format!("template {vmid} is on {there}, not on {node}"),
                    path,
                    "name each template under the node it is on",
                );
            }
            return found.value.as_entries().map(Entries::to_map).unwrap_or_default();
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
            draft.error(format!("there is no template {vmid} on cluster `{}`", draft.cluster), path, hint);
        }
        Sighting::Foreign(what) | Sighting::Unmarked(what) => {
            draft.error(what, path, "name the VMID of a template, or convert the guest: `qm template VMID`");
        }
        Sighting::Hidden { table } => {
            draft.error(format!("the token may not read `{table}`"), path, "give it the privilege to audit that");
        }
        Sighting::Unreachable { node } => {
            draft.error(
                format!("template {vmid} cannot be read: node {node} does not answer"),
                path,
                "try again when the node is back",
            );
        }
    }
    BTreeMap::new()
}

/// One that this block built would be destroyed, because nothing asks for it any more, and adopted.
fn refuse_own(scene: &Scene, draft: &mut Draft, vmid: u32, path: &Path) {
    let is_own = |(address, record): (&Address, &Record)| {
        *record.kind == *TEMPLATE_COPY.name
            && record.identity.vmid() == Some(vmid)
            && address.block() == draft.block.address
    };
    if scene.input.state.records.iter().any(is_own) {
        let address = draft.block.address.clone();
        draft.error(
            format!("{address} was built by this block, and is ours"),
            path,
            "put its `image` block back; to give it up and keep it, write a `removed` block with `destroy = false` and adopt it under another name",
        );
    }
}

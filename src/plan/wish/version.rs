//! Attributes that the version of the cluster does not have yet: told here, by their names, and not by a server that never heard of them.

use super::{Draft, Scene};
use crate::resources::schema::{Occurs, Schema};
use crate::value::{Path, Step, Value};

/// Notes every attribute that was written and is too new.
pub(super) fn check(scene: &Scene, draft: &mut Draft, schema: &Schema) {
    let Some(view) = scene.view(&draft.cluster) else { return };
    let mut found = Vec::new();
    too_new(schema, &draft.written, &Path::default(), &|major| !view.has_version(major), &mut found);
    for (path, major) in found {
        let (cluster, version) = (&draft.cluster, &view.version);
        let summary = format!("`{path}` came with Proxmox VE {major}, and cluster `{cluster}` runs {version}");
        draft.error(summary, &path, "remove this line, or upgrade the cluster");
    }
}

fn too_new(schema: &Schema, value: &Value, at: &Path, is_missing: &dyn Fn(u32) -> bool, into: &mut Vec<(Path, u32)>) {
    for attribute in schema.attributes {
        let is_written = || value.get(attribute.name).is_some_and(|value| !value.is_null());
        if let Some(major) = attribute.since.filter(|major| is_missing(*major) && is_written()) {
            into.push((at.then(Step::Attribute(attribute.name.into())), major));
        }
    }
    for (name, inside) in value.as_entries().into_iter().flatten().filter(|(_, inside)| !inside.is_null()) {
        let Some(nested) = schema.block(name) else { continue };
        let path = at.then(Step::Attribute(nested.name.into()));
        match nested.occurs {
            Occurs::Once => too_new(nested.schema, inside, &path, is_missing, into),
            Occurs::ByLabel(_) => {
                for (label, block) in inside.as_entries().into_iter().flatten() {
                    too_new(nested.schema, block, &path.then(Step::Key(label.clone())), is_missing, into);
                }
            }
            Occurs::Many => {
                for (index, block) in inside.as_items().unwrap_or_default().iter().enumerate() {
                    too_new(nested.schema, block, &path.then(Step::Index(index)), is_missing, into);
                }
            }
        }
    }
}

//! Completing a `tenant`: the name of its pool, and what its guests inherit.

use super::{Completed, Draft, Scene, TenantFacts};
use crate::config::Key;
use crate::resources::conform::did_you_mean;
use crate::state::Identity;
use crate::value::{Path, Step, Type, Value};
use std::sync::Arc;

pub(super) fn complete(scene: &mut Scene, draft: &mut Draft) -> Option<Completed> {
    let mut attributes = draft.attributes();
    let address = &draft.block.address;
    let default_pool = match &address.key {
        None => address.name.to_string(),
        Some(Key::Number(number)) => format!("{}-{number}", address.name),
        Some(Key::Text(text)) => format!("{}-{text}", address.name),
    };
    attributes.entry("pool".into()).or_insert_with(|| Value::text(default_pool));
    known_users(scene, draft);
    let pool = attributes.get("pool").and_then(Value::as_text).unwrap_or_default().to_owned();
    let tier = attributes.get("tier").cloned().unwrap_or_else(|| Value::null(Type::Dynamic));
    let facts = TenantFacts {
        address: Arc::new(address.clone()),
        cluster: draft.cluster.clone(),
        pool,
        tier,
        span: draft.span_of(&Path::attribute("tier")),
    };
    scene.tenants.insert(address.clone(), facts);
    Some(Completed { attributes, tenant: Some(address.clone()), identity: Identity::default() })
}

/// An access rule for a user the cluster does not know would be refused at apply.
fn known_users(scene: &Scene, draft: &mut Draft) {
    let Some(users) = scene.view(&draft.cluster).and_then(|view| view.users.as_ref()) else { return };
    let written = draft.written.clone();
    for user in written.get("access").and_then(Value::as_entries).into_iter().flat_map(|access| access.keys()) {
        let id = user.split('!').next().unwrap_or_default();
        if !user.starts_with('@') && !users.contains(id) {
            let path = Path::attribute("access").then(Step::Key(user.clone()));
            let hint = did_you_mean(id, users.iter().map(String::as_str), "users");
            draft.error(format!("the user `{id}` does not exist on cluster `{}`", draft.cluster), &path, hint);
        }
    }
}

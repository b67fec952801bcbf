//! Completing a `tenant`: the name of its pool, and what its guests inherit.

use super::{Completed, Draft, Scene, TenantFacts};
use crate::config::Key;
use crate::domain::tenant::vnet_name;
use crate::resources::conform::did_you_mean;
use crate::state::Identity;
use crate::value::{Entries, Marks, Path, Step, Type, Value};
use std::collections::BTreeMap;
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
    network(draft, &mut attributes);
    let pool = attributes.get("pool").and_then(Value::as_text).unwrap_or_default().to_owned();
    let tier = attributes.get("tier").cloned().unwrap_or_else(|| Value::null(Type::Dynamic));
    let facts = TenantFacts {
        address: address.clone(),
        cluster: draft.cluster.clone(),
        pool,
        tier,
        span: draft.span_of(&Path::attribute("tier")),
    };
    scene.tenants.insert(address.clone(), facts);
    Some(Completed { attributes, tenant: Some(address.clone()), identity: Identity::default() })
}

/// A network is on a bridge that is there, or on the tenant's own vnet in a zone, which is the bridge of its guests then.
fn network(draft: &mut Draft, attributes: &mut BTreeMap<Arc<str>, Value>) {
    let Some(written) = attributes.get("network").and_then(Value::as_entries).cloned() else { return };
    let has = |name: &str| written.get(name).is_some_and(|value| !value.is_null());
    let path = |name: &str| Path::attribute("network").then(Step::Attribute(name.into()));
    match (has("bridge"), has("zone")) {
        (true, true) => {
            let hint = "keep one of `bridge` and `zone`";
            draft.error("a network is on a bridge or in a zone", &path("bridge"), hint);
        }
        (false, false) => {
            draft.error(
                "the network is nowhere",
                &Path::attribute("network"),
                "add `bridge = ...`, or `zone = ...` for a vnet of its own",
            );
        }
        (true, false) => {
            for name in ["vnet", "tag", "snat"].into_iter().filter(|name| has(name)) {
                draft.error(format!("`{name}` goes with `zone` only"), &path(name), "remove this line");
            }
        }
        (false, true) if has("vlan") => {
            draft.error("`vlan` is of a bridge", &path("vlan"), "write `tag`, in a zone whose vnets have one");
        }
        (false, true) => {
            let mut network = written.to_map();
            let pool = attributes.get("pool").and_then(Value::as_text).unwrap_or_default();
            let name = || Value::text(vnet_name(pool)).with_marks(Marks::CHOSEN);
            let vnet = network.entry("vnet".into()).or_insert_with(name).clone();
            network.insert("bridge".into(), vnet);
            attributes.insert("network".into(), Value::object(network));
        }
    }
}

/// An access rule for a user the cluster does not know would be refused at apply.
fn known_users(scene: &Scene, draft: &mut Draft) {
    let Some(users) = scene.view(&draft.cluster).and_then(|view| view.users.as_ref()) else { return };
    let written = draft.written.clone();
    for user in written.get("access").and_then(Value::as_entries).into_iter().flat_map(Entries::keys) {
        let id = user.split('!').next().unwrap_or_default();
        if !user.starts_with('@') && !users.contains(id) {
            let path = Path::attribute("access").then(Step::Key(user.clone()));
            let hint = did_you_mean(id, users.iter().map(String::as_str), "users");
            draft.error(format!("the user `{id}` does not exist on cluster `{}`", draft.cluster), &path, hint);
        }
    }
}

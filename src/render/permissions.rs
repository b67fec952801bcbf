//! Privileges as the commands that grant them: roles, a user, a token, access rules. Text and JSON.

use crate::plan::permissions::{Grant, Grants};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Who gets the privileges.
#[derive(Clone, Debug)]
pub struct Grantee {
    /// `spawnpoint@pve`
    pub user: String,
    /// Name of the token: `home`.
    pub token: String,
}

/// Returns the commands, to be run as root on any node of the cluster.
///
/// User and token get the same: a token whose privileges are separated has what both have.
pub fn commands(cluster: &str, grants: &Grants, grantee: &Grantee) -> String {
    let roles = roles(grants);
    let mut text = format!("# Least privileges for cluster \"{cluster}\": run as root on one of its nodes.\n");
    for (role, privileges) in &roles {
        let privileges = privileges.iter().copied().collect::<Vec<_>>().join(" ");
        text.push_str(&format!("pveum role add {role} -privs \"{privileges}\"\n"));
    }
    let Grantee { user, token } = grantee;
    text.push_str(&format!("pveum user add {user}\npveum user token add {user} {token} -privsep 1\n"));
    for (path, grant) in grants {
        text.push_str(&rules(path, grant, grantee));
    }
    text
}

/// Returns the privileges as JSON.
pub fn document(clusters: &BTreeMap<std::sync::Arc<str>, Grants>) -> serde_json::Value {
    let paths = |grants: &Grants| -> serde_json::Value {
        let path = |(path, grant): (&String, &Grant)| {
            (path.clone(), json!({"privileges": grant.privileges, "propagate": grant.propagates}))
        };
        grants.iter().map(path).collect::<serde_json::Map<_, _>>().into()
    };
    let clusters: serde_json::Map<_, _> =
        clusters.iter().map(|(name, grants)| (name.to_string(), paths(grants))).collect();
    json!({"format_version": "1.0", "clusters": clusters})
}

fn rules(path: &str, grant: &Grant, grantee: &Grantee) -> String {
    let Grantee { user, token } = grantee;
    let role = role_of(path);
    let below = if grant.propagates { "" } else { " -propagate 0" };
    format!(
        "pveum acl modify {path} -user {user} -role {role}{below}\npveum acl modify {path} -token '{user}!{token}' -role {role}{below}\n"
    )
}

/// One role for each kind of path: what any of its paths needs.
fn roles(grants: &Grants) -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut roles: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (path, grant) in grants {
        roles.entry(role_of(path)).or_default().extend(&grant.privileges);
    }
    roles
}

fn role_of(path: &str) -> &'static str {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    match first {
        "pool" => "SpawnpointPool",
        // A template is a guest that is only cloned; it shares nothing with the guests we run.
        "vms" if path == "/vms" => "SpawnpointGuests",
        "vms" => "SpawnpointTemplate",
        "storage" => "SpawnpointStorage",
        "sdn" if path == "/sdn" => "SpawnpointSdn",
        "sdn" => "SpawnpointBridge",
        "access" => "SpawnpointAccess",
        "nodes" => "SpawnpointNodes",
        _ => "SpawnpointCluster",
    }
}

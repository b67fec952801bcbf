//! Permissions: roles along a path, pools, privilege-separated tokens, and the check rules of the method table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde_json::Value;

use super::Machine;
use super::auth::Caller;
use super::request::Fault;
use super::schema::Parameters;
use super::state::{AclEntry, Subject};

/// Built-in roles and their privileges, as version 9.2 lists them.
const ROLES: &str = include_str!("roles.txt");

/// The built-in roles with their privileges.
pub(super) static BUILTIN_ROLES: LazyLock<BTreeMap<&'static str, BTreeSet<&'static str>>> = LazyLock::new(|| {
    let parse = |line: &'static str| {
        let (name, privileges) = line.split_once(' ').unwrap_or((line, ""));
        (name, privileges.split(',').filter(|item| !item.is_empty()).collect())
    };
    ROLES.lines().map(parse).collect()
});

/// Returns every privilege there is.
pub(super) fn all_privileges() -> impl Iterator<Item = &'static str> {
    BUILTIN_ROLES.get("Administrator").into_iter().flatten().copied()
}

/// Returns whether a path may carry an access rule.
pub(super) fn is_acl_path(path: &str) -> bool {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    match segments.as_slice() {
        [] => path == "/",
        ["access", "groups" | "realm", rest @ ..] => rest.len() <= 1,
        ["access" | "nodes" | "pool" | "sdn" | "storage" | "vms" | "mapping"] | ["nodes" | "storage", _] => true,
        ["vms", id] => id.parse::<u32>().is_ok(),
        ["pool", rest @ ..] | ["sdn", "zones" | "fabrics" | "controllers" | "dns" | "ipams", rest @ ..] => {
            rest.len() <= 3
        }
        ["mapping", rest @ ..] => rest.len() <= 2,
        _ => false,
    }
}

impl Machine {
    /// Returns the privileges of a caller on a path, each with whether it propagates.
    pub(super) fn privileges(&self, caller: &Caller, path: &str) -> BTreeMap<String, bool> {
        let user = Caller { user: caller.user.clone(), token: None };
        let of_user = self.subject_privileges(&user, path);
        let Some(token) = caller.token.as_ref() else {
            return of_user;
        };
        let is_separated = self
            .access
            .users
            .get(&caller.user)
            .and_then(|user| user.tokens.get(token))
            .is_none_or(|token| token.is_separated);
        if !is_separated {
            return of_user;
        }
        let of_token = self.subject_privileges(caller, path);
        of_token.into_iter().filter(|(name, _)| of_user.contains_key(name)).collect()
    }

    pub(super) fn has(&self, caller: &Caller, path: &str, privilege: &str) -> bool {
        self.privileges(caller, path).contains_key(privilege)
    }

    pub(super) fn has_any(&self, caller: &Caller, path: &str, wanted: &[&str]) -> bool {
        let held = self.privileges(caller, path);
        wanted.iter().any(|privilege| held.contains_key(*privilege))
    }

    /// Fails with the usual 403 unless the caller has the privilege.
    pub(super) fn require(&self, caller: &Caller, path: &str, privilege: &str) -> Result<(), Fault> {
        if self.has(caller, path, privilege) { Ok(()) } else { Err(Fault::denied(path, privilege)) }
    }

    pub(super) fn require_any(&self, caller: &Caller, path: &str, wanted: &[&str]) -> Result<(), Fault> {
        if self.has_any(caller, path, wanted) { Ok(()) } else { Err(Fault::denied(path, &wanted.join("|"))) }
    }

    fn subject_privileges(&self, caller: &Caller, path: &str) -> BTreeMap<String, bool> {
        if caller.is_root() {
            return self.privilege_names(all_privileges()).into_iter().map(|name| (name.to_owned(), true)).collect();
        }
        let mut roles = self.roles_along(caller, path);
        if let Some(pool) = self.pool_of_path(path) {
            for (role, _) in self.roles_along(caller, &format!("/pool/{pool}")) {
                roles.entry(role).or_insert(false);
            }
        }
        if roles.contains_key("NoAccess") {
            return BTreeMap::new();
        }
        let mut privileges = BTreeMap::new();
        for (role, propagates) in roles {
            for privilege in self.role_privileges(&role) {
                let entry = privileges.entry(privilege).or_insert(propagates);
                *entry |= propagates;
            }
        }
        privileges
    }

    /// A deeper level replaces what was inherited; on one level the user's own roles go before those of groups.
    fn roles_along(&self, caller: &Caller, path: &str) -> BTreeMap<String, bool> {
        let mut roles = BTreeMap::new();
        let levels = levels_of(path);
        for level in &levels {
            let is_last = Some(level) == levels.last();
            let counts = |entry: &&AclEntry| entry.path == *level && (is_last || entry.propagates);
            let entries: Vec<&AclEntry> = self.access.entries.iter().filter(counts).collect();
            let own_id = caller.full_id();
            let own_kind = if caller.token.is_some() { Subject::Token } else { Subject::User };
            let is_own = |entry: &&&AclEntry| entry.kind == own_kind && entry.subject == own_id;
            let mut found: BTreeMap<String, bool> =
                entries.iter().filter(is_own).map(|entry| (entry.role.clone(), entry.propagates)).collect();
            if found.is_empty() && caller.token.is_none() {
                let groups = self.access.users.get(&caller.user).map(|user| user.groups.clone()).unwrap_or_default();
                let is_group = |entry: &&&AclEntry| entry.kind == Subject::Group && groups.contains(&entry.subject);
                found = entries.iter().filter(is_group).map(|entry| (entry.role.clone(), entry.propagates)).collect();
            }
            if !found.is_empty() {
                roles = found;
            }
        }
        roles
    }

    pub(super) fn role_privileges(&self, role: &str) -> BTreeSet<String> {
        match BUILTIN_ROLES.get(role) {
            Some(privileges) => {
                self.privilege_names(privileges.iter().copied()).into_iter().map(str::to_owned).collect()
            }
            None => self.access.roles.get(role).cloned().unwrap_or_default(),
        }
    }

    fn pool_of_path(&self, path: &str) -> Option<String> {
        if let Some(vmid) = path.strip_prefix("/vms/").and_then(|id| id.parse().ok()) {
            return self.pool_of_guest(vmid);
        }
        let storage = path.strip_prefix("/storage/")?;
        self.pools.iter().find(|(_, pool)| pool.storages.contains(storage)).map(|(name, _)| name.clone())
    }

    pub(super) fn pool_of_guest(&self, vmid: u32) -> Option<String> {
        self.pools.iter().find(|(_, pool)| pool.guests.contains(&vmid)).map(|(name, _)| name.clone())
    }

    /// Applies a check rule of the method table.
    pub(super) fn check_rule(&self, caller: &Caller, rule: &Value, parameters: &Parameters) -> Result<(), Fault> {
        let Some(items) = rule.as_array() else {
            return Ok(());
        };
        match items.first().and_then(Value::as_str) {
            Some("and") => items[1..].iter().try_for_each(|rule| self.check_rule(caller, rule, parameters)),
            Some("or") => {
                let passes = |rule: &Value| self.check_rule(caller, rule, parameters).is_ok();
                if items[1..].iter().any(passes) { Ok(()) } else { Err(Fault::denied_without_path()) }
            }
            Some("perm") => self.check_permission(caller, items, parameters),
            Some("perm-modify") => self.check_modify(caller, parameters.get("path").unwrap_or_default()),
            Some("userid-param") => self.check_user_parameter(caller, items, parameters),
            Some("userid-group") => self.require_any(caller, "/access/groups", &texts(items.get(1))),
            _ => Ok(()),
        }
    }

    fn check_permission(&self, caller: &Caller, items: &[Value], parameters: &Parameters) -> Result<(), Fault> {
        let template = items.get(1).and_then(Value::as_str).unwrap_or_default();
        // A missing parameter is the schema's business, but only for those who could do anything anyway.
        let is_almighty = || self.has(caller, "/", "Permissions.Modify");
        let Some(path) = fill(template, parameters) else {
            let denied = Fault::denied("", &texts(items.get(2)).join("|"));
            return if is_almighty() { Ok(()) } else { Err(denied) };
        };
        let wanted: Vec<&str> = match self.is_before_9() {
            true => self.privilege_names(texts(items.get(2))).into_iter().collect(),
            false => texts(items.get(2)),
        };
        // A path with other characters is no path, and nobody has rights on it.
        if !path.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'/')) {
            return Err(Fault::denied("", &wanted.join("|")));
        }
        if items.get(3).and_then(Value::as_str) == Some("any") {
            return self.require_any(caller, &path, &wanted);
        }
        wanted.iter().try_for_each(|privilege| self.require(caller, &path, privilege))
    }

    /// Changing rights needs Permissions.Modify, or the allocate privilege of the kind of object.
    pub(super) fn check_modify(&self, caller: &Caller, path: &str) -> Result<(), Fault> {
        let lesser = match path.split('/').nth(1) {
            Some("storage") => Some("Datastore.Allocate"),
            Some("vms") => Some("VM.Allocate"),
            Some("pool") => Some("Pool.Allocate"),
            _ => None,
        };
        if self.has(caller, path, "Permissions.Modify") || lesser.is_some_and(|name| self.has(caller, path, name)) {
            return Ok(());
        }
        Err(Fault::denied(path, &["Permissions.Modify"].into_iter().chain(lesser).collect::<Vec<_>>().join("|")))
    }

    fn check_user_parameter(&self, caller: &Caller, items: &[Value], parameters: &Parameters) -> Result<(), Fault> {
        let user = parameters.get("userid").unwrap_or_default();
        match items.get(1).and_then(Value::as_str) {
            Some("self") if user == caller.user => Ok(()),
            Some("self") => Err(Fault::denied_without_path()),
            _ => {
                let realm = user.rsplit_once('@').map_or("", |(_, realm)| realm);
                self.require(caller, &format!("/access/realm/{realm}"), "Realm.AllocateUser")
            }
        }
    }
}

fn texts(value: Option<&Value>) -> Vec<&str> {
    value.and_then(Value::as_array).map(|items| items.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

/// Fills the placeholders of a path; nothing when a parameter is missing.
fn fill(template: &str, parameters: &Parameters) -> Option<String> {
    let fill_part = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some(name) => parameters.get(name).map(str::to_owned),
        None => Some(part.to_owned()),
    };
    let parts: Option<Vec<String>> = template.split('/').map(fill_part).collect();
    parts.map(|parts| parts.join("/"))
}

fn levels_of(path: &str) -> Vec<String> {
    let mut levels = vec!["/".to_owned()];
    let mut walked = String::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        walked = format!("{walked}/{segment}");
        levels.push(walked.clone());
    }
    levels
}

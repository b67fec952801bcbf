//! Users, groups, roles, permissions and tickets. Tokens are in `tokens`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::Machine;
use super::acl::{BUILTIN_ROLES, all_privileges, is_acl_path};
use super::auth::Caller;
use super::request::{Answer, Fault};
use super::routes::Context;
use super::schema::split_list;
use super::state::{AclEntry, Subject, User};

pub(super) fn handler(method: &str, template: &str) -> Option<fn(&mut Machine, &Context) -> Answer> {
    let handler: fn(&mut Machine, &Context) -> Answer = match (method, template) {
        ("GET", "/access/users") => list_users,
        ("POST", "/access/users") => create_user,
        ("GET", "/access/users/{userid}") => get_user,
        ("PUT", "/access/users/{userid}") => update_user,
        ("DELETE", "/access/users/{userid}") => delete_user,
        ("GET", "/access/groups") => list_groups,
        ("POST", "/access/groups") => create_group,
        ("GET", "/access/groups/{groupid}") => get_group,
        ("PUT", "/access/groups/{groupid}") => update_group,
        ("DELETE", "/access/groups/{groupid}") => delete_group,
        ("GET", "/access/roles") => list_roles,
        ("POST", "/access/roles") => create_role,
        ("GET", "/access/roles/{roleid}") => get_role,
        ("PUT", "/access/roles/{roleid}") => update_role,
        ("DELETE", "/access/roles/{roleid}") => delete_role,
        ("GET", "/access/acl") => list_acl,
        ("PUT", "/access/acl") => change_acl,
        ("GET", "/access/permissions") => permissions,
        ("POST", "/access/ticket") => ticket,
        _ => return None,
    };
    Some(handler)
}

const DETAILS: [&str; 5] = ["comment", "email", "firstname", "lastname", "keys"];

fn user_row(machine: &Machine, id: &str, user: &User) -> Value {
    let mut row = json!({ "userid": id, "enable": u8::from(user.is_enabled), "expire": user.expires_s });
    let realm = id.rsplit_once('@').map_or("", |(_, realm)| realm);
    if let Some(realm) = machine.access.realms.get(realm) {
        row["realm-type"] = json!(realm.kind);
    }
    for (key, value) in &user.details {
        row[key.as_str()] = json!(value);
    }
    row
}

fn list_users(machine: &mut Machine, context: &Context) -> Answer {
    let caller = &context.caller;
    let sees_all = machine.has_any(caller, "/access/groups", &["User.Modify", "Sys.Audit"]);
    let is_full = context.parameters.is_set("full");
    let rows = machine.access.users.iter().filter(|(id, _)| sees_all || **id == caller.user);
    let rows = rows.map(|(id, user)| {
        let mut row = user_row(machine, id, user);
        if is_full {
            row["groups"] = json!(user.groups.iter().cloned().collect::<Vec<_>>().join(","));
            row["tokens"] = match user.tokens.is_empty() {
                true => Value::Null,
                false => user.tokens.iter().map(|(id, token)| super::tokens::row(Some(id), token)).collect(),
            };
        }
        row
    });
    Ok(Value::Array(rows.collect()).into())
}

fn read_user(context: &Context, user: &mut User) {
    let parameters = &context.parameters;
    for key in DETAILS {
        if let Some(value) = parameters.get(key) {
            user.details.insert(key.to_owned(), value.to_owned());
        }
    }
    if let Some(value) = parameters.get("enable") {
        user.is_enabled = value == "1";
    }
    if let Some(expires_s) = parameters.number("expire") {
        user.expires_s = expires_s;
    }
    if let Some(groups) = parameters.get("groups") {
        if !parameters.is_set("append") {
            user.groups.clear();
        }
        user.groups.extend(split_list(groups).into_iter().map(str::to_owned));
    }
}

fn create_user(machine: &mut Machine, context: &Context) -> Answer {
    let id = context.parameters.required("userid").to_owned();
    if machine.access.users.contains_key(&id) {
        return Err(Fault::text(format!("create user failed: user '{id}' already exists")));
    }
    let mut user = User { is_enabled: true, ..User::default() };
    read_user(context, &mut user);
    user.password_digest = context.parameters.get("password").map(|password| machine.password_digest(password));
    machine.access.users.insert(id, user);
    Ok(().into())
}

pub(super) fn no_such_user(id: &str) -> Fault {
    Fault::text(format!("no such user ('{id}')"))
}

fn get_user(machine: &mut Machine, context: &Context) -> Answer {
    let id = context.parameters.required("userid");
    let user = machine.access.users.get(id).ok_or_else(|| no_such_user(id))?;
    let mut row = user_row(machine, id, user);
    let members = row.as_object_mut().expect("a user row is an object");
    members.remove("userid");
    members.remove("realm-type");
    row["groups"] = json!(user.groups);
    row["tokens"] = match user.tokens.is_empty() {
        true => Value::Null,
        false => {
            Value::Object(user.tokens.iter().map(|(id, token)| (id.clone(), super::tokens::row(None, token))).collect())
        }
    };
    Ok(row.into())
}

fn update_user(machine: &mut Machine, context: &Context) -> Answer {
    let id = context.parameters.required("userid");
    let user = machine.access.users.get_mut(id).ok_or_else(|| no_such_user(id))?;
    read_user(context, user);
    Ok(().into())
}

fn delete_user(machine: &mut Machine, context: &Context) -> Answer {
    let id = context.parameters.required("userid");
    machine.access.users.remove(id).ok_or_else(|| no_such_user(id))?;
    let token_prefix = format!("{id}!");
    machine.access.entries.retain(|entry| entry.subject != id && !entry.subject.starts_with(&token_prefix));
    Ok(().into())
}

fn members(machine: &Machine, group: &str) -> Vec<String> {
    let users = machine.access.users.iter().filter(|(_, user)| user.groups.contains(group));
    users.map(|(id, _)| id.clone()).collect()
}

fn group_row(machine: &Machine, name: &str, comment: Option<&String>) -> Value {
    let mut row = json!({ "groupid": name, "users": members(machine, name).join(",") });
    if let Some(comment) = comment {
        row["comment"] = json!(comment);
    }
    row
}

fn list_groups(machine: &mut Machine, _context: &Context) -> Answer {
    let rows = machine.access.groups.iter().map(|(name, comment)| group_row(machine, name, comment.as_ref()));
    Ok(Value::Array(rows.collect()).into())
}

fn create_group(machine: &mut Machine, context: &Context) -> Answer {
    let name = context.parameters.required("groupid").to_owned();
    if machine.access.groups.contains_key(&name) {
        return Err(Fault::text(format!("create group failed: group '{name}' already exists")));
    }
    machine.access.groups.insert(name, context.parameters.get("comment").map(str::to_owned));
    Ok(().into())
}

fn get_group(machine: &mut Machine, context: &Context) -> Answer {
    let name = context.parameters.required("groupid");
    let missing = || Fault::text(format!("group '{name}' does not exist"));
    let comment = machine.access.groups.get(name).ok_or_else(missing)?;
    let mut row = json!({ "members": members(machine, name) });
    if let Some(comment) = comment {
        row["comment"] = json!(comment);
    }
    Ok(row.into())
}

fn update_group(machine: &mut Machine, context: &Context) -> Answer {
    let name = context.parameters.required("groupid");
    let missing = || Fault::text(format!("update group failed: group '{name}' does not exist"));
    let comment = machine.access.groups.get_mut(name).ok_or_else(missing)?;
    *comment = context.parameters.get("comment").map(str::to_owned);
    Ok(().into())
}

fn delete_group(machine: &mut Machine, context: &Context) -> Answer {
    let name = context.parameters.required("groupid");
    let missing = || Fault::text(format!("delete group failed: group '{name}' does not exist"));
    machine.access.groups.remove(name).ok_or_else(missing)?;
    for user in machine.access.users.values_mut() {
        user.groups.remove(name);
    }
    machine.access.entries.retain(|entry| !(entry.kind == Subject::Group && entry.subject == name));
    Ok(().into())
}

fn list_roles(machine: &mut Machine, _context: &Context) -> Answer {
    let builtin = BUILTIN_ROLES.iter().map(|(name, privileges)| {
        let privileges = machine.privilege_names(privileges.iter().copied()).into_iter().collect::<Vec<_>>().join(",");
        json!({ "roleid": name, "privs": privileges, "special": 1 })
    });
    let own = machine.access.roles.iter().map(|(name, privileges)| {
        let privileges = privileges.iter().cloned().collect::<Vec<_>>().join(",");
        json!({ "roleid": name, "privs": privileges, "special": 0 })
    });
    Ok(Value::Array(builtin.chain(own).collect()).into())
}

fn read_privileges(machine: &Machine, context: &Context) -> Result<BTreeSet<String>, Fault> {
    let known = machine.privilege_names(all_privileges());
    let wanted = context.parameters.items("privs");
    match wanted.iter().find(|name| !known.contains(**name)) {
        Some(name) => Err(Fault::parameter("privs", format!("invalid format - invalid privilege '{name}'\n"))),
        None => Ok(wanted.into_iter().map(str::to_owned).collect()),
    }
}

fn create_role(machine: &mut Machine, context: &Context) -> Answer {
    let name = context.parameters.required("roleid").to_owned();
    let privileges = read_privileges(machine, context)?;
    if name.to_uppercase().starts_with("PVE") {
        let text = "cannot use role ID starting with the (case-insensitive) 'PVE' namespace";
        return Err(Fault::parameter("roleid", text));
    }
    if machine.access.roles.contains_key(&name) || BUILTIN_ROLES.contains_key(name.as_str()) {
        return Err(Fault::text(format!("create role failed: role '{name}' already exists")));
    }
    machine.access.roles.insert(name, privileges);
    Ok(().into())
}

fn get_role(machine: &mut Machine, context: &Context) -> Answer {
    let name = context.parameters.required("roleid");
    if !role_exists(machine, name) {
        return Err(Fault::text(format!("role '{name}' does not exist")));
    }
    let privileges: Map<String, Value> =
        machine.role_privileges(name).into_iter().map(|name| (name, json!(1))).collect();
    Ok(Value::Object(privileges).into())
}

fn role_exists(machine: &Machine, name: &str) -> bool {
    machine.access.roles.contains_key(name) || BUILTIN_ROLES.contains_key(name)
}

fn update_role(machine: &mut Machine, context: &Context) -> Answer {
    let name = context.parameters.required("roleid");
    let privileges = read_privileges(machine, context)?;
    if BUILTIN_ROLES.contains_key(name) {
        return Err(Fault::text(format!("auto-generated role '{name}' cannot be modified")));
    }
    let missing = || Fault::text(format!("update role failed: role '{name}' does not exist"));
    let role = machine.access.roles.get_mut(name).ok_or_else(missing)?;
    if !context.parameters.is_set("append") {
        role.clear();
    }
    role.extend(privileges);
    Ok(().into())
}

fn delete_role(machine: &mut Machine, context: &Context) -> Answer {
    let name = context.parameters.required("roleid");
    if BUILTIN_ROLES.contains_key(name) {
        return Err(Fault::text(format!("auto-generated role '{name}' cannot be deleted")));
    }
    let missing = || Fault::text(format!("delete role failed: role '{name}' does not exist"));
    machine.access.roles.remove(name).ok_or_else(missing)?;
    machine.access.entries.retain(|entry| entry.role != name);
    Ok(().into())
}

fn list_acl(machine: &mut Machine, context: &Context) -> Answer {
    let sees_all = machine.has(&context.caller, "/access", "Sys.Audit");
    let is_visible = |entry: &&AclEntry| sees_all || machine.has(&context.caller, &entry.path, "Permissions.Modify");
    let rows = machine.access.entries.iter().filter(is_visible).map(|entry| {
        json!({
            "path": entry.path, "type": entry.kind, "ugid": entry.subject, "roleid": entry.role,
            "propagate": u8::from(entry.propagates),
        })
    });
    Ok(Value::Array(rows.collect()).into())
}

fn change_acl(machine: &mut Machine, context: &Context) -> Answer {
    let parameters = &context.parameters;
    let path = parameters.required("path");
    if !is_acl_path(path) {
        return Err(Fault::parameter("path", format!("invalid ACL path '{path}'")));
    }
    let failed = |text: String| Fault::text(format!("ACL update failed: {text}"));
    let removes = parameters.is_set("delete");
    let mut changed = Vec::new();
    for role in parameters.items("roles") {
        if !role_exists(machine, role) {
            return Err(failed(format!("role '{role}' does not exist")));
        }
        for (kind, subject) in subjects(context) {
            if !removes && !subject_exists(machine, kind, subject) {
                let word = if kind == Subject::Group {
                    "group"
                } else if kind == Subject::Token {
                    "token"
                } else {
                    "user"
                };
                return Err(failed(format!("{word} '{subject}' does not exist")));
            }
            changed.push(AclEntry {
                path: path.to_owned(),
                kind,
                subject: subject.to_owned(),
                role: role.to_owned(),
                propagates: parameters.get("propagate") != Some("0"),
            });
        }
    }
    let is_same = |one: &AclEntry, other: &AclEntry| {
        one.path == other.path && one.kind == other.kind && one.subject == other.subject && one.role == other.role
    };
    machine.access.entries.retain(|entry| !changed.iter().any(|other| is_same(entry, other)));
    if !removes {
        machine.access.entries.extend(changed);
    }
    Ok(().into())
}

fn subjects(context: &Context) -> Vec<(Subject, &str)> {
    let of =
        |kind, name| context.parameters.items(name).into_iter().map(move |subject| (kind, subject)).collect::<Vec<_>>();
    [of(Subject::User, "users"), of(Subject::Group, "groups"), of(Subject::Token, "tokens")].concat()
}

fn subject_exists(machine: &Machine, kind: Subject, subject: &str) -> bool {
    match kind {
        Subject::User => machine.access.users.contains_key(subject),
        Subject::Group => machine.access.groups.contains_key(subject),
        Subject::Token => subject.split_once('!').is_some_and(|(user, token)| {
            machine.access.users.get(user).is_some_and(|user| user.tokens.contains_key(token))
        }),
    }
}

fn permissions(machine: &mut Machine, context: &Context) -> Answer {
    let caller = match context.parameters.get("userid") {
        Some(id) if id != context.caller.full_id() => {
            machine.require(&context.caller, "/access", "Sys.Audit")?;
            let (user, token) = id.split_once('!').map_or((id, None), |(user, token)| (user, Some(token.to_owned())));
            Caller { user: user.to_owned(), token }
        }
        _ => context.caller.clone(),
    };
    let always = ["/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms"];
    let mut paths: BTreeSet<String> = always.iter().map(|path| (*path).to_owned()).collect();
    paths.extend(machine.access.entries.iter().map(|entry| entry.path.clone()));
    for pool in machine.pools.values() {
        paths.extend(pool.guests.iter().map(|vmid| format!("/vms/{vmid}")));
        paths.extend(pool.storages.iter().map(|storage| format!("/storage/{storage}")));
    }
    if let Some(path) = context.parameters.get("path") {
        paths = BTreeSet::from([path.to_owned()]);
    }
    let mut data = BTreeMap::new();
    for path in paths {
        let held: BTreeMap<String, u8> = machine
            .privileges(&caller, &path)
            .into_iter()
            .map(|(name, propagates)| (name, u8::from(propagates)))
            .collect();
        if !held.is_empty() {
            data.insert(path, held);
        }
    }
    Ok(json!(data).into())
}

fn ticket(machine: &mut Machine, context: &Context) -> Answer {
    let parameters = &context.parameters;
    let mut id = parameters.required("username").to_owned();
    if let Some(realm) = parameters.get("realm").filter(|_| !id.contains('@')) {
        id = format!("{id}@{realm}");
    }
    let password = parameters.get("password").unwrap_or_default();
    let digest = machine.password_digest(password);
    let user = machine.access.users.get(&id).filter(|user| user.is_enabled);
    let is_password = user.is_some_and(|user| user.password_digest.as_ref() == Some(&digest));
    let is_own_ticket = machine.ticket_user(password).as_ref() == Some(&id);
    if !is_password && !is_own_ticket {
        machine.refuse();
        return Err(Fault::new(401, "authentication failure"));
    }
    let (ticket, csrf) = machine.issue_ticket(&id);
    let capabilities = capabilities(machine, &Caller { user: id.clone(), token: None });
    Ok(json!({ "username": id, "ticket": ticket, "CSRFPreventionToken": csrf, "cap": capabilities }).into())
}

fn capabilities(machine: &Machine, caller: &Caller) -> Value {
    let areas = [
        ("access", "/access", &["Group", "User", "Permissions"][..]),
        ("dc", "/", &["SDN", "Sys.Audit", "Sys.Modify"]),
        ("mapping", "/mapping", &["Mapping", "Permissions"]),
        ("nodes", "/nodes", &["Sys", "Permissions"]),
        ("sdn", "/sdn", &["SDN", "Permissions"]),
        ("storage", "/storage", &["Datastore", "Permissions"]),
        ("vms", "/vms", &["VM", "Permissions"]),
    ];
    let mut data = Map::new();
    for (area, path, families) in areas {
        let is_of_area =
            |name: &String| families.iter().any(|family| name == family || name.starts_with(&format!("{family}.")));
        let held = machine.privileges(caller, path).into_keys().filter(is_of_area);
        data.insert(area.to_owned(), Value::Object(held.map(|name| (name, json!(1))).collect()));
    }
    Value::Object(data)
}

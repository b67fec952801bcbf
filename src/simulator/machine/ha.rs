//! High availability: resources and rules, and what the status shows. The manager that acts on them is in `ha_manager`.

use serde_json::{Map, Value, json};

use super::Machine;
use super::objects::{File, change, text};
use super::request::{Answer, Fault};
use super::routes::{Context, Entry};
use super::schema::split_list;
use super::state::{Object, Setting};

pub(super) const RESOURCES: File = File { name: "ha.resources", id: "sid", created_by: "/cluster/ha/resources" };
pub(super) const RULES: File = File { name: "ha.rules", id: "rule", created_by: "/cluster/ha/rules" };
pub(super) const GROUPS: File = File { name: "ha.groups", id: "group", created_by: "/cluster/ha/groups" };

pub(super) const ROUTES: &[Entry] = &[
    ("GET", "/cluster/ha/resources", list_resources),
    ("POST", "/cluster/ha/resources", create_resource),
    ("GET", "/cluster/ha/resources/{sid}", get_resource),
    ("PUT", "/cluster/ha/resources/{sid}", update_resource),
    ("DELETE", "/cluster/ha/resources/{sid}", delete_resource),
    ("POST", "/cluster/ha/resources/{sid}/migrate", move_resource),
    ("POST", "/cluster/ha/resources/{sid}/relocate", move_resource),
    ("GET", "/cluster/ha/rules", list_rules),
    ("POST", "/cluster/ha/rules", create_rule),
    ("GET", "/cluster/ha/rules/{rule}", get_rule),
    ("PUT", "/cluster/ha/rules/{rule}", update_rule),
    ("DELETE", "/cluster/ha/rules/{rule}", delete_rule),
    ("GET", "/cluster/ha/groups", list_groups),
    ("POST", "/cluster/ha/groups", create_group),
    ("GET", "/cluster/ha/groups/{group}", get_group),
    ("PUT", "/cluster/ha/groups/{group}", update_group),
    ("DELETE", "/cluster/ha/groups/{group}", delete_group),
    ("GET", "/cluster/ha/status/current", current_status),
];

/// Returns the full id of a resource, which a call may give as a plain guest id.
fn sid(machine: &Machine, context: &Context) -> String {
    let given = context.parameters.required("sid");
    match given.parse::<u32>() {
        Ok(vmid) => {
            let is_container =
                machine.guests.get(&vmid).is_some_and(|guest| guest.kind == super::state::GuestType::Lxc);
            format!("{}:{vmid}", if is_container { "ct" } else { "vm" })
        }
        Err(_) => given.to_owned(),
    }
}

/// Returns the guest a resource is.
pub(super) fn vmid_of(sid: &str) -> Option<u32> {
    sid.split_once(':').and_then(|(_, id)| id.parse().ok())
}

fn resource_row(machine: &Machine, sid: &str, object: &Object) -> Map<String, Value> {
    let mut row = machine.object_row(&RESOURCES, sid, object);
    row.insert("type".to_owned(), json!(sid.split(':').next()));
    row
}

fn list_resources(machine: &mut Machine, context: &Context) -> Answer {
    let wanted = context.parameters.get("type");
    let rows = machine.objects_of(&RESOURCES).map(|(sid, object)| resource_row(machine, sid, object));
    let rows = rows.filter(|row| wanted.is_none_or(|kind| row["type"] == kind));
    Ok(Value::Array(rows.map(Value::Object).collect()).into())
}

fn create_resource(machine: &mut Machine, context: &Context) -> Answer {
    let sid = sid(machine, context);
    let failed = |text: String| Fault::text(format!("create resource failed: {text}"));
    if !vmid_of(&sid).is_some_and(|vmid| machine.guests.has(&vmid)) {
        return Err(Fault::text(format!("resource '{sid}' does not exist in cluster")));
    }
    if machine.object(&RESOURCES, &sid).is_some() {
        return Err(failed(format!("resource ID '{sid}' already defined")));
    }
    if let Some(group) = context.parameters.get("group") {
        if !machine.is_before_9() {
            return Err(failed("invalid parameter 'group': ha groups have been migrated to rules".to_owned()));
        }
        if machine.object(&GROUPS, group).is_none() {
            return Err(failed(format!("ha group '{group}' does not exist")));
        }
    }
    let mut object = Object::new();
    change(&context.parameters, &mut object, &["sid", "type"]);
    // `enabled` is an old word for `started`, which is what a resource is unless told otherwise.
    let state = text(&object, "state").map_or("started", |state| if state == "enabled" { "started" } else { state });
    object.insert("state".to_owned(), Setting::Text(state.to_owned()));
    machine.save_object(&RESOURCES, &sid, object);
    machine.plan_manager();
    Ok(().into())
}

fn get_resource(machine: &mut Machine, context: &Context) -> Answer {
    let sid = sid(machine, context);
    let object = machine.object(&RESOURCES, &sid).ok_or_else(|| Fault::text(format!("no such resource '{sid}'")))?;
    Ok(Value::Object(resource_row(machine, &sid, object)).into())
}

fn update_resource(machine: &mut Machine, context: &Context) -> Answer {
    let sid = sid(machine, context);
    let prefix = "update resources config failed: ";
    machine.check_file(context, &RESOURCES, prefix)?;
    let missing = || Fault::text(format!("{prefix}no such resource '{sid}'"));
    let mut object = machine.object(&RESOURCES, &sid).cloned().ok_or_else(missing)?;
    change(&context.parameters, &mut object, &["sid", "type"]);
    if text(&object, "state") == Some("enabled") || !object.contains_key("state") {
        object.insert("state".to_owned(), Setting::Text("started".to_owned()));
    }
    machine.save_object(&RESOURCES, &sid, object);
    machine.plan_manager();
    Ok(().into())
}

fn delete_resource(machine: &mut Machine, context: &Context) -> Answer {
    let sid = sid(machine, context);
    if machine.object(&RESOURCES, &sid).is_none() {
        return Err(Fault::text(format!("cannot delete service '{sid}', not HA managed!")));
    }
    machine.forget_ha(&sid, context.parameters.get("purge") != Some("0"));
    Ok(().into())
}

/// Asks the manager to move a resource; it does so in its next rounds.
fn move_resource(machine: &mut Machine, context: &Context) -> Answer {
    let sid = sid(machine, context);
    let target = context.parameters.required("node");
    if machine.object(&RESOURCES, &sid).is_none() {
        return Err(Fault::text(format!("no such resource '{sid}'")));
    }
    if !machine.nodes.has(target) {
        return Err(Fault::text(format!("no such cluster node '{target}'")));
    }
    machine.request_move(&sid, target);
    Ok(json!({ "sid": sid, "requested-node": target }).into())
}

fn is_about(rule: &Object, sid: &str) -> bool {
    text(rule, "resources").is_some_and(|resources| split_list(resources).contains(&sid))
}

fn rule_row(machine: &Machine, name: &str, rule: &Object) -> Map<String, Value> {
    let mut row = machine.object_row(&RULES, name, rule);
    let order = machine.objects_of(&RULES).position(|(other, _)| other == name).unwrap_or(0) + 1;
    row.insert("order".to_owned(), json!(order));
    row
}

fn list_rules(machine: &mut Machine, context: &Context) -> Answer {
    let parameters = &context.parameters;
    let rules = machine.objects_of(&RULES).filter(|(_, rule)| {
        parameters.get("type").is_none_or(|kind| text(rule, "type") == Some(kind))
            && parameters.get("resource").is_none_or(|sid| is_about(rule, sid))
    });
    Ok(Value::Array(rules.map(|(name, rule)| Value::Object(rule_row(machine, name, rule))).collect()).into())
}

/// Says what is wrong with a rule in the light of resources, nodes and the other rules.
fn check_rule(machine: &Machine, name: &str, rule: &Object) -> Result<(), String> {
    let resources = split_list(text(rule, "resources").unwrap_or_default());
    let unmanaged: Vec<&str> =
        resources.iter().copied().filter(|sid| machine.object(&RESOURCES, sid).is_none()).collect();
    if !unmanaged.is_empty() {
        return Err(format!("cannot use unmanaged resource(s) {} in rule '{name}'", unmanaged.join(", ")));
    }
    let invalid = |key: &str, text: String| Err(format!("400 Rule '{name}' is invalid.\n{key}: {text}"));
    if text(rule, "type") == Some("resource-affinity") {
        if resources.len() < 2 {
            return invalid("resources", "rule is ineffective as there are less than two resources".to_owned());
        }
        return Ok(());
    }
    for node in split_list(text(rule, "nodes").unwrap_or_default()) {
        let node = node.split(':').next().unwrap_or_default();
        if !machine.nodes.has(node) {
            return Err(format!("cannot use non-existent node '{node}' in rule '{name}'"));
        }
    }
    let is_other = |(other, _): &(&str, &Object)| *other != name;
    let uses = |sid: &str| {
        let mut others = machine.objects_of(&RULES).filter(is_other);
        others.any(|(_, other)| text(other, "type") == Some("node-affinity") && is_about(other, sid))
    };
    match resources.iter().find(|sid| uses(sid)) {
        Some(sid) => invalid("resources", format!("resource '{sid}' is already used in another node affinity rule")),
        None => Ok(()),
    }
}

fn create_rule(machine: &mut Machine, context: &Context) -> Answer {
    let failed = |text: String| Fault::text(format!("create ha rule failed: {text}"));
    let parameters = &context.parameters;
    let name = parameters.required("rule");
    let needed: &[&str] = match parameters.required("type") {
        "node-affinity" => &["nodes", "resources"],
        _ => &["affinity", "resources"],
    };
    if let Some(option) = needed.iter().find(|option| parameters.get(option).is_none()) {
        return Err(failed(format!("missing value for required option '{option}'")));
    }
    if machine.object(&RULES, name).is_some() {
        return Err(failed(format!("HA rule '{name}' already defined")));
    }
    let mut rule = Object::new();
    change(parameters, &mut rule, &["rule"]);
    check_rule(machine, name, &rule).map_err(failed)?;
    machine.save_object(&RULES, name, rule);
    machine.plan_manager();
    Ok(().into())
}

fn get_rule(machine: &mut Machine, context: &Context) -> Answer {
    let name = context.parameters.required("rule");
    let rule = machine.object(&RULES, name).ok_or_else(|| Fault::text(format!("no such ha rule '{name}'")))?;
    Ok(Value::Object(rule_row(machine, name, rule)).into())
}

fn update_rule(machine: &mut Machine, context: &Context) -> Answer {
    let prefix = "update ha rule failed: ";
    let name = context.parameters.required("rule");
    machine.check_file(context, &RULES, prefix)?;
    let missing = || Fault::text(format!("{prefix}HA rule '{name}' does not exist"));
    let mut rule = machine.object(&RULES, name).cloned().ok_or_else(missing)?;
    if text(&rule, "type") != context.parameters.get("type") {
        let kind = text(&rule, "type").unwrap_or_default();
        return Err(Fault::text(format!("{prefix}rule '{name}' is of type '{kind}'")));
    }
    change(&context.parameters, &mut rule, &["rule"]);
    check_rule(machine, name, &rule).map_err(|text| Fault::text(format!("{prefix}{text}")))?;
    machine.save_object(&RULES, name, rule);
    machine.plan_manager();
    Ok(().into())
}

/// Deleting a rule that is not there is a success.
fn delete_rule(machine: &mut Machine, context: &Context) -> Answer {
    machine.remove_object(&RULES, context.parameters.required("rule"));
    Ok(().into())
}

fn migrated(verb: &str) -> Fault {
    Fault::text(format!("cannot {verb} group: ha groups have been migrated to rules"))
}

fn list_groups(machine: &mut Machine, _context: &Context) -> Answer {
    if !machine.is_before_9() {
        return Err(Fault::text("cannot index groups: ha groups have been migrated to rules"));
    }
    let rows = machine.objects_of(&GROUPS).map(|(name, group)| group_row(machine, name, group));
    Ok(Value::Array(rows.collect()).into())
}

fn group_row(machine: &Machine, name: &str, group: &Object) -> Value {
    let mut row = machine.object_row(&GROUPS, name, group);
    row.insert("type".to_owned(), json!("group"));
    Value::Object(row)
}

fn create_group(machine: &mut Machine, context: &Context) -> Answer {
    if !machine.is_before_9() {
        return Err(migrated("create"));
    }
    let name = context.parameters.required("group");
    if machine.object(&GROUPS, name).is_some() {
        return Err(Fault::text(format!("create ha group failed: ha group ID '{name}' already defined")));
    }
    let mut group = Object::new();
    change(&context.parameters, &mut group, &["group", "type"]);
    machine.save_object(&GROUPS, name, group);
    Ok(().into())
}

fn get_group(machine: &mut Machine, context: &Context) -> Answer {
    if !machine.is_before_9() {
        return Err(migrated("read"));
    }
    let name = context.parameters.required("group");
    let group = machine.object(&GROUPS, name).ok_or_else(|| Fault::text(format!("no such ha group '{name}'")))?;
    Ok(group_row(machine, name, group).into())
}

fn update_group(machine: &mut Machine, context: &Context) -> Answer {
    if !machine.is_before_9() {
        return Err(migrated("update"));
    }
    machine.check_file(context, &GROUPS, "update ha group failed: ")?;
    let name = context.parameters.required("group");
    let missing = || Fault::text(format!("update ha group failed: no such ha group '{name}'"));
    let mut group = machine.object(&GROUPS, name).cloned().ok_or_else(missing)?;
    change(&context.parameters, &mut group, &["group", "type"]);
    machine.save_object(&GROUPS, name, group);
    Ok(().into())
}

fn delete_group(machine: &mut Machine, context: &Context) -> Answer {
    if !machine.is_before_9() {
        return Err(migrated("delete"));
    }
    let name = context.parameters.required("group");
    let user = machine.objects_of(&RESOURCES).find(|(_, object)| text(object, "group") == Some(name));
    if let Some((sid, _)) = user {
        return Err(Fault::text(format!("delete ha group failed: ha group is used by service '{sid}'")));
    }
    machine.remove_object(&GROUPS, name);
    Ok(().into())
}

fn current_status(machine: &mut Machine, _context: &Context) -> Answer {
    let local = machine.nodes.keys().next().cloned().unwrap_or_default();
    let online = machine.nodes.values().filter(|node| node.is_online).count();
    let is_quorate = online * 2 > machine.nodes.len();
    let mut rows = vec![
        json!({
            "id": "quorum", "node": local, "quorate": u8::from(is_quorate), "status": if is_quorate { "OK" } else { "No quorum on node" },
            "type": "quorum",
        }),
        json!({
            "armed-state": "standby", "id": "fencing", "node": local, "status": "standby (CRM watchdog standby)", "type": "fencing",
        }),
    ];
    rows.extend(machine.manager_rows());
    for (sid, object) in machine.objects_of(&RESOURCES) {
        let (node, state) = machine.ha_place(sid);
        let number = |key: &str, default: u32| text(object, key).and_then(|text| text.parse().ok()).unwrap_or(default);
        let mut row = json!({
            "failback": number("failback", 1), "id": format!("service:{sid}"), "max_relocate": number("max_relocate", 1),
            "max_restart": number("max_restart", 1), "node": node, "request_state": text(object, "state"), "sid": sid,
            "state": state, "status": format!("{sid} ({node}, {state})"), "type": "service",
        });
        if let Some(comment) = text(object, "comment") {
            row["comment"] = json!(comment);
        }
        rows.push(row);
    }
    Ok(Value::Array(rows).into())
}

impl Machine {
    /// Returns the resource that a guest is, if it is one.
    pub(super) fn ha_sid(&self, vmid: u32) -> Option<String> {
        ["vm", "ct"].into_iter().map(|kind| format!("{kind}:{vmid}")).find(|sid| self.object(&RESOURCES, sid).is_some())
    }

    /// Returns what a guest's status says about high availability.
    pub(super) fn ha_of_guest(&self, vmid: u32) -> Value {
        let Some(sid) = self.ha_sid(vmid) else {
            return json!({ "managed": 0 });
        };
        let (_, state) = self.ha_place(&sid);
        json!({ "managed": 1, "state": if state == "queued" { Value::Null } else { json!(state) } })
    }

    /// Returns the wanted state of a managed guest.
    pub(super) fn ha_state(&self, vmid: u32) -> Option<&str> {
        let sid = self.ha_sid(vmid)?;
        self.object(&RESOURCES, &sid).and_then(|object| text(object, "state"))
    }

    /// Takes a guest out of the care of the manager, and out of its rules if told so.
    pub(super) fn forget_ha(&mut self, sid: &str, purges: bool) {
        self.remove_object(&RESOURCES, sid);
        self.forget_manager(sid);
        if !purges {
            return;
        }
        let rules: Vec<(String, Object)> = self
            .objects_of(&RULES)
            .filter(|(_, rule)| is_about(rule, sid))
            .map(|(name, rule)| (name.to_owned(), rule.clone()))
            .collect();
        for (name, mut rule) in rules {
            let resources = text(&rule, "resources").unwrap_or_default();
            let rest: Vec<&str> = split_list(resources).into_iter().filter(|other| *other != sid).collect();
            let rest = rest.join(",");
            if rest.is_empty() {
                self.remove_object(&RULES, &name);
            } else {
                rule.insert("resources".to_owned(), Setting::Text(rest));
                self.save_object(&RULES, &name, rule);
            }
        }
    }

    pub(super) fn has_managed_guests(&self) -> bool {
        self.objects_of(&RESOURCES).next().is_some()
    }

    /// Sets the wanted state of a managed guest.
    pub(super) fn request_ha_state(&mut self, sid: &str, state: &str) {
        if let Some(mut object) = self.object(&RESOURCES, sid).cloned() {
            object.insert("state".to_owned(), Setting::Text(state.to_owned()));
            self.save_object(&RESOURCES, sid, object);
            self.plan_manager();
        }
    }
}

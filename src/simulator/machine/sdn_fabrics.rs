//! Fabrics of the software-defined network and the nodes in them, also configured first and applied later.

use serde_json::{Value, json};

use super::Machine;
use super::objects::{File, change, text};
use super::request::{Answer, Fault};
use super::routes::{Context, Entry};
use super::state::Object;

const FABRICS: File = File { name: "sdn.fabrics", id: "id", created_by: "/cluster/sdn/fabrics/fabric" };
const RUNNING: File = File { name: "running.sdn.fabrics", id: "id", created_by: "/cluster/sdn/fabrics/fabric" };
const NODES: File =
    File { name: "sdn.fabric-nodes", id: "node_id", created_by: "/cluster/sdn/fabrics/node/{fabric_id}" };
const RUNNING_NODES: File =
    File { name: "running.sdn.fabric-nodes", id: "node_id", created_by: "/cluster/sdn/fabrics/node/{fabric_id}" };

pub(super) const ROUTES: &[Entry] = &[
    ("GET", "/cluster/sdn/fabrics/fabric", list),
    ("POST", "/cluster/sdn/fabrics/fabric", create),
    ("GET", "/cluster/sdn/fabrics/fabric/{id}", show),
    ("PUT", "/cluster/sdn/fabrics/fabric/{id}", update),
    ("DELETE", "/cluster/sdn/fabrics/fabric/{id}", delete),
    ("GET", "/cluster/sdn/fabrics/all", list_all),
    ("GET", "/cluster/sdn/fabrics/node", list_nodes),
    ("GET", "/cluster/sdn/fabrics/node/{fabric_id}", list_nodes),
    ("POST", "/cluster/sdn/fabrics/node/{fabric_id}", create_node),
    ("DELETE", "/cluster/sdn/fabrics/node/{fabric_id}/{node_id}", delete_node),
];

/// Makes the configured fabrics run.
pub(super) fn apply(machine: &mut Machine) {
    machine.copy_objects(&FABRICS, &RUNNING);
    machine.copy_objects(&NODES, &RUNNING_NODES);
}

/// Takes back what was not applied.
pub(super) fn rollback(machine: &mut Machine) {
    machine.copy_objects(&RUNNING, &FABRICS);
    machine.copy_objects(&RUNNING_NODES, &NODES);
}

fn row(machine: &Machine, id: &str, object: &Object) -> Value {
    let mut row = machine.object_row(&FABRICS, id, object);
    row.remove("digest");
    Value::Object(row)
}

fn rows(machine: &Machine, context: &Context) -> Vec<Value> {
    let file = if context.parameters.is_set("running") { &RUNNING } else { &FABRICS };
    let is_visible =
        |id: &str| machine.has_any(&context.caller, &format!("/sdn/fabrics/{id}"), &["SDN.Audit", "SDN.Allocate"]);
    machine.objects_of(file).filter(|(id, _)| is_visible(id)).map(|(id, object)| row(machine, id, object)).collect()
}

fn list(machine: &mut Machine, context: &Context) -> Answer {
    Ok(Value::Array(rows(machine, context)).into())
}

fn list_all(machine: &mut Machine, context: &Context) -> Answer {
    Ok(json!({ "fabrics": rows(machine, context), "nodes": node_rows(machine, context) }).into())
}

fn missing(id: &str) -> Fault {
    Fault::text(format!("fabric '{id}' does not exist in configuration"))
}

fn create(machine: &mut Machine, context: &Context) -> Answer {
    let failed = |text: String| Fault::text(format!("adding fabric failed: {text}"));
    machine.check_sdn_lock(context).map_err(failed)?;
    let id = context.parameters.required("id");
    if machine.object(&FABRICS, id).is_some() {
        return Err(failed(format!("fabric '{id}' already exists in config")));
    }
    let mut object = Object::new();
    change(&context.parameters, &mut object, &["id"]);
    machine.save_object(&FABRICS, id, object);
    // Unlike its neighbours this call answers an empty text.
    Ok(json!("").into())
}

fn show(machine: &mut Machine, context: &Context) -> Answer {
    let id = context.parameters.required("id");
    let object = machine.object(&FABRICS, id).ok_or_else(|| missing(id))?;
    Ok(Value::Object(machine.object_row(&FABRICS, id, object)).into())
}

fn update(machine: &mut Machine, context: &Context) -> Answer {
    let failed = |text: String| Fault::text(format!("updating fabric failed: {text}"));
    machine.check_sdn_lock(context).map_err(failed)?;
    machine.check_file(context, &FABRICS, "updating fabric failed: ")?;
    let id = context.parameters.required("id");
    let mut object = machine.object(&FABRICS, id).cloned().ok_or_else(|| failed(missing(id).message))?;
    change(&context.parameters, &mut object, &["id"]);
    machine.save_object(&FABRICS, id, object);
    Ok(().into())
}

fn delete(machine: &mut Machine, context: &Context) -> Answer {
    let failed = |text: String| Fault::text(format!("deleting fabric failed: {text}"));
    machine.check_sdn_lock(context).map_err(failed)?;
    let id = context.parameters.required("id");
    machine.remove_object(&FABRICS, id).ok_or_else(|| failed(missing(id).message))?;
    let nodes: Vec<String> = machine
        .objects_of(&NODES)
        .filter(|(_, node)| text(node, "fabric_id") == Some(id))
        .map(|(name, _)| name.to_owned())
        .collect();
    for name in nodes {
        machine.remove_object(&NODES, &name);
    }
    Ok(().into())
}

fn node_rows(machine: &Machine, context: &Context) -> Vec<Value> {
    let wanted = context.parameters.get("fabric_id");
    let rows =
        machine.objects_of(&NODES).filter(|(_, node)| wanted.is_none_or(|id| text(node, "fabric_id") == Some(id)));
    let rows = rows.map(|(key, node)| {
        let name = key.split_once('/').map_or(key, |(_, name)| name);
        let mut row = machine.object_row(&NODES, name, node);
        row.remove("digest");
        Value::Object(row)
    });
    rows.collect()
}

fn list_nodes(machine: &mut Machine, context: &Context) -> Answer {
    Ok(Value::Array(node_rows(machine, context)).into())
}

fn create_node(machine: &mut Machine, context: &Context) -> Answer {
    let failed = |text: String| Fault::text(format!("adding node failed: {text}"));
    machine.check_sdn_lock(context).map_err(failed)?;
    let (fabric, node) = (context.parameters.required("fabric_id"), context.parameters.required("node_id"));
    if machine.object(&FABRICS, fabric).is_none() {
        return Err(failed(missing(fabric).message));
    }
    let key = format!("{fabric}/{node}");
    if machine.object(&NODES, &key).is_some() {
        return Err(failed(format!("node '{node}' already exists in config for fabric {fabric}")));
    }
    let mut object = Object::new();
    change(&context.parameters, &mut object, &["node_id"]);
    machine.save_object(&NODES, &key, object);
    Ok(().into())
}

fn delete_node(machine: &mut Machine, context: &Context) -> Answer {
    let failed = |text: String| Fault::text(format!("deleting node failed: {text}"));
    machine.check_sdn_lock(context).map_err(failed)?;
    let (fabric, node) = (context.parameters.required("fabric_id"), context.parameters.required("node_id"));
    let removed = machine.remove_object(&NODES, &format!("{fabric}/{node}"));
    removed.ok_or_else(|| failed(format!("node '{node}' does not exist in fabric {fabric}")))?;
    Ok(().into())
}

//! Settings of a node: name service, time zone, hosts file, notes; and what its daemons would say.

use serde_json::{Value, json};

use super::Machine;
use super::config::sha1_hex;
use super::objects::{File, change, check_digest, text, typed_all};
use super::request::{Answer, Success};
use super::routes::{Context, Entry};
use super::state::{Object, Setting};

pub(super) const ROUTES: &[Entry] = &[
    ("GET", "/nodes/{node}/dns", dns),
    ("PUT", "/nodes/{node}/dns", set_dns),
    ("GET", "/nodes/{node}/time", time),
    ("PUT", "/nodes/{node}/time", set_time),
    ("GET", "/nodes/{node}/hosts", hosts),
    ("POST", "/nodes/{node}/hosts", set_hosts),
    ("GET", "/nodes/{node}/config", config),
    ("PUT", "/nodes/{node}/config", set_config),
    ("GET", "/nodes/{node}/subscription", subscription),
    ("GET", "/nodes/{node}/syslog", syslog),
    ("GET", "/nodes/{node}/netstat", netstat),
    ("GET", "/nodes/{node}/report", report),
];

const DNS: File = File { name: "node.dns", id: "node", created_by: "" };
const TIME: File = File { name: "node.time", id: "node", created_by: "" };
const HOSTS: File = File { name: "node.hosts", id: "node", created_by: "" };
const CONFIG: File = File { name: "node.config", id: "node", created_by: "" };

fn settings(machine: &Machine, file: &'static File, context: &Context) -> Object {
    machine.object(file, context.node()).cloned().unwrap_or_default()
}

fn dns(machine: &mut Machine, context: &Context) -> Answer {
    let mut object = settings(machine, &DNS, context);
    if object.is_empty() {
        object.insert("search".to_owned(), Setting::Text("lab.test".to_owned()));
        object.insert("dns1".to_owned(), Setting::Text("10.90.0.1".to_owned()));
    }
    Ok(json!(object).into())
}

fn set_dns(machine: &mut Machine, context: &Context) -> Answer {
    let mut object = settings(machine, &DNS, context);
    change(&context.parameters, &mut object, &["node"]);
    machine.save_object(&DNS, context.node(), object);
    Ok(().into())
}

fn time(machine: &mut Machine, context: &Context) -> Answer {
    let object = settings(machine, &TIME, context);
    let zone = text(&object, "timezone").unwrap_or("UTC").to_owned();
    Ok(json!({ "localtime": machine.now_s(), "time": machine.now_s(), "timezone": zone }).into())
}

fn set_time(machine: &mut Machine, context: &Context) -> Answer {
    let mut object = Object::new();
    change(&context.parameters, &mut object, &["node"]);
    machine.save_object(&TIME, context.node(), object);
    Ok(().into())
}

fn hosts_text(machine: &Machine, context: &Context) -> String {
    let node = context.node();
    let address = machine.nodes.get(node).map(|node| node.address.clone()).unwrap_or_default();
    let object = settings(machine, &HOSTS, context);
    let default = format!("127.0.0.1 localhost\n{address} {node}.lab.test {node}\n");
    text(&object, "data").map_or(default, str::to_owned)
}

fn hosts(machine: &mut Machine, context: &Context) -> Answer {
    let data = hosts_text(machine, context);
    Ok(json!({ "digest": sha1_hex(data.as_bytes()), "data": data }).into())
}

fn set_hosts(machine: &mut Machine, context: &Context) -> Answer {
    check_digest(context, &sha1_hex(hosts_text(machine, context).as_bytes()), "")?;
    let data = context.parameters.required("data");
    machine.save_object(&HOSTS, context.node(), Object::from([("data".to_owned(), Setting::Text(data.to_owned()))]));
    Ok(().into())
}

fn config_digest(object: &Object) -> String {
    sha1_hex(json!(object).to_string().as_bytes())
}

fn config(machine: &mut Machine, context: &Context) -> Answer {
    let object = settings(machine, &CONFIG, context);
    let mut row = typed_all(super::api::Api::get().parameters("PUT", "/nodes/{node}/config"), &object);
    if !object.is_empty() {
        row.insert("digest".to_owned(), json!(config_digest(&object)));
    }
    if let Some(wanted) = context.parameters.get("property") {
        row.retain(|name, _| name == wanted || name == "digest");
    }
    Ok(Value::Object(row).into())
}

fn set_config(machine: &mut Machine, context: &Context) -> Answer {
    let mut object = settings(machine, &CONFIG, context);
    check_digest(context, &config_digest(&object), "")?;
    change(&context.parameters, &mut object, &["node"]);
    // The text is kept as a comment block, which always ends a line.
    if let Some(description) = context.parameters.get("description") {
        object.insert("description".to_owned(), Setting::Text(format!("{description}\n")));
    }
    machine.save_object(&CONFIG, context.node(), object);
    Ok(().into())
}

fn subscription(_machine: &mut Machine, _context: &Context) -> Answer {
    Ok(json!({
        "message": "There is no subscription key", "serverid": "0".repeat(32), "status": "notfound",
        "url": "https://www.proxmox.com/en/proxmox-virtual-environment/pricing",
    })
    .into())
}

fn syslog(_machine: &mut Machine, _context: &Context) -> Answer {
    Ok(Success::with_total(vec![json!({ "n": 1, "t": "-- No entries --" })], 1))
}

fn netstat(machine: &mut Machine, context: &Context) -> Answer {
    let running = machine.guests.iter().filter(|(_, guest)| guest.node == context.node() && guest.is_running());
    let rows = running.flat_map(|(vmid, guest)| {
        let cards = guest.config.keys().filter(|key| super::config::is_network_key(key));
        cards.map(|key| json!({ "vmid": vmid.to_string(), "dev": key, "in": "0", "out": "0" })).collect::<Vec<_>>()
    });
    Ok(Value::Array(rows.collect()).into())
}

fn report(machine: &mut Machine, context: &Context) -> Answer {
    let lines = [format!("==== general system info ====\n# hostname\n{}", context.node()), machine.version()];
    Ok(json!(lines.join("\n")).into())
}

//! A lab as the text of its file, the way people write one. What a recording never holds (faults, URLs, passwords) is not written.

use super::super::lab::{Firewall, Lab, NodeStatus, Setting, Settings, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// What stands at the top of a recorded lab.
const HEADER: &str = "\
# A cluster as it was recorded by `spawnpoint sim record`. Start it with `spawnpoint sim serve -lab FILE`, or name it in a cluster block:
# `simulator { lab = \"FILE\" }`. Passwords, keys, tokens and notes are not in it. A bridge with `dhcp = \"NETWORK\"` hands out addresses.
";

/// Returns the file of a lab.
pub fn text(lab: &Lab) -> String {
    let mut text = HEADER.to_owned();
    let mut head = vec![("cluster", quoted(&lab.cluster)), ("version", quoted(&lab.version))];
    if !lab.options.is_empty() {
        head.push(("options", map(&lab.options, 0)));
    }
    text.push_str(&attributes(&head, 0));
    for (name, node) in &lab.node {
        let mut lines = vec![("cores", node.cores.to_string()), ("memory_gib", node.memory_gib.to_string())];
        if node.status == NodeStatus::Offline {
            lines.push(("status", quoted("offline")));
        }
        block(&mut text, "node", name, &lines);
    }
    storages(&mut text, lab);
    for (name, bridge) in &lab.bridge {
        let mut lines = Vec::new();
        lines.extend(bridge.vlan_aware.then(|| ("vlan_aware", "true".to_owned())));
        lines.extend(bridge.address.as_ref().map(|address| ("address", quoted(address))));
        block(&mut text, "bridge", name, &lines);
    }
    guests(&mut text, lab);
    containers(&mut text, lab);
    for (scope, own) in &lab.firewall {
        firewall(&mut text, scope, own);
    }
    let sections = [
        ("ha_resource", &lab.ha_resource),
        ("ha_group", &lab.ha_group),
        ("ha_rule", &lab.ha_rule),
        ("zone", &lab.zone),
        ("vnet", &lab.vnet),
        ("subnet", &lab.subnet),
    ];
    for (kind, blocks) in sections {
        for (name, settings) in blocks {
            section(&mut text, kind, name, settings);
        }
    }
    for (name, pool) in &lab.pool {
        let mut lines = Vec::new();
        lines.extend(pool.comment.as_ref().map(|comment| ("comment", quoted(comment))));
        let vmids: Vec<String> = pool.guests.iter().map(ToString::to_string).collect();
        lines.extend((!vmids.is_empty()).then(|| ("guests", format!("[{}]", vmids.join(", ")))));
        lines.extend((!pool.storages.is_empty()).then(|| ("storages", list(&pool.storages))));
        block(&mut text, "pool", name, &lines);
    }
    for (volid, file) in &lab.file {
        let mut lines = Vec::new();
        lines.extend((file.size_mib > 0).then(|| ("size_mib", file.size_mib.to_string())));
        lines.extend(file.file_bytes.map(|bytes| ("file_bytes", bytes.to_string())));
        lines.extend(file.image.as_ref().map(|image| ("image", quoted(image))));
        block(&mut text, "file", volid, &lines);
    }
    for (id, user) in &lab.user {
        let lines: Vec<_> = (!user.roles.is_empty()).then(|| ("roles", map(&user.roles, 2))).into_iter().collect();
        block(&mut text, "user", id, &lines);
    }
    text
}

fn storages(text: &mut String, lab: &Lab) {
    for (name, storage) in &lab.storage {
        let mut lines = vec![
            ("type", quoted(&storage.kind)),
            ("content", list(&storage.content)),
            ("size_gib", storage.size_gib.to_string()),
        ];
        lines.extend((storage.used_gib > 0).then(|| ("used_gib", storage.used_gib.to_string())));
        lines.extend(storage.shared.then(|| ("shared", "true".to_owned())));
        lines.extend(storage.nodes.as_ref().map(|nodes| ("nodes", list(nodes))));
        lines.extend((!storage.options.is_empty()).then(|| ("options", map(&storage.options, 2))));
        block(text, "storage", name, &lines);
    }
}

fn guests(text: &mut String, lab: &Lab) {
    for (label, guest) in &lab.guest {
        let mut lines = Vec::new();
        lines.extend(guest.vmid.map(|vmid| ("vmid", vmid.to_string())));
        lines.extend(guest.node.as_ref().map(|node| ("node", quoted(node))));
        lines.extend(guest.template.then(|| ("template", "true".to_owned())));
        lines.extend(guest.running.then(|| ("running", "true".to_owned())));
        lines.extend(guest.image.as_ref().map(|image| ("image", quoted(image))));
        lines.extend(guest.parent.as_ref().map(|parent| ("parent", quoted(parent))));
        lines.extend((!guest.config.is_empty()).then(|| ("config", map(&guest.config, 2))));
        block_with(text, "guest", label, &lines, &snapshots(&guest.snapshot));
    }
}

fn containers(text: &mut String, lab: &Lab) {
    for (label, container) in &lab.container {
        let mut lines = vec![("vmid", container.vmid.to_string())];
        lines.extend(container.node.as_ref().map(|node| ("node", quoted(node))));
        lines.extend(container.template.then(|| ("template", "true".to_owned())));
        lines.extend(container.running.then(|| ("running", "true".to_owned())));
        lines.extend(container.parent.as_ref().map(|parent| ("parent", quoted(parent))));
        lines.push(("config", map(&container.config, 2)));
        block_with(text, "container", label, &lines, &snapshots(&container.snapshot));
    }
}

fn snapshots(snapshots: &BTreeMap<String, Snapshot>) -> String {
    let mut text = String::new();
    for (name, snapshot) in snapshots {
        let mut lines = vec![("time_s", snapshot.time_s.to_string())];
        lines.extend(snapshot.parent.as_ref().map(|parent| ("parent", quoted(parent))));
        lines.extend(snapshot.description.as_ref().map(|description| ("description", quoted(description))));
        lines.extend(snapshot.memory.then(|| ("memory", "true".to_owned())));
        lines.extend((!snapshot.config.is_empty()).then(|| ("config", map(&snapshot.config, 4))));
        nested(&mut text, "snapshot", name, &lines);
    }
    text
}

fn firewall(text: &mut String, scope: &str, firewall: &Firewall) {
    let mut lines = Vec::new();
    lines.extend(firewall.comment.as_ref().map(|comment| ("comment", quoted(comment))));
    lines.extend((!firewall.options.is_empty()).then(|| ("options", map(&firewall.options, 2))));
    let rules: String = firewall.rules.iter().map(|rule| format!("    {},\n", map(rule, 4))).collect();
    lines.extend((!rules.is_empty()).then(|| ("rules", format!("[\n{rules}  ]"))));
    let mut inner = String::new();
    for (name, settings) in &firewall.alias {
        let lines: Vec<_> = settings.iter().map(|(key, value)| (key.as_str(), quoted(value))).collect();
        nested(&mut inner, "alias", name, &lines);
    }
    for (name, set) in &firewall.ip_set {
        let mut lines = Vec::new();
        lines.extend(set.comment.as_ref().map(|comment| ("comment", quoted(comment))));
        let entry = |(cidr, settings): (&String, &BTreeMap<String, String>)| {
            let settings = if settings.is_empty() { "{}".to_owned() } else { map(settings, 6) };
            format!("      {} = {settings}\n", quoted(cidr))
        };
        let entries: String = set.addresses.iter().map(entry).collect();
        lines.extend((!entries.is_empty()).then(|| ("addresses", format!("{{\n{entries}    }}"))));
        nested(&mut inner, "ip_set", name, &lines);
    }
    block_with(text, "firewall", scope, &lines, &inner);
}

fn section(text: &mut String, kind: &str, name: &str, settings: &Settings) {
    let value = |setting: &Setting| match setting {
        Setting::Text(text) => quoted(text),
        Setting::List(items) => format!("[{}]", items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", ")),
    };
    let lines: Vec<_> = settings.iter().map(|(key, setting)| (key.as_str(), value(setting))).collect();
    block(text, kind, name, &lines);
}

fn block(text: &mut String, kind: &str, label: &str, lines: &[(&str, String)]) {
    block_with(text, kind, label, lines, "");
}

fn block_with(text: &mut String, kind: &str, label: &str, lines: &[(&str, String)], inner: &str) {
    let body = format!("{}{inner}", attributes(lines, 2));
    let body = if body.is_empty() { String::new() } else { format!("\n{body}") };
    write!(text, "\n{kind} {} {{{body}}}\n", quoted(label)).expect("writing to a string cannot fail");
}

/// A block inside another.
fn nested(text: &mut String, kind: &str, label: &str, lines: &[(&str, String)]) {
    let body = attributes(lines, 4);
    let body = if body.is_empty() { String::new() } else { format!("\n{body}  ") };
    writeln!(text, "  {kind} {} {{{body}}}", quoted(label)).expect("writing to a string cannot fail");
}

/// Lines with their `=` below each other; a value of several lines stands alone.
fn attributes(lines: &[(&str, String)], indent: usize) -> String {
    let is_short = |value: &str| !value.contains('\n');
    let width = lines.iter().filter(|(_, value)| is_short(value)).map(|(name, _)| name.len()).max().unwrap_or(0);
    let line = |(name, value): &(&str, String)| {
        let width = if is_short(value) { width } else { 0 };
        format!("{:indent$}{name:width$} = {value}\n", "")
    };
    lines.iter().map(line).collect()
}

fn map(entries: &BTreeMap<String, String>, indent: usize) -> String {
    let is_name = |key: &str| {
        key.starts_with(|letter: char| letter.is_ascii_alphabetic())
            && key.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    let keys: Vec<(String, &String)> =
        entries.iter().map(|(key, value)| (if is_name(key) { key.clone() } else { quoted(key) }, value)).collect();
    let width = keys.iter().map(|(key, _)| key.chars().count()).max().unwrap_or(0);
    let inner = indent + 2;
    let lines: String =
        keys.iter().map(|(key, value)| format!("{:inner$}{key:width$} = {}\n", "", quoted(value))).collect();
    format!("{{\n{lines}{:indent$}}}", "")
}

fn list(items: &BTreeSet<String>) -> String {
    format!("[{}]", items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", "))
}

/// Returns a text in quotes that is read back as it is.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            letter if letter.is_control() => {
                write!(quoted, "\\u{:04x}", u32::from(letter)).expect("writing to a string cannot fail");
            }
            letter => quoted.push(letter),
        }
    }
    // Doubled, it is no interpolation.
    quoted.push('"');
    quoted.replace("${", "$${").replace("%{", "%%{")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let odd = "a \"b\" \\ ${c} %{d}\n\te\u{7}";
        let mut lab = Lab::built_in();
        lab.options.insert("tag-style".to_owned(), odd.to_owned());
        lab.user.clear();
        let once = text(&lab);
        let read = Lab::parse("recorded.lab.hcl", &once).expect("it is a lab");
        assert_eq!(read.options["tag-style"], odd);
        assert_eq!(text(&read), once);
    }
}

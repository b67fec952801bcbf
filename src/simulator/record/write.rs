//! A lab as the text of its file, the way people write one. What a recording never holds (faults, URLs, passwords) is not written.

use super::super::lab::{Lab, NodeStatus};
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
        block(&mut text, "storage", name, &lines);
    }
    for (name, bridge) in &lab.bridge {
        let mut lines = Vec::new();
        lines.extend(bridge.vlan_aware.then(|| ("vlan_aware", "true".to_owned())));
        lines.extend(bridge.address.as_ref().map(|address| ("address", quoted(address))));
        block(&mut text, "bridge", name, &lines);
    }
    guests(&mut text, lab);
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

fn guests(text: &mut String, lab: &Lab) {
    for (label, guest) in &lab.guest {
        let mut lines = Vec::new();
        lines.extend(guest.vmid.map(|vmid| ("vmid", vmid.to_string())));
        lines.extend(guest.node.as_ref().map(|node| ("node", quoted(node))));
        lines.extend(guest.template.then(|| ("template", "true".to_owned())));
        lines.extend(guest.running.then(|| ("running", "true".to_owned())));
        lines.extend(guest.image.as_ref().map(|image| ("image", quoted(image))));
        lines.extend((!guest.config.is_empty()).then(|| ("config", map(&guest.config, 2))));
        block(text, "guest", label, &lines);
    }
}

fn block(text: &mut String, kind: &str, label: &str, lines: &[(&str, String)]) {
    let body = attributes(lines, 2);
    let body = if body.is_empty() { String::new() } else { format!("\n{body}") };
    write!(text, "\n{kind} {} {{{body}}}\n", quoted(label)).expect("writing to a string cannot fail");
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

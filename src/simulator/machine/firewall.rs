//! Firewalls of the cluster, of nodes, of guests and of security groups. Nothing is enforced; the API is what counts.

use serde_json::{Map, Value, json};

use super::Machine;
use super::config::sha1_hex;
use super::request::{Answer, Fault};
use super::routes::Context;
use super::state::{AddressSet, Config, Firewall};

const STALE: &str = "detected modified configuration - file changed by other user? Try again.";

pub(super) fn handler(method: &str, rest: &str) -> Option<fn(&mut Machine, &Context) -> Answer> {
    let handler: fn(&mut Machine, &Context) -> Answer = match (method, rest) {
        ("GET", "/options") => get_options,
        ("PUT", "/options") => set_options,
        ("GET", "/rules" | "/groups/{group}") => list_rules,
        ("POST", "/rules" | "/groups/{group}") => add_rule,
        ("GET", "/rules/{pos}" | "/groups/{group}/{pos}") => get_rule,
        ("PUT", "/rules/{pos}" | "/groups/{group}/{pos}") => update_rule,
        ("DELETE", "/rules/{pos}" | "/groups/{group}/{pos}") => delete_rule,
        ("GET", "/groups") => list_groups,
        ("POST", "/groups") => save_group,
        ("DELETE", "/groups/{group}") => delete_group,
        ("GET", "/aliases") => list_aliases,
        ("POST", "/aliases") => add_alias,
        ("GET", "/aliases/{name}") => get_alias,
        ("PUT", "/aliases/{name}") => update_alias,
        ("DELETE", "/aliases/{name}") => delete_alias,
        ("GET", "/ipset") => list_sets,
        ("POST", "/ipset") => save_set,
        ("GET", "/ipset/{name}") => list_set,
        ("POST", "/ipset/{name}") => add_to_set,
        ("DELETE", "/ipset/{name}") => delete_set,
        ("GET", "/ipset/{name}/{cidr}") => get_set_entry,
        ("DELETE", "/ipset/{name}/{cidr}") => delete_set_entry,
        ("GET", "/refs") => list_references,
        ("GET", "/macros") => list_macros,
        ("GET", "/log") => log,
        _ => return None,
    };
    Some(handler)
}

/// Returns whose firewall a call is about.
fn scope(context: &Context) -> String {
    let parameters = &context.parameters;
    if let Some(group) = parameters.get("group") {
        return format!("group/{group}");
    }
    if let Some(vnet) = parameters.get("vnet") {
        return format!("vnet/{vnet}");
    }
    match (parameters.get("vmid"), parameters.get("node")) {
        (Some(vmid), _) => format!("guest/{vmid}"),
        (None, Some(node)) => format!("node/{node}"),
        (None, None) => "cluster".to_owned(),
    }
}

impl Machine {
    fn firewall(&self, context: &Context) -> Firewall {
        self.firewalls.get(&scope(context)).cloned().unwrap_or_default()
    }

    fn firewall_mut(&mut self, context: &Context) -> &mut Firewall {
        let key = scope(context);
        if !self.firewalls.has(&key) {
            self.firewalls.insert(key.clone(), Firewall::default());
        }
        self.firewalls.get_mut(&key).expect("it was just inserted")
    }

    pub(super) fn copy_firewall(&mut self, source: u32, target: u32) {
        if let Some(firewall) = self.firewalls.get(&format!("guest/{source}")).cloned() {
            self.firewalls.insert(format!("guest/{target}"), firewall);
        }
    }

    /// A rule or group call on a group that is not there.
    fn check_group(&self, context: &Context) -> Result<(), Fault> {
        match context.parameters.get("group") {
            Some(group) if !self.firewalls.has(&format!("group/{group}")) => {
                Err(Fault::text(format!("no such security group '{group}'")))
            }
            _ => Ok(()),
        }
    }
}

fn digest_of<'a>(items: impl Iterator<Item = &'a Config>) -> String {
    let mut text = String::new();
    for config in items {
        for (key, value) in config {
            text.push_str(&format!("{key}: {value}\n"));
        }
        text.push('\n');
    }
    sha1_hex(text.as_bytes())
}

fn options_digest(firewall: &Firewall) -> String {
    let text: String = firewall.options.iter().map(|(key, value)| format!("{key}: {value}\n")).collect();
    sha1_hex(text.as_bytes())
}

fn check_digest(context: &Context, current: &str) -> Result<(), Fault> {
    match context.parameters.get("digest") {
        Some(digest) if digest != current => Err(Fault::text(STALE)),
        _ => Ok(()),
    }
}

fn typed(config: &Config) -> Map<String, Value> {
    let is_number = |key: &str, value: &str| {
        !matches!(key, "dport" | "sport" | "comment" | "source" | "dest" | "proto" | "icmp-type")
            && value.parse::<i64>().is_ok()
    };
    let value = |key: &str, value: &str| match value.parse::<i64>() {
        Ok(number) if is_number(key, value) => json!(number),
        _ => json!(value),
    };
    config.iter().map(|(key, text)| (key.clone(), value(key, text))).collect()
}

fn get_options(machine: &mut Machine, context: &Context) -> Answer {
    let firewall = machine.firewall(context);
    let mut data = typed(&firewall.options);
    data.insert("digest".to_owned(), json!(options_digest(&firewall)));
    Ok(Value::Object(data).into())
}

fn set_options(machine: &mut Machine, context: &Context) -> Answer {
    check_digest(context, &options_digest(&machine.firewall(context)))?;
    let firewall = machine.firewall_mut(context);
    for name in context.parameters.items("delete") {
        firewall.options.remove(name);
    }
    let is_option = |name: &str| !matches!(name, "delete" | "digest" | "node" | "vmid");
    for (name, value) in context.parameters.iter().filter(|(name, _)| is_option(name)) {
        firewall.options.insert(name.to_owned(), value.to_owned());
    }
    Ok(().into())
}

fn list_rules(machine: &mut Machine, context: &Context) -> Answer {
    machine.check_group(context)?;
    let rules = machine.firewall(context).rules;
    let digest = digest_of(rules.iter());
    let rows = rules.iter().enumerate().map(|(position, rule)| {
        let mut row = typed(rule);
        row.insert("pos".to_owned(), json!(position));
        row.insert("digest".to_owned(), json!(digest));
        Value::Object(row)
    });
    Ok(Value::Array(rows.collect()).into())
}

fn read_rule(machine: &Machine, context: &Context, into: &mut Config) -> Result<(), Fault> {
    let is_rule = |name: &str| !matches!(name, "node" | "vmid" | "group" | "pos" | "digest" | "delete" | "moveto");
    for (name, value) in context.parameters.iter().filter(|(name, _)| is_rule(name)) {
        into.insert(name.to_owned(), value.to_owned());
    }
    for port in ["dport", "sport"] {
        if into.contains_key(port) && !into.contains_key("proto") {
            return Err(Fault::parameter("proto", format!("missing property - '{port}' requires this property")));
        }
    }
    if context.parameters.get("vmid").is_some()
        && into.get("iface").is_some_and(|name| !super::config::is_network_key(name))
    {
        return Err(Fault::parameter("iface", "value does not match the regex pattern 'net\\d+'"));
    }
    ["source", "dest"].iter().try_for_each(|side| check_alias(machine, context, into, side))
}

/// A word that is no address must be the name of an alias.
fn check_alias(machine: &Machine, context: &Context, rule: &Config, side: &str) -> Result<(), Fault> {
    let Some(text) = rule.get(side) else {
        return Ok(());
    };
    let is_name = text.starts_with(|letter: char| letter.is_ascii_alphabetic()) && !text.contains([':', ',']);
    let name = text.trim_start_matches("dc/").trim_start_matches("guest/").to_lowercase();
    let knows = |firewall: &Firewall| firewall.aliases.keys().any(|alias| alias.to_lowercase() == name);
    let is_known = knows(&machine.firewall(context)) || machine.firewalls.get("cluster").is_some_and(knows);
    if is_name && !is_known {
        return Err(Fault::parameter(side, format!("no such alias '{text}'")));
    }
    Ok(())
}

/// A new rule always goes to the front and is off unless the call says otherwise; its digest is not looked at.
fn add_rule(machine: &mut Machine, context: &Context) -> Answer {
    machine.check_group(context)?;
    let mut rule = Config::from([("enable".to_owned(), "0".to_owned())]);
    read_rule(machine, context, &mut rule)?;
    machine.firewall_mut(context).rules.insert(0, rule);
    Ok(().into())
}

fn position(machine: &Machine, context: &Context) -> Result<usize, Fault> {
    let position: usize = context.parameters.number("pos").unwrap_or(usize::MAX);
    if position < machine.firewall(context).rules.len() {
        return Ok(position);
    }
    Err(Fault::text(format!("no rule at position {}", context.parameters.get("pos").unwrap_or_default())))
}

fn get_rule(machine: &mut Machine, context: &Context) -> Answer {
    let position = position(machine, context)?;
    let rules = machine.firewall(context).rules;
    let mut row = typed(&rules[position]);
    row.insert("pos".to_owned(), json!(position.to_string()));
    row.insert("digest".to_owned(), json!(digest_of(rules.iter())));
    Ok(Value::Object(row).into())
}

fn update_rule(machine: &mut Machine, context: &Context) -> Answer {
    let rules = machine.firewall(context).rules;
    check_digest(context, &digest_of(rules.iter()))?;
    let position = position(machine, context)?;
    if let Some(target) = context.parameters.number::<usize>("moveto") {
        let rules = &mut machine.firewall_mut(context).rules;
        let rule = rules.remove(position);
        // The target counts before the rule is taken out.
        let target = if target > position { target - 1 } else { target };
        rules.insert(target.min(rules.len()), rule);
        return Ok(().into());
    }
    let mut rule = rules[position].clone();
    for name in context.parameters.items("delete") {
        rule.remove(name);
    }
    read_rule(machine, context, &mut rule)?;
    machine.firewall_mut(context).rules[position] = rule;
    Ok(().into())
}

fn delete_rule(machine: &mut Machine, context: &Context) -> Answer {
    check_digest(context, &digest_of(machine.firewall(context).rules.iter()))?;
    let position = position(machine, context)?;
    machine.firewall_mut(context).rules.remove(position);
    Ok(().into())
}

fn list_groups(machine: &mut Machine, _context: &Context) -> Answer {
    let groups = machine.firewalls.iter().filter_map(|(key, firewall)| Some((key.strip_prefix("group/")?, firewall)));
    let rows = groups.map(|(name, firewall)| {
        let mut row = json!({ "group": name, "digest": digest_of(firewall.rules.iter()) });
        if let Some(comment) = &firewall.comment {
            row["comment"] = json!(comment);
        }
        row
    });
    Ok(Value::Array(rows.collect()).into())
}

fn save_group(machine: &mut Machine, context: &Context) -> Answer {
    let name = context.parameters.required("group");
    let comment = context.parameters.get("comment").map(str::to_owned);
    let key = format!("group/{name}");
    if let Some(old) = context.parameters.get("rename") {
        let missing = || Fault::parameter("rename", format!("Security group '{old}' does not exist"));
        let mut firewall = machine.firewalls.remove(&format!("group/{old}")).ok_or_else(missing)?;
        firewall.comment = comment.or(firewall.comment);
        machine.firewalls.insert(key, firewall);
        return Ok(().into());
    }
    if machine.firewalls.has(&key) {
        return Err(Fault::parameter("group", format!("Security group '{name}' already exists")));
    }
    machine.firewalls.insert(key, Firewall { comment, ..Firewall::default() });
    Ok(().into())
}

fn delete_group(machine: &mut Machine, context: &Context) -> Answer {
    machine.check_group(context)?;
    if !machine.firewall(context).rules.is_empty() {
        return Err(Fault::text(format!("Security group '{}' is not empty", context.parameters.required("group"))));
    }
    machine.firewalls.remove(&scope(context));
    Ok(().into())
}

fn alias_row(name: &str, alias: &Config) -> Value {
    let mut row: Map<String, Value> = alias.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    let is_v6 = alias.get("cidr").is_some_and(|cidr| cidr.contains(':'));
    row.insert("ipversion".to_owned(), json!(if is_v6 { 6 } else { 4 }));
    row.insert("name".to_owned(), json!(name));
    Value::Object(row)
}

fn find_alias(machine: &Machine, context: &Context) -> Option<String> {
    let wanted = context.parameters.required("name").to_lowercase();
    machine.firewall(context).aliases.into_keys().find(|name| name.to_lowercase() == wanted)
}

fn list_aliases(machine: &mut Machine, context: &Context) -> Answer {
    let firewall = machine.firewall(context);
    let digest = digest_of(firewall.aliases.values());
    let rows = firewall.aliases.iter().map(|(name, alias)| {
        let mut row = alias_row(name, alias);
        row["digest"] = json!(digest);
        row
    });
    Ok(Value::Array(rows.collect()).into())
}

fn alias_settings(context: &Context) -> Config {
    let settings = ["cidr", "comment"].map(|key| (key, context.parameters.get(key)));
    settings.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned()))).collect()
}

fn add_alias(machine: &mut Machine, context: &Context) -> Answer {
    let name = context.parameters.required("name");
    if find_alias(machine, context).is_some() {
        return Err(Fault::parameter("name", format!("alias '{name}' already exists")));
    }
    machine.firewall_mut(context).aliases.insert(name.to_owned(), alias_settings(context));
    Ok(().into())
}

fn get_alias(machine: &mut Machine, context: &Context) -> Answer {
    let name = find_alias(machine, context).ok_or_else(|| Fault::parameter("name", "no such alias"))?;
    Ok(alias_row(&name, &machine.firewall(context).aliases[&name]).into())
}

fn update_alias(machine: &mut Machine, context: &Context) -> Answer {
    check_digest(context, &digest_of(machine.firewall(context).aliases.values()))?;
    let name = find_alias(machine, context).ok_or_else(|| Fault::parameter("name", "no such alias"))?;
    let new_name = context.parameters.get("rename").unwrap_or(&name).to_owned();
    let aliases = &mut machine.firewall_mut(context).aliases;
    aliases.remove(&name);
    aliases.insert(new_name, alias_settings(context));
    Ok(().into())
}

fn delete_alias(machine: &mut Machine, context: &Context) -> Answer {
    check_digest(context, &digest_of(machine.firewall(context).aliases.values()))?;
    if let Some(name) = find_alias(machine, context) {
        machine.firewall_mut(context).aliases.remove(&name);
    }
    Ok(().into())
}

fn list_sets(machine: &mut Machine, context: &Context) -> Answer {
    let rows = machine.firewall(context).sets.into_iter().map(|(name, set)| {
        let mut row = json!({ "name": name, "digest": digest_of(set.entries.values()) });
        if let Some(comment) = set.comment {
            row["comment"] = json!(comment);
        }
        row
    });
    Ok(Value::Array(rows.collect()).into())
}

fn save_set(machine: &mut Machine, context: &Context) -> Answer {
    let name = context.parameters.required("name").to_owned();
    let comment = context.parameters.get("comment").map(str::to_owned);
    let sets = &mut machine.firewall_mut(context).sets;
    if let Some(old) = context.parameters.get("rename") {
        let missing = || Fault::parameter("name", format!("IPSet '{old}' does not exist"));
        let mut set = sets.remove(old).ok_or_else(missing)?;
        set.comment = comment.or(set.comment);
        sets.insert(name, set);
        return Ok(().into());
    }
    if sets.contains_key(&name) {
        return Err(Fault::parameter("name", format!("IPSet '{name}' already exists")));
    }
    sets.insert(name, AddressSet { comment, ..AddressSet::default() });
    Ok(().into())
}

fn set_of(machine: &Machine, context: &Context) -> Result<AddressSet, Fault> {
    let name = context.parameters.required("name");
    machine.firewall(context).sets.remove(name).ok_or_else(|| Fault::text(format!("no such IPSet '{name}'")))
}

fn entry_row(cidr: &str, entry: &Config, digest: &str) -> Value {
    let mut row = typed(entry);
    row.insert("cidr".to_owned(), json!(cidr));
    row.insert("digest".to_owned(), json!(digest));
    Value::Object(row)
}

fn list_set(machine: &mut Machine, context: &Context) -> Answer {
    let set = set_of(machine, context)?;
    let digest = digest_of(set.entries.values());
    Ok(Value::Array(set.entries.iter().map(|(cidr, entry)| entry_row(cidr, entry, &digest)).collect()).into())
}

/// Host bits are dropped; a single address keeps its short form.
fn canonical(cidr: &str) -> String {
    cidr.parse::<ipnet::IpNet>().map_or_else(|_| cidr.to_owned(), |network| network.trunc().to_string())
}

fn add_to_set(machine: &mut Machine, context: &Context) -> Answer {
    set_of(machine, context)?;
    let given = context.parameters.required("cidr");
    let cidr = canonical(given);
    let set =
        machine.firewall_mut(context).sets.get_mut(context.parameters.required("name")).expect("it was just looked up");
    if set.entries.contains_key(&cidr) {
        return Err(Fault::parameter("cidr", format!("address '{given}' already exists")));
    }
    let settings = ["comment", "nomatch"].map(|key| (key, context.parameters.get(key)));
    let entry = settings.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned()))).collect();
    set.entries.insert(cidr, entry);
    Ok(().into())
}

fn delete_set(machine: &mut Machine, context: &Context) -> Answer {
    let set = set_of(machine, context)?;
    let name = context.parameters.required("name");
    if !set.entries.is_empty() && !context.parameters.is_set("force") {
        return Err(Fault::text(format!("IPSet '{name}' is not empty")));
    }
    machine.firewall_mut(context).sets.remove(name);
    Ok(().into())
}

fn get_set_entry(machine: &mut Machine, context: &Context) -> Answer {
    let set = set_of(machine, context)?;
    let cidr = canonical(context.parameters.required("cidr"));
    let entry = set.entries.get(&cidr).ok_or_else(|| Fault::parameter("cidr", "no such IP/Network"))?;
    Ok(entry_row(&cidr, entry, &digest_of(set.entries.values())).into())
}

fn delete_set_entry(machine: &mut Machine, context: &Context) -> Answer {
    set_of(machine, context)?;
    let cidr = canonical(context.parameters.required("cidr"));
    if let Some(set) = machine.firewall_mut(context).sets.get_mut(context.parameters.required("name")) {
        set.entries.remove(&cidr);
    }
    Ok(().into())
}

/// Lists what rules here may refer to: names of the cluster, and those of the guest itself.
fn list_references(machine: &mut Machine, context: &Context) -> Answer {
    let wanted = context.parameters.get("type");
    let own = scope(context);
    let mut scopes = vec![("cluster", "dc")];
    if own != "cluster" {
        scopes.push((&own, "guest"));
    }
    let mut rows = Vec::new();
    for (key, word) in scopes {
        let firewall = machine.firewalls.get(key).cloned().unwrap_or_default();
        let mut add = |kind: &str, name: &str, mark: &str, comment: Option<&String>| {
            let mut row = json!({ "name": name, "ref": format!("{mark}{name}"), "scope": word, "type": kind });
            if let Some(comment) = comment {
                row["comment"] = json!(comment);
            }
            if wanted.is_none_or(|wanted| wanted == kind) {
                rows.push(row);
            }
        };
        for (name, alias) in &firewall.aliases {
            add("alias", name, "", alias.get("comment"));
        }
        for (name, set) in &firewall.sets {
            add("ipset", name, "+", set.comment.as_ref());
        }
    }
    Ok(Value::Array(rows).into())
}

/// Name of each macro, and what it is for.
const MACROS: &str = include_str!("macros.txt");

fn list_macros(_machine: &mut Machine, _context: &Context) -> Answer {
    let rows = MACROS.lines().map(|line| json!({ "macro": line.split(' ').next(), "descr": line }));
    Ok(Value::Array(rows.collect()).into())
}

/// Nothing is filtered, so nothing is logged.
fn log(_machine: &mut Machine, _context: &Context) -> Answer {
    Ok(super::request::Success::with_total(vec![json!({ "n": 1, "t": "no content" })], 1))
}

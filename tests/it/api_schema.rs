//! Every call that any resource type makes is one that Proxmox VE 9.2 has: method, path, names of parameters, types, words, patterns, ranges
//! and formats. The table is the compact one of facts in the simulator; it is read and judged here anew, so that a mistake in the
//! simulator's own checking hides nothing.
//!
//! The calls are those of the stacks in `tests/data/attributes`: everything is made, every attribute changed by itself, everything
//! destroyed. They are counted where they leave the client, so reads count too; what guards and doubts would read is taken from the plans.

use crate::attributes;
use crate::planner_world::{PlannerWorld, lab_with_urls};
use regex::Regex;
use serde_json::Value as Json;
use spawnpoint::plan::{Guard, GuardedCall, Plan, Task, Verify};
use spawnpoint::proxmox::{Call, Method};
use std::collections::{BTreeMap, BTreeSet};

const TABLE: &str = include_str!("../../src/simulator/machine/api.txt");

#[derive(Default)]
struct Route {
    method: String,
    template: Vec<String>,
    parameters: Vec<(String, Json)>,
}

struct Schema {
    routes: Vec<Route>,
    formats: BTreeMap<String, Vec<(String, Json)>>,
}

/// `name rule` with `?` behind the name if it may be left out.
fn field(line: &str) -> (String, Json) {
    let (name, rule) = line.trim().split_once(' ').unwrap_or((line.trim(), "{}"));
    (name.to_owned(), serde_json::from_str(rule).unwrap_or_else(|error| panic!("{line}: {error}")))
}

fn parse() -> Schema {
    let mut schema = Schema { routes: Vec::new(), formats: BTreeMap::new() };
    let mut format: Option<String> = None;
    for line in TABLE.lines() {
        if let Some(name) = line.strip_prefix("format ") {
            format = Some(name.to_owned());
            schema.formats.insert(name.to_owned(), Vec::new());
        } else if line.starts_with("  check ") {
        } else if line.starts_with("  ") {
            match &format {
                Some(name) => schema.formats.get_mut(name).expect("it was opened").push(field(line)),
                None => schema.routes.last_mut().expect("a route comes first").parameters.push(field(line)),
            }
        } else {
            format = None;
            let mut words = line.split(' ').map(str::to_owned);
            let method = words.next().unwrap_or_default();
            let template = words.next().unwrap_or_default();
            let template = template.split('/').skip(1).map(str::to_owned).collect();
            schema.routes.push(Route { method, template, parameters: Vec::new() });
        }
    }
    schema
}

fn decoded(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment).decode_utf8().expect("a path is text").into_owned()
}

impl Route {
    /// Returns the values of the placeholders; a volume id may hold slashes.
    fn matches(&self, method: Method, path: &[String]) -> Option<Vec<(String, String)>> {
        if self.method != method.as_str() {
            return None;
        }
        let has_tail = self.template.last().is_some_and(|last| last == "{volume}");
        if self.template.len() != path.len() && !(has_tail && path.len() > self.template.len()) {
            return None;
        }
        let mut values = Vec::new();
        for (at, part) in self.template.iter().enumerate() {
            match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                Some(name) if name == "volume" => values.push((name.to_owned(), path[at..].join("/"))),
                Some(name) => values.push((name.to_owned(), path[at].clone())),
                None if *part == path[at] => {}
                None => return None,
            }
        }
        Some(values)
    }

    fn shown(&self) -> String {
        format!("{} /{}", self.method, self.template.join("/"))
    }
}

fn find<'a>(fields: &'a [(String, Json)], name: &str) -> Option<&'a Json> {
    let exact = fields.iter().find(|(field, _)| field.trim_end_matches('?') == name);
    let stem = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let numbered = || fields.iter().find(|(field, _)| field.trim_end_matches('?') == format!("{stem}[n]"));
    exact.or_else(numbered).map(|(_, rule)| rule)
}

impl Schema {
    /// Returns the route of a call, or what is wrong with it.
    fn judge(&self, call: &Call) -> Result<String, String> {
        let path: Vec<String> = call.path.split('/').skip(1).map(decoded).collect();
        let found = self.routes.iter().find_map(|route| Some((route, route.matches(call.method, &path)?)));
        let (route, placeholders) = found.ok_or("no such method and path")?;
        let mut given: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, value) in &call.parameters {
            given.entry(name).or_default().push(value.reveal());
        }
        // The name of a file that goes along is the parameter of this name.
        if let Some(file) = &call.file {
            given.entry("filename").or_default().push(&file.name);
        }
        for (name, value) in &placeholders {
            let rule = find(&route.parameters, name);
            rule.map_or(Ok(()), |rule| self.value(name, rule, value))?;
            if given.contains_key(name.as_str()) {
                return Err(format!("`{name}` is in the path already"));
            }
        }
        for (name, values) in &given {
            let rule = find(&route.parameters, name).ok_or_else(|| format!("no parameter `{name}`"))?;
            match (rule["type"].as_str(), values.as_slice()) {
                (Some("array"), values) => {
                    values.iter().try_for_each(|value| self.value(name, &rule["items"], value))?;
                }
                (_, [value]) => self.value(name, rule, value)?,
                (_, _) => return Err(format!("`{name}` is given twice and is no list")),
            }
            let needs = rule["requires"].as_str().filter(|other| !given.contains_key(other));
            needs.map_or(Ok(()), |other| Err(format!("`{name}` needs `{other}`")))?;
        }
        let is_given = |name: &str| given.contains_key(name) || placeholders.iter().any(|(other, _)| other == name);
        match route.parameters.iter().find(|(name, _)| !name.ends_with('?') && !is_given(name)) {
            Some((name, _)) => Err(format!("`{name}` is missing")),
            None => Ok(route.shown()),
        }
    }

    fn value(&self, name: &str, rule: &Json, text: &str) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("`{name}` is `{text}`: {what}"));
        let bound = |name: &str| rule[name].as_f64().or_else(|| rule[name].as_str()?.parse().ok());
        match rule["type"].as_str() {
            Some("boolean") if !matches!(text, "0" | "1") => return wrong("not 0 or 1"),
            Some("integer") if text.parse::<i64>().is_err() => return wrong("not a whole number"),
            Some(kind @ ("integer" | "number")) => {
                let Ok(number) = text.parse::<f64>() else { return wrong(kind) };
                if bound("minimum").is_some_and(|minimum| number < minimum)
                    || bound("maximum").is_some_and(|maximum| number > maximum)
                {
                    return wrong("out of range");
                }
            }
            _ => {}
        }
        if let Some(words) = rule["enum"].as_array()
            && !words.iter().any(|word| word.as_str() == Some(text))
        {
            return wrong("not one of the words");
        }
        let length = text.chars().count() as f64;
        if bound("maxLength").is_some_and(|most| length > most)
            || bound("minLength").is_some_and(|least| length < least)
        {
            return wrong("too long or too short");
        }
        if let Some(pattern) = rule["pattern"].as_str() {
            let pattern = pattern.replace("\\d", "[0-9]").replace("\\w", "[0-9A-Za-z_]").replace("\\s", "[\\t\\n\\r ]");
            if !Regex::new(&format!("^(?:{pattern})$")).expect("a pattern").is_match(text) {
                return wrong("does not match the pattern");
            }
        }
        rule["format"].as_str().map_or(Ok(()), |format| self.format(name, format, text))
    }

    fn format(&self, name: &str, format: &str, text: &str) -> Result<(), String> {
        let wrong = || Err(format!("`{name}` is `{text}`: not of the format {format}"));
        if let Some(fields) = self.formats.get(format) {
            return self.properties(name, fields, text);
        }
        if let Some(item) = format.strip_suffix("-list") {
            let items = text.split([',', ';', ' ', '\0']).filter(|item| !item.is_empty());
            return items.into_iter().try_for_each(|text| self.format(name, item, text));
        }
        let is_network = |text: &str| text.parse::<ipnet::IpNet>().is_ok() || text.parse::<std::net::IpAddr>().is_ok();
        let is = |pattern: &str| Regex::new(pattern).expect("a pattern").is_match(text);
        let is_fine = match format {
            "pve-vmid" => text.parse::<u32>().is_ok_and(|vmid| (100..=999_999_999).contains(&vmid)),
            "pve-node" | "dns-name" => is("^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$"),
            "pve-configid" => is("^[A-Za-z][A-Za-z0-9_-]+$"),
            "pve-storage-id" => is("^[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]$"),
            "pve-poolid" => is("^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,2}$"),
            "pve-groupid" | "pve-roleid" => is("^[A-Za-z0-9._-]+$"),
            "pve-userid" => is("^[^\\s:/]+@[A-Za-z][A-Za-z0-9.-]*$"),
            "pve-tokenid" => is("^[^\\s:/]+@[A-Za-z][A-Za-z0-9.-]*![A-Za-z][A-Za-z0-9._-]+$"),
            "pve-priv" => is("^[A-Z][A-Za-z]*(\\.[A-Z][A-Za-z]*)+$"),
            "email-opt" => text.is_empty() || text.contains('@'),
            "ip" | "ipv4" | "ipv6" => text.parse::<std::net::IpAddr>().is_ok(),
            "CIDR" => text.parse::<ipnet::IpNet>().is_ok(),
            "IPorCIDR" => is_network(text),
            "IPorCIDRorAlias" => is_network(text) || is("^((dc|guest)/)?[A-Za-z][A-Za-z0-9_-]+$"),
            "pve-fw-protocol-spec" | "pve-fw-icmp-type-spec" => is("^[a-z0-9-]+$"),
            "pve-fw-dport-spec" | "pve-fw-sport-spec" => is("^[A-Za-z0-9:,-]+$"),
            "pve-fw-addr-spec" => text
                .split(',')
                .all(|part| is_network(part) || is("^\\+?((dc|guest)/)?[A-Za-z][A-Za-z0-9_-]+$") || part.contains('-')),
            "pve-fw-conntrack-helper" => is("^[a-z0-9-]+(,[a-z0-9-]+)*$"),
            "pve-iface" => is("^[A-Za-z][A-Za-z0-9_.-]{1,19}$"),
            "mac-addr" => is("^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$"),
            "pve-bridge-id" => is("^[A-Za-z][A-Za-z0-9_.-]+$"),
            "pve-hotplug-features" => is("^[01]$|^[a-z,]+$"),
            "urlencoded" => is("^[A-Za-z0-9_.!~*'()%-]*$"),
            "pve-ha-resource-or-vm-id" => is("^((vm|ct|fa):)?[0-9]+$"),
            "pve-sdn-subnet-id" => is("^[A-Za-z0-9.:/-]+$"),
            "pve-calendar-event" => is("^[A-Za-z0-9:.,*/ -]+$"),
            "pve-volume-id" | "pve-volume-id-or-qm-path" | "pve-qm-bootdevs" | "pve-qm-boot" => !text.is_empty(),
            "pve-storage-content" => {
                ["images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import", "none"].contains(&text)
            }
            "prune-backups" => is("^keep-[a-z]+=[0-9]+(,keep-[a-z]+=[0-9]+)*$"),
            "backup-fleecing" => is("^(enabled=)?[01](,storage=[A-Za-z0-9._-]+)?$"),
            "pve-tag" => is("^[A-Za-z0-9_][A-Za-z0-9_.+-]*$"),
            "pve-sdn-dhcp-range" => {
                is("^(start-address|end-address)=[0-9a-f.:]+,(start-address|end-address)=[0-9a-f.:]+$")
            }
            "email-or-username" => !text.contains(char::is_whitespace),
            "disk-size" => is("^[0-9]+(\\.[0-9]+)?[KMGT]?$"),
            // Formats without a rule here accept anything that is text; the test tells which they were.
            _ => true,
        };
        if is_fine { Ok(()) } else { wrong() }
    }

    fn properties(&self, name: &str, fields: &[(String, Json)], text: &str) -> Result<(), String> {
        let default =
            fields.iter().find(|(_, rule)| rule["default_key"] == 1).map(|(name, _)| name.trim_end_matches('?'));
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (key, value) = match part.split_once('=') {
                Some((key, value)) => (key, value),
                None => (default.ok_or_else(|| format!("`{name}`: `{part}` has no key"))?, part),
            };
            let rule = find(fields, key).ok_or_else(|| format!("`{name}` has no key `{key}`"))?;
            let rule = rule["alias"].as_str().and_then(|alias| find(fields, alias)).unwrap_or(rule);
            let is_flag = rule["type"] == "boolean" && matches!(value, "on" | "off" | "yes" | "no");
            if !is_flag {
                self.value(&format!("{name}.{key}"), rule, value)?;
            }
        }
        Ok(())
    }
}

/// Returns what a plan would send or read, besides what it was seen to.
fn calls_of(plan: &Plan) -> Vec<Call> {
    let tasks = plan.operations.iter().flat_map(|operation| &operation.steps).map(|step| &step.task);
    let mut calls = Vec::new();
    for task in tasks {
        match task {
            Task::Call(guarded) => note(guarded, &mut calls),
            Task::Reveal { call, .. } => note(call, &mut calls),
            Task::AwaitRow(awaited) => calls.push(awaited.read.clone()),
            Task::AwaitPower { .. } | Task::Provision(_) | Task::Record => {}
        }
    }
    calls
}

fn note(guarded: &GuardedCall, calls: &mut Vec<Call>) {
    // A volume id is filled in before the call is sent; the call that was sent is judged too.
    if !guarded.call.parameters.iter().any(|(_, value)| value.reveal().contains("{volume:")) {
        calls.push(guarded.call.clone());
    }
    if let Guard::Table { read, .. } = &guarded.guard {
        calls.push(read.clone());
    }
    if let Verify::ByContent { read, .. } | Verify::Table { read, .. } = &guarded.verify {
        calls.push(read.clone());
    }
}

#[test]
fn every_call_is_one_the_api_has() {
    let schema = parse();
    let (mut judged, mut routes, mut wrong) = (0, BTreeSet::new(), BTreeSet::new());
    let mut types = BTreeSet::new();
    for (object, case) in attributes::cases().into_iter().filter(|(_, case)| case.is_for("9.2")) {
        let mut world = PlannerWorld::new("schema", &lab_with_urls());
        // Whether everything went well is the business of the other test.
        drop(attributes::run(&case, &mut world, "9.2"));
        types.insert(object.name);
        let planned: Vec<Call> = world.carried_out.iter().flat_map(calls_of).collect();
        for call in planned.iter().chain(&world.sent()) {
            judged += 1;
            match schema.judge(call) {
                Ok(route) => drop(routes.insert(route)),
                Err(what) => drop(wrong.insert(format!("{}: {call}: {what}", object.name))),
            }
        }
    }
    println!("{judged} calls of {} types on {} routes", types.len(), routes.len());
    let wrong: Vec<String> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(routes.len() > 30, "few routes were seen: {routes:?}");
}

#[test]
fn the_judge_is_strict() {
    let schema = parse();
    let verdict = |call: Call| schema.judge(&call).err().unwrap_or_default();
    let put = || Call::put("/nodes/pve1/qemu/100/config");
    assert_eq!(verdict(put().with("cores", "2")), "");
    assert_eq!(verdict(Call::get("/nodes/pve1/nothing")), "no such method and path");
    assert_eq!(verdict(put().with("coers", "2")), "no parameter `coers`");
    assert_eq!(verdict(put().with("cores", "two")), "`cores` is `two`: not a whole number");
    assert_eq!(verdict(put().with("cores", "0")), "`cores` is `0`: out of range");
    assert_eq!(verdict(put().with("onboot", "true")), "`onboot` is `true`: not 0 or 1");
    assert_eq!(verdict(put().with("bios", "award")), "`bios` is `award`: not one of the words");
    assert_eq!(verdict(put().with("net0", "virtio=BC:24:11:00:00:01,brigde=vmbr0")), "`net0` has no key `brigde`");
    assert_eq!(verdict(Call::post("/pools")), "`poolid` is missing");
}

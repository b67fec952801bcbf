//! Every attribute of every type: what was applied plans empty, a change of one attribute plans exactly that with the impact it has, and
//! applied plans empty again. In the end the state is lost, and everything imported into a new one plans empty too.
//!
//! `tests/data/attributes/TYPE.hcl` (further stacks of a type: `TYPE-WHAT.hcl`) is a stack with a block `TYPE "x"`. What a line becomes, one
//! step after another, stands behind it:
//!
//! ```text
//! cores = 2            #> 4 | reboot  #> gone | reboot
//! network "net1" {     #> gone | live  #> back | live
//! extra = { a = "1" }  #> { a = "2" } | live | extra["a"]
//! ```
//!
//! A value, `gone` or `back` (as at first); the impact the plan must tell; and the paths it must show, if that is not the line's own. An
//! attribute or block of the schema without a step fails the test, unless the head of the file says why: `#! PATH: reason`. Where a block is
//! nothing itself, the head says which part of it tells the changes: `#@ ADDRESS`.
//!
//! All of it happens on the newest version of Proxmox VE that is simulated, and again on 8.4: there what came later has to be refused by name,
//! and the rest to hold without it. A stack that is for one version only says so in its head: `#= 8.4`.

use crate::harness::sized;
use crate::planner_world::{PlannerWorld, lab_with_urls};
use spawnpoint::plan::{Action, Change as Planned, Mode, Options, Plan, Step, Task};
use spawnpoint::proxmox::Call;
use spawnpoint::resources::schema::{Impact, Occurs, Presence, Schema};
use spawnpoint::resources::{self, ObjectType, marker};
use spawnpoint::simulator::Lab;
use spawnpoint::state::Record;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Mutex;

/// One stack with what its lines become.
pub(crate) struct Case {
    pub(crate) name: String,
    /// Whose changes are looked at.
    address: String,
    pub(crate) lines: Vec<String>,
    steps: Vec<Change>,
    /// Paths that have no steps, with the reason.
    reasons: BTreeMap<String, String>,
    /// The only version it is for, if it is for one only.
    only: Option<String>,
    /// Lines with attributes that came with version 9.
    new: BTreeSet<usize>,
}

/// The versions that are simulated.
const VERSIONS: [&str; 2] = ["9.2", "8.4"];

impl Case {
    /// Returns whether it is for a version.
    pub(crate) fn is_for(&self, version: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == version)
    }
}

/// What a line becomes.
struct Change {
    /// First and last line of it.
    lines: (usize, usize),
    /// `None`: it is gone.
    text: Option<String>,
    impact: Impact,
    paths: Vec<String>,
    /// The schema's path, without labels: `disk[].size`.
    covers: String,
}

/// A block that is open at a line: its path, the schema's path and the schema.
struct Open<'a> {
    path: String,
    covers: String,
    schema: &'a Schema,
    counts: BTreeMap<&'static str, usize>,
}

fn impact_of(word: &str) -> Impact {
    match word {
        "none" => Impact::None,
        "live" => Impact::Live,
        "restart" => Impact::Restart,
        "reboot" => Impact::Reboot,
        "stop" => Impact::Stop,
        "recreate" => Impact::Recreate,
        other => panic!("`{other}` is no impact"),
    }
}

fn read(name: &str, text: &str, object: &ObjectType) -> Case {
    let address = text.lines().find_map(|line| line.strip_prefix("#@ ")).map(str::to_owned);
    let address = address.unwrap_or_else(|| format!("{}.x", object.name));
    let only = text.lines().find_map(|line| line.strip_prefix("#= ")).map(str::to_owned);
    let (lines, steps, reasons, new) = (Vec::new(), Vec::new(), BTreeMap::new(), BTreeSet::new());
    let mut case = Case { name: name.to_owned(), address, lines, steps, reasons, only, new };
    let parts: Vec<Vec<&str>> = text.lines().map(|line| line.split("#>").collect()).collect();
    case.lines = parts.iter().map(|parts| parts[0].trim_end().to_owned()).collect();
    for reason in text.lines().filter_map(|line| line.strip_prefix("#! ")) {
        let (path, reason) = reason.split_once(": ").unwrap_or_else(|| panic!("{name}: `{reason}` has no reason"));
        case.reasons.insert(path.to_owned(), reason.to_owned());
    }
    let header = format!("{} \"x\" {{", object.name);
    let first = case.lines.iter().position(|line| *line == header);
    let first = first.unwrap_or_else(|| panic!("{name}: no block `{header}`"));
    let mut open =
        vec![Open { path: String::new(), covers: String::new(), schema: object.schema, counts: BTreeMap::new() }];
    for (at, parts) in parts.iter().enumerate().skip(first + 1) {
        let line = case.lines[at].trim();
        if line == "}" {
            open.pop();
            if open.is_empty() {
                break;
            }
            continue;
        }
        let (place, end) = match line.strip_suffix('{').filter(|line| !line.contains('=')) {
            Some(header) => {
                let nested = enter(name, open.last_mut().expect("the block is open"), header);
                let place = (nested.path.clone(), nested.covers.clone());
                open.push(nested);
                let indent = case.lines[at].len() - case.lines[at].trim_start().len();
                let is_end = |line: &&String| line.trim() == "}" && line.len() == indent + 1;
                (place, at + case.lines[at..].iter().take_while(|line| !is_end(line)).count())
            }
            None => {
                let attribute = line.split(['=', ' ']).next().unwrap_or_default();
                let inside = open.last().expect("the block is open");
                let is_new = inside.schema.attribute(attribute).is_some_and(|attribute| attribute.since.is_some());
                if is_new {
                    case.new.insert(at);
                }
                ((join(&inside.path, attribute), join(&inside.covers, attribute)), at)
            }
        };
        for step in &parts[1..] {
            let change = change(step, (at, end), &place, &case.lines[at]);
            case.steps.push(change);
        }
    }
    case
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn enter<'a>(file: &str, outer: &mut Open<'a>, header: &str) -> Open<'a> {
    let mut words = header.trim().splitn(2, ' ');
    let (name, label) = (words.next().unwrap_or_default(), words.next());
    let nested = outer.schema.block(name).unwrap_or_else(|| panic!("{file}: no block `{name}`"));
    let count = outer.counts.entry(nested.name).or_default();
    let (own, covers) = match nested.occurs {
        Occurs::Once => (name.to_owned(), name.to_owned()),
        Occurs::ByLabel(_) => {
            (format!("{name}[{}]", label.expect("the block has a label").trim()), format!("{name}[]"))
        }
        Occurs::Many => (format!("{name}[{count}]"), format!("{name}[]")),
    };
    *count += 1;
    Open {
        path: join(&outer.path, &own),
        covers: join(&outer.covers, &covers),
        schema: nested.schema,
        counts: BTreeMap::new(),
    }
}

fn change(step: &str, lines: (usize, usize), (path, covers): &(String, String), line: &str) -> Change {
    let mut parts = step.split(" | ").map(str::trim);
    let value = parts.next().unwrap_or_default();
    let impact = impact_of(parts.next().unwrap_or_else(|| panic!("`{step}` has no impact")));
    let paths = parts.next().map_or_else(|| vec![path.clone()], |paths| paths.split(", ").map(str::to_owned).collect());
    let text = match value {
        "gone" => None,
        "back" => Some(line.to_owned()),
        value => {
            let (name, _) = line.split_once('=').unwrap_or_else(|| panic!("`{line}` is no attribute"));
            Some(format!("{name}= {value}"))
        }
    };
    Change { lines, text, impact, paths, covers: covers.clone() }
}

/// Returns what has to have a step: every attribute somebody can write, and every block that comes and goes under a label.
fn duties(schema: &Schema, at: &str, into: &mut BTreeSet<String>) {
    let writable = schema.attributes.iter().filter(|attribute| attribute.presence != Presence::Computed);
    into.extend(writable.map(|attribute| join(at, attribute.name)));
    for nested in schema.blocks {
        let path = match nested.occurs {
            Occurs::Once => join(at, nested.name),
            Occurs::ByLabel(_) | Occurs::Many => join(at, &format!("{}[]", nested.name)),
        };
        if nested.occurs != Occurs::Once {
            into.insert(path.clone());
        }
        duties(nested.schema, &path, into);
    }
}

/// Returns the cases of a type and what is wrong with their coverage.
fn cases_of(object: &ObjectType, wrong: &mut Vec<String>) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/attributes");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| {
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            stem.split('-').next() == Some(object.name)
        })
        .collect();
    files.sort();
    let cases: Vec<Case> = files
        .iter()
        .map(|path| {
            let name = path.file_stem().expect("a file has a name").to_string_lossy();
            read(&name, &fs::read_to_string(path).expect("it can be read"), object)
        })
        .collect();
    let mut open = BTreeSet::new();
    duties(object.schema, "", &mut open);
    let covered: BTreeSet<&str> = cases.iter().flat_map(|case| &case.steps).map(|step| step.covers.as_str()).collect();
    let reasons: BTreeSet<&str> = cases.iter().flat_map(|case| case.reasons.keys()).map(String::as_str).collect();
    let is_excused = |path: &str| {
        reasons
            .iter()
            .any(|reason| path.strip_prefix(reason).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    };
    for path in open.iter().filter(|path| !covered.contains(path.as_str()) && !is_excused(path)) {
        wrong.push(format!("{}: `{path}` has no step and no reason", object.name));
    }
    for path in covered.iter().filter(|path| !open.contains(**path) && object.schema.block(path).is_none()) {
        wrong.push(format!("{}: `{path}` has a step and is not in the schema", object.name));
    }
    for reason in reasons.iter().filter(|reason| covered.contains(**reason)) {
        wrong.push(format!("{}: `{reason}` has a step and a reason to have none", object.name));
    }
    cases
}

/// Plans a text that must be in order.
fn planned(world: &PlannerWorld, text: &str, context: &str) -> Result<(Plan, String), String> {
    let planned = world.plan(text, &Options::default());
    let shown = planned.text();
    planned.plan.map(|plan| (plan, shown.clone())).ok_or_else(|| format!("{context}: no plan:\n{shown}"))
}

fn settle(world: &mut PlannerWorld, text: &str, plan: &Plan, context: &str) -> Result<(), String> {
    world.apply_or_tell(plan).map_err(|error| format!("{context}: {error}"))?;
    let (again, shown) = planned(world, text, context)?;
    let waits = again.changes.iter().any(|change| change.notes.iter().any(|note| note.contains("wait for a reboot")));
    match again.is_empty() && again.operations.is_empty() && !waits {
        true => Ok(()),
        false => Err(format!("{context}: not empty after it was applied:\n{shown}")),
    }
}

/// A reboot is for what needs one, and a call that ends it all for what cannot be changed.
fn does_as_told(plan: &Plan, address: &str, impact: Impact) -> Result<(), String> {
    let own = plan.operations.iter().filter(|operation| operation.address.to_string() == address);
    let steps: Vec<&Step> = own.flat_map(|operation| &operation.steps).collect();
    let has = |name: &str| steps.iter().any(|step| &*step.name == name);
    let sends = steps.iter().any(|step| !matches!(step.task, Task::Record));
    match impact {
        Impact::None if sends => Err("it touches the cluster".to_owned()),
        Impact::Live if has("reboot") || has("shutdown") => Err("it interrupts the guest".to_owned()),
        // Volumes of a container move while it is stopped, and a migration restarts it.
        Impact::Reboot if !(has("reboot") || has("migrate") || has("shutdown") && has("start")) => {
            Err("it does not reboot the guest".to_owned())
        }
        _ => Ok(()),
    }
}

/// Goes through the steps of a case and destroys everything in the end. What is wrong with one does not keep the next from being tried.
pub(crate) fn run(case: &Case, world: &mut PlannerWorld, version: &str) -> Vec<String> {
    let mut lines: Vec<Option<String>> = case.lines.iter().cloned().map(Some).collect();
    let name = format!("{} on {version}", case.name);
    if !case.is_for(version) {
        return refused(world, &text_of(&lines), &["Proxmox VE"])
            .err()
            .map(|error| format!("{name}: {error}"))
            .into_iter()
            .collect();
    }
    let is_left_out = |at: &usize| version != VERSIONS[0] && case.new.contains(at);
    if let Some(error) = case.new.iter().find(|at| is_left_out(at)).and_then(|at| {
        let attribute = case.lines[*at].trim().split(['=', ' ']).next().unwrap_or_default();
        refused(world, &text_of(&lines), &[attribute, "came with Proxmox VE 9"]).err()
    }) {
        return vec![format!("{name}: {error}")];
    }
    case.new.iter().filter(|at| is_left_out(at)).for_each(|at| lines[*at] = None);
    let context = format!("{name}: at first");
    let first = planned(world, &text_of(&lines), &context)
        .and_then(|(plan, _)| settle(world, &text_of(&lines), &plan, &context));
    if let Err(error) = first {
        return vec![error];
    }
    let mut wrong = Vec::new();
    for change in case.steps.iter().filter(|change| !is_left_out(&change.lines.0)).take(steps_of(version)) {
        let (from, to) = change.lines;
        let before = lines.clone();
        for (at, (line, first)) in (from..).zip(lines[from..=to].iter_mut().zip(&case.lines[from..])) {
            *line = change.text.as_ref().map(|_| first.clone()).filter(|_| !is_left_out(&at));
        }
        lines[from].clone_from(&change.text);
        let context = format!("{name}: line {}: {}", from + 1, change.text.as_deref().unwrap_or("gone").trim());
        if let Err(error) = step(world, &case.address, change, &text_of(&lines), &context) {
            wrong.push(error);
            if world.plan(&text_of(&lines), &Options::default()).plan.is_none() {
                lines = before;
            }
        }
    }
    wrong.extend(imported(world, &text_of(&lines)).err().map(|error| format!("{name}: imported: {error}")));
    wrong.extend(destroyed(world, &text_of(&lines)).err().map(|error| format!("{name}: in the end: {error}")));
    wrong
}

/// Objects that are not imported, and why.
const NOT_IMPORTED: [(&str, &str); 1] =
    [("template_copy", "a template that is there is adopted by its `vmid`, in a block without `image`")];

/// The state is lost and every object imported into a new one: nothing of the cluster changes but the owner markers.
fn imported(world: &mut PlannerWorld, text: &str) -> Result<(), String> {
    let records = world.state().records;
    if records.values().any(|record| NOT_IMPORTED.iter().any(|(kind, _)| *record.kind == **kind)) {
        return Ok(());
    }
    let mut with_imports = text.to_owned();
    for (address, record) in records.iter().filter(|(_, record)| !record.is_adopted) {
        unmark(world, record);
        let id = import_id(record);
        with_imports.push_str(&format!("\nimport {{\n  to = {address}\n  id = {id:?}\n}}\n"));
    }
    world.forget();
    let (plan, shown) = planned(world, &with_imports, "into a new state")?;
    let is_kept =
        |change: &Planned| change.attributes.is_empty() && matches!(change.action, Action::Adopt | Action::NoOp);
    if !plan.changes.iter().all(is_kept) {
        return Err(format!("it changes what is imported:\n{shown}"));
    }
    settle(world, &with_imports, &plan, "into a new state")
}

/// Takes the owner marker off, as whoever lost a state is told to.
fn unmark(world: &PlannerWorld, record: &Record) {
    let part = |name: &str| record.identity.get(name).unwrap_or_default();
    let path = match &*record.kind {
        "vm" => format!("/nodes/{}/qemu/{}/config", part("node"), part("vmid")),
        "container" => format!("/nodes/{}/lxc/{}/config", part("node"), part("vmid")),
        "snapshot" => {
            format!("/nodes/{}/{}/{}/snapshot/{}/config", part("node"), part("kind"), part("vmid"), part("snapshot"))
        }
        _ => return,
    };
    let description = world.read(&Call::get(&path))["description"].as_str().unwrap_or_default().to_owned();
    world.send(&Call::put(path).with("description", marker::text_without(&description)));
}

/// Returns what the manual says the id of an object is.
fn import_id(record: &Record) -> String {
    let part = |name: &str| record.identity.get(name).unwrap_or_default();
    match &*record.kind {
        "acl" => format!("{} {} {}", part("path"), part("role"), subject(part("kind"), part("subject"))),
        "subnet" => format!("{} {} {}", part("zone"), part("vnet"), part("subnet")),
        "storage_file" => format!("{}/{}", part("at"), part("volume")),
        "token" => format!("{}!{}", part("user"), part("token")),
        "snapshot" => format!("{}/{}", part("vmid"), part("snapshot")),
        "vm" | "container" => part("vmid").to_owned(),
        "firewall" => match (record.identity.get("guest"), record.identity.get("of")) {
            (Some(vmid), _) => format!("guest/{vmid}"),
            (None, Some(node)) => format!("node/{node}"),
            (None, None) => "cluster".to_owned(),
        },
        _ => record.identity.0.values().next().map_or_else(String::new, ToString::to_string),
    }
}

fn subject(kind: &str, name: &str) -> String {
    if kind == "group" { format!("@{name}") } else { name.to_owned() }
}

/// A version that does not have what is asked for says so before anything is done.
fn refused(world: &PlannerWorld, text: &str, words: &[&str]) -> Result<(), String> {
    let planned = world.plan(text, &Options::default());
    let shown = planned.text();
    match planned.plan.is_none() && words.iter().all(|word| shown.contains(word)) {
        true => Ok(()),
        false => Err(format!("not refused with {words:?}:\n{shown}")),
    }
}

/// What does not differ between versions is tried on the older one for a while only, unless everything is asked for.
fn steps_of(version: &str) -> usize {
    if version == VERSIONS[0] { usize::MAX } else { sized(usize::MAX, 15) }
}

/// The built-in lab with a version.
fn lab(version: &str) -> Lab {
    Lab { version: version.to_owned(), ..lab_with_urls() }
}

fn destroyed(world: &mut PlannerWorld, text: &str) -> Result<(), String> {
    let planned = world.plan(text, &Options { mode: Mode::Destroy, ..Options::default() });
    let shown = planned.text();
    world.apply_or_tell(&planned.plan.ok_or(shown)?)?;
    let left: Vec<String> = world.state().records.keys().map(ToString::to_string).collect();
    if left.is_empty() { Ok(()) } else { Err(format!("{left:?} are still known")) }
}

fn text_of(lines: &[Option<String>]) -> String {
    lines.iter().flatten().cloned().collect::<Vec<_>>().join("\n") + "\n"
}

fn step(world: &mut PlannerWorld, address: &str, change: &Change, text: &str, context: &str) -> Result<(), String> {
    let (plan, shown) = planned(world, text, context)?;
    let own = plan.changes.iter().find(|change| change.address.to_string() == address);
    let own = own.ok_or_else(|| format!("{context}: {address} is not in the plan"))?;
    let paths: Vec<String> = own.attributes.iter().map(|attribute| attribute.path.to_string()).collect();
    let is_replaced = own.action == Action::Replace;
    let others = plan.changes.iter().filter(|change| change.address.to_string() != address);
    let strays = others.filter(|change| change.action != Action::NoOp).count();
    let is_as_told = paths == change.paths
        && own.impact == change.impact
        && is_replaced == (change.impact == Impact::Recreate)
        && (strays == 0 || is_replaced);
    let expected = format!("{:?}, {:?}", change.paths, change.impact);
    let told = match is_as_told {
        true => does_as_told(&plan, address, change.impact).map_err(|what| format!("{context}: {what}:\n{shown}")),
        false => Err(format!("{context}: expected {expected}, found {paths:?}, {:?}:\n{shown}", own.impact)),
    };
    settle(world, text, &plan, context)?;
    told
}

/// Returns every case.
pub(crate) fn cases() -> Vec<(&'static ObjectType, Case)> {
    let types = resources::REGISTRY.iter().filter(|object| !object.example.is_empty());
    types.flat_map(|object| cases_of(object, &mut Vec::new()).into_iter().map(|case| (*object, case))).collect()
}

/// A guest only starts with devices that the cluster maps.
pub(crate) fn map_devices(world: &PlannerWorld) {
    for (kind, name, device) in [
        ("pci", "card", "path=0000:01:00.0,id=8086:1234"),
        ("pci", "other", "path=0000:02:00.0,id=8086:5678"),
        ("usb", "stick", "id=1234:5678"),
        ("usb", "key", "id=1234:9abc"),
    ] {
        let call = Call::post(format!("/cluster/mapping/{kind}")).with("id", name);
        world.send(&call.with("map", format!("node=pve1,{device}")));
    }
}

#[test]
fn every_attribute_applies_changes_and_plans_empty() {
    let only = std::env::var("ONLY").unwrap_or_default();
    let mut wrong = Vec::new();
    let mut cases: Vec<(&ObjectType, Case)> = Vec::new();
    for object in resources::REGISTRY.iter().filter(|object| !object.example.is_empty()) {
        cases.extend(cases_of(object, &mut wrong).into_iter().map(|case| (*object, case)));
    }
    cases.retain(|(_, case)| case.name.starts_with(&only));
    let count = cases.len();
    let jobs = cases.iter().flat_map(|case| VERSIONS.map(|version| (case, version)));
    let open = Mutex::new(jobs);
    let told = Mutex::new((wrong, 0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let next = open.lock().expect("no holder panics").next();
                    let Some(((_, case), version)) = next else { break };
                    let mut world = PlannerWorld::new("attributes", &lab(version));
                    map_devices(&world);
                    let wrong = run(case, &mut world, version);
                    let mut told = told.lock().expect("no holder panics");
                    told.1 += case.steps.len().min(steps_of(version));
                    told.0.extend(wrong);
                }
            });
        }
    });
    let (wrong, steps) = told.into_inner().expect("no holder panics");
    println!("{steps} changes of single attributes in {count} stacks on {}", VERSIONS.join(" and "));
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

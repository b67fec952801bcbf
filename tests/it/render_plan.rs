//! Plans built by hand, and the text and JSON people and programs get of them (`tests/render/`).

use crate::harness::golden;
use spawnpoint::config::{Address, Key, ModulePath, Output};
use spawnpoint::plan::{
    Action, AttributeChange, Capacity, Cause, Change, Mode, Operation, OutputChange, Plan, Quota, QuotaLine, Reason,
    Verb,
};
use spawnpoint::render::{Style, json, plan};
use spawnpoint::resources::schema::{Attribute, Impact, Nested, Occurs, Schema, Takes};
use spawnpoint::state::Identity;
use spawnpoint::value::{Marks, Path, Step, Type, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

static DISK: Schema = Schema {
    attributes: &[
        Attribute::new("size", Takes::Size, "size"),
        Attribute::new("storage", Takes::Text, "storage"),
        Attribute::new("ssd", Takes::Bool, "ssd").or("false"),
    ],
    blocks: &[],
};

static VM: Schema = Schema {
    attributes: &[
        Attribute::new("name", Takes::HostName, "name").chosen(),
        Attribute::new("vmid", Takes::Integer(100, 999_999_999), "vmid").chosen(),
        Attribute::new("node", Takes::Text, "node").chosen(),
        Attribute::new("tenant", Takes::Reference("tenant"), "tenant"),
        Attribute::new("cores", Takes::Integer(1, 512), "cores"),
        Attribute::new("memory", Takes::Size, "memory"),
        Attribute::new("onboot", Takes::Bool, "onboot").or("false"),
        Attribute::new("power", Takes::Text, "power").or("running"),
        Attribute::new("tags", Takes::Set(&Takes::Text), "tags"),
        Attribute::new("description", Takes::Text, "description"),
    ],
    blocks: &[Nested { name: "disk", occurs: Occurs::ByLabel("slot"), schema: &DISK, documentation: "disk" }],
};

fn schemas(kind: &str) -> Option<&'static Schema> {
    (kind == "vm").then_some(&VM)
}

fn address(kind: &str, name: &str, key: Option<&str>) -> Address {
    Address::new(ModulePath::default(), kind, name).instance(key.map(|key| Key::Text(key.into())))
}

fn vm(key: &str, vmid: u32, node: &str, action: Action) -> Change {
    Change {
        address: address("vm", "mc", Some(key)),
        kind: "vm".into(),
        cluster: "lab".into(),
        tenant: Some("acme".into()),
        action,
        reason: None,
        attributes: Vec::new(),
        unchanged: 0,
        impact: Impact::None,
        data_loss: Vec::new(),
        identity: Identity::of([("vmid", vmid.to_string()), ("node", node.into())]),
        notes: Vec::new(),
        before: Value::null(Type::Dynamic),
        after: Value::null(Type::Dynamic),
        span: None,
    }
}

fn tenant(action: Action) -> Change {
    Change {
        address: address("tenant", "acme", None).child("pool", None),
        kind: "pool".into(),
        identity: Identity::of([("pool", "acme".into())]),
        ..vm("", 0, "", action)
    }
}

fn differs(path: Path, before: Option<Value>, after: Option<Value>, impact: Impact, cause: Cause) -> AttributeChange {
    AttributeChange { path, before, after, impact, cause, forces_replacement: impact == Impact::Recreate }
}

fn text(value: &str) -> Option<Value> {
    Some(Value::from(value))
}

fn chosen(value: Value) -> Value {
    value.with_marks(Marks::CHOSEN)
}

fn disk(slot: &str) -> Path {
    Path::attribute("disk").then(Step::Key(slot.into()))
}

fn within(path: &Path, name: &str) -> Path {
    path.then(Step::Attribute(name.into()))
}

fn operation(index: u32, after: &[usize], estimate_ms: u64) -> Operation {
    Operation {
        address: address("vm", &format!("x{index}"), None),
        kind: "vm".into(),
        cluster: "lab".into(),
        verb: Verb::Create,
        identity: Identity::default(),
        intent: String::new(),
        after: after.to_vec(),
        steps: Vec::new(),
        is_sketch: false,
        locks: Vec::new(),
        estimate_ms,
    }
}

fn plan_of(changes: Vec<Change>) -> Plan {
    Plan {
        project: "home".into(),
        lineage: "7d1f".into(),
        serial: 4,
        now: 1_780_000_000,
        mode: Mode::Apply,
        intent: "pi1:9c31e07a4d".into(),
        changes,
        operations: Vec::new(),
        moved: Vec::new(),
        outputs: BTreeMap::new(),
        quotas: Vec::new(),
        capacity: Vec::new(),
        in_progress: Vec::new(),
        has_looked: true,
        unreachable: BTreeMap::new(),
        estimate_ms: 0,
        open_postconditions: Default::default(),
        objects: Default::default(),
    }
}

fn quota(lines: &[(&'static str, u64, u64, u64)]) -> Quota {
    let lines = lines.iter().map(|(what, before, after, limit)| QuotaLine {
        what,
        before: *before,
        after: *after,
        limit: *limit,
    });
    Quota { tenant: address("tenant", "acme", None), tier: "gold".into(), lines: lines.collect() }
}

fn node(name: &str, before_gib: u64, after_gib: u64, guests_after: u64) -> Capacity {
    Capacity {
        cluster: "lab".into(),
        node: name.into(),
        memory_before_bytes: before_gib << 30,
        memory_after_bytes: after_gib << 30,
        memory_bytes: 128 << 30,
        cores_after: guests_after * 4,
        cores: 32,
        guests_after,
    }
}

fn shown(plan_under_test: &Plan) -> String {
    let colourless = plan::text(plan_under_test, schemas, Style::Plain);
    let coloured = plan::text(plan_under_test, schemas, Style::Colour);
    assert_eq!(without_colour(&coloured), colourless, "colour carries no information of its own");
    for line in colourless.lines() {
        assert_eq!(line.trim_end(), line, "no space at the end of a line");
    }
    colourless
}

fn without_colour(text: &str) -> String {
    let mut plain = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' => letters.by_ref().find(|letter| *letter == 'm').map_or((), drop),
            letter => plain.push(letter),
        }
    }
    plain
}

/// A new VM with everything a user sees of one.
fn new_lobby() -> Change {
    let after = Value::object([
        ("name", Value::from("mc-lobby")),
        ("vmid", chosen(Value::from(5000))),
        ("node", chosen(Value::from("pve1"))),
        ("tenant", Value::block("tenant.acme", BTreeMap::new())),
        ("cores", Value::from(2)),
        ("memory", Value::from("4GiB")),
        ("onboot", Value::from(false)),
        ("power", Value::from("running")),
        ("tags", Value::list(Type::Text, ["minecraft", "lobby"].map(Value::from))),
        ("description", Value::from("Lobby of acme.\nAsk kim.")),
        (
            "disk",
            Value::object([(
                "scsi0",
                Value::object([
                    ("size", Value::from("40GiB")),
                    ("storage", Value::from("local-lvm")),
                    ("ssd", Value::from(false)),
                ]),
            )]),
        ),
    ]);
    Change { after, notes: vec!["simulated guest".into()], ..vm("lobby", 5000, "pve1", Action::Create) }
}

/// A VM that loses a disk.
fn replaced() -> Change {
    let storage = within(&disk("scsi1"), "storage");
    Change {
        attributes: vec![
            differs(storage.clone(), text("local-lvm"), text("shared"), Impact::Recreate, Cause::Configuration),
            differs(
                Path::attribute("vmid"),
                Some(Value::from(5001)),
                Some(chosen(Value::from(5004))),
                Impact::Recreate,
                Cause::Configuration,
            ),
        ],
        unchanged: 12,
        impact: Impact::Recreate,
        reason: Some(Reason::CannotUpdate(vec![storage])),
        data_loss: vec!["disk scsi1 (40GiB)".into()],
        ..vm("survival", 5001, "pve2", Action::Replace)
    }
}

/// A VM that grows.
fn rebooted() -> Change {
    Change {
        attributes: vec![
            differs(Path::attribute("memory"), text("4GiB"), text("8GiB"), Impact::Reboot, Cause::Configuration),
            differs(within(&disk("scsi0"), "size"), text("40GiB"), text("60GiB"), Impact::Live, Cause::Configuration),
            differs(
                disk("scsi2"),
                None,
                Some(Value::object([("size", Value::from("10GiB")), ("storage", Value::from("shared"))])),
                Impact::Live,
                Cause::Configuration,
            ),
        ],
        unchanged: 9,
        impact: Impact::Reboot,
        ..vm("lobby", 5000, "pve1", Action::Update)
    }
}

/// A game server with secrets wherever one can be.
fn server_with_secrets() -> Change {
    let secret = |text: &str| Some(Value::from(text).with_marks(Marks::SENSITIVE));
    let path = Path::attribute("secrets").then(Step::Key("rcon_password".into()));
    let nested = Value::object([
        ("user", Value::from("game")),
        ("password", Value::from("hunter2").with_marks(Marks::SENSITIVE)),
    ]);
    let motd = |line: &str| Some(Value::from(format!("Welcome to acme!\n{line}\nHave fun.\n")));
    Change {
        address: address("game_server", "survival", None),
        kind: "game_server".into(),
        attributes: vec![
            differs(path, secret("hunter2"), secret("hunter3"), Impact::Live, Cause::Configuration),
            differs(Path::attribute("connection"), None, Some(nested.clone()), Impact::Live, Cause::Configuration),
            differs(
                Path::attribute("motd"),
                motd("Season one."),
                motd("Season two."),
                Impact::Live,
                Cause::Configuration,
            ),
        ],
        unchanged: 3,
        impact: Impact::Live,
        before: Value::object([(
            "secrets",
            Value::object([("rcon_password", Value::from("hunter2").with_marks(Marks::SENSITIVE))]),
        )]),
        after: Value::object([("connection", nested)]),
        ..vm("", 5001, "pve2", Action::Update)
    }
}

#[test]
fn first_apply_shows_what_is_set_and_chosen() {
    let pool =
        Change { after: Value::object([("comment", Value::from("Spawnpoint tenant acme"))]), ..tenant(Action::Create) };
    let lobby = new_lobby();
    let server = Change {
        address: address("game_server", "lobby", None),
        kind: "game_server".into(),
        after: Value::object([
            ("game", Value::from("minecraft-java")),
            ("endpoint", Value::unknown(Type::Text)),
            ("rcon_password", Value::from("hunter2").with_marks(Marks::SENSITIVE)),
            ("settings", Value::object([("difficulty", Value::from("hard")), ("max-players", Value::from(40))])),
        ]),
        ..vm("", 5000, "pve1", Action::Create)
    };
    let mut plan = plan_of(vec![server, pool, lobby]);
    plan.operations =
        vec![operation(0, &[], 500), operation(1, &[0], 6_000), operation(2, &[0], 4_000), operation(3, &[1], 5_500)];
    plan.estimate_ms = 12_000;
    plan.quotas = vec![quota(&[
        ("cores", 0, 2, 16),
        ("memory", 0, 4 << 30, 64 << 30),
        ("vms", 0, 1, 10),
        ("public_ports", 0, 0, 16),
    ])];
    plan.capacity = vec![node("pve1", 0, 4, 1), node("pve2", 0, 0, 0)];
    let value = Value::from("10.40.0.10:25565");
    let output = Output { value, is_sensitive: false, description: None };
    plan.outputs = BTreeMap::from([(Arc::from("endpoint"), OutputChange { before: None, after: Some(output) })]);
    golden("render/first-apply.txt", &shown(&plan));
    golden("render/first-apply.json", &pretty(&plan));
}

#[test]
fn harm_comes_first() {
    let (replaced, rebooted) = (replaced(), rebooted());
    let live = Change {
        attributes: vec![differs(
            Path::attribute("tags"),
            Some(Value::list(Type::Text, ["a"].map(Value::from))),
            Some(Value::list(Type::Text, ["a", "b"].map(Value::from))),
            Impact::Live,
            Cause::Configuration,
        )],
        unchanged: 1,
        impact: Impact::Live,
        ..vm("creative", 5002, "pve3", Action::Update)
    };
    let destroyed = Change {
        reason: Some(Reason::NotInInstances),
        impact: Impact::Stop,
        ..vm("old", 5003, "pve1", Action::Delete)
    };
    let adopted = Change {
        tenant: None,
        ..Change {
            address: address("template", "debian13", None),
            kind: "template".into(),
            ..vm("", 9000, "pve1", Action::Adopt)
        }
    };
    let mut plan = plan_of(vec![adopted, live, rebooted, destroyed, replaced, vm("same", 5009, "pve1", Action::NoOp)]);
    plan.quotas = vec![quota(&[
        ("cores", 14, 15, 16),
        ("memory", 52 << 30, 60 << 30, 64 << 30),
        ("disk", 610 << 30, 642 << 30, 1 << 40),
        ("public_ports", 16, 17, 16),
    ])];
    plan.capacity = vec![node("pve1", 91, 118, 31), node("pve2", 64, 61, 28), node("pve3", 40, 40, 18)];
    plan.operations = vec![operation(0, &[], 60_000), operation(1, &[], 50_000), operation(2, &[0], 600_000)];
    plan.estimate_ms = 660_000;
    golden("render/harm-first.txt", &shown(&plan));
    golden("render/harm-first.json", &pretty(&plan));
}

#[test]
fn drift_and_conflicts_say_who_wins() {
    let drifted = Change {
        attributes: vec![differs(Path::attribute("memory"), text("16GiB"), text("8GiB"), Impact::Reboot, Cause::Drift)],
        unchanged: 12,
        impact: Impact::Reboot,
        ..vm("lobby", 5000, "pve1", Action::Update)
    };
    let conflicting = Change {
        attributes: vec![differs(
            Path::attribute("cores"),
            Some(Value::from(6)),
            Some(Value::from(4)),
            Impact::Reboot,
            Cause::Conflict,
        )],
        unchanged: 1,
        impact: Impact::Reboot,
        notes: vec!["moved to pve2 (HA)".into()],
        ..vm("survival", 5001, "pve2", Action::Update)
    };
    let vanished = Change {
        reason: Some(Reason::Vanished),
        after: Value::object([("memory", Value::from("4GiB"))]),
        ..vm("gone", 5002, "pve1", Action::Create)
    };
    let mut plan = plan_of(vec![drifted, conflicting, vanished]);
    plan.unreachable = BTreeMap::from([("pve3".into(), 2)]);
    plan.in_progress = vec!["vm.mc[\"new\"]: in progress: run 42 by kim@ws1, 3 min".into()];
    golden("render/drift.txt", &shown(&plan));
    golden("render/drift.json", &pretty(&plan));
}

#[test]
fn secrets_are_in_no_form_of_a_plan() {
    let server = server_with_secrets();
    let mut plan = plan_of(vec![server]);
    let output = Output { value: Value::from("hunter2"), is_sensitive: true, description: None };
    plan.outputs = BTreeMap::from([(
        Arc::from("password"),
        OutputChange { before: Some(Value::from("hunter1")), after: Some(output) },
    )]);
    let (text, json) = (shown(&plan), pretty(&plan));
    assert!(!text.contains("hunter") && !json.contains("hunter") && !format!("{plan:?}").contains("hunter3"));
    golden("render/secrets.txt", &text);
    golden("render/secrets.json", &json);
}

#[test]
fn no_changes_says_so_in_terraforms_words() {
    let mut plan = plan_of(vec![vm("lobby", 5000, "pve1", Action::NoOp)]);
    assert_eq!(shown(&plan), "No changes. Everything matches the configuration.\n");
    plan.mode = Mode::Destroy;
    assert_eq!(shown(&plan), "No changes. Nothing of this stack exists.\n");
    plan.mode = Mode::Apply;
    plan.unreachable = BTreeMap::from([("pve3".into(), 1)]);
    assert_eq!(
        shown(&plan),
        "! node pve3 did not answer: 1 managed guest there not checked, and nothing is planned for them\n\n\
         No changes. What could be read matches the configuration.\n"
    );
}

fn pretty(plan: &Plan) -> String {
    serde_json::to_string_pretty(&json::plan(plan, schemas)).expect("JSON values can be written") + "\n"
}

//! One list of events, and what each reporter makes of it: plain lines, JSON lines, the last words.

use crate::harness::golden;
use spawnpoint::apply::{Event, OperationResult, Summary};
use spawnpoint::config::{Address, Key, ModulePath};
use spawnpoint::diagnostics::{Diagnostic, Sources, Span};
use spawnpoint::plan::{Action, Change, Mode, Operation, Plan, Verb};
use spawnpoint::render::{Style, outcome, progress, stream};
use spawnpoint::resources::schema::Impact;
use spawnpoint::state::Identity;
use spawnpoint::value::{Type, Value};
use std::collections::BTreeMap;

fn address(kind: &str, name: &str, key: Option<&str>) -> Address {
    Address::new(ModulePath::default(), kind, name).instance(key.map(|key| Key::Text(key.into())))
}

fn change(address: Address, action: Action) -> Change {
    Change {
        kind: address.kind.clone(),
        address,
        cluster: "lab".into(),
        tenant: None,
        action,
        reason: None,
        attributes: Vec::new(),
        unchanged: 0,
        impact: Impact::None,
        data_loss: Vec::new(),
        identity: Identity::default(),
        notes: Vec::new(),
        before: Value::null(Type::Dynamic),
        after: Value::null(Type::Dynamic),
        span: None,
    }
}

fn operation(address: Address, verb: Verb, after: &[usize]) -> Operation {
    Operation {
        kind: address.kind.clone(),
        address,
        cluster: "lab".into(),
        verb,
        identity: Identity::default(),
        intent: String::new(),
        after: after.to_vec(),
        steps: Vec::new(),
        is_sketch: false,
        locks: Vec::new(),
        estimate_ms: 1000,
    }
}

/// A VM that is replaced and one that is changed; a server on the first.
fn plan() -> Plan {
    let (lobby, survival) = (address("vm", "mc", Some("lobby")), address("vm", "mc", Some("survival")));
    let server = address("game_server", "survival", None);
    Plan {
        project: "home".into(),
        lineage: "7d1f".into(),
        serial: 4,
        now: 0,
        mode: Mode::Apply,
        intent: "pi1:9c31".into(),
        changes: vec![
            change(server.clone(), Action::Create),
            change(lobby.clone(), Action::Update),
            change(survival.clone(), Action::Replace),
        ],
        operations: vec![
            operation(survival.clone(), Verb::Delete, &[]),
            operation(survival, Verb::Create, &[0]),
            operation(server, Verb::Provision, &[1]),
            operation(lobby, Verb::Update, &[]),
        ],
        moved: Vec::new(),
        outputs: BTreeMap::new(),
        quotas: Vec::new(),
        capacity: Vec::new(),
        in_progress: Vec::new(),
        has_looked: true,
        unreachable: BTreeMap::new(),
        estimate_ms: 3000,
        open_postconditions: Default::default(),
        objects: Default::default(),
    }
}

fn events(plan: &Plan, results: &[Option<OperationResult>]) -> Vec<Event> {
    let mut events = Vec::new();
    for (at, (operation, result)) in plan.operations.iter().zip(results).enumerate() {
        let (address, verb) = (operation.address.clone(), operation.verb);
        let Some(result) = result.clone() else {
            continue;
        };
        if !matches!(result, OperationResult::NotStarted { .. } | OperationResult::Skipped) {
            events.push(Event::Started { operation: at, address: address.clone(), verb, steps: 2, estimate_ms: 1000 });
            events.push(Event::Step { operation: at, address: address.clone(), step: "clone".into(), index: 0 });
            events.push(Event::Progress { operation: at, address: address.clone(), text: "drive mirror 40%".into() });
        }
        events.push(Event::Ended {
            operation: at,
            address,
            verb,
            result,
            elapsed_ms: 65_000,
            identity: "VM 5000 on pve1".into(),
        });
    }
    events
}

fn failed() -> OperationResult {
    OperationResult::Failed {
        error: "storage `shared` is full".into(),
        hints: vec!["free space on `shared`, or choose another `storage`".into()],
    }
}

#[test]
fn every_reporter_says_the_same_words() {
    let plan = plan();
    let results = vec![
        Some(OperationResult::Done),
        Some(failed()),
        Some(OperationResult::NotStarted { because: 1 }),
        Some(OperationResult::DoneWithWarnings(vec!["guest agent did not answer".into()])),
    ];
    let mut lines = progress::Lines::new(Style::Plain);
    let mut text = String::new();
    for event in events(&plan, &results).iter().chain([&Event::Interrupted]) {
        text.extend(lines.line(event).map(|line| line + "\n"));
    }
    let summary = Summary { results, is_interrupted: false };
    text.push_str("\n=== summary\n");
    text.push_str(&outcome::text(&plan, &summary, Style::Plain));
    text.push_str("\n=== interrupted\n");
    let interrupted = Summary {
        results: vec![Some(OperationResult::Done), None, None, Some(OperationResult::Done)],
        is_interrupted: true,
    };
    text.push_str(&outcome::text(&plan, &interrupted, Style::Plain));
    golden("render/progress.txt", &text);
}

#[test]
fn success_is_told_in_terraforms_words() {
    let mut plan = plan();
    let summary = Summary { results: vec![Some(OperationResult::Done); 4], is_interrupted: false };
    assert_eq!(
        outcome::text(&plan, &summary, Style::Plain),
        "Apply complete! Resources: 2 added, 1 changed, 1 destroyed.\n"
    );
    plan.mode = Mode::Destroy;
    for change in &mut plan.changes {
        change.action = Action::Delete;
    }
    assert_eq!(outcome::text(&plan, &summary, Style::Plain), "Destroy complete! Resources: 3 destroyed.\n");
}

#[test]
fn json_lines_follow_terraforms_stream() {
    let plan = plan();
    let results =
        vec![Some(OperationResult::Done), Some(failed()), Some(OperationResult::NotStarted { because: 1 }), None];
    let at = "2026-06-01T00:00:00Z";
    let mut sources = Sources::new();
    let file = sources.add("main.hcl", "vm \"x\" {\n  memmory = \"4GiB\"\n}\n");
    let error = Diagnostic::error("unknown attribute `memmory`")
        .at(Span::new(file, 11, 18))
        .hint("did you mean `memory`?")
        .value("var.size", "is 4");
    let mut lines = vec![stream::version(at)];
    lines.extend(stream::diagnostics(at, &error.into(), &sources));
    lines.extend(stream::plan(at, &plan));
    lines.extend(events(&plan, &results).iter().map(|event| stream::event(at, event)));
    lines.push(stream::outcome(at, &plan, &Summary { results, is_interrupted: false }));
    let secret = Value::from("hunter2");
    let open = Value::from("10.40.0.10");
    lines.push(stream::outputs(at, [("password", &secret, true), ("address", &open, false)].into_iter()));
    for line in &lines {
        let line: serde_json::Value = serde_json::from_str(line).expect("each line is JSON");
        for key in ["@level", "@message", "@module", "@timestamp", "type"] {
            assert!(line[key].is_string(), "{key} in {line}");
        }
    }
    golden("render/stream.jsonl", &(lines.join("\n") + "\n"));
}

#[test]
fn bars_leave_the_same_lines_behind() {
    let plan = plan();
    let results = vec![Some(OperationResult::Done); 4];
    let screen = indicatif::InMemoryTerm::new(20, 100);
    let mut bars = progress::Bars::on(
        indicatif::ProgressDrawTarget::term_like(Box::new(screen.clone())),
        plan.operations.len(),
        Style::Plain,
    );
    for event in events(&plan, &results) {
        bars.show(&event);
    }
    bars.finish();
    assert_eq!(
        screen.contents(),
        "vm.mc[\"survival\"]: Destruction complete after 1m5s [VM 5000 on pve1]\n\
         vm.mc[\"survival\"]: Creation complete after 1m5s [VM 5000 on pve1]\n\
         game_server.survival: Provisioning complete after 1m5s [VM 5000 on pve1]\n\
         vm.mc[\"lobby\"]: Modifications complete after 1m5s [VM 5000 on pve1]"
    );
}

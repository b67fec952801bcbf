//! The written state: format 1 stays readable, what is written is read back, and a backend keeps it over a crash.

use crate::apply_lab::{Vm, address};
use spawnpoint::apply::{Journal, Store};
use spawnpoint::state::wire::{Seal, WireError, read_entry, read_snapshot, write_entry, write_snapshot};
use spawnpoint::state::{
    Completeness, Effect, Entry, OperationKey, Outcome, OutputRecord, Record, State, fingerprint, fold,
};
use spawnpoint::value::{Marks, Value};
use state_backends::{HistoryQuery, LockRequest, Memory};
use std::sync::Arc;

/// Not a protection: it shows what was given to it.
struct Reversed;

impl Seal for Reversed {
    fn seal(&self, text: &str) -> Result<String, String> {
        Ok(text.chars().rev().collect())
    }

    fn open(&self, sealed: &str) -> Result<String, String> {
        self.seal(sealed)
    }
}

struct NoKey;

impl Seal for NoKey {
    fn seal(&self, _text: &str) -> Result<String, String> {
        Err("there is no key".to_owned())
    }

    fn open(&self, _sealed: &str) -> Result<String, String> {
        Err("there is no key".to_owned())
    }
}

const WEB: Vm = Vm("web", 5000, "77aa");

fn key(sequence: u32) -> OperationKey {
    OperationKey { run: "r1".into(), sequence }
}

fn begun(sequence: u32, step: &str, effect: Effect) -> Entry {
    Entry::Begun {
        key: key(sequence),
        address: address("vm", "web"),
        cluster: "lab".into(),
        kind: "vm".into(),
        identity: WEB.identity(),
        step: step.into(),
        call: "POST /nodes/pve1/qemu/9000/clone newid=5000".to_owned(),
        intent: "77aa".to_owned(),
        effect,
        at: 1_700_000_000,
    }
}

fn record() -> Record {
    let secret = Value::from("hunter2").with_marks(Marks::SENSITIVE);
    let applied = Value::object([("cores", Value::from(4)), ("password", secret)]);
    Record {
        kind: "vm".into(),
        cluster: "lab".into(),
        identity: WEB.identity(),
        intent: "77aa".to_owned(),
        applied: fingerprint(&applied, &[7; 32]),
        dependencies: vec!["module.a[\"x y\"].tenant.acme.access[\"kim@pve\"]".parse().expect("an address")],
        completeness: Completeness::Partial,
        secrets: std::collections::BTreeMap::new(),
        is_adopted: false,
    }
}

/// Every kind of entry in a legal order; the last step stays open.
fn entries() -> Vec<Entry> {
    let output = |value: Value, is_sensitive| OutputRecord { value, is_sensitive };
    let outputs = [
        ("address".into(), output(Value::from("10.0.0.5"), false)),
        ("password".into(), output(Value::from("hunter2").with_marks(Marks::SENSITIVE), true)),
    ];
    vec![
        begun(1, "clone", Effect::Put(Box::new(record()))),
        Entry::TaskAssigned {
            key: key(1),
            upid: "UPID:pve1:00000001:00000002:65000000:qmclone:9000:root@pam!t:".to_owned(),
        },
        Entry::Settled { key: key(1), outcome: Outcome::DoneWithWarnings(vec!["slow".to_owned()]), at: 1_700_000_009 },
        begun(2, "configure", Effect::None),
        Entry::Settled { key: key(2), outcome: Outcome::Failed("VM is locked (backup)".to_owned()), at: 1_700_000_010 },
        begun(3, "start", Effect::None),
        Entry::Abandoned { key: key(3), reason: "it never happened".to_owned() },
        Entry::Recorded { address: address("vm", "gone"), effect: Effect::Remove, at: 1_700_000_011 },
        Entry::Outputs { run: "r1".into(), outputs: outputs.into() },
        begun(4, "start", Effect::None),
    ]
}

fn state() -> State {
    let empty = State { lineage: "0c1f".to_owned(), serial: 7, ..State::default() };
    fold(empty, entries()).expect("a legal journal")
}

/// The state of `state()` as the first version wrote it: never regenerate this file.
const FORMAT_1: &str = include_str!("../data/state/format-1.json");

fn same(left: &State, right: &State) {
    assert_eq!((&left.lineage, left.serial), (&right.lineage, right.serial));
    assert_eq!(left.records, right.records);
    assert_eq!(left.outputs, right.outputs);
    assert_eq!(left.open, right.open);
}

#[test]
fn format_1_is_read_and_still_written_byte_by_byte() {
    let read = read_snapshot(FORMAT_1, &Reversed).expect("format 1 is readable for ever");
    same(&read, &state());
    assert_eq!(write_snapshot(&state(), &Reversed).expect("it can be written"), FORMAT_1.trim_end());
    assert!(!FORMAT_1.contains("hunter2"), "no secret is written in clear");
    let json: serde_json::Value = serde_json::from_str(FORMAT_1).expect("it is JSON");
    assert_eq!(json["serial"].as_u64(), Some(7), "GitLab wants it at the top");
}

#[test]
fn every_entry_is_read_back() {
    for entry in entries() {
        let text = write_entry(&entry, &Reversed).expect("it can be written");
        assert!(!text.contains("hunter2"), "{text}");
        assert_eq!(read_entry(&text, &Reversed).expect("it can be read"), entry, "{text}");
    }
}

#[test]
fn a_secret_that_is_no_fingerprint_is_not_written() {
    let applied = Value::object([("password", Value::from("hunter2").with_marks(Marks::SENSITIVE))]);
    let effect = Effect::Put(Box::new(Record { applied, ..record() }));
    let error = write_entry(&begun(1, "clone", effect), &Reversed).expect_err("it is a secret").to_string();
    assert_eq!(error, "the state of a `vm` cannot be written: a secret in it is not a fingerprint");
}

#[test]
fn what_cannot_be_read_says_why() {
    let error = |text: &str| read_snapshot(text, &Reversed).expect_err("it is not readable").to_string();
    assert_eq!(
        error(r#"{"format": 2, "anything": 1}"#),
        "the state has format 2, and this version reads formats up to 1"
    );
    assert!(error("{}").starts_with("the state is damaged: missing field `format`"));
    assert!(error(&FORMAT_1.replace("vm.web", "vm")).contains("`vm` is not an address"));
    let sealed = read_snapshot(FORMAT_1, &NoKey).expect_err("there is no key");
    assert!(matches!(&sealed, WireError::Seal { name, .. } if name == "password"), "{sealed}");
    assert!(write_snapshot(&state(), &NoKey).is_err());
}

fn request(run: &str) -> LockRequest {
    LockRequest {
        who: "kim@ws1".to_owned(),
        operation: "apply".to_owned(),
        run: run.to_owned(),
        info: String::new(),
        created: "2026-11-20T12:00:00Z".parse().expect("a time"),
    }
}

#[tokio::test]
async fn a_backend_keeps_it_over_a_crash_and_a_snapshot() {
    let backend = Memory::new("default").expect("a name");
    let store = Store::new(Arc::new(backend), Arc::new(Reversed));
    let first = store.lock(request("r1")).await.expect("nobody holds it");
    let lineage = first.state().await.lineage;
    for entry in entries() {
        first.append(vec![entry]).await.expect("it is writable");
    }
    let illegal = Entry::TaskAssigned { key: key(99), upid: String::new() };
    let refused = first.append(vec![illegal]).await.expect_err("step 99 is not open");
    assert_eq!(refused.to_string(), "the journal cannot be written: step r1/99 is not open");
    drop(first);

    let second = store.lock(request("r2")).await.expect("its holder is dead");
    assert_eq!(second.took_over().map(|lock| &*lock.run), Some("r1"));
    let expected = State { lineage, serial: 0, ..state() };
    same(&second.state().await, &expected);
    second.append(vec![Entry::Abandoned { key: key(4), reason: "cut off".to_owned() }]).await.expect("it is writable");
    let closed = second.close().await.expect("it is writable");
    assert!(closed.open.is_empty() && closed.serial == 1);
    same(&store.load().await.expect("it is readable"), &closed);

    let about = HistoryQuery { subject: Some("vm.web".to_owned()), ..HistoryQuery::default() };
    let history = store.history(&about).await.expect("it is readable");
    assert_eq!(
        history.len(),
        entries().len() - 2 + 1,
        "all but one of another object and the outputs, and the last one"
    );
}

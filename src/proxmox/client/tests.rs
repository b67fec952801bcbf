//! The client against a transport that plays back answers; time is tokio's paused clock, so nothing here waits.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::super::task::Exit;
use super::super::{Answer, Call, Clock, ErrorClass, Transport, TransportError, Upid};
use super::{Client, Finished, Limits, Progress};

type Script = Box<dyn Fn(usize, &Call) -> Result<Answer, TransportError> + Send + Sync>;

/// Answers by script and keeps the calls; each answer takes 10 ms.
struct Played {
    script: Script,
    calls: Mutex<Vec<String>>,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
}

#[async_trait::async_trait]
impl Transport for Played {
    async fn send(&self, call: &Call) -> Result<Answer, TransportError> {
        let index = {
            let mut calls = self.calls.lock().expect("no test panics here");
            calls.push(call.to_string());
            calls.len() - 1
        };
        let under_way = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_under_way.fetch_max(under_way, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(10)).await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        (self.script)(index, call)
    }

    fn describe(&self) -> String {
        "a script".to_owned()
    }
}

fn played(
    script: impl Fn(usize, &Call) -> Result<Answer, TransportError> + Send + Sync + 'static,
) -> (Arc<Played>, Arc<Client>) {
    let played = Arc::new(Played {
        script: Box::new(script),
        calls: Mutex::default(),
        under_way: AtomicUsize::new(0),
        most_under_way: AtomicUsize::new(0),
    });
    let client = Client::new(Arc::clone(&played) as Arc<dyn Transport>, Limits::default());
    (played, Arc::new(client))
}

impl Played {
    fn count(&self, part: &str) -> usize {
        self.calls.lock().expect("no test panics here").iter().filter(|call| call.contains(part)).count()
    }
}

fn answer(status: u16, reason: &str, data: Value) -> Answer {
    Answer {
        status,
        reason: reason.to_owned(),
        data,
        errors: BTreeMap::new(),
        message: None,
        date: None,
        simulator: None,
    }
}

fn ok(data: Value) -> Result<Answer, TransportError> {
    Ok(answer(200, "OK", data))
}

fn refused(reason: &str) -> Result<Answer, TransportError> {
    Ok(answer(500, reason, Value::Null))
}

const LOCKED: &str = "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout";

fn upid(number: u32) -> Upid {
    format!("UPID:pve1:{number:08X}:0005E885:6B00950E:qmcreate:{number}:root@pam!tf:").parse().expect("a UPID")
}

fn config_write() -> Call {
    Call::put("/nodes/pve1/qemu/100/config").with("cores", "2")
}

#[tokio::test(start_paused = true)]
async fn a_lock_wait_repeats_a_write_with_pauses_and_a_read_never() {
    let (played, client) = played(|index, _| if index < 3 { refused(LOCKED) } else { ok(json!(upid(7).to_string())) });
    let started = tokio::time::Instant::now();
    let written = client.write(&config_write()).await.expect("the fourth try works");
    assert_eq!(written.upid, Some(upid(7)));
    let pauses = started.elapsed() - Duration::from_millis(40);
    assert!((14_000..=17_500).contains(&pauses.as_millis()), "2 + 4 + 8 s, a quarter longer at most: {pauses:?}");
    assert_eq!((played.count("PUT"), client.requests()), (4, 4));

    let (played, client) = self::played(|_, _| refused(LOCKED));
    assert_eq!(client.write(&config_write()).await.expect_err("never works").class, ErrorClass::LockWait);
    assert_eq!(played.count("PUT"), 6);
    assert_eq!(client.read(&Call::get("/version")).await.expect_err("never works").class, ErrorClass::LockWait);
    assert_eq!(played.count("GET"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_write_without_a_clear_refusal_is_sent_once() {
    let cases = [
        (500, "Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist", ErrorClass::Gone),
        (596, "Broken pipe", ErrorClass::UnknownOutcome),
        (500, "VM is locked (backup)", ErrorClass::GuestBusy),
        (500, "some other text", ErrorClass::Other),
    ];
    for (status, reason, class) in cases {
        let (played, client) = played(move |_, _| Ok(answer(status, reason, Value::Null)));
        assert_eq!(client.write(&config_write()).await.expect_err("an error status").class, class, "{reason}");
        assert_eq!(played.count(""), 1, "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_reached_nobody_is_sent_once_more() {
    let (played, client) = played(|_, _| Ok(answer(595, "Connection refused", Value::Null)));
    assert_eq!(client.write(&config_write()).await.expect_err("an error status").class, ErrorClass::Unreachable);
    assert_eq!(played.count("PUT"), 2);
}

#[tokio::test(start_paused = true)]
async fn calls_that_met_at_a_lock_come_back_at_different_times() {
    let (_, client) = played(|_, _| refused(LOCKED));
    let mut waited = std::collections::BTreeSet::new();
    for cores in 1..=8 {
        let started = tokio::time::Instant::now();
        let write = Call::put("/nodes/pve1/qemu/100/config").with("cores", cores.to_string());
        client.write(&write).await.expect_err("never works");
        waited.insert(started.elapsed());
    }
    assert_eq!(waited.len(), 8, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn on_an_instant_clock_nothing_waits() {
    let (_, client) = played(|index, _| {
        let answer = if index < 5 { answer(500, LOCKED, Value::Null) } else { answer(200, "OK", Value::Null) };
        Ok(Answer { simulator: Some(Clock::Instant), ..answer })
    });
    let started = tokio::time::Instant::now();
    assert!(!client.is_simulator());
    client.write(&config_write()).await.expect("the sixth try works");
    assert!(client.is_simulator());
    assert_eq!(started.elapsed(), Duration::from_millis(60), "six answers");
}

/// How many of `calls` are under way at once.
async fn most_under_way(calls: Vec<Call>) -> usize {
    let (played, client) = played(|_, _| ok(Value::Null));
    let sent = calls.into_iter().map(|call| {
        let client = Arc::clone(&client);
        async move {
            if call.method.is_read() {
                client.read(&call).await.map(|_| ())
            } else {
                client.write(&call).await.map(|_| ())
            }
        }
    });
    for outcome in futures_util::future::join_all(sent).await {
        outcome.expect("every call works");
    }
    played.most_under_way.load(Ordering::SeqCst)
}

#[tokio::test(start_paused = true)]
async fn calls_under_way_are_limited() {
    let many = |call: fn(usize) -> Call| (0..60).map(call).collect::<Vec<_>>();
    assert_eq!(most_under_way(many(|_| Call::get("/nodes/pve1/qemu"))).await, 6);
    assert_eq!(most_under_way(many(|index| Call::get(format!("/nodes/pve{index}/qemu")))).await, 20);
    assert_eq!(most_under_way(many(|_| config_write())).await, 2);
    assert_eq!(most_under_way(many(|index| Call::put(["/pools", "/access/acl"][index % 2]))).await, 1);
}

/// A node whose tasks end after so many listings.
fn node_with_tasks(ends_after: usize, status: Value) -> (Arc<Played>, Arc<Client>) {
    let listings = AtomicUsize::new(0);
    played(move |_, call| {
        let path = call.path.as_str();
        if path.ends_with("/tasks") {
            let running = listings.fetch_add(1, Ordering::SeqCst) < ends_after;
            let row = |number| {
                let mut row = json!({"upid": upid(number).to_string(), "status": "RUNNING"});
                if !running {
                    row["endtime"] = json!(1_795_203_000);
                }
                row
            };
            return ok((0..20).map(row).collect());
        }
        if path.ends_with("/log") {
            return ok(
                json!([{"n": 1, "t": "creating"}, {"n": 2, "t": "WARN: no space for notes"}, {"n": 3, "t": "TASK WARNINGS: 1"}]),
            );
        }
        assert!(path.contains("UPID%3Apve1%3A"), "{path}");
        ok(status.clone())
    })
}

#[tokio::test(start_paused = true)]
async fn waits_for_one_node_share_their_polls() {
    let (played, client) = node_with_tasks(3, json!({"status": "stopped", "exitstatus": "OK"}));
    let waits = (0..20).map(|number| {
        let client = Arc::clone(&client);
        async move { client.wait(&upid(number), Duration::from_secs(60), &mut |_| ()).await }
    });
    for outcome in futures_util::future::join_all(waits).await {
        assert_eq!(outcome.expect("the task ends"), Finished { exit: Exit::Done, warnings: Vec::new() });
    }
    assert_eq!((played.count("source=active"), played.count("/status")), (4, 20));
}

#[tokio::test(start_paused = true)]
async fn warnings_come_from_the_log() {
    let (_, client) = node_with_tasks(0, json!({"status": "stopped", "exitstatus": "WARNINGS: 1"}));
    let finished = client.wait(&upid(1), Duration::from_secs(60), &mut |_| ()).await.expect("the task ends");
    let warnings = vec!["WARN: no space for notes".to_owned()];
    assert_eq!(finished, Finished { exit: Exit::DoneWithWarnings(1), warnings });
}

#[tokio::test(start_paused = true)]
async fn time_up_is_an_unknown_outcome_and_cancels_nothing() {
    let (played, client) = node_with_tasks(usize::MAX, Value::Null);
    let mut ticks: Vec<Duration> = Vec::new();
    let mut note = |progress: Progress| ticks.push(progress.elapsed);
    let error = client.wait(&upid(1), Duration::from_secs(10), &mut note).await.expect_err("it never ends");
    assert_eq!(error.class, ErrorClass::UnknownOutcome);
    assert!(error.text.contains("still runs after 10 s"), "{error}");
    assert_eq!((ticks.len(), played.count("DELETE")), (9, 0));
}

#[tokio::test(start_paused = true)]
async fn a_failed_poll_is_a_poll_less() {
    let (_, client) = played(|index, call| match index {
        0 => Err(TransportError::BeforeSend { endpoint: "x".to_owned(), detail: "refused".to_owned(), hint: None }),
        1 => Ok(answer(596, "Connection timed out", Value::Null)),
        _ if call.path.ends_with("/tasks") => ok(json!([])),
        _ => ok(json!({"status": "stopped", "exitstatus": "VM is locked (clone)"})),
    });
    let finished = client.wait(&upid(1), Duration::from_secs(60), &mut |_| ()).await.expect("the third poll works");
    assert_eq!(finished.exit, Exit::Failed("VM is locked (clone)".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_task_the_node_does_not_know_ends_the_wait() {
    let (_, client) = played(|_, call| {
        if call.path.ends_with("/tasks") {
            return ok(json!([]));
        }
        let errors = BTreeMap::from([("upid".to_owned(), "no such task".to_owned())]);
        Ok(Answer { errors, ..answer(400, "Parameter verification failed.", Value::Null) })
    });
    let error = client.wait(&upid(1), Duration::from_secs(60), &mut |_| ()).await.expect_err("there is no task");
    assert_eq!(error.class, ErrorClass::Gone);
}

#[tokio::test(start_paused = true)]
async fn an_instant_clock_counts_the_deadline_in_its_own_time() {
    let (played, client) = played(|index, _| {
        let date = Some(1_795_203_000 + 100 * i64::try_from(index).expect("few calls"));
        let rows = json!([{"upid": upid(1).to_string()}]);
        Ok(Answer { simulator: Some(Clock::Instant), date, ..answer(200, "OK", rows) })
    });
    client.read(&Call::get("/version")).await.expect("shows the clock");
    let error = client.wait(&upid(1), Duration::from_secs(1000), &mut |_| ()).await.expect_err("it never ends");
    assert_eq!(error.class, ErrorClass::UnknownOutcome);
    assert_eq!(played.count("source=active"), 10);
}

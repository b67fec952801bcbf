//! One exchange with a lab, shared by both doors, and its HTTP form with Proxmox VE's transport rules.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper::header::{HeaderName, HeaderValue};
use serde_json::Value;

use super::faults::{Change, Effect, Moment, Sighting};
use super::machine::{Machine, Pace, Reply, Request};
use super::spoken::STAND_IN;
use super::store::{Store, StoreError};
use crate::proxmox::task::Upid;

/// Longest body a server takes.
const BODY_BYTES: usize = 512 * 1024;
/// Longest upload the simulator keeps in memory; a real server writes it to a disk as it comes.
const UPLOAD_BYTES: usize = 1 << 30;
/// Shorter answers are not compressed.
const COMPRESSED_FROM_BYTES: usize = 1024;

/// What came of a request.
pub(super) struct Outcome {
    /// Nothing when the connection ends without an answer.
    reply: Option<Reply>,
    pace: Pace,
    now_ms: u64,
    is_protected: bool,
}

impl Outcome {
    pub(super) fn dropped() -> Self {
        Self { reply: None, pace: Pace::Instant, now_ms: 0, is_protected: false }
    }

    /// Returns an answer that is not the lab's.
    pub(super) fn refused(store: &Store, status: u16, message: &str) -> Self {
        let reply = Reply { status, reason: message.to_owned(), body: Vec::new(), headers: Vec::new(), took_ms: 0 };
        Self { reply: Some(reply), pace: store.pace(), now_ms: store.machine().now_ms(), is_protected: false }
    }

    /// Takes a request through the fault rules and the lab.
    pub(super) fn of(store: &mut Store, request: &Request) -> Result<Self, StoreError> {
        let path = request.path.strip_prefix("/api2/json").unwrap_or(&request.path);
        let vmids = request.guests();
        let sighting = Sighting { method: &request.method, path, vmids: &vmids };
        let effect = store.faults().on_call(sighting).unwrap_or_default();
        let began_ms = store.machine().now_ms();
        if effect.delay_ms > 0 {
            store.change(|machine| machine.advance(effect.delay_ms))?;
        }
        for change in &effect.changes {
            store.change(|machine| apply(machine, change))?;
        }
        if effect.drop == Some(Moment::Before) {
            return Ok(Self::dropped());
        }
        if let Some((status, message)) = &effect.answer {
            if let Some(after_ms) = effect.acts_after_ms {
                store.change(|machine| machine.handle_later(request, after_ms))?;
            }
            return Ok(Self::refused(store, *status, message));
        }
        let waited_ms = store.machine().now_ms() - began_ms;
        let reply = store.handle(request)?;
        let task = started_task(request, &reply);
        let of_task = task.as_ref().and_then(|upid| store.faults().on_task(sighting, &upid.kind)).unwrap_or_default();
        if let Some(upid) = task.map(|upid| upid.to_string()) {
            harm_worker(store, &effect, &upid)?;
            harm_worker(store, &of_task, &upid)?;
        }
        if effect.drop == Some(Moment::After) || of_task.drop == Some(Moment::After) {
            return Ok(Self::dropped());
        }
        let is_protected = super::machine::is_protected(&request.method, path);
        let reply = Reply { took_ms: reply.took_ms + if effect.delay_ms > 0 { waited_ms } else { 0 }, ..reply };
        Ok(Self { reply: Some(reply), pace: store.pace(), now_ms: store.machine().now_ms(), is_protected })
    }

    pub(super) fn reply(&self) -> Option<&Reply> {
        self.reply.as_ref()
    }

    pub(super) fn pace(&self) -> Pace {
        self.pace
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.now_ms
    }
}

/// Returns the task that a write started, which its answer names.
fn started_task(request: &Request, reply: &Reply) -> Option<Upid> {
    if request.method == "GET" {
        return None;
    }
    let body: Value = serde_json::from_slice(&reply.body).ok()?;
    body["data"].as_str()?.parse().ok()
}

/// Does to the worker a call started what a rule says.
fn harm_worker(store: &mut Store, effect: &Effect, upid: &str) -> Result<(), StoreError> {
    if effect.runs_out_of_space {
        store.change(|machine| machine.run_out_of_space(upid))?;
    }
    if effect.kills_worker {
        // A killed worker got as far as its first stages: the stub is there, the disk half written.
        store.change(|machine| {
            machine.advance(80);
            machine.kill_worker(upid)
        })?;
    }
    Ok(())
}

fn apply(machine: &mut Machine, change: &Change) {
    /// How long a storage's lock is held.
    const STORAGE_LOCK_MS: u64 = 60_000;
    match change {
        Change::HoldLock(vmid, time_ms) => machine.hold_lock(*vmid, *time_ms),
        Change::HoldStorage(storage) => machine.hold_storage(storage, STORAGE_LOCK_MS),
        Change::FillStorage(storage) => machine.fill_storage(storage),
        Change::SetNode(node, is_up) => machine.set_node(node, *is_up),
        Change::BreakNetwork(node) => machine.break_network(node),
        Change::Move(vmid, node) => machine.relocate(*vmid, node),
        Change::ForgetTasks => machine.forget_tasks(),
    }
}

/// Returns whether the client takes compressed answers.
pub(super) fn accepts_gzip(request: &hyper::Request<Incoming>) -> bool {
    header(request, "accept-encoding").is_some_and(|text| text.contains("gzip"))
}

/// Makes the HTTP form of an answer; nothing means that the connection ends without one.
pub(super) async fn write(outcome: Outcome, is_last: bool, accepts_gzip: bool) -> Option<hyper::Response<Full<Bytes>>> {
    let reply = outcome.reply?;
    let pause = outcome.pace.lasts(Duration::from_millis(reply.took_ms));
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
    let mut response = base(reply.status, &reply.reason, outcome.now_ms);
    let headers = response.headers_mut();
    for (name, value) in &reply.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            headers.insert(name, value);
        }
    }
    let clock = match outcome.pace {
        Pace::Instant => "instant",
        Pace::Real { .. } => "real",
    };
    headers.insert("x-spawnpoint-clock", HeaderValue::from_static(clock));
    headers.insert("x-spawnpoint-took-ms", HeaderValue::from(reply.took_ms));
    let says_close = reply.status >= 400 || is_last;
    if says_close {
        headers.insert("connection", HeaderValue::from_static("close"));
    } else {
        if outcome.is_protected {
            headers.insert(STAND_IN, HeaderValue::from_static("close"));
        }
        headers.insert("connection", HeaderValue::from_static("Keep-Alive"));
    }
    let body = match accepts_gzip && reply.body.len() > COMPRESSED_FROM_BYTES {
        true => {
            headers.insert("content-encoding", HeaderValue::from_static("gzip"));
            compress(&reply.body)
        }
        false => reply.body,
    };
    *response.body_mut() = Full::new(Bytes::from(body));
    Some(response)
}

/// Reads a request by the rules of the real server; the error is a status and its text.
pub(super) async fn read(request: hyper::Request<Incoming>) -> Result<Request, (u16, String)> {
    let method = request.method().as_str().to_owned();
    if header(&request, "transfer-encoding").is_some() {
        return Err((501, "chunked transfer encoding not supported".to_owned()));
    }
    let length: u64 = header(&request, "content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    if length > 0 && !matches!(method.as_str(), "POST" | "PUT") {
        return Err((501, format!("Unexpected content for method '{method}'")));
    }
    let is_upload = header(&request, "content-type").is_some_and(|kind| kind.starts_with("multipart/form-data"));
    let limit = if is_upload { UPLOAD_BYTES } else { BODY_BYTES };
    if usize::try_from(length).is_ok_and(|length| length > limit) {
        return Err((501, "for data too large".to_owned()));
    }
    let text = |name| header(&request, name).map(str::to_owned);
    let mut read = Request {
        method,
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        body: Vec::new(),
        content_type: text("content-type"),
        authorization: text("authorization"),
        cookie: text("cookie"),
        csrf: text("csrfpreventiontoken"),
    };
    let body = Limited::new(request.into_body(), limit).collect().await;
    read.body = body.map_err(|error| (501, error.to_string()))?.to_bytes().to_vec();
    Ok(read)
}

fn header<'a>(request: &'a hyper::Request<Incoming>, name: &str) -> Option<&'a str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

fn base(status: u16, reason: &str, now_ms: u64) -> hyper::Response<Full<Bytes>> {
    let mut response = hyper::Response::new(Full::default());
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(reason) = ReasonPhrase::try_from(reason.as_bytes().to_vec()) {
        response.extensions_mut().insert(reason);
    }
    let headers = response.headers_mut();
    let fixed = [
        ("server", "pve-api-daemon/3.0"),
        ("cache-control", "max-age=0"),
        ("pragma", "no-cache"),
        ("x-spawnpoint-simulator", "1"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let date = http_date(now_ms);
    if let Ok(date) = date.parse::<HeaderValue>() {
        headers.insert("expires", date.clone());
        headers.insert("date", date);
    }
    response
}

/// A refusal of the server itself: its text is the body, not JSON.
pub(super) fn plain(status: u16, reason: &str) -> hyper::Response<Full<Bytes>> {
    let mut response = base(status, reason, 0);
    let headers = response.headers_mut();
    headers.remove("date");
    headers.remove("expires");
    headers.insert("connection", HeaderValue::from_static("close"));
    headers.insert("content-type", HeaderValue::from_static("text/plain"));
    *response.body_mut() = Full::new(Bytes::from(reason.to_owned()));
    response
}

fn http_date(now_ms: u64) -> String {
    let time = jiff::Timestamp::from_second(i64::try_from(now_ms / 1000).unwrap_or(0)).unwrap_or_default();
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn compress(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).and_then(|()| encoder.finish()).expect("writing to memory does not fail")
}

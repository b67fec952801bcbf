//! The HTTPS transport against a real TLS server on loopback: trust, failures on either side of the send, tickets, odd bodies.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use spawnpoint::proxmox::call::segment;
use spawnpoint::proxmox::https::{Credentials, Fingerprint, Https, Secret, Settings, Trust};
use spawnpoint::proxmox::{Answer, Call, Client, Clock, ErrorClass, Limits, Transport, TransportError};

use crate::client_server::{Reply, Server, response};

pub(crate) const TOKEN: &str = "ci@pve!deploy";
pub(crate) const TOKEN_SECRET: &str = "5ec2e700-0000-4000-8000-000000000001";

pub(crate) fn token() -> Credentials {
    Credentials::Token { id: TOKEN.to_owned(), secret: Secret::new(TOKEN_SECRET) }
}

pub(crate) fn pinned(server: &Server) -> Settings {
    let trust = Trust::Fingerprints(vec![server.fingerprint]);
    Settings { trust, ..Settings::new(vec![server.url()], token()) }
}

fn https(server: &Server) -> Https {
    Https::new(pinned(server)).unwrap()
}

pub(crate) async fn version(https: &Https) -> Result<Answer, TransportError> {
    https.send(&Call::get("/version")).await
}

/// Returns endpoint, detail and hint as one text.
fn before_send(outcome: Result<Answer, TransportError>) -> String {
    match outcome {
        Err(TransportError::BeforeSend { endpoint, detail, hint }) => {
            format!("{endpoint} | {detail} | {}", hint.unwrap_or_default())
        }
        other => panic!("expected a failure before the send, got {other:?}"),
    }
}

fn after_send(outcome: Result<Answer, TransportError>) -> String {
    match outcome {
        Err(TransportError::AfterSend { detail, .. }) => detail,
        other => panic!("expected a failure after the send, got {other:?}"),
    }
}

#[tokio::test]
async fn a_call_arrives_as_the_server_wants_it() {
    let server = Server::start(|_, _| Reply::data("null")).await;
    let https = https(&server);
    https.send(&Call::get("/nodes/pve1/tasks").with("source", "all;x=y")).await.unwrap();
    https.send(&Call::delete("/pools").with("poolid", "a/b")).await.unwrap();
    https
        .send(&Call::put("/nodes/pve1/qemu/1/config").with("net0", "virtio=AA,bridge=b").with("tags", "a;b"))
        .await
        .unwrap();
    https.send(&Call::post("/nodes/pve1/qemu/1/status/start")).await.unwrap();
    let log = format!("/nodes/pve1/tasks/{}/log", segment("UPID:pve1:u@pam!t:"));
    https.send(&Call::get(log)).await.unwrap();
    let requests = server.requests();
    let starts = [
        "GET /api2/json/nodes/pve1/tasks?source=all%3Bx%3Dy HTTP/1.1\r\n",
        "DELETE /api2/json/pools?poolid=a%2Fb HTTP/1.1\r\n",
        "PUT /api2/json/nodes/pve1/qemu/1/config HTTP/1.1\r\n",
        "POST /api2/json/nodes/pve1/qemu/1/status/start HTTP/1.1\r\n",
        "GET /api2/json/nodes/pve1/tasks/UPID%3Apve1%3Au%40pam%21t%3A/log HTTP/1.1\r\n",
    ];
    for (request, start) in requests.iter().zip(starts) {
        assert!(request.starts_with(start), "{request}");
        assert!(
            request.to_lowercase().contains(&format!("authorization: pveapitoken={TOKEN}={TOKEN_SECRET}\r\n")),
            "{request}"
        );
        assert!(!request.to_lowercase().contains("transfer-encoding"), "{request}");
    }
    assert!(requests[2].ends_with("\r\n\r\nnet0=virtio%3DAA%2Cbridge%3Db&tags=a%3Bb"), "{}", requests[2]);
    assert!(requests[3].to_lowercase().contains("content-length: 0\r\n"), "{}", requests[3]);
    assert!(!requests[0].to_lowercase().contains("content-length"), "{}", requests[0]);
    assert_eq!((requests.len(), server.connections()), (5, 1), "one connection carries all");
    assert!(!format!("{https:?} {:?}", pinned(&server)).contains(TOKEN_SECRET));
}

#[tokio::test]
async fn an_unknown_authority_gets_no_request_and_a_hint_with_the_fingerprint() {
    let server = Server::start(|_, _| Reply::data("1")).await;
    let other = Server::start(|_, _| Reply::data("1")).await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(other.authority_pem.as_bytes()).unwrap();
    let trust = Trust::CaFile(file.path().to_owned());
    let https = Https::new(Settings { trust, ..pinned(&server) }).unwrap();
    let failure = before_send(version(&https).await);
    for part in ["not signed by a known authority", "`ca_file`", "`fingerprints", &server.fingerprint.to_string()] {
        assert!(failure.contains(part), "{failure}");
    }
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn a_known_authority_is_trusted_for_its_names_only() {
    let server = Server::start(|_, _| Reply::data("1")).await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(server.authority_pem.as_bytes()).unwrap();
    let trust = Trust::CaFile(file.path().to_owned());
    let settings = Settings { trust, ..pinned(&server) };
    let named = vec![server.url().replace("127.0.0.1", "localhost")];
    let https = Https::new(Settings { endpoints: named, ..settings.clone() }).unwrap();
    assert_eq!(version(&https).await.unwrap().data, json!(1));

    assert!(before_send(version(&Https::new(settings).unwrap()).await).contains("for another name"));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_wrong_pin_gets_no_request_and_both_fingerprints() {
    let server = Server::start(|_, _| Reply::data("1")).await;
    let pin = Fingerprint::of(b"another certificate");
    let https = Https::new(Settings { trust: Trust::Fingerprints(vec![pin]), ..pinned(&server) }).unwrap();
    let failure = before_send(version(&https).await);
    for part in [pin.to_string(), server.fingerprint.to_string(), "`fingerprints`".to_owned()] {
        assert!(failure.contains(&part), "{failure}");
    }
    assert_eq!(server.requests(), Vec::<String>::new());

    let trust = Trust::Fingerprints(vec![pin, server.fingerprint]);
    let https = Https::new(Settings { trust, ..pinned(&server) }).unwrap();
    assert_eq!(version(&https).await.unwrap().data, json!(1), "one of several pins is enough");
}

#[tokio::test]
async fn no_check_only_by_the_word() {
    let server = Server::start(|_, _| Reply::data("1")).await;
    let settings = Settings { trust: Trust::Insecure, ..pinned(&server) };
    assert_eq!(version(&Https::new(settings).unwrap()).await.unwrap().data, json!(1));
    assert_eq!(Settings::new(vec![server.url()], token()).trust, Trust::SystemRoots);
}

#[tokio::test]
async fn a_refused_token_costs_one_request() {
    let server = Server::start(|_, _| Reply::error("401 No ticket")).await;
    let client = Client::new(Arc::new(https(&server)), Limits::default());
    let error = client.read(&Call::get("/version")).await.unwrap_err();
    assert_eq!((error.class, error.text.as_str()), (ErrorClass::Unauthenticated, "No ticket"));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn error_texts_come_from_the_phrase_or_the_body() {
    let server = Server::start(|index, _| {
        let body: &[u8] =
            if index == 1 { br#"{"message":"no such file '\u00e4'\n","data":null}"# } else { br#"{"data":null}"# };
        let mut bytes =
            response(if index == 0 { "500 VM 100 is not running" } else { "500 no such file '@'" }, "", body);
        if let Some(at) = bytes.iter().position(|byte| *byte == b'@') {
            bytes[at] = 0xE4;
        }
        Reply::Close(bytes)
    })
    .await;
    let client = Client::new(Arc::new(https(&server)), Limits::default());
    // A phrase may hold any bytes; where there is a text in the body (8.4 and later), that one is whole.
    for text in ["VM 100 is not running", "no such file '\u{e4}'", "no such file '\u{fffd}'"] {
        assert_eq!(client.read(&Call::get("/version")).await.unwrap_err().text, text);
    }
}

#[tokio::test]
async fn parameter_errors_and_server_time_are_decoded() {
    let body =
        br#"{"data":null,"message":"Parameter verification failed.\n","errors":{"cores":"type check failed\n"}}"#;
    let server = Server::start(|_, _| {
        Reply::Close(response("400 Parameter verification failed.", "Date: Fri, 20 Nov 2026 19:30:00 GMT\r\n", body))
    })
    .await;
    let answer = version(&https(&server)).await.unwrap();
    assert_eq!(answer.error_text(), "Parameter verification failed. cores: type check failed");
    assert_eq!(answer.date, Some(1_795_203_000));
    assert_eq!(answer.simulator, None);
}

#[tokio::test]
async fn a_simulator_on_loopback_is_believed() {
    let headers = "x-spawnpoint-simulator: 1\r\nx-spawnpoint-clock: instant\r\n";
    let server = Server::start(move |_, _| Reply::Keep(response("200 OK", headers, br#"{"data":1}"#))).await;
    assert_eq!(version(&https(&server)).await.unwrap().simulator, Some(Clock::Instant));
}

#[tokio::test]
async fn a_closed_connection_is_replaced() {
    let both = "Connection: close\r\nConnection: Keep-Alive\r\n";
    let server = Server::start(move |_, _| Reply::Close(response("200 OK", both, br#"{"data":1}"#))).await;
    let https = https(&server);
    for _ in 0..3 {
        https.send(&Call::post("/nodes/pve1/qemu/1/status/start")).await.unwrap();
    }
    assert_eq!((server.requests().len(), server.connections()), (3, 3));
}

#[tokio::test]
async fn a_lost_answer_repeats_a_read_once_and_a_write_never() {
    let server = Server::start(|_, _| Reply::Drop).await;
    let https = https(&server);
    after_send(https.send(&Call::post("/nodes/pve1/qemu/1/clone")).await);
    assert_eq!(server.requests().len(), 1);
    after_send(version(&https).await);
    assert_eq!(server.requests().len(), 3);

    let client = Client::new(Arc::new(https), Limits::default());
    let error = client.write(&Call::put("/nodes/pve1/qemu/1/config").with("cores", "2")).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::UnknownOutcome);
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn a_reused_connection_that_died_costs_a_read_nothing() {
    let server = Server::start(|index, _| if index == 1 { Reply::Drop } else { Reply::data("1") }).await;
    let https = https(&server);
    version(&https).await.unwrap();
    assert_eq!(version(&https).await.unwrap().data, json!(1));
    assert_eq!((server.requests().len(), server.connections()), (3, 2));
}

#[tokio::test]
async fn a_server_that_hangs_is_left_after_the_timeout() {
    let server = Server::start(|_, _| Reply::Hang).await;
    let https = https(&server);
    let sent = tokio::spawn(async move { https.send(&Call::post("/x")).await });
    while server.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(after_send(sent.await.unwrap()), "no answer in time");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn bodies_are_unpacked_and_bounded() {
    let long = format!("{{\"data\":\"{}\"}}", "a".repeat(300_000));
    let server = Server::start(move |_, request| {
        assert!(request.to_lowercase().contains("accept-encoding: gzip"), "{request}");
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(long.as_bytes()).unwrap();
        Reply::Keep(response("200 OK", "Content-Encoding: gzip\r\n", &encoder.finish().unwrap()))
    })
    .await;
    assert_eq!(version(&https(&server)).await.unwrap().data.as_str().map(str::len), Some(300_000));
    let https = Https::new(Settings { answer_limit_bytes: 100_000, ..pinned(&server) }).unwrap();
    assert_eq!(after_send(version(&https).await), "the answer is longer than 100000 bytes");

    let call = Call::put("/nodes/pve1/qemu/1/config").with("description", "a".repeat(600_000));
    let sent = server.requests().len();
    assert!(before_send(https.send(&call).await).contains("the server accepts 524288"));
    assert_eq!(server.requests().len(), sent);
}

#[tokio::test]
async fn half_an_answer_is_no_answer() {
    let server = Server::start(|_, request| {
        let mut whole = response("200 OK", "", br#"{"data":[1,2,3]}"#);
        let cut = if request.contains("/cut") { whole.len() - 5 } else { whole.len() };
        whole.truncate(cut);
        Reply::Close(if request.contains("/text") { response("200 OK", "", b"<html>") } else { whole })
    })
    .await;
    let https = https(&server);
    after_send(https.send(&Call::post("/cut")).await);
    assert!(after_send(https.send(&Call::post("/text")).await).contains("not JSON"));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn the_next_endpoint_is_tried_and_remembered() {
    let server = Server::start(|_, _| Reply::data("1")).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = format!("https://{}", closed.local_addr().unwrap());
    drop(closed);
    let https = Https::new(Settings { endpoints: vec![dead.clone(), server.url()], ..pinned(&server) }).unwrap();
    assert_eq!(https.describe(), dead);
    https.send(&Call::post("/x")).await.unwrap();
    assert_eq!(https.describe(), server.url());
    assert_eq!(server.requests().len(), 1);

    let https = Https::new(Settings { endpoints: vec![dead.clone()], ..pinned(&server) }).unwrap();
    let failure = before_send(version(&https).await);
    assert!(failure.starts_with(&dead) && failure.contains("nothing listens there"), "{failure}");
}

#[tokio::test]
async fn a_write_that_broke_does_not_move_to_the_next_endpoint() {
    let first = Server::start(|_, _| Reply::Drop).await;
    let second = Server::start(|_, _| Reply::data("1")).await;
    let trust = Trust::Fingerprints(vec![first.fingerprint, second.fingerprint]);
    let https = Https::new(Settings { endpoints: vec![first.url(), second.url()], trust, ..pinned(&first) }).unwrap();
    after_send(https.send(&Call::post("/nodes/pve1/qemu/1/clone")).await);
    assert_eq!((first.requests().len(), second.requests().len()), (1, 0));
}

#[tokio::test]
async fn an_unknown_name_says_so() {
    // Resolvers know that `.invalid` never exists; one that does not answer at all takes its time to say so.
    let endpoint = "https://no-such-host.invalid:8006".to_owned();
    let settings = Settings {
        trust: Trust::Insecure,
        connect_timeout: Duration::from_secs(60),
        ..Settings::new(vec![endpoint], token())
    };
    let failure = before_send(version(&Https::new(settings).unwrap()).await);
    assert!(failure.contains("check the host name"), "{failure}");
}

//! The simulator's HTTPS door: transport rules, interceptor, game servers of simulated guests.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use spawnpoint::proxmox::{Call, Clock, Transport, TransportError};
use spawnpoint::simulator::{
    InProcess, Interceptor, Lab, Moment, Options, Pace, Rule, RunningServer, Server, Store, Verdict,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

type Answer = (u16, String, hyper::HeaderMap, Vec<u8>);

struct Door {
    server: RunningServer,
    store: Arc<Mutex<Store>>,
    _folder: tempfile::TempDir,
}

async fn open(interceptor: Option<Interceptor>) -> Door {
    let store = Store::in_memory(&Lab::built_in(), Pace::Instant).expect("the built-in lab can be built");
    let store = Arc::new(Mutex::new(store));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = Options { folder: folder.path().to_owned(), interceptor };
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = Server::start(listen, store.clone(), options).await.expect("the server starts");
    Door { server, store, _folder: folder }
}

impl Door {
    /// Opens a connection whose certificate is checked against the lab's own authority.
    async fn stream(&self) -> TlsStream<TcpStream> {
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(&self.server.ca_pem).expect("the file is a certificate"))
            .expect("a CA");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has them")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(self.server.address).await.expect("the server listens");
        let name = ServerName::try_from("127.0.0.1").expect("an address is a name");
        tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("TLS")
    }

    async fn connect(&self) -> SendRequest<Full<Bytes>> {
        let stream = self.stream().await;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("HTTP/1.1");
        tokio::spawn(connection);
        sender
    }

    fn request(&self, method: &str, path: &str) -> hyper::http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("/api2/json{path}"))
            .header("host", "127.0.0.1")
            .header("authorization", format!("PVEAPIToken={}", self.server.token))
    }

    async fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        let mut builder = self.request(method, path);
        if !body.is_empty() {
            builder = builder.header("content-type", "application/x-www-form-urlencoded");
        }
        let request = builder.body(Full::new(Bytes::from(body.to_owned()))).expect("a request");
        let response = self.connect().await.send_request(request).await.expect("an answer");
        read(response).await
    }
}

async fn read(response: Response<hyper::body::Incoming>) -> Answer {
    let reason = response.extensions().get::<hyper::ext::ReasonPhrase>().map(|reason| reason.as_bytes().to_vec());
    let default = response.status().canonical_reason().unwrap_or_default().as_bytes().to_vec();
    let reason = String::from_utf8_lossy(&reason.unwrap_or(default)).into_owned();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("a body").to_bytes().to_vec();
    (parts.status.as_u16(), reason, parts.headers, body)
}

#[tokio::test]
async fn errors_are_in_the_reason_phrase_and_end_the_connection() {
    let door = open(None).await;
    let (status, reason, headers, body) = door.send("GET", "/nodes/pve1/qemu/999/config", "").await;
    let text = "Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist";
    assert_eq!((status, reason.as_str()), (500, text));
    assert_eq!(headers["connection"], "close");
    assert_eq!(headers["server"], "pve-api-daemon/3.0");
    assert_eq!(headers["x-spawnpoint-simulator"], "1");
    assert_eq!(headers["x-spawnpoint-clock"], "instant");
    assert_eq!(headers["date"], "Fri, 20 Nov 2026 18:00:00 GMT");
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(body["message"], format!("{text}\n"));

    for (method, body, reason) in [
        ("DELETE", "purge=1", "Unexpected content for method 'DELETE'"),
        ("GET", "x=1", "Unexpected content for method 'GET'"),
        ("POST", &"x".repeat(524_289), "for data too large"),
    ] {
        let answer = door.send(method, "/nodes/pve1/qemu/100", body).await;
        assert_eq!((answer.0, answer.1.as_str()), (501, reason));
        assert_eq!(answer.3, reason.as_bytes());
    }
    assert_eq!(door.server.requests(), 1, "what the transport refuses never reaches the lab");
}

#[tokio::test]
async fn a_connection_carries_a_hundred_requests() {
    let door = open(None).await;
    let mut sender = door.connect().await;
    for number in 1..=100 {
        let request = door.request("GET", "/version").body(Full::default()).expect("a request");
        let (status, _, headers, _) = read(sender.send_request(request).await.expect("an answer")).await;
        assert_eq!(status, 200);
        assert_eq!(headers["connection"], if number == 100 { "close" } else { "Keep-Alive" }, "answer {number}");
    }
    assert!(sender.ready().await.is_err(), "the connection is closed");
}

/// Answers of the privileged daemon say `close` too, in a line of its own, although they are no errors, and the connection stays.
#[tokio::test]
async fn a_protected_answer_says_close_and_does_not_mean_it() {
    let door = open(None).await;
    let (mut stream, token) = (door.stream().await, &door.server.token);
    for number in 1..=3 {
        let head = "GET /api2/json/nodes/pve1/qemu HTTP/1.1\r\nHost: x\r\nAuthorization: PVEAPIToken=";
        stream.write_all(format!("{head}{token}\r\n\r\n").as_bytes()).await.expect("the connection is open");
        let mut answer = vec![0; 65_536];
        let read = stream.read(&mut answer).await.expect("the connection is open");
        let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
        let lines: Vec<&str> = answer.lines().filter(|line| line.starts_with("Connection: ")).collect();
        assert_eq!(lines.len(), 2, "answer {number}: {answer}");
        assert!(lines.contains(&"Connection: close") && lines.contains(&"Connection: Keep-Alive"), "{answer}");
    }
}

#[tokio::test]
async fn long_answers_are_compressed_and_plain_http_is_sent_to_https() {
    let door = open(None).await;
    let request = door.request("GET", "/access/roles").header("accept-encoding", "gzip").body(Full::default());
    let response = door.connect().await.send_request(request.expect("a request")).await.expect("an answer");
    let (_, _, headers, body) = read(response).await;
    assert_eq!(headers["content-encoding"], "gzip");
    assert_eq!(body[..2], [0x1f, 0x8b]);

    let mut plain = TcpStream::connect(door.server.address).await.expect("the server listens");
    plain.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("sent");
    let mut answer = String::new();
    plain.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 301 Moved Permanently\r\nLocation: https://127.0.0.1:"), "{answer}");
}

#[tokio::test]
async fn an_interceptor_can_lose_answers_before_and_after_the_lab_acted() {
    let interceptor: Interceptor = Arc::new(|passing| match (passing.number, passing.moment) {
        (1, Moment::Before) | (2, Moment::After) => Verdict::Drop,
        (3, Moment::Before) => Verdict::Reply(596, "Connection timed out".to_owned()),
        _ => Verdict::Pass,
    });
    let door = open(Some(interceptor)).await;
    let create = |pool: &str| {
        let body = Full::new(Bytes::from(format!("poolid={pool}")));
        door.request("POST", "/pools").body(body).expect("a request")
    };
    for pool in ["one", "two"] {
        door.connect().await.send_request(create(pool)).await.expect_err("the answer is lost");
    }
    let (status, reason, _, body) =
        read(door.connect().await.send_request(create("three")).await.expect("an answer")).await;
    assert_eq!((status, reason.as_str(), body.len()), (596, "Connection timed out", 0));
    let dump = door.store.lock().expect("the lab").machine().dump();
    let pools: Vec<&String> = dump["pools"].as_object().expect("pools").keys().collect();
    assert_eq!(pools, ["two"]);
}

#[tokio::test]
async fn the_certificate_and_its_authority_are_kept() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut fingerprints = Vec::new();
    for _ in 0..2 {
        let store = Arc::new(Mutex::new(Store::in_memory(&Lab::built_in(), Pace::Instant).expect("a lab")));
        let options = Options { folder: folder.path().to_owned(), interceptor: None };
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = Server::start(listen, store, options).await.expect("the server starts");
        fingerprints.push(server.fingerprint.clone());
    }
    assert_eq!(fingerprints[0], fingerprints[1]);
    assert_eq!(fingerprints[0].len(), 95);
    use std::os::unix::fs::PermissionsExt;
    for name in ["ca-key.pem", "server-127.0.0.1-key.pem"] {
        let mode = std::fs::metadata(folder.path().join(name)).expect("the key file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

/// Calls until the task the call started has ended; returns its exit status.
async fn run(door: &InProcess, call: Call) -> String {
    let answer = door.send(&call).await.expect("an answer");
    let upid = answer.data.as_str().unwrap_or_else(|| panic!("{call}: {}", answer.error_text())).to_owned();
    let node = upid.split(':').nth(1).expect("a UPID names its node");
    let path = format!("/nodes/{node}/tasks/{}/status", spawnpoint::proxmox::call::segment(&upid));
    loop {
        let status = door.send(&Call::get(&path)).await.expect("an answer").data;
        if let Some(exit) = status["exitstatus"].as_str() {
            return exit.to_owned();
        }
    }
}

#[tokio::test]
async fn a_simulated_guest_answers_its_game_while_it_runs() {
    let store = Store::in_memory(&Lab::built_in(), Pace::Instant).expect("the built-in lab can be built");
    let door = InProcess::new(Arc::new(Mutex::new(store)));
    let clone = Call::post("/nodes/pve1/qemu/9000/clone").with("newid", "100").with("name", "mc");
    assert_eq!(run(&door, clone).await, "OK");
    let address = Call::put("/nodes/pve1/qemu/100/config").with("ipconfig0", "ip=10.77.3.9/16,gw=10.77.0.1");
    assert_eq!(door.send(&address).await.expect("an answer").simulator, Some(Clock::Instant));
    assert_eq!(run(&door, Call::post("/nodes/pve1/qemu/100/status/start")).await, "OK");
    while !door.send(&Call::post("/nodes/pve1/qemu/100/agent/ping")).await.expect("an answer").is_success() {}
    let game =
        r#"{"protocol":"minecraft-java","port":25599,"version":"1.21.8","settings":{"motd":"hello","max-players":7}}"#;
    let write = Call::post("/nodes/pve1/qemu/100/agent/file-write")
        .with("file", "/etc/spawnpoint/game.json")
        .with("content", game);
    assert!(door.send(&write).await.expect("an answer").is_success());
    assert_eq!(door.listeners().problems().await, Vec::<String>::new());

    let info = door.send(&Call::get("/spawnpoint/guests/100")).await.expect("an answer").data;
    assert_eq!(info["status_address"], "127.77.3.9");
    let target = SocketAddr::from(([127, 77, 3, 9], 25599));
    let status = ping(target).await;
    assert_eq!(status["version"]["protocol"], 772);
    assert_eq!(status["players"]["max"], 7);
    assert_eq!(status["description"]["text"], "hello");

    assert_eq!(run(&door, Call::post("/nodes/pve1/qemu/100/status/shutdown")).await, "OK");
    assert_eq!(door.listeners().addresses().await, Vec::<SocketAddr>::new());
    assert_eq!(run(&door, Call::post("/nodes/pve1/qemu/100/status/start")).await, "OK");
    assert_eq!(door.listeners().addresses().await, [target], "the file is still on the disk");
}

async fn ping(target: SocketAddr) -> Value {
    let mut stream = TcpStream::connect(target).await.expect("the game listens");
    // Handshake for `x:25599` with next state 1, then a status request.
    stream.write_all(&[7, 0, 0x00, 1, b'x', 0x63, 0xff, 1, 1, 0]).await.expect("sent");
    let mut bytes = vec![0; 512];
    let count = stream.read(&mut bytes).await.expect("a status");
    let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
    let start = text.find('{').expect("the status is JSON");
    serde_json::from_str(&text[start..]).expect("the status is JSON")
}

#[tokio::test]
async fn fault_rules_of_a_lab_lose_answers_and_kill_workers() {
    let mut lab = Lab::built_in();
    let clone = "/nodes/pve1/qemu/9000/clone".to_owned();
    let lose = Rule { path: clone.clone(), nth: Some(1), drop: Some(Moment::After), ..Rule::default() };
    let kill = Rule { path: clone.clone(), nth: Some(2), kill_worker: true, ..Rule::default() };
    lab.fault.insert("lose".into(), lose);
    lab.fault.insert("kill".into(), kill);
    let store = Store::in_memory(&lab, Pace::Instant).expect("the lab can be built");
    let door = InProcess::new(Arc::new(Mutex::new(store)));
    let call = |newid: &str| Call::post(&clone).with("newid", newid).with("full", "1");
    let lost = door.send(&call("100")).await.expect_err("the answer is lost");
    assert!(matches!(lost, TransportError::AfterSend { .. }));
    let tasks = door.send(&Call::get("/nodes/pve1/tasks").with("source", "all").with("vmid", "9000")).await;
    assert_eq!(tasks.expect("an answer").data[0]["type"], "qmclone");

    assert_eq!(run(&door, call("101")).await, "unexpected status");
    let config = door.send(&Call::get("/nodes/pve1/qemu/101/config")).await.expect("an answer").data;
    assert_eq!(config["lock"], "clone");
    assert_eq!(config["name"], Value::Null, "the stub names nobody");
    assert_eq!(run(&door, Call::delete("/nodes/pve1/qemu/101")).await, "VM is locked (clone)");
}

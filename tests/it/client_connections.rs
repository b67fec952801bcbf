//! Which connections the HTTPS transport opens, keeps and leaves, and through what.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use spawnpoint::proxmox::https::{Credentials, Https, Secret, Settings, Trust};
use spawnpoint::proxmox::{Call, Client, Limits, Transport, TransportError};
use spawnpoint::simulator::{Lab, Options, Pace, RunningServer, Server as Simulator, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::client::{pinned, version};
use crate::client_server::{Reply, Server, response};

/// Serves the built-in lab; returns a transport to it too.
async fn simulator() -> (RunningServer, Https, tempfile::TempDir) {
    let store = Store::in_memory(&Lab::built_in(), Pace::Instant).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let options = Options { folder: folder.path().to_owned(), interceptor: None };
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = Simulator::start(listen, Arc::new(Mutex::new(store)), options).await.unwrap();
    let (id, secret) = server.token.split_once('=').unwrap();
    let credentials = Credentials::Token { id: id.to_owned(), secret: Secret::new(secret) };
    let trust = Trust::Fingerprints(vec![server.fingerprint.parse().unwrap()]);
    let settings = Settings { trust, ..Settings::new(vec![format!("https://{}", server.address)], credentials) };
    (server, Https::new(settings).unwrap(), folder)
}

/// A call that passes through the daemon is answered with `close` and `keep-alive`, and the connection stays.
#[tokio::test]
async fn one_connection_carries_a_hundred_calls() {
    let (server, https, _folder) = simulator().await;
    for number in 1..=250_u64 {
        let call = match number % 3 {
            0 => Call::put("/nodes/pve1/qemu/9000/config").with("memory", (512 + number).to_string()),
            1 => Call::get("/nodes/pve1/qemu"),
            _ => Call::get("/nodes/pve1/qemu/9000/config"),
        };
        assert_eq!(https.send(&call).await.unwrap().status, 200, "{call}");
        assert_eq!(server.connections(), number.div_ceil(100), "after {number} calls");
    }
}

#[tokio::test]
async fn calls_at_once_share_as_many_connections() {
    let (server, https, _folder) = simulator().await;
    let client = Arc::new(Client::new(Arc::new(https), Limits::default()));
    let calls = (0..60).map(|number| {
        let (client, node) = (client.clone(), 1 + number % 3);
        async move { client.read(&Call::get(format!("/nodes/pve{node}/qemu"))).await.map(drop) }
    });
    let done: Result<Vec<()>, _> = futures_util::future::join_all(calls).await.into_iter().collect();
    done.unwrap();
    // Six at once for each of three nodes.
    assert!(server.connections() <= 18, "{} connections for {} calls", server.connections(), server.requests());
}

#[tokio::test]
async fn an_error_ends_a_connection_and_only_that() {
    let (server, https, _folder) = simulator().await;
    for (expected, path) in
        [(1, "/nodes/pve1/qemu"), (1, "/nodes/pve1/qemu/1/config"), (2, "/version"), (2, "/version")]
    {
        https.send(&Call::get(path)).await.unwrap();
        assert_eq!(server.connections(), expected, "{path}");
    }
}

#[tokio::test]
async fn a_close_that_stands_alone_is_meant() {
    let close = "Connection: close\r\n";
    let server = Server::start(move |_, _| Reply::Close(response("200 OK", close, br#"{"data":1}"#))).await;
    let https = Https::new(pinned(&server)).unwrap();
    let both = "Connection: close\r\nConnection: Keep-Alive\r\n";
    let keeping = Server::start(move |_, _| Reply::Keep(response("200 OK", both, br#"{"data":1}"#))).await;
    let kept = Https::new(pinned(&keeping)).unwrap();
    for _ in 0..3 {
        https.send(&Call::post("/x")).await.unwrap();
        kept.send(&Call::post("/x")).await.unwrap();
    }
    assert_eq!((server.connections(), keeping.connections()), (3, 1));
}

#[tokio::test]
async fn a_connection_that_was_idle_too_long_is_not_used() {
    let server = Server::start(|_, _| Reply::data("1")).await;
    let https = Https::new(pinned(&server)).unwrap();
    version(&https).await.unwrap();
    version(&https).await.unwrap();
    assert_eq!(server.connections(), 1);
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(4)).await;
    tokio::time::resume();
    version(&https).await.unwrap();
    assert_eq!(server.connections(), 2, "the server would close it after five seconds");
}

#[tokio::test]
async fn calls_about_a_node_go_to_its_endpoint_while_it_answers() {
    let (entry, node) = (Server::start(|_, _| Reply::data("1")).await, Server::start(|_, _| Reply::data("1")).await);
    let trust = Trust::Fingerprints(vec![entry.fingerprint, node.fingerprint]);
    let named = node.url().replace("127.0.0.1", "localhost");
    let settings = Settings { trust, endpoints: vec![entry.url(), named], ..pinned(&entry) };
    let https = Https::new(settings.clone()).unwrap();
    for path in ["/nodes/localhost/qemu", "/cluster/resources", "/nodes/other/qemu", "/nodes/localhost/lxc"] {
        https.send(&Call::get(path)).await.unwrap();
    }
    assert_eq!((entry.requests().len(), node.requests().len()), (2, 2));

    // A node that cannot be reached is gone round, and not tried again with each call.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let endpoints = vec![entry.url(), format!("https://localhost:{port}")];
    let https = Https::new(Settings { endpoints, ..settings }).unwrap();
    for _ in 0..3 {
        https.send(&Call::get("/nodes/localhost/qemu")).await.unwrap();
    }
    assert_eq!(entry.requests().len(), 5);
}

/// After many calls the cluster is asked where its nodes are; who can be reached and is trusted gets its calls itself.
#[tokio::test]
async fn nodes_that_can_be_reached_get_their_calls_themselves() {
    let status = r#"[{"type":"node","name":"pve1","ip":"127.0.0.1","local":1,"online":1},
        {"type":"node","name":"pve2","ip":"127.0.0.2","local":0,"online":1},
        {"type":"node","name":"pve3","ip":"127.0.0.3","local":0,"online":1}]"#;
    let answers = move |_: usize, request: &str| match request.contains("/cluster/status") {
        true => Reply::data(status),
        false => Reply::data("1"),
    };
    let entry = Server::start(answers).await;
    // At the port of the entry, as it is on real nodes; pve3 is not there.
    let node =
        Server::start_at(SocketAddr::from(([127, 0, 0, 2], entry.address.port())), |_, _| Reply::data("2")).await;
    let trust = Trust::Fingerprints(vec![entry.fingerprint, node.fingerprint]);
    let https = Https::new(Settings { trust, ..pinned(&entry) }).unwrap();
    let ask = async |node: &str| https.send(&Call::get(format!("/nodes/{node}/qemu"))).await.unwrap().data;
    for _ in 0..32 {
        assert_eq!(ask("pve2").await, 1);
    }
    assert_eq!(entry.requests().len(), 33, "asked once where they are");
    assert_eq!((ask("pve2").await, ask("pve3").await, ask("pve1").await), (2.into(), 1.into(), 1.into()));
    assert_eq!(https.send(&Call::get("/cluster/resources")).await.unwrap().data, 1);
    assert_eq!((entry.requests().len(), node.requests().len(), node.connections()), (36, 1, 1));

    // A node whose certificate is not among those pinned gets nothing.
    let https = Https::new(pinned(&entry)).unwrap();
    for _ in 0..40 {
        https.send(&Call::get("/nodes/pve2/qemu")).await.unwrap();
    }
    assert_eq!(node.requests().len(), 1);
}

/// A proxy that lets one connection through; returns where it is, and what it was asked.
async fn proxy(answer: &'static str) -> (SocketAddr, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        client.write_all(answer.as_bytes()).await.unwrap();
        if answer.contains(" 200 ") {
            let target = head.split(' ').nth(1).unwrap().to_owned();
            let mut server = TcpStream::connect(target).await.unwrap();
            // Whoever ends it first is right.
            drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
        }
        head
    });
    (address, task)
}

#[tokio::test]
async fn a_proxy_passes_the_connection_on_and_is_told_nothing_else() {
    let simulated = "x-spawnpoint-simulator: 1\r\n";
    let server = Server::start(move |_, _| Reply::Keep(response("200 OK", simulated, br#"{"data":1}"#))).await;
    let (address, asked) = proxy("HTTP/1.1 200 Connection established\r\n\r\n").await;
    let https =
        Https::new(Settings { proxy: Some(format!("http://kim:p%40ss@{address}")), ..pinned(&server) }).unwrap();
    let answer = version(&https).await.unwrap();
    assert_eq!(answer.simulator, None, "who is behind a proxy cannot be known");
    version(&https).await.unwrap();
    assert_eq!((server.requests().len(), server.connections()), (2, 1));
    drop(https);
    let expected =
        format!("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\nProxy-Authorization: Basic a2ltOnBAc3M=\r\n\r\n", server.address);
    assert_eq!(asked.await.unwrap(), expected);
}

#[tokio::test]
async fn a_proxy_that_refuses_is_told() {
    let server = Server::start(|_, _| Reply::data("1")).await;
    let (address, _asked) = proxy("HTTP/1.1 403 Forbidden\r\n\r\n").await;
    let https = Https::new(Settings { proxy: Some(format!("http://{address}")), ..pinned(&server) }).unwrap();
    let Err(TransportError::BeforeSend { detail, hint, .. }) = version(&https).await else { panic!("it was sent") };
    assert_eq!(detail, format!("the proxy {address} answers `HTTP/1.1 403 Forbidden`"));
    assert!(hint.unwrap().contains("check `proxy`"));
    assert!(server.requests().is_empty());
    for wrong in ["proxy.lan:3128", "socks5://proxy.lan", "https://proxy.lan:3128"] {
        assert!(Https::new(Settings { proxy: Some(wrong.to_owned()), ..pinned(&server) }).is_err(), "{wrong}");
    }
}

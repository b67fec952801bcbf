//! Files that go along with a call: over the network as the server wants them, and to the endpoint they are for.

use crate::client::pinned;
use crate::client_server::{Reply, Server};
use spawnpoint::proxmox::https::{Https, Settings, Trust};
use spawnpoint::proxmox::{Call, Transport, TransportError, Upload};

/// Returns a file of this many bytes that is gone with the test, and the call that sends it to a node.
fn upload(node: &str, bytes: usize) -> (tempfile::NamedTempFile, Call) {
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(file.path(), "0123456789".repeat(bytes / 10)).expect("it can be written");
    let name = "seed.iso".to_owned();
    let sha256 = "77aa".to_owned();
    let upload = Upload { path: file.path().to_owned(), name, bytes: bytes as u64, sha256 };
    let call = Call::post(format!("/nodes/{node}/storage/local/upload")).with("content", "iso");
    (file, call.with_file(upload))
}

#[tokio::test]
async fn a_file_goes_out_in_pieces_with_its_length() {
    let server = Server::start(|_, _| Reply::data("null")).await;
    let https = Https::new(pinned(&server)).expect("the settings are right");
    // More than one piece.
    let (_file, call) = upload("pve1", 700_000);
    assert_eq!(call.to_string(), "POST /nodes/pve1/storage/local/upload content=iso filename=seed.iso (700000 bytes)");
    https.send(&call).await.expect("the server answers");
    let requests = server.requests();
    let (head, body) = requests[0].split_once("\r\n\r\n").expect("a request has a head");
    assert!(head.starts_with("POST /api2/json/nodes/pve1/storage/local/upload HTTP/1.1\r\n"), "{head}");
    let head = head.to_lowercase();
    assert!(head.contains(&format!("content-length: {}", body.len())) && !head.contains("chunked"), "{head}");
    assert!(head.contains("content-type: multipart/form-data; boundary=spawnpoint-77aa"), "{head}");
    assert!(body.contains(&format!("\r\n\r\n{}\r\n--spawnpoint-77aa--\r\n", "0123456789".repeat(70_000))));
}

#[tokio::test]
async fn a_file_that_changed_since_the_plan_is_not_sent() {
    let server = Server::start(|_, _| Reply::data("null")).await;
    let https = Https::new(pinned(&server)).expect("the settings are right");
    let (file, call) = upload("pve1", 100);
    std::fs::write(file.path(), "another").expect("it can be written");
    let Err(TransportError::BeforeSend { detail, .. }) = https.send(&call).await else { panic!("it was sent") };
    assert!(detail.ends_with("had 100 bytes when the plan was made, and has 7 now"), "{detail}");
    drop(file);
    let Err(TransportError::BeforeSend { detail, .. }) = https.send(&call).await else { panic!("it was sent") };
    assert!(detail.contains("cannot be read: No such file"), "{detail}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_file_goes_to_the_endpoint_of_its_node() {
    let (one, other) =
        (Server::start(|_, _| Reply::data("null")).await, Server::start(|_, _| Reply::data("null")).await);
    let endpoints = vec![one.url(), other.url().replace("127.0.0.1", "localhost")];
    let trust = Trust::Fingerprints(vec![one.fingerprint, other.fingerprint]);
    let https = Https::new(Settings { endpoints, trust, ..pinned(&one) }).expect("the settings are right");
    let (_file, call) = upload("localhost", 100);
    https.send(&call).await.expect("the server answers");
    assert_eq!((one.requests().len(), other.requests().len()), (0, 1), "the node is an endpoint");
    let (_file, call) = upload("pve2", 100);
    https.send(&call).await.expect("the server answers");
    https.send(&Call::get("/version")).await.expect("the server answers");
    assert_eq!((one.requests().len(), other.requests().len()), (2, 1), "other calls stay where they were");
}

//! How the HTTPS transport logs in: tickets over their life, and settings that cannot work.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use serde_json::json;
use spawnpoint::proxmox::https::{Credentials, Https, Secret, Settings, SettingsError, Trust};
use spawnpoint::proxmox::{Call, Transport, TransportError};

use crate::client::{TOKEN, pinned, token, version};
use crate::client_server::{Reply, Server};

fn login(server: &Server) -> Https {
    let credentials = Credentials::Password { user: "kim@pve".to_owned(), password: Secret::new("hunter 2") };
    Https::new(Settings { credentials, ..pinned(server) }).unwrap()
}

/// Logs in the `n`th caller with ticket `PVE:kim@pve:n==`, and asks `refuses` about other requests.
async fn ticket_server(refuses: fn(usize) -> bool) -> Server {
    Server::start(move |index, request| match request {
        login if login.starts_with("POST /api2/json/access/ticket ") => {
            Reply::data(&format!(r#"{{"ticket":"PVE:kim@pve:{index}==","CSRFPreventionToken":"csrf{index}:x/y"}}"#))
        }
        _ if refuses(index) => Reply::error("401 No ticket"),
        _ => Reply::data("1"),
    })
    .await
}

#[tokio::test]
async fn a_ticket_is_fetched_once_and_carried_in_the_cookie() {
    let server = ticket_server(|_| false).await;
    let https = login(&server);
    version(&https).await.unwrap();
    https.send(&Call::post("/x")).await.unwrap();
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests[0].ends_with("username=kim%40pve&password=hunter+2"), "{}", requests[0]);
    assert!(requests[1].contains("cookie: PVEAuthCookie=PVE%3Akim%40pve%3A0%3D%3D\r\n"), "{}", requests[1]);
    assert!(!requests[1].to_lowercase().contains("csrf"), "{}", requests[1]);
    assert!(requests[2].to_lowercase().contains("csrfpreventiontoken: csrf0:x/y\r\n"), "{}", requests[2]);
}

#[tokio::test]
async fn a_ticket_is_renewed_before_it_ends() {
    let server = ticket_server(|_| false).await;
    let https = login(&server);
    version(&https).await.unwrap();
    for (minutes, body) in
        [(111, "username=kim%40pve&password=PVE%3Akim%40pve%3A0%3D%3D"), (121, "username=kim%40pve&password=hunter+2")]
    {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(minutes * 60)).await;
        tokio::time::resume();
        version(&https).await.unwrap();
        let requests = server.requests();
        assert!(requests[requests.len() - 2].ends_with(body), "{minutes} min: {}", requests[requests.len() - 2]);
    }
    assert_eq!(server.requests().len(), 6);
}

#[tokio::test]
async fn a_refused_ticket_is_replaced_once() {
    let server = ticket_server(|index| index == 1).await;
    assert_eq!(version(&login(&server)).await.unwrap().data, json!(1));
    assert_eq!(server.requests().len(), 4);

    let server = ticket_server(|_| true).await;
    assert_eq!(version(&login(&server)).await.unwrap().status, 401);
    assert_eq!(server.requests().len(), 4, "login, call, login, call");
}

#[tokio::test]
async fn a_refused_login_is_the_answer() {
    let server = Server::start(|_, _| Reply::error("401 authentication failure")).await;
    let answer = version(&login(&server)).await.unwrap();
    assert_eq!((answer.status, answer.error_text().as_str()), (401, "authentication failure"));
    assert_eq!(server.requests().len(), 1);

    let server =
        Server::start(|_, _| Reply::data(r#"{"ticket":"PVE:!tfa!","NeedTFA":1,"CSRFPreventionToken":"x"}"#)).await;
    assert!(version(&login(&server)).await.unwrap().error_text().contains("second factor"));
}

#[tokio::test]
async fn a_login_that_broke_off_means_that_the_write_was_not_sent() {
    let server = Server::start(|_, _| Reply::Drop).await;
    match login(&server).send(&Call::post("/x")).await {
        Err(TransportError::BeforeSend { detail, .. }) => {
            assert!(detail.starts_with("the login broke off"), "{detail}");
        }
        other => panic!("expected a failure before the send, got {other:?}"),
    }
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let refusal = |settings: Settings| Https::new(settings).expect_err("must be refused").to_string();
    let insecure =
        |endpoint: &str| Settings { trust: Trust::Insecure, ..Settings::new(vec![endpoint.to_owned()], token()) };
    for endpoint in ["pve1", "http://pve1:8006", "https://u:p@pve1:8006", "https://pve1:8006/api2", "https://"] {
        assert_eq!(refusal(insecure(endpoint)), SettingsError::Endpoint(endpoint.to_owned()).to_string());
    }
    let url = "https://pve1:8006";
    assert!(refusal(Settings { endpoints: vec![], ..insecure(url) }).contains("no endpoint"));
    assert!(
        refusal(Settings { trust: Trust::Fingerprints(vec![]), ..insecure(url) }).contains("`fingerprints` is empty")
    );
    assert!(
        refusal(Settings { trust: Trust::CaFile("/no/such.pem".into()), ..insecure(url) }).contains("`/no/such.pem`")
    );
    let credentials = Credentials::Token { id: "root@pam".to_owned(), secret: Secret::new("s3cret\n") };
    assert!(refusal(Settings { credentials, ..insecure(url) }).contains("expected `user@realm!name`"));
    let credentials = Credentials::Token { id: TOKEN.to_owned(), secret: Secret::new("s3cret\n") };
    assert!(!refusal(Settings { credentials, ..insecure(url) }).contains("s3cret"));
}

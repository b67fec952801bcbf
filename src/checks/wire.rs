//! One connection to a server as bytes on a wire: HTTP/1.1 over TLS, with nothing repaired.
//!
//! The client of the rest of the program hides what the checks are about: when a connection ends, which headers an answer has, what a body
//! that breaks the rules gets.

use crate::proxmox::https::Trust;
use rustls::pki_types::ServerName;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Longest answer that is read.
const ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// Longest time one answer may take: a lock wait of the server and the hop to another node.
const ANSWER_TIME: Duration = Duration::from_secs(90);

/// Where to connect.
#[derive(Clone)]
pub(super) struct Place {
    host: String,
    port: u16,
    connector: TlsConnector,
    name: ServerName<'static>,
}

/// An open connection.
pub(super) struct Connection {
    stream: TlsStream<TcpStream>,
    host: String,
    /// What was read beyond the last answer.
    rest: Vec<u8>,
}

/// An answer, as sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Received {
    pub(super) status: u16,
    pub(super) reason: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) took: Duration,
}

/// A request, as sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Sent {
    pub(super) method: String,
    /// Path and query below `/api2/json`.
    pub(super) target: String,
    /// Headers beyond `Host` and those of the body.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Vec<u8>>,
    /// Whether the body goes in chunks, without a length.
    pub(super) is_chunked: bool,
}

impl Received {
    /// Returns every value of a header, joined.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self
            .headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// Returns the body as JSON; null when it is none.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl Place {
    /// Returns the place of an endpoint such as `https://pve1.lan:8006`.
    ///
    /// # Errors
    /// The endpoint is not one, or the trust cannot be set up.
    pub(super) fn new(endpoint: &str, trust: &Trust) -> Result<Self, String> {
        let url = reqwest::Url::parse(endpoint).map_err(|error| format!("`{endpoint}`: {error}"))?;
        let host = url.host_str().filter(|_| url.scheme() == "https").ok_or("expected https://HOST:PORT")?;
        let host = host.trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host.clone()).map_err(|error| error.to_string())?;
        let config = trust.client_config().map_err(|error| error.to_string())?;
        Ok(Self { host, port: url.port().unwrap_or(8006), connector: TlsConnector::from(Arc::new(config)), name })
    }

    /// Opens a connection.
    pub(super) async fn connect(&self) -> Result<Connection, String> {
        let failed = |error: std::io::Error| format!("cannot connect to {}:{}: {error}", self.host, self.port);
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let stream = self.connector.connect(self.name.clone(), stream).await.map_err(failed)?;
        Ok(Connection { stream, host: format!("{}:{}", self.host, self.port), rest: Vec::new() })
    }

    /// Sends one request on a connection of its own.
    pub(super) async fn ask(&self, sent: &Sent) -> Result<Received, String> {
        self.connect().await?.ask(sent).await
    }
}

impl Connection {
    /// Sends a request and reads its answer.
    pub(super) async fn ask(&mut self, sent: &Sent) -> Result<Received, String> {
        let began = Instant::now();
        // A server that refuses may close while we still write; its answer is what counts.
        let _ = self.stream.write_all(&sent.bytes(&self.host)).await;
        let _ = self.stream.flush().await;
        let mut received = tokio::time::timeout(ANSWER_TIME, self.receive())
            .await
            .map_err(|_| format!("no answer within {} s", ANSWER_TIME.as_secs()))??;
        received.took = began.elapsed();
        Ok(received)
    }

    /// Returns whether the server closes within `time` without being asked anything.
    pub(super) async fn closes_within(&mut self, time: Duration) -> bool {
        let mut byte = [0];
        match tokio::time::timeout(time, self.stream.read(&mut byte)).await {
            Ok(Ok(count)) => count == 0,
            Ok(Err(_)) => true,
            Err(_) => false,
        }
    }

    async fn receive(&mut self) -> Result<Received, String> {
        loop {
            if let Some((mut received, begins)) = head(&self.rest)? {
                let length = received.header("content-length").and_then(|text| text.trim().parse::<usize>().ok());
                let ends = length.map(|length| begins.saturating_add(length));
                self.fill(ends).await?;
                let ends = ends.unwrap_or(self.rest.len()).min(self.rest.len());
                received.body = self.rest[begins..ends].to_vec();
                self.rest.drain(..ends);
                return Ok(received);
            }
            if self.more().await? == 0 {
                return Err("the server closed the connection without an answer".into());
            }
        }
    }

    /// Reads up to a length, or to the end where the answer names none.
    async fn fill(&mut self, ends: Option<usize>) -> Result<(), String> {
        while ends.is_none_or(|ends| self.rest.len() < ends) {
            if self.more().await? == 0 {
                break;
            }
        }
        Ok(())
    }

    async fn more(&mut self) -> Result<usize, String> {
        if self.rest.len() > ANSWER_BYTES {
            return Err(format!("the answer is longer than {ANSWER_BYTES} bytes"));
        }
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer).await {
            Ok(count) => {
                self.rest.extend_from_slice(&buffer[..count]);
                Ok(count)
            }
            // Servers end TLS without a farewell.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(0),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Sent {
    fn bytes(&self, host: &str) -> Vec<u8> {
        let mut text = format!("{} /api2/json{} HTTP/1.1\r\nHost: {host}\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        let body = self.body.as_deref().unwrap_or_default();
        match (&self.body, self.is_chunked) {
            (Some(_), true) => text.push_str("Transfer-Encoding: chunked\r\n"),
            (Some(body), false) => text.push_str(&format!(
                "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
                body.len()
            )),
            (None, _) => {}
        }
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(b"\r\n");
        match self.is_chunked {
            true => {
                bytes.extend_from_slice(format!("{:x}\r\n", body.len()).as_bytes());
                bytes.extend_from_slice(body);
                bytes.extend_from_slice(b"\r\n0\r\n\r\n");
            }
            false => bytes.extend_from_slice(body),
        }
        bytes
    }
}

/// Reads status line and headers; nothing while they are incomplete. The number is where the body begins.
fn head(bytes: &[u8]) -> Result<Option<(Received, usize)>, String> {
    let Some(ends) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes[..ends]);
    let mut lines = text.split("\r\n");
    let status_line = lines.next().unwrap_or_default();
    let (status, reason) = status_line
        .strip_prefix("HTTP/1.1 ")
        .map(|rest| rest.split_once(' ').unwrap_or((rest, "")))
        .ok_or_else(|| format!("not an HTTP/1.1 answer: {status_line}"))?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let status = status.parse().map_err(|_| format!("not a status: {status_line}"))?;
    Ok(Some((Received { status, reason: reason.to_owned(), headers, ..Received::default() }, ends + 4)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let text = b"HTTP/1.1 500 VM is locked (clone)\r\nConnection: close\r\nConnection: Keep-Alive\r\n\r\n{}";
        assert!(head(&text[..40]).expect("so far it is HTTP").is_none());
        let (received, begins) = head(text).expect("it is HTTP").expect("it is whole");
        assert_eq!((received.status, received.reason.as_str()), (500, "VM is locked (clone)"));
        assert_eq!(received.header("connection").as_deref(), Some("close, Keep-Alive"));
        assert_eq!(&text[begins..], b"{}");
        assert!(head(b"SSH-2.0-x\r\n\r\n").is_err());
    }

    #[test]
    fn a_body_goes_with_its_length_or_in_chunks() {
        let sent = Sent { method: "POST".into(), target: "/x".into(), body: Some(b"a=b".to_vec()), ..Sent::default() };
        let text = |sent: &Sent| String::from_utf8(sent.bytes("h:1")).expect("it is text");
        assert!(text(&sent).ends_with("Content-Length: 3\r\n\r\na=b"));
        let chunked = Sent { is_chunked: true, ..sent };
        assert!(text(&chunked).ends_with("Transfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n"));
    }
}

//! Server list ping of Minecraft: Java Edition: a handshake, a status request, one JSON answer.
//!
//! A packet is a VarInt length, a VarInt packet id and a body; text is a VarInt length and UTF-8. Parsing never trusts a length.

use super::{QueryError, Status};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

/// Modded servers send an icon and their mod list along; vanilla clients refuse more than this.
const PACKET_MAX_BYTES: usize = 2 * 1024 * 1024;

/// Text nested deeper than this is cut: nobody writes it, and each level is a stack frame.
const TEXT_DEPTH_MAX: usize = 16;

/// Asks the server at the other end of a stream for its status.
pub(super) async fn status(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    address: SocketAddr,
) -> Result<Status, QueryError> {
    let begun = Instant::now();
    stream.write_all(&request(address)).await?;
    stream.flush().await?;
    let length = read_length(&mut stream).await?;
    let mut packet = Vec::new();
    // Grows with what arrives, not with what is announced.
    (&mut stream).take(length as u64).read_to_end(&mut packet).await?;
    if packet.len() < length {
        return Err(QueryError::Malformed("it ends in the middle of a packet"));
    }
    decode(&packet, begun.elapsed())
}

/// Returns handshake and status request. Protocol -1 says that we only ask.
fn request(address: SocketAddr) -> Vec<u8> {
    let host = address.ip().to_string();
    let mut handshake = vec![0x00];
    handshake.extend(var_int(-1));
    handshake.extend(var_int(host.len() as i32));
    handshake.extend(host.as_bytes());
    handshake.extend(address.port().to_be_bytes());
    handshake.extend(var_int(1));
    let mut bytes = var_int(handshake.len() as i32);
    bytes.extend(handshake);
    bytes.extend([0x01, 0x00]);
    bytes
}

async fn read_length(stream: &mut (impl AsyncRead + Unpin)) -> Result<usize, QueryError> {
    let mut bytes = Vec::with_capacity(5);
    loop {
        bytes.push(stream.read_u8().await?);
        match take_var_int(&bytes) {
            Ok((length, _)) if (1..=PACKET_MAX_BYTES as i64).contains(&i64::from(length)) => {
                return Ok(length as usize);
            }
            Ok(_) => return Err(QueryError::Malformed("its length is impossible")),
            Err(_) if bytes.len() < 5 => {}
            Err(error) => return Err(error),
        }
    }
}

/// Returns the status in the body of a packet (after its length).
fn decode(packet: &[u8], latency: Duration) -> Result<Status, QueryError> {
    let (id, rest) = take_var_int(packet)?;
    if id != 0 {
        return Err(QueryError::Malformed("it is another kind of packet"));
    }
    let (length, rest) = take_var_int(rest)?;
    let text = usize::try_from(length).ok().and_then(|length| rest.get(..length));
    let text = text.ok_or(QueryError::Malformed("its text is cut off"))?;
    let json: Value = serde_json::from_slice(text).map_err(|_| QueryError::Malformed("its text is not JSON"))?;
    let version = json.get("version").ok_or(QueryError::Malformed("it names no version"))?;
    let count = |name: &str| json.pointer(name).and_then(Value::as_u64).unwrap_or(0);
    Ok(Status {
        version: version.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
        protocol: version.get("protocol").and_then(Value::as_i64).unwrap_or(-1),
        // A server may hide its players.
        players_online: count("/players/online"),
        players_max: count("/players/max"),
        motd: without_formatting(&plain_text(json.get("description").unwrap_or(&Value::Null), 0)),
        latency,
    })
}

/// Returns the text of a component: a string, a list, or an object with `text` and more components in `extra`.
fn plain_text(component: &Value, depth: usize) -> String {
    if depth > TEXT_DEPTH_MAX {
        return String::new();
    }
    match component {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(|part| plain_text(part, depth + 1)).collect(),
        Value::Object(fields) => {
            let own = fields.get("text").and_then(Value::as_str).unwrap_or_default();
            format!("{own}{}", fields.get("extra").map(|extra| plain_text(extra, depth + 1)).unwrap_or_default())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
    }
}

/// Drops the old colour codes: a section sign and one character.
fn without_formatting(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\u{a7}' => {
                characters.next();
            }
            _ => plain.push(character),
        }
    }
    plain
}

fn var_int(number: i32) -> Vec<u8> {
    let mut rest = number as u32;
    let mut bytes = Vec::with_capacity(5);
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
}

/// Returns the VarInt at the start and what follows it.
fn take_var_int(bytes: &[u8]) -> Result<(i32, &[u8]), QueryError> {
    let mut number = 0_u32;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        number |= u32::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok((number as i32, &bytes[index + 1..]));
        }
    }
    Err(QueryError::Malformed("a number in it does not end"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(json: &str) -> Vec<u8> {
        let mut packet = vec![0];
        packet.extend(var_int(json.len() as i32));
        packet.extend(json.as_bytes());
        packet
    }

    fn check(json: &str, expected: &str) {
        let shown = match decode(&packet(json), Duration::ZERO) {
            Ok(status) => format!(
                "{} {} {}/{} {:?}",
                status.version, status.protocol, status.players_online, status.players_max, status.motd
            ),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn answers_of_real_servers() {
        check(
            r#"{"version":{"name":"1.20.4","protocol":765},"players":{"max":7,"online":0,"sample":[]},"description":{"text":"planner test"},"favicon":"data:"}"#,
            r#"1.20.4 765 0/7 "planner test""#,
        );
        check(
            r#"{"version":{"name":"Paper 1.21.8","protocol":772},"description":{"extra":["a",{"text":"b"},{"extra":["c"]}],"text":"§l-"}}"#,
            r#"Paper 1.21.8 772 0/0 "-abc""#,
        );
        check(r#"{"version":{},"description":"§aA §lMinecraft§r Server"}"#, r#" -1 0/0 "A Minecraft Server""#);
    }

    #[test]
    fn answers_that_are_none() {
        check("{}", "the answer is not a status: it names no version");
        check("HTTP/1.1 400", "the answer is not a status: its text is not JSON");
        let deep = format!(r#"{{"version":{{}},"description":{}1{}}}"#, "[".repeat(100), "]".repeat(100));
        check(&deep, r#" -1 0/0 """#);
    }

    /// Returns what comes of a server that sends these bytes and ends.
    async fn ask(bytes: &[u8]) -> String {
        let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
        theirs.write_all(bytes).await.expect("there is room");
        theirs.shutdown().await.expect("it is open");
        let address = SocketAddr::from(([127, 0, 0, 1], 25565));
        match status(ours, address).await {
            Ok(status) => status.version,
            Err(error) => error.to_string(),
        }
    }

    #[tokio::test]
    async fn servers_that_lie_are_not_believed() {
        let answer = packet(r#"{"version":{"name":"1.21.8"}}"#);
        let framed = [var_int(answer.len() as i32), answer.clone()].concat();
        assert_eq!(ask(&framed).await, "1.21.8");
        let malformed = "the answer is not a status";
        let cut = ask(&framed[..20]).await;
        assert_eq!(cut, format!("{malformed}: it ends in the middle of a packet"));
        for length in [0, -1, PACKET_MAX_BYTES as i32 + 1, i32::MAX] {
            let impossible = ask(&var_int(length)).await;
            assert_eq!(impossible, format!("{malformed}: its length is impossible"));
        }
        assert_eq!(ask(&[0xff; 6]).await, format!("{malformed}: a number in it does not end"));
        let other = ask(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        assert_eq!(other, format!("{malformed}: it ends in the middle of a packet"));
        assert!(!ask(b"").await.is_empty(), "a closed connection is an error, not a wait");
    }

    proptest! {
        #[test]
        fn decoding_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(decode(&bytes, Duration::ZERO));
        }

        #[test]
        fn decoding_any_json_never_panics(text in r#"[\[\]{}",:a-z0-9§\\]{0,80}"#) {
            drop(decode(&packet(&text), Duration::ZERO));
        }

        #[test]
        fn a_number_comes_back(number in any::<i32>(), rest in proptest::collection::vec(any::<u8>(), 0..5)) {
            let mut bytes = var_int(number);
            bytes.extend(&rest);
            let (back, left) = take_var_int(&bytes).expect("it was just written");
            prop_assert_eq!((back, left), (number, rest.as_slice()));
        }
    }
}

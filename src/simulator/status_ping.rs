//! Answers the Server List Ping of Minecraft Java: handshake, status, ping.

use std::io::{Error, ErrorKind, Result};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::machine::Game;

/// Longest packet a client may send; a handshake is far shorter.
const PACKET_BYTES: usize = 2048;
/// A client that says nothing for so long is gone.
const PATIENCE: Duration = Duration::from_secs(10);
/// Protocol numbers of releases; others report -1, as proxies do.
const PROTOCOLS: &[(&str, i32)] = &[
    ("1.20.1", 763),
    ("1.20.4", 765),
    ("1.20.6", 766),
    ("1.21", 767),
    ("1.21.1", 767),
    ("1.21.3", 768),
    ("1.21.4", 769),
    ("1.21.5", 770),
    ("1.21.6", 771),
    ("1.21.7", 772),
    ("1.21.8", 772),
];

/// Returns whether a status protocol is answered here.
pub(super) fn is_simulated(protocol: &str) -> bool {
    protocol == "minecraft-java"
}

/// Serves one connection until the client is done.
pub(super) async fn answer(mut stream: TcpStream, game: &Game) -> Result<()> {
    let handshake = read_packet(&mut stream).await?;
    if handshake.first() != Some(&0) || !wants_status(&handshake) {
        return Err(Error::new(ErrorKind::InvalidData, "not a status handshake"));
    }
    loop {
        let packet = read_packet(&mut stream).await?;
        match packet.split_first() {
            Some((0, _)) => write_packet(&mut stream, &status_packet(game)).await?,
            Some((1, payload)) if payload.len() == 8 => {
                write_packet(&mut stream, &packet).await?;
                return stream.shutdown().await;
            }
            _ => return Err(Error::new(ErrorKind::InvalidData, "not a status packet")),
        }
    }
}

/// The last number of a handshake says what follows: 1 is status, 2 a login.
fn wants_status(handshake: &[u8]) -> bool {
    handshake.last() == Some(&1)
}

fn status_packet(game: &Game) -> Vec<u8> {
    let setting = |name: &str| game.settings.get(name).map(String::as_str);
    let max: u32 = setting("max-players").and_then(|text| text.parse().ok()).unwrap_or(20);
    let protocol = PROTOCOLS.iter().find(|(version, _)| *version == game.version).map_or(-1, |(_, number)| *number);
    let status = json!({
        "version": { "name": game.version, "protocol": protocol },
        "players": { "max": max, "online": 0 },
        "description": { "text": setting("motd").unwrap_or("A Minecraft Server") },
    })
    .to_string();
    let mut packet = vec![0];
    push_number(&mut packet, status.len());
    packet.extend(status.as_bytes());
    packet
}

fn push_number(bytes: &mut Vec<u8>, mut number: usize) {
    loop {
        let low = u8::try_from(number & 0x7f).expect("seven bits fit a byte");
        number >>= 7;
        bytes.push(if number == 0 { low } else { low | 0x80 });
        if number == 0 {
            return;
        }
    }
}

async fn read_packet(stream: &mut TcpStream) -> Result<Vec<u8>> {
    let read = async {
        let mut length = 0usize;
        for position in 0..3 {
            let byte = stream.read_u8().await?;
            length |= usize::from(byte & 0x7f) << (7 * position);
            if byte & 0x80 == 0 {
                break;
            }
        }
        if length == 0 || length > PACKET_BYTES {
            return Err(Error::new(ErrorKind::InvalidData, "packet length"));
        }
        let mut packet = vec![0; length];
        stream.read_exact(&mut packet).await?;
        Ok(packet)
    };
    tokio::time::timeout(PATIENCE, read).await.map_err(|_| Error::from(ErrorKind::TimedOut))?
}

async fn write_packet(stream: &mut TcpStream, packet: &[u8]) -> Result<()> {
    let mut bytes = Vec::with_capacity(packet.len() + 5);
    push_number(&mut bytes, packet.len());
    bytes.extend(packet);
    stream.write_all(&bytes).await
}

//! Asking a game server whether it is up and who plays, by the game's own protocol.

mod minecraft;

use crate::games::Query;
use std::io;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};

/// How long one question may take. A server that generates its world answers late, but it does answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Pause between two questions to a server that is not up yet.
const PAUSE: Duration = Duration::from_millis(250);

/// What a running server says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Version as the server names it.
    pub version: String,
    /// Number of the network protocol.
    pub protocol: i64,
    /// Players now.
    pub players_online: u64,
    /// Players at most.
    pub players_max: u64,
    /// Text in the server list, without formatting.
    pub motd: String,
    /// From the question to the whole answer.
    pub latency: Duration,
}

/// Why a server gave no status.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// Nothing listens, or the connection broke.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Nothing came in time.
    #[error("no answer within {} seconds", ANSWER_MAX.as_secs())]
    TooLate,
    /// What came is not the game's protocol.
    #[error("the answer is not a status: {0}")]
    Malformed(&'static str),
}

/// No status before the deadline.
#[derive(Debug, thiserror::Error)]
#[error("no status answer on {address} within {} seconds; last: {last}", waited.as_secs())]
pub struct NotUp {
    /// The address asked.
    pub address: SocketAddr,
    /// How long it was asked.
    pub waited: Duration,
    /// Why the last question failed.
    pub last: QueryError,
}

/// How a server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// From here.
    Direct,
    /// From its guest, by `ssh -W` with these further arguments: for networks that only a jump host leads into.
    Ssh(Vec<String>),
}

/// Asks once.
///
/// # Errors
/// Nothing listens, no answer in time, or an answer that is no status.
pub async fn query(protocol: Query, address: SocketAddr, way: &Way) -> Result<Status, QueryError> {
    timeout(ANSWER_MAX, ask(protocol, address, way)).await.unwrap_or(Err(QueryError::TooLate))
}

/// Asks until the server answers.
///
/// # Errors
/// The deadline passed; why the last question failed is in the error.
pub async fn wait_until_answers(
    protocol: Query,
    address: SocketAddr,
    way: &Way,
    deadline: Instant,
) -> Result<Status, NotUp> {
    let begun = Instant::now();
    loop {
        match query(protocol, address, way).await {
            Ok(status) => return Ok(status),
            Err(last) if Instant::now() + PAUSE >= deadline => {
                return Err(NotUp { address, waited: begun.elapsed(), last });
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}

async fn ask(protocol: Query, address: SocketAddr, way: &Way) -> Result<Status, QueryError> {
    match (protocol, way) {
        (Query::MinecraftJava, Way::Direct) => {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            minecraft::status(stream, address).await
        }
        (Query::MinecraftJava, Way::Ssh(arguments)) => {
            let mut tunnel = Command::new("ssh")
                .args(["-W", &address.to_string()])
                .args(arguments)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn()?;
            let ends = tunnel.stdout.take().zip(tunnel.stdin.take()).expect("both ends are piped");
            minecraft::status(tokio::io::join(ends.0, ends.1), address).await
        }
    }
}

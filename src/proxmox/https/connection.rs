//! Connections to the servers of one cluster: opened through TCP (or a proxy) and TLS, and kept for as long as the server keeps them.
//!
//! What a request says and what an answer means is in `wire`; which server is asked is in `endpoints`.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use super::head::{HeadEditor, HeadSwitch};
use super::settings::Proxy;
use super::wire::Body;

/// Below the 5 s after which the server closes an idle connection without a word.
const IDLE: Duration = Duration::from_secs(3);

/// As many as there are calls at once: the entry node answers for the others too.
const IDLE_MAX: usize = 20;

/// Head start of an address over the next one of the same name.
const HEAD_START: Duration = Duration::from_millis(300);

/// How long a connection may take to be ready again once its answer was read; one that takes longer is left.
const READY: Duration = Duration::from_millis(100);

type AnyError = Box<dyn Error + Send + Sync>;

/// Why there is no answer.
pub(super) enum Broken {
    /// No connection came about, or the request did not get on it.
    BeforeSend(AnyError),
    /// It went out, as far as anyone can tell.
    AfterSend(AnyError),
}

/// Opens connections and keeps those that are idle.
pub(super) struct Connections {
    tls: TlsConnector,
    proxy: Option<Proxy>,
    connect_timeout: Duration,
    idle: Mutex<BTreeMap<String, Vec<Connection>>>,
}

/// One connection, with nobody else on it.
pub(super) struct Connection {
    sender: SendRequest<Body>,
    head: HeadSwitch,
    /// Who is at the other end; unknown behind a proxy.
    pub(super) peer: Option<IpAddr>,
    since: Instant,
}

impl Connections {
    pub(super) fn new(tls: rustls::ClientConfig, proxy: Option<Proxy>, connect_timeout: Duration) -> Self {
        Self { tls: TlsConnector::from(Arc::new(tls)), proxy, connect_timeout, idle: Mutex::default() }
    }

    /// Sends a request on an idle connection, or a new one if there is none or `is_fresh` says so. Whoever has read the answer gives the
    /// connection back.
    pub(super) async fn send(
        &self,
        endpoint: &reqwest::Url,
        mut request: Request<Body>,
        is_fresh: bool,
    ) -> Result<(Connection, Response<Incoming>), Broken> {
        while let Some(mut connection) = self.take(endpoint).filter(|_| !is_fresh) {
            match connection.send(request).await {
                Ok(response) => return Ok((connection, response)),
                // The server had closed it: the request is still here.
                Err(Unsent::Whole(unsent, _)) => request = *unsent,
                Err(Unsent::Lost(error)) => return Err(Broken::AfterSend(error.into())),
            }
        }
        let opened = timeout(self.connect_timeout, self.open(endpoint)).await;
        let late = || io::Error::new(io::ErrorKind::TimedOut, "no connection in time");
        let mut connection = opened.unwrap_or_else(|_| Err(late().into())).map_err(Broken::BeforeSend)?;
        match connection.send(request).await {
            Ok(response) => Ok((connection, response)),
            Err(Unsent::Whole(_, error)) => Err(Broken::BeforeSend(error.into())),
            Err(Unsent::Lost(error)) => Err(Broken::AfterSend(error.into())),
        }
    }

    /// Opens a connection ahead of calls and keeps it; returns whether that can be done in so much time.
    pub(super) async fn reach(&self, endpoint: &reqwest::Url, within: Duration) -> bool {
        let Ok(Ok(connection)) = timeout(within, self.open(endpoint)).await else { return false };
        self.give_back(endpoint, connection).await;
        true
    }

    /// Keeps a connection whose answer was read, if the server does too.
    pub(super) async fn give_back(&self, endpoint: &reqwest::Url, mut connection: Connection) {
        if !matches!(timeout(READY, connection.sender.ready()).await, Ok(Ok(()))) {
            return;
        }
        connection.since = Instant::now();
        let mut idle = self.idle();
        let idle = idle.entry(endpoint.as_str().to_owned()).or_default();
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
    }

    /// Returns the connection that was used last, so that the others grow old and go.
    fn take(&self, endpoint: &reqwest::Url) -> Option<Connection> {
        let mut idle = self.idle();
        let idle = idle.get_mut(endpoint.as_str())?;
        idle.retain(|connection| connection.since.elapsed() < IDLE && !connection.sender.is_closed());
        idle.pop()
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Vec<Connection>>> {
        self.idle.lock().expect("nothing panics while holding the map")
    }

    async fn open(&self, endpoint: &reqwest::Url) -> Result<Connection, AnyError> {
        let host = endpoint.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let port = endpoint.port_or_known_default().unwrap_or(443);
        let (stream, peer) = match &self.proxy {
            None => {
                let stream = dial(host, port).await?;
                let peer = stream.peer_addr().ok().map(|address| address.ip());
                (stream, peer)
            }
            Some(proxy) => (tunnel(proxy, host, port).await?, None),
        };
        // Requests are small and are waited for.
        stream.set_nodelay(true)?;
        let stream = self.tls.connect(ServerName::try_from(host.to_owned())?, stream).await?;
        let (stream, head) = HeadEditor::new(stream);
        let (sender, driver) = http1::handshake(TokioIo::new(stream)).await?;
        // How it ends is told to whoever waits for an answer on it.
        tokio::spawn(async move { drop(driver.await) });
        Ok(Connection { sender, head, peer, since: Instant::now() })
    }
}

/// A request without an answer.
enum Unsent {
    /// Nothing of it was written.
    Whole(Box<Request<Body>>, hyper::Error),
    /// It was written, or may have been.
    Lost(hyper::Error),
}

impl Connection {
    /// Returns the reason phrase of the last answer.
    pub(super) fn take_reason(&self) -> Vec<u8> {
        self.head.take_reason()
    }

    async fn send(&mut self, request: Request<Body>) -> Result<Response<Incoming>, Unsent> {
        self.head.expect();
        self.sender.try_send_request(request).await.map_err(|mut failed| match failed.take_message() {
            Some(request) => Unsent::Whole(Box::new(request), failed.into_error()),
            None => Unsent::Lost(failed.into_error()),
        })
    }
}

/// Connects to whichever address of a name answers first; each has a head start over the next.
async fn dial(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut addresses = tokio::net::lookup_host((host, port)).await?.collect::<Vec<SocketAddr>>().into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "failed to lookup address information: no address");
    loop {
        match addresses.next() {
            Some(address) => attempts.push(TcpStream::connect(address)),
            None if attempts.is_empty() => return Err(failure),
            None => {}
        }
        let is_last = addresses.len() == 0;
        match timeout(if is_last { Duration::MAX } else { HEAD_START }, attempts.next()).await {
            Ok(Some(Ok(stream))) => return Ok(stream),
            Ok(Some(Err(error))) => failure = error,
            Ok(None) | Err(_) => {}
        }
    }
}

/// Connects through a proxy, which is asked to pass everything on.
async fn tunnel(proxy: &Proxy, host: &str, port: u16) -> io::Result<TcpStream> {
    const ANSWER_MAX: usize = 8192;
    let refused = |why: String| io::Error::other(format!("the proxy {}:{} {why}", proxy.host, proxy.port));
    let mut stream =
        dial(&proxy.host, proxy.port).await.map_err(|error| refused(format!("cannot be reached: {error}")))?;
    let target = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let authorization =
        proxy.authorization.as_ref().map(|basic| format!("Proxy-Authorization: {}\r\n", basic.reveal()));
    let request =
        format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{}\r\n", authorization.as_deref().unwrap_or_default());
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    // Nothing comes after its answer before we speak TLS.
    while !answer.ends_with(b"\r\n\r\n") && answer.len() < ANSWER_MAX {
        let mut piece = [0; 1024];
        match stream.read(&mut piece).await? {
            0 => return Err(refused("closed the connection".to_owned())),
            read => answer.extend_from_slice(&piece[..read]),
        }
    }
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.lines().next().unwrap_or_default();
    match status.split(' ').nth(1) {
        Some(code) if code.starts_with('2') => Ok(stream),
        _ => Err(refused(format!("answers `{status}`"))),
    }
}

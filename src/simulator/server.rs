//! The HTTPS door: Proxmox VE's transport rules around a lab.
//!
//! HTTP/1.1 only, error texts in the reason phrase, a connection that ends after any error, after 100 requests and after
//! five idle seconds. Answers to protected calls say `Connection: close` and `Keep-Alive` together, and the connection stays open.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::certificates::Certificates;
use super::exchange::{self, Outcome};
use super::faults::Moment;
use super::listeners::Listeners;
use super::machine::{Pace, Reply, Request, SimulatedGuest};
use super::spoken::Spoken;
use super::store::Store;

/// How many requests a connection may carry.
const REQUESTS_PER_CONNECTION: u64 = 100;
/// How long a connection may be idle.
/// It is a rule about sockets, so it holds in real time even where only polls move the lab's clock.
const IDLE: Duration = Duration::from_secs(5);

/// One request on its way through the server, as an interceptor sees it.
pub struct Passing<'a> {
    /// Number of the request since the server started, from 1.
    pub number: u64,
    /// Before the lab sees it, or after it acted.
    pub moment: Moment,
    /// The request.
    pub request: &'a Request,
    /// The reply, once there is one.
    pub reply: Option<&'a Reply>,
}

/// What an interceptor decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing special.
    Pass,
    /// The connection ends without an answer.
    Drop,
    /// This status and reason phrase instead.
    Reply(u16, String),
}

/// Looks at every request, before and after; may do anything, such as ending the client.
pub type Interceptor = Arc<dyn Fn(&Passing<'_>) -> Verdict + Send + Sync>;

/// How to serve.
#[derive(Clone, Default)]
pub struct Options {
    /// Folder of the certificates, usually `.spawnpoint/labs/CLUSTER`.
    pub folder: PathBuf,
    /// Hook on every request.
    pub interceptor: Option<Interceptor>,
}

/// The HTTPS door.
pub struct Server;

/// A server that runs until it is stopped or dropped.
pub struct RunningServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// SHA-256 of its certificate, `AA:BB:...`.
    pub fingerprint: String,
    /// File with the certificate authority to trust.
    pub ca_pem: PathBuf,
    /// Credential of the lab's token: `USER@REALM!TOKENID=SECRET`.
    pub token: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    store: Arc<Mutex<Store>>,
    listeners: Listeners,
    interceptor: Option<Interceptor>,
    /// How long a connection may be idle.
    idle: Duration,
    requests: AtomicU64,
    connections: AtomicU64,
}

impl Server {
    /// Serves a lab. The address may have port 0.
    ///
    /// # Errors
    /// The text says which file or address cannot be used.
    pub async fn start(
        listen: SocketAddr,
        store: Arc<Mutex<Store>>,
        options: Options,
    ) -> Result<RunningServer, String> {
        let certificates = Certificates::open(&options.folder, listen.ip())?;
        let (fingerprint, ca_pem) = (certificates.fingerprint(), certificates.ca_pem.clone());
        let acceptor = acceptor(certificates)?;
        let listener =
            TcpListener::bind(listen).await.map_err(|error| format!("cannot listen on {listen}: {error}"))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let token = store.lock().expect("no holder of the lab panics").machine().automation_token();
        let listeners = Listeners::default();
        let changes = listeners.changes(&store.lock().expect("no holder of the lab panics"));
        listeners.follow(changes.unwrap_or_default()).await;
        let idle = match store.lock().expect("no holder of the lab panics").pace() {
            Pace::Instant => IDLE,
            pace @ Pace::Real { .. } => pace.lasts(IDLE),
        };
        let interceptor = options.interceptor;
        let shared = Arc::new(Shared {
            store,
            listeners,
            interceptor,
            idle,
            requests: AtomicU64::new(0),
            connections: AtomicU64::new(0),
        });
        let task = tokio::spawn(accept(listener, acceptor, shared.clone()));
        Ok(RunningServer { address, fingerprint, ca_pem, token, shared, task })
    }
}

impl RunningServer {
    /// Returns how many requests arrived.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Returns how many connections came about.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Returns the game servers of the lab's guests.
    pub fn listeners(&self) -> &Listeners {
        &self.shared.listeners
    }

    /// Stops listening. Open connections end with the runtime or their idle limit.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn acceptor(certificates: Certificates) -> Result<TlsAcceptor, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(certificates.chain, certificates.key)
        .map_err(|error| error.to_string())?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    loop {
        // A connection that breaks while it is accepted concerns nobody else.
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let (acceptor, shared) = (acceptor.clone(), shared.clone());
        tokio::spawn(async move {
            if let Ok(Some(stream)) = tokio::time::timeout(shared.idle, begin(stream, acceptor)).await {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                serve(stream, shared).await;
            }
        });
    }
}

/// Speaks TLS; whoever speaks plain HTTP is sent to https.
async fn begin(mut stream: TcpStream, acceptor: TlsAcceptor) -> Option<tokio_rustls::server::TlsStream<TcpStream>> {
    const TLS_HANDSHAKE: u8 = 0x16;
    let mut first = [0];
    stream.peek(&mut first).await.ok()?;
    if first[0] == TLS_HANDSHAKE {
        return acceptor.accept(stream).await.ok();
    }
    let address = stream.local_addr().ok()?;
    let answer = format!(
        "HTTP/1.1 301 Moved Permanently\r\nLocation: https://{address}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await.ok()?;
    stream.shutdown().await.ok()?;
    None
}

/// Since when a connection is idle; nothing while a request is being answered.
type IdleSince = Arc<Mutex<Option<Instant>>>;

async fn serve(stream: tokio_rustls::server::TlsStream<TcpStream>, shared: Arc<Shared>) {
    let idle: IdleSince = Arc::new(Mutex::new(Some(Instant::now())));
    let count = Arc::new(AtomicU64::new(0));
    let limit = shared.idle;
    let service = service_fn({
        let idle = idle.clone();
        move |request| {
            let (shared, idle, count) = (shared.clone(), idle.clone(), count.clone());
            async move {
                set_idle(&idle, None);
                let is_last = count.fetch_add(1, Ordering::SeqCst) + 1 >= REQUESTS_PER_CONNECTION;
                let response = respond(&shared, request, is_last).await;
                set_idle(&idle, Some(Instant::now()));
                // An error ends the connection without a byte.
                response.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::ConnectionAborted))
            }
        }
    });
    let connection =
        http1::Builder::new().title_case_headers(true).serve_connection(TokioIo::new(Spoken(stream)), service);
    tokio::select! {
        _ = connection => {}
        () = wait_until_idle(idle, limit) => {}
    }
}

fn set_idle(idle: &IdleSince, since: Option<Instant>) {
    *idle.lock().expect("nothing panics while it is set") = since;
}

async fn wait_until_idle(idle: IdleSince, limit: Duration) {
    loop {
        let since = *idle.lock().expect("nothing panics while it is set");
        match since {
            Some(since) if since.elapsed() >= limit => return,
            Some(since) => tokio::time::sleep_until(since + limit).await,
            None => tokio::time::sleep(limit).await,
        }
    }
}

/// Answers a request; nothing means that the connection ends without an answer.
async fn respond(
    shared: &Shared,
    request: hyper::Request<Incoming>,
    is_last: bool,
) -> Option<hyper::Response<Full<Bytes>>> {
    let accepts_gzip = exchange::accepts_gzip(&request);
    let request = match exchange::read(request).await {
        Ok(request) => request,
        Err((status, reason)) => return Some(exchange::plain(status, &reason)),
    };
    let (outcome, changes) = pass(shared, &request);
    if let Some(guests) = changes {
        shared.listeners.follow(guests).await;
    }
    let outcome = match shared.ask(outcome.number, Moment::After, &request, outcome.outcome.reply()) {
        Verdict::Drop => return None,
        Verdict::Reply(..) | Verdict::Pass => outcome.outcome,
    };
    exchange::write(outcome, is_last, accepts_gzip).await
}

struct Numbered {
    number: u64,
    outcome: Outcome,
}

/// Takes a request through interceptor, fault rules and lab.
fn pass(shared: &Shared, request: &Request) -> (Numbered, Option<Vec<SimulatedGuest>>) {
    let number = shared.requests.fetch_add(1, Ordering::SeqCst) + 1;
    let verdict = shared.ask(number, Moment::Before, request, None);
    let mut store = shared.store.lock().expect("no holder of the lab panics");
    let outcome = match verdict {
        Verdict::Drop => Outcome::dropped(),
        Verdict::Reply(status, message) => Outcome::refused(&store, status, &message),
        // What cannot be stored must not be answered.
        Verdict::Pass => Outcome::of(&mut store, request).unwrap_or_else(|_| Outcome::dropped()),
    };
    (Numbered { number, outcome }, shared.listeners.changes(&store))
}

impl Shared {
    fn ask(&self, number: u64, moment: Moment, request: &Request, reply: Option<&Reply>) -> Verdict {
        match &self.interceptor {
            Some(interceptor) => interceptor(&Passing { number, moment, request, reply }),
            None => Verdict::Pass,
        }
    }
}

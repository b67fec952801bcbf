//! A TLS server on loopback that plays back whatever a test wants, byte for byte, and keeps what it was sent.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use spawnpoint::proxmox::https::Fingerprint;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// What the server does with a request.
pub(crate) enum Reply {
    /// Answers and waits for the next request.
    Keep(Vec<u8>),
    /// Answers and closes.
    Close(Vec<u8>),
    /// Closes without an answer.
    Drop,
    /// Never answers.
    Hang,
}

impl Reply {
    /// Returns a 200 with a JSON body.
    pub(crate) fn data(json: &str) -> Self {
        Self::Keep(response("200 OK", "", format!("{{\"data\":{json}}}").as_bytes()))
    }

    /// Returns an error without a body, which the server follows by closing.
    pub(crate) fn error(status_line: &str) -> Self {
        Self::Close(response(status_line, "Connection: close\r\n", b""))
    }
}

/// Returns a whole response; `headers` end in CRLF each.
pub(crate) fn response(status_line: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status_line}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) authority_pem: String,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

static AUTHORITIES: AtomicUsize = AtomicUsize::new(1);

type Script = Arc<dyn Fn(usize, &str) -> Reply + Send + Sync>;

impl Server {
    /// Starts a server on 127.0.0.1 whose certificate is for `localhost` only. `script` sees how many requests came before, and the request.
    pub(crate) async fn start(script: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), script).await
    }

    /// Starts a server at an address of the test's own.
    pub(crate) async fn start_at(
        address: SocketAddr,
        script: impl Fn(usize, &str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let mut authority = CertificateParams::default();
        // Each authority has its own name, as each cluster's does.
        let name = format!("authority {}", AUTHORITIES.fetch_add(1, Ordering::SeqCst));
        authority.distinguished_name.push(DnType::CommonName, name);
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
        let tls = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .unwrap();
        let listener = TcpListener::bind(address).await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            fingerprint: Fingerprint::of(certificate.der()),
            authority_pem: authority.pem(),
            requests: Arc::default(),
            connections: Arc::default(),
        };
        let (requests, connections) = (Arc::clone(&server.requests), Arc::clone(&server.connections));
        let (acceptor, script): (_, Script) = (TlsAcceptor::from(Arc::new(tls)), Arc::new(script));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(
                    acceptor.accept(stream),
                    Arc::clone(&requests),
                    Arc::clone(&connections),
                    Arc::clone(&script),
                ));
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Returns the requests so far, each as it came over the wire.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Returns how many TLS connections came about.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve(
    handshake: impl Future<Output = std::io::Result<TlsStream<TcpStream>>>,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
    script: Script,
) {
    let Ok(mut stream) = handshake.await else {
        return;
    };
    connections.fetch_add(1, Ordering::SeqCst);
    while let Some(request) = read_request(&mut stream).await {
        let index = {
            let mut requests = requests.lock().unwrap();
            requests.push(request.clone());
            requests.len() - 1
        };
        match script(index, &request) {
            Reply::Keep(bytes) => {
                if stream.write_all(&bytes).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
            }
            Reply::Close(bytes) => {
                // The client may have gone already, which is its right.
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
                return;
            }
            Reply::Drop => return,
            Reply::Hang => std::future::pending().await,
        }
    }
}

async fn read_request(stream: &mut TlsStream<TcpStream>) -> Option<String> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text.into_owned());
            }
        }
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

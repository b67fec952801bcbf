//! The transport to real servers: HTTPS with fail-over between endpoints, tokens or tickets, and three ways to trust a server.
//!
//! Proxmox VE speaks HTTP/1 only, closes an idle connection after 5 s and puts error texts into the reason phrase.
//! Architecture invariant: a write leaves this module once, and again only after a 401; whether to repeat it is not decided here.
//!
//! Connections are our own (`connection`), on hyper: successful answers of many calls carry `Connection: close` and `Connection:
//! Keep-Alive` together, the server keeps the connection, and an HTTP client would not. A new one per call costs most of the throughput.

mod connection;
mod endpoints;
mod failure;
mod file;
mod head;
mod nodes;
mod session;
mod settings;
mod trust;
mod wire;

pub use settings::{Credentials, Secret, Settings, SettingsError};
pub use trust::{Fingerprint, Trust};

use self::endpoints::Endpoints;
use self::session::Session;
use super::{Answer, Call, Transport, TransportError};

/// Sends calls to a cluster over HTTPS.
pub struct Https {
    endpoints: Endpoints,
    session: Session,
}

impl Https {
    /// Prepares the transport; nothing is dialled.
    ///
    /// # Errors
    /// Settings that cannot work: no or unreadable endpoints, a certificate file that cannot be read, a malformed token id.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self { endpoints: Endpoints::new(&settings)?, session: Session::new(settings.credentials)? })
    }
}

#[async_trait::async_trait]
impl Transport for Https {
    async fn send(&self, call: &Call) -> Result<Answer, TransportError> {
        let headers = match self.session.headers(call.method, &self.endpoints).await {
            Ok(headers) => headers,
            Err(no_login) => return no_login.into_outcome(),
        };
        let answer = self.endpoints.send(call, &headers).await?;
        // A 401 means that nothing was done. A fresh ticket may help, once; a token stays what it is, and each try costs 3 s.
        if answer.status != 401 || !self.session.forget(&headers).await {
            return Ok(answer);
        }
        match self.session.headers(call.method, &self.endpoints).await {
            Ok(headers) => self.endpoints.send(call, &headers).await,
            Err(no_login) => no_login.into_outcome(),
        }
    }

    fn describe(&self) -> String {
        self.endpoints.describe()
    }
}

impl std::fmt::Debug for Https {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Https").field("endpoint", &self.describe()).finish_non_exhaustive()
    }
}

//! The one seam between the program and a cluster: [`Transport`].
//!
//! Two implementations: `https` (real servers and `spawnpoint sim serve`) and the simulator's in-process door.

use super::{Answer, Call};

/// Sends calls to one cluster.
#[async_trait::async_trait]
pub trait Transport: Send + Sync {
    /// Sends `call` once and returns what the server answered, whatever its status.
    ///
    /// # Errors
    /// [`TransportError`] says whether the server may have acted. Implementations repeat a GET at most once, a write never.
    async fn send(&self, call: &Call) -> Result<Answer, TransportError>;

    /// Returns what to call the other side in messages: an endpoint or "the simulator".
    fn describe(&self) -> String;
}

/// Why no answer arrived.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// Nothing was sent: name resolution, connect or TLS failed. Trying again is safe.
    #[error("cannot reach {endpoint}: {detail}")]
    BeforeSend {
        /// The endpoint dialled.
        endpoint: String,
        /// What failed.
        detail: String,
        /// What the user can do.
        hint: Option<String>,
    },
    /// The request left and no whole answer came back: the outcome of a write is unknown.
    #[error("the connection to {endpoint} broke before the answer: {detail}")]
    AfterSend {
        /// The endpoint dialled.
        endpoint: String,
        /// What failed.
        detail: String,
    },
}

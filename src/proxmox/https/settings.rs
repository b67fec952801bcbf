//! What a user says about a cluster's API: where it is, who asks, whom to trust. Checked here, used by the rest of `https`.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;

use super::trust::Trust;

/// Everything [`super::Https`] needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `https://host:8006`, any number of nodes of one cluster, tried in this order.
    pub endpoints: Vec<String>,
    /// Who asks.
    pub credentials: Credentials,
    /// How the server proves who it is.
    pub trust: Trust,
    /// URL of an HTTP proxy; the environment's proxy variables are not read.
    pub proxy: Option<String>,
    /// Time for name resolution, TCP and TLS.
    pub connect_timeout: Duration,
    /// Time for one request, from connecting to the last byte of the answer.
    pub request_timeout: Duration,
    /// Longest answer that is read, after decompression.
    pub answer_limit_bytes: usize,
}

impl Settings {
    /// Returns settings with the default timeouts and limits, trusting the system's certificate authorities.
    pub fn new(endpoints: Vec<String>, credentials: Credentials) -> Self {
        Self {
            endpoints,
            credentials,
            trust: Trust::SystemRoots,
            proxy: None,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(60),
            answer_limit_bytes: 64 * 1024 * 1024,
        }
    }

    pub(super) fn urls(&self) -> Result<Vec<reqwest::Url>, SettingsError> {
        if self.endpoints.is_empty() {
            return Err(SettingsError::NoEndpoint);
        }
        self.endpoints.iter().map(|text| url(text).ok_or_else(|| SettingsError::Endpoint(text.clone()))).collect()
    }

    pub(super) fn proxy(&self) -> Result<Option<Proxy>, SettingsError> {
        // The URL may hold a password, so the error does not repeat it.
        self.proxy.as_ref().map(|url| Proxy::parse(url).ok_or(SettingsError::Proxy)).transpose()
    }
}

/// An HTTP proxy that passes connections on.
#[derive(Clone, Debug)]
pub(super) struct Proxy {
    pub(super) host: String,
    pub(super) port: u16,
    /// Value of the header that says who asks.
    pub(super) authorization: Option<Secret>,
}

impl Proxy {
    fn parse(text: &str) -> Option<Self> {
        let url = reqwest::Url::parse(text).ok().filter(|url| url.scheme() == "http")?;
        let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let authorization = (!url.username().is_empty()).then(|| {
            let pair = format!("{}:{}", decoded(url.username()), decoded(url.password().unwrap_or_default()));
            Secret::new(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)))
        });
        let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
        Some(Self { host, port: url.port_or_known_default()?, authorization })
    }
}

fn url(text: &str) -> Option<reqwest::Url> {
    let url = reqwest::Url::parse(text).ok()?;
    let is_plain =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    (url.scheme() == "https" && url.has_host() && url.path() == "/" && is_plain).then_some(url)
}

/// Returns the URL without the slash at its end, as users write it.
pub(super) fn endpoint_name(endpoint: &reqwest::Url) -> String {
    endpoint.as_str().trim_end_matches('/').to_owned()
}

/// Who asks.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// An API token.
    Token {
        /// `user@realm!name`.
        id: String,
        /// The token's secret.
        secret: Secret,
    },
    /// A user who logs in; a few calls accept nobody else.
    Password {
        /// `user@realm`.
        user: String,
        /// The user's password.
        password: Secret,
    },
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text to send. Only what sends it calls this.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(sensitive)")
    }
}

/// Settings that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The list of endpoints is empty.
    #[error("there is no endpoint, expected at least one such as `https://pve1.example:8006`")]
    NoEndpoint,
    /// Not an HTTPS URL with only a host and a port.
    #[error("`{0}` is not an endpoint, expected a URL such as `https://pve1.example:8006`")]
    Endpoint(String),
    /// The proxy is not a URL.
    #[error("the proxy is not a URL, expected one such as `http://proxy.example:3128`")]
    Proxy,
    /// The token id or user has the wrong form.
    #[error("`{id}` is not {what}, expected `{form}`")]
    Identity {
        /// What the user wrote.
        id: String,
        /// What it should be.
        what: &'static str,
        /// How that looks.
        form: &'static str,
    },
    /// The secret holds characters that a header cannot carry.
    #[error("the secret of token `{0}` holds characters that no token secret has, expected a UUID")]
    TokenSecret(String),
    /// The certificate authority file cannot be used.
    #[error("cannot use `{}` as `ca_file`: {why}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The system has no certificate authorities.
    #[error("this system has no certificate authorities, expected `ca_file` or `fingerprints` for the cluster")]
    NoSystemRoots,
    /// The list of fingerprints is empty.
    #[error("`fingerprints` is empty, expected at least one SHA-256 fingerprint")]
    NoFingerprint,
    /// Not a SHA-256 fingerprint.
    #[error("`{0}` is not a fingerprint, expected 32 hexadecimal bytes such as `AA:BB:...`")]
    Fingerprint(String),
    /// The HTTP stack refused its configuration.
    #[error("cannot set up HTTPS: {0}")]
    Stack(String),
}

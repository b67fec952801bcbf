//! Sending one request to whichever endpoint of the cluster answers. Who asks is given as headers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::header::HeaderMap;

use super::super::{Answer, Call, TransportError};
use super::settings::{Settings, SettingsError, endpoint_name};
use super::{failure, wire};

/// Bodies the server takes: 512 KiB since 8.4.
const REQUEST_LIMIT_BYTES: usize = 512 * 1024;

/// Below the 5 s after which the server closes an idle connection without a word.
const POOL_IDLE: Duration = Duration::from_secs(3);

/// More connections to one node gain nothing.
const IDLE_CONNECTIONS: usize = 6;

pub(super) struct Endpoints {
    urls: Vec<reqwest::Url>,
    /// Index of the endpoint that answered last.
    working: AtomicUsize,
    pooled: reqwest::Client,
    /// Never reuses a connection: the second try of a read must not meet a second dead one.
    fresh: reqwest::Client,
    answer_limit_bytes: usize,
    /// Through a proxy the peer's address says nothing about the server.
    sees_peer: bool,
}

impl Endpoints {
    pub(super) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let tls = settings.trust.client_config()?;
        let proxy = settings.proxy()?;
        let client = |idle_connections| {
            let mut builder = reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .http1_only()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .gzip(true)
                .pool_idle_timeout(POOL_IDLE)
                .pool_max_idle_per_host(idle_connections)
                .connect_timeout(settings.connect_timeout)
                .timeout(settings.request_timeout);
            if let Some(proxy) = &proxy {
                builder = builder.proxy(proxy.clone());
            }
            builder.build().map_err(|error| SettingsError::Stack(error.to_string()))
        };
        Ok(Self {
            urls: settings.urls()?,
            working: AtomicUsize::new(0),
            pooled: client(IDLE_CONNECTIONS)?,
            fresh: client(0)?,
            answer_limit_bytes: settings.answer_limit_bytes,
            sees_peer: proxy.is_none(),
        })
    }

    /// Returns the name of the endpoint that answered last, or of the first.
    pub(super) fn describe(&self) -> String {
        endpoint_name(&self.urls[self.working.load(Ordering::Relaxed)])
    }

    /// Sends with fail-over: the next endpoint is tried only where the one before cannot have received the request.
    pub(super) async fn send(&self, call: &Call, headers: &HeaderMap) -> Result<Answer, TransportError> {
        let body = wire::form(call);
        wire::check_size(call, &body, REQUEST_LIMIT_BYTES)?;
        let first = self.of_node(call).unwrap_or_else(|| self.working.load(Ordering::Relaxed));
        let mut failures = Vec::new();
        for offset in 0..self.urls.len() {
            let index = (first + offset) % self.urls.len();
            match self.send_to(&self.urls[index], call, headers, &body).await {
                Err(failure @ TransportError::BeforeSend { .. }) => failures.push(failure),
                outcome => {
                    if call.file.is_none() {
                        self.working.store(index, Ordering::Relaxed);
                    }
                    return outcome;
                }
            }
        }
        Err(failure::combined(failures))
    }

    /// Returns the endpoint that is the node a file is for, by its name. Any other would keep the file in its own temporary folder
    /// first, which may be small, and copy it to the node afterwards.
    fn of_node(&self, call: &Call) -> Option<usize> {
        call.file.as_ref()?;
        let node = call.path.strip_prefix("/nodes/")?.split('/').next()?;
        self.urls.iter().position(|url| url.host_str().and_then(|host| host.split('.').next()) == Some(node))
    }

    async fn send_to(
        &self,
        endpoint: &reqwest::Url,
        call: &Call,
        headers: &HeaderMap,
        body: &str,
    ) -> Result<Answer, TransportError> {
        match self.exchange(&self.pooled, endpoint, call, headers, body).await {
            Err(TransportError::AfterSend { .. }) if call.method.is_read() => {
                self.exchange(&self.fresh, endpoint, call, headers, body).await
            }
            outcome => outcome,
        }
    }

    async fn exchange(
        &self,
        client: &reqwest::Client,
        endpoint: &reqwest::Url,
        call: &Call,
        headers: &HeaderMap,
        body: &str,
    ) -> Result<Answer, TransportError> {
        let name = endpoint_name(endpoint);
        let request = wire::request(client, endpoint, call, headers.clone(), body).await?;
        let response = request.send().await.map_err(|error| failure::of_request(&name, &error))?;
        wire::answer(&name, response, self.answer_limit_bytes, self.sees_peer).await
    }
}

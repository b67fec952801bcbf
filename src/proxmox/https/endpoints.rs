//! Sending one request to whichever endpoint of the cluster answers, and to the node it is about where that is one. Who asks is given as
//! headers.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use hyper::header::{CONNECTION, HeaderMap};
use tokio::time::{Instant, timeout};

use super::super::{Answer, Call, TransportError};
use super::connection::Connections;
use super::nodes::{self, Nodes, node_of};
use super::settings::{Settings, SettingsError, endpoint_name};
use super::trust::Trust;
use super::{failure, file, wire};

/// Bodies the server takes: 512 KiB since 8.4.
const REQUEST_LIMIT_BYTES: usize = 512 * 1024;

/// A node that is on the same network is reached in this time.
const REACH: Duration = Duration::from_secs(1);

/// A node that could not be reached is gone round for this long.
const DETOUR: Duration = Duration::from_secs(60);

pub(super) struct Endpoints {
    urls: Vec<reqwest::Url>,
    /// Index of the endpoint that answered last.
    working: AtomicUsize,
    connections: Connections,
    request_timeout: Duration,
    answer_limit_bytes: usize,
    /// Endpoints that could not be reached, and when that was found out.
    silent: Mutex<BTreeMap<usize, Instant>>,
    nodes: Nodes,
    /// Whether nodes may be asked that nobody named: only where each has to prove itself, and without a proxy in between.
    may_ask_nodes: bool,
}

impl Endpoints {
    pub(super) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        Ok(Self {
            urls: settings.urls()?,
            working: AtomicUsize::new(0),
            connections: Connections::new(settings.trust.client_config()?, settings.proxy()?, settings.connect_timeout),
            request_timeout: settings.request_timeout,
            answer_limit_bytes: settings.answer_limit_bytes,
            silent: Mutex::default(),
            nodes: Nodes::default(),
            may_ask_nodes: settings.trust != Trust::Insecure && settings.proxy.is_none(),
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
        let own = self.of_node(call);
        if own.is_none()
            && let Some((node, url)) = node_of(call).and_then(|node| Some((node, self.nodes.url(node)?)))
        {
            match self.send_to(&url, call, headers, &body).await {
                Err(TransportError::BeforeSend { .. }) => self.nodes.forget(node),
                outcome => return outcome,
            }
        }
        let answer = self.send_to_any(call, headers, &body, own).await?;
        let is_real = answer.is_success() && answer.simulator.is_none();
        if self.may_ask_nodes && is_real && node_of(call).is_some() && self.nodes.is_time_to_ask() {
            self.look_for_nodes(headers).await;
        }
        Ok(answer)
    }

    /// Asks the endpoint that answers where the other nodes are, and remembers those that can be reached. Whatever fails, calls go on as
    /// they did.
    async fn look_for_nodes(&self, headers: &HeaderMap) {
        let endpoint = &self.urls[self.working.load(Ordering::Relaxed)];
        let Ok(status) = self.send_to(endpoint, &Call::get("/cluster/status"), headers, "").await else { return };
        let is_named = |url: &reqwest::Url| self.urls.iter().any(|named| named.host() == url.host());
        let others = nodes::others(&status, endpoint).into_iter().filter(|(_, url)| !is_named(url));
        let reached = join_all(
            others.map(|(node, url)| async move { self.connections.reach(&url, REACH).await.then_some((node, url)) }),
        );
        self.nodes.reached(reached.await.into_iter().flatten());
    }

    async fn send_to_any(
        &self,
        call: &Call,
        headers: &HeaderMap,
        body: &str,
        own: Option<usize>,
    ) -> Result<Answer, TransportError> {
        let first = own.unwrap_or_else(|| self.working.load(Ordering::Relaxed));
        let mut failures = Vec::new();
        for offset in 0..self.urls.len() {
            let index = (first + offset) % self.urls.len();
            match self.send_to(&self.urls[index], call, headers, body).await {
                Err(failure @ TransportError::BeforeSend { .. }) => {
                    self.silent.lock().expect("nothing panics while holding it").insert(index, Instant::now());
                    failures.push(failure);
                }
                outcome => {
                    // What is about a node says nothing about where other calls go.
                    if own.is_none() {
                        self.working.store(index, Ordering::Relaxed);
                    }
                    return outcome;
                }
            }
        }
        Err(failure::combined(failures))
    }

    /// Returns the endpoint that is the node a call is about, by the first part of its name. Any other would pass the call on to that
    /// node, wait for it at most thirty seconds, and keep a file in its own temporary folder first, which may be small.
    fn of_node(&self, call: &Call) -> Option<usize> {
        let node = node_of(call)?;
        let index =
            self.urls.iter().position(|url| url.host_str().and_then(|host| host.split('.').next()) == Some(node))?;
        let silent = self.silent.lock().expect("nothing panics while holding it");
        silent.get(&index).is_none_or(|since| since.elapsed() > DETOUR).then_some(index)
    }

    async fn send_to(
        &self,
        endpoint: &reqwest::Url,
        call: &Call,
        headers: &HeaderMap,
        body: &str,
    ) -> Result<Answer, TransportError> {
        match self.exchange(endpoint, call, headers, body, false).await {
            // The second try of a read must not meet a second dead connection.
            Err(TransportError::AfterSend { .. }) if call.method.is_read() => {
                self.exchange(endpoint, call, headers, body, true).await
            }
            outcome => outcome,
        }
    }

    async fn exchange(
        &self,
        endpoint: &reqwest::Url,
        call: &Call,
        headers: &HeaderMap,
        body: &str,
        is_fresh: bool,
    ) -> Result<Answer, TransportError> {
        let name = endpoint_name(endpoint);
        let request = wire::request(endpoint, call, headers, body).await?;
        let patience = call.file.as_ref().map_or(self.request_timeout, |file| file::patience(file));
        let exchange = async {
            let sent = self.connections.send(endpoint, request, is_fresh).await;
            let (connection, response) = sent.map_err(|broken| failure::of_request(&name, &broken))?;
            let is_kept = !response.headers().get_all(CONNECTION).iter().any(|value| value == "close");
            let answer = wire::answer(&name, response, self.answer_limit_bytes, &connection).await?;
            if is_kept {
                self.connections.give_back(endpoint, connection).await;
            }
            Ok(answer)
        };
        timeout(patience, exchange).await.unwrap_or_else(|_| Err(failure::late(&name)))
    }
}

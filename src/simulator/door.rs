//! The in-process door: a [`Transport`] that encodes calls as a client would and hands them to the machine.

use std::sync::{Arc, Mutex};

use super::exchange::Outcome;
use super::listeners::Listeners;
use super::machine::{Pace, Reply, Request};
use super::store::Store;
use crate::proxmox::multipart::Frame;
use crate::proxmox::{Answer, Call, Clock, Method, Transport, TransportError};

/// Talks to a lab in the same process, with the lab's own token.
#[derive(Clone)]
pub struct InProcess {
    store: Arc<Mutex<Store>>,
    credential: String,
    listeners: Arc<Listeners>,
}

impl InProcess {
    /// Opens the door to a lab.
    pub fn new(store: Arc<Mutex<Store>>) -> Self {
        let credential = store.lock().expect("no holder of the lab panics").machine().automation_token();
        Self { store, credential, listeners: Arc::default() }
    }

    /// Uses another API token: `USER@REALM!TOKENID=SECRET`.
    #[must_use]
    pub fn with_token(mut self, credential: impl Into<String>) -> Self {
        self.credential = credential.into();
        self
    }

    /// Returns the lab behind the door.
    pub fn store(&self) -> &Arc<Mutex<Store>> {
        &self.store
    }

    /// Returns the game servers of the lab's guests.
    pub fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    fn endpoint(&self) -> String {
        "the simulator".to_owned()
    }

    async fn exchange(&self, request: &Request) -> Result<Outcome, TransportError> {
        let (outcome, changes) = {
            let mut store = self.store.lock().expect("no holder of the lab panics");
            let outcome = Outcome::of(&mut store, request).map_err(|error| self.broken(error.to_string()))?;
            (outcome, self.listeners.changes(&store))
        };
        if let Some(guests) = changes {
            self.listeners.follow(guests).await;
        }
        Ok(outcome)
    }

    /// The request left and nothing came back: the client cannot tell whether the lab acted.
    fn broken(&self, detail: impl Into<String>) -> TransportError {
        TransportError::AfterSend { endpoint: self.endpoint(), detail: detail.into() }
    }
}

#[async_trait::async_trait]
impl Transport for InProcess {
    async fn send(&self, call: &Call) -> Result<Answer, TransportError> {
        let mut request = encode(call, &self.credential);
        if let Some(file) = &call.file {
            let content = tokio::fs::read(&file.path).await.map_err(|error| TransportError::BeforeSend {
                endpoint: self.endpoint(),
                detail: format!("`{}` cannot be read: {error}", file.path.display()),
                hint: None,
            })?;
            let Frame { content_type, head, tail } = Frame::of(call, file);
            request.content_type = Some(content_type);
            request.body = [head.as_bytes(), &content, tail.as_bytes()].concat();
        }
        let outcome = self.exchange(&request).await?;
        let Some(reply) = outcome.reply() else {
            return Err(self.broken("connection closed before message completed"));
        };
        let pause = outcome.pace().lasts(std::time::Duration::from_millis(reply.took_ms));
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        Ok(decode(reply, outcome.pace(), outcome.now_ms()))
    }

    fn describe(&self) -> String {
        self.endpoint()
    }
}

/// Encodes a call as a client does: reads and deletes in the query, writes in a form body.
fn encode(call: &Call, credential: &str) -> Request {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in &call.parameters {
        form.append_pair(name, value.reveal());
    }
    let form = form.finish();
    let in_query = matches!(call.method, Method::Get | Method::Delete);
    let (query, body) = if in_query { (form, Vec::new()) } else { (String::new(), form.into_bytes()) };
    let prefix = if call.path.starts_with("/spawnpoint/") { "" } else { "/api2/json" };
    Request {
        method: call.method.as_str().to_owned(),
        path: format!("{prefix}{}", call.path),
        query,
        body,
        content_type: (!in_query).then(|| "application/x-www-form-urlencoded".to_owned()),
        authorization: Some(format!("PVEAPIToken={credential}")),
        ..Request::default()
    }
}

fn decode(reply: &Reply, pace: Pace, now_ms: u64) -> Answer {
    Answer {
        date: i64::try_from(now_ms / 1000).ok(),
        simulator: Some(match pace {
            Pace::Instant => Clock::Instant,
            Pace::Real { .. } => Clock::Real,
        }),
        ..Answer::decode(reply.status, &reply.reason, &reply.body)
    }
}

//! The in-process door: a [`Transport`] that encodes calls as a client would and hands them to the machine.

use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::faults::{Effect, Moment};
use super::machine::{Pace, Reply, Request};
use super::store::Store;
use crate::proxmox::{Answer, Call, Clock, Method, Transport, TransportError};

/// Talks to a lab in the same process, with the lab's own token.
#[derive(Clone)]
pub struct InProcess {
    store: Arc<Mutex<Store>>,
    credential: String,
}

impl InProcess {
    /// Opens the door to a lab.
    pub fn new(store: Arc<Mutex<Store>>) -> Self {
        let credential = store
            .lock()
            .expect("no holder of the lab panics")
            .machine()
            .automation_token();
        Self { store, credential }
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

    fn endpoint(&self) -> String {
        "the simulator".to_owned()
    }

    fn broken(&self, moment: Moment) -> TransportError {
        let endpoint = self.endpoint();
        match moment {
            // The client cannot tell the two apart: its request left.
            Moment::Before | Moment::After => TransportError::AfterSend {
                endpoint,
                detail: "connection closed before message completed".to_owned(),
            },
        }
    }

    fn exchange(&self, request: &Request) -> Result<(Reply, Pace, u64), TransportError> {
        let mut store = self.store.lock().expect("no holder of the lab panics");
        let path = request
            .path
            .strip_prefix("/api2/json")
            .unwrap_or(&request.path);
        let effect = store
            .faults()
            .on_call(&request.method, path)
            .unwrap_or_default();
        let failed = |error: super::store::StoreError| TransportError::AfterSend {
            endpoint: self.endpoint(),
            detail: error.to_string(),
        };
        if effect.delay_ms > 0 {
            store
                .change(|machine| machine.advance(effect.delay_ms))
                .map_err(failed)?;
        }
        if effect.drop == Some(Moment::Before) {
            return Err(self.broken(Moment::Before));
        }
        let reply = match &effect.answer {
            Some((status, message)) => refusal(*status, message),
            None => store.handle(request).map_err(failed)?,
        };
        kill_started_worker(&mut store, &effect, &reply).map_err(failed)?;
        if effect.drop == Some(Moment::After) {
            return Err(self.broken(Moment::After));
        }
        Ok((reply, store.pace(), store.machine().now_ms()))
    }
}

/// Returns what a fault rule answers instead of the machine.
pub(super) fn refusal(status: u16, message: &str) -> Reply {
    Reply {
        status,
        reason: message.to_owned(),
        body: Vec::new(),
        headers: Vec::new(),
        took_ms: 0,
    }
}

/// Kills the worker a call started, if a rule says so.
pub(super) fn kill_started_worker(
    store: &mut Store,
    effect: &Effect,
    reply: &Reply,
) -> Result<(), super::store::StoreError> {
    if !effect.kills_worker {
        return Ok(());
    }
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    if let Some(upid) = body["data"].as_str() {
        // A killed worker got as far as its first stages: the stub is there, the disk half written.
        store.change(|machine| {
            machine.advance(80);
            machine.kill_worker(upid)
        })?;
    }
    Ok(())
}

#[async_trait::async_trait]
impl Transport for InProcess {
    async fn send(&self, call: &Call) -> Result<Answer, TransportError> {
        let request = encode(call, &self.credential);
        let (reply, pace, now_ms) = self.exchange(&request)?;
        if pace == Pace::Real && reply.took_ms > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(reply.took_ms)).await;
        }
        Ok(decode(&reply, pace, now_ms))
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
    let (query, body) = if in_query {
        (form, Vec::new())
    } else {
        (String::new(), form.into_bytes())
    };
    let prefix = if call.path.starts_with("/spawnpoint/") {
        ""
    } else {
        "/api2/json"
    };
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
    let mut body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let errors = body["errors"].as_object().map(|errors| {
        errors
            .iter()
            .map(|(name, text)| (name.clone(), text.as_str().unwrap_or_default().to_owned()))
            .collect()
    });
    Answer {
        status: reply.status,
        reason: reply.reason.clone(),
        data: body["data"].take(),
        errors: errors.unwrap_or_default(),
        message: body["message"].as_str().map(str::to_owned),
        date: i64::try_from(now_ms / 1000).ok(),
        simulator: Some(match pace {
            Pace::Instant => Clock::Instant,
            Pace::Real => Clock::Real,
        }),
    }
}

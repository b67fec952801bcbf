//! One HTTP request and its reply as plain data, and [`Fault`]: the ways the real API says no.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What a client sent. Sockets, sizes and connection limits are the server's business.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Request {
    /// Method as sent, e.g. `GET`.
    pub method: String,
    /// Path as sent, still percent-encoded, e.g. `/api2/json/version`.
    pub path: String,
    /// Query string without `?`; empty when there is none.
    pub query: String,
    /// Body bytes.
    pub body: Vec<u8>,
    /// `Content-Type` header.
    pub content_type: Option<String>,
    /// `Authorization` header.
    pub authorization: Option<String>,
    /// `Cookie` header.
    pub cookie: Option<String>,
    /// `CSRFPreventionToken` header.
    pub csrf: Option<String>,
}

impl Request {
    /// Returns the guests a call names: in its path, as `vmid` or as `newid`.
    pub(in crate::simulator) fn guests(&self) -> Vec<u32> {
        let in_path = self.path.split('/').filter_map(|part| part.parse().ok());
        let body = String::from_utf8_lossy(&self.body);
        let pairs = self.query.split(['&', ';']).chain(body.split(['&', ';']));
        let named = pairs.filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            value.parse().ok().filter(|_| matches!(name, "vmid" | "newid"))
        });
        in_path.chain(named).collect()
    }
}

/// What the server answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Reason phrase, which carries the first line of an error.
    pub reason: String,
    /// Body; empty for 401.
    pub body: Vec<u8>,
    /// Headers in order, beyond those every answer has.
    pub headers: Vec<(String, String)>,
    /// How much virtual time the answer took, in milliseconds: lock waits, the delay of a 401.
    pub took_ms: u64,
}

/// A successful answer: `data`, and members beside it such as `total`.
#[derive(Debug, Default)]
pub(super) struct Success {
    pub(super) data: Value,
    pub(super) beside: Map<String, Value>,
}

impl From<Value> for Success {
    fn from(data: Value) -> Self {
        Self { data, beside: Map::new() }
    }
}

impl From<()> for Success {
    fn from((): ()) -> Self {
        Self::default()
    }
}

impl Success {
    pub(super) fn with_total(data: Vec<Value>, total: usize) -> Self {
        let beside = Map::from_iter([("total".to_owned(), json!(total))]);
        Self { data: Value::Array(data), beside }
    }
}

/// An error answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) status: u16,
    pub(super) message: String,
    pub(super) errors: BTreeMap<String, String>,
    /// 401 answers and some transport refusals have no JSON body.
    pub(super) has_body: bool,
}

pub(super) type Answer = Result<Success, Fault>;

impl Fault {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), errors: BTreeMap::new(), has_body: true }
    }

    /// The usual failure: status 500 and a text.
    pub(super) fn text(message: impl Into<String>) -> Self {
        Self::new(500, message)
    }

    /// A 400 about one parameter.
    pub(super) fn parameter(name: &str, text: impl Into<String>) -> Self {
        Self::parameters(BTreeMap::from([(name.to_owned(), text.into())]))
    }

    pub(super) fn parameters(errors: BTreeMap<String, String>) -> Self {
        Self { errors, ..Self::new(400, "Parameter verification failed.") }
    }

    pub(super) fn denied(path: &str, privileges: &str) -> Self {
        Self::new(403, format!("Permission check failed ({path}, {privileges})"))
    }

    pub(super) fn denied_without_path() -> Self {
        Self::new(403, "Permission check failed")
    }

    pub(super) fn unauthorized(message: &str) -> Self {
        Self { has_body: false, ..Self::new(401, message) }
    }

    /// A method and path that no Proxmox VE knows.
    pub(super) fn not_implemented(method: &str, path: &str) -> Self {
        Self::new(501, format!("Method '{method} {path}' not implemented"))
    }

    /// A call of the real API that the simulator leaves out.
    pub(super) fn not_modelled(method: &str, path: &str) -> Self {
        Self::new(501, format!("Method '{method} {path}' not implemented: not modelled by the simulator"))
    }

    /// The text a worker shows for the same failure: code first, lines joined.
    pub(super) fn task_text(&self) -> String {
        let mut text = match self.status {
            400 | 403 => format!("{} {}", self.status, self.message),
            _ => self.message.clone(),
        };
        for (name, error) in &self.errors {
            text.push_str(&format!(" {name}: {error}"));
        }
        text.replace('\n', " ").trim_end().to_owned()
    }
}

impl Reply {
    pub(super) fn from_answer(answer: Answer, took_ms: u64) -> Self {
        match answer {
            Ok(Success { data, mut beside }) => {
                beside.insert("data".to_owned(), data);
                Self::json(200, "OK", &Value::Object(beside), took_ms)
            }
            Err(fault) => {
                let reason = fault.message.lines().next().unwrap_or_default().to_owned();
                if !fault.has_body {
                    return Self { status: fault.status, reason, body: Vec::new(), headers: Vec::new(), took_ms };
                }
                let newline = if fault.status == 501 { "" } else { "\n" };
                let mut body = json!({ "data": null, "message": format!("{}{newline}", fault.message) });
                if !fault.errors.is_empty() {
                    body["errors"] = json!(fault.errors);
                }
                Self::json(fault.status, &reason, &body, took_ms)
            }
        }
    }

    /// What the HTTP layer itself refuses: the text is the body.
    pub(super) fn plain(status: u16, reason: String) -> Self {
        let headers = vec![("Content-Type".to_owned(), "text/plain".to_owned())];
        Self { status, body: reason.clone().into_bytes(), reason, headers, took_ms: 0 }
    }

    fn json(status: u16, reason: &str, body: &Value, took_ms: u64) -> Self {
        let headers = vec![("Content-Type".to_owned(), "application/json;charset=UTF-8".to_owned())];
        Self { status, reason: reason.to_owned(), body: body.to_string().into_bytes(), headers, took_ms }
    }
}

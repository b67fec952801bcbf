//! One API call and its answer as plain data that can be printed, compared and tested.
//!
//! Nothing here sends anything, and nothing here knows what a VM is.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::decode;

/// The HTTP method of a call. Proxmox VE uses these four.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// Reads; parameters go into the query string.
    Get,
    /// Creates or starts something; parameters go into the form body.
    Post,
    /// Changes something; parameters go into the form body.
    Put,
    /// Removes something; parameters go into the query string, a body is answered 501.
    Delete,
}

impl Method {
    /// Returns the name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    /// Returns whether the method only reads.
    pub fn is_read(self) -> bool {
        self == Self::Get
    }
}

/// One call below `/api2/json`, before encoding.
///
/// Parameter values are the plain text the schema asks for: the transport form-encodes each once.
/// Parameters are kept in the order given, so that the same plan makes the same bytes.
/// A repeated name is an array.
#[derive(Clone, PartialEq, Eq)]
pub struct Call {
    /// HTTP method.
    pub method: Method,
    /// Path below `/api2/json`, beginning with `/`, segments already percent-encoded (see [`segment`]).
    pub path: String,
    /// Name and plain value of each parameter.
    pub parameters: Vec<(String, Parameter)>,
    /// A file that goes along: then the body has several parts, and this one is the last.
    pub file: Option<Box<Upload>>,
}

/// A file of this machine that goes along with a call. Transports read it piece by piece when they send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Where it is: an absolute path.
    pub path: PathBuf,
    /// The name it gets.
    pub name: String,
    /// Its length; a file that has another one by now is not sent.
    pub bytes: u64,
    /// SHA-256 of its content, in hexadecimal digits.
    pub sha256: String,
}

/// The value of a parameter, which knows whether it may be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Parameter {
    text: String,
    secret: bool,
}

impl Parameter {
    /// Returns the text to send. Only transports call this.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// Returns whether the value must never be shown.
    pub fn is_secret(&self) -> bool {
        self.secret
    }
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.secret { "(sensitive)" } else { &self.text })
    }
}

impl Call {
    /// Returns a call without parameters.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), parameters: Vec::new(), file: None }
    }

    /// Returns a GET.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::Get, path)
    }

    /// Returns a POST.
    pub fn post(path: impl Into<String>) -> Self {
        Self::new(Method::Post, path)
    }

    /// Returns a PUT.
    pub fn put(path: impl Into<String>) -> Self {
        Self::new(Method::Put, path)
    }

    /// Returns a DELETE.
    pub fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::Delete, path)
    }

    /// Adds a parameter.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), Parameter { text: value.into(), secret: false }));
        self
    }

    /// Adds a parameter whose value is never shown.
    #[must_use]
    pub fn with_secret(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), Parameter { text: value.into(), secret: true }));
        self
    }

    /// Adds a file.
    #[must_use]
    pub fn with_file(self, file: Upload) -> Self {
        Self { file: Some(Box::new(file)), ..self }
    }

    /// Returns the plain text of the first parameter of this name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.reveal())
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method.as_str(), self.path)?;
        for (name, value) in &self.parameters {
            write!(f, " {name}={value}")?;
        }
        if let Some(file) = &self.file {
            write!(f, " filename={} ({} bytes)", file.name, file.bytes)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Returns `text` percent-encoded for use as one path segment, as UPIDs and ACL paths need.
pub fn segment(text: &str) -> String {
    const KEEP: percent_encoding::AsciiSet =
        percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    percent_encoding::utf8_percent_encode(text, &KEEP).to_string()
}

/// What the server answered, decoded from either transport.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Reason phrase: the first line of the error message (Proxmox puts it there; before 8.4 only there).
    pub reason: String,
    /// The `data` member; `Null` where there is none.
    pub data: serde_json::Value,
    /// The `errors` member of a 400: parameter name to text.
    pub errors: BTreeMap<String, String>,
    /// The `message` member of an error body, if any.
    pub message: Option<String>,
    /// Server time in seconds since 1970, from the `Date` header.
    pub date: Option<i64>,
    /// Set if the answer carried `x-spawnpoint-simulator: 1`: how the simulator's clock runs (`x-spawnpoint-clock`).
    pub simulator: Option<Clock>,
}

/// How time passes on a simulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Virtual time advances with each poll: waiting between polls is pointless.
    Instant,
    /// Delays are believable.
    Real,
}

impl Answer {
    /// Returns the answer that a status, its reason phrase and a body make. A body that is no JSON object is what the HTTP layer itself
    /// says (401, 501, 596), and the reason phrase says it all.
    pub fn decode(status: u16, reason: &str, body: &[u8]) -> Self {
        Self::empty(status, reason.to_owned()).with_members(serde_json::from_slice(body).unwrap_or_default())
    }

    /// Reads what came over the network: as [`decode`](Self::decode), but the reason is bytes and a success must have a body.
    ///
    /// # Errors
    ///
    /// A success whose body is no JSON object: it was cut off, or something else than Proxmox VE answered.
    pub fn read(status: u16, reason: &[u8], body: &[u8]) -> Result<Self, String> {
        let head = Self::empty(status, String::from_utf8_lossy(reason).into_owned());
        match serde_json::from_slice(body) {
            Ok(serde_json::Value::Object(members)) => Ok(head.with_members(members)),
            Ok(_) | Err(_) if !head.is_success() => Ok(head),
            Ok(other) => {
                let start: String = other.to_string().chars().take(40).collect();
                Err(format!("the answer is not an object but `{start}`"))
            }
            Err(error) => Err(format!("the answer is not JSON: {error}")),
        }
    }

    /// Returns an answer without a body.
    fn empty(status: u16, reason: String) -> Self {
        let (errors, data) = (BTreeMap::new(), serde_json::Value::Null);
        Self { status, reason, data, errors, message: None, date: None, simulator: None }
    }

    /// Puts what the members of a body say into an answer.
    fn with_members(self, mut members: serde_json::Map<String, serde_json::Value>) -> Self {
        let errors = match members.remove("errors") {
            Some(serde_json::Value::Object(errors)) => errors,
            _ => serde_json::Map::new(),
        };
        Self {
            data: members.remove("data").unwrap_or_default(),
            message: members.get("message").and_then(decode::text),
            errors: errors.iter().map(|(name, text)| (name.clone(), decode::text(text).unwrap_or_default())).collect(),
            ..self
        }
    }

    /// Returns whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Returns the error text: the body's message, else the reason phrase, with parameter errors appended.
    pub fn error_text(&self) -> String {
        let head = self.message.as_deref().unwrap_or(&self.reason).trim_end();
        let mut text = head.to_owned();
        for (name, error) in &self.errors {
            text.push_str(&format!(" {name}: {}", error.trim_end()));
        }
        text
    }
}

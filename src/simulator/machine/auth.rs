//! Who is calling: API tokens, tickets with their CSRF token, and the answers 401.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};

use super::Machine;
use super::request::{Fault, Request};

/// How long a ticket is good for.
const TICKET_SECONDS: u64 = 7200;
/// How long a real server waits before it answers 401.
const REFUSAL_MS: u64 = 3000;

/// The identity behind a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) user: String,
    pub(super) token: Option<String>,
}

impl Caller {
    pub(super) fn root() -> Self {
        Self { user: "root@pam".to_owned(), token: None }
    }

    pub(super) fn full_id(&self) -> String {
        match &self.token {
            Some(token) => format!("{}!{token}", self.user),
            None => self.user.clone(),
        }
    }

    /// Returns whether this is root itself; a token of root is not.
    pub(super) fn is_root(&self) -> bool {
        self.user == "root@pam" && self.token.is_none()
    }
}

impl Machine {
    /// Finds out who is calling; a refusal takes three seconds of the server's time.
    pub(super) fn authenticate(&mut self, request: &Request) -> Result<Caller, Fault> {
        let result = match request.authorization.as_deref().and_then(|text| text.strip_prefix("PVEAPIToken=")) {
            Some(credential) => self.check_token(credential),
            None => match request.cookie.as_deref().and_then(ticket_in) {
                Some(ticket) => self.check_ticket(&ticket, request),
                None => Err(Fault::unauthorized("No ticket")),
            },
        };
        if result.is_err() {
            self.refuse();
        }
        result
    }

    /// Lets the delay of a 401 pass.
    pub(super) fn refuse(&mut self) {
        self.advance_to(self.clock.now_ms + REFUSAL_MS);
    }

    fn check_token(&self, credential: &str) -> Result<Caller, Fault> {
        let failed = || Fault::unauthorized("Authentication failed!");
        let (id, secret) = credential.split_once('=').ok_or_else(failed)?;
        let (user_id, token_id) = id.split_once('!').ok_or_else(failed)?;
        let user = self.access.users.get(user_id).filter(|user| user.is_enabled).ok_or_else(failed)?;
        let token = user.tokens.get(token_id).ok_or_else(failed)?;
        let now_s = self.clock.now_ms / 1000;
        let is_expired = |expires_s: u64| expires_s != 0 && expires_s < now_s;
        if token.secret != secret || is_expired(token.expires_s) || is_expired(user.expires_s) {
            return Err(failed());
        }
        Ok(Caller { user: user_id.to_owned(), token: Some(token_id.to_owned()) })
    }

    fn check_ticket(&self, ticket: &str, request: &Request) -> Result<Caller, Fault> {
        let user = self.ticket_user(ticket).ok_or_else(|| Fault::unauthorized("Authentication failed!"))?;
        if request.method != "GET" && !self.is_csrf_token_good(&user, request.csrf.as_deref()) {
            return Err(Fault::unauthorized("Permission denied - invalid csrf token"));
        }
        Ok(Caller { user, token: None })
    }

    /// Returns the user of a ticket that is genuine and not older than two hours.
    pub(super) fn ticket_user(&self, ticket: &str) -> Option<String> {
        let rest = ticket.strip_prefix("PVE:")?;
        let (head, signature) = rest.split_once("::")?;
        let (user, time) = head.rsplit_once(':')?;
        let issued_s = u64::from_str_radix(time, 16).ok()?;
        let is_genuine = self.sign(&format!("ticket:{user}:{time}")) == signature;
        let is_fresh = self.clock.now_ms / 1000 <= issued_s + TICKET_SECONDS;
        (is_genuine && is_fresh && self.access.users.get(user)?.is_enabled).then(|| user.to_owned())
    }

    /// Returns a ticket and its CSRF token.
    pub(super) fn issue_ticket(&self, user: &str) -> (String, String) {
        let time = format!("{:08X}", self.clock.now_ms / 1000);
        let ticket = format!("PVE:{user}:{time}::{}", self.sign(&format!("ticket:{user}:{time}")));
        let csrf = format!("{time}:{}", self.sign(&format!("csrf:{user}:{time}")));
        (ticket, csrf)
    }

    fn is_csrf_token_good(&self, user: &str, csrf: Option<&str>) -> bool {
        let Some((time, signature)) = csrf.and_then(|text| text.split_once(':')) else {
            return false;
        };
        self.sign(&format!("csrf:{user}:{time}")) == signature
    }

    /// Returns what is stored of a password.
    pub(super) fn password_digest(&self, password: &str) -> String {
        self.sign(&format!("password:{password}"))
    }

    fn sign(&self, text: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(self.meta.seed.to_be_bytes());
        hash.update(self.meta.cluster.as_bytes());
        hash.update(text.as_bytes());
        STANDARD_NO_PAD.encode(hash.finalize())
    }
}

fn ticket_in(cookie: &str) -> Option<String> {
    let value = cookie.split(';').find_map(|part| part.trim().strip_prefix("PVEAuthCookie="))?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

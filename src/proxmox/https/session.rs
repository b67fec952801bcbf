//! Who asks, as headers: a token's one header, or a ticket that is fetched, renewed and forgotten.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderValue};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::super::call::segment;
use super::super::{Answer, Call, Method, TransportError};
use super::endpoints::Endpoints;
use super::settings::{Credentials, Secret, SettingsError};

/// A ticket lives two hours.
const RENEW_AFTER: Duration = Duration::from_secs(110 * 60);
const TICKET_LIFE: Duration = Duration::from_secs(120 * 60);

pub(super) enum Session {
    Token(HeaderMap),
    Ticket { user: String, password: Secret, current: Mutex<Option<Ticket>> },
}

pub(super) struct Ticket {
    ticket: Secret,
    cookie: HeaderValue,
    csrf_token: HeaderValue,
    obtained: Instant,
}

impl Session {
    pub(super) fn new(credentials: Credentials) -> Result<Self, SettingsError> {
        let is_user = |text: &str| text.rsplit_once('@').is_some_and(|(name, realm)| !name.is_empty() && !realm.is_empty());
        match credentials {
            Credentials::Token { id, secret } => {
                let is_token = id.split_once('!').is_some_and(|(user, name)| is_user(user) && !name.is_empty());
                if !is_token {
                    return Err(SettingsError::Identity { id, what: "a token id", form: "user@realm!name" });
                }
                let header = secret_header(&format!("PVEAPIToken={id}={}", secret.reveal()));
                let header = header.ok_or(SettingsError::TokenSecret(id))?;
                Ok(Self::Token(HeaderMap::from_iter([(AUTHORIZATION, header)])))
            }
            Credentials::Password { user, .. } if !is_user(&user) => {
                Err(SettingsError::Identity { id: user, what: "a user", form: "user@realm" })
            }
            Credentials::Password { user, password } => Ok(Self::Ticket { user, password, current: Mutex::new(None) }),
        }
    }

    /// Returns the headers for a call, or the server's answer to a login that it refused.
    pub(super) async fn headers(
        &self,
        method: Method,
        endpoints: &Endpoints,
    ) -> Result<Result<HeaderMap, Box<Answer>>, TransportError> {
        let (user, password, current) = match self {
            Self::Token(headers) => return Ok(Ok(headers.clone())),
            Self::Ticket { user, password, current } => (user, password, current),
        };
        // Held while logging in, so that calls that start together share one login.
        let mut current = current.lock().await;
        let age = current.as_ref().map(|ticket| ticket.obtained.elapsed());
        if age.is_none_or(|age| age >= RENEW_AFTER) {
            let renewable = current.take().filter(|_| age.is_some_and(|age| age < TICKET_LIFE));
            *current = match renewable {
                Some(old) => login(user, &old.ticket, endpoints).await?.ok(),
                None => None,
            };
        }
        let ticket = match current.take() {
            Some(ticket) => ticket,
            None => match login(user, password, endpoints).await? {
                Ok(ticket) => ticket,
                Err(refusal) => return Ok(Err(refusal)),
            },
        };
        let mut headers = HeaderMap::from_iter([(COOKIE, ticket.cookie.clone())]);
        if !method.is_read() {
            headers.insert("CSRFPreventionToken", ticket.csrf_token.clone());
        }
        *current = Some(ticket);
        Ok(Ok(headers))
    }

    /// Drops the ticket these headers carried, and returns whether a new login could make a difference.
    pub(super) async fn forget(&self, headers: &HeaderMap) -> bool {
        let Self::Ticket { current, .. } = self else { return false };
        let mut current = current.lock().await;
        if current.as_ref().is_some_and(|ticket| headers.get(COOKIE) == Some(&ticket.cookie)) {
            *current = None;
        }
        true
    }
}

/// Logs in with a password, or with a ticket in its place.
async fn login(
    user: &str,
    password: &Secret,
    endpoints: &Endpoints,
) -> Result<Result<Ticket, Box<Answer>>, TransportError> {
    let call = Call::post("/access/ticket").with("username", user).with_secret("password", password.reveal());
    let answer = endpoints.send(&call, &HeaderMap::new()).await?;
    if !answer.is_success() {
        return Ok(Err(Box::new(answer)));
    }
    let refused = |reason: &str| Box::new(Answer { status: 401, reason: reason.to_owned(), message: None, data: serde_json::Value::Null, ..answer.clone() });
    if answer.data.get("NeedTFA").is_some_and(|needed| super::super::decode::boolean(needed) == Some(true)) {
        return Ok(Err(refused("this user needs a second factor to log in: use an API token instead")));
    }
    let member = |name: &str| answer.data.get(name).and_then(serde_json::Value::as_str);
    let ticket = member("ticket").zip(member("CSRFPreventionToken")).and_then(|(ticket, csrf_token)| {
        Some(Ticket {
            ticket: Secret::new(ticket),
            cookie: secret_header(&format!("PVEAuthCookie={}", segment(ticket)))?,
            csrf_token: secret_header(csrf_token)?,
            obtained: Instant::now(),
        })
    });
    Ok(ticket.ok_or_else(|| refused("the server's login answer holds no ticket")))
}

fn secret_header(text: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

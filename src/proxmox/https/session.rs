//! Who asks, as headers: a token's one header, or a ticket that is fetched, renewed and forgotten.

use std::time::Duration;

use hyper::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderValue};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::super::call::segment;
use super::super::{Answer, Call, Method, TransportError, decode};
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
        let is_user =
            |text: &str| text.rsplit_once('@').is_some_and(|(name, realm)| !name.is_empty() && !realm.is_empty());
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

    /// Returns the headers for a call, logging in first where that is needed.
    pub(super) async fn headers(&self, method: Method, endpoints: &Endpoints) -> Result<HeaderMap, NoLogin> {
        let (user, password, current) = match self {
            Self::Token(headers) => return Ok(headers.clone()),
            Self::Ticket { user, password, current } => (user, password, current),
        };
        // Held while logging in, so that calls that start together share one login.
        let mut current = current.lock().await;
        let ticket = match current.take() {
            Some(ticket) if ticket.obtained.elapsed() < RENEW_AFTER => ticket,
            old => new_ticket(user, password, old, endpoints).await?,
        };
        let mut headers = HeaderMap::from_iter([(COOKIE, ticket.cookie.clone())]);
        if !method.is_read() {
            headers.insert("CSRFPreventionToken", ticket.csrf_token.clone());
        }
        *current = Some(ticket);
        Ok(headers)
    }

    /// Drops the ticket these headers carried, and returns whether a new login could make a difference.
    pub(super) async fn forget(&self, headers: &HeaderMap) -> bool {
        let Self::Ticket { current, .. } = self else {
            return false;
        };
        let mut current = current.lock().await;
        if current.as_ref().is_some_and(|ticket| headers.get(COOKIE) == Some(&ticket.cookie)) {
            *current = None;
        }
        true
    }
}

/// Why there are no headers to send a call with.
pub(super) enum NoLogin {
    Refused(Box<Answer>),
    Failed(TransportError),
}

impl NoLogin {
    /// Returns what this means for the call that needed the login: it was not sent, even where the login's own answer was lost.
    pub(super) fn into_outcome(self) -> Result<Answer, TransportError> {
        match self {
            Self::Refused(answer) => Ok(*answer),
            Self::Failed(TransportError::AfterSend { endpoint, detail }) => {
                let detail = format!("the login broke off: {detail}");
                Err(TransportError::BeforeSend { endpoint, detail, hint: None })
            }
            Self::Failed(before @ TransportError::BeforeSend { .. }) => Err(before),
        }
    }
}

/// A living ticket buys the next one; the password is for when there is none or the server has enough of it.
async fn new_ticket(
    user: &str,
    password: &Secret,
    old: Option<Ticket>,
    endpoints: &Endpoints,
) -> Result<Ticket, NoLogin> {
    if let Some(old) = old.filter(|ticket| ticket.obtained.elapsed() < TICKET_LIFE) {
        match login(user, &old.ticket, endpoints).await {
            Err(NoLogin::Refused(_)) => {}
            outcome => return outcome,
        }
    }
    login(user, password, endpoints).await
}

async fn login(user: &str, password: &Secret, endpoints: &Endpoints) -> Result<Ticket, NoLogin> {
    let call = Call::post("/access/ticket").with("username", user).with_secret("password", password.reveal());
    let answer = endpoints.send(&call, &HeaderMap::new()).await.map_err(NoLogin::Failed)?;
    if !answer.is_success() {
        return Err(NoLogin::Refused(Box::new(answer)));
    }
    if answer.data.get("NeedTFA").and_then(decode::boolean) == Some(true) {
        return Err(refused(answer, "this user needs a second factor to log in: use an API token instead"));
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
    ticket.ok_or_else(|| refused(answer, "the server's login answer holds no ticket"))
}

/// Returns a login that the server granted as one that it refused, without the ticket that it holds.
fn refused(granted: Answer, reason: &str) -> NoLogin {
    let (reason, data) = (reason.to_owned(), serde_json::Value::Null);
    NoLogin::Refused(Box::new(Answer { status: 401, reason, message: None, data, ..granted }))
}

fn secret_header(text: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

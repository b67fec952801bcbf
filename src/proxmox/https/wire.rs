//! A call as an HTTP request, and an HTTP response as an [`Answer`]. Nothing here decides whether to send.

use std::io::{self, Read as _};

use bytes::Bytes;
use flate2::read::GzDecoder;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, DATE, HOST, HeaderMap, HeaderValue,
};
use hyper::{Request, Response};

use super::super::{Answer, Call, Clock, Method, TransportError};
use super::connection::Connection;
use super::{failure, file};

/// Returns the parameters form-encoded: names and values both, for the server cuts a value at a raw `;` or second `=`.
pub(super) fn form(call: &Call) -> String {
    let pairs = call.parameters.iter().map(|(name, value)| (name, value.reveal()));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// Refuses a body that the server would refuse.
pub(super) fn check_size(call: &Call, form: &str, limit_bytes: usize) -> Result<(), TransportError> {
    if form.len() <= limit_bytes || call.file.is_some() {
        return Ok(());
    }
    Err(TransportError::BeforeSend {
        endpoint: format!("{} {}", call.method.as_str(), call.path),
        detail: format!("the parameters take {} bytes, the server accepts {limit_bytes}", form.len()),
        hint: None,
    })
}

/// The body of a request.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Returns the request; POST and PUT carry a length even when empty, because the server refuses chunks.
pub(super) async fn request(
    endpoint: &reqwest::Url,
    call: &Call,
    headers: &HeaderMap,
    form: &str,
) -> Result<Request<Body>, TransportError> {
    let mut url = endpoint.clone();
    // What only a simulator answers is beside its API, not in it.
    let prefix = if call.path.starts_with("/spawnpoint/") { "" } else { "/api2/json" };
    url.set_path(&format!("{prefix}{}", call.path));
    let is_in_query = matches!(call.method, Method::Get | Method::Delete);
    url.set_query(Some(form).filter(|form| is_in_query && !form.is_empty()));
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let port = endpoint.port().map(|port| format!(":{port}")).unwrap_or_default();
    let mut request = Request::builder()
        .method(call.method.as_str())
        .uri(format!("{}{query}", url.path()))
        .header(HOST, format!("{}{port}", endpoint.host_str().unwrap_or_default()))
        .header(ACCEPT_ENCODING, "gzip");
    if let Some(all) = request.headers_mut() {
        all.extend(headers.clone());
    }
    if let Some(file) = &call.file {
        return file::request(request, call, file).await;
    }
    let body = if is_in_query {
        Bytes::new()
    } else {
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").header(CONTENT_LENGTH, form.len());
        Bytes::copy_from_slice(form.as_bytes())
    };
    let body = Full::new(body).map_err(|never| match never {}).boxed_unsync();
    request.body(body).map_err(|error| TransportError::BeforeSend {
        endpoint: format!("{} {}", call.method.as_str(), call.path),
        detail: error.to_string(),
        hint: None,
    })
}

/// Reads the whole response that comes on a connection.
pub(super) async fn answer(
    endpoint: &str,
    response: Response<Incoming>,
    limit_bytes: usize,
    connection: &Connection,
) -> Result<Answer, TransportError> {
    let lost = |detail: String| TransportError::AfterSend { endpoint: endpoint.to_owned(), detail };
    let too_long = || lost(format!("the answer is longer than {limit_bytes} bytes"));
    let date = response.headers().get(DATE).and_then(seconds);
    let is_local = connection.peer.is_some_and(|peer| peer.is_loopback());
    let simulator = simulator_clock(response.headers()).filter(|_| is_local);
    let is_packed = response.headers().get(CONTENT_ENCODING).is_some_and(|encoding| encoding == "gzip");
    let (status, reason) = (response.status().as_u16(), connection.take_reason());
    let (mut body, mut incoming) = (Vec::new(), response.into_body());
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| failure::after_send(endpoint, &error))?;
        let data = frame.into_data().unwrap_or_default();
        if body.len() + data.len() > limit_bytes {
            return Err(too_long());
        }
        body.extend_from_slice(&data);
    }
    // An empty answer is at times called packed too.
    if is_packed && !body.is_empty() {
        body = unpacked(&body, limit_bytes)
            .map_err(|error| lost(format!("the answer cannot be unpacked: {error}")))?
            .ok_or_else(too_long)?;
    }
    Ok(Answer { date, simulator, ..Answer::read(status, &reason, &body).map_err(lost)? })
}

/// Returns what was packed, if it is not longer than the limit.
fn unpacked(packed: &[u8], limit_bytes: usize) -> io::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    GzDecoder::new(packed).take(limit_bytes as u64 + 1).read_to_end(&mut body)?;
    Ok(Some(body).filter(|body| body.len() <= limit_bytes))
}

fn seconds(date: &HeaderValue) -> Option<i64> {
    let text = date.to_str().ok()?;
    jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp().as_second())
}

fn simulator_clock(headers: &HeaderMap) -> Option<Clock> {
    let is = |name: &str, expected: &str| headers.get(name).is_some_and(|value| value == expected);
    let clock = if is("x-spawnpoint-clock", "instant") { Clock::Instant } else { Clock::Real };
    is("x-spawnpoint-simulator", "1").then_some(clock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_inside_values_are_encoded() {
        let call = Call::put("/x")
            .with("net0", "virtio=BC:24:11:00:00:01,bridge=vmbr0")
            .with("tags", "a;b")
            .with("a", "x y+z");
        let call = call.with("command", "ls").with("command", "-l");
        assert_eq!(
            form(&call),
            "net0=virtio%3DBC%3A24%3A11%3A00%3A00%3A01%2Cbridge%3Dvmbr0&tags=a%3Bb&a=x+y%2Bz&command=ls&command=-l"
        );
    }

    #[test]
    fn an_oversized_call_is_not_sent() {
        let call = Call::put("/x").with("description", "a".repeat(100));
        let refusal = check_size(&call, &form(&call), 100).expect_err("112 bytes are more than 100");
        assert_eq!(refusal.to_string(), "cannot reach PUT /x: the parameters take 112 bytes, the server accepts 100");
    }

    #[test]
    fn http_dates_are_seconds() {
        assert_eq!(seconds(&HeaderValue::from_static("Fri, 20 Nov 2026 19:30:00 GMT")), Some(1_795_203_000));
        assert_eq!(seconds(&HeaderValue::from_static("yesterday")), None);
    }
}

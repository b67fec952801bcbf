//! A call as an HTTP request, and an HTTP response as an [`Answer`]. Nothing here decides whether to send.

use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap, HeaderValue};

use super::super::{Answer, Call, Clock, Method, TransportError};
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

/// Returns the request; POST and PUT carry a length even when empty, because the server refuses chunks.
pub(super) async fn request(
    client: &reqwest::Client,
    endpoint: &reqwest::Url,
    call: &Call,
    headers: HeaderMap,
    form: &str,
) -> Result<reqwest::RequestBuilder, TransportError> {
    let mut url = endpoint.clone();
    // What only a simulator answers is beside its API, not in it.
    let prefix = if call.path.starts_with("/spawnpoint/") { "" } else { "/api2/json" };
    url.set_path(&format!("{prefix}{}", call.path));
    let method = match call.method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Delete => reqwest::Method::DELETE,
    };
    if let Some(file) = &call.file {
        return file::request(client.request(method, url).headers(headers), call, file).await;
    }
    Ok(match call.method {
        Method::Get | Method::Delete => {
            url.set_query(Some(form).filter(|form| !form.is_empty()));
            client.request(method, url).headers(headers)
        }
        Method::Post | Method::Put => client
            .request(method, url)
            .headers(headers)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(CONTENT_LENGTH, form.len())
            .body(form.to_owned()),
    })
}

/// Reads the whole response.
pub(super) async fn answer(
    endpoint: &str,
    mut response: reqwest::Response,
    limit_bytes: usize,
    sees_peer: bool,
) -> Result<Answer, TransportError> {
    let lost = |detail: String| TransportError::AfterSend { endpoint: endpoint.to_owned(), detail };
    let is_local = sees_peer && response.remote_addr().is_some_and(|peer| peer.ip().is_loopback());
    let date = response.headers().get(DATE).and_then(seconds);
    let simulator = simulator_clock(response.headers()).filter(|_| is_local);
    let (status, reason) = (response.status().as_u16(), reason(&response));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure::after_send(endpoint, &error))? {
        if body.len() + chunk.len() > limit_bytes {
            return Err(lost(format!("the answer is longer than {limit_bytes} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { date, simulator, ..Answer::read(status, &reason, &body).map_err(lost)? })
}

/// Returns the reason phrase. Proxmox VE may put raw bytes beyond ASCII there, for which the HTTP stack hands over an empty one;
/// since 8.4 the body has the text too.
fn reason(response: &reqwest::Response) -> Vec<u8> {
    match response.extensions().get::<hyper::ext::ReasonPhrase>() {
        Some(phrase) => phrase.as_bytes().to_vec(),
        // The HTTP stack keeps only phrases that differ from the standard one.
        None => response.status().canonical_reason().unwrap_or_default().as_bytes().to_vec(),
    }
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

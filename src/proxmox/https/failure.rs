//! Why a request got no answer, in words: which side of the send it broke on, and what the user can do.

use std::error::Error;

use super::super::TransportError;
use super::trust::{Distrust, DistrustKind};

/// Returns the failure of a request: before the send only if no connection came about.
pub(super) fn of_request(endpoint: &str, error: &reqwest::Error) -> TransportError {
    if !error.is_connect() && !error.is_builder() {
        return after_send(endpoint, error);
    }
    let (detail, hint) = match found::<Distrust>(error) {
        Some(distrust) => (distrust.why.clone(), Some(distrust_hint(distrust))),
        None => (innermost(error), connect_hint(error)),
    };
    TransportError::BeforeSend { endpoint: endpoint.to_owned(), detail, hint }
}

/// Returns the failure of a request whose answer broke off or never came.
pub(super) fn after_send(endpoint: &str, error: &reqwest::Error) -> TransportError {
    let detail = if error.is_timeout() { "no answer in time".to_owned() } else { innermost(error) };
    TransportError::AfterSend { endpoint: endpoint.to_owned(), detail }
}

/// Returns one failure for all endpoints: all names and details, the first hint.
pub(super) fn combined(mut failures: Vec<TransportError>) -> TransportError {
    if failures.len() == 1 {
        return failures.remove(0);
    }
    let (mut details, mut hints) = (Vec::new(), Vec::new());
    for failure in failures {
        match failure {
            TransportError::BeforeSend { endpoint, detail, hint } => {
                details.push(format!("{endpoint}: {detail}"));
                hints.extend(hint);
            }
            after @ TransportError::AfterSend { .. } => return after,
        }
    }
    let hint = hints.into_iter().next();
    TransportError::BeforeSend { endpoint: "any endpoint".to_owned(), detail: details.join("; "), hint }
}

fn distrust_hint(distrust: &Distrust) -> String {
    let presented = distrust.presented;
    match distrust.kind {
        DistrustKind::UnknownIssuer => format!(
            "set `ca_file` to a copy of the cluster's /etc/pve/pve-root-ca.pem, or, after comparing it on the node, \
             `fingerprints = [\"{presented}\"]`"
        ),
        DistrustKind::OtherFingerprint => format!(
            "if the certificate was renewed, compare on the node and add \"{presented}\" to `fingerprints`; \
             if not, someone else answers under this address"
        ),
        DistrustKind::WrongName => {
            format!("use the name in the certificate as endpoint, or `fingerprints = [\"{presented}\"]`")
        }
        DistrustKind::Other => {
            format!("renew the certificate, or, after comparing it on the node, set `fingerprints = [\"{presented}\"]`")
        }
    }
}

fn connect_hint(error: &reqwest::Error) -> Option<String> {
    let chain = chain_text(error);
    let hint = if chain.contains("dns error") || chain.contains("failed to lookup") {
        "check the host name of the endpoint"
    } else if chain.contains("refused") {
        "nothing listens there: check the port (8006 on Proxmox VE) and that `pveproxy` runs"
    } else if error.is_timeout() {
        "nothing answers there: check the address and the firewalls on the way"
    } else if chain.contains("corrupt message") || chain.contains("InvalidContentType") {
        "what listens there does not speak TLS: check the port (8006 on Proxmox VE)"
    } else {
        return None;
    };
    Some(hint.to_owned())
}

fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(Some(error as &(dyn Error + 'static)), |error| next(*error))
}

/// Returns what an error stands for. An `io::Error` and rustls skip the error they wrap when asked for their source.
fn next<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    if let Some(inner) = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        return Some(inner);
    }
    if let Some(rustls::Error::Other(rustls::OtherError(inner))) = error.downcast_ref::<rustls::Error>() {
        return Some(inner.as_ref());
    }
    error.source()
}

fn found<T: Error + 'static>(error: &reqwest::Error) -> Option<&T> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// Returns the root cause. The outer texts repeat the URL, and with it the parameters of a GET.
fn innermost(error: &reqwest::Error) -> String {
    chain(error).last().map_or_else(String::new, ToString::to_string)
}

fn chain_text(error: &reqwest::Error) -> String {
    chain(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

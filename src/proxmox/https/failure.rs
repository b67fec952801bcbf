//! Why a request got no answer, in words: which side of the send it broke on, and what the user can do.

use std::error::Error;

use super::super::TransportError;
use super::connection::Broken;
use super::trust::{Distrust, DistrustKind};

type AnyError = dyn Error + 'static;

/// Returns the failure of a request.
pub(super) fn of_request(endpoint: &str, broken: &Broken) -> TransportError {
    let error: &AnyError = match broken {
        Broken::AfterSend(error) => return after_send(endpoint, &**error),
        Broken::BeforeSend(error) => &**error,
    };
    let (detail, hint) = match chain(error).find_map(|error| error.downcast_ref::<Distrust>()) {
        Some(distrust) => (distrust.why.clone(), Some(distrust_hint(distrust))),
        None => (innermost(error), connect_hint(error)),
    };
    TransportError::BeforeSend { endpoint: endpoint.to_owned(), detail, hint }
}

/// Returns the failure of a request whose answer broke off.
pub(super) fn after_send(endpoint: &str, error: &AnyError) -> TransportError {
    TransportError::AfterSend { endpoint: endpoint.to_owned(), detail: innermost(error) }
}

/// Returns the failure of a request whose answer never came.
pub(super) fn late(endpoint: &str) -> TransportError {
    TransportError::AfterSend { endpoint: endpoint.to_owned(), detail: "no answer in time".to_owned() }
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
        DistrustKind::Expired => format!(
            "renew it on the node: `pvecm updatecerts --force`, or `pvenode acme cert renew --force` if ACME made it; until \
             then, after comparing it there, `fingerprints = [\"{presented}\"]`"
        ),
        DistrustKind::Other => {
            format!("renew the certificate, or, after comparing it on the node, set `fingerprints = [\"{presented}\"]`")
        }
    }
}

fn connect_hint(error: &AnyError) -> Option<String> {
    let is_late = chain(error)
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::TimedOut);
    let chain = chain(error).map(ToString::to_string).collect::<Vec<_>>().join(": ");
    let hint = if chain.contains("the proxy ") {
        "check `proxy` and whether it lets connections to this port through"
    } else if chain.contains("failed to lookup") {
        "check the host name of the endpoint"
    } else if chain.contains("refused") {
        "nothing listens there: check the port (8006 on Proxmox VE) and that `pveproxy` runs"
    } else if is_late {
        "nothing answers there: check the address and the firewalls on the way"
    } else if chain.contains("corrupt message") || chain.contains("InvalidContentType") {
        "what listens there does not speak TLS: check the port (8006 on Proxmox VE)"
    } else {
        return None;
    };
    Some(hint.to_owned())
}

fn chain(error: &AnyError) -> impl Iterator<Item = &AnyError> {
    std::iter::successors(Some(error), |error| next(*error))
}

/// Returns what an error stands for. An `io::Error` and rustls skip the error they wrap when asked for their source.
fn next(error: &AnyError) -> Option<&AnyError> {
    if let Some(inner) = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        return Some(inner);
    }
    if let Some(rustls::Error::Other(rustls::OtherError(inner))) = error.downcast_ref::<rustls::Error>() {
        return Some(inner.as_ref());
    }
    error.source()
}

/// Returns the root cause.
fn innermost(error: &AnyError) -> String {
    chain(error).last().map_or_else(String::new, ToString::to_string)
}

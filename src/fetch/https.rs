//! Archives over HTTPS, with the system's certificate authorities.

use super::{ARCHIVE_BYTES_MAX, FetchError, too_large};
use crate::proxmox::https::Trust;
use reqwest::redirect::Policy;
use std::time::Duration;

/// How long a server may take for everything.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long it may take to be reached.
const CONNECT_PATIENCE: Duration = Duration::from_secs(20);
const REDIRECTS_MAX: usize = 5;

/// Returns what is at an address.
pub(super) async fn download(location: &str) -> Result<Vec<u8>, FetchError> {
    let tls = Trust::SystemRoots.client_config().map_err(|_| {
        FetchError::new("this system has no certificate authorities to trust")
            .hint("install its package `ca-certificates`, or set SSL_CERT_FILE")
    })?;
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(true)
        .redirect(Policy::limited(REDIRECTS_MAX))
        .connect_timeout(CONNECT_PATIENCE)
        .timeout(PATIENCE)
        // What has a checksum must come as it is.
        .no_gzip()
        .build()
        .map_err(|error| failed(location, &error))?;
    let mut response = client.get(location).send().await.map_err(|error| failed(location, &error))?;
    if !response.status().is_success() {
        return Err(FetchError::new(format!("`{location}` is answered {}", response.status())));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(location, &error))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 > ARCHIVE_BYTES_MAX {
            return Err(too_large(location));
        }
    }
    Ok(bytes)
}

/// The innermost cause says most.
fn failed(location: &str, error: &reqwest::Error) -> FetchError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    FetchError::new(format!("cannot fetch `{location}`: {cause}"))
}

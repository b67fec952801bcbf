//! `-endpoint` and what belongs to it: a server that no stack describes.

use super::clusters::{ENDPOINT, TOKEN, token_of};
use super::failure::Outcome;
use super::shell::Shell;
use crate::diagnostics::Diagnostic;
use crate::proxmox::https::{Fingerprint, Settings, Trust};
use std::path::PathBuf;

/// Which server, and how it proves who it is. The token comes from the environment: arguments can be read by everyone on the machine.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct ServerFlags {
    /// A server that no stack describes: https://HOST:8006. Its token is taken from PROXMOX_VE_API_TOKEN. May be repeated
    #[arg(long, value_name = "URL")]
    pub(super) endpoint: Vec<String>,
    /// SHA-256 fingerprint of its certificate, instead of the system's certificate authorities. May be repeated
    #[arg(long, value_name = "AA:BB:...", requires = "endpoint")]
    fingerprint: Vec<Fingerprint>,
    /// File with the certificate authority that signed its certificate
    #[arg(long, value_name = "FILE", requires = "endpoint", conflicts_with = "fingerprint")]
    ca_file: Option<PathBuf>,
}

impl ServerFlags {
    /// Returns how to reach the server: the one of the flags, else of the environment; nothing where neither names one.
    ///
    /// # Errors
    /// There is no token for it.
    pub(super) fn settings(&self, shell: &Shell) -> Outcome<Option<Settings>> {
        let environment = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let mut endpoints = self.endpoint.clone();
        if endpoints.is_empty() {
            endpoints.extend(environment(ENDPOINT));
        }
        if endpoints.is_empty() {
            return Ok(None);
        }
        let credentials = environment(TOKEN).as_deref().and_then(token_of).ok_or_else(|| {
            Diagnostic::error(format!("there is no token for {}", endpoints.join(", ")))
                .hint(format!("set {TOKEN} to USER@REALM!NAME=SECRET"))
        })?;
        let mut settings = Settings::new(endpoints, credentials);
        settings.trust = self.trust(shell);
        Ok(Some(settings))
    }

    /// Returns how the server proves who it is.
    pub(super) fn trust(&self, shell: &Shell) -> Trust {
        match (&self.ca_file, self.fingerprint.is_empty()) {
            (Some(file), _) => Trust::CaFile(shell.folder.join(file)),
            (None, false) => Trust::Fingerprints(self.fingerprint.clone()),
            (None, true) => Trust::SystemRoots,
        }
    }
}

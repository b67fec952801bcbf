//! How a server proves who it is: certificate authorities, or pinned fingerprints of its certificate.
//!
//! The handshake signature is verified in every mode, so a stolen certificate without its key is useless everywhere.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};

use super::settings::SettingsError;

/// Whom to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The certificate authorities of the operating system.
    SystemRoots,
    /// The certificate authorities of a PEM file, e.g. a copy of the cluster's `/etc/pve/pve-root-ca.pem`.
    CaFile(PathBuf),
    /// Certificates with one of these fingerprints; names, dates and chains are not looked at.
    Fingerprints(Vec<Fingerprint>),
    /// Anyone. Only ever chosen by this word.
    Insecure,
}

/// SHA-256 of a certificate in DER form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Returns the fingerprint of a certificate.
    pub fn of(certificate_der: &[u8]) -> Self {
        Self(Sha256::digest(certificate_der).into())
    }
}

impl FromStr for Fingerprint {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits: String = text.trim().split(':').collect();
        let fail = || SettingsError::Fingerprint(text.to_owned());
        if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(fail());
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&digits[2 * index..2 * index + 2], 16).map_err(|_| fail())?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02X}", if index == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A server that did not convince, and what it showed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{why}")]
pub(super) struct Distrust {
    pub(super) presented: Fingerprint,
    pub(super) why: String,
    pub(super) kind: DistrustKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DistrustKind {
    UnknownIssuer,
    OtherFingerprint,
    WrongName,
    Expired,
    Other,
}

impl Trust {
    /// Returns how TLS is spoken with a server that must prove itself like this.
    ///
    /// # Errors
    /// A file cannot be read, or there is nothing to trust.
    pub fn client_config(&self) -> Result<ClientConfig, SettingsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let check = match self {
            Self::SystemRoots => Check::Chain(chain_verifier(system_roots(), &provider)?),
            Self::CaFile(path) => Check::Chain(chain_verifier(file_roots(path)?, &provider)?),
            Self::Fingerprints(pins) if pins.is_empty() => {
                return Err(SettingsError::NoFingerprint);
            }
            Self::Fingerprints(pins) => Check::Pins(pins.clone()),
            Self::Insecure => Check::Nothing,
        };
        let verifier = Verifier { check, provider: Arc::clone(&provider) };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| SettingsError::Stack(error.to_string()))?;
        Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
    }
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    // One unreadable certificate among a hundred is no reason to stop; none at all is, and is reported by the caller.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn file_roots(path: &Path) -> Result<RootCertStore, SettingsError> {
    let fail = |why: String| SettingsError::CaFile { path: path.to_owned(), why };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| fail(error.to_string()))? {
        let certificate = certificate.map_err(|error| fail(error.to_string()))?;
        roots.add(certificate).map_err(|error| fail(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(fail("it holds no certificate".to_owned()));
    }
    Ok(roots)
}

fn chain_verifier(
    roots: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, SettingsError> {
    if roots.is_empty() {
        return Err(SettingsError::NoSystemRoots);
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| SettingsError::Stack(error.to_string()))
}

#[derive(Debug)]
enum Check {
    Chain(Arc<WebPkiServerVerifier>),
    Pins(Vec<Fingerprint>),
    Nothing,
}

/// Applies a [`Check`], and on failure keeps the fingerprint that the server presented, for the message.
#[derive(Debug)]
struct Verifier {
    check: Check,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let presented = Fingerprint::of(end_entity);
        let distrust = match &self.check {
            Check::Nothing => return Ok(ServerCertVerified::assertion()),
            Check::Pins(pins) if pins.contains(&presented) => {
                return Ok(ServerCertVerified::assertion());
            }
            Check::Pins(pins) => {
                let expected: Vec<String> = pins.iter().map(Fingerprint::to_string).collect();
                let why = format!(
                    "the server's certificate has the fingerprint {presented}, expected {}",
                    expected.join(" or ")
                );
                Distrust { presented, why, kind: DistrustKind::OtherFingerprint }
            }
            Check::Chain(chain) => {
                let verdict = chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
                let Err(error) = verdict else { return verdict };
                chain_distrust(presented, &error)
            }
        };
        Err(rustls::Error::Other(rustls::OtherError(Arc::new(distrust))))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn chain_distrust(presented: Fingerprint, error: &rustls::Error) -> Distrust {
    use rustls::CertificateError::{
        BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext, UnknownIssuer,
    };
    let (kind, why) = match error {
        // A bad signature: signed by another authority of the same name.
        rustls::Error::InvalidCertificate(UnknownIssuer | BadSignature) => {
            (DistrustKind::UnknownIssuer, "the server's certificate is not signed by a known authority".to_owned())
        }
        rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => {
            (DistrustKind::WrongName, "the server's certificate is for another name".to_owned())
        }
        rustls::Error::InvalidCertificate(Expired | ExpiredContext { .. }) => {
            (DistrustKind::Expired, "the server's certificate has ended".to_owned())
        }
        other => (DistrustKind::Other, format!("the server's certificate is not accepted: {other}")),
    };
    Distrust { presented, why, kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_in_every_spelling() {
        let fingerprint = Fingerprint::of(b"a certificate");
        let printed = fingerprint.to_string();
        assert_eq!(printed.len(), 95);
        for text in [printed.clone(), printed.to_lowercase(), printed.replace(':', ""), format!(" {printed}\n")] {
            assert_eq!(text.parse(), Ok(fingerprint), "{text}");
        }
        for text in ["", "AA:BB", &printed[1..], &printed.replace(['A', '0'], "G"), &format!("{printed}:00")] {
            assert!(text.parse::<Fingerprint>().is_err(), "{text}");
        }
    }
}

//! The simulator's own certificate authority and the certificate its server shows. Keys are readable by their owner only.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};

/// What a server needs to speak TLS.
pub(super) struct Certificates {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    pub(super) ca_pem: PathBuf,
}

impl Certificates {
    /// Reads the certificates kept in a folder, or makes them. The leaf is for one address, localhost and 127.0.0.1.
    pub(super) fn open(folder: &Path, address: IpAddr) -> Result<Self, String> {
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let ca_pem = folder.join("ca.pem");
        let ca_key_path = folder.join("ca-key.pem");
        if !ca_pem.exists() || !ca_key_path.exists() {
            let key = KeyPair::generate().map_err(|error| error.to_string())?;
            let certificate = ca_parameters().self_signed(&key).map_err(|error| error.to_string())?;
            write(&ca_key_path, &key.serialize_pem(), 0o600)?;
            write(&ca_pem, &certificate.pem(), 0o644)?;
        }
        let leaf_path = folder.join(format!("server-{address}.pem"));
        let leaf_key_path = folder.join(format!("server-{address}-key.pem"));
        if !leaf_path.exists() || !leaf_key_path.exists() {
            let ca_key = KeyPair::from_pem(&read(&ca_key_path)?).map_err(|error| error.to_string())?;
            let issuer = Issuer::new(ca_parameters(), ca_key);
            let key = KeyPair::generate().map_err(|error| error.to_string())?;
            let leaf = leaf_parameters(address)?.signed_by(&key, &issuer).map_err(|error| error.to_string())?;
            write(&leaf_key_path, &key.serialize_pem(), 0o600)?;
            write(&leaf_path, &leaf.pem(), 0o644)?;
        }
        let leaf = CertificateDer::from_pem_file(&leaf_path).map_err(|error| error.to_string())?;
        let ca = CertificateDer::from_pem_file(&ca_pem).map_err(|error| error.to_string())?;
        let key = PrivateKeyDer::from_pem_file(&leaf_key_path).map_err(|error| error.to_string())?;
        Ok(Self { chain: vec![leaf, ca], key, ca_pem })
    }

    /// Returns the SHA-256 of the leaf as `AA:BB:...`, the form Proxmox VE shows.
    pub(super) fn fingerprint(&self) -> String {
        let hash = Sha256::digest(&self.chain[0]);
        hash.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
    }
}

fn ca_parameters() -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.distinguished_name.push(DnType::CommonName, "Spawnpoint simulator CA");
    parameters.key_usages =
        vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    set_validity(&mut parameters);
    parameters
}

fn leaf_parameters(address: IpAddr) -> Result<CertificateParams, String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    if address.to_string() != "127.0.0.1" {
        names.push(address.to_string());
    }
    let mut parameters = CertificateParams::new(names).map_err(|error| error.to_string())?;
    parameters.distinguished_name.push(DnType::CommonName, "Spawnpoint simulator");
    parameters.use_authority_key_identifier_extension = true;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    set_validity(&mut parameters);
    Ok(parameters)
}

/// A lab may be opened years later and its certificate says nothing about anybody.
fn set_validity(parameters: &mut CertificateParams) {
    parameters.not_before = rcgen::date_time_ymd(2024, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(2049, 1, 1);
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), String> {
    let file = OpenOptions::new().create(true).write(true).truncate(true).mode(mode).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| format!("{}: {error}", path.display()))
}

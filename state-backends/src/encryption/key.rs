//! The encryption key that the user keeps: a passphrase, or a file of 32 random bytes.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::cipher::{Cipher, as_key, random_bytes};
use crate::error::{Error, Result};

/// The key that protects a workspace's keyring. It is never stored next to what it protects.
#[derive(Clone)]
pub struct EncryptionKey(Material);

#[derive(Clone)]
enum Material {
    Passphrase(Zeroizing<String>),
    Bytes(Zeroizing<[u8; 32]>),
}

impl EncryptionKey {
    /// Returns the key of a passphrase; an empty one is refused.
    pub fn from_passphrase(passphrase: impl Into<String>) -> Result<Self> {
        let passphrase = Zeroizing::new(passphrase.into());
        if passphrase.is_empty() {
            return Err(Error::EmptyPassphrase);
        }
        Ok(Self(Material::Passphrase(passphrase)))
    }

    /// Returns the key of 32 random bytes.
    pub fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(Material::Bytes(bytes))
    }

    /// Returns a key that nobody knows: for state that ends with the process.
    pub fn random() -> Result<Self> {
        random_bytes().map(Self::from_bytes)
    }

    /// Reads a key file: exactly 32 bytes, as [`create_key_file`] writes them.
    pub fn from_key_file(path: &Path) -> Result<Self> {
        let failed = |source| Error::Io { action: "read", path: path.to_owned(), source };
        let mut bytes = Zeroizing::new(Vec::with_capacity(64));
        // Nothing that is not a key file needs to be read to its end.
        File::open(path).map_err(failed)?.take(64).read_to_end(&mut bytes).map_err(failed)?;
        let wrong_length = || Error::KeyFileLength { path: path.to_owned() };
        as_key(&bytes).map(Self::from_bytes).ok_or_else(wrong_length)
    }

    /// Returns how a cipher is to be made from this key from now on.
    pub(super) fn new_derivation(&self) -> Result<Derivation> {
        match &self.0 {
            Material::Bytes(_) => Ok(Derivation::KeyFile),
            Material::Passphrase(_) => Ok(Derivation::Argon2id {
                salt: STANDARD_NO_PAD.encode(random_bytes::<16>()?.as_slice()),
                memory_kib: 64 * 1024,
                iterations: 3,
                lanes: 1,
            }),
        }
    }

    /// Returns the cipher of this key, or `None` if the derivation is for another kind of key or makes no sense.
    pub(super) fn cipher(&self, derivation: &Derivation) -> Option<Cipher> {
        match (&self.0, derivation) {
            (Material::Bytes(bytes), Derivation::KeyFile) => Some(Cipher::new(bytes.clone())),
            (Material::Passphrase(passphrase), Derivation::Argon2id { salt, memory_kib, iterations, lanes }) => {
                if *memory_kib > MOST_MEMORY_KIB || *iterations > MOST_ITERATIONS {
                    return None;
                }
                let salt = STANDARD_NO_PAD.decode(salt).ok()?;
                let argon2 = Argon2::new(
                    Algorithm::Argon2id,
                    Version::V0x13,
                    Params::new(*memory_kib, *iterations, *lanes, None).ok()?,
                );
                let mut key = Zeroizing::new([0; 32]);
                argon2.hash_password_into(passphrase.as_bytes(), &salt, key.as_mut_slice()).ok()?;
                Some(Cipher::new(key))
            }
            (Material::Bytes(_), Derivation::Argon2id { .. }) | (Material::Passphrase(_), Derivation::KeyFile) => None,
        }
    }
}

/// A keyring comes from a place that others may write to. It must not make us use all memory or run for ever.
const MOST_MEMORY_KIB: u32 = 1024 * 1024;
const MOST_ITERATIONS: u32 = 64;

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("EncryptionKey(sensitive)")
    }
}

/// How the encryption key becomes a cipher; stored in the keyring, so that stronger parameters later do not lock anyone out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Derivation {
    /// The 32 bytes are the key.
    KeyFile,
    /// The key is the Argon2id hash of a passphrase. Ours cost the second choice of RFC 9106 in memory and time, on one lane.
    Argon2id { salt: String, memory_kib: u32, iterations: u32, lanes: u32 },
}

impl Derivation {
    /// Returns what kind of key it takes, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::KeyFile => "key file",
            Self::Argon2id { .. } => "passphrase",
        }
    }
}

/// Creates a file with a new random key that only its owner can read, and its folder. Never overwrites.
pub fn create_key_file(path: &Path) -> Result<EncryptionKey> {
    if let Some(folder) = path.parent() {
        let failed = |source| Error::Io { action: "create", path: folder.to_owned(), source };
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let key = random_bytes::<32>()?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => Error::KeyFileExists { path: path.to_owned() },
        _ => Error::Io { action: "create", path: path.to_owned(), source },
    })?;
    let written = file.write_all(key.as_slice()).and_then(|()| file.sync_all());
    written.map_err(|source| Error::Io { action: "write", path: path.to_owned(), source })?;
    Ok(EncryptionKey::from_bytes(key))
}

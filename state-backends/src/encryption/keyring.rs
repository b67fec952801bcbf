//! The keys of a workspace, and the keyring in which the backend stores them sealed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::cipher::{Cipher, as_key, random_bytes};
use super::fingerprint::FingerprintKey;
use super::key::{Derivation, EncryptionKey};
use crate::backend::Backend;
use crate::error::{Error, Result};

/// The format of keyrings that this version writes and reads.
const FORMAT: u32 = 1;

/// The keys of one workspace, opened.
#[derive(Debug)]
pub struct Keys {
    cipher: Cipher,
    fingerprints: FingerprintKey,
}

impl Keys {
    /// Opens the workspace's keyring, making it if there is a key and no keyring yet.
    ///
    /// Without a key: nothing for a workspace that was never protected, [`Error::MissingKey`] for one that was.
    pub async fn open(backend: &dyn Backend, key: Option<&EncryptionKey>) -> Result<Option<Arc<Self>>> {
        let place = backend.place();
        match (backend.keyring().await?, key) {
            (None, None) => Ok(None),
            (Some(stored), None) => {
                let protected_with = Keyring::parse(&stored, &place)?.derivation.kind();
                Err(Error::MissingKey { place, protected_with })
            }
            (Some(stored), Some(key)) => unlock(stored, key.clone(), place).await.map(Some),
            (None, Some(key)) => {
                let material = Material::random()?;
                let made = lock(material.clone(), key.clone()).await?;
                backend.replace_keyring(None, &made).await?;
                // Someone else may have been faster; then theirs counts, and the key has to open it.
                match backend.keyring().await? {
                    Some(stored) if stored == made => Ok(Some(Arc::new(material.into()))),
                    Some(stored) => unlock(stored, key.clone(), place).await.map(Some),
                    None => Err(Error::Corrupt { place, detail: "its keyring vanished".to_owned() }),
                }
            }
        }
    }

    /// Protects the workspace with another encryption key. What was sealed stays sealed as it is: the keys inside stay the same.
    pub async fn change(backend: &dyn Backend, old: &EncryptionKey, new: &EncryptionKey) -> Result<()> {
        let place = backend.place();
        let stored = backend
            .keyring()
            .await?
            .ok_or_else(|| Error::Corrupt { place: place.clone(), detail: "it has no keyring".to_owned() })?;
        let (before, opened_by, named) = (stored.clone(), old.clone(), place.clone());
        let material = on_blocking_thread(move || Keyring::parse(&before, &named)?.unlock(&opened_by, &named)).await?;
        let after = lock(material, new.clone()).await?;
        backend.replace_keyring(Some(&stored), &after).await?;
        if backend.keyring().await?.as_ref() == Some(&after) { Ok(()) } else { Err(Error::Busy { place }) }
    }

    /// Returns the cipher for texts and values of this workspace.
    pub fn cipher(&self) -> &Cipher {
        &self.cipher
    }

    /// Returns the key for fingerprints of secrets.
    pub fn fingerprints(&self) -> &FingerprintKey {
        &self.fingerprints
    }
}

/// The bytes of both keys, as they are before sealing and after opening.
#[derive(Clone)]
struct Material {
    data: Zeroizing<[u8; 32]>,
    fingerprint: Zeroizing<[u8; 32]>,
}

impl Material {
    fn random() -> Result<Self> {
        Ok(Self { data: random_bytes()?, fingerprint: random_bytes()? })
    }
}

impl From<Material> for Keys {
    fn from(Material { data, fingerprint }: Material) -> Self {
        Self { cipher: Cipher::new(data), fingerprints: FingerprintKey::new(fingerprint) }
    }
}

/// What the backend stores, as JSON.
#[derive(Serialize, Deserialize)]
struct Keyring {
    format: u32,
    derivation: Derivation,
    data_key: String,
    fingerprint_key: String,
}

/// The part of a keyring that every format has.
#[derive(Deserialize)]
struct AnyFormat {
    format: u32,
}

const DATA_KEY: &str = "data key";
const FINGERPRINT_KEY: &str = "fingerprint key";

impl Keyring {
    fn parse(text: &str, place: &str) -> Result<Self> {
        let damaged = |error: serde_json::Error| Error::Corrupt {
            place: place.to_owned(),
            detail: format!("its keyring: {error}"),
        };
        let AnyFormat { format } = serde_json::from_str(text).map_err(damaged)?;
        if format > FORMAT {
            return Err(Error::FormatTooNew { place: format!("{place}, keyring"), format, supported: FORMAT });
        }
        serde_json::from_str(text).map_err(damaged)
    }

    fn lock(material: &Material, key: &EncryptionKey) -> Result<Self> {
        let derivation = key.new_derivation()?;
        let cipher = key.cipher(&derivation).expect("a key fits the derivation made for it");
        let data_key = cipher.seal(DATA_KEY, material.data.as_slice())?;
        let fingerprint_key = cipher.seal(FINGERPRINT_KEY, material.fingerprint.as_slice())?;
        Ok(Self { format: FORMAT, derivation, data_key, fingerprint_key })
    }

    fn unlock(&self, key: &EncryptionKey, place: &str) -> Result<Material> {
        let wrong_key = || Error::WrongKey { place: place.to_owned(), protected_with: self.derivation.kind() };
        let cipher = key.cipher(&self.derivation).ok_or_else(wrong_key)?;
        let open = |context, sealed| -> Result<Zeroizing<[u8; 32]>> {
            let bytes = cipher.open(context, sealed).map_err(|error| match error {
                Error::Unsealable { .. } => wrong_key(),
                other => other,
            })?;
            as_key(&bytes).ok_or_else(wrong_key)
        };
        Ok(Material {
            data: open(DATA_KEY, &self.data_key)?,
            fingerprint: open(FINGERPRINT_KEY, &self.fingerprint_key)?,
        })
    }
}

async fn unlock(stored: String, key: EncryptionKey, place: String) -> Result<Arc<Keys>> {
    let material = on_blocking_thread(move || Keyring::parse(&stored, &place)?.unlock(&key, &place)).await?;
    Ok(Arc::new(material.into()))
}

async fn lock(material: Material, key: EncryptionKey) -> Result<String> {
    let keyring = on_blocking_thread(move || Keyring::lock(&material, &key)).await?;
    Ok(serde_json::to_string(&keyring).expect("a keyring is plain texts and numbers"))
}

/// Deriving a key from a passphrase takes a fair part of a second, on purpose.
async fn on_blocking_thread<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .expect("deriving a key does not panic, and the runtime runs as long as we wait")
}

//! Protecting what is stored: keys, sealed texts, and a backend that seals what goes through it.
//!
//! ```text
//! EncryptionKey (passphrase | key file) ── opens ──▶ keyring, stored in the backend ──▶ Keys ─┬─ Cipher          seals texts and values
//!                                                                                             └─ FingerprintKey  tells secrets apart
//! ```
//!
//! The keyring holds two random keys, sealed with the encryption key. So changing a passphrase rewrites the keyring and nothing else:
//! history stays as it was written, and fingerprints stay comparable for the life of the workspace.

mod cipher;
mod fingerprint;
mod key;
mod keyring;
mod protected;

pub use cipher::{Cipher, is_sealed};
pub use fingerprint::FingerprintKey;
pub use key::{EncryptionKey, create_key_file};
pub use keyring::Keys;
pub use protected::Protected;

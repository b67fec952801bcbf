//! Telling whether a secret changed without keeping it: HMAC-SHA256 with a key of the workspace.
//!
//! A plain hash would let anyone who reads the state try passwords; without the key a fingerprint says nothing.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Makes fingerprints. It is made once per workspace and never changes, so old fingerprints stay comparable.
pub struct FingerprintKey {
    key: Zeroizing<[u8; 32]>,
}

impl FingerprintKey {
    /// Returns a fingerprint key with these bytes.
    pub fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self { key }
    }

    /// Returns the key itself, for whoever makes fingerprints of their own kind.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.key
    }

    /// Returns the fingerprint of a secret: `hmac-sha256:` and 43 characters. Equal secrets have equal fingerprints.
    pub fn fingerprint(&self, secret: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.as_slice()).expect("HMAC takes keys of any length");
        mac.update(secret);
        format!("hmac-sha256:{}", STANDARD_NO_PAD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FingerprintKey(sensitive)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_hmac_sha256_and_stay_what_they_are() {
        let key = FingerprintKey::new(Zeroizing::new([7; 32]));
        assert_eq!(key.fingerprint(b"hunter2"), "hmac-sha256:Mm609ng+UZ8ZjDKSm9KOZsUik4e8rX6qZRsgYTYi7J8");
        assert_ne!(key.fingerprint(b"hunter2"), key.fingerprint(b"hunter3"));
        assert_ne!(key.fingerprint(b"hunter2"), FingerprintKey::new(Zeroizing::new([8; 32])).fingerprint(b"hunter2"));
        assert_eq!(format!("{key:?}"), "FingerprintKey(sensitive)");
    }
}

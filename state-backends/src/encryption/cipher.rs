//! Sealing bytes into text with XChaCha20-Poly1305, and opening them again.
//!
//! A sealed text reads `sealed:1:<base64 of nonce and ciphertext>`. The nonce has 192 bits and is random: a key can seal more texts than
//! anyone will ever store. The context is authenticated with the text, so a text moved elsewhere does not open there.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// The format of sealed texts that this version writes and reads.
const FORMAT: u32 = 1;

const PREFIX: &str = "sealed:";

const NONCE_BYTES: usize = 24;

/// Seals and opens with one key.
pub struct Cipher {
    key: Zeroizing<[u8; 32]>,
}

impl Cipher {
    /// Returns a cipher with this key.
    pub fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self { key }
    }

    /// Seals bytes. `context` says what they belong to; opening takes the same one. It is not secret and not stored.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<String> {
        let nonce: [u8; NONCE_BYTES] = *random_bytes()?;
        let payload = Payload { msg: plain, aad: context.as_bytes() };
        let sealed = self
            .algorithm()
            .encrypt(&XNonce::from(nonce), payload)
            .expect("the text is far below the limit of 256 GiB");
        let mut bytes = nonce.to_vec();
        bytes.extend(sealed);
        Ok(format!("{PREFIX}{FORMAT}:{}", STANDARD_NO_PAD.encode(bytes)))
    }

    /// Opens a text that [`Cipher::seal`] returned for the same context.
    pub fn open(&self, context: &str, sealed: &str) -> Result<Zeroizing<Vec<u8>>> {
        let refused = || Error::Unsealable { context: context.to_owned() };
        let (format, encoded) =
            sealed.strip_prefix(PREFIX).and_then(|rest| rest.split_once(':')).ok_or_else(refused)?;
        match format.parse::<u32>() {
            Ok(FORMAT) => {}
            Ok(format) if format > FORMAT => {
                return Err(Error::FormatTooNew { place: context.to_owned(), format, supported: FORMAT });
            }
            Ok(_) | Err(_) => return Err(refused()),
        }
        let bytes = STANDARD_NO_PAD.decode(encoded).map_err(|_| refused())?;
        let (nonce, ciphertext) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or_else(refused)?;
        let payload = Payload { msg: ciphertext, aad: context.as_bytes() };
        self.algorithm().decrypt(&XNonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| refused())
    }

    fn algorithm(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new_from_slice(self.key.as_slice()).expect("a key has 32 bytes")
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Cipher(sensitive)")
    }
}

/// Returns whether a text looks like one that [`Cipher::seal`] returned, with whatever key.
pub fn is_sealed(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// Returns the bytes as a key, if there are 32. They are copied into memory that is wiped, and nowhere else.
pub(super) fn as_key(bytes: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    if bytes.len() != key.len() {
        return None;
    }
    key.copy_from_slice(bytes);
    Some(key)
}

/// Returns random bytes from the operating system.
pub(super) fn random_bytes<const N: usize>() -> Result<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut_slice()).map_err(Error::Random)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cipher(byte: u8) -> Cipher {
        Cipher::new(Zeroizing::new([byte; 32]))
    }

    #[test]
    fn what_is_sealed_opens_with_the_same_key_and_context_only() {
        for plain in ["", "x", "päss\0word", &"long ".repeat(10_000)] {
            let sealed = cipher(1).seal("vm.web", plain.as_bytes()).expect("random bytes");
            assert!(is_sealed(&sealed));
            assert_eq!(cipher(1).open("vm.web", &sealed).expect("sealed above").as_slice(), plain.as_bytes());
            assert!(matches!(cipher(2).open("vm.web", &sealed), Err(Error::Unsealable { .. })));
            assert!(matches!(cipher(1).open("vm.db", &sealed), Err(Error::Unsealable { .. })));
        }
    }

    #[test]
    fn one_text_is_sealed_differently_each_time() {
        let seal = || cipher(1).seal("", b"same").expect("random bytes");
        assert_ne!(seal(), seal());
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let sealed = cipher(1).seal("", b"text").expect("random bytes");
        for position in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII stays ASCII");
            assert!(cipher(1).open("", &changed).is_err(), "byte {position} of {changed}");
        }
        for length in 0..sealed.len() {
            assert!(cipher(1).open("", &sealed[..length]).is_err(), "cut to {length}");
        }
    }

    #[test]
    fn format_1_stays_readable() {
        let sealed = "sealed:1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXwGLF8Z9uaQ6Asw/wad6PBonkKw19yY8";
        assert_eq!(cipher(7).open("vm.web", sealed).expect("format 1").as_slice(), b"hunter2");
    }

    #[test]
    fn a_newer_format_says_so() {
        let error = cipher(1).open("snapshot", "sealed:2:AAAA").expect_err("newer format");
        assert_eq!(error.to_string(), "`snapshot` has format 2, this version reads up to 1");
    }

    #[test]
    fn debug_output_hides_the_key() {
        assert_eq!(format!("{:?}", cipher(65)), "Cipher(sensitive)");
    }
}

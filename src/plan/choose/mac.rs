//! MAC addresses: made from lineage, address and slot, under Proxmox's own prefix, so that the same stack gets the same ones.

use super::Ledger;
use sha2::{Digest, Sha256};

/// Prefix of addresses made by Proxmox VE since 8.1.
const PREFIX: &str = "BC:24:11";

impl Ledger {
    /// Notes a MAC address that is in use.
    pub(in crate::plan) fn keep_mac(&mut self, mac: &str) {
        self.macs.insert(mac.to_uppercase());
    }

    /// Returns the MAC address of a slot; collisions are resolved by hashing again.
    pub(in crate::plan) fn choose_mac(&mut self, lineage: &str, address: &str, slot: &str) -> String {
        let mut attempt = 0_u32;
        loop {
            let hash = Sha256::digest(format!("{lineage}\n{address}\n{slot}\n{attempt}"));
            let mac = format!("{PREFIX}:{:02X}:{:02X}:{:02X}", hash[0], hash[1], hash[2]);
            if self.macs.insert(mac.clone()) {
                return mac;
            }
            attempt += 1;
        }
    }
}

//! Ports of game servers: the game's default, then its stride, without collision on one guest.

use super::Ledger;
use crate::config::Address;

impl Ledger {
    /// Takes a port on a guest; says who has it otherwise.
    pub(in crate::plan) fn take_port(&mut self, guest: &Address, port: u16, owner: &Address) -> Result<(), Address> {
        match self.ports.get(&(guest.clone(), port)) {
            Some(other) if other != owner => Err(other.clone()),
            _ => {
                self.ports.insert((guest.clone(), port), owner.clone());
                Ok(())
            }
        }
    }

    /// Takes the first free port from `default` upwards in steps of `stride`; `None`: there is none.
    pub(in crate::plan) fn choose_port(
        &mut self,
        guest: &Address,
        default: u16,
        stride: u16,
        owner: &Address,
    ) -> Option<u16> {
        let free = (0..)
            .map_while(|step| default.checked_add(stride.max(1).checked_mul(step)?))
            .find(|port| !self.ports.contains_key(&(guest.clone(), *port)))?;
        self.ports.insert((guest.clone(), free), owner.clone());
        Some(free)
    }
}

//! One integration binary.

mod games;
mod provision;
mod provision_guest;
mod provision_sshd;

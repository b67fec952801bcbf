//! One integration binary.

mod client;
mod client_login;
mod client_server;
mod games;
mod provision;
mod provision_guest;
mod provision_sshd;

//! One integration binary.

mod client;
mod client_login;
mod client_server;
mod games;
mod provision;
mod provision_guest;
mod provision_sshd;
//! One integration binary: every file of this folder is a module here, which `tidy` checks.

mod harness;
mod render_plan;
mod render_progress;

//! One integration binary: every file of this folder is a module here, which `tidy` checks.

mod cli;
mod cli_errors;
mod cli_server;
mod client;
mod client_login;
mod client_server;
mod config;
mod config_input;
mod config_scale;
mod games;
mod harness;
mod plans;
mod provision;
mod provision_guest;
mod provision_sshd;
mod render_plan;
mod render_progress;
mod simulator;
mod simulator_server;
mod tidy;

//! One integration binary: every file of this folder is a module here, which `tidy` checks.

mod client;
mod client_login;
mod client_server;
mod config;
mod games;
mod harness;
mod planner_properties;
mod planner_world;
mod plans;
mod provision;
mod provision_guest;
mod provision_sshd;
mod render_plan;
mod render_progress;
mod simulator;
mod tidy;

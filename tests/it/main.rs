//! One integration binary: every file of this folder is a module here, which `tidy` checks.

mod cli;
mod cli_errors;
mod cli_server;
mod apply;
mod apply_faults;
mod apply_lab;
mod apply_state;
mod client;
mod client_login;
mod client_server;
mod config;
mod config_input;
mod config_scale;
mod games;
mod harness;
mod planner_world;
mod plans;
mod provision;
mod provision_guest;
mod provision_sshd;
mod render_plan;
mod render_progress;
mod simulator;
mod simulator_server;
mod tidy;
mod quickstart;
mod tidy;
mod simulator_server;
mod config_input;
mod config_scale;
mod simulator_server;
mod tidy;
//! One integration binary.
mod expressions;

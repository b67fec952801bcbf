//! One integration binary: every file of this folder is a module here, which `tidy` checks.

#![expect(clippy::print_stdout, reason = "tests say what they ran and what they left out")]

mod apply;
mod apply_faults;
mod apply_lab;
mod apply_state;
mod cli;
mod cli_errors;
mod cli_fmt;
mod cli_server;
mod client;
mod client_login;
mod client_server;
mod config;
mod config_input;
mod config_scale;
mod console;
mod docs;
mod examples;
mod expressions;
mod fmt;
mod fmt_generated;
mod fuzz;
mod games;
mod guest_e2e;
mod harness;
mod hostile;
mod https;
mod kill;
mod language_test;
mod planner_properties;
mod planner_world;
mod plans;
mod provision;
mod provision_guest;
mod provision_sshd;
mod proxmoxer;
mod quickstart;
mod render_plan;
mod render_progress;
mod served;
mod simulator;
mod simulator_server;
mod tidy;
mod wrong_stacks;

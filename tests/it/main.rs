//! One integration binary.

mod config;
mod config_input;
mod config_scale;
mod expressions;

//! One integration binary.

mod simulator;
mod simulator_server;

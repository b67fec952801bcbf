//! One integration binary.

mod client;
mod client_server;

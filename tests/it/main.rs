//! One integration binary.

mod client;
mod client_login;
mod client_server;

//! Where keys come from: settings, environment, files, commands. What they open is kept elsewhere.

mod encryption;

pub use encryption::{Found, encryption_key};

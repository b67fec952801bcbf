//! Sixty checks of what a Proxmox VE server does, run against the simulator or any real server.
//!
//! `checks.txt` says what is done and what should be seen; `script` reads it, `run` carries it out, `wire` is the connection, `facts` is what
//! the server has, `clean` takes away what was made. Checks make guests in a range of ids that the user calls disposable, and take away only what they made.

mod clean;
mod facts;
mod run;
mod script;
mod wire;

pub use facts::{Facts, Target};
pub use run::run;
pub use script::{Check, parse};

/// The checks as text.
pub const CHECKS: &str = include_str!("checks.txt");

/// How a check came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The server does what the check says.
    Pass,
    /// It does something else.
    Differs {
        /// The line of the check.
        expected: String,
        /// What was seen instead.
        got: String,
    },
    /// The check was not made; the text says why.
    Skipped(String),
}

/// One check and how it came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Number, 1 to 60.
    pub number: u32,
    /// What should hold.
    pub title: String,
    /// How it came out.
    pub verdict: Verdict,
}

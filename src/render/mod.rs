//! What the user sees: one tree in, terminal text, markdown or JSON out. Nothing is decided here.

pub mod diagnostics;

//! What people and programs see: plans, progress and outcomes as text and JSON, diagnostics with their snippet.
//!
//! Everything returns text; writing it somewhere is `cli`'s. One [`diff`] tree is behind both the plan text and the plan JSON. Colour is
//! decided by whoever passes a [`Style`]; every text reads the same without it. Architecture invariant: nothing here reads an environment,
//! and no secret comes through [`value`].

pub mod amount;
pub mod change;
pub mod diagnostics;
pub mod diff;
mod gather;
pub mod json;
pub mod junit;
pub mod limits;
pub mod outcome;
pub mod permissions;
pub mod plan;
pub mod progress;
pub mod stream;
pub mod style;
pub mod table;
pub mod test_report;
pub mod value;

pub use style::{Role, Style};

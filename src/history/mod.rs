//! What the journal tells about the past: how long steps take, and what each run changed. Pure over entries; nothing is rewritten.

mod change;
mod estimate;

pub use change::{AppliedStep, Ending, applied_steps};
pub use estimate::Estimates;

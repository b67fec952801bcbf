//! One integration binary: every file of this folder is a module here, which `tidy` checks.

mod harness;
mod render_plan;
mod render_progress;

//! One integration binary.

mod simulator;

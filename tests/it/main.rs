//! One integration binary.
mod expressions;

//! Tests of the crate as others use it: the contract over every backend, crashes, damaged files, keys.

mod contract;
mod crash;
mod encryption;
mod file;

//! From HCL text to a [`Stack`]: every block instance with its address, its body still as expressions, and the scope to evaluate it in.
//!
//! The text is read through a [`World`], the only door to the outside; nothing here knows what a VM is. Attributes of object blocks are
//! evaluated later, in dependency order, by `plan` calling [`Stack::evaluate`] with the objects known so far.

mod address;
mod body;
pub mod expression;
pub mod functions;
mod similar;
mod stack;

pub use address::{Address, AddressError, Child, Key, ModulePath};
pub use body::{Body, Evaluated, NestedBlock};
pub(crate) use similar::similar;
pub use stack::{Block, ClusterSettings, Lifecycle, Objects, Output, Settings, Stack};

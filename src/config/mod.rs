//! From HCL text to a [`Stack`]: every block instance with its address, its body still as expressions, and the scope to evaluate it in.
//!
//! The text is read through a [`World`], the only door to the outside; nothing here knows what a VM is. Attributes of object blocks are
//! evaluated later, in dependency order, by `plan` calling [`Stack::evaluate`] with the objects known so far.

mod address;
mod blocks;
mod body;
mod check;
pub mod console;
mod constant;
mod constraint;
mod evaluate;
mod expand;
mod explain;
pub mod expression;
mod facts;
pub mod fmt;
mod frame;
pub mod functions;
mod given;
mod grammar;
mod habits;
mod input;
pub mod lexer;
mod load;
mod lock;
mod lookup;
mod meta;
mod module;
mod moment;
mod names;
mod origin;
mod parse;
pub mod piece;
mod place;
mod program;
mod refactor;
mod settings;
mod similar;
mod source;
mod stack;
mod suggest;
mod syntax;
pub mod test_file;
mod test_run;
mod tree;
mod variable;
mod version;
pub mod vocabulary;

pub use address::{Address, AddressError, AddressParts, Child, Key, ModulePath};
pub use body::{Body, Evaluated, NestedBlock};
pub use input::{FileDigest, Input, MemoryWorld, TestInput, TestValue, VariableArgument, World};
pub use load::{Demand, demand, load};
pub use lock::{LOCK_FILE, LockedModule, ModuleLock, digest};
pub use lookup::{Answer, LookupNode, Lookups, Question};
pub use moment::Moment;
pub(crate) use similar::similar;
pub use source::{ArchiveKind, Origin, Remote};
pub use stack::{
    Attributes, Block, ClusterSettings, Import, Lifecycle, Moved, Objects, Output, Removed, Settings, Stack, Target,
    Trigger,
};
pub use test_run::{RunOutputs, TestNames};
pub use tree::DemandedModule;

//! How large things may get, so that a hostile or mistaken expression ends with a message instead of a full memory.

/// Levels of an expression tree, chained operators included.
pub(super) const DEPTH_MAX: usize = 256;

/// Weight (values inside, and text by length) of any one value.
pub(in crate::config) const WEIGHT_MAX: u32 = 5_000_000;

/// Items that the `for` expressions and splats of one evaluation go through.
pub(super) const ITEMS_MAX: u64 = 1_000_000;

/// Bytes of any one text: 64 MiB.
pub(in crate::config) const TEXT_MAX: usize = 64 << 20;

/// Errors one evaluation reports; a wrong `for` body fails for each item.
pub(super) const ERRORS_MAX: usize = 20;

/// Places that one message shows values to come from.
pub(super) const ORIGINS_MAX: usize = 2;

//! What is known about a value besides its content. Marks are infectious: a result carries the marks of what it was made from.

use std::ops::BitOr;

/// A set of marks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Marks(u8);

impl Marks {
    /// No mark.
    pub const NONE: Self = Self(0);
    /// Never shown, never written in clear.
    pub const SENSITIVE: Self = Self(1);
    /// Never kept in state or plan.
    pub const EPHEMERAL: Self = Self(2);
    /// Made from a VMID, MAC, address, port or node that the planner chose: a placeholder in the intent id.
    pub const CHOSEN: Self = Self(4);

    /// Returns whether all marks of `other` are here.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the marks without those of `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns whether there is no mark.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Marks {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

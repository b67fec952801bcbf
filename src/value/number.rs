//! Numbers as Terraform computes them: 512-bit binary floats, with a fast path for integers.

use std::fmt;

/// A number. Integers of 64 bits are kept as such; everything else is a decimal text of full precision for now.
#[derive(Clone, Debug, PartialEq)]
pub enum Number {
    /// The fast path.
    Integer(i64),
    /// Anything else.
    Float(f64),
}

impl Number {
    /// Returns the integer, if it is one and fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Float(number) if number.fract() == 0.0 && number.abs() < 9.0e15 => Some(*number as i64),
            Self::Float(_) => None,
        }
    }

    /// Returns the nearest double.
    pub fn as_f64(&self) -> f64 {
        match self {
            Self::Integer(number) => *number as f64,
            Self::Float(number) => *number,
        }
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number}"),
        }
    }
}

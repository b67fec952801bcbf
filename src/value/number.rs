//! Numbers as Terraform computes them: binary floats with 512 bits of mantissa, rounded half to even, with a fast path for integers.
//!
//! What they look like as text is in `decimal`.

use super::decimal;
use dashu_int::ops::{Abs, BitTest, DivRem};
use dashu_int::{IBig, Sign, UBig};
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// Bits of mantissa, as in Terraform.
const MANTISSA_BITS: usize = 512;

/// Largest magnitude of a binary exponent: about 12 000 decimal digits. Beyond it arithmetic has no result, so that repeated squaring
/// cannot fill the memory.
const EXPONENT_MAX: i64 = 40_000;

/// A number. There is exactly one form for each, so that derived equality is numeric equality.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Number {
    /// Every integer of 64 bits.
    Integer(i64),
    /// Everything else.
    Float(Arc<Float>),
}

/// `mantissa × 2^exponent`; the mantissa is odd and has at most 512 bits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Float {
    mantissa: IBig,
    exponent: i64,
}

impl Number {
    /// Returns the number a decimal text means (`12`, `-1.5`, `1e-3`), rounded to 512 bits, or `None` if it is not one or is out of range.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() <= 18
            && let Ok(integer) = text.parse::<i64>()
        {
            return Some(Self::Integer(integer));
        }
        let (digits, exponent) = decimal::split(text)?;
        if exponent.abs() > EXPONENT_MAX {
            return if digits.is_zero() { Some(Self::Integer(0)) } else { None };
        }
        let power = UBig::from(10u8).pow(exponent.unsigned_abs() as usize);
        match exponent >= 0 {
            true => Self::rounded(digits * IBig::from(power), 0, Remainder::None),
            false => Self::quotient(&digits, 0, &IBig::from(power), 0),
        }
    }

    /// Returns the integer, if it is one and fits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Float(_) => None,
        }
    }

    /// Returns the nearest double; infinite when it is beyond the range of doubles.
    pub fn as_f64(&self) -> f64 {
        match self {
            Self::Integer(number) => *number as f64,
            Self::Float(_) => self.to_string().parse().unwrap_or(f64::NAN),
        }
    }

    /// Returns the number of the shortest decimal that tells a double from other doubles, or `None` for infinities and not-a-number.
    pub fn from_f64(double: f64) -> Option<Self> {
        if !double.is_finite() {
            return None;
        }
        let bits = double.to_bits();
        let fraction = (bits & ((1 << 52) - 1)) as i64;
        let (mantissa, exponent) = match (bits >> 52) & 0x7ff {
            0 => (fraction, -1074),
            raw => (fraction | 1 << 52, raw as i64 - 1075),
        };
        let mantissa = if double.is_sign_negative() { -mantissa } else { mantissa };
        match mantissa {
            0 => Some(Self::Integer(0)),
            _ => Self::parse(&decimal::shortest(&IBig::from(mantissa), exponent, 53)),
        }
    }

    /// Returns the number whose digits in `base` (2 to 36) these are.
    pub fn from_digits(digits: &str, base: u32) -> Option<Self> {
        Self::rounded(IBig::from_str_radix(digits, base).ok()?, 0, Remainder::None)
    }

    /// Returns the integer as text in `base` (2 to 36), or `None` if the number has a fraction.
    pub fn to_digits(&self, base: u8) -> Option<String> {
        match self {
            Self::Integer(number) => Some(IBig::from(*number).in_radix(base).to_string()),
            Self::Float(float) if float.exponent >= 0 => {
                Some((&float.mantissa << float.exponent as usize).in_radix(base).to_string())
            }
            Self::Float(_) => None,
        }
    }

    /// Returns whether it has no fraction.
    pub fn is_integer(&self) -> bool {
        match self {
            Self::Integer(_) => true,
            Self::Float(float) => float.exponent >= 0,
        }
    }

    /// Returns -1, 0 or 1.
    pub fn signum(&self) -> i64 {
        match self {
            Self::Integer(number) => number.signum(),
            Self::Float(float) if float.mantissa.sign() == Sign::Negative => -1,
            Self::Float(_) => 1,
        }
    }

    /// Returns the negative of the number.
    #[must_use]
    pub fn negated(&self) -> Self {
        let (mantissa, exponent) = self.parts();
        Self::rounded(-mantissa, exponent, Remainder::None).expect("the range of numbers is symmetric")
    }

    /// Returns the number without its sign.
    #[must_use]
    pub fn absolute(&self) -> Self {
        if self.signum() < 0 { self.negated() } else { self.clone() }
    }

    /// Returns the sum, or `None` when it is out of range.
    pub fn plus(&self, other: &Self) -> Option<Self> {
        if let (Self::Integer(left), Self::Integer(right)) = (self, other)
            && let Some(sum) = left.checked_add(*right)
        {
            return Some(Self::Integer(sum));
        }
        let ((left, left_exponent), (right, right_exponent)) = (self.parts(), other.parts());
        let exponent = left_exponent.min(right_exponent);
        let left = left << (left_exponent - exponent) as usize;
        let right = right << (right_exponent - exponent) as usize;
        Self::rounded(left + right, exponent, Remainder::None)
    }

    /// Returns the difference, or `None` when it is out of range.
    pub fn minus(&self, other: &Self) -> Option<Self> {
        self.plus(&other.negated())
    }

    /// Returns the product, or `None` when it is out of range.
    pub fn times(&self, other: &Self) -> Option<Self> {
        if let (Self::Integer(left), Self::Integer(right)) = (self, other)
            && let Some(product) = left.checked_mul(*right)
        {
            return Some(Self::Integer(product));
        }
        let ((left, left_exponent), (right, right_exponent)) = (self.parts(), other.parts());
        Self::rounded(left * right, left_exponent + right_exponent, Remainder::None)
    }

    /// Returns the quotient, or `None` when `other` is zero or the quotient is out of range.
    pub fn divided_by(&self, other: &Self) -> Option<Self> {
        if let (Self::Integer(left), Self::Integer(right)) = (self, other)
            && left.checked_rem(*right) == Some(0)
        {
            return Some(Self::Integer(left / right));
        }
        let ((left, left_exponent), (right, right_exponent)) = (self.parts(), other.parts());
        Self::quotient(&left, left_exponent, &right, right_exponent)
    }

    /// Returns what is left after dividing towards zero, or `None` when `other` is zero or the quotient is out of range.
    pub fn remainder(&self, other: &Self) -> Option<Self> {
        if let (Self::Integer(left), Self::Integer(right)) = (self, other)
            && let Some(remainder) = left.checked_rem(*right)
        {
            return Some(Self::Integer(remainder));
        }
        self.minus(&self.divided_by(other)?.truncated().times(other)?)
    }

    /// Returns the integer part, towards zero.
    #[must_use]
    pub fn truncated(&self) -> Self {
        match self {
            Self::Integer(_) => self.clone(),
            Self::Float(float) if float.exponent >= 0 => self.clone(),
            Self::Float(float) => {
                let whole = IBig::from(float.mantissa.clone().abs().unsigned_shift(float.exponent.unsigned_abs()));
                let signed = if self.signum() < 0 { -whole } else { whole };
                Self::rounded(signed, 0, Remainder::None).expect("truncating makes a number smaller")
            }
        }
    }

    /// Returns the largest integer that is not larger.
    #[must_use]
    pub fn floor(&self) -> Self {
        let truncated = self.truncated();
        match self.signum() < 0 && truncated != *self {
            true => truncated.minus(&Self::Integer(1)).expect("a number with a fraction is far from the limit"),
            false => truncated,
        }
    }

    /// Returns the smallest integer that is not smaller.
    #[must_use]
    pub fn ceiling(&self) -> Self {
        self.negated().floor().negated()
    }

    /// Returns `number × 10^decimals` as an integer, rounded half to even: the digits of the number with so many decimals.
    pub fn rounded_digits(&self, decimals: i64) -> String {
        let (mantissa, exponent) = self.parts();
        let power = IBig::from(UBig::from(10u8).pow(decimals.unsigned_abs() as usize));
        let (mut over, mut under) = if decimals >= 0 { (mantissa * power, IBig::ONE) } else { (mantissa, power) };
        if exponent >= 0 {
            over <<= exponent as usize;
        } else {
            under <<= exponent.unsigned_abs() as usize;
        }
        let (sign, over) = over.into_parts();
        let under = under.into_parts().1;
        let (whole, rest) = over.div_rem(&under);
        let is_up = match (rest << 1usize).cmp(&under) {
            Ordering::Less => false,
            Ordering::Equal => whole.bit(0),
            Ordering::Greater => true,
        };
        IBig::from_parts(sign, if is_up { whole + UBig::ONE } else { whole }).to_string()
    }

    pub(super) fn parts(&self) -> (IBig, i64) {
        match self {
            Self::Integer(number) => (IBig::from(*number), 0),
            Self::Float(float) => (float.mantissa.clone(), float.exponent),
        }
    }

    fn quotient(left: &IBig, left_exponent: i64, right: &IBig, right_exponent: i64) -> Option<Self> {
        if right.is_zero() {
            return None;
        }
        let widen = (MANTISSA_BITS + 2 + right.bit_len()).saturating_sub(left.bit_len());
        let (quotient, rest) = (left << widen).div_rem(right);
        let remainder = if rest.is_zero() { Remainder::None } else { Remainder::Some };
        Self::rounded(quotient, left_exponent - right_exponent - widen as i64, remainder)
    }

    /// Rounds `mantissa × 2^exponent` (and a bit more, if there was a remainder) to the one form it has.
    fn rounded(mantissa: IBig, exponent: i64, remainder: Remainder) -> Option<Self> {
        let (sign, mut magnitude) = mantissa.into_parts();
        let mut exponent = exponent;
        let excess = magnitude.bit_len().saturating_sub(MANTISSA_BITS);
        if excess > 0 {
            let is_half = magnitude.bit(excess - 1);
            let beyond_half =
                remainder == Remainder::Some || magnitude.trailing_zeros().is_some_and(|zeros| zeros < excess - 1);
            magnitude >>= excess;
            exponent += excess as i64;
            if is_half && (beyond_half || magnitude.bit(0)) {
                magnitude += UBig::ONE;
            }
        }
        let Some(zeros) = magnitude.trailing_zeros() else {
            return Some(Self::Integer(0));
        };
        magnitude >>= zeros;
        exponent += zeros as i64;
        let length = magnitude.bit_len() as i64;
        if exponent.abs() > EXPONENT_MAX || length + exponent > EXPONENT_MAX {
            return None;
        }
        let mantissa = IBig::from_parts(sign, magnitude);
        if exponent >= 0
            && length + exponent <= 64
            && let Ok(integer) = i64::try_from(&mantissa << exponent as usize)
        {
            return Some(Self::Integer(integer));
        }
        Some(Self::Float(Arc::new(Float { mantissa, exponent })))
    }
}

/// Whether a division left something that the mantissa does not show.
#[derive(Clone, Copy, PartialEq)]
enum Remainder {
    None,
    Some,
}

trait UnsignedShift {
    fn unsigned_shift(self, bits: u64) -> UBig;
}

impl UnsignedShift for IBig {
    fn unsigned_shift(self, bits: u64) -> UBig {
        self.into_parts().1 >> bits as usize
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Integer(left), Self::Integer(right)) => left.cmp(right),
            _ if self.signum() != other.signum() => self.signum().cmp(&other.signum()),
            _ => {
                let ((left, left_exponent), (right, right_exponent)) = (self.parts(), other.parts());
                let exponent = left_exponent.min(right_exponent);
                (left << (left_exponent - exponent) as usize).cmp(&(right << (right_exponent - exponent) as usize))
            }
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl fmt::Display for Number {
    /// Writes the shortest decimal that reads back as this number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => write!(f, "{number}"),
            Self::Float(float) => f.write_str(&decimal::shortest(&float.mantissa, float.exponent, MANTISSA_BITS)),
        }
    }
}

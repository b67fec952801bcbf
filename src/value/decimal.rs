//! Between decimal text and binary numbers.

use dashu_int::ops::BitTest;
use dashu_int::{IBig, Sign, UBig};

/// Longest decimal that is read. Longer ones would cost more time than any real number is worth.
const TEXT_MAX: usize = 20_000;

/// Splits `-12.5e3` into its digits as an integer and the power of ten they are multiplied with.
pub(super) fn split(text: &str) -> Option<(IBig, i64)> {
    if text.len() > TEXT_MAX {
        return None;
    }
    let (is_negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_number = !(whole.is_empty() && fraction.is_empty())
        && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if !is_number {
        return None;
    }
    let digits = UBig::from_str_radix(&format!("0{whole}{fraction}"), 10).ok()?;
    let sign = if is_negative { Sign::Negative } else { Sign::Positive };
    Some((IBig::from_parts(sign, digits), exponent.checked_sub(fraction.len() as i64)?))
}

/// Returns the shortest decimal, without exponent, that is nearer to `mantissa × 2^exponent` than to its neighbours of so many bits.
///
/// This is the digit-by-digit method of Go's `math/big`: walk along the decimals of the number and of the two half-way points around it
/// until rounding down or up stays between them. Like there, powers of two get no special treatment.
pub(super) fn shortest(mantissa: &IBig, exponent: i64, bits: usize) -> String {
    let (sign, magnitude) = mantissa.clone().into_parts();
    let widen = bits.saturating_sub(magnitude.bit_len());
    // The half-way points need one more bit.
    let exponent = exponent - widen as i64 - 1;
    let middle = magnitude << (widen + 1);
    let lower = &middle - UBig::ONE;
    let upper = &middle + UBig::ONE;
    // The mantissa is stored odd; widened, it is even and half-way points round to it.
    let is_inclusive = widen > 0;
    let (digits, point) = shortest_between(
        &Decimal::new(&middle, exponent),
        &Decimal::new(&lower, exponent),
        &Decimal::new(&upper, exponent),
        is_inclusive,
    );
    let sign = if sign == Sign::Negative { "-" } else { "" };
    format!("{sign}{}", positional(&digits, point))
}

/// `0.DIGITS × 10^point`
struct Decimal {
    digits: Vec<u8>,
    point: i64,
}

impl Decimal {
    fn new(magnitude: &UBig, exponent: i64) -> Self {
        let (integer, fraction_digits) = match exponent >= 0 {
            true => (magnitude << exponent as usize, 0),
            false => (magnitude * UBig::from(5u8).pow(exponent.unsigned_abs() as usize), -exponent),
        };
        let mut digits = integer.to_string().into_bytes();
        let point = digits.len() as i64 - fraction_digits;
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        Self { digits, point }
    }

    /// Returns the digit at a place counted from the front of a number whose decimal point is at `point`.
    fn digit(&self, place: i64, point: i64) -> u8 {
        let index = place - (point - self.point);
        usize::try_from(index).ok().and_then(|index| self.digits.get(index)).copied().unwrap_or(b'0')
    }

    fn ends_by(&self, place: i64, point: i64) -> bool {
        place - (point - self.point) >= self.digits.len() as i64
    }
}

fn shortest_between(middle: &Decimal, lower: &Decimal, upper: &Decimal, is_inclusive: bool) -> (Vec<u8>, i64) {
    let point = upper.point;
    let mut digits = Vec::new();
    let (mut lower_differs, mut upper_gap) = (false, 0i32);
    for place in 0.. {
        let digit = middle.digit(place, point);
        if middle.ends_by(place, point) {
            break;
        }
        lower_differs |= lower.digit(place, point) != digit;
        // How far above the prefix of `middle` the prefix of `upper` is; two or more is as good as two.
        upper_gap = (upper_gap * 10 + i32::from(upper.digit(place, point)) - i32::from(digit)).min(2);
        digits.push(digit);
        let may_round_down = lower_differs || (is_inclusive && lower.ends_by(place + 1, point));
        let may_round_up = upper_gap >= 2 || (upper_gap == 1 && (is_inclusive || !upper.ends_by(place + 1, point)));
        let rounds_up = match (may_round_down, may_round_up) {
            (false, false) => continue,
            (true, false) => false,
            (false, true) => true,
            (true, true) => rounds_up_at(middle, place + 1, point),
        };
        return if rounds_up { incremented(digits, point) } else { (digits, point) };
    }
    (digits, point)
}

fn rounds_up_at(middle: &Decimal, place: i64, point: i64) -> bool {
    match middle.digit(place, point) {
        b'5' if middle.ends_by(place + 1, point) => (middle.digit(place - 1, point) - b'0') % 2 == 1,
        digit => digit >= b'5',
    }
}

fn incremented(mut digits: Vec<u8>, point: i64) -> (Vec<u8>, i64) {
    while digits.last() == Some(&b'9') {
        digits.pop();
    }
    match digits.last_mut() {
        Some(last) => {
            *last += 1;
            (digits, point)
        }
        None => (vec![b'1'], point + 1),
    }
}

fn positional(digits: &[u8], point: i64) -> String {
    let digits = std::str::from_utf8(digits).expect("digits are ASCII");
    let digits = digits.trim_end_matches('0');
    let skipped = digits.len() - digits.trim_start_matches('0').len();
    let (digits, point) = (&digits[skipped..], point - skipped as i64);
    let length = digits.len() as i64;
    if point <= 0 {
        format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize))
    } else if point >= length {
        format!("{digits}{}", "0".repeat((point - length) as usize))
    } else {
        let (whole, fraction) = digits.split_at(point as usize);
        format!("{whole}.{fraction}")
    }
}

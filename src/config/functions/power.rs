//! Powers and logarithms with the last digits that Terraform prints. What a call of `pow` or `log` is, `numeric` knows.
//!
//! Terraform takes these from Go's `math` on amd64, whose results are not always those nearest to the true ones: the order of operations
//! below is what makes them the same. `log` is that of FreeBSD's `e_log.c`, `exp` N. Shibata's (Efficient evaluation methods of elementary
//! functions suitable for SIMD computation, 2010), and powers are squared up.

use std::f64::consts::{FRAC_1_SQRT_2, LOG2_E};

/// The natural logarithm of two, its upper bits and the rest, as `log` splits it.
const LN_2_FOR_LOG: [f64; 2] = [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10];

/// The same, as `exp` splits it.
const LN_2_FOR_EXP: [f64; 2] = [0.693_147_180_559_663, 2.823_529_056_303_157_7e-13];

/// Coefficients of the series that `log` is approximated by, from that of the second power on.
const LOG_SERIES: [f64; 7] = [
    0.666_666_666_666_673_5,
    0.399_999_999_994_094_2,
    0.285_714_287_436_623_9,
    0.222_221_984_321_497_84,
    0.181_835_721_616_180_5,
    0.153_138_376_992_093_73,
    0.147_981_986_051_165_86,
];

/// Coefficients of the Taylor series of `exp`, the highest power first.
const EXP_SERIES: [f64; 8] = [1.0 / 40320.0, 1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0];

/// Returns the natural logarithm.
pub(super) fn log(number: f64) -> f64 {
    if number <= 0.0 || !number.is_finite() {
        return number.ln();
    }
    let (mut fraction, mut exponent) = split(number);
    if fraction <= FRAC_1_SQRT_2 {
        fraction *= 2.0;
        exponent -= 1;
    }
    let (f, k) = (fraction - 1.0, f64::from(exponent));
    let [c2, c4, c6, c8, c10, c12, c14] = LOG_SERIES;
    let s = f / (2.0 + f);
    let s2 = s * s;
    let s4 = s2 * s2;
    let odd = s2 * (c2 + s4 * (c6 + s4 * (c10 + s4 * c14)));
    let even = s4 * (c4 + s4 * (c8 + s4 * c12));
    let half = 0.5 * f * f;
    let [high, low] = LN_2_FOR_LOG;
    k * high - ((half - (s * (half + (odd + even)) + k * low)) - f)
}

/// Returns a base raised to a power.
pub(super) fn pow(base: f64, power: f64) -> f64 {
    let is_plain = base.is_finite() && base != 0.0 && base != 1.0 && power.is_finite() && power != 0.0 && power != 1.0;
    let (mut whole, mut rest) = (power.abs().trunc(), power.abs().fract());
    if !is_plain || (rest != 0.0 && base < 0.0) || whole >= 2f64.powi(63) {
        return base.powf(power);
    }
    match power {
        0.5 => return base.sqrt(),
        -0.5 => return 1.0 / base.sqrt(),
        _ => {}
    }
    let (mut result, mut exponent) = (1.0, 0_i64);
    if rest != 0.0 {
        if rest > 0.5 {
            rest -= 1.0;
            whole += 1.0;
        }
        result = exp(rest * log(base));
    }
    let (mut factor, first) = split(base);
    let mut factor_exponent = i64::from(first);
    let mut left = whole as i64;
    while left != 0 {
        if factor_exponent.abs() > 1 << 12 {
            exponent += factor_exponent;
            break;
        }
        if left & 1 == 1 {
            result *= factor;
            exponent += factor_exponent;
        }
        factor *= factor;
        factor_exponent *= 2;
        if factor < 0.5 {
            factor += factor;
            factor_exponent -= 1;
        }
        left >>= 1;
    }
    match power < 0.0 {
        true => scaled(1.0 / result, -exponent),
        false => scaled(result, exponent),
    }
}

/// Returns e raised to a power whose result is a normal number, as those of `pow` are.
fn exp(power: f64) -> f64 {
    let exponent = (power * LOG2_E).round_ties_even();
    let [high, low] = LN_2_FOR_EXP;
    let reduced = (-exponent).mul_add(low, (-exponent).mul_add(high, power)) * 0.0625;
    let [first, others @ ..] = EXP_SERIES;
    let mut result = reduced * others.iter().fold(first, |sum, next| reduced.mul_add(sum, *next));
    for _ in 0..3 {
        result *= result + 2.0;
    }
    scaled((result + 2.0).mul_add(result, 1.0), exponent as i64)
}

/// Splits a finite number other than zero into a fraction, from a half up to one, and a power of two.
fn split(number: f64) -> (f64, i32) {
    if !number.is_normal() {
        let (fraction, exponent) = split(number * 2f64.powi(54));
        return (fraction, exponent - 54);
    }
    let bits = number.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i32 - 0x3fe;
    (f64::from_bits((bits & !(0x7ff << 52)) | (0x3fe << 52)), exponent)
}

/// Returns a number times a power of two.
fn scaled(number: f64, exponent: i64) -> f64 {
    // No number is so small or so large that more would change anything.
    let exponent = exponent.clamp(-2200, 2200) as i32;
    let third = exponent / 3;
    number * 2f64.powi(third) * 2f64.powi(third) * 2f64.powi(exponent - 2 * third)
}

//! Sizes of memory and disks: `8GiB`, `512M`. Units are powers of 1024, as in Proxmox; a size is printed in the largest exact unit.

/// Units from large to small with their bytes; the first name of a pair is the one printed.
const UNITS: [(&str, &str, u64); 5] =
    [("TiB", "T", 1 << 40), ("GiB", "G", 1 << 30), ("MiB", "M", 1 << 20), ("KiB", "K", 1 << 10), ("B", "B", 1)];

/// Returns the bytes of a size, or what is wrong with the text and what could be meant.
pub fn parse(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits_end =
        text.find(|character: char| !(character.is_ascii_digit() || character == '.')).unwrap_or(text.len());
    let (digits, unit) = (&text[..digits_end], text[digits_end..].trim());
    if digits.is_empty() {
        return Err(format!("`{text}` is not a size, expected a number and a unit such as `8GiB`"));
    }
    if unit.is_empty() {
        return Err(format!("the size `{text}` has no unit, write `{text}MiB` or `{text}GiB`"));
    }
    let Some((_, _, scale)) = UNITS.iter().find(|(long, short, _)| unit == *long || unit == *short) else {
        return Err(unknown_unit(digits, unit));
    };
    bytes(digits, *scale).ok_or_else(|| format!("the size `{text}` is not a whole number of bytes below 2^63"))
}

/// Returns the size in the largest unit that divides it: `1536MiB`, `2GiB`.
pub fn print(bytes: u64) -> String {
    let (unit, scale) = UNITS
        .iter()
        .find(|(_, _, scale)| bytes >= *scale && bytes.is_multiple_of(*scale))
        .map_or(("B", 1), |(unit, _, scale)| (*unit, *scale));
    format!("{}{unit}", bytes / scale)
}

fn bytes(digits: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut total = whole.checked_mul(scale)?;
    if !fraction.is_empty() {
        let denominator = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        let numerator = u128::from(fraction.parse::<u64>().ok()?).checked_mul(u128::from(scale))?;
        if numerator % denominator != 0 {
            return None;
        }
        total = total.checked_add(u64::try_from(numerator / denominator).ok()?)?;
    }
    (total < 1 << 63).then_some(total)
}

/// Decimal units are a trap: say both meanings.
fn unknown_unit(digits: &str, unit: &str) -> String {
    let binary = match unit.to_ascii_uppercase().as_str() {
        "KB" => "KiB",
        "MB" => "MiB",
        "GB" => "GiB",
        "TB" => "TiB",
        _ => return format!("`{unit}` is not a unit of size, expected B, KiB, MiB, GiB, TiB or K, M, G, T"),
    };
    let power =
        ["KB", "MB", "GB", "TB"].iter().position(|name| unit.eq_ignore_ascii_case(name)).unwrap_or(0) as u32 + 1;
    let decimal = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(1000_u64.pow(power)));
    let decimal = decimal.map_or_else(String::new, |bytes| format!(" (or `{bytes}B` for powers of 1000)"));
    format!("`{digits}{unit}` could mean powers of 1000 or of 1024, write `{digits}{binary}`{decimal}")
}

#[cfg(test)]
mod tests {
    use super::{parse, print};

    #[test]
    fn reads_back_in_the_largest_exact_unit() {
        for (text, printed) in [
            ("8GiB", "8GiB"),
            ("8G", "8GiB"),
            ("1536M", "1536MiB"),
            ("2048MiB", "2GiB"),
            ("0.5T", "512GiB"),
            ("1.5GiB", "1536MiB"),
            ("0B", "0B"),
            ("1025K", "1025KiB"),
        ] {
            assert_eq!(parse(text).map(print).as_deref(), Ok(printed), "{text}");
        }
    }

    #[test]
    fn explains_what_is_wrong() {
        for (text, part) in [
            ("8GB", "write `8GiB` (or `8000000000B` for powers of 1000)"),
            ("8", "has no unit"),
            ("GiB", "expected a number and a unit"),
            ("8Gi", "not a unit of size"),
            ("0.3B", "not a whole number of bytes"),
            ("99999999TiB", "below 2^63"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}

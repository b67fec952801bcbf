//! Sizes, durations, shares and counts for people.

/// Returns a size in the unit that keeps it short: `512MiB`, `8GiB`, `1.5TiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut amount, mut unit) = (bytes as f64, 0);
    while amount >= 1024.0 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    match amount.fract() {
        0.0 => format!("{amount:.0}{}", UNITS[unit]),
        _ => format!("{amount:.1}{}", UNITS[unit]),
    }
}

/// Returns a duration: `1 s`, `45 s`, `3 min`, `1 h 20 min`. Less than a second is a second.
pub fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds.div_ceil(1000).max(1);
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, seconds) if minutes < 10 => format!("{minutes} min {seconds} s"),
        (0, minutes, _) => format!("{minutes} min"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// Returns an elapsed time as Terraform writes it: `2s`, `1m5s`.
pub fn elapsed(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds / 60 {
        0 => format!("{seconds}s"),
        minutes => format!("{minutes}m{}s", seconds % 60),
    }
}

/// Returns how many percent `part` is of `whole`, rounded; nothing of nothing is all.
pub fn percent(part: u64, whole: u64) -> u64 {
    match whole {
        0 => 100,
        whole => ((u128::from(part) * 200 / u128::from(whole)).div_ceil(2)) as u64,
    }
}

/// Returns `1 node`, `2 nodes`.
pub fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_short() {
        assert_eq!(
            [0, 1023, 1024, 8 << 30, 3 << 29, 5 << 40].map(size),
            ["0B", "1023B", "1KiB", "8GiB", "1.5GiB", "5TiB"]
        );
        assert_eq!(
            [0, 1, 12_400, 60_000, 125_000, 3_599_000, 3_600_000, 4_800_000].map(duration),
            ["1 s", "1 s", "13 s", "1 min", "2 min 5 s", "59 min", "1 h", "1 h 20 min"]
        );
        assert_eq!([900, 2000, 65_000].map(elapsed), ["0s", "2s", "1m5s"]);
        assert_eq!([percent(1, 3), percent(2, 3), percent(0, 0), percent(5, 4)], [33, 67, 100, 125]);
        assert_eq!([count(1, "node"), count(0, "node")], ["1 node", "0 nodes"]);
    }
}

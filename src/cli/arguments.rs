//! Terraform writes long flags with one dash, the rest of the world with two. Arguments are made the same before they are read.

use std::ffi::OsString;

/// Returns the arguments with every `-flag` written `--flag`. Single letters, numbers and what follows `--` stay.
pub(super) fn normalised(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut is_flag_possible = true;
    let double = |argument: OsString| match argument.to_str() {
        Some(text) if is_long_flag(text) => OsString::from(format!("-{text}")),
        _ => argument,
    };
    arguments
        .into_iter()
        .map(|argument| {
            is_flag_possible &= argument != "--";
            if is_flag_possible { double(argument) } else { argument }
        })
        .collect()
}

fn is_long_flag(text: &str) -> bool {
    let Some(name) = text.strip_prefix('-') else {
        return false;
    };
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.next().is_some_and(|second| second.is_ascii_alphanumeric() || second == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_dash_is_as_good_as_two() {
        let given = ["-out=x", "--out=x", "-h", "-", "-5", "-var", "a=-b", "-detailed-exitcode", "--", "-out"];
        let expected = ["--out=x", "--out=x", "-h", "-", "-5", "--var", "a=-b", "--detailed-exitcode", "--", "-out"];
        assert_eq!(normalised(given.map(OsString::from)), expected.map(OsString::from));
    }
}

//! Version constraints: `>= 0.1, < 2`.

/// Returns whether a version satisfies a constraint; nothing if the constraint is none.
pub(super) fn satisfies(version: &str, constraint: &str) -> Option<bool> {
    let version = numbers(version)?;
    let parts = constraint.split(',').map(|part| one(&version, part.trim()));
    parts.collect::<Option<Vec<bool>>>().map(|holds| holds.iter().all(|holds| *holds))
}

fn one(version: &[u64], part: &str) -> Option<bool> {
    let start = part.find(|character: char| character.is_ascii_digit())?;
    let (operator, wanted) = (part[..start].trim(), numbers(&part[start..])?);
    let full = |numbers: &[u64]| -> [u64; 3] { std::array::from_fn(|at| numbers.get(at).copied().unwrap_or(0)) };
    let (ours, theirs) = (full(version), full(&wanted));
    match operator {
        "" | "=" => Some(ours == theirs),
        "!=" => Some(ours != theirs),
        ">" => Some(ours > theirs),
        ">=" => Some(ours >= theirs),
        "<" => Some(ours < theirs),
        "<=" => Some(ours <= theirs),
        // All but the last number written stay as they are.
        "~>" => Some(ours >= theirs && ours[..wanted.len() - 1] == theirs[..wanted.len() - 1]),
        _ => None,
    }
}

fn numbers(text: &str) -> Option<Vec<u64>> {
    let numbers: Vec<u64> = text.trim().split('.').map(|number| number.parse().ok()).collect::<Option<_>>()?;
    (1..=3).contains(&numbers.len()).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_mean_what_they_say() {
        for (constraint, expected) in [
            (">= 0.1", Some(true)),
            (">= 0.1, < 2", Some(true)),
            ("< 0.1", Some(false)),
            ("~> 0.1", Some(true)),
            ("~> 1.0", Some(false)),
            ("~> 0.1.5", Some(false)),
            ("0.1.0", Some(true)),
            ("!= 0.1", Some(false)),
            ("latest", None),
            (">= x", None),
            ("=> 1", None),
        ] {
            assert_eq!(satisfies("0.1.0", constraint), expected, "{constraint}");
        }
    }
}

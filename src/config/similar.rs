//! "Did you mean": the candidate nearest to a mistyped name.

/// Returns the candidate that is near enough to `name` to be meant, the nearest first, ties by name.
pub(crate) fn similar<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let lower = name.to_lowercase();
    let allowed = (name.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        // A difference in length is a distance already, and cheaper to see.
        .filter(|candidate| candidate.len().abs_diff(name.len()) <= 4 * allowed)
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        // A name of one letter is as near to every other.
        .filter(|(distance, _)| *distance <= allowed && *distance < lower.len())
        .min()
        .map(|(_, candidate)| candidate)
}

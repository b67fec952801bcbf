//! "Did you mean ...": the known name nearest to one that was written.

/// Returns a hint that names the nearest of the known names, if one is near enough to be a slip of the finger.
pub(super) fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(written, known).map(|name| format!("did you mean `{name}`?"))
}

/// Returns the known name nearest to the one written; ties go to the first in the alphabet.
pub(super) fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A third of the letters may be wrong, at least one, and two in words of four letters or more, where swapping two is usual.
    let length = written.chars().count();
    let allowed = (length / 3).max(if length >= 4 { 2 } else { 1 });
    known
        .into_iter()
        .map(|name| (strsim::osa_distance(written, name), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let known = ["tenant", "template", "tier", "vm"];
        assert_eq!(nearest("tennant", known), Some("tenant"));
        assert_eq!(nearest("teir", known), Some("tier"));
        assert_eq!(nearest("v", known), Some("vm"));
        assert_eq!(nearest("container", known), None);
    }
}

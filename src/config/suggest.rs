//! The hint that follows from a name that is nearly right.

use super::similar;

/// Returns a hint that names the known name nearest to one that was written, if one is near enough to be meant.
pub(super) fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    similar(written, known).map(|name| format!("did you mean `{name}`?"))
}

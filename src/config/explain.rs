//! Why the parser rejected a text, in words that name the construct and the place to mend.
//!
//! The parser stops at the first character that fits nowhere, which for an unclosed bracket is the end of the file. So a second, forgiving
//! look at the text goes first: `scan` follows brackets, strings, heredocs and comments; `phrase` judges what stands around the place
//! where the parser stopped.

mod phrase;
mod scan;

use crate::diagnostics::{Diagnostic, FileId};
use hcl::edit::parser::Error;

/// Returns the diagnostic for a text that the parser rejected.
pub(super) fn explain(file: FileId, text: &str, error: &Error) -> Diagnostic {
    let offset = error.location().offset().min(text.len());
    if let Some(diagnostic) = phrase::limit(file, text, error, offset) {
        return diagnostic;
    }
    match scan::scan(file, text) {
        Err(diagnostic) => *diagnostic,
        Ok(scanned) => phrase::phrase(file, text, error, offset, &scanned),
    }
}

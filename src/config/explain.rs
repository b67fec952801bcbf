//! Why the parser rejected a text, in words that name the construct and the place to mend.
//!
//! The parser stops at the first character that fits nowhere, which for an unclosed bracket is the end of the file. So a second, forgiving
//! look at the text goes first: `scan` follows brackets, strings, heredocs and comments; `phrase` judges what stands around the place
//! where the parser stopped.

mod phrase;
mod scan;

use crate::diagnostics::{Diagnostic, FileId};
use hcl::edit::parser::Error;

/// Errors reported for one file: with more, the first ones are at fault.
const ERRORS_MAX: usize = 20;

/// Returns the diagnostics for a file that the parser rejected: it stops at the first error, so the block around that is taken out and
/// the rest is read again.
pub(super) fn explain_all(file: FileId, whole: &str, error: Error) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let mut text = whole.to_string();
    let mut next = Some(error);
    while let Some(error) = next.take().filter(|_| diagnostics.len() < ERRORS_MAX) {
        // A place among blanks may be within a character of what was there.
        let offset = whole.floor_char_boundary(error.location().offset());
        diagnostics.push(explain_at(file, &text, &error, offset));
        let Some(block) = scan::block_around(file, &text, error.location().offset()) else {
            break;
        };
        // Blanks keep every other byte, and so every span, where it is.
        let is_line_end = |byte: u8| byte == b'\n';
        let blank = text.bytes().enumerate().map(
            |(at, byte)| {
                if block.contains(&at) && !is_line_end(byte) { b' ' } else { byte }
            },
        );
        text = String::from_utf8(blank.collect()).expect("whole blocks are taken out, so no character is cut");
        next = hcl::edit::parser::parse_body(&text).err();
    }
    diagnostics
}

/// Returns the diagnostic for a text that the parser rejected.
pub(super) fn explain(file: FileId, text: &str, error: &Error) -> Diagnostic {
    explain_at(file, text, error, error.location().offset().min(text.len()))
}

fn explain_at(file: FileId, text: &str, error: &Error, offset: usize) -> Diagnostic {
    if let Some(diagnostic) = phrase::limit(file, text, error, offset) {
        return diagnostic;
    }
    match scan::scan(file, text) {
        Err(diagnostic) => *diagnostic,
        Ok(scanned) => phrase::phrase(file, text, error, offset, &scanned),
    }
}

//! Pieces as lines, and a line as the cells that are aligned with those of the lines around it.

use super::piece::{self, Piece};
use crate::config::lexer::TokenKind;
use std::ops::Range;

/// A line in the sense of layout: a heredoc or a comment of several lines does not end it. Each cell is a range of pieces.
#[derive(Debug)]
pub(super) struct Line {
    /// Everything that is in no other cell; empty only after the last end of a line.
    pub lead: Range<usize>,
    /// From the `=` on, if the line holds the whole of an attribute.
    pub assign: Option<Range<usize>>,
    /// The comment that ends a line on which something else stands.
    pub comment: Option<usize>,
}

/// Returns the lines.
pub(super) fn lines(pieces: &[Piece<'_>]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut start = 0;
    for (index, piece) in pieces.iter().enumerate() {
        if piece.ends_line() {
            lines.push(line(pieces, start..index + 1));
            start = index + 1;
        }
    }
    if start < pieces.len() {
        lines.push(line(pieces, start..pieces.len()));
    }
    lines
}

fn line(pieces: &[Piece<'_>], whole: Range<usize>) -> Line {
    let last = whole.end - 1;
    let has_comment = whole.len() > 1 && pieces[last].kind == TokenKind::Comment;
    let code = whole.start..if has_comment { last } else { whole.end };
    // With brackets left open or closed the value is not whole: then the sign stays with what is before it.
    let equal = (code.start + 1..code.end)
        .find(|index| pieces[*index].kind == TokenKind::Equal)
        .filter(|equal| piece::bracket_change(pieces, &(*equal..code.end)) == 0);
    Line {
        lead: code.start..equal.unwrap_or(code.end),
        assign: equal.map(|equal| equal..code.end),
        comment: has_comment.then_some(last),
    }
}

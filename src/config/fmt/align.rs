//! The `=` of consecutive lines one below the other, then their comments.

use super::line::Line;
use super::piece::{self, Piece};

/// Sets the blanks before each `=` and before each comment at the end of a line.
pub(super) fn align(pieces: &mut [Piece<'_>], lines: &[Line]) {
    for run in lines.chunk_by(|one, next| one.assign.is_some() && next.assign.is_some()) {
        let cells = run.iter().filter_map(|line| {
            let assign = line.assign.as_ref()?;
            Some((piece::columns(pieces, &line.lead), assign.start))
        });
        put_below(cells.collect(), pieces);
    }
    for run in lines.chunk_by(|one, next| one.comment.is_some() && next.comment.is_some()) {
        let cells = run.iter().filter_map(|line| {
            let comment = line.comment?;
            Some((piece::columns(pieces, &(line.lead.start..comment)), comment))
        });
        put_below(cells.collect(), pieces);
    }
}

/// Each cell is how many columns are before a piece, and the piece.
fn put_below(cells: Vec<(usize, usize)>, pieces: &mut [Piece<'_>]) {
    let widest = cells.iter().map(|(columns, _)| *columns).max().unwrap_or(0);
    for (columns, index) in cells {
        pieces[index].spaces_before = widest - columns + 1;
    }
}

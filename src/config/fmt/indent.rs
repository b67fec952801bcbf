//! How far each line stands from the margin.

use super::line::Line;
use super::piece::{self, Piece};
use crate::config::lexer::TokenKind;

const STEP: usize = 2;

/// Sets the blanks before each line.
///
/// A line that opens brackets moves the lines after it by one step, however many it opens; a line that closes as many moves back. So the
/// stack holds how many brackets each step stands for, and a line that closes some of them only makes the step's number smaller.
pub(super) fn indent(pieces: &mut [Piece<'_>], lines: &[Line]) {
    let mut steps: Vec<usize> = Vec::new();
    for line in lines {
        if pieces[line.lead.start].kind == TokenKind::Newline {
            continue;
        }
        let change = bracket_change(pieces, line);
        if change < 0 {
            close(&mut steps, change.unsigned_abs());
        }
        pieces[line.lead.start].spaces_before = STEP * steps.len();
        if change > 0 {
            steps.push(change.unsigned_abs());
        }
    }
}

/// What a heredoc in the middle of a line holds counts for nothing.
fn bracket_change(pieces: &[Piece<'_>], line: &Line) -> isize {
    let heredoc = line.lead.clone().find(|index| pieces[*index].kind == TokenKind::OpenHeredoc);
    let lead = line.lead.start..heredoc.unwrap_or(line.lead.end);
    let assign = line.assign.as_ref().map_or(0, |assign| piece::bracket_change(pieces, assign));
    piece::bracket_change(pieces, &lead) + assign
}

fn close(steps: &mut Vec<usize>, mut closed: usize) {
    while let Some(step) = steps.last_mut() {
        if closed < *step {
            *step -= closed;
            return;
        }
        closed -= *step;
        steps.pop();
        if closed == 0 {
            return;
        }
    }
}

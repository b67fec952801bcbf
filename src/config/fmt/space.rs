//! Whether a blank goes between two tokens of a line.

use super::line::Line;
use super::piece::Piece;
use crate::config::lexer::TokenKind::{self, *};

/// Sets the blanks between the pieces of each cell.
pub(super) fn space(pieces: &mut [Piece<'_>], lines: &[Line]) {
    for line in lines {
        for cell in std::iter::once(&line.lead).chain(&line.assign) {
            for index in cell.start + 1..cell.end {
                let before = (index - 1 > cell.start).then(|| pieces[index - 2].kind);
                let is_apart = is_apart(before, &pieces[index - 1], pieces[index].kind);
                pieces[index].spaces_before = usize::from(is_apart);
            }
        }
    }
}

/// Returns whether a blank goes after `subject`, which stands between `before` (nothing: it begins the cell) and `after`.
#[expect(clippy::match_same_arms, reason = "the first arm that fits counts, so they cannot be put together")]
fn is_apart(before: Option<TokenKind>, subject: &Piece<'_>, after: TokenKind) -> bool {
    match (subject.kind, after) {
        (_, Newline) => false,
        (Word, OpenParenthesis | DoubleColon) | (DoubleColon, Word) => false,
        (Dot, _) | (_, Dot | Comma | Ellipsis) => false,
        (Comma, _) => true,
        (QuotedText | HeredocText | OpenQuote | OpenHeredoc, _) => false,
        (_, QuotedText | HeredocText | CloseQuote | CloseHeredoc) => false,
        // `for x in [1, 2]` is no index into something called `in`.
        (Word, _) if subject.text == "in" && before == Some(Word) => true,
        (Word | Number | CloseBrace | CloseBracket | CloseParenthesis | CloseTemplate, OpenBracket) => false,
        (Bang, _) => false,
        (Minus, _) => !is_negation(before),
        (OpenBrace, CloseBrace) => false,
        (OpenBrace, _) | (_, CloseBrace) => true,
        (OpenInterpolation | OpenDirective, OpenBrace) | (CloseBrace, CloseTemplate) => true,
        (CloseTemplate, OpenInterpolation | OpenDirective) => false,
        (OpenBracket | OpenParenthesis | OpenInterpolation | OpenDirective, _) => false,
        (_, CloseBracket | CloseParenthesis | CloseTemplate) => false,
        _ => true,
    }
}

/// A minus is taken for a negation where no value can have ended before it.
fn is_negation(before: Option<TokenKind>) -> bool {
    match before {
        None => true,
        Some(kind) => matches!(
            kind,
            OpenParenthesis | OpenBrace | OpenBracket | Equal | Colon | Comma | Question | Minus | Bang | Operator
        ),
    }
}

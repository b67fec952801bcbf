//! A token on its way through the formatter: its text, and the blanks that go before it.

use crate::config::lexer::TokenKind;
use std::borrow::Cow;
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

#[derive(Clone, Debug)]
pub(super) struct Piece<'a> {
    pub kind: TokenKind,
    pub text: Cow<'a, str>,
    pub spaces_before: usize,
    /// Where it stands in the text that was read; zero for what was not in it.
    pub start: u32,
}

impl<'a> Piece<'a> {
    pub(super) fn new(kind: TokenKind, text: impl Into<Cow<'a, str>>) -> Self {
        Self { kind, text: text.into(), spaces_before: 0, start: 0 }
    }

    /// Returns whether a line ends with it. A comment to the end of the line holds that end.
    pub(super) fn ends_line(&self) -> bool {
        match self.kind {
            TokenKind::Newline => true,
            TokenKind::Comment => self.text.ends_with('\n'),
            _ => false,
        }
    }

    fn columns(&self) -> usize {
        let is_plain = self.text.is_ascii() && !self.text.contains('\r');
        let width = if is_plain { self.text.len() } else { self.text.graphemes(true).count() };
        self.spaces_before + width
    }
}

/// Returns how many columns some pieces take.
pub(super) fn columns(pieces: &[Piece<'_>], range: &Range<usize>) -> usize {
    pieces[range.clone()].iter().map(Piece::columns).sum()
}

/// Returns how many more brackets are open after some pieces than before.
pub(super) fn bracket_change(pieces: &[Piece<'_>], range: &Range<usize>) -> isize {
    pieces[range.clone()].iter().map(|piece| piece.kind.bracket_change()).sum()
}

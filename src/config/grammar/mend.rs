//! What is put in the place of what the parser would read wrongly.

use super::heredoc::{Heredoc, heredocs};
use crate::config::lexer::{Token, TokenKind};
use std::borrow::Cow;

/// The places of a text that the parser would read wrongly.
pub(super) struct Mends {
    heredocs: Vec<Heredoc>,
    /// Carriage returns right behind a `for`: the parser does not take them for the end of the word.
    returns: Vec<usize>,
}

impl Mends {
    /// Finds them.
    pub(super) fn of(text: &str, tokens: &[Token]) -> Self {
        let is_mistaken = |word: &Token, end: &Token| {
            end.kind == TokenKind::Newline
                && text[end.range()].starts_with('\r')
                && word.end == end.start
                && &text[word.range()] == "for"
        };
        let pairs = tokens.iter().zip(tokens.iter().skip(1));
        let returns = pairs.filter(|(word, end)| is_mistaken(word, end)).map(|(_, end)| end.start as usize);
        Self { heredocs: heredocs(text, tokens), returns: returns.collect() }
    }

    /// Leaves out the heredoc that begins first.
    pub(super) fn inside_first(mut self) -> Self {
        self.heredocs.drain(..self.heredocs.len().min(1));
        self
    }

    /// Returns the text as the parser reads it rightly.
    pub(super) fn applied<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut mended = Cow::Borrowed(text);
        for heredoc in &self.heredocs {
            heredoc.mend(text, &mut mended);
        }
        for place in &self.returns {
            mended.to_mut().replace_range(*place..place + 1, " ");
        }
        mended
    }
}

//! Heredocs as the lexer sees them, and how the parser comes to see them too.

use crate::config::lexer::{Token, TokenKind};
use std::borrow::Cow;
use std::ops::Range;

/// A heredoc as the lexer sees it.
pub(super) struct Heredoc {
    /// From `<<` to the marker that ends it.
    range: Range<usize>,
    /// The marker where it begins the heredoc.
    marker: Range<usize>,
    /// The marker that ends it, if it has an end.
    last: Option<Range<usize>>,
    /// What is between the first line and the last.
    content: Range<usize>,
}

impl Heredoc {
    /// Makes the parser read it rightly. It takes an empty heredoc for one that goes on to the next line with the marker, so an empty string
    /// stands for that; and it ends a heredoc where a line begins with the marker, whatever follows, so such a heredoc gets another marker.
    pub(super) fn mend(&self, text: &str, mended: &mut Cow<str>) {
        let Some(last) = self.last.clone() else { return };
        let marker = &text[self.marker.clone()];
        let content = &text[self.content.clone()];
        if content.is_empty() {
            let blank = format!("\"\"{}", " ".repeat(self.range.len() - 2));
            mended.to_mut().replace_range(self.range.clone(), &blank);
        } else if is_line_of(content, marker)
            && let Some(other) = other_marker(content, marker.len())
        {
            let text = mended.to_mut();
            text.replace_range(self.marker.clone(), &other);
            text.replace_range(last, &other);
        }
    }
}

/// Returns the heredocs of a text, those inside of others too, in the order they begin in.
pub(super) fn heredocs(text: &str, tokens: &[Token]) -> Vec<Heredoc> {
    let mut open: Vec<&Token> = Vec::new();
    let mut found = Vec::new();
    for token in tokens {
        match token.kind {
            TokenKind::OpenHeredoc => open.push(token),
            TokenKind::CloseHeredoc => found.extend(open.pop().map(|opener| heredoc(text, opener, Some(token)))),
            _ => {}
        }
    }
    found.extend(open.into_iter().map(|opener| heredoc(text, opener, None)));
    found.sort_by_key(|heredoc| heredoc.range.start);
    found
}

fn heredoc(text: &str, opener: &Token, closer: Option<&Token>) -> Heredoc {
    let marker = text[opener.range()].trim_start_matches(['<', '-']).trim_end();
    let place = |token: &Token| {
        let start = token.start as usize + text[token.range()].find(marker).unwrap_or_default();
        start..start + marker.len()
    };
    let last = closer.map(place);
    Heredoc {
        range: opener.start as usize..last.as_ref().map_or(text.len(), |last| last.end),
        marker: place(opener),
        content: opener.end as usize..closer.map_or(text.len(), |closer| closer.start as usize),
        last,
    }
}

/// Returns whether a line begins with the marker.
fn is_line_of(content: &str, marker: &str) -> bool {
    content.lines().any(|line| line.trim_start().starts_with(marker))
}

/// Returns a marker of a length with which no line begins.
pub(super) fn other_marker(content: &str, length: usize) -> Option<String> {
    let letters = ('A'..='Z').chain('a'..='z');
    letters.map(|letter| letter.to_string().repeat(length)).find(|marker| !is_line_of(content, marker))
}

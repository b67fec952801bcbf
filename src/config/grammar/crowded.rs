//! Objects with so many keys that the parser would not be done with them: it compares every key with all before it.

use crate::config::lexer::{Token, TokenKind};

/// Returns the brace of the first object that has more than `limit` keys.
pub(super) fn crowded(text: &str, tokens: &[Token], limit: usize) -> Option<Token> {
    // The bracket and its keys; brackets of other kinds have none.
    let mut open: Vec<(Option<Token>, usize)> = Vec::new();
    let mut before = None;
    for token in tokens.iter().filter(|token| token.kind != TokenKind::Space) {
        match (token.kind, open.last_mut()) {
            (TokenKind::OpenBrace, _) => open.push((Some(*token).filter(|_| is_value_next(text, before)), 0)),
            (TokenKind::Equal | TokenKind::Colon, Some((Some(brace), keys))) => {
                *keys += 1;
                if *keys > limit {
                    return Some(*brace);
                }
            }
            // The `:` of a condition is no key.
            (TokenKind::Question, Some((_, keys))) => *keys = keys.saturating_sub(1),
            (kind, _) if kind.bracket_change() > 0 => open.push((None, 0)),
            (kind, _) if kind.bracket_change() < 0 => drop(open.pop()),
            _ => {}
        }
        before = Some(token);
    }
    None
}

/// Returns whether a brace here begins an object: that of a block stands after its name or label.
fn is_value_next(text: &str, before: Option<&Token>) -> bool {
    before.is_none_or(|before| match before.kind {
        TokenKind::Word => matches!(&text[before.range()], "in" | "if"),
        kind => kind != TokenKind::CloseQuote,
    })
}

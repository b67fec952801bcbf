//! The attributes and blocks that the tokens of a text tell of, by themselves: what the parser's tree is judged by.

use crate::config::lexer::{self, Token, TokenKind};
use hcl::edit::Span as _;
use hcl::edit::structure::{Body, Structure};

/// What the tokens tell.
#[derive(Default)]
pub(super) struct Outline {
    /// Where each attribute and block begins, in the order written.
    pub places: Vec<usize>,
    /// A point outside of brackets with the end of the line after it.
    pub dangling: Option<Token>,
    /// A sign at the begin of a line that ought to begin an attribute or a block, or at the end of one that ought to end a value.
    pub continued: Option<Token>,
}

/// Returns the first directive that the string or heredoc it is in does not hold the other end of.
///
/// The parser would look for that end in what follows the string.
pub(super) fn unbalanced(text: &str, tokens: &[Token]) -> Option<Token> {
    let mut open: Vec<Vec<Token>> = Vec::new();
    let is_meant = |token: &&Token| !matches!(token.kind, TokenKind::Space | TokenKind::Newline | TokenKind::Comment);
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            TokenKind::OpenQuote | TokenKind::OpenHeredoc => open.push(Vec::new()),
            TokenKind::CloseQuote | TokenKind::CloseHeredoc => {
                if let Some(first) = open.pop().and_then(|directives| directives.first().copied()) {
                    return Some(first);
                }
            }
            TokenKind::OpenDirective => {
                let word = tokens[at + 1..].iter().find(is_meant).map(|word| &text[word.range()]);
                let directives = open.last_mut()?;
                match word {
                    Some("if" | "for") => directives.push(*token),
                    Some("endif" | "endfor") if directives.pop().is_none() => return Some(*token),
                    Some("else") if directives.is_empty() => return Some(*token),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    None
}

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
            (kind, _) if change(kind) > 0 => open.push((None, 0)),
            (kind, _) if change(kind) < 0 => drop(open.pop()),
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

/// Holds, while debug assertions are on, that the parser saw the same attributes and blocks: nothing swallowed, nothing made up.
///
/// # Panics
///
/// It did not.
pub(super) fn assert_same(text: &str, tree: &Body) {
    if !cfg!(debug_assertions) {
        return;
    }
    let tokens = lexer::tokens(text);
    // What the lexer does not know is reported when expressions are lowered, or by `fmt`.
    if tokens.iter().any(|token| token.kind == TokenKind::Invalid) {
        return;
    }
    let mut seen = Vec::new();
    of_tree(tree, &mut seen);
    assert_eq!(of_tokens(text, &tokens).places, seen, "the parser sees other attributes and blocks in:\n{text}");
}

fn of_tree(body: &Body, places: &mut Vec<usize>) {
    for structure in body {
        let name = match structure {
            Structure::Attribute(attribute) => attribute.key.span(),
            Structure::Block(block) => block.ident.span(),
        };
        places.extend(name.map(|range| range.start));
        if let Structure::Block(block) = structure {
            of_tree(&block.body, places);
        }
    }
}

/// Returns what the tokens of a text tell.
pub(super) fn of_tokens(text: &str, tokens: &[Token]) -> Outline {
    let is_inline = |token: &Token| token.kind == TokenKind::Comment && text[token.range()].starts_with("/*");
    let is_visible = |token: &&Token| token.kind != TokenKind::Space && !is_inline(token);
    let mut tokens = tokens.iter().filter(is_visible).peekable();
    let mut outline = Outline::default();
    while let Some(token) = tokens.next() {
        if goes_on(token.kind) {
            outline.continued = outline.continued.or(Some(*token));
        }
        if token.kind != TokenKind::Word {
            continue;
        }
        outline.places.push(token.start as usize);
        if tokens.peek().is_none_or(|next| next.kind != TokenKind::Equal) {
            tokens.find(|next| next.kind == TokenKind::OpenBrace);
            continue;
        }
        // The value ends with its line, or before the brace that ends a block of one line.
        let mut open = 0;
        let (mut before, mut last) = (token, token);
        while let Some(next) = tokens.peek() {
            open += change(next.kind);
            let ends_line = matches!(next.kind, TokenKind::Newline | TokenKind::Comment);
            if ends_line && open == 0 && last.kind == TokenKind::Dot {
                outline.dangling = outline.dangling.or(Some(*last));
            } else if ends_line && open == 0 && wants_more(last.kind) && before.kind != TokenKind::Dot {
                outline.continued = outline.continued.or(Some(*last));
            }
            if open < 0 || (open == 0 && ends_line) {
                break;
            }
            (before, last) = (last, next);
            tokens.next();
        }
    }
    outline
}

/// Returns whether a token goes on with the value before it.
fn goes_on(kind: TokenKind) -> bool {
    use TokenKind::{Dot, Minus, OpenBracket, Operator, Question};
    matches!(kind, Operator | Minus | Question | Dot | OpenBracket)
}

/// Returns a number that has no digits between its point and its exponent: `5.E3`.
///
/// The parser takes what is after the point for an attribute of a number.
pub(super) fn misspelt_number(text: &str, tokens: &[Token]) -> Option<Token> {
    let is_misspelt = |token: &&Token| {
        token.kind == TokenKind::Number && [".e", ".E"].iter().any(|part| text[token.range()].contains(part))
    };
    tokens.iter().find(is_misspelt).copied()
}

/// Returns what stands where a `for` in brackets has to name its variable: the parser takes that `for` for a name, if no blank follows.
pub(super) fn nameless_for(text: &str, tokens: &[Token]) -> Option<Token> {
    let visible = visible(tokens, &[TokenKind::Space, TokenKind::Newline, TokenKind::Comment]);
    let is_nameless = |three: &&[&Token]| {
        matches!(three[0].kind, TokenKind::OpenBracket | TokenKind::OpenBrace)
            && &text[three[1].range()] == "for"
            && three[2].kind != TokenKind::Word
            // A block or an attribute may have that name.
            && (three[0].kind == TokenKind::OpenBracket || !matches!(three[2].kind, TokenKind::Equal | TokenKind::OpenBrace))
    };
    visible.windows(3).find(is_nameless).map(|three| *three[2])
}

fn visible<'a>(tokens: &'a [Token], hidden: &[TokenKind]) -> Vec<&'a Token> {
    tokens.iter().filter(|token| !hidden.contains(&token.kind)).collect()
}

/// Returns whether a value cannot end with a token, unless a point stands before it: a splat may be the last.
fn wants_more(kind: TokenKind) -> bool {
    use TokenKind::{Bang, Colon, Minus, Operator, Question};
    matches!(kind, Operator | Minus | Bang | Question | Colon)
}

/// Returns the second of two indices that stand in a row behind points, or that looks so: `x.0 .1`, `x. 0.1`, `6 .25`.
///
/// Laid out without blanks they would be one number, with another meaning.
pub(super) fn chained(text: &str, tokens: &[Token]) -> Option<Token> {
    let visible = visible(tokens, &[TokenKind::Space, TokenKind::Comment]);
    let is_fraction = |token: &Token| token.kind == TokenKind::Number && text[token.range()].contains('.');
    let pair = visible.windows(2).find(|pair| pair[0].kind == TokenKind::Dot && is_fraction(pair[1]));
    let three = visible.windows(3).find(|three| {
        let kinds = [three[0].kind, three[1].kind, three[2].kind];
        kinds == [TokenKind::Number, TokenKind::Dot, TokenKind::Number]
    });
    pair.and_then(|pair| pair.last()).or(three.and_then(|three| three.last())).map(|token| **token)
}

fn change(kind: TokenKind) -> i32 {
    match kind {
        TokenKind::OpenBrace
        | TokenKind::OpenBracket
        | TokenKind::OpenParenthesis
        | TokenKind::OpenQuote
        | TokenKind::OpenHeredoc
        | TokenKind::OpenInterpolation
        | TokenKind::OpenDirective => 1,
        TokenKind::CloseBrace
        | TokenKind::CloseBracket
        | TokenKind::CloseParenthesis
        | TokenKind::CloseQuote
        | TokenKind::CloseHeredoc
        | TokenKind::CloseTemplate => -1,
        _ => 0,
    }
}

//! What the lexer hands out: pieces of text and what each means by itself.

use std::ops::Range;

/// A piece of text that means one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// First byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

impl Token {
    /// Returns the bytes it covers.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Blanks and tabs.
    Space,
    /// The end of a line.
    Newline,
    /// `# ...` and `// ...` with the end of their line, or `/* ... */`.
    Comment,
    /// A name or keyword.
    Word,
    /// A number.
    Number,
    /// The quote that begins a string.
    OpenQuote,
    /// Text inside a string, escapes as written.
    QuotedText,
    /// The quote that ends a string.
    CloseQuote,
    /// `<<EOT` or `<<-EOT` with the end of its line.
    OpenHeredoc,
    /// Text inside a heredoc, at most one line.
    HeredocText,
    /// The marker that ends a heredoc, with the blanks before it but without the end of its line.
    CloseHeredoc,
    /// `${` or `${~`
    OpenInterpolation,
    /// `%{` or `%{~`
    OpenDirective,
    /// The `}` or `~}` that ends an interpolation or a directive.
    CloseTemplate,
    /// `{`
    OpenBrace,
    /// `}`
    CloseBrace,
    /// `[`
    OpenBracket,
    /// `]`
    CloseBracket,
    /// `(`
    OpenParenthesis,
    /// `)`
    CloseParenthesis,
    /// `.`
    Dot,
    /// `,`
    Comma,
    /// `...`
    Ellipsis,
    /// `:`
    Colon,
    /// `::`
    DoubleColon,
    /// `=`
    Equal,
    /// `=>`
    FatArrow,
    /// `?`
    Question,
    /// `!`
    Bang,
    /// `-`, between two values or before one.
    Minus,
    /// An operator that stands between two values only.
    Operator,
    /// No token of the language.
    Invalid,
}

/// Longer signs stand before those they begin with.
const SIGNS: [(&str, TokenKind); 32] = [
    ("\r\n", TokenKind::Newline),
    ("\n", TokenKind::Newline),
    ("...", TokenKind::Ellipsis),
    ("::", TokenKind::DoubleColon),
    ("=>", TokenKind::FatArrow),
    ("==", TokenKind::Operator),
    ("!=", TokenKind::Operator),
    ("<=", TokenKind::Operator),
    (">=", TokenKind::Operator),
    ("&&", TokenKind::Operator),
    ("||", TokenKind::Operator),
    ("{", TokenKind::OpenBrace),
    ("}", TokenKind::CloseBrace),
    ("[", TokenKind::OpenBracket),
    ("]", TokenKind::CloseBracket),
    ("(", TokenKind::OpenParenthesis),
    (")", TokenKind::CloseParenthesis),
    (".", TokenKind::Dot),
    (",", TokenKind::Comma),
    (":", TokenKind::Colon),
    ("=", TokenKind::Equal),
    ("?", TokenKind::Question),
    ("!", TokenKind::Bang),
    ("-", TokenKind::Minus),
    ("<", TokenKind::Operator),
    (">", TokenKind::Operator),
    ("+", TokenKind::Operator),
    ("*", TokenKind::Operator),
    ("/", TokenKind::Operator),
    ("%", TokenKind::Operator),
    ("&", TokenKind::Invalid),
    ("|", TokenKind::Invalid),
];

/// Returns the sign that a text begins with, and its length.
pub(super) fn sign(text: &str) -> Option<(TokenKind, usize)> {
    SIGNS.iter().find(|(sign, _)| text.starts_with(sign)).map(|(sign, kind)| (*kind, sign.len()))
}

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

impl TokenKind {
    /// Returns how many more brackets, interpolations and directives are open after it than before.
    pub fn bracket_change(self) -> isize {
        match self {
            Self::OpenBrace
            | Self::OpenBracket
            | Self::OpenParenthesis
            | Self::OpenInterpolation
            | Self::OpenDirective => 1,
            Self::CloseBrace | Self::CloseBracket | Self::CloseParenthesis | Self::CloseTemplate => -1,
            _ => 0,
        }
    }
}

/// Returns the sign that a text begins with, and its length.
pub(super) fn sign(text: &str) -> Option<(TokenKind, usize)> {
    use TokenKind as Kind;
    let found = match text.as_bytes() {
        [b'\r', b'\n', ..] => (Kind::Newline, 2),
        [b'\n', ..] => (Kind::Newline, 1),
        [b'.', b'.', b'.', ..] => (Kind::Ellipsis, 3),
        [b':', b':', ..] => (Kind::DoubleColon, 2),
        [b'=', b'>', ..] => (Kind::FatArrow, 2),
        [b'=' | b'!' | b'<' | b'>', b'=', ..] | [b'&', b'&', ..] | [b'|', b'|', ..] => (Kind::Operator, 2),
        [b'{', ..] => (Kind::OpenBrace, 1),
        [b'}', ..] => (Kind::CloseBrace, 1),
        [b'[', ..] => (Kind::OpenBracket, 1),
        [b']', ..] => (Kind::CloseBracket, 1),
        [b'(', ..] => (Kind::OpenParenthesis, 1),
        [b')', ..] => (Kind::CloseParenthesis, 1),
        [b'.', ..] => (Kind::Dot, 1),
        [b',', ..] => (Kind::Comma, 1),
        [b':', ..] => (Kind::Colon, 1),
        [b'=', ..] => (Kind::Equal, 1),
        [b'?', ..] => (Kind::Question, 1),
        [b'!', ..] => (Kind::Bang, 1),
        [b'-', ..] => (Kind::Minus, 1),
        [b'<' | b'>' | b'+' | b'*' | b'/' | b'%', ..] => (Kind::Operator, 1),
        _ => return None,
    };
    Some(found)
}

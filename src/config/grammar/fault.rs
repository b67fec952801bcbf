//! What the recognizer objects to, in words that name the construct and the way out.

use crate::config::lexer::{Token, TokenKind};
use crate::diagnostics::{Diagnostic, FileId, Span};

/// What is said of a heredoc that the parser and the lexer end at different places, and what to do.
pub(super) const ENDLESS: (&str, &str) = (
    "cannot tell where this heredoc ends",
    "it ends with a line that holds its marker alone, and every `%{ if }` and `%{ for }` in it must end before",
);

/// The first token that does not belong.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    pub kind: FaultKind,
    pub token: Token,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// Something else belongs here.
    Expected(&'static str),
    /// No token of the language.
    Invalid,
    /// A sign at the begin of a line that goes on with the value before it, or at the end of one that wants more.
    Continued,
    /// A point at the end of a line.
    Dangling,
    /// What stands where `for` names its variable.
    NamelessFor,
    /// A number without digits between its point and its exponent, or with two points: the parser takes what follows for an attribute.
    Misspelt,
    /// The second of two indices in a row behind points, or what looks so: `x.0 .1`, `x. 0.1`, `6 .25`. Laid out without blanks they would
    /// be one number, with another meaning.
    Chained,
    /// `.*` behind another `.*`.
    NestedSplat,
    /// A directive without its other end in the string or heredoc it is in: the parser looks for that in what follows.
    Unbalanced,
    /// A heredoc whose marker does not come.
    Endless,
    /// More levels than are followed.
    TooDeep,
}

impl Fault {
    pub(super) fn new(kind: FaultKind, token: Token) -> Box<Self> {
        Box::new(Self { kind, token })
    }

    /// Returns whether it says more than what the parser would say of the same text.
    pub(super) fn says_more(&self) -> bool {
        matches!(self.kind, FaultKind::Dangling | FaultKind::Unbalanced)
    }

    pub(super) fn diagnostic(&self, file: FileId, text: &str) -> Diagnostic {
        let written = &text[self.token.range()];
        let found = match self.token.kind {
            TokenKind::Newline if self.token.end as usize == text.len() => "the end of the text".to_owned(),
            TokenKind::Newline => "the end of the line".to_owned(),
            _ => format!("`{}`", written.trim_end().escape_debug()),
        };
        let (summary, hint) = match self.kind {
            FaultKind::Expected(expected) => (format!("expected {expected}, found {found}"), None),
            FaultKind::Invalid => return invalid(file, written, self.token.start),
            FaultKind::Continued => (
                format!("a value cannot go on over the end of a line at {found}"),
                Some("write it on one line, or the whole value in parentheses"),
            ),
            FaultKind::Dangling => ("a name is missing after this `.`, found the end of the line".to_owned(), None),
            FaultKind::NamelessFor => (
                format!("expected the name of a variable after `for`, found {found}"),
                Some("write `[for x in list : x]`; a name cannot be `for` here"),
            ),
            FaultKind::Misspelt => (
                format!("{found} is not a number"),
                Some("write digits around one point, and behind the `e` of an exponent: `5.0e3`"),
            ),
            FaultKind::Chained => (
                "two indices in a row cannot be written with dots".to_owned(),
                Some("write them in brackets: `[0][1]`"),
            ),
            FaultKind::NestedSplat => {
                ("`.*` cannot stand inside another `.*`".to_owned(), Some("write `[*]` for both"))
            }
            FaultKind::Unbalanced => (
                "the other end of this directive is missing in the string or heredoc that it is in".to_owned(),
                Some(
                    "a string holds `%{ if }` or `%{ for }` with its `%{ endif }` or `%{ endfor }`; write `%%{` for the text `%{`",
                ),
            ),
            FaultKind::Endless => (ENDLESS.0.to_owned(), Some(ENDLESS.1)),
            FaultKind::TooDeep => {
                ("nested too deeply, expected at most 64 levels".to_owned(), Some("move parts of it into `locals`"))
            }
        };
        let diagnostic = Diagnostic::error(summary).at(Span::new(file, self.token.start, self.token.end));
        match hint {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        }
    }
}

/// Returns what is wrong with a text that is no token of the language.
pub(in crate::config) fn invalid(file: FileId, text: &str, start: u32) -> Diagnostic {
    let diagnostic = match text {
        "\n" => Diagnostic::error("this string goes over the end of its line, expected `\"` before it")
            .hint("write `\\n` for a line end, or use a heredoc (`<<EOT`)"),
        _ if text.starts_with("<<") => Diagnostic::error(
            "a heredoc begins with `<<` or `<<-`, a name and the end of the line, found something between",
        ),
        _ => Diagnostic::error(format!("`{}` means nothing here", text.escape_debug())),
    };
    diagnostic.at(Span::new(file, start, start + text.len() as u32))
}

//! HCL text as tokens, with nothing lost: the texts of all tokens, one after the other, are the text that was read.
//!
//! The lexer knows no grammar and never fails. Text that is no token of the language becomes [`TokenKind::Invalid`], and what is left open
//! at the end simply ends. It needs no recursion: what is open stands on a stack of its own.

mod token;

pub use token::{Token, TokenKind};

use std::ops::Range;

/// Returns the tokens of a text.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer {
        text,
        at: 0,
        around: Vec::new(),
        within: Frame::Code { open_braces: 0 },
        // Measured on our own examples: a token for every three to four bytes.
        tokens: Vec::with_capacity(text.len() / 4),
    };
    while lexer.at < text.len() {
        lexer.step();
    }
    lexer.tokens
}

/// The kind of text the lexer is in.
enum Frame {
    /// Outside strings, or inside `${ }` and `%{ }`; counts the braces that were opened since.
    Code { open_braces: usize },
    /// Between the quotes of a string.
    Quoted,
    /// Between the lines that begin and end a heredoc.
    Heredoc { marker: Range<usize> },
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// The frames around the current one, the outermost first.
    around: Vec<Frame>,
    within: Frame,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn step(&mut self) {
        match &self.within {
            Frame::Code { .. } => self.code(),
            Frame::Quoted => self.quoted(),
            Frame::Heredoc { marker } => self.heredoc(marker.clone()),
        }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn push(&mut self, kind: TokenKind, length: usize) {
        let start = self.at;
        self.at += length;
        self.tokens.push(Token { kind, start: start as u32, end: self.at as u32 });
    }

    fn enter(&mut self, frame: Frame) {
        self.around.push(std::mem::replace(&mut self.within, frame));
    }

    fn leave(&mut self) {
        if let Some(frame) = self.around.pop() {
            self.within = frame;
        }
    }

    fn code(&mut self) {
        let rest = self.rest();
        let first = rest.chars().next().expect("the loop runs while text is left");
        match first {
            ' ' | '\t' => self.push(TokenKind::Space, length_while(rest, is_blank)),
            '#' => self.push(TokenKind::Comment, line_length(rest)),
            '/' if rest.starts_with("//") => self.push(TokenKind::Comment, line_length(rest)),
            '/' if rest.starts_with("/*") => match rest[2..].find("*/") {
                Some(length) => self.push(TokenKind::Comment, 2 + length + 2),
                None => self.push(TokenKind::Invalid, rest.len()),
            },
            '0'..='9' => self.push(TokenKind::Number, number_length(rest.as_bytes())),
            '"' => {
                self.push(TokenKind::OpenQuote, 1);
                self.enter(Frame::Quoted);
            }
            '<' if rest.starts_with("<<") => self.open_heredoc(),
            '{' | '}' | '~' => self.brace(),
            _ if is_word_start(first) => {
                self.push(TokenKind::Word, length_while(rest, is_word_part));
            }
            _ => match token::sign(rest) {
                Some((kind, length)) => self.push(kind, length),
                None => self.push(TokenKind::Invalid, first.len_utf8()),
            },
        }
    }

    /// Braces are counted, for only the brace that was not opened inside a `${ }` ends it.
    fn brace(&mut self) {
        let in_template = !self.around.is_empty();
        let is_stripping = self.rest().starts_with("~}");
        let Frame::Code { open_braces } = &mut self.within else {
            unreachable!("braces are looked at in code only");
        };
        match self.text.as_bytes()[self.at] {
            b'{' => {
                *open_braces += 1;
                self.push(TokenKind::OpenBrace, 1);
            }
            b'~' if !is_stripping => self.push(TokenKind::Invalid, 1),
            _ if *open_braces == 0 && in_template => {
                self.push(TokenKind::CloseTemplate, if is_stripping { 2 } else { 1 });
                self.leave();
            }
            b'~' => self.push(TokenKind::Invalid, 1),
            _ => {
                *open_braces = open_braces.saturating_sub(1);
                self.push(TokenKind::CloseBrace, 1);
            }
        }
    }

    fn quoted(&mut self) {
        let rest = self.rest();
        match rest.as_bytes() {
            [b'"', ..] => {
                self.push(TokenKind::CloseQuote, 1);
                self.leave();
            }
            [b'\n', ..] => {
                // The string was meant to end here: what follows is easier to understand as code.
                self.push(TokenKind::Invalid, 1);
                self.leave();
            }
            _ => match template_opener(rest) {
                Some((kind, length)) => self.open_template(kind, length),
                None => self.push(TokenKind::QuotedText, quoted_length(rest)),
            },
        }
    }

    fn open_template(&mut self, kind: TokenKind, length: usize) {
        self.push(kind, length);
        self.enter(Frame::Code { open_braces: 0 });
    }

    /// A heredoc begins with `<<` or `<<-`, a name and the end of the line, without anything between.
    fn open_heredoc(&mut self) {
        let rest = self.rest();
        let marker_at = if rest[2..].starts_with('-') { 3 } else { 2 };
        let marker = &rest[marker_at..];
        let marker = &marker[..length_while(marker, is_word_part)];
        let after = &rest[marker_at + marker.len()..];
        let line_end = ["\r\n", "\n"].iter().find(|end| after.starts_with(**end));
        match line_end {
            Some(line_end) if marker.starts_with(is_word_start) => {
                let start = self.at + marker_at;
                let marker = start..start + marker.len();
                self.push(TokenKind::OpenHeredoc, marker.end + line_end.len() - self.at);
                self.enter(Frame::Heredoc { marker });
            }
            _ => self.push(TokenKind::Invalid, marker_at),
        }
    }

    fn heredoc(&mut self, marker: Range<usize>) {
        let rest = self.rest();
        if self.text.as_bytes()[self.at - 1] == b'\n' {
            let line = &rest[..line_length(rest)];
            if line.trim() == &self.text[marker] {
                let line = line.strip_suffix('\n').unwrap_or(line);
                let line = line.strip_suffix('\r').unwrap_or(line);
                self.push(TokenKind::CloseHeredoc, line.len());
                self.leave();
                return;
            }
        }
        match template_opener(rest) {
            Some((kind, length)) => self.open_template(kind, length),
            None => self.push(TokenKind::HeredocText, heredoc_length(rest)),
        }
    }
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

fn is_word_start(character: char) -> bool {
    character == '_' || unicode_ident::is_xid_start(character)
}

fn is_word_part(character: char) -> bool {
    character == '-' || unicode_ident::is_xid_continue(character)
}

fn length_while(text: &str, accepts: impl Fn(char) -> bool) -> usize {
    text.find(|character| !accepts(character)).unwrap_or(text.len())
}

/// The length of the first line, its end included.
fn line_length(text: &str) -> usize {
    text.find('\n').map_or(text.len(), |length| length + 1)
}

/// A number never ends with a point, so that `1...` is a number and an ellipsis.
fn number_length(bytes: &[u8]) -> usize {
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let (mut at, mut end) = (1, 1);
    loop {
        at += match bytes.get(at) {
            Some(b'0'..=b'9') => 1,
            Some(b'.') => {
                at += 1;
                continue;
            }
            Some(b'e' | b'E') if is_digit(at + 1) => 2,
            Some(b'e' | b'E') if matches!(bytes.get(at + 1), Some(b'+' | b'-')) && is_digit(at + 2) => 3,
            _ => return end,
        };
        end = at;
    }
}

fn template_opener(text: &str) -> Option<(TokenKind, usize)> {
    let (kind, length) = match text.as_bytes() {
        [b'$', b'{', ..] => (TokenKind::OpenInterpolation, 2),
        [b'%', b'{', ..] => (TokenKind::OpenDirective, 2),
        _ => return None,
    };
    let strips = text.as_bytes().get(2) == Some(&b'~');
    Some((kind, if strips { length + 1 } else { length }))
}

/// The length of `$${` and `%%{`, which stand for the characters `${` and `%{`.
fn escaped_opener_length(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [b'$', b'$', b'{', ..] | [b'%', b'%', b'{', ..] => Some(3),
        _ => None,
    }
}

/// The length of the text up to the closing quote, the next `${` or the end of the line.
fn quoted_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += match byte {
            b'"' | b'\n' => break,
            b'\\' if bytes.get(at + 1).is_some_and(|next| *next != b'\n') => 2,
            b'$' | b'%' => match escaped_opener_length(&bytes[at..]) {
                Some(length) => length,
                None if bytes.get(at + 1) == Some(&b'{') => break,
                None => 1,
            },
            _ => 1,
        };
    }
    // A backslash may stand before a character of several bytes.
    text.ceil_char_boundary(at)
}

/// The length of the text up to the next `${` or the end of the line, which belongs to it.
fn heredoc_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += match byte {
            b'\n' => return at + 1,
            b'$' | b'%' => match escaped_opener_length(&bytes[at..]) {
                Some(length) => length,
                None if bytes.get(at + 1) == Some(&b'{') => break,
                None => 1,
            },
            _ => 1,
        };
    }
    at
}

#[cfg(test)]
mod tests;

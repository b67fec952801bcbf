//! Follows the brackets, strings, heredocs and comments of a text and reports the first that is not closed as it was opened.

use crate::diagnostics::{Diagnostic, FileId, Span};
use std::ops::Range;

/// What a well-nested text consists of.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    /// Words, strings, operators and brackets in order; no comments, no spaces, nothing inside strings and heredocs.
    pub tokens: Vec<Token>,
}

/// A piece of text that means one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub kind: TokenKind,
    pub start: usize,
    pub end: usize,
    /// Index of the bracket that encloses it.
    pub parent: Option<usize>,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name, keyword or number.
    Word,
    /// A whole quoted string or heredoc.
    Text,
    /// `(`, `[` or `{`
    Open,
    /// `)`, `]` or `}`
    Close,
    /// Anything else, one or two characters.
    Sign,
    /// The end of a line.
    Newline,
}

/// Returns the tokens, or what is not closed.
pub(super) fn scan(file: FileId, text: &str) -> Result<Scanned, Box<Diagnostic>> {
    let mut scanner = Scanner { file, text, at: 0, open: Vec::new(), scanned: Scanned::default() };
    while scanner.at < text.len() {
        scanner.step()?;
    }
    match scanner.open.last() {
        None => Ok(scanner.scanned),
        Some(_) => Err(Box::new(scanner.never_closed())),
    }
}

/// Returns the range of the outermost block around a place, if every bracket of the text is closed.
pub(super) fn block_around(file: FileId, text: &str, offset: usize) -> Option<Range<usize>> {
    let tokens = scan(file, text).ok()?.tokens;
    let outer: Vec<&Token> = tokens.iter().filter(|token| token.parent.is_none()).collect();
    let begins = |at: &usize| *at == 0 || outer[*at - 1].kind == TokenKind::Newline;
    let starts: Vec<usize> = (0..outer.len())
        .filter(|at| outer[*at].kind != TokenKind::Newline && begins(at))
        .map(|at| outer[at].start)
        .collect();
    let next = starts.partition_point(|start| *start <= offset);
    let start = *starts.get(next.checked_sub(1)?)?;
    Some(start..starts.get(next).copied().unwrap_or(text.len()))
}

struct Scanner<'a> {
    file: FileId,
    text: &'a str,
    at: usize,
    /// Indices of the brackets that are open.
    open: Vec<usize>,
    scanned: Scanned,
}

impl Scanner<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start as u32, end as u32)
    }

    fn line_end(&self, from: usize) -> usize {
        self.text[from..].find('\n').map_or(self.text.len(), |length| from + length)
    }

    fn push(&mut self, kind: TokenKind, length: usize) {
        let token = Token { kind, start: self.at, end: self.at + length, parent: self.open.last().copied() };
        self.scanned.tokens.push(token);
        self.at += length;
    }

    fn step(&mut self) -> Result<(), Box<Diagnostic>> {
        let rest = self.rest();
        let first = rest.chars().next().expect("the caller checked that text is left");
        match first {
            '#' => self.at = self.line_end(self.at),
            '/' if rest.starts_with("//") => self.at = self.line_end(self.at),
            '/' if rest.starts_with("/*") => self.comment()?,
            '\n' => self.push(TokenKind::Newline, 1),
            _ if first.is_whitespace() => self.at += first.len_utf8(),
            '"' => self.quoted()?,
            '<' if rest.starts_with("<<") => self.heredoc()?,
            '(' | '[' | '{' => {
                let index = self.scanned.tokens.len();
                self.push(TokenKind::Open, 1);
                self.open.push(index);
            }
            ')' | ']' | '}' => self.close(first)?,
            _ if first.is_alphanumeric() || first == '_' => {
                let is_word = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-');
                let length = rest.find(|character| !is_word(character)).unwrap_or(rest.len());
                self.push(TokenKind::Word, length);
            }
            _ => {
                let is_pair =
                    ["==", "!=", "<=", ">=", "&&", "||", "=>", "::"].iter().any(|pair| rest.starts_with(pair));
                let length = if is_pair {
                    2
                } else if rest.starts_with("...") {
                    3
                } else {
                    first.len_utf8()
                };
                self.push(TokenKind::Sign, length);
            }
        }
        Ok(())
    }

    fn comment(&mut self) -> Result<(), Box<Diagnostic>> {
        let Some(length) = self.rest().find("*/") else {
            let span = self.span(self.at, self.at + 2);
            return Err(Box::new(Diagnostic::error("this comment is never closed, expected `*/`").at(span)));
        };
        self.at += length + 2;
        Ok(())
    }

    fn close(&mut self, closing: char) -> Result<(), Box<Diagnostic>> {
        let span = self.span(self.at, self.at + 1);
        let Some(index) = self.open.pop() else {
            let summary = format!("`{closing}` closes nothing");
            return Err(Box::new(Diagnostic::error(summary).at(span).hint("remove it, or add what it should close")));
        };
        let opener = self.scanned.tokens[index];
        let expected = partner(&self.text[opener.start..opener.end]);
        if expected != closing {
            let summary = format!("expected `{expected}`, found `{closing}`");
            let opened = self.span(opener.start, opener.end);
            return Err(Box::new(Diagnostic::error(summary).at(span).label(opened, "opened here")));
        }
        self.push(TokenKind::Close, 1);
        Ok(())
    }

    /// Names the bracket that most likely lacks its partner: where a block begins at the margin although a bracket is open, what was
    /// open there; else the innermost.
    fn never_closed(&self) -> Diagnostic {
        let tokens = &self.scanned.tokens;
        let at_margin = |token: &Token| token.start == 0 || self.text.as_bytes()[token.start - 1] == b'\n';
        let begins_block = |(index, token): &(usize, &Token)| {
            let next = tokens.get(index + 1).map(|token| (token.kind, &self.text[token.start..token.end]));
            token.kind == TokenKind::Word
                && token.parent.is_some()
                && at_margin(token)
                && next.is_some_and(|(kind, text)| kind == TokenKind::Text || text == "{")
        };
        let intruder = tokens.iter().enumerate().find(begins_block).map(|(_, token)| *token);
        let innermost = self.open.last().copied().expect("only called while something is open");
        let index = intruder.and_then(|token| token.parent).unwrap_or(innermost);
        let opener = tokens[index];
        let bracket = &self.text[opener.start..opener.end];
        let what = if bracket == "{" && self.opens_block(index) { "this block" } else { "this bracket" };
        let diagnostic = Diagnostic::error(format!("{what} is never closed, expected `{}`", partner(bracket)))
            .at(self.span(opener.start, opener.end));
        match intruder {
            Some(token) => diagnostic.label(self.span(token.start, token.end), "still open where this begins"),
            None => diagnostic,
        }
    }

    /// A brace opens a block if a word or label is before it, an object if `=` or a bracket is.
    fn opens_block(&self, index: usize) -> bool {
        let before = index.checked_sub(1).map(|before| self.scanned.tokens[before].kind);
        matches!(before, Some(TokenKind::Word | TokenKind::Text))
    }

    fn quoted(&mut self) -> Result<(), Box<Diagnostic>> {
        let start = self.at;
        let end = self.string_end(start)?;
        self.push(TokenKind::Text, end - start);
        Ok(())
    }

    /// Returns the end of the string that begins at `start`, interpolations with strings of their own inside included.
    fn string_end(&self, start: usize) -> Result<usize, Box<Diagnostic>> {
        let bytes = self.text.as_bytes();
        // Where each string and each interpolation around the current byte began.
        let mut strings = vec![start];
        let mut braces: Vec<(usize, usize)> = Vec::new();
        let mut at = start + 1;
        while let Some(byte) = bytes.get(at) {
            let in_text = strings.len() > braces.len();
            let next = bytes.get(at + 1).copied();
            match (in_text, *byte) {
                (true, b'\\') => at += 1,
                (true, b'$' | b'%') if next == Some(*byte) && bytes.get(at + 2) == Some(&b'{') => {
                    at += 2;
                }
                (true, b'$' | b'%') if next == Some(b'{') => {
                    braces.push((at, 0));
                    at += 1;
                }
                (true, b'"') => {
                    strings.pop();
                    if strings.is_empty() {
                        return Ok(at + 1);
                    }
                }
                (true, b'\n') => {
                    return Err(Box::new(self.unclosed_string(strings[strings.len() - 1], at)));
                }
                (false, b'"') => strings.push(at),
                (false, b'{') => braces[strings.len() - 1].1 += 1,
                (false, b'}') => match braces[strings.len() - 1].1.checked_sub(1) {
                    Some(depth) => braces[strings.len() - 1].1 = depth,
                    None => {
                        braces.pop();
                    }
                },
                _ => {}
            }
            at += 1;
        }
        match braces.last() {
            Some((opened, _)) if strings.len() == braces.len() => {
                let diagnostic = Diagnostic::error("this interpolation is never closed, expected `}`");
                Err(Box::new(
                    diagnostic
                        .at(self.span(*opened, *opened + 2))
                        .hint("write `$${` for the characters `${` themselves"),
                ))
            }
            _ => Err(Box::new(self.unclosed_string(strings[strings.len() - 1], self.text.len()))),
        }
    }

    fn unclosed_string(&self, start: usize, end: usize) -> Diagnostic {
        let shown = self.text[start..end].trim_end().len();
        Diagnostic::error("this string is not closed, expected `\"` before the end of the line")
            .at(self.span(start, start + shown))
            .hint("text of several lines goes between `<<EOT` and a line with `EOT`, or write `\\n`")
    }

    fn heredoc(&mut self) -> Result<(), Box<Diagnostic>> {
        let header = &self.text[self.at..self.line_end(self.at)];
        let marker = header.trim_start_matches('<').trim_start_matches('-').trim();
        if marker.is_empty()
            || !marker.chars().all(|character| character.is_alphanumeric() || matches!(character, '_' | '-'))
        {
            self.push(TokenKind::Sign, 2);
            return Ok(());
        }
        let body = (self.at + header.len() + 1).min(self.text.len());
        let mut line_start = body;
        for line in self.text[body..].split_inclusive('\n') {
            if line.trim() == marker {
                let end = line_start + line.trim_end().len();
                self.push(TokenKind::Text, end - self.at);
                return Ok(());
            }
            line_start += line.len();
        }
        let span = self.span(self.at, self.at + header.trim_end().len());
        let summary = format!("this heredoc is never ended, expected a line with only `{marker}`");
        Err(Box::new(Diagnostic::error(summary).at(span)))
    }
}

fn partner(bracket: &str) -> char {
    match bracket {
        "(" => ')',
        "[" => ']',
        _ => '}',
    }
}

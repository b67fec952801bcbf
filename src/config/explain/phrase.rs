//! Judges the tokens around the place where the parser stopped, once every bracket is known to be closed.

use super::scan::{Scanned, Token, TokenKind};
use crate::diagnostics::{Diagnostic, FileId, Span};
use hcl::edit::parser::Error;
use std::ops::Range;

/// Names a limit of the parser, if one was passed: then the brackets may be fine, and following them says nothing.
pub(super) fn limit(file: FileId, text: &str, error: &Error, offset: usize) -> Option<Diagnostic> {
    let message = error.message();
    let summary = if message.contains("nested levels") {
        "nested too deeply, expected at most 64 levels"
    } else if message.contains("operator depth") || message.contains("operators") {
        "too many operators in one expression, expected at most 128"
    } else {
        return None;
    };
    let end = offset + text[offset..].chars().next().map_or(0, char::len_utf8);
    let diagnostic = Diagnostic::error(summary).at(Span::new(file, offset as u32, end as u32));
    Some(diagnostic.hint("give parts of it names in `locals`"))
}

/// Returns what is wrong around `offset`.
pub(super) fn phrase(file: FileId, text: &str, error: &Error, offset: usize, scanned: &Scanned) -> Diagnostic {
    let tokens = &scanned.tokens;
    let found = tokens.iter().position(|token| token.end > offset).unwrap_or(tokens.len());
    let around = Around { file, text, tokens, found, offset };
    around
        .redefined(error)
        .or_else(|| around.one_line_block())
        .or_else(|| around.single_quotes())
        .or_else(|| around.missing_operand())
        .or_else(|| around.missing_branch())
        .or_else(|| around.colon())
        .or_else(|| around.second_on_line())
        .or_else(|| around.missing_comma())
        .unwrap_or_else(|| around.unexpected(error))
}

struct Around<'a> {
    file: FileId,
    text: &'a str,
    tokens: &'a [Token],
    /// Index of the token where the parser stopped.
    found: usize,
    offset: usize,
}

impl Around<'_> {
    fn slice(&self, token: Token) -> &str {
        &self.text[token.start..token.end]
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start as u32, end as u32)
    }

    fn over(&self, token: Token) -> Span {
        self.span(token.start, token.end)
    }

    /// The last token before the place, line ends left out.
    fn before(&self) -> Option<Token> {
        self.tokens[..self.found].iter().rev().find(|token| token.kind != TokenKind::Newline).copied()
    }

    fn redefined(&self, error: &Error) -> Option<Diagnostic> {
        if !error.message().contains("redefined") {
            return None;
        }
        let key = self.key(self.found)?;
        let name = &self.text[key.clone()];
        let parent = self.tokens[self.found].parent;
        let same = |at: usize| self.key(at).filter(|key| self.text[key.clone()] == *name);
        let first = (0..self.found).filter(|at| self.tokens[*at].parent == parent).find_map(same)?;
        let summary = match error.message().contains("object key") {
            true => format!("key `{name}` is given twice; keys of an object must be different"),
            false => format!("`{name}` is set twice, expected once"),
        };
        let label = if error.message().contains("object key") { "given here first" } else { "first set here" };
        let diagnostic = Diagnostic::error(summary).at(self.span(key.start, key.end));
        Some(diagnostic.label(self.span(first.start, first.end), label))
    }

    /// The key or name that begins at a token, if an `=` or `:` ends it.
    fn key(&self, at: usize) -> Option<Range<usize>> {
        let (start, parent) = (self.tokens[at].start, self.tokens[at].parent);
        let mut beside = self.tokens[at..].iter().filter(|token| token.parent == parent);
        let end = beside.find(|token| matches!(self.slice(**token), "=" | ":" | "," | "\n"))?;
        let key = self.text[start..end.start].trim_end();
        (matches!(self.slice(*end), "=" | ":") && !key.is_empty()).then(|| start..start + key.len())
    }

    /// `block { a = 1, b = 2 }`: legal HCL has at most one attribute on the line of its block, so show it rewritten.
    fn one_line_block(&self) -> Option<Diagnostic> {
        let mut parent = self.tokens.get(self.found).map_or(self.tokens.last()?.parent, |token| token.parent);
        while let Some(index) = parent {
            if self.slice(self.tokens[index]) == "{" && self.opens_block(index) {
                return self.rewritten(index);
            }
            parent = self.tokens[index].parent;
        }
        None
    }

    fn opens_block(&self, index: usize) -> bool {
        let before = index.checked_sub(1).map(|before| self.tokens[before].kind);
        matches!(before, Some(TokenKind::Word | TokenKind::Text))
    }

    fn rewritten(&self, index: usize) -> Option<Diagnostic> {
        let inside = |token: &&Token| token.parent == Some(index) && token.kind != TokenKind::Close;
        let close = self.tokens[index..]
            .iter()
            .find(|token| token.parent == self.tokens[index].parent && token.kind == TokenKind::Close)?;
        let body = &self.text[self.tokens[index].end..close.start];
        let items: Vec<String> = self.items(index);
        if body.contains('\n')
            || items.len() < 2 && !self.tokens.iter().filter(inside).any(|token| self.slice(*token) == "{")
        {
            return None;
        }
        let line_start = self.text[..self.tokens[index].start].rfind('\n').map_or(0, |at| at + 1);
        let header = self.text[line_start..self.tokens[index].end].trim_end();
        let margin: String = header.chars().take_while(|character| character.is_whitespace()).collect();
        let lines: Vec<String> = items.iter().map(|item| format!("{margin}  {item}\n")).collect();
        let block = format!("{header}\n{}{margin}}}", lines.concat());
        let span = self.span(self.tokens[index].start, close.end);
        let summary = "a block on one line holds at most one attribute and no block, expected one item per line";
        Some(Diagnostic::error(summary).at(span).hint(format!("write it as\n{block}")))
    }

    /// The items of the block whose brace is at `index`: a new one begins at a word followed by `=`, `{` or a label.
    fn items(&self, index: usize) -> Vec<String> {
        let inside: Vec<usize> =
            (index + 1..self.tokens.len()).filter(|at| self.tokens[*at].parent == Some(index)).collect();
        let mut starts = Vec::new();
        for (position, at) in inside.iter().enumerate() {
            let before = position.checked_sub(1).map(|before| self.slice(self.tokens[inside[before]]));
            let next = inside.get(position + 1).map(|next| self.tokens[*next]);
            let begins = self.tokens[*at].kind == TokenKind::Word
                && next.is_some_and(|next| {
                    matches!(self.slice(next), "=" | "{")
                        || next.kind == TokenKind::Text && *at + 1 == inside[position + 1]
                })
                && before.is_none_or(|before| before != "." && before != "=");
            if begins {
                starts.push(self.tokens[*at].start);
            }
        }
        let close = self.tokens[index..]
            .iter()
            .find(|token| token.parent == self.tokens[index].parent && token.kind == TokenKind::Close);
        let end = close.map_or(self.text.len(), |token| token.start);
        let ends = starts.iter().skip(1).copied().chain([end]);
        starts
            .iter()
            .zip(ends)
            .map(|(start, end)| self.text[*start..end].trim().trim_end_matches([',', ';']).trim_end().to_string())
            .collect()
    }

    fn single_quotes(&self) -> Option<Diagnostic> {
        let token = *self.tokens.get(self.found)?;
        if self.slice(token) != "'" {
            return None;
        }
        let line = self.text[token.end..].lines().next().unwrap_or("");
        let end = line.find('\'').map_or(token.end, |length| token.end + length + 1);
        Some(Diagnostic::error("text goes between double quotes, found a single quote").at(self.span(token.start, end)))
    }

    fn missing_operand(&self) -> Option<Diagnostic> {
        let before = self.before()?;
        let found = self.tokens.get(self.found).copied();
        let ends = found.is_none_or(|token| {
            matches!(token.kind, TokenKind::Newline | TokenKind::Close) || is_operator(self.slice(token))
        });
        let sign = self.slice(before);
        if !ends || !(is_operator(sign) || sign == "=") {
            return None;
        }
        let what = if sign == "=" { "a value" } else { "an operand" };
        let summary = match found.filter(|token| token.kind != TokenKind::Newline) {
            Some(token) => format!("{what} is missing after `{sign}`, found `{}`", self.slice(token)),
            None => format!("{what} is missing after `{sign}`, found the end of the line"),
        };
        Some(Diagnostic::error(summary).at(self.over(before)))
    }

    /// `condition ? value`, and nothing for when it is false.
    fn missing_branch(&self) -> Option<Diagnostic> {
        let parent = self.tokens.get(self.found).map_or(self.before()?.parent, |token| token.parent);
        let is_ended = |token: &Token| token.kind == TokenKind::Newline && parent.is_none_or(|at| self.opens_block(at));
        let before = self.tokens[..self.found].iter().rev().take_while(|token| !is_ended(token));
        let mut values = 0;
        let question = before.filter(|token| token.parent == parent).find(|token| match self.slice(**token) {
            ":" => {
                values += 1;
                false
            }
            "?" if values == 0 => true,
            "?" => {
                values -= 1;
                false
            }
            _ => false,
        })?;
        let found = self.tokens.get(self.found).filter(|token| token.kind != TokenKind::Newline);
        let found = found.map_or("the end of the line".to_owned(), |token| format!("`{}`", self.slice(*token)));
        let summary = format!("`:` and the value for the other case are missing after this `?`, found {found}");
        let diagnostic = Diagnostic::error(summary).at(self.over(*question));
        Some(diagnostic.hint("write `condition ? value : other_value`"))
    }

    /// `name: value`, as YAML writes it.
    fn colon(&self) -> Option<Diagnostic> {
        let token = *self.tokens.get(self.found)?;
        let name = self.before().filter(|before| before.kind == TokenKind::Word)?;
        (self.slice(token) == ":").then(|| {
            let summary = format!("expected `=` after `{}`, found `:`", self.slice(name));
            Diagnostic::error(summary).at(self.over(token))
        })
    }

    /// `a = 1 b = 2`
    fn second_on_line(&self) -> Option<Diagnostic> {
        let token = *self.tokens.get(self.found)?;
        let before = self.tokens.get(self.found.checked_sub(1)?)?;
        let next = self.tokens.get(self.found + 1).map(|next| self.slice(*next));
        let in_body = token.parent.is_none_or(|parent| self.opens_block(parent));
        let begins = token.kind == TokenKind::Word && matches!(next, Some("=" | "{"));
        (in_body && begins && before.kind != TokenKind::Newline && before.kind != TokenKind::Open).then(|| {
            let summary =
                format!("expected a new line before `{}`: one attribute or block per line", self.slice(token));
            Diagnostic::error(summary).at(self.over(token))
        })
    }

    fn missing_comma(&self) -> Option<Diagnostic> {
        let token = *self.tokens.get(self.found)?;
        let parent = token.parent.map(|parent| self.slice(self.tokens[parent]))?;
        let before = self.before()?;
        let begins = matches!(token.kind, TokenKind::Word | TokenKind::Text | TokenKind::Open);
        let ended = matches!(before.kind, TokenKind::Word | TokenKind::Text | TokenKind::Close);
        (matches!(parent, "[" | "(") && begins && ended).then(|| {
            let summary = format!("expected `,` before `{}`", first_line(self.slice(token)));
            Diagnostic::error(summary).at(self.over(token))
        })
    }

    /// Whether a name and a text stand alone before the place, as in `memory "4GiB"`.
    fn is_labelled_name(&self) -> bool {
        let kind = |back: usize| self.found.checked_sub(back).map(|at| self.tokens[at].kind);
        let begins = matches!(kind(3), None | Some(TokenKind::Newline | TokenKind::Open));
        kind(1) == Some(TokenKind::Text) && kind(2) == Some(TokenKind::Word) && begins
    }

    fn unexpected(&self, error: &Error) -> Diagnostic {
        let Some(token) = self.tokens.get(self.found).copied() else {
            let end = self.text.trim_end().len();
            let summary = format!("unexpected end of the file: {}", error.message());
            return Diagnostic::error(summary).at(self.span(end.min(self.offset), end.max(self.offset)));
        };
        let at_start = self.found == 0 || self.tokens[self.found - 1].kind == TokenKind::Newline;
        let in_body = token.parent.is_none_or(|parent| self.opens_block(parent));
        let name = self.before().filter(|before| before.kind == TokenKind::Word && in_body);
        match name {
            Some(name) if token.kind == TokenKind::Newline => {
                let word = self.slice(name);
                let summary = format!("expected `{word} = ...` or `{word} {{`, found the end of the line");
                Diagnostic::error(summary).at(self.over(name))
            }
            _ if token.kind == TokenKind::Newline && in_body && self.is_labelled_name() => {
                let (label, name) = (self.tokens[self.found - 1], self.tokens[self.found - 2]);
                let (word, text) = (self.slice(name), self.slice(label));
                let summary = format!("expected `=` after `{word}`, found {text} and the end of the line");
                let hint = format!("a value is `{word} = {text}`, a block `{word} {text} {{ ... }}`");
                Diagnostic::error(summary).at(self.over(label)).hint(hint)
            }
            _ if token.kind == TokenKind::Newline => {
                Diagnostic::error(format!("unexpected end of the line: {}", error.message())).at(self.over(token))
            }
            _ if at_start && in_body => {
                let summary =
                    format!("expected the name of an attribute or a block, found `{}`", first_line(self.slice(token)));
                Diagnostic::error(summary).at(self.over(token))
            }
            _ if in_body && self.slice(token) == "," => {
                let diagnostic =
                    Diagnostic::error("unexpected `,`: an attribute ends with its line").at(self.over(token));
                diagnostic.hint("only items of lists and objects, and arguments of functions, have `,` between them")
            }
            _ => {
                let summary = format!("unexpected `{}`: {}", first_line(self.slice(token)), error.message());
                Diagnostic::error(summary).at(self.over(token))
            }
        }
    }
}

fn is_operator(sign: &str) -> bool {
    matches!(
        sign,
        "+" | "-" | "*" | "/" | "%" | "==" | "!=" | "<" | ">" | "<=" | ">=" | "&&" | "||" | "!" | "?" | ":" | "=>"
    )
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or(text)
}

//! Strings and heredocs: text, `${ }`, and directives, which begin and end within one of them.

use super::{Recognized, Recognizer};
use crate::config::grammar::event::EventKind;
use crate::config::grammar::fault::{Fault, FaultKind};
use crate::config::lexer::{Token, TokenKind};

/// What is open in a template.
#[derive(Clone, Copy, PartialEq)]
enum Directive {
    If,
    /// The part of an `if` behind its `else`.
    Else,
    For,
}

impl Recognizer<'_> {
    pub(super) fn quoted(&mut self) -> Recognized {
        let quote = self.take();
        self.see(EventKind::Quoted, quote.start);
        let end = self.template(quote, TokenKind::CloseQuote)?;
        self.see(EventKind::QuotedEnd, end.end);
        Ok(())
    }

    pub(super) fn heredoc(&mut self) -> Recognized {
        let opener = self.take();
        // The parser is given an empty string for it.
        if self.next_is(TokenKind::CloseHeredoc) {
            self.at += 1;
            self.see(EventKind::Quoted, opener.start);
            self.see(EventKind::QuotedEnd, opener.start + 2);
            return Ok(());
        }
        self.see(EventKind::Heredoc, opener.start);
        let marker = self.template(opener, TokenKind::CloseHeredoc)?;
        let blanks = self.text[marker.range()].len() - self.text[marker.range()].trim_end().len();
        self.see(EventKind::HeredocEnd, marker.end - blanks as u32);
        Ok(())
    }

    /// Reads up to the token that ends the string or heredoc, and returns that. Directives begin and end within.
    fn template(&mut self, opener: Token, close: TokenKind) -> Result<Token, Box<Fault>> {
        // Each with whether its `else` was there.
        let mut open: Vec<(Token, Directive)> = Vec::new();
        loop {
            match self.peek() {
                Some(TokenKind::QuotedText | TokenKind::HeredocText) => self.at += 1,
                Some(TokenKind::OpenInterpolation) => {
                    self.at += 1;
                    self.deeper(open.len(), |inner| inner.within(true, Self::interpolation))?;
                }
                Some(TokenKind::OpenDirective) => {
                    let opener = self.take();
                    self.deeper(open.len(), |inner| inner.within(true, |inner| inner.directive(opener, &mut open)))?;
                }
                Some(kind) if kind == close => {
                    return match open.first() {
                        Some((first, _)) => Err(Fault::new(FaultKind::Unbalanced, *first)),
                        None => Ok(self.take()),
                    };
                }
                None if close == TokenKind::CloseHeredoc => return Err(Fault::new(FaultKind::Endless, opener)),
                _ => return Err(self.fault("the end of the string or heredoc")),
            }
        }
    }

    fn interpolation(&mut self) -> Recognized {
        self.expression()?;
        self.expect(TokenKind::CloseTemplate, "`}`").map(drop)
    }

    fn directive(&mut self, opener: Token, open: &mut Vec<(Token, Directive)>) -> Recognized {
        let is_in = |directive: Directive| open.last().is_some_and(|(_, last)| *last == directive);
        let (in_if, in_else, in_for) = (is_in(Directive::If), is_in(Directive::Else), is_in(Directive::For));
        let is_end_of = |inner: &mut Self, word: &str, is_open: bool| match inner.takes_word(word) {
            true if !is_open => Err(Fault::new(FaultKind::Unbalanced, opener)),
            is_there => Ok(is_there),
        };
        if self.takes_word("if") {
            self.see(EventKind::If, opener.start);
            open.push((opener, Directive::If));
            self.expression()?;
        } else if self.takes_word("for") {
            self.see(EventKind::ForDirective, opener.start);
            open.push((opener, Directive::For));
            self.for_intro()?;
        } else if is_end_of(self, "else", in_if)? {
            self.see_order(EventKind::Else);
            open.last_mut().expect("an `if` is open").1 = Directive::Else;
        } else if is_end_of(self, "endif", in_if || in_else)? {
            self.see_order(EventKind::EndIf);
            open.pop();
        } else if is_end_of(self, "endfor", in_for)? {
            self.see_order(EventKind::EndFor);
            open.pop();
        } else {
            return Err(self.fault("`if`, `else`, `endif`, `for` or `endfor`"));
        }
        self.expect(TokenKind::CloseTemplate, "`}`").map(drop)
    }
}

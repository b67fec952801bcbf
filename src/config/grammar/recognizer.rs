//! The grammar of HCL by itself: tokens in, and out comes what they say, or the first token that does not belong.
//!
//! It makes no tree and judges no meaning. It says where a line's end ends a value, which is what the parser is lax about.

mod template;

use super::event::{Event, EventKind};
use super::fault::{Fault, FaultKind};
use crate::config::lexer::{Token, TokenKind};

/// Most levels that are followed, counted as the parser does: values, blocks and directives within each other.
const DEPTH_MAX: usize = 64;

type Recognized = Result<(), Box<Fault>>;

/// Returns what a text of attributes and blocks says.
pub(super) fn body(text: &str, tokens: Vec<Token>) -> Result<Vec<Event>, Box<Fault>> {
    let mut recognizer = Recognizer::new(text, tokens);
    recognizer.body()?;
    recognizer.done("an attribute or a block")
}

/// Returns what a text that is one expression says; the ends of its lines mean nothing.
pub(super) fn expression(text: &str, tokens: Vec<Token>) -> Result<Vec<Event>, Box<Fault>> {
    let mut recognizer = Recognizer::new(text, tokens);
    recognizer.ignores_lines = true;
    recognizer.whole_expression()?;
    recognizer.done("nothing more after the value")
}

/// Returns the tokens that mean something: a comment of a line is the end of that line.
fn meant(text: &str, mut tokens: Vec<Token>) -> Vec<Token> {
    tokens.retain_mut(|token| match token.kind {
        TokenKind::Space => false,
        TokenKind::Comment => {
            token.kind = TokenKind::Newline;
            text.as_bytes()[token.start as usize..].get(1) != Some(&b'*')
        }
        _ => true,
    });
    tokens
}

struct Recognizer<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    /// Within brackets, but for the braces of an object or a block.
    ignores_lines: bool,
    depth: usize,
    events: Vec<Event>,
}

impl<'a> Recognizer<'a> {
    fn new(text: &'a str, tokens: Vec<Token>) -> Self {
        let tokens = meant(text, tokens);
        // Measured on our own examples: half of the tokens are punctuation.
        let events = Vec::with_capacity(tokens.len() / 2);
        Self { text, tokens, at: 0, ignores_lines: false, depth: 0, events }
    }

    /// Returns what was read, if that is the whole text.
    fn done(mut self, expected: &'static str) -> Result<Vec<Event>, Box<Fault>> {
        match self.peek() {
            None => Ok(self.events),
            Some(_) => Err(self.fault(expected)),
        }
    }

    fn peek(&mut self) -> Option<TokenKind> {
        loop {
            match self.tokens.get(self.at).map(|token| token.kind) {
                Some(TokenKind::Newline) if self.ignores_lines => self.at += 1,
                kind => return kind,
            }
        }
    }

    /// Takes the token that [`Self::peek`] saw.
    fn take(&mut self) -> Token {
        let token = self.tokens[self.at];
        self.at += 1;
        token
    }

    fn next_is(&mut self, kind: TokenKind) -> bool {
        self.peek() == Some(kind)
    }

    fn takes(&mut self, kind: TokenKind) -> bool {
        let is_next = self.next_is(kind);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, kind: TokenKind, expected: &'static str) -> Result<Token, Box<Fault>> {
        match self.next_is(kind) {
            true => Ok(self.take()),
            false => Err(self.fault(expected)),
        }
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let is_next = self.next_is(TokenKind::Word) && &self.text[self.tokens[self.at].range()] == word;
        self.at += usize::from(is_next);
        is_next
    }

    fn see(&mut self, kind: EventKind, at: u32) {
        self.events.push(Event { kind, at: Some(at) });
    }

    fn see_order(&mut self, kind: EventKind) {
        self.events.push(Event { kind, at: None });
    }

    /// What stands here instead of what was expected.
    fn fault(&mut self, expected: &'static str) -> Box<Fault> {
        let end = self.text.len() as u32;
        let found = self.peek().map(|_| self.tokens[self.at]);
        let kind = match found {
            Some(token) if token.kind == TokenKind::Invalid => FaultKind::Invalid,
            _ => FaultKind::Expected(expected),
        };
        Fault::new(kind, found.unwrap_or(Token { kind: TokenKind::Newline, start: end, end }))
    }

    /// The token before this one.
    fn last(&self) -> Option<Token> {
        self.at.checked_sub(1).map(|last| self.tokens[last])
    }

    /// Runs a part of the grammar where the ends of lines mean something or not.
    fn within(&mut self, ignores_lines: bool, part: impl FnOnce(&mut Self) -> Recognized) -> Recognized {
        let outer = std::mem::replace(&mut self.ignores_lines, ignores_lines);
        part(self)?;
        self.ignores_lines = outer;
        Ok(())
    }

    /// Runs a part of the grammar some levels deeper.
    fn deeper(&mut self, levels: usize, part: impl FnOnce(&mut Self) -> Recognized) -> Recognized {
        let outer = self.depth;
        self.depth += levels;
        if self.depth > DEPTH_MAX {
            let here = self.fault("").token;
            return Err(Fault::new(FaultKind::TooDeep, here));
        }
        part(self)?;
        self.depth = outer;
        Ok(())
    }

    // Structure.

    fn body(&mut self) -> Recognized {
        loop {
            match self.peek() {
                Some(TokenKind::Newline) => self.at += 1,
                Some(TokenKind::Word) => {
                    self.item()?;
                    self.line_end()?;
                }
                None | Some(TokenKind::CloseBrace) => return Ok(()),
                Some(kind) if goes_on(kind) => {
                    return Err(Fault::new(FaultKind::Continued, self.tokens[self.at]));
                }
                Some(_) => return Err(self.fault("an attribute or a block")),
            }
        }
    }

    fn line_end(&mut self) -> Recognized {
        match self.peek() {
            None => Ok(()),
            Some(TokenKind::Newline) => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(self.fault("the end of the line")),
        }
    }

    fn item(&mut self) -> Recognized {
        let name = self.take();
        if self.takes(TokenKind::Equal) {
            self.see(EventKind::Attribute, name.start);
            return self.whole_expression();
        }
        self.see(EventKind::Block, name.start);
        loop {
            match self.peek() {
                Some(TokenKind::Word) => {
                    let label = self.take();
                    self.see(EventKind::Label, label.start);
                }
                Some(TokenKind::OpenQuote) => self.label()?,
                _ => break,
            }
        }
        self.expect(TokenKind::OpenBrace, "`=`, or labels and `{`")?;
        self.within(false, |inner| inner.deeper(1, Self::block_body))?;
        self.expect(TokenKind::CloseBrace, "`}`")?;
        self.see_order(EventKind::BlockEnd);
        Ok(())
    }

    fn label(&mut self) -> Recognized {
        let quote = self.take();
        self.see(EventKind::Label, quote.start);
        while self.takes(TokenKind::QuotedText) {}
        self.expect(TokenKind::CloseQuote, "text and `\"`, for a label is no template").map(drop)
    }

    fn block_body(&mut self) -> Recognized {
        if self.next_is(TokenKind::Newline) || self.next_is(TokenKind::CloseBrace) {
            return self.body();
        }
        // On one line, there is one attribute.
        let name = self.expect(TokenKind::Word, "an attribute, the end of the line or `}`")?;
        self.expect(TokenKind::Equal, "`=`")?;
        self.see(EventKind::Attribute, name.start);
        self.whole_expression()
    }

    // Expressions.

    /// Reads an expression within another.
    fn expression(&mut self) -> Recognized {
        self.deeper(1, Self::whole_expression)
    }

    fn whole_expression(&mut self) -> Recognized {
        self.operand()?;
        loop {
            match self.peek() {
                Some(TokenKind::Operator | TokenKind::Minus) => {
                    let operator = self.take();
                    self.see(EventKind::Binary, operator.start);
                    self.operand()?;
                }
                Some(TokenKind::Question) => return self.conditional(),
                _ => return Ok(()),
            }
        }
    }

    fn conditional(&mut self) -> Recognized {
        self.take();
        self.see_order(EventKind::Conditional);
        self.expression()?;
        if !self.takes(TokenKind::Colon) {
            let fault = self.fault("`:` and the other value");
            return Err(self.continued_at(TokenKind::Colon).unwrap_or(fault));
        }
        self.expression()
    }

    /// Blames a token that would be right if it did not stand at the begin of a line.
    fn continued_at(&self, kind: TokenKind) -> Option<Box<Fault>> {
        let rest = &self.tokens[self.at..];
        let next = rest.iter().find(|token| token.kind != TokenKind::Newline).filter(|next| next.kind == kind)?;
        Some(Fault::new(FaultKind::Continued, *next))
    }

    fn operand(&mut self) -> Recognized {
        match self.peek() {
            // A sign right before a number is part of it.
            Some(TokenKind::Minus)
                if self.tokens.get(self.at + 1).is_some_and(|next| next.kind == TokenKind::Number) =>
            {
                self.at += 1;
            }
            Some(TokenKind::Minus | TokenKind::Bang) => {
                let operator = self.take();
                self.see(EventKind::Unary, operator.start);
                return self.deeper(1, Self::operand);
            }
            _ => {}
        }
        self.term()?;
        self.steps()
    }

    fn term(&mut self) -> Recognized {
        let Some(kind) = self.peek() else { return Err(self.missing_value()) };
        let token = self.tokens[self.at];
        match kind {
            TokenKind::Number => self.number(),
            TokenKind::Word => self.name(),
            TokenKind::OpenQuote => self.quoted(),
            TokenKind::OpenHeredoc => self.heredoc(),
            TokenKind::OpenBracket => {
                self.at += 1;
                self.within(true, |inner| inner.tuple(token))
            }
            TokenKind::OpenBrace => {
                self.at += 1;
                self.braces(token)
            }
            TokenKind::OpenParenthesis => {
                self.at += 1;
                self.see(EventKind::Parenthesis, token.start);
                self.within(true, |inner| {
                    inner.expression()?;
                    inner.expect(TokenKind::CloseParenthesis, "`)`").map(drop)
                })
            }
            _ => Err(self.missing_value()),
        }
    }

    fn missing_value(&mut self) -> Box<Fault> {
        let is_line_end = self.peek().is_none_or(|kind| kind == TokenKind::Newline);
        match self.last().filter(|last| is_line_end && wants_more(last.kind)) {
            Some(last) => Fault::new(FaultKind::Continued, last),
            None => self.fault("a value"),
        }
    }

    fn number(&mut self) -> Recognized {
        let number = self.take();
        if !is_number(&self.text.as_bytes()[number.range()]) {
            return Err(Fault::new(FaultKind::Misspelt, number));
        }
        self.see(EventKind::Number, number.end);
        Ok(())
    }

    fn name(&mut self) -> Recognized {
        let name = self.take();
        if !matches!(self.peek(), Some(TokenKind::OpenParenthesis | TokenKind::DoubleColon)) {
            self.see(EventKind::Name, name.start);
            return Ok(());
        }
        self.see(EventKind::Call, name.start);
        while self.takes(TokenKind::DoubleColon) {
            self.expect(TokenKind::Word, "the name of a function")?;
        }
        self.expect(TokenKind::OpenParenthesis, "`(`")?;
        self.within(true, Self::arguments)
    }

    fn arguments(&mut self) -> Recognized {
        while !self.takes(TokenKind::CloseParenthesis) {
            self.expression()?;
            if self.takes(TokenKind::Ellipsis) {
                return self.expect(TokenKind::CloseParenthesis, "`)` after the last argument").map(drop);
            }
            if !self.takes(TokenKind::Comma) {
                return self.expect(TokenKind::CloseParenthesis, "`,` or `)`").map(drop);
            }
        }
        Ok(())
    }

    fn tuple(&mut self, bracket: Token) -> Recognized {
        if self.takes_word("for") {
            return self.for_expression(bracket, TokenKind::CloseBracket);
        }
        self.see(EventKind::Tuple, bracket.start);
        while !self.takes(TokenKind::CloseBracket) {
            self.expression()?;
            if !self.takes(TokenKind::Comma) {
                return self.expect(TokenKind::CloseBracket, "`,` or `]`").map(drop);
            }
        }
        Ok(())
    }

    fn braces(&mut self, brace: Token) -> Recognized {
        // The ends of lines before `for` mean nothing.
        let rest = &self.tokens[self.at..];
        let first = rest.iter().find(|token| token.kind != TokenKind::Newline);
        let is_for = first.is_some_and(|first| &self.text[first.range()] == "for");
        self.within(is_for, |inner| match inner.takes_word("for") {
            true => inner.for_expression(brace, TokenKind::CloseBrace),
            false => inner.object(brace),
        })
    }

    fn object(&mut self, brace: Token) -> Recognized {
        self.see(EventKind::Object, brace.start);
        loop {
            while self.takes(TokenKind::Newline) {}
            if self.takes(TokenKind::CloseBrace) {
                return Ok(());
            }
            self.expression()?;
            if !self.takes(TokenKind::Equal) && !self.takes(TokenKind::Colon) {
                return Err(self.fault("`=` after the key"));
            }
            self.expression()?;
            if !self.takes(TokenKind::Comma) && !self.takes(TokenKind::Newline) {
                return self.expect(TokenKind::CloseBrace, "`,`, the end of the line or `}`").map(drop);
            }
        }
    }

    fn for_expression(&mut self, bracket: Token, close: TokenKind) -> Recognized {
        self.see(EventKind::For, bracket.start);
        self.for_intro()?;
        self.expect(TokenKind::Colon, "`:`")?;
        self.expression()?;
        if close == TokenKind::CloseBrace {
            self.expect(TokenKind::FatArrow, "`=>` and the value")?;
            self.expression()?;
            self.takes(TokenKind::Ellipsis);
        }
        if self.takes_word("if") {
            self.expression()?;
        }
        let expected = if close == TokenKind::CloseBrace { "`if` or `}`" } else { "`if` or `]`" };
        self.expect(close, expected).map(drop)
    }

    /// What follows `for`, up to the collection.
    fn for_intro(&mut self) -> Recognized {
        if !self.takes(TokenKind::Word) {
            let found = self.fault("").token;
            return Err(Fault::new(FaultKind::NamelessFor, found));
        }
        if self.takes(TokenKind::Comma) {
            self.expect(TokenKind::Word, "the name of the second variable")?;
        }
        if !self.takes_word("in") {
            return Err(self.fault("`in` and the collection"));
        }
        self.expression()
    }

    fn steps(&mut self) -> Recognized {
        let mut is_in_splat = false;
        loop {
            match self.peek() {
                Some(TokenKind::Dot) => is_in_splat |= self.dot(is_in_splat)?,
                Some(TokenKind::OpenBracket) => {
                    let bracket = self.take();
                    self.see(EventKind::Step, bracket.start);
                    is_in_splat = false;
                    match self.takes_star() {
                        // Here the end of a line means what it means outside.
                        true => drop(self.expect(TokenKind::CloseBracket, "`]`")?),
                        false => self.within(true, Self::index)?,
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    fn index(&mut self) -> Recognized {
        self.expression()?;
        self.expect(TokenKind::CloseBracket, "`]`").map(drop)
    }

    fn takes_star(&mut self) -> bool {
        let is_next = self.next_is(TokenKind::Operator) && &self.text[self.tokens[self.at].range()] == "*";
        self.at += usize::from(is_next);
        is_next
    }

    /// Reads a step with a point; returns whether it is `.*`.
    fn dot(&mut self, is_in_splat: bool) -> Result<bool, Box<Fault>> {
        let number = self.last().filter(|last| last.kind == TokenKind::Number);
        let dot = self.take();
        self.see(EventKind::Step, dot.start);
        match self.peek() {
            Some(TokenKind::Word) => {
                let name = self.take();
                // Laid out without blanks, `5 .e3` would be one number.
                if let Some(number) = number
                    && self.text[name.range()].starts_with(['e', 'E'])
                {
                    return Err(Fault::new(FaultKind::Misspelt, Token { end: name.end, ..number }));
                }
            }
            Some(TokenKind::Number) => {
                let index = self.take();
                let is_whole = self.text.as_bytes()[index.range()].iter().all(u8::is_ascii_digit);
                if number.is_some() || !is_whole {
                    return Err(Fault::new(FaultKind::Chained, index));
                }
            }
            None | Some(TokenKind::Newline) => return Err(Fault::new(FaultKind::Dangling, dot)),
            Some(_) => {
                let star = self.tokens[self.at];
                return match self.takes_star() {
                    true if is_in_splat => Err(Fault::new(FaultKind::NestedSplat, star)),
                    true => Ok(true),
                    false => Err(self.fault("a name, an index or `*` after the `.`")),
                };
            }
        }
        Ok(false)
    }
}

/// Returns whether a token goes on with the value before it.
fn goes_on(kind: TokenKind) -> bool {
    use TokenKind::{Colon, Dot, Minus, OpenBracket, Operator, Question};
    matches!(kind, Operator | Minus | Question | Colon | Dot | OpenBracket)
}

/// Returns whether a value cannot end with a token.
fn wants_more(kind: TokenKind) -> bool {
    use TokenKind::{Bang, Colon, Minus, Operator, Question};
    matches!(kind, Operator | Minus | Bang | Question | Colon)
}

/// Returns whether digits stand before and behind the point, and behind the `e`.
fn is_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut rest = &text[digits(text)..];
    if let [b'.', fraction @ ..] = rest {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = &fraction[count..];
    }
    match rest {
        [] => true,
        [b'e' | b'E', b'+' | b'-', exponent @ ..] | [b'e' | b'E', exponent @ ..] => {
            !exponent.is_empty() && digits(exponent) == exponent.len()
        }
        _ => false,
    }
}

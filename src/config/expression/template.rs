//! Templates, lowered from the text itself: the parser reads escapes, indentation and `~` differently from Terraform.
//!
//! A template becomes a flat sequence of tokens, as in HCL's own implementation: in heredocs each line is a token of its own, which is why
//! `~` never eats more than the rest of one line there. Stripping and dedenting work on tokens; then the tree is built.

use super::lower::Lowering;
use super::{Conditional, Expression, For, Node};
use crate::diagnostics::{Diagnostic, Span};
use crate::value::normalized;
use hcl::edit::Span as _;
use hcl::edit::template::{Directive, Element, HeredocTemplate, StringTemplate, Strip, Template};
use std::vec::IntoIter;

#[derive(Clone, Copy, PartialEq)]
enum Quoting {
    /// Between quotes: backslash escapes.
    Quoted,
    /// Heredocs and files: one token per line, no backslash escapes.
    Plain,
}

enum Token<'t> {
    Literal(String, Span),
    Interpolation(&'t hcl::edit::expr::Expression),
    If(&'t hcl::edit::expr::Expression, Span),
    Else,
    EndIf,
    For(&'t hcl::edit::template::ForTemplateExpr, Span),
    EndFor,
}

/// Tokens so far, and whether the last sequence asked to strip what follows.
struct Tokens<'t> {
    tokens: Vec<Token<'t>>,
    strips_next: bool,
}

impl<'t> Tokens<'t> {
    fn literal(&mut self, text: &str, span: Span) {
        let strips = std::mem::take(&mut self.strips_next);
        let text = if strips { text.trim_start() } else { text };
        self.tokens.push(Token::Literal(text.into(), span));
    }

    fn sequence(&mut self, token: Token<'t>, strip: Strip) {
        if strip.strip_start()
            && let Some(Token::Literal(text, _)) = self.tokens.last_mut()
        {
            text.truncate(text.trim_end().len());
        }
        self.tokens.push(token);
        self.strips_next = strip.strip_end();
    }
}

impl Lowering<'_> {
    pub(super) fn quoted_template(&mut self, template: &StringTemplate, span: Span) -> Expression {
        let mut tokens = Tokens { tokens: Vec::new(), strips_next: false };
        self.elements(template.iter(), Quoting::Quoted, &mut tokens);
        self.build(tokens.tokens, span)
    }

    pub(super) fn heredoc_template(&mut self, heredoc: &HeredocTemplate, span: Span) -> Expression {
        let mut tokens = Tokens { tokens: Vec::new(), strips_next: false };
        self.elements(heredoc.template.iter(), Quoting::Plain, &mut tokens);
        if self.text(span).starts_with("<<-") {
            dedent(&mut tokens.tokens);
        }
        self.build(tokens.tokens, span)
    }

    pub(super) fn template_text(&mut self, template: &Template, span: Span) -> Expression {
        let mut tokens = Tokens { tokens: Vec::new(), strips_next: false };
        self.elements(template.iter(), Quoting::Plain, &mut tokens);
        self.build(tokens.tokens, span)
    }

    fn elements<'t>(&mut self, elements: impl Iterator<Item = &'t Element>, quoting: Quoting, tokens: &mut Tokens<'t>) {
        for element in elements {
            match element {
                Element::Literal(literal) => self.literal(self.span(literal.span()), quoting, tokens),
                Element::Interpolation(interpolation) => {
                    tokens.sequence(Token::Interpolation(&interpolation.expr), interpolation.strip);
                }
                Element::Directive(directive) => {
                    let span = self.span(directive.span());
                    match &**directive {
                        Directive::If(parsed) => {
                            tokens.sequence(Token::If(&parsed.if_expr.cond_expr, span), parsed.if_expr.strip);
                            self.elements(parsed.if_expr.template.iter(), quoting, tokens);
                            if let Some(otherwise) = &parsed.else_expr {
                                tokens.sequence(Token::Else, otherwise.strip);
                                self.elements(otherwise.template.iter(), quoting, tokens);
                            }
                            tokens.sequence(Token::EndIf, parsed.endif_expr.strip);
                        }
                        Directive::For(parsed) => {
                            tokens.sequence(Token::For(&parsed.for_expr, span), parsed.for_expr.strip);
                            self.elements(parsed.for_expr.template.iter(), quoting, tokens);
                            tokens.sequence(Token::EndFor, parsed.endfor_expr.strip);
                        }
                    }
                }
            }
        }
    }

    fn literal(&mut self, span: Span, quoting: Quoting, tokens: &mut Tokens<'_>) {
        let text = self.text(span);
        match quoting {
            Quoting::Quoted => match unescaped(text) {
                Ok(text) => tokens.literal(&text, span),
                Err(at) => self.diagnostics.push(
                    Diagnostic::error("this is not an escape sequence")
                        .at(Span::new(span.file, span.start + at as u32, span.start + at as u32 + 2))
                        .hint(r#"the escape sequences are \n \r \t \" \\ \uNNNN \UNNNNNNNN"#),
                ),
            },
            Quoting::Plain => {
                let mut start = span.start;
                for line in text.split_inclusive('\n') {
                    let end = start + line.len() as u32;
                    tokens.literal(&line.replace("$${", "${").replace("%%{", "%{"), Span::new(span.file, start, end));
                    start = end;
                }
            }
        }
    }

    fn build(&mut self, tokens: Vec<Token<'_>>, span: Span) -> Expression {
        if let [Token::Interpolation(only)] = tokens[..] {
            return Expression { span, ..self.expression(only) };
        }
        let mut tokens = tokens.into_iter();
        let parts = self.parts(&mut tokens).0;
        template_of(parts, span)
    }

    /// Builds parts up to the end of the enclosing directive; returns also whether an `else` ended them.
    fn parts<'t>(&mut self, tokens: &mut IntoIter<Token<'t>>) -> (Vec<Expression>, bool) {
        let mut parts: Vec<Expression> = Vec::new();
        let mut pending: Option<(String, Span)> = None;
        let flush = |pending: &mut Option<(String, Span)>, parts: &mut Vec<Expression>| {
            if let Some((text, span)) = pending.take() {
                parts.push(Expression::constant(span, normalized(&text)));
            }
        };
        while let Some(token) = tokens.next() {
            if let Token::Literal(text, span) = &token {
                match &mut pending {
                    Some((sum, sum_span)) => {
                        sum.push_str(text);
                        sum_span.end = span.end;
                    }
                    None => pending = Some((text.clone(), *span)),
                }
                continue;
            }
            flush(&mut pending, &mut parts);
            match token {
                Token::Literal(..) => unreachable!("literals were gathered above"),
                Token::Interpolation(parsed) => parts.push(self.expression(parsed)),
                Token::If(condition, directive) => parts.push(self.if_directive(condition, directive, tokens)),
                Token::For(parsed, directive) => parts.push(self.for_directive(parsed, directive, tokens)),
                Token::Else => return (parts, true),
                Token::EndIf | Token::EndFor => return (parts, false),
            }
        }
        flush(&mut pending, &mut parts);
        (parts, false)
    }

    fn if_directive<'t>(
        &mut self,
        condition: &hcl::edit::expr::Expression,
        span: Span,
        tokens: &mut IntoIter<Token<'t>>,
    ) -> Expression {
        let condition = self.expression(condition);
        let (when_true, has_else) = self.parts(tokens);
        let when_false = if has_else { self.parts(tokens).0 } else { Vec::new() };
        let conditional = Conditional {
            condition,
            when_true: template_of(when_true, span),
            when_false: template_of(when_false, span),
        };
        Expression::new(span, Node::Conditional(Box::new(conditional)))
    }

    fn for_directive<'t>(
        &mut self,
        parsed: &hcl::edit::template::ForTemplateExpr,
        span: Span,
        tokens: &mut IntoIter<Token<'t>>,
    ) -> Expression {
        let collection = self.expression(&parsed.collection_expr);
        let outer = self.locals.len();
        self.locals.extend(parsed.key_var.iter().map(|name| Some(self.names.get(name.as_str()))));
        self.locals.push(Some(self.names.get(parsed.value_var.as_str())));
        let (parts, _) = self.parts(tokens);
        self.locals.truncate(outer);
        let each = For {
            has_key: parsed.key_var.is_some(),
            collection,
            key: None,
            value: template_of(parts, span),
            condition: None,
            is_grouping: false,
        };
        let each = Expression::new(span, Node::For(Box::new(each)));
        Expression::new(span, Node::Join(Box::new(each)))
    }
}

fn template_of(parts: Vec<Expression>, span: Span) -> Expression {
    match &parts[..] {
        [] => Expression::constant(span, normalized("")),
        [Expression { node: Node::Literal(text), .. }] if text.as_text().is_some() => {
            Expression::constant(span, text.clone())
        }
        _ => Expression::new(span, Node::Template(parts.into())),
    }
}

/// Takes away the indentation that all lines share. Lines of blanks do not count, and a line that begins with a sequence has none.
fn dedent(tokens: &mut [Token<'_>]) {
    let mut common = usize::MAX;
    let mut lines = Vec::new();
    let mut at_line_start = true;
    for (place, token) in tokens.iter().enumerate() {
        if at_line_start {
            match token {
                Token::Literal(text, _) if text.trim_start().is_empty() && text.ends_with('\n') => {}
                Token::Literal(text, _) => {
                    common = common.min(text.chars().take_while(|character| character.is_whitespace()).count());
                    lines.push(place);
                }
                _ => common = 0,
            }
        }
        at_line_start = matches!(token, Token::Literal(text, _) if text.ends_with('\n'));
    }
    for place in lines {
        if let Token::Literal(text, _) = &mut tokens[place] {
            *text = text.chars().skip(common).collect();
        }
    }
}

/// Resolves the escapes of quoted text; the error is the byte of an escape that is none.
fn unescaped(text: &str) -> Result<String, usize> {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '$', '%']) {
        let (before, from) = rest.split_at(at);
        result.push_str(before);
        let position = text.len() - from.len();
        let (character, length) = match from.as_bytes() {
            [b'$', b'$', b'{', ..] => {
                result.push_str("${");
                rest = &from[3..];
                continue;
            }
            [b'%', b'%', b'{', ..] => {
                result.push_str("%{");
                rest = &from[3..];
                continue;
            }
            [b'\\', b'n', ..] => ('\n', 2),
            [b'\\', b'r', ..] => ('\r', 2),
            [b'\\', b't', ..] => ('\t', 2),
            [b'\\', b'"', ..] => ('"', 2),
            [b'\\', b'\\', ..] => ('\\', 2),
            [b'\\', b'u', ..] => (coded(from, 4).ok_or(position)?, 6),
            [b'\\', b'U', ..] => (coded(from, 8).ok_or(position)?, 10),
            [b'\\', ..] => return Err(position),
            [other, ..] => (char::from(*other), 1),
            [] => unreachable!("find gave the place of a character"),
        };
        result.push(character);
        rest = &from[length..];
    }
    result.push_str(rest);
    Ok(result)
}

fn coded(escape: &str, digits: usize) -> Option<char> {
    char::from_u32(u32::from_str_radix(escape.get(2..2 + digits)?, 16).ok()?)
}

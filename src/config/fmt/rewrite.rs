//! Replaces old ways to write a thing: `"${x}"` by `x`, a bare label by a quoted one, the types of old by those of today.
//!
//! Follows the blocks of a text that the parser took. The parser takes some texts that are not HCL, such as a name on the line after its
//! point; where the tokens are no attributes and blocks, the two disagree, and nothing is written.

use super::piece::Piece;
use crate::config::lexer::TokenKind;

/// Returns the pieces with everything replaced that is written in an old way.
///
/// # Errors
///
/// The pieces are not attributes and blocks; returns the piece that is neither.
pub(super) fn rewrite(pieces: Vec<Piece<'_>>) -> Result<Vec<Piece<'_>>, Piece<'_>> {
    let mut rewriter = Rewriter {
        written: Vec::with_capacity(pieces.len()),
        rest: pieces.into_iter(),
        depth: 0,
        is_in_variable: false,
    };
    while let Some(piece) = rewriter.rest.next() {
        match piece.kind {
            TokenKind::Word => rewriter.item(piece)?,
            TokenKind::Newline | TokenKind::Comment => rewriter.written.push(piece),
            TokenKind::CloseBrace if rewriter.depth > 0 => {
                rewriter.depth -= 1;
                rewriter.written.push(piece);
            }
            _ => return Err(piece),
        }
    }
    Ok(rewriter.written)
}

struct Rewriter<'a> {
    written: Vec<Piece<'a>>,
    rest: std::vec::IntoIter<Piece<'a>>,
    /// How many blocks are open.
    depth: usize,
    /// Whether the outermost of them is a `variable`.
    is_in_variable: bool,
}

impl<'a> Rewriter<'a> {
    fn next_kind(&self) -> Option<TokenKind> {
        self.rest.as_slice().first().map(|piece| piece.kind)
    }

    fn copy(&mut self) {
        self.written.extend(self.rest.next());
    }

    fn copy_comments(&mut self) {
        while self.next_kind() == Some(TokenKind::Comment) {
            self.copy();
        }
    }

    /// An attribute or the beginning of a block.
    fn item(&mut self, name: Piece<'a>) -> Result<(), Piece<'a>> {
        let rest = self.rest.as_slice();
        let after = rest.iter().position(|piece| piece.kind != TokenKind::Comment || piece.ends_line());
        if after.is_some_and(|after| rest[after].kind == TokenKind::Equal) {
            let is_type = self.depth == 1 && self.is_in_variable && name.text == "type";
            self.written.push(name);
            self.copy_comments();
            self.copy();
            self.copy_comments();
            let value = self.value();
            self.written.extend(if is_type { current_type(value) } else { unwrapped(value) });
            return Ok(());
        }
        let is_header = |piece: &Piece<'_>| match piece.kind {
            TokenKind::Word | TokenKind::OpenQuote | TokenKind::QuotedText | TokenKind::CloseQuote => true,
            TokenKind::Comment => !piece.ends_line(),
            _ => false,
        };
        let header = rest.iter().take_while(|piece| is_header(piece)).count();
        if rest.get(header).map(|piece| piece.kind) != Some(TokenKind::OpenBrace) {
            return Err(name);
        }
        if self.depth == 0 {
            self.is_in_variable = name.text == "variable";
        }
        self.depth += 1;
        self.written.push(name);
        self.labels(header);
        self.copy_comments();
        self.copy();
        Ok(())
    }

    /// Takes the value of an attribute, which ends with the line or with the block around it.
    fn value(&mut self) -> Vec<Piece<'a>> {
        let rest = self.rest.as_slice();
        let mut open = 0;
        let end = rest.iter().position(|piece| {
            open += piece.kind.bracket_change();
            open < 0 || (open == 0 && piece.ends_line())
        });
        let value = &rest[..end.unwrap_or(rest.len())];
        let comments = value.iter().rev().take_while(|piece| piece.kind == TokenKind::Comment).count();
        let length = value.len() - comments;
        self.rest.by_ref().take(length).collect()
    }

    /// Comments before a label go, as they do in Terraform; those after the last stay.
    fn labels(&mut self, header: usize) {
        let is_label = |piece: &Piece<'_>| piece.kind != TokenKind::Comment;
        let header = &self.rest.as_slice()[..header];
        let labels = header.iter().rposition(is_label).map_or(0, |last| last + 1);
        for piece in self.rest.by_ref().take(labels) {
            match piece.kind {
                TokenKind::Comment => {}
                TokenKind::Word => self.written.extend([
                    Piece::new(TokenKind::OpenQuote, "\""),
                    Piece::new(TokenKind::QuotedText, piece.text),
                    Piece::new(TokenKind::CloseQuote, "\""),
                ]),
                _ => self.written.push(piece),
            }
        }
    }
}

/// A string that is one interpolation and nothing else becomes what is interpolated.
///
/// Over several lines it needs parentheses, for outside of brackets the first of its lines would end it.
fn unwrapped(mut value: Vec<Piece<'_>>) -> Vec<Piece<'_>> {
    while is_one_interpolation(&value) {
        value.truncate(value.len() - 2);
        value.drain(..2);
        let is_newline = |piece: &Piece<'_>| piece.kind == TokenKind::Newline;
        let trailing = value.iter().rev().take_while(|piece| is_newline(piece)).count();
        value.truncate(value.len() - trailing);
        let leading = value.iter().take_while(|piece| is_newline(piece)).count();
        value.drain(..leading);

        let kind = |piece: Option<&Piece<'_>>| piece.map(|piece| piece.kind);
        let has_parentheses = kind(value.first()) == Some(TokenKind::OpenParenthesis)
            && kind(value.last()) == Some(TokenKind::CloseParenthesis);
        let is_over_lines = value.iter().any(is_newline);
        if (is_over_lines && !has_parentheses) || would_end_early(&value) {
            value.insert(0, Piece::new(TokenKind::OpenParenthesis, "("));
            value.push(Piece::new(TokenKind::CloseParenthesis, ")"));
        }
    }
    value
}

fn is_one_interpolation(value: &[Piece<'_>]) -> bool {
    use TokenKind::{CloseQuote, CloseTemplate, OpenInterpolation, OpenQuote, QuotedText};
    let [quote, opener, inside @ .., closer, last] = value else {
        return false;
    };
    if [quote.kind, opener.kind, closer.kind, last.kind] != [OpenQuote, OpenInterpolation, CloseTemplate, CloseQuote] {
        return false;
    }
    // Strings inside may hold what they like; outside of them, text or the end of the interpolation means that there is a second part.
    let mut quotes = 0_usize;
    inside.iter().all(|piece| {
        match piece.kind {
            OpenQuote => quotes += 1,
            CloseQuote if quotes == 0 => return false,
            CloseQuote => quotes -= 1,
            OpenInterpolation | CloseTemplate | QuotedText => return quotes > 0,
            _ => {}
        }
        true
    })
}

fn would_end_early(value: &[Piece<'_>]) -> bool {
    let mut open = 0;
    value.iter().any(|piece| {
        open += piece.kind.bracket_change();
        open == 0 && piece.ends_line()
    })
}

/// Collections without the type of their elements, and types in quotes as Terraform had them before 0.12.
fn current_type(value: Vec<Piece<'_>>) -> Vec<Piece<'_>> {
    let (collection, element) = match &value[..] {
        [word] if word.kind == TokenKind::Word => match &*word.text {
            "list" => ("list", Some("any")),
            "map" => ("map", Some("any")),
            "set" => ("set", Some("any")),
            _ => return value,
        },
        [_, text, _] if text.kind == TokenKind::QuotedText => match &*text.text {
            "string" => ("string", None),
            "list" => ("list", Some("string")),
            "map" => ("map", Some("string")),
            _ => return value,
        },
        _ => return value,
    };
    let mut pieces = vec![Piece::new(TokenKind::Word, collection)];
    if let Some(element) = element {
        pieces.push(Piece::new(TokenKind::OpenParenthesis, "("));
        pieces.push(Piece::new(TokenKind::Word, element));
        pieces.push(Piece::new(TokenKind::CloseParenthesis, ")"));
    }
    pieces
}

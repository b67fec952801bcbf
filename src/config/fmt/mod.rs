//! Text to the same text in the one canonical layout, which is that of `terraform fmt`.
//!
//! Works on tokens, never on a tree: only the blanks between tokens change, so comments, blank lines and the way lists are broken over
//! lines stay the author's. Besides, `rewrite` replaces old ways to write a thing by the current one. Reading and writing of files is not
//! here.

mod align;
mod indent;
mod line;
mod piece;
mod rewrite;
mod space;

use super::lexer::{self, TokenKind};
use super::{grammar, parse};
use crate::diagnostics::{Diagnostic, Diagnostics, FileId, Sources, Span};
use piece::Piece;

/// Returns the canonical form of a file, which formats to itself.
///
/// # Errors
///
/// What is not UTF-8 text of at most 8 MiB or does not parse is not formatted, for guessing at what was meant would do harm; nor is text
/// that the alignment of a few very long lines would make larger than that.
pub fn format(name: &str, bytes: &[u8], sources: &mut Sources) -> Result<String, Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    let Some(file) = parse::read(name, bytes, sources, &mut diagnostics) else {
        return Err(diagnostics);
    };
    let text = sources.get(file).text.clone();
    grammar::body(file, &text)?;
    let rewritten = rewrite::rewrite(pieces(&text));
    let pieces = rewritten.map_err(|piece| grammar::invalid(file, &piece.text, piece.start))?;
    Ok(write(file, &laid_out(pieces))?)
}

/// The tokens but for the blanks.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let tokens = lexer::tokens(text);
    let visible = tokens.iter().filter(|token| token.kind != TokenKind::Space);
    let piece = |token: &lexer::Token| Piece { start: token.start, ..Piece::new(token.kind, &text[token.range()]) };
    let mut pieces: Vec<Piece<'_>> = visible.map(piece).collect();
    end_last_line(&mut pieces);
    pieces
}

/// Before the layout, for it depends on whether a comment is the last thing on its line.
fn end_last_line(pieces: &mut Vec<Piece<'_>>) {
    match pieces.last_mut() {
        Some(last) if last.ends_line() => {}
        Some(last) if last.kind == TokenKind::Comment && !last.text.starts_with("/*") => {
            last.text.to_mut().push('\n');
        }
        Some(_) => pieces.push(Piece::new(TokenKind::Newline, "\n")),
        None => {}
    }
}

fn laid_out(mut pieces: Vec<Piece<'_>>) -> Vec<Piece<'_>> {
    let lines = line::lines(&pieces);
    indent::indent(&mut pieces, &lines);
    space::space(&mut pieces, &lines);
    align::align(&mut pieces, &lines);
    pieces
}

/// Puts the pieces together.
fn write(file: FileId, pieces: &[Piece<'_>]) -> Result<String, Diagnostic> {
    let size = pieces.iter().map(|piece| piece.spaces_before + piece.text.len()).sum::<usize>();
    if size > parse::FILE_SIZE_MAX_BYTES {
        let limit = parse::FILE_SIZE_MAX_BYTES >> 20;
        let summary = format!("the formatted text would have {} MiB, expected at most {limit} MiB", size >> 20);
        return Err(Diagnostic::error(summary)
            .at(Span::new(file, 0, 0))
            .hint("shorten the longest line, with which the lines around it are aligned"));
    }
    let mut text = String::with_capacity(size);
    for piece in pieces {
        text.extend(std::iter::repeat_n(' ', piece.spaces_before));
        text.push_str(&piece.text);
    }
    Ok(text)
}

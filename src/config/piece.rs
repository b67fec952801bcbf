//! Pieces of a file on their way through the parser: where one begins in the file turns the parser's ranges into spans, and large files
//! go through in several, because the parser's tree takes about forty bytes for each byte of text.

use crate::diagnostics::{FileId, Span};
use std::ops::Range;

/// Size of the pieces a file is cut into. Trees of pieces this small stay in the processor's cache.
const PIECE_BYTES: usize = 16 << 10;

/// A part of a file, or all of it.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// The file.
    pub file: FileId,
    /// The text of the part.
    pub text: &'a str,
    /// Where in the file it begins.
    pub start: u32,
}

impl<'a> Piece<'a> {
    /// Returns all of a file.
    pub fn whole(file: FileId, text: &'a str) -> Self {
        Self { file, text, start: 0 }
    }

    /// Returns the span of a range of bytes of the piece.
    pub(super) fn span(&self, range: &Range<usize>) -> Span {
        Span::new(self.file, self.start + range.start as u32, self.start + range.end as u32)
    }

    /// Returns what is written at a span of the piece.
    pub(super) fn at(&self, span: Span) -> &'a str {
        let place = |byte: u32| byte.wrapping_sub(self.start) as usize;
        self.text.get(place(span.start)..place(span.end)).unwrap_or("")
    }

    /// Takes the part up to the end of a block off the front, at least `bytes` of it; all, if no end of a block is seen.
    ///
    /// What is seen is a line that is nothing but `}`. If it stands in a heredoc or in a comment, the part cannot be parsed.
    fn split(self, bytes: usize) -> (Self, Self) {
        let from = self.text.floor_char_boundary(bytes);
        let end = self.text[from..].match_indices("\n}").find_map(|(at, brace)| {
            let place = from + at + brace.len();
            let after = &self.text[place..];
            let line_end = ["\n", "\r\n"].into_iter().find(|line_end| after.starts_with(line_end))?;
            Some(place + line_end.len())
        });
        let (front, rest) = self.text.split_at(end.unwrap_or(self.text.len()));
        (Self { text: front, ..self }, Self { text: rest, start: self.start + front.len() as u32, ..self })
    }

    /// Gives pieces to `read`, front to back; returns whether it could read them all. One that it cannot is given again, twice as large, up
    /// to all of the rest: so a file that cannot be read costs a few times its size, never its square.
    pub(super) fn read_each(self, mut read: impl FnMut(Piece<'a>) -> bool) -> bool {
        let (mut rest, mut bytes) = (self, PIECE_BYTES);
        while !rest.text.is_empty() {
            let (piece, after) = rest.split(bytes);
            match read(piece) {
                true => (rest, bytes) = (after, PIECE_BYTES),
                false if after.text.is_empty() => return false,
                false => bytes = piece.text.len() * 2,
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str, can_read: impl Fn(&str) -> bool) -> (Vec<String>, bool) {
        let mut read = Vec::new();
        let is_read = Piece::whole(FileId(0), text).read_each(|piece| {
            assert_eq!(&text[piece.start as usize..][..piece.text.len()], piece.text);
            assert_eq!(piece.at(piece.span(&(0..2))), &piece.text[..2]);
            let is_fine = can_read(piece.text);
            if is_fine {
                read.push(piece.text.to_owned());
            }
            is_fine
        });
        (read, is_read)
    }

    #[test]
    fn pieces_end_with_blocks_and_together_are_the_text() {
        for line_end in ["\n", "\r\n"] {
            let block = |number| format!("vm \"ü{number}\" {{{line_end}  cores = 1{line_end}}}{line_end}");
            let text: String = (0..2_000).map(block).collect();
            let (read, is_read) = pieces(&text, |_| true);
            assert!(is_read && read.len() > 2 && read.concat() == text);
            assert!(
                read.iter().all(|piece| piece.ends_with(&format!("}}{line_end}")) && piece.len() < 2 * PIECE_BYTES)
            );
        }
    }

    #[test]
    fn a_piece_that_cannot_be_read_grows_and_the_next_is_small_again() {
        let text = "a {\n}\n".repeat(20_000);
        let (read, is_read) = pieces(&text, |piece| piece.len() > 60_000 || piece.len() < 3 * PIECE_BYTES);
        assert!(is_read && read.concat() == text);
        let (read, is_read) = pieces(&text, |piece| piece.len() == text.len());
        assert!(is_read && read == [text.clone()]);
        assert_eq!(pieces(&text, |_| false), (Vec::new(), false));
    }
}

//! The texts that spans point into, and the way from a byte to a line and column. Files are read elsewhere.

use std::sync::{Arc, OnceLock};

/// Names one text of a [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A half-open range of bytes in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// Returns the span from byte `start` to before byte `end`.
    pub fn new(file: FileId, start: u32, end: u32) -> Self {
        Self { file, start, end }
    }
}

/// A line and column, both from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// One text with its name.
#[derive(Clone, Debug)]
pub struct Source {
    /// Name as shown to the user: a path relative to the working folder.
    pub name: Arc<str>,
    /// The text.
    pub text: Arc<str>,
    /// Found when the first place is asked for: most texts are read without anything to say about them.
    line_starts: OnceLock<Arc<[u32]>>,
}

impl Source {
    fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            let line_ends = self.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            std::iter::once(0).chain(line_ends.map(|(at, _)| at as u32 + 1)).collect()
        })
    }

    /// Returns the position of a byte; past the end, the position of the end.
    pub fn position(&self, byte: u32) -> Position {
        let line = self.line_starts().partition_point(|start| *start <= byte).max(1) - 1;
        let start = self.line_starts()[line] as usize;
        let mut end = (byte as usize).min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let column = self.text.get(start..end).map_or(0, |text| text.chars().count());
        Position { line: line as u32 + 1, column: column as u32 + 1 }
    }

    /// Returns the text of a line (from 1) without its line end.
    pub fn line(&self, line: u32) -> &str {
        let index = line.saturating_sub(1) as usize;
        let start = self.line_starts().get(index).copied().unwrap_or(self.text.len() as u32) as usize;
        let end = self.line_starts().get(index + 1).map_or(self.text.len(), |next| *next as usize);
        self.text[start..end].trim_end_matches(['\n', '\r'])
    }
}

/// All texts of a run. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// Returns an empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a text and returns its id. Texts are limited to 4 GiB by the width of a span.
    pub fn add(&mut self, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> FileId {
        self.0.push(Source { name: name.into(), text: text.into(), line_starts: OnceLock::new() });
        FileId(self.0.len() as u32 - 1)
    }

    /// Returns one text.
    pub fn get(&self, file: FileId) -> &Source {
        &self.0[file.0 as usize]
    }

    /// Returns the text a span covers.
    pub fn slice(&self, span: Span) -> &str {
        self.get(span.file).text.get(span.start as usize..span.end as usize).unwrap_or("")
    }
}

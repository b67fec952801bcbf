//! Aligned columns. Widths are counted in characters before colour is added.

use super::style::{Role, Style};

/// One cell.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    role: Role,
    side: Side,
}

#[derive(Clone, Copy, Debug)]
enum Side {
    Left,
    Right,
}

impl Cell {
    /// Returns a cell of words.
    pub fn words(text: impl Into<String>, role: Role) -> Self {
        Self { text: text.into(), role, side: Side::Left }
    }

    /// Returns a cell of a number, aligned to the right.
    pub fn number(text: impl Into<String>, role: Role) -> Self {
        Self { text: text.into(), role, side: Side::Right }
    }
}

/// Returns the rows, each on a line of its own, indented by two, with two spaces between columns and none at the end.
pub fn lines(rows: &[Vec<Cell>], style: Style) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.text.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let last = row.iter().rposition(|cell| !cell.text.is_empty());
        let mut line = String::new();
        for (at, cell) in row.iter().enumerate().take(last.map_or(0, |last| last + 1)) {
            let padding = " ".repeat(widths[at] - cell.text.chars().count());
            let painted = style.paint(cell.role, &cell.text);
            line.push_str("  ");
            match cell.side {
                Side::Right => line.push_str(&(padding + &painted)),
                Side::Left if last == Some(at) => line.push_str(&painted),
                Side::Left => line.push_str(&(painted + &padding)),
            }
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}

//! [`Style`]: colour or not, and what each colour means. Green adds, yellow changes, red destroys, cyan is a hint.

use crate::plan::Action;
use owo_colors::OwoColorize as _;

/// How text is dressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Text alone.
    Plain,
    /// With ANSI colours.
    Colour,
}

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Ordinary text.
    Text,
    /// Something is added, or went well.
    Add,
    /// Something changes.
    Change,
    /// Something goes, or went wrong.
    Remove,
    /// What to do next.
    Hint,
    /// A heading, or the subject of a line.
    Strong,
    /// An aside.
    Quiet,
}

impl Style {
    /// Returns `text` dressed for its role.
    pub fn paint(self, role: Role, text: &str) -> String {
        match (self, role) {
            (Self::Plain, _) | (Self::Colour, Role::Text) => text.to_owned(),
            (Self::Colour, Role::Add) => text.green().to_string(),
            (Self::Colour, Role::Change) => text.yellow().to_string(),
            (Self::Colour, Role::Remove) => text.red().to_string(),
            (Self::Colour, Role::Hint) => text.cyan().to_string(),
            (Self::Colour, Role::Strong) => text.bold().to_string(),
            (Self::Colour, Role::Quiet) => text.dimmed().to_string(),
        }
    }
}

impl Role {
    /// Returns the role of an action's symbol.
    pub fn of(action: Action) -> Self {
        match action {
            Action::NoOp => Self::Text,
            Action::Create => Self::Add,
            Action::Update => Self::Change,
            Action::Replace | Action::Delete => Self::Remove,
            Action::Adopt | Action::Forget => Self::Hint,
        }
    }
}

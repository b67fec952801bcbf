//! What a text says, as one flat list: what two readings of it are compared by.

/// One step of a reading, in the order written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// What is there.
    pub kind: EventKind,
    /// The byte it stands at; nothing for what only has its place among the others.
    pub at: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventKind {
    /// Where its name begins.
    Attribute,
    /// Where its kind begins.
    Block,
    Label,
    BlockEnd,
    /// A name, `true`, `false` or `null`.
    Name,
    /// Where it ends: a sign before it may or may not belong to it.
    Number,
    Quoted,
    /// The byte after its quote.
    QuotedEnd,
    Heredoc,
    /// The byte after its marker.
    HeredocEnd,
    Tuple,
    Object,
    For,
    Parenthesis,
    Call,
    /// Where its operator stands.
    Unary,
    Binary,
    Conditional,
    /// `.name`, `.0`, `.*` or `[...]`
    Step,
    If,
    Else,
    EndIf,
    ForDirective,
    EndFor,
}

impl EventKind {
    /// Returns what it is called in a message.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Attribute => "attribute",
            Self::Block | Self::Label | Self::BlockEnd => "block",
            Self::Name => "name",
            Self::Number => "number",
            Self::Quoted | Self::QuotedEnd => "string",
            Self::Heredoc | Self::HeredocEnd => "heredoc",
            Self::Tuple => "list",
            Self::Object => "object",
            Self::For => "`for`",
            Self::Parenthesis => "parenthesis",
            Self::Call => "call",
            Self::Unary | Self::Binary => "operator",
            Self::Conditional => "condition",
            Self::Step => "index or attribute",
            Self::If | Self::Else | Self::EndIf | Self::ForDirective | Self::EndFor => "directive",
        }
    }
}

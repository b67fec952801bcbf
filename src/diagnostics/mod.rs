//! What the user is told: [`Diagnostic`]s with spans into [`Sources`], collected in [`Diagnostics`].
//!
//! Everything a user can cause becomes a diagnostic, never a panic. Rendering with snippet and underline is in `render`.

mod source;

pub use source::{FileId, Position, Source, Sources, Span};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The run goes on.
    Warning,
    /// Nothing is done.
    Error,
}

/// One message for the user.
///
/// `summary` is lower case without full stop, names the thing in backticks and says what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// One line: what is wrong.
    pub summary: String,
    /// More about it, whole sentences.
    pub detail: Option<String>,
    /// Where it is; the offending part, not the whole block.
    pub span: Option<Span>,
    /// Other places that matter, each with a few words.
    pub labels: Vec<(Span, String)>,
    /// What the user can do next.
    pub hints: Vec<String>,
    /// Values of the references involved, already masked: `var.size` and `is 5`.
    pub values: Vec<(String, String)>,
    /// Address of the object concerned, if one is.
    pub address: Option<String>,
    /// Whose condition does not hold, if that is what is wrong: `var.size`, `check.capacity`, `output.slots`, `vm.mc["lobby"]`.
    pub condition_of: Option<String>,
}

impl Diagnostic {
    /// Returns an error with a summary.
    pub fn error(summary: impl Into<String>) -> Self {
        Self::new(Severity::Error, summary)
    }

    /// Returns a warning with a summary.
    pub fn warning(summary: impl Into<String>) -> Self {
        Self::new(Severity::Warning, summary)
    }

    fn new(severity: Severity, summary: impl Into<String>) -> Self {
        Self {
            severity,
            summary: summary.into(),
            detail: None,
            span: None,
            labels: Vec::new(),
            hints: Vec::new(),
            values: Vec::new(),
            address: None,
            condition_of: None,
        }
    }

    /// Sets where it is.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// Sets the detail.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds another place that matters.
    #[must_use]
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push((span, text.into()));
        self
    }

    /// Adds something the user can do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds several things the user can do next.
    #[must_use]
    pub fn hints(mut self, hints: impl IntoIterator<Item = String>) -> Self {
        self.hints.extend(hints);
        self
    }

    /// Adds the value of a reference involved. The text must already be masked.
    #[must_use]
    pub fn value(mut self, reference: impl Into<String>, text: impl Into<String>) -> Self {
        self.values.push((reference.into(), text.into()));
        self
    }

    /// Sets the address of the object concerned.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "callers have addresses, references to them and texts")]
    pub fn about(mut self, address: impl ToString) -> Self {
        self.address = Some(address.to_string());
        self
    }

    /// Sets whose condition does not hold.
    #[must_use]
    pub fn condition_of(mut self, name: impl Into<String>) -> Self {
        self.condition_of = Some(name.into());
        self
    }
}

/// The messages of a run, in the order they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Returns an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one message.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Adds all messages of another list.
    pub fn extend(&mut self, other: impl IntoIterator<Item = Diagnostic>) {
        self.0.extend(other);
    }

    /// Returns whether there is an error among them.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Returns whether there is no message at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the messages.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<T: IntoIterator<Item = Diagnostic>>(messages: T) -> Self {
        Self(messages.into_iter().collect())
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

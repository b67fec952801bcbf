//! The one door to the parser: what it reads wrongly is mended before, what cannot be mended is found after.
//!
//! The parser takes more than the language has, and at places something else than is written. So every text is read twice: `recognizer`
//! knows the grammar by itself and tells what the tokens say, and the parser's tree must say the same, step by step. Where it does not,
//! the text is refused.
//!
//! Mended text is as long as the text, so every place stays the same; who wants to know what is written at a place looks at the text
//! itself. Where a heredoc ends, the lexer decides: a heredoc that the parser ends elsewhere would swallow what is between.

mod crowded;
mod event;
mod fault;
mod heredoc;
mod mend;
mod recognizer;
mod tree;

use super::explain;
use super::lexer::{self, Token};
use crate::diagnostics::{Diagnostic, Diagnostics, FileId, Span};
use event::{Event, EventKind};
use fault::Fault;
pub(super) use fault::invalid;
use hcl::edit::expr::Expression;
use hcl::edit::structure::Body;
use hcl::edit::template::Template;
use heredoc::other_marker;
use mend::Mends;
use tree::Difference;

/// Most keys of one object that are written out. The parser compares every key with all before it: ten thousand take half a second.
const KEYS_MAX: usize = 10_000;

/// Brackets within each other up to which the parser is asked what is wrong with a text: it reads what each of them holds twice before it
/// gives up.
const LEVELS_ASKED: isize = 12;

/// An object of that many keys is at least so long: `a=1,` for each.
const CROWDED_BYTES: usize = KEYS_MAX * 4;

/// Parses a text that is attributes and blocks.
///
/// # Errors
///
/// The first thing that is wrong.
pub(super) fn body(file: FileId, text: &str) -> Result<Body, Diagnostic> {
    parsed(file, text).map_err(|wrong| wrong.first(file, text))
}

/// Parses a text that is attributes and blocks.
///
/// # Errors
///
/// Everything that is wrong, as far as it can be told apart.
pub(super) fn whole_body(file: FileId, text: &str) -> Result<Body, Diagnostics> {
    parsed(file, text).map_err(|wrong| match wrong {
        Wrong::Syntax(error) => {
            let mut found = Diagnostics::new();
            found.extend(explain::explain_all(file, text, error));
            found
        }
        Wrong::Misread(diagnostic) => (*diagnostic).into(),
    })
}

/// Parses a text that is attributes and blocks, if it is: what is wrong with another is not looked for.
pub(super) fn sound_body(file: FileId, text: &str) -> Option<Body> {
    parsed(file, text).ok()
}

/// Parses a text that is one expression without blanks around it.
///
/// # Errors
///
/// The first thing that is wrong.
pub(super) fn expression(file: FileId, text: &str) -> Result<Expression, Diagnostic> {
    let tokens = lexer::tokens(text);
    check_crowded(file, text, &tokens)?;
    let mends = Mends::of(text, &tokens);
    let events = recognized(file, text, tokens, recognizer::expression)?;
    let tree = hcl::edit::parser::parse_expr(&mends.applied(text));
    let tree = tree.map_err(|error| explain::explain(file, text, &error))?;
    let events = events.map_err(|fault| fault.diagnostic(file, text))?;
    match tree::of_expression(&tree, &events) {
        Some(difference) => Err(disagreement(file, text, difference)),
        None => Ok(tree),
    }
}

/// Parses a text that is a template of its own: what `templatefile` reads.
///
/// # Errors
///
/// The first thing that is wrong.
pub(super) fn template(file: FileId, text: &str) -> Result<Template, Diagnostic> {
    // A template is what a heredoc holds, so the lexer reads it as one; the places are those before this was put around it.
    let marker = other_marker(text, 3).unwrap_or_else(|| "TEMPLATE".to_owned());
    let before = format!("<<{marker}\n");
    let whole = format!("{before}{text}\n{marker}");
    let back = |wrong: Diagnostic| match wrong.span {
        Some(span) => {
            let back = |at: u32| (at as usize).saturating_sub(before.len()).min(text.len()) as u32;
            wrong.at(Span::new(file, back(span.start), back(span.end)))
        }
        None => wrong,
    };
    let tokens = lexer::tokens(&whole);
    check_crowded(file, &whole, &tokens).map_err(back)?;
    let mends = Mends::of(&whole, &tokens).inside_first();
    let events = recognized(file, &whole, tokens, recognizer::expression).map_err(back)?;
    let mended = mends.applied(&whole);
    let tree = mended[before.len()..before.len() + text.len()].parse::<Template>().map_err(|error| {
        let position = error.location().offset() as u32;
        let place = Span::new(file, position, position);
        Diagnostic::error("template cannot be read").at(place).detail(error.message())
    })?;
    let events = events.map_err(|fault| back(fault.diagnostic(file, &whole)))?;
    // The first and the last are those of the heredoc.
    let inner = events.get(1..events.len() - 1).unwrap_or_default();
    match tree::of_template(&tree, inner, before.len() as u32) {
        Some(difference) => Err(back(disagreement(file, &whole, difference))),
        None => Ok(tree),
    }
}

enum Wrong {
    Syntax(hcl::edit::parser::Error),
    Misread(Box<Diagnostic>),
}

impl From<Diagnostic> for Wrong {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Misread(Box::new(diagnostic))
    }
}

impl Wrong {
    fn first(self, file: FileId, text: &str) -> Diagnostic {
        match self {
            Self::Syntax(error) => explain::explain(file, text, &error),
            Self::Misread(diagnostic) => *diagnostic,
        }
    }
}

fn parsed(file: FileId, text: &str) -> Result<Body, Wrong> {
    let tokens = lexer::tokens(text);
    check_crowded(file, text, &tokens)?;
    let mends = Mends::of(text, &tokens);
    let events = recognized(file, text, tokens, recognizer::body)?;
    let tree = hcl::edit::parser::parse_body(&mends.applied(text)).map_err(Wrong::Syntax)?;
    let events = events.map_err(|fault| fault.diagnostic(file, text))?;
    match tree::of_body(&tree, &events) {
        Some(difference) => Err(disagreement(file, text, difference).into()),
        None => Ok(tree),
    }
}

type Events = Result<Vec<Event>, Box<Fault>>;

/// Returns what the recognizer says of a text: what is in it, or a fault that the parser may have better words for.
///
/// # Errors
///
/// A fault that is told without asking the parser.
fn recognized(
    file: FileId,
    text: &str,
    tokens: Vec<Token>,
    recognize: impl Fn(&str, Vec<Token>) -> Events,
) -> Result<Events, Diagnostic> {
    match recognize(text, tokens) {
        Err(fault) if fault.says_more() || levels(text) > LEVELS_ASKED => Err(fault.diagnostic(file, text)),
        events => Ok(events),
    }
}

/// Returns how many brackets are within each other at most, by the tokens or by the bare text: behind a fault the parser may take what
/// they call a comment for the inside of a string.
fn levels(text: &str) -> isize {
    let tokens = lexer::tokens(text);
    let by_token = tokens.iter().map(|token| token.kind.bracket_change());
    let by_byte = text.bytes().map(|byte| match byte {
        b'(' | b'[' | b'{' => 1,
        b')' | b']' | b'}' => -1,
        _ => 0,
    });
    most_open(by_token).max(most_open(by_byte))
}

fn most_open(changes: impl Iterator<Item = isize>) -> isize {
    let open = changes.scan(0, |open: &mut isize, change| {
        *open = (*open + change).max(0);
        Some(*open)
    });
    open.max().unwrap_or(0)
}

fn check_crowded(file: FileId, text: &str, tokens: &[Token]) -> Result<(), Diagnostic> {
    let crowded = Some(tokens).filter(|_| text.len() > CROWDED_BYTES);
    let Some(brace) = crowded.and_then(|tokens| crowded::crowded(text, tokens, KEYS_MAX)) else { return Ok(()) };
    let summary = format!("this object has more than {KEYS_MAX} keys written out, expected fewer");
    Err(Diagnostic::error(summary)
        .at(Span::new(file, brace.start, brace.end))
        .hint("keep them in a file, and read it with `jsondecode(file(\"keys.json\"))`"))
}

/// The parser took the text for something else than its tokens say, in a way nobody has thought of.
fn disagreement(file: FileId, text: &str, difference: Difference) -> Diagnostic {
    let start = difference.at as usize;
    let line = text[start..].lines().next().unwrap_or_default();
    let span = Span::new(file, difference.at, (start + line.len()) as u32);
    match difference.kind {
        EventKind::Heredoc | EventKind::HeredocEnd => {
            Diagnostic::error(fault::ENDLESS.0).at(span).hint(fault::ENDLESS.1)
        }
        kind => {
            let summary = format!("this {} can be read in two ways, so it is not read at all", kind.name());
            Diagnostic::error(summary).at(span).hint(
                "write it on one line, with parentheses around its parts; and please report it, with the lines around it",
            )
        }
    }
}

//! The one door to the parser: what it reads wrongly is mended before, what cannot be mended is found after.
//!
//! Mended text is as long as the text, so every place stays the same; who wants to know what is written at a place looks at the text
//! itself. Where a heredoc ends, the lexer decides: a heredoc that the parser ends elsewhere would swallow what is between.

mod outline;

use super::explain;
use super::lexer::{self, Token, TokenKind};
use crate::diagnostics::{Diagnostic, Diagnostics, FileId, Span};
use hcl::edit::Span as _;
use hcl::edit::expr::Expression;
use hcl::edit::structure::Body;
use hcl::edit::template::Template;
use hcl::edit::visit::{Visit, visit_expr};
use std::borrow::Cow;
use std::ops::Range;

/// Most keys of one object that are written out. The parser compares every key with all before it: ten thousand take half a second.
const KEYS_MAX: usize = 10_000;

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
    let tokens = suspicious_tokens(text);
    if let Some(directive) = misleading(file, text, &tokens) {
        return Err(directive);
    }
    let heredocs = heredocs(text, &tokens);
    let tree = hcl::edit::parser::parse_expr(&mended(text, &heredocs));
    let tree = tree.map_err(|error| explain::explain(file, text, &error))?;
    let mut seen = Seen::default();
    seen.visit_expr(&tree);
    agree(file, text, &heredocs, &seen.heredocs)?;
    Ok(tree)
}

/// Parses a text that is a template of its own: what `templatefile` reads.
///
/// # Errors
///
/// The first thing that is wrong.
pub(super) fn template(file: FileId, text: &str) -> Result<Template, Diagnostic> {
    let parsed = |text: &str| {
        text.parse::<Template>().map_err(|error| {
            let position = error.location().offset() as u32;
            let place = Span::new(file, position, position);
            Diagnostic::error("template cannot be read").at(place).detail(error.message())
        })
    };
    if !text.contains("<<") && text.len() <= CROWDED_BYTES {
        return parsed(text);
    }
    // A template is what a heredoc holds, so the lexer reads it as one; the places are those before this was put around it.
    let marker = other_marker(text, 3).unwrap_or_else(|| "TEMPLATE".to_owned());
    let before = format!("x = <<{marker}\n");
    let whole = format!("{before}{text}\n{marker}\n");
    let tokens = lexer::tokens(&whole);
    let back = |at: usize| at.saturating_sub(before.len());
    if let Some(brace) = outline::crowded(&whole, &tokens, KEYS_MAX) {
        return Err(too_many_keys().at(Span::new(
            file,
            back(brace.start as usize) as u32,
            back(brace.end as usize) as u32,
        )));
    }
    let heredocs = heredocs(&whole, &tokens);
    let inner = heredocs.get(1..).unwrap_or_default();
    let mended = mended(&whole, inner);
    let tree = parsed(&mended[before.len()..before.len() + text.len()])?;
    let mut seen = Seen::default();
    seen.visit_template(&tree);
    let shifted: Vec<_> =
        seen.heredocs.iter().map(|range| range.start + before.len()..range.end + before.len()).collect();
    agree(file, &whole, inner, &shifted).map_err(|wrong| match wrong.span {
        Some(span) => wrong.at(Span::new(file, back(span.start as usize) as u32, back(span.end as usize) as u32)),
        None => wrong,
    })?;
    Ok(tree)
}

enum Wrong {
    Syntax(hcl::edit::parser::Error),
    Misread(Box<Diagnostic>),
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
    let tokens = suspicious_tokens(text);
    if let Some(diagnostic) = misleading(file, text, &tokens) {
        return Err(Wrong::Misread(Box::new(diagnostic)));
    }
    let heredocs = heredocs(text, &tokens);
    let tree = hcl::edit::parser::parse_body(&mended(text, &heredocs)).map_err(Wrong::Syntax)?;
    if !heredocs.is_empty() {
        let mut seen = Seen::default();
        seen.visit_body(&tree);
        agree(file, text, &heredocs, &seen.heredocs).map_err(|wrong| Wrong::Misread(Box::new(wrong)))?;
    }
    if let Some(diagnostic) = misread(file, text, &tokens) {
        return Err(Wrong::Misread(Box::new(diagnostic)));
    }
    outline::assert_same(text, &tree);
    Ok(tree)
}

/// Returns the tokens of a text that holds what the parser may misread, and none for any other: most files are not looked at twice.
fn suspicious_tokens(text: &str) -> Vec<Token> {
    let is_suspicious = text.len() > CROWDED_BYTES
        || text.contains("<<")
        || text.contains("%{")
        || text.lines().any(is_suspicious_line)
        || has_odd_point(text)
        || has_odd_for(text);
    match is_suspicious {
        true => lexer::tokens(text),
        false => Vec::new(),
    }
}

/// Signs that go on with a value at the begin of a line, or want it to go on at its end.
const SIGNS: [char; 14] = ['+', '-', '*', '/', '%', '=', '!', '<', '>', '&', '|', '?', ':', '.'];

/// Returns whether a value may go on over an end of the line: the parser allows that after a list or a call.
fn is_suspicious_line(line: &str) -> bool {
    let begin = line.trim_start_matches([' ', '\t']);
    if begin.starts_with(['[', '.']) || (begin.starts_with(SIGNS) && !begin.starts_with("//")) {
        return true;
    }
    // The first of these need not begin a comment; then what is before the next one counts.
    let comments = ["#", "//", "/*"].into_iter().flat_map(|mark| line.match_indices(mark).map(|(at, _)| at));
    std::iter::once(line.len()).chain(comments).any(|end| line[..end].trim_end().ends_with(SIGNS))
}

/// Returns whether something other than a blank or a name follows `for` in a bracket.
fn has_odd_for(text: &str) -> bool {
    let is_name = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-');
    text.match_indices("for").any(|(at, word)| {
        let next = text[at + word.len()..].chars().next();
        text[..at].trim_end().ends_with(['[', '{']) && next.is_some_and(|next| !next.is_whitespace() && !is_name(next))
    })
}

/// Returns whether a point may be one of a number and is not written like that: apart from the digits, or with the exponent behind it.
fn has_odd_point(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_odd = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'/' | b'e' | b'E');
    text.match_indices('.').any(|(at, _)| {
        let (before, after) = (bytes[..at].last(), bytes.get(at + 1));
        before.as_ref().is_some_and(is_odd) || after.as_ref().is_some_and(is_odd)
    })
}

/// Returns what the parser would understand as something else than is written, or would never be done with.
fn misleading(file: FileId, text: &str, tokens: &[Token]) -> Option<Diagnostic> {
    let over = |token: Token| Span::new(file, token.start, token.end);
    if let Some(point) = outline::of_tokens(text, tokens).dangling {
        return Some(Diagnostic::error("a name is missing after this `.`, found the end of the line").at(over(point)));
    }
    if let Some(brace) = outline::crowded(text, tokens, KEYS_MAX) {
        return Some(too_many_keys().at(over(brace)));
    }
    let directive = outline::unbalanced(text, tokens)?;
    let summary = "the other end of this directive is missing in the string or heredoc that it is in";
    let hint =
        "a string holds `%{ if }` or `%{ for }` with its `%{ endif }` or `%{ endfor }`; write `%%{` for the text `%{`";
    Some(Diagnostic::error(summary).at(over(directive)).hint(hint))
}

fn too_many_keys() -> Diagnostic {
    let summary = format!("this object has more than {KEYS_MAX} keys written out, expected fewer");
    Diagnostic::error(summary).hint("keep them in a file, and read it with `jsondecode(file(\"keys.json\"))`")
}

/// Returns what the parser took and the language does not have.
fn misread(file: FileId, text: &str, tokens: &[Token]) -> Option<Diagnostic> {
    let found = |token: Token| text[token.range()].escape_debug();
    let (token, summary, hint) = if let Some(sign) = outline::of_tokens(text, tokens).continued {
        let summary = format!("a value cannot go on over the end of a line at `{}`", found(sign));
        (sign, summary, "write it on one line, or the whole value in parentheses")
    } else if let Some(token) = outline::nameless_for(text, tokens) {
        let summary = format!("expected the name of a variable after `for`, found `{}`", found(token));
        (token, summary, "write `[for x in list : x]`; a name cannot be `for` here")
    } else if let Some(number) = outline::misspelt_number(text, tokens) {
        let summary = format!("`{}` is not a number", found(number));
        (number, summary, "write a digit between the point and the exponent: `5.0e3`")
    } else {
        let index = outline::chained(text, tokens)?;
        let summary = "two indices in a row cannot be written with dots".to_owned();
        (index, summary, "write them in brackets: `[0][1]`")
    };
    Some(Diagnostic::error(summary).at(Span::new(file, token.start, token.end)).hint(hint))
}

/// A heredoc as the lexer sees it.
struct Heredoc {
    /// From `<<` to the marker that ends it.
    range: Range<usize>,
    /// The marker where it begins the heredoc.
    marker: Range<usize>,
    /// The marker that ends it, if it has an end.
    last: Option<Range<usize>>,
    /// What is between the first line and the last.
    content: Range<usize>,
}

/// Returns the heredocs of a text, those inside of others too, in the order they begin in.
fn heredocs(text: &str, tokens: &[Token]) -> Vec<Heredoc> {
    let mut open: Vec<&Token> = Vec::new();
    let mut found = Vec::new();
    for token in tokens {
        match token.kind {
            TokenKind::OpenHeredoc => open.push(token),
            TokenKind::CloseHeredoc => found.extend(open.pop().map(|opener| heredoc(text, opener, Some(token)))),
            _ => {}
        }
    }
    found.extend(open.into_iter().map(|opener| heredoc(text, opener, None)));
    found.sort_by_key(|heredoc| heredoc.range.start);
    found
}

fn heredoc(text: &str, opener: &Token, closer: Option<&Token>) -> Heredoc {
    let marker = text[opener.range()].trim_start_matches(['<', '-']).trim_end();
    let place = |token: &Token| {
        let start = token.start as usize + text[token.range()].find(marker).unwrap_or_default();
        start..start + marker.len()
    };
    let last = closer.map(place);
    Heredoc {
        range: opener.start as usize..last.as_ref().map_or(text.len(), |last| last.end),
        marker: place(opener),
        content: opener.end as usize..closer.map_or(text.len(), |closer| closer.start as usize),
        last,
    }
}

/// Returns the text as the parser reads it rightly.
///
/// It takes an empty heredoc for one that goes on to the next line with the marker, so an empty string stands for that; and it ends a
/// heredoc where a line begins with the marker, whatever follows, so such a heredoc gets another marker.
fn mended<'a>(text: &'a str, heredocs: &[Heredoc]) -> Cow<'a, str> {
    let mut mended = Cow::Borrowed(text);
    for heredoc in heredocs {
        let Some(last) = heredoc.last.clone() else { continue };
        let marker = &text[heredoc.marker.clone()];
        let content = &text[heredoc.content.clone()];
        if content.is_empty() {
            let blank = format!("\"\"{}", " ".repeat(heredoc.range.len() - 2));
            mended.to_mut().replace_range(heredoc.range.clone(), &blank);
        } else if is_line_of(content, marker)
            && let Some(other) = other_marker(content, marker.len())
        {
            let text = mended.to_mut();
            text.replace_range(heredoc.marker.clone(), &other);
            text.replace_range(last, &other);
        }
    }
    mended
}

/// Returns whether a line begins with the marker.
fn is_line_of(content: &str, marker: &str) -> bool {
    content.lines().any(|line| line.trim_start().starts_with(marker))
}

/// Returns a marker of a length with which no line begins.
fn other_marker(content: &str, length: usize) -> Option<String> {
    let letters = ('A'..='Z').chain('a'..='z');
    letters.map(|letter| letter.to_string().repeat(length)).find(|marker| !is_line_of(content, marker))
}

/// The heredocs of a tree.
#[derive(Default)]
struct Seen {
    heredocs: Vec<Range<usize>>,
}

impl Visit for Seen {
    fn visit_expr(&mut self, node: &Expression) {
        if let Expression::HeredocTemplate(_) = node {
            self.heredocs.extend(node.span());
        }
        visit_expr(self, node);
    }
}

/// An empty heredoc is handed over as an empty string.
fn is_empty(heredoc: &Heredoc) -> bool {
    heredoc.content.is_empty() && heredoc.last.is_some()
}

/// Compares where the parser and the lexer saw heredocs that are not empty.
fn agree(file: FileId, text: &str, heredocs: &[Heredoc], seen: &[Range<usize>]) -> Result<(), Diagnostic> {
    let mut expected = heredocs.iter().filter(|heredoc| !is_empty(heredoc)).map(|heredoc| &heredoc.range);
    let mut seen: Vec<&Range<usize>> = seen.iter().collect();
    seen.sort_by_key(|range| range.start);
    let mut seen = seen.into_iter();
    loop {
        let (expected, seen) = (expected.next(), seen.next());
        if expected == seen {
            match expected {
                Some(_) => continue,
                None => return Ok(()),
            }
        }
        let start = expected.into_iter().chain(seen).map(|range| range.start).min().unwrap_or_default();
        let line = text[start..].lines().next().unwrap_or_default();
        let span = Span::new(file, start as u32, (start + line.len()) as u32);
        return Err(Diagnostic::error("cannot tell where this heredoc ends").at(span).hint(
            "it ends with a line that holds its marker alone, and every `%{ if }` and `%{ for }` in it must end before",
        ));
    }
}

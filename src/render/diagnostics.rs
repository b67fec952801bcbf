//! Diagnostics as text (place, source line with the offending part underlined, values, hints) and in Terraform's JSON form.

use super::gather::{Gathered, gather};
use super::style::Style;
use crate::diagnostics::{Diagnostic, Diagnostics, FileId, Severity, Source, Sources, Span};
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::Range;

/// Returns all diagnostics as text, an empty line between two.
pub fn text(diagnostics: &Diagnostics, sources: &Sources, style: Style) -> String {
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Colour => Renderer::styled(),
    };
    let texts: Vec<String> = gather(diagnostics).iter().map(|gathered| one(gathered, sources, &renderer)).collect();
    texts.join("\n")
}

fn one(gathered: &Gathered, sources: &Sources, renderer: &Renderer) -> String {
    let diagnostic = gathered.diagnostic;
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(printable(&diagnostic.summary)));
    for (file, annotations) in annotations(diagnostic) {
        group = group.element(snippet(sources.get(file), annotations));
    }
    if let Some(address) = &diagnostic.address {
        let others = gathered.others().map(|others| format!(" {others}")).unwrap_or_default();
        group = group.element(Level::NOTE.message(printable(&format!("in {address}{others}"))));
    }
    if let Some(detail) = &diagnostic.detail {
        group = group.element(Level::NOTE.message(printable(detail)));
    }
    for (reference, value) in &diagnostic.values {
        group = group.element(Level::NOTE.message(printable(&format!("{reference} {value}"))));
    }
    for hint in &diagnostic.hints {
        group = group.element(Level::HELP.message(printable(hint)));
    }
    let lines: Vec<String> = renderer.render(&[group]).lines().map(|line| line.trim_end().to_string()).collect();
    format!("{}\n", lines.join("\n"))
}

/// A span with its label; the span of the diagnostic itself has none.
type Marked<'a> = (Span, Option<&'a str>);

/// The spans of a diagnostic by file, its own file first.
fn annotations(diagnostic: &Diagnostic) -> Vec<(FileId, Vec<Marked<'_>>)> {
    let own = diagnostic.span.map(|span| (span, None));
    let labels = diagnostic.labels.iter().map(|(span, text)| (*span, Some(text.as_str())));
    let mut by_file: BTreeMap<FileId, Vec<Marked<'_>>> = BTreeMap::new();
    for (span, label) in own.into_iter().chain(labels) {
        by_file.entry(span.file).or_default().push((span, label));
    }
    let mut files: Vec<_> = by_file.into_iter().collect();
    files.sort_by_key(|(file, _)| diagnostic.span.is_none_or(|span| span.file != *file));
    files
}

/// A snippet of only the lines around the spans: the whole of a large file would be searched for each message.
fn snippet<'a>(source: &'a Source, spans: Vec<(Span, Option<&'a str>)>) -> Snippet<'a, Annotation<'a>> {
    let length = source.text.len();
    let first = spans.iter().map(|(span, _)| span.start as usize).min().unwrap_or(0).min(length);
    let last = spans.iter().map(|(span, label)| if label.is_some() { span.start } else { span.end } as usize).max();
    let last = last.unwrap_or(0).min(length);
    let start = source.text[..first].rfind('\n').map_or(0, |at| at + 1);
    let end = source.text[last..].find('\n').map_or(length, |at| last + at);
    let line = source.position(start as u32).line as usize;
    let within = |span: Span| -> Range<usize> {
        let (from, to) = (span.start as usize, span.end as usize);
        from.min(length) - start..to.clamp(from, end.max(from)) - start
    };
    let annotations = spans.into_iter().map(|(span, label)| match label {
        None => AnnotationKind::Primary.span(within(span)),
        // The place is enough: a list of forty lines beside the mistake would hide it.
        Some(label) => AnnotationKind::Context.span(first_line(source, start, within(span))).label(label),
    });
    Snippet::source(&source.text[start..end]).line_start(line).path(&*source.name).annotations(annotations)
}

/// Returns the part of a range, counted from byte `start`, that is on its first line.
fn first_line(source: &Source, start: usize, range: Range<usize>) -> Range<usize> {
    let text = &source.text[start + range.start..start + range.end];
    range.start..range.start + text.find(['\n', '\r']).unwrap_or(text.len())
}

/// Makes control characters visible: a name from a file must not steer the terminal.
fn printable(text: &str) -> String {
    let visible = |character: char| {
        if character.is_control() && character != '\n' { '\u{fffd}' } else { character }
    };
    text.chars().map(visible).collect()
}

/// Returns all diagnostics in the form of `terraform validate -json`, each with its severity.
pub fn json_each(diagnostics: &Diagnostics, sources: &Sources) -> Vec<(Severity, serde_json::Value)> {
    let each = gather(diagnostics);
    each.iter().map(|gathered| (gathered.diagnostic.severity, gathered_json(gathered, sources))).collect()
}

/// Returns a diagnostic in the form of `terraform validate -json`.
pub fn json(diagnostic: &Diagnostic, sources: &Sources) -> serde_json::Value {
    gathered_json(&Gathered::alone(diagnostic), sources)
}

/// What Terraform's form has no place for is beside it: other places that matter, and for how many more instances it holds.
pub(super) fn gathered_json(gathered: &Gathered, sources: &Sources) -> serde_json::Value {
    let diagnostic = gathered.diagnostic;
    let others = gathered.others();
    let texts = diagnostic.detail.iter().chain(&diagnostic.hints).chain(&others).map(String::as_str);
    let wire = Wire {
        severity: match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        summary: &diagnostic.summary,
        detail: texts.collect::<Vec<_>>().join("\n"),
        address: diagnostic.address.as_deref(),
        range: diagnostic.span.map(|span| range(sources.get(span.file), span)),
        snippet: diagnostic.span.map(|span| code(sources.get(span.file), span, &diagnostic.values)),
        related: diagnostic
            .labels
            .iter()
            .map(|(span, text)| WireRelated { message: text, range: range(sources.get(span.file), *span) })
            .collect(),
        more_instances: gathered.more(),
    };
    serde_json::to_value(wire).expect("texts and numbers are always JSON")
}

#[derive(Serialize)]
struct Wire<'a> {
    severity: &'static str,
    summary: &'a str,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<WireRange<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snippet: Option<WireSnippet<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related: Vec<WireRelated<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    more_instances: usize,
}

#[derive(Serialize)]
struct WireRelated<'a> {
    message: &'a str,
    range: WireRange<'a>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[derive(Serialize)]
struct WireRange<'a> {
    filename: &'a str,
    start: WirePosition,
    end: WirePosition,
}

/// Line and column from 1, byte from 0.
#[derive(Serialize)]
struct WirePosition {
    line: u32,
    column: u32,
    byte: u32,
}

#[derive(Serialize)]
struct WireSnippet<'a> {
    context: Option<&'a str>,
    code: &'a str,
    start_line: u32,
    highlight_start_offset: usize,
    highlight_end_offset: usize,
    values: Vec<WireValue<'a>>,
}

#[derive(Serialize)]
struct WireValue<'a> {
    traversal: &'a str,
    statement: &'a str,
}

fn range(source: &Source, span: Span) -> WireRange<'_> {
    let at = |byte: u32| {
        let position = source.position(byte);
        WirePosition { line: position.line, column: position.column, byte }
    };
    WireRange { filename: &source.name, start: at(span.start), end: at(span.end) }
}

fn code<'a>(source: &'a Source, span: Span, values: &'a [(String, String)]) -> WireSnippet<'a> {
    let length = source.text.len();
    let (first, last) = ((span.start as usize).min(length), (span.end as usize).min(length));
    let start = source.text[..first].rfind('\n').map_or(0, |at| at + 1);
    let end = source.text[last..].find('\n').map_or(length, |at| last + at);
    WireSnippet {
        context: None,
        code: &source.text[start..end],
        start_line: source.position(span.start).line,
        highlight_start_offset: first - start,
        highlight_end_offset: last - start,
        values: values.iter().map(|(traversal, statement)| WireValue { traversal, statement }).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> (Diagnostic, Sources) {
        let mut sources = Sources::new();
        let main = sources.add("main.hcl", "vm \"mc\" {\n  memory = var.sise\n}\n");
        let other = sources.add("variables.hcl", "variable \"size\" {\n}\n");
        let diagnostic = Diagnostic::error("there is no variable `sise`")
            .at(Span::new(main, 21, 29))
            .label(Span::new(other, 0, 15), "declared here")
            .value("var.size", "is 5")
            .hint("did you mean `var.size`?")
            .about("vm.mc");
        (diagnostic, sources)
    }

    #[test]
    fn a_diagnostic_as_text() {
        let (diagnostic, sources) = example();
        insta::assert_snapshot!(text(&diagnostic.into(), &sources, Style::Plain));
    }

    #[test]
    fn a_diagnostic_as_json() {
        let (diagnostic, sources) = example();
        insta::assert_snapshot!(serde_json::to_string_pretty(&json(&diagnostic, &sources)).expect("it is JSON"));
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        let diagnostic = Diagnostic::error("there is no `\u{1b}[2J`");
        assert!(!text(&diagnostic.into(), &Sources::new(), Style::Plain).contains('\u{1b}'));
    }
}

//! Test reports as JUnit XML, which CI systems read: one `testsuite` per file, one `testcase` per run.

use super::diagnostics;
use super::style::Style;
use super::test_report::{FileReport, RunReport, Status};
use crate::diagnostics::{Diagnostics, Sources};
use std::fmt::Write as _;

/// Returns the document.
pub fn document(files: &[FileReport]) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for file in files {
        suite(file, &mut text);
    }
    text.push_str("</testsuites>\n");
    text
}

fn suite(file: &FileReport, text: &mut String) {
    let number = |status| file.runs.iter().filter(|run| run.status == status).count();
    let is_left = file.cleanup.has_errors();
    let _ = writeln!(
        text,
        "  <testsuite name=\"{}\" tests=\"{}\" skipped=\"{}\" failures=\"{}\" errors=\"{}\">",
        escaped(&file.path),
        file.runs.len() + usize::from(is_left),
        number(Status::Skip),
        number(Status::Fail),
        number(Status::Error) + usize::from(is_left),
    );
    for run in &file.runs {
        case(file, run, text);
    }
    if is_left {
        let path = escaped(&file.path);
        let _ = writeln!(text, "    <testcase name=\"(cleaning up)\" classname=\"{path}\">");
        problem("error", "what the runs made could not be destroyed", &file.cleanup, &file.sources, text);
        text.push_str("    </testcase>\n");
    }
    text.push_str("  </testsuite>\n");
}

fn case(file: &FileReport, run: &RunReport, text: &mut String) {
    let seconds = format!("{}.{:03}", run.elapsed_ms / 1000, run.elapsed_ms % 1000);
    let (name, path) = (escaped(&run.name), escaped(&file.path));
    let _ = writeln!(text, "    <testcase name=\"{name}\" classname=\"{path}\" time=\"{seconds}\">");
    match run.status {
        Status::Pass => told("system-out", &run.diagnostics, &run.sources, text),
        Status::Skip => text.push_str("      <skipped message=\"a run before it could not be run\"/>\n"),
        Status::Fail => problem("failure", "something does not hold", &run.diagnostics, &run.sources, text),
        Status::Error => problem("error", "it could not be run", &run.diagnostics, &run.sources, text),
    }
    text.push_str("    </testcase>\n");
}

fn problem(element: &str, message: &str, found: &Diagnostics, sources: &Sources, text: &mut String) {
    let body = escaped(&diagnostics::text(found, sources, Style::Plain));
    let _ = writeln!(text, "      <{element} message=\"{message}\">{body}</{element}>");
}

fn told(element: &str, found: &Diagnostics, sources: &Sources, text: &mut String) {
    if !found.is_empty() {
        let body = escaped(&diagnostics::text(found, sources, Style::Plain));
        let _ = writeln!(text, "      <{element}>{body}</{element}>");
    }
}

/// XML has no way to write most control characters, not even escaped.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(character),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            control if control.is_control() => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_name_holds_the_document_stays_one() {
        assert_eq!(escaped("a<b> & \"c\"\u{1b}[0m\n"), "a&lt;b&gt; &amp; &quot;c&quot;\u{fffd}[0m\n");
    }
}

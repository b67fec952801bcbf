//! `config::fmt`: texts from `tests/data/fmt` and what `terraform fmt` makes of them, texts from `tests/data/syntax` that are HCL or are not,
//! and texts that mean harm. Generated texts are in `fmt_generated`.
//!
//! A file of cases is plain text: `=== name`, the text, then `--- becomes` and the result, `--- stays` or `--- is refused`. In
//! `tests/data/syntax` the guillemets `«»` stand around the construct that is to blame and are taken out before the text is read.

use spawnpoint::config::fmt::format;
use spawnpoint::diagnostics::{Diagnostics, Sources};
use std::path::{Path, PathBuf};

struct Case {
    name: String,
    text: String,
    expected: Expected,
}

#[derive(Debug, PartialEq, Eq)]
enum Expected {
    Text(String),
    Refused,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every case of the files of a folder.
fn cases(folder: &str) -> Vec<Case> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(root().join("tests/data").join(folder))
        .expect("the folder of cases is there")
        .map(|entry| entry.expect("its entries can be read").path())
        .collect();
    paths.sort();
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).expect("a file of cases is text");
        let theme = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let cases = text.split("=== ").skip(1).map(|case| parsed(&theme, case)).collect::<Vec<_>>();
        assert!(!cases.is_empty(), "{theme} has cases");
        cases
    };
    paths.iter().flat_map(read).collect()
}

fn parsed(theme: &str, case: &str) -> Case {
    let (name, rest) = case.split_once('\n').expect("a name is a line");
    let (text, verdict) = rest.split_once("--- ").expect("a verdict follows the text");
    let (verdict, result) = verdict.split_once('\n').expect("a verdict is a line");
    let expected = match verdict {
        "becomes" => Expected::Text(result.to_owned()),
        "stays" => Expected::Text(text.to_owned()),
        "is refused" => Expected::Refused,
        other => panic!("{theme}: `{name}` has the verdict `{other}`"),
    };
    Case { name: format!("{theme}: {name}"), text: text.to_owned(), expected }
}

fn formatted(text: &str) -> Result<String, Diagnostics> {
    format("case.hcl", text.as_bytes(), &mut Sources::new())
}

fn summary(bytes: &[u8]) -> String {
    match format("case.hcl", bytes, &mut Sources::new()) {
        Ok(text) => panic!("formatted: {}", &text[..text.len().min(200)]),
        Err(diagnostics) => {
            diagnostics.iter().map(|diagnostic| diagnostic.summary.clone()).collect::<Vec<_>>().join("\n")
        }
    }
}

#[test]
fn layout_is_that_of_terraform() {
    let cases = cases("fmt");
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let found = formatted(&case.text).map_or(Expected::Refused, Expected::Text);
            (found != case.expected)
                .then(|| format!("{}\n  expected {:?}\n  found    {found:?}", case.name, case.expected))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(cases.len() >= 134, "{} cases are left", cases.len());
}

#[test]
fn what_is_formatted_stays() {
    for case in cases("fmt") {
        if let Expected::Text(text) = case.expected {
            assert_eq!(formatted(&text), Ok(text), "{}", case.name);
        }
    }
}

/// Interpolations are unwrapped to the last; Terraform takes one for each run.
#[test]
fn one_run_is_enough() {
    assert_eq!(formatted("a = \"${\"${\"${x}\"}\"}\"\n"), Ok("a = x\n".to_owned()));
    assert_eq!(formatted("a = 1 /* c */"), Ok("a = 1 /* c */\n".to_owned()));
    assert_eq!(formatted("a = 1 # c"), Ok("a = 1 # c\n".to_owned()));
    assert_eq!(formatted("a = \"${ # c\n x }\"\n"), Ok("a = ( # c\nx)\n".to_owned()));
    assert_eq!(formatted("a = \"${\n(x)+\n(y)\n}\"\n"), Ok("a = ((x) +\n(y))\n".to_owned()));
}

#[test]
fn every_file_of_the_repository_stays_once_formatted() {
    let mut files = Vec::new();
    find(&root(), &mut files);
    let mut count = 0;
    for path in &files {
        let text = std::fs::read(path).expect("a file can be read");
        // Fixtures of what is wrong do not all parse.
        if let Ok(once) = format("file.hcl", &text, &mut Sources::new()) {
            count += 1;
            assert_eq!(formatted(&once).as_ref(), Ok(&once), "{}", path.display());
        }
    }
    assert!(count > 10, "{count} of {} files parse", files.len());
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("its entries can be read").path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            find(&path, files);
        } else if name.ends_with(".hcl") {
            files.push(path);
        }
    }
}

#[test]
fn what_is_hcl_is_taken_and_what_is_not_is_blamed_where_it_stands() {
    for case in cases("syntax") {
        let plain = case.text.replace(['«', '»'], "");
        match (formatted(&plain), case.expected) {
            (Ok(_), Expected::Text(_)) => {}
            (Err(diagnostics), Expected::Refused) => {
                let start = case.text.find('«').expect("the construct is marked");
                let end = case.text.find('»').expect("its end is marked") - '«'.len_utf8();
                let first = diagnostics.iter().next().expect("a refusal has a reason");
                let span = first.span.expect("a syntax error has a place");
                let (from, to) = (span.start as usize, span.end as usize);
                assert!(
                    start <= from && to <= end && from < to,
                    "{}: {} at {from}..{to}, expected in {start}..{end}",
                    case.name,
                    first.summary
                );
            }
            (Ok(text), Expected::Refused) => panic!("{}: taken as\n{text}", case.name),
            (Err(diagnostics), Expected::Text(_)) => panic!("{}: {diagnostics:?}", case.name),
        }
    }
}

#[test]
fn a_byte_order_mark_goes_and_empty_stays_empty() {
    let mut sources = Sources::new();
    assert_eq!(format("a.hcl", b"\xef\xbb\xbfa=1\n", &mut sources), Ok("a = 1\n".to_owned()));
    assert_eq!(formatted(""), Ok(String::new()));
    assert_eq!(formatted(" \t "), Ok(String::new()));
    assert_eq!(formatted("\n"), Ok("\n".to_owned()));
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    insta::assert_snapshot!(summary(b"a = \"\xff\"\n"), @"byte 0xff is not UTF-8, expected UTF-8 text");
    insta::assert_snapshot!(summary(b"a = \"\0\"\n"), @"found a NUL character, expected text");
    assert!(!summary("a = 1\n\u{feff}b = 2\n".as_bytes()).is_empty());
    insta::assert_snapshot!(summary(&b"#".repeat(9 << 20)), @"`case.hcl` is too large: 9 MiB, expected at most 8 MiB");
}

#[test]
fn depth_ends_in_an_error() {
    let deep = 100_000;
    for (open, close) in [
        ("[", "]"),
        ("(", ")"),
        ("{a=", "}"),
        ("\"${", "}\""),
        ("f(", ")"),
        ("-", ""),
        ("!", ""),
        ("x?", ":1"),
        ("[for x in ", ":x]"),
    ] {
        let text = format!("a = {}1{}\n", open.repeat(deep), close.repeat(deep));
        assert!(!summary(text.as_bytes()).is_empty());
        let text = format!("a = {}", open.repeat(deep));
        assert!(!summary(text.as_bytes()).is_empty());
    }
    let blocks = format!("{}{}", "b {\n".repeat(deep), "}\n".repeat(deep));
    assert!(!summary(blocks.as_bytes()).is_empty());
    for piece in ["<<A\n", "\"", "/*", "%{", "}", "]", "b {\n", "\"${<<A\n"] {
        assert!(!summary(piece.repeat(deep + 1).as_bytes()).is_empty(), "{piece}");
    }
}

/// The parser takes these, but the language does not: a name on the line after its point, a marker that ended a heredoc before.
#[test]
fn where_parser_and_lexer_disagree_nothing_is_written() {
    for text in ["b {\n  a = x.\n  y == 1\n}\nc {}\n", "a = x.\ny[0]\n", "a = <<EOT\nEOT\n  kept\n  EOT\nb = 1\n"] {
        assert!(!summary(text.as_bytes()).is_empty(), "{text}");
    }
}

/// Ten thousand short lines beside a long one would be aligned to gigabytes.
#[test]
fn alignment_is_bounded() {
    let long = "x".repeat(100_000);
    let text = format!("{long}=1\n{}", (0..10_000).map(|at| format!("a{at}=1\n")).collect::<String>());
    insta::assert_snapshot!(summary(text.as_bytes()), @"the formatted text would have 953 MiB, expected at most 8 MiB");
}

//! What stands between two tokens: nothing, ends of lines, comments, in every gap of many small texts.
//!
//! `tests/data/gaps.txt` holds what Terraform 1.11.4 says to each (`terraform fmt -`): a text with its tokens apart, and below it a sign for
//! the text as it is and then a group for each gap, with a sign for each of [`FILLINGS`]: `+` it is HCL, `-` it is not. Where we differ, a
//! third line says so, with why behind a `#`.

use spawnpoint::config::fmt::format;
use spawnpoint::config::lexer::{TokenKind, tokens};
use spawnpoint::diagnostics::Sources;

const FILLINGS: [&str; 5] = ["", "\n", "/* c */", "# c\n", " \n\n\t"];

/// The texts of a line of tokens: as it is, then each gap with each filling.
fn texts(line: &str) -> Vec<Vec<String>> {
    let words: Vec<&str> = line.split(' ').collect();
    let with = |gap: usize, filling: &str| format!("{}{filling}{}\n", words[..gap].join(" "), words[gap..].join(" "));
    let gaps = (1..words.len()).map(|gap| FILLINGS.iter().map(|filling| with(gap, filling)).collect());
    std::iter::once(vec![format!("{line}\n")]).chain(gaps).collect()
}

fn is_taken(text: &str) -> bool {
    format("main.hcl", text.as_bytes(), &mut Sources::new()).is_ok()
}

fn verdicts(line: &str) -> String {
    let sign = |text: &String| if is_taken(text) { '+' } else { '-' };
    let groups: Vec<String> = texts(line).iter().map(|group| group.iter().map(sign).collect()).collect();
    groups.join(" ")
}

#[test]
fn what_may_stand_between_tokens_is_what_terraform_allows() {
    let data = include_str!("../data/gaps.txt");
    let mut lines = data.lines().filter(|line| !line.is_empty()).peekable();
    let (mut wrong, mut count) = (Vec::new(), 0);
    while let Some(text) = lines.next() {
        let theirs = lines.next().expect("what Terraform says follows the text").trim();
        let ours = lines.next_if(|line| line.contains('#'));
        let expected = ours.map_or(theirs, |line| line.split('#').next().unwrap_or(line).trim());
        let found = verdicts(text);
        count += found.len() - found.matches(' ').count();
        if found != expected {
            wrong.push(format!("{text}\n  {expected}\n  {found}"));
        }
        assert!(ours.is_none() || expected != theirs, "no difference is left: {text}");
    }
    assert!(wrong.is_empty(), "expected, and found:\n{}", wrong.join("\n"));
    assert!(count > 5_000, "{count} texts are left");
}

#[test]
fn what_is_formatted_keeps_its_tokens() {
    let kept = |text: &str| {
        let is_kept = |kind: TokenKind| {
            use TokenKind::{CloseQuote, Comment, Newline, OpenQuote, Space};
            // A label gets its quotes.
            !matches!(kind, Space | Newline | Comment | OpenQuote | CloseQuote)
        };
        let tokens = tokens(text).into_iter().filter(|token| is_kept(token.kind));
        tokens.map(|token| text[token.range()].to_owned()).collect::<Vec<_>>()
    };
    let lines = include_str!("../data/gaps.txt").lines().filter(|line| !line.starts_with(' ') && !line.is_empty());
    for text in lines.flat_map(texts).flatten() {
        let mut sources = Sources::new();
        if let Ok(formatted) = format("main.hcl", text.as_bytes(), &mut sources)
            && !text.contains("\"${")
        {
            assert_eq!(kept(&text), kept(&formatted), "of {text}");
        }
    }
}

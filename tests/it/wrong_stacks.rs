//! Wrong stacks, each a folder of `tests/data/stacks/wrong`: the whole of `validate`, with what is expected beside the line that causes it.
//!
//! `# error: PART OF THE SUMMARY ~ PART OF A HINT ~ REFERENCE is VALUE`; several on one line follow each other. `# error below:` is about
//! the next line, `# error without place:` about one that would show a secret. `# related: WORDS` stands at another place that a message of
//! the stack points to. Nothing else may be said. More such fixtures, for what reading the files alone finds, are in `config`.

use crate::harness::World;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// A file and a line of it, with a message.
type Message = (String, u64, String);

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the fixtures are there") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.push(path),
        }
    }
}

/// What the lines of a fixture expect.
#[derive(Default)]
struct Expected {
    messages: Vec<Message>,
    related: Vec<Message>,
}

/// What the fixture's lines expect, and the folder copied to where the stack is validated.
fn expected(folder: &Path, world: &World) -> Expected {
    let mut found = Vec::new();
    files(folder, &mut found);
    let mut expected = Expected::default();
    for path in found {
        let name = path.strip_prefix(folder).expect("it is below").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("a fixture is text");
        for (at, line) in text.lines().enumerate() {
            for (marker, line_of) in [("# error below: ", at as u64 + 2), ("# error without place: ", 0)] {
                let part = line.split_once(marker).map(|(_, part)| part.trim().to_owned());
                expected.messages.extend(part.map(|part| (name.clone(), line_of, part)));
            }
            let message = |part: &str| (name.clone(), at as u64 + 1, part.trim().to_owned());
            let (line, related) =
                line.split_once("# related: ").map_or((line, None), |(line, rest)| (line, Some(rest)));
            expected.related.extend(related.map(message));
            expected.messages.extend(line.split("# error: ").skip(1).map(message));
        }
        world.write(&name, &text);
    }
    expected
}

/// Line 0 is that of messages without a place.
fn is_at(place: &Value, file: &str, line: u64) -> bool {
    match line {
        0 => place.is_null(),
        _ => place["filename"].as_str() == Some(file) && place["start"]["line"].as_u64() == Some(line),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn fits(message: &Message, diagnostic: &Value) -> bool {
    let (file, line, text) = message;
    let mut parts = text.split(" ~ ");
    let values: Vec<String> = list(&diagnostic["snippet"]["values"])
        .iter()
        .filter_map(|value| Some(format!("{} {}", value["traversal"].as_str()?, value["statement"].as_str()?)))
        .collect();
    let detail = diagnostic["detail"].as_str().unwrap_or_default();
    is_at(&diagnostic["range"], file, *line)
        && diagnostic["summary"].as_str().zip(parts.next()).is_some_and(|(given, summary)| given.contains(summary))
        && parts.all(|part| detail.contains(part) || values.iter().any(|value| value == part))
}

fn points_to(message: &Message, diagnostic: &Value) -> bool {
    let (file, line, text) = message;
    let fits = |place: &Value| {
        is_at(&place["range"], file, *line) && place["message"].as_str().is_some_and(|words| words.contains(text))
    };
    list(&diagnostic["related"]).iter().any(fits)
}

#[test]
fn wrong_stacks_are_told_what_and_where() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/stacks/wrong");
    let only = std::env::var("STACK").ok();
    let (mut stacks, mut count) = (0, 0);
    let mut differing = Vec::new();
    for entry in fs::read_dir(&root).expect("the fixtures are there") {
        let folder = entry.expect("an entry").path();
        if only.as_ref().is_some_and(|only| !folder.ends_with(only)) {
            continue;
        }
        let world = World::new();
        let expected = expected(&folder, &world);
        let output = world.run(&["validate", "-json"]);
        let document: Value = serde_json::from_str(&output.stdout).expect("it prints JSON");
        let diagnostics = list(&document["diagnostics"]);
        let told = |message: &&Message| !diagnostics.iter().any(|diagnostic| fits(message, diagnostic));
        let missing: Vec<&Message> = expected.messages.iter().filter(told).collect();
        let pointed = |message: &&Message| !diagnostics.iter().any(|diagnostic| points_to(message, diagnostic));
        let unrelated: Vec<&Message> = expected.related.iter().filter(pointed).collect();
        let is_surprise = |diagnostic: &&Value| !expected.messages.iter().any(|message| fits(message, diagnostic));
        let surprises: Vec<String> = diagnostics
            .iter()
            .filter(is_surprise)
            .map(|diagnostic| format!("{} {} {}", diagnostic["summary"], diagnostic["detail"], diagnostic["range"]))
            .collect();
        if !(missing.is_empty() && unrelated.is_empty() && surprises.is_empty()) {
            let name = folder.display();
            differing.push(format!(
                "{name}: not said: {missing:#?}\nnot pointed to: {unrelated:#?}\nnot expected: {surprises:#?}"
            ));
        }
        // More messages than lines expect are the same one told again.
        if diagnostics.len() > expected.messages.len() {
            differing.push(format!("{}: {} messages", folder.display(), diagnostics.len()));
        }
        (stacks, count) = (stacks + 1, count + expected.messages.len());
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    println!("{count} messages in {stacks} wrong stacks");
    assert!(only.is_some() || (stacks >= 40 && count >= 250), "the fixtures are found: {stacks} with {count} messages");
}

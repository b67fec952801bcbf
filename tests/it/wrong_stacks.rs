//! Wrong stacks, each a folder of `tests/data/stacks/wrong`: the whole of `validate`, with what is expected beside the line that causes it.
//!
//! `# error: PART OF THE SUMMARY ~ PART OF A HINT`; several on one line follow each other. Nothing else may be said. More such fixtures, for
//! what reading the files alone finds, are in `config`.

use crate::harness::World;
use serde_json::Value;
use std::collections::BTreeMap;
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

/// What the fixture's lines expect, and the folder copied to where the stack is validated.
fn expected(folder: &Path, world: &World) -> Vec<Message> {
    let mut found = Vec::new();
    files(folder, &mut found);
    let mut messages = Vec::new();
    for path in found {
        let name = path.strip_prefix(folder).expect("it is below").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("a fixture is text");
        for (at, line) in text.lines().enumerate() {
            let parts = line.split("# error: ").skip(1);
            messages.extend(parts.map(|part| (name.clone(), at as u64 + 1, part.trim().to_owned())));
        }
        world.write(&name, &text);
    }
    messages
}

fn fits(message: &Message, diagnostic: &Value) -> bool {
    let (file, line, text) = message;
    let (summary, hint) = text.split_once(" ~ ").unwrap_or((text, ""));
    let at = &diagnostic["range"];
    at["filename"].as_str() == Some(file)
        && at["start"]["line"].as_u64() == Some(*line)
        && diagnostic["summary"].as_str().is_some_and(|given| given.contains(summary))
        && diagnostic["detail"].as_str().unwrap_or_default().contains(hint)
}

#[test]
fn wrong_stacks_are_told_what_and_where() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/stacks/wrong");
    let mut count = 0;
    for entry in fs::read_dir(&root).expect("the fixtures are there") {
        let folder = entry.expect("an entry").path();
        let world = World::new();
        let expected = expected(&folder, &world);
        let mut missing: Vec<&Message> = expected.iter().collect();
        count += expected.len();
        let output = world.run(&["validate", "-json"]);
        let document: Value = serde_json::from_str(&output.stdout).expect("it prints JSON");
        let mut surprises = BTreeMap::new();
        for diagnostic in document["diagnostics"].as_array().expect("a list") {
            // What is wrong in each instance is said for each.
            if !expected.iter().any(|message| fits(message, diagnostic)) {
                surprises.insert(diagnostic["summary"].to_string(), diagnostic["range"]["start"].to_string());
            }
            missing.retain(|message| !fits(message, diagnostic));
        }
        let name = folder.display();
        assert!(
            missing.is_empty() && surprises.is_empty(),
            "{name}: not said: {missing:#?}\nnot expected: {surprises:#?}"
        );
    }
    println!("{count} messages in wrong stacks");
    assert!(count >= 56, "the fixtures are found");
}

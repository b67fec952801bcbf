//! Everything the fuzz targets kept, on stable Rust: the corpus of each target, and what they found. `tests/fuzz/run` makes both.

#[path = "../fuzz/properties.rs"]
mod properties;

use serde_json::Value as Json;
use std::path::Path;

/// Runs a property on what is kept for it.
fn replay(target: &str, property: fn(&[u8]), at_least: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/fuzz").join(target);
    let mut count = 0;
    for name in ["corpus.jsonl", "findings.jsonl"] {
        // A target without findings has no file of them.
        let lines = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        for (at, line) in lines.split_terminator('\n').enumerate() {
            let input = input(serde_json::from_str(line).expect("a line is JSON"));
            // What a failed test shows: the line before the panic.
            println!("{target}/{name}:{}", at + 1);
            property(&input);
            count += 1;
        }
    }
    assert!(count >= at_least, "{count} inputs of {target} are left");
}

fn input(json: Json) -> Vec<u8> {
    if let Json::String(text) = json {
        return text.into_bytes();
    }
    let digits = json["hex"].as_str().expect("what is no text is in hexadecimal");
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("two digits");
    (0..digits.len()).step_by(2).map(byte).collect()
}

#[test]
fn lexer() {
    replay("lexer", properties::lexer, 100);
}

#[test]
fn parser() {
    replay("parser", properties::parser, 100);
}

#[test]
fn evaluator() {
    replay("evaluator", properties::evaluator, 100);
}

#[test]
fn fmt() {
    replay("fmt", properties::fmt, 100);
}

#[test]
fn proxmox() {
    replay("proxmox", properties::proxmox, 100);
}

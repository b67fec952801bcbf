//! The language reference: `docs/functions.md` and `docs/blocks.md` are what the tables say (`UPDATE_GOLDEN=1` writes them), and every example
//! in them does what it promises.

use crate::harness::{World, golden};
use serde_json::{Value as Json, json};
use std::fmt::Write;

/// What the examples of blocks lean on. An example that declares one of these itself takes its place.
const AROUND: [(&str, &str); 4] = [
    ("cluster ", "cluster \"lab\" {\n  simulator {\n    lab = \"docs.lab.hcl\"\n  }\n}\n"),
    ("template \"debian13\"", "template \"debian13\" {\n  vmid = 9000\n}\n"),
    ("tenant \"acme\"", "tenant \"acme\" {\n}\n"),
    (
        "vm \"mc\"",
        "vm \"mc\" {\n  template = template.debian13\n  network \"net0\" {\n    bridge  = \"vmbr1\"\n    address = \"10.66.0.9/24\"\n  }\n}\n",
    ),
];

/// Examples that lead away from this machine: they are judged, but not planned.
const ELSEWHERE: [&str; 2] = ["cluster", "data.stack"];

/// What the built-in lab has besides, for look-ups to find.
const INHABITANTS: &str = "url \"https://example.org/debian-13-genericcloud-amd64.qcow2\" {\n  size_bytes = 1048576\n}\n\nguest \"router\" {\n  vmid = 110\n  node = \"pve2\"\n}\n\npool \"ops\" {\n  guests = [110]\n}\n";

fn told(arguments: &[&str]) -> Json {
    let output = World::new().run(arguments);
    assert_eq!(output.status, Some(0), "{output}");
    serde_json::from_str(&output.stdout).expect("it is JSON")
}

fn text<'a>(json: &'a Json, name: &str) -> &'a str {
    json[name].as_str().unwrap_or_default()
}

fn items<'a>(json: &'a Json, name: &str) -> &'a [Json] {
    json[name].as_array().map_or(&[], Vec::as_slice)
}

/// A cell of a table: bars would end it.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[test]
fn the_page_of_functions_is_what_the_table_says() {
    let document = told(&["functions", "-json"]);
    let functions = document["function_signatures"].as_object().expect("functions by name");
    let mut page = String::from(
        "# Functions\n\nWritten from the table that evaluates them; `spawnpoint functions` shows the same. A parameter with `...` takes any\n\
         number of arguments. Where a type is `dynamic`, it depends on the arguments.\n",
    );
    for (name, function) in functions {
        let example = &function["example"];
        write!(
            page,
            "\n## {name}\n\n`{}` gives {}.\n\n{}\n\n```hcl\n{}\n# {}\n```\n",
            text(function, "summary"),
            shown_type(&function["return_type"]),
            text(function, "description"),
            text(example, "call"),
            text(example, "result"),
        )
        .expect("texts can be written");
    }
    golden("../docs/functions.md", &page);
}

fn shown_type(of: &Json) -> String {
    match of.as_array().map(Vec::as_slice) {
        Some([kind, of]) => format!("`{}({})`", kind.as_str().unwrap_or_default(), of.as_str().unwrap_or_default()),
        _ => format!("`{}`", of.as_str().unwrap_or_default()),
    }
}

#[test]
fn every_function_has_an_example_that_gives_what_it_says() {
    let document = told(&["functions", "-json"]);
    let functions = document["function_signatures"].as_object().expect("functions by name");
    assert!(functions.len() >= 118, "{}", functions.len());
    let world = World::new();
    for (path, content) in EXAMPLE_FILES {
        world.write(path, content);
    }
    let mut questions = String::new();
    for function in functions.values() {
        for side in ["call", "result"] {
            let question = json!({ "expr": function["example"][side], "locals": { "greeting": "Hello ${name}" } });
            writeln!(questions, "{question}").expect("texts can be written");
        }
    }
    world.write("questions.jsonl", &questions);
    let file = std::fs::File::open(world.folder().join("questions.jsonl")).expect("it was just written");
    let output = world.command(&["console", "-json"]).stdin(file).output().expect("the binary runs");
    let text_of = String::from_utf8(output.stdout).expect("answers are text");
    let answers: Vec<Json> = text_of.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let mut wrong = Vec::new();
    for ((name, function), pair) in functions.iter().zip(answers.chunks(2)) {
        let promised = text(&function["example"], "result");
        // What differs from run to run is promised in words.
        let is_in_words = promised.starts_with("the ");
        if pair[0]["error"].is_string() || !is_in_words && pair[0]["json"] != pair[1]["json"] {
            wrong.push(format!("{name}: {} gives {}, not {promised}", function["example"]["call"], pair[0]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const EXAMPLE_FILES: [(&str, &str); 4] = [
    ("keys/acme.pub", "ssh-ed25519 AAAA"),
    ("keys/old/kim.pub", "ssh-ed25519 BBBB"),
    ("icon.png", "not a picture"),
    ("motd.tpl", "Welcome to ${name}!"),
];

#[test]
fn the_page_of_blocks_is_what_the_tables_say() {
    let document = told(&["schema", "-json"]);
    let names: Vec<&str> = items(&document, "blocks").iter().map(|block| text(block, "name")).collect();
    assert!(spawnpoint::domain::names().iter().all(|name| names.contains(name)), "{names:?}");
    let mut page = String::from(
        "# Blocks\n\nWritten from the tables that check them; `spawnpoint schema BLOCK` shows the same. *Chosen* attributes are chosen by the plan\n\
         if you leave them out, and kept; *derived* ones follow from other blocks; *computed* ones can only be read. *Change* says what changing an attribute does to what runs:\n\
         none, live, restart (of the game server), reboot, stop (of the guest), re-create.\n",
    );
    for block in items(&document, "blocks") {
        block_page(block, text(block, "name"), &mut page);
    }
    golden("../docs/blocks.md", &page);
}

#[test]
fn the_page_of_test_blocks_is_what_the_tables_say() {
    let document = told(&["schema", "-json"]);
    let mut page = String::from(
        "# Blocks of test files\n\nWritten from the tables that check them; `spawnpoint schema BLOCK` shows the same. How tests go is in [testing](testing.md).\n",
    );
    for block in items(&document, "test_blocks") {
        block_page(block, text(block, "name"), &mut page);
    }
    golden("../docs/test-blocks.md", &page);
}

#[test]
fn the_example_of_a_test_passes() {
    let document = told(&["schema", "-json"]);
    let world = World::new();
    world.write(
        "main.hcl",
        "variable \"players\" {\n  type = number\n\n  validation {\n    condition     = var.players > 0\n    error_message = \"No.\"\n  }\n}\n\noutput \"slots\" {\n  value = var.players\n}\n",
    );
    for block in items(&document, "test_blocks").iter().filter(|block| block["example"].is_string()) {
        let example = text(block, "example");
        world.write("example.test.hcl", example);
        assert_eq!(world.run_with_input(&["fmt", "-check", "-"], example).status, Some(0));
        let output = world.run(&["test"]);
        assert_eq!(output.status, Some(0), "{output}");
    }
}

fn block_page(block: &Json, path: &str, page: &mut String) {
    let is_top = !path.contains(' ');
    let level = if is_top { "##" } else { "###" };
    let label = block["label"].as_str().map_or_else(String::new, |label| format!(" Its label is {label}."));
    let import = block["import_id"].as_str().map_or_else(String::new, |id| format!(" The id of an `import` is {id}."));
    write!(page, "\n{level} {path}\n\n{}{label}{import}\n", text(block, "documentation"))
        .expect("texts can be written");
    let attributes = items(block, "attributes");
    if !attributes.is_empty() {
        page.push_str("\n| attribute | type | | default | change | |\n|---|---|---|---|---|---|\n");
    }
    for attribute in attributes {
        let default = match attribute["default"].as_str() {
            None => String::new(),
            Some("") => "`\"\"`".to_owned(),
            Some(default) => format!("`{default}`"),
        };
        let secret = if attribute["sensitive"] == true { " Never shown." } else { "" };
        writeln!(
            page,
            "| `{}` | {} | {} | {} | {} | {}{secret} |",
            text(attribute, "name"),
            cell(text(attribute, "type")),
            text(attribute, "presence"),
            cell(&default),
            text(attribute, "impact"),
            cell(text(attribute, "documentation")),
        )
        .expect("texts can be written");
    }
    if let Some(example) = block["example"].as_str() {
        write!(page, "\n```hcl\n{example}```\n").expect("texts can be written");
    }
    for nested in items(block, "blocks") {
        block_page(nested, &format!("{path} {}", text(nested, "name")), page);
    }
}

#[test]
fn every_block_has_an_example_that_plans() {
    let document = told(&["schema", "-json"]);
    let mut wrong = Vec::new();
    for block in items(&document, "blocks").iter().filter(|block| block["name"] != "meta-arguments") {
        let (name, example) = (text(block, "name"), text(block, "example"));
        assert!(!example.is_empty(), "{name} has an example");
        let world = World::new();
        let lab = include_str!("../../src/simulator/labs/built-in.lab.hcl");
        let version = if name == "ha_group" { "8.4" } else { "9.2" };
        world.write("docs.lab.hcl", &format!("version = \"{version}\"\n{lab}\n{INHABITANTS}"));
        world.write("server/main.hcl", "variable \"name\" {\n  type = string\n}\n");
        let around: String =
            AROUND.iter().filter(|(start, _)| !example.contains(start)).map(|(_, text)| format!("{text}\n")).collect();
        world.write("main.hcl", &format!("{around}{example}"));
        let formatted = world.run_with_input(&["fmt", "-check", "-"], example);
        let mut runs = vec![formatted, world.run(&["validate"])];
        if !ELSEWHERE.contains(&name) {
            runs.push(world.run(&["plan"]));
        }
        wrong.extend(runs.iter().filter(|run| run.status != Some(0)).map(|run| format!("{name}: {run}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_block_and_attribute_is_documented() {
    fn undocumented(block: &Json, path: &str, found: &mut Vec<String>) {
        let entries = items(block, "attributes").iter().map(|entry| (format!("{path}.{}", text(entry, "name")), entry));
        let own = std::iter::once((path.to_owned(), block));
        // A sentence begins with a capital or with the thing itself, and ends.
        let is_sentence = |documentation: &str| {
            documentation.ends_with('.')
                && documentation.starts_with(|first: char| first.is_uppercase() || "`\"".contains(first))
        };
        found
            .extend(own.chain(entries).filter(|(_, it)| !is_sentence(text(it, "documentation"))).map(|(path, _)| path));
        for nested in items(block, "blocks") {
            undocumented(nested, &format!("{path}.{}", text(nested, "name")), found);
        }
    }
    let document = told(&["schema", "-json"]);
    let mut found = Vec::new();
    for block in items(&document, "blocks").iter().chain(items(&document, "test_blocks")) {
        undocumented(block, text(block, "name"), &mut found);
    }
    assert!(found.is_empty(), "no whole sentence: {}", found.join(", "));
}

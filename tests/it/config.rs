//! Configurations from `tests/data/stacks`, as a user writes them: what they mean, and what is said when they are wrong.

use spawnpoint::config::{Address, Input, MemoryWorld, Objects, Stack, load};
use spawnpoint::diagnostics::{Diagnostics, Sources};
use spawnpoint::render::Style;
use spawnpoint::render::diagnostics::text;
use spawnpoint::value::{Kind, Value};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

const OBJECT_TYPES: [&str; 6] = ["game_server", "pool", "template", "tenant", "tier", "vm"];

/// Reads a folder of fixtures into a world of texts.
fn world(folder: &str) -> MemoryWorld {
    fn read(folder: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) {
        for entry in std::fs::read_dir(folder).expect("the folder of fixtures is there") {
            let entry = entry.expect("its entries can be read");
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            match entry.path().is_dir() {
                true => read(&entry.path(), &format!("{name}/"), files),
                false => files.push((name, std::fs::read(entry.path()).expect("a fixture can be read"))),
            }
        }
    }
    let mut files = Vec::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/stacks").join(folder), "", &mut files);
    MemoryWorld::new(files)
}

fn input(world: MemoryWorld) -> Input<'static> {
    Input {
        world: Arc::new(world),
        folder: ".",
        environment: BTreeMap::new(),
        arguments: Vec::new(),
        object_types: &OBJECT_TYPES,
        lookups: Arc::new(spawnpoint::lookups::Snapshot::default()),
        workspace: "default",
        folder_name: "home",
        working_folder: "/stack",
        now: "2026-11-20T12:00:00Z".parse().expect("this is a time"),
        test: None,
    }
}

fn loaded((stack, sources, diagnostics): (Option<Stack>, Sources, Diagnostics)) -> Stack {
    let Some(stack) = stack else {
        panic!("{}", text(&diagnostics, &sources, Style::Plain));
    };
    assert!(diagnostics.is_empty(), "{}", text(&diagnostics, &sources, Style::Plain));
    stack
}

/// Evaluates all blocks in dependency order, as the planner does, with an address for each object.
fn objects(stack: &Stack) -> Objects {
    let mut objects = Objects::new();
    while objects.len() < stack.blocks.len() {
        let before = objects.len();
        for block in &stack.blocks {
            if objects.contains_key(&block.address)
                || !block.dependencies.iter().all(|needed| objects.contains_key(needed))
            {
                continue;
            }
            let (body, diagnostics) = stack.evaluate(&block.address, &objects);
            assert!(diagnostics.is_empty(), "{diagnostics:?}");
            let mut attributes: BTreeMap<Arc<str>, Value> =
                body.attributes.into_iter().map(|(name, attribute)| (name, attribute.value)).collect();
            attributes.insert("address".into(), Value::text(format!("address of {}", block.address)));
            attributes.insert("endpoint".into(), Value::text(format!("endpoint of {}", block.address)));
            objects.insert(block.address.clone(), Value::block(block.address.to_string(), attributes));
        }
        assert!(objects.len() > before, "dependencies go in a circle");
    }
    objects
}

fn address(text: &str) -> Address {
    text.parse().expect("the test names an address")
}

#[test]
fn the_quickstart_has_its_blocks_and_dependencies() {
    let stack = loaded(load(&input(world("quickstart"))));
    let lines: Vec<String> = stack
        .blocks
        .iter()
        .map(|block| {
            let dependencies: Vec<String> = block.dependencies.iter().map(ToString::to_string).collect();
            format!("{} -> {}", block.address, dependencies.join(" "))
        })
        .collect();
    let expected = [
        "game_server.lobby -> vm.mc[\"lobby\"] vm.mc[\"survival\"]",
        "game_server.survival -> game_server.lobby vm.mc[\"survival\"]",
        "template.debian13 -> ",
        "tenant.acme -> tier.gold",
        "tier.gold -> ",
        "vm.mc[\"lobby\"] -> template.debian13 tenant.acme",
        "vm.mc[\"survival\"] -> template.debian13 tenant.acme",
        "module.arena.vm.arena[\"small\"] -> template.debian13 tenant.acme",
    ];
    assert_eq!(lines, expected);
    assert_eq!(stack.settings.project, "quickstart");
    assert_eq!(stack.settings.destroys_max, Some(0));
    assert!(stack.clusters["lab"].is_default && stack.clusters["lab"].simulator.is_some());
}

#[test]
fn the_quickstart_evaluates() {
    let stack = loaded(load(&input(world("quickstart"))));
    let objects = objects(&stack);
    let survival = &objects[&address("vm.mc[\"survival\"]")];
    assert_eq!(survival.get("memory").and_then(Value::as_text), Some("12GiB"));
    assert_eq!(survival.get("tenant").and_then(Value::address).map(|address| &**address), Some("tenant.acme"));
    let arena = &objects[&address("module.arena.vm.arena[\"small\"]")];
    assert_eq!(arena.get("tenant").and_then(Value::address).map(|address| &**address), Some("tenant.acme"));
    let (outputs, diagnostics) = stack.outputs(&objects);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let texts: Vec<String> = outputs.iter().map(|(name, output)| format!("{name} = {:?}", output.value)).collect();
    let expected = [
        r#"addresses = {"lobby": "address of vm.mc[\"lobby\"]", "survival": "address of vm.mc[\"survival\"]"}"#,
        r#"arenas = ["address of module.arena.vm.arena[\"small\"]"]"#,
        r#"endpoints = {"lobby": "endpoint of game_server.lobby", "survival": "endpoint of game_server.survival"}"#,
    ];
    assert_eq!(texts, expected);
}

#[test]
fn an_object_that_is_not_there_is_unknown_and_silent() {
    let stack = loaded(load(&input(world("quickstart"))));
    let (body, diagnostics) = stack.evaluate(&address("game_server.lobby"), &Objects::new());
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    assert!(matches!(body.attributes["vm"].value.kind(), Kind::Unknown(..)));
}

#[test]
fn dynamic_blocks_have_a_shape_before_evaluation_and_labels_after() {
    let stack = loaded(load(&input(world("quickstart"))));
    let (body, _) = stack.evaluate(&address("tenant.acme"), &Objects::new());
    let firewall = body.blocks.iter().find(|block| &*block.kind == "firewall").expect("it is written");
    let labels: Vec<&str> = firewall.body.blocks.iter().map(|allow| &*allow.labels[0]).collect();
    assert_eq!(labels, ["ssh", "query", "rcon"]);
}

/// What a fixture expects: line, and a part of the summary with, after ` ~ `, a part of a hint.
fn expectations(fixture: &str) -> Vec<(u32, String)> {
    let mut expected = Vec::new();
    for (at, line) in fixture.lines().enumerate() {
        for (marker, offset) in [("# error: ", 0), ("# error above: ", -1), ("# error below: ", 1), ("# warning: ", 0)]
        {
            if let Some((_, message)) = line.split_once(marker) {
                expected.push(((at as i64 + 1 + offset) as u32, message.to_string()));
            }
        }
    }
    expected
}

fn check_annotated(folder: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/stacks").join(folder);
    let mut names: Vec<_> = std::fs::read_dir(&root)
        .expect("the fixtures are there")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    names.sort();
    assert!(names.len() > 3, "the fixtures are found");
    for path in names {
        let fixture = std::fs::read_to_string(&path).expect("a fixture is text");
        let (_, sources, diagnostics) = load(&input(MemoryWorld::new([("main.hcl", fixture.as_str())])));
        let shown = text(&diagnostics, &sources, Style::Plain);
        let mut missing = expectations(&fixture);
        for diagnostic in &diagnostics {
            let line = diagnostic.span.map_or(0, |span| sources.get(span.file).position(span.start).line);
            let fits = |(expected_line, message): &(u32, String)| {
                let (summary, hint) = message.split_once(" ~ ").unwrap_or((message, ""));
                *expected_line == line
                    && diagnostic.summary.contains(summary)
                    && (hint.is_empty() || diagnostic.hints.iter().any(|given| given.contains(hint)))
            };
            let place = missing.iter().position(fits);
            let place = place
                .unwrap_or_else(|| panic!("{}: not expected on line {line}: {diagnostic:?}\n{shown}", path.display()));
            missing.remove(place);
        }
        assert!(missing.is_empty(), "{}: not reported: {missing:?}\n{shown}", path.display());
    }
}

#[test]
fn wrong_stacks_are_reported_where_the_fixture_says() {
    check_annotated("errors");
}

#[test]
fn wrong_syntax_is_named() {
    check_annotated("syntax");
}

#[test]
fn moved_removed_and_imported_objects_have_addresses() {
    let stack = r#"
moved {
  from = vm.old["a"]
  to   = module.web.vm.new
}
moved {
  from = module.a
  to   = module.b[0]
}
removed {
  from = vm.gone
  lifecycle {
    destroy = false
  }
}
import {
  to = vm.here
  id = 105
}
"#;
    let stack = loaded(load(&input(MemoryWorld::new([("main.hcl", stack)]))));
    let moved: Vec<String> = stack.moved.iter().map(|moved| format!("{} -> {}", moved.from, moved.to)).collect();
    assert_eq!(moved, ["vm.old[\"a\"] -> module.web.vm.new", "module.a -> module.b[0]"]);
    let removed: Vec<String> =
        stack.removed.iter().map(|removed| format!("{} {}", removed.from, removed.destroys)).collect();
    assert_eq!(removed, ["vm.gone false"]);
    let imports: Vec<String> = stack.imports.iter().map(|import| format!("{} {}", import.to, import.id)).collect();
    assert_eq!(imports, ["vm.here 105"]);
}

#[test]
fn conditions_and_checks_are_judged_with_the_objects_known() {
    let stack = r#"
vm "a" {
  lifecycle {
    precondition {
      condition     = vm.b.cores > 2
      error_message = "${vm.b.cores} cores are too few"
    }
    postcondition {
      condition     = self.address != ""
      error_message = "no address"
    }
  }
}
vm "b" {
}
check "size" {
  assert {
    condition     = vm.b.cores == 1
    error_message = "not one"
  }
}
"#;
    let stack = loaded(load(&input(MemoryWorld::new([("main.hcl", stack)]))));
    let (a, b) = (address("vm.a"), address("vm.b"));
    assert!(stack.blocks[0].dependencies.contains(&b), "a condition is a dependency");
    let objects = Objects::from([(b, Value::block("vm.b", BTreeMap::from([("cores".into(), Value::from(2))])))]);
    let summaries = |diagnostics: Diagnostics| -> Vec<String> {
        diagnostics.into_iter().map(|diagnostic| diagnostic.summary).collect()
    };
    assert_eq!(
        summaries(stack.conditions(&a, None, &objects).0),
        ["a precondition does not hold: 2 cores are too few"]
    );
    let own = Value::object([("address", Value::text(""))]);
    assert_eq!(summaries(stack.conditions(&a, Some(&own), &objects).0), ["a postcondition does not hold: no address"]);
    let checks = stack.checks(&objects);
    assert!(!checks.has_errors(), "a check is a warning");
    assert_eq!(summaries(checks), ["check `size` does not hold: not one"]);
    let (found, is_open) = stack.conditions(&a, None, &Objects::new());
    assert!(found.is_empty() && is_open, "what is unknown holds for now");
}

#[test]
fn heredocs_and_objects_inside_of_templates_are_read_as_in_files() {
    let output = |template: &str| {
        let main = "output \"it\" {\n  value = templatefile(\"it.tpl\", {})\n}\n";
        let (stack, _, found) = load(&input(MemoryWorld::new([("main.hcl", main), ("it.tpl", template)])));
        match stack {
            Some(stack) => {
                let (outputs, found) = stack.outputs(&Objects::new());
                let wrong: Vec<String> = found.iter().map(|wrong| wrong.summary.clone()).collect();
                outputs["it"].value.as_text().map_or(wrong.concat(), str::to_owned)
            }
            None => found.iter().map(|wrong| wrong.summary.clone()).collect(),
        }
    };
    // An empty heredoc: the parser alone would go on to the next line with the marker.
    assert_eq!(output("a${<<EOT\nEOT\n}b\nEOT\n}c\n"), "ab\nEOT\n}c\n");
    assert_eq!(output("a${<<EOT\nEOTT\nEOT\n}b\n"), "aEOTT\nb\n");
    assert_eq!(output("a${<<EOT\nx\nEOT\n}b"), "ax\nb");
    // The parser alone would not see the end of the word.
    assert_eq!(output("a${join(\"\", [for\r\nx in [1, 2] : x])}"), "a12");
    let keys: String = (0..100_000).map(|at| format!("k{at}={at},")).collect();
    let told = output(&format!("${{length({{{keys}}})}}\n"));
    assert!(told.contains("this object has more than 10000 keys written out"), "{told}");
}

//! `spawnpoint test` on the real binary: what passes, what fails and how it says so, in all three forms; and the tests of our own modules.

use crate::harness::{CommandOutput, World, golden};
use regex::Regex;
use serde_json::Value as Json;
use std::path::Path;

const FILES: [(&str, &str); 5] = [
    ("main.hcl", include_str!("../cli/test/main.hcl")),
    ("other/main.hcl", include_str!("../cli/test/other/main.hcl")),
    ("good.test.hcl", include_str!("../cli/test/good.test.hcl")),
    ("tests/bad.test.hcl", include_str!("../cli/test/bad.test.hcl")),
    ("unknown.test.hcl", include_str!("../cli/test/unknown.test.hcl")),
];

/// Returns a world with the stack on a network of its own: simulated game servers listen on loopback addresses made from theirs.
fn world(network: u8) -> World {
    let world = World::new();
    for (name, text) in FILES {
        world.write(name, &text.replace("10.48.0.", &format!("10.{network}.0.")));
    }
    world
}

fn test(world: &World, arguments: &[&str]) -> CommandOutput {
    world.run(&[&["test"], arguments].concat())
}

fn without_times(text: &str) -> String {
    let elapsed = Regex::new("\"elapsed\":[0-9]+").expect("the pattern is right");
    let at = Regex::new("\"@timestamp\":\"[^\"]*\"").expect("the pattern is right");
    let seconds = Regex::new("time=\"[^\"]*\"").expect("the pattern is right");
    let text = elapsed.replace_all(text, "\"elapsed\":0");
    seconds.replace_all(&at.replace_all(&text, "\"@timestamp\":\"\""), "time=\"0\"").into_owned()
}

#[test]
fn what_holds_passes_and_leaves_nothing_behind() {
    let world = world(48);
    let output = test(&world, &["-filter=good.test.hcl"]);
    golden("cli/test/good.txt", &output.to_string());
    assert_eq!(output.status, Some(0));
    assert!(!world.folder().join(".spawnpoint").exists(), "neither state nor lab is kept");
}

#[test]
fn what_does_not_hold_is_shown_with_its_values() {
    let output = test(&world(49), &[]);
    golden("cli/test/bad.txt", &output.to_string().replace("10.49.0.", "10.48.0."));
    assert_eq!(output.status, Some(1));
    assert!(!output.to_string().contains("hunter2"), "no secret is told");
}

#[test]
fn programs_get_a_stream_and_a_document() {
    let world = world(50);
    let output = test(&world, &["-json", "-junit-xml=report.xml", "-var", "cores=6"]);
    assert_eq!(output.status, Some(1), "{output}");
    let stream = without_times(&output.stdout);
    for line in stream.lines() {
        let line: Json = serde_json::from_str(line).expect("a line is JSON");
        assert!(line["type"].is_string() && line["@message"].is_string(), "{line}");
    }
    golden("cli/test/stream.jsonl", &stream.replace("10.50.0.", "10.48.0."));
    let report = std::fs::read_to_string(world.folder().join("report.xml")).expect("the report is there");
    golden("cli/test/report.xml", &without_times(&report));
}

#[test]
fn verbose_shows_plans() {
    let output = test(&world(51), &["-verbose", "-filter", "./good.test.hcl"]);
    assert_eq!(output.status, Some(0), "{output}");
    assert_eq!(
        output.stdout.matches("\nPlan: ").count() + output.stdout.matches("\nNo changes.").count(),
        5,
        "{output}"
    );
    assert!(output.stdout.contains("# vm.mc[\"lobby\"] will be created"), "{output}");
}

#[test]
fn a_test_file_names_its_lab() {
    let world = World::new();
    world.write("one.lab.hcl", include_str!("../cli/test/one.lab.hcl"));
    world.write("main.hcl", "template \"small\" {\n  vmid = 100\n}\n\nvm \"a\" {\n  template = template.small\n}\n");
    let run = "run \"there\" {\n  assert {\n    condition     = vm.a.node == \"only\"\n    error_message = \"It is on the lab's node.\"\n  }\n}\n";
    world.write("a.test.hcl", &format!("simulator {{\n  lab = \"one.lab.hcl\"\n}}\n\n{run}"));
    let output = test(&world, &[]);
    assert_eq!(output.status, Some(0), "{output}");
    world.write("a.test.hcl", run);
    assert_eq!(test(&world, &[]).status, Some(1), "the built-in lab has no such template");
}

#[test]
fn nothing_to_test_is_no_failure_and_a_wrong_file_is_one() {
    let world = World::new();
    world.write("main.hcl", "");
    let none = test(&world, &[]);
    assert_eq!(none.stdout, "Success! 0 passed, 0 failed.\n");
    assert!(none.stderr.contains("`*.test.hcl`") && none.status == Some(0), "{none}");
    world.write("a.test.hcl", include_str!("../cli/test/wrong.test.hcl"));
    let unknown = test(&world, &["-filter=gone.test.hcl"]);
    assert!(unknown.stderr.contains("there are: a.test.hcl") && unknown.status == Some(1), "{unknown}");
    golden("cli/test/wrong.txt", &test(&world, &[]).to_string());
}

#[test]
fn what_cannot_be_destroyed_fails_the_file() {
    let world = World::new();
    let fault = "\nfault \"kept\" {\n  method  = \"DELETE\"\n  path    = \"/nodes/[^/]+/qemu/\\\\d+\"\n  status  = 500\n  message = \"no\"\n}\n";
    world.write("kept.lab.hcl", &format!("{}{fault}", include_str!("../cli/test/one.lab.hcl")));
    world.write("main.hcl", "template \"small\" {\n  vmid = 100\n}\n\nvm \"a\" {\n  template = template.small\n}\n");
    world.write("a.test.hcl", "simulator {\n  lab = \"kept.lab.hcl\"\n}\n\nrun \"fine\" {\n}\n");
    let output = test(&world, &["-json", "-junit-xml=report.xml"]);
    assert_eq!(output.status, Some(1), "{output}");
    let cleanup = output.stdout.lines().find(|line| line.contains("test_cleanup")).expect("what is left is told");
    let cleanup: Json = serde_json::from_str(cleanup).expect("a line is JSON");
    assert_eq!(cleanup["test_cleanup"]["failed_resources"][0]["instance"], "vm.a");
    let report = std::fs::read_to_string(world.folder().join("report.xml")).expect("the report is there");
    assert!(report.contains("<testcase name=\"(cleaning up)\""), "{report}");
    let text = test(&world, &[]);
    assert!(text.stdout.contains("  pass   fine\n  error  (cleaning up)\n"), "{text}");
}

/// Folders of the repository with tests of their own.
#[test]
fn our_modules_and_examples_pass_their_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (folder, expected) in [
        ("modules/minecraft-server", "Success! 3 passed, 0 failed."),
        ("modules/minecraft-server/example", "Success! 1 passed, 0 failed."),
    ] {
        let world = World::new();
        let output = world.run(&[&format!("-chdir={}", root.join(folder).display()), "test"]);
        assert_eq!(output.status, Some(0), "{folder}: {output}");
        assert!(output.stdout.ends_with(&format!("\n{expected}\n")), "{folder}: {output}");
        assert!(!root.join(folder).join(".spawnpoint").exists(), "a test keeps nothing");
    }
}

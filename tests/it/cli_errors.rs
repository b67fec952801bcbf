//! What a user gets told when something is wrong: usage, missing approval, bad files, keys, locks.

use crate::harness::{World, golden};

const STACK: &str = include_str!("../cli/stack.hcl");

fn world(text: &str) -> World {
    let world = World::new();
    world.write("main.hcl", text);
    world
}

#[test]
fn nothing_is_applied_without_a_yes() {
    let world = world(STACK);
    for arguments in [&["apply"][..], &["destroy"], &["apply", "-input=false"], &["apply", "-json"]] {
        let output = world.run_with_input(arguments, "yes\n");
        assert_eq!(output.status, Some(1), "{output}");
        assert!((output.stderr.clone() + &output.stdout).contains("nothing is applied without a `yes`"), "{output}");
    }
    golden("cli/no-yes.txt", &world.run(&["apply"]).to_string());
}

#[test]
fn files_that_are_wrong_are_shown_with_the_place() {
    let output = world(&STACK.replace("cores    = each.value", "coers    = each.value")).run(&["validate"]);
    golden("cli/wrong-attribute.txt", &output.to_string());
}

#[test]
fn references_in_a_circle_are_one_error() {
    let text =
        "locals {\n  a = 1\n}\nvm \"a\" {\n  description = vm.b.name\n}\nvm \"b\" {\n  description = vm.a.name\n}\n";
    for command in ["validate", "plan", "graph"] {
        let text = format!("{}\n{text}", "cluster \"lab\" {\n  simulator {}\n}");
        let output = world(&text).run(&[command]);
        assert_eq!(output.status, Some(1), "{command}: {output}");
        assert_eq!(output.stderr.matches("error:").count(), 1, "{command}: {output}");
        assert!(output.stderr.contains("`vm.a` -> `vm.b` -> `vm.a`"), "{command}: {output}");
    }
}

#[test]
fn usage_errors_are_errors_and_help_is_not() {
    let world = World::new();
    assert_eq!(world.run(&["plan", "-frobnicate"]).status, Some(1));
    assert_eq!(world.run(&["frobnicate"]).status, Some(1));
    assert_eq!(world.run(&["plan", "-target", "nonsense"]).status, Some(1));
    let help = world.run(&["-help"]);
    assert_eq!((help.status, help.stderr.as_str()), (Some(0), ""));
    for command in [
        "init",
        "validate",
        "fmt",
        "plan",
        "apply",
        "destroy",
        "show",
        "state",
        "output",
        "graph",
        "sim",
        "completions",
        "version",
    ] {
        assert!(help.stdout.contains(&format!("\n  {command} ")), "{command} in {}", help.stdout);
        assert_eq!(world.run(&[command, "-help"]).status, Some(0));
    }
    assert!(world.run(&["completions", "bash"]).stdout.contains("_spawnpoint"));
    assert!(world.run(&["version", "-json"]).stdout.contains("spawnpoint_version"));
}

#[test]
fn another_key_is_an_error_before_anything_is_read_as_empty() {
    let mut world = world(&STACK.replace("10.40.0.", "10.50.0."));
    assert_eq!(world.run(&["apply", "-auto-approve"]).status, Some(0));
    world.set("SPAWNPOINT_PASSPHRASE", "another");
    let output = world.run(&["plan"]);
    assert_eq!(output.status, Some(1), "{output}");
    assert!(output.stdout.is_empty(), "{output}");
}

#[test]
fn a_folder_without_files_says_what_a_stack_is() {
    let output = World::new().run(&["plan"]);
    assert_eq!(output.status, Some(1));
    assert!(output.stderr.contains("`*.hcl`"), "{output}");
    let output = World::new().run(&["-chdir=gone", "plan"]);
    assert_eq!(output.status, Some(1));
    assert!(output.stderr.contains("cannot work in `gone`"), "{output}");
}

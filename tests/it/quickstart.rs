//! The quickstart on the real binary and the built-in lab, from the first plan to the last destroy.

use crate::harness::{World, without_macs};
use std::path::Path;

const STACK: &str = include_str!("../../examples/quickstart/main.hcl");

/// A world with the quickstart in it.
fn world() -> World {
    let world = World::new();
    world.write("main.hcl", STACK);
    world
}

/// Runs a command that has to succeed, and returns what it printed.
fn run(world: &World, arguments: &[&str]) -> String {
    let output = world.run(arguments);
    assert_eq!(output.status, Some(0), "{}:\n{output}", arguments.join(" "));
    output.stdout
}

/// Applies, and proves that nothing is left to do.
fn apply(world: &World, more: &[&str]) -> String {
    let shown = run(world, &[&["apply", "-auto-approve"], more].concat());
    let again = run(world, &[&["plan", "-detailed-exitcode"], more].concat());
    assert!(again.starts_with("No changes."), "{again}");
    shown
}

fn addresses(plan: &str) -> Vec<&str> {
    plan.lines()
        .filter_map(|line| line.strip_prefix("  # ")?.split_once(" will be ").map(|(address, _)| address))
        .collect()
}

#[test]
fn the_first_plan_is_the_one_in_the_example() {
    let shown = without_macs(&run(&world(), &["plan"]));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart/plan.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        return std::fs::write(path, shown).expect("the example can be written");
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(shown, expected, "UPDATE_GOLDEN=1 writes the example's plan anew");
}

#[test]
fn what_was_applied_is_there_and_answers_nothing_to_do() {
    let world = world();
    let applied = world.run(&["apply", "-auto-approve"]);
    assert!(
        applied.stdout.contains("Apply complete! Resources: 1 imported, 7 added, 0 changed, 0 destroyed."),
        "{applied}"
    );
    assert!(applied.stderr.contains("simulated guest"), "{applied}");
    assert!(run(&world, &["plan"]).starts_with("No changes."));
    let outputs = run(&world, &["output", "-json"]);
    assert!(outputs.contains("10.40.0.3:25565"), "{outputs}");
    assert_eq!(run(&world, &["state", "list"]).lines().count(), 8);
    let status = world.run(&["plan", "-detailed-exitcode", "-var", "memory=6GiB"]).status;
    assert_eq!(status, Some(2), "changes are told by the exit code");
}

#[test]
fn more_memory_is_an_update_in_place_with_a_reboot() {
    let world = world();
    apply(&world, &[]);
    let plan = run(&world, &["plan", "-var", "memory=6GiB"]);
    assert!(plan.contains("# vm.mc[\"lobby\"] will be updated in-place"), "{plan}");
    assert!(plan.contains("~ memory = \"4GiB\" -> \"6GiB\"  # reboots"), "{plan}");
    assert!(plan.contains("Plan: 0 to add, 3 to change, 0 to destroy."), "{plan}");
    apply(&world, &["-var", "memory=6GiB"]);
}

#[test]
fn adding_a_server_adds_only_that_and_removing_one_removes_only_that() {
    let world = world();
    apply(&world, &[]);
    let more = STACK.replace("creative = 2", "creative = 2, arena = 2");
    world.write("main.hcl", &more);
    let plan = run(&world, &["plan"]);
    assert_eq!(addresses(&plan), ["vm.mc[\"arena\"]"], "{plan}");
    assert!(plan.contains("Plan: 1 to add, 0 to change, 0 to destroy."), "{plan}");
    apply(&world, &[]);

    let with_game = format!(
        "{more}\ngame_server \"arena\" {{\n  vm = vm.mc[\"arena\"]\n  game = \"minecraft-java\"\n  version = \"1.21.8\"\n  settings = {{ accept_eula = true }}\n}}\n"
    );
    world.write("main.hcl", &with_game);
    assert_eq!(addresses(&run(&world, &["plan"])), ["game_server.arena.provision"]);
    apply(&world, &[]);

    world.write("main.hcl", &more);
    let plan = run(&world, &["plan"]);
    assert_eq!(addresses(&plan), ["game_server.arena.provision"], "{plan}");
    assert!(plan.contains("Plan: 0 to add, 0 to change, 1 to destroy."), "{plan}");
    apply(&world, &[]);

    world.write("main.hcl", STACK);
    let plan = run(&world, &["plan"]);
    assert_eq!(addresses(&plan), ["vm.mc[\"arena\"]"], "{plan}");
    assert!(plan.contains("loses disk scsi0 (20GiB)"), "{plan}");
    apply(&world, &[]);
}

#[test]
fn destroy_leaves_the_cluster_as_it_was() {
    let world = world();
    run(&world, &["plan"]);
    let before = run(&world, &["sim", "dump"]);
    apply(&world, &[]);
    assert_ne!(run(&world, &["sim", "dump"]), before, "the apply did something");
    let shown = run(&world, &["destroy", "-auto-approve"]);
    assert!(shown.contains("Destroy complete! Resources: 7 destroyed."), "{shown}");
    assert_eq!(run(&world, &["sim", "dump"]), before);
    assert_eq!(run(&world, &["state", "list"]), "");
}

#[test]
fn a_plan_file_applies_what_was_reviewed_and_nothing_else() {
    let world = world();
    let shown = run(&world, &["plan", "-out", "reviewed"]);
    assert!(shown.contains("Plan: 1 to import, 7 to add"), "{shown}");
    run(&world, &["apply", "reviewed"]);
    let stale = world.run(&["apply", "reviewed"]);
    assert_eq!(stale.status, Some(4), "the plan was applied already:\n{stale}");
    assert!(run(&world, &["plan"]).starts_with("No changes."));
}

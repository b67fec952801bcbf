//! The whole way on the real binary, against the in-process simulator: plan, apply, change, destroy, and what is left afterwards.

use crate::harness::{CommandOutput, World, golden, without_macs};
use serde_json::Value;

/// One tenant, two machines with a game server each.
const STACK: &str = include_str!("../cli/stack.hcl");

/// Returns a stack with a network of its own: simulated game servers listen on loopback addresses made from theirs.
fn world(network: u8) -> World {
    let world = World::new();
    world.write("main.hcl", &stack(network));
    world
}

fn stack(network: u8) -> String {
    STACK.replace("10.40.0.", &format!("10.{network}.0."))
}

/// Hides how long the work takes: once something was applied, that is learnt from it.
fn without_estimate(text: &str) -> String {
    let estimate = regex::Regex::new("in about [^,]+,").expect("the pattern is right");
    estimate.replace(text, "in about a while,").into_owned()
}

/// Runs what must succeed.
fn ok(world: &World, arguments: &[&str]) -> CommandOutput {
    let output = world.run(arguments);
    assert_eq!(output.status, Some(0), "{arguments:?}\n{output}");
    output
}

/// The plan's last sentence.
fn sentence(output: &CommandOutput) -> &str {
    let is_sentence = |line: &&str| line.starts_with("Plan:") || line.starts_with("No changes.");
    output.stdout.lines().rfind(is_sentence).expect("a plan ends with a sentence")
}

fn dump(world: &World) -> Value {
    serde_json::from_str(&ok(world, &["sim", "dump", "-cluster", "lab"]).stdout).expect("a dump is JSON")
}

#[test]
fn apply_then_plan_again_has_no_changes_and_destroy_leaves_nothing() {
    let world = world(40);
    let before = dump(&world);
    let plan = ok(&world, &["plan"]);
    golden("cli/plan.txt", &without_macs(&plan.stdout));
    assert!(plan.stderr.starts_with("Created the key file $WORLD/home/.config/spawnpoint/state.key"), "{plan}");
    assert_eq!(dump(&world), before, "a plan touches nothing");

    let applied = ok(&world, &["apply", "-auto-approve"]);
    let end = applied.stdout.find("\nApply complete!").expect("it says so");
    assert_eq!(
        &applied.stdout[end..],
        "\nApply complete! Resources: 1 imported, 5 added, 0 changed, 0 destroyed.\n\nOutputs:\n\n\
         endpoint = \"10.40.0.2:25565\"\npassword = <sensitive>\n"
    );
    assert!(applied.stderr.contains("game_server.lobby.provision: simulated guest"), "{applied}");
    assert_eq!(ok(&world, &["plan"]).to_string(), "No changes. Everything matches the configuration.\n");
    assert_eq!(world.run(&["plan", "-detailed-exitcode"]).status, Some(0));

    let destroyed = ok(&world, &["destroy", "-auto-approve"]);
    assert!(destroyed.stdout.ends_with("\nDestroy complete! Resources: 5 destroyed.\n"), "{destroyed}");
    assert_eq!(dump(&world), before, "nothing is left");
    assert_eq!(ok(&world, &["state", "list"]).to_string(), "");
}

#[test]
fn a_change_changes_only_what_it_says() {
    let world = world(41);
    ok(&world, &["apply", "-auto-approve"]);
    let bigger = world.run(&["plan", "-detailed-exitcode", "-var", "memory=6GiB"]);
    assert_eq!(bigger.status, Some(2), "{bigger}");
    golden("cli/bigger.txt", &without_estimate(&without_macs(&bigger.stdout)));
    ok(&world, &["apply", "-auto-approve", "-var=memory=6GiB"]);
    assert_eq!(
        sentence(&ok(&world, &["plan", "-var", "memory=6GiB"])),
        "No changes. Everything matches the configuration."
    );

    world.write("more.hcl", "vm \"extra\" {\n  tenant   = tenant.acme\n  template = template.debian13\n  network \"net0\" {\n    address = \"auto\"\n  }\n}\n");
    let more = ok(&world, &["plan", "-var", "memory=6GiB"]);
    assert_eq!(sentence(&more), "Plan: 1 to add, 0 to change, 0 to destroy.");
    ok(&world, &["apply", "-auto-approve", "-var", "memory=6GiB"]);
    world.write("more.hcl", "");
    let fewer = ok(&world, &["plan", "-var", "memory=6GiB"]);
    assert_eq!(sentence(&fewer), "Plan: 0 to add, 0 to change, 1 to destroy.");
    assert!(fewer.stdout.contains("# vm.extra will be destroyed"), "{fewer}");
}

#[test]
fn the_last_word_on_a_variable_wins_whatever_it_came_by() {
    let world = world(42);
    world.write("small.vars.hcl", "memory = \"2GiB\"\n");
    let memory = |arguments: &[&str]| {
        let output = ok(&world, &[&["plan", "-target", "vm.mc[\"lobby\"]"], arguments].concat());
        let line =
            output.stdout.lines().find(|line| line.contains("memory ")).expect("a new machine has memory").to_owned();
        line.split('"').nth(1).expect("it is text").to_owned()
    };
    assert_eq!(memory(&[]), "4GiB");
    assert_eq!(memory(&["-var", "memory=3GiB", "-var-file", "small.vars.hcl"]), "2GiB");
    assert_eq!(memory(&["--var-file=small.vars.hcl", "--var=memory=3GiB"]), "3GiB");
}

#[test]
fn a_plan_file_is_applied_as_approved_or_not_at_all() {
    let world = world(43);
    let saved = ok(&world, &["plan", "-out", "first.plan"]);
    assert!(saved.stderr.ends_with("Saved the plan. To do exactly this: spawnpoint apply first.plan\n"), "{saved}");
    assert_eq!(ok(&world, &["show", "first.plan"]).stdout, saved.stdout);
    let json: Value = serde_json::from_str(&ok(&world, &["show", "-json", "first.plan"]).stdout).expect("it is JSON");
    assert_eq!(json["format_version"], "1.2");
    let text = std::fs::read_to_string(world.folder().join("first.plan")).expect("the file is there");
    assert!(!text.contains("hunter2") && !text.contains("tenant \"acme\""), "texts and secrets are sealed");

    // What the files say now does not matter: what was approved is in the plan file.
    world.write("main.hcl", &stack(43).replace("\"4GiB\"", "\"5GiB\""));
    let applied = ok(&world, &["apply", "first.plan"]);
    assert!(applied.stdout.contains("Apply complete! Resources: 1 imported, 5 added"), "{applied}");
    world.write("main.hcl", &stack(43));
    assert_eq!(sentence(&ok(&world, &["plan"])), "No changes. Everything matches the configuration.");

    let stale = world.run(&["apply", "first.plan"]);
    assert_eq!(stale.status, Some(4), "{stale}");
    assert!(stale.stderr.contains("the plan is stale"), "{stale}");
    assert!(stale.stderr.contains("+No changes."), "the difference is shown: {stale}");
}

#[test]
fn state_output_graph_and_show_read_what_was_applied() {
    let world = world(44);
    ok(&world, &["init"]);
    ok(&world, &["apply", "-auto-approve"]);
    insta::assert_snapshot!(ok(&world, &["state", "list"]), @r#"
    game_server.lobby.provision
    template.debian13
    tenant.acme.access["kim@pve"]
    tenant.acme.pool
    vm.mc["lobby"]
    vm.mc["survival"]
    "#);
    assert_eq!(ok(&world, &["state", "list", "tenant.acme"]).stdout.lines().count(), 2);
    assert!(ok(&world, &["state", "show", "vm.mc[\"lobby\"]"]).stdout.contains("# vm.mc[\"lobby\"]: VM 5000 on pve1"));
    assert_eq!(ok(&world, &["output", "-raw", "endpoint"]).stdout, "10.44.0.2:25565");
    assert_eq!(ok(&world, &["output", "-raw", "password"]).stdout, "hunter2", "whoever asks by name wants it");
    let all: Value = serde_json::from_str(&ok(&world, &["output", "-json"]).stdout).expect("it is JSON");
    assert_eq!(all["password"]["sensitive"], true);
    assert_eq!(world.run(&["output", "gone"]).status, Some(1));
    for (format, begins) in [("dot", "digraph"), ("mermaid", "flowchart"), ("svg", "<svg")] {
        assert!(ok(&world, &["graph", "-format", format]).stdout.starts_with(begins));
    }
    assert!(!ok(&world, &["show"]).to_string().contains("hunter2"));
}

#[test]
fn the_stream_is_json_and_nothing_else() {
    let world = world(45);
    let output = ok(&world, &["apply", "-auto-approve", "-json"]);
    let lines: Vec<Value> =
        output.stdout.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    let kinds: Vec<&str> = lines.iter().filter_map(|line| line["type"].as_str()).collect();
    assert_eq!(kinds[0], "version");
    for kind in ["planned_change", "change_summary", "apply_start", "apply_complete", "outputs"] {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    assert!(!output.stdout.contains("hunter2"));
}

#[test]
fn targets_take_what_they_need_along() {
    let world = world(46);
    let only = ok(&world, &["plan", "-target=vm.mc[\"lobby\"]"]);
    assert!(only.stdout.contains("# vm.mc[\"lobby\"] will be created"), "{only}");
    assert!(only.stdout.contains("# tenant.acme.pool will be created"), "{only}");
    assert!(!only.stdout.contains("# vm.mc[\"survival\"]"), "{only}");
}

//! Workspaces: each has a state and simulated clusters of its own, and what one made the other leaves alone.

use crate::harness::World;

const STACK: &str = "cluster \"lab\" {\n  simulator {}\n}\n\npool \"it\" {\n  poolid  = \"it\"\n  comment = spawnpoint.workspace\n}\n\n\
                     output \"workspaces\" {\n  value = [spawnpoint.workspace, terraform.workspace]\n}\n";

#[test]
fn workspaces_stand_side_by_side() {
    let mut world = World::new();
    world.write("main.hcl", STACK);
    let ok = |world: &World, arguments: &[&str]| {
        let output = world.run(arguments);
        assert_eq!(output.status, Some(0), "{arguments:?}: {output}");
        output.stdout
    };
    let refused = |world: &World, arguments: &[&str], text: &str| {
        let output = world.run(arguments);
        assert!(output.status == Some(1) && output.stderr.contains(text), "{arguments:?}: {output}");
    };
    assert_eq!(ok(&world, &["workspace", "show"]), "default\n");
    ok(&world, &["apply", "-auto-approve"]);

    refused(&world, &["workspace", "select", "trial"], "`spawnpoint workspace new trial` makes it");
    refused(&world, &["-workspace=trial", "plan"], "there is no workspace `trial`");
    ok(&world, &["workspace", "new", "trial"]);
    refused(&world, &["workspace", "new", "trial"], "there is a workspace `trial` already");
    refused(&world, &["workspace", "new", "../x"], "cannot name a workspace");
    assert_eq!(ok(&world, &["workspace", "list"]), "  default\n* trial\n");
    let planned = ok(&world, &["plan"]);
    assert!(planned.contains("comment = \"trial\"") && planned.contains("1 to add"), "{planned}");
    let applied = ok(&world, &["apply", "-auto-approve"]);
    assert!(applied.contains("[\"trial\", \"trial\"]"), "{applied}");
    ok(&world, &["plan", "-detailed-exitcode"]);
    ok(&world, &["-workspace=default", "plan", "-detailed-exitcode"]);

    refused(&world, &["workspace", "delete", "trial"], "the workspace `trial` is selected");
    refused(&world, &["workspace", "select", "defualt"], "did you mean `default`?");
    world.set("SPAWNPOINT_WORKSPACE", "default");
    assert_eq!(ok(&world, &["workspace", "show"]), "default\n");
    refused(&world, &["workspace", "delete", "default"], "is always there");
    refused(&world, &["workspace", "delete", "trial"], "holds 1 object");
    ok(&world, &["-workspace=trial", "destroy", "-auto-approve"]);
    ok(&world, &["workspace", "delete", "trial"]);
    ok(&world, &["plan", "-detailed-exitcode"]);
    assert_eq!(ok(&world, &["workspace", "list"]), "* default\n");
}

//! `spawnpoint fmt` on the real binary: which files it takes, what it writes, how it ends.

use crate::harness::World;

fn world() -> World {
    let world = World::new();
    world.write("main.hcl", "locals {\na=1\n}\n");
    world.write("good.hcl", "a = 1\n");
    world.write("module/inner.hcl", "b=2\n");
    world.write(".hidden.hcl", "c=3\n");
    world.write("notes.txt", "d=4\n");
    world
}

fn read(world: &World, name: &str) -> String {
    std::fs::read_to_string(world.folder().join(name)).expect("the file was written by the test")
}

#[test]
fn files_of_the_folder_are_formatted_once() {
    let world = world();
    insta::assert_snapshot!(world.run(&["fmt"]), @"main.hcl");
    assert_eq!(read(&world, "main.hcl"), "locals {\n  a = 1\n}\n");
    insta::assert_snapshot!(world.run(&["fmt"]), @"");
    insta::assert_snapshot!(world.run(&["fmt", "-recursive"]), @"module/inner.hcl");
    assert_eq!(read(&world, ".hidden.hcl"), "c=3\n");
    assert_eq!(read(&world, "notes.txt"), "d=4\n");
}

#[test]
fn a_check_changes_nothing() {
    let world = world();
    let output = world.run(&["fmt", "-check", "-diff"]);
    assert_eq!(output.status, Some(3));
    insta::assert_snapshot!(output.stdout, @r"
    main.hcl
    --- old/main.hcl
    +++ new/main.hcl
    @@ -1,3 +1,3 @@
     locals {
    -a=1
    +  a = 1
     }
    ");
    assert_eq!(read(&world, "main.hcl"), "locals {\na=1\n}\n");
    assert_eq!(world.run(&["fmt", "-check", "good.hcl"]).status, Some(0));
}

#[test]
fn standard_input_becomes_standard_output() {
    let world = World::new();
    let output = world.run_with_input(&["fmt", "-"], "a=\"${x}\"\n");
    assert_eq!((output.status, output.stdout.as_str()), (Some(0), "a = x\n"));
    let output = world.run_with_input(&["fmt", "-check", "-"], "a=1\n");
    assert_eq!((output.status, output.stdout.as_str()), (Some(3), ""));
}

#[test]
fn a_file_with_errors_is_left_alone_and_the_others_are_not() {
    let world = world();
    world.write("bad.hcl", "a = [\n");
    let output = world.run(&["fmt"]);
    assert_eq!(output.status, Some(1));
    assert!(output.stderr.contains("bad.hcl:1"), "{output}");
    assert_eq!(read(&world, "bad.hcl"), "a = [\n");
    assert_eq!(read(&world, "main.hcl"), "locals {\n  a = 1\n}\n");
    let output = world.run(&["fmt", "missing.hcl"]);
    assert_eq!(output.status, Some(1));
    assert!(output.stderr.contains("missing.hcl"), "{output}");
}

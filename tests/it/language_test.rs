//! The commands about the language, on the real binary: `fmt`, `functions`, `schema`, `validate -json`.

use crate::harness::World;
use serde_json::{Value as Json, json};

const UGLY: &str = "vm \"a\" {\ncores=2\n  memory = \"4GiB\"\n}\n";
const PRETTY: &str = "vm \"a\" {\n  cores  = 2\n  memory = \"4GiB\"\n}\n";

fn read(world: &World, name: &str) -> String {
    std::fs::read_to_string(world.folder().join(name)).expect("the file is there")
}

fn ugly_world() -> World {
    let world = World::new();
    for name in ["main.hcl", "sub/deep/other.hcl", ".hidden/x.hcl", "notes.txt"] {
        world.write(name, UGLY);
    }
    world.write("fine.hcl", PRETTY);
    world
}

#[test]
fn fmt_writes_and_lists_what_changed() {
    let world = ugly_world();
    assert_eq!(world.run(&["fmt"]).to_string(), "main.hcl\n");
    assert_eq!(read(&world, "main.hcl"), PRETTY);
    assert_eq!(read(&world, "sub/deep/other.hcl"), UGLY);
    assert_eq!(world.run(&["fmt", "-recursive"]).to_string(), "sub/deep/other.hcl\n");
    assert_eq!(read(&world, "sub/deep/other.hcl"), PRETTY);
    assert_eq!((read(&world, ".hidden/x.hcl"), read(&world, "notes.txt")), (UGLY.to_owned(), UGLY.to_owned()));
    assert_eq!(world.run(&["fmt", "-recursive", "-check"]).to_string(), "");
    // Named files are taken whatever they are called.
    assert_eq!(world.run(&["fmt", "notes.txt", "fine.hcl"]).to_string(), "notes.txt\n");
}

#[test]
fn fmt_check_and_diff_tell_and_write_nothing() {
    let world = ugly_world();
    assert_eq!(
        world.run(&["fmt", "-check", "sub/deep", "main.hcl"]).to_string(),
        "main.hcl\nsub/deep/other.hcl\n[exit status: 3]\n"
    );
    let output = world.run(&["fmt", "-check", "-diff", "main.hcl"]);
    let expected = "main.hcl\n--- old/main.hcl\n+++ new/main.hcl\n@@ -1,4 +1,4 @@\n vm \"a\" {\n-cores=2\n-  memory = \"4GiB\"\n\
                    +  cores  = 2\n+  memory = \"4GiB\"\n }\n[exit status: 3]\n";
    assert_eq!(output.to_string(), expected.replace("-  memory = \"4GiB\"\n", "").replace("+  memory", "   memory"));
    assert_eq!(read(&world, "main.hcl"), UGLY);
}

#[test]
fn fmt_reads_standard_input() {
    let world = World::new();
    assert_eq!(world.run_with_input(&["fmt", "-"], UGLY).to_string(), PRETTY);
    assert_eq!(world.run_with_input(&["fmt", "-check", "-"], UGLY).to_string(), "[exit status: 3]\n");
    assert_eq!(world.run_with_input(&["fmt", "-check", "-"], PRETTY).to_string(), "");
}

#[test]
fn fmt_leaves_alone_what_does_not_parse_and_formats_the_rest() {
    let world = ugly_world();
    world.write("broken.hcl", "vm \"a\" {\ncores=\n}\n");
    let output = world.run(&["fmt", ".", "nowhere"]);
    assert_eq!((output.stdout.as_str(), output.status), ("main.hcl\n", Some(1)));
    assert!(output.stderr.contains("--> broken.hcl:2") && output.stderr.contains("cannot read `nowhere`"), "{output}");
    assert_eq!(read(&world, "broken.hcl"), "vm \"a\" {\ncores=\n}\n");
    assert_eq!(read(&world, "main.hcl"), PRETTY);
    assert_eq!(world.run_with_input(&["fmt", "-"], "a = [").status, Some(1));
}

#[cfg(unix)]
#[test]
fn fmt_keeps_permissions_and_links() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let world = World::new();
    world.write("real.hcl", UGLY);
    let real = world.folder().join("real.hcl");
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).expect("it is ours");
    symlink("real.hcl", world.folder().join("link.hcl")).expect("links can be made");
    assert_eq!(world.run(&["fmt", "link.hcl"]).to_string(), "link.hcl\n");
    assert_eq!(read(&world, "real.hcl"), PRETTY);
    assert!(world.folder().join("link.hcl").is_symlink());
    assert_eq!(std::fs::metadata(real).expect("it is there").permissions().mode() & 0o777, 0o640);
}

#[test]
fn functions_and_schema_find_what_is_meant() {
    let world = World::new();
    let output = world.run(&["functions", "cidrhost", "max"]);
    insta::assert_snapshot!(output.to_string());
    let output = world.run(&["functions", "cidrhots"]);
    assert!(output.status == Some(1) && output.stderr.contains("did you mean `cidrhost`?"), "{output}");
    let output = world.run(&["schema", "clustr"]);
    assert!(output.status == Some(1) && output.stderr.contains("did you mean `cluster`?"), "{output}");
    insta::assert_snapshot!(world.run(&["schema"]).to_string());
    insta::assert_snapshot!(world.run(&["schema", "drift_ignore"]).to_string());
    insta::assert_snapshot!(world.run(&["schema", "tenant"]).to_string());
}

#[test]
fn functions_are_told_as_terraform_tells_them() {
    let output = World::new().run(&["functions", "-json", "join", "coalesce"]);
    let document: Json = serde_json::from_str(&output.stdout).expect("it is JSON");
    assert_eq!(document["format_version"], "1.0");
    let join = &document["function_signatures"]["join"];
    assert_eq!((&join["return_type"], &join["parameters"][0]["type"]), (&json!("string"), &json!("string")));
    assert_eq!(join["variadic_parameter"]["type"], json!(["list", "string"]));
    assert_eq!(document["function_signatures"]["coalesce"]["variadic_parameter"]["is_nullable"], true);
}

#[test]
fn validate_tells_as_terraform_does() {
    let world = World::new();
    world.write("main.hcl", "variable \"size\" {\n  typo = 1\n}\nlocals {\n  a = var.sise\n}\n");
    let output = world.run(&["validate", "-json"]);
    let document: Json = serde_json::from_str(&output.stdout).expect("it is JSON");
    assert_eq!(output.status, Some(1));
    assert_eq!((&document["format_version"], &document["valid"]), (&json!("1.0"), &json!(false)));
    assert_eq!((&document["error_count"], &document["warning_count"]), (&json!(2), &json!(0)));
    let first = &document["diagnostics"][0];
    assert_eq!(
        (&first["severity"], &first["summary"]),
        (&json!("error"), &json!("`variable` has no attribute `typo`"))
    );
    assert_eq!(first["range"]["start"], json!({ "line": 2, "column": 3, "byte": 20 }));
    assert_eq!(first["snippet"]["code"], "  typo = 1");
}

//! The commands about the language, on the real binary: `functions`, `schema`, `validate -json`, and what `fmt` keeps of a file. The rest of
//! `fmt` is in `cli_fmt`.

use crate::harness::World;
use serde_json::{Value as Json, json};

const UGLY: &str = "vm \"a\" {\ncores=2\n  memory = \"4GiB\"\n}\n";
const PRETTY: &str = "vm \"a\" {\n  cores  = 2\n  memory = \"4GiB\"\n}\n";

fn read(world: &World, name: &str) -> String {
    std::fs::read_to_string(world.folder().join(name)).expect("the file is there")
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

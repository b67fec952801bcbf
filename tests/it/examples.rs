//! Every example of the repository, on the real binary: plan, apply, nothing left to do, destroy, everything as before.

use crate::harness::World;
use std::fs;
use std::path::{Path, PathBuf};

/// Copies the folders that examples refer to.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the temporary folder can be written");
    for entry in fs::read_dir(from).expect("the repository can be read") {
        let entry = entry.expect("the repository can be read");
        let name = entry.file_name();
        if name == ".spawnpoint" {
            continue;
        }
        let target = to.join(name);
        match entry.file_type().expect("it has a type").is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).expect("the file can be copied")),
        }
    }
}

/// Folders below `root` that hold a `main.hcl` and are a stack: examples, and the example of each module.
fn stacks(root: &Path) -> Vec<PathBuf> {
    let folders = |path: &str| {
        let entries = fs::read_dir(root.join(path)).expect("the folder is there");
        entries.map(|entry| entry.expect("it can be read").path()).collect::<Vec<_>>()
    };
    let examples = folders("examples");
    let of_modules = folders("modules").into_iter().map(|module| module.join("example"));
    let mut stacks: Vec<PathBuf> =
        examples.into_iter().chain(of_modules).filter(|path| path.join("main.hcl").is_file()).collect();
    stacks.sort();
    stacks
}

#[test]
fn every_example_plans_applies_and_goes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = stacks(root);
    assert!(found.len() >= 2, "quickstart and a module's example: {found:?}");
    for stack in found {
        let world = World::new();
        copy(&root.join("examples"), &world.folder().join("examples"));
        copy(&root.join("modules"), &world.folder().join("modules"));
        let place = stack.strip_prefix(root).expect("it is below the root").display().to_string();
        let chdir = format!("-chdir={place}");
        let run = |arguments: &[&str]| {
            let output = world.run(&[&[chdir.as_str()], arguments].concat());
            assert_eq!(output.status, Some(0), "{place}: {}\n{output}", arguments.join(" "));
            output.stdout
        };
        run(&["validate"]);
        run(&["plan"]);
        let before = run(&["sim", "dump"]);
        run(&["apply", "-auto-approve"]);
        let again = run(&["plan", "-detailed-exitcode"]);
        assert!(again.starts_with("No changes."), "{place}: {again}");
        run(&["destroy", "-auto-approve"]);
        assert_eq!(run(&["sim", "dump"]), before, "{place} leaves the cluster as it was");
    }
}

//! Files on storages: what stands in the way of one, before the plan and after it, and what comes over the network.

use crate::planner_world::{PlannerWorld, lab_with_urls};
use crate::served::Served;
use spawnpoint::plan::Options;
use spawnpoint::proxmox::{Call, Upload};
use std::path::Path;

const CLUSTER: &str = "cluster \"lab\" {\n  simulator {}\n}\n";

fn sent(name: &str) -> String {
    format!(
        "{CLUSTER}storage_file \"x\" {{\n  node = \"pve1\"\n  storage = \"local\"\n  content_type = \"iso\"\n  source = \"files/{name}\"\n}}\n"
    )
}

fn fetched(url: &str, more: &str) -> String {
    format!(
        "{CLUSTER}storage_file \"x\" {{\n  node = \"pve1\"\n  storage = \"local\"\n  content_type = \"iso\"\n  file_name = \"x.iso\"\n  \
         url = \"{url}\"\n{more}}}\n"
    )
}

/// Puts a file on the storage behind our back.
fn put(world: &PlannerWorld, name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/files/other.iso");
    let bytes = std::fs::metadata(&path).expect("it is in the repository").len();
    let upload = Upload { path, name: name.to_owned(), bytes, sha256: "00".to_owned() };
    world.send(&Call::post("/nodes/pve1/storage/local/upload").with("content", "iso").with_file(upload));
}

/// Plans and applies, and returns what went wrong.
fn failure(world: &mut PlannerWorld, text: &str) -> String {
    let planned = world.plan(text, &Options::default());
    let shown = planned.text();
    let plan = planned.plan.unwrap_or_else(|| panic!("no plan:\n{shown}"));
    world.apply_or_tell(&plan).expect_err("it fails")
}

#[test]
fn a_file_that_is_there_is_not_replaced() {
    let mut world = PlannerWorld::new("files", &lab_with_urls());
    let text = sent("seed.iso");
    let plan = world.plan(&text, &Options::default()).plan.expect("nothing is in the way");
    put(&world, "seed.iso");
    let error = world.apply_or_tell(&plan).expect_err("something is in the way now");
    assert!(error.contains("`local:iso/seed.iso` exists since the plan was made"), "{error}");
    let planned = world.plan(&text, &Options::default());
    assert!(planned.plan.is_none(), "{}", planned.text());
    assert!(
        planned.text().contains("storage_file exists already on cluster `lab` and is not ours"),
        "{}",
        planned.text()
    );
    let uploads = world.sent().iter().filter(|call| call.path.ends_with("/upload")).count();
    assert_eq!(uploads, 1, "only the one behind our back");
}

#[test]
fn a_file_that_was_changed_behind_our_back_is_put_there_again_and_never_removed() {
    let mut world = PlannerWorld::new("files", &lab_with_urls());
    let text = sent("seed.iso");
    let plan = world.plan(&text, &Options::default()).plan.expect("a plan");
    world.apply(&plan);
    let removal = world.plan(CLUSTER, &Options::default()).plan.expect("a plan");
    put(&world, "seed.iso");
    let error = world.apply_or_tell(&removal).expect_err("it is not the file that was planned to go");
    assert!(error.contains("`size` of `local:iso/seed.iso` was changed since the plan was made"), "{error}");
    let planned = world.plan(&text, &Options::default());
    assert!(planned.text().contains("must be replaced"), "{}", planned.text());
    world.apply(&planned.plan.expect("a plan"));
    let again = world.plan(&text, &Options::default());
    assert!(again.plan.is_some_and(|plan| plan.is_empty() && plan.operations.is_empty()));
}

#[test]
fn what_a_node_cannot_fetch_is_told_in_its_words() {
    let mut world = PlannerWorld::new("files", &lab_with_urls());
    let digits = "0".repeat(64);
    let url = "https://images.example/debian-13.qcow2";
    let wrong = fetched(url, &format!("  checksum = \"sha256:{digits}\"\n"));
    let error = failure(&mut world, &wrong);
    assert!(error.contains(&format!("checksum mismatch: got '{}' != expect '{digits}'", "1".repeat(64))), "{error}");
    let error = failure(&mut world, &fetched("https://images.example/huge.iso", ""));
    assert!(error.contains("No space left on device"), "{error}");
    let error = failure(&mut world, &fetched("https://images.example/gone.iso", ""));
    assert!(error.contains("download failed: command '/usr/bin/wget"), "{error}");
    // Nothing is left of all that.
    let text = fetched("https://images.example/tools.iso", "");
    let plan = world.plan(&text, &Options::default()).plan.expect("nothing is in the way");
    world.apply(&plan);
}

#[test]
fn a_file_of_the_disk_goes_over_the_network_and_is_imported_elsewhere() {
    let served = Served::start();
    let world = served.world("");
    let settings = served.settings();
    let stack = format!(
        "cluster \"home\" {{\n{settings}}}\n\nstorage_file \"tools\" {{\n  node         = \"pve2\"\n  storage      = \"local\"\n  \
         content_type = \"iso\"\n  source       = \"images/tools.iso\"\n}}\n\noutput \"volume\" {{\n  value = storage_file.tools.volume\n}}\n"
    );
    world.write("main.hcl", &stack);
    // More than what a body without a file may hold.
    world.write("images/tools.iso", &"0123456789abcdef".repeat(64 << 10));
    let run = |arguments: &[&str]| {
        let output = world.run(arguments);
        assert_eq!(output.status, Some(0), "{}\n{output}", arguments.join(" "));
        output.stdout
    };
    run(&["plan", "-out", "saved.plan"]);
    run(&["apply", "saved.plan"]);
    assert!(run(&["plan", "-detailed-exitcode"]).starts_with("No changes."));
    assert!(run(&["output", "volume"]).contains("local:iso/tools.iso"));
    let there = served.dump();
    assert!(there.contains("local:iso/tools.iso") && there.contains("1048576"), "{there}");
    world.write("images/tools.iso", "another content");
    let planned = world.run(&["plan"]);
    assert!(planned.stdout.contains("must be replaced"), "{planned}");
    world.write("images/tools.iso", &"0123456789abcdef".repeat(64 << 10));
    // Another state takes over what is there.
    let state = served.world("");
    state.write("main.hcl", &stack);
    state.write("images/tools.iso", &"0123456789abcdef".repeat(64 << 10));
    let imported = state.run(&["import", "-auto-approve", "storage_file.tools", "pve2/local:iso/tools.iso"]);
    assert_eq!(imported.status, Some(0), "{imported}");
    assert!(state.run(&["plan"]).stdout.starts_with("No changes."));
    run(&["destroy", "-auto-approve"]);
    assert!(!served.dump().contains("local:iso/tools.iso"));
}

//! Templates that are built, with the client killed at any request: the next run finishes, and nothing is left of what was begun.

use crate::harness::World;
use crate::kill::{Point, assert_reached, assert_same, everywhere, points, run};
use crate::planner_world::lab_with_urls;
use crate::served::Served;

const STACK: &str = r#"
storage_file "tools" {
  node         = "pve2"
  storage      = "local"
  content_type = "iso"
  source       = "tools.iso"
}

template "debian" {
  nodes        = ["pve1", "pve2"]
  disk_storage = "local-lvm"
  disk_size    = "4GiB"

  image {
    url      = "https://images.example/debian-13.qcow2"
    checksum = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
    storage  = "local"
  }
}

vm "a" {
  template = template.debian
  node     = "pve2"
  power    = "stopped"

  cdrom "sata0" {
    file = storage_file.tools.volume
  }
}
"#;

fn served() -> (Served, World) {
    let served = Served::of(&lab_with_urls());
    let world = served.world(&served.settings());
    world.write("main.hcl", &format!("cluster \"home\" {{\n{}}}\n{STACK}", served.settings()));
    world.write("tools.iso", "a few bytes");
    (served, world)
}

/// What an undisturbed run leaves behind, and how many requests it takes.
struct Undisturbed {
    before: String,
    applied: String,
    listed: String,
    requests: u64,
    destroy_requests: u64,
}

fn undisturbed() -> Undisturbed {
    let (served, world) = served();
    let before = served.dump();
    run(&world, &["apply", "-auto-approve"], "undisturbed");
    let requests = served.steps();
    let (applied, listed) = (served.comparable(&served.dump()), run(&world, &["state", "list"], "undisturbed"));
    let begun = served.steps();
    run(&world, &["destroy", "-auto-approve"], "undisturbed");
    assert_same(&served.dump(), &before, "undisturbed");
    Undisturbed { before, applied, listed, requests, destroy_requests: served.steps() - begun }
}

#[test]
fn a_build_that_is_killed_anywhere_is_finished_by_the_next() {
    let expected = undisturbed();
    let points = points(expected.requests, 14);
    let reached = everywhere(&points, |Point { number, moment }| {
        let context = format!("killed {moment:?} request {number} of an apply");
        let (served, world) = served();
        let is_killed = served.kill(&world, &["apply", "-auto-approve"], number, moment);
        run(&world, &["apply", "-auto-approve"], &context);
        assert_same(&served.comparable(&served.dump()), &expected.applied, &context);
        assert_eq!(run(&world, &["state", "list"], &context), expected.listed, "{context}");
        let plan = run(&world, &["plan", "-detailed-exitcode"], &context);
        assert!(plan.starts_with("No changes."), "{context}: {plan}");
        run(&world, &["destroy", "-auto-approve"], &context);
        assert_same(&served.dump(), &expected.before, &context);
        is_killed
    });
    assert_reached("build", &reached, &points, expected.requests);
}

#[test]
fn a_removal_that_is_killed_anywhere_is_finished_by_the_next() {
    let expected = undisturbed();
    let points = points(expected.destroy_requests, 4);
    let reached = everywhere(&points, |Point { number, moment }| {
        let context = format!("killed {moment:?} request {number} of a destroy");
        let (served, world) = served();
        run(&world, &["apply", "-auto-approve"], &context);
        let is_killed = served.kill(&world, &["destroy", "-auto-approve"], number, moment);
        run(&world, &["destroy", "-auto-approve"], &context);
        assert_same(&served.dump(), &expected.before, &context);
        is_killed
    });
    assert_reached("removal", &reached, &points, expected.destroy_requests);
}

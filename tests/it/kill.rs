//! SIGKILL and Ctrl-C in the middle of real runs over HTTPS: the next run finishes, without a duplicate and without an orphan.
//!
//! The served lab ends the client before or after it acted on a chosen request, which is where a crash hurts most.

use crate::harness::{World, is_full};
use crate::served::Served;
use regex::Regex;
use spawnpoint::simulator::Moment;
use std::collections::BTreeSet;
use std::sync::Mutex;

/// How many labs are worked on at once.
const AT_ONCE: usize = 4;

/// What an undisturbed run leaves behind.
struct Undisturbed {
    /// The lab before anything was applied, and after a destroy.
    before: String,
    /// The lab after an apply, comparable.
    applied: String,
    /// What the state lists after an apply.
    listed: String,
    /// How many requests the apply took.
    apply_requests: u64,
    /// How many requests the destroy took.
    destroy_requests: u64,
}

/// A request at which the client is killed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) number: u64,
    pub(crate) moment: Moment,
}

/// Runs a command that has to succeed, and returns what it printed.
pub(crate) fn run(world: &World, arguments: &[&str], context: &str) -> String {
    let output = world.run(arguments);
    assert_eq!(output.status, Some(0), "{context}: {}:\n{output}", arguments.join(" "));
    output.stdout
}

fn undisturbed() -> Undisturbed {
    let served = Served::start();
    let world = served.world(&served.settings());
    let before = served.dump();
    run(&world, &["apply", "-auto-approve"], "undisturbed");
    let apply_requests = served.steps();
    let (applied, listed) = (served.comparable(&served.dump()), run(&world, &["state", "list"], "undisturbed"));
    let before_destroy = served.steps();
    run(&world, &["destroy", "-auto-approve"], "undisturbed");
    assert_eq!(served.dump(), before);
    Undisturbed { before, applied, listed, apply_requests, destroy_requests: served.steps() - before_destroy }
}

/// Returns `count` numbers spread over the requests, each before and after; in the full run of the suite, every number.
pub(crate) fn points(requests: u64, count: u64) -> Vec<Point> {
    let numbers: Vec<u64> = match is_full() {
        true => (1..=requests).collect(),
        false => (0..count).map(|index| 1 + (2 * index + 1) * requests / (2 * count)).collect(),
    };
    let both = |number| [Moment::Before, Moment::After].map(|moment| Point { number, moment });
    numbers.into_iter().flat_map(both).collect()
}

/// Tries every point on a lab of its own, some at once; returns the points a run reached.
pub(crate) fn everywhere(points: &[Point], attempt: impl Fn(Point) -> bool + Sync) -> Vec<Point> {
    let (left, reached) = (Mutex::new(points.to_vec()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(point) = left.lock().expect("nothing panics while it is held").pop() else { return };
                    if attempt(point) {
                        reached.lock().expect("nothing panics while it is held").push(point);
                    }
                }
            });
        }
    });
    reached.into_inner().expect("nothing panicked while it was held")
}

/// In what order several guests are worked on differs from run to run, and with it how often tasks are asked for: the last steps of a long
/// run may not come.
pub(crate) fn assert_reached(what: &str, reached: &[Point], points: &[Point], requests: u64) {
    let numbers: BTreeSet<u64> = reached.iter().map(|point| point.number).collect();
    println!(
        "{what}: {requests} requests undisturbed; killed at {} of {} points: {numbers:?}",
        reached.len(),
        points.len()
    );
    let early = |point: &&Point| point.number * 10 <= requests * 9;
    let early_reached = reached.iter().filter(early).count();
    assert_eq!(early_reached, points.iter().filter(early).count(), "{what}: every early point is reached");
}

/// Asserts that the lab and the state are as an undisturbed apply leaves them, and that a destroy leaves nothing.
fn assert_as_undisturbed(served: &Served, world: &World, expected: &Undisturbed, context: &str) {
    let dump = served.dump();
    assert_same(&served.comparable(&dump), &expected.applied, context);
    assert_markers(&dump, &expected.listed, context);
    assert_eq!(run(world, &["state", "list"], context), expected.listed, "{context}");
    let plan = run(world, &["plan", "-detailed-exitcode"], context);
    assert!(plan.starts_with("No changes."), "{context}: {plan}");
    run(world, &["destroy", "-auto-approve"], context);
    assert_same(&served.dump(), &expected.before, context);
}

pub(crate) fn assert_same(actual: &str, expected: &str, context: &str) {
    let diff = similar::TextDiff::from_lines(expected, actual);
    assert!(actual == expected, "{context}: (- undisturbed, + here)\n{}", diff.unified_diff());
}

/// Every guest that the state knows carries one marker, and all are of one state.
fn assert_markers(dump: &str, listed: &str, context: &str) {
    let marker = Regex::new("spawnpoint:v1 stack=([0-9a-f-]+) addr=([^ ]+) intent=").expect("the pattern is right");
    let found: Vec<(String, String)> =
        marker.captures_iter(dump).map(|found| (found[1].to_owned(), found[2].replace("\\\"", "\""))).collect();
    let lineages: BTreeSet<&String> = found.iter().map(|(lineage, _)| lineage).collect();
    assert_eq!(lineages.len(), 1, "{context}: {found:?}");
    let mut addresses: Vec<&str> = found.iter().map(|(_, address)| address.as_str()).collect();
    addresses.sort_unstable();
    let machines: Vec<&str> = listed.lines().filter(|address| address.starts_with("vm.")).collect();
    assert_eq!(addresses, machines, "{context}");
}

#[test]
fn an_apply_that_is_killed_anywhere_is_finished_by_the_next() {
    let expected = undisturbed();
    let points = points(expected.apply_requests, 10);
    let reached = everywhere(&points, |Point { number, moment }| {
        let context = format!("killed {moment:?} request {number} of an apply");
        let served = Served::start();
        let world = served.world(&served.settings());
        let is_killed = served.kill(&world, &["apply", "-auto-approve"], number, moment);
        run(&world, &["apply", "-auto-approve"], &context);
        assert_as_undisturbed(&served, &world, &expected, &context);
        is_killed
    });
    assert_reached("apply", &reached, &points, expected.apply_requests);
}

#[test]
fn a_destroy_that_is_killed_anywhere_is_finished_by_the_next() {
    let expected = undisturbed();
    let points = points(expected.destroy_requests, 3);
    let reached = everywhere(&points, |Point { number, moment }| {
        let context = format!("killed {moment:?} request {number} of a destroy");
        let served = Served::start();
        let world = served.world(&served.settings());
        run(&world, &["apply", "-auto-approve"], &context);
        let is_killed = served.kill(&world, &["destroy", "-auto-approve"], number, moment);
        run(&world, &["destroy", "-auto-approve"], &context);
        assert_same(&served.dump(), &expected.before, &context);
        assert_eq!(run(&world, &["state", "list"], &context), "", "{context}");
        is_killed
    });
    assert_reached("destroy", &reached, &points, expected.destroy_requests);
}

#[test]
fn ctrl_c_finishes_what_runs_and_the_next_apply_does_the_rest() {
    let expected = undisturbed();
    let served = Served::start();
    let world = served.world(&served.settings());
    let (output, is_sprung) = served.interrupt(&world, &["apply", "-auto-approve"], |passing| {
        passing.moment == Moment::Before && passing.request.path.ends_with("/clone")
    });
    assert!(is_sprung, "{output}");
    assert_eq!(output.status, Some(130), "{output}");
    let state = run(&world, &["state", "list"], "after Ctrl-C");
    let is_whole = |address: &str| !run(&world, &["state", "show", address], "after Ctrl-C").contains("unfinished");
    let machines: Vec<&str> = state.lines().filter(|address| address.starts_with("vm.")).collect();
    assert!(!machines.is_empty(), "the clone that ran was finished:\n{output}");
    assert!(machines.iter().all(|address| is_whole(address)), "{output}");
    assert!(!state.contains("game_server."), "nothing was started after Ctrl-C:\n{output}");
    run(&world, &["apply", "-auto-approve"], "after Ctrl-C");
    assert_as_undisturbed(&served, &world, &expected, "after Ctrl-C");
}

/// A guest with a disk on this storage and a container, on this node.
fn movers(served: &Served, node: &str, storage: &str, cores: u32) -> String {
    format!(
        r#"cluster "home" {{
{settings}}}

vm "mc" {{
  node  = "{node}"
  cores = {cores}

  disk "scsi0" {{
    storage     = "{storage}"
    size        = "4GiB"
    import_from = "shared:import/debian-13-genericcloud-amd64.qcow2"
  }}
  disk "scsi1" {{
    storage = "local-lvm"
    size    = "1GiB"
  }}
  network "net0" {{
    bridge = "vmbr0"
  }}
}}

container "dns" {{
  node       = "{node}"
  ostemplate = "shared:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst"

  rootfs {{
    storage = "{storage}"
  }}
}}
"#,
        settings = served.settings()
    )
}

#[test]
fn a_move_that_is_killed_anywhere_is_finished_by_the_next() {
    let start = || {
        let served = Served::start();
        let world = World::new();
        world.write("main.hcl", &movers(&served, "pve1", "local-lvm", 1));
        run(&world, &["apply", "-auto-approve"], "at first");
        world.write("main.hcl", &movers(&served, "pve2", "shared", 2));
        (served, world)
    };
    let (served, world) = start();
    let before = served.steps();
    run(&world, &["apply", "-auto-approve"], "undisturbed");
    let requests = served.steps() - before;
    let expected = served.comparable(&served.dump());
    assert!(!expected.contains("\"unused0\""), "what moved was removed where it was: {expected}");
    let points = points(requests, 6);
    let reached = everywhere(&points, |Point { number, moment }| {
        let context = format!("killed {moment:?} request {number} of a move");
        let (served, world) = start();
        let is_killed = served.kill(&world, &["apply", "-auto-approve"], number, moment);
        run(&world, &["apply", "-auto-approve"], &context);
        assert_same(&served.comparable(&served.dump()), &expected, &context);
        let plan = run(&world, &["plan", "-detailed-exitcode"], &context);
        assert!(plan.starts_with("No changes."), "{context}: {plan}");
        is_killed
    });
    assert_reached("move", &reached, &points, requests);
}

//! `spawnpoint sim check` on the real binary: the simulator does, over HTTPS, what the sixty checks say a server does.

use crate::harness::{World, is_full};

/// Makes checks and returns the last line; fails with every check that differs.
fn check(arguments: &[&str]) -> String {
    let output = World::new().run(&[&["sim", "check"], arguments].concat());
    let lines: Vec<&str> = output.stdout.lines().filter(|line| !line.contains("  pass  ")).collect();
    assert_eq!(output.status, Some(0), "{}\n{}", lines.join("\n"), output.stderr);
    (*lines.last().expect("there is a last line")).to_owned()
}

#[test]
fn the_simulator_passes_the_sixty() {
    assert_eq!(check(&[]), "60 passed, 0 differ, 0 skipped");
}

/// Bulk actions with warnings came with version 9; everything else is the same in 8.4.
#[test]
fn version_8_4_passes_what_applies_to_it() {
    assert_eq!(check(&["--pve", "8.4"]), "59 passed, 0 differ, 1 skipped");
}

/// Rules about sockets and delays hold on a clock that runs, too: twenty times as fast, and at real speed in the full run.
#[test]
fn rules_of_transport_hold_in_time_that_passes() {
    assert_eq!(check(&["--only", "1-8", "--speed", "20"]), "8 passed, 0 differ, 0 skipped");
    if is_full() {
        assert_eq!(check(&["--only", "1-8", "--speed", "1"]), "8 passed, 0 differ, 0 skipped");
    }
}

/// The flags that name a server are those of every command, and what is destroyed there is said first.
#[test]
fn checks_on_a_server_need_to_know_which_ids_they_may_use() {
    let output = World::new().run(&["sim", "check", "-endpoint=https://127.0.0.1:1"]);
    assert_eq!(output.status, Some(1), "{output}");
    assert!(output.stderr.contains("`-disposable-range 9100-9199`"), "{output}");
    let two = ["sim", "check", "-endpoint=https://127.0.0.1:1", "-endpoint=https://127.0.0.1:2"];
    let mut world = World::new();
    world.set("PROXMOX_VE_API_TOKEN", "root@pam!x=y");
    let output = world.run(&[&two[..], &["-disposable-range", "9100-9199"]].concat());
    assert!(output.stderr.contains("checks are made on one server"), "{output}");
}

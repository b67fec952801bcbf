//! The quickstart over HTTPS: what comes of it is the same as in process, and a cluster that cannot be trusted or reached is an error
//! at its block before anything is asked of it.

use crate::harness::{CommandOutput, World, golden};
use crate::served::{Served, repository_file};

/// Runs a command that has to succeed, and returns what it printed.
fn run(world: &World, arguments: &[&str]) -> String {
    let output = world.run(arguments);
    assert_eq!(output.status, Some(0), "{}:\n{output}", arguments.join(" "));
    output.stdout
}

/// Returns settings without the line of one of them.
fn without(settings: &str, name: &str) -> String {
    settings.lines().filter(|line| !line.contains(name)).map(|line| format!("{line}\n")).collect()
}

/// Plans with settings that do not work; compares what is said and returns it.
fn refused(served: &Served, world: &World, name: &str) -> CommandOutput {
    let output = world.run(&["plan"]);
    golden(&format!("https/{name}.txt"), &served.comparable(&output.to_string()));
    assert_eq!(output.status, Some(1), "{output}");
    output
}

#[test]
fn the_quickstart_comes_out_as_it_does_in_process() {
    let served = Served::start();
    let world = served.world(&served.settings());
    let before = served.dump();
    let plan = served.comparable(&run(&world, &["plan"]));
    assert_eq!(plan, repository_file("examples/quickstart/plan.txt"));

    // In process, with a network of its own too.
    let in_process = Served::start();
    let lab = in_process.world("  simulator {}\n");
    assert_eq!(in_process.comparable(&run(&lab, &["plan"])), plan);
    let applied = [
        served.comparable(&run(&world, &["apply", "-auto-approve"])),
        in_process.comparable(&run(&lab, &["apply", "-auto-approve"])),
    ];
    assert_eq!(applied[0], applied[1]);
    let dump = run(&lab, &["sim", "dump"]);
    assert_eq!(served.comparable(&served.dump()), in_process.comparable(dump.trim_end()));
    assert_eq!(in_process.server.requests(), 0, "a lab in process asks no server");

    assert!(run(&world, &["plan", "-detailed-exitcode"]).starts_with("No changes."));
    let destroyed = run(&world, &["destroy", "-auto-approve"]);
    assert!(destroyed.contains("Destroy complete! Resources: 7 destroyed."), "{destroyed}");
    assert_eq!(served.dump(), before);
    assert_eq!(run(&world, &["state", "list"]), "");
}

#[test]
fn a_certificate_authority_file_is_trusted() {
    let served = Served::start();
    let settings = without(&served.settings(), "fingerprints");
    let world = served.world(&(settings + "  ca_file      = \"pve-root-ca.pem\"\n"));
    let authority = std::fs::read_to_string(&served.server.ca_pem).expect("the server wrote it");
    world.write("pve-root-ca.pem", &authority);
    assert_eq!(served.comparable(&run(&world, &["plan"])), repository_file("examples/quickstart/plan.txt"));
}

#[test]
fn another_fingerprint_ends_it_before_the_first_request() {
    let served = Served::start();
    let other = ["AB"; 32].join(":");
    let world = served.world(&served.settings().replace(&served.server.fingerprint, &other));
    refused(&served, &world, "wrong-fingerprint");
    assert_eq!(served.server.requests(), 0);
}

#[test]
fn an_unknown_authority_ends_it_before_the_first_request() {
    let served = Served::start();
    let settings = without(&served.settings(), "fingerprints");
    let mut world = served.world(&settings);
    // What this system trusts is what another lab's authority signed: the same name, another key.
    let other = Served::start();
    world.set("SSL_CERT_FILE", &other.server.ca_pem.to_string_lossy());
    refused(&served, &world, "unknown-authority");
    assert_eq!(served.server.requests(), 0);
}

#[test]
fn a_wrong_token_costs_one_request_and_is_not_repeated_in_the_message() {
    let served = Served::start();
    let wrong = "root@pam!spawnpoint=00000000-1111-2222-3333-444444444444";
    let world = served.world(&served.settings().replace(&served.server.token, wrong));
    let output = refused(&served, &world, "wrong-token");
    assert_eq!(served.server.requests(), 1);
    assert!(!output.to_string().contains("444444444444"), "{output}");
}

#[test]
fn a_wrong_token_of_the_environment_is_named_as_such() {
    let served = Served::start();
    let settings = without(&served.settings(), "token");
    let mut world = served.world(&settings);
    world.set("PROXMOX_VE_API_TOKEN", "root@pam!spawnpoint=00000000-1111-2222-3333-444444444444");
    refused(&served, &world, "wrong-token-of-the-environment");
    assert_eq!(served.server.requests(), 1);
}

#[test]
fn a_cluster_that_does_not_answer_is_shown_at_its_block() {
    let served = Served::start();
    // Nothing listens on another loopback address at the port that is the server's here.
    let world = served.world(&served.settings().replace("https://127.0.0.1:", "https://127.0.0.9:"));
    refused(&served, &world, "unreachable");
    assert_eq!(served.server.requests(), 0);
}

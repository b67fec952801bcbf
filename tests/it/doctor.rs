//! `spawnpoint doctor` against labs over HTTPS in which something is wrong, and on machines that lack something.

use crate::client_server::{Reply, Server, response};
use crate::harness::{CommandOutput, World, golden};
use crate::served::Served;
use regex::Regex;
use spawnpoint::simulator::Lab;
use std::os::unix::fs::PermissionsExt;

/// Puts programs of our own where the doctor looks for programs: what is installed here is no part of a test.
fn equip(world: &mut World, programs: &[(&str, &str)]) {
    world.write("../bin/README", "programs of the test\n");
    for (name, script) in programs {
        world.write(&format!("../bin/{name}"), &format!("#!/bin/sh\n{script}\n"));
        let path = world.folder().join("../bin").join(name);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    }
    let path = std::fs::canonicalize(world.folder().join("../bin")).expect("it was made above");
    world.set("PATH", &path.to_string_lossy());
}

const ANSIBLE: (&str, &str) =
    ("ansible-playbook", "echo 'ansible-playbook [core 2.19.3]'; echo '  config file = None'");
const SSH: (&str, &str) = ("ssh", "echo 'OpenSSH_10.0p2 Debian-7' >&2");

fn comparable(served: &Served, output: &CommandOutput) -> String {
    let free = Regex::new(r"\S+ free in").expect("the pattern is right");
    free.replace_all(&served.comparable(&output.to_string()), "SPACE free in").into_owned()
}

#[test]
fn a_stack_that_can_be_applied_is_all_well() {
    let served = Served::start();
    let mut world = served.world(&served.settings());
    equip(&mut world, &[ANSIBLE, SSH]);
    let output = world.run(&["doctor"]);
    golden("doctor/healthy.txt", &comparable(&served, &output));
    assert_eq!(output.status, Some(0), "{output}");

    // With guests that run, their agents are asked.
    let applied = world.run(&["apply", "-auto-approve", "-exclude=game_server.lobby", "-exclude=game_server.survival"]);
    assert_eq!(applied.status, Some(0), "{applied}");
    // The cluster's list of guests is ten seconds old.
    served.pass(60);
    let output = world.run(&["doctor"]);
    let answering =
        Regex::new(r"ok    · agent       answers in ([1-3]) of [1-3] running guests").expect("the pattern is right");
    assert!(answering.is_match(&output.stdout), "{output}");
    assert_eq!(output.status, Some(0), "{output}");

    // Game servers are set up with Ansible: without it, this stack does not work.
    equip(&mut world, &[SSH]);
    std::fs::remove_file(world.folder().join("../bin/ansible-playbook")).expect("it was made above");
    let output = world.run(&["doctor"]);
    assert!(output.stdout.contains("error · ansible     `ansible-playbook` was not found"), "{output}");
    assert_eq!(output.status, Some(1), "{output}");
}

#[test]
fn what_is_wrong_is_told_with_its_remedy() {
    let lab = Lab::parse("broken.lab.hcl", include_str!("../doctor/broken.lab.hcl")).expect("the lab is right");
    let served = Served::of(&lab);
    let mut world = World::new();
    let stack = include_str!("../doctor/broken.hcl");
    world.write("main.hcl", &format!("cluster \"lab\" {{\n{}}}\n\n{stack}", served.settings()));
    equip(&mut world, &[]);
    let output = world.run(&["doctor"]);
    golden("doctor/broken.txt", &comparable(&served, &output));
    assert_eq!(output.status, Some(1), "{output}");

    let output = world.run(&["doctor", "-json"]);
    assert_eq!(output.status, Some(1), "{output}");
    let document: serde_json::Value = serde_json::from_str(&output.stdout).expect("it is JSON");
    let findings = document["findings"].as_array().expect("a list");
    let count = |severity: &str| findings.iter().filter(|finding| finding["severity"] == severity).count();
    assert_eq!(
        (document["errors"].as_u64(), document["warnings"].as_u64()),
        (Some(count("error") as u64), Some(count("warn") as u64))
    );
    let of_cluster = findings.iter().filter(|finding| finding["cluster"] == "lab").count();
    assert!(of_cluster > 10 && of_cluster < findings.len(), "{document}");
    let is_helped = |finding: &serde_json::Value| finding["remedies"].as_array().is_some_and(|list| !list.is_empty());
    assert!(findings.iter().all(|finding| is_helped(finding) == (finding["severity"] != "ok")), "{document}");
}

#[test]
fn a_token_without_privileges_is_told_what_it_lacks() {
    let lab = Lab::parse("broken.lab.hcl", include_str!("../doctor/broken.lab.hcl")).expect("the lab is right");
    let served = Served::of(&lab);
    let mut world = World::new();
    equip(&mut world, &[ANSIBLE, SSH]);
    let stack = |token: &str| {
        let settings = served.settings().replace(&served.server.token, token);
        format!("cluster \"lab\" {{\n{settings}}}\n\n{}", include_str!("../doctor/broken.hcl"))
    };
    world.write("main.hcl", &stack("kim@pve!look=11111111-2222-3333-4444-555555555555"));
    let output = world.run(&["doctor"]);
    let lines: Vec<&str> = output.stdout.lines().skip_while(|line| !line.contains("privileges")).take(8).collect();
    golden("doctor/privileges.txt", &(lines.join("\n") + "\n"));

    world.write("main.hcl", &stack("new@pve!bare=11111111-2222-3333-4444-666666666666"));
    let output = world.run(&["doctor"]);
    assert!(output.stdout.contains("error · privileges  the token has no privileges at all"), "{output}");
}

#[test]
fn every_endpoint_is_looked_at_alone() {
    let served = Served::start();
    let address = served.server.address;
    let one = format!("[\"https://{address}\"]");
    let with = |endpoints: &str| {
        let world = served.world(&served.settings().replace(&one, endpoints));
        world.run(&["doctor"]).stdout
    };
    // One that works is enough for a run.
    let spare = with(&format!("[\"https://127.0.0.9:{}\", \"https://{address}\"]", address.port()));
    assert!(
        spare.contains(&format!("warn  · endpoint    https://127.0.0.9:{} does not answer", address.port())),
        "{spare}"
    );
    assert!(spare.contains(&format!("ok    · endpoint    https://{address} answers")), "{spare}");
    let none = with(&format!("[\"https://127.0.0.9:{}\"]", address.port()));
    assert!(none.contains("error · endpoint    https://127.0.0.9"), "{none}");
    assert!(!none.contains("· version"), "nobody was there to ask: {none}");
}

#[test]
fn a_wrong_fingerprint_and_a_wrong_token_are_told_apart() {
    let served = Served::start();
    let wrong = served.settings().replace(&served.server.fingerprint, &["AB"; 32].join(":"));
    let output = served.world(&wrong).run(&["doctor"]);
    assert_eq!(output.status, Some(1), "{output}");
    assert!(output.stdout.contains("error · tls         https://127.0.0.1"), "{output}");
    assert!(output.stdout.contains(&served.server.fingerprint), "the remedy has the one that was shown: {output}");
    assert_eq!(served.server.requests(), 0);

    let wrong =
        served.settings().replace(&served.server.token, "root@pam!spawnpoint=00000000-0000-0000-0000-000000000000");
    let output = served.world(&wrong).run(&["doctor"]);
    assert!(output.stdout.contains("does not accept the token: Authentication failed!"), "{output}");
    assert_eq!(served.server.requests(), 1);
}

#[test]
fn without_a_stack_a_server_can_be_named() {
    let served = Served::start();
    let mut world = World::new();
    equip(&mut world, &[ANSIBLE, SSH]);
    let output = world.run(&["doctor"]);
    assert_eq!(output.status, Some(0), "{output}");
    assert!(output.stdout.contains("no cluster is looked at"), "{output}");

    world.set("PROXMOX_VE_API_TOKEN", &served.server.token);
    let endpoint = format!("-endpoint=https://{}", served.server.address);
    let output = world.run(&["doctor", &endpoint, &format!("-fingerprint={}", served.server.fingerprint)]);
    golden("doctor/named.txt", &comparable(&served, &output));
    assert_eq!(output.status, Some(0), "{output}");
}

#[test]
fn a_stack_with_errors_is_a_finding() {
    let mut world = World::new();
    equip(&mut world, &[]);
    world.write("main.hcl", "vm \"x\" {\n  colour = \"red\"\n}\n");
    let output = world.run(&["doctor"]);
    assert_eq!(output.status, Some(1), "{output}");
    assert!(output.stdout.contains("error · stack"), "{output}");
    assert!(output.stdout.contains("warn  · ansible"), "nothing is known to need it: {output}");
}

#[tokio::test]
async fn a_clock_that_is_far_off_is_an_error() {
    // Not a simulator, whose clock is its own, but a server of 1999.
    let server = Server::start(|_, request| {
        let date = "Date: Fri, 31 Dec 1999 23:59:59 GMT\r\n";
        match request.starts_with("GET /api2/json/version ") {
            true => Reply::Keep(response("200 OK", date, br#"{"data":{"version":"7.4-16"}}"#)),
            false => Reply::Keep(response("501 Method not implemented", date, br#"{"data":null}"#)),
        }
    })
    .await;
    let mut world = World::new();
    world.set("PROXMOX_VE_API_TOKEN", "ci@pve!deploy=5ec2e700");
    world.set("PROXMOX_VE_ENDPOINT", &server.url());
    let arguments = [format!("-endpoint={}", server.url()), format!("-fingerprint={}", server.fingerprint)];
    let output = tokio::task::spawn_blocking(move || world.run(&["doctor", &arguments[0], &arguments[1]])).await;
    let output = output.expect("the test does not panic there");
    assert_eq!(output.status, Some(1), "{output}");
    assert!(
        Regex::new(r"error · clock       the server's clock is \d+ s behind").expect("right").is_match(&output.stdout),
        "{output}"
    );
    assert!(output.stdout.contains("error · version     Proxmox VE 7.4-16 is not supported"), "{output}");
}

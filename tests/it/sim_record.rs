//! `spawnpoint sim record`: a lab of a cluster, recorded over HTTPS, started, and recorded again.

use crate::harness::{World, golden};
use crate::served::Served;
use spawnpoint::simulator::Lab;

/// Records what is served; returns the file and what was said about it.
fn record(served: &Served) -> (String, String) {
    let mut world = World::new();
    world.set("PROXMOX_VE_API_TOKEN", &served.server.token);
    let endpoint = format!("-endpoint=https://{}", served.server.address);
    let fingerprint = format!("-fingerprint={}", served.server.fingerprint);
    let output = world.run(&["sim", "record", &endpoint, &fingerprint]);
    assert_eq!(output.status, Some(0), "{output}");
    (output.stdout, output.stderr)
}

/// Starts a recorded lab and records that.
fn again(file: &str) -> String {
    let lab = Lab::parse("recorded.lab.hcl", file).unwrap_or_else(|error| panic!("{error}\n{file}"));
    record(&Served::of(&lab)).0
}

#[test]
fn a_recorded_lab_starts_and_is_recorded_as_itself() {
    let (file, _) = record(&Served::start());
    golden("record/built-in.lab.hcl", &file);
    assert_eq!(again(&file), file);
}

#[test]
fn what_a_stack_made_is_recorded_without_its_secrets() {
    let served = Served::start();
    let world = served.world(&served.settings());
    let applied = world.run(&["apply", "-auto-approve", "-exclude=game_server.lobby", "-exclude=game_server.survival"]);
    assert_eq!(applied.status, Some(0), "{applied}");
    // What people do beside: notes with a password, a second disk, firmware, a detached disk, a drive with an ISO, a name used twice.
    let put = |vmid: u32, parameters: &[(&str, &str)]| {
        served.call("PUT", &format!("{}/config", served.guest(vmid)), parameters);
    };
    let config = served.call("GET", &format!("{}/config", served.guest(5000)), &[]);
    let marker = config["description"].as_str().unwrap_or_default().to_owned();
    assert!(marker.contains("spawnpoint:v1"), "{marker}");
    put(5000, &[("description", &format!("root is hunter2\n{marker}")), ("cipassword", "hunter2"), ("ciuser", "kim")]);
    put(
        5000,
        &[("sshkeys", "ssh-ed25519%20AAAAC3NzaC1lZDI1NTE5AAAAIGsecretsecretsecretsecretsecretsecretsecre%20kim")],
    );
    served.run(
        "POST",
        "/nodes/pve2/qemu",
        &[
            ("vmid", "700"),
            ("name", "old"),
            ("scsi0", "local-lvm:3.25,ssd=1,discard=on"),
            ("virtio1", "shared:1,format=qcow2"),
            ("efidisk0", "local-lvm:1,efitype=4m"),
            ("ide2", "local:iso/debian-13.1.0-amd64-netinst.iso,media=cdrom"),
            ("sata0", "none,media=cdrom"),
            ("ostype", "win11"),
            ("tags", "b;a"),
        ],
    );
    served.run("POST", "/nodes/pve3/qemu", &[("vmid", "701"), ("name", "old"), ("memory", "512")]);
    served.call("PUT", "/nodes/pve2/qemu/700/config", &[("delete", "virtio1")]);
    served.call("POST", "/pools", &[("poolid", "shelf"), ("comment", "a \"quoted\" ${word}")]);
    served.call("PUT", "/pools", &[("poolid", "shelf"), ("vms", "700"), ("storage", "shared")]);

    let (file, said) = record(&served);
    let lab = Lab::parse("recorded.lab.hcl", &file).expect("it is a lab");
    assert_eq!(lab.pool["shelf"].comment.as_deref(), Some("a \"quoted\" ${word}"));
    assert_eq!(lab.guest["old"].config["scsi0"], "local-lvm:3.25,discard=on,ssd=1");
    assert_eq!(lab.guest["old-701"].config["name"], "old");
    let all = format!("{file}{said}");
    for secret in ["hunter2", "secretsecret", "root is"] {
        assert!(!all.contains(secret), "{secret}:\n{all}");
    }
    for part in ["VM 5000, `cipassword`", "VM 5000, `sshkeys`", "VM 700, `unused0`", "passwords and tokens of users"] {
        assert!(said.contains(part), "{part}:\n{said}");
    }
    assert!(file.contains("spawnpoint:v1 stack="), "the owner is known in the lab too:\n{file}");
    assert_eq!(again(&file), file);
}

#[test]
fn a_cluster_of_the_stack_is_recorded_by_its_name() {
    let world = World::new();
    world.write("main.hcl", "cluster \"lab\" {\n  simulator {}\n}\n");
    let output = world.run(&["sim", "record", "-out", "copy.lab.hcl", "-name", "copy"]);
    assert_eq!(output.status, Some(0), "{output}");
    assert!(output.stderr.contains("Recorded 3 nodes and 1 guests."), "{output}");
    world.write("main.hcl", "cluster \"copy\" {\n  simulator {\n    lab = \"copy.lab.hcl\"\n  }\n}\n");
    let again = world.run(&["sim", "record", "-name", "copy"]);
    let file = std::fs::read_to_string(world.folder().join("copy.lab.hcl")).expect("it was written");
    assert_eq!(again.stdout, file, "{again}");

    let output = world.run(&["sim", "record", "-cluster", "other"]);
    assert_eq!(output.status, Some(1), "{output}");
    assert!(output.stderr.contains("which cluster is to be recorded?"), "{output}");
}

//! `spawnpoint sim record`: a lab of a cluster, recorded over HTTPS, started, and recorded again.

use crate::harness::{World, golden};
use crate::served::{Served, comparable};
use regex::Regex;
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

const PARTS: &str = r#"
network_zone "games" {
  zone = "games"
  type = "simple"
}

tenant "acme" {
  network {
    zone    = network_zone.games.zone
    cidr    = "10.50.0.0/24"
    gateway = "10.50.0.1"
    snat    = true
  }
  firewall {
    allow "ssh" {
      proto  = "tcp"
      port   = 22
      source = "10.0.0.0/8"
    }
  }
}

vm "one" {
  node   = "pve1"
  cores  = 2
  memory = "2GiB"
  tenant = tenant.acme

  disk "scsi0" {
    storage = "local-lvm"
    size    = "4GiB"
  }
  network "net0" {
    address  = "auto"
    firewall = true
  }
  firewall {
    enable = true

    rule "players" {
      action = "ACCEPT"
      proto  = "udp"
      dport  = "25565"
    }
  }
}

container "dns" {
  node       = "pve2"
  ostemplate = "shared:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst"

  rootfs {
    storage = "local-lvm"
    size    = "3GiB"
  }
  mount "mp0" {
    storage = "local-lvm"
    size    = "1GiB"
    mp      = "/srv"
  }
  network "net0" {
    bridge  = "vmbr0"
    address = "dhcp"
  }
}

snapshot "before" {
  vm      = vm.one
  name    = "before"
  vmstate = true
}

snapshot "later" {
  container = container.dns
  name      = "later"
}

ha_resource "one" {
  sid          = "vm:${vm.one.vmid}"
  state        = "ignored"
  max_relocate = 2
}

ha_rule "home" {
  rule      = "home"
  type      = "node-affinity"
  resources = [ha_resource.one.sid]
  nodes     = ["pve1:2", "pve2"]
  comment   = "at home"
}

firewall "cluster" {
  policy_in = "DROP"

  rule "management" {
    action = "ACCEPT"
    source = "198.51.100.0/24"
    macro  = "SSH"
  }
}

ip_set "players" {
  name      = "players"
  comment   = "who plays"
  addresses = ["10.1.0.0/16", "!10.1.1.0/24"]
}

firewall_alias "office" {
  name = "office"
  cidr = "192.0.2.0/24"
}

firewall_group "web" {
  group   = "web"
  comment = "what browsers need"

  rule "https" {
    type   = "in"
    action = "ACCEPT"
    proto  = "tcp"
    dport  = "443"
  }
}
"#;

#[test]
fn what_was_recorded_is_for_the_state_what_was_there() {
    let served = Served::start();
    let world = World::new();
    world.write("main.hcl", &format!("cluster \"lab\" {{\n{}}}\n{PARTS}", served.settings()));
    let applied = world.run(&["apply", "-auto-approve"]);
    assert_eq!(applied.status, Some(0), "{applied}");
    let (file, said) = record(&served);
    let times = Regex::new(r"time_s( +)= \d+").expect("the pattern is right");
    golden("record/parts.txt", &comparable(&times.replace_all(&file, "time_s${1}= TIME")));
    assert_eq!(again(&file), file, "{said}");

    let lab = Lab::parse("recorded.lab.hcl", &file).unwrap_or_else(|error| panic!("{error}\n{file}"));
    let copy = Served::of(&lab);
    world.write("main.hcl", &format!("cluster \"lab\" {{\n{}}}\n{PARTS}", copy.settings()));
    let planned = world.run(&["plan", "-detailed-exitcode"]);
    assert_eq!(planned.status, Some(0), "{planned}\n{file}");
}

#[test]
fn mistakes_in_a_lab_are_told_with_their_line() {
    let start = "cluster = \"x\"\nnode \"a\" {\n  cores = 4\n  memory_gib = 8\n}\nstorage \"s\" {\n  type = \"dir\"\n  content = [\"rootdir\"]\n  size_gib = 1\n}\n";
    let check = |more: &str, line: usize, words: &str| {
        let error = Lab::parse("x.lab.hcl", &format!("{start}{more}")).expect_err("the lab is wrong");
        assert_eq!(error.line, Some(line), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    };
    check("container \"c\" {\n  vmid = 100\n  node = \"b\"\n}\n", 11, "is on node `b`");
    check("firewall \"guest/100\" {}\n", 11, "there is no place for firewall");
    check("ha_resource \"vm:100\" {}\n", 11, "of a guest of the lab");
    check("vnet \"v\" {\n  zone = \"z\"\n}\n", 11, "has no `zone` that the lab has");
    check("guest \"g\" {\n  vmid = 100\n  parent = \"p\"\n}\n", 11, "has no snapshot `p`");
    let twins = "guest \"g\" {\n  vmid = 100\n}\ncontainer \"c\" {\n  vmid = 100\n}\n";
    check(twins, 14, "have one id, 100");

    let wrong = |more: &str, words: &str| {
        let lab = Lab::parse("x.lab.hcl", &format!("{start}{more}")).expect("what the API has is not looked at here");
        let error = spawnpoint::simulator::Machine::new(&lab, 0).err().expect("it cannot be built");
        assert!(error.contains(words), "{error}");
    };
    wrong("zone \"z\" {\n  kind = \"simple\"\n}\n", "zone `z`: the API has no setting `kind` here");
    wrong("firewall \"cluster\" {\n  options = { on = \"1\" }\n}\n", "no setting `on`");
    wrong("ha_group \"g\" {}\n", "version 9.2 has `ha_rule` instead");
    wrong("container \"c\" {\n  vmid = 100\n}\n", "needs a `rootfs`");
}

//! `spawnpoint permissions`: what it prints is enough, to the letter. A test plays `pveum` and runs every printed line on a simulated cluster;
//! the token made that way applies and destroys the stack.

use crate::harness::World;
use crate::planner_world::lab_with_urls;
use crate::served::Served;

const STACK: &str = r#"
tier "small" {
  cores  = 8
  memory = "16GiB"
}

tenant "acme" {
  tier = tier.small
  network {
    bridge = "vmbr1"
    vlan   = 40
    cidr   = "10.40.0.0/24"
  }
  access "kim@pve" {
    role = "PVEVMUser"
  }
}

template "debian13" {
  vmid = 9000
}

vm "web" {
  count    = 2
  tenant   = tenant.acme
  template = template.debian13
  memory   = "2GiB"
  network "net0" {
    address = "auto"
  }
}
"#;

const BUILT: &str = r#"
storage_file "tools" {
  node         = "pve2"
  storage      = "local"
  content_type = "iso"
  url          = "https://images.example/tools.iso"
}

template "debian" {
  nodes        = ["pve1", "pve2"]
  disk_storage = "local-lvm"
  disk_size    = "4GiB"

  image {
    url     = "https://images.example/debian-13.qcow2"
    storage = "local"
  }
}

vm "a" {
  template = template.debian
  node     = "pve2"
  power    = "stopped"

  disk "scsi0" {
    size    = "8GiB"
    storage = "local-lvm"
  }
  cdrom "sata0" {
    file = storage_file.tools.volume
  }
}
"#;

/// Runs the lines as `pveum` would, except the privileges in `without`, and returns the secret of the token they make.
fn run_as_root(served: &Served, commands: &str, without: &str) -> String {
    let mut token = String::new();
    for line in commands.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let quoted: Vec<&str> = line.split('"').collect();
        let words: Vec<&str> = line.split_whitespace().map(|word| word.trim_matches('\'')).collect();
        let flag = |name: &str| words.iter().position(|word| *word == name).map(|at| words[at + 1]);
        match words[1..3] {
            ["role", "add"] => {
                let privileges: Vec<&str> = quoted[1].split(' ').filter(|privilege| *privilege != without).collect();
                served.call("POST", "/access/roles", &[("roleid", words[3]), ("privs", &privileges.join(","))]);
            }
            ["user", "add"] => drop(served.call("POST", "/access/users", &[("userid", words[3])])),
            ["user", "token"] => {
                let path = format!("/access/users/{}/token/{}", words[4], words[5]);
                let made = served.call("POST", &path, &[("privsep", flag("-privsep").expect("it says so"))]);
                let text = |name: &str| made[name].as_str().expect("the server tells it").to_owned();
                token = format!("{}={}", text("full-tokenid"), text("value"));
            }
            ["acl", "modify"] => {
                let mut parameters = vec![("path", words[3]), ("roles", flag("-role").expect("a rule has a role"))];
                parameters.extend(flag("-user").map(|user| ("users", user)));
                parameters.extend(flag("-token").map(|token| ("tokens", token)));
                parameters.extend(flag("-propagate").map(|below| ("propagate", below)));
                served.call("PUT", "/access/acl", &parameters);
            }
            _ => panic!("no command of pveum: {line}"),
        }
    }
    token
}

fn world(served: &Served, stack: &str, token: &str) -> World {
    let world = World::new();
    let settings = served.settings().replace(&served.server.token, token);
    world.write("main.hcl", &format!("cluster \"home\" {{\n{settings}}}\n{stack}"));
    world
}

fn printed(served: &Served, stack: &str) -> String {
    let output = world(served, stack, "nobody@pve!none=00000000-0000-0000-0000-000000000000").run(&["permissions"]);
    assert_eq!(output.status, Some(0), "{output}");
    assert_eq!(served.server.requests(), 0, "nothing was asked");
    output.stdout
}

/// A pool that is destroyed takes the access rules on it along, those that were granted by hand included.
fn without_rules(served: &Served) -> serde_json::Value {
    let mut dump: serde_json::Value = serde_json::from_str(&served.dump()).expect("it is JSON");
    dump["acl"].take();
    dump
}

#[test]
fn what_is_printed_is_enough_for_the_stack() {
    is_enough(STACK);
}

#[test]
fn what_is_printed_is_enough_for_templates_that_are_built() {
    is_enough(BUILT);
}

const CONTAINERS: &str = r#"
container "dns" {
  node       = "pve1"
  ostemplate = "shared:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst"

  rootfs {
    storage = "local-lvm"
    size    = "2GiB"
  }
  network "net0" {
    bridge = "vmbr0"
  }
}

container "back" {
  node = "pve1"
  restore {
    archive = "ARCHIVE"
    storage = "local-lvm"
  }
}

container "other" {
  node = "pve1"
  restore {
    archive = "ARCHIVE"
  }
  rootfs {
    storage = "shared"
    size    = "3GiB"
  }
}
"#;

#[test]
fn what_is_printed_is_enough_for_containers_and_their_backups() {
    let served = Served::of(&lab_with_urls());
    let archive = "shared:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst";
    let container =
        [("vmid", "200"), ("ostemplate", archive), ("rootfs", "local-lvm:2"), ("net0", "name=eth0,bridge=vmbr1")];
    served.run("POST", "/nodes/pve1/lxc", &container);
    served.run("POST", "/nodes/pve1/vzdump", &[("vmid", "200"), ("storage", "local")]);
    let volumes = served.call("GET", "/nodes/pve1/storage/local/content", &[]);
    let mut volumes = volumes.as_array().expect("a list").iter().filter_map(|volume| volume["volid"].as_str());
    let backup = volumes.find(|volume| volume.contains("vzdump-lxc-200")).expect("the backup is there");
    served.run("DELETE", "/nodes/pve1/lxc/200", &[]);
    is_enough_on(&served, &CONTAINERS.replace("ARCHIVE", backup));
}

fn is_enough(stack: &str) {
    is_enough_on(&Served::of(&lab_with_urls()), stack);
}

fn is_enough_on(served: &Served, stack: &str) {
    let token = run_as_root(served, &printed(served, stack), "");
    let world = world(served, stack, &token);
    let before = without_rules(served);

    let planned = world.run(&["plan"]);
    assert_eq!((planned.status, planned.stderr.contains("may not")), (Some(0), false), "{planned}");
    let applied = world.run(&["apply", "-auto-approve"]);
    assert_eq!(applied.status, Some(0), "{applied}");
    let again = world.run(&["plan", "-detailed-exitcode"]);
    assert!(again.stdout.starts_with("No changes."), "{again}");
    let destroyed = world.run(&["destroy", "-auto-approve"]);
    assert_eq!(destroyed.status, Some(0), "{destroyed}");
    assert!(without_rules(served) == before, "everything made is gone");
}

#[test]
fn a_plan_says_which_privilege_is_missing() {
    for privilege in ["VM.Clone", "VM.Config.Network", "Datastore.AllocateSpace", "SDN.Use", "Pool.Allocate"] {
        let served = Served::start();
        let token = run_as_root(&served, &printed(&served, STACK), privilege);
        let planned = world(&served, STACK, &token).run(&["plan"]);
        assert_eq!(planned.status, Some(0), "{planned}");
        let warning: Vec<&str> = planned.stderr.lines().filter(|line| line.contains(privilege)).collect();
        assert_eq!(warning.len(), 1, "{planned}");
    }
}

#[test]
fn a_token_that_may_not_see_a_guest_does_not_make_it_anew() {
    let served = Served::start();
    let token = run_as_root(&served, &printed(&served, STACK), "");
    let world = world(&served, STACK, &token);
    let applied = world.run(&["apply", "-auto-approve"]);
    assert_eq!(applied.status, Some(0), "{applied}");

    // The rights on the guests go, those on everything else stay.
    let rules = served.call("GET", "/access/acl", &[]);
    let is_it = |rule: &&serde_json::Value| rule["path"] == "/pool/acme" && rule["type"] == "token";
    let rule = rules.as_array().and_then(|rules| rules.iter().find(is_it)).expect("the pool has a rule");
    let role = rule["roleid"].as_str().expect("a rule has a role");
    let privileges = served.call("GET", &format!("/access/roles/{role}"), &[]);
    let kept: Vec<&str> = privileges.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let kept: Vec<&str> = kept.into_iter().filter(|name| *name != "VM.Audit").collect();
    served.call("PUT", &format!("/access/roles/{role}"), &[("privs", &kept.join(","))]);
    let planned = world.run(&["plan"]);
    assert_eq!(planned.status, Some(1), "{planned}");
    assert!(planned.stderr.contains("vm.web[0] cannot be planned: the token may not read `/vms/"), "{planned}");
}

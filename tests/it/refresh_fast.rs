//! `-refresh=fast`: how many requests it spares, and that it sees what shows a sign.

use crate::harness::{CommandOutput, World};
use crate::served::Served;

const STACK: &str = r#"
template "debian13" {
  vmid = 9000
}

vm "x" {
  count    = 6
  template = template.debian13
  memory   = "1GiB"
}
"#;

/// A template and six guests.
const GUESTS: u64 = 7;

struct Looked {
    output: CommandOutput,
    requests: u64,
}

fn look(served: &Served, world: &World, refresh: &str) -> Looked {
    let before = served.server.requests();
    let output = world.run(&["plan", refresh]);
    assert_eq!(output.status, Some(0), "{output}");
    Looked { output, requests: served.server.requests() - before }
}

fn applied(served: &Served, settings: &str) -> World {
    let world = World::new();
    world.write("main.hcl", &format!("cluster \"lab\" {{\n{settings}}}\n{STACK}"));
    let output = world.run(&["apply", "-auto-approve"]);
    assert_eq!(output.status, Some(0), "{output}");
    // Guests are seen to run, and what the log says of the apply is old.
    served.pass(600);
    world
}

#[test]
fn guests_without_a_sign_of_change_are_not_read() {
    let served = Served::start();
    let world = applied(&served, &served.settings());
    let whole = look(&served, &world, "-refresh=true");
    assert!(whole.output.stdout.starts_with("No changes."), "{}", whole.output);

    let first = look(&served, &world, "-refresh=fast");
    assert!(first.output.stderr.contains("nothing was recorded of this cluster yet"), "{}", first.output);
    assert_eq!(first.requests, whole.requests);

    served.pass(600);
    let second = look(&served, &world, "-refresh=fast");
    assert!(
        second.output.stderr.contains("Fast look at lab: 7 guests are taken as they were seen last."),
        "{}",
        second.output
    );
    assert_eq!(second.output.stdout, whole.output.stdout);
    // What the token may see, and the log, instead of a read of each guest.
    assert_eq!(second.requests, whole.requests - GUESTS + 2);
    println!("{GUESTS} guests: {} requests, fast {}", whole.requests, second.requests);

    // A write to a configuration is in the log, whoever made it. What was not read is not forgotten by that.
    let guests = served.call("GET", "/cluster/resources", &[]);
    let guest = guests.as_array().into_iter().flatten().find(|row| row["type"] == "qemu" && row["template"] != 1);
    let vmid = guest.and_then(|row| row["vmid"].as_u64()).and_then(|vmid| u32::try_from(vmid).ok());
    let guest = served.guest(vmid.expect("the stack made some"));
    served.call("PUT", &format!("{guest}/config"), &[("memory", "2048")]);
    served.pass(600);
    let third = look(&served, &world, "-refresh=fast");
    assert!(third.output.stderr.contains("6 guests are taken"), "{}", third.output);
    assert_eq!(third.requests, whole.requests - GUESTS + 3);
    assert_eq!(third.output.stdout, look(&served, &world, "-refresh=true").output.stdout);
    assert!(third.output.stdout.contains("memory"), "{}", third.output);

    // An apply by a fast look does the same, and a plan after it finds nothing.
    let output = world.run(&["apply", "-refresh=fast", "-auto-approve"]);
    assert_eq!(output.status, Some(0), "{output}");
    assert!(look(&served, &world, "-refresh=fast").output.stdout.starts_with("No changes."));
    assert!(look(&served, &world, "-refresh=true").output.stdout.starts_with("No changes."));
}

#[test]
fn what_is_recorded_is_sealed_and_counts_only_where_it_was_made() {
    let served = Served::start();
    let world = applied(&served, &served.settings());
    look(&served, &world, "-refresh=fast");
    let path = world.folder().join(".spawnpoint/seen-default.sealed");
    let sealed = std::fs::read_to_string(&path).expect("the look was recorded");
    assert!(!sealed.contains("memory") && !sealed.contains("spawnpoint:v1"), "{sealed}");

    // A cluster whose clock went back is another one.
    let other = Served::start();
    world.write("main.hcl", &format!("cluster \"lab\" {{\n{}}}\n{STACK}", other.settings()));
    let looked = look(&other, &world, "-refresh=fast");
    assert!(looked.output.stderr.contains("everything is read"), "{}", looked.output);

    // What cannot be opened is as good as nothing.
    world.write("main.hcl", &format!("cluster \"lab\" {{\n{}}}\n{STACK}", served.settings()));
    std::fs::write(&path, "no seal").expect("it is ours");
    let looked = look(&served, &world, "-refresh=fast");
    assert!(looked.output.stderr.contains("nothing was recorded"), "{}", looked.output);
}

#[test]
fn whoever_sees_only_a_part_of_the_log_reads_everything() {
    let served = Served::start();
    let world = applied(&served, &served.settings());
    served.call("POST", "/access/users", &[("userid", "look@pve")]);
    let token = served.call("POST", "/access/users/look@pve/token/only", &[("privsep", "0")]);
    served.call(
        "PUT",
        "/access/acl",
        &[("path", "/"), ("users", "look@pve"), ("roles", "PVEVMAdmin,PVEDatastoreAdmin")],
    );
    served.call("POST", "/access/roles", &[("roleid", "Look"), ("privs", "Sys.Audit SDN.Audit SDN.Use")]);
    served.call("PUT", "/access/acl", &[("path", "/"), ("users", "look@pve"), ("roles", "Look")]);
    let secret = token["value"].as_str().expect("a new token tells its secret");
    let settings = served.settings().replace(&served.server.token, &format!("look@pve!only={secret}"));
    world.write("main.hcl", &format!("cluster \"lab\" {{\n{settings}}}\n{STACK}"));
    look(&served, &world, "-refresh=fast");
    served.pass(600);
    let looked = look(&served, &world, "-refresh=fast");
    assert!(looked.output.stderr.contains("without Sys.Syslog on /"), "{}", looked.output);
    assert!(looked.output.stdout.starts_with("No changes."), "{}", looked.output);
}

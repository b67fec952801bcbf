//! `-refresh=false`: a plan from what is recorded, and an apply that looks before it does anything.

use crate::harness::{CommandOutput, World};
use crate::served::Served;

const STACK: &str = r#"
template "debian13" {
  vmid = 9000
}

pool "games" {
  poolid  = "games"
  comment = "COMMENT"
}

vm "x" {
  count    = 2
  template = template.debian13
  memory   = "1GiB"
}
"#;

fn write(world: &World, served: &Served, comment: &str) {
    let stack = STACK.replace("COMMENT", comment);
    world.write("main.hcl", &format!("cluster \"lab\" {{\n{}}}\n{stack}", served.settings()));
}

fn ends(world: &World, arguments: &[&str], status: i32) -> CommandOutput {
    let output = world.run(arguments);
    assert_eq!(output.status, Some(status), "{output}");
    output
}

fn applied(served: &Served) -> World {
    let world = World::new();
    write(&world, served, "first");
    ends(&world, &["apply", "-auto-approve"], 0);
    served.pass(600);
    world
}

/// The path of a guest that the stack made.
fn guest(served: &Served) -> String {
    let guests = served.call("GET", "/cluster/resources", &[]);
    let guest = guests.as_array().into_iter().flatten().find(|row| row["type"] == "qemu" && row["template"] != 1);
    let vmid = guest.and_then(|row| row["vmid"].as_u64()).and_then(|vmid| u32::try_from(vmid).ok());
    served.guest(vmid.expect("the stack made some"))
}

#[test]
fn a_plan_without_a_look_goes_by_what_is_recorded() {
    let served = Served::start();
    let world = applied(&served);
    let config = format!("{}/config", guest(&served));
    served.call("PUT", &config, &[("memory", "2048")]);
    let before = served.server.requests();
    ends(&world, &["plan", "-detailed-exitcode"], 2);
    let looked = served.server.requests() - before;
    let plan = ends(&world, &["plan", "-refresh=false", "-detailed-exitcode"], 0);
    let unlooked = served.server.requests() - before - looked;
    assert!(plan.stdout.contains("made without a look at what is recorded"), "{plan}");
    assert!(plan.stdout.contains("No changes. What is recorded matches the configuration."), "{plan}");
    // At least the two guests are spared; the template is not ours, and guests are made by what it is like.
    assert!(unlooked + 2 <= looked, "{unlooked} of {looked} requests");

    write(&world, &served, "second");
    let plan = ends(&world, &["plan", "-refresh=false"], 0);
    assert!(plan.stdout.contains("0 to add, 1 to change, 0 to destroy"), "{plan}");
    assert!(!plan.stdout.contains("memory"), "{plan}");
    let plan = ends(&world, &["plan", "-refresh=false", "-destroy"], 0);
    assert!(plan.stdout.contains("3 to destroy"), "{plan}");
    let output = ends(&world, &["plan", "-refresh=false", "-refresh-only"], 1);
    assert!(output.stderr.contains("would do nothing"), "{output}");
}

#[test]
fn an_apply_without_a_look_looks_before_it_changes_anything() {
    let served = Served::start();
    let world = applied(&served);
    let config = format!("{}/config", guest(&served));
    served.call("PUT", &config, &[("memory", "2048")]);
    write(&world, &served, "second");
    let output = ends(&world, &["apply", "-refresh=false", "-auto-approve"], 4);
    assert!(output.stderr.contains("what is there is not what is recorded. Nothing was done"), "{output}");
    assert_eq!(served.call("GET", "/pools/games", &[])["comment"], "first");
    // A plan file is planned again in any case.
    ends(&world, &["plan", "-refresh=false", "-out=it.plan"], 0);
    ends(&world, &["apply", "it.plan"], 4);

    served.call("PUT", &config, &[("memory", "1024")]);
    ends(&world, &["apply", "it.plan"], 0);
    assert_eq!(served.call("GET", "/pools/games", &[])["comment"], "second");
    write(&world, &served, "third");
    ends(&world, &["apply", "-refresh=false", "-auto-approve"], 0);
    let plan = ends(&world, &["plan", "-detailed-exitcode"], 0);
    assert!(plan.stdout.contains("No changes."), "{plan}");
}

//! `data` blocks in the binary: without a cluster, from one snapshot with the plan, from a plan file, and from other stacks.

use crate::harness::World;

const LAB: &str = include_str!("../../src/simulator/labs/built-in.lab.hcl");

const CLUSTER: &str =
    "cluster \"lab\" {\n  vmid_range = [5000, 5999]\n\n  simulator {\n    lab = \"main.lab.hcl\"\n  }\n}\n";

/// A lab in which somebody made a router.
fn lab(router: &str) -> String {
    format!("{LAB}\nguest \"{router}\" {{\n  vmid = 110\n  node = \"pve2\"\n}}\n")
}

const STACK: &str = r#"
template "debian13" {
  vmid = 9000
}

data "vms" "all" {
}

data "vm" "known" {
  for_each = data.vms.all.names
  name     = each.key
}

module "twin" {
  source   = "./twin"
  for_each = data.vms.all.names
  template = template.debian13
  node     = data.vm.known[each.key].node
}

output "nodes" {
  value = { for name, twin in module.twin : name => twin.node }
}
"#;

const TWIN: &str = r#"
variable "template" {
  type = template
}

variable "node" {
  type = string
}

data "node" "here" {
  name = var.node
}

vm "twin" {
  template = var.template
  node     = data.node.here.name
  count    = data.node.here.online ? 1 : 0
}

output "node" {
  value = data.node.here.name
}
"#;

fn world() -> World {
    let world = World::new();
    world.write("main.hcl", &format!("{CLUSTER}{STACK}"));
    world.write("twin/main.hcl", TWIN);
    world.write("main.lab.hcl", &lab("router"));
    world
}

#[test]
fn look_ups_need_a_cluster_only_to_plan() {
    let world = world();
    for arguments in [&["validate"][..], &["fmt", "-check", "main.hcl"], &["graph"]] {
        let output = world.run(arguments);
        assert_eq!(output.status, Some(0), "{output}");
    }
    assert!(!world.folder().join(".spawnpoint").exists(), "nothing was opened");
    let graph = world.run(&["graph"]).stdout;
    assert!(graph.contains(r#""data.vm.known" -> "data.vms.all";"#), "{graph}");
    let console = world.run_with_input(&["console"], "data.vm.known\nlength(data.vms.all.names) + 1\n");
    assert!(console.status == Some(0) && console.stdout.contains("(known after apply)"), "{console}");
    let typo = world.run_with_input(&["console"], "data.vms.all.nmaes\n");
    assert!(typo.status == Some(1) && typo.stderr.contains("did you mean `names`?"), "{typo}");
}

#[test]
fn instances_follow_what_is_there() {
    let world = world();
    let applied = world.run(&["apply", "-auto-approve"]);
    assert_eq!(applied.status, Some(0), "{applied}");
    assert!(applied.stdout.contains("nodes = { router = \"pve2\" }"), "{applied}");
    let graph = world.run(&["graph"]).stdout;
    assert!(graph.contains("data.vms.all"), "{graph}");
}

#[test]
fn a_plan_file_is_stale_when_what_it_looked_up_has_changed() {
    let world = World::new();
    let gateway = |address: &str| {
        world.write("network/main.hcl", &format!("output \"gateway\" {{\n  value = \"{address}\"\n}}\n"));
        assert_eq!(world.run(&["-chdir=network", "apply", "-auto-approve"]).status, Some(0));
    };
    gateway("10.40.0.1");
    let stack = "template \"debian13\" {\n  vmid = 9000\n}\n\ndata \"stack\" \"network\" {\n  folder = \"network\"\n}\n\nvm \"mc\" {\n  \
                 template    = template.debian13\n  description = \"behind ${data.stack.network.outputs.gateway}\"\n}\n";
    world.write("main.hcl", &format!("{CLUSTER}{stack}"));
    world.write("main.lab.hcl", &lab("router"));
    assert_eq!(world.run(&["plan", "-out", "it.plan"]).status, Some(0));
    gateway("10.40.0.254");
    let stale = world.run(&["apply", "it.plan"]);
    assert_eq!(stale.status, Some(4), "{stale}");
    assert!(stale.stderr.contains("behind 10.40.0.254"), "{stale}");
    gateway("10.40.0.1");
    let applied = world.run(&["apply", "it.plan"]);
    assert_eq!(applied.status, Some(0), "{applied}");
    assert_eq!(world.run(&["plan", "-detailed-exitcode"]).status, Some(0));
}

#[test]
fn outputs_of_another_stack_keep_their_secrets() {
    let world = World::new();
    let network = "output \"gateway\" {\n  value = \"10.40.0.1\"\n}\n\noutput \"password\" {\n  value     = \"hunter2\"\n  sensitive = true\n}\n";
    world.write("network/main.hcl", network);
    let user = "data \"stack\" \"network\" {\n  folder = \"network\"\n}\n\noutput \"gateway\" {\n  value = data.stack.network.outputs.gateway\n}\n\n\
                output \"login\" {\n  value     = \"root:${data.stack.network.outputs.password}\"\n  sensitive = true\n}\n";
    world.write("main.hcl", user);
    let early = world.run(&["plan"]);
    assert_eq!(early.status, Some(1), "{early}");
    assert!(early.stderr.contains("it has no state in workspace `default` yet, apply it first"), "{early}");
    assert!(!world.folder().join("network/.spawnpoint").exists(), "looking makes nothing");
    let applied = world.run(&["-chdir=network", "apply", "-auto-approve"]);
    assert_eq!(applied.status, Some(0), "{applied}");
    let planned = world.run(&["plan"]);
    assert!(planned.status == Some(0) && planned.stdout.contains("10.40.0.1"), "{planned}");
    assert!(!format!("{planned}").contains("hunter2"), "{planned}");
    let shown = user.replace("  sensitive = true\n", "");
    world.write("main.hcl", &shown);
    let refused = world.run(&["plan"]);
    assert!(refused.stderr.contains("is made from sensitive values"), "{refused}");
    world.write("main.hcl", &user.replace("outputs.gateway", "outputs.getaway"));
    let typo = world.run(&["plan"]);
    assert!(typo.stderr.contains("did you mean `gateway`?"), "{typo}");
}

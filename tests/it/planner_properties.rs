//! Apply, then plan again: no changes. Over random guests with every attribute that is not an identity, and over what changes them.

use crate::harness::sized;
use crate::planner_world::PlannerWorld;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use spawnpoint::plan::Options;
use spawnpoint::simulator::Lab;

const BASE: &str = r#"
cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

tenant "acme" {
  network {
    bridge  = "vmbr1"
    vlan    = 40
    cidr    = "10.40.0.0/24"
    gateway = "10.40.0.1"
    dns     = ["10.40.0.1"]
  }
}
"#;

/// One line of HCL, or nothing.
fn line(name: &'static str, values: &'static [&'static str]) -> BoxedStrategy<String> {
    prop_oneof![
        1 => Just(String::new()),
        2 => proptest::sample::select(values).prop_map(move |value| format!("  {name} = {value}\n")),
    ]
    .boxed()
}

fn attributes() -> BoxedStrategy<String> {
    let lines: Vec<BoxedStrategy<String>> = vec![
        line("name", &["\"web\"", "\"Lobby-1\""]),
        line("cores", &["1", "4", "\"3\""]),
        line("sockets", &["1", "2"]),
        line("memory", &["\"1GiB\"", "\"1.5GiB\"", "\"4096M\""]),
        line("balloon", &["\"0B\"", "\"512MiB\""]),
        line("cpulimit", &["0", "1.5", "2"]),
        line("cpuunits", &["100", "1000"]),
        line("numa", &["true", "false"]),
        line("ostype", &["\"l26\"", "\"other\""]),
        line("scsihw", &["\"virtio-scsi-pci\"", "\"virtio-scsi-single\""]),
        line("onboot", &["true", "false"]),
        line("description", &["\"\"", "\"one\\ntwo\"", "\"ends in a break\\n\"", "\"a=b, c; ä\\r\\nd\""]),
        line("tags", &["[]", "[\"b\", \"A\", \"b\"]", "[\"spawnpoint\", \"x_1\"]"]),
        line("power", &["\"running\"", "\"stopped\"", "\"ignore\""]),
        line("clone", &["\"full\""]),
    ];
    lines.prop_map(|lines| lines.concat()).boxed()
}

fn disk() -> BoxedStrategy<String> {
    let options: Vec<BoxedStrategy<String>> = vec![
        line("ssd", &["true", "false"]),
        line("discard", &["true", "false"]),
        line("iothread", &["true", "false"]),
        line("cache", &["\"none\"", "\"writeback\""]),
        line("backup", &["true", "false"]),
        line("delete_on_remove", &["true", "false"]),
    ];
    options.prop_map(|lines| lines.concat()).boxed()
}

fn blocks() -> BoxedStrategy<String> {
    let first = (proptest::sample::select(vec!["3GiB", "8GiB", "3584MiB"]), disk())
        .prop_map(|(size, options)| format!("  disk \"scsi0\" {{\n  size = \"{size}\"\n{options}  }}\n"));
    let second = (proptest::sample::select(vec!["scsi1", "virtio3", "sata0"]), disk()).prop_map(|(slot, options)| {
        let missing = if slot == "sata0" { "iothread = true" } else { "ssd = true" };
        let options = if slot == "scsi1" { options } else { options.replace(missing, "") };
        format!("  disk \"{slot}\" {{\n  size = \"2GiB\"\n  storage = \"shared\"\n{options}  }}\n")
    });
    let nic = vec![
        line("model", &["\"virtio\"", "\"e1000\""]),
        line("firewall", &["true", "false"]),
        line("rate", &["1.5", "10"]),
        line("address", &["\"auto\"", "\"dhcp\"", "\"10.40.0.77/24\""]),
        line("mac", &["\"bc:24:11:0a:0b:0c\""]),
    ];
    let nic = nic.prop_map(|lines| format!("  network \"net0\" {{\n{}  }}\n", lines.concat()));
    let cloud_init = vec![
        line("user", &["\"game\""]),
        line("password", &["\"secret\""]),
        line("upgrade", &["true", "false"]),
        line("ssh_keys", &["[\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ kim@ws1\\n\"]"]),
        line("dns", &["[\"10.40.0.1\", \"9.9.9.9\"]"]),
        line("search_domain", &["\"acme.lan\""]),
    ];
    let cloud_init = cloud_init.prop_map(|lines| format!("  cloud_init {{\n{}  }}\n", lines.concat()));
    let optional = |block: BoxedStrategy<String>| prop_oneof![Just(String::new()), block];
    let parts =
        (optional(first.boxed()), optional(second.boxed()), optional(nic.boxed()), optional(cloud_init.boxed()));
    parts.prop_map(|(a, b, c, d)| a + &b + &c + &d).boxed()
}

fn guest() -> BoxedStrategy<String> {
    let parts = (attributes(), blocks());
    let text = |(attributes, blocks)| {
        format!("{BASE}\nvm \"x\" {{\n  tenant = tenant.acme\n  template = template.debian13\n{attributes}{blocks}}}\n")
    };
    parts.prop_map(text).boxed()
}

/// Plans and applies, and plans again. Whether there was a plan: a disk cannot shrink.
fn settles(world: &mut PlannerWorld, text: &str) -> bool {
    let planned = world.plan(text, &Options::default());
    let Some(plan) = &planned.plan else {
        assert!(planned.text().contains("cannot shrink"), "{}\n{text}", planned.text());
        return false;
    };
    world.apply(plan);
    let again = world.plan(text, &Options::default());
    let is_empty = again.plan.as_ref().is_some_and(|plan| plan.is_empty() && plan.operations.is_empty());
    assert!(
        is_empty,
        "not empty after this was applied:\n{}\nwith this:\n{}\nthen:\n{}",
        planned.text(),
        text,
        again.text()
    );
    true
}

#[test]
fn what_was_applied_plans_empty() {
    let cases = sized(400, 40);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let run = runner.run(&(guest(), guest()), |(first, second)| {
        let mut world = PlannerWorld::new("properties", &Lab::built_in());
        assert!(settles(&mut world, &first), "a new guest can be made");
        settles(&mut world, &second);
        Ok(())
    });
    println!("{cases} pairs of random guests made, changed and planned again");
    if let Err(error) = run {
        panic!("{error}");
    }
}

//! What goes wrong with Proxmox VE (`docs/hazards.md`), where no other test holds our answer: plans against the simulator, told by the calls
//! they make and by what is there in the end.

use crate::planner_world::PlannerWorld;
use spawnpoint::plan::{Guard, Mode, Options, Plan, Task};
use spawnpoint::proxmox::{Call, Method};
use spawnpoint::simulator::{Faults, InProcess, Lab, Pace, Rule, Store};
use std::sync::{Arc, Mutex};

const HEAD: &str = "cluster \"lab\" {\n  simulator {}\n}\n\ntemplate \"debian13\" {\n  vmid = 9000\n}\n";

fn world() -> PlannerWorld {
    PlannerWorld::new("hazards", &Lab::built_in())
}

/// A world in which calls go wrong.
fn troubled(rule: Rule) -> PlannerWorld {
    let mut store = Store::in_memory(&Lab::built_in(), Pace::Instant).expect("the lab opens");
    *store.faults() = Faults::new([rule]).expect("the rule is valid");
    PlannerWorld::over("hazards", Arc::new(InProcess::new(Arc::new(Mutex::new(store)))))
}

/// A guest of the template with further lines.
fn vm(lines: &str) -> String {
    format!("{HEAD}\nvm \"mc\" {{\n  template = template.debian13\n  node = \"pve1\"\n{lines}\n}}\n")
}

fn planned(world: &PlannerWorld, text: &str) -> Plan {
    let planned = world.plan(text, &Options::default());
    let shown = planned.text();
    planned.plan.unwrap_or_else(|| panic!("{shown}"))
}

fn apply(world: &mut PlannerWorld, text: &str) -> Plan {
    let plan = planned(world, text);
    world.apply(&plan);
    assert_settled(world, text);
    plan
}

fn assert_settled(world: &PlannerWorld, text: &str) {
    let again = world.plan(text, &Options::default());
    assert!(again.plan.as_ref().is_some_and(|plan| plan.is_empty() && plan.operations.is_empty()), "{}", again.text());
}

/// The calls of a plan on guests, in order, with the name of their step.
fn calls(plan: &Plan) -> Vec<(String, Call)> {
    let steps = plan.operations.iter().flat_map(|operation| &operation.steps);
    let call = |step: &spawnpoint::plan::Step| match &step.task {
        Task::Call(guarded) => Some((step.name.to_string(), guarded.call.clone())),
        _ => None,
    };
    steps.filter_map(call).collect()
}

fn call_named(plan: &Plan, name: &str) -> Call {
    let calls = calls(plan);
    let found = calls.iter().find(|(step, _)| step == name);
    found.unwrap_or_else(|| panic!("no step `{name}`: {calls:?}")).1.clone()
}

fn config(world: &PlannerWorld, node: &str) -> serde_json::Value {
    world.read(&Call::get(format!("/nodes/{node}/qemu/5000/config")))
}

#[test]
fn devices_are_plugged_by_a_worker_and_options_are_written_at_once() {
    let mut world = world();
    let nic = "  network \"net0\" {\n    bridge = \"vmbr0\"\n  }\n";
    apply(&mut world, &vm(nic));
    let disk = "  disk \"scsi1\" {\n    storage = \"local-lvm\"\n    size = \"4GiB\"\n  }\n";
    for more in [disk, "  network \"net1\" {\n    bridge = \"vmbr1\"\n  }\n"] {
        let plan = apply(&mut world, &vm(&format!("{nic}{more}")));
        assert_eq!(call_named(&plan, "configure").method, Method::Post, "{more}");
    }
    // A clone that is stopped, and gets nothing but its options.
    let bare = format!(
        "{HEAD}\nvm \"idle\" {{\n  template = template.debian13\n  node = \"pve1\"\n  power = \"stopped\"\n}}\n"
    );
    let plan = planned(&world, &format!("{}{}", vm(nic), bare.strip_prefix(HEAD).unwrap_or_default()));
    assert_eq!(call_named(&plan, "configure").method, Method::Put);
}

#[test]
fn a_device_that_the_guest_does_not_let_go_is_no_failure() {
    let mut world = world();
    // No system runs in it, so nobody answers when a card is to be unplugged.
    let empty = |more: &str| {
        format!(
            "{HEAD}\nvm \"mc\" {{\n  node = \"pve1\"\n  disk \"scsi0\" {{\n    storage = \"shared\"\n    size = \"4GiB\"\n  }}\n  network \"net0\" {{\n    bridge = \"vmbr0\"\n  }}\n{more}}}\n"
        )
    };
    apply(&mut world, &empty("  network \"net1\" {\n    bridge = \"vmbr1\"\n  }\n"));
    let plan = planned(&world, &empty(""));
    world.apply(&plan);
    let pending = world.read(&Call::get("/nodes/pve1/qemu/5000/pending"));
    let waits = |row: &serde_json::Value| row["key"] == "net1" && row.get("delete").is_some();
    assert!(pending.as_array().expect("rows").iter().any(waits), "the card stays until the next start: {pending}");
    let again = world.plan(&empty(""), &Options::default());
    assert!(again.plan.as_ref().is_some_and(Plan::is_empty), "{}", again.text());
}

#[test]
fn cloud_init_is_written_before_the_first_start() {
    let text = vm(
        "  network \"net0\" {\n    bridge = \"vmbr0\"\n    address = \"10.90.7.7/16\"\n  }\n  cloud_init {\n    user = \"game\"\n  }\n",
    );
    let mut world = world();
    let plan = apply(&mut world, &text);
    let calls = calls(&plan);
    let place = |name: &str| calls.iter().position(|(step, _)| step == name).unwrap_or_else(|| panic!("{calls:?}"));
    assert!(place("clone") < place("configure") && place("configure") < place("start"));
    let configure = &calls[place("configure")].1;
    assert_eq!(configure.parameter("ciuser"), Some("game"), "{configure}");
    assert_eq!(configure.parameter("ipconfig0"), Some("ip=10.90.7.7/16"), "{configure}");
    assert_eq!(calls.iter().filter(|(_, call)| call.path.ends_with("/config")).count(), 1, "{calls:?}");
}

#[test]
fn removals_force_purge_and_leave_no_volume() {
    let mut world = world();
    apply(&mut world, &vm(""));
    world.send(
        &Call::post("/cluster/backup")
            .with("id", "nightly")
            .with("schedule", "03:30")
            .with("storage", "local")
            .with("vmid", "5000"),
    );
    let volume =
        Call::post("/nodes/pve1/storage/shared/content").with("vmid", "5000").with("filename", "vm-5000-disk-7.raw");
    world.send(&volume.with("size", "1G").with("format", "raw"));
    let plan = world.plan(&vm(""), &Options { mode: Mode::Destroy, ..Options::default() }).plan.expect("it plans");
    let shutdown = call_named(&plan, "shutdown");
    assert_eq!((shutdown.parameter("timeout"), shutdown.parameter("forceStop")), (Some("180"), Some("1")));
    let destroy = call_named(&plan, "destroy");
    assert_eq!((destroy.parameter("purge"), destroy.parameter("destroy-unreferenced-disks")), (Some("1"), Some("1")));
    world.apply(&plan);
    assert!(
        !world.read(&Call::get("/cluster/backup")).to_string().contains("5000"),
        "the next guest of that VMID is not backed up"
    );
    let left = world.read(&Call::get("/nodes/pve1/storage/shared/content")).to_string();
    assert!(!left.contains("vm-5000"), "{left}");
}

#[test]
fn nothing_that_a_template_says_of_itself_is_inherited() {
    let mut world = world();
    for (key, value) in [("protection", "1"), ("onboot", "1"), ("description", "the template"), ("tags", "old")] {
        world.send(&Call::put("/nodes/pve1/qemu/9000/config").with(key, value));
    }
    apply(&mut world, &vm(""));
    let config = config(&world, "pve1");
    let of = |key: &str| config.get(key).cloned().unwrap_or_default();
    assert!(of("protection") != 1 && of("onboot") != 1, "{config}");
    assert!(
        !of("description").to_string().contains("the template") && !of("tags").to_string().contains("old"),
        "{config}"
    );
}

#[test]
fn a_guest_that_was_moved_is_changed_where_it_is() {
    let mut world = world();
    let text = |cores: u32| vm(&format!("  cores = {cores}")).replace("  node = \"pve1\"\n", "");
    let plan = apply(&mut world, &text(2));
    let node_of =
        |plan: &Plan| plan.operations.iter().find_map(|operation| operation.identity.node().map(str::to_owned));
    let node = node_of(&plan).expect("it is somewhere");
    let other = if node == "pve2" { "pve3" } else { "pve2" };
    let migrate = Call::post(format!("/nodes/{node}/qemu/5000/migrate")).with("target", other).with("online", "1");
    world.send(&migrate);
    let moved = world.plan(&text(2), &Options::default());
    assert!(moved.plan.as_ref().is_some_and(Plan::is_empty), "where it runs was never asked for: {}", moved.text());
    let changed = apply(&mut world, &text(3));
    assert_eq!(node_of(&changed).as_deref(), Some(other));
    assert_eq!(config(&world, other)["cores"], 3);
}

#[test]
fn a_guest_that_is_moved_during_the_apply_is_followed() {
    let path = "/nodes/pve1/qemu/5000/resize".to_owned();
    let move_to = Some("pve2".to_owned());
    let guest = "/nodes/pve1/qemu/5000/config".to_owned();
    // The second read of its configuration finds it gone.
    let rule = Rule {
        method: Some("GET".to_owned()),
        path: guest,
        nth: Some(2),
        vmid: Some(5000),
        move_to,
        ..Rule::default()
    };
    let mut world = troubled(rule);
    let disk = "  disk \"scsi0\" {\n    size = \"9GiB\"\n  }\n";
    let plan = planned(&world, &vm(disk));
    assert!(calls(&plan).iter().any(|(_, call)| call.path == path), "it is planned on pve1");
    world.apply(&plan);
    assert!(config(&world, "pve2")["scsi0"].to_string().contains("size=9G"));
}

#[test]
fn a_change_that_a_snapshot_blocks_says_so() {
    let mut world = world();
    let disk =
        |storage: &str| vm(&format!("  disk \"scsi1\" {{\n    storage = \"{storage}\"\n    size = \"4GiB\"\n  }}\n"));
    apply(&mut world, &disk("local-lvm"));
    world.send(&Call::post("/nodes/pve1/qemu/5000/snapshot").with("snapname", "byhand"));
    let plan = planned(&world, &disk("shared"));
    let error = world.apply_or_tell(&plan).expect_err("the server refuses");
    assert!(error.contains("move scsi1") && error.contains("snapshots"), "{error}");
    assert!(error.contains("qm delsnapshot") || error.contains("remove its snapshots"), "a way out: {error}");
    world.send(&Call::delete("/nodes/pve1/qemu/5000/snapshot/byhand"));
    apply(&mut world, &disk("shared"));
}

#[test]
fn a_node_whose_network_fails_fails_the_apply() {
    let rule = Rule {
        method: Some("PUT".to_owned()),
        path: "/cluster/sdn".to_owned(),
        network_down: Some("pve2".to_owned()),
        ..Rule::default()
    };
    let mut world = troubled(rule);
    let zone = format!("{HEAD}\nnetwork_zone \"games\" {{\n  zone = \"games\"\n  type = \"simple\"\n}}\n");
    let plan = planned(&world, &zone);
    let error = world.apply_or_tell(&plan).expect_err("the task that reloads the networks ends well all the same");
    assert!(error.contains("see games on pve2") && error.contains("reloadnetworkall"), "{error}");
}

#[test]
fn a_write_says_what_the_plan_saw() {
    let mut world = world();
    apply(&mut world, &vm("  cores = 2"));
    let plan = planned(&world, &vm("  cores = 3"));
    world.send(&Call::put("/nodes/pve1/qemu/5000/config").with("tags", "byhand"));
    let error = world.apply_or_tell(&plan).expect_err("somebody was faster");
    assert!(error.contains("checksum mismatch"), "{error}");
    assert_eq!(config(&world, "pve1")["cores"], 2);
    // What takes no digest is preceded by a read that has to show the same.
    let plan = planned(&world, &vm("  cores = 2\n  tags = [\"byhand\"]").replace("pve1", "pve2"));
    let steps: Vec<_> = plan.operations.iter().flat_map(|operation| &operation.steps).collect();
    let guards: Vec<_> = steps
        .iter()
        .filter_map(|step| match &step.task {
            Task::Call(call) => Some(&call.guard),
            _ => None,
        })
        .collect();
    assert!(matches!(guards[..], [Guard::Unchanged { .. }]), "{guards:?}");
    world.send(&Call::put("/nodes/pve1/qemu/5000/config").with("description", "byhand"));
    let error = world.apply_or_tell(&plan).expect_err("somebody was faster");
    assert!(error.contains("marker"), "without a marker it is nobody's: {error}");
}

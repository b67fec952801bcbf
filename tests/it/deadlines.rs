//! How long making a guest may take: what copies nothing is given up soon, what copies much is not.

use crate::planner_world::{PlannerWorld, lab_with_urls};
use spawnpoint::plan::{Options, Task};

fn deadline_ms(body: &str) -> u64 {
    let world = PlannerWorld::new("deadlines", &lab_with_urls());
    let text = format!(
        "cluster \"lab\" {{\n  simulator {{}}\n}}\n\ntemplate \"debian\" {{\n  vmid = 9000\n}}\n\nvm \"a\" {{\n  node  = \"pve1\"\n  power = \"stopped\"\n{body}}}\n"
    );
    let planned = world.plan(&text, &Options::default());
    let shown = planned.text();
    let plan = planned.plan.unwrap_or_else(|| panic!("no plan:\n{shown}"));
    let mut calls = plan.operations.iter().flat_map(|operation| &operation.steps).filter_map(|step| match &step.task {
        Task::Call(call) if ["clone", "create"].contains(&&*step.name) => Some(call.deadline_ms),
        _ => None,
    });
    calls.next().unwrap_or_else(|| panic!("nothing is made:\n{shown}"))
}

#[test]
fn a_linked_clone_is_given_up_soon_and_a_copy_is_not() {
    let check = |body: &str, minutes: u64| assert_eq!(deadline_ms(body) / 60_000, minutes, "{body}");
    check("  template = template.debian\n  clone = \"linked\"\n", 5);
    check("  template = template.debian\n  clone = \"full\"\n", 60);
    check("  template = template.debian\n  clone = \"linked\"\n  timeouts {\n    clone = \"20m\"\n  }\n", 20);
    check("  template = template.debian\n  clone = \"linked\"\n  timeouts {\n    start = \"20m\"\n  }\n", 5);
    let disk = |size: &str| {
        format!("  memory = \"1GiB\"\n  disk \"scsi0\" {{\n    storage = \"local-lvm\"\n    size = \"{size}\"\n  }}\n")
    };
    check(&disk("8GiB"), 60);
    check(&disk("1TiB"), 2621);
}

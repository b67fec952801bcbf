//! How long planning takes by number of guests: `cargo bench --bench planner`. Nothing may grow with the square of their number.

#[path = "../tests/it/planner_world.rs"]
#[expect(dead_code, reason = "shared with the tests, which use all of it")]
mod planner_world;

use planner_world::PlannerWorld;
use spawnpoint::plan::Options;
use spawnpoint::simulator::Lab;
use std::io::Write;
use std::time::Instant;

const STACK: &str = r#"
cluster "lab" {
  simulator {}
}

template "debian13" {
  vmid = 9000
}

tenant "acme" {
  network {
    bridge = "vmbr1"
    cidr   = "10.40.0.0/16"
  }
}

vm "x" {
  count    = COUNT
  tenant   = tenant.acme
  template = template.debian13
  memory   = "16MiB"

  network "net0" {
    address = "auto"
  }
}
"#;

fn main() {
    let mut out = std::io::stdout();
    for count in [2_500, 5_000, 10_000] {
        let text = STACK.replace("COUNT", &count.to_string());
        let world = PlannerWorld::new("many", &Lab::built_in());
        let begin = Instant::now();
        let planned = world.plan(&text, &Options::default());
        let elapsed = begin.elapsed();
        let operations = planned.plan.as_ref().map_or(0, |plan| plan.operations.len());
        writeln!(out, "{count} guests: {operations} operations in {elapsed:?}, reading files and lab included")
            .expect("stdout is open");
    }
}

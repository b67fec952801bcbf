//! `spawnpoint import` in the binary: an object of another stack's making becomes ours, and nothing changes any more.

use crate::harness::World;

const CLUSTER: &str = "cluster \"lab\" {\n  simulator {}\n}\n\n";
const POOL: &str = "pool \"ops\" {\n  poolid  = \"ops\"\n  comment = \"operated\"\n}\n";

#[test]
fn a_forgotten_object_is_imported_again() {
    let world = World::new();
    world.write("main.hcl", &format!("{CLUSTER}{POOL}"));
    assert_eq!(world.run(&["apply", "-auto-approve"]).status, Some(0));
    let removed = "removed {\n  from = pool.ops\n\n  lifecycle {\n    destroy = false\n  }\n}\n";
    world.write("main.hcl", &format!("{CLUSTER}{removed}"));
    assert_eq!(world.run(&["apply", "-auto-approve"]).status, Some(0));
    world.write("main.hcl", &format!("{CLUSTER}{}", POOL.replace("operated", "operated by us")));

    let refused = world.run(&["plan"]);
    assert!(refused.status == Some(1) && refused.stderr.contains("exists already"), "{refused}");
    let typo = world.run(&["import", "-auto-approve", "pool.osp", "ops"]);
    assert!(typo.status == Some(1) && typo.stderr.contains("there is no block `pool.osp`"), "{typo}");
    let nowhere = world.run(&["import", "-auto-approve", "pool.ops", "osp"]);
    assert!(nowhere.status == Some(1) && nowhere.stderr.contains("there is no pool `osp` to import"), "{nowhere}");

    let imported = world.run(&["import", "-auto-approve", "pool.ops", "ops"]);
    assert_eq!(imported.status, Some(0), "{imported}");
    assert!(imported.stdout.contains("1 to import, 0 to add, 1 to change"), "{imported}");
    assert_eq!(world.run(&["plan", "-detailed-exitcode"]).status, Some(0));
    let again = world.run(&["import", "-auto-approve", "pool.ops", "ops"]);
    assert!(again.status == Some(1) && again.stderr.contains("pool.ops is managed already"), "{again}");
}

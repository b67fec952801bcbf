//! Templates that are there and are adopted: one, or one on each of several nodes as if they were one.

use crate::planner_world::{PlannerWorld, lab_with_urls};
use spawnpoint::plan::Options;
use spawnpoint::proxmox::Call;

/// Makes a template with a local disk on a node.
fn template(world: &PlannerWorld, node: &str, vmid: u32) {
    let make = Call::post(format!("/nodes/{node}/qemu")).with("vmid", vmid.to_string());
    world.send(&make.with("scsi0", "local-lvm:0,import-from=shared:import/debian-13-genericcloud-amd64.qcow2"));
    world.send(&Call::post(format!("/nodes/{node}/qemu/{vmid}/template")));
}

fn stack(template: &str, machines: &str) -> String {
    format!(
        "cluster \"lab\" {{\n  vmid_range = [5000, 5999]\n\n  simulator {{}}\n}}\n\ntemplate \"debian\" {{\n{template}}}\n\n{machines}"
    )
}

#[test]
fn each_node_clones_its_own() {
    let mut world = PlannerWorld::new("adopted_templates", &lab_with_urls());
    template(&world, "pve1", 9101);
    template(&world, "pve2", 9102);
    let machines = "vm \"a\" {\n  template = template.debian\n  node     = \"pve2\"\n}\n\nvm \"b\" {\n  template = template.debian\n}\n\n\
                    vm \"c\" {\n  template = template.debian\n}\n";
    let text = stack("  vmids = { pve1 = 9101, pve2 = 9102 }\n", machines);
    let planned = world.plan(&text, &Options::default());
    let shown = planned.text();
    world.apply(&planned.plan.unwrap_or_else(|| panic!("no plan:\n{shown}")));
    let again = world.plan(&text, &Options::default());
    assert!(again.plan.as_ref().is_some_and(|plan| plan.is_empty() && plan.operations.is_empty()), "{}", again.text());
    let guests = world.read(&Call::get("/cluster/resources").with("type", "vm"));
    let mut places = Vec::new();
    for guest in guests.as_array().expect("a list") {
        let (vmid, node) = (guest["vmid"].as_u64().unwrap_or_default(), guest["node"].as_str().unwrap_or_default());
        if vmid < 9000 {
            let config = world.read(&Call::get(format!("/nodes/{node}/qemu/{vmid}/config")));
            assert!(config["scsi0"].as_str().is_some_and(|disk| disk.starts_with("local-lvm:")), "{config}");
            places.push(node.to_owned());
        }
    }
    assert_eq!(places.len(), 3);
    assert!(
        places.iter().all(|node| ["pve1", "pve2"].contains(&&**node)),
        "nobody is where no template is: {places:?}"
    );

    let elsewhere = text.replace("node     = \"pve2\"", "node     = \"pve3\"").replace("vm \"a\"", "vm \"d\"");
    let planned = world.plan(&elsewhere, &Options::default());
    assert!(planned.text().contains("template.debian is not on pve3, and its disks are local"), "{}", planned.text());
}

#[test]
fn each_is_looked_at() {
    let world = PlannerWorld::new("adopted_templates", &lab_with_urls());
    template(&world, "pve1", 9101);
    template(&world, "pve2", 9102);
    let told = |template: &str| world.plan(&stack(template, ""), &Options::default()).text();
    let check = |template: &str, words: &str| {
        let told = told(template);
        assert!(told.contains(words), "{template}:\n{told}");
    };
    check("  vmids = { pve1 = 9101, pve3 = 9102 }\n", "template 9102 is on pve2, not on pve3");
    check("  vmids = { pve1 = 9101, pve2 = 9109 }\n", "there is no template 9109");
    check("  vmid  = 9000\n  vmids = { pve1 = 9101, pve2 = 9102 }\n", "`vmid` is none of `vmids`");
    check("  vmids = { pve1 = 9101 }\n  cores = 2\n", "`cores` is for a template that is built");
    check("  vmid  = 9102\n  vmids = { pve1 = 9101, pve2 = 9102 }\n", "1 to import");
    check("", "nothing says which template this is");
}

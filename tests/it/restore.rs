//! Guests made from backups.

use crate::planner_world::{PlannerWorld, lab_with_urls};
use spawnpoint::plan::Options;
use spawnpoint::proxmox::Call;

const CLUSTER: &str = "cluster \"lab\" {\n  simulator {}\n}\n";

const ORIGINAL: &str = r#"
vm "a" {
  node   = "pve1"
  vmid   = 7000
  cores  = 3
  memory = "3GiB"
  power  = "stopped"
  tags   = ["old"]

  disk "scsi0" {
    storage = "local-lvm"
    size    = "4GiB"
    ssd     = true
  }
  network "net0" {
    bridge = "vmbr0"
  }
}
"#;

fn restored(archive: &str, more: &str) -> String {
    format!(
        "{CLUSTER}vm \"b\" {{\n  node = \"pve1\"\n  memory = \"2GiB\"\n  restore {{\n    archive = \"{archive}\"\n    storage = \"shared\"\n  }}\n{more}}}\n"
    )
}

/// Applies a text, plans it again, and returns what the second plan says.
fn apply(world: &mut PlannerWorld, text: &str) {
    let planned = world.plan(text, &Options::default());
    let shown = planned.text();
    world.apply(&planned.plan.unwrap_or_else(|| panic!("no plan:\n{shown}")));
    let again = world.plan(text, &Options::default());
    assert!(again.plan.as_ref().is_some_and(|plan| plan.is_empty() && plan.operations.is_empty()), "{}", again.text());
}

#[test]
fn a_guest_is_made_from_a_backup_and_is_ours() {
    let mut world = PlannerWorld::new("restore", &lab_with_urls());
    apply(&mut world, &format!("{CLUSTER}{ORIGINAL}"));
    world
        .send(&Call::post("/nodes/pve1/vzdump").with("vmid", "7000").with("storage", "local").with("compress", "zstd"));
    let rows = world.read(&Call::get("/nodes/pve1/storage/local/content").with("content", "backup"));
    let archive = rows[0]["volid"].as_str().expect("the backup is there").to_owned();
    apply(&mut world, CLUSTER);

    let disk = "  disk \"scsi0\" {\n    size = \"6GiB\"\n  }\n  network \"net0\" {\n    bridge = \"vmbr1\"\n  }\n";
    let text = restored(&archive, disk);
    apply(&mut world, &text);
    let config = world.read(&Call::get("/nodes/pve1/qemu/5000/config"));
    let of = |key: &str| config[key].as_str().map_or_else(|| config[key].to_string(), str::to_owned);
    assert_eq!(
        (of("cores"), of("memory")),
        ("3".to_owned(), "2048".to_owned()),
        "what the block does not say is the backup's"
    );
    assert!(
        of("scsi0").starts_with("shared:") && of("scsi0").contains("size=6G") && of("scsi0").contains("ssd=1"),
        "{config}"
    );
    assert!(of("net0").contains("bridge=vmbr1"), "{config}");
    assert!(of("description").contains("addr=vm.b ") && !of("tags").contains("old"), "{config}");

    let added = text.replace("  network ", "  disk \"scsi1\" {\n    ssd = true\n  }\n  network ");
    let planned = world.plan(&added, &Options::default());
    assert!(
        planned.text().contains("needs `size`") && planned.text().contains("needs `storage`"),
        "{}",
        planned.text()
    );

    // Where it came from is remembered, and does not count any more.
    let other = text.replace(&archive, "local:backup/vzdump-qemu-1-2026_01_01-00_00_00.vma.zst");
    let planned = world.plan(&other, &Options::default());
    assert!(planned.text().contains("recorded only"), "{}", planned.text());
    apply(&mut world, CLUSTER);
}

#[test]
fn a_guest_has_one_origin() {
    let world = PlannerWorld::new("restore", &lab_with_urls());
    let wrong = restored(
        "local:iso/x.iso",
        "  template = template.t\n  disk \"scsi0\" {\n    import_from = \"shared:import/x.qcow2\"\n  }\n",
    );
    let planned = world.plan(&format!("{wrong}template \"t\" {{\n  vmid = 9000\n}}\n"), &Options::default());
    for text in
        ["is no backup of a virtual machine", "a guest is cloned or restored, not both", "is not made from an image"]
    {
        assert!(planned.text().contains(text), "{}", planned.text());
    }
}

const CONTAINER: &str = r#"
container "a" {
  node       = "pve1"
  vmid       = 7000
  ostemplate = "shared:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst"
  memory     = "768MiB"
  cores      = 3
  onboot     = true
  power      = "stopped"
  tags       = ["old"]

  rootfs {
    storage = "local-lvm"
    size    = "4GiB"
  }
  mount "mp0" {
    storage = "local-lvm"
    size    = "2GiB"
    mp      = "/data"
    backup  = true
  }
  network "net0" {
    bridge = "vmbr0"
  }
}
"#;

/// Makes a container, saves it, removes it, and returns its backup.
fn saved(world: &mut PlannerWorld) -> String {
    apply(world, &format!("{CLUSTER}{CONTAINER}"));
    world
        .send(&Call::post("/nodes/pve1/vzdump").with("vmid", "7000").with("storage", "local").with("compress", "zstd"));
    let rows = world.read(&Call::get("/nodes/pve1/storage/local/content").with("content", "backup"));
    let archive = rows[0]["volid"].as_str().expect("the backup is there").to_owned();
    apply(world, CLUSTER);
    archive
}

fn container(restore: &str, more: &str) -> String {
    format!("{CLUSTER}container \"b\" {{\n  node = \"pve1\"\n  restore {{\n{restore}  }}\n{more}}}\n")
}

#[test]
fn a_container_is_made_from_a_backup_with_the_volumes_it_had() {
    let mut world = PlannerWorld::new("restore", &lab_with_urls());
    let archive = saved(&mut world);
    let text = container(&format!("    archive = \"{archive}\"\n    storage = \"local-lvm\"\n"), "  cores = 2\n");
    apply(&mut world, &text);
    let config = world.read(&Call::get("/nodes/pve1/lxc/5000/config"));
    let of = |key: &str| config[key].as_str().map_or_else(|| config[key].to_string(), str::to_owned);
    assert_eq!((of("cores"), of("memory")), ("2".to_owned(), "768".to_owned()), "{config}");
    assert!(of("rootfs").starts_with("local-lvm:vm-5000-") && of("rootfs").contains("size=4G"), "{config}");
    assert!(of("mp0").starts_with("local-lvm:vm-5000-") && of("mp0").contains("mp=/data"), "{config}");
    assert!(of("net0").contains("bridge=vmbr0"), "{config}");
    assert!(of("description").contains("addr=container.b ") && !of("tags").contains("old"), "{config}");

    // Its volumes are as good as any: they grow, and others come.
    let rootfs = "  rootfs {\n    storage = \"local-lvm\"\n    size = \"6GiB\"\n  }\n";
    let planned = world.plan(&text.replace("  cores = 2\n", &format!("  cores = 2\n{rootfs}")), &Options::default());
    assert!(planned.text().contains("already says where its volumes go"), "{}", planned.text());
    let grown = container(&format!("    archive = \"{archive}\"\n"), &format!("  cores = 2\n{rootfs}"));
    apply(&mut world, &grown);
    let config = world.read(&Call::get("/nodes/pve1/lxc/5000/config"));
    assert!(config["rootfs"].as_str().is_some_and(|text| text.contains("size=6G")), "{config}");
    apply(&mut world, CLUSTER);
}

#[test]
fn a_container_is_made_from_a_backup_with_volumes_of_its_own() {
    let mut world = PlannerWorld::new("restore", &lab_with_urls());
    let archive = saved(&mut world);
    let own = r#"
  memory = "2GiB"
  rootfs {
    storage = "local-lvm"
    size    = "8GiB"
  }
  mount "mp3" {
    storage = "local-lvm"
    size    = "1GiB"
    mp      = "/srv"
  }
  network "net0" {
    bridge = "vmbr1"
  }
"#;
    apply(&mut world, &container(&format!("    archive = \"{archive}\"\n"), own));
    let config = world.read(&Call::get("/nodes/pve1/lxc/5000/config"));
    let of = |key: &str| config[key].as_str().map_or_else(|| config[key].to_string(), str::to_owned);
    assert_eq!((of("cores"), of("memory"), of("mp0")), ("3".to_owned(), "2048".to_owned(), "null".to_owned()));
    assert!(of("rootfs").contains("size=8G") && of("mp3").contains("mp=/srv"), "{config}");
    assert!(of("net0").contains("bridge=vmbr1"), "{config}");
}

#[test]
fn a_container_has_one_origin() {
    let world = PlannerWorld::new("restore", &lab_with_urls());
    let more = "  ostemplate = \"local:vztmpl/x.tar.zst\"\n  password = \"secret-enough\"\n  mount \"mp0\" {\n    volume = \"/srv\"\n    mp = \"/srv\"\n  }\n";
    let planned =
        world.plan(&container("    archive = \"local:backup/vzdump-qemu-1-x.vma\"\n", more), &Options::default());
    for text in [
        "is no backup of a container",
        "is made from an archive or restored, not both",
        "keeps its own `password`",
        "with mounts of its own needs `rootfs`",
    ] {
        assert!(planned.text().contains(text), "{}", planned.text());
    }
    let nothing = format!("{CLUSTER}container \"c\" {{\n  rootfs {{\n    storage = \"local-lvm\"\n  }}\n}}\n");
    let planned = world.plan(&nothing, &Options::default());
    assert!(planned.text().contains("a container is made from something"), "{}", planned.text());
}

//! Large stacks cost what they are, not its square: counted in steps, not in seconds.

use spawnpoint::config::{Input, MemoryWorld, Objects, World, load};
use spawnpoint::render::Style;
use spawnpoint::render::diagnostics::text;
use spawnpoint::value::{Entries, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn input(world: impl World + 'static) -> Input<'static> {
    Input {
        world: Arc::new(world),
        folder: ".",
        environment: BTreeMap::new(),
        arguments: Vec::new(),
        object_types: &["game_server", "vm"],
        lookups: Arc::new(spawnpoint::lookups::Snapshot::default()),
        workspace: "default",
        folder_name: "home",
        working_folder: "/stack",
        now: "2026-11-20T12:00:00Z".parse().expect("this is a time"),
        test: None,
    }
}

/// A world that counts what is asked of it.
#[derive(Debug)]
struct Counted {
    files: MemoryWorld,
    reads: Arc<AtomicUsize>,
}

impl World for Counted {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.files.read(path)
    }
    fn list(&self, folder: &str) -> Result<Vec<String>, String> {
        self.files.list(folder)
    }
    fn exists(&self, path: &str) -> bool {
        self.files.exists(path)
    }
    fn files_below(&self, folder: &str) -> Result<Vec<String>, String> {
        self.files.files_below(folder)
    }
    fn absolute(&self, path: &str) -> String {
        self.files.absolute(path)
    }
    fn home(&self) -> Option<String> {
        self.files.home()
    }
}

/// Reads of a file by a local value show how often the value is computed: once, however many blocks use it.
#[test]
fn ten_thousand_blocks_compute_a_shared_value_once() {
    let stack = r#"
locals {
  key   = file("key.pub")
  names = { for number in local.numbers : "n${number}" => number }
}
vm "mc" {
  for_each = local.names
  key      = local.key
  cores    = each.value
}
game_server "mc" {
  for_each = local.names
  vm       = vm.mc[each.key]
  key      = local.key
}
"#;
    let numbers: Vec<String> = (0..5_000).map(|number| number.to_string()).collect();
    let numbers = format!("locals {{\n  numbers = [{}]\n}}\n", numbers.join(", "));
    let reads = Arc::new(AtomicUsize::new(0));
    let files = MemoryWorld::new([
        ("main.hcl", stack.to_string()),
        ("numbers.hcl", numbers),
        ("key.pub", "ssh-ed25519 A".to_string()),
    ]);
    let (stack, sources, diagnostics) = load(&input(Counted { files, reads: reads.clone() }));
    let stack = stack.unwrap_or_else(|| panic!("{}", text(&diagnostics, &sources, Style::Plain)));
    assert_eq!(stack.blocks.len(), 10_000);
    let edges: usize = stack.blocks.iter().map(|block| block.dependencies.len()).sum();
    assert_eq!(edges, 5_000, "each game server depends on its own machine only");
    let mut objects = Objects::new();
    for kind in ["vm", "game_server"] {
        for block in stack.blocks.iter().filter(|block| &*block.address.kind == kind) {
            let (body, diagnostics) = stack.evaluate(&block.address, &objects);
            assert!(diagnostics.is_empty());
            let attributes: Entries =
                body.attributes.into_iter().map(|(name, attribute)| (name, attribute.value)).collect();
            objects.insert(block.address.clone(), Value::block(block.address.to_string(), attributes));
        }
    }
    assert_eq!(reads.load(Ordering::Relaxed), 3, "two files of the module, and the key once");
}

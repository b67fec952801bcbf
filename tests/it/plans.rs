//! Stacks in, plan text out: each folder below `tests/stacks` has a `main.hcl` and the text that plans it against the built-in lab.
//!
//! `UPDATE_GOLDEN=1` writes the texts anew; they are read in review.

use spawnpoint::config::{Input, MemoryWorld, load};
use spawnpoint::diagnostics::Sources;
use spawnpoint::observe::collect::{ClusterWanted, Wanted, collect};
use spawnpoint::plan::{GameFacts, Options, PlanInput};
use spawnpoint::provision::assets;
use spawnpoint::proxmox::{Client, Limits};
use spawnpoint::render::{Style, diagnostics, plan};
use spawnpoint::simulator::{InProcess, Lab, Pace, Store};
use spawnpoint::state::State;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Plans a stack without a state against the built-in lab, and returns what a terminal without colour would show.
fn show(name: &str, text: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let input = Input {
        world: Arc::new(MemoryWorld::new([("main.hcl", text)])),
        folder: ".",
        environment: BTreeMap::new(),
        arguments: Vec::new(),
        object_types: &spawnpoint::domain::names(),
        workspace: "default",
        folder_name: name,
        working_folder: "/stack",
        now: jiff::Timestamp::UNIX_EPOCH,
    };
    let (stack, sources, mut found) = load(&input);
    let mut shown = String::new();
    if let Some(stack) = stack {
        let store = Store::in_memory(&Lab::built_in(), Pace::Instant).expect("the built-in lab opens");
        let transport = Arc::new(InProcess::new(Arc::new(Mutex::new(store))));
        let client = Arc::new(Client::new(transport, Limits::default()));
        let clients: BTreeMap<Arc<str>, Arc<Client>> = stack.clusters.keys().map(|name| (name.clone(), client.clone())).collect();
        let details = ClusterWanted { guests: BTreeSet::from([9000]), storages: true, bridges: true, ..ClusterWanted::default() };
        let wanted = Wanted { clusters: clients.keys().map(|name| (name.clone(), details.clone())).collect(), tag: String::new() };
        let observed = runtime.block_on(collect(&clients, &wanted)).expect("the lab answers");
        let state = State { lineage: "3f1f2a34-0000-4000-8000-000000000001".to_owned(), ..State::default() };
        let games = games();
        let planned = spawnpoint::plan::plan(&PlanInput {
            stack: &stack,
            state: &state,
            observed: Some(&observed),
            games: &games,
            estimate_ms: &|_| 1000,
            options: &Options::default(),
            now: 0,
            fingerprint_key: &[7; 32],
            in_progress: &BTreeMap::new(),
            avoided_vmids: &BTreeSet::new(),
        });
        found.extend(planned.1);
        if let Some(made) = planned.0 {
            shown.push_str(&plan::text(&made, |kind| spawnpoint::resources::find(kind).map(|object| object.schema), Style::Plain));
        }
    }
    shown.push_str(&diagnostics::text(&found, &sources, diagnostics::Colour::Never));
    shown
}

fn games() -> BTreeMap<String, GameFacts> {
    let none = Path::new("/nonexistent");
    assets::names(none)
        .into_iter()
        .map(|name| {
            let playbook = assets::playbook(none, &name).expect("it can be read").expect("it is there");
            let game = playbook.manifest(&mut Sources::new()).expect("our manifests are right");
            (name, GameFacts { game, playbook: "digest".to_owned() })
        })
        .collect()
}

#[test]
fn plans_read_as_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stacks");
    let mut folders: Vec<_> = fs::read_dir(&root).expect("the folder is there").map(|entry| entry.expect("it can be read").path()).collect();
    folders.sort();
    assert!(!folders.is_empty(), "there are plans to test");
    let mut differing = Vec::new();
    for folder in folders {
        let name = folder.file_name().expect("it has a name").to_string_lossy().into_owned();
        let shown = show(&name, &fs::read_to_string(folder.join("main.hcl")).expect("main.hcl is there"));
        let golden = folder.join("plan.txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&golden, &shown).expect("it can be written");
        } else if fs::read_to_string(&golden).ok().as_ref() != Some(&shown) {
            differing.push(format!("{name}:\n{shown}"));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

//! What planning costs by number of guests, as a whole process: `cargo bench --bench planner`.
//!
//! A stack is applied to the simulator, and every answer of its cluster is written down as it came, beside the state. A process of its own
//! then does what `plan` does with the network taken away: it reads the stack and the state, takes the snapshot from the recorded answers,
//! plans, and renders. The tenants are many, so what walks all guests for each tenant would show. `cargo bench --bench planner -- FOLDER`
//! leaves the recordings there and uses them the next time.
//!
//! On 2026-11-21, two busy cores of an AMD EPYC, 1 000 guests: 0.27 s and 146 MB with nothing to change, 0.28 s with one in ten, 0.32 s with all;
//! the limit is 0.1 s. Recording 10 000 guests took more than nine minutes and was not waited for.

mod measure;
#[path = "../tests/it/planner_world.rs"]
#[expect(dead_code, reason = "shared with the tests, which use all of it")]
mod planner_world;

use async_trait::async_trait;
use measure::{best_of, exponent, line};
use planner_world::{PlannerWorld, games};
use serde_json::{Map, Value, json};
use spawnpoint::config::{Input, MemoryWorld, load};
use spawnpoint::observe::collect::collect;
use spawnpoint::plan::{Options, PlanInput, plan};
use spawnpoint::proxmox::{Answer, Call, Client, Clock, Limits, Method, Transport, TransportError};
use spawnpoint::render::{Style, diagnostics, plan as render};
use spawnpoint::simulator::{InProcess, Lab, Pace, Store};
use spawnpoint::state::wire::{Seal, read_snapshot, write_snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

const STACK: &str = r#"
cluster "lab" {
  simulator {}
}

tier "gold" {
  cores        = 1000
  memory       = "1TiB"
  disk         = "100TiB"
  vms          = 100
  game_servers = 100
  public_ports = 100
}

template "debian13" {
  vmid = 9000
}

tenant "t" {
  for_each = { for number in range(TENANTS) : "t${number}" => number }
  tier     = tier.gold

  network {
    bridge = "vmbr1"
    vlan   = 100 + each.value
    cidr   = cidrsubnet("10.0.0.0/8", 16, each.value)
  }
}

vm "x" {
  count    = COUNT
  tenant   = tenant.t["t${floor(count.index / 50)}"]
  template = template.debian13
  memory   = MEMORY
  tags     = ["bench", "group-${count.index % 7}"]

  network "net0" {
    address = "auto"
  }
}
"#;

/// Guests of one tenant.
const GUESTS: usize = 50;

const UNCHANGED: &str = r#""16MiB""#;
const STACKS: [(&str, &str); 3] = [
    ("nothing to change", UNCHANGED),
    ("one in ten to change", r#"count.index % 10 == 0 ? "32MiB" : "16MiB""#),
    ("all to change", r#""32MiB""#),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if let [word, folder, stack] = arguments.as_slice()
        && word == "plan"
    {
        return plan_recorded(Path::new(folder), stack);
    }
    let kept = arguments.first().map(PathBuf::from);
    let scratch = tempfile::tempdir().expect("there is room for temporary files");
    let folder = kept.as_deref().unwrap_or_else(|| scratch.path());
    let own = std::env::current_exe().expect("the program knows where it is");
    let own = own.to_str().expect("the build folder has a readable name");
    let mut costs = Vec::new();
    for (count, limit) in [(1_000, (0.1, 200)), (10_000, (1.0, 200))] {
        let recorded = folder.join(format!("guests-{count}"));
        if !recorded.exists() {
            record(&recorded, count);
        }
        for (place, (what, _)) in STACKS.iter().enumerate() {
            let cost = best_of(3, own, &["plan", ".", &format!("{place}.hcl")], &recorded);
            assert!(cost.is_success, "the recording in {} can be planned", recorded.display());
            say(&line(&format!("{} {:03} guests, {what}", count / 1_000, count % 1_000), &cost, Some(limit)));
            costs.push((count, cost.cpu));
        }
    }
    for (place, (what, _)) in STACKS.iter().enumerate() {
        say(&format!("{what}: grows with exponent {:.3}, at most 1.1", exponent(costs[place], costs[place + 3])));
    }
}

/// Applies the stack to a new lab, and writes down what a plan needs.
fn record(folder: &Path, count: usize) {
    fs::create_dir_all(folder).expect("the folder can be made");
    for (place, (_, memory)) in STACKS.iter().enumerate() {
        let text = STACK.replace("COUNT", &count.to_string()).replace("MEMORY", memory);
        let text = text.replace("TENANTS", &count.div_ceil(GUESTS).to_string());
        fs::write(folder.join(format!("{place}.hcl")), text).expect("there is room for the stack");
    }
    let text = fs::read_to_string(folder.join("0.hcl")).expect("it was just written");
    let store = Store::in_memory(&large_lab(), Pace::Instant).expect("the lab opens");
    let recorder = Arc::new(Recorder { lab: InProcess::new(Arc::new(Mutex::new(store))), answers: Mutex::default() });
    let mut world = PlannerWorld::over("many", recorder.clone());
    let planned = world.plan(&text, &Options::default());
    let made = planned.plan.as_ref().unwrap_or_else(|| panic!("{}", planned.text()));
    world.apply(made);
    recorder.answers.lock().expect("no holder panics").clear();
    let planned = world.plan(&text, &Options::default());
    assert!(planned.plan.as_ref().is_some_and(spawnpoint::plan::Plan::is_empty), "{}", planned.text());
    let answers = recorder.answers.lock().expect("no holder panics").clone();
    let state = write_snapshot(&world.state(), &Unsealed).expect("nothing in it is secret");
    fs::write(folder.join("answers.json"), Value::Object(answers).to_string()).expect("there is room for the answers");
    fs::write(folder.join("state.json"), state).expect("there is room for the state");
}

/// The built-in lab with room for ten thousand guests.
fn large_lab() -> Lab {
    let mut lab = Lab::built_in();
    for node in lab.node.values_mut() {
        (node.cores, node.memory_gib) = (1_024, 4_096);
    }
    for storage in lab.storage.values_mut() {
        storage.size_gib *= 1_000;
    }
    lab
}

/// What `plan` does, with recorded answers for a cluster.
fn plan_recorded(folder: &Path, stack: &str) {
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("the recording is whole");
    let (stack, sources, mut found) = load(&Input {
        world: Arc::new(MemoryWorld::new([("main.hcl", read(stack))])),
        folder: ".",
        environment: BTreeMap::new(),
        arguments: Vec::new(),
        object_types: &spawnpoint::domain::names(),
        lookups: Arc::new(spawnpoint::lookups::Snapshot::default()),
        workspace: "default",
        folder_name: "many",
        working_folder: "/stack",
        now: jiff::Timestamp::UNIX_EPOCH,
        test: None,
    });
    let stack = stack.expect("the stack is right");
    let state = read_snapshot(&read("state.json"), &Unsealed).expect("the state is right");
    let observed = {
        let answers = serde_json::from_str(&read("answers.json")).expect("the answers are JSON");
        let client = Arc::new(Client::new(Arc::new(Recorded { answers }), Limits::default()));
        let wanted = spawnpoint::plan::wanted(&stack, &state, stack.clusters.keys());
        let clients = stack.clusters.keys().map(|name| (name.clone(), client.clone())).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        runtime.block_on(collect(&clients, &wanted)).expect("every answer is recorded")
    };
    let (made, more) = plan(&PlanInput {
        stack: &stack,
        state: &state,
        observed: Some(&observed),
        games: &games(),
        estimate_ms: &|_| 1000,
        options: &Options::default(),
        now: 0,
        fingerprint_key: &[7; 32],
        in_progress: &BTreeMap::new(),
        told: &BTreeMap::new(),
        avoided_vmids: &BTreeSet::new(),
    });
    found.extend(more);
    let schemas = |kind: &str| spawnpoint::resources::find(kind).map(|object| object.schema);
    match made {
        Some(made) => say(&render::text(&made, schemas, Style::Plain)),
        None => panic!("{}", diagnostics::text(&found, &sources, Style::Plain)),
    }
}

/// Passes calls on and writes down what reads were answered, as text: as it came.
struct Recorder {
    lab: InProcess,
    answers: Mutex<Map<String, Value>>,
}

#[async_trait]
impl Transport for Recorder {
    async fn send(&self, call: &Call) -> Result<Answer, TransportError> {
        let answer = self.lab.send(call).await?;
        if call.method == Method::Get {
            let text = json!([answer.status, answer.data]).to_string();
            self.answers.lock().expect("no holder panics").insert(call.to_string(), text.into());
        }
        Ok(answer)
    }

    fn describe(&self) -> String {
        self.lab.describe()
    }
}

/// Answers from a recording.
struct Recorded {
    answers: BTreeMap<String, String>,
}

#[async_trait]
impl Transport for Recorded {
    async fn send(&self, call: &Call) -> Result<Answer, TransportError> {
        let text = self.answers.get(&call.to_string()).unwrap_or_else(|| panic!("{call} is not recorded"));
        let (status, data) = serde_json::from_str(text).expect("an answer is JSON");
        let reason = String::new();
        let simulator = Some(Clock::Instant);
        Ok(Answer { status, reason, data, errors: BTreeMap::new(), message: None, date: None, simulator })
    }

    fn describe(&self) -> String {
        "the recording".to_owned()
    }
}

/// Nothing in the recording is secret.
struct Unsealed;

impl Seal for Unsealed {
    fn seal(&self, text: &str) -> Result<String, String> {
        Ok(text.to_owned())
    }

    fn open(&self, sealed: &str) -> Result<String, String> {
        Ok(sealed.to_owned())
    }
}

fn say(text: &str) {
    writeln!(std::io::stdout(), "{text}").expect("stdout is open");
}

//! What planning costs by number of guests, as a whole process: `cargo bench --bench planner`.
//!
//! A stack is applied to the simulator, and every answer of its cluster is written down as it came, beside the state. A process of its own
//! then does what `plan` does with the network taken away: it reads the stack and the state, takes the snapshot from the recorded answers,
//! each read from its file when it is asked for, plans, and renders. The tenants are many, so what walks all guests for each tenant would
//! show. `cargo bench --bench planner -- FOLDER` leaves the recordings there and uses them the next time.
//!
//! On 2026-11-22, two cores of an AMD EPYC with nothing else on them: 1 000 guests 0.071 s and 28 MB with nothing to change, 0.075 s and 29 MB
//! with one in ten, 0.091 s and 34 MB with all; 10 000 guests 0.76 s and 146 MB, 0.79 s and 149 MB, 0.96 s and 192 MB; exponents 1.02 to
//! 1.03. Others on the machine make a third more of it, and then all to change misses its second. Of that a quarter is for judging what is
//! there, a fifth for reading it, as much for what is wanted, an eighth for operations. Applying and recording takes 1.6 s of 1 000 and 84 s of
//! 10 000 guests, nearly all of it in the simulator.

mod measure;
#[path = "../tests/it/planner_world.rs"]
#[expect(dead_code, reason = "shared with the tests, which use all of it")]
mod planner_world;

use async_trait::async_trait;
use measure::{best_of, exponent, line, run};
use planner_world::{PlannerWorld, games};
use serde_json::json;
use spawnpoint::config::{Input, MemoryWorld, load};
use spawnpoint::observe::collect::collect;
use spawnpoint::plan::{Counts, Options, PlanInput, plan};
use spawnpoint::proxmox::{Answer, Call, Client, Clock, Limits, Method, Transport, TransportError};
use spawnpoint::render::{Style, diagnostics, plan as render};
use spawnpoint::simulator::{InProcess, Lab, Pace, Store};
use spawnpoint::state::wire::{Seal, read_snapshot, write_snapshot};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
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
/// What the stacks are, the memory of a guest in them, and of how many guests one changes.
const STACKS: [(&str, &str, Option<usize>); 3] = [
    ("nothing to change", UNCHANGED, None),
    ("one in ten to change", r#"count.index % 10 == 0 ? "32MiB" : "16MiB""#, Some(10)),
    ("all to change", r#""32MiB""#, Some(1)),
];

/// The bodies of all answers, one behind the other.
const ANSWERS: &str = "answers";
/// Where each begins, by its call, and how long it is.
const PLACES: &str = "places.json";
const STATE: &str = "state.json";

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<usize>().expect("the bench itself wrote the number");
    match words.as_slice() {
        ["plan", stack, changes] => return plan_recorded(Path::new("."), stack, number(changes)),
        ["record", count] => return record(Path::new("."), number(count)),
        _ => {}
    }
    let scratch = tempfile::tempdir().expect("there is room for temporary files");
    let folder = words.first().map_or(scratch.path(), Path::new);
    let own = std::env::current_exe().expect("the program knows where it is");
    let own = own.to_str().expect("the build folder has a readable name");
    let mut costs = Vec::new();
    for (count, times, limit) in [(1_000, 10, (0.1, 200)), (10_000, 5, (1.0, 200))] {
        let recorded = folder.join(format!("guests-{count}"));
        if !recorded.join(STATE).exists() {
            fs::create_dir_all(&recorded).expect("the folder can be made");
            // In a process of its own: how large this one was is part of what its children are told to have used.
            let cost = run(own, &["record", &count.to_string()], &recorded);
            assert!(cost.is_success, "the stack in {} can be applied", recorded.display());
            say(&line(&format!("{} {:03} guests, applied and recorded", count / 1_000, count % 1_000), &cost, None));
        }
        for (place, (what, _, share)) in STACKS.iter().enumerate() {
            let changes = share.map_or(0, |share| count / share).to_string();
            let cost = best_of(times, own, &["plan", &format!("{place}.hcl"), &changes], &recorded);
            assert!(cost.is_success, "the recording in {} can be planned", recorded.display());
            say(&line(&format!("{} {:03} guests, {what}", count / 1_000, count % 1_000), &cost, Some(limit)));
            costs.push((count, cost.cpu));
        }
    }
    for (place, (what, ..)) in STACKS.iter().enumerate() {
        say(&format!("{what}: grows with exponent {:.3}, at most 1.1", exponent(costs[place], costs[place + 3])));
    }
}

/// Applies the stack to a new lab, and writes down what a plan needs; the state comes last.
fn record(folder: &Path, count: usize) {
    for (place, (_, memory, _)) in STACKS.iter().enumerate() {
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
    let (mut bodies, mut places) = (Vec::new(), BTreeMap::new());
    for (call, body) in std::mem::take(&mut *recorder.answers.lock().expect("no holder panics")) {
        places.insert(call, (bodies.len() as u64, body.len()));
        bodies.extend(body.as_bytes());
    }
    let state = write_snapshot(&world.state(), &Unsealed).expect("nothing in it is secret");
    fs::write(folder.join(ANSWERS), bodies).expect("there is room for the answers");
    fs::write(folder.join(PLACES), json!(places).to_string()).expect("there is room for their places");
    fs::write(folder.join(STATE), state).expect("there is room for the state");
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
fn plan_recorded(folder: &Path, stack: &str, changes: usize) {
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
    let state = read_snapshot(&read(STATE), &Unsealed).expect("the state is right");
    let observed = {
        let places = serde_json::from_str(&read(PLACES)).expect("the places are right");
        let answers = fs::File::open(folder.join(ANSWERS)).expect("the recording is whole");
        let client = Arc::new(Client::new(Arc::new(Recorded { answers, places }), Limits::default()));
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
    let made = made.unwrap_or_else(|| panic!("{}", diagnostics::text(&found, &sources, Style::Plain)));
    assert_eq!(made.counts(), Counts { change: changes, ..Counts::default() });
    say(&render::text(&made, schemas, Style::Plain));
    // As the program does.
    std::mem::forget((made, observed, state, stack));
}

/// Passes calls on and writes down what reads were answered, by call.
struct Recorder {
    lab: InProcess,
    answers: Mutex<BTreeMap<String, String>>,
}

#[async_trait]
impl Transport for Recorder {
    async fn send(&self, call: &Call) -> Result<Answer, TransportError> {
        let answer = self.lab.send(call).await?;
        if call.method == Method::Get && answer.is_success() {
            let body = json!({ "data": answer.data }).to_string();
            self.answers.lock().expect("no holder panics").insert(call.to_string(), body);
        }
        Ok(answer)
    }

    fn describe(&self) -> String {
        self.lab.describe()
    }
}

/// Answers from a recording.
struct Recorded {
    answers: fs::File,
    places: HashMap<String, (u64, usize)>,
}

#[async_trait]
impl Transport for Recorded {
    async fn send(&self, call: &Call) -> Result<Answer, TransportError> {
        let (begin, length) = *self.places.get(&call.to_string()).unwrap_or_else(|| panic!("{call} is not recorded"));
        let mut body = vec![0; length];
        self.answers.read_exact_at(&mut body, begin).expect("the recording is whole");
        Ok(Answer { simulator: Some(Clock::Instant), ..Answer::decode(200, "OK", &body) })
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

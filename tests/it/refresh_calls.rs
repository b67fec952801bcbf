//! How many requests a refresh makes: counted at a server of the simulator, over HTTPS.

use spawnpoint::config::{Address, Input, Key, MemoryWorld, load};
use spawnpoint::observe::collect::collect;
use spawnpoint::proxmox::https::{Credentials, Https, Secret, Settings, Trust};
use spawnpoint::proxmox::{Client, Limits};
use spawnpoint::simulator::{Lab, Options, Pace, Passing, Server, Store, Verdict};
use spawnpoint::state::{Completeness, Identity, Record, State};
use spawnpoint::value::{Type, Value};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

const NODES: u32 = 5;
const GUESTS: u32 = 1_000;
const FIRST_VMID: u32 = 10_000;

/// What a refresh reads besides the guests: once each, however many guests and nodes there are.
const TABLES: [&str; 4] = ["/access/acl", "/access/users", "/pools", "/version"];

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
  count    = 1000
  tenant   = tenant.acme
  template = template.debian13
}
"#;

fn node(number: u32) -> String {
    format!("pve{}", 1 + number % NODES)
}

/// The built-in lab with five nodes and a thousand guests, of which every other one runs.
fn lab() -> Lab {
    let mut text = include_str!("../../src/simulator/labs/built-in.lab.hcl").to_owned();
    for number in 3..NODES {
        writeln!(text, "node \"{}\" {{\n  cores = 32\n  memory_gib = 128\n}}", node(number)).expect("a String grows");
    }
    for number in 0..GUESTS {
        let (vmid, node, runs) = (FIRST_VMID + number, node(number), number % 2 == 0);
        let config = r#"{ cores = "1", memory = "64", tags = "spawnpoint;spawnpoint-home" }"#;
        let place = format!("vmid = {vmid}\n  node = \"{node}\"\n  running = {runs}");
        let disk = "storage = \"shared\"\n  disk_gib = 1";
        writeln!(text, "guest \"x-{number}\" {{\n  {place}\n  {disk}\n  config = {config}\n}}")
            .expect("a String grows");
    }
    Lab::parse("five-nodes.lab.hcl", &text).unwrap_or_else(|error| panic!("{error}"))
}

/// A state that knows every one of them.
fn state() -> State {
    let record = |number: u32| Record {
        kind: "vm".into(),
        cluster: "lab".into(),
        identity: Identity::of([("node", node(number)), ("vmid", (FIRST_VMID + number).to_string())]),
        intent: String::new(),
        applied: Value::null(Type::Dynamic),
        secrets: BTreeMap::new(),
        dependencies: Vec::new(),
        completeness: Completeness::Complete,
        is_adopted: false,
    };
    let block = Address::new(Default::default(), "vm", "x");
    let records = (0..GUESTS).map(|number| (block.instance(Some(Key::Number(number.into()))), record(number)));
    State { records: records.collect(), ..State::default() }
}

/// Replaces what differs by guest or node, so that requests of one kind are one text.
fn kind_of(path: &str, query: &str) -> String {
    let path = path.strip_prefix("/api2/json").unwrap_or(path);
    let words: Vec<&str> = path
        .split('/')
        .map(|word| match word {
            word if word.starts_with("pve") => "NODE",
            word if word.parse::<u32>().is_ok() => "VMID",
            word => word,
        })
        .collect();
    let path = words.join("/");
    if query.is_empty() { path } else { format!("{path}?{query}") }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_reads_every_guest_once_and_two_lists_of_each_node() {
    let store = Arc::new(Mutex::new(Store::in_memory(&lab(), Pace::Instant).expect("the lab can be built")));
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let kinds: Arc<Mutex<BTreeMap<String, u32>>> = Arc::default();
    let seen = kinds.clone();
    let count = move |passing: &Passing<'_>| {
        if passing.reply.is_none() {
            let kind = kind_of(&passing.request.path, &passing.request.query);
            *seen.lock().expect("no holder panics").entry(kind).or_default() += 1;
        }
        Verdict::Pass
    };
    let options = Options { folder: folder.path().to_owned(), interceptor: Some(Arc::new(count)) };
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = Server::start(listen, store, options).await.expect("the server starts");

    let (id, secret) = server.token.split_once('=').expect("a token has a secret");
    let credentials = Credentials::Token { id: id.to_owned(), secret: Secret::new(secret) };
    let fingerprint = server.fingerprint.parse().expect("the server tells its own");
    let settings = Settings::new(vec![format!("https://{}", server.address)], credentials);
    let https = Https::new(Settings { trust: Trust::Fingerprints(vec![fingerprint]), ..settings });
    let client = Arc::new(Client::new(Arc::new(https.expect("the settings are right")), Limits::default()));
    let (stack, _, found) = load(&Input {
        world: Arc::new(MemoryWorld::new([("main.hcl", STACK)])),
        folder: ".",
        environment: BTreeMap::new(),
        arguments: Vec::new(),
        object_types: &spawnpoint::domain::names(),
        lookups: Arc::new(spawnpoint::lookups::Snapshot::default()),
        workspace: "default",
        folder_name: "home",
        working_folder: "/stack",
        now: jiff::Timestamp::UNIX_EPOCH,
        test: None,
    });
    let stack = stack.unwrap_or_else(|| panic!("{found:?}"));
    let wanted = spawnpoint::plan::wanted(&stack, &state(), stack.clusters.keys());
    let clients = BTreeMap::from([(Arc::from("lab"), client)]);
    let observed = collect(&clients, &wanted).await.expect("the lab answers");

    let guests = observed.clusters["lab"].guests.values();
    assert_eq!(guests.filter(|guest| guest.vmid >= FIRST_VMID && guest.config.is_some()).count(), GUESTS as usize);
    let kinds = kinds.lock().expect("no holder panics").clone();
    let of = |kind: &str| kinds.get(kind).copied().unwrap_or_default();
    let lists = ["qemu", "lxc"].map(|list| of(&format!("/nodes/NODE/{list}")));
    assert_eq!(lists, [NODES, NODES], "two lists of each node: {kinds:?}");
    let configs = of("/nodes/NODE/qemu/VMID/config") + of("/nodes/NODE/qemu/VMID/pending");
    assert_eq!(configs, GUESTS + 1, "each guest and the template once: {kinds:?}");
    // Where guests could be placed.
    let places = [of("/nodes/NODE/storage"), of("/nodes/NODE/network?type=any_bridge")];
    assert_eq!(places, [NODES, NODES], "two tables of each node: {kinds:?}");
    assert!(TABLES.iter().all(|table| of(table) == 1), "every table once: {kinds:?}");
    assert_eq!(of("/cluster/resources"), 1, "{kinds:?}");
    let template = 1;
    let tables = TABLES.len() as u32 + places.iter().sum::<u32>() + template;
    let total = 1 + lists.iter().sum::<u32>() + GUESTS + tables;
    assert_eq!(server.requests(), u64::from(total), "nothing else: {kinds:?}");
    println!("a refresh of {GUESTS} guests on {NODES} nodes: {total} requests");
}

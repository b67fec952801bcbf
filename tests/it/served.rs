//! A lab served over HTTPS by the test itself, the quickstart pointed at it, and a trap for the processes that ask it.

use crate::harness::{CommandOutput, World};
use regex::Regex;
use rustix::process::{Pid, Signal, kill_process};
use spawnpoint::simulator::{Lab, Moment, Options, Pace, Passing, Request, RunningServer, Server, Store, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use tokio::runtime::Runtime;

/// The example as it is in the repository.
pub(crate) const QUICKSTART: &str = include_str!("../../examples/quickstart/main.hcl");

/// What the example says about its network.
const NETWORK: &str = "10.40.0.";

/// A served lab, new and in memory.
pub(crate) struct Served {
    // Before the runtime, which ends what it still runs.
    pub(crate) server: RunningServer,
    store: Arc<Mutex<Store>>,
    trap: Arc<Trap>,
    network: String,
    _folder: tempfile::TempDir,
    _runtime: Runtime,
}

impl Served {
    pub(crate) fn start() -> Self {
        Self::of(&Lab::built_in())
    }

    /// Serves a lab of the test's own.
    pub(crate) fn of(lab: &Lab) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime can be built");
        let store = Store::in_memory(lab, Pace::Instant).expect("the lab can be built");
        let store = Arc::new(Mutex::new(store));
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let trap = Arc::new(Trap::default());
        let watching = Arc::clone(&trap);
        let options = Options {
            folder: folder.path().to_owned(),
            interceptor: Some(Arc::new(move |passing| watching.meet(passing))),
        };
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = runtime.block_on(Server::start(listen, Arc::clone(&store), options)).expect("the server starts");
        Self { server, store, trap, network: network(), _folder: folder, _runtime: runtime }
    }

    /// Returns the settings that make a client trust the server and the server trust it.
    pub(crate) fn settings(&self) -> String {
        let RunningServer { address, fingerprint, token, .. } = &self.server;
        format!(
            "  endpoints    = [\"https://{address}\"]\n  fingerprints = [\"{fingerprint}\"]\n  token        = \"{token}\"\n"
        )
    }

    /// Returns a world with the quickstart on this server. Its network is the server's own: simulated game servers listen on loopback
    /// addresses made from it, and other labs may run at the same time.
    pub(crate) fn world(&self, settings: &str) -> World {
        let stack = QUICKSTART.replace("  simulator {}\n", settings).replace(NETWORK, &self.network);
        assert!(stack.contains(settings), "the example has a simulator to replace");
        let world = World::new();
        world.write("main.hcl", &stack);
        world
    }

    /// Asks the lab as its own administrator, past the network; the call must succeed.
    pub(crate) fn call(&self, method: &str, path: &str, parameters: &[(&str, &str)]) -> serde_json::Value {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let request = Request {
            method: method.to_owned(),
            path: format!("/api2/json{path}"),
            body: body.into_bytes(),
            authorization: Some(format!("PVEAPIToken={}", self.server.token)),
            ..Request::default()
        };
        let reply = self.store.lock().expect("no test panics with it").handle(&request).expect("it is in memory");
        assert_eq!(reply.status, 200, "{method} {path}: {}", reply.reason);
        let answer: serde_json::Value = serde_json::from_slice(&reply.body).expect("answers are JSON");
        answer["data"].clone()
    }

    /// Makes a call that starts a task, and waits for its good end.
    pub(crate) fn run(&self, method: &str, path: &str, parameters: &[(&str, &str)]) {
        let started = self.call(method, path, parameters);
        let upid = started.as_str().unwrap_or_else(|| panic!("{method} {path} starts no task: {started}"));
        let node = upid.split(':').nth(1).expect("a UPID names its node");
        let status = format!("/nodes/{node}/tasks/{}/status", spawnpoint::proxmox::call::segment(upid));
        loop {
            let task = self.call("GET", &status, &[]);
            if let Some(exit) = task["exitstatus"].as_str() {
                return assert_eq!(exit, "OK", "{method} {path}");
            }
        }
    }

    /// Lets time pass in the lab.
    pub(crate) fn pass(&self, seconds: u64) {
        let mut store = self.store.lock().expect("no test panics with it");
        store.change(|machine| machine.advance(seconds * 1000)).expect("it is in memory");
    }

    /// Returns where a guest is: the path of its calls.
    pub(crate) fn guest(&self, vmid: u32) -> String {
        let resources = self.call("GET", "/cluster/resources", &[]);
        let row = resources.as_array().into_iter().flatten().find(|row| row["vmid"] == vmid);
        let row = row.unwrap_or_else(|| panic!("there is no guest {vmid}"));
        let text = |name: &str| row[name].as_str().expect("a row of a guest has it").to_owned();
        format!("/nodes/{}/{}/{vmid}", text("node"), text("type"))
    }

    /// Returns what the lab holds.
    pub(crate) fn dump(&self) -> String {
        let store = self.store.lock().expect("no holder of the lab panics");
        serde_json::to_string_pretty(&store.machine().dump()).expect("JSON values can be written")
    }

    /// Returns a text as it would be in any world: the example's network, and one word for what differs by state and run.
    pub(crate) fn comparable(&self, text: &str) -> String {
        let text = text.replace(&self.network, NETWORK);
        comparable(&text.replace(&self.server.address.port().to_string(), "PORT"))
            .replace(&self.server.fingerprint, "SERVED")
    }

    /// Returns how many requests arrived that count as steps.
    pub(crate) fn steps(&self) -> u64 {
        self.trap.steps.lock().expect("no holder of the numbers panics").count
    }

    /// Starts the binary, kills it at a step from now on, and waits for its end. Returns whether it came so far.
    pub(crate) fn kill(&self, world: &World, arguments: &[&str], step: u64, moment: Moment) -> bool {
        let step = self.steps() + step;
        let when: When = Box::new(move |passing, number| number == Some(step) && passing.moment == moment);
        self.signal(world, arguments, Signal::KILL, when).1
    }

    /// Starts the binary, interrupts it at the first request that `when` picks, and waits for its end.
    /// Returns what it printed, and whether there was such a request.
    pub(crate) fn interrupt(
        &self,
        world: &World,
        arguments: &[&str],
        when: impl Fn(&Passing<'_>) -> bool + Send + 'static,
    ) -> (CommandOutput, bool) {
        self.signal(world, arguments, Signal::INT, Box::new(move |passing, _| when(passing)))
    }

    fn signal(&self, world: &World, arguments: &[&str], signal: Signal, when: When) -> (CommandOutput, bool) {
        let mut out = {
            // The server waits at the trap until it is armed, so that no request passes it.
            let mut armed = self.trap.armed.lock().expect("no holder of the trap panics");
            let mut command = world.command(arguments);
            let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
            let mut child = command.spawn().expect("the binary starts");
            let out = child.stdout.take().expect("it is piped");
            *armed = Some(Armed { child, signal, when, is_sprung: false });
            out
        };
        let mut stdout = String::new();
        out.read_to_string(&mut stdout).expect("the binary prints text");
        let armed = self.trap.armed.lock().expect("no holder of the trap panics").take();
        let Armed { mut child, is_sprung, .. } = armed.expect("it was armed above");
        let status = child.wait().expect("the binary ends");
        (CommandOutput { stdout, stderr: String::new(), status: status.code() }, is_sprung)
    }
}

/// Returns a network of ten machines' worth of length like the example's, so that texts line up alike.
fn network() -> String {
    static TAKEN: AtomicU8 = AtomicU8::new(0);
    let second = 60 + TAKEN.fetch_add(1, Ordering::Relaxed) % 40;
    // Two runs of the tests on one machine keep out of each other's way.
    format!("10.{second}.{}.", std::process::id() % 10)
}

/// Returns a text with one word for what every state or run makes anew: MAC addresses, ids, digests.
pub(crate) fn comparable(text: &str) -> String {
    let patterns = [
        ("BC:24:11(:[0-9A-F]{2}){3}", "BC:24:11:xx:xx:xx"),
        ("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID"),
        (r"\b[0-9a-f]{40}\b", "DIGEST"),
        (r"meta: creation-qemu=([0-9.]+),ctime=\d+", "meta: creation-qemu=$1,ctime=TIME"),
        (r"ctime=\d+", "ctime=TIME"),
    ];
    patterns.iter().fold(text.to_owned(), |text, (pattern, word)| {
        Regex::new(pattern).expect("the pattern is right").replace_all(&text, *word).into_owned()
    })
}

/// Returns the text of a file of the repository.
pub(crate) fn repository_file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("the file is in the repository")
}

/// Picks a request, which has a number if it is a step.
type When = Box<dyn Fn(&Passing<'_>, Option<u64>) -> bool + Send>;

/// Sends a signal to a client at one of its requests.
#[derive(Default)]
struct Trap {
    steps: Mutex<Steps>,
    armed: Mutex<Option<Armed>>,
}

/// Numbers the requests of a lab. How often a client asks for the running tasks depends on how busy the machine is, so the list counts
/// only the first time after each change.
#[derive(Default)]
struct Steps {
    count: u64,
    polled: BTreeSet<String>,
    /// The number of every counted request by its number on the server.
    numbers: BTreeMap<u64, u64>,
}

impl Steps {
    /// Returns the number of a request, if it counts.
    fn number(&mut self, passing: &Passing<'_>) -> Option<u64> {
        if passing.moment == Moment::Before {
            let Request { method, path, .. } = passing.request;
            if method != "GET" {
                self.polled.clear();
            }
            if !path.ends_with("/tasks") || self.polled.insert(path.clone()) {
                self.count += 1;
                self.numbers.insert(passing.number, self.count);
            }
        }
        self.numbers.get(&passing.number).copied()
    }
}

struct Armed {
    child: Child,
    signal: Signal,
    when: When,
    is_sprung: bool,
}

impl Trap {
    fn meet(&self, passing: &Passing<'_>) -> Verdict {
        let mut armed = self.armed.lock().expect("no holder of the trap panics");
        let step = self.steps.lock().expect("no holder of the numbers panics").number(passing);
        let Some(armed) = armed.as_mut().filter(|armed| !armed.is_sprung && (armed.when)(passing, step)) else {
            return Verdict::Pass;
        };
        armed.is_sprung = true;
        // The child was not waited for, so the id is still its own.
        kill_process(Pid::from_child(&armed.child), armed.signal).expect("the client is ours");
        if armed.signal == Signal::KILL { Verdict::Drop } else { Verdict::Pass }
    }
}

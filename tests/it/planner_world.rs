//! A stack in a lab of its own, planned and applied step by step: files in memory, the state folded from a journal in memory, the simulator
//! in process. Everything between text and plan is the real thing; only the inside of guests is not there.

use spawnpoint::apply::{
    self, Interrupt, Journal, JournalError, Late, OperationResult, ProvisionContext, ProvisionError, Provisioned,
    Provisioner,
};
use spawnpoint::config::{Address, Input, MemoryWorld, Moment, Output, Stack, World, load};
use spawnpoint::diagnostics::{Diagnostics, Sources};
use spawnpoint::lookups::{Read, Snapshot};
use spawnpoint::observe::Observed;
use spawnpoint::observe::collect::{Unread, collect};
use spawnpoint::plan::{GameFacts, Mode, Options, Plan, PlanInput, ProvisionTask, Told};
use spawnpoint::provision::assets;
use spawnpoint::proxmox::{Answer, Call, Client, Limits, Transport, TransportError};
use spawnpoint::render::{Style, diagnostics, plan};

use spawnpoint::simulator::{InProcess, Lab, Pace, Store};
use spawnpoint::state::{Entry, OutputRecord, State, fold};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A folder with one text in memory, and the files of `tests/data/files` below `files`: what is sent to a cluster has to be on a disk.
#[derive(Debug)]
struct Folder(MemoryWorld);

impl Folder {
    fn on_disk(path: &str) -> Option<std::path::PathBuf> {
        let name = path.strip_prefix("files/")?;
        Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/files").join(name))
    }
}

impl World for Folder {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        match Self::on_disk(path) {
            Some(path) => std::fs::read(path).map_err(|error| error.to_string()),
            None => self.0.read(path),
        }
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, String> {
        self.0.list(folder)
    }

    fn exists(&self, path: &str) -> bool {
        self.0.exists(path)
    }

    fn files_below(&self, folder: &str) -> Result<Vec<String>, String> {
        self.0.files_below(folder)
    }

    fn absolute(&self, path: &str) -> String {
        let on_disk = Self::on_disk(path).map(|path| path.to_string_lossy().into_owned());
        on_disk.unwrap_or_else(|| self.0.absolute(path))
    }

    fn home(&self) -> Option<String> {
        self.0.home()
    }
}

/// Returns the built-in lab, and something at some addresses for nodes to fetch.
pub(crate) fn lab_with_urls() -> Lab {
    let built_in = include_str!("../../src/simulator/labs/built-in.lab.hcl");
    let urls = include_str!("../data/files/urls.lab.hcl");
    Lab::parse("urls.lab.hcl", &format!("{built_in}\n{urls}")).expect("the lab is right")
}

/// One lab and the state of one stack in it.
pub(crate) struct PlannerWorld {
    name: String,
    runtime: tokio::runtime::Runtime,
    client: Arc<Client>,
    sent: Arc<Mutex<Vec<Call>>>,
    /// What the last plan was made from, for what it leaves open.
    basis: RefCell<Option<Basis>>,
    /// Plans that were carried out.
    pub(crate) carried_out: Vec<Plan>,
    journal: MemoryJournal,
    lineage: u32,
    runs: u32,
    /// What the playbooks were asked for, a line each, since the last plan.
    pub(crate) provisioned: Arc<Mutex<Vec<String>>>,
}

struct Basis {
    stack: Stack,
    state: State,
    observed: Observed,
    options: Options,
}

impl Basis {
    fn input<'a>(
        &'a self,
        stack: &'a Stack,
        games: &'a BTreeMap<String, GameFacts>,
        empty: &'a Empty,
    ) -> PlanInput<'a> {
        PlanInput {
            stack,
            state: &self.state,
            observed: Some(&self.observed),
            games,
            estimate_ms: &|_| 1000,
            options: &self.options,
            now: 0,
            fingerprint_key: &[7; 32],
            in_progress: &empty.in_progress,
            told: &empty.told,
            avoided_vmids: &empty.avoided_vmids,
        }
    }
}

#[derive(Default)]
struct Empty {
    in_progress: BTreeMap<Address, String>,
    told: Told,
    avoided_vmids: BTreeSet<u32>,
}

/// What the planner said.
pub(crate) struct Planned {
    pub(crate) plan: Option<Plan>,
    pub(crate) diagnostics: Diagnostics,
    pub(crate) sources: Sources,
}

impl Planned {
    /// Returns what a terminal without colour would show.
    pub(crate) fn text(&self) -> String {
        let schemas = |kind: &str| spawnpoint::resources::find(kind).map(|object| object.schema);
        let mut shown = self.plan.as_ref().map(|made| plan::text(made, schemas, Style::Plain)).unwrap_or_default();
        shown.push_str(&diagnostics::text(&self.diagnostics, &self.sources, spawnpoint::render::Style::Plain));
        shown
    }
}

impl PlannerWorld {
    pub(crate) fn new(name: &str, lab: &Lab) -> Self {
        let store = Store::in_memory(lab, Pace::Instant).expect("the lab opens");
        Self::over(name, Arc::new(InProcess::new(Arc::new(Mutex::new(store)))))
    }

    /// Returns a world whose lab is behind a transport of the caller's.
    pub(crate) fn over(name: &str, door: Arc<dyn Transport>) -> Self {
        let sent: Arc<Mutex<Vec<Call>>> = Arc::default();
        let transport = Arc::new(NotingTransport { door, sent: sent.clone() });
        Self {
            name: name.to_owned(),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts"),
            client: Arc::new(Client::new(transport, Limits::default())),
            sent,
            basis: RefCell::default(),
            carried_out: Vec::new(),
            journal: MemoryJournal::default(),
            lineage: 1,
            runs: 0,
            provisioned: Arc::default(),
        }
    }

    /// Returns every call that was sent so far.
    pub(crate) fn sent(&self) -> Vec<Call> {
        self.sent.lock().expect("no holder panics").clone()
    }

    /// Returns what the journal says.
    pub(crate) fn state(&self) -> State {
        let lineage = format!("3f1f2a34-0000-4000-8000-{:012}", self.lineage);
        let empty = State { lineage, ..State::default() };
        fold(empty, self.journal.0.lock().expect("no holder panics").clone()).expect("the journal is legal")
    }

    /// Loses the state: what is known from now on is in a new one.
    pub(crate) fn forget(&mut self) {
        self.journal = MemoryJournal::default();
        self.lineage += 1;
    }

    fn load(&self, text: &str) -> (Option<Stack>, Sources, Diagnostics) {
        load(&Input {
            world: Arc::new(Folder(MemoryWorld::new([("main.hcl", text)]))),
            folder: ".",
            environment: BTreeMap::new(),
            arguments: Vec::new(),
            object_types: &spawnpoint::domain::names(),
            lookups: Arc::new(spawnpoint::lookups::Snapshot::default()),
            workspace: "default",
            folder_name: &self.name,
            working_folder: "/stack",
            now: jiff::Timestamp::UNIX_EPOCH,
            test: None,
        })
    }

    /// Answers the `data` blocks.
    fn looked_up(&self, read: Stack) -> Result<(Option<Stack>, Diagnostics), Vec<Unread>> {
        let clusters = read.clusters.iter().map(|(name, settings)| (name.clone(), settings.is_default)).collect();
        let mut snapshot = Snapshot { clusters: Some(clusters), ..Snapshot::default() };
        if read.lookups().is_empty() {
            return Ok((Some(read), Diagnostics::new()));
        }
        loop {
            let (stack, found) = read.resolve(Arc::new(snapshot.clone()));
            let Some(stack) = stack else { return Ok((None, found)) };
            let questions = stack.questions();
            let missing: BTreeSet<Read> = questions.iter().filter_map(|question| snapshot.missing(question)).collect();
            if missing.is_empty() {
                return Ok((Some(stack).filter(|_| !found.has_errors()), found));
            }
            missing.iter().for_each(|read| read.want(&mut snapshot.wanted));
            let clients = read.clusters.keys().map(|name| (name.clone(), self.client.clone())).collect();
            let tag = spawnpoint::resources::marker::project_tag(&read.settings.project);
            let wanted = spawnpoint::observe::Wanted { clusters: snapshot.wanted.clone(), tag };
            let observed = self.runtime.block_on(collect(&clients, &wanted))?;
            snapshot.observed = Arc::new(observed);
        }
    }

    fn observe(&self, stack: &Stack, state: &State) -> Result<Observed, Vec<Unread>> {
        let names: BTreeSet<Arc<str>> =
            stack.clusters.keys().cloned().chain(state.records.values().map(|record| record.cluster.clone())).collect();
        let wanted = spawnpoint::plan::wanted(stack, state, names.iter());
        let clients = names.iter().map(|name| (name.clone(), self.client.clone())).collect();
        self.runtime.block_on(collect(&clients, &wanted))
    }

    /// Plans a configuration on a lab that answers.
    pub(crate) fn plan(&self, text: &str, options: &Options) -> Planned {
        self.try_plan(text, options).expect("the lab answers")
    }

    /// Plans a configuration, unless the lab does not answer.
    pub(crate) fn try_plan(&self, text: &str, options: &Options) -> Result<Planned, Vec<Unread>> {
        let (stack, sources, mut diagnostics) = self.load(text);
        let Some(stack) = stack else { return Ok(Planned { plan: None, diagnostics, sources }) };
        let (stack, found) = self.looked_up(stack)?;
        diagnostics.extend(found);
        let Some(stack) = stack else { return Ok(Planned { plan: None, diagnostics, sources }) };
        let state = self.state();
        let observed = self.observe(&stack, &state)?;
        let basis = Basis { stack, state, observed, options: options.clone() };
        let (plan, found) = spawnpoint::plan::plan(&basis.input(&basis.stack, &games(), &Empty::default()));
        *self.basis.borrow_mut() = Some(basis);
        diagnostics.extend(found);
        Ok(Planned { plan, diagnostics, sources })
    }

    /// Carries out a plan; every operation must be done.
    pub(crate) fn apply(&mut self, plan: &Plan) {
        self.apply_or_tell(plan).unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// Carries out a plan, and tells what was not done.
    pub(crate) fn apply_or_tell(&mut self, plan: &Plan) -> Result<(), String> {
        self.runs += 1;
        self.carried_out.push(plan.clone());
        let clusters =
            plan.operations.iter().map(|operation| (operation.cluster.clone(), self.client.clone())).collect();
        let provisioner = NotingProvisioner { notes: self.provisioned.clone() };
        let basis = self.basis.borrow();
        let (basis, games, empty) = (basis.as_ref().expect("it was planned"), games(), Empty::default());
        let moment = Moment { time: "2026-11-21T12:00:00Z".parse().expect("a time"), seed: [self.runs as u8; 32] };
        let stack = basis.stack.applied_at(moment).unwrap_or_else(|found| panic!("{found:?}"));
        let late = Late::new(basis.input(&stack, &games, &empty), plan);
        let run = apply::Run {
            plan,
            clusters: &clusters,
            journal: &self.journal,
            provisioner: &provisioner,
            late: Some(&late),
            id: format!("r{}", self.runs).into(),
            parallelism: 4,
            clock: &|| 1_700_000_000,
        };
        let (_user, interrupts) = tokio::sync::watch::channel(Interrupt::None);
        let summary = self.runtime.block_on(apply::run(&run, &mut |_| (), interrupts));
        for (operation, result) in plan.operations.iter().zip(&summary.results) {
            let is_done = matches!(result, Some(OperationResult::Done | OperationResult::DoneWithWarnings(_)));
            if !is_done {
                return Err(format!("{} {:?}: {result:?}", operation.address, operation.verb));
            }
        }
        let settled = if plan.is_open() { late.settled() } else { Arc::default() };
        if settled.found.has_errors() {
            return Err(format!("{:?}", settled.found));
        }
        let known = |name: &Arc<str>, planned: &Output| match planned.value.is_wholly_known() {
            true => Some(planned.clone()),
            false => settled.outputs.get(name).cloned(),
        };
        let record = |output: &Output| OutputRecord { value: output.value.clone(), is_sensitive: output.is_sensitive };
        let after = plan.outputs.iter().filter_map(|(name, change)| Some((name, change.after.as_ref()?)));
        let outputs = after.filter_map(|(name, output)| Some((name.clone(), record(&known(name, output)?)))).collect();
        self.journal.0.lock().expect("no holder panics").push(Entry::Outputs { run: run.id, outputs });
        Ok(())
    }

    /// Looks at the lab past the program.
    pub(crate) fn read(&self, call: &Call) -> serde_json::Value {
        let answer = self.runtime.block_on(self.client.read(call));
        answer.unwrap_or_else(|error| panic!("{call}: {error}"))
    }

    /// Does something behind our back.
    pub(crate) fn send(&self, call: &Call) {
        self.runtime.block_on(async {
            let written = self.client.write(call).await.unwrap_or_else(|error| panic!("{call}: {error}"));
            if let Some(upid) = written.upid {
                self.client.wait(&upid, Duration::from_secs(600), &mut |_| {}).await.expect("the task ends");
            }
        });
    }
}

/// Returns our own games, each with the same digest of its playbook.
pub(crate) fn games() -> BTreeMap<String, GameFacts> {
    let none = Path::new("/nonexistent");
    let facts = |name: String| {
        let playbook = assets::playbook(none, &name).expect("it can be read").expect("it is there");
        let game = playbook.manifest(&mut Sources::new()).expect("our manifests are right");
        (name, GameFacts { game, playbook: "digest".to_owned() })
    };
    assets::names(none).into_iter().map(facts).collect()
}

/// Options for one mode of planning.
pub(crate) fn options(mode: Mode, targets: Vec<Address>, excludes: Vec<Address>, replace: Vec<Address>) -> Options {
    Options { mode, targets, excludes, replace, ..Options::default() }
}

/// Writes down what passes.
struct NotingTransport {
    door: Arc<dyn Transport>,
    sent: Arc<Mutex<Vec<Call>>>,
}

#[async_trait::async_trait]
impl Transport for NotingTransport {
    async fn send(&self, call: &Call) -> Result<Answer, TransportError> {
        self.sent.lock().expect("no holder panics").push(call.clone());
        self.door.send(call).await
    }

    fn describe(&self) -> String {
        self.door.describe()
    }
}

#[derive(Default)]
struct MemoryJournal(Mutex<Vec<Entry>>);

#[async_trait::async_trait]
impl Journal for MemoryJournal {
    async fn append(&self, entries: Vec<Entry>) -> Result<(), JournalError> {
        self.0.lock().expect("no holder panics").extend(entries);
        Ok(())
    }
}

/// Writes down what the playbooks are asked for.
struct NotingProvisioner {
    notes: Arc<Mutex<Vec<String>>>,
}

#[async_trait::async_trait]
impl Provisioner for NotingProvisioner {
    async fn provision(
        &self,
        task: &ProvisionTask,
        _context: ProvisionContext<'_>,
        _progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Provisioned, ProvisionError> {
        let what = if task.is_removal { "remove" } else { "provision" };
        let note = format!("{what} {} on VM {}, runs: {}", task.server, task.vmid, task.is_running);
        self.notes.lock().expect("no holder panics").push(note);
        Ok(Provisioned::default())
    }
}

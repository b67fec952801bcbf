//! A lab with a planner made by hand: it knows one pool, one permission and one guest, and what is left to do about them.
//!
//! Transport and journal can be cut off at any call or entry, as a crash would.

use spawnpoint::apply::{
    Clusters, Interrupt, Journal, JournalError, OperationResult, Patience, ProvisionContext, ProvisionError,
    Provisioned, Provisioner, Recovery, Run, Situation, Summary, look_and_recover, run,
};
use spawnpoint::config::{Address, ModulePath};
use spawnpoint::observe::{Observed, Power, Wanted};
use spawnpoint::plan::{Guard, GuardedCall, Lock, Mode, Operation, Plan, ProvisionTask, Step, Task, Verb, Verify};
use spawnpoint::proxmox::{Answer, Call, Client, Limits, Transport, TransportError};
use spawnpoint::resources::marker::Marker;
use spawnpoint::simulator::{InProcess, Lab, Pace, Store};
use spawnpoint::state::{Completeness, Effect, Entry, Identity, Record, State, fold};
use spawnpoint::value::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{Notify, watch};

pub(crate) const LINEAGE: &str = "0c1f";
pub(crate) const PROJECT: &str = "home";

/// Where a run dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    Never,
    /// Before the n-th write reaches the server, or after it acted and before it answered.
    BeforeWrite(u32),
    AfterWrite(u32),
    /// Before the n-th append is durable, or after.
    BeforeAppend(u32),
    AfterAppend(u32),
}

/// A process that can die: what it sends and writes down goes through here.
pub(crate) struct Process {
    cut: Cut,
    writes: AtomicU32,
    appends: AtomicU32,
    died: Notify,
}

impl Process {
    pub(crate) fn new(cut: Cut) -> Arc<Self> {
        Arc::new(Self { cut, writes: AtomicU32::new(0), appends: AtomicU32::new(0), died: Notify::new() })
    }

    /// Returns how many writes were handed over.
    pub(crate) fn writes(&self) -> u32 {
        self.writes.load(Ordering::Relaxed)
    }

    async fn die_if(&self, here: Cut) {
        if self.cut == here {
            self.died.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

struct CutTransport {
    inner: InProcess,
    process: Arc<Process>,
}

#[async_trait::async_trait]
impl Transport for CutTransport {
    async fn send(&self, call: &Call) -> Result<Answer, TransportError> {
        if call.method.is_read() {
            return self.inner.send(call).await;
        }
        let count = self.process.writes.fetch_add(1, Ordering::Relaxed) + 1;
        self.process.die_if(Cut::BeforeWrite(count)).await;
        let answer = self.inner.send(call).await;
        self.process.die_if(Cut::AfterWrite(count)).await;
        answer
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}

struct CutJournal<'a> {
    entries: &'a Mutex<Vec<Entry>>,
    process: Arc<Process>,
}

#[async_trait::async_trait]
impl Journal for CutJournal<'_> {
    async fn append(&self, entries: Vec<Entry>) -> Result<(), JournalError> {
        let count = self.process.appends.fetch_add(1, Ordering::Relaxed) + 1;
        self.process.die_if(Cut::BeforeAppend(count)).await;
        self.entries.lock().expect("no holder panics").extend(entries);
        self.process.die_if(Cut::AfterAppend(count)).await;
        Ok(())
    }
}

/// Nothing in these tests is inside a guest.
struct NoProvisioner;

#[async_trait::async_trait]
impl Provisioner for NoProvisioner {
    async fn provision(
        &self,
        task: &ProvisionTask,
        _context: ProvisionContext<'_>,
        _progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Provisioned, ProvisionError> {
        Err(ProvisionError { error: format!("no playbook for {}", task.game), hints: Vec::new() })
    }
}

/// A lab, and the journal of the state that owns things in it.
pub(crate) struct World {
    pub(crate) store: Arc<Mutex<Store>>,
    pub(crate) journal: Mutex<Vec<Entry>>,
    runs: u32,
    clock: Box<dyn Fn() -> i64 + Send + Sync>,
}

impl World {
    pub(crate) fn new() -> Self {
        let store = Store::in_memory(&Lab::built_in(), Pace::Instant).expect("the built-in lab is valid");
        let store = Arc::new(Mutex::new(store));
        let seconds = AtomicI64::new(1_700_000_000);
        let clock = Box::new(move || seconds.fetch_add(1, Ordering::Relaxed));
        Self { store, journal: Mutex::default(), runs: 0, clock }
    }

    pub(crate) fn state(&self) -> State {
        let empty = State { lineage: LINEAGE.to_owned(), ..State::default() };
        fold(empty, self.journal.lock().expect("no holder panics").clone()).expect("the journal is legal")
    }

    pub(crate) fn clusters(&self, process: &Arc<Process>) -> Clusters {
        let inner = InProcess::new(Arc::clone(&self.store));
        let transport = CutTransport { inner, process: Arc::clone(process) };
        [("lab".into(), Arc::new(Client::new(Arc::new(transport), Limits::default())))].into()
    }

    /// Looks, recovers and writes down what recovery found.
    pub(crate) async fn recover(&self) -> (Recovery, Observed) {
        let wanted = self.wanted();
        let patience = Patience::Wait(std::time::Duration::from_secs(600));
        let now = (self.clock)();
        let situation = Situation { at_work: None, project: PROJECT, now, patience };
        let clusters = self.clusters(&Process::new(Cut::Never));
        let found = look_and_recover(&self.state(), &clusters, &wanted, situation, None).await;
        let (recovery, observed) = found.expect("the lab answers");
        self.journal.lock().expect("no holder panics").extend(recovery.entries.clone());
        (recovery, observed)
    }

    fn wanted(&self) -> Wanted {
        let mut wanted = Wanted { tag: spawnpoint::resources::marker::project_tag(PROJECT), ..Wanted::default() };
        let details = wanted.clusters.entry("lab".into()).or_default();
        details.guests = self.state().records.values().filter_map(|record| record.identity.vmid()).collect();
        details.pools = ["acme".to_owned()].into();
        wanted
    }

    /// Carries out operations; `None`: the process died.
    pub(crate) async fn apply(&mut self, operations: Vec<Operation>, cut: Cut) -> Option<Summary> {
        let (_user, interrupts) = watch::channel(Interrupt::None);
        self.apply_until(operations, cut, interrupts).await
    }

    pub(crate) async fn apply_until(
        &mut self,
        operations: Vec<Operation>,
        cut: Cut,
        interrupts: watch::Receiver<Interrupt>,
    ) -> Option<Summary> {
        let process = Process::new(cut);
        self.runs += 1;
        let clusters = self.clusters(&process);
        let journal = CutJournal { entries: &self.journal, process: Arc::clone(&process) };
        let plan = plan(operations);
        let context = self.context(&plan, &clusters, &journal);
        let mut nobody_listens = |_| {};
        tokio::select! {
            biased;
            () = process.died.notified() => None,
            summary = run(&context, &mut nobody_listens, interrupts) => Some(summary),
        }
    }

    /// Carries out operations with another journal.
    pub(crate) async fn run_with(
        &self,
        process: &Arc<Process>,
        operations: Vec<Operation>,
        journal: &dyn Journal,
    ) -> Summary {
        let (clusters, plan) = (self.clusters(process), plan(operations));
        let (_user, interrupts) = watch::channel(Interrupt::None);
        run(&self.context(&plan, &clusters, journal), &mut |_| {}, interrupts).await
    }

    fn context<'a>(&'a self, plan: &'a Plan, clusters: &'a Clusters, journal: &'a dyn Journal) -> Run<'a> {
        let (id, provisioner) = (format!("r{}", self.runs).into(), &NoProvisioner);
        Run { plan, clusters, journal, provisioner, late: None, id, parallelism: 4, clock: &*self.clock }
    }

    /// Checks that the state and the lab say the same: no duplicate, no orphan, nothing half-made, nothing open.
    pub(crate) async fn check(&self, context: &str) {
        let state = self.state();
        assert!(state.open.is_empty(), "{context}: open steps {:?}", state.open);
        let (recovery, observed) = self.recover().await;
        assert!(recovery.entries.is_empty() && recovery.messages.is_empty(), "{context}: {recovery:?}");
        let view = &observed.clusters["lab"];
        let ours: BTreeMap<u32, Marker> = view
            .guests
            .values()
            .filter_map(|guest| Some((guest.vmid, Marker::find(guest.config.as_ref()?.values.get("description")?)?)))
            .collect();
        for (address, record) in &state.records {
            assert_eq!(record.completeness, Completeness::Complete, "{context}: {address}");
            match record.identity.vmid() {
                Some(vmid) => {
                    let marker = ours.get(&vmid).unwrap_or_else(|| panic!("{context}: VM {vmid} is not there"));
                    assert_eq!((&marker.intent, &marker.address), (&record.intent, &address.to_string()), "{context}");
                    let guest = &view.guests[&vmid];
                    assert_eq!((guest.power, &guest.lock), (Power::Running, &None), "{context}: {guest:?}");
                    let config = &guest.config.as_ref().expect("it has our tag").values;
                    assert_eq!(config.get("cores").map(|cores| &**cores), Some("4"), "{context}");
                    assert!(config["scsi0"].contains("size=8G"), "{context}: {}", config["scsi0"]);
                }
                None if &*record.kind == "pool" => assert!(view.pools.contains_key("acme"), "{context}: no pool"),
                None => assert!(view.acl.iter().any(|rule| rule.path == "/pool/acme"), "{context}: no permission"),
            }
        }
        let recorded = state.records.values().filter(|record| record.identity.vmid().is_some()).count();
        assert_eq!(ours.len(), recorded, "{context}: guests with our marker {ours:?}");
    }
}

pub(crate) fn address(kind: &str, name: &str) -> Address {
    Address::new(ModulePath::default(), kind, name)
}

fn plan(operations: Vec<Operation>) -> Plan {
    Plan {
        project: PROJECT.to_owned(),
        lineage: LINEAGE.to_owned(),
        serial: 0,
        now: 0,
        mode: Mode::Apply,
        intent: String::new(),
        changes: Vec::new(),
        operations,
        moved: Vec::new(),
        outputs: BTreeMap::new(),
        quotas: Vec::new(),
        capacity: Vec::new(),
        in_progress: Vec::new(),
        has_looked: true,
        unreachable: BTreeMap::new(),
        estimate_ms: 0,
        objects: Default::default(),
        open_postconditions: Default::default(),
    }
}

fn record(kind: &str, identity: Identity, intent: &str, completeness: Completeness) -> Effect {
    Effect::Put(Box::new(Record {
        kind: kind.into(),
        cluster: "lab".into(),
        identity,
        intent: intent.to_owned(),
        applied: Value::from("as planned"),
        dependencies: Vec::new(),
        completeness,
        secrets: BTreeMap::new(),
        is_adopted: false,
    }))
}

fn call(name: &str, call: Call, guard: Guard, verify: Verify, effect: Effect) -> Step {
    let task = Task::Call(Box::new(GuardedCall { call, guard, verify, deadline_ms: 600_000 }));
    Step { name: name.into(), task, effect, estimate_ms: 0 }
}

pub(crate) fn operation(address: Address, verb: Verb, identity: Identity, intent: &str, steps: Vec<Step>) -> Operation {
    let lock = identity.vmid().map(|vmid| Lock { name: format!("guest {vmid}"), limit: 1 });
    Operation {
        kind: address.kind.clone(),
        address,
        cluster: "lab".into(),
        verb,
        identity,
        intent: intent.to_owned(),
        after: Vec::new(),
        steps,
        is_sketch: false,
        locks: lock.into_iter().collect(),
        estimate_ms: 0,
    }
}

pub(crate) fn pool() -> Operation {
    let identity = Identity::of([("pool", "acme".to_owned())]);
    let read = Call::get("/pools").with("poolid", "acme");
    let verify = Verify::ByContent { read, is_present: true };
    let effect = record("pool", identity.clone(), "", Completeness::Complete);
    let step = call("create", Call::post("/pools").with("poolid", "acme"), Guard::None, verify, effect);
    operation(address("pool", "acme"), Verb::Create, identity, "", vec![step])
}

pub(crate) fn permission() -> Operation {
    let parts = [("path", "/pool/acme"), ("role", "PVEVMUser"), ("kind", "user"), ("subject", "kim@pve")];
    let identity = Identity::of(parts.map(|(name, value)| (name, value.to_owned())));
    let grant = Call::put("/access/acl").with("path", "/pool/acme").with("roles", "PVEVMUser").with("users", "kim@pve");
    let verify = Verify::ByContent { read: Call::get("/access/acl"), is_present: true };
    let effect = record("acl", identity.clone(), "", Completeness::Complete);
    let step = call("grant", grant, Guard::None, verify, effect);
    operation(address("acl", "kim"), Verb::Create, identity, "", vec![step])
}

/// The guest's name, VMID and the intent of its marker.
#[derive(Clone, Copy)]
pub(crate) struct Vm(pub(crate) &'static str, pub(crate) u32, pub(crate) &'static str);

impl Vm {
    pub(crate) fn identity(self) -> Identity {
        Identity::of([("node", "pve1".to_owned()), ("vmid", self.1.to_string())])
    }

    fn marker(self) -> Marker {
        Marker { stack: LINEAGE.to_owned(), address: address("vm", self.0).to_string(), intent: self.2.to_owned() }
    }

    fn path(self, rest: &str) -> String {
        format!("/nodes/pve1/qemu/{}{rest}", self.1)
    }

    fn guard(self, sends_digest: bool) -> Guard {
        Guard::Marker { node: "pve1".to_owned(), vmid: self.1, intent: self.2.to_owned(), sends_digest }
    }

    pub(crate) fn record(self, completeness: Completeness) -> Effect {
        record("vm", self.identity(), self.2, completeness)
    }

    pub(crate) fn clone_step(self) -> Step {
        let copy = Call::post("/nodes/pve1/qemu/9000/clone")
            .with("newid", self.1.to_string())
            .with("name", self.0)
            .with("description", self.marker().line())
            .with("full", "1");
        let (node, intent) = ("pve1".to_owned(), self.2.to_owned());
        let (task_kind, task_subject) = ("qmclone".to_owned(), "9000".to_owned());
        let verify =
            Verify::GuestPresent { node: node.clone(), task_node: node, vmid: self.1, intent, task_kind, task_subject };
        call("clone", copy, Guard::Vacant { vmid: self.1 }, verify, self.record(Completeness::Partial))
    }

    /// Every step after the clone; each may be done again.
    fn finish(self) -> Vec<Step> {
        let (node, vmid) = ("pve1".to_owned(), self.1);
        let write = Call::put(self.path("/config")).with("cores", "4").with("tags", "spawnpoint;spawnpoint-home");
        let wanted = vec![("cores".to_owned(), Some("4".to_owned()))];
        let configured = Verify::Config { node: node.clone(), vmid, wanted };
        let grow = Call::put(self.path("/resize")).with("disk", "scsi0").with("size", "8G");
        let grown = Verify::DiskSize { node: node.clone(), vmid, slot: "scsi0".to_owned(), bytes: 8 << 30 };
        let running = Verify::Power { node: node.clone(), vmid, is_running: true };
        vec![
            call("configure", write, self.guard(true), configured, Effect::None),
            call("resize scsi0", grow, self.guard(true), grown, Effect::None),
            call("start", Call::post(self.path("/status/start")), self.guard(false), running, Effect::None),
            Step {
                name: "await".into(),
                task: Task::AwaitPower { node, vmid, is_running: true, deadline_ms: 60_000 },
                effect: self.record(Completeness::Complete),
                estimate_ms: 0,
            },
        ]
    }

    pub(crate) fn create(self) -> Operation {
        let steps = [vec![self.clone_step()], self.finish()].concat();
        operation(address("vm", self.0), Verb::Create, self.identity(), self.2, steps)
    }

    pub(crate) fn resume(self) -> Operation {
        operation(address("vm", self.0), Verb::Update, self.identity(), self.2, self.finish())
    }

    pub(crate) fn delete(self) -> Operation {
        let (node, vmid) = ("pve1".to_owned(), self.1);
        let stopped = Verify::Power { node: node.clone(), vmid, is_running: false };
        let gone = Verify::GuestAbsent { node, vmid };
        let destroy = Call::delete(self.path("")).with("purge", "1");
        let steps = vec![
            call("stop", Call::post(self.path("/status/stop")), self.guard(false), stopped, Effect::None),
            call("destroy", destroy, self.guard(false), gone, Effect::Remove),
        ];
        operation(address("vm", self.0), Verb::Delete, self.identity(), self.2, steps)
    }
}

pub(crate) fn is_done(summary: &Summary) -> bool {
    summary.results.iter().all(|result| matches!(result, Some(OperationResult::Done)))
}

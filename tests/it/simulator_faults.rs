//! Fault rules, each with what the cluster looks like during and after it.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use spawnpoint::proxmox::call::segment;
use spawnpoint::proxmox::{Answer, Call, Transport, Upid};
use spawnpoint::simulator::{Faults, InProcess, Lab, Pace, Rule, Store};

/// A lab whose time passes only when a test says so.
struct Sick {
    store: Arc<Mutex<Store>>,
    door: InProcess,
}

impl Sick {
    fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        let mut store = Store::in_memory(&Lab::built_in(), Pace::Instant).expect("the built-in lab opens");
        *store.faults() = Faults::new(rules).expect("the rules are valid");
        let store = Arc::new(Mutex::new(store));
        Self { door: InProcess::new(Arc::clone(&store)), store }
    }

    async fn send(&self, call: Call) -> Answer {
        self.door.send(&call).await.expect("nothing drops the connection")
    }

    fn advance(&self, time_ms: u64) {
        let mut store = self.store.lock().expect("no holder panics");
        store.change(|machine| machine.advance(time_ms)).expect("memory is never full");
    }

    fn dump(&self) -> Value {
        self.store.lock().expect("no holder panics").machine().dump()
    }

    /// Starts a task and returns its id.
    async fn start(&self, call: Call) -> String {
        let answer = self.send(call).await;
        answer.data.as_str().unwrap_or_else(|| panic!("no task: {}", answer.error_text())).to_owned()
    }

    /// Lets a minute pass and returns how a task ended.
    async fn exit(&self, upid: &str) -> String {
        self.advance(60_000);
        let node = upid.parse::<Upid>().expect("a task id").node;
        let answer = self.send(Call::get(format!("/nodes/{node}/tasks/{}/status", segment(upid)))).await;
        answer.data["exitstatus"].as_str().unwrap_or_default().to_owned()
    }
}

fn clone(newid: u32) -> Call {
    Call::post("/nodes/pve1/qemu/9000/clone").with("newid", newid.to_string()).with("full", "1")
}

fn rule(method: &str, path: &str) -> Rule {
    Rule { method: Some(method.to_owned()), path: path.to_owned(), nth: Some(1), ..Rule::default() }
}

const CLONE: &str = "/nodes/pve1/qemu/9000/clone";
const CONFIG: &str = "/nodes/pve1/qemu/9000/config";

#[tokio::test]
async fn a_write_can_happen_after_its_client_was_told_that_it_timed_out() {
    let timed_out = Some("Connection timed out".to_owned());
    let late = Rule { status: Some(596), message: timed_out, acts_after_ms: Some(20_000), ..rule("PUT", CONFIG) };
    let sick = Sick::new([late]);
    let answer = sick.send(Call::put(CONFIG).with("memory", "4096")).await;
    assert_eq!(answer.status, 596);
    assert_eq!(sick.dump()["guests"]["9000"]["config"]["memory"], "2048", "nothing happened yet");
    sick.advance(20_000);
    assert_eq!(sick.dump()["guests"]["9000"]["config"]["memory"], "4096");
}

#[tokio::test]
async fn a_full_storage_ends_a_copy_half_way_and_nothing_stays() {
    let sick = Sick::new([Rule { task: Some("qmclone".to_owned()), runs_out_of_space: true, ..rule("POST", CLONE) }]);
    let before = sick.dump();
    let upid = sick.start(clone(200)).await;
    sick.advance(200);
    assert_eq!(sick.dump()["guests"]["200"]["config"]["lock"], "clone", "the copy runs");
    let exit = sick.exit(&upid).await;
    assert!(exit.starts_with("clone failed") && exit.contains("No space left on device"), "{exit}");
    assert_eq!(sick.dump(), before);

    let sick = Sick::new([Rule { fill_storage: Some("shared".to_owned()), ..rule("POST", CLONE) }]);
    let upid = sick.start(clone(200)).await;
    let exit = sick.exit(&upid).await;
    assert!(exit.contains("No space left on device"), "{exit}");
    assert_eq!(sick.dump()["guests"]["200"], Value::Null);
}

#[tokio::test]
async fn a_held_lock_is_waited_for_as_long_as_the_server_does() {
    let sick = Sick::new([Rule { vmid: Some(9000), hold_lock_ms: Some(60_000), ..rule("PUT", CONFIG) }]);
    let answer = sick.send(Call::put(CONFIG).with("memory", "4096")).await;
    assert_eq!(answer.error_text(), "can't lock file '/var/lock/qemu-server/lock-9000.conf' - got timeout");
    sick.advance(60_000);
    assert!(sick.send(Call::put(CONFIG).with("memory", "4096")).await.is_success());

    let sick = Sick::new([Rule { hold_storage: Some("shared".to_owned()), ..rule("POST", CLONE) }]);
    let upid = sick.start(clone(200)).await;
    let exit = sick.exit(&upid).await;
    assert_eq!(exit, "clone failed: cfs-lock 'storage-shared' error: got lock request timeout");
    assert_eq!(sick.dump()["guests"]["200"], Value::Null);
    let upid = sick.start(clone(200)).await;
    assert_eq!(sick.exit(&upid).await, "OK");
}

#[tokio::test]
async fn a_node_can_go_and_a_guest_can_move() {
    let version = "/version";
    let sick = Sick::new([
        Rule { node_down: Some("pve2".to_owned()), ..rule("GET", version) },
        Rule { node_up: Some("pve2".to_owned()), ..rule("GET", "/cluster/status") },
        Rule { vmid: Some(9000), move_to: Some("pve2".to_owned()), ..rule("GET", "/cluster/nextid") },
    ]);
    sick.send(Call::get(version)).await;
    assert_eq!(sick.send(Call::get("/nodes/pve2/qemu")).await.status, 595);
    sick.send(Call::get("/cluster/status")).await;
    assert!(sick.send(Call::get("/nodes/pve2/qemu")).await.is_success());
    // A rule with `vmid` hits calls that name the guest.
    sick.send(Call::get("/cluster/nextid").with("vmid", "9000")).await;
    let gone = sick.send(Call::get(CONFIG)).await;
    assert_eq!(gone.error_text(), "Configuration file 'nodes/pve1/qemu-server/9000.conf' does not exist");
    assert!(sick.send(Call::get("/nodes/pve2/qemu/9000/config")).await.is_success());
}

#[tokio::test]
async fn a_forgotten_task_is_on_no_list_but_its_id_still_works() {
    let sick = Sick::new([Rule { forget_tasks: true, ..rule("GET", "/version") }]);
    let upid = sick.start(clone(200)).await;
    assert_eq!(sick.exit(&upid).await, "OK");
    let list = || Call::get("/nodes/pve1/tasks").with("source", "all");
    assert_eq!(sick.send(list()).await.data.as_array().map(Vec::len), Some(1));
    sick.send(Call::get("/version")).await;
    assert_eq!(sick.send(list()).await.data.as_array().map(Vec::len), Some(0));
    assert_eq!(sick.exit(&upid).await, "OK");
}

#[tokio::test]
async fn a_killed_worker_leaves_a_corpse_that_only_root_can_bury() {
    let sick = Sick::new([Rule { task: Some("qmclone".to_owned()), kill_worker: true, ..rule("POST", CLONE) }]);
    let upid = sick.start(clone(200)).await;
    assert_eq!(sick.exit(&upid).await, "unexpected status");
    let config = &sick.dump()["guests"]["200"]["config"];
    assert_eq!(config["lock"], "clone");
    assert_eq!(config["name"], Value::Null);
    let upid = sick.start(Call::delete("/nodes/pve1/qemu/200")).await;
    assert_eq!(sick.exit(&upid).await, "VM is locked (clone)");
}

//! The driver when things go wrong on the way: lost answers, busy locks, killed workers, silent nodes.

use crate::apply_lab::{Cut, Process, Vm, World, address, is_done, permission, pool};
use spawnpoint::apply::OperationResult;
use spawnpoint::observe::{Seen, Wanted, collect};
use spawnpoint::plan::Operation;
use spawnpoint::proxmox::Call;
use spawnpoint::proxmox::task::Exit;
use spawnpoint::simulator::{Faults, Moment, Rule};
use std::time::Duration;

const WEB: Vm = Vm("web", 5000, "intent-web");

fn everything() -> Vec<Operation> {
    let mut grant = permission();
    grant.after = vec![0];
    vec![pool(), grant, WEB.create()]
}

fn set_faults(world: &World, rules: impl IntoIterator<Item = Rule>) {
    let faults = Faults::new(rules).expect("the rules are valid");
    *world.store.lock().expect("no holder panics").faults() = faults;
}

fn first(method: &str, path: &str) -> Rule {
    Rule { method: Some(method.to_owned()), path: path.to_owned(), nth: Some(1), ..Rule::default() }
}

fn refused(rule: Rule, text: &str) -> Rule {
    Rule { status: Some(500), message: Some(text.to_owned()), ..rule }
}

/// Every write of [`everything`].
const WRITES: [(&str, &str); 6] = [
    ("POST", "/pools"),
    ("PUT", "/access/acl"),
    ("POST", "/nodes/pve1/qemu/9000/clone"),
    ("PUT", "/nodes/pve1/qemu/5000/config"),
    ("PUT", "/nodes/pve1/qemu/5000/resize"),
    ("POST", "/nodes/pve1/qemu/5000/status/start"),
];

#[tokio::test]
async fn a_lost_answer_of_any_write_changes_nothing_in_the_end() {
    for (method, path) in WRITES {
        for moment in [Moment::Before, Moment::After] {
            let context = format!("{method} {path} {moment:?}");
            let mut world = World::new();
            set_faults(&world, [Rule { drop: Some(moment), ..first(method, path) }]);
            let summary = world.apply(everything(), Cut::Never).await.expect("nothing dies");
            assert!(is_done(&summary), "{context}: {summary:?}");
            world.check(&context).await;
        }
    }
}

#[tokio::test]
async fn a_call_that_the_server_did_not_carry_out_is_tried_again() {
    let texts = [
        "can't lock file '/var/lock/qemu-server/lock-5000.conf' - got timeout",
        "got no worker upid - start worker failed",
        "checksum mismatch (file change by other user?)",
        "VM is locked (backup)",
    ];
    for text in texts {
        let mut world = World::new();
        set_faults(&world, [refused(first("PUT", "/nodes/pve1/qemu/5000/config"), text)]);
        let summary = world.apply(everything(), Cut::Never).await.expect("nothing dies");
        assert!(is_done(&summary), "{text}: {summary:?}");
        world.check(text).await;
    }
}

#[tokio::test]
async fn an_error_of_the_server_reaches_the_user_and_the_next_run_goes_on() {
    let mut world = World::new();
    let text = "not enough free space on storage 'shared'";
    set_faults(&world, [refused(first("PUT", "/nodes/pve1/qemu/5000/resize"), text)]);
    let summary = world.apply(everything(), Cut::Never).await.expect("nothing dies");
    let Some(OperationResult::Failed { error, .. }) = &summary.results[2] else { panic!("{summary:?}") };
    assert!(error.starts_with("resize scsi0: ") && error.contains(text), "{error}");
    assert_eq!(world.state().records[&address("vm", "web")].identity, WEB.identity());
    let summary = world.apply(vec![WEB.resume()], Cut::Never).await.expect("nothing dies");
    assert!(is_done(&summary), "{summary:?}");
    world.check("after").await;
}

#[tokio::test]
async fn a_guest_whose_maker_was_killed_is_reported_and_routed_around() {
    let mut world = World::new();
    set_faults(&world, [Rule { kill_worker: true, ..first("POST", "/nodes/pve1/qemu/9000/clone") }]);
    let summary = world.apply(vec![WEB.create()], Cut::Never).await.expect("nothing dies");
    let Some(OperationResult::Failed { error, hints }) = &summary.results[0] else { panic!("{summary:?}") };
    assert!(error.contains("what came of it is unknown: VM 5000 on pve1 carries the lock `clone`"), "{error}");
    assert_eq!(hints.last().map(String::as_str), Some("run again: the next run finds out what happened"));

    for round in ["first", "second"] {
        let (recovery, _) = world.recover().await;
        assert_eq!(recovery.avoid["lab"].iter().copied().collect::<Vec<_>>(), [5000], "{round}");
        assert_eq!(recovery.messages.len(), 1, "{round}: {:?}", recovery.messages);
        assert_eq!(recovery.messages[0].hints, ["on pve1, as root: qm unlock 5000 && qm destroy 5000 --purge"]);
        assert!(recovery.entries.is_empty() && recovery.in_progress.is_empty(), "{round}: {recovery:?}");
    }
    let other = Vm("web", 5002, "intent-second");
    let summary = world.apply(vec![other.create()], Cut::Never).await.expect("nothing dies");
    assert!(is_done(&summary), "{summary:?}");
    assert_eq!(world.state().records[&address("vm", "web")].identity, other.identity());
}

#[tokio::test]
async fn without_a_quorum_nothing_else_is_started() {
    let mut world = World::new();
    let lost =
        Rule { method: Some("POST".to_owned()), path: "/nodes/pve1/qemu/9000/clone".to_owned(), ..Rule::default() };
    set_faults(&world, [refused(lost, "cluster not ready - no quorum?")]);
    let guests = ["a", "b", "c", "d", "e", "f", "g", "h"].into_iter().zip(5000..);
    let operations = guests.map(|(name, vmid)| Vm(name, vmid, name).create()).collect();
    let summary = world.apply(operations, Cut::Never).await.expect("nothing dies");
    let count = |is: fn(&OperationResult) -> bool| summary.results.iter().flatten().filter(|result| is(result)).count();
    let failed =
        count(|result| matches!(result, OperationResult::Failed { error, .. } if error.contains("no quorum?")));
    let skipped = count(|result| matches!(result, OperationResult::Skipped));
    assert!((1..=4).contains(&failed) && failed + skipped == 8, "four run at once: {summary:?}");
    assert!(!summary.is_interrupted, "that is a failure, and nobody's wish");
}

#[tokio::test]
async fn nothing_is_concluded_from_the_silence_of_a_node() {
    let mut world = World::new();
    let cut = world.apply(vec![WEB.create()], Cut::AfterWrite(1)).await;
    assert!(cut.is_none(), "the run dies after the clone call");
    let silence = Rule {
        path: "/nodes/pve1/.*".to_owned(),
        status: Some(595),
        message: Some("No route to host".to_owned()),
        ..Rule::default()
    };
    set_faults(&world, [silence]);
    let (recovery, observed) = world.recover().await;
    assert!(recovery.entries.is_empty() && recovery.messages.is_empty(), "{recovery:?}");
    assert_eq!(recovery.in_progress[&address("vm", "web")], "node pve1 does not answer");
    assert_eq!(recovery.state.open.len(), 1);
    let view = &observed.clusters["lab"];
    assert!(!view.nodes["pve1"].is_online && view.nodes["pve2"].is_online);
    assert!(view.guests.values().filter(|guest| guest.node == "pve1").all(|guest| guest.seen == Seen::Unreachable));

    set_faults(&world, []);
    let (recovery, _) = world.recover().await;
    assert!(recovery.in_progress.is_empty(), "{recovery:?}");
    let summary = world.apply(vec![WEB.resume()], Cut::Never).await.expect("nothing dies");
    assert!(is_done(&summary), "{summary:?}");
    world.check("after").await;
}

#[tokio::test]
async fn a_guest_nobody_remembers_is_found_by_its_marker() {
    let mut world = World::new();
    assert!(is_done(&world.apply(vec![WEB.create()], Cut::Never).await.expect("nothing dies")));
    world.journal.lock().expect("no holder panics").clear();
    let (recovery, _) = world.recover().await;
    assert_eq!(recovery.messages.len(), 1, "{recovery:?}");
    assert_eq!(recovery.state.records[&address("vm", "web")].identity, WEB.identity());
    let summary = world.apply(vec![WEB.resume()], Cut::Never).await.expect("nothing dies");
    assert!(is_done(&summary), "{summary:?}");
    world.check("after").await;
}

#[tokio::test]
async fn a_copy_made_by_hand_is_reported_and_left_alone() {
    let mut world = World::new();
    assert!(is_done(&world.apply(vec![WEB.create()], Cut::Never).await.expect("nothing dies")));
    let clusters = world.clusters(&Process::new(Cut::Never));
    let copy = Call::post("/nodes/pve1/qemu/5000/clone").with("newid", "5003");
    let upid = clusters["lab"].write(&copy).await.expect("it is copied").upid.expect("by a task");
    let finished = clusters["lab"].wait(&upid, Duration::from_secs(600), &mut |_| {}).await.expect("it ends");
    assert_eq!(finished.exit, Exit::Done);
    let (recovery, observed) = world.recover().await;
    let description =
        &observed.clusters["lab"].guests[&5003].config.as_ref().expect("it has our tag").values["description"];
    assert!(description.contains("intent=intent-web"), "a copy carries the marker: {description}");
    assert!(recovery.entries.is_empty(), "{recovery:?}");
    assert_eq!(recovery.messages.len(), 1, "{recovery:?}");
    assert_eq!(recovery.messages[0].summary, "VM 5003 on pve1 is marked as `vm.web`, which is another guest");
    assert_eq!(recovery.messages[0].detail.as_deref(), Some("it is a copy that was made by hand"));
}

#[tokio::test]
async fn a_look_costs_one_read_for_the_cluster_two_per_node_and_one_per_guest() {
    let mut world = World::new();
    assert!(is_done(&world.apply(everything(), Cut::Never).await.expect("nothing dies")));
    let clusters = world.clusters(&Process::new(Cut::Never));
    let mut wanted = Wanted { tag: "spawnpoint-home".to_owned(), ..Wanted::default() };
    let observed = collect(&clusters, &wanted).await.expect("the lab answers");
    let (tables, nodes) = (5, 3);
    assert_eq!(clusters["lab"].requests(), tables + 2 * nodes + 1);
    let view = &observed.clusters["lab"];
    assert!(view.guests[&5000].config.is_some() && view.guests[&9000].config.is_none());
    assert!(view.is_simulated && view.nodes["pve1"].bridges.is_none());
    assert_eq!((view.nodes["pve1"].cores, view.nodes["pve1"].memory_bytes), (32, 128 << 30));

    let details = wanted.clusters.entry("lab".into()).or_default();
    (details.guests, details.storages, details.bridges) = ([9000, 424_242].into(), true, true);
    let before = clusters["lab"].requests();
    let observed = collect(&clusters, &wanted).await.expect("the lab answers");
    // Whether the one that is missed may be seen at all is asked for besides.
    assert_eq!(clusters["lab"].requests() - before, tables + 4 * nodes + 2 + 1);
    let node = &observed.clusters["lab"].nodes["pve1"];
    assert!(node.storages["local-lvm"].content.contains("images") && !node.storages["local-lvm"].is_shared);
    assert!(node.bridges.as_ref().is_some_and(|bridges| bridges.contains("vmbr0")), "{:?}", node.bridges);
}

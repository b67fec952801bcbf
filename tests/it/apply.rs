//! The driver and recovery against the simulator: a run that is cut off anywhere is finished by the next, and leaves nothing behind.

use crate::apply_lab::{Cut, Process, Vm, World, address, is_done, permission, pool};
use spawnpoint::apply::{Interrupt, Journal, JournalError, OperationResult, Remains, recover};
use spawnpoint::plan::Operation;
use spawnpoint::state::{Completeness, State};
use tokio::sync::watch;

const OLD: Vm = Vm("old", 5001, "intent-old");
const WEB: Vm = Vm("web", 5000, "intent-web");

/// What is left to do: `old` goes, and a pool, a permission on it and `web` come.
fn remaining(state: &State) -> Vec<Operation> {
    let mut operations = Vec::new();
    let is_missing = |kind, name| !state.records.contains_key(&address(kind, name));
    if is_missing("pool", "acme") {
        operations.push(pool());
    }
    if is_missing("acl", "kim") {
        let mut grant = permission();
        grant.after = (0..operations.len()).collect();
        operations.push(grant);
    }
    match state.records.get(&address("vm", "web")).map(|record| record.completeness) {
        None => operations.push(WEB.create()),
        Some(Completeness::Partial) => operations.push(WEB.resume()),
        Some(Completeness::Complete) => {}
    }
    if !is_missing("vm", "old") {
        operations.push(OLD.delete());
    }
    operations
}

/// A lab in which an earlier run has made `old`.
async fn lab() -> World {
    let mut world = World::new();
    let summary = world.apply(vec![OLD.create()], Cut::Never).await.expect("nothing dies");
    assert!(is_done(&summary), "{summary:?}");
    world.check("before").await;
    world
}

#[tokio::test]
async fn a_plan_is_carried_out_and_the_state_is_what_is_there() {
    let mut world = lab().await;
    let operations = remaining(&world.state());
    let summary = world.apply(operations, Cut::Never).await.expect("nothing dies");
    assert!(is_done(&summary), "{summary:?}");
    world.check("after").await;
    assert_eq!(world.state().records.len(), 3);
    assert!(remaining(&world.state()).is_empty());
}

#[tokio::test]
async fn a_run_that_is_cut_off_anywhere_is_finished_by_the_next() {
    let cuts: [fn(u32) -> Cut; 4] = [Cut::BeforeWrite, Cut::AfterWrite, Cut::BeforeAppend, Cut::AfterAppend];
    for cut in cuts {
        for count in 1.. {
            let context = format!("{:?}", cut(count));
            let mut world = lab().await;
            let operations = remaining(&world.state());
            let survived = world.apply(operations, cut(count)).await.is_some();
            let (recovery, _) = world.recover().await;
            assert!(recovery.in_progress.is_empty() && recovery.avoid.is_empty(), "{context}: {recovery:?}");
            let rest = remaining(&world.state());
            let summary = world.apply(rest, Cut::Never).await.expect("nothing dies");
            assert!(is_done(&summary), "{context}: {summary:?}");
            world.check(&context).await;
            assert!(remaining(&world.state()).is_empty(), "{context}");
            if survived {
                assert!(count > 4, "{context}: the run must be cut at least four times");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_failure_stops_what_depends_on_it_and_says_what_to_do() {
    let mut world = lab().await;
    let mut taken = Vm("web", 5001, "intent-other").create();
    taken.after = vec![1];
    let summary = world
        .apply(vec![taken, Vm("web", 5001, "intent-web").create(), pool()], Cut::Never)
        .await
        .expect("nothing dies");
    assert_eq!(summary.results[0], Some(OperationResult::NotStarted { because: 1 }));
    assert_eq!(summary.results[2], Some(OperationResult::Done));
    let Some(OperationResult::Failed { error, hints }) = &summary.results[1] else { panic!("{summary:?}") };
    assert_eq!(error, "clone: VMID 5001 was free when the plan was made, and is now taken by a guest on pve1");
    assert_eq!(hints.len(), 1);
    world.check("after").await;
}

#[tokio::test]
async fn a_guest_whose_marker_is_not_ours_is_not_touched() {
    let mut world = lab().await;
    let stranger = Vm("old", 5001, "another-intent");
    let summary = world.apply(vec![stranger.delete()], Cut::Never).await.expect("nothing dies");
    let Some(OperationResult::Failed { error, .. }) = &summary.results[0] else { panic!("{summary:?}") };
    assert_eq!(error, "stop: VM 5001 on pve1 is not touched: its owner marker says it is another making of `vm.old`");
    world.check("after").await;
}

#[tokio::test]
async fn an_interrupted_run_starts_nothing_more() {
    let mut world = lab().await;
    let (user, interrupts) = watch::channel(Interrupt::None);
    user.send(Interrupt::Finish).expect("the run listens");
    let summary = world.apply_until(remaining(&world.state()), Cut::Never, interrupts).await.expect("nothing dies");
    assert!(summary.is_interrupted);
    assert_eq!(summary.results[1], Some(OperationResult::Skipped), "the permission waits for the pool");
    assert_eq!(summary.results[0], Some(OperationResult::Done), "the pool was already running");
    drop(user);
    let summary = world.apply(remaining(&world.state()), Cut::Never).await.expect("nothing dies");
    assert!(is_done(&summary), "{summary:?}");
    world.check("after").await;
}

#[tokio::test]
async fn the_second_interrupt_leaves_at_once_and_the_next_run_goes_on() {
    let mut world = lab().await;
    let (user, interrupts) = watch::channel(Interrupt::None);
    user.send(Interrupt::Leave).expect("the run listens");
    let summary = world.apply_until(remaining(&world.state()), Cut::Never, interrupts).await.expect("nothing dies");
    assert!(summary.is_interrupted && summary.results.contains(&None), "{summary:?}");
    world.recover().await;
    let summary = world.apply(remaining(&world.state()), Cut::Never).await.expect("nothing dies");
    assert!(is_done(&summary), "{summary:?}");
    world.check("after").await;
}

#[tokio::test]
async fn while_another_run_is_at_work_nothing_is_concluded() {
    let mut world = lab().await;
    assert!(world.apply(vec![WEB.create()], Cut::AfterWrite(1)).await.is_none());
    let state = world.state();
    let (answers, at_work) = (std::collections::BTreeMap::new(), Some("run 42 by kim@ws1"));
    let (_, observed) = World::new().recover().await;
    let recovery =
        recover(&Remains { state: &state, observed: &observed, answers: &answers, at_work, project: "home", now: 1 });
    assert!(recovery.entries.is_empty() && recovery.probes.is_empty() && recovery.messages.is_empty(), "{recovery:?}");
    assert_eq!(recovery.in_progress[&address("vm", "web")], "run 42 by kim@ws1 is working on it");
    assert_eq!(recovery.state.open.len(), 1);
}

/// Takes a few entries, and then none.
struct FullDisk(std::sync::atomic::AtomicU32);

#[async_trait::async_trait]
impl Journal for FullDisk {
    async fn append(&self, _entries: Vec<spawnpoint::state::Entry>) -> Result<(), JournalError> {
        match self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0..3 => Ok(()),
            _ => Err(JournalError("no space left on device".to_owned())),
        }
    }
}

#[tokio::test]
async fn nothing_is_sent_that_cannot_be_written_down_first() {
    let world = lab().await;
    let process = Process::new(Cut::Never);
    let summary = world.run_with(&process, vec![WEB.create()], &FullDisk(0.into())).await;
    let Some(OperationResult::Failed { error, .. }) = &summary.results[0] else { panic!("{summary:?}") };
    assert!(error.ends_with("the journal cannot be written: no space left on device"), "{error}");
    assert!(summary.is_interrupted && !summary.is_success());
    // Entries ride along, so that three appends let the clone pass and at most one more call.
    assert!((1..=2).contains(&process.writes()), "{} calls were sent", process.writes());
}

//! What every backend has to do, as one suite: [`check`], and for backends that can tell the living from the dead [`check_liveness`].
//!
//! It is public and behind no feature, so that a backend anywhere can be held to it. It panics at the first broken promise. Every check
//! works in workspaces of its own with fresh names, so it may run against a shared server, again and again.

use std::future::Future;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::backend::{Backend, Entry, HistoryQuery, RunRecord, Stored};
use crate::error::{Error, Result};
use crate::lock::{Lease, Liveness, LockRequest};

/// Checks everything that every backend promises.
///
/// `open` returns a new handle on the workspace of that name, always in the same place.
pub async fn check<Open, Opening>(open: Open)
where
    Open: Fn(String) -> Opening,
    Opening: Future<Output = Result<Arc<dyn Backend>>>,
{
    let handles = async || {
        let name = format!("contract-{}", Uuid::new_v4());
        let one = open(name.clone()).await.expect("a workspace opens");
        let two = open(name).await.expect("a workspace opens twice");
        (one, two)
    };
    let (one, two) = handles().await;
    a_new_workspace_is_empty(&*one, &*two).await;
    let (one, two) = handles().await;
    entries_come_back_in_order(&*one, &*two).await;
    let (one, two) = handles().await;
    snapshots_fold_entries_and_lose_none(&*one, &*two).await;
    let (one, _) = handles().await;
    steps_match_the_model(
        &*one,
        &[
            Step::Append(3),
            Step::Compact(1),
            Step::Append(0),
            Step::Append(1),
            Step::Compact(0),
        ],
    )
    .await;
    let (one, two) = handles().await;
    one_holds_the_lock_at_a_time(&*one, &*two).await;
    let (one, two) = handles().await;
    a_broken_lock_stops_its_holder(&*one, &*two).await;
    let (one, _) = handles().await;
    of_many_at_once_one_gets_the_lock(&one).await;
    let (one, two) = handles().await;
    history_can_be_asked(&*one, &*two).await;
    let (one, two) = handles().await;
    runs_are_listed_as_last_recorded(&*one, &*two).await;
    let (one, two) = handles().await;
    a_keyring_is_replaced_knowingly(&*one, &*two).await;

    let ((one, _), (other, _)) = (handles().await, handles().await);
    workspaces_are_apart(&*one, &*other).await;
    let again = open(other.workspace().to_owned())
        .await
        .expect("a deleted workspace can be made again");
    a_workspace_made_again_is_new(&*other, &*again).await;
    for name in ["", "..", "a/b", "-rf", "ä", &"x".repeat(91)] {
        let refused = open(name.to_owned()).await.err();
        assert!(
            matches!(refused, Some(Error::WorkspaceName { .. })),
            "`{name}` should be refused, got {refused:?}"
        );
    }
}

/// Checks that a holder who ended without unlocking is told from a live one, and replaced.
pub async fn check_liveness<Open, Opening>(open: Open)
where
    Open: Fn(String) -> Opening,
    Opening: Future<Output = Result<Arc<dyn Backend>>>,
{
    let name = format!("contract-{}", Uuid::new_v4());
    let one = open(name.clone()).await.expect("a workspace opens");
    let two = open(name.clone()).await.expect("a workspace opens twice");
    let lease = one.lock(request("1")).await.expect("the lock is free");
    let lock = lease.lock().clone();
    for backend in [&one, &two] {
        let holder = backend
            .holder()
            .await
            .expect("anyone may ask")
            .expect("the lock is held");
        assert_eq!(
            (holder.lock, holder.liveness),
            (lock.clone(), Liveness::Live)
        );
    }
    one.append(&lease, entries(2))
        .await
        .expect("a live holder writes");
    drop(lease);

    let holder = two
        .holder()
        .await
        .expect("anyone may ask")
        .expect("a dead holder still is one");
    assert_eq!((&holder.lock, holder.liveness), (&lock, Liveness::Dead));
    let lease = two
        .lock(request("2"))
        .await
        .expect("a dead holder gives way");
    assert_eq!(lease.took_over(), Some(&lock), "a take-over says so");
    assert_eq!(
        two.append(&lease, entries(1))
            .await
            .expect("the new holder writes"),
        3
    );
    two.unlock(lease).await.expect("the lock is held");
    let lease = one.lock(request("3")).await.expect("the lock is free");
    assert_eq!(
        lease.took_over(),
        None,
        "a lock given back is not taken over"
    );
    drop(lease);
    one.delete_workspace(&name)
        .await
        .expect("a dead holder does not keep a workspace");
}

/// One thing that a writer does to the journal.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Appends so many entries at once.
    Append(usize),
    /// Makes a snapshot of all entries but the last so many.
    Compact(u64),
}

/// Takes the steps on a new workspace and compares what it loads after each with a list kept here.
pub async fn steps_match_the_model(backend: &dyn Backend, steps: &[Step]) {
    let lease = backend.lock(request("1")).await.expect("the lock is free");
    let lineage = backend.load().await.expect("it loads").lineage;
    let (mut all, mut snapshot, mut through, mut serial) = (Vec::new(), None, 0, 0);
    for (index, step) in steps.iter().enumerate() {
        let last = u64::try_from(all.len()).expect("few entries");
        match *step {
            Step::Append(count) => {
                let batch: Vec<Entry> = (0..count)
                    .map(|entry| Entry {
                        subject: None,
                        body: format!("{index}.{entry}"),
                    })
                    .collect();
                all.extend(batch.iter().map(|entry| entry.body.clone()));
                let sequence = backend
                    .append(&lease, batch)
                    .await
                    .expect("the holder appends");
                assert_eq!(
                    sequence,
                    last + u64::try_from(count).expect("few entries"),
                    "after {step:?}"
                );
            }
            Step::Compact(behind) => {
                through = last.saturating_sub(behind).max(through);
                snapshot = Some(format!("snapshot {index}"));
                serial += 1;
                let made = backend
                    .compact(&lease, format!("snapshot {index}"), through)
                    .await
                    .expect("the holder compacts");
                assert_eq!(made, serial, "after {step:?}");
            }
        }
        let stored = backend.load().await.expect("it loads");
        let after = all
            .iter()
            .enumerate()
            .skip(usize::try_from(through).expect("few entries"));
        let expected: Vec<(u64, &str)> = after
            .map(|(at, body)| (u64::try_from(at).expect("few entries") + 1, body.as_str()))
            .collect();
        let found: Vec<(u64, &str)> = stored
            .entries
            .iter()
            .map(|entry| (entry.sequence, entry.body.as_str()))
            .collect();
        assert_eq!(found, expected, "after {step:?}, step {index} of {steps:?}");
        let Stored {
            snapshot: found, ..
        } = &stored;
        assert_eq!(
            (&stored.lineage, stored.serial, found, stored.through),
            (&lineage, serial, &snapshot, through)
        );
        assert_eq!(
            bodies(backend, &HistoryQuery::default()).await,
            all,
            "history keeps everything"
        );
    }
    backend.unlock(lease).await.expect("the lock is held");
}

async fn a_new_workspace_is_empty(one: &dyn Backend, two: &dyn Backend) {
    let stored = one.load().await.expect("it loads");
    assert!(!stored.lineage.is_empty());
    let Stored {
        serial,
        snapshot,
        through,
        entries,
        ..
    } = &stored;
    assert_eq!(
        (
            *serial,
            snapshot,
            *through,
            entries.len(),
            stored.last_sequence()
        ),
        (0, &None, 0, 0, 0)
    );
    assert_eq!(
        stored,
        two.load().await.expect("it loads"),
        "two handles see one workspace"
    );
    assert_eq!(one.holder().await.expect("anyone may ask"), None);
    assert_eq!(one.runs(10).await.expect("anyone may ask"), []);
    assert_eq!(one.keyring().await.expect("anyone may ask"), None);
    assert!(
        one.workspaces()
            .await
            .expect("anyone may ask")
            .contains(&one.workspace().to_owned())
    );
}

async fn entries_come_back_in_order(one: &dyn Backend, two: &dyn Backend) {
    let lease = one.lock(request("run-1")).await.expect("the lock is free");
    let odd = [
        "",
        "{\"a\": \"ä€😀\"}",
        "two\nlines\r\n",
        "quote ' \" `",
        &"long ".repeat(100_000),
    ];
    let batch = odd.iter().map(|body| Entry {
        subject: Some(format!("about {}", body.len())),
        body: (*body).to_owned(),
    });
    assert_eq!(
        one.append(&lease, batch.collect())
            .await
            .expect("the holder appends"),
        5
    );
    assert_eq!(
        one.append(&lease, Vec::new())
            .await
            .expect("appending nothing is fine"),
        5
    );
    assert_eq!(
        two.append(&lease, entries(1))
            .await
            .expect("the lease counts, not the handle"),
        6
    );

    let stored = two.load().await.expect("it loads");
    assert_eq!(stored.last_sequence(), 6);
    for ((sequence, body), entry) in (1..).zip(odd).zip(&stored.entries) {
        assert_eq!(
            (entry.sequence, entry.run.as_str(), entry.body.as_str()),
            (sequence, "run-1", body)
        );
        assert_eq!(entry.subject, Some(format!("about {}", body.len())));
    }
    one.unlock(lease).await.expect("the lock is held");
}

async fn snapshots_fold_entries_and_lose_none(one: &dyn Backend, two: &dyn Backend) {
    let lease = one.lock(request("1")).await.expect("the lock is free");
    one.append(&lease, entries(4))
        .await
        .expect("the holder appends");
    assert_eq!(
        one.compact(&lease, "first".to_owned(), 3)
            .await
            .expect("the holder compacts"),
        1
    );
    let stored = two.load().await.expect("it loads");
    assert_eq!(
        (stored.snapshot.as_deref(), stored.through, stored.serial),
        (Some("first"), 3, 1)
    );
    assert_eq!(
        stored
            .entries
            .iter()
            .map(|entry| entry.sequence)
            .collect::<Vec<_>>(),
        [4]
    );

    for through in [2, 5] {
        let refused = one
            .compact(&lease, "wrong".to_owned(), through)
            .await
            .expect_err("entries 1 to 3 are in, 4 is the last");
        assert!(
            matches!(
                refused,
                Error::NotInJournal {
                    first: 3,
                    last: 4,
                    ..
                }
            ),
            "{refused:?}"
        );
    }
    assert_eq!(
        two.load().await.expect("it loads"),
        stored,
        "what is refused changes nothing"
    );
    assert_eq!(
        one.compact(&lease, "corrected".to_owned(), 3)
            .await
            .expect("a snapshot can be corrected"),
        2
    );
    assert_eq!(
        one.compact(&lease, "all".to_owned(), 4)
            .await
            .expect("the holder compacts"),
        3
    );
    assert_eq!(two.load().await.expect("it loads").last_sequence(), 4);
    assert_eq!(
        one.append(&lease, entries(1))
            .await
            .expect("the holder appends"),
        5
    );
    assert_eq!(bodies(two, &HistoryQuery::default()).await.len(), 5);
    one.unlock(lease).await.expect("the lock is held");
}

async fn one_holds_the_lock_at_a_time(one: &dyn Backend, two: &dyn Backend) {
    let asked = LockRequest {
        info: "ci job 7".to_owned(),
        ..request("run-1")
    };
    let lease = one.lock(asked.clone()).await.expect("the lock is free");
    let lock = lease.lock().clone();
    assert_eq!(
        (&lock.who, &lock.operation, &lock.run),
        (&asked.who, &asked.operation, &asked.run)
    );
    assert_eq!(
        (&lock.info, lock.created, lock.pid),
        (&asked.info, asked.created, std::process::id())
    );
    assert_eq!(lease.took_over(), None);
    for backend in [one, two] {
        match backend.lock(request("run-2")).await {
            Err(Error::Locked { holder, .. }) => {
                assert_eq!(*holder, lock, "the answer says who holds it")
            }
            other => panic!("a held lock is refused, got {other:?}"),
        }
        let holder = backend
            .holder()
            .await
            .expect("anyone may ask")
            .expect("the lock is held");
        assert_eq!(holder.lock, lock);
        assert_ne!(holder.liveness, Liveness::Dead);
    }
    two.load().await.expect("reading takes no lock");
    one.unlock(lease).await.expect("the lock is held");
    assert_eq!(two.holder().await.expect("anyone may ask"), None);
    let next = two
        .lock(request("run-2"))
        .await
        .expect("the lock was given back");
    assert_eq!(next.took_over(), None);
    assert_ne!(next.lock().id, lock.id, "ids are never used again");
    two.unlock(next).await.expect("the lock is held");
}

async fn a_broken_lock_stops_its_holder(one: &dyn Backend, two: &dyn Backend) {
    let lost = one.lock(request("1")).await.expect("the lock is free");
    one.append(&lost, entries(1))
        .await
        .expect("the holder appends");
    let refused = two
        .break_lock("another id")
        .await
        .expect_err("the id guards");
    assert!(matches!(refused, Error::NotHeld { .. }), "{refused:?}");
    one.append(&lost, entries(1))
        .await
        .expect("a refused break changes nothing");
    let lock = lost.lock().clone();
    assert_eq!(
        two.break_lock(&lock.id).await.expect("the lock is held"),
        lock
    );
    assert!(
        matches!(two.break_lock(&lock.id).await, Err(Error::NotHeld { .. })),
        "it is broken once"
    );

    nobody_writes_with(one, &lost).await;
    let lease = two.lock(request("2")).await.expect("the lock is free");
    assert_eq!(lease.took_over(), None, "breaking is not taking over");
    nobody_writes_with(one, &lost).await;
    let refused = one.unlock(lost).await.expect_err("the lease was lost");
    assert!(
        matches!(&refused, Error::LeaseLost { id, .. } if *id == lock.id),
        "{refused:?}"
    );
    assert_eq!(
        two.append(&lease, entries(1))
            .await
            .expect("the new holder is untouched"),
        3
    );
    two.unlock(lease).await.expect("the lock is held");
}

async fn nobody_writes_with(backend: &dyn Backend, lost: &Lease) {
    let before = backend.load().await.expect("it loads");
    let appended = backend.append(lost, entries(1)).await.map(drop);
    let compacted = backend
        .compact(lost, "lost".to_owned(), before.last_sequence())
        .await
        .map(drop);
    let recorded = backend.record_run(lost, run("lost", 1)).await;
    for refused in [appended, compacted, recorded] {
        assert!(
            matches!(refused, Err(Error::LeaseLost { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(backend.load().await.expect("it loads"), before);
    assert_eq!(backend.runs(1).await.expect("anyone may ask"), []);
}

async fn of_many_at_once_one_gets_the_lock(backend: &Arc<dyn Backend>) {
    let mut asking = JoinSet::new();
    for number in 0..8 {
        let backend = Arc::clone(backend);
        asking.spawn(async move { backend.lock(request(&number.to_string())).await });
    }
    let (leases, refused): (Vec<_>, Vec<_>) =
        asking.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((leases.len(), refused.len()), (1, 7), "{refused:?}");
    assert!(
        refused
            .iter()
            .all(|refused| matches!(refused, Err(Error::Locked { .. }))),
        "{refused:?}"
    );
    for lease in leases.into_iter().flatten() {
        backend.unlock(lease).await.expect("the lock is held");
    }
}

async fn history_can_be_asked(one: &dyn Backend, two: &dyn Backend) {
    for run in ["run-1", "run-2"] {
        let lease = one.lock(request(run)).await.expect("the lock is free");
        for (subject, body) in [(Some("vm.a"), "a"), (Some("vm.b"), "b"), (None, "none")] {
            let entry = Entry {
                subject: subject.map(str::to_owned),
                body: format!("{run} {body}"),
            };
            one.append(&lease, vec![entry])
                .await
                .expect("the holder appends");
        }
        let last = one.load().await.expect("it loads").last_sequence();
        one.compact(&lease, run.to_owned(), last - 1)
            .await
            .expect("the holder compacts");
        one.unlock(lease).await.expect("the lock is held");
    }
    let ask = async |subject: Option<&str>, run: Option<&str>, latest| {
        bodies(
            two,
            &HistoryQuery {
                subject: subject.map(str::to_owned),
                run: run.map(str::to_owned),
                latest,
            },
        )
        .await
    };
    assert_eq!(ask(Some("vm.a"), None, None).await, ["run-1 a", "run-2 a"]);
    assert_eq!(
        ask(None, Some("run-2"), None).await,
        ["run-2 a", "run-2 b", "run-2 none"]
    );
    assert_eq!(
        ask(None, None, Some(2)).await,
        ["run-2 b", "run-2 none"],
        "the newest, oldest first"
    );
    assert_eq!(ask(Some("vm.b"), None, Some(1)).await, ["run-2 b"]);
    assert_eq!(ask(Some("vm.b"), Some("run-1"), Some(5)).await, ["run-1 b"]);
    assert_eq!(
        ask(Some("vm"), None, None).await,
        [""; 0],
        "a subject is compared as a whole"
    );
    assert_eq!(ask(None, None, Some(0)).await, [""; 0]);
    let sequences = two
        .history(&HistoryQuery::default())
        .await
        .expect("anyone may ask");
    assert_eq!(
        sequences
            .iter()
            .map(|entry| entry.sequence)
            .collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 6]
    );
}

async fn runs_are_listed_as_last_recorded(one: &dyn Backend, two: &dyn Backend) {
    let lease = one.lock(request("1")).await.expect("the lock is free");
    let unfinished = RunRecord {
        finished: None,
        outcome: None,
        ..run("first", 1)
    };
    for record in [&unfinished, &run("second", 2), &run("third", 3)] {
        one.record_run(&lease, record.clone())
            .await
            .expect("the holder records");
    }
    assert_eq!(
        two.runs(10).await.expect("anyone may ask"),
        [run("third", 3), run("second", 2), unfinished]
    );
    one.record_run(&lease, run("first", 1))
        .await
        .expect("the holder records");
    assert_eq!(
        two.runs(10).await.expect("anyone may ask"),
        [run("third", 3), run("second", 2), run("first", 1)]
    );
    assert_eq!(
        two.runs(1).await.expect("anyone may ask"),
        [run("third", 3)]
    );
    assert_eq!(two.runs(0).await.expect("anyone may ask"), []);
    one.unlock(lease).await.expect("the lock is held");
}

async fn a_keyring_is_replaced_knowingly(one: &dyn Backend, two: &dyn Backend) {
    for (before, after, stored) in [
        (Some("x"), "a", None),
        (None, "b", Some("b")),
        (None, "c", Some("b")),
        (Some("b"), "d", Some("d")),
    ] {
        one.replace_keyring(before, after)
            .await
            .expect("anyone may try");
        assert_eq!(
            two.keyring().await.expect("anyone may ask").as_deref(),
            stored,
            "{before:?} to {after}"
        );
    }
}

async fn workspaces_are_apart(one: &dyn Backend, other: &dyn Backend) {
    let lineage = one.load().await.expect("it loads").lineage;
    assert_ne!(lineage, other.load().await.expect("it loads").lineage);
    let lease = one.lock(request("1")).await.expect("the lock is free");
    let theirs = other
        .lock(request("2"))
        .await
        .expect("every workspace has its own lock");
    one.append(&lease, entries(2))
        .await
        .expect("the holder appends");
    one.record_run(&lease, run("1", 1))
        .await
        .expect("the holder records");
    one.replace_keyring(None, "keys")
        .await
        .expect("anyone may try");
    assert!(
        matches!(
            other.append(&lease, entries(1)).await,
            Err(Error::LeaseLost { .. })
        ),
        "a lease is for one workspace"
    );
    assert_eq!(other.load().await.expect("it loads").last_sequence(), 0);
    assert_eq!(other.runs(1).await.expect("anyone may ask"), []);
    assert_eq!(other.keyring().await.expect("anyone may ask"), None);

    let names = one.workspaces().await.expect("anyone may ask");
    assert!(
        names.is_sorted() && names.contains(&other.workspace().to_owned()),
        "{names:?}"
    );
    assert!(
        matches!(
            one.delete_workspace(other.workspace()).await,
            Err(Error::Locked { .. })
        ),
        "someone may be writing"
    );
    other
        .append(&theirs, entries(3))
        .await
        .expect("the holder appends");
    other.unlock(theirs).await.expect("the lock is held");
    one.delete_workspace(other.workspace())
        .await
        .expect("it is there and free");
    assert!(
        !one.workspaces()
            .await
            .expect("anyone may ask")
            .contains(&other.workspace().to_owned())
    );
    assert!(
        matches!(
            one.delete_workspace(other.workspace()).await,
            Err(Error::NoWorkspace { .. })
        ),
        "it is gone"
    );
    nothing_works_in_a_deleted_workspace(other).await;
    assert_eq!(
        one.load().await.expect("it loads").last_sequence(),
        2,
        "its neighbour is untouched"
    );
    one.unlock(lease).await.expect("the lock is held");
}

async fn a_workspace_made_again_is_new(old: &dyn Backend, again: &dyn Backend) {
    a_new_workspace_is_empty(again, again).await;
    assert_eq!(bodies(again, &HistoryQuery::default()).await, [""; 0]);
    nothing_works_in_a_deleted_workspace(old).await;
}

async fn nothing_works_in_a_deleted_workspace(deleted: &dyn Backend) {
    let answers = [
        deleted.load().await.map(drop),
        deleted.history(&HistoryQuery::default()).await.map(drop),
        deleted.runs(1).await.map(drop),
        deleted.keyring().await.map(drop),
        deleted.lock(request("1")).await.map(drop),
    ];
    for answer in answers {
        assert!(
            matches!(answer, Err(Error::NoWorkspace { .. })),
            "{answer:?}"
        );
    }
}

async fn bodies(backend: &dyn Backend, query: &HistoryQuery) -> Vec<String> {
    let entries = backend.history(query).await.expect("anyone may ask");
    entries.into_iter().map(|entry| entry.body).collect()
}

fn entries(count: usize) -> Vec<Entry> {
    (1..=count)
        .map(|number| Entry {
            subject: Some("vm.web".to_owned()),
            body: format!("entry {number}"),
        })
        .collect()
}

fn request(run: &str) -> LockRequest {
    let (who, operation, info) = ("kim@ws1".to_owned(), "apply".to_owned(), String::new());
    LockRequest {
        who,
        operation,
        run: run.to_owned(),
        info,
        created: Timestamp::UNIX_EPOCH,
    }
}

fn run(id: &str, second: i64) -> RunRecord {
    let time = |second| Timestamp::from_second(second).expect("a small number of seconds");
    RunRecord {
        id: id.to_owned(),
        command: "apply -auto-approve".to_owned(),
        who: "kim@ws1".to_owned(),
        started: time(second),
        finished: Some(time(second + 60)),
        outcome: Some("done".to_owned()),
        summary: format!("{id}: 1 created"),
        body: format!("{{\"run\": \"{id}\"}}"),
    }
}

//! Entries, snapshots, history and runs: what was written comes back, in order, and nothing is lost.

use super::sample::{bodies, entries, request, run};
use crate::backend::{Backend, Entry, HistoryQuery, RunRecord};
use crate::error::Error;

pub(super) async fn entries_come_back_in_order(one: &dyn Backend, two: &dyn Backend) {
    let lease = one.lock(request("run-1")).await.expect("the lock is free");
    let odd = ["", "{\"a\": \"ä€😀\"}", "two\nlines\r\n", "quote ' \" `", &"long ".repeat(100_000)];
    let batch =
        odd.iter().map(|body| Entry { subject: Some(format!("about {}", body.len())), body: (*body).to_owned() });
    assert_eq!(one.append(&lease, batch.collect()).await.expect("the holder appends"), 5);
    assert_eq!(one.append(&lease, Vec::new()).await.expect("appending nothing is fine"), 5);
    assert_eq!(two.append(&lease, entries(1)).await.expect("the lease counts, not the handle"), 6);

    let stored = two.load().await.expect("it loads");
    assert_eq!(stored.last_sequence(), 6);
    for ((sequence, body), entry) in (1..).zip(odd).zip(&stored.entries) {
        assert_eq!((entry.sequence, entry.run.as_str(), entry.body.as_str()), (sequence, "run-1", body));
        assert_eq!(entry.subject, Some(format!("about {}", body.len())));
    }
    one.unlock(lease).await.expect("the lock is held");
}

pub(super) async fn snapshots_fold_entries_and_lose_none(one: &dyn Backend, two: &dyn Backend) {
    let lease = one.lock(request("1")).await.expect("the lock is free");
    one.append(&lease, entries(4)).await.expect("the holder appends");
    assert_eq!(one.compact(&lease, "first".to_owned(), 3).await.expect("the holder compacts"), 1);
    let stored = two.load().await.expect("it loads");
    assert_eq!((stored.snapshot.as_deref(), stored.through, stored.serial), (Some("first"), 3, 1));
    assert_eq!(stored.entries.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [4]);

    for through in [2, 5] {
        let refused =
            one.compact(&lease, "wrong".to_owned(), through).await.expect_err("entries 1 to 3 are in, 4 is the last");
        assert!(matches!(refused, Error::NotInJournal { first: 3, last: 4, .. }), "{refused:?}");
    }
    assert_eq!(two.load().await.expect("it loads"), stored, "what is refused changes nothing");
    assert_eq!(one.compact(&lease, "corrected".to_owned(), 3).await.expect("a snapshot can be corrected"), 2);
    assert_eq!(one.compact(&lease, "all".to_owned(), 4).await.expect("the holder compacts"), 3);
    assert_eq!(two.load().await.expect("it loads").last_sequence(), 4);
    assert_eq!(one.append(&lease, entries(1)).await.expect("the holder appends"), 5);
    assert_eq!(bodies(two, &HistoryQuery::default()).await.len(), 5);
    one.unlock(lease).await.expect("the lock is held");
}

pub(super) async fn history_can_be_asked(one: &dyn Backend, two: &dyn Backend) {
    for run in ["run-1", "run-2"] {
        let lease = one.lock(request(run)).await.expect("the lock is free");
        for (subject, body) in [(Some("vm.a"), "a"), (Some("vm.b"), "b"), (None, "none")] {
            let entry = Entry { subject: subject.map(str::to_owned), body: format!("{run} {body}") };
            one.append(&lease, vec![entry]).await.expect("the holder appends");
        }
        let last = one.load().await.expect("it loads").last_sequence();
        one.compact(&lease, run.to_owned(), last - 1).await.expect("the holder compacts");
        one.unlock(lease).await.expect("the lock is held");
    }
    let ask = async |subject: Option<&str>, run: Option<&str>, latest| {
        bodies(two, &HistoryQuery { subject: subject.map(str::to_owned), run: run.map(str::to_owned), latest }).await
    };
    assert_eq!(ask(Some("vm.a"), None, None).await, ["run-1 a", "run-2 a"]);
    assert_eq!(ask(None, Some("run-2"), None).await, ["run-2 a", "run-2 b", "run-2 none"]);
    assert_eq!(ask(None, None, Some(2)).await, ["run-2 b", "run-2 none"], "the newest, oldest first");
    assert_eq!(ask(Some("vm.b"), None, Some(1)).await, ["run-2 b"]);
    assert_eq!(ask(Some("vm.b"), Some("run-1"), Some(5)).await, ["run-1 b"]);
    assert_eq!(ask(Some("vm"), None, None).await, [""; 0], "a subject is compared as a whole");
    assert_eq!(ask(None, None, Some(0)).await, [""; 0]);
    let sequences = two.history(&HistoryQuery::default()).await.expect("anyone may ask");
    assert_eq!(sequences.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
}

pub(super) async fn runs_are_listed_as_last_recorded(one: &dyn Backend, two: &dyn Backend) {
    let lease = one.lock(request("1")).await.expect("the lock is free");
    let unfinished = RunRecord { finished: None, outcome: None, ..run("first", 1) };
    for record in [&unfinished, &run("second", 2), &run("third", 3)] {
        one.record_run(&lease, record.clone()).await.expect("the holder records");
    }
    assert_eq!(two.runs(10).await.expect("anyone may ask"), [run("third", 3), run("second", 2), unfinished]);
    one.record_run(&lease, run("first", 1)).await.expect("the holder records");
    assert_eq!(two.runs(10).await.expect("anyone may ask"), [run("third", 3), run("second", 2), run("first", 1)]);
    assert_eq!(two.runs(1).await.expect("anyone may ask"), [run("third", 3)]);
    assert_eq!(two.runs(0).await.expect("anyone may ask"), []);
    one.unlock(lease).await.expect("the lock is held");
}

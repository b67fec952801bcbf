//! Workspaces: new ones are empty, they keep apart, deleted ones are gone. Each has a keyring.

use super::sample::{bodies, entries, request, run};
use crate::backend::{Backend, HistoryQuery, Stored};
use crate::error::Error;

pub(super) async fn a_new_workspace_is_empty(one: &dyn Backend, two: &dyn Backend) {
    let stored = one.load().await.expect("it loads");
    assert!(!stored.lineage.is_empty());
    let Stored { serial, snapshot, through, entries, .. } = &stored;
    assert_eq!((*serial, snapshot, *through, entries.len(), stored.last_sequence()), (0, &None, 0, 0, 0));
    assert_eq!(stored, two.load().await.expect("it loads"), "two handles see one workspace");
    assert_eq!(one.holder().await.expect("anyone may ask"), None);
    assert_eq!(one.runs(10).await.expect("anyone may ask"), []);
    assert_eq!(one.keyring().await.expect("anyone may ask"), None);
    assert!(one.workspaces().await.expect("anyone may ask").contains(&one.workspace().to_owned()));
}

pub(super) async fn workspaces_are_apart(one: &dyn Backend, other: &dyn Backend) {
    let lineage = one.load().await.expect("it loads").lineage;
    assert_ne!(lineage, other.load().await.expect("it loads").lineage);
    let lease = one.lock(request("1")).await.expect("the lock is free");
    let theirs = other.lock(request("2")).await.expect("every workspace has its own lock");
    one.append(&lease, entries(2)).await.expect("the holder appends");
    one.record_run(&lease, run("1", 1)).await.expect("the holder records");
    one.replace_keyring(None, "keys").await.expect("anyone may try");
    assert!(
        matches!(other.append(&lease, entries(1)).await, Err(Error::LeaseLost { .. })),
        "a lease is for one workspace"
    );
    assert_eq!(other.load().await.expect("it loads").last_sequence(), 0);
    assert_eq!(other.runs(1).await.expect("anyone may ask"), []);
    assert_eq!(other.keyring().await.expect("anyone may ask"), None);

    let names = one.workspaces().await.expect("anyone may ask");
    assert!(names.is_sorted() && names.contains(&other.workspace().to_owned()), "{names:?}");
    assert!(
        matches!(one.delete_workspace(other.workspace()).await, Err(Error::Locked { .. })),
        "someone may be writing"
    );
    other.append(&theirs, entries(3)).await.expect("the holder appends");
    other.unlock(theirs).await.expect("the lock is held");
    one.delete_workspace(other.workspace()).await.expect("it is there and free");
    assert!(!one.workspaces().await.expect("anyone may ask").contains(&other.workspace().to_owned()));
    assert!(matches!(one.delete_workspace(other.workspace()).await, Err(Error::NoWorkspace { .. })), "it is gone");
    nothing_works_in_a_deleted_workspace(other).await;
    assert_eq!(one.load().await.expect("it loads").last_sequence(), 2, "its neighbour is untouched");
    one.unlock(lease).await.expect("the lock is held");
}

pub(super) async fn a_workspace_made_again_is_new(old: &dyn Backend, again: &dyn Backend) {
    a_new_workspace_is_empty(again, again).await;
    assert_eq!(bodies(again, &HistoryQuery::default()).await, [""; 0]);
    nothing_works_in_a_deleted_workspace(old).await;
}

pub(super) async fn a_keyring_is_replaced_knowingly(one: &dyn Backend, two: &dyn Backend) {
    for (before, after, stored) in
        [(Some("x"), "a", None), (None, "b", Some("b")), (None, "c", Some("b")), (Some("b"), "d", Some("d"))]
    {
        one.replace_keyring(before, after).await.expect("anyone may try");
        assert_eq!(two.keyring().await.expect("anyone may ask").as_deref(), stored, "{before:?} to {after}");
    }
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
        assert!(matches!(answer, Err(Error::NoWorkspace { .. })), "{answer:?}");
    }
}

//! One writer at a time: taking, refusing, breaking, giving back and inheriting the lock.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::sample::{entries, request, run};
use crate::backend::Backend;
use crate::error::Error;
use crate::lock::{Lease, Liveness, LockRequest};

pub(super) async fn one_holds_the_lock_at_a_time(one: &dyn Backend, two: &dyn Backend) {
    let asked = LockRequest { info: "ci job 7".to_owned(), ..request("run-1") };
    let lease = one.lock(asked.clone()).await.expect("the lock is free");
    let lock = lease.lock().clone();
    assert_eq!((&lock.who, &lock.operation, &lock.run), (&asked.who, &asked.operation, &asked.run));
    assert_eq!((&lock.info, lock.created, lock.pid), (&asked.info, asked.created, std::process::id()));
    assert_eq!(lease.took_over(), None);
    for backend in [one, two] {
        match backend.lock(request("run-2")).await {
            Err(Error::Locked { holder, .. }) => {
                assert_eq!(*holder, lock, "the answer says who holds it");
            }
            other => panic!("a held lock is refused, got {other:?}"),
        }
        let holder = backend.holder().await.expect("anyone may ask").expect("the lock is held");
        assert_eq!(holder.lock, lock);
        assert_ne!(holder.liveness, Liveness::Dead);
    }
    two.load().await.expect("reading takes no lock");
    one.unlock(lease).await.expect("the lock is held");
    assert_eq!(two.holder().await.expect("anyone may ask"), None);
    let next = two.lock(request("run-2")).await.expect("the lock was given back");
    assert_eq!(next.took_over(), None);
    assert_ne!(next.lock().id, lock.id, "ids are never used again");
    two.unlock(next).await.expect("the lock is held");
}

pub(super) async fn a_broken_lock_stops_its_holder(one: &dyn Backend, two: &dyn Backend) {
    let lost = one.lock(request("1")).await.expect("the lock is free");
    one.append(&lost, entries(1)).await.expect("the holder appends");
    let refused = two.break_lock("another id").await.expect_err("the id guards");
    assert!(matches!(refused, Error::NotHeld { .. }), "{refused:?}");
    one.append(&lost, entries(1)).await.expect("a refused break changes nothing");
    let lock = lost.lock().clone();
    assert_eq!(two.break_lock(&lock.id).await.expect("the lock is held"), lock);
    assert!(matches!(two.break_lock(&lock.id).await, Err(Error::NotHeld { .. })), "it is broken once");

    nobody_writes_with(one, &lost).await;
    let lease = two.lock(request("2")).await.expect("the lock is free");
    assert_eq!(lease.took_over(), None, "breaking is not taking over");
    nobody_writes_with(one, &lost).await;
    let refused = one.unlock(lost).await.expect_err("the lease was lost");
    assert!(matches!(&refused, Error::LeaseLost { id, .. } if *id == lock.id), "{refused:?}");
    assert_eq!(two.append(&lease, entries(1)).await.expect("the new holder is untouched"), 3);
    two.unlock(lease).await.expect("the lock is held");
}

pub(super) async fn of_many_at_once_one_gets_the_lock(backend: &Arc<dyn Backend>) {
    let mut asking = JoinSet::new();
    for number in 0..8 {
        let backend = Arc::clone(backend);
        asking.spawn(async move { backend.lock(request(&number.to_string())).await });
    }
    let (leases, refused): (Vec<_>, Vec<_>) = asking.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((leases.len(), refused.len()), (1, 7), "{refused:?}");
    assert!(refused.iter().all(|refused| matches!(refused, Err(Error::Locked { .. }))), "{refused:?}");
    for lease in leases.into_iter().flatten() {
        backend.unlock(lease).await.expect("the lock is held");
    }
}

pub(super) async fn a_dead_holder_gives_way(one: &dyn Backend, two: &dyn Backend) {
    let lease = one.lock(request("1")).await.expect("the lock is free");
    let lock = lease.lock().clone();
    for backend in [one, two] {
        let holder = backend.holder().await.expect("anyone may ask").expect("the lock is held");
        assert_eq!((holder.lock, holder.liveness), (lock.clone(), Liveness::Live));
    }
    one.append(&lease, entries(2)).await.expect("a live holder writes");
    drop(lease);

    let holder = two.holder().await.expect("anyone may ask").expect("a dead holder still is one");
    assert_eq!((&holder.lock, holder.liveness), (&lock, Liveness::Dead));
    let lease = two.lock(request("2")).await.expect("a dead holder gives way");
    assert_eq!(lease.took_over(), Some(&lock), "a take-over says so");
    assert_eq!(two.append(&lease, entries(1)).await.expect("the new holder writes"), 3);
    two.unlock(lease).await.expect("the lock is held");
    let lease = one.lock(request("3")).await.expect("the lock is free");
    assert_eq!(lease.took_over(), None, "a lock given back is not taken over");
    drop(lease);
    one.delete_workspace(one.workspace()).await.expect("a dead holder does not keep a workspace");
}

async fn nobody_writes_with(backend: &dyn Backend, lost: &Lease) {
    let before = backend.load().await.expect("it loads");
    let appended = backend.append(lost, entries(1)).await.map(drop);
    let compacted = backend.compact(lost, "lost".to_owned(), before.last_sequence()).await.map(drop);
    let recorded = backend.record_run(lost, run("lost", 1)).await;
    for refused in [appended, compacted, recorded] {
        assert!(matches!(refused, Err(Error::LeaseLost { .. })), "{refused:?}");
    }
    assert_eq!(backend.load().await.expect("it loads"), before);
    assert_eq!(backend.runs(1).await.expect("anyone may ask"), []);
}

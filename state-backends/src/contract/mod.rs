//! What every backend has to do, as one suite: [`check`], and for backends that can tell the living from the dead [`check_liveness`].
//!
//! It is public and behind no feature, so that a backend anywhere can be held to it. It panics at the first broken promise. Every check
//! works in workspaces of its own with fresh names, so it may run against a shared server, again and again.

mod journal;
mod locking;
mod model;
mod sample;
mod workspaces;

pub use model::{Step, steps_match_the_model};

use std::future::Future;
use std::sync::Arc;

use uuid::Uuid;

use crate::backend::Backend;
use crate::error::{Error, Result};

/// Checks everything that every backend promises.
///
/// `open` returns a new handle on the workspace of that name, always in the same place.
pub async fn check<Open, Opening>(open: Open)
where
    Open: Fn(String) -> Opening,
    Opening: Future<Output = Result<Arc<dyn Backend>>>,
{
    let (one, two) = new_workspace(&open).await;
    workspaces::a_new_workspace_is_empty(&*one, &*two).await;
    let (one, two) = new_workspace(&open).await;
    journal::entries_come_back_in_order(&*one, &*two).await;
    let (one, two) = new_workspace(&open).await;
    journal::snapshots_fold_entries_and_lose_none(&*one, &*two).await;
    let (one, _) = new_workspace(&open).await;
    let steps = [Step::Append(3), Step::Compact(1), Step::Append(0), Step::Append(1), Step::Compact(0)];
    steps_match_the_model(&*one, &steps).await;
    let (one, two) = new_workspace(&open).await;
    locking::one_holds_the_lock_at_a_time(&*one, &*two).await;
    let (one, two) = new_workspace(&open).await;
    locking::a_broken_lock_stops_its_holder(&*one, &*two).await;
    let (one, _) = new_workspace(&open).await;
    locking::of_many_at_once_one_gets_the_lock(&one).await;
    let (one, two) = new_workspace(&open).await;
    journal::history_can_be_asked(&*one, &*two).await;
    let (one, two) = new_workspace(&open).await;
    journal::runs_are_listed_as_last_recorded(&*one, &*two).await;
    let (one, two) = new_workspace(&open).await;
    workspaces::a_keyring_is_replaced_knowingly(&*one, &*two).await;

    let ((one, _), (other, _)) = (new_workspace(&open).await, new_workspace(&open).await);
    workspaces::workspaces_are_apart(&*one, &*other).await;
    let again = open(other.workspace().to_owned()).await.expect("a deleted workspace can be made again");
    workspaces::a_workspace_made_again_is_new(&*other, &*again).await;
    for name in ["", "..", "a/b", "-rf", "ä", &"x".repeat(91)] {
        let refused = open(name.to_owned()).await.err();
        assert!(matches!(refused, Some(Error::WorkspaceName { .. })), "`{name}` should be refused, got {refused:?}");
    }
}

/// Checks that a holder who ended without unlocking is told from a live one, and replaced.
pub async fn check_liveness<Open, Opening>(open: Open)
where
    Open: Fn(String) -> Opening,
    Opening: Future<Output = Result<Arc<dyn Backend>>>,
{
    let (one, two) = new_workspace(&open).await;
    locking::a_dead_holder_gives_way(&*one, &*two).await;
}

/// Opens a workspace that nobody used before, twice.
async fn new_workspace<Open, Opening>(open: &Open) -> (Arc<dyn Backend>, Arc<dyn Backend>)
where
    Open: Fn(String) -> Opening,
    Opening: Future<Output = Result<Arc<dyn Backend>>>,
{
    let name = format!("contract-{}", Uuid::new_v4());
    let one = open(name.clone()).await.expect("a workspace opens");
    let two = open(name).await.expect("a workspace opens twice");
    (one, two)
}

//! Every backend passes the contract, bare and behind protection, and follows the model through random steps.

use std::sync::Arc;

use proptest::prelude::*;
use state_backends::contract::{Step, check, check_liveness, steps_match_the_model};
use state_backends::{Backend, EncryptionKey, Keys, Memory, Protected, Sqlite};
use zeroize::Zeroizing;

/// Keys of some other workspace: the contract wants to see new workspaces without a keyring.
async fn keys() -> Arc<Keys> {
    let elsewhere = Memory::new("keys").expect("a fine name");
    let key = EncryptionKey::from_bytes(Zeroizing::new([1; 32]));
    Keys::open(&elsewhere, Some(&key)).await.expect("keys are made").expect("a key was given")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory() {
    let store = Memory::new("default").expect("a fine name");
    let open = async |workspace: String| Ok(Arc::new(store.open(&workspace)?) as Arc<dyn Backend>);
    check(open).await;
    check_liveness(open).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("made/on/the/way/state.db");
    let open = async |workspace: String| Ok(Arc::new(Sqlite::open(&path, &workspace).await?) as Arc<dyn Backend>);
    check(open).await;
    check_liveness(open).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn protected() {
    let (store, keys) = (Memory::new("default").expect("a fine name"), keys().await);
    let open = async |workspace: String| {
        let inner = Arc::new(store.open(&workspace)?);
        Ok(Arc::new(Protected::new(inner, Arc::clone(&keys))) as Arc<dyn Backend>)
    };
    check(open).await;
    check_liveness(open).await;
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![(0..4_usize).prop_map(Step::Append), (0..5_u64).prop_map(Step::Compact)];
    prop::collection::vec(step, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn every_backend_follows_the_model(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let sqlite = Sqlite::open(folder.path().join("state.db"), "default").await.expect("it opens");
            let memory = Memory::new("default").expect("a fine name");
            let protected = Protected::new(Arc::new(sqlite.clone()), keys().await);
            for backend in [&memory as &dyn Backend, &protected] {
                steps_match_the_model(backend, &steps).await;
            }
        });
    }
}

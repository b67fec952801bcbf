//! Keys from making them to losing them, with what is stored looked at from outside.

use std::sync::Arc;

use jiff::Timestamp;
use state_backends::encryption::create_key_file;
use state_backends::{
    Backend, EncryptionKey, Entry, Error, HistoryQuery, Keys, LockRequest, Memory, Protected, RunRecord, Sqlite,
};
use zeroize::Zeroizing;

fn key(byte: u8) -> EncryptionKey {
    EncryptionKey::from_bytes(Zeroizing::new([byte; 32]))
}

fn passphrase(text: &str) -> EncryptionKey {
    EncryptionKey::from_passphrase(text).expect("not empty")
}

async fn open(backend: &dyn Backend, key: &EncryptionKey) -> Result<Arc<Keys>, Error> {
    Ok(Keys::open(backend, Some(key)).await?.expect("a key was given"))
}

fn request() -> LockRequest {
    LockRequest {
        who: "kim@ws1".to_owned(),
        operation: "apply".to_owned(),
        run: "1".to_owned(),
        info: String::new(),
        created: Timestamp::UNIX_EPOCH,
    }
}

async fn write_all_kinds(backend: &dyn Backend) {
    let lease = backend.lock(request()).await.expect("the lock is free");
    let entry = Entry { subject: Some("vm.web".to_owned()), body: "hunter2 entry".to_owned() };
    backend.append(&lease, vec![entry.clone(), entry]).await.expect("the holder appends");
    backend.compact(&lease, "hunter2 snapshot".to_owned(), 1).await.expect("the holder compacts");
    backend.record_run(&lease, run()).await.expect("the holder records");
    backend.unlock(lease).await.expect("the lock is held");
}

fn run() -> RunRecord {
    RunRecord {
        id: "1".to_owned(),
        command: "apply -var password=hunter2".to_owned(),
        who: "kim@ws1".to_owned(),
        started: Timestamp::UNIX_EPOCH,
        finished: None,
        outcome: None,
        summary: "hunter2 summary".to_owned(),
        body: "hunter2 body".to_owned(),
    }
}

#[tokio::test]
async fn nothing_written_through_protection_is_in_the_file_in_clear() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("state.db");
    let inner: Arc<dyn Backend> = Arc::new(Sqlite::open(&path, "default").await.expect("it opens"));
    let keys = open(&*inner, &key(1)).await.expect("keys are made");
    let protected = Protected::new(Arc::clone(&inner), keys);
    write_all_kinds(&protected).await;

    let stored = protected.load().await.expect("it opens");
    assert_eq!(stored.snapshot.as_deref(), Some("hunter2 snapshot"));
    assert_eq!(stored.entries[0].body, "hunter2 entry");
    assert_eq!(protected.runs(1).await.expect("it opens"), [run()]);
    let about = HistoryQuery { subject: Some("vm.web".to_owned()), ..HistoryQuery::default() };
    assert_eq!(protected.history(&about).await.expect("it opens").len(), 2);

    let files: Vec<_> =
        std::fs::read_dir(folder.path()).expect("a folder").map(|file| file.expect("an entry").path()).collect();
    assert!(files.contains(&path));
    for file in files {
        let bytes = std::fs::read(&file).expect("a file");
        assert!(!bytes.windows(7).any(|window| window == b"hunter2"), "{}", file.display());
    }
}

#[tokio::test]
async fn a_wrong_or_missing_key_is_an_error_before_anything_is_read() {
    for (right, wrong, kind) in [
        (key(1), key(2), "key file"),
        (key(1), passphrase("secret"), "key file"),
        (passphrase("secret"), passphrase("Secret"), "passphrase"),
        (passphrase("secret"), key(1), "passphrase"),
    ] {
        let backend = Memory::new("default").expect("a fine name");
        assert!(Keys::open(&backend, None).await.expect("nothing is protected yet").is_none());
        open(&backend, &right).await.expect("keys are made");
        let refused = open(&backend, &wrong).await.expect_err("the key is wrong");
        let expected = format!("the key does not open the state in `memory`, which is protected with a {kind}");
        assert_eq!(refused.to_string(), expected);
        let refused = Keys::open(&backend, None).await.expect_err("no key was given");
        assert!(matches!(refused, Error::MissingKey { protected_with, .. } if protected_with == kind), "{refused:?}");
        open(&backend, &right).await.expect("the right key still opens");
    }
}

#[tokio::test]
async fn changing_the_key_keeps_what_was_sealed_and_the_fingerprints() {
    let backend = Memory::new("default").expect("a fine name");
    let keys = open(&backend, &key(1)).await.expect("keys are made");
    let (sealed, fingerprint) =
        (keys.cipher().seal("vm.web", b"hunter2").expect("random bytes"), keys.fingerprints().fingerprint(b"hunter2"));

    let refused = Keys::change(&backend, &key(9), &key(2)).await.expect_err("not the old key");
    assert!(matches!(refused, Error::WrongKey { .. }), "{refused:?}");
    Keys::change(&backend, &key(1), &passphrase("secret")).await.expect("the old key opens");
    assert!(matches!(open(&backend, &key(1)).await, Err(Error::WrongKey { .. })), "the old key is out");
    let keys = open(&backend, &passphrase("secret")).await.expect("the new key opens");
    assert_eq!(keys.cipher().open("vm.web", &sealed).expect("sealed before").as_slice(), b"hunter2");
    assert_eq!(keys.fingerprints().fingerprint(b"hunter2"), fingerprint);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_makes_keys_at_once_gets_the_same() {
    let store = Memory::new("default").expect("a fine name");
    let mut making = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let backend = store.clone();
        making.spawn(
            async move { open(&backend, &key(1)).await.expect("keys are made").fingerprints().fingerprint(b"x") },
        );
    }
    let made = making.join_all().await;
    assert!(made.iter().all(|fingerprint| *fingerprint == made[0]), "{made:?}");
}

#[tokio::test]
async fn workspaces_do_not_share_keys() {
    let store = Memory::new("one").expect("a fine name");
    let one = open(&store, &key(1)).await.expect("keys are made");
    let two = open(&store.open("two").expect("a fine name"), &key(1)).await.expect("keys are made");
    assert_ne!(one.fingerprints().fingerprint(b"x"), two.fingerprints().fingerprint(b"x"));
}

#[tokio::test]
async fn a_body_moved_elsewhere_or_damaged_does_not_open() {
    let inner: Arc<dyn Backend> = Arc::new(Memory::new("default").expect("a fine name"));
    let keys = open(&*inner, &key(1)).await.expect("keys are made");
    let protected = Protected::new(Arc::clone(&inner), keys);
    write_all_kinds(&protected).await;
    let sealed_entry = inner.load().await.expect("it loads").entries.remove(0).body;

    let lease = inner.lock(request()).await.expect("the lock is free");
    inner
        .append(&lease, vec![Entry { subject: Some("vm.db".to_owned()), body: sealed_entry }])
        .await
        .expect("the holder appends");
    let refused = protected.load().await.expect_err("an entry about vm.web is not one about vm.db");
    let expected = "the state in `memory` is damaged: the sealed text of `entry of run 1 about vm.db` cannot be opened: \
        it is damaged or was sealed for something else";
    assert_eq!(refused.to_string(), expected);
}

#[tokio::test]
async fn what_was_written_before_protection_stays_readable() {
    let inner: Arc<dyn Backend> = Arc::new(Memory::new("default").expect("a fine name"));
    write_all_kinds(&*inner).await;
    let keys = open(&*inner, &key(1)).await.expect("keys are made");
    let protected = Protected::new(inner, keys);
    assert_eq!(protected.load().await.expect("it loads").snapshot.as_deref(), Some("hunter2 snapshot"));
    assert_eq!(protected.runs(1).await.expect("it loads"), [run()]);
}

#[tokio::test]
async fn keyrings_of_format_1_stay_readable_and_others_say_so() {
    let fingerprint = async |keyring: &str, key| {
        let backend = Memory::new("default").expect("a fine name");
        backend.replace_keyring(None, keyring).await.expect("none was there");
        open(&backend, &key).await.map(|keys| keys.fingerprints().fingerprint(b"hunter2"))
    };
    let with_key_file = include_str!("keyring-1-key-file.json");
    let with_passphrase = include_str!("keyring-1-passphrase.json");
    assert_eq!(
        fingerprint(with_key_file, key(7)).await.expect("format 1"),
        "hmac-sha256:8HKK6JdmrgyoyfAKx7MREgXOoSdZEZxXiDnapogvj2A"
    );
    assert_eq!(
        fingerprint(with_passphrase, passphrase("correct horse")).await.expect("format 1"),
        "hmac-sha256:8HKK6JdmrgyoyfAKx7MREgXOoSdZEZxXiDnapogvj2A"
    );

    let newer = fingerprint(r#"{"format": 2, "keys": []}"#, key(7)).await.expect_err("newer");
    assert_eq!(newer.to_string(), "`memory, keyring` has format 2, this version reads up to 1");
    let damaged = fingerprint(&with_key_file[1..], key(7)).await.expect_err("not JSON");
    assert!(matches!(damaged, Error::Corrupt { .. }), "{damaged:?}");
    let greedy = with_passphrase.replace("65536", "4294967295");
    assert_ne!(greedy, with_passphrase);
    let refused = fingerprint(&greedy, passphrase("correct horse")).await.expect_err("4 TiB of memory");
    assert!(matches!(refused, Error::WrongKey { .. }), "{refused:?}");
}

#[test]
fn a_key_file_is_made_once_for_its_owner_only() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("spawnpoint/state.key");
    create_key_file(&path).expect("nothing is there");
    let bytes = std::fs::read(&path).expect("a file");
    assert_eq!(bytes.len(), 32);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let refused = create_key_file(&path).expect_err("it is there");
    assert_eq!(refused.to_string(), format!("the key file `{}` exists already", path.display()));
    assert_eq!(std::fs::read(&path).expect("a file"), bytes);
    let another = folder.path().join("another.key");
    create_key_file(&another).expect("nothing is there");
    assert_ne!(std::fs::read(&another).expect("a file"), bytes);
}

#[tokio::test]
async fn a_key_file_read_again_is_the_key_that_was_made() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("state.key");
    let made = create_key_file(&path).expect("nothing is there");
    let backend = Memory::new("default").expect("a fine name");
    open(&backend, &made).await.expect("keys are made");
    open(&backend, &EncryptionKey::from_key_file(&path).expect("32 bytes")).await.expect("the same key");

    for length in [0, 31, 33, 100_000] {
        std::fs::write(&path, vec![0; length]).expect("a file");
        let refused = EncryptionKey::from_key_file(&path).expect_err("not 32 bytes");
        assert!(matches!(refused, Error::KeyFileLength { .. }), "{refused:?}");
    }
    assert!(matches!(EncryptionKey::from_passphrase(""), Err(Error::EmptyPassphrase)));
    let missing = EncryptionKey::from_key_file(&folder.path().join("none")).expect_err("no file");
    assert!(matches!(missing, Error::Io { action: "read", .. }), "{missing:?}");
    assert_eq!(format!("{made:?}"), "EncryptionKey(sensitive)");
}

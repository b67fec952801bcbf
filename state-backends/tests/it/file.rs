//! The SQLite file itself: two processes' worth of connections, files that are not ours, damage, newer formats.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::Connection;
use state_backends::{Backend, Entry, Error, LockRequest, Sqlite};
use tokio::task::JoinSet;

fn request() -> LockRequest {
    LockRequest {
        who: "kim@ws1".to_owned(),
        operation: "apply".to_owned(),
        run: "1".to_owned(),
        info: String::new(),
        created: Timestamp::UNIX_EPOCH,
    }
}

fn entry(body: &str) -> Entry {
    Entry { subject: None, body: body.to_owned() }
}

async fn with_three_entries(path: &Path) {
    let backend = Sqlite::open(path, "default").await.expect("it opens");
    let lease = backend.lock(request()).await.expect("the lock is free");
    backend.append(&lease, ["a", "b", "c"].map(entry).to_vec()).await.expect("the holder appends");
    backend.unlock(lease).await.expect("the lock is held");
}

async fn error_of_opening(path: &Path) -> Error {
    Sqlite::open(path, "default").await.err().expect("it must not open")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_may_make_the_file_at_once() {
    for _ in 0..5 {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("state.db");
        let mut opening = JoinSet::new();
        for _ in 0..16 {
            let path = path.clone();
            opening.spawn(async move { Sqlite::open(path, "default").await?.load().await });
        }
        let stored: Vec<_> = opening.join_all().await.into_iter().map(|stored| stored.expect("it opens")).collect();
        assert!(stored.iter().all(|other| other.lineage == stored[0].lineage), "one workspace: {stored:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_see_whole_batches_while_another_writes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("state.db");
    let writer = Sqlite::open(&path, "default").await.expect("it opens");
    let reader = Arc::new(Sqlite::open(&path, "default").await.expect("it opens"));
    let lease = writer.lock(request()).await.expect("the lock is free");
    let reading = tokio::spawn(async move {
        let mut last = 0;
        while last < 60 {
            let stored = reader.load().await.expect("it loads");
            assert!(stored.last_sequence() >= last && stored.last_sequence() % 3 == 0, "{stored:?}");
            assert_eq!(stored.through, stored.serial * 15, "snapshot and entries belong together");
            last = stored.last_sequence();
        }
    });
    for batch in 1..=20 {
        let sequence = writer.append(&lease, ["a", "b", "c"].map(entry).to_vec()).await.expect("the holder appends");
        if batch % 5 == 0 {
            writer.compact(&lease, "all".to_owned(), sequence).await.expect("the holder compacts");
        }
    }
    reading.await.expect("the reader saw nothing odd");
}

#[tokio::test]
async fn state_survives_closing_and_no_lock_file_is_left() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("state.db");
    with_three_entries(&path).await;
    let stored = Sqlite::open(&path, "default").await.expect("it opens").load().await.expect("it loads");
    assert_eq!(stored.last_sequence(), 3);
    let names = std::fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let locks: Vec<_> = names.filter(|name| name.to_string_lossy().ends_with(".lock")).collect();
    assert_eq!(locks, [""; 0]);
}

#[tokio::test]
async fn foreign_files_are_refused_and_stay_as_they_are() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("state.db");
    for text in ["hello", &"{\"version\": 4}\n".repeat(1000)] {
        std::fs::write(&path, text).expect("a file");
        let error = error_of_opening(&path).await;
        assert!(matches!(error, Error::Foreign { .. }), "{error:?}");
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), *text);
    }
    std::fs::remove_file(&path).expect("a file");
    Connection::open(&path).expect("a database").execute_batch("CREATE TABLE songs (name TEXT)").expect("a table");
    let before = std::fs::read(&path).expect("a file");
    let error = error_of_opening(&path).await;
    let expected =
        format!("`{}` is not a state file of spawnpoint: it is the database of another program", path.display());
    assert_eq!(error.to_string(), expected);
    assert_eq!(std::fs::read(&path).expect("a file"), before);
}

#[tokio::test]
async fn a_newer_format_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("state.db");
    with_three_entries(&path).await;
    Connection::open(&path)
        .expect("a database")
        .execute("UPDATE meta SET value = '2' WHERE key = 'format'", [])
        .expect("a row");
    let expected = format!("`{}` has format 2, this version reads up to 1", path.display());
    assert_eq!(error_of_opening(&path).await.to_string(), expected);
}

#[tokio::test]
async fn format_1_stays_readable() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("state.db");
    Connection::open(&path).expect("a database").execute_batch(include_str!("format-1.sql")).expect("a dump");
    let backend = Sqlite::open(&path, "default").await.expect("it opens");
    let stored = backend.load().await.expect("it loads");
    assert_eq!(stored.lineage, "8c7b0a36-60ae-4b9a-a20f-5b4a55f3f1c1");
    assert_eq!((stored.snapshot.as_deref(), stored.serial, stored.last_sequence()), (Some("{}"), 1, 2));
    assert_eq!(stored.entries[0].body, "second");
    assert_eq!(backend.runs(1).await.expect("anyone may ask")[0].summary, "1 created");
    assert_eq!(backend.holder().await.expect("anyone may ask").expect("a lock").lock.who, "kim@ws1");
    assert_eq!(backend.keyring().await.expect("anyone may ask"), None);
}

#[tokio::test]
async fn damage_is_named_and_never_read_as_empty() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("state.db");
    with_three_entries(&path).await;
    let whole = std::fs::read(&path).expect("a file");
    for cut in (4096..whole.len()).step_by(4096) {
        std::fs::write(&path, &whole[..cut]).expect("a file");
        let error = match Sqlite::open(&path, "default").await {
            Ok(backend) => backend.load().await.expect_err("a cut file must not load"),
            Err(error) => error,
        };
        assert!(matches!(error, Error::Corrupt { .. }), "cut at {cut}: {error:?}");
    }
    std::fs::write(&path, &whole).expect("a file");
    let gap = "DROP TRIGGER entries_are_not_deleted; DELETE FROM entries WHERE sequence = 2";
    Connection::open(&path).expect("a database").execute_batch(gap).expect("a row");
    let error = Sqlite::open(&path, "default").await.expect("it opens").load().await.expect_err("an entry is missing");
    let expected = format!("the state in `{}` is damaged: journal entry 2 is missing", path.display());
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn contents_that_do_not_fit_are_damage() {
    let lock = "INSERT INTO locks SELECT lineage, '', '', 1, '', '', '', 'yesterday' FROM workspaces";
    let run =
        "INSERT INTO runs SELECT 1, lineage, '', '', '', '2026-11-20T12:00:00Z', 'soon', '', '', '' FROM workspaces";
    for (damage, detail) in [
        ("DROP TABLE meta", "no such table: meta"),
        ("DELETE FROM meta", "Query returned no rows"),
        ("UPDATE meta SET value = 'one'", "its format is `one`"),
        ("DROP TABLE entries", "no such table"),
        ("UPDATE workspaces SET serial = -1", "out of range"),
        ("UPDATE workspaces SET through = 4", "its snapshot contains entry 4, its journal ends at 3"),
        (lock, "Conversion error from type Text at index: 6"),
        (run, "Conversion error from type Text at index: 4"),
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("state.db");
        with_three_entries(&path).await;
        Connection::open(&path).expect("a database").execute_batch(damage).expect(damage);
        let read_all = async || {
            let backend = Sqlite::open(&path, "default").await?;
            backend.load().await?;
            backend.holder().await?;
            backend.runs(1).await.map(drop)
        };
        match read_all().await {
            Err(Error::Corrupt { detail: found, .. }) if found.contains(detail) => {}
            other => panic!("{damage}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn history_refuses_to_be_rewritten_by_anyone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("state.db");
    with_three_entries(&path).await;
    let connection = Connection::open(&path).expect("a database");
    let run = "INSERT INTO runs SELECT 1, lineage, '', '', '', '', '', '', '', '' FROM workspaces";
    assert_eq!(connection.execute(run, []).expect("a new run is fine"), 1);
    for rewrite in [
        "UPDATE runs SET body = 'x'",
        "DELETE FROM runs",
        "REPLACE INTO runs SELECT 1, lineage, '', '', '', '', '', '', '', '' FROM workspaces",
        "UPDATE entries SET body = 'x'",
        "DELETE FROM entries",
        "REPLACE INTO entries SELECT lineage, 1, '', '', '' FROM workspaces",
        "INSERT INTO entries SELECT lineage, 5, '', '', '' FROM workspaces",
    ] {
        let refused = connection.execute(rewrite, []).expect_err(rewrite);
        assert_eq!(refused.to_string(), "history is never rewritten", "{rewrite}");
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("file"), "").expect("a file");
    let error = error_of_opening(&folder.path().join("file/state.db")).await;
    assert_eq!(error.to_string(), format!("cannot create `{}`", folder.path().join("file").display()));
}

//! kill -9: what was acknowledged is there, and the lock of the dead gives way. The victim is this test binary, run once more.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use jiff::Timestamp;
use state_backends::{Backend, Entry, Error, HistoryQuery, Liveness, LockRequest, Sqlite};

/// Names the state file to the victim; without it this process is not one.
const VICTIM: &str = "STATE_BACKENDS_VICTIM";

fn request(run: &str) -> LockRequest {
    LockRequest {
        who: "kim@ws1".to_owned(),
        operation: "apply".to_owned(),
        run: run.to_owned(),
        info: String::new(),
        created: Timestamp::UNIX_EPOCH,
    }
}

/// Writes until it is killed: says the lock's id, then the sequence of every entry that was acknowledged. Compacts now and then.
async fn write_until_killed(path: &Path) {
    let backend = Sqlite::open(path, "default").await.expect("the victim opens");
    let lease = backend.lock(request("victim")).await.expect("the lock is free or its holder dead");
    let mut output = std::io::stdout();
    writeln!(output, "\nvictim: lock {}", lease.lock().id).expect("the parent listens");
    loop {
        let entries = (0..3).map(|part| Entry { subject: None, body: format!("part {part}") });
        let sequence = backend.append(&lease, entries.collect()).await.expect("the victim appends");
        writeln!(output, "victim: acknowledged {sequence}").expect("the parent listens");
        if sequence % 15 == 0 {
            let snapshot = format!("through {sequence}");
            backend.compact(&lease, snapshot, sequence).await.expect("the victim compacts");
        }
    }
}

/// A victim, and what it has said so far.
struct Victim {
    process: Child,
    lines: Box<dyn Iterator<Item = String> + Send>,
}

impl Victim {
    fn start(path: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("this test has a file"))
            .args(["--exact", "crash::nothing_acknowledged_is_lost", "--nocapture"])
            .env(VICTIM, path)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the victim starts");
        let output = BufReader::new(process.stdout.take().expect("it is piped"));
        let lines = output.lines().map_while(Result::ok);
        let lines = lines.filter_map(|line| line.strip_prefix("victim: ").map(str::to_owned));
        Self { process, lines: Box::new(lines) }
    }

    fn next(&mut self, what: &str) -> String {
        let line = self.lines.next().expect("the victim speaks until it is killed");
        line.strip_prefix(what).expect("the victim says things in order").trim().to_owned()
    }

    /// Kills it with SIGKILL and returns the last sequence that it acknowledged, which may still be in the pipe.
    fn kill(mut self) -> Option<u64> {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it was killed");
        self.lines.filter_map(|line| line.strip_prefix("acknowledged ")?.parse().ok()).max()
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost() {
    if let Some(path) = std::env::var_os(VICTIM) {
        return write_until_killed(Path::new(&path)).await;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("state.db");
    let backend = Sqlite::open(&path, "default").await.expect("it opens");
    let mut written_before = 0;
    for round in 0..6 {
        let mut victim = Victim::start(&path);
        let id = victim.next("lock ");
        let mut acknowledged = written_before;
        for _ in 0..round * 3 {
            acknowledged = victim.next("acknowledged ").parse().expect("a sequence");
        }
        let holder = backend.holder().await.expect("anyone may ask").expect("the victim holds the lock");
        assert_eq!((&holder.lock.id, holder.liveness), (&id, Liveness::Live));
        assert_eq!(holder.lock.pid, victim.process.id());
        let refused = backend.lock(request("parent")).await.expect_err("the victim lives");
        assert!(matches!(refused, Error::Locked { .. }), "{refused:?}");

        acknowledged = victim.kill().unwrap_or(acknowledged).max(acknowledged);
        let holder = backend.holder().await.expect("anyone may ask").expect("nobody took the lock");
        assert_eq!((&holder.lock.id, holder.liveness), (&id, Liveness::Dead));
        let last = everything_fits(&backend).await;
        assert!(last >= acknowledged, "{acknowledged} was acknowledged, {last} is there");

        let lease = backend.lock(request("parent")).await.expect("the victim is dead");
        assert_eq!(lease.took_over(), Some(&holder.lock));
        let entries = (0..3).map(|part| Entry { subject: None, body: format!("part {part}") });
        written_before = backend.append(&lease, entries.collect()).await.expect("the new holder appends");
        assert_eq!(written_before, last + 3);
        // Half of the time the next victim has to take over from us.
        if round % 2 == 0 {
            backend.unlock(lease).await.expect("the lock is held");
            assert_eq!(lock_files(folder.path()), 0, "those of the dead are tidied away as well");
        }
    }
}

/// Checks that batches are whole, history has no gap and the snapshot is the one that was made; returns the last sequence.
async fn everything_fits(backend: &Sqlite) -> u64 {
    let stored = backend.load().await.expect("it loads");
    let last = stored.last_sequence();
    assert_eq!(last % 3, 0, "a batch is there as a whole or not at all");
    if let Some(snapshot) = &stored.snapshot {
        assert_eq!(*snapshot, format!("through {}", stored.through));
    }
    let history = backend.history(&HistoryQuery::default()).await.expect("anyone may ask");
    for (sequence, entry) in (1..=last).zip(&history) {
        assert_eq!((entry.sequence, &entry.body), (sequence, &format!("part {}", (sequence - 1) % 3)));
    }
    assert_eq!(history.len(), usize::try_from(last).expect("few entries"));
    last
}

fn lock_files(folder: &Path) -> usize {
    let files = std::fs::read_dir(folder).expect("a folder").map(|file| file.expect("an entry").file_name());
    files.filter(|name| name.to_string_lossy().ends_with(".lock")).count()
}

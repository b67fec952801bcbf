//! What the provisioning tests share: the real Ansible, a server to set up, and runs in a few words.

use crate::harness::is_full;
use sha2::{Digest, Sha256};
use spawnpoint::diagnostics::Sources;
use spawnpoint::games::{Game, Power, Server, Wanted};
use spawnpoint::provision::{
    Ansible, Connection, Error, Event, Mode, Patience, Playbook, Report, Request, Scope, assets, run,
};
use spawnpoint::value::{Type, Value};
use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Version that flying-squid speaks; its artifact is ours.
pub(crate) const VERSION: &str = "1.20.4";

/// A secret that must not show up anywhere but in the game's file.
pub(crate) const SECRET: &str = "hunter2-hunter2";

/// Returns a program of the test environment, made from `tests/provisioning/requirements.txt`; or why there is none.
pub(crate) fn venv(program: &str) -> Result<PathBuf, String> {
    let folder = match std::env::var_os("SPAWNPOINT_TEST_VENV") {
        Some(folder) => PathBuf::from(folder),
        None => cache().join("venv"),
    };
    let path = folder.join("bin").join(program);
    match path.is_file() {
        true => Ok(path),
        false => Err(format!("`{}` is not there; set SPAWNPOINT_TEST_VENV or use tests/run", path.display())),
    }
}

pub(crate) fn cache() -> PathBuf {
    match std::env::var_os("SPAWNPOINT_TEST_CACHE") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/spawnpoint-tests"),
    }
}

/// Prints a line that is seen even when the test passes: captured output is not.
pub(crate) fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").expect("standard error is open");
}

/// Says loudly that a test did not run; in the full run of the suite a machine that lacks what can be installed is an error.
pub(crate) fn skip(test: &str, reason: &str) {
    say(&format!("SKIPPED {test}: {reason}"));
    assert!(!is_full(), "{test} must run here: {reason}");
}

/// A guest to set a server up on, and how.
pub(crate) struct Bench {
    pub(crate) ansible: Ansible,
    pub(crate) connection: Connection,
    pub(crate) scope: Scope,
    pub(crate) answers_at: SocketAddr,
    pub(crate) playbook: Playbook,
    pub(crate) game: Game,
}

impl Bench {
    pub(crate) fn new(ansible: PathBuf, connection: Connection, scope: Scope, answers_at: SocketAddr) -> Self {
        let playbook = assets::playbook(Path::new("/nonexistent"), "minecraft-java")
            .expect("nothing is read")
            .expect("it is ours");
        let game = playbook.manifest(&mut Sources::new()).expect("our manifest is right");
        Self { ansible: Ansible::at(ansible).expect("it is a file"), connection, scope, answers_at, playbook, game }
    }

    /// Returns a server with these settings besides the ones every test needs.
    pub(crate) fn server(&self, settings: &[(&str, Value)]) -> Server {
        let artifact = artifact();
        let command = ["/usr/bin/node", "{artifact}", VERSION].map(Value::from);
        let mut all = vec![
            ("accept_eula", Value::from(true)),
            ("artifact_file", Value::from(artifact.to_str().expect("the project's path is UTF-8"))),
            ("artifact_sha256", Value::from(sha256(&artifact))),
            ("start_command", Value::tuple(command)),
        ];
        all.extend_from_slice(settings);
        // A key that is there twice keeps its last value: a test may bring an artifact of its own.
        let wanted = Wanted {
            version: &Value::from(VERSION),
            settings: &Value::object(all),
            secrets: &Value::null(Type::Dynamic),
        };
        let (settings, found) = self.game.validate(&wanted, &|found, _, _| found);
        assert!(found.is_empty(), "{found:?}");
        Server {
            name: Arc::from("survival"),
            version: Arc::from(VERSION),
            ports: BTreeMap::from([(Arc::from("game"), self.answers_at.port())]),
            settings,
            power: Power::Running,
            backup: None,
        }
    }

    /// Runs the playbook and returns the report and the events.
    pub(crate) async fn run(&self, server: &Server, mode: Mode) -> (Result<Report, Error>, Vec<Event>) {
        self.run_and_tell(server, mode, tokio::sync::mpsc::unbounded_channel().0).await
    }

    /// Runs the playbook, sending events on while it runs.
    pub(crate) async fn run_and_tell(
        &self,
        server: &Server,
        mode: Mode,
        listener: tokio::sync::mpsc::UnboundedSender<Event>,
    ) -> (Result<Report, Error>, Vec<Event>) {
        let secrets = BTreeMap::from([(Arc::from("rcon_password"), Value::from(SECRET))]);
        let request = Request {
            ansible: &self.ansible,
            game: &self.game,
            playbook: &self.playbook,
            server,
            secrets: &secrets,
            connection: &self.connection,
            answers_at: self.answers_at,
            mode,
            scope: self.scope.clone(),
            patience: Patience {
                ssh: Duration::from_secs(20),
                playbook: Duration::from_secs(120),
                answer: Duration::from_secs(60),
            },
            stack: Path::new("/nonexistent"),
        };
        let mut events = Vec::new();
        let result = run(&request, &mut |event: Event| {
            // Nobody has to listen.
            listener.send(event.clone()).ok();
            events.push(event);
        })
        .await;
        assert!(!format!("{events:?} {result:?}").contains(SECRET), "a secret got out: {events:?}");
        (result, events)
    }

    /// Runs the playbook, which must succeed, and returns one line per changed step and key.
    pub(crate) async fn changes(&self, server: &Server, mode: Mode) -> Vec<String> {
        let (result, events) = self.run(server, mode).await;
        let report = result.unwrap_or_else(|error| panic!("{error}\n{events:#?}"));
        let keys = report.keys.iter().map(|change| {
            let before = change.before.as_deref().unwrap_or("(none)");
            format!("{} {}: {before} -> {}", change.file, change.key, change.after)
        });
        report.changed.iter().cloned().chain(keys).collect()
    }
}

/// Returns the SHA-256 of a file.
pub(crate) fn sha256(path: &Path) -> String {
    Sha256::digest(std::fs::read(path).expect("the test has it")).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The file that the servers of these tests run.
pub(crate) fn artifact() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/provisioning/flying-squid/server.js")
}

//! One run for one server, from the first connection to the game's first answer.

use super::event::{Event, KeyChange};
use super::health::{self, Status};
use super::workspace::Workspace;
use super::{Ansible, Connection, Error, Playbook, ansible};
use crate::games::{Game, Power, Server, Source};
use crate::value::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Everything one run needs.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// What runs the playbook.
    pub ansible: &'a Ansible,
    /// The game's manifest.
    pub game: &'a Game,
    /// The game's playbook.
    pub playbook: &'a Playbook,
    /// The server, everything decided.
    pub server: &'a Server,
    /// Secrets by key. They reach Ansible in a private file on a RAM disk.
    pub secrets: &'a BTreeMap<Arc<str>, Value>,
    /// How to reach the guest.
    pub connection: &'a Connection,
    /// Where the game answers.
    pub answers_at: SocketAddr,
    /// Change the guest, or only say what would change.
    pub mode: Mode,
    /// Which steps.
    pub scope: Scope,
    /// How long to wait for what.
    pub patience: Patience,
    /// The stack's folder: where relative paths in settings begin.
    pub stack: &'a Path,
}

/// Whether the guest is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The guest is changed, then the game has to answer.
    Apply,
    /// Nothing is changed: the report says what would be.
    Check,
    /// The server is stopped, its units and releases are removed. Its world and backups stay on the guest's disk.
    Remove,
}

/// Which steps of a playbook run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of them.
    Everything,
    /// Only those that need no privileges, with every path below a folder: no packages, no user, no units, no server to answer.
    Files {
        /// The folder on the guest.
        root: PathBuf,
    },
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the guest to let us in: it may still be booting.
    pub ssh: Duration,
    /// For the playbook.
    pub playbook: Duration,
    /// For the game's first answer: it may be making its world.
    pub answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { ssh: Duration::from_secs(180), playbook: Duration::from_secs(1800), answer: Duration::from_secs(300) }
    }
}

/// What a run did, or in check mode would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Names of the steps that changed something, in order.
    pub changed: Vec<String>,
    /// Keys of the game's own files that changed.
    pub keys: Vec<KeyChange>,
    /// What the game answered; nothing in check mode, for a stopped server, or if no server was to be started.
    pub status: Option<Status>,
}

/// Runs the playbook of a server on its guest and waits until the game answers. Dropping the future ends Ansible.
///
/// # Errors
/// See [`Error`]: each says which part failed and hints at what to do.
pub async fn run(request: &Request<'_>, on_event: &mut (dyn FnMut(Event) + Send)) -> Result<Report, Error> {
    if request.mode != Mode::Remove {
        verify_artifact(request)?;
    }
    let workspace = Workspace::create(request).map_err(Error::Workspace)?;
    on_event(Event::Connecting { guest: request.connection.destination() });
    request.connection.wait(workspace.ssh_options(), Instant::now() + request.patience.ssh).await?;

    let mut report = Report::default();
    let mut listen = |event: Event| {
        if let Event::Done { task, changed: true, keys } = &event {
            report.changed.push(task.clone());
            report.keys.extend(keys.iter().cloned());
        }
        on_event(event);
    };
    ansible::play(&workspace, request, &mut listen).await?;

    if request.mode == Mode::Apply && request.scope == Scope::Everything && request.server.power == Power::Running {
        on_event(Event::WaitingForAnswer { address: request.answers_at });
        let deadline = Instant::now() + request.patience.answer;
        let way = request.connection.way_to_games(workspace.ssh_options());
        let status = health::wait_until_answers(request.game.query, request.answers_at, &way, deadline).await;
        report.status =
            Some(status.map_err(|not_up| Error::NoAnswer { server: request.server.name.to_string(), not_up })?);
    }
    Ok(report)
}

/// Returns the artifact's path on this machine, if it comes from here.
pub(super) fn artifact_file(request: &Request<'_>) -> Option<PathBuf> {
    match request.game.artifact(request.server)?.source {
        Source::File(file) => Some(request.stack.join(&*file)),
        Source::Url(_) => None,
    }
}

/// Checks an artifact of this machine before it travels; one that the guest downloads is checked there.
fn verify_artifact(request: &Request<'_>) -> Result<(), Error> {
    let (Some(path), Some(artifact)) = (artifact_file(request), request.game.artifact(request.server)) else {
        return Ok(());
    };
    let actual = sha256_of(&path).map_err(|source| Error::Artifact { path: path.clone(), source })?;
    match actual == *artifact.sha256 {
        true => Ok(()),
        false => Err(Error::Checksum { path, expected: artifact.sha256.to_string(), actual }),
    }
}

fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            return Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        digest.update(&buffer[..length]);
    }
}

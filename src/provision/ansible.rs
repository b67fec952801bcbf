//! One run of `ansible-playbook`: started where Ctrl-C does not reach it, listened to line by line, ended with everything it started.

use super::event::Event;
use super::processes::Processes;
use super::workspace::Workspace;
use super::{Error, Mode, Request, Scope};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;

/// How much of what Ansible says to standard error is kept.
const SAID_MAX_BYTES: u64 = 64 * 1024;

/// What of our environment Ansible gets: nobody's own Ansible settings.
const ENVIRONMENT: [&str; 6] = ["PATH", "HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK", "TZ"];

/// An installed Ansible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ansible {
    program: PathBuf,
}

impl Ansible {
    /// Returns the Ansible whose `ansible-playbook` is this file.
    ///
    /// # Errors
    /// There is no such file.
    pub fn at(program: impl Into<PathBuf>) -> Result<Self, Error> {
        let program = program.into();
        match program.is_file() {
            true => Ok(Self { program }),
            false => Err(Error::AnsibleMissing { program: program.display().to_string() }),
        }
    }

    /// Returns the Ansible that `SPAWNPOINT_ANSIBLE_PLAYBOOK` names, else the first one of the `PATH`.
    ///
    /// # Errors
    /// There is none.
    pub fn find() -> Result<Self, Error> {
        if let Some(program) = std::env::var_os("SPAWNPOINT_ANSIBLE_PLAYBOOK").filter(|program| !program.is_empty()) {
            return Self::at(program);
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .find_map(|folder| Self::at(folder.join("ansible-playbook")).ok())
            .ok_or_else(|| Error::AnsibleMissing { program: "ansible-playbook".to_owned() })
    }

    /// Returns the file of its `ansible-playbook`.
    pub fn program(&self) -> &Path {
        &self.program
    }
}

/// Runs the playbook to its end.
pub(super) async fn play(
    workspace: &Workspace,
    request: &Request<'_>,
    on_event: &mut (dyn FnMut(Event) + Send),
) -> Result<(), Error> {
    let program = &request.ansible.program;
    let failed = |source| Error::Start { program: program.display().to_string(), source };
    let mut command = command(workspace, request);
    let processes = Processes::of(&mut command);
    let mut child = command.spawn().map_err(failed)?;
    let said = tokio::spawn(read_end(child.stderr.take().expect("standard error is piped")));
    let mut end = End::default();
    let finished = timeout(request.patience.playbook, listen(&mut child, &mut end, on_event)).await;
    // The SSH connections that Ansible keeps open for the next step, and after a deadline Ansible itself.
    drop(processes);
    let Ok(finished) = finished else {
        return Err(Error::TooLong { task: end.task, waited: request.patience.playbook });
    };
    let status = finished.map_err(failed)?;
    let said = said.await.unwrap_or_default();
    judge(request, status, end, &said)
}

/// How far a run got.
#[derive(Default)]
struct End {
    task: String,
    failed: Option<(String, String)>,
    unreachable: Option<String>,
}

fn command(workspace: &Workspace, request: &Request<'_>) -> Command {
    let mut command = Command::new(&request.ansible.program);
    command.env_clear().envs(ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command
        .env("LC_ALL", "C.UTF-8")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("ANSIBLE_CONFIG", workspace.path("ansible.cfg"))
        .env("ANSIBLE_HOME", workspace.path("home"))
        .env("ANSIBLE_COLLECTIONS_PATH", workspace.path("collections"))
        .env("ANSIBLE_NOCOLOR", "1")
        .arg("--inventory")
        .arg(workspace.path("inventory.json"));
    for name in ["variables.yml", "secrets.yml"] {
        command.arg("--extra-vars").arg(format!("@{}", workspace.path(name).display()));
    }
    match &request.scope {
        Scope::Everything => {}
        Scope::Files { .. } => {
            command.args(["--skip-tags", "system,service"]);
        }
    }
    match request.mode {
        Mode::Apply | Mode::Remove => {}
        Mode::Check => {
            command.args(["--check", "--diff"]);
        }
    }
    command
        .arg(&workspace.playbook)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    command
}

async fn listen(
    child: &mut Child,
    end: &mut End,
    on_event: &mut (dyn FnMut(Event) + Send),
) -> std::io::Result<ExitStatus> {
    let output = child.stdout.take().expect("standard output is piped");
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await? {
        let Some(event) = Event::from_line(&line) else {
            continue;
        };
        match &event {
            Event::Started { task } => end.task.clone_from(task),
            // The first failure is the cause; what follows is its consequence.
            Event::Failed { task, message } if end.failed.is_none() => {
                end.failed = Some((task.clone(), message.clone()));
            }
            Event::Unreachable { message } => end.unreachable = Some(message.clone()),
            Event::Failed { .. }
            | Event::Connecting { .. }
            | Event::Done { .. }
            | Event::Skipped { .. }
            | Event::WaitingForAnswer { .. } => {}
        }
        on_event(event);
    }
    child.wait().await
}

async fn read_end(stderr: ChildStderr) -> String {
    let mut bytes = Vec::new();
    let mut stderr = stderr;
    // A broken pipe ends the text; what was said until then is what there is to show.
    drop((&mut stderr).take(SAID_MAX_BYTES).read_to_end(&mut bytes).await);
    drop(tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Ansible ends with 0 when all went well, 2 when a step failed, 4 when a guest was unreachable or the playbook is no playbook, 250 on a bug.
fn judge(request: &Request<'_>, status: ExitStatus, end: End, said: &str) -> Result<(), Error> {
    if let Some(message) = end.unreachable {
        return Err(Error::Unreachable { guest: request.connection.destination(), message });
    }
    if let Some((task, message)) = end.failed {
        return Err(Error::Task { task, message });
    }
    if status.success() {
        return Ok(());
    }
    let lines: Vec<_> = said.lines().filter(|line| !line.trim().is_empty() && !line.starts_with("[WARNING]")).collect();
    let message = lines[lines.len().saturating_sub(10)..].join("\n");
    Err(Error::Ansible { status: status.to_string(), message })
}

//! One run of `ansible-playbook`: started in a process group of its own, listened to line by line, ended with everything it started.

use super::event::Event;
use super::workspace::Workspace;
use super::{Error, Mode, Request, Scope};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;

/// How long Ansible may take to end its own processes before they are killed.
const GRACE: Duration = Duration::from_secs(5);

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
}

/// Runs the playbook to its end.
pub(super) async fn play(
    workspace: &Workspace,
    request: &Request<'_>,
    on_event: &mut (dyn FnMut(Event) + Send),
) -> Result<(), Error> {
    let program = &request.ansible.program;
    let failed = |source| Error::Start { program: program.display().to_string(), source };
    let mut child = command(workspace, request).spawn().map_err(failed)?;
    let mut group = Group::of(&child);
    let said = tokio::spawn(read_end(child.stderr.take().expect("standard error is piped")));
    let mut end = End::default();
    let finished = timeout(request.patience.playbook, listen(&mut child, &mut end, on_event)).await;
    close_connections(workspace).await;
    let Ok(finished) = finished else {
        return Err(Error::TooLong { task: end.task, waited: request.patience.playbook });
    };
    let status = finished.map_err(failed)?;
    group.0 = None;
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
        .process_group(0);
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

/// Ends the SSH connections that Ansible keeps open for the next step.
async fn close_connections(workspace: &Workspace) {
    let Ok(sockets) = std::fs::read_dir(workspace.path("control")) else {
        return;
    };
    for socket in sockets.flatten() {
        let option = format!("ControlPath={}", socket.path().display());
        let closing = Command::new("ssh")
            .args(["-o", &option, "-O", "exit", "guest"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .status();
        // A connection that does not close now does so by itself within 30 seconds.
        drop(timeout(GRACE, closing).await);
    }
}

/// The process group of a run. Dropped before the run ended, it is told to end, and killed if it does not.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| Pid::from_raw(id as i32)))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let Some(pid) = self.0 else { return };
        // Ansible's workers lead groups of their own. It passes the signal on to those it knows, and may be making one just now:
        // held still, it makes no more, and all there are can be told.
        kill_process_group(pid, Signal::STOP).ok();
        let workers = children(pid);
        let is_there = kill_process_group(pid, Signal::TERM).is_ok();
        for worker in workers {
            kill_process(worker, Signal::TERM).ok();
            kill_process_group(worker, Signal::TERM).ok();
        }
        kill_process_group(pid, Signal::CONT).ok();
        if is_there {
            std::thread::spawn(move || {
                std::thread::sleep(GRACE);
                // An error means that it is gone already.
                kill_process_group(pid, Signal::KILL).ok();
            });
        }
    }
}

/// Returns the processes that a process has started and that still run.
fn children(pid: Pid) -> Vec<Pid> {
    let pid = pid.as_raw_nonzero();
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|child| Pid::from_raw(child.parse().ok()?)).collect()
}

//! What the driver calls when a game server is to be set up: Ansible on a real guest, a few lines of data on a simulated one.

use super::session::Session;
use crate::apply::{ProvisionContext, ProvisionError, Provisioned, Provisioner};
use crate::games::{Power, Server};
use crate::plan::ProvisionTask;
use crate::provision::{self, Ansible, Connection, HostKey, Patience, Request, Scope, assets, guest, health};
use crate::proxmox::{Answer, Call, Client};
use crate::value::Value;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// How long a simulated guest may take to answer: it is already running.
const SIMULATED_ANSWER: Duration = Duration::from_secs(20);

/// Brings guests to what their game servers need.
pub(super) struct Provisioning<'a> {
    session: &'a Session,
}

/// A guest as the lab it lives in sees it.
struct Simulated {
    /// Real host and port that stand in for it.
    connect: Option<(String, u16)>,
    /// Where its games answer on this machine.
    status_address: Option<IpAddr>,
}

impl<'a> Provisioning<'a> {
    /// Returns the provisioner of a session.
    pub(super) fn new(session: &'a Session) -> Self {
        Self { session }
    }

    async fn simulated(
        &self,
        task: &ProvisionTask,
        server: &Server,
        guest_seen: &Simulated,
        client: &Client,
    ) -> Result<Provisioned, ProvisionError> {
        let facts = self.session.configuration.games.get(&task.game).ok_or_else(|| no_game(&task.game))?;
        let call = match task.is_removal {
            true => guest::withdraw(&task.node, task.vmid, &server.name),
            false => guest::announce(&task.node, task.vmid, &facts.game, server),
        };
        let failed = |error: crate::proxmox::CallError| ProvisionError {
            error: error.to_string(),
            hints: error.hint.into_iter().collect(),
        };
        client.write(&call).await.map_err(failed)?;
        let mut done =
            Provisioned { notes: vec!["simulated guest: Ansible did not run".into()], ..Provisioned::default() };
        if let (false, true, Some(address)) = (task.is_removal, task.is_running, guest_seen.status_address) {
            let address = SocketAddr::new(address, task.port);
            let deadline = Instant::now() + SIMULATED_ANSWER.min(Duration::from_millis(task.deadline_ms));
            let answer = health::wait_until_answers(facts.game.query, address, &health::Way::Direct, deadline).await;
            answer.map_err(|not_up| ProvisionError {
                error: format!("simulated game server `{}` gives {not_up}", server.name),
                hints: vec![format!("is something else listening on {address}?")],
            })?;
            done.notes.push(format!("it answers on {address}"));
        }
        Ok(done)
    }

    async fn real(
        &self,
        task: &ProvisionTask,
        server: &Server,
        connection: Connection,
        progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Provisioned, ProvisionError> {
        let facts = self.session.configuration.games.get(&task.game).ok_or_else(|| no_game(&task.game))?;
        let stack = &self.session.shell.folder;
        let playbook = assets::playbook(stack, &task.game).ok().flatten().ok_or_else(|| no_game(&task.game))?;
        let failed = |error: provision::Error| ProvisionError { error: error.to_string(), hints: error.hints() };
        let ansible = Ansible::find().map_err(failed)?;
        let answers_at = answers_at(&connection.host, task.port).await?;
        let request = Request {
            ansible: &ansible,
            game: &facts.game,
            playbook: &playbook,
            server,
            secrets: &task.secrets,
            connection: &connection,
            answers_at,
            mode: if task.is_removal { provision::Mode::Remove } else { provision::Mode::Apply },
            scope: Scope::Everything,
            patience: Patience::default(),
            stack,
        };
        let mut listen = |event| {
            if let Some(line) = line(&event) {
                progress(line);
            }
        };
        let report = provision::run(&request, &mut listen);
        let deadline = Duration::from_millis(task.deadline_ms);
        match tokio::time::timeout(deadline, report).await {
            Ok(report) => report.map(|report| told(&report)).map_err(failed),
            Err(_) => Err(ProvisionError {
                error: format!("provisioning took longer than {}", crate::render::amount::duration(task.deadline_ms)),
                hints: vec!["raise `timeouts { provision = ... }` of the game server".into()],
            }),
        }
    }

    fn connection(&self, task: &ProvisionTask, host: (String, Option<u16>), host_key: HostKey) -> Connection {
        let text = |name: &str| task.connection.get(name).and_then(Value::as_text).map(str::to_owned);
        let port = task.connection.get("port").and_then(Value::as_i64).and_then(|port| u16::try_from(port).ok());
        Connection {
            user: text("user").unwrap_or_else(|| "root".into()),
            host: host.0,
            port: host.1.or(port).unwrap_or(22),
            private_key: text("private_key").map(|path| self.path(&path)),
            jump: text("jump"),
            host_key,
        }
    }

    fn path(&self, text: &str) -> PathBuf {
        match (text.strip_prefix("~/"), std::env::home_dir()) {
            (Some(below), Some(home)) => home.join(below),
            _ => self.session.shell.folder.join(text),
        }
    }

    /// The guest's key, through its agent if that answers; else the first one seen is kept next to the stack.
    async fn host_key(&self, task: &ProvisionTask, client: &Client) -> HostKey {
        let known_hosts: PathBuf = self.session.shell.folder.join(Path::new(".spawnpoint/known_hosts"));
        let Ok(data) = client.read(&guest::read_host_key(&task.node, task.vmid)).await else {
            return HostKey::TrustOnFirstUse { known_hosts };
        };
        let answer = Answer {
            status: 200,
            reason: String::new(),
            data,
            errors: BTreeMap::new(),
            message: None,
            date: None,
            simulator: None,
        };
        guest::host_key(&answer).unwrap_or(HostKey::TrustOnFirstUse { known_hosts })
    }
}

#[async_trait::async_trait]
impl Provisioner for Provisioning<'_> {
    async fn provision(
        &self,
        task: &ProvisionTask,
        context: ProvisionContext<'_>,
        progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Provisioned, ProvisionError> {
        let server = Server {
            name: task.server.as_str().into(),
            version: task.version.as_str().into(),
            ports: BTreeMap::from([("game".into(), task.port)]),
            settings: task.settings.clone(),
            power: if task.is_running { Power::Running } else { Power::Stopped },
            backup: None,
        };
        let simulated = match context.client.is_simulator() {
            true => Some(look_at(task, context.client).await),
            false => None,
        };
        match simulated {
            Some(Simulated { connect: Some((host, port)), .. }) => {
                let known_hosts = self.session.shell.folder.join(".spawnpoint/known_hosts");
                let key = HostKey::TrustOnFirstUse { known_hosts };
                self.real(task, &server, self.connection(task, (host, Some(port)), key), progress).await
            }
            Some(simulated) => self.simulated(task, &server, &simulated, context.client).await,
            None => {
                let host = task.address.clone().ok_or_else(|| ProvisionError {
                    error: "the guest's address is not known".into(),
                    hints: vec!["give its `network` an `address`: `auto`, or one of the tenant's".into()],
                })?;
                let key = self.host_key(task, context.client).await;
                self.real(task, &server, self.connection(task, (host, None), key), progress).await
            }
        }
    }
}

async fn look_at(task: &ProvisionTask, client: &Client) -> Simulated {
    let seen = client.read(&Call::get(format!("/spawnpoint/guests/{}", task.vmid))).await.unwrap_or_default();
    let connect = seen["connect"].as_str().and_then(|text| {
        let (host, port) = text.rsplit_once(':')?;
        Some((host.to_owned(), port.parse().ok()?))
    });
    Simulated { connect, status_address: seen["status_address"].as_str().and_then(|text| text.parse().ok()) }
}

async fn answers_at(host: &str, port: u16) -> Result<SocketAddr, ProvisionError> {
    let mut addresses = tokio::net::lookup_host((host, port))
        .await
        .map_err(|error| ProvisionError { error: format!("`{host}` has no address: {error}"), hints: Vec::new() })?;
    addresses.next().ok_or_else(|| ProvisionError { error: format!("`{host}` has no address"), hints: Vec::new() })
}

fn no_game(game: &str) -> ProvisionError {
    ProvisionError {
        error: format!("there is no playbook of `{game}`"),
        hints: vec![format!("expected the folder `playbooks/{game}`")],
    }
}

fn line(event: &provision::Event) -> Option<String> {
    use provision::Event;
    match event {
        Event::Connecting { guest } => Some(format!("connecting to {guest}")),
        Event::Started { task } => Some(task.clone()),
        Event::Done { .. } | Event::Skipped { .. } => None,
        Event::Failed { task, message } => Some(format!("{task}: {message}")),
        Event::Unreachable { message } => Some(message.clone()),
        Event::WaitingForAnswer { address } => Some(format!("waiting for an answer on {address}")),
    }
}

fn told(report: &provision::Report) -> Provisioned {
    let changed = report.keys.iter().map(|key| format!("{}: {} = {}", key.file, key.key, key.after));
    Provisioned { warnings: Vec::new(), notes: changed.collect() }
}

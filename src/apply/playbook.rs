//! The driver's provisioner: a game's playbook on a real guest, a note through the agent on a simulated one.
//!
//! Which of the two a guest is, only an answer of the simulator tells, and only from this machine. A lab file may bind a simulated guest to
//! a real host: there Ansible really runs.

use super::{ProvisionContext, ProvisionError, Provisioned, Provisioner};
use crate::games::{Game, Power, Server};
use crate::plan::ProvisionTask;
use crate::provision::{
    self, Ansible, Connection, Event, HostKey, Mode, Patience, Playbook, Request, Scope, guest, health,
};
use crate::proxmox::{Answer, Call, CallError, Clock};
use crate::value::Value;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A game and the playbook that brings it to a guest.
#[derive(Clone, Debug)]
pub struct GameFiles {
    /// The manifest.
    pub game: Game,
    /// Playbook, roles and templates.
    pub playbook: Playbook,
}

/// Runs playbooks.
#[derive(Debug)]
pub struct Playbooks {
    /// Games by name.
    pub games: BTreeMap<String, GameFiles>,
    /// The stack's folder, where relative paths begin.
    pub stack: PathBuf,
    /// Where host keys seen for the first time are kept.
    pub known_hosts: PathBuf,
}

/// What the simulator says about one of its guests.
#[derive(Clone, Debug, Default)]
struct Simulated {
    /// A real host that stands in for the guest.
    connect: Option<SocketAddr>,
    /// Folder on that host below which everything is put, for a host that gives no privileges.
    root: Option<PathBuf>,
    /// Where the guest's games answer on this machine.
    status_address: Option<IpAddr>,
}

/// Pause between two questions to an agent that is not up yet; an instant clock needs none.
const AGENT_PAUSE: Duration = Duration::from_secs(3);

/// How long an agent may take to come up after its guest started.
const AGENT_MAX: Duration = Duration::from_secs(300);

/// Questions to the agent of a guest whose clock moves by being asked.
const AGENT_QUESTIONS_MAX: u32 = 200;

#[async_trait::async_trait]
impl Provisioner for Playbooks {
    async fn provision(
        &self,
        task: &ProvisionTask,
        context: ProvisionContext<'_>,
        progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Provisioned, ProvisionError> {
        let files = self.games.get(&task.game).ok_or_else(|| ProvisionError {
            error: format!("there is no game `{}` any more", task.game),
            hints: vec!["restore its folder under `playbooks/`".to_owned()],
        })?;
        let server = server(task);
        let simulated = simulated(&context, task).await?;
        match &simulated {
            Some(simulated) if simulated.connect.is_none() => {
                self.announce(task, &context, files, &server, simulated, progress).await
            }
            _ => self.play(task, &context, files, &server, simulated.as_ref(), progress).await,
        }
    }
}

impl Playbooks {
    /// A simulated guest learns through its agent what it runs, and answers for it.
    async fn announce(
        &self,
        task: &ProvisionTask,
        context: &ProvisionContext<'_>,
        files: &GameFiles,
        server: &Server,
        simulated: &Simulated,
        progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Provisioned, ProvisionError> {
        let call = match task.is_removal {
            true => guest::withdraw(&task.node, task.vmid, &task.server),
            false => guest::announce(&task.node, task.vmid, &files.game, server),
        };
        progress("simulated guest: Ansible does not run".to_owned());
        by_agent(context, &call).await?;
        let is_up = !task.is_removal && task.is_running;
        if let Some(address) = simulated.status_address.filter(|_| is_up) {
            let address = SocketAddr::new(address, task.port);
            progress(format!("waiting for an answer at {address}"));
            let deadline = Instant::now() + Patience::default().answer;
            health::wait_until_answers(files.game.query, address, &health::Way::Direct, deadline).await.map_err(
                |not_up| ProvisionError {
                    error: not_up.to_string(),
                    hints: vec![format!("another program may hold {address}: stop it, or choose another `port`")],
                },
            )?;
        }
        Ok(Provisioned { warnings: Vec::new(), notes: vec!["simulated guest".to_owned()] })
    }

    /// Ansible over SSH, then the game's own answer.
    async fn play(
        &self,
        task: &ProvisionTask,
        context: &ProvisionContext<'_>,
        files: &GameFiles,
        server: &Server,
        simulated: Option<&Simulated>,
        progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Provisioned, ProvisionError> {
        let ansible = Ansible::find().map_err(|error| refusal(&error))?;
        let bound = simulated.and_then(|simulated| simulated.connect);
        let address = match bound {
            Some(bound) => bound.ip(),
            None => address(task, context, progress).await?,
        };
        let connection = self.connection(task, context, address, bound).await;
        let scope = match simulated.and_then(|simulated| simulated.root.clone()) {
            Some(root) => Scope::Files { root },
            None => Scope::Everything,
        };
        let request = Request {
            ansible: &ansible,
            game: &files.game,
            playbook: &files.playbook,
            server,
            secrets: &task.secrets,
            connection: &connection,
            answers_at: SocketAddr::new(address, task.port),
            mode: if task.is_removal { Mode::Remove } else { Mode::Apply },
            scope,
            patience: Patience { playbook: Duration::from_millis(task.deadline_ms), ..Patience::default() },
            stack: &self.stack,
        };
        let mut tell = |event: Event| {
            if let Some(line) = line(&event) {
                progress(line);
            }
        };
        let report = provision::run(&request, &mut tell).await.map_err(|error| refusal(&error))?;
        let mut notes = Vec::new();
        if bound.is_some() {
            notes.push("simulated guest, bound to a real host".to_owned());
        }
        notes.extend(report.status.map(|status| {
            format!("answers as {}, {} of {} players", status.version, status.players_online, status.players_max)
        }));
        Ok(Provisioned { warnings: Vec::new(), notes })
    }

    /// The connection as written, with the guest's own key where the agent can tell it.
    async fn connection(
        &self,
        task: &ProvisionTask,
        context: &ProvisionContext<'_>,
        address: IpAddr,
        bound: Option<SocketAddr>,
    ) -> Connection {
        let text = |name: &str| task.connection.get(name).and_then(Value::as_text).map(str::to_owned);
        let port = task.connection.get("port").and_then(Value::as_i64).and_then(|port| u16::try_from(port).ok());
        let key = match bound {
            Some(_) => None,
            None => context.client.read(&guest::read_host_key(&task.node, task.vmid)).await.ok(),
        };
        let host_key = key.and_then(|data| guest::host_key(&answer(data)).ok());
        Connection {
            user: text("user").unwrap_or_else(|| "root".to_owned()),
            host: address.to_string(),
            port: bound.map(|bound| bound.port()).or(port).unwrap_or(22),
            private_key: text("private_key").map(|path| self.path(&path)),
            jump: text("jump"),
            host_key: host_key.unwrap_or_else(|| HostKey::TrustOnFirstUse { known_hosts: self.known_hosts.clone() }),
        }
    }

    /// Paths begin at the stack's folder; `~/` is the user's home.
    fn path(&self, text: &str) -> PathBuf {
        match (text.strip_prefix("~/"), std::env::var_os("HOME")) {
            (Some(rest), Some(home)) => Path::new(&home).join(rest),
            _ => self.stack.join(text),
        }
    }
}

/// Returns what the simulator says about a guest; `None` for a guest of a real cluster.
async fn simulated(context: &ProvisionContext<'_>, task: &ProvisionTask) -> Result<Option<Simulated>, ProvisionError> {
    if !context.client.is_simulator() {
        return Ok(None);
    }
    let data = context
        .client
        .read(&Call::get(format!("/spawnpoint/guests/{}", task.vmid)))
        .await
        .map_err(|error| failed_call(&error))?;
    let text = |name: &str| data.get(name).and_then(serde_json::Value::as_str);
    Ok(Some(Simulated {
        connect: text("connect").and_then(|text| text.parse().ok()),
        root: text("root").map(PathBuf::from),
        status_address: text("status_address").and_then(|text| text.parse().ok()),
    }))
}

/// Sends a call through a guest's agent, which may still be coming up.
async fn by_agent(context: &ProvisionContext<'_>, call: &Call) -> Result<(), ProvisionError> {
    let deadline = Instant::now() + AGENT_MAX;
    let mut questions = 0;
    loop {
        let Err(error) = context.client.write(call).await else {
            return Ok(());
        };
        questions += 1;
        let is_starting = error.text.contains("is not running");
        if !is_starting || Instant::now() >= deadline || questions >= AGENT_QUESTIONS_MAX {
            return Err(failed_call(&error));
        }
        pause(context).await;
    }
}

async fn pause(context: &ProvisionContext<'_>) {
    if context.client.simulator_clock() != Some(Clock::Instant) {
        sleep(AGENT_PAUSE).await;
    }
}

/// Returns the guest's address: as planned, or the one its agent shows at the planned MAC address.
async fn address(
    task: &ProvisionTask,
    context: &ProvisionContext<'_>,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<IpAddr, ProvisionError> {
    if let Some(address) = task.address.as_deref().and_then(|text| text.parse().ok()) {
        return Ok(address);
    }
    progress("waiting for the guest agent to tell the address".to_owned());
    let call = Call::get(format!("/nodes/{}/qemu/{}/agent/network-get-interfaces", task.node, task.vmid));
    let deadline = Instant::now() + AGENT_MAX;
    let mut said = String::from("the agent shows no address yet");
    let mut questions = 0;
    while Instant::now() < deadline && questions < AGENT_QUESTIONS_MAX {
        match context.client.read(&call).await {
            Ok(data) => {
                if let Some(address) = address_at(&data, task.mac.as_deref().unwrap_or_default()) {
                    return Ok(address);
                }
                said = "the agent is up, and the network device has no address yet".to_owned();
            }
            Err(error) => said = error.text,
        }
        questions += 1;
        pause(context).await;
    }
    Err(ProvisionError {
        error: format!("no address of VM {} became known: {said}", task.vmid),
        hints: vec![
            "is the guest agent installed in the template, and is there a DHCP server on the bridge?".to_owned(),
            "a fixed or `auto` address needs neither".to_owned(),
        ],
    })
}

/// Finds an address that can be reached on the device with this MAC address.
fn address_at(data: &serde_json::Value, mac: &str) -> Option<IpAddr> {
    let interfaces = data.get("result").unwrap_or(data).as_array()?;
    let is_ours = |interface: &&serde_json::Value| {
        interface
            .get("hardware-address")
            .and_then(serde_json::Value::as_str)
            .is_some_and(|own| own.eq_ignore_ascii_case(mac))
    };
    let addresses = interfaces.iter().find(is_ours)?.get("ip-addresses")?.as_array()?;
    let parsed = addresses.iter().filter_map(|address| address.get("ip-address")?.as_str()?.parse::<IpAddr>().ok());
    parsed
        .filter(|address| match address {
            IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local(),
            IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local(),
        })
        .min_by_key(IpAddr::is_ipv6)
}

fn server(task: &ProvisionTask) -> Server {
    Server {
        name: task.server.as_str().into(),
        version: task.version.as_str().into(),
        ports: BTreeMap::from([(Arc::from("game"), task.port)]),
        settings: task.settings.clone(),
        power: if task.is_running { Power::Running } else { Power::Stopped },
        backup: None,
    }
}

fn answer(data: serde_json::Value) -> Answer {
    Answer {
        status: 200,
        reason: String::new(),
        data,
        errors: BTreeMap::new(),
        message: None,
        date: None,
        simulator: None,
    }
}

fn line(event: &Event) -> Option<String> {
    match event {
        Event::Connecting { guest } => Some(format!("connecting to {guest}")),
        Event::Started { task } => Some(task.clone()),
        Event::Done { keys, .. } if !keys.is_empty() => {
            let keys: Vec<&str> = keys.iter().map(|change| change.key.as_str()).collect();
            Some(format!("changed {}", keys.join(", ")))
        }
        Event::Done { .. } | Event::Skipped { .. } => None,
        Event::Failed { task, message } => Some(format!("{task} failed: {message}")),
        Event::Unreachable { message } => Some(message.clone()),
        Event::WaitingForAnswer { address } => Some(format!("waiting for an answer at {address}")),
    }
}

fn refusal(error: &provision::Error) -> ProvisionError {
    ProvisionError { hints: error.hints(), error: error.to_string() }
}

fn failed_call(error: &CallError) -> ProvisionError {
    ProvisionError { hints: error.hint.iter().map(ToString::to_string).collect(), error: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_address_is_that_of_our_device_and_can_be_reached() {
        let interface = |mac: &str, addresses: &[&str]| {
            let addresses: Vec<_> = addresses.iter().map(|address| json!({ "ip-address": address })).collect();
            json!({ "hardware-address": mac, "ip-addresses": addresses })
        };
        let told = json!({ "result": [
            interface("00:00:00:00:00:00", &["127.0.0.1", "::1"]),
            interface("02:42:ac:11:00:02", &["172.17.0.1"]),
            interface("bc:24:11:00:00:01", &["fe80::1", "169.254.3.4", "2001:db8::7", "10.90.0.7"]),
            json!({ "name": "down0" }),
        ] });
        let mac = "BC:24:11:00:00:01";
        assert_eq!(
            address_at(&told, mac),
            Some(IpAddr::from([10, 90, 0, 7])),
            "no loopback, no link-local, none of docker's"
        );
        assert_eq!(address_at(&json!({ "result": [interface(mac, &["fe80::1"])] }), mac), None);
        assert_eq!(address_at(&told, "BC:24:11:00:00:02"), None);
    }
}

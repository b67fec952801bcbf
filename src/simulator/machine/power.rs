//! Starting, stopping, restarting guests, and what a boot does.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Machine;
use super::auth::Caller;
use super::config::is_network_key;
use super::disks::{is_cdrom, is_disk_key, volume_in};
use super::property::{is_enabled, key_of};
use super::request::{Answer, Fault};
use super::routes::Context;
use super::state::{Config, Guest, GuestType, Power};
use super::task::{Event, Spawn, Step, Work, exclusive};

const LOCK_WAIT_MS: u64 = 10_000;
/// Durations of the reference server, in milliseconds.
const START_MS: u64 = 760;
const AGENT_UP_MS: u64 = 8700;
const STOP_MS: u64 = 200;
const OBEDIENT_SHUTDOWN_MS: u64 = 550;
const REBOOT_MS: u64 = 460;
const SUSPEND_MS: u64 = 1140;
const CONTAINER_START_MS: u64 = 1000;
const RESTART_DELAY_MS: u64 = 800;
/// How long the server waits for a guest agent that does not answer.
const AGENT_PING_MS: u64 = 3000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PowerWork {
    pub(super) vmid: u32,
    pub(super) node: String,
    #[serde(default)]
    pub(super) kind: GuestType,
    pub(super) action: Action,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Action {
    Start,
    Stop,
    Shutdown {
        timeout_ms: u64,
        is_forced: bool,
    },
    Reboot {
        timeout_ms: u64,
    },
    Reset,
    Pause,
    /// The memory goes to a volume and the process ends.
    SuspendToDisk,
    Resume,
}

impl Machine {
    pub(super) fn change_power(&mut self, context: &Context) -> Answer {
        let parameters = &context.parameters;
        let (vmid, kind) = (parameters.vmid(), context.guest_type());
        let node = context.node().to_owned();
        if parameters.is_set("skiplock") && !context.caller.is_root() {
            return Err(Fault::parameter("skiplock", "Only root may use this option."));
        }
        let timeout_ms = |default_s: u64| parameters.number::<u64>("timeout").unwrap_or(default_s) * 1000;
        let (task, action) = match context.template.rsplit('/').next().unwrap_or_default() {
            "start" => ("start", Action::Start),
            "stop" => ("stop", Action::Stop),
            "shutdown" => {
                let is_forced = parameters.is_set("forceStop");
                ("shutdown", Action::Shutdown { timeout_ms: timeout_ms(self.down_timeout_s(vmid)), is_forced })
            }
            "reboot" => ("reboot", Action::Reboot { timeout_ms: timeout_ms(60) }),
            "suspend" if parameters.is_set("todisk") => ("suspend", Action::SuspendToDisk),
            "suspend" => ("pause", Action::Pause),
            "resume" => ("resume", Action::Resume),
            _ => ("reset", Action::Reset),
        };
        if let Some(answer) = self.delegate_to_manager(&context.caller, &node, vmid, task) {
            return Ok(answer.into());
        }
        self.check_power(kind, &node, vmid, &action)?;
        let overruled = if parameters.is_set("overrule-shutdown") { self.overrule_shutdowns(vmid) } else { Vec::new() };
        let work = Work::Power(PowerWork { vmid, node: node.clone(), kind, action });
        let task = kind.task(task);
        let spawn = Spawn {
            node: &node,
            kind: &task,
            id: vmid.to_string(),
            locks: exclusive(vmid),
            wait_ms: LOCK_WAIT_MS,
            work,
        };
        let upid = self.spawn(&context.caller, spawn);
        if !overruled.is_empty() {
            let line = format!("overruled {} tasks: {}", kind.task("shutdown"), overruled.join(", "));
            self.task_log(self.upids[&upid], line);
        }
        Ok(json!(upid).into())
    }

    /// What the call itself refuses; everything else is the worker's business.
    fn check_power(&self, kind: GuestType, node: &str, vmid: u32, action: &Action) -> Result<(), Fault> {
        let guest = self.guest_of_type(kind, node, vmid);
        let is_running = guest.as_ref().is_ok_and(|guest| guest.is_running());
        if kind == GuestType::Lxc {
            return match action {
                Action::Start if is_running => Err(Fault::text(format!("CT {vmid} already running"))),
                Action::Start => Ok(()),
                _ if is_running => Ok(()),
                _ => Err(Fault::text(format!("CT {vmid} not running"))),
            };
        }
        let is_suspended = guest.as_ref().is_ok_and(|guest| guest.lock() == Some("suspended"));
        match action {
            Action::Start | Action::Stop | Action::Shutdown { .. } => Ok(()),
            Action::Reboot { .. } | Action::Reset => match guest? {
                guest if guest.is_running() => Ok(()),
                _ => Err(Fault::text(format!("VM {vmid} not running"))),
            },
            Action::Resume if is_suspended => Ok(()),
            Action::Pause | Action::SuspendToDisk | Action::Resume if is_running => Ok(()),
            Action::Pause | Action::SuspendToDisk | Action::Resume => {
                Err(Fault::text(format!("VM {vmid} not running")))
            }
        }
    }

    fn down_timeout_s(&self, vmid: u32) -> u64 {
        let startup = self.guests.get(&vmid).and_then(|guest| guest.config.get("startup").cloned()).unwrap_or_default();
        key_of(&startup, "down").and_then(|text| text.parse().ok()).unwrap_or(60)
    }

    fn overrule_shutdowns(&mut self, vmid: u32) -> Vec<String> {
        let is_shutdown = |task: &&super::task::Task| {
            matches!(task.kind.as_str(), "qmshutdown" | "vzshutdown") && task.id == vmid.to_string()
        };
        let upids: Vec<String> = self.active_tasks().filter(is_shutdown).map(|task| task.upid.clone()).collect();
        for upid in &upids {
            self.kill_task(self.upids[upid]);
        }
        upids
    }

    pub(super) fn run_power(&mut self, seq: u64, stage: u32, work: &PowerWork) -> Step {
        let guest = match self.guest_of_type(work.kind, &work.node, work.vmid) {
            Ok(guest) => guest.clone(),
            Err(fault) => return Step::failed(fault.message),
        };
        let vmid = work.vmid;
        match &work.action {
            Action::Start if stage == 0 => match self.prepare_start(seq, vmid, &guest) {
                Ok(()) => Step::After(if guest.kind == GuestType::Lxc { CONTAINER_START_MS } else { START_MS }),
                Err(text) => Step::failed(text),
            },
            Action::Start => {
                self.boot(vmid);
                Step::DONE
            }
            Action::Stop if stage == 0 && guest.is_running() => Step::After(STOP_MS),
            Action::Stop => {
                self.power_off(vmid);
                Step::DONE
            }
            Action::Shutdown { timeout_ms, is_forced } => self.run_shutdown(seq, stage, vmid, *timeout_ms, *is_forced),
            Action::Reboot { .. } if guest.kind == GuestType::Lxc => self.run_container_reboot(stage, vmid),
            Action::Reboot { timeout_ms } => self.run_reboot(stage, vmid, *timeout_ms),
            Action::SuspendToDisk => self.run_suspend(seq, stage, vmid, &guest),
            Action::Resume if guest.lock() == Some("suspended") => match stage {
                0 => Step::After(START_MS),
                _ => {
                    self.wake(vmid);
                    Step::DONE
                }
            },
            Action::Reset | Action::Pause | Action::Resume => match guest.locked() {
                Some(text) => Step::failed(text),
                None => {
                    self.change_running(vmid, &work.action);
                    Step::DONE
                }
            },
        }
    }

    fn change_running(&mut self, vmid: u32, action: &Action) {
        if *action == Action::Reset {
            return self.boot(vmid);
        }
        self.with_guest(vmid, |guest| {
            if let Power::Running { is_paused, .. } = &mut guest.power {
                *is_paused = *action == Action::Pause;
            }
        });
    }

    /// Saves the memory to a volume; the guest stays locked until it is started again.
    fn run_suspend(&mut self, seq: u64, stage: u32, vmid: u32, guest: &Guest) -> Step {
        if stage > 0 {
            self.with_guest(vmid, |guest| {
                guest.config.insert("lock".to_owned(), "suspended".to_owned());
                guest.power = Power::Stopped;
            });
            return Step::DONE;
        }
        if let Some(text) = guest.locked() {
            return Step::failed(text);
        }
        let name = format!("suspend-{}", date(self.clock.now_ms / 1000));
        match self.allocate_state(seq, vmid, &name, guest) {
            Ok(volid) => {
                self.with_guest(vmid, |guest| {
                    guest.config.insert("lock".to_owned(), "suspending".to_owned());
                    guest.config.insert("vmstate".to_owned(), volid);
                    guest.config.insert("runningmachine".to_owned(), "pc-i440fx-10.2+pve0".to_owned());
                });
                Step::After(SUSPEND_MS)
            }
            Err(text) => Step::failed(text),
        }
    }

    /// Goes on where a suspended guest stopped: nothing boots, so cloud-init sees nothing.
    fn wake(&mut self, vmid: u32) {
        let Some(guest) = self.guests.get(&vmid).cloned() else {
            return;
        };
        if let Some(volid) = guest.config.get("vmstate") {
            self.free_volume(&guest.node, volid);
        }
        let now_ms = self.clock.now_ms;
        let agent_at_ms = self.has_agent(&guest).then_some(now_ms);
        let pid = self.guest_pid();
        self.with_guest(vmid, |guest| {
            for key in ["lock", "vmstate", "runningmachine"] {
                guest.config.remove(key);
            }
            guest.power = Power::Running { since_ms: now_ms, pid, agent_at_ms, is_paused: false };
        });
    }

    fn prepare_start(&mut self, seq: u64, vmid: u32, guest: &Guest) -> Result<(), String> {
        if guest.is_template() {
            return Err(match guest.kind {
                GuestType::Qemu => "you can't start a vm if it's a template",
                GuestType::Lxc => "you can't start a CT if it's a template",
            }
            .to_owned());
        }
        if let Some(text) = guest.locked().filter(|_| guest.lock() != Some("suspended")) {
            return Err(text);
        }
        if guest.is_running() {
            return Err(format!("{} {vmid} already running", guest.kind.noun()));
        }
        if guest.kind == GuestType::Lxc {
            return self.prepare_container_start(vmid);
        }
        if guest.lock() == Some("suspended") {
            return self.check_memory(&guest.node, memory_bytes(&guest.config));
        }
        let config = guest.merged();
        if config.iter().any(|(key, value)| is_disk_key(key) && super::disks::is_cloudinit(value)) {
            self.task_log(seq, "generating cloud-init ISO");
        }
        for (key, value) in &config {
            if is_network_key(key) {
                self.check_bridge_exists(&guest.node, value)?;
            }
            let is_device = key.starts_with("usb") || key.starts_with("hostpci");
            let is_missing = |name: &String| !self.has_mapping(name);
            if let Some(name) = key_of(value, "mapping").filter(|name| is_device && is_missing(name)) {
                // The server says PCI whatever the device is.
                let text = format!("PCI device mapping not found for '{name}'");
                self.task_log(seq, text.clone());
                return Err(text);
            }
            let volid = value.split(',').next().unwrap_or_default();
            if is_disk_key(key) && volid != "none" && self.volume(&guest.node, volid).is_none() {
                return Err(format!("volume '{volid}' does not exist"));
            }
        }
        self.check_memory(&guest.node, memory_bytes(&config))?;
        self.apply_pending(vmid);
        Ok(())
    }

    /// A container's start applies what was pending; its memory is a limit that nothing reserves.
    fn prepare_container_start(&mut self, vmid: u32) -> Result<(), String> {
        self.apply_pending_container(vmid);
        let Some(guest) = self.guests.get(&vmid) else {
            return Ok(());
        };
        for (key, value) in &guest.config {
            if is_network_key(key) && self.check_bridge_exists(&guest.node, value).is_err() {
                return Err(format!("startup for container '{vmid}' failed"));
            }
            let volid = volume_in(value).filter(|_| is_disk_key(key));
            if let Some(volid) = volid.filter(|volid| self.volume(&guest.node, volid).is_none()) {
                return Err(format!("volume '{volid}' does not exist"));
            }
        }
        Ok(())
    }

    fn run_container_reboot(&mut self, stage: u32, vmid: u32) -> Step {
        if stage == 0 {
            return Step::After(CONTAINER_START_MS + OBEDIENT_SHUTDOWN_MS);
        }
        self.apply_pending_container(vmid);
        self.boot(vmid);
        Step::DONE
    }

    fn check_bridge_exists(&self, node: &str, value: &str) -> Result<(), String> {
        let Some(bridge) = key_of(value, "bridge") else {
            return Ok(());
        };
        if self.has_bridge(node, &bridge) { Ok(()) } else { Err(format!("bridge '{bridge}' does not exist")) }
    }

    fn check_memory(&self, node: &str, wanted_bytes: u64) -> Result<(), String> {
        let used_bytes = self.running_memory_bytes(node);
        let total_bytes = self.nodes.get(node).map_or(0, |node| node.memory_bytes);
        if used_bytes + wanted_bytes <= total_bytes {
            return Ok(());
        }
        Err("start failed: QEMU exited with code 1".to_owned())
    }

    pub(super) fn running_memory_bytes(&self, node: &str) -> u64 {
        let running = self.guests.values().filter(|guest| guest.node == node && guest.is_running());
        running.map(|guest| memory_bytes(&guest.config)).sum()
    }

    /// The guest boots: cloud-init looks at its data, the agent comes up a while later if there is one.
    pub(super) fn boot(&mut self, vmid: u32) {
        let now_ms = self.clock.now_ms;
        let pid = self.guest_pid();
        let Some(guest) = self.guests.get(&vmid).cloned() else {
            return;
        };
        if guest.lock() == Some("suspended") {
            return self.wake(vmid);
        }
        let agent_at_ms = self.has_agent(&guest).then_some(now_ms + AGENT_UP_MS);
        let instance_id = self.instance_id(&guest);
        self.take_leases(&guest);
        self.with_guest(vmid, |guest| {
            guest.power = Power::Running { since_ms: now_ms, pid, agent_at_ms, is_paused: false };
            guest.processes.clear();
            if instance_id.is_some() && guest.instance_id != instance_id {
                guest.instance_id = instance_id;
                guest.personalised += 1;
            }
        });
        if let Some(due_ms) = agent_at_ms {
            self.agenda.insert((due_ms, Event::InGuest(vmid)));
        }
    }

    fn guest_pid(&mut self) -> u32 {
        100_000 + u32::try_from(self.random() % 50_000).unwrap_or(0)
    }

    /// Returns whether an operating system starts that obeys ACPI.
    pub(super) fn has_system(&self, guest: &Guest) -> bool {
        if guest.config.get("args").is_some_and(|args| args.contains("-kernel ")) {
            return true;
        }
        let disks = guest.config.iter().filter(|(key, value)| is_disk_key(key) && !is_cdrom(value));
        let mut volumes =
            disks.filter_map(|(_, value)| self.volume(&guest.node, value.split(',').next().unwrap_or_default()));
        volumes.any(|volume| volume.image.is_some())
    }

    fn has_agent(&self, guest: &Guest) -> bool {
        guest.kind == GuestType::Qemu
            && is_enabled(guest.config.get("agent").map(String::as_str))
            && self.has_system(guest)
    }

    /// The process ends; what waited for that is applied.
    pub(super) fn power_off(&mut self, vmid: u32) {
        self.with_guest(vmid, |guest| guest.power = Power::Stopped);
        if self.ha_sid(vmid).is_some() {
            self.plan_manager();
        }
        if self.guests.get(&vmid).is_some_and(|guest| guest.kind == GuestType::Qemu) {
            self.apply_pending(vmid);
        }
    }

    fn run_shutdown(&mut self, seq: u64, stage: u32, vmid: u32, timeout_ms: u64, is_forced: bool) -> Step {
        let Some(guest) = self.guests.get(&vmid).filter(|guest| guest.is_running()).cloned() else {
            return Step::DONE;
        };
        if let Power::Running { is_paused: true, .. } = guest.power {
            return Step::failed("VM is paused - cannot shutdown");
        }
        let obeys = self.has_system(&guest);
        if stage == 0 {
            let wants_agent =
                guest.kind == GuestType::Qemu && is_enabled(guest.config.get("agent").map(String::as_str));
            let answers =
                matches!(guest.power, Power::Running { agent_at_ms: Some(up), .. } if up <= self.clock.now_ms);
            if wants_agent && !answers {
                let line = format!(
                    "QEMU Guest Agent is not running - VM {vmid} qga command 'guest-ping' failed - got timeout"
                );
                self.task_log(seq, line);
            }
            let ping_ms = if wants_agent && !answers { AGENT_PING_MS } else { 0 };
            return Step::After(ping_ms + if obeys { OBEDIENT_SHUTDOWN_MS.min(timeout_ms) } else { timeout_ms });
        }
        if !obeys && !is_forced {
            return Step::failed("VM quit/powerdown failed - got timeout");
        }
        if !obeys {
            self.task_log(seq, "VM still running - terminating now with SIGTERM");
        }
        self.power_off(vmid);
        Step::DONE
    }

    fn run_reboot(&mut self, stage: u32, vmid: u32, timeout_ms: u64) -> Step {
        let Some(guest) = self.guests.get(&vmid).cloned() else {
            return Step::DONE;
        };
        if !self.has_system(&guest) {
            return match stage {
                0 => Step::After(timeout_ms),
                _ => Step::failed("VM quit/powerdown failed - got timeout"),
            };
        }
        if stage == 0 {
            return Step::After(REBOOT_MS);
        }
        let due_ms = self.clock.now_ms + RESTART_DELAY_MS;
        self.with_guest(vmid, |guest| {
            guest.power = Power::Stopped;
            guest.restart_at_ms = Some(due_ms);
        });
        self.agenda.insert((due_ms, Event::Restart(vmid)));
        Step::DONE
    }

    /// The daemon that restarts a guest after a reboot works as root, not as the caller.
    pub(super) fn restart_guest(&mut self, vmid: u32) {
        let Some(node) = self.with_guest(vmid, |guest| {
            guest.restart_at_ms = None;
            guest.node.clone()
        }) else {
            return;
        };
        self.spawn_start(&Caller::root(), vmid, &node, GuestType::Qemu);
    }
}

/// Returns a day as the names of saved memory have it: `2026-11-20`.
fn date(unix_s: u64) -> String {
    let moment = i64::try_from(unix_s).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    moment.map(|moment| moment.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
}

/// Returns a guest's memory; 512 MiB when nothing is said.
pub(super) fn memory_bytes(config: &Config) -> u64 {
    let text = config.get("memory").cloned().unwrap_or_default();
    let text = key_of(&text, "current").unwrap_or_else(|| text.split(',').next().unwrap_or_default().to_owned());
    text.parse::<u64>().unwrap_or(512) << 20
}

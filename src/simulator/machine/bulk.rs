//! Power calls for many guests at once: one task that starts a worker for each guest and ends when they all did.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Machine;
use super::power::{Action, PowerWork};
use super::request::Answer;
use super::routes::{Context, Entry};
use super::schema::split_list;
use super::task::{Phase, Spawn, Step, Work, exclusive};

const LOCK_WAIT_MS: u64 = 10_000;
/// How often the task looks after its workers.
const LOOK_MS: u64 = 500;

pub(super) const ROUTES: &[Entry] = &[
    ("POST", "/cluster/bulk-action/guest/start", bulk),
    ("POST", "/cluster/bulk-action/guest/shutdown", bulk),
    ("POST", "/cluster/bulk-action/guest/suspend", bulk),
    ("POST", "/nodes/{node}/startall", bulk),
    ("POST", "/nodes/{node}/stopall", bulk),
    ("POST", "/nodes/{node}/suspendall", bulk),
];

/// What is done to which guests.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct BulkWork {
    caller: (String, Option<String>),
    action: BulkAction,
    guests: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum BulkAction {
    Start,
    Shutdown { timeout_s: u64, is_forced: bool },
    Suspend,
}

fn bulk(machine: &mut Machine, context: &Context) -> Answer {
    let parameters = &context.parameters;
    let is_of_node = context.template.starts_with("/nodes");
    let listed: Vec<u32> = parameters.list("vms").iter().filter_map(|text| text.parse().ok()).collect();
    let wanted: Vec<u32> = match parameters.get("vms") {
        Some(list) => split_list(list).into_iter().filter_map(|text| text.parse().ok()).collect(),
        None => listed,
    };
    let word = context.template.rsplit('/').next().unwrap_or_default();
    let action = match word {
        "start" | "startall" => BulkAction::Start,
        "suspend" | "suspendall" => BulkAction::Suspend,
        _ => BulkAction::Shutdown {
            timeout_s: parameters.number("timeout").unwrap_or(180),
            is_forced: parameters.get("force-stop") != Some("0"),
        },
    };
    let is_meant = |vmid: u32, guest: &super::state::Guest| {
        let is_here = !is_of_node || guest.node == context.node();
        let starts_itself = guest.config.get("onboot").is_some_and(|value| value == "1") || parameters.is_set("force");
        let is_listed = match (wanted.is_empty(), action) {
            (true, BulkAction::Start) => starts_itself,
            (true, _) => true,
            (false, _) => wanted.contains(&vmid),
        };
        is_here
            && is_listed
            && !guest.is_template()
            && machine.has(&context.caller, &format!("/vms/{vmid}"), "VM.PowerMgmt")
    };
    let guests = machine.guests.iter().filter(|(vmid, guest)| is_meant(**vmid, guest)).map(|(vmid, _)| *vmid).collect();
    let node = match is_of_node {
        true => context.node().to_owned(),
        false => machine.nodes.keys().next().cloned().unwrap_or_default(),
    };
    let kind = if is_of_node { word.to_owned() } else { format!("bulk{word}") };
    let caller = (context.caller.user.clone(), context.caller.token.clone());
    let work = Work::Bulk(BulkWork { caller, action, guests });
    let spawn = Spawn { node: &node, kind: &kind, id: String::new(), locks: Vec::new(), wait_ms: 0, work };
    Ok(json!(machine.spawn(&context.caller, spawn)).into())
}

impl Machine {
    pub(super) fn run_bulk(&mut self, seq: u64, stage: u32, work: &BulkWork) -> Step {
        if stage == 0 {
            for vmid in &work.guests {
                self.begin_one(seq, *vmid, work);
            }
        }
        let Some((own_s, own_upid)) = self.tasks.get(&seq).map(|task| (task.start_s, task.upid.clone())) else {
            return Step::DONE;
        };
        let is_its = |task: &&super::task::Task| {
            task.start_s >= own_s && task.upid != own_upid && work.guests.iter().any(|vmid| task.id == vmid.to_string())
        };
        if self.active_tasks().any(|task| is_its(&task)) {
            return Step::After(LOOK_MS);
        }
        let failed = self.tasks.values().filter(is_its).filter(|task| {
            matches!(&task.phase, Phase::Ended { status, .. } if status != "OK" && !status.starts_with("WARNINGS"))
        });
        let warnings = u32::try_from(failed.count()).unwrap_or(u32::MAX);
        Step::End(Ok(if work.action == BulkAction::Start { warnings } else { 0 }))
    }

    fn begin_one(&mut self, seq: u64, vmid: u32, work: &BulkWork) {
        let Some(guest) = self.guests.get(&vmid).cloned() else {
            return;
        };
        let noun = guest.kind.noun();
        let (word, action) = match work.action {
            BulkAction::Start => {
                self.task_log(seq, format!("Starting {noun} {vmid}"));
                ("start", Action::Start)
            }
            BulkAction::Suspend if guest.is_running() => {
                self.task_log(seq, format!("Suspending {noun} {vmid}"));
                ("suspend", Action::SuspendToDisk)
            }
            BulkAction::Shutdown { timeout_s, is_forced } if guest.is_running() => {
                self.task_log(seq, format!("Stopping {noun} {vmid} (timeout = {timeout_s} seconds)"));
                ("shutdown", Action::Shutdown { timeout_ms: timeout_s * 1000, is_forced })
            }
            BulkAction::Suspend | BulkAction::Shutdown { .. } => return,
        };
        let caller = super::auth::Caller { user: work.caller.0.clone(), token: work.caller.1.clone() };
        let power = Work::Power(PowerWork { vmid, node: guest.node.clone(), kind: guest.kind, action });
        let kind = guest.kind.task(word);
        let spawn = Spawn {
            node: &guest.node,
            kind: &kind,
            id: vmid.to_string(),
            locks: exclusive(vmid),
            wait_ms: LOCK_WAIT_MS,
            work: power,
        };
        self.spawn(&caller, spawn);
    }
}

//! The API over tasks: lists, status, log, stop.

use serde_json::{Value, json};

use super::Machine;
use super::auth::Caller;
use super::request::{Answer, Fault, Success};
use super::routes::Context;
use super::task::{Phase, Task, Work};
use crate::proxmox::task::Upid;

/// How many finished tasks one node's index and the cluster's broadcast list hold.
const CLUSTER_LIST: usize = 25;

impl Machine {
    pub(super) fn node_tasks(&mut self, context: &Context) -> Answer {
        let parameters = &context.parameters;
        let source = parameters.get("source").unwrap_or("archive");
        let sees_all = self.has(&context.caller, &format!("/nodes/{}", context.node()), "Sys.Audit");
        let is_wanted = |task: &&Task| {
            let phase_fits = match source {
                "active" => task.is_active(),
                "all" => true,
                _ => !task.is_active(),
            };
            phase_fits
                && task.node == context.node()
                && (sees_all || is_own(task, &context.caller))
                && parameters.get("vmid").is_none_or(|vmid| task.id == vmid)
                && parameters.get("typefilter").is_none_or(|kind| task.kind == kind)
                && parameters.number::<u64>("since").is_none_or(|since| task.start_s >= since)
                && parameters.number::<u64>("until").is_none_or(|until| task.start_s <= until)
                && parameters.get("userfilter").is_none_or(|user| task.user.contains(user))
                && (!parameters.is_set("errors") || is_failed(task))
        };
        let tasks: Vec<&Task> = match source {
            "active" => self.active_tasks().rev().filter(is_wanted).collect(),
            _ => {
                let listed = self.tasks.iter().rev().filter(|(seq, task)| self.is_listed(**seq, task));
                listed.map(|(_, task)| task).filter(is_wanted).collect()
            }
        };
        let start = parameters.number("start").unwrap_or(0);
        let limit = parameters.number("limit").unwrap_or(50);
        let rows = tasks.iter().skip(start).take(limit).map(|task| list_row(task)).collect();
        Ok(Success::with_total(rows, tasks.len()))
    }

    pub(super) fn cluster_tasks(&mut self, context: &Context) -> Answer {
        let sees_all = self.has(&context.caller, "/", "Sys.Audit");
        let visible = self.tasks.values().rev().filter(|task| sees_all || is_own(task, &context.caller));
        let rows = visible.take(CLUSTER_LIST).map(|task| {
            let mut row = split_user(task);
            for (key, value) in [("upid", json!(task.upid)), ("node", json!(task.node)), ("type", json!(task.kind))] {
                row[key] = value;
            }
            row["id"] = json!(task.id);
            row["starttime"] = json!(task.start_s);
            row["saved"] = json!(if task.is_active() { "0" } else { "1" });
            if let Phase::Ended { at_ms, status } = &task.phase {
                row["endtime"] = json!(at_ms / 1000);
                row["status"] = json!(status);
            }
            row
        });
        Ok(Value::Array(rows.collect()).into())
    }

    pub(super) fn task_status(&mut self, context: &Context) -> Answer {
        let task = self.visible_task(context)?;
        let mut data = split_user(task);
        data["upid"] = json!(task.upid);
        data["node"] = json!(task.node);
        data["pid"] = json!(task.pid);
        data["pstart"] = json!(task.pstart);
        data["starttime"] = json!(task.start_s);
        data["type"] = json!(task.kind);
        data["id"] = json!(task.id);
        data["status"] = json!(if task.is_active() { "running" } else { "stopped" });
        if let Phase::Ended { status, .. } = &task.phase {
            data["exitstatus"] = json!(status);
        }
        Ok(data.into())
    }

    pub(super) fn task_log_lines(&mut self, context: &Context) -> Answer {
        let task = self.visible_task(context)?;
        let start: usize = context.parameters.number("start").unwrap_or(0);
        let limit: usize = match context.parameters.number("limit").unwrap_or(50) {
            0 => usize::MAX,
            limit => limit,
        };
        if task.log.is_empty() {
            return Ok(Success::with_total(vec![json!({ "n": 1, "t": "no content" })], 1));
        }
        let lines = task.log.iter().enumerate().skip(start).take(limit);
        let rows = lines.map(|(position, line)| json!({ "n": position + 1, "t": line })).collect();
        Ok(Success::with_total(rows, task.log.len()))
    }

    pub(super) fn stop_task(&mut self, context: &Context) -> Answer {
        let (seq, is_own_task) = {
            let task = self.find_task(context)?;
            (self.upids[&task.upid], is_own(task, &context.caller))
        };
        let path = format!("/nodes/{}", context.node());
        if !is_own_task {
            self.require(&context.caller, &path, "Sys.Modify")?;
        }
        let Some(task) = self.tasks.get(&seq).filter(|task| task.is_active()) else {
            return Ok(().into());
        };
        // A clone cleans up after itself when it is told to stop; other workers just die.
        match task.work.clone() {
            Work::Clone(work) => self.cancel_clone(seq, &work),
            _ => {
                // A shutdown is interrupted while it waits for the guest's agent.
                let asks_agent = task.log.is_empty() && task.kind.ends_with("shutdown");
                let text = if asks_agent {
                    "QEMU Guest Agent is not running - received interrupt"
                } else {
                    "received interrupt"
                };
                self.task_log(seq, text);
                self.kill_task(seq);
            }
        }
        Ok(().into())
    }

    fn visible_task(&self, context: &Context) -> Result<&Task, Fault> {
        let task = self.find_task(context)?;
        if !is_own(task, &context.caller) {
            self.require(&context.caller, &format!("/nodes/{}", context.node()), "Sys.Audit")?;
        }
        Ok(task)
    }

    fn find_task(&self, context: &Context) -> Result<&Task, Fault> {
        let text = context.parameters.required("upid");
        let upid: Upid = text.parse().map_err(|_| Fault::parameter("upid", "unable to parse worker upid"))?;
        let seq = self.upids.get(text).filter(|_| upid.node == context.node());
        seq.and_then(|seq| self.tasks.get(seq)).ok_or_else(|| Fault::parameter("upid", "no such task"))
    }
}

fn is_own(task: &Task, caller: &Caller) -> bool {
    let user = task.user.split('!').next().unwrap_or_default();
    if caller.token.is_some() { task.user == caller.full_id() } else { user == caller.user }
}

fn is_failed(task: &Task) -> bool {
    matches!(&task.phase, Phase::Ended { status, .. } if status != "OK" && !status.starts_with("WARNINGS"))
}

fn split_user(task: &Task) -> Value {
    match task.user.split_once('!') {
        Some((user, token)) => json!({ "user": user, "tokenid": token }),
        None => json!({ "user": task.user }),
    }
}

/// A running task shows its user unsplit and the status `RUNNING`.
fn list_row(task: &Task) -> Value {
    let mut row = if task.is_active() { json!({ "user": task.user, "saved": "0" }) } else { split_user(task) };
    row["upid"] = json!(task.upid);
    row["node"] = json!(task.node);
    row["pid"] = json!(task.pid);
    row["pstart"] = json!(task.pstart);
    row["starttime"] = json!(task.start_s);
    row["type"] = json!(task.kind);
    row["id"] = json!(task.id);
    match &task.phase {
        Phase::Ended { at_ms, status } => {
            row["endtime"] = json!(at_ms / 1000);
            row["status"] = json!(status);
        }
        Phase::Waiting { .. } | Phase::Running { .. } => row["status"] = json!("RUNNING"),
    }
    row
}

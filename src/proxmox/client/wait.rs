//! Tasks: their status, their log, and waiting for their end.
//!
//! All waits for tasks of one node share one list of running tasks per tick; only a task that left the list is asked for itself.
//! Architecture invariant: giving up waiting never cancels the task.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::super::call::segment;
use super::super::error::{CallError, ErrorClass};
use super::super::task::Exit;
use super::super::{Call, Clock, Upid, decode};
use super::Client;

/// How a task stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskStatus {
    /// It still runs.
    Running,
    /// It has ended like this.
    Stopped(Exit),
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Its exit status.
    pub exit: Exit,
    /// The warnings of its log, if it ended with warnings.
    pub warnings: Vec<String>,
}

/// A sign of life while waiting, once per poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Time spent waiting, in the time of the cluster.
    pub elapsed: Duration,
}

/// The running tasks of one node as last listed. Waits that poll together use one listing.
#[derive(Default)]
pub(super) struct RunningTasks {
    listing: Mutex<Listing>,
}

#[derive(Default)]
struct Listing {
    round: u64,
    fetched: Option<Instant>,
    upids: BTreeSet<String>,
}

/// A listing older than this is not shared: its next tick would be answered with the past.
const FRESH: Duration = Duration::from_millis(400);

impl Client {
    /// Returns how a task stands.
    ///
    /// # Errors
    /// As [`Client::read`]; a task the node does not know is [`ErrorClass::Gone`].
    pub async fn task_status(&self, upid: &Upid) -> Result<TaskStatus, CallError> {
        let status = self.read(&task_call(upid, "status")).await?;
        let member = |name: &str| status.get(name).and_then(decode::text);
        if member("status").as_deref() == Some("running") {
            return Ok(TaskStatus::Running);
        }
        let exit = member("exitstatus").map_or_else(
            || Exit::Unknown("the task stopped without an exit status".to_owned()),
            |exitstatus| Exit::from_status(&exitstatus),
        );
        Ok(TaskStatus::Stopped(exit))
    }

    /// Returns the lines of a task's log.
    ///
    /// # Errors
    /// As [`Client::read`].
    pub async fn task_log(&self, upid: &Upid) -> Result<Vec<String>, CallError> {
        // Here a limit of nothing means everything; without a limit there are 50 lines.
        let rows = self.read(&task_call(upid, "log").with("limit", "0")).await?;
        let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
        let lines: Vec<String> = rows.iter().filter_map(|row| row.get("t").and_then(decode::text)).collect();
        let is_empty = lines == ["no content"];
        Ok(if is_empty { Vec::new() } else { lines })
    }

    /// Waits until a task ends, at most `within`. A poll that fails for a passing reason is only a poll less.
    ///
    /// # Errors
    /// [`ErrorClass::UnknownOutcome`] when time is up: the task runs on and can be waited for again. Otherwise what makes polling pointless,
    /// such as a task that the node does not know.
    pub async fn wait(
        &self,
        upid: &Upid,
        within: Duration,
        on_progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Finished, CallError> {
        let running = self.running_tasks(&upid.node);
        let started = Instant::now();
        let server_start = self.server_time();
        let mut seen_round = 0;
        let mut failure: Option<CallError> = None;
        for poll in 0.. {
            match &failure {
                // An instant clock only advances where there is an answer.
                Some(_) => tokio::time::sleep(interval(poll)).await,
                None => self.pause(interval(poll)).await,
            }
            failure = match self.poll(&running, upid, &mut seen_round).await {
                Ok(TaskStatus::Stopped(exit)) => return Ok(self.finished(upid, exit).await),
                Ok(TaskStatus::Running) => None,
                Err(error) if is_lasting(error.class) => return Err(error),
                Err(error) => Some(error),
            };
            let elapsed = started.elapsed().max(self.virtual_time_since(server_start));
            on_progress(Progress { elapsed });
            if elapsed >= within {
                break;
            }
        }
        Err(out_of_time(upid, within, failure.as_ref()))
    }

    async fn poll(&self, running: &RunningTasks, upid: &Upid, seen_round: &mut u64) -> Result<TaskStatus, CallError> {
        let mut listing = running.listing.lock().await;
        let is_fresh = listing.fetched.is_some_and(|fetched| fetched.elapsed() < FRESH);
        if listing.round <= *seen_round || !is_fresh {
            let call = Call::get(format!("/nodes/{}/tasks", segment(&upid.node)))
                .with("source", "active")
                .with("limit", "1000");
            let rows = self.read(&call).await?;
            listing.upids = rows.as_array().into_iter().flatten().filter_map(running_upid).collect();
            listing.fetched = Some(Instant::now());
            listing.round += 1;
        }
        *seen_round = listing.round;
        let is_listed = listing.upids.contains(&upid.to_string());
        drop(listing);
        if is_listed { Ok(TaskStatus::Running) } else { self.task_status(upid).await }
    }

    async fn finished(&self, upid: &Upid, exit: Exit) -> Finished {
        let warnings = match exit {
            Exit::DoneWithWarnings(_) => match self.task_log(upid).await {
                Ok(lines) => lines.into_iter().filter(|line| line.trim_start().starts_with("WARN")).collect(),
                Err(error) => vec![format!("the log could not be read: {error}")],
            },
            Exit::Done | Exit::Unknown(_) | Exit::Failed(_) => Vec::new(),
        };
        Finished { exit, warnings }
    }

    fn running_tasks(&self, node: &str) -> Arc<RunningTasks> {
        let mut running = self.running.lock().expect("nothing panics while holding the map");
        Arc::clone(running.entry(node.to_owned()).or_default())
    }

    /// On an instant clock the deadline is meant in the simulator's time; everywhere else this is nothing.
    fn virtual_time_since(&self, start: Option<i64>) -> Duration {
        match (self.simulator_clock(), start, self.server_time()) {
            (Some(Clock::Instant), Some(start), Some(now)) => {
                Duration::from_secs(u64::try_from(now - start).unwrap_or(0))
            }
            _ => Duration::ZERO,
        }
    }
}

fn task_call(upid: &Upid, what: &str) -> Call {
    Call::get(format!("/nodes/{}/tasks/{}/{what}", segment(&upid.node), segment(&upid.to_string())))
}

/// Returns the row's UPID if its task runs: the list keeps tasks for a while after their end.
fn running_upid(row: &Value) -> Option<String> {
    let has_ended = row.get("endtime").is_some_and(|endtime| !endtime.is_null());
    row.get("upid").and_then(decode::text).filter(|_| !has_ended)
}

/// Most tasks take well under a second, few take minutes; nobody notices 5 s in a long one.
fn interval(poll: u32) -> Duration {
    Duration::from_millis(match poll {
        0 => 500,
        1..=5 => 1000,
        6..=30 => 2000,
        _ => 5000,
    })
}

/// Returns whether asking again cannot help.
fn is_lasting(class: ErrorClass) -> bool {
    match class {
        ErrorClass::Gone
        | ErrorClass::Forbidden
        | ErrorClass::BadParameter
        | ErrorClass::Unauthenticated
        | ErrorClass::NotImplemented => true,
        ErrorClass::LockWait
        | ErrorClass::GuestBusy
        | ErrorClass::Unreachable
        | ErrorClass::Interrupted
        | ErrorClass::WorkerStart
        | ErrorClass::NoQuorum
        | ErrorClass::Stale
        | ErrorClass::Exists
        | ErrorClass::Hotplug
        | ErrorClass::NoSpace
        | ErrorClass::WrongState
        | ErrorClass::Protected
        | ErrorClass::UnknownOutcome
        | ErrorClass::Other => false,
    }
}

fn out_of_time(upid: &Upid, within: Duration, failure: Option<&CallError>) -> CallError {
    let call = task_call(upid, "status");
    let text = match failure {
        None => format!("task {upid} still runs after {} s", within.as_secs()),
        Some(failure) => format!("task {upid} could not be followed for {} s: {}", within.as_secs(), failure.text),
    };
    let hint = Some("the task was not cancelled: run again to continue with what it did".to_owned());
    CallError { hint, ..CallError::new(&call, ErrorClass::UnknownOutcome, None, &text) }
}

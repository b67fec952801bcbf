//! The shell around `recover`: looks, answers its probes, and looks again after a task that was waited for.

use super::Clusters;
use super::guest::{self, TaskSearch};
use super::recover::{Answer, Probe, Recovery, Remains, recover};
use crate::observe::{Memory, Observed, Unread, Wanted, collect, collect_with};
use crate::proxmox::client::TaskStatus;
use crate::proxmox::{CallError, Client, ErrorClass, Upid};
use crate::resources;
use crate::state::{Entry, State};
use std::collections::BTreeMap;
use std::time::Duration;

/// What to do about tasks of a dead run that are still running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Tell that their objects are in progress: a plan waits for nothing.
    Tell,
    /// Wait until they end, each at most this long: an apply goes on where they stop.
    Wait(Duration),
}

/// Whose state is recovered, and how.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// Who works on this state right now, if someone does: `run 42 by kim@ws1`.
    pub at_work: Option<&'a str>,
    /// Owner scope.
    pub project: &'a str,
    /// Seconds since 1970.
    pub now: i64,
    /// What to do about running tasks.
    pub patience: Patience,
}

/// Looks at the clusters and recovers `state`. Writes nothing: the entries are for whoever holds the lock. The first look takes what
/// `memory` holds; one after a probe is new.
///
/// # Errors
/// What [`collect()`] could not read.
pub async fn look_and_recover(
    state: &State,
    clusters: &Clusters,
    wanted: &Wanted,
    situation: Situation<'_>,
    memory: Option<&Memory>,
) -> Result<(Recovery, Observed), Vec<Unread>> {
    let wanted = with_open_steps(wanted, state);
    let mut answers = BTreeMap::new();
    let mut observed = collect_with(clusters, &wanted, memory).await?;
    loop {
        let Situation { at_work, project, now, .. } = situation;
        let recovery = recover(&Remains { state, observed: &observed, answers: &answers, at_work, project, now });
        if recovery.probes.is_empty() {
            return Ok((recovery, observed));
        }
        for probe in &recovery.probes {
            let answer = ask(clusters, probe, situation.patience).await;
            answers.insert(probe.clone(), answer);
        }
        // The tasks asked about may have ended after the look.
        observed = collect(clusters, &wanted).await?;
    }
}

/// Adds the objects of open steps to what is read.
fn with_open_steps(wanted: &Wanted, state: &State) -> Wanted {
    let mut wanted = wanted.clone();
    for entry in state.open.values().flatten() {
        if let Entry::Begun { cluster, identity, kind, .. } = entry {
            let wanted = wanted.clusters.entry(cluster.clone()).or_default();
            wanted.guests.extend(identity.vmid());
            wanted.tables.extend(resources::find(kind).into_iter().flat_map(|object| (object.reads)(identity)));
        }
    }
    wanted
}

async fn ask(clusters: &Clusters, probe: &Probe, patience: Patience) -> Answer {
    let cluster = match probe {
        Probe::Task { cluster, .. } | Probe::AnyTask { cluster, .. } => cluster,
    };
    let Some(client) = clusters.get(cluster) else { return Answer::Silence };
    let result = match probe {
        Probe::Task { upid, .. } => match upid.parse() {
            Ok(upid) => task(client, &upid, patience).await,
            Err(_) => return Answer::Nothing,
        },
        Probe::AnyTask { node, subject, .. } => any_task(client, node, subject, patience).await,
    };
    match result {
        Ok(answer) => answer,
        Err(error) if error.class == ErrorClass::Gone => Answer::Nothing,
        Err(_) => Answer::Silence,
    }
}

async fn task(client: &Client, upid: &Upid, patience: Patience) -> Result<Answer, CallError> {
    let still_running = || Answer::Running(upid.to_string());
    match (client.task_status(upid).await?, patience) {
        (TaskStatus::Stopped(exit), _) => Ok(Answer::Ended(exit)),
        (TaskStatus::Running, Patience::Tell) => Ok(still_running()),
        (TaskStatus::Running, Patience::Wait(within)) => match client.wait(upid, within, &mut |_| {}).await {
            Ok(finished) => Ok(Answer::Ended(finished.exit)),
            Err(error) if error.class == ErrorClass::UnknownOutcome => Ok(still_running()),
            Err(error) => Err(error),
        },
    }
}

async fn any_task(client: &Client, node: &str, subject: &str, patience: Patience) -> Result<Answer, CallError> {
    while let Some(upid) = guest::running_task(client, TaskSearch { node, kind: None, subject }).await? {
        match task(client, &upid, patience).await? {
            Answer::Running(upid) => return Ok(Answer::Running(upid)),
            Answer::Ended(_) | Answer::Nothing | Answer::Silence => {}
        }
    }
    Ok(Answer::Nothing)
}

//! Reading one guest afresh: where it is, its configuration, its power state, the tasks that work on it.
//!
//! A node in a plan is a hint only: a guest that is not there any more is looked for once in the whole cluster.

use crate::observe::{GuestConfig, Power, decode};
use crate::proxmox::decode::{integer, text};
use crate::proxmox::{Call, CallError, Client, ErrorClass, Upid};
use crate::resources::marker::Marker;
use serde_json::Value;

/// A guest as just read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fresh {
    /// Node it is on.
    pub(super) node: String,
    /// Its configuration.
    pub(super) config: GuestConfig,
}

impl Fresh {
    /// Returns its config lock.
    pub(super) fn lock(&self) -> Option<&str> {
        self.config.values.get("lock").map(|lock| &**lock).filter(|lock| !lock.is_empty())
    }

    /// Returns its owner marker.
    pub(super) fn marker(&self) -> Option<Marker> {
        self.config.values.get("description").and_then(|description| Marker::find(description))
    }
}

/// Returns the path of a guest of this kind.
pub(super) fn path(node: &str, kind: &str, vmid: u32, rest: &str) -> String {
    format!("/nodes/{node}/{kind}/{vmid}{rest}")
}

/// Reads below a guest, whatever kind it is: a VMID belongs to one guest only. `None`: the node has none with this VMID.
async fn read_either(client: &Client, node: &str, vmid: u32, rest: &str) -> Result<Option<Value>, CallError> {
    for kind in ["qemu", "lxc"] {
        match client.read(&Call::get(path(node, kind, vmid, rest))).await {
            Ok(answer) => return Ok(Some(answer)),
            Err(error) if error.class == ErrorClass::Gone => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Reads a guest's configuration at `node`, or wherever it is now; `None`: it does not exist.
pub(super) async fn read(client: &Client, node: &str, vmid: u32) -> Result<Option<Fresh>, CallError> {
    if let Some(fresh) = read_at(client, node, vmid).await? {
        return Ok(Some(fresh));
    }
    match find(client, vmid).await? {
        Some(elsewhere) => read_at(client, &elsewhere, vmid).await,
        None => Ok(None),
    }
}

async fn read_at(client: &Client, node: &str, vmid: u32) -> Result<Option<Fresh>, CallError> {
    let answer = read_either(client, node, vmid, "/config").await?;
    Ok(answer.map(|answer| Fresh { node: node.to_owned(), config: decode::config(&answer) }))
}

/// Returns the node a guest is on; `None`: it does not exist. Ids and nodes in this list are never stale.
pub(super) async fn find(client: &Client, vmid: u32) -> Result<Option<String>, CallError> {
    let answer = client.read(&Call::get("/cluster/resources").with("type", "vm")).await?;
    Ok(decode::resources(&answer).guests.remove(&vmid).map(|guest| guest.node))
}

/// Returns whether no guest has a VMID, of all guests of the cluster. The list of all guests would tell too, and it grows with them.
pub(super) async fn is_free(client: &Client, vmid: u32) -> Result<bool, CallError> {
    match client.read(&Call::get("/cluster/nextid").with("vmid", vmid.to_string())).await {
        Ok(_) => Ok(true),
        Err(error) if error.class == ErrorClass::Exists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads a guest's power state; `None`: it does not exist.
pub(super) async fn power(client: &Client, node: &str, vmid: u32) -> Result<Option<Power>, CallError> {
    let read = async |node: &str| read_either(client, node, vmid, "/status/current").await;
    let answer = match (read(node).await?, find(client, vmid)) {
        (Some(answer), _) => Some(answer),
        (None, elsewhere) => match elsewhere.await? {
            Some(elsewhere) => read(&elsewhere).await?,
            None => None,
        },
    };
    Ok(answer.map(|answer| decode::power(&answer)))
}

/// Which tasks to look for.
#[derive(Clone, Copy, Debug)]
pub(super) struct TaskSearch<'a> {
    /// Node they run on.
    pub(super) node: &'a str,
    /// Worker type; `None`: any.
    pub(super) kind: Option<&'a str>,
    /// Guest in the task id; for a clone its source. A file that is fetched; nothing for one that is put in its place after it was sent.
    pub(super) subject: &'a str,
}

/// Returns a task that still runs, if there is one. What has ended shows in what it left behind, so it is not searched for.
pub(super) async fn running_task(client: &Client, search: TaskSearch<'_>) -> Result<Option<Upid>, CallError> {
    let mut call = Call::get(format!("/nodes/{}/tasks", search.node)).with("source", "active").with("limit", "500");
    // The server searches by guests only.
    let is_guest = search.subject.parse::<u32>().is_ok();
    if is_guest {
        call = call.with("vmid", search.subject);
    }
    let kind = search.kind.or((search.subject.is_empty()).then_some("imgcopy"));
    if let Some(kind) = kind {
        call = call.with("typefilter", kind);
    }
    let answer = client.read(&call).await?;
    let runs = |row: &&Value| row.get("endtime").and_then(integer).is_none();
    let upid = |row: &Value| row.get("upid").and_then(text)?.parse().ok();
    let mut running = answer.as_array().into_iter().flatten().filter(runs).filter_map(upid);
    Ok(running.find(|upid: &Upid| is_guest || upid.id == search.subject))
}

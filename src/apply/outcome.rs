//! What became of a call whose answer or task was lost: reads instead of repeats.

use super::deadline::Deadline;
use super::guard::table::compare;
use super::guest::{self, TaskSearch};
use crate::observe::Power;
use crate::plan::Verify;
use crate::proxmox::property::size_bytes;
use crate::proxmox::{CallError, Client, ErrorClass};
use crate::resources::relocate::storage_of;
use std::time::Duration;

/// What the reads say about a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// What it should bring about is so.
    Done,
    /// It is not, and nothing that runs will make it so.
    NotDone(String),
    /// Nobody can tell now.
    Unknown(String),
}

/// What reads need to know besides the call's own [`Verify`].
#[derive(Clone, Copy)]
pub(super) struct Evidence<'a> {
    pub(super) client: &'a Client,
    pub(super) verify: &'a Verify,
    /// Lineage that the marker must name.
    pub(super) lineage: &'a str,
}

/// A call that was lost on its way may still be carried out: the server's own limits are 30 s in a queue and 10 s at a lock.
const READ_AGAIN: [Duration; 4] =
    [Duration::from_secs(2), Duration::from_secs(8), Duration::from_secs(15), Duration::from_secs(20)];

impl Evidence<'_> {
    /// Reads once.
    pub(super) async fn now(&self) -> Verdict {
        match self.read().await {
            Ok(verdict) => verdict,
            Err(error) => Verdict::Unknown(error.to_string()),
        }
    }

    /// Reads until the call is done or cannot be any more; waits for tasks that may still do it, at most `within` each.
    pub(super) async fn in_time(&self, within: Duration) -> Verdict {
        let deadline = Deadline::new(self.client, within);
        let mut verdict = self.now().await;
        for pause in READ_AGAIN {
            while verdict != Verdict::Done && !deadline.is_over() {
                let Ok(Some(upid)) = self.running_task().await else { break };
                // How it ends is not evidence: it may be the task of a sibling. What is there afterwards is.
                if let Err(error) = self.client.wait(&upid, within, &mut |_| {}).await {
                    return Verdict::Unknown(error.to_string());
                }
                verdict = self.now().await;
            }
            if verdict == Verdict::Done {
                break;
            }
            deadline.pause(pause).await;
            verdict = self.now().await;
        }
        verdict
    }

    async fn running_task(&self) -> Result<Option<crate::proxmox::Upid>, CallError> {
        let (node, kind, subject) = match self.verify {
            Verify::GuestPresent { task_node, task_kind, task_subject, .. } => {
                (task_node, Some(&**task_kind), task_subject.clone())
            }
            Verify::GuestAbsent { node, vmid }
            | Verify::Config { node, vmid, .. }
            | Verify::DiskSize { node, vmid, .. }
            | Verify::Volume { node, vmid, .. }
            | Verify::Migrated { from: node, vmid, .. }
            | Verify::Power { node, vmid, .. } => (node, None, vmid.to_string()),
            Verify::ByContent { .. } | Verify::Table { .. } => return Ok(None),
        };
        guest::running_task(self.client, TaskSearch { node, kind, subject: &subject }).await
    }

    async fn read(&self) -> Result<Verdict, CallError> {
        let client = self.client;
        Ok(match self.verify {
            Verify::GuestPresent { node, vmid, intent, .. } => self.present(node, *vmid, intent).await?,
            Verify::GuestAbsent { vmid, .. } => match guest::find(client, *vmid).await? {
                None => Verdict::Done,
                Some(node) => Verdict::NotDone(format!("VM {vmid} still exists on {node}")),
            },
            Verify::Config { node, vmid, wanted } => match guest::read(client, node, *vmid).await? {
                None => Verdict::NotDone(format!("VM {vmid} does not exist any more")),
                Some(fresh) => {
                    let differs =
                        |(key, value): &&(String, Option<String>)| fresh.config.values.text(key) != value.as_deref();
                    match wanted.iter().find(differs) {
                        None => Verdict::Done,
                        Some((key, _)) => Verdict::NotDone(format!("`{key}` of VM {vmid} was not changed")),
                    }
                }
            },
            Verify::DiskSize { node, vmid, slot, bytes } => {
                let fresh = guest::read(client, node, *vmid).await?;
                let size = fresh.and_then(|fresh| disk_bytes(fresh.config.values.get(slot)?));
                match size {
                    Some(size) if size >= *bytes => Verdict::Done,
                    _ => Verdict::NotDone(format!("disk `{slot}` of VM {vmid} was not enlarged")),
                }
            }
            Verify::Volume { node, vmid, slot, storage } => self.volume(node, *vmid, slot, storage).await?,
            Verify::Migrated { to, vmid, .. } => self.migrated(to, *vmid).await?,
            Verify::Power { node, vmid, is_running } => {
                let wanted = if *is_running { Power::Running } else { Power::Stopped };
                match guest::power(client, node, *vmid).await? {
                    Some(power) if power == wanted => Verdict::Done,
                    Some(_) if *is_running => Verdict::NotDone(format!("VM {vmid} does not run")),
                    Some(_) => Verdict::NotDone(format!("VM {vmid} still runs")),
                    None => Verdict::NotDone(format!("VM {vmid} does not exist any more")),
                }
            }
            Verify::Table { read, expected } => match compare(&client.read(read).await?, expected) {
                Ok(_) => Verdict::Done,
                Err(failure) => Verdict::NotDone(failure.error),
            },
            Verify::ByContent { read, is_present } => {
                let is_there = match client.read(read).await {
                    Ok(answer) => !answer.is_null() && answer.as_array().is_none_or(|rows| !rows.is_empty()),
                    Err(error) if error.class == ErrorClass::Gone => false,
                    Err(error) => return Err(error),
                };
                match (is_there == *is_present, is_there) {
                    (true, _) => Verdict::Done,
                    (false, true) => Verdict::NotDone("the object is still there".to_owned()),
                    (false, false) => Verdict::NotDone("the object is not there".to_owned()),
                }
            }
        })
    }

    async fn volume(&self, node: &str, vmid: u32, slot: &str, storage: &str) -> Result<Verdict, CallError> {
        let fresh = guest::read(self.client, node, vmid).await?;
        let value = fresh.as_ref().and_then(|fresh| fresh.config.values.get(slot));
        Ok(match value.and_then(|value| storage_of(value)) == Some(storage) {
            true => Verdict::Done,
            false => Verdict::NotDone(format!("volume `{slot}` of VM {vmid} is not on `{storage}`")),
        })
    }

    async fn migrated(&self, to: &str, vmid: u32) -> Result<Verdict, CallError> {
        let Some(fresh) = guest::read(self.client, to, vmid).await? else {
            return Ok(Verdict::NotDone(format!("VM {vmid} does not exist any more")));
        };
        Ok(match fresh.lock() {
            Some(lock) => Verdict::Unknown(format!("VM {vmid} on {} carries the lock `{lock}`", fresh.node)),
            None if fresh.node == to => Verdict::Done,
            None => Verdict::NotDone(format!("VM {vmid} is still on {}", fresh.node)),
        })
    }

    async fn present(&self, node: &str, vmid: u32, intent: &str) -> Result<Verdict, CallError> {
        let Some(fresh) = guest::read(self.client, node, vmid).await? else {
            return Ok(Verdict::NotDone(format!("VM {vmid} was not made")));
        };
        if let Some(lock) = fresh.lock() {
            return Ok(Verdict::Unknown(format!("VM {vmid} on {} carries the lock `{lock}`", fresh.node)));
        }
        Ok(match fresh.marker() {
            Some(marker) if marker.stack == self.lineage && marker.intent == intent => Verdict::Done,
            _ => Verdict::NotDone(format!("VMID {vmid} is taken by a guest on {} that is not ours", fresh.node)),
        })
    }
}

fn disk_bytes(drive: &str) -> Option<u64> {
    size_bytes(drive.split(',').find_map(|option| option.strip_prefix("size="))?)
}

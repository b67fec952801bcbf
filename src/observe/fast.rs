//! The fast look (`-refresh=fast`): configurations of guests that show no sign of a change since a recorded look are taken from there.
//!
//! The signs are what the lists of the nodes tell of a guest, and the log of the cluster, which names a virtual machine at every write to
//! its configuration and at every task. Nobody sees a configuration file that is edited by hand on a node, and the log says nothing about
//! containers, so those are always read.

use super::collect::{Memory, Wanted, collect_with, config_call};
use super::{GuestKind, GuestView, Observed};
use crate::proxmox::decode::{integer, text};
use crate::proxmox::{Call, Client};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Clocks of nodes differ.
const SKEW_S: i64 = 60;

/// Rows of the log that are asked for: more than its ring of 50 kB holds.
const LOG_ROWS: &str = "5000";

/// What was seen of the guests of one cluster.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Recorded {
    /// Where.
    endpoint: String,
    /// When the look began, by the clock of the cluster, in seconds since 1970.
    time: i64,
    guests: BTreeMap<u32, RecordedGuest>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct RecordedGuest {
    signs: String,
    answer: Value,
}

/// What a fast look spares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spared {
    /// So many guests are taken as recorded.
    Guests(usize),
    /// Everything is read, and why.
    Nothing(&'static str),
}

/// Puts into `memory` what need not be read again. What is read to find that out goes there too.
pub async fn recall(
    cluster: (&Arc<str>, &Arc<Client>),
    recorded: Option<&Recorded>,
    wanted: &Wanted,
    memory: &Memory,
) -> Spared {
    let (name, client) = cluster;
    // The same look without any guest: its lists are what the whole one begins with.
    let mut lists = Wanted { tag: String::new(), ..wanted.clone() };
    lists.clusters.values_mut().for_each(|wanted| wanted.guests.clear());
    let one = BTreeMap::from([(name.clone(), client.clone())]);
    let Ok(observed) = collect_with(&one, &lists, Some(memory)).await else {
        return Spared::Nothing("the cluster cannot be read");
    };
    let began = client.server_time().unwrap_or_default();
    memory.begin(name, began);
    let Some(recorded) = recorded.filter(|recorded| recorded.endpoint == client.describe() && recorded.time <= began)
    else {
        return Spared::Nothing("nothing was recorded of this cluster yet");
    };
    let (held, log) = (Call::get("/access/permissions"), Call::get("/cluster/log").with("max", LOG_ROWS));
    let (held, log) = tokio::join!(client.read(&held), client.read(&log));
    let sees_all = held.is_ok_and(|held| held["/"].get("Sys.Syslog").is_some());
    if !sees_all {
        return Spared::Nothing("the token sees only its own part of the cluster's log, without Sys.Syslog on /");
    }
    let Some(touched) = log.ok().and_then(|log| touched(&log, recorded.time - SKEW_S)) else {
        return Spared::Nothing("the cluster's log does not reach back to the last look");
    };
    let guests = observed.clusters.get(name).into_iter().flat_map(|view| view.guests.values());
    let spared = guests.filter(|guest| {
        let known = recorded.guests.get(&guest.vmid).filter(|known| known.signs == signs(guest));
        let known = known.filter(|_| !touched.contains(&guest.vmid) && guest.lock.is_none());
        known.is_some_and(|known| {
            memory.put(name, &config_call(guest), known.answer.clone());
            true
        })
    });
    Spared::Guests(spared.count())
}

/// Returns what a look saw, for a fast one to begin with.
pub fn record(
    observed: &Observed,
    clusters: &BTreeMap<Arc<str>, Arc<Client>>,
    memory: &Memory,
) -> BTreeMap<String, Recorded> {
    let cluster = |(name, client): (&Arc<str>, &Arc<Client>)| {
        let (view, time) = (observed.clusters.get(name)?, memory.began(name)?);
        let guest = |guest: &GuestView| {
            let answer = memory.get(name, &config_call(guest)).filter(|_| guest.kind == GuestKind::Qemu)?;
            Some((guest.vmid, RecordedGuest { signs: signs(guest), answer }))
        };
        let guests = view.guests.values().filter_map(guest).collect();
        Some((name.to_string(), Recorded { endpoint: client.describe(), time, guests }))
    };
    clusters.iter().filter_map(cluster).collect()
}

/// Returns what the lists tell of a guest, in one text.
fn signs(guest: &GuestView) -> String {
    let GuestView { node, kind, name, power, is_template, tags, lock, pool, cores, memory_bytes, disk_bytes, .. } =
        guest;
    format!(
        "{node} {kind:?} {name:?} {power:?} {is_template} {tags:?} {lock:?} {pool:?} {cores} {memory_bytes} {disk_bytes} {}",
        guest.is_ha_managed
    )
}

/// Returns every number that the log names from a time on, guests among them; nothing if the log begins later.
fn touched(log: &Value, since: i64) -> Option<BTreeSet<u32>> {
    let rows = log.as_array()?;
    let time = |row: &Value| row.get("time").and_then(integer).unwrap_or(i64::MAX);
    rows.iter().any(|row| time(row) < since).then_some(())?;
    let messages = rows.iter().filter(|row| time(row) >= since).filter_map(|row| row.get("msg").and_then(text));
    Some(messages.flat_map(|message| numbers(&message)).collect())
}

fn numbers(text: &str) -> Vec<u32> {
    text.split(|letter: char| !letter.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_log_names_who_was_touched() {
        let log = json!([
            {"time": 500, "msg": "end task UPID:pve1:00001234:00005678:00000190:qmclone:9000:root@pam!x: OK"},
            {"time": "450", "msg": "update VM 101: -memory 512"},
            {"time": 400, "msg": "starting task UPID:pve1:00001234:00005678:00000190:vzstart:200:root@pam:"},
            {"time": 100, "msg": "update VM 102: -memory 512"},
        ]);
        let touched = |since| {
            touched(&log, since).map(|vmids| vmids.into_iter().filter(|vmid| *vmid < 10_000).collect::<Vec<_>>())
        };
        assert!([101, 200, 9000].iter().all(|vmid| touched(400).is_some_and(|all| all.contains(vmid))));
        assert!(touched(400).is_some_and(|all| !all.contains(&102)));
        assert_eq!(touched(100), None, "what was before 100 may be gone from the log");
        assert_eq!(super::touched(&json!([]), 100), None);
    }
}

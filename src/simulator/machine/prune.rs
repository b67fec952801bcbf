//! Pruning backups: which ones a rule such as `keep-last=3,keep-daily=7` keeps, and deleting the others.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Machine;
use super::property::key_of;
use super::request::Answer;
use super::routes::{Context, Entry};
use super::state::Volume;
use super::task::{Spawn, Step, Work};

pub(super) const ROUTES: &[Entry] = &[
    ("GET", "/nodes/{node}/storage/{storage}/prunebackups", preview),
    ("DELETE", "/nodes/{node}/storage/{storage}/prunebackups", prune),
];

/// Backups to look through.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PruneWork {
    node: String,
    storage: String,
    rule: String,
    vmid: Option<u32>,
    kind: Option<String>,
}

/// Spans of time of which one backup each is kept, from short to long, and how a time names its span.
const SPANS: [(&str, &str); 6] = [
    ("keep-last", "%s"),
    ("keep-hourly", "%Y-%m-%d %H"),
    ("keep-daily", "%Y-%m-%d"),
    ("keep-weekly", "%G-%V"),
    ("keep-monthly", "%Y-%m"),
    ("keep-yearly", "%Y"),
];

/// Decides about the backups of one guest, given newest first as their times; returns which are kept.
fn kept(times_s: &[u64], rule: &str) -> Vec<bool> {
    let limit = |span: &str| key_of(rule, span).and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
    if key_of(rule, "keep-all").as_deref() == Some("1") || SPANS.iter().all(|(span, _)| limit(span) == 0) {
        return vec![true; times_s.len()];
    }
    let mut decided: Vec<Option<bool>> = vec![None; times_s.len()];
    for (span, format) in SPANS {
        let name = |time_s: u64| {
            let time = Timestamp::from_second(i64::try_from(time_s).unwrap_or(0)).unwrap_or_default();
            time.to_zoned(TimeZone::UTC).strftime(format).to_string()
        };
        let is_kept = |decided: &[Option<bool>], at: usize| decided[at] == Some(true);
        let before: BTreeSet<String> =
            (0..times_s.len()).filter(|at| is_kept(&decided, *at)).map(|at| name(times_s[at])).collect();
        let mut found = BTreeSet::new();
        for at in 0..times_s.len() {
            let id = name(times_s[at]);
            if decided[at].is_some() || before.contains(&id) {
                continue;
            }
            if found.contains(&id) {
                decided[at] = Some(false);
            } else if found.len() < limit(span) {
                found.insert(id);
                decided[at] = Some(true);
            } else {
                break;
            }
        }
    }
    decided.into_iter().map(|mark| mark == Some(true)).collect()
}

fn work_of(machine: &Machine, context: &Context) -> Result<PruneWork, super::request::Fault> {
    let parameters = &context.parameters;
    let storage = parameters.required("storage");
    let definition = machine.storage_on(storage, context.node())?;
    let own = definition.options.get("prune-backups").cloned().unwrap_or_else(|| "keep-all=1".to_owned());
    Ok(PruneWork {
        node: context.node().to_owned(),
        storage: storage.to_owned(),
        rule: parameters.get("prune-backups").map_or(own, str::to_owned),
        vmid: parameters.number("vmid"),
        kind: parameters.get("type").map(str::to_owned),
    })
}

impl Machine {
    /// Returns the backups a rule is about, each with what becomes of it: `keep`, `remove` or `protected`.
    fn marked_backups(&self, work: &PruneWork) -> Vec<(&Volume, &'static str)> {
        let mut groups: BTreeMap<(u32, &str), Vec<&Volume>> = BTreeMap::new();
        for volume in self.volumes.values() {
            let kind = volume.archive.as_ref().map_or("qemu", |archive| archive.kind.as_str());
            let is_here = volume.node.is_empty() || volume.node == work.node;
            let is_wanted = work.vmid.is_none_or(|vmid| volume.vmid == Some(vmid))
                && work.kind.as_deref().is_none_or(|wanted| wanted == kind);
            if volume.content == "backup" && volume.storage == work.storage && is_here && is_wanted {
                groups.entry((volume.vmid.unwrap_or(0), kind)).or_default().push(volume);
            }
        }
        let mut marked = Vec::new();
        for (_, mut group) in groups {
            group.sort_by_key(|volume| std::cmp::Reverse(volume.created_s));
            marked.extend(group.iter().filter(|volume| volume.is_protected).map(|volume| (*volume, "protected")));
            group.retain(|volume| !volume.is_protected);
            let times: Vec<u64> = group.iter().map(|volume| volume.created_s).collect();
            let marks = kept(&times, &work.rule);
            let marks = marks.into_iter().map(|is_kept| if is_kept { "keep" } else { "remove" });
            marked.extend(group.into_iter().zip(marks));
        }
        marked
    }

    pub(super) fn run_prune(&mut self, seq: u64, work: &PruneWork) -> Step {
        let doomed: Vec<String> = self
            .marked_backups(work)
            .into_iter()
            .filter(|(_, mark)| *mark == "remove")
            .map(|(volume, _)| volume.volid.clone())
            .collect();
        for volid in doomed {
            self.task_log(seq, format!("removing backup '{volid}'"));
            self.free_volume(&work.node, &volid);
        }
        Step::DONE
    }
}

fn preview(machine: &mut Machine, context: &Context) -> Answer {
    let work = work_of(machine, context)?;
    let rows = machine.marked_backups(&work).into_iter().map(|(volume, mark)| {
        json!({
            "volid": volume.volid, "ctime": volume.created_s, "mark": mark, "vmid": volume.vmid,
            "type": volume.archive.as_ref().map_or("qemu", |archive| archive.kind.as_str()),
        })
    });
    Ok(Value::Array(rows.collect()).into())
}

fn prune(machine: &mut Machine, context: &Context) -> Answer {
    let work = work_of(machine, context)?;
    let id = match work.vmid {
        Some(vmid) => format!("{vmid}@{}", work.storage),
        None => work.storage.clone(),
    };
    let node = work.node.clone();
    let spawn = Spawn { node: &node, kind: "prunebackups", id, locks: Vec::new(), wait_ms: 0, work: Work::Prune(work) };
    Ok(json!(machine.spawn(&context.caller, spawn)).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three backups a day for three days from 1 November 2026, newest first.
    fn times() -> Vec<u64> {
        let noon = 1_793_534_400;
        (0..9_u64).rev().map(|number| noon + number / 3 * 86_400 + number % 3 * 3600).collect()
    }

    fn check(rule: &str, expected: &str) {
        let marks: String = kept(&times(), rule).into_iter().map(|is_kept| if is_kept { 'k' } else { '-' }).collect();
        assert_eq!(marks, expected, "{rule}");
    }

    #[test]
    fn a_span_that_is_covered_counts_no_second_time() {
        check("keep-all=1", "kkkkkkkkk");
        check("keep-last=2", "kk-------");
        check("keep-daily=2", "k--k-----");
        check("keep-last=1,keep-daily=2", "k--k--k--");
        check("keep-hourly=4,keep-yearly=1", "kkkk-----");
    }
}

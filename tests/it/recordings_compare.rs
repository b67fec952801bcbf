//! How a recorded answer is compared with the simulator's: what differs by nature is set aside, and what the recording called one thing
//! is known by the simulator's name from then on. Nothing is sent here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;
use spawnpoint::proxmox::call::segment;

/// What is made up anew in every world: task ids, digests, addresses, unique ids, times.
static MADE_UP: LazyLock<Regex> = LazyLock::new(|| {
    let kinds = [
        r"(?P<task>UPID:[\w-]+:[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8}:[^:\s]*:[^:\s]*:[^:\s]+:)",
        r"(?P<fingerprint>(?:[0-9A-F]{2}:){31}[0-9A-F]{2})",
        r"(?P<local>\bfe80::[0-9a-f:]+)",
        r"(?P<mac>\b(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}\b)",
        r"(?P<uuid>\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b)",
        r"(?P<digest>\b(?:[0-9a-f]{64}|[0-9a-f]{40})\b)",
        r"(?P<time>\b20\d\d[-_]\d\d[-_]\d\d[-_ ]\d\d[:_]\d\d[:_]\d\d(?:\.\d+)?)",
        r"(?P<clock>\b[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d 20\d\d)",
        r"(?P<seconds>\b179\d{7}\b)",
        r"(?P<hash>\$5\$[\w./$]+)",
        r"(?P<speed>\b\d+\.\d\d ?[KMG](?:B/s)?\b)",
        r"(?P<process>(?:tmp_dwnl\.\d+|/proc/\d+/fd/\d+|vzdumptmp\d+|PVE:[\w@.]+:[0-9A-F]{8}::\S+|<redacted>|[0-9A-F]{8}:[\w+/]{43}))",
    ];
    Regex::new(&kinds.join("|")).expect("the pattern is constant")
});

/// Numbers that are measured, or count up, wherever they stand.
const MEASURED: &[&str] = &[
    "cpu",
    "mem",
    "memhost",
    "disk",
    "diskread",
    "diskwrite",
    "netin",
    "netout",
    "uptime",
    "pid",
    "pstart",
    "starttime",
    "endtime",
    "ctime",
    "snaptime",
    "localtime",
    "time",
    "avail",
    "used",
    "used_fraction",
    "free",
    "available",
    "idle",
    "wait",
    "shared_bytes",
    "rx-bytes",
    "rx-packets",
    "tx-bytes",
    "tx-packets",
];
/// The same, but only of a node or a storage: a guest's are what it was given.
const MEASURED_OF_HOSTS: &[&str] = &["maxcpu", "maxmem", "maxdisk", "total", "cpus", "cores", "sockets", "user_hz"];
/// Members whose content is the machine's or QEMU's own.
const OPAQUE: &[&str] =
    &["blockstat", "ballooninfo", "nics", "proxmox-support", "cpuinfo", "loadavg", "kversion", "current-kernel"];

/// What the recording's names are called here.
#[derive(Default)]
pub(crate) struct Known {
    names: BTreeMap<String, String>,
}

impl Known {
    /// Remembers that `recorded` is called `ours`.
    pub(crate) fn learn(&mut self, recorded: &str, ours: &str) {
        self.names.insert(recorded.to_owned(), ours.to_owned());
    }

    /// Puts our names into a path or body of the recording.
    pub(crate) fn translate(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (recorded, ours) in &self.names {
            if recorded.len() >= 10 && recorded != ours {
                text = text.replace(recorded, ours).replace(&segment(recorded), &segment(ours));
            }
        }
        text
    }

    /// Returns how `ours` differs from what was recorded, and learns names from where it does not.
    pub(crate) fn compare(&mut self, recorded: &Value, ours: &Value) -> Vec<String> {
        let mut differences = Vec::new();
        let mut learned = Vec::new();
        differ("", recorded, ours, Place::default(), &mut differences, &mut learned);
        for (recorded, ours) in learned {
            self.learn(&recorded, &ours);
        }
        differences
    }
}

#[derive(Clone, Copy, Default)]
struct Place<'a> {
    key: &'a str,
    is_of_host: bool,
    is_opaque: bool,
}

type Learned = Vec<(String, String)>;

fn differ(path: &str, recorded: &Value, ours: &Value, place: Place<'_>, into: &mut Vec<String>, learned: &mut Learned) {
    match (recorded, ours) {
        (Value::Object(recorded), Value::Object(ours)) => {
            let kind = recorded.get("type").and_then(Value::as_str);
            let is_of_host = kind.is_some_and(|kind| matches!(kind, "node" | "storage" | "dir"))
                || recorded.contains_key("avail")
                || recorded.contains_key("user_hz")
                || matches!(place.key, "memory" | "swap" | "rootfs");
            let keys: BTreeSet<&String> = recorded.keys().chain(ours.keys()).collect();
            for key in keys {
                let path = format!("{path}/{key}");
                match (recorded.get(key), ours.get(key)) {
                    (Some(recorded), Some(ours)) => {
                        let is_opaque = place.is_opaque || OPAQUE.contains(&key.as_str());
                        differ(&path, recorded, ours, Place { key, is_of_host, is_opaque }, into, learned);
                    }
                    (Some(recorded), None) => into.push(format!("{path} is missing: {}", short(recorded))),
                    (None, ours) => into.push(format!("{path} is too much: {}", short(ours.unwrap_or_default()))),
                }
            }
        }
        (Value::Array(recorded), Value::Array(ours)) => differ_in_rows(path, recorded, ours, place, into, learned),
        (Value::String(recorded), Value::String(ours)) => {
            if is_same_text(recorded, ours) {
                learn_from(recorded, ours, learned);
            } else if !place.is_opaque {
                into.push(format!("{path} is {ours:?}, not {recorded:?}"));
            }
        }
        (Value::Number(recorded), Value::Number(ours)) => {
            let is_measured = MEASURED.contains(&place.key)
                || place.is_opaque
                || (place.is_of_host && MEASURED_OF_HOSTS.contains(&place.key));
            if recorded.as_f64() != ours.as_f64() && !is_measured {
                into.push(format!("{path} is {ours}, not {recorded}"));
            }
        }
        (recorded, ours) if recorded == ours => {}
        (recorded, ours) => into.push(format!("{path} is {}, not {}", short(ours), short(recorded))),
    }
}

/// Rows come in any order: each recorded one looks for its equal, then for one of the same name.
fn differ_in_rows(
    path: &str,
    recorded: &[Value],
    ours: &[Value],
    place: Place<'_>,
    into: &mut Vec<String>,
    learned: &mut Learned,
) {
    let mut rest: Vec<&Value> = ours.iter().collect();
    let mut unmatched = Vec::new();
    for row in recorded {
        let equal = rest.iter().position(|other| {
            let (mut differences, mut names) = (Vec::new(), Vec::new());
            differ("", row, other, place, &mut differences, &mut names);
            let is_equal = differences.is_empty();
            if is_equal {
                learned.extend(names);
            }
            is_equal
        });
        match equal {
            Some(position) => drop(rest.remove(position)),
            None => unmatched.push(row),
        }
    }
    if place.is_opaque {
        return;
    }
    for row in unmatched {
        let name = |row: &Value| {
            let keys = ["key", "n", "pos", "id", "volid", "upid", "name", "iface", "storage", "vmid", "userid", "node"];
            keys.iter().find_map(|key| row.get(key).map(Value::to_string)).unwrap_or_default()
        };
        match rest.iter().position(|other| name(other) == name(row) && row.is_object()) {
            Some(position) => {
                let other = rest.remove(position);
                differ(&format!("{path}/[{}]", name(row)), row, other, place, into, learned);
            }
            None => into.push(format!("{path} lacks {}", short(row))),
        }
    }
    into.extend(rest.into_iter().map(|row| format!("{path} has too much: {}", short(row))));
}

/// Texts are the same if they are once what is made up is set aside, and also if only the order of a comma list differs.
fn is_same_text(recorded: &str, ours: &str) -> bool {
    let (recorded, ours) = (masked(recorded), masked(ours));
    let items = |text: &str| text.split(',').map(str::to_owned).collect::<BTreeSet<_>>();
    recorded == ours || (recorded.len() == ours.len() && items(&recorded) == items(&ours))
}

fn masked(text: &str) -> String {
    let name = |captures: &regex::Captures<'_>| {
        let kinds = MADE_UP.capture_names().flatten().find(|kind| captures.name(kind).is_some());
        format!("<{}>", kinds.unwrap_or_default())
    };
    // Secrets were taken out of the recording.
    let text = text.replace("<redacted>", "<process>").replace("00000000-0000-0000-0000-000000000000", "<uuid>");
    MADE_UP.replace_all(&text, name).into_owned()
}

fn learn_from(recorded: &str, ours: &str, learned: &mut Learned) {
    let found = |text: &'_ str| MADE_UP.find_iter(text).map(|found| found.as_str().to_owned()).collect::<Vec<_>>();
    let (recorded, ours) = (found(recorded), found(ours));
    if recorded.len() == ours.len() {
        learned.extend(recorded.into_iter().zip(ours));
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    text.chars().take(300).collect()
}

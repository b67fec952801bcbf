//! What happens during a run, one event at a time: the lines of our Ansible callback, typed.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The guest is being reached.
    Connecting {
        /// `user@host:port`
        guest: String,
    },
    /// A step began.
    Started {
        /// Its name.
        task: String,
    },
    /// A step is done.
    Done {
        /// Its name.
        task: String,
        /// Whether it changed, or in check mode would change, something.
        changed: bool,
        /// Keys of the game's own files it changed.
        keys: Vec<KeyChange>,
    },
    /// A step was not needed.
    Skipped {
        /// Its name.
        task: String,
    },
    /// A step failed.
    Failed {
        /// Its name.
        task: String,
        /// What it said.
        message: String,
    },
    /// The guest was lost.
    Unreachable {
        /// What SSH said.
        message: String,
    },
    /// The playbook is done and the game has to answer now.
    WaitingForAnswer {
        /// Where it is asked.
        address: SocketAddr,
    },
}

/// One key of one of the game's own files. Values that may not be shown read `(sensitive)`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyChange {
    /// Name of the file: `server.properties`.
    pub file: String,
    /// The key.
    pub key: String,
    /// Its value before, if it was there.
    pub before: Option<String>,
    /// Its value now.
    pub after: String,
}

/// A line of the callback `_shared/callback/spawnpoint.py`.
#[derive(Deserialize)]
struct Line {
    event: String,
    #[serde(default)]
    task: String,
    #[serde(default)]
    changed: bool,
    message: Option<String>,
    detail: Option<String>,
    path: Option<String>,
    changes: Option<BTreeMap<String, Change>>,
}

#[derive(Deserialize)]
struct Change {
    before: Option<String>,
    after: String,
}

impl Event {
    /// Returns the event of a line, or nothing for a line that is not ours or says nothing new.
    pub(super) fn from_line(line: &str) -> Option<Self> {
        let line: Line = serde_json::from_str(line).ok()?;
        let task = line.task;
        match line.event.as_str() {
            "start" => Some(Self::Started { task }),
            "skipped" => Some(Self::Skipped { task }),
            "ok" => {
                let file = line.path.as_deref().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
                let change = |(key, change): (String, Change)| KeyChange {
                    file: file.to_owned(),
                    key,
                    before: change.before,
                    after: change.after,
                };
                let keys = line.changes.unwrap_or_default().into_iter().map(change).collect();
                Some(Self::Done { task, changed: line.changed, keys })
            }
            "failed" => {
                let parts = [line.message, line.detail].into_iter().flatten().filter(|part| !part.is_empty());
                let message = parts.collect::<Vec<_>>().join(": ");
                let message = if message.is_empty() {
                    "it said nothing, or nothing that may be shown".to_owned()
                } else {
                    message
                };
                Some(Self::Failed { task, message })
            }
            "unreachable" => Some(Self::Unreachable { message: line.message.unwrap_or_default() }),
            // `ignored` failures belong to their playbook; the counts of `stats` are those of the events before.
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(line: &str, expected: &str) {
        assert_eq!(format!("{:?}", Event::from_line(line)), expected);
    }

    #[test]
    fn lines_of_the_callback() {
        check(r#"{"event":"start","task":"a"}"#, r#"Some(Started { task: "a" })"#);
        check(
            r#"{"event":"ok","task":"a","changed":true,"path":"/x/server.properties","changes":{"motd":{"before":null,"after":"b"}}}"#,
            r#"Some(Done { task: "a", changed: true, keys: [KeyChange { file: "server.properties", key: "motd", before: None, after: "b" }] })"#,
        );
        check(
            r#"{"event":"failed","task":"a","message":"m","detail":""}"#,
            r#"Some(Failed { task: "a", message: "m" })"#,
        );
        check("[WARNING]: something", "None");
        check(r#"{"event":"stats","changed":1}"#, "None");
    }

    proptest! {
        #[test]
        fn any_line_is_read_without_panic(line in ".{0,80}") {
            drop(Event::from_line(&line));
        }
    }
}

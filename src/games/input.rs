//! What a playbook is given for one server, and the digest of it that says whether the playbook has to run again.
//!
//! Secrets are given apart; only fingerprints of them get in here.

use super::manifest::{Game, StopBy};
use crate::value::{Kind, Value};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One server with everything decided.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its name: the label of the block, a DNS label.
    pub name: Arc<str>,
    /// The game's version.
    pub version: Arc<str>,
    /// Ports by purpose; `game` is the one players connect to.
    pub ports: BTreeMap<Arc<str>, u16>,
    /// Settings as [`Game::validate`] returned them, wholly known.
    pub settings: BTreeMap<Arc<str>, Value>,
    /// Whether it should run.
    pub power: Power,
    /// When and how often to back up.
    pub backup: Option<Backup>,
}

/// Whether a server should run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// It runs and is started with the guest.
    Running,
    /// It is stopped and stays so.
    Stopped,
}

/// A backup on the guest itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// A systemd calendar expression.
    pub schedule: Arc<str>,
    /// How many to keep.
    pub keep: u32,
}

/// What a server runs: verified before it is ever started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Where it comes from.
    pub source: Source,
    /// SHA-256 in lower-case hexadecimal digits.
    pub sha256: Arc<str>,
    /// Packages of the guest's distribution it needs.
    pub packages: Vec<Arc<str>>,
}

/// Where an artifact comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The guest downloads it.
    Url(Arc<str>),
    /// A file on the machine Spawnpoint runs on: for guests without a way out.
    File(Arc<str>),
}

impl Artifact {
    /// Returns the name of the file on the guest.
    pub fn file_name(&self) -> &str {
        let (Source::Url(place) | Source::File(place)) = &self.source;
        let path = place.split(['?', '#']).next().unwrap_or(place);
        path.rsplit('/').find(|part| !part.is_empty()).unwrap_or("artifact")
    }
}

impl Game {
    /// Returns what a server runs: the artifact of its settings, else the one pinned for its version.
    ///
    /// `None` only for a server that [`Game::validate`] found wrong.
    pub fn artifact(&self, server: &Server) -> Option<Artifact> {
        let text = |key: &str| server.settings.get(key).and_then(Value::as_text).map(Arc::<str>::from);
        let own = text("artifact_file").map(Source::File).or_else(|| text("artifact_url").map(Source::Url));
        let pinned = self.versions.get(&server.version);
        match own {
            Some(source) => Some(Artifact {
                source,
                sha256: text("artifact_sha256")?,
                // A server with a command of its own brings its own runtime.
                packages: match server.settings.contains_key("start_command") {
                    true => Vec::new(),
                    false => pinned.map(|version| version.packages.clone()).unwrap_or_default(),
                },
            }),
            None => pinned.map(|version| Artifact {
                source: Source::Url(version.url.clone()),
                sha256: version.sha256.clone(),
                packages: version.packages.clone(),
            }),
        }
    }

    /// Returns the variables of the playbook. They hold sensitive settings in clear: for a private file only.
    pub fn variables(&self, server: &Server) -> BTreeMap<String, serde_json::Value> {
        let mut files: BTreeMap<&str, BTreeMap<&str, String>> = BTreeMap::new();
        for (key, value) in &server.settings {
            if let Some(file) = self.settings.get(key).and_then(|setting| setting.file.as_deref()) {
                files.entry(file).or_default().insert(key, file_text(value));
            }
        }
        let settings: BTreeMap<_, _> = server.settings.iter().map(|(key, value)| (key, json(value))).collect();
        let (console, signal) = match &self.stop.by {
            StopBy::Console(commands) => (commands.clone(), Arc::from("SIGTERM")),
            StopBy::Signal(signal) => (Vec::new(), signal.clone()),
        };
        let artifact = self.artifact(server).map(|artifact| {
            let (url, file) = match &artifact.source {
                Source::Url(url) => (Some(url), None),
                Source::File(file) => (None, Some(file)),
            };
            json!({
                "url": url, "file": file, "sha256": artifact.sha256, "name": artifact.file_name(), "packages": artifact.packages,
            })
        });
        BTreeMap::from([
            ("gs_name".to_owned(), json!(server.name)),
            ("gs_title".to_owned(), json!(self.title)),
            ("gs_version".to_owned(), json!(server.version)),
            ("gs_ports".to_owned(), json!(server.ports)),
            ("gs_settings".to_owned(), json!(settings)),
            ("gs_files".to_owned(), json!(files)),
            ("gs_hidden".to_owned(), json!(self.hidden(server))),
            ("gs_artifact".to_owned(), json!(artifact)),
            ("gs_power".to_owned(), json!(server.power.as_str())),
            ("gs_saves".to_owned(), json!(self.saves)),
            (
                "gs_backup".to_owned(),
                server.backup.as_ref().map_or(
                    serde_json::Value::Null,
                    |backup| json!({ "schedule": backup.schedule, "keep": backup.keep }),
                ),
            ),
            (
                "gs_stop".to_owned(),
                json!({
                    "console": console, "signal": signal, "timeout_seconds": self.stop.timeout_seconds,
                }),
            ),
        ])
    }

    /// Returns the digest of everything a run of the playbook depends on: the same digest, nothing to do.
    ///
    /// `playbook` is the digest of the playbook's files; `fingerprint` turns a secret into what may be kept (a keyed hash).
    pub fn input_hash(
        &self,
        server: &Server,
        playbook: &str,
        secrets: &BTreeMap<Arc<str>, Value>,
        fingerprint: &dyn Fn(&str) -> String,
    ) -> String {
        let mut masked = server.clone();
        for key in self.hidden(server) {
            if let Some(value) = masked.settings.get_mut(key) {
                *value = Value::from(fingerprint(&file_text(value)));
            }
        }
        let secrets: BTreeMap<_, _> =
            secrets.iter().map(|(key, value)| (key, fingerprint(&file_text(value)))).collect();
        let everything = json!([playbook, self.variables(&masked), secrets]);
        Sha256::digest(everything.to_string()).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Returns the keys whose values may not be shown.
    fn hidden<'a>(&'a self, server: &'a Server) -> BTreeSet<&'a str> {
        let declared = self.settings.iter().filter(|(_, setting)| setting.is_sensitive).map(|(key, _)| &**key);
        let marked = server.settings.iter().filter(|(_, value)| value.is_sensitive()).map(|(key, _)| &**key);
        declared.chain(marked).collect()
    }
}

impl Power {
    /// Returns the name in the language.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
        }
    }
}

/// Returns a value as a game's own file has it.
fn file_text(value: &Value) -> String {
    match value.kind() {
        Kind::Bool(flag) => flag.to_string(),
        Kind::Number(number) => number.to_string(),
        Kind::Text(text) => text.to_string(),
        Kind::List(_) | Kind::Set(_) | Kind::Tuple(_) => {
            value.as_items().into_iter().flatten().map(file_text).collect::<Vec<_>>().join(",")
        }
        Kind::Null(_) | Kind::Unknown(..) | Kind::Map(_) | Kind::Object(_) => String::new(),
    }
}

/// Returns a setting as JSON. Settings are truth values, whole numbers, texts and lists of texts; nothing else gets through validation.
fn json(value: &Value) -> serde_json::Value {
    match (value.as_bool(), value.as_i64(), value.as_items()) {
        (Some(flag), ..) => json!(flag),
        (_, Some(number), _) => json!(number),
        (.., Some(items)) => items.iter().map(json).collect(),
        (None, None, None) => value.as_text().map_or(serde_json::Value::Null, |text| json!(text)),
    }
}

//! What `plan -out` writes and `apply FILE` carries out: the text people approved, and, sealed, everything it was made from.
//!
//! `apply` does not execute what is written here: it plans again from the same input and compares intents. So the file holds no calls,
//! and what it shows can be read without a key, while texts of files and values of variables can not.

use super::configuration::Given;
use super::disk::Memory;
use super::failure::Outcome;
use super::session::schema;
use crate::config::{Address, FileDigest, VariableArgument};
use crate::diagnostics::Diagnostic;
use crate::plan::{Mode, Options, Plan};
use crate::render::{Style, json, plan};
use serde::{Deserialize, Serialize};
use state_backends::Keys;
use std::collections::BTreeMap;
use std::path::Path;

/// The format written now.
const FORMAT: u32 = 1;

/// What the sealed part is bound to.
const CONTEXT: &str = "input of a plan file";

/// A plan file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanFile {
    format: u32,
    /// Version that wrote it.
    pub(super) spawnpoint: String,
    /// State it was made from.
    pub(super) lineage: String,
    /// What is intended.
    pub(super) intent: String,
    /// The plan as text, as it was shown.
    pub(super) text: String,
    /// The plan as JSON.
    pub(super) json: serde_json::Value,
    sealed: String,
}

/// What a plan was made from.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    /// Answers of the files' door.
    pub(super) memory: Memory,
    /// What was said about variables.
    pub(super) given: Given,
    /// What was asked for.
    pub(super) options: Options,
}

impl PlanFile {
    /// Returns the file of a plan.
    ///
    /// # Errors
    /// The origin cannot be sealed.
    pub(super) fn new(plan: &Plan, origin: &Origin, keys: &Keys) -> Outcome<Self> {
        let wire = serde_json::to_vec(&OriginWire::of(origin)).expect("texts and numbers are always JSON");
        Ok(Self {
            format: FORMAT,
            spawnpoint: env!("CARGO_PKG_VERSION").into(),
            lineage: plan.lineage.clone(),
            intent: plan.intent.clone(),
            text: plan::text(plan, schema, Style::Plain),
            json: json::plan(plan, schema),
            sealed: keys.cipher().seal(CONTEXT, &wire)?,
        })
    }

    /// Writes the file, readable by the user alone.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn write(&self, path: &Path) -> Outcome<()> {
        let text = serde_json::to_string_pretty(self).expect("texts and numbers are always JSON") + "\n";
        let failed = |error: std::io::Error| Diagnostic::error(format!("cannot write `{}`: {error}", path.display()));
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(failed)?;
        std::io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)?;
        Ok(())
    }

    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or is no plan file of a format this version knows.
    pub(super) fn read(path: &Path) -> Outcome<Self> {
        let name = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Diagnostic::error(format!("cannot read `{name}`: {error}")))?;
        let is_ours = |value: &serde_json::Value| value["format"].as_u64();
        let format = serde_json::from_str::<serde_json::Value>(&text).ok().as_ref().and_then(is_ours);
        let not_a_plan =
            || Diagnostic::error(format!("`{name}` is not a plan file")).hint("`spawnpoint plan -out FILE` writes one");
        match format {
            None => Err(not_a_plan().into()),
            Some(format) if format > u64::from(FORMAT) => {
                Err(Diagnostic::error(format!("`{name}` has format {format}, this version reads up to {FORMAT}"))
                    .into())
            }
            Some(_) => serde_json::from_str(&text).map_err(|_| not_a_plan().into()),
        }
    }

    /// Returns what the plan was made from.
    ///
    /// # Errors
    /// The keys are not those it was sealed with, or the file is damaged.
    pub(super) fn origin(&self, keys: &Keys) -> Outcome<Origin> {
        let wrong = || {
            Diagnostic::error("the plan file was made with other keys, or is damaged")
                .hint("plan again where the state is: `spawnpoint plan -out FILE`")
        };
        let bytes = keys.cipher().open(CONTEXT, &self.sealed).map_err(|_| wrong())?;
        let wire: OriginWire = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
        wire.read().ok_or_else(|| wrong().into())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OriginWire {
    files: BTreeMap<String, Result<Content, String>>,
    #[serde(default)]
    digests: BTreeMap<String, Result<(u64, String), String>>,
    folders: BTreeMap<String, Result<Vec<String>, String>>,
    trees: BTreeMap<String, Result<Vec<String>, String>>,
    existence: BTreeMap<String, bool>,
    environment: BTreeMap<String, String>,
    arguments: Vec<ArgumentWire>,
    mode: ModeWire,
    targets: Vec<String>,
    excludes: Vec<String>,
    replace: Vec<String>,
    parallelism: usize,
    allowed_destroys: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Content {
    Text(String),
    Base64(String),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ArgumentWire {
    Value(String, String),
    File(String),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ModeWire {
    Apply,
    Destroy,
    RefreshOnly,
}

impl Content {
    fn of(bytes: &[u8]) -> Self {
        use base64::Engine as _;
        match str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Base64(base64::engine::general_purpose::STANDARD.encode(bytes)),
        }
    }

    fn read(self) -> Option<Vec<u8>> {
        use base64::Engine as _;
        match self {
            Self::Text(text) => Some(text.into_bytes()),
            Self::Base64(text) => base64::engine::general_purpose::STANDARD.decode(text).ok(),
        }
    }
}

impl OriginWire {
    fn of(origin: &Origin) -> Self {
        let Origin { memory, given, options } = origin;
        let texts = |addresses: &[Address]| addresses.iter().map(ToString::to_string).collect();
        let content = |(path, read): (&String, &Result<Vec<u8>, String>)| {
            (path.clone(), read.as_deref().map(Content::of).map_err(Clone::clone))
        };
        let digest = |(path, read): (&String, &Result<FileDigest, String>)| {
            (path.clone(), read.clone().map(|file| (file.bytes, file.sha256)))
        };
        let argument = |argument: &VariableArgument| match argument {
            VariableArgument::Value { name, text } => ArgumentWire::Value(name.clone(), text.clone()),
            VariableArgument::File(path) => ArgumentWire::File(path.clone()),
        };
        Self {
            files: memory.files.iter().map(content).collect(),
            digests: memory.digests.iter().map(digest).collect(),
            folders: memory.folders.clone(),
            trees: memory.trees.clone(),
            existence: memory.existence.clone(),
            environment: given.environment.clone(),
            arguments: given.arguments.iter().map(argument).collect(),
            mode: match options.mode {
                Mode::Apply => ModeWire::Apply,
                Mode::Destroy => ModeWire::Destroy,
                Mode::RefreshOnly => ModeWire::RefreshOnly,
            },
            targets: texts(&options.targets),
            excludes: texts(&options.excludes),
            replace: texts(&options.replace),
            parallelism: options.parallelism,
            allowed_destroys: options.allowed_destroys,
        }
    }

    fn read(self) -> Option<Origin> {
        let addresses =
            |texts: Vec<String>| texts.iter().map(|text| text.parse().ok()).collect::<Option<Vec<Address>>>();
        let mut files = BTreeMap::new();
        for (path, content) in self.files {
            let content = match content {
                Ok(content) => Ok(content.read()?),
                Err(error) => Err(error),
            };
            files.insert(path, content);
        }
        let digest = |(bytes, sha256)| FileDigest { bytes, sha256 };
        let digests = self.digests.into_iter().map(|(path, read)| (path, read.map(digest))).collect();
        let argument = |argument| match argument {
            ArgumentWire::Value(name, text) => VariableArgument::Value { name, text },
            ArgumentWire::File(path) => VariableArgument::File(path),
        };
        Some(Origin {
            memory: Memory { files, digests, folders: self.folders, trees: self.trees, existence: self.existence },
            given: Given {
                environment: self.environment,
                arguments: self.arguments.into_iter().map(argument).collect(),
            },
            options: Options {
                mode: match self.mode {
                    ModeWire::Apply => Mode::Apply,
                    ModeWire::Destroy => Mode::Destroy,
                    ModeWire::RefreshOnly => Mode::RefreshOnly,
                },
                targets: addresses(self.targets)?,
                excludes: addresses(self.excludes)?,
                replace: addresses(self.replace)?,
                parallelism: self.parallelism,
                allowed_destroys: self.allowed_destroys,
                // However the plan was made: what is applied was looked at.
                looks: true,
            },
        })
    }
}

//! The one written form of [`State`] and [`Entry`]: JSON with a `format` number. Nothing else in the project may serialize them.
//!
//! The types here are the format: changing one means a new format number, a migration, and a file of the old format among the tests.
//! Addresses are written as people write them. Secrets never get here in clear: what records hold are fingerprints, and outputs with
//! sensitive parts are sealed by the caller's [`Seal`].

use super::fingerprint::has_only_fingerprints;
use super::{Completeness, Effect, Entry, Identity, OperationKey, Outcome, OutputRecord, Record, State};
use crate::config::{Address, AddressError};
use crate::value::wire::{self, Stored};
use crate::value::{Marks, Value, name};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The format written now.
pub const FORMAT: u32 = 1;

/// Protects texts that must not be readable where the state is kept.
pub trait Seal: Send + Sync {
    /// Returns the text in protected form.
    ///
    /// # Errors
    /// What is missing, for the user: usually a key.
    fn seal(&self, text: &str) -> Result<String, String>;

    /// Returns the text that was protected.
    ///
    /// # Errors
    /// Why it cannot be read, for the user.
    fn open(&self, sealed: &str) -> Result<String, String>;
}

/// Why a state cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// A newer version wrote it.
    #[error("the state has format {found}, and this version reads formats up to {FORMAT}")]
    FormatTooNew {
        /// The format found.
        found: u32,
    },
    /// It is not what it should be.
    #[error("the state is damaged: {0}")]
    Damaged(String),
    /// A value cannot be written: it is unknown, or a secret that is no fingerprint.
    #[error("the state of a `{kind}` cannot be written: {reason}")]
    Unwritable {
        /// Kind of the object.
        kind: String,
        /// Why.
        reason: String,
    },
    /// A sensitive output cannot be protected or read.
    #[error("output `{name}`: {reason}")]
    Seal {
        /// The output.
        name: String,
        /// What the seal says.
        reason: String,
    },
}

/// Returns a snapshot as text. GitLab's state storage reads the top-level `serial`.
///
/// # Errors
/// [`WireError::Seal`], if a sensitive output cannot be protected.
pub fn write_snapshot(state: &State, seal: &dyn Seal) -> Result<String, WireError> {
    let open = state.open.values().flatten().map(|entry| EntryWire::of(entry, seal)).collect::<Result<_, _>>()?;
    let records =
        state.records.iter().map(|(address, record)| Ok((address.to_string(), RecordWire::of(record, seal)?)));
    Ok(text(&SnapshotWire {
        format: FORMAT,
        serial: state.serial,
        lineage: state.lineage.clone(),
        records: records.collect::<Result<_, _>>()?,
        outputs: outputs_of(&state.outputs, seal)?,
        open,
    }))
}

/// Reads a snapshot.
///
/// # Errors
/// [`WireError`].
pub fn read_snapshot(text: &str, seal: &dyn Seal) -> Result<State, WireError> {
    let wire = of_format(text, |wire: &SnapshotWire<Stored>| wire.format)?;
    let reader = Reader::new(seal);
    let record =
        |(address, record): (String, RecordWire<Stored>)| Ok((reader.address(&address)?, record.read(&reader)?));
    let mut state = State {
        lineage: wire.lineage,
        serial: wire.serial,
        records: wire.records.into_iter().map(record).collect::<Result<_, WireError>>()?,
        outputs: read_outputs(wire.outputs, seal)?,
        ..State::default()
    };
    for entry in wire.open {
        state
            .take(entry.read(&reader)?)
            .map_err(|(key, problem)| WireError::Damaged(format!("step {key} {problem}")))?;
    }
    Ok(state)
}

/// Returns an entry as text.
///
/// # Errors
/// [`WireError::Seal`], if a sensitive output cannot be protected.
pub fn write_entry(entry: &Entry, seal: &dyn Seal) -> Result<String, WireError> {
    Ok(text(&LineWire { format: FORMAT, entry: EntryWire::of(entry, seal)? }))
}

/// Reads an entry.
///
/// # Errors
/// [`WireError`].
pub fn read_entry(text: &str, seal: &dyn Seal) -> Result<Entry, WireError> {
    of_format(text, |line: &LineWire<Stored>| line.format)?.entry.read(&Reader::new(seal))
}

/// Reads what has a format. What cannot be read is a newer format, if it says so, whatever else is wrong with it.
fn of_format<'a, T: Deserialize<'a>>(text: &'a str, format: impl Fn(&T) -> u32) -> Result<T, WireError> {
    let wire = from_text::<T>(text);
    let found = match &wire {
        Ok(wire) => format(wire),
        Err(_) => from_text::<HeadWire>(text)?.format,
    };
    match found {
        0 => Err(WireError::Damaged("there is no format 0".to_owned())),
        1..=FORMAT => wire,
        found => Err(WireError::FormatTooNew { found }),
    }
}

fn from_text<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, WireError> {
    serde_json::from_str(text).map_err(|error| WireError::Damaged(error.to_string()))
}

/// The order of members is that of the types below, and of their keys in maps: the same state is the same text.
fn text(wire: &impl Serialize) -> String {
    serde_json::to_string(wire).expect("the wire types have text keys and no other way to fail")
}

#[derive(Deserialize)]
struct HeadWire {
    format: u32,
}

#[derive(Serialize, Deserialize)]
struct SnapshotWire<V> {
    format: u32,
    serial: u64,
    lineage: String,
    records: BTreeMap<String, RecordWire<V>>,
    outputs: BTreeMap<String, OutputWire>,
    open: Vec<EntryWire<V>>,
}

#[derive(Serialize, Deserialize)]
struct LineWire<V> {
    format: u32,
    entry: EntryWire<V>,
}

/// A record; values are written as JSON and read as [`Stored`].
#[derive(Serialize, Deserialize)]
struct RecordWire<V> {
    kind: Arc<str>,
    cluster: Arc<str>,
    identity: BTreeMap<Arc<str>, Arc<str>>,
    intent: String,
    applied: V,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    secrets: BTreeMap<Arc<str>, serde_json::Value>,
    dependencies: Vec<String>,
    partial: bool,
    adopted: bool,
}

#[derive(Serialize, Deserialize)]
struct OutputWire {
    sensitive: bool,
    /// The value in wire form, its sensitive parts sealed.
    value: serde_json::Value,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EntryWire<V> {
    Begun {
        run: Arc<str>,
        sequence: u32,
        address: String,
        cluster: Arc<str>,
        kind: Arc<str>,
        identity: BTreeMap<Arc<str>, Arc<str>>,
        step: Arc<str>,
        call: String,
        intent: String,
        effect: EffectWire<V>,
        at: i64,
    },
    TaskAssigned {
        run: Arc<str>,
        sequence: u32,
        upid: String,
    },
    Settled {
        run: Arc<str>,
        sequence: u32,
        outcome: OutcomeWire,
        at: i64,
    },
    Abandoned {
        run: Arc<str>,
        sequence: u32,
        reason: String,
    },
    Outputs {
        run: Arc<str>,
        outputs: BTreeMap<String, OutputWire>,
    },
    Recorded {
        address: String,
        effect: EffectWire<V>,
        at: i64,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum EffectWire<V> {
    None,
    Put(Box<RecordWire<V>>),
    Remove,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum OutcomeWire {
    Done,
    Warnings(Vec<String>),
    Failed(String),
}

/// What reading takes besides the text.
struct Reader<'a> {
    seal: &'a dyn Seal,
    /// Addresses met so far: many records name the same ones.
    addresses: RefCell<HashMap<String, Address>>,
}

impl<'a> Reader<'a> {
    fn new(seal: &'a dyn Seal) -> Self {
        Self { seal, addresses: RefCell::default() }
    }

    fn address(&self, text: &str) -> Result<Address, WireError> {
        let mut addresses = self.addresses.borrow_mut();
        if let Some(known) = addresses.get(text) {
            return Ok(known.clone());
        }
        let address: Address = text.parse().map_err(|error: AddressError| WireError::Damaged(error.to_string()))?;
        addresses.insert(text.to_owned(), address.clone());
        Ok(address)
    }
}

impl RecordWire<serde_json::Value> {
    fn of(record: &Record, seal: &dyn Seal) -> Result<Self, WireError> {
        Ok(Self {
            kind: record.kind.clone(),
            cluster: record.cluster.clone(),
            identity: record.identity.0.to_map(),
            intent: record.intent.clone(),
            applied: applied(record)?,
            secrets: secrets_of(record, seal)?,
            dependencies: record.dependencies.iter().map(Address::to_string).collect(),
            partial: record.completeness == Completeness::Partial,
            adopted: record.is_adopted,
        })
    }
}

impl RecordWire<Stored> {
    fn read(self, reader: &Reader) -> Result<Record, WireError> {
        Ok(Record {
            kind: name(&self.kind),
            cluster: name(&self.cluster),
            identity: identity_of(self.identity),
            intent: self.intent,
            applied: self.applied.0,
            secrets: read_secrets(self.secrets, reader.seal)?,
            dependencies: self.dependencies.iter().map(|address| reader.address(address)).collect::<Result<_, _>>()?,
            completeness: if self.partial { Completeness::Partial } else { Completeness::Complete },
            is_adopted: self.adopted,
        })
    }
}

impl EffectWire<serde_json::Value> {
    fn of(effect: &Effect, seal: &dyn Seal) -> Result<Self, WireError> {
        Ok(match effect {
            Effect::None => Self::None,
            Effect::Put(record) => Self::Put(Box::new(RecordWire::of(record, seal)?)),
            Effect::Remove => Self::Remove,
        })
    }
}

impl EffectWire<Stored> {
    fn read(self, reader: &Reader) -> Result<Effect, WireError> {
        Ok(match self {
            Self::None => Effect::None,
            Self::Put(record) => Effect::Put(Box::new(record.read(reader)?)),
            Self::Remove => Effect::Remove,
        })
    }
}

impl OutcomeWire {
    fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::Done,
            Outcome::DoneWithWarnings(warnings) => Self::Warnings(warnings.clone()),
            Outcome::Failed(text) => Self::Failed(text.clone()),
        }
    }

    fn read(self) -> Outcome {
        match self {
            Self::Done => Outcome::Done,
            Self::Warnings(warnings) => Outcome::DoneWithWarnings(warnings),
            Self::Failed(text) => Outcome::Failed(text),
        }
    }
}

impl EntryWire<serde_json::Value> {
    fn of(entry: &Entry, seal: &dyn Seal) -> Result<Self, WireError> {
        Ok(match entry.clone() {
            Entry::Begun { key, address, cluster, kind, identity, step, call, intent, effect, at } => {
                let (OperationKey { run, sequence }, address) = (key, address.to_string());
                let (identity, effect) = (identity.0.to_map(), EffectWire::of(&effect, seal)?);
                Self::Begun { run, sequence, address, cluster, kind, identity, step, call, intent, effect, at }
            }
            Entry::TaskAssigned { key: OperationKey { run, sequence }, upid } => {
                Self::TaskAssigned { run, sequence, upid }
            }
            Entry::Settled { key: OperationKey { run, sequence }, outcome, at } => {
                Self::Settled { run, sequence, outcome: OutcomeWire::of(&outcome), at }
            }
            Entry::Abandoned { key: OperationKey { run, sequence }, reason } => {
                Self::Abandoned { run, sequence, reason }
            }
            Entry::Outputs { run, outputs } => Self::Outputs { run, outputs: outputs_of(&outputs, seal)? },
            Entry::Recorded { address, effect, at } => {
                Self::Recorded { address: address.to_string(), effect: EffectWire::of(&effect, seal)?, at }
            }
        })
    }
}

impl EntryWire<Stored> {
    fn read(self, reader: &Reader) -> Result<Entry, WireError> {
        let key = |run, sequence| OperationKey { run, sequence };
        Ok(match self {
            Self::Begun { run, sequence, address, cluster, kind, identity, step, call, intent, effect, at } => {
                let (key, address) = (key(run, sequence), reader.address(&address)?);
                let (identity, effect) = (identity_of(identity), effect.read(reader)?);
                Entry::Begun { key, address, cluster, kind, identity, step, call, intent, effect, at }
            }
            Self::TaskAssigned { run, sequence, upid } => Entry::TaskAssigned { key: key(run, sequence), upid },
            Self::Settled { run, sequence, outcome, at } => {
                Entry::Settled { key: key(run, sequence), outcome: outcome.read(), at }
            }
            Self::Abandoned { run, sequence, reason } => Entry::Abandoned { key: key(run, sequence), reason },
            Self::Outputs { run, outputs } => Entry::Outputs { run, outputs: read_outputs(outputs, reader.seal)? },
            Self::Recorded { address, effect, at } => {
                Entry::Recorded { address: reader.address(&address)?, effect: effect.read(reader)?, at }
            }
        })
    }
}

fn outputs_of(
    outputs: &BTreeMap<Arc<str>, OutputRecord>,
    seal: &dyn Seal,
) -> Result<BTreeMap<String, OutputWire>, WireError> {
    let output = |(name, output): (&Arc<str>, &OutputRecord)| {
        // What is declared sensitive is sealed even where the value itself does not say so.
        let marks = if output.is_sensitive { Marks::SENSITIVE } else { Marks::NONE };
        let marked = output.value.clone().with_marks(marks);
        let value = wire::to_json(&marked, &mut |text| seal.seal(text).map_err(wire::WireError));
        let value = value.map_err(|error| WireError::Seal { name: name.to_string(), reason: error.0 })?;
        Ok((name.to_string(), OutputWire { sensitive: output.is_sensitive, value }))
    };
    outputs.iter().map(output).collect()
}

fn read_outputs(
    outputs: BTreeMap<String, OutputWire>,
    seal: &dyn Seal,
) -> Result<BTreeMap<Arc<str>, OutputRecord>, WireError> {
    let output = |(name, output): (String, OutputWire)| {
        let mut sealed = None;
        let value = value_of(&output.value, &mut |text| {
            seal.open(text).map_err(|reason| {
                sealed = Some(reason.clone());
                wire::WireError(reason)
            })
        });
        match (value, sealed) {
            (_, Some(reason)) => Err(WireError::Seal { name, reason }),
            (value, None) => Ok((name.into(), OutputRecord { value: value?, is_sensitive: output.sensitive })),
        }
    };
    outputs.into_iter().map(output).collect()
}

/// Writes an object as last applied. Its secrets are fingerprints by now; anything else that is sensitive is refused.
fn applied(record: &Record) -> Result<serde_json::Value, WireError> {
    let unwritable = |reason: String| WireError::Unwritable { kind: record.kind.to_string(), reason };
    if !has_only_fingerprints(&record.applied) {
        return Err(unwritable("a secret in it is not a fingerprint".to_owned()));
    }
    wire::to_json(&record.applied, &mut |text| Ok(text.to_owned())).map_err(|error| unwritable(error.0))
}

fn secrets_of(record: &Record, seal: &dyn Seal) -> Result<BTreeMap<Arc<str>, serde_json::Value>, WireError> {
    let secret = |(name, value): (&Arc<str>, &Value)| {
        let marked = value.clone().with_marks(Marks::SENSITIVE);
        let sealed = wire::to_json(&marked, &mut |text| seal.seal(text).map_err(wire::WireError));
        let unwritable =
            |error: wire::WireError| WireError::Unwritable { kind: record.kind.to_string(), reason: error.0 };
        Ok((name.clone(), sealed.map_err(unwritable)?))
    };
    record.secrets.iter().map(secret).collect()
}

fn read_secrets(
    secrets: BTreeMap<Arc<str>, serde_json::Value>,
    seal: &dyn Seal,
) -> Result<BTreeMap<Arc<str>, Value>, WireError> {
    let secret = |(name, value): (Arc<str>, serde_json::Value)| {
        let value = value_of(&value, &mut |text| seal.open(text).map_err(wire::WireError))?;
        Ok((name, value))
    };
    secrets.into_iter().map(secret).collect()
}

fn value_of(json: &serde_json::Value, open: wire::Open<'_>) -> Result<Value, WireError> {
    wire::from_json(json, open).map_err(|error| WireError::Damaged(error.to_string()))
}

fn identity_of(parts: BTreeMap<Arc<str>, Arc<str>>) -> Identity {
    Identity(parts.into_iter().map(|(part, value)| (name(&part), value)).collect())
}

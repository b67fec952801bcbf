//! The configuration of a guest as the schema declares it: which keys carry an attribute, what they say, and what to write to them.
//!
//! Schema and [`Layout`] are the one table; nothing here knows a key by name. What needs more than its key (volumes, MAC addresses, the
//! owner marker) is the business of the type.

use super::marker::Marker;
use super::schema::{Attribute, Nested, Schema, Takes};
use super::wire::Wire;
use crate::observe::ConfigValues;
use crate::proxmox::property::PropertyString;
use crate::value::{Entries, Path, Step, Value, name};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

/// Values of a block by attribute, in any order; of two with one name the later counts.
pub type Attributes = Vec<(Arc<str>, Value)>;

/// Where the nested blocks of a schema stand in the configuration.
#[derive(Debug)]
pub struct Layout {
    /// The schema, whose attributes say their keys themselves.
    pub schema: &'static Schema,
    /// Its blocks that are in the configuration and need nothing more than to be written there.
    pub blocks: &'static [Block],
    prepared: OnceLock<Prepared>,
}

/// What reading takes, found once: a cluster has many guests.
#[derive(Debug)]
struct Prepared {
    attributes: Vec<Carried>,
    /// Of each block whose attributes are keys.
    nested: BTreeMap<&'static str, Vec<Carried>>,
    /// Every key but slots.
    keys: BTreeSet<&'static str>,
}

/// An attribute that a key of its own carries.
#[derive(Debug)]
struct Carried {
    name: Arc<str>,
    wire: Wire,
    takes: Takes,
}

impl Carried {
    fn all(schema: &Schema) -> Vec<Self> {
        let carried = schema.attributes.iter().filter_map(|attribute| {
            let (wire, takes) = (attribute.wire?, attribute.takes);
            Some(Self { name: name(attribute.name), wire, takes })
        });
        let mut carried: Vec<Self> = carried.collect();
        carried.sort_by_key(|carried| carried.wire.key);
        carried
    }

    /// Reads what a configuration says of the attributes, which are sorted by their keys. It has fewer keys than there are attributes.
    fn read(all: &[Self], values: &ConfigValues) -> Attributes {
        let read = values.iter().flat_map(|(key, text)| {
            let first = all.partition_point(|carried| *carried.wire.key < **key);
            let own = all[first..].iter().take_while(|carried| *carried.wire.key == **key);
            own.filter_map(|carried| Some((carried.name.clone(), (carried.wire.codec.read)(carried.takes, text)?)))
        });
        read.collect()
    }
}

/// A block in the configuration.
#[derive(Debug)]
pub struct Block {
    /// Its name.
    pub name: &'static str,
    /// Where it stands.
    pub place: Place,
}

/// Where a block stands.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// Each of its attributes is a key.
    Keys,
    /// It is the property string under this key, whose default sub-key may be written without its name.
    Property(&'static str, Option<&'static str>),
    /// It is a property string under its label: this stem and a number below the limit.
    Slots(&'static str, u32, Option<&'static str>),
}

/// What to write to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// This text.
    Set(String),
    /// This text, which is never shown.
    SetSecret(String),
    /// Nothing: the key is deleted.
    Unset,
}

impl Write {
    /// Returns the write of a text that may be secret, or of nothing.
    pub fn of(text: Option<String>, value: Option<&Value>) -> Self {
        let is_secret = value.is_some_and(|value| value.deep_marks().contains(crate::value::Marks::SENSITIVE));
        match text {
            Some(text) if is_secret => Self::SetSecret(text),
            Some(text) => Self::Set(text),
            None => Self::Unset,
        }
    }
}

/// What keys are written from.
pub struct Source<'a> {
    /// The guest wanted.
    pub desired: &'a Value,
    /// Its configuration now; for a clone that is yet to be made, the template's.
    pub present: &'a ConfigValues,
    /// Whether `present` is the template's: volume ids are filled in from a fresh read, and what is not wanted is dropped.
    pub is_clone: bool,
    /// Slots whose volumes an earlier step replaces by others: their ids are filled in from a fresh read.
    pub moved: &'a BTreeSet<String>,
    /// Attributes that change; what is neither wanted nor among them stays as it is.
    pub changed: &'a BTreeSet<Path>,
    /// Owner marker.
    pub marker: &'a Marker,
    /// Owner scope.
    pub project: &'a str,
}

impl Layout {
    /// Returns the layout of these blocks and of the attributes of a schema.
    pub const fn new(schema: &'static Schema, blocks: &'static [Block]) -> Self {
        Self { schema, blocks, prepared: OnceLock::new() }
    }

    fn prepared(&self) -> &Prepared {
        self.prepared.get_or_init(|| {
            let are_keys = self.blocks.iter().filter(|block| matches!(block.place, Place::Keys));
            let nested: BTreeMap<_, _> =
                are_keys.map(|block| (block.name, Carried::all(self.nested(block).schema))).collect();
            let attributes = Carried::all(self.schema);
            let carried = attributes.iter().chain(nested.values().flatten()).map(|carried| carried.wire.key);
            let properties = self.blocks.iter().filter_map(|block| match block.place {
                Place::Property(key, _) => Some(key),
                Place::Keys | Place::Slots(..) => None,
            });
            let keys = carried.chain(properties).collect();
            Prepared { attributes, nested, keys }
        })
    }

    /// Returns whether an attribute or block is in charge of a key.
    pub fn knows(&self, key: &str) -> bool {
        let is_slot_of = |block: &Block| match block.place {
            Place::Slots(stem, count, _) => is_slot(key, stem, count),
            Place::Keys | Place::Property(..) => false,
        };
        self.prepared().keys.contains(key) || self.blocks.iter().any(is_slot_of)
    }

    fn nested(&self, block: &Block) -> &'static Nested {
        self.schema.block(block.name).expect("a layout names blocks of its schema")
    }

    /// Returns the keys that carry an attribute or a block; none for what is not laid out here. The path of a labelled block stands for
    /// all of it.
    pub fn keys_of(&self, path: &Path) -> Vec<String> {
        let label = |index: usize| match path.0.get(index) {
            Some(Step::Key(label) | Step::Attribute(label)) => Some(&**label),
            Some(Step::Index(_)) | None => None,
        };
        let root = path.root().unwrap_or_default();
        if let Some(attribute) = self.schema.attribute(root) {
            return attribute.wire.iter().map(|wire| wire.key.to_owned()).collect();
        }
        let Some(block) = self.blocks.iter().find(|block| block.name == root) else { return Vec::new() };
        match block.place {
            Place::Property(key, _) => vec![key.to_owned()],
            Place::Slots(..) => label(1).map(str::to_owned).into_iter().collect(),
            Place::Keys => {
                let attribute = label(1).and_then(|name| self.nested(block).schema.attribute(name));
                attribute.and_then(|attribute| attribute.wire).map(|wire| wire.key.to_owned()).into_iter().collect()
            }
        }
    }

    /// Returns the attribute or block that is in charge of a key.
    pub fn in_charge_of(&self, key: &str) -> Option<String> {
        let has_key = |attribute: &&Attribute| attribute.wire.is_some_and(|wire| wire.key == key);
        if let Some(attribute) = self.schema.attributes.iter().find(has_key) {
            return Some(attribute.name.to_owned());
        }
        self.blocks.iter().find_map(|block| match block.place {
            Place::Property(own, _) => (own == key).then(|| block.name.to_owned()),
            Place::Slots(stem, count, _) => is_slot(key, stem, count).then(|| format!("{} {key:?}", block.name)),
            Place::Keys => {
                let attribute = self.nested(block).schema.attributes.iter().find(has_key)?;
                Some(format!("{} {{ {} }}", block.name, attribute.name))
            }
        })
    }

    /// Reads a configuration: what it says, no more. What the server takes for granted is most of a guest, and comparing fills it in.
    pub fn decode(&self, values: &ConfigValues) -> Attributes {
        let prepared = self.prepared();
        let mut decoded = Carried::read(&prepared.attributes, values);
        for block in self.blocks {
            let schema = self.nested(block).schema;
            let value = match block.place {
                Place::Keys => Some(Value::object(Carried::read(&prepared.nested[block.name], values))),
                Place::Property(key, default_key) => {
                    values.text(key).and_then(|text| read_property(schema, text, default_key)).map(Value::object)
                }
                Place::Slots(stem, count, default_key) => {
                    let slots = values.iter().filter(|(key, _)| is_slot(key, stem, count));
                    let blocks = slots.filter_map(|(key, text)| {
                        Some((key.clone(), Value::object(read_property(schema, text, default_key)?)))
                    });
                    Some(Value::object(blocks))
                }
            };
            if let Some(value) = value {
                decoded.push((name(block.name), value));
            }
        }
        decoded
    }

    /// Returns what to write to a key; `None` for a key that is not laid out here.
    pub fn encode(&self, key: &str, source: &Source) -> Option<Write> {
        if let Some(write) = print_attribute(self.schema, key, source.desired) {
            return Some(write);
        }
        self.blocks.iter().find_map(|block| {
            let path = Path::attribute(block.name);
            let wanted = source.desired.get(block.name);
            let nested = self.nested(block);
            match block.place {
                Place::Keys => {
                    let none = Value::object(Attributes::new());
                    print_attribute(nested.schema, key, wanted.unwrap_or(&none))
                }
                Place::Property(own, default_key) if own == key => {
                    Some(print_block(nested.schema, default_key, key, &path, wanted, source))
                }
                Place::Slots(stem, count, default_key) if is_slot(key, stem, count) => {
                    let wanted = wanted.and_then(|blocks| blocks.get(key));
                    let path = path.then(Step::Key(key.into()));
                    Some(print_block(nested.schema, default_key, key, &path, wanted, source))
                }
                Place::Property(..) | Place::Slots(..) => None,
            }
        })
    }

    /// Returns the keys of everything that is wanted.
    pub fn wanted_keys(&self, desired: &Value) -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        for (name, value) in desired.as_entries().into_iter().flatten() {
            let path = Path::attribute(name.clone());
            if self.schema.attribute(name).is_some() {
                keys.extend(self.keys_of(&path));
                continue;
            }
            for inner in value.as_entries().into_iter().flat_map(Entries::keys) {
                keys.extend(self.keys_of(&path.then(Step::Key(inner.clone()))));
            }
        }
        keys
    }
}

/// Returns whether a key is a stem with a number below a limit.
pub fn is_slot(key: &str, stem: &str, count: u32) -> bool {
    if !key.as_bytes().get(stem.len()).is_some_and(u8::is_ascii_digit) {
        return false;
    }
    let number = key.strip_prefix(stem).filter(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    number.and_then(|number| number.parse::<u32>().ok()).is_some_and(|number| number < count)
}

/// Reads a property string into the attributes of a schema: what it says, no more.
pub fn read_property(schema: &Schema, text: &str, default_key: Option<&str>) -> Option<Attributes> {
    let parsed = PropertyString::parse(text, default_key).ok()?;
    Some(read_options(schema, &parsed, default_key))
}

/// Reads the options of a property string into the attributes of a schema: what they say, no more.
pub fn read_options(schema: &Schema, parsed: &PropertyString, default_key: Option<&str>) -> Attributes {
    let get = |key: &str| match default_key {
        Some(default) if default == key => parsed.default.as_deref(),
        _ => parsed.option(key),
    };
    let written = schema.attributes.iter().filter_map(|attribute| {
        let wire = attribute.wire?;
        Some((name(attribute.name), (wire.codec.read)(attribute.takes, get(wire.key)?)?))
    });
    written.collect()
}

fn print_attribute(schema: &Schema, key: &str, block: &Value) -> Option<Write> {
    let attribute = schema.attributes.iter().find(|attribute| attribute.wire.is_some_and(|wire| wire.key == key))?;
    let value = block.get(attribute.name).filter(|value| !value.is_null());
    let text = value.and_then(|value| (attribute.wire?.codec.print)(value));
    Some(Write::of(text, value))
}

fn print_block(
    schema: &Schema,
    default_key: Option<&str>,
    key: &str,
    path: &Path,
    wanted: Option<&Value>,
    source: &Source,
) -> Write {
    let Some(wanted) = wanted.filter(|wanted| !wanted.is_null()) else { return Write::Unset };
    let present = source.present.get(key).and_then(|text| PropertyString::parse(text, default_key).ok());
    let mut printed = present.unwrap_or_default();
    write_options(&mut printed, schema, default_key, path, wanted, source);
    let text = printed.to_string();
    Write::of(Some(text).filter(|text| !text.is_empty()), Some(wanted))
}

/// Writes the attributes of a block into a property string. Sub-keys that are neither wanted nor changed stay.
pub fn write_options(
    printed: &mut PropertyString,
    schema: &Schema,
    default_key: Option<&str>,
    path: &Path,
    wanted: &Value,
    source: &Source,
) {
    for attribute in schema.attributes {
        let Some(wire) = attribute.wire else { continue };
        let value = wanted.get(attribute.name).filter(|value| !value.is_null());
        let is_dropped = || source.changed.contains(&path.then(Step::Attribute(attribute.name.into())));
        let text = value.and_then(wire.codec.print).filter(|text| !text.is_empty());
        if text.is_none() && !is_dropped() {
            continue;
        }
        match (default_key == Some(wire.key), text) {
            (true, text) => printed.default = text,
            (false, Some(text)) => drop(printed.options.insert(wire.key.to_owned(), text)),
            (false, None) => drop(printed.options.remove(wire.key)),
        }
    }
}

//! What may stand in a block: attributes, nested blocks, and what a change of each does to a running guest.
//!
//! Schemas are plain statics. Judging a body against one is `conform`; documentation on an attribute is the user manual.

use super::wire::{self, Codec, Wire};
use crate::value::Value;

/// Attributes and nested blocks of one block type.
#[derive(Debug)]
pub struct Schema {
    /// Attributes in the order of the manual.
    pub attributes: &'static [Attribute],
    /// Nested blocks in the order of the manual.
    pub blocks: &'static [Nested],
}

impl Schema {
    /// A block without content.
    pub const EMPTY: Self = Self { attributes: &[], blocks: &[] };

    /// Returns the place of a name: attributes first, blocks behind them.
    pub fn place(&self, name: &str) -> Option<usize> {
        let names = self.attributes.iter().map(|attribute| attribute.name);
        names.chain(self.blocks.iter().map(|block| block.name)).position(|own| own == name)
    }

    /// Returns an attribute by name.
    pub fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// Returns a nested block type by name.
    pub fn block(&self, name: &str) -> Option<&'static Nested> {
        self.blocks.iter().find(|nested| nested.name == name)
    }
}

/// One attribute.
#[derive(Debug)]
pub struct Attribute {
    /// Name in the language; Proxmox's API name unless `language.md` shows another.
    pub name: &'static str,
    /// What values it takes.
    pub takes: Takes,
    /// Whether the user writes it.
    pub presence: Presence,
    /// What it is when the user does not write it and nothing is kept, as the language would write it.
    pub default: Option<&'static str>,
    /// What changing it does.
    pub impact: Impact,
    /// Whether its value is never shown.
    pub is_sensitive: bool,
    /// Whether the cluster cannot tell it: differences are judged against what was last applied.
    pub is_recorded: bool,
    /// Whether the planner decides by it what no other member of this declaration tells: where a guest goes, whether it runs.
    pub is_deciding: bool,
    /// Where it stands in the configuration of a guest, if it does.
    pub wire: Option<Wire>,
    /// Major version of Proxmox VE that it came with, if not every supported one has it.
    pub since: Option<u32>,
    /// For the user: what it is for, units, an example where it helps.
    pub documentation: &'static str,
}

impl Attribute {
    /// An optional attribute of a kind, changed live; the start of most declarations.
    pub const fn new(name: &'static str, takes: Takes, documentation: &'static str) -> Self {
        Self {
            name,
            takes,
            presence: Presence::Optional,
            default: None,
            impact: Impact::Live,
            is_sensitive: false,
            is_recorded: false,
            is_deciding: false,
            wire: None,
            since: None,
            documentation,
        }
    }

    /// Makes it required.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.presence = Presence::Required;
        self
    }

    /// Makes it chosen by the planner when the user does not write it.
    #[must_use]
    pub const fn chosen(mut self) -> Self {
        self.presence = Presence::Chosen;
        self
    }

    /// Makes it one that follows from other blocks.
    #[must_use]
    pub const fn derived(mut self) -> Self {
        self.presence = Presence::Derived;
        self
    }

    /// Makes it readable only.
    #[must_use]
    pub const fn computed(mut self) -> Self {
        self.presence = Presence::Computed;
        self
    }

    /// Sets what it is when left out, written as in the language.
    #[must_use]
    pub const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    /// Sets what changing it does.
    #[must_use]
    pub const fn on_change(mut self, impact: Impact) -> Self {
        self.impact = impact;
        self
    }

    /// Says under which key it stands in the configuration of a guest, in the usual notation of its kind.
    #[must_use]
    pub const fn key(self, key: &'static str) -> Self {
        self.coded(key, &wire::PLAIN)
    }

    /// Says under which key it stands in the configuration of a guest, and in which notation.
    #[must_use]
    pub const fn coded(mut self, key: &'static str, codec: &'static Codec) -> Self {
        self.wire = Some(Wire { key, codec, absent: None });
        self
    }

    /// Says what a guest has whose configuration does not say, in the notation of the configuration.
    #[must_use]
    pub const fn absent(mut self, text: &'static str) -> Self {
        if let Some(wire) = &mut self.wire {
            wire.absent = Some(text);
        }
        self
    }

    /// Returns what a guest has whose configuration does not say.
    pub fn value_if_absent(&self) -> Option<Value> {
        let wire = self.wire?;
        (wire.codec.read)(self.takes, wire.absent?)
    }

    /// Makes it one that the cluster cannot tell.
    #[must_use]
    pub const fn recorded(mut self) -> Self {
        self.is_recorded = true;
        self
    }

    /// Says with which major version of Proxmox VE it came. Source: the API schemas of 8.4.5 and 9.2.3 side by side.
    #[must_use]
    pub const fn since(mut self, major: u32) -> Self {
        self.since = Some(major);
        self
    }

    /// Makes it one that the planner decides by.
    #[must_use]
    pub const fn deciding(mut self) -> Self {
        self.is_deciding = true;
        self
    }

    /// Returns whether the plan depends on it, so that its value must be known while planning.
    pub fn decides(&self) -> bool {
        let is_chosen_one = self.presence == Presence::Chosen && !matches!(self.takes, Takes::List(_));
        let is_counted = matches!(self.takes, Takes::Reference(_) | Takes::Size);
        self.is_deciding || is_chosen_one || is_counted || self.impact == Impact::Recreate
    }

    /// Hides its value everywhere.
    #[must_use]
    pub const fn sensitive(mut self) -> Self {
        self.is_sensitive = true;
        self
    }
}

/// What values an attribute takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// `true` or `false`.
    Bool,
    /// A whole number between two bounds, both included.
    Integer(i64, i64),
    /// Any number.
    Number,
    /// Text.
    Text,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A size with a unit: `8GiB`. Kept in the largest exact unit.
    Size,
    /// A duration: `90s`, `10m`, `2h`.
    Duration,
    /// A DNS label of at most 63 characters.
    HostName,
    /// An IPv4 network: `10.40.0.0/24`.
    Cidr,
    /// An IP address.
    Address,
    /// A port, or the word `auto`.
    Port,
    /// The object of a block type: `tenant.acme`.
    Reference(&'static str),
    /// A list.
    List(&'static Takes),
    /// A set: order and repetition mean nothing.
    Set(&'static Takes),
    /// A map from text.
    Map(&'static Takes),
    /// Any value; judged elsewhere (the settings of a game).
    Any,
}

/// Who gives the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// The user must.
    Required,
    /// The user may.
    Optional,
    /// The user may, else the planner chooses once and keeps it in state.
    Chosen,
    /// It follows from other blocks; people see it only when it changes.
    Derived,
    /// Nobody writes it; it can be referred to.
    Computed,
}

/// What a change does to the guest. Ordered by harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Impact {
    /// Concerns Spawnpoint only; the cluster is not touched.
    None,
    /// Applied while the guest runs.
    Live,
    /// The game server restarts: players are disconnected, the guest runs on.
    Restart,
    /// Applied by a reboot of the guest, which the apply does.
    Reboot,
    /// The guest is stopped for it.
    Stop,
    /// The object is destroyed and made anew.
    Recreate,
}

/// A nested block type.
#[derive(Debug)]
pub struct Nested {
    /// Name.
    pub name: &'static str,
    /// How often, and under what label.
    pub occurs: Occurs,
    /// Its content.
    pub schema: &'static Schema,
    /// For the user.
    pub documentation: &'static str,
}

/// How a nested block occurs, which also says what value it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occurs {
    /// At most once, without label: an object.
    Once,
    /// Under distinct labels: a map by label. The text says what the label is.
    ByLabel(&'static str),
    /// Any number, without label: a list.
    Many,
}

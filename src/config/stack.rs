//! The result of reading a configuration: settings, clusters, and every expanded object block.

use super::input::World;
use super::load::Origin;
use super::program::Program;
use super::{Address, Key, ModulePath};
use crate::diagnostics::Span;
use crate::value::{Path, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Values of block instances evaluated so far, by address of the instance. `Stack::evaluate` resolves references from here.
pub type Objects = BTreeMap<Address, Value>;

/// Attributes of a settings block by name, of the types the block declares.
pub type Attributes = BTreeMap<Arc<str>, Value>;

/// Everything the files say.
#[derive(Clone, Debug)]
pub struct Stack {
    /// The `spawnpoint` block.
    pub settings: Settings,
    /// `cluster` blocks by label.
    pub clusters: BTreeMap<Arc<str>, ClusterSettings>,
    /// Every instance of every object block (and `tier`), sorted by address.
    pub blocks: Vec<Block>,
    /// `notify` blocks by label: `url`, `on`.
    pub notify: BTreeMap<Arc<str>, Attributes>,
    /// `drift_ignore` blocks by label: `match`, `paths`, `reason`, `expires`.
    pub drift_ignores: BTreeMap<Arc<str>, Attributes>,
    /// `moved` blocks, in the order written.
    pub moved: Vec<Moved>,
    /// `removed` blocks, in the order written.
    pub removed: Vec<Removed>,
    /// `import` blocks, in the order written.
    pub imports: Vec<Import>,
    pub(super) program: Arc<Program>,
    /// To make it again when more is looked up.
    pub(super) origin: Arc<Origin>,
}

impl Stack {
    /// Returns the door to files that the stack was read through.
    pub fn files(&self) -> &dyn World {
        &*self.program.world
    }
}

/// What a `moved` or `removed` block is about: an address without key covers all instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A block or an instance of one.
    Block(Address),
    /// Everything in a module.
    Module(ModulePath),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Block(address) => address.fmt(f),
            Self::Module(path) => path.fmt(f),
        }
    }
}

/// A `moved` block: what was known under one address is known under another now.
#[derive(Clone, Debug)]
pub struct Moved {
    /// Where it was.
    pub from: Target,
    /// Where it is.
    pub to: Target,
    /// The block's header.
    pub span: Span,
}

/// A `removed` block: what was known under an address is not managed any more.
#[derive(Clone, Debug)]
pub struct Removed {
    /// Where it was.
    pub from: Target,
    /// Whether the objects are destroyed, or forgotten and left alone.
    pub destroys: bool,
    /// The block's header.
    pub span: Span,
}

/// An `import` block: an object that exists becomes managed.
#[derive(Clone, Debug)]
pub struct Import {
    /// The block it belongs to.
    pub to: Address,
    /// How the object's type identifies it: a VMID, a name.
    pub id: String,
    /// The block's header.
    pub span: Span,
}

/// The `spawnpoint` block and what it defaults to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Scope of the owner markers; default: name of the folder.
    pub project: String,
    /// `state "sqlite" { ... }`: kind and attributes as written.
    pub state: Option<(Arc<str>, Attributes)>,
    /// `encryption { ... }` attributes.
    pub encryption: Option<Attributes>,
    /// `limits.destroys`.
    pub destroys_max: Option<u64>,
    /// `limits.clones_per_node`.
    pub clones_per_node: Option<u64>,
}

/// A `cluster` block.
#[derive(Clone, Debug)]
pub struct ClusterSettings {
    /// Label.
    pub name: Arc<str>,
    /// Whether blocks that name no cluster run here.
    pub is_default: bool,
    /// Attributes as written: endpoints, token, ca_file, fingerprints, insecure.
    pub attributes: Attributes,
    /// `simulator { ... }` attributes, if the cluster is simulated.
    pub simulator: Option<Attributes>,
    /// VMIDs to choose from, inclusive.
    pub vmid_range: Option<(u32, u32)>,
    /// The block's header.
    pub span: Span,
}

/// One instance of an object block.
#[derive(Clone, Debug)]
pub struct Block {
    /// Its address.
    pub address: Address,
    /// The block's header in the text.
    pub span: Span,
    /// Block instances it refers to, directly or through locals, module variables and outputs, plus `depends_on`; sorted.
    pub dependencies: Arc<[Address]>,
    /// `data` blocks it refers to, directly or not; sorted.
    pub lookups: Arc<[Address]>,
    /// Label of the cluster that the nearest module call with `cluster = ...` names. The block's own attribute and its tenant come before.
    pub called_cluster: Option<Arc<str>>,
    /// `lifecycle`.
    pub lifecycle: Lifecycle,
    /// Whether the `lifecycle` block has a `precondition` or a `postcondition`.
    pub has_conditions: bool,
    /// Labels of nested blocks by type, known before evaluation: what composites need to name their children.
    pub shape: BTreeMap<Arc<str>, Vec<Option<Key>>>,
}

/// The `lifecycle` block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// Refuse to destroy.
    pub prevent_destroy: bool,
    /// Make the new one first.
    pub create_before_destroy: bool,
    /// Attributes whose differences are not acted on.
    pub ignore_changes: Vec<Path>,
    /// `ignore_changes = all`.
    pub ignores_all_changes: bool,
    /// What makes the object anew when it changes.
    pub replace_triggered_by: Vec<Trigger>,
}

/// An entry of `replace_triggered_by`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// The block instance.
    pub of: Address,
    /// The attribute of it that counts; empty: any.
    pub path: Path,
}

/// One `output` of the root module.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its value, unknown parts included.
    pub value: Value,
    /// Whether it is declared sensitive.
    pub is_sensitive: bool,
    /// `description`.
    pub description: Option<String>,
}

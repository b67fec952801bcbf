//! Everything known about a kind of object, one file each: schema, how it is seen, and which calls change it.
//!
//! Calls are made as data here, never sent. A new type is one file and one line in [`REGISTRY`]; composite blocks are in `domain`.

pub mod acl;
pub mod backup_job;
pub mod conform;
pub mod container;
pub mod firewall;
pub mod firewall_alias;
pub mod firewall_group;
pub mod group;
pub mod guest;
pub mod ha_group;
pub mod ha_resource;
pub mod ha_rule;
mod habits;
pub mod ip_set;
pub mod keys;
pub mod marker;
pub mod network_zone;
pub mod pool;
pub mod provision;
pub mod relocate;
pub mod role;
pub mod row;
pub mod rules;
pub mod schema;
pub mod sdn;
pub mod size;
pub mod snapshot;
pub mod step;
pub mod storage_file;
pub mod subnet;
pub mod template;
pub mod template_copy;
pub mod token;
pub mod user;
pub mod vm;
pub mod vnet;
pub mod wire;

use crate::config::World;
use crate::observe::{ClusterView, GuestView};
use crate::state::Identity;
use crate::value::{Path, Value};
use marker::Marker;
use schema::{Impact, Schema};
use std::collections::BTreeSet;
use step::{Lock, Step};
use template_copy::Forecasts;

/// Every type of object that lives on a cluster.
pub static REGISTRY: &[&ObjectType] = &[
    &vm::VM,
    &container::CONTAINER,
    &snapshot::SNAPSHOT,
    &template::TEMPLATE,
    &template_copy::TEMPLATE_COPY,
    &storage_file::STORAGE_FILE,
    &pool::POOL,
    &user::USER,
    &group::GROUP,
    &role::ROLE,
    &token::TOKEN,
    &acl::ACL,
    &ip_set::IP_SET,
    &firewall_alias::FIREWALL_ALIAS,
    &firewall_group::FIREWALL_GROUP,
    &firewall::FIREWALL,
    &backup_job::BACKUP_JOB,
    &ha_group::HA_GROUP,
    &ha_resource::HA_RESOURCE,
    &ha_rule::HA_RULE,
    &network_zone::NETWORK_ZONE,
    &vnet::VNET,
    &subnet::SUBNET,
    &provision::PROVISION,
];

/// Returns a type by name.
pub fn find(name: &str) -> Option<&'static ObjectType> {
    REGISTRY.iter().copied().find(|object| object.name == name)
}

/// Returns whether a type is a guest: it has a VMID of its own, disks, memory and power.
pub fn is_guest(name: &str) -> bool {
    matches!(name, "vm" | "container")
}

/// Returns whether objects of a type take a VMID: guests, and the templates we build.
pub fn takes_vmid(name: &str) -> bool {
    is_guest(name) || name == template_copy::TEMPLATE_COPY.name
}

/// What the id of an `import` is, in words, and how it is read; an error says what was expected.
pub type ImportId = (&'static str, fn(&str) -> Result<Identity, String>);

/// A type of object on a cluster.
pub struct ObjectType {
    /// Name in the registry, in plans and in the state.
    pub name: &'static str,
    /// One sentence for the manual.
    pub summary: &'static str,
    /// What may stand in its block.
    pub schema: &'static Schema,
    /// Whether we make it or find it.
    pub origin: Origin,
    /// A block of it for the manual, which parses, plans and applies. Empty: it is only ever the child of another block.
    pub example: &'static str,
    /// Tables it is seen in, read whole once per run where the type is used: `/access/groups`. They are in `ClusterView::tables`.
    pub tables: &'static [&'static str],
    /// Returns what is read besides for an object that is there: the members of its own list.
    pub reads: fn(&Identity) -> Vec<String>,
    /// Says what is wrong with an object that fits its schema. The cluster is `None` where the files are judged alone.
    pub check: fn(&Value, Option<&ClusterView>) -> Vec<Objection>,
    /// What the id of an `import` is, in words, and how it is read; none: objects of the type are not imported.
    pub import_id: Option<ImportId>,
    /// Returns the steps that make an imported object ours: its owner marker. None for types that carry no marker.
    pub claim: fn(&Draft) -> Vec<Step>,
    /// Returns where the object is or will be, from what it should be.
    pub identify: fn(&Value) -> Identity,
    /// Says whether the object is on the cluster, and what it is like.
    pub sight: fn(&Lookup) -> Sighting,
    /// Returns the steps that make it.
    pub create: fn(&Draft) -> Vec<Step>,
    /// Returns the steps that change these attributes.
    pub update: fn(&Draft, &Changed) -> Vec<Step>,
    /// Returns the steps that destroy it.
    pub delete: fn(&Draft) -> Vec<Step>,
    /// Whether a replacement makes the new one before the old one goes, whatever the block says: true where users move over.
    pub is_replaced_first: bool,
    /// Returns what is limited while it is made, changed or destroyed.
    pub locks: fn(&Draft) -> Vec<Lock>,
    /// What is done once on a cluster after all changes of objects of the types that name it.
    pub finish: Option<&'static Finish>,
}

/// Work that changes of several objects share: it is done once per run, after all of them.
pub struct Finish {
    /// Its name in addresses: `cluster.lab.network`.
    pub name: &'static str,
    /// Returns its steps, from the objects that are there in the end.
    pub steps: fn(&ClusterView, &[&Value]) -> Vec<Step>,
}

impl ObjectType {
    /// What most types have in common, for `..ObjectType::BASE`.
    pub const BASE: Self = Self {
        name: "",
        summary: "",
        schema: &Schema::EMPTY,
        origin: Origin::Made,
        example: "",
        tables: &[],
        reads: |_| Vec::new(),
        check: |_, _| Vec::new(),
        import_id: None,
        claim: |_| Vec::new(),
        identify: |_| Identity::default(),
        sight: |_| Sighting::Absent,
        create: |_| Vec::new(),
        update: |_, _| Vec::new(),
        delete: |_| Vec::new(),
        is_replaced_first: false,
        locks: |_| Vec::new(),
        finish: None,
    };
}

/// What is wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// The attribute it is about.
    pub path: Path,
    /// What is wrong.
    pub summary: String,
    /// What to do about it.
    pub hint: String,
}

/// Returns the identity of an object that is known by one name.
fn named(part: &'static str, id: &str) -> Result<Identity, String> {
    match id.is_empty() {
        true => Err("expected a name".to_owned()),
        false => Ok(Identity::of([(part, id.to_owned())])),
    }
}

/// Returns the identity of a guest by its VMID.
fn by_vmid(id: &str) -> Result<Identity, String> {
    match id.parse::<u32>() {
        Ok(vmid @ 100..=999_999_999) => Ok(Identity::of([("vmid", vmid.to_string())])),
        _ => Err("expected a VMID, a number from 100".to_owned()),
    }
}

/// Whether objects of a type are made by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// We make, change and destroy it.
    Made,
    /// It must be there; we only look, and forget it in the end.
    Adopted,
}

/// What to look for.
pub struct Lookup<'a> {
    /// The cluster as seen.
    pub view: &'a ClusterView,
    /// Where the object should be.
    pub identity: &'a Identity,
    /// Intent of its marker; empty for objects without one.
    pub intent: &'a str,
    /// Whether it is to become ours: then it must carry no marker at all.
    pub is_claim: bool,
    /// Owner scope, to tell our tags from the user's.
    pub project: &'a str,
    /// The object as last applied; null if there is no record. For objects that the cluster cannot tell at all.
    pub applied: &'a Value,
}

/// Whether an object is on the cluster.
#[derive(Clone, Debug)]
pub enum Sighting {
    /// It is there.
    Present(Box<Found>),
    /// It is not there.
    Absent,
    /// Nobody knows: its node did not answer.
    Unreachable {
        /// The silent node.
        node: String,
    },
    /// Nobody knows: the token may not read where it would be seen.
    Hidden {
        /// What may not be read: `/access/groups`.
        table: String,
    },
    /// Something is there that is not ours; the text says what.
    Foreign(String),
    /// It is there by all other signs, and its owner marker is gone; the text says what. Nothing may be done to it.
    Unmarked(String),
}

/// An object as the cluster tells it.
#[derive(Clone, Debug)]
pub struct Found {
    /// The object in the shape of its schema, without what the cluster cannot tell.
    pub value: Value,
    /// Where it is now.
    pub identity: Identity,
    /// What the running guest still has, where changes wait for a reboot.
    pub running: Option<Value>,
    /// Digest of what was read, where the object has one.
    pub digest: Option<String>,
    /// Remarks for the plan: `moved to pve2`, `locked (backup)`.
    pub notes: Vec<String>,
}

/// Everything a change of an object is made from.
pub struct Draft<'a> {
    /// The object wanted; null when it is to go.
    pub desired: &'a Value,
    /// The object as last applied; null if there was none.
    pub applied: &'a Value,
    /// The object as it is, if it is.
    pub found: Option<&'a Found>,
    /// Where it is or will be.
    pub identity: &'a Identity,
    /// Its owner marker.
    pub marker: &'a Marker,
    /// Owner scope.
    pub project: &'a str,
    /// Clones of templates on one node at once; `None`: the usual limit.
    pub clones_per_node: Option<u64>,
    /// The cluster as seen.
    pub view: &'a ClusterView,
    /// Templates that the plan makes before: they are not in the view, or not as they will be.
    pub forecasts: &'a Forecasts,
    /// The files of this machine, for what is sent to a cluster.
    pub files: &'a dyn World,
}

impl<'a> Draft<'a> {
    /// Returns a guest as it will be when the steps are done: one that the plan makes before, or one that is there.
    pub fn guest(&self, vmid: u32) -> Option<&'a GuestView> {
        self.forecasts.get(&vmid).map(|guest| &**guest).or_else(|| self.view.guests.get(&vmid))
    }
}

/// What an update is about.
#[derive(Clone, Debug)]
pub struct Changed {
    /// Attributes that change; a labelled block that comes or goes is one path.
    pub paths: BTreeSet<Path>,
    /// The worst that this does to a running guest, as the plan says.
    pub impact: Impact,
}

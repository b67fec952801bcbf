//! What is wanted, in full: every block evaluated in dependency order, completed with what is inherited and chosen, expanded to objects.
//!
//! A block that has errors is left out; what refers to it is judged without it, silently. Completing is one file per block type.

mod firewall;
mod game_server;
mod scene;
mod snapshot;
mod storage_file;
mod template;
mod tenant;
mod version;
mod vm;

pub(super) use scene::{Lasting, Scene, TenantFacts};
pub(super) use template::build::COPY;

use super::input::PlanInput;
use super::judge::{content, is_ignored};
use super::{choose, expect_domain, open};
use crate::config::expression::Expression;
use crate::config::{Address, Block, Body, Evaluated};
use crate::diagnostics::{Diagnostic, Diagnostics, Span};
use crate::domain::{self, Role};
use crate::resources::ObjectType;
use crate::resources::conform::{Places, conform, type_of};
use crate::resources::firewall::FIREWALL;
use crate::resources::is_guest;
use crate::resources::schema::{Presence, Schema};
use crate::state::Identity;
use crate::value::{Entries, Marks, Path, Step, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One object that is wanted.
pub(super) struct Wish {
    /// Its address.
    pub(super) address: Address,
    /// Its type.
    pub(super) object: &'static ObjectType,
    /// Its cluster.
    pub(super) cluster: Arc<str>,
    /// What it should be, with references as the objects they are.
    wanted: Value,
    /// Where it is or will be.
    pub(super) identity: Identity,
    /// Address of its tenant.
    pub(super) tenant: Option<Address>,
    /// Index of its block in the stack.
    pub(super) block: usize,
    /// Places of its attributes.
    pub(super) places: Arc<Places>,
}

impl Wish {
    /// Returns what it should be; references are addresses, and what is kept apart is not there.
    pub(super) fn value(&self) -> Value {
        alone(self.object, &flatten(&self.wanted))
    }

    /// Returns the best place for a message about an attribute.
    pub(super) fn span_of(&self, path: &Path) -> Span {
        self.places.span_of(path)
    }
}

/// Returns what is wanted, and everything that is wrong with it.
///
/// Guests in `replaced` are to get a new VMID; those in `triggered` are replaced because another object changes.
pub(super) fn wishes<'a>(
    input: &PlanInput<'a>,
    replaced: &BTreeSet<Address>,
    triggered: BTreeMap<Address, Address>,
) -> (Scene<'a>, Diagnostics) {
    let mut scene = Scene::new(input, replaced, triggered);
    let mut diagnostics = Diagnostics::new();
    if input.options.mode == super::Mode::Destroy {
        return (scene, diagnostics);
    }
    let order = match crate::graph::order(&input.stack.blocks) {
        Ok(order) => order,
        Err(cycle) => return (scene, cycle),
    };
    scene.note_fixed();
    for at in order {
        diagnostics.extend(evaluate(&mut scene, at));
    }
    diagnostics.extend(scene.duplicates());
    (scene, diagnostics)
}

fn evaluate(scene: &mut Scene, at: usize) -> Diagnostics {
    let stack = scene.input.stack;
    let block = &stack.blocks[at];
    let Some(kind) = domain::find(&block.address.kind) else { return Diagnostics::new() };
    let (mut body, mut diagnostics) = stack.evaluate(&block.address, &scene.objects);
    let own_cluster = body.attributes.remove("cluster");
    let explain = |expression: &Expression, part: &[Step], diagnostic: Diagnostic| {
        stack.explain(&block.address, &scene.objects, (expression, part), diagnostic)
    };
    let (written, places, judged) = conform(kind.schema, &body, &explain);
    diagnostics.extend(judged);
    if block.has_conditions && !diagnostics.has_errors() {
        let (found, is_open) = stack.conditions(&block.address, None, &scene.objects);
        diagnostics.extend(found);
        if is_open {
            scene.open_preconditions.insert(block.address.clone());
        }
    }
    let is_broken = block.dependencies.iter().any(|other| scene.broken.contains(other));
    if diagnostics.has_errors() || is_broken {
        // What follows from what is wrong elsewhere is not worth saying; what is wrong with the block itself was said.
        scene.broken.insert(block.address.clone());
        return about(diagnostics, block);
    }
    let written = kept_where_ignored(scene, block, kind.schema, written);
    scene.refused.extend(open::refuse(kind.role, kind.schema, block, &written, &places));
    let cluster = match scene.cluster_of(block, own_cluster.as_ref(), &written, &places) {
        Ok(cluster) => cluster,
        Err(diagnostic) => {
            scene.broken.insert(block.address.clone());
            return about(diagnostic.into(), block);
        }
    };
    let mut draft = Draft { block, at, cluster, written, places: Arc::new(places), diagnostics };
    version::check(scene, &mut draft, kind.schema);
    let object = complete(scene, &mut draft);
    let has_errors = draft.diagnostics.has_errors();
    if has_errors || object.is_none() {
        scene.broken.insert(block.address.clone());
    }
    if let Some(object) = object.filter(|_| !has_errors) {
        if block.has_conditions {
            let (found, is_open) = stack.conditions(&block.address, Some(&object), &scene.objects);
            draft.diagnostics.extend(found);
            if is_open {
                scene.open_postconditions.insert(block.address.clone());
            }
        }
        scene.objects.insert(block.address.clone(), object);
    }
    about(draft.diagnostics, block)
}

/// What nobody acts on stays what it is, also for those who refer to it: that it will only be known later does not matter then.
fn kept_where_ignored(scene: &Scene, block: &Block, schema: &Schema, written: Value) -> Value {
    let Some(record) = scene.record(&block.address).filter(|_| !scene.replaced.contains(&block.address)) else {
        return written;
    };
    let ignored = open::paths(schema, &written).into_iter().filter(|path| is_ignored(block, path));
    ignored.fold(written, |written, path| match record.applied.at(&path.0).filter(|kept| !kept.is_sensitive()) {
        Some(kept) => open::replaced(&written, &path.0, Some(kept)),
        None => written,
    })
}

/// A block on its way to an object.
struct Draft<'a> {
    block: &'a Block,
    at: usize,
    cluster: Arc<str>,
    /// As written, in canonical form, defaults filled in.
    written: Value,
    places: Arc<Places>,
    diagnostics: Diagnostics,
}

impl Draft<'_> {
    /// Returns the attributes as written, defaults filled in.
    fn attributes(&self) -> BTreeMap<Arc<str>, Value> {
        self.written.as_entries().map(Entries::to_map).unwrap_or_default()
    }

    fn span_of(&self, path: &Path) -> Span {
        self.places.span_of(path)
    }

    fn is_written(&self, path: &Path) -> bool {
        self.places.get(path).is_some()
    }

    fn error(&mut self, summary: impl Into<String>, path: &Path, hint: impl Into<String>) {
        let span = self.span_of(path);
        self.diagnostics.push(Diagnostic::error(summary).at(span).hint(hint));
    }
}

/// Completes a block by its type, registers what it becomes, and returns the object that expressions see.
fn complete(scene: &mut Scene, draft: &mut Draft) -> Option<Value> {
    let kind = expect_domain(&draft.block.address.kind);
    let mut parts = None;
    let completed = match &*draft.block.address.kind {
        "tenant" => tenant::complete(scene, draft),
        "template" => template::complete(scene, draft).map(|(completed, own)| {
            parts = own;
            completed
        }),
        "vm" => vm::complete(scene, draft),
        "container" => vm::container::complete(scene, draft),
        "snapshot" => snapshot::complete(draft),
        "storage_file" => storage_file::complete(scene, draft),
        "game_server" => game_server::complete(scene, draft),
        "firewall" => firewall::complete(draft),
        _ => Some(as_written(scene, draft, kind.role)),
    }?;
    let Completed { attributes, tenant, identity } = completed;
    let object = Value::block(draft.block.address.to_string(), attributes);
    if draft.diagnostics.has_errors() {
        return None;
    }
    let view = scene.view(&draft.cluster);
    // The guests of a tenant share its address.
    let tenant = tenant.map(|address| scene.tenants.get(&address).map_or(address, |facts| facts.address.clone()));
    // What consists of parts that its text does not name is nothing itself.
    let is_whole = parts.is_none();
    for part in parts.into_iter().flatten() {
        for objection in (part.object.check)(&part.value, view) {
            let path = if part.object.name == "storage_file" { Path::attribute("image") } else { objection.path };
            draft.error(objection.summary, &path, objection.hint);
        }
        register(scene, draft, &tenant, (part.address, part.object), (part.value, part.identity));
    }
    for instance in domain::instances(draft.block).into_iter().filter(|_| is_whole) {
        let (value, identity) = match (&kind.role, instance.child) {
            (_, Some(child)) => {
                let key = instance.address.child.as_ref().and_then(|child| child.key.clone());
                let value = (child.desired)(&object, key.as_ref());
                let identity = (instance.object.identify)(&value);
                (value, identity)
            }
            (Role::Object(_) | Role::Setting | Role::Composite(_), None) => (object.clone(), identity.clone()),
        };
        for objection in (instance.object.check)(&value, view) {
            draft.error(objection.summary, &objection.path, objection.hint);
        }
        register(scene, draft, &tenant, (instance.address, instance.object), (value, identity));
    }
    if &*draft.block.address.kind == "tenant" {
        for (name, child, value) in domain::tenant::networks_of(&object) {
            for objection in (child.check)(&value, view) {
                let path = Path::attribute("network").then(Step::Attribute(name.into()));
                draft.error(objection.summary, &path, objection.hint);
            }
            let identity = (child.identify)(&value);
            register(scene, draft, &tenant, (draft.block.address.child(name, None), child), (value, identity));
        }
    }
    if is_guest(&draft.block.address.kind)
        && let Some((address, value)) = firewall::of_guest(scene, draft, &object, tenant.as_ref())
    {
        let identity = (FIREWALL.identify)(&value);
        register(scene, draft, &tenant, (address, &FIREWALL), (value, identity));
    }
    Some(object)
}

fn register(
    scene: &mut Scene,
    draft: &Draft,
    tenant: &Option<Address>,
    (address, object): (Address, &'static ObjectType),
    (value, identity): (Value, Identity),
) {
    let wish = Wish {
        address: address.clone(),
        object,
        cluster: draft.cluster.clone(),
        wanted: value,
        identity,
        tenant: tenant.clone(),
        block: draft.at,
        places: draft.places.clone(),
    };
    scene.wishes.insert(address, Box::new(wish));
}

/// A block that inherits and chooses nothing.
fn as_written(scene: &Scene, draft: &Draft, role: Role) -> Completed {
    let Role::Object(object) = role else {
        return Completed { attributes: draft.attributes(), tenant: None, identity: Identity::default() };
    };
    let identity = (object.identify)(&draft.written);
    let mut attributes = draft.attributes();
    let record = scene.record(&draft.block.address).filter(|_| !scene.replaced.contains(&draft.block.address));
    let computed = object.schema.attributes.iter().filter(|attribute| attribute.presence == Presence::Computed);
    for attribute in computed.filter(|attribute| attribute.is_sensitive) {
        // Told once, when the object was made: a record without it is one of an object that was made elsewhere.
        let told = scene.input.told.get(&draft.block.address).and_then(|told| told.get(attribute.name));
        let value = match record {
            _ if told.is_some() => told.cloned().expect("just seen"),
            None => Value::unknown(type_of(attribute.takes)),
            Some(record) => match record.secrets.get(attribute.name) {
                Some(secret) => secret.clone(),
                None => Value::null(type_of(attribute.takes)),
            },
        };
        attributes.insert(attribute.name.into(), value.with_marks(Marks::SENSITIVE));
    }
    Completed { attributes, tenant: None, identity }
}

/// Returns an object without what is not part of it: what the server tells once is kept apart from what is wanted, and the firewall of a
/// guest is an object of its own.
fn alone(object: &ObjectType, value: &Value) -> Value {
    let is_apart = |name: &str| {
        let attribute = object.schema.attribute(name);
        let is_secret =
            attribute.is_some_and(|attribute| attribute.presence == Presence::Computed && attribute.is_sensitive);
        is_secret || is_guest(object.name) && name == "firewall"
    };
    match value.as_entries() {
        Some(entries) if entries.keys().any(|name| is_apart(name)) => {
            let kept = entries.iter().filter(|(name, _)| !is_apart(name));
            Value::object(kept.map(|(name, value)| (name.clone(), value.clone())))
        }
        _ => value.clone(),
    }
}

/// An object that a block consists of besides what its text names.
struct Part {
    address: Address,
    object: &'static ObjectType,
    value: Value,
    identity: Identity,
}

/// What a block type's file returns.
struct Completed {
    /// The object's attributes.
    attributes: BTreeMap<Arc<str>, Value>,
    /// Address of its tenant.
    tenant: Option<Address>,
    /// Where the object is or will be, if the block is an object itself.
    identity: Identity,
}

/// Returns a value with every reference inside replaced by its address: what state and plan keep.
fn flatten(value: &Value) -> Value {
    let address = |inside: &Value| inside.address().map(|address| Value::text(address.clone()));
    content(value, &address).unwrap_or_else(|| value.clone())
}

fn about(diagnostics: Diagnostics, block: &Block) -> Diagnostics {
    let mut labelled = Diagnostics::new();
    labelled.extend(diagnostics.into_iter().map(|diagnostic| match diagnostic.address {
        Some(_) => diagnostic,
        None => diagnostic.about(&block.address),
    }));
    labelled
}

/// Returns the path of an attribute of a labelled nested block.
fn nested(block: &str, label: &str, attribute: &str) -> Path {
    Path::attribute(block).then(Step::Key(label.into())).then(Step::Attribute(attribute.into()))
}

/// Returns an evaluated attribute of a body, if it is written and not null.
fn written<'a>(body: &'a Body, name: &str) -> Option<&'a Evaluated> {
    body.attributes.get(name).filter(|evaluated| !evaluated.value.is_null())
}

//! The one tree behind plan text and plan JSON: objects by harm, each with its attributes and nested blocks as the user writes them.

use crate::config::Address;
use crate::plan::{Action, AttributeChange, Cause, Change, Plan};
use crate::resources::schema::{Impact, Occurs, Presence, Schema, Takes};
use crate::value::{Marks, Path, Step, Value};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Finds the schema of a registry name. Without one, what is a nested block is guessed from the value.
pub type Schemas = fn(&str) -> Option<&'static Schema>;

/// One object that changes.
#[derive(Debug)]
pub struct Object<'a> {
    /// What the planner says.
    pub change: &'a Change,
    /// How bad it is.
    pub harm: Harm,
    /// Attributes and nested blocks that are shown, in order.
    pub nodes: Vec<Node>,
    /// Attributes that are not shown.
    pub hidden: usize,
}

/// How bad a change is, worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Harm {
    /// Something new, or something only we notice.
    None,
    /// Changed while it runs.
    Live,
    /// The game server restarts, the guest runs on.
    Restarts,
    /// A short interruption.
    Reboots,
    /// Stopped for the change.
    Stops,
    /// Destroyed and made again.
    Replaces,
    /// Gone.
    Destroys,
    /// What the user stored is gone.
    LosesData,
}

impl Harm {
    /// Returns how bad a change is.
    pub fn of(change: &Change) -> Self {
        match (change.action, change.impact) {
            _ if !change.data_loss.is_empty() => Self::LosesData,
            (Action::Delete, _) => Self::Destroys,
            (Action::Replace, _) | (Action::Update | Action::Adopt, Impact::Recreate) => Self::Replaces,
            (Action::NoOp | Action::Create | Action::Forget, _) | (Action::Update | Action::Adopt, Impact::None) => {
                Self::None
            }
            (Action::Update | Action::Adopt, Impact::Stop) => Self::Stops,
            (Action::Update | Action::Adopt, Impact::Reboot) => Self::Reboots,
            (Action::Update | Action::Adopt, Impact::Restart) => Self::Restarts,
            (Action::Update | Action::Adopt, Impact::Live) => Self::Live,
        }
    }
}

/// An attribute or a nested block.
#[derive(Debug)]
pub struct Node {
    /// How it is written.
    pub name: Name,
    /// What happens to it.
    pub action: Action,
    /// What it holds.
    pub content: Content,
}

/// How a node is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// `memory = ...`
    Attribute(Arc<str>),
    /// `disk "scsi0" { ... }`
    Block(Arc<str>, Option<Arc<str>>),
}

/// What a node holds.
#[derive(Debug)]
pub enum Content {
    /// A value.
    Leaf(Box<Leaf>),
    /// More nodes.
    Body(Vec<Node>),
}

/// A value before and after.
#[derive(Debug)]
pub struct Leaf {
    /// `None`: not there.
    pub before: Option<Value>,
    /// `None`: not there.
    pub after: Option<Value>,
    /// Whether the planner chose it.
    pub is_chosen: bool,
    /// Whether it forces replacement.
    pub forces_replacement: bool,
    /// What its change does, if it is a change.
    pub impact: Option<Impact>,
    /// Who caused the difference, if it is one.
    pub cause: Option<Cause>,
}

/// Returns the objects that change, worst first; among equals in the order of the work, then of their addresses.
pub fn objects(plan: &Plan, schemas: Schemas) -> Vec<Object<'_>> {
    let changing = plan.changes.iter().filter(|change| change.action != Action::NoOp);
    let mut objects: Vec<Object<'_>> = changing.map(|change| object(change, schemas(&change.kind))).collect();
    let turns = turns(plan);
    // What takes no operation needs to wait for none.
    let turn = |object: &Object<'_>| turns.get(&object.change.address).copied().unwrap_or(1);
    objects.sort_by_key(|object| (Reverse(object.harm), turn(object)));
    objects
}

/// Returns for each object the turn in which its first operation is done.
fn turns(plan: &Plan) -> BTreeMap<&Address, u64> {
    let mut turns: BTreeMap<&Address, u64> = BTreeMap::new();
    for (operation, own) in plan.operations.iter().zip(plan.turns()) {
        let turn = turns.entry(&operation.address).or_insert(own);
        *turn = own.min(*turn);
    }
    turns
}

fn object<'a>(change: &'a Change, schema: Option<&'static Schema>) -> Object<'a> {
    let mut hidden = change.unchanged;
    let nodes = match change.action {
        Action::Create => {
            let nodes = whole(&change.after, Action::Create, schema);
            hidden = defaults(&change.after, schema);
            nodes
        }
        Action::NoOp | Action::Adopt | Action::Update | Action::Replace | Action::Delete | Action::Forget => {
            let mut nodes = Vec::new();
            for attribute in &change.attributes {
                insert(&mut nodes, &attribute.path.0, attribute, schema);
            }
            nodes
        }
    };
    Object { change, harm: Harm::of(change), nodes, hidden }
}

/// Returns the number of attributes left out because they are at their defaults.
fn defaults(value: &Value, schema: Option<&'static Schema>) -> usize {
    let Some(schema) = schema else { return 0 };
    schema.attributes.iter().filter(|attribute| is_default(value.get(attribute.name), attribute.default)).count()
}

fn is_default(value: Option<&Value>, default: Option<&str>) -> bool {
    let (Some(value), Some(default)) = (value, default) else {
        return false;
    };
    !value.is_sensitive() && (value.as_text() == Some(default) || super::value::inline(value) == default)
}

/// Returns an object's content as nodes that all come or all go: scalars first, nested blocks after them.
fn whole(value: &Value, action: Action, schema: Option<&'static Schema>) -> Vec<Node> {
    let Some(entries) = value.as_entries() else {
        return Vec::new();
    };
    let (mut attributes, mut blocks) = (Vec::new(), Vec::new());
    for (name, value) in in_schema_order(entries.iter().collect(), schema) {
        let attribute = schema.and_then(|schema| schema.attribute(name));
        let is_empty = value.as_items().is_some_and(<[Value]>::is_empty);
        if value.is_null() || is_empty || is_default(Some(value), attribute.and_then(|attribute| attribute.default)) {
            continue;
        }
        match shape(name, value, schema) {
            Shape::Value => {
                let presence = attribute.map(|attribute| attribute.presence);
                // What nobody writes and nobody chooses follows from the rest.
                if matches!(presence, Some(Presence::Computed | Presence::Derived)) && !value.is_unknown() {
                    continue;
                }
                let may_be_chosen = presence.is_none_or(|presence| presence == Presence::Chosen);
                let is_chosen = may_be_chosen && value.marks().contains(Marks::CHOSEN);
                let value = attribute.map_or_else(|| value.clone(), |attribute| reference(value, attribute.takes));
                attributes.push(leaf(Name::Attribute(name.clone()), &value, action, is_chosen));
            }
            Shape::Block(inner) => blocks.push(block(name, None, value, action, inner)),
            Shape::Labelled(inner) => {
                for (label, value) in value.as_entries().into_iter().flatten() {
                    blocks.push(block(name, Some(label.clone()), value, action, inner));
                }
            }
            Shape::Repeated(inner) => {
                blocks
                    .extend(value.as_items().into_iter().flatten().map(|item| block(name, None, item, action, inner)));
            }
        }
    }
    attributes.extend(blocks);
    attributes
}

/// A reference is kept as the text of an address; people write it without quotes.
fn reference(value: &Value, takes: Takes) -> Value {
    match (takes, value.as_text()) {
        (Takes::Reference(_), Some(address)) => Value::block(address, BTreeMap::new()),
        _ => value.clone(),
    }
}

type Entry<'a> = (&'a Arc<str>, &'a Value);

/// The manual's order where there is a schema: it begins with what matters.
fn in_schema_order<'a>(mut entries: Vec<Entry<'a>>, schema: Option<&'static Schema>) -> Vec<Entry<'a>> {
    if let Some(schema) = schema {
        entries.sort_by_key(|(name, _)| {
            let attribute = schema.attributes.iter().position(|attribute| attribute.name == &***name);
            let block = schema.blocks.iter().position(|nested| nested.name == &***name);
            (attribute.unwrap_or(usize::MAX), block)
        });
    }
    entries
}

/// How an entry of an object is written.
enum Shape {
    Value,
    Block(Option<&'static Schema>),
    Labelled(Option<&'static Schema>),
    Repeated(Option<&'static Schema>),
}

fn shape(name: &str, value: &Value, schema: Option<&'static Schema>) -> Shape {
    match schema.and_then(|schema| schema.block(name)) {
        _ if value.is_sensitive() || value.is_unknown() => Shape::Value,
        Some(nested) => match nested.occurs {
            Occurs::Once => Shape::Block(Some(nested.schema)),
            Occurs::ByLabel(_) => Shape::Labelled(Some(nested.schema)),
            Occurs::Many => Shape::Repeated(Some(nested.schema)),
        },
        None if schema.is_none() && is_labelled(value) => Shape::Labelled(None),
        None => Shape::Value,
    }
}

/// Whether a value without schema looks like blocks by label: a map of plain objects.
fn is_labelled(value: &Value) -> bool {
    let is_plain_object = |value: &Value| value.as_entries().is_some() && value.address().is_none();
    value.address().is_none()
        && value.as_entries().is_some_and(|entries| !entries.is_empty() && entries.values().all(is_plain_object))
}

fn leaf(name: Name, value: &Value, action: Action, is_chosen: bool) -> Node {
    let (before, after) = match action {
        Action::Delete => (Some(value.clone()), None),
        _ => (None, Some(value.clone())),
    };
    let leaf = Leaf { before, after, is_chosen, forces_replacement: false, impact: None, cause: None };
    Node { name, action, content: Content::Leaf(Box::new(leaf)) }
}

fn block(
    kind: &Arc<str>,
    label: Option<Arc<str>>,
    value: &Value,
    action: Action,
    schema: Option<&'static Schema>,
) -> Node {
    Node { name: Name::Block(kind.clone(), label), action, content: Content::Body(whole(value, action, schema)) }
}

/// Puts a differing attribute into the tree at the end of `steps`.
fn insert(nodes: &mut Vec<Node>, steps: &[Step], attribute: &AttributeChange, schema: Option<&'static Schema>) {
    let Some((first, rest)) = steps.split_first() else {
        return;
    };
    let Step::Attribute(kind) = first else {
        return nodes.push(difference(step_name(first), attribute));
    };
    let nested = schema.and_then(|schema| schema.block(kind));
    let looks_nested = schema.is_none() && matches!(rest, [Step::Key(_), Step::Attribute(_), ..]);
    let (name, rest) = match (rest, nested.map(|nested| nested.occurs)) {
        ([Step::Key(label), rest @ ..], Some(Occurs::ByLabel(_))) => {
            (Name::Block(kind.clone(), Some(label.clone())), rest)
        }
        ([Step::Key(label), rest @ ..], None) if looks_nested => (Name::Block(kind.clone(), Some(label.clone())), rest),
        ([Step::Index(_), rest @ ..], Some(Occurs::Many)) | (rest, Some(Occurs::Once)) => {
            (Name::Block(kind.clone(), None), rest)
        }
        (rest, _) => (Name::Attribute(kind.clone()), rest),
    };
    let inner = nested.map(|nested| nested.schema);
    match (&name, rest) {
        (Name::Block(..), []) => nodes.push(whole_difference(name, attribute, inner)),
        (Name::Attribute(_), []) => nodes.push(difference(name, attribute)),
        (Name::Block(..), rest) => insert(body(nodes, name), rest, attribute, inner),
        (Name::Attribute(_), rest) => {
            let key = Path(rest.to_vec());
            let key = rest.first().filter(|_| rest.len() == 1).map_or_else(|| key.to_string().into(), key_text);
            body(nodes, name).push(difference(Name::Attribute(key), attribute));
        }
    }
}

/// A nested block that comes or goes as a whole.
fn whole_difference(name: Name, attribute: &AttributeChange, schema: Option<&'static Schema>) -> Node {
    let node = |value: &Value, action| Node {
        name: name.clone(),
        action,
        content: Content::Body(whole(value, action, schema)),
    };
    match (&attribute.before, &attribute.after) {
        (None, Some(value)) if value.as_entries().is_some() => node(value, Action::Create),
        (Some(value), None) if value.as_entries().is_some() => node(value, Action::Delete),
        _ => difference(name, attribute),
    }
}

fn difference(name: Name, attribute: &AttributeChange) -> Node {
    let action = match (&attribute.before, &attribute.after) {
        (None, Some(_)) => Action::Create,
        (Some(_), None) => Action::Delete,
        (Some(_), Some(_)) | (None, None) => Action::Update,
    };
    let leaf = Leaf {
        before: attribute.before.clone(),
        after: attribute.after.clone(),
        is_chosen: attribute.after.as_ref().is_some_and(|value| value.marks().contains(Marks::CHOSEN)),
        forces_replacement: attribute.forces_replacement,
        impact: Some(attribute.impact),
        cause: Some(attribute.cause),
    };
    Node { name, action, content: Content::Leaf(Box::new(leaf)) }
}

/// Returns the body of the node of this name, which is made if it is not there.
fn body(nodes: &mut Vec<Node>, name: Name) -> &mut Vec<Node> {
    let is_it = |node: &Node| node.name == name && matches!(node.content, Content::Body(_));
    let at = nodes.iter().position(is_it).unwrap_or_else(|| {
        nodes.push(Node { name, action: Action::Update, content: Content::Body(Vec::new()) });
        nodes.len() - 1
    });
    match &mut nodes[at].content {
        Content::Body(inner) => inner,
        Content::Leaf(_) => unreachable!("the position is that of a body"),
    }
}

fn step_name(step: &Step) -> Name {
    Name::Attribute(key_text(step))
}

fn key_text(step: &Step) -> Arc<str> {
    match step {
        Step::Attribute(name) | Step::Key(name) => name.clone(),
        Step::Index(at) => at.to_string().into(),
    }
}

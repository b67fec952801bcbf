//! The types of `data` blocks, one file each: what they take, what they give, and how that is read from the run's one snapshot.
//!
//! Pure: [`Snapshot`] answers from what was seen, or says which [`Read`] is missing; the shell reads and asks again. A new type is one
//! file and one line in [`REGISTRY`].

mod guest;
mod node;
mod nodes;
mod pool;
mod snapshot;
mod stack;
mod storage;
mod template;
mod version;
mod vm;
mod vms;

pub use snapshot::{Outputs, Read, Snapshot};

use crate::config::Question;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::observe::ClusterView;
use crate::observe::collect::ClusterWanted;
use crate::resources::conform::{Places, did_you_mean, type_of};
use crate::resources::schema::{Occurs, Schema};
use crate::value::{ObjectField, Path, Type, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Every type of look-up.
pub static REGISTRY: &[&LookupType] = &[
    &vm::VM,
    &vms::VMS,
    &template::TEMPLATE,
    &node::NODE,
    &nodes::NODES,
    &storage::STORAGE,
    &pool::POOL,
    &version::VERSION,
    &stack::STACK,
];

/// A type of `data` block.
pub struct LookupType {
    /// Its name: `vm` in `data "vm" "router"`.
    pub name: &'static str,
    /// One sentence for the manual.
    pub summary: &'static str,
    /// What it takes, and, as computed attributes, what it gives.
    pub schema: &'static Schema,
    /// A block of it for the manual, which works in the built-in lab.
    pub example: &'static str,
    /// Returns what it gives besides its arguments.
    answer: fn(&Ask) -> Result<Given, Missing>,
}

/// What a look-up gives, by the names of its schema. What is left out is null.
type Given = BTreeMap<&'static str, Value>;

/// Why there is no answer.
#[derive(Debug)]
enum Missing {
    /// Nobody has looked there yet.
    Read(Read),
    /// There is none.
    Wrong(Box<Diagnostic>),
}

/// What an answer is made from.
struct Ask<'a> {
    snapshot: &'a Snapshot,
    question: &'a Question,
    arguments: &'a Value,
    places: &'a Places,
}

/// A cluster as far as it was read.
struct Seen<'a> {
    name: Arc<str>,
    view: &'a ClusterView,
    /// What was asked of it.
    wanted: &'a ClusterWanted,
}

impl Ask<'_> {
    /// Returns an argument, if it is written.
    fn argument(&self, name: &str) -> Option<&Value> {
        self.arguments.get(name).filter(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.argument(name)?.as_text()
    }

    /// Returns the cluster that is asked.
    fn cluster(&self) -> Result<Seen<'_>, Missing> {
        let Some(clusters) = &self.snapshot.clusters else {
            return Err(Missing::Read(Read::Cluster(None)));
        };
        let default = || clusters.iter().find(|(_, is_default)| **is_default).map(|(name, _)| name.clone());
        let Some(name) = self.question.cluster.clone().or_else(default) else {
            let diagnostic = self.wrong("there is no cluster to look at", None);
            return Err(Missing::Wrong(Box::new(match clusters.is_empty() {
                true => {
                    diagnostic.hint("add `cluster \"lab\" { ... }` with a `simulator {}` block or with `endpoints`")
                }
                false => {
                    diagnostic.hint("mark one cluster with `default = true`, or write `cluster = cluster.NAME` here")
                }
            })));
        };
        match (self.snapshot.observed.clusters.get(&name), self.snapshot.wanted.get(&name)) {
            (Some(view), Some(wanted)) => Ok(Seen { name, view, wanted }),
            _ => Err(Missing::Read(Read::Cluster(Some(name)))),
        }
    }

    /// Returns an error at an argument, or at the block.
    fn wrong(&self, summary: impl Into<String>, argument: Option<&str>) -> Diagnostic {
        let span = argument.map(|name| self.places.span_of(&Path::attribute(name)));
        Diagnostic::error(summary).at(span.unwrap_or(self.places.span))
    }

    /// Returns the error of a name that nothing has, with what there is.
    fn not_found<'n>(
        &self,
        what: &str,
        argument: &str,
        cluster: &str,
        known: impl Iterator<Item = &'n str>,
        plural: &str,
    ) -> Missing {
        let name = self.text(argument).unwrap_or_default();
        let summary = format!("there is no {what} `{name}` on cluster `{cluster}`");
        Missing::Wrong(Box::new(self.wrong(summary, Some(argument)).hint(did_you_mean(name, known, plural))))
    }
}

/// Returns a type by name.
pub fn find(name: &str) -> Option<&'static LookupType> {
    REGISTRY.iter().copied().find(|lookup| lookup.name == name)
}

/// Puts an answer into the shape of the schema.
fn shaped(schema: &Schema, arguments: &Value, mut given: Given) -> Value {
    let attributes = schema.attributes.iter().map(|attribute| {
        let value = given.remove(attribute.name).or_else(|| arguments.get(attribute.name).cloned());
        (Arc::from(attribute.name), value.unwrap_or_else(|| Value::null(type_of(attribute.takes))))
    });
    let mut attributes: Vec<(Arc<str>, Value)> = attributes.collect();
    for nested in schema.blocks {
        let value = given.remove(nested.name).unwrap_or_else(|| Value::null(nested_type(nested.occurs, nested.schema)));
        attributes.push((nested.name.into(), value));
    }
    debug_assert!(given.is_empty(), "a look-up gives what its schema does not have: {:?}", given.keys());
    Value::object(attributes)
}

/// Returns the type of what a schema describes.
fn object_type(schema: &Schema) -> Type {
    let field = |of| ObjectField { of, is_optional: false };
    let attributes =
        schema.attributes.iter().map(|attribute| (Arc::from(attribute.name), field(type_of(attribute.takes))));
    let blocks =
        schema.blocks.iter().map(|nested| (Arc::from(nested.name), field(nested_type(nested.occurs, nested.schema))));
    Type::Object(Arc::new(attributes.chain(blocks).collect()))
}

fn nested_type(occurs: Occurs, schema: &Schema) -> Type {
    let of = object_type(schema);
    match occurs {
        Occurs::Once => of,
        Occurs::ByLabel(_) => Type::Map(Arc::new(of)),
        Occurs::Many => Type::List(Arc::new(of)),
    }
}

/// Returns a set of texts.
fn texts<'t>(items: impl IntoIterator<Item = &'t str>) -> Value {
    let items: std::collections::BTreeSet<&str> = items.into_iter().collect();
    Value::ordered_set(Type::Text, items.into_iter().map(Value::from))
}

/// Returns a list of numbers.
fn numbers(items: impl IntoIterator<Item = u32>) -> Value {
    Value::list(Type::Number, items.into_iter().map(|number| Value::from(i64::from(number))))
}

fn text_or_null(text: Option<&str>) -> Value {
    text.map_or_else(|| Value::null(Type::Text), Value::text)
}

/// Reports nested blocks that are only there to be read.
fn refuse_given_blocks(schema: &Schema, question: &Question, found: &mut Diagnostics) {
    for block in &question.body.blocks {
        if schema.block(&block.kind).is_some() {
            let diagnostic = Diagnostic::error(format!("`{}` can be read, not written", block.kind));
            found.push(diagnostic.at(block.body.span).hint("remove this block"));
        }
    }
}

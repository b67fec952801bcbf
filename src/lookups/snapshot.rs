//! [`Snapshot`]: what was seen so far, as the answerer of `data` blocks.

use super::{Ask, Missing, REGISTRY, find, object_type, refuse_given_blocks, shaped};
use crate::config::{Answer, Lookups, Question};
use crate::diagnostics::Diagnostics;
use crate::observe::Observed;
use crate::observe::collect::ClusterWanted;
use crate::resources::conform::conform;
use crate::state::OutputRecord;
use crate::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is known of the world outside. The default knows nothing: then every look-up is open.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The clusters of the stack by name, and whether each is the default; none while nobody is connected.
    pub clusters: Option<BTreeMap<Arc<str>, bool>>,
    /// What was seen of them.
    pub observed: Arc<Observed>,
    /// What was asked of them.
    pub wanted: BTreeMap<Arc<str>, ClusterWanted>,
    /// Outputs of other stacks, by folder and workspace; or why they cannot be read.
    pub stacks: BTreeMap<(String, String), Result<Outputs, String>>,
}

/// Outputs of a stack.
pub type Outputs = BTreeMap<Arc<str>, OutputRecord>;

/// Something nobody has looked at yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Read {
    /// A cluster; none: the clusters there are.
    Cluster(Option<Arc<str>>),
    /// The configuration of a guest.
    Guest(Arc<str>, u32),
    /// The members of a pool.
    Pool(Arc<str>, String),
    /// The storages of the nodes.
    Storages(Arc<str>),
    /// The bridges of the nodes.
    Bridges(Arc<str>),
    /// The outputs of another stack, by folder and workspace.
    Stack(String, String),
}

impl Read {
    /// Adds the read to what is wanted of the clusters; one of another stack adds nothing.
    pub fn want(&self, wanted: &mut BTreeMap<Arc<str>, ClusterWanted>) {
        match self {
            Self::Cluster(None) | Self::Stack(..) => {}
            Self::Cluster(Some(cluster)) => drop(wanted.entry(cluster.clone()).or_default()),
            Self::Guest(cluster, vmid) => drop(wanted.entry(cluster.clone()).or_default().guests.insert(*vmid)),
            Self::Pool(cluster, id) => drop(wanted.entry(cluster.clone()).or_default().pools.insert(id.clone())),
            Self::Storages(cluster) => wanted.entry(cluster.clone()).or_default().storages = true,
            Self::Bridges(cluster) => wanted.entry(cluster.clone()).or_default().bridges = true,
        }
    }
}

impl Snapshot {
    /// Returns what has to be read next to answer a question; nothing, if it can be answered.
    pub fn missing(&self, question: &Question) -> Option<Read> {
        match self.consult(question) {
            Err(Missing::Read(read)) => Some(read),
            Ok(_) | Err(Missing::Wrong(_)) => None,
        }
    }

    fn consult(&self, question: &Question) -> Result<Value, Missing> {
        let kind = find(&question.kind).expect("look-ups of unknown types were refused when the files were read");
        let (arguments, places, _) = conform(kind.schema, &question.body, &|_, _, diagnostic| diagnostic);
        let given = (kind.answer)(&Ask { snapshot: self, question, arguments: &arguments, places: &places })?;
        Ok(shaped(kind.schema, &arguments, given))
    }
}

impl Lookups for Snapshot {
    fn names(&self) -> Vec<&'static str> {
        REGISTRY.iter().map(|kind| kind.name).collect()
    }

    fn answer(&self, question: &Question) -> Answer {
        let kind = find(&question.kind).expect("look-ups of unknown types were refused when the files were read");
        let mut found = Diagnostics::new();
        refuse_given_blocks(kind.schema, question, &mut found);
        let (arguments, _, wrong) = conform(kind.schema, &question.body, &|_, _, diagnostic| diagnostic);
        // What is open behind an argument is asked again when it is known.
        let is_known = arguments.is_wholly_known();
        found.extend(wrong);
        if found.has_errors() {
            return Answer::Wrong(found);
        }
        match is_known.then(|| self.consult(question)) {
            None | Some(Err(Missing::Read(_))) => Answer::Open(object_type(kind.schema)),
            Some(Ok(value)) => Answer::Known(value),
            Some(Err(Missing::Wrong(diagnostic))) => Answer::Wrong((*diagnostic).into()),
        }
    }
}

//! Everything a plan is made from. Nothing else is looked at.

use super::Mode;
use crate::config::{Address, Stack};
use crate::games::Game;
use crate::observe::Observed;
use crate::state::State;
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Computed attributes by object: the secret of a token that was just made.
pub type Told = BTreeMap<Address, BTreeMap<Arc<str>, Value>>;

/// Input of the planner.
#[derive(Clone, Copy)]
pub struct PlanInput<'a> {
    /// What the files say.
    pub stack: &'a Stack,
    /// What we know we made, corrected by recovery.
    pub state: &'a State,
    /// What was seen; `None` to judge the files alone.
    pub observed: Option<&'a Observed>,
    /// Games by name.
    pub games: &'a BTreeMap<String, GameFacts>,
    /// Expected duration of a step by its name, in milliseconds.
    pub estimate_ms: &'a (dyn Fn(&str) -> u64 + Sync),
    /// What was asked for.
    pub options: &'a Options,
    /// Seconds since 1970.
    pub now: i64,
    /// Makes fingerprints of secrets.
    pub fingerprint_key: &'a [u8; 32],
    /// Objects another live run is working on; they are shown, not planned.
    pub in_progress: &'a BTreeMap<Address, String>,
    /// Attributes that were found out since the plan was made, while it is carried out; none while planning.
    pub told: &'a Told,
    /// VMIDs that must not be chosen: halves of clones that nobody can remove by API.
    pub avoided_vmids: &'a BTreeSet<u32>,
}

/// No objects in progress.
static IDLE: BTreeMap<Address, String> = BTreeMap::new();

/// Nothing was found out.
static NOTHING: Told = Told::new();

/// No VMIDs to be avoided.
static UNHARMED: BTreeSet<u32> = BTreeSet::new();

impl<'a> PlanInput<'a> {
    /// Returns the input for judging files without a look at any cluster: no step takes time, and fingerprints mean nothing.
    pub fn of_files(
        stack: &'a Stack,
        games: &'a BTreeMap<String, GameFacts>,
        state: &'a State,
        options: &'a Options,
        now: i64,
    ) -> Self {
        Self {
            stack,
            state,
            observed: None,
            games,
            estimate_ms: &|_| 0,
            options,
            now,
            fingerprint_key: &[0; 32],
            in_progress: &IDLE,
            told: &NOTHING,
            avoided_vmids: &UNHARMED,
        }
    }
}

/// A game and the digest of what its playbook is made of.
#[derive(Clone, Debug)]
pub struct GameFacts {
    /// The manifest.
    pub game: Game,
    /// Digest over playbook, roles and templates.
    pub playbook: String,
}

/// What was asked for on the command line.
#[derive(Clone, Debug)]
pub struct Options {
    /// Apply, destroy or refresh.
    pub mode: Mode,
    /// Only these objects and what they depend on; empty: all.
    pub targets: Vec<Address>,
    /// Not these objects, nor what depends on them.
    pub excludes: Vec<Address>,
    /// Objects to make anew.
    pub replace: Vec<Address>,
    /// Operations at once, for the estimate.
    pub parallelism: usize,
    /// Highest number of destroys allowed; `None`: the stack's limit.
    pub allowed_destroys: Option<u64>,
    /// Whether recorded objects are looked at; if not, they are taken to be as they are recorded.
    pub looks: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mode: Mode::Apply,
            targets: Vec::new(),
            excludes: Vec::new(),
            replace: Vec::new(),
            parallelism: 10,
            allowed_destroys: None,
            looks: true,
        }
    }
}

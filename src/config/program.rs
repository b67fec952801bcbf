//! The stack as it can be evaluated: every instance of every module, with the values that do not depend on objects kept for good.

use super::address::{Address, Key, ModulePath};
use super::expression::Expression;
use super::input::World;
use super::lookup::{Lookup, Lookups};
use super::module::{Call, Module};
use super::moment::Moment;
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

/// Everything evaluation needs besides the objects.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub world: Arc<dyn World>,
    /// When the plan was made.
    pub now: jiff::Timestamp,
    /// None while planning.
    pub moment: Option<Moment>,
    /// Whether blocks whose instances nobody knows have one that stands for them.
    pub has_stand_ins: bool,
    pub workspace: Arc<str>,
    pub working_folder: Arc<str>,
    /// Who answers `data` blocks.
    pub lookups: Arc<dyn Lookups>,
    /// Module instances; the root module is the first.
    pub instances: Vec<Instance>,
    /// Place in `instances` by path.
    pub places: BTreeMap<ModulePath, usize>,
    /// The variables of the root module whose value comes from outside, with the expression if a file gives one that is not secret.
    pub given: BTreeMap<Arc<str>, Option<Arc<Expression>>>,
}

/// One instance of a module.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    pub path: ModulePath,
    pub module: Arc<Module>,
    /// The call that made it; none for the root module.
    pub caller: Option<Caller>,
    /// Instances of the modules it calls, by name of the call.
    pub children: BTreeMap<Arc<str>, Expansion<usize>>,
    /// Instances of its object blocks, with `each.value`.
    pub objects: BTreeMap<(Arc<str>, Arc<str>), Expansion<Value>>,
    /// What is known of its variables, locals and outputs.
    pub cells: BTreeMap<CellName, Knowledge>,
}

/// Where a module instance was called from.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub instance: usize,
    pub call: Arc<str>,
    pub repeated: Repeated,
}

/// Key of the instance that stands for those nobody knows.
const OPEN: &str = "any";

/// What a block with or without `count` or `for_each` became.
#[derive(Clone, Debug)]
pub(super) enum Expansion<T> {
    Single(T),
    Count(Vec<T>),
    Each(BTreeMap<Arc<str>, T>),
    /// One that stands for all of them, because how many there are follows from what nobody has looked up: only to judge the block's body.
    Open(T),
}

/// Which instance of a block an expression is evaluated for.
#[derive(Clone, Debug, Default)]
pub(super) enum Repeated {
    #[default]
    Single,
    Count(u64),
    Each(Arc<str>, Value),
    /// The instance of [`Expansion::Open`].
    Open,
}

/// A named value of a module.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CellName {
    pub kind: CellKind,
    pub name: Arc<str>,
}

/// What kind of name it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CellKind {
    Variable,
    Local,
    Output,
    /// A `data` block: `TYPE.NAME`.
    Lookup,
}

/// What is known of a named value.
#[derive(Clone, Debug, Default)]
pub(super) struct Knowledge {
    /// The value, if it does not depend on objects.
    pub value: OnceLock<Value>,
    pub facts: OnceLock<Facts>,
}

/// What an expression depends on.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// Blocks (no key: all instances) and block instances.
    pub blocks: Arc<BTreeSet<Address>>,
    /// `data` blocks.
    pub lookups: Arc<BTreeSet<Address>>,
    /// The longest way through names to a name that refers to none.
    pub rank: usize,
}

impl<T> Expansion<T> {
    /// Returns the instance of a key.
    pub(super) fn get(&self, key: Option<&Key>) -> Option<&T> {
        match (self, key) {
            (Self::Single(item), None) => Some(item),
            (Self::Count(items), Some(Key::Number(number))) => items.get(usize::try_from(*number).ok()?),
            (Self::Each(items), Some(Key::Text(text))) => items.get(text),
            (Self::Open(item), Some(Key::Text(text))) if **text == *OPEN => Some(item),
            (Self::Single(_), Some(_)) | (Self::Count(_) | Self::Each(_) | Self::Open(_), _) => None,
        }
    }

    /// Returns how many instances there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Single(_) | Self::Open(_) => 1,
            Self::Count(items) => items.len(),
            Self::Each(items) => items.len(),
        }
    }

    /// Returns whether there are instances with keys.
    pub(super) fn is_repeated(&self) -> bool {
        match self {
            Self::Single(_) => false,
            Self::Count(_) | Self::Each(_) | Self::Open(_) => true,
        }
    }

    /// Returns all instances with their keys, in order.
    pub(super) fn iter(&self) -> Box<dyn Iterator<Item = (Option<Key>, &T)> + '_> {
        match self {
            Self::Single(item) => Box::new(std::iter::once((None, item))),
            Self::Count(items) => {
                Box::new(items.iter().enumerate().map(|(at, item)| (Some(Key::Number(at as u64)), item)))
            }
            Self::Each(items) => Box::new(items.iter().map(|(key, item)| (Some(Key::Text(key.clone())), item))),
            Self::Open(item) => Box::new(std::iter::once((Some(Key::Text(OPEN.into())), item))),
        }
    }
}

impl Instance {
    pub(super) fn new(path: ModulePath, module: Arc<Module>, caller: Option<Caller>) -> Self {
        let variables = module.variables.keys().map(|name| (CellKind::Variable, name));
        let locals = module.locals.keys().map(|name| (CellKind::Local, name));
        let outputs = module.outputs.keys().map(|name| (CellKind::Output, name));
        let names = variables.chain(locals).chain(outputs).map(|(kind, name)| CellName { kind, name: name.clone() });
        let names = names.chain(module.lookups.values().map(Lookup::cell));
        let cells = names.map(|name| (name, Knowledge::default())).collect();
        Self { path, module, caller, children: BTreeMap::new(), objects: BTreeMap::new(), cells }
    }
}

impl Program {
    /// Returns the same program before anything of it is known, with somebody else to answer `data` blocks.
    pub(super) fn blank(&self, lookups: Arc<dyn Lookups>) -> Self {
        Self {
            world: self.world.clone(),
            workspace: self.workspace.clone(),
            working_folder: self.working_folder.clone(),
            lookups,
            instances: Vec::new(),
            places: BTreeMap::new(),
            given: BTreeMap::new(),
            now: self.now,
            moment: self.moment,
            has_stand_ins: self.has_stand_ins,
        }
    }

    /// Returns the call that made a module instance; none for the root module.
    pub(super) fn call_of(&self, instance: usize) -> Option<(&Caller, &Call)> {
        let caller = self.instances[instance].caller.as_ref()?;
        Some((caller, self.instances[caller.instance].module.calls.get(&caller.call)?))
    }

    /// Returns whether a module instance stands for those nobody knows, or is called by one that does.
    pub(super) fn is_stand_in(&self, instance: usize) -> bool {
        let callers = std::iter::successors(self.instances[instance].caller.as_ref(), |caller| {
            self.instances[caller.instance].caller.as_ref()
        });
        callers.into_iter().any(|caller| matches!(caller.repeated, Repeated::Open))
    }

    /// Returns the `count.index` or `each` of an object instance.
    pub(super) fn repeated(&self, place: usize, address: &Address) -> Option<Repeated> {
        let expansion = self.instances[place].objects.get(&(address.kind.clone(), address.name.clone()))?;
        let value = expansion.get(address.key.as_ref())?;
        Some(expansion.repeated(address.key.as_ref(), value))
    }
}

impl Expansion<Value> {
    /// Returns the `count.index` or `each` of an instance.
    pub(super) fn repeated(&self, key: Option<&Key>, value: &Value) -> Repeated {
        match self {
            Self::Open(_) => Repeated::Open,
            Self::Single(_) | Self::Count(_) | Self::Each(_) => Repeated::of(key, value),
        }
    }
}

impl Repeated {
    pub(super) fn of(key: Option<&Key>, value: &Value) -> Self {
        match key {
            None => Self::Single,
            Some(Key::Number(number)) => Self::Count(*number),
            Some(Key::Text(text)) => Self::Each(text.clone(), value.clone()),
        }
    }
}

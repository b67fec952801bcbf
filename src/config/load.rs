//! The whole way from files to a [`Stack`], one step after the other.

use super::check::Checker;
use super::expand::Builder;
use super::given::Given;
use super::input::{Input, World};
use super::lock::ModuleLock;
use super::lookup::Lookups;
use super::module::Module;
use super::program::Program;
use super::stack::Stack;
use super::tree::{DemandedModule, Fetched, Loader, Modules};
use super::{blocks, given, refactor, settings};
use crate::diagnostics::{Diagnostics, Sources};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Reads a configuration. There is a stack only if there is no error; the sources are there in any case, to show the diagnostics with.
pub fn load(input: &Input) -> (Option<Stack>, Sources, Diagnostics) {
    let mut sources = input.test.map_or_else(Sources::new, |test| test.sources.clone());
    let mut diagnostics = Diagnostics::new();
    let stack = stack(input, &mut sources, &mut diagnostics);
    (stack.filter(|_| !diagnostics.has_errors()), sources, diagnostics)
}

/// The fetched modules that a configuration needs.
pub struct Demand {
    /// Each once.
    pub modules: Vec<DemandedModule>,
    /// The lock file.
    pub lock: ModuleLock,
    /// The texts that were read.
    pub sources: Sources,
    /// What is wrong with them.
    pub diagnostics: Diagnostics,
}

/// Returns the fetched modules that the stack in `folder` needs, as far as the files are there: those that are fetched may need more.
pub fn demand(world: &dyn World, folder: &str, object_types: &[&str]) -> Demand {
    let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
    let types = reference_types(object_types);
    let mut loader = loader(world, &types, &mut sources, &mut diagnostics);
    loader.fetched.is_asked = true;
    loader.load(folder);
    let Fetched { lock, met, .. } = loader.fetched;
    let lock = lock.unwrap_or_else(|| ModuleLock::read(world, &mut sources, &mut diagnostics));
    Demand { modules: met.into_values().collect(), lock, sources, diagnostics }
}

/// What may be named as a type of a variable.
fn reference_types<'a>(object_types: &[&'a str]) -> Vec<&'a str> {
    let objects: BTreeSet<&str> = object_types.iter().copied().chain(["tier"]).collect();
    objects.into_iter().chain(["cluster"]).collect()
}

fn loader<'a>(
    world: &'a dyn World,
    object_types: &'a [&'a str],
    sources: &'a mut Sources,
    diagnostics: &'a mut Diagnostics,
) -> Loader<'a> {
    let (modules, fetched) = (Modules::new(), Fetched::default());
    Loader { world, object_types, sources, diagnostics, modules, is_complete: true, fetched }
}

fn stack(input: &Input, sources: &mut Sources, diagnostics: &mut Diagnostics) -> Option<Stack> {
    let types = reference_types(input.object_types);
    let mut loader = loader(&*input.world, &types, sources, diagnostics);
    loader.load(input.folder);
    let modules = loader.modules;
    if !loader.is_complete {
        return None;
    }
    let object_types: Vec<&str> = types.into_iter().filter(|kind| *kind != "cluster").collect();
    for module in modules.values() {
        let lookup_types = input.lookups.names();
        let (object_types, lookup_types) = (&object_types, &lookup_types);
        Checker { module, modules: &modules, object_types, lookup_types, diagnostics }.check();
    }
    let root = modules.get(input.folder)?.clone();
    let given = given::collect(input, &root, sources, diagnostics);
    if diagnostics.has_errors() {
        return None;
    }
    let origin = Origin { modules, root, given, folder_name: input.folder_name.into() };
    let program = Program {
        world: input.world.clone(),
        now: input.now,
        moment: None,
        has_stand_ins: false,
        workspace: input.workspace.into(),
        working_folder: input.working_folder.into(),
        lookups: input.lookups.clone(),
        instances: Vec::new(),
        places: BTreeMap::new(),
        given: BTreeMap::new(),
    };
    build(&Arc::new(origin), program, diagnostics)
}

/// What a stack is made from, as read: enough to make it again when more is looked up.
#[derive(Debug)]
pub(super) struct Origin {
    modules: Modules,
    root: Arc<Module>,
    given: Given,
    folder_name: String,
}

/// Makes the stack again, with somebody else to answer its `data` blocks.
pub(super) fn resolve(
    origin: &Arc<Origin>,
    program: &Program,
    lookups: Arc<dyn Lookups>,
    diagnostics: &mut Diagnostics,
) -> Option<Stack> {
    build(origin, program.blank(lookups), diagnostics)
}

pub(super) fn build(origin: &Arc<Origin>, program: Program, diagnostics: &mut Diagnostics) -> Option<Stack> {
    let mut builder = Builder { modules: &origin.modules, program, diagnostics, is_over: false };
    builder.build(&origin.root, origin.given.clone());
    if builder.is_over {
        return None;
    }
    let program = builder.program;
    let settings = settings::read(&program, &origin.folder_name, diagnostics);
    let refactors = refactor::collect(&program, diagnostics);
    blocks::check_keys(&program, diagnostics);
    let blocks = blocks::collect(&program, diagnostics);
    Some(Stack {
        settings: settings.stack,
        clusters: settings.clusters,
        blocks,
        notify: settings.notify,
        drift_ignores: settings.drift_ignores,
        moved: refactors.moved,
        removed: refactors.removed,
        imports: refactors.imports,
        program: Arc::new(program),
        origin: origin.clone(),
    })
}

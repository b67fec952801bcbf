//! The whole way from files to a [`Stack`], one step after the other.

use super::check::Checker;
use super::expand::Builder;
use super::input::Input;
use super::program::Program;
use super::stack::Stack;
use super::tree::{Loader, Modules};
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

fn stack(input: &Input, sources: &mut Sources, diagnostics: &mut Diagnostics) -> Option<Stack> {
    let object_types: BTreeSet<&str> = input.object_types.iter().copied().chain(["tier"]).collect();
    let mut reference_types: Vec<&str> = object_types.iter().copied().collect();
    reference_types.push("cluster");
    let mut loader = Loader {
        input,
        object_types: &reference_types,
        sources,
        diagnostics,
        modules: Modules::new(),
        is_complete: true,
    };
    loader.load(input.folder);
    let modules = loader.modules;
    if !loader.is_complete {
        return None;
    }
    let object_types: Vec<&str> = object_types.into_iter().collect();
    for module in modules.values() {
        Checker { module, modules: &modules, object_types: &object_types, diagnostics }.check();
    }
    let root = modules.get(input.folder)?.clone();
    let given = given::collect(input, &root, sources, diagnostics);
    if diagnostics.has_errors() {
        return None;
    }
    let program = Program {
        world: input.world.clone(),
        now: input.now,
        workspace: input.workspace.into(),
        working_folder: input.working_folder.into(),
        instances: Vec::new(),
        places: BTreeMap::new(),
    };
    let mut builder = Builder { modules: &modules, program, diagnostics, is_over: false };
    builder.build(&root, given);
    if builder.is_over {
        return None;
    }
    let program = builder.program;
    let settings = settings::read(&program, input.folder_name, diagnostics);
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
    })
}

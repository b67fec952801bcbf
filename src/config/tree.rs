//! From a folder to the modules it needs: which files belong to a module, and the modules that modules call.

use super::input::{Input, join_path};
use super::module::{Call, Collector, Module, Place};
use super::parse;
use crate::diagnostics::{Diagnostic, Diagnostics, Sources};
use std::collections::BTreeMap;
use std::sync::Arc;

/// All modules of a stack by folder; the root module is one of them.
pub(super) type Modules = BTreeMap<Arc<str>, Arc<Module>>;

/// Endings of files in a folder that are HCL but not part of its module.
const NOT_PART_OF_A_MODULE: [&str; 4] = [".vars.hcl", ".test.hcl", ".lock.hcl", ".lab.hcl"];

/// Reads modules, each folder once.
pub(super) struct Loader<'a> {
    pub input: &'a Input<'a>,
    /// Block types of objects, and `cluster` and `tier`: what may be named as a type.
    pub object_types: &'a [&'a str],
    pub sources: &'a mut Sources,
    pub diagnostics: &'a mut Diagnostics,
    pub modules: Modules,
    /// Whether every file could be read: else what the others declare would look undeclared.
    pub is_complete: bool,
}

impl Loader<'_> {
    /// Reads the module in a folder and all it calls. Returns the folder.
    pub(super) fn load(&mut self, folder: &str) {
        let root = Arc::new(self.module(folder, Place::Root));
        let mut called: Vec<Call> = root.calls.values().cloned().collect();
        self.modules.insert(root.folder.clone(), root);
        while let Some(call) = called.pop() {
            if self.modules.contains_key(&call.folder) {
                continue;
            }
            if !self.input.world.exists(&call.folder) {
                let summary = format!("there is no folder `{}`", call.folder);
                self.diagnostics.push(Diagnostic::error(summary).at(call.source));
                continue;
            }
            let module = Arc::new(self.module(&call.folder, Place::Called));
            called.extend(module.calls.values().cloned());
            self.modules.insert(call.folder, module);
        }
        self.refuse_cycles();
    }

    fn module(&mut self, folder: &str, place: Place) -> Module {
        let module = Module { folder: folder.into(), ..Module::default() };
        let mut names = match self.input.world.list(folder) {
            Ok(names) => names,
            Err(error) => {
                self.diagnostics.push(Diagnostic::error(format!("cannot list the folder `{folder}`: {error}")));
                return module;
            }
        };
        names.retain(|name| is_part_of_a_module(name));
        names.sort();
        if names.is_empty() {
            let hint = "a stack is a folder with `*.hcl` files";
            self.diagnostics.push(Diagnostic::error(format!("the folder `{folder}` has no `*.hcl` file")).hint(hint));
        }
        let bodies: Vec<_> = names.iter().filter_map(|name| self.file(&join_path(folder, name))).collect();
        self.is_complete &= bodies.len() == names.len();
        let object_types: Vec<&str> = self.object_types.iter().copied().filter(|kind| *kind != "cluster").collect();
        let mut collector = Collector { place, object_types: &object_types, diagnostics: self.diagnostics, module };
        for body in bodies {
            collector.file(body);
        }
        collector.module
    }

    fn file(&mut self, path: &str) -> Option<super::syntax::Body> {
        let bytes = match self.input.world.read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.diagnostics.push(Diagnostic::error(format!("cannot read `{path}`: {error}")));
                return None;
            }
        };
        let file = parse::read(path, &bytes, self.sources, self.diagnostics)?;
        parse::parse(file, self.object_types, self.sources, self.diagnostics)
    }

    /// Reports modules that call themselves, directly or through others. The walk keeps its own stack: a chain of calls is as long as the
    /// user likes.
    fn refuse_cycles(&mut self) {
        let mut graph = petgraph::graphmap::DiGraphMap::<&str, ()>::new();
        for (folder, module) in &self.modules {
            graph.add_node(folder);
            for call in module.calls.values().filter(|call| self.modules.contains_key(&call.folder)) {
                graph.add_edge(folder, &call.folder, ());
            }
        }
        for group in petgraph::algo::kosaraju_scc(&graph) {
            let calls = || {
                let modules = group.iter().map(|folder| &self.modules[*folder]);
                modules.flat_map(|module| module.calls.values()).filter(|call| group.contains(&&*call.folder))
            };
            let Some(call) = calls().next() else {
                continue;
            };
            let summary = format!("the module `{}` calls itself, expected modules that end somewhere", call.folder);
            let diagnostic = Diagnostic::error(summary).at(call.source);
            let diagnostic =
                calls().skip(1).fold(diagnostic, |diagnostic, call| diagnostic.label(call.source, "and this call"));
            self.diagnostics.push(diagnostic);
        }
    }
}

fn is_part_of_a_module(name: &str) -> bool {
    name.ends_with(".hcl")
        && !name.starts_with('.')
        && !NOT_PART_OF_A_MODULE.iter().any(|ending| name.ends_with(ending))
        && name != "spawnpoint.vars.hcl"
}

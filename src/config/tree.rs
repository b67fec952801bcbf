//! From a folder to the modules it needs: which files belong to a module, and the modules that modules call.

use super::input::{World, join_path};
use super::lock::ModuleLock;
use super::module::{Call, Collector, Module, Place};
use super::parse;
use super::source::Remote;
use crate::diagnostics::{Diagnostic, Diagnostics, Sources, Span};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All modules of a stack by folder; the root module is one of them.
pub(super) type Modules = BTreeMap<Arc<str>, Arc<Module>>;

/// Endings of files in a folder that are HCL but not part of its module.
const NOT_PART_OF_A_MODULE: [&str; 4] = [".vars.hcl", ".test.hcl", ".lock.hcl", ".lab.hcl"];

/// Reads modules, each folder once.
pub(super) struct Loader<'a> {
    pub world: &'a dyn World,
    /// Block types of objects, and `cluster` and `tier`: what may be named as a type.
    pub object_types: &'a [&'a str],
    pub sources: &'a mut Sources,
    pub diagnostics: &'a mut Diagnostics,
    pub modules: Modules,
    /// Whether every file could be read: else what the others declare would look undeclared.
    pub is_complete: bool,
    pub fetched: Fetched,
}

/// A fetched module that a call needs.
#[derive(Clone, Debug)]
pub struct DemandedModule {
    /// Where it is from.
    pub remote: Remote,
    /// Where a call of it says so.
    pub source: Span,
    /// Whether it has to be fetched: it is not there, or not what the lock file says.
    pub is_lacking: bool,
}

/// What is known of modules that have to be fetched.
#[derive(Default)]
pub(super) struct Fetched {
    /// Read when the first is met.
    pub(super) lock: Option<ModuleLock>,
    /// Modules met so far, by source.
    pub(super) met: BTreeMap<String, DemandedModule>,
    /// Whether what has to be fetched is collected instead of reported.
    pub(super) is_asked: bool,
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
            if call.remote.as_ref().is_some_and(|remote| !self.is_here(remote, call.source)) {
                self.is_complete = false;
                continue;
            }
            if !self.world.exists(&call.folder) {
                let summary = format!("there is no folder `{}`", call.folder);
                let diagnostic = Diagnostic::error(summary).at(call.source);
                let hint = call.remote.as_ref().map(|remote| self.inside(remote));
                self.diagnostics.push(hint.into_iter().fold(diagnostic, Diagnostic::hint));
                continue;
            }
            let module = Arc::new(self.module(&call.folder, Place::Called));
            called.extend(module.calls.values().cloned());
            self.modules.insert(call.folder, module);
        }
        self.refuse_cycles();
    }

    /// Returns whether a module was fetched, and is still what it was then.
    fn is_here(&mut self, remote: &Remote, source: Span) -> bool {
        let name = remote.origin.to_string();
        match self.fetched.met.get(&name) {
            Some(known) if known.remote.origin == remote.origin => return !known.is_lacking,
            Some(_) => {
                let summary = format!("`{name}` is called with two checksums, expected one");
                self.diagnostics.push(Diagnostic::error(summary).at(source));
                return false;
            }
            None => {}
        }
        let world = self.world;
        let lock = self.fetched.lock.get_or_insert_with(|| ModuleLock::read(world, self.sources, self.diagnostics));
        let lack = lock.lacks(remote, world);
        if let Some(lack) = lack.as_ref().filter(|_| !self.fetched.is_asked) {
            self.diagnostics.push(Diagnostic::error(lack).at(source).hint("run `spawnpoint init`"));
        }
        let is_lacking = lack.is_some();
        self.fetched.met.insert(name, DemandedModule { remote: remote.clone(), source, is_lacking });
        !is_lacking
    }

    /// Says which folders are in what was fetched.
    fn inside(&self, remote: &Remote) -> String {
        let files = self.world.files_below(&remote.place()).unwrap_or_default();
        let folders: BTreeSet<&str> = files
            .iter()
            .filter(|path| path.ends_with(".hcl"))
            .map(|path| path.rsplit_once('/').map_or("", |(folder, _)| folder))
            .collect();
        let folders: Vec<String> = folders.iter().map(|folder| format!("`//{folder}`")).take(8).collect();
        format!("in what was fetched, folders with `*.hcl` files are: {}", folders.join(", "))
    }

    fn module(&mut self, folder: &str, place: Place) -> Module {
        let module = Module { folder: folder.into(), ..Module::default() };
        let mut names = match self.world.list(folder) {
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
        let bytes = match self.world.read(path) {
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

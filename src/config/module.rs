//! One module as declared: its blocks sorted by what they are, names checked for doubles. Nothing is evaluated here.

use super::habits;
use super::lookup::Lookup;
use super::meta::{self, Meta};
use super::source::{self, Remote, Source};
use super::suggest::did_you_mean;
use super::syntax::{self, Attribute, Block, Label};
use super::variable::{self, Rule, Variable};
use super::vocabulary;
use crate::diagnostics::{Diagnostic, Diagnostics, Span};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// Kinds of blocks that set something for the whole stack and so stand in the root module only.
const SETTINGS: [&str; 6] = ["spawnpoint", "cluster", "tier", "notify", "policy", "drift_ignore"];
/// Kinds of blocks that declare something of a module.
const DECLARATIONS: [&str; 9] =
    ["variable", "locals", "output", "module", "check", "moved", "removed", "import", "data"];
/// Kinds of blocks that the language has but this version does not read.
const UNSUPPORTED: [&str; 1] = ["policy"];

/// A module.
#[derive(Clone, Debug, Default)]
pub(super) struct Module {
    /// Its folder, as `path.module` shows it.
    pub folder: Arc<str>,
    pub variables: BTreeMap<Arc<str>, Variable>,
    pub locals: BTreeMap<Arc<str>, Attribute>,
    pub outputs: BTreeMap<Arc<str>, OutputDeclaration>,
    pub calls: BTreeMap<Arc<str>, Call>,
    /// Object blocks by kind and label.
    pub objects: BTreeMap<(Arc<str>, Arc<str>), Box<Object>>,
    /// `data` blocks by type and label, those of `check` blocks too.
    pub lookups: BTreeMap<(Arc<str>, Arc<str>), Lookup>,
    pub spawnpoint: Option<Block>,
    pub clusters: BTreeMap<Arc<str>, Block>,
    pub notify: BTreeMap<Arc<str>, Block>,
    pub drift_ignores: BTreeMap<Arc<str>, Block>,
    /// Assertions of `check` blocks.
    pub checks: BTreeMap<Arc<str>, Check>,
    /// `moved`, `removed` and `import` blocks.
    pub refactors: Vec<Block>,
}

/// A `check` block: what is warned about when it does not hold.
#[derive(Clone, Debug)]
pub(super) struct Check {
    pub assertions: Vec<Rule>,
    pub header: Span,
}

/// An `output` block.
#[derive(Clone, Debug)]
pub(super) struct OutputDeclaration {
    pub value: Attribute,
    pub is_sensitive: bool,
    pub is_ephemeral: bool,
    pub description: Option<String>,
    pub preconditions: Vec<Rule>,
    pub header: Span,
}

/// A `module` block: a call of another module.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// Folder that is called, as `path.module` shows it there.
    pub folder: Arc<str>,
    /// What has to be fetched before the folder is there.
    pub remote: Option<Remote>,
    /// Where the folder is written.
    pub source: Span,
    pub meta: Meta,
    /// Values for its variables.
    pub inputs: BTreeMap<Arc<str>, Attribute>,
    pub header: Span,
}

/// An object block: a tenant, a machine, a game server.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub kind: Arc<str>,
    pub name: Arc<str>,
    /// Shared by all blocks without any.
    pub meta: Arc<Meta>,
    /// Without the meta-arguments.
    pub body: syntax::Body,
    pub header: Span,
}

/// Where in the tree of modules a module stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Root,
    Called,
}

/// Sorts the blocks of a module's files.
pub(super) struct Collector<'a> {
    pub place: Place,
    pub object_types: &'a [&'a str],
    pub diagnostics: &'a mut Diagnostics,
    pub module: Module,
}

impl Collector<'_> {
    /// Adds the blocks of one file.
    pub(super) fn file(&mut self, body: syntax::Body) {
        for attribute in &body.attributes {
            let summary = format!("`{}` stands outside of any block, expected a block", attribute.name);
            let hint = format!(
                "a named value goes into `locals {{ {} = ... }}`, a value of a variable into `spawnpoint.vars.hcl`",
                attribute.name
            );
            self.diagnostics.push(Diagnostic::error(summary).at(attribute.name_span).hint(hint));
        }
        for block in body.blocks {
            self.block(block);
        }
    }

    fn block(&mut self, block: Block) {
        let kind = block.kind.clone();
        let is_object = self.object_types.contains(&&*kind);
        if !is_object && !SETTINGS.contains(&&*kind) && !DECLARATIONS.contains(&&*kind) {
            return self.unknown(&block);
        }
        if self.place == Place::Called && SETTINGS.contains(&&*kind) {
            let summary = format!("a module holds no `{kind}` block, expected it in the root module");
            let hint = "pass what the module needs as a variable: `type = cluster`, `type = tier`";
            return self.diagnostics.push(Diagnostic::error(summary).at(block.header).hint(hint));
        }
        if !is_object && UNSUPPORTED.contains(&&*kind) {
            let summary = format!("`{kind}` blocks are not supported yet");
            return self.diagnostics.push(Diagnostic::error(summary).at(block.header));
        }
        let labels = match &*kind {
            "spawnpoint" | "locals" | "moved" | "removed" | "import" => 0,
            "data" => 2,
            _ => 1,
        };
        if !self.has_labels(&block, labels) {
            return;
        }
        match &*kind {
            "spawnpoint" => self.spawnpoint(block),
            "locals" => self.locals(block),
            "cluster" | "notify" | "drift_ignore" => self.setting(block),
            "moved" | "removed" | "import" => self.module.refactors.push(block),
            "check" => self.check(&block),
            "variable" => self.variable(&block),
            "output" => self.output(&block),
            "module" => self.call(block),
            "data" => self.lookup(block, None),
            _ => self.object(block),
        }
    }

    fn unknown(&mut self, block: &Block) {
        let known = SETTINGS.iter().chain(&DECLARATIONS).chain(self.object_types).copied();
        let diagnostic = Diagnostic::error(format!("there is no block type `{}`", block.kind)).at(block.kind_span);
        let diagnostic = match (&*block.kind, did_you_mean(&block.kind, known)) {
            ("resource", _) => diagnostic.hint(self.instead_of_resource(block)),
            ("terraform", _) => diagnostic.hint("settings of the stack are in `spawnpoint { ... }`"),
            ("provider", _) => diagnostic.hint("where things run is in `cluster \"name\" { ... }`"),
            ("backend" | "cloud", _) => {
                diagnostic.hint("where the state is kept is in `spawnpoint { state \"s3\" { ... } }`")
            }
            (_, Some(hint)) => diagnostic.hint(hint),
            (_, None) => diagnostic,
        };
        self.diagnostics.push(diagnostic);
    }

    /// Objects have their type as block type.
    fn instead_of_resource(&self, block: &Block) -> String {
        let (kind, name) = match block.labels.as_slice() {
            [kind, name] => (&*kind.text, &*name.text),
            _ => ("vm", "name"),
        };
        let known = self.object_types.iter().copied().find(|known| *known == kind);
        match known.or_else(|| habits::type_of_provider(kind)) {
            Some(ours) => format!("objects have their type as block type: `{ours} \"{name}\" {{ ... }}`"),
            None => {
                "objects have their type as block type, such as `vm \"name\" { ... }`; `spawnpoint schema` lists them"
                    .into()
            }
        }
    }

    fn has_labels(&mut self, block: &Block, wanted: usize) -> bool {
        let kind = &block.kind;
        let diagnostic = match (wanted, block.labels.as_slice()) {
            (0, []) => return true,
            (2, [kind, name]) if is_identifier(&kind.text) && is_identifier(&name.text) => return true,
            (2, [first, second]) => {
                let label = if is_identifier(&first.text) { second } else { first };
                not_a_name(label)
            }
            (2, _) => Diagnostic::error("`data` needs a type and a name, expected `data \"vm\" \"router\" {`")
                .at(block.header),
            (0, [first, ..]) => Diagnostic::error(format!("`{kind}` takes no label")).at(first.span),
            (_, []) => {
                Diagnostic::error(format!("`{kind}` needs a name, expected `{kind} \"name\" {{`")).at(block.header)
            }
            (_, [label]) if is_identifier(&label.text) => return true,
            (_, [label]) => not_a_name(label),
            (_, [_, second, ..]) => Diagnostic::error(format!("`{kind}` takes one label")).at(second.span),
        };
        self.diagnostics.push(diagnostic);
        false
    }

    fn spawnpoint(&mut self, block: Block) {
        match &self.module.spawnpoint {
            Some(first) => {
                let diagnostic =
                    Diagnostic::error("a stack has one `spawnpoint` block, this is another").at(block.header);
                self.diagnostics.push(diagnostic.label(first.header, "the first one"));
            }
            None => self.module.spawnpoint = Some(block),
        }
    }

    fn locals(&mut self, block: Block) {
        meta::refuse_blocks(&block.body, &vocabulary::LOCALS, self.diagnostics);
        for attribute in block.body.attributes {
            let (name, span) = (attribute.name.clone(), attribute.name_span);
            let thing = format!("`local.{name}`");
            insert(&mut self.module.locals, name, attribute, &thing, span, |first| first.name_span, self.diagnostics);
        }
        // `type`, `depends_on` and the like are ordinary names here, but were not read as expressions.
        for literal in block.body.literals {
            let summary = format!("`{}` cannot be the name of a local value", literal.name);
            self.diagnostics.push(Diagnostic::error(summary).at(literal.name_span));
        }
    }

    fn setting(&mut self, block: Block) {
        let (name, span) = (block.labels[0].text.clone(), block.header);
        let thing = format!("`{}.{name}`", block.kind);
        let settings = match &*block.kind {
            "cluster" => &mut self.module.clusters,
            "notify" => &mut self.module.notify,
            _ => &mut self.module.drift_ignores,
        };
        insert(settings, name, block, &thing, span, |first| first.header, self.diagnostics);
    }

    fn check(&mut self, block: &Block) {
        let name = block.labels[0].text.clone();
        meta::Constants::new(&block.body, self.diagnostics).refuse_others(&vocabulary::CHECK);
        meta::refuse_blocks(&block.body, &vocabulary::CHECK, self.diagnostics);
        for (at, scoped) in block.body.blocks("data").enumerate() {
            if at > 0 {
                let diagnostic = Diagnostic::error("a `check` holds one `data` block, this is another");
                self.diagnostics.push(diagnostic.at(scoped.header));
            } else if self.has_labels(scoped, 2) {
                self.lookup(scoped.clone(), Some(name.clone()));
            }
        }
        let assertions = variable::rules(&block.body, &vocabulary::ASSERT, self.diagnostics);
        let check = Check { assertions, header: block.header };
        let thing = format!("`check.{name}`");
        insert(&mut self.module.checks, name, check, &thing, block.header, |first| first.header, self.diagnostics);
    }

    fn variable(&mut self, block: &Block) {
        let name = block.labels[0].text.clone();
        let variable = variable::read(block, self.diagnostics);
        let thing = format!("`var.{name}`");
        insert(
            &mut self.module.variables,
            name,
            variable,
            &thing,
            block.header,
            |first| first.header,
            self.diagnostics,
        );
    }

    fn output(&mut self, block: &Block) {
        let name = block.labels[0].text.clone();
        let mut reader = meta::Constants::new(&block.body, self.diagnostics);
        let (is_sensitive, is_ephemeral) = (reader.flag("sensitive"), reader.flag("ephemeral"));
        let description = reader.text("description");
        reader.refuse_others(&vocabulary::OUTPUT);
        let preconditions = variable::rules(&block.body, &vocabulary::PRECONDITION, self.diagnostics);
        meta::refuse_blocks(&block.body, &vocabulary::OUTPUT, self.diagnostics);
        let Some(value) = block.body.attribute("value").cloned() else {
            let summary = format!("`output.{name}` has no `value`");
            return self.diagnostics.push(Diagnostic::error(summary).at(block.header));
        };
        let output =
            OutputDeclaration { value, is_sensitive, is_ephemeral, description, preconditions, header: block.header };
        let thing = format!("`output.{name}`");
        insert(&mut self.module.outputs, name, output, &thing, block.header, |first| first.header, self.diagnostics);
    }

    fn call(&mut self, mut block: Block) {
        let name = block.labels[0].text.clone();
        let meta = meta::take(&mut block, self.diagnostics);
        meta::refuse_blocks(&block.body, &vocabulary::MODULE, self.diagnostics);
        let Some((from, source)) = self.source(&name, &block) else {
            return;
        };
        let (folder, remote) = match from {
            Source::Folder(folder) => (folder, None),
            Source::Remote(remote) => (remote.folder().into(), Some(remote)),
        };
        let is_input = |attribute: &Attribute| !["source", "checksum"].contains(&&*attribute.name);
        let inputs = block.body.attributes.into_iter().filter(is_input);
        let inputs = inputs.map(|attribute| (attribute.name.clone(), attribute)).collect();
        let call = Call { folder, remote, source, meta, inputs, header: block.header };
        let thing = format!("`module.{name}`");
        insert(&mut self.module.calls, name, call, &thing, block.header, |first| first.header, self.diagnostics);
    }

    fn source(&mut self, name: &str, block: &Block) -> Option<(Source, Span)> {
        let Some(attribute) = block.body.attribute("source") else {
            let summary = format!("`module.{name}` has no `source`, expected a folder such as `\"./modules/{name}\"`");
            self.diagnostics.push(Diagnostic::error(summary).at(block.header));
            return None;
        };
        let mut constants = meta::Constants::new(&block.body, self.diagnostics);
        let (text, checksum) = (constants.text("source")?, constants.text("checksum"));
        match source::read(&self.module.folder, &text, checksum.as_deref()) {
            Ok(from) => Some((from, attribute.span)),
            Err(wrong) => {
                let checksum = block.body.attribute("checksum").filter(|_| wrong.is_checksum);
                let span = checksum.map_or(attribute.span, |checksum| checksum.span);
                self.diagnostics.push(Diagnostic::error(wrong.summary).at(span).hint(wrong.hint));
                None
            }
        }
    }

    fn lookup(&mut self, mut block: Block, check: Option<Arc<str>>) {
        let (kind, name) = (block.labels[0].text.clone(), block.labels[1].text.clone());
        for lifecycle in block.body.blocks("lifecycle") {
            let others = lifecycle.body.attributes.iter().map(|attribute| (&attribute.name, attribute.name_span));
            let others = others.chain(lifecycle.body.literals.iter().map(|literal| (&literal.name, literal.name_span)));
            for (name, span) in others {
                let summary = format!("a look-up changes nothing, so there is no `{name}` in its `lifecycle`");
                let diagnostic = Diagnostic::error(summary).at(span);
                self.diagnostics.push(diagnostic.hint("it may hold `precondition` and `postcondition`"));
            }
        }
        let meta = meta::take(&mut block, self.diagnostics);
        let lookup =
            Lookup { kind: kind.clone(), name: name.clone(), meta, body: block.body, header: block.header, check };
        let thing = format!("`data.{kind}.{name}`");
        let key = (kind, name);
        insert(&mut self.module.lookups, key, lookup, &thing, block.header, |first| first.header, self.diagnostics);
    }

    fn object(&mut self, mut block: Block) {
        let name = block.labels[0].text.clone();
        let meta = meta::take(&mut block, self.diagnostics);
        if &*block.kind == "tier" && !meta.is_single() {
            let diagnostic = Diagnostic::error("a `tier` has neither `count` nor `for_each`").at(block.header);
            self.diagnostics.push(diagnostic);
        }
        let thing = format!("`{}.{name}`", block.kind);
        let object = Object {
            kind: block.kind.clone(),
            name: name.clone(),
            meta: meta.shared(),
            body: block.body,
            header: block.header,
        };
        let key = (block.kind, name);
        let object = Box::new(object);
        insert(&mut self.module.objects, key, object, &thing, block.header, |first| first.header, self.diagnostics);
    }
}

fn not_a_name(label: &Label) -> Diagnostic {
    let summary = format!("`{}` is not a name: expected a letter, then letters, digits, `_` and `-`", label.text);
    Diagnostic::error(summary).at(label.span)
}

/// Inserts a declaration, or reports that there is one of the name already.
fn insert<K: Ord, V>(
    map: &mut BTreeMap<K, V>,
    key: K,
    value: V,
    thing: &str,
    span: Span,
    first: impl Fn(&V) -> Span,
    diagnostics: &mut Diagnostics,
) {
    match map.entry(key) {
        Entry::Vacant(entry) => {
            entry.insert(value);
        }
        Entry::Occupied(entry) => {
            let diagnostic = Diagnostic::error(format!("{thing} is declared twice, expected once")).at(span);
            diagnostics.push(diagnostic.label(first(entry.get()), "first declared here"));
        }
    }
}

/// Returns whether a text can be a name: a letter or `_`, then letters, digits, `_` and `-`.
fn is_identifier(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|character| character.is_alphanumeric() || matches!(character, '_' | '-'))
}

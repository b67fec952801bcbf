//! The `spawnpoint` and `cluster` blocks, decoded: every attribute known, typed and evaluated.

use super::expression::Expression;
use super::facts::Follower;
use super::frame::{Frame, Run};
use super::program::Program;
use super::stack::{Attributes, ClusterSettings, Settings};
use super::suggest::did_you_mean;
use super::syntax::{Block, Body};
use super::vocabulary::{self, CLUSTER, DRIFT_IGNORE, ENCRYPTION, LIMITS, NOTIFY, SIMULATOR, SPAWNPOINT, STATES};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::value::{Value, convert};
use std::collections::BTreeMap;
use std::sync::Arc;

/// All settings blocks of a stack.
pub(super) struct Decoded {
    pub stack: Settings,
    pub clusters: BTreeMap<Arc<str>, ClusterSettings>,
    pub notify: BTreeMap<Arc<str>, Attributes>,
    pub drift_ignores: BTreeMap<Arc<str>, Attributes>,
}

/// Returns the settings of a stack; `folder_name` is what the project is called by default.
pub(super) fn read(program: &Program, folder_name: &str, diagnostics: &mut Diagnostics) -> Decoded {
    let run = Run::new(program, None);
    let mut own = Diagnostics::new();
    let mut decoder = Decoder { frame: &run.frame(0), diagnostics: &mut own };
    let module = &program.instances[0].module;
    let settings = decoder.spawnpoint(module.spawnpoint.as_ref(), folder_name);
    let mut clusters: BTreeMap<Arc<str>, ClusterSettings> =
        module.clusters.iter().map(|(name, block)| (name.clone(), decoder.cluster(name, block))).collect();
    choose_default(&mut clusters, decoder.diagnostics);
    let notify = decoder.all(&NOTIFY, &module.notify);
    let drift_ignores = decoder.all(&DRIFT_IGNORE, &module.drift_ignores);
    diagnostics.extend(run.finish(own));
    Decoded { stack: settings, clusters, notify, drift_ignores }
}

struct Decoder<'a> {
    frame: &'a Frame<'a>,
    diagnostics: &'a mut Diagnostics,
}

impl Decoder<'_> {
    fn spawnpoint(&mut self, block: Option<&Block>, folder_name: &str) -> Settings {
        let mut settings = Settings {
            project: folder_name.to_string(),
            state: None,
            encryption: None,
            destroys_max: None,
            clones_per_node: None,
        };
        let Some(block) = block else {
            return settings;
        };
        let attributes = self.attributes(&SPAWNPOINT, &block.body);
        if let Some(project) = attributes.get("project").and_then(Value::as_text) {
            settings.project = project.to_string();
        }
        self.required_version(&attributes, &block.body);
        settings.state = self.state(&block.body);
        settings.encryption =
            self.single("encryption", &block.body).map(|block| self.attributes(&ENCRYPTION, &block.body));
        if let Some(limits) = self.single("limits", &block.body) {
            let attributes = self.attributes(&LIMITS, &limits.body);
            settings.destroys_max = self.count("destroys", &attributes, &limits.body);
            settings.clones_per_node = self.count("clones_per_node", &attributes, &limits.body);
        }
        settings
    }

    fn required_version(&mut self, attributes: &Attributes, body: &Body) {
        let (Some(wanted), Some(attribute)) =
            (attributes.get("required_version").and_then(Value::as_text), body.attribute("required_version"))
        else {
            return;
        };
        let ours = env!("CARGO_PKG_VERSION");
        let summary = match super::version::satisfies(ours, wanted) {
            Some(true) => return,
            Some(false) => format!("this is spawnpoint {ours}, but the stack asks for `{wanted}`"),
            None => format!("`{wanted}` is not a version constraint, expected one such as `>= 0.1, < 2`"),
        };
        self.diagnostics.push(Diagnostic::error(summary).at(attribute.span));
    }

    fn state(&mut self, body: &Body) -> Option<(Arc<str>, Attributes)> {
        let block = self.single("state", body)?;
        let [label] = block.labels.as_slice() else {
            self.diagnostics
                .push(Diagnostic::error("`state` needs a kind, expected `state \"sqlite\" {`").at(block.header));
            return None;
        };
        let Some(schema) = STATES.iter().find(|schema| schema.name == &*label.text) else {
            let diagnostic = Diagnostic::error(format!("there is no state backend `{}`", label.text)).at(label.span);
            self.diagnostics.push(diagnostic.hint("there are `sqlite`, `postgres`, `s3` and `http`"));
            return None;
        };
        Some((label.text.clone(), self.attributes(schema, &block.body)))
    }

    fn cluster(&mut self, name: &Arc<str>, block: &Block) -> ClusterSettings {
        let mut attributes = self.attributes(&CLUSTER, &block.body);
        let simulator = self.single("simulator", &block.body).map(|block| self.attributes(&SIMULATOR, &block.body));
        let range = attributes.remove("vmid_range");
        let vmid_range = range.and_then(|range| self.vmid_range(&range, &block.body));
        let is_default = attributes.remove("default").and_then(|flag| flag.as_bool()).unwrap_or(false);
        ClusterSettings { name: name.clone(), is_default, attributes, simulator, vmid_range, span: block.header }
    }

    fn all(
        &mut self,
        schema: &vocabulary::Block,
        blocks: &BTreeMap<Arc<str>, Block>,
    ) -> BTreeMap<Arc<str>, Attributes> {
        let decode = |(name, block): (&Arc<str>, &Block)| (name.clone(), self.attributes(schema, &block.body));
        blocks.iter().map(decode).collect()
    }

    fn vmid_range(&mut self, range: &Value, body: &Body) -> Option<(u32, u32)> {
        let numbers: Vec<Option<u32>> =
            range.as_items()?.iter().map(|number| u32::try_from(number.as_i64()?).ok()).collect();
        // Proxmox takes VMIDs from 100 to 999999999.
        match numbers.as_slice() {
            [Some(first), Some(last)] if (100..=*last).contains(first) && *last <= 999_999_999 => Some((*first, *last)),
            _ => {
                let diagnostic =
                    Diagnostic::error("`vmid_range` takes the first and the last VMID, such as `[5000, 5999]`");
                let span = body.attribute("vmid_range").map(|attribute| attribute.span);
                let diagnostic = diagnostic.hint("VMIDs go from 100 to 999999999");
                self.diagnostics.push(span.into_iter().fold(diagnostic, Diagnostic::at));
                None
            }
        }
    }

    fn count(&mut self, name: &str, attributes: &Attributes, body: &Body) -> Option<u64> {
        let value = attributes.get(name)?;
        let count = value.as_i64().and_then(|number| u64::try_from(number).ok());
        if count.is_none() {
            let diagnostic = Diagnostic::error(format!("`{name}` takes a whole number from 0"));
            let span = body.attribute(name).map(|attribute| attribute.span);
            self.diagnostics.push(span.into_iter().fold(diagnostic, Diagnostic::at));
        }
        count
    }

    /// Returns the only nested block of a kind; reports a second one.
    fn single<'b>(&mut self, kind: &'b str, body: &'b Body) -> Option<&'b Block> {
        let mut blocks = body.blocks(kind);
        let first = blocks.next()?;
        for other in blocks {
            let diagnostic =
                Diagnostic::error(format!("expected one `{kind}` block, this is another")).at(other.header);
            self.diagnostics.push(diagnostic.label(first.header, "the first one"));
        }
        Some(first)
    }

    fn is_open(&self, expression: &Expression) -> bool {
        let facts = Follower::new(self.frame.run.program).expressions(self.frame.instance, [expression]);
        facts.is_ok_and(|facts| self.frame.run.is_open(&facts, expression.span))
    }

    /// Evaluates and converts all attributes; reports unknown attributes and blocks.
    fn attributes(&mut self, schema: &vocabulary::Block, body: &Body) -> Attributes {
        let mut attributes = Attributes::new();
        for attribute in &body.attributes {
            let Some(declared) = schema.attribute(&attribute.name) else {
                let diagnostic = Diagnostic::error(format!("`{}` has no attribute `{}`", schema.name, attribute.name))
                    .at(attribute.name_span);
                let hint = did_you_mean(&attribute.name, schema.attributes.iter().map(|known| known.name));
                self.diagnostics.push(hint.into_iter().fold(diagnostic, Diagnostic::hint));
                continue;
            };
            let mut errors = Diagnostics::new();
            let value = self.frame.evaluate(&attribute.expression, &mut errors);
            let is_wrong = errors.has_errors();
            self.diagnostics.extend(errors);
            if is_wrong || value.is_null() {
                continue;
            }
            match convert(&value, &declared.takes.as_type()) {
                Ok(value) if value.is_wholly_known() => {
                    drop(attributes.insert(attribute.name.clone(), value));
                }
                // It refers to a look-up that nobody has made yet.
                Ok(_) if self.is_open(&attribute.expression) => {}
                Ok(_) => {
                    let summary = format!("`{}` must be known before anything is planned", attribute.name);
                    self.diagnostics.push(Diagnostic::error(summary).at(attribute.span));
                }
                Err(mismatch) => {
                    let summary = format!("`{}` takes {}: {mismatch}", attribute.name, declared.takes.as_type());
                    self.diagnostics.push(Diagnostic::error(summary).at(attribute.span));
                }
            }
        }
        super::meta::refuse_blocks(body, schema, self.diagnostics);
        for literal in &body.literals {
            let summary = format!("`{}` has no attribute `{}`", schema.name, literal.name);
            self.diagnostics.push(Diagnostic::error(summary).at(literal.name_span));
        }
        attributes
    }
}

/// The only cluster is the default; of several, one says so.
fn choose_default(clusters: &mut BTreeMap<Arc<str>, ClusterSettings>, diagnostics: &mut Diagnostics) {
    if clusters.len() == 1 {
        clusters.values_mut().for_each(|cluster| cluster.is_default = true);
    }
    let defaults: Vec<_> = clusters.values().filter(|cluster| cluster.is_default).map(|cluster| cluster.span).collect();
    match (defaults.as_slice(), clusters.values().next()) {
        ([_], _) | ([], None) => {}
        ([], Some(first)) => {
            let diagnostic =
                Diagnostic::error("of several clusters one is the default, expected `default = true` in one of them");
            diagnostics.push(diagnostic.at(first.span));
        }
        ([first, second, ..], _) => {
            let diagnostic = Diagnostic::error("two clusters are the default, expected one").at(*second);
            diagnostics.push(diagnostic.label(*first, "the other one"));
        }
    }
}

//! Test files, `*.test.hcl`, as written: the runs of each with what they are given and what must hold. Nothing is evaluated here, see
//! `test_run`, and nothing is run, see `cli::test`.

use super::meta::{self, Constants};
use super::parse;
use super::suggest::did_you_mean;
use super::syntax::{Attribute, Block, Body, LiteralContent};
use super::variable::{self, Rule};
use super::vocabulary::{self, RUN, TEST_ASSERT, TEST_MODULE, TEST_SIMULATOR, VARIABLES};
use crate::diagnostics::{Diagnostic, Diagnostics, Sources, Span};
use std::sync::Arc;

/// How the names of test files end.
pub const ENDING: &str = ".test.hcl";

/// A test file.
#[derive(Clone, Debug)]
pub struct TestFile {
    /// Its path, as it is shown.
    pub name: String,
    /// Its text alone.
    pub sources: Sources,
    /// The lab file of its `simulator` block.
    pub lab: Option<String>,
    /// What all runs are given.
    pub(super) variables: Vec<Attribute>,
    /// Its runs, in order.
    pub runs: Vec<TestRun>,
}

/// A `run` block.
#[derive(Clone, Debug)]
pub struct TestRun {
    /// Its label.
    pub name: Arc<str>,
    /// What it does.
    pub command: TestCommand,
    /// What it is given besides what the file gives.
    pub(super) variables: Vec<Attribute>,
    /// Folder of another module than the one under test, relative to the stack as written.
    pub module: Option<String>,
    /// Which state it works on.
    pub state_key: Option<String>,
    pub(super) assertions: Vec<Rule>,
    /// What must fail.
    pub expected: Vec<ExpectedFailure>,
    /// The block's header.
    pub span: Span,
}

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestCommand {
    /// Only plans.
    Plan,
    /// Plans and applies.
    Apply,
}

/// Something with a condition that must not hold.
#[derive(Clone, Debug)]
pub struct ExpectedFailure {
    /// `var.size`, `check.capacity`, `output.slots`, `vm.mc`, `vm.mc["lobby"]`.
    pub what: String,
    /// Where it is written.
    pub span: Span,
}

impl ExpectedFailure {
    /// Returns whether a diagnostic is of a condition of this: a block covers its instances.
    pub fn covers(&self, diagnostic: &Diagnostic) -> bool {
        let rest = diagnostic.condition_of.as_deref().and_then(|name| name.strip_prefix(&self.what));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
    }
}

/// Reads a test file.
///
/// # Errors
/// Everything that is wrong with it, with the text to show it in.
pub fn read(name: &str, bytes: &[u8]) -> Result<TestFile, (Diagnostics, Sources)> {
    let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::new());
    let body = parse::read(name, bytes, &mut sources, &mut diagnostics)
        .and_then(|file| parse::parse(file, &[], &sources, &mut diagnostics));
    let mut file = TestFile { name: name.to_owned(), sources, lab: None, variables: Vec::new(), runs: Vec::new() };
    if let Some(body) = body {
        Reader { diagnostics: &mut diagnostics }.file(body, &mut file);
    }
    if diagnostics.has_errors() { Err((diagnostics, file.sources)) } else { Ok(file) }
}

struct Reader<'a> {
    diagnostics: &'a mut Diagnostics,
}

impl Reader<'_> {
    fn error(&mut self, summary: impl Into<String>, span: Span) {
        self.diagnostics.push(Diagnostic::error(summary).at(span));
    }

    fn file(&mut self, body: Body, file: &mut TestFile) {
        for attribute in &body.attributes {
            let summary = format!("`{}` stands outside of any block, expected a block", attribute.name);
            let hint = "values of variables go into `variables { ... }`";
            self.diagnostics.push(Diagnostic::error(summary).at(attribute.name_span).hint(hint));
        }
        let mut singles: Vec<(Arc<str>, Span)> = Vec::new();
        for block in body.blocks {
            let kind = block.kind.clone();
            let Some(known) = vocabulary::TEST_BLOCKS.iter().find(|known| known.name == &*kind) else {
                self.unknown(&block);
                continue;
            };
            if let Some((_, first)) = singles.iter().find(|(single, _)| *single == kind) {
                let diagnostic =
                    Diagnostic::error(format!("a test file has one `{kind}` block, this is another")).at(block.header);
                self.diagnostics.push(diagnostic.label(*first, "the first one"));
                continue;
            }
            if known.is_single {
                singles.push((kind.clone(), block.header));
            }
            if known.label.is_none()
                && let Some(label) = block.labels.first()
            {
                self.error(format!("`{kind}` takes no label"), label.span);
                continue;
            }
            match &*kind {
                "run" => self.run(&block, &mut file.runs),
                "variables" => file.variables = self.variables(block.body),
                _ => file.lab = self.text(&block, &TEST_SIMULATOR, "lab"),
            }
        }
    }

    fn unknown(&mut self, block: &Block) {
        let kind = &*block.kind;
        let diagnostic = Diagnostic::error(format!("a test file has no block `{kind}`")).at(block.kind_span);
        let known = vocabulary::TEST_BLOCKS.iter().map(|known| known.name);
        let is_double = ["provider", "mock_provider", "cluster"].contains(&kind) || kind.starts_with("override_");
        self.diagnostics.push(match did_you_mean(kind, known) {
            _ if is_double => diagnostic.hint("clusters are simulated in a test: nothing has to be replaced for it"),
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic.hint("blocks of the stack go into a `*.hcl` file of the module under test"),
        });
    }

    fn run(&mut self, block: &Block, runs: &mut Vec<TestRun>) {
        let [label] = block.labels.as_slice() else {
            return self.error("`run` needs a name, expected `run \"name\" {`", block.header);
        };
        let name = label.text.clone();
        if let Some(first) = runs.iter().find(|run| run.name == name) {
            let diagnostic = Diagnostic::error(format!("there are two runs `{name}`, expected one")).at(block.header);
            self.diagnostics.push(diagnostic.label(first.span, "the first one"));
        }
        meta::refuse_blocks(&block.body, &RUN, self.diagnostics);
        let mut constants = Constants::new(&block.body, self.diagnostics);
        let state_key = constants.text("state_key");
        constants.refuse_others(&RUN);
        let command = self.command(&block.body);
        let expected = match block.body.literal("expect_failures") {
            Some(LiteralContent::Places(places)) => {
                places.iter().map(|place| ExpectedFailure { what: place.path.to_string(), span: place.span }).collect()
            }
            Some(LiteralContent::Place(place)) => {
                self.error(format!("`expect_failures` takes a list, expected `[{}]`", place.path), place.span);
                Vec::new()
            }
            Some(LiteralContent::Type(_) | LiteralContent::Malformed) | None => Vec::new(),
        };
        let assertions = variable::rules(&block.body, &TEST_ASSERT, self.diagnostics);
        let module = self.single(&block.body, "module").and_then(|module| self.module(module));
        let variables = self.single(&block.body, "variables").map(|block| block.body.clone());
        let variables = variables.map(|body| self.variables(body)).unwrap_or_default();
        runs.push(TestRun { name, command, variables, module, state_key, assertions, expected, span: block.header });
    }

    fn command(&mut self, body: &Body) -> TestCommand {
        let Some(attribute) = body.attribute("command") else {
            return TestCommand::Apply;
        };
        let word = attribute.expression.as_reference().filter(|word| word.steps.is_empty());
        match word.map(|word| &*word.root) {
            Some("plan") => TestCommand::Plan,
            Some("apply") => TestCommand::Apply,
            _ => {
                self.error("`command` is `plan` or `apply`, without quotes", attribute.span);
                TestCommand::Apply
            }
        }
    }

    fn module(&mut self, block: &Block) -> Option<String> {
        let source = self.text(block, &TEST_MODULE, "source");
        match (source, block.body.attribute("source")) {
            (None, None) => {
                self.error("`module` has no `source`, expected a folder such as `\"./tests/setup\"`", block.header);
                None
            }
            (Some(source), Some(attribute)) if !(source.starts_with("./") || source.starts_with("../")) => {
                let summary = format!("`{source}` is not a folder, expected a path that begins with `./` or `../`");
                self.error(summary, attribute.span);
                None
            }
            (source, _) => source,
        }
    }

    fn variables(&mut self, body: Body) -> Vec<Attribute> {
        meta::refuse_blocks(&body, &VARIABLES, self.diagnostics);
        for literal in body.literals {
            self.error(format!("`{}` cannot be the name of a variable", literal.name), literal.name_span);
        }
        body.attributes
    }

    /// Returns the only attribute that a block may have.
    fn text(&mut self, block: &Block, of: &vocabulary::Block, name: &'static str) -> Option<String> {
        meta::refuse_blocks(&block.body, of, self.diagnostics);
        let mut constants = Constants::new(&block.body, self.diagnostics);
        let text = constants.text(name);
        constants.refuse_others(of);
        text
    }

    /// Returns the only nested block of a kind; reports a second one.
    fn single<'b>(&mut self, body: &'b Body, kind: &'b str) -> Option<&'b Block> {
        let mut blocks = body.blocks(kind);
        let first = blocks.next()?;
        for other in blocks {
            let diagnostic =
                Diagnostic::error(format!("a run has one `{kind}` block, this is another")).at(other.header);
            self.diagnostics.push(diagnostic.label(first.header, "the first one"));
        }
        Some(first)
    }
}

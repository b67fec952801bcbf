//! Runs of a test file evaluated: the values they give to variables, and whether what they assert holds.

use super::console::{Names, Outside};
use super::expression::{self, FunctionWorld, Reference, Resolved, Scope};
use super::frame::{Frame, Run, judge};
use super::input::TestValue;
use super::program::{CellKind, CellName};
use super::stack::{Objects, Stack};
use super::syntax::Attribute;
use super::test_file::{TestFile, TestRun};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Outputs of the runs so far, by name of the run: objects.
pub type RunOutputs = BTreeMap<Arc<str>, Value>;

/// The names that a run of a test may use besides those of the module: `run.NAME.OUTPUT`, and `var.NAME` of the file.
#[derive(Clone)]
pub struct TestNames {
    names: Names,
    values: Vec<TestValue>,
}

impl TestFile {
    /// Evaluates what a run gives to variables.
    ///
    /// # Errors
    /// What is wrong with the expressions.
    pub fn names(&self, run: &TestRun, earlier: &RunOutputs, outside: Outside) -> Result<TestNames, Diagnostics> {
        let mut names = Names::new(outside);
        let mut found = Diagnostics::new();
        let mut values: Vec<TestValue> = Vec::new();
        for attribute in &self.variables {
            values.extend(known(attribute, &names, false, &mut found));
        }
        for value in &values {
            names.set(&["var", &value.name], value.value.clone());
        }
        for (name, outputs) in earlier {
            names.set(&["run", name], outputs.clone());
        }
        for attribute in &run.variables {
            values.extend(known(attribute, &names, true, &mut found));
        }
        if found.has_errors() { Err(found) } else { Ok(TestNames { names, values }) }
    }
}

fn known(attribute: &Attribute, names: &Names, must_exist: bool, found: &mut Diagnostics) -> Option<TestValue> {
    match expression::evaluate(&attribute.expression, names) {
        Ok(value) if value.is_wholly_known() => {
            let Attribute { name, name_span, span, .. } = attribute.clone();
            Some(TestValue { name, value, name_span, span, must_exist })
        }
        Ok(_) => {
            let diagnostic = Diagnostic::error(format!("the value of `{}` is not known", attribute.name));
            let diagnostic = diagnostic.hint("a run with `command = plan` knows only what is known before an apply");
            found.push(diagnostic.at(attribute.span));
            None
        }
        Err(wrong) => {
            found.extend(wrong);
            None
        }
    }
}

impl TestNames {
    /// Returns the values for the module's variables.
    pub fn values(&self) -> &[TestValue] {
        &self.values
    }
}

impl Stack {
    /// Judges what a run asserts, and returns what does not hold or cannot be judged.
    pub fn assertions(&self, run: &TestRun, names: &TestNames, objects: &Objects) -> Diagnostics {
        let evaluation = Run::new(&self.program, Some(objects));
        let scope = AssertionScope { frame: evaluation.frame(0), names: &names.names };
        let mut own = Diagnostics::new();
        for rule in &run.assertions {
            let before = own.iter().len();
            let of = format!("run.{}", run.name);
            let holds = judge(rule, "the assertion does not hold", &of, &scope, &mut own);
            if holds.is_none() && own.iter().len() == before {
                let diagnostic = Diagnostic::error("whether the assertion holds is not known")
                    .at(rule.condition.span)
                    .hint("some values are found out only by an apply: `command = apply`")
                    .condition_of(of);
                own.push(expression::with_values(&rule.condition.expression, &scope, diagnostic));
            }
        }
        evaluation.finish(own)
    }
}

/// The root module seen from a test.
struct AssertionScope<'a> {
    frame: Frame<'a>,
    names: &'a Names,
}

impl Scope for AssertionScope<'_> {
    fn resolve(&self, reference: &Reference) -> Result<Resolved, Diagnostic> {
        let module = &self.frame.run.program.instances[0].module;
        match (&*reference.root, reference.attribute(0)) {
            ("output", Some(name)) => {
                let cell = CellName { kind: CellKind::Output, name: name.clone() };
                Ok(Resolved { value: self.frame.run.cell(0, &cell, reference.span_through(1))?, steps: 1 })
            }
            ("run", _) => self.names.resolve(reference),
            ("var", Some(name)) if !module.variables.contains_key(name) => self.names.resolve(reference),
            _ => self.frame.resolve(reference),
        }
    }

    fn takes_key(&self, reference: &Reference) -> bool {
        self.frame.takes_key(reference)
    }

    fn world(&self) -> &dyn FunctionWorld {
        self.frame.world()
    }
}

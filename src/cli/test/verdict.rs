//! What is found during one run, weighed against what the test expects.

use crate::cli::failure::Failure;
use crate::config::test_file::{TestCommand, TestRun};
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, Sources};
use crate::render::test_report::Status;

/// Collects what is found.
pub(super) struct Verdict<'a> {
    run: &'a TestRun,
    /// What the diagnostics point into.
    pub(super) sources: Sources,
    found: Diagnostics,
    status: Status,
    /// For each expected failure, whether it was there.
    is_met: Vec<bool>,
}

impl<'a> Verdict<'a> {
    /// Returns the verdict on a run that has not begun.
    pub(super) fn new(run: &'a TestRun, sources: Sources) -> Self {
        let is_met = vec![false; run.expected.len()];
        Self { run, sources, found: Diagnostics::new(), status: Status::Pass, is_met }
    }

    /// Adds what was found while the run went on. What is expected is not told; any other condition that does not hold fails the run, a
    /// `check`, too.
    pub(super) fn add(&mut self, found: Diagnostics) {
        for diagnostic in found {
            if self.expects(&diagnostic) {
                continue;
            }
            let is_condition = diagnostic.condition_of.is_some();
            let severity = if is_condition { Severity::Error } else { diagnostic.severity };
            let diagnostic = Diagnostic { severity, ..diagnostic };
            if severity == Severity::Error {
                self.status = self.status.max(Status::Fail);
            }
            // A check is judged when it is planned and again when it is applied.
            if !self.found.iter().any(|known| *known == diagnostic) {
                self.found.push(diagnostic);
            }
        }
    }

    fn expects(&mut self, diagnostic: &Diagnostic) -> bool {
        let mut is_expected = false;
        for (expected, is_met) in self.run.expected.iter().zip(&mut self.is_met) {
            if expected.covers(diagnostic) {
                *is_met = true;
                is_expected = true;
            }
        }
        is_expected
    }

    /// Adds what stopped the run. If all of it was expected, that is what the test is about.
    pub(super) fn stopped(&mut self, failure: Failure) {
        if !failure.sources.is_empty() {
            self.sources = failure.sources;
        }
        let before = self.found.iter().len();
        self.add(failure.diagnostics);
        let is_unexpected = self.found.iter().skip(before).any(|diagnostic| diagnostic.severity == Severity::Error);
        if is_unexpected {
            self.status = Status::Error;
        } else if self.run.command == TestCommand::Apply {
            let diagnostic = Diagnostic::error("an expected failure stopped the plan, so nothing was applied");
            self.found.push(diagnostic.at(self.run.span).hint("a run that expects it has `command = plan`"));
            self.status = Status::Error;
        }
    }

    /// Adds what the run's assertions say.
    pub(super) fn assertions(&mut self, found: Diagnostics) {
        if found.has_errors() {
            self.status = self.status.max(Status::Fail);
        }
        self.found.extend(found);
    }

    /// Returns how the run ended and what there is to say.
    pub(super) fn end(mut self) -> (Status, Diagnostics, Sources) {
        // After an error nobody knows what would have failed.
        if self.status < Status::Error {
            for (expected, _) in self.run.expected.iter().zip(&self.is_met).filter(|(_, is_met)| !**is_met) {
                let summary = format!("`{}` was expected to fail, and every condition of it held", expected.what);
                self.found.push(Diagnostic::error(summary).at(expected.span));
                self.status = Status::Fail;
            }
        }
        (self.status, self.found, self.sources)
    }
}

//! Tells how tests go: text for people, or the JSON stream.

use crate::cli::session::schema;
use crate::cli::terminal::{Form, Terminal, now};
use crate::config::test_file::TestFile;
use crate::render::plan;
use crate::render::test_report::{self, FileReport, RunReport};

/// Where test results go.
pub(super) struct Reporter {
    /// Where it writes.
    pub(super) terminal: Terminal,
    /// Whether plans are shown.
    pub(super) is_verbose: bool,
}

impl Reporter {
    /// Tells what will be run.
    pub(super) fn begin(&self, files: &[TestFile]) {
        if self.terminal.form == Form::Json {
            self.terminal.line(&crate::render::stream::version(&now()));
            let runs = |file: &TestFile| file.runs.iter().map(|run| run.name.to_string()).collect();
            let files: Vec<(String, Vec<String>)> = files.iter().map(|file| (file.name.clone(), runs(file))).collect();
            self.terminal.line(&test_report::contents_line(&now(), &files));
        }
    }

    /// Tells that a file begins.
    pub(super) fn file_begins(&self, path: &str) {
        match self.terminal.form {
            Form::Text => self.terminal.line(path),
            Form::Json => self.terminal.line(&test_report::file_under_way(&now(), path, "starting")),
        }
    }

    /// Tells that what a file made is destroyed.
    pub(super) fn file_is_cleaned_up(&self, path: &str) {
        if self.terminal.form == Form::Json {
            self.terminal.line(&test_report::file_under_way(&now(), path, "teardown"));
        }
    }

    /// Tells that a run begins.
    pub(super) fn run_begins(&self, path: &str, run: &str) {
        if self.terminal.form == Form::Json {
            self.terminal.line(&test_report::run_under_way(&now(), path, run));
        }
    }

    /// Tells how a run ended.
    pub(super) fn run_ended(&self, path: &str, run: &RunReport) {
        match self.terminal.form {
            Form::Json => {
                let with_plan = self.is_verbose.then_some(schema as _);
                for line in test_report::run_lines(&now(), path, run, with_plan) {
                    self.terminal.line(&line);
                }
            }
            Form::Text => {
                self.terminal.data(&test_report::run_text(run, self.terminal.out));
                if let Some(planned) = run.plan.as_deref().filter(|_| self.is_verbose) {
                    self.terminal.data(&format!("\n{}\n", plan::text(planned, schema, self.terminal.out)));
                }
                self.terminal.diagnostics(&run.diagnostics, &run.sources);
            }
        }
    }

    /// Tells how a file ended.
    pub(super) fn file_ended(&self, file: &FileReport) {
        match self.terminal.form {
            Form::Json => {
                for line in test_report::file_lines(&now(), file) {
                    self.terminal.line(&line);
                }
            }
            Form::Text => {
                self.terminal.data(&test_report::file_text(file, self.terminal.out));
                self.terminal.diagnostics(&file.cleanup, &file.sources);
                self.terminal.line("");
            }
        }
    }

    /// Tells how all ended.
    pub(super) fn end(&self, files: &[FileReport]) {
        match self.terminal.form {
            Form::Json => self.terminal.line(&test_report::summary_line(&now(), files)),
            Form::Text => self.terminal.data(&test_report::summary_text(files, self.terminal.out)),
        }
    }
}

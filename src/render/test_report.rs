//! What `spawnpoint test` found: its types, as text, and as lines of the JSON stream in the form of `terraform test -json`.

use super::amount::count;
use super::diff::Schemas;
use super::gather::gather;
use super::stream;
use super::style::{Role, Style};
use crate::diagnostics::{Diagnostics, Sources};
use crate::plan::Plan;
use serde_json::{Value as Json, json};

/// How a run or a file ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It was not run, for one before it could not be.
    Skip,
    /// Everything held.
    Pass,
    /// Something did not hold.
    Fail,
    /// It could not be run, or not be cleaned up.
    Error,
}

/// One run.
#[derive(Debug)]
pub struct RunReport {
    /// Its name.
    pub name: String,
    /// How it ended.
    pub status: Status,
    /// How long it took.
    pub elapsed_ms: u64,
    /// What there is to say.
    pub diagnostics: Diagnostics,
    /// What that points into.
    pub sources: Sources,
    /// What it planned, if it came so far.
    pub plan: Option<Box<Plan>>,
}

/// One test file.
#[derive(Debug)]
pub struct FileReport {
    /// Its path.
    pub path: String,
    /// Its runs, in order.
    pub runs: Vec<RunReport>,
    /// What went wrong while everything was destroyed.
    pub cleanup: Diagnostics,
    /// What that points into.
    pub sources: Sources,
    /// Game servers whose playbook would have run on a real cluster.
    pub unplayed: usize,
    /// Addresses of objects that could not be destroyed.
    pub leftovers: Vec<String>,
}

impl Status {
    /// Returns its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Error => "error",
        }
    }

    fn role(self) -> Role {
        match self {
            Self::Skip => Role::Quiet,
            Self::Pass => Role::Add,
            Self::Fail | Self::Error => Role::Remove,
        }
    }
}

impl FileReport {
    /// Returns how the file ended: as its worst run, or worse if something is left.
    pub fn status(&self) -> Status {
        let worst = self.runs.iter().map(|run| run.status).max().unwrap_or(Status::Pass);
        if self.cleanup.has_errors() { Status::Error } else { worst }
    }
}

/// Returns the line of a run.
pub fn run_text(run: &RunReport, style: Style) -> String {
    // As wide as the longest word.
    let word = format!("{:5}", run.status.word());
    format!("  {}  {}\n", style.paint(run.status.role(), &word), run.name)
}

/// Returns what a file leaves to say after its runs.
pub fn file_text(file: &FileReport, style: Style) -> String {
    let mut text = String::new();
    if file.cleanup.has_errors() {
        let word = format!("{:5}", Status::Error.word());
        text.push_str(&format!("  {}  (cleaning up)\n", style.paint(Role::Remove, &word)));
    }
    if file.unplayed > 0 {
        let what = match file.unplayed {
            1 => "the playbook of 1 game server was".to_owned(),
            many => format!("the playbooks of {many} game servers were"),
        };
        let note = format!("{what} not run: simulated guests only answer the status protocol");
        text.push_str(&format!("  {}\n", style.paint(Role::Quiet, &format!("note   {note}"))));
    }
    text
}

/// How many runs ended how.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    passed: usize,
    failed: usize,
    errored: usize,
    skipped: usize,
}

impl Counts {
    fn of(files: &[FileReport]) -> Self {
        let mut counts = Self::default();
        for run in files.iter().flat_map(|file| &file.runs) {
            match run.status {
                Status::Pass => counts.passed += 1,
                Status::Fail => counts.failed += 1,
                Status::Error => counts.errored += 1,
                Status::Skip => counts.skipped += 1,
            }
        }
        counts
    }

    fn sentence(self, status: Status) -> String {
        let word = if status <= Status::Pass { "Success!" } else { "Failure!" };
        let skipped = if self.skipped > 0 { format!(", {} skipped", self.skipped) } else { String::new() };
        format!("{word} {} passed, {} failed{skipped}.", self.passed, self.failed + self.errored)
    }
}

/// Returns how all files together ended.
pub fn status(files: &[FileReport]) -> Status {
    files.iter().map(FileReport::status).max().unwrap_or(Status::Pass)
}

/// Returns the last line.
pub fn summary_text(files: &[FileReport], style: Style) -> String {
    let status = status(files);
    let sentence = Counts::of(files).sentence(status);
    format!("{}\n", style.paint(if status <= Status::Pass { Role::Add } else { Role::Remove }, &sentence))
}

/// Returns the line that says what will be run: names of runs by file.
pub fn contents_line(at: &str, files: &[(String, Vec<String>)]) -> String {
    let runs = files.iter().map(|(_, runs)| runs.len()).sum();
    let message = format!("Found {} and {}", count(files.len(), "file"), count(runs, "run block"));
    let found: serde_json::Map<String, Json> = files.iter().map(|(path, runs)| (path.clone(), json!(runs))).collect();
    stream::line(at, "info", "test_abstract", &message, json!({ "test_abstract": found }))
}

/// Returns the line of a file that begins (`starting`) or is cleaned up (`teardown`).
pub fn file_under_way(at: &str, path: &str, progress: &str) -> String {
    let message = if progress == "teardown" { "tearing down" } else { "in progress" };
    let more = json!({ "test_file": { "path": path, "progress": progress }, "@testfile": path });
    stream::line(at, "info", "test_file", &format!("{path}... {message}"), more)
}

/// Returns the line of a run that begins.
pub fn run_under_way(at: &str, path: &str, run: &str) -> String {
    let status = json!({ "path": path, "run": run, "progress": "starting", "elapsed": 0 });
    let more = json!({ "test_run": status, "@testfile": path, "@testrun": run });
    stream::line(at, "info", "test_run", &format!("  {run:?}... in progress"), more)
}

/// Returns the lines of a run that ended, with its plan if that is wanted.
pub fn run_lines(at: &str, path: &str, run: &RunReport, with_plan: Option<Schemas>) -> Vec<String> {
    let (name, word) = (&run.name, run.status.word());
    let place = || json!({ "@testfile": path, "@testrun": name });
    let status =
        json!({ "path": path, "run": name, "progress": "complete", "elapsed": run.elapsed_ms, "status": word });
    let more = stream::joined(place(), json!({ "test_run": status }));
    let mut lines = vec![stream::line(at, "info", "test_run", &format!("  {name:?}... {word}"), more)];
    if let Some((plan, schemas)) = run.plan.as_deref().zip(with_plan) {
        let more = stream::joined(place(), json!({ "test_plan": super::json::plan(plan, schemas) }));
        lines.push(stream::line(at, "info", "test_plan", "-verbose flag enabled, printing plan", more));
    }
    let told = gather(&run.diagnostics);
    lines.extend(told.iter().map(|gathered| stream::diagnostic_in(at, gathered, &run.sources, place())));
    lines
}

/// Returns the lines of a file that ended.
pub fn file_lines(at: &str, file: &FileReport) -> Vec<String> {
    let (path, word) = (&file.path, file.status().word());
    let place = || json!({ "@testfile": path });
    let told = gather(&file.cleanup);
    let mut lines: Vec<String> =
        told.iter().map(|gathered| stream::diagnostic_in(at, gathered, &file.sources, place())).collect();
    if !file.leftovers.is_empty() {
        let left: Vec<Json> = file.leftovers.iter().map(|address| json!({ "instance": address })).collect();
        let message = format!("{} of {path} could not be destroyed", count(left.len(), "object"));
        let more = stream::joined(place(), json!({ "test_cleanup": { "failed_resources": left } }));
        lines.push(stream::line(at, "error", "test_cleanup", &message, more));
    }
    let status =
        json!({ "path": path, "progress": "complete", "status": word, "x_spawnpoint_unplayed": file.unplayed });
    let more = stream::joined(place(), json!({ "test_file": status }));
    lines.push(stream::line(at, "info", "test_file", &format!("{path}... {word}"), more));
    lines
}

/// Returns the last line of the stream.
pub fn summary_line(at: &str, files: &[FileReport]) -> String {
    let (counts, status) = (Counts::of(files), status(files));
    let summary = json!({
        "status": status.word(),
        "passed": counts.passed,
        "failed": counts.failed,
        "errored": counts.errored,
        "skipped": counts.skipped,
    });
    stream::line(at, "info", "test_summary", &counts.sentence(status), json!({ "test_summary": summary }))
}

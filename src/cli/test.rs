//! `spawnpoint test`

mod bench;
mod labs;
mod report;
mod verdict;

use super::configuration::Given;
use super::exit::Exit;
use super::failure::{Failure, Outcome};
use super::flags::Values;
use super::shell::{Ended, Shell};
use super::terminal::Form;
use crate::config::test_file::{self, TestFile};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::render::junit;
use crate::render::test_report::{self, FileReport, Status};
use bench::Bench;
use report::Reporter;
use std::path::{Path, PathBuf};

/// Tests the module in this folder on simulated clusters
///
/// Runs the `*.test.hcl` files of the folder and of its `tests` folder, each on a fresh simulated cluster: never on a real one, whatever
/// the stack's `cluster` blocks say. What the runs of a file made is destroyed at its end, and the cluster must then be as it was.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Runs only this test file. May be repeated
    #[arg(long, value_name = "FILE")]
    filter: Vec<PathBuf>,
    /// Folder with more test files
    #[arg(long, value_name = "FOLDER", default_value = "tests")]
    test_directory: PathBuf,
    #[command(flatten)]
    values: Values,
    /// Writes one JSON object per line, as `terraform test -json` does
    #[arg(long)]
    json: bool,
    /// Writes the results to this file as JUnit XML, too
    #[arg(long, value_name = "FILE")]
    junit_xml: Option<PathBuf>,
    /// Shows the plan of every run
    #[arg(long)]
    verbose: bool,
}

/// Runs the command.
pub(super) async fn run(args: Args, shell: &Shell) -> Ended {
    let shell = &shell.in_form(if args.json { Form::Json } else { Form::Text });
    let files = read(&find(&args, shell)?, shell)?;
    let given = Given::of_process(args.values.0);
    if files.is_empty() {
        let folder = args.test_directory.display();
        shell.terminal.say(&format!("There are no test files (`*{}`) here or in `{folder}`.", test_file::ENDING));
    }
    let reporter = Reporter { terminal: shell.terminal, is_verbose: args.verbose };
    let reports = tokio::select! {
        reports = run_all(&files, &given, shell, &reporter) => reports,
        _ = tokio::signal::ctrl_c() => {
            shell.terminal.say("Interrupted. The simulated clusters are gone, and everything on them.");
            return Ok(Exit::Interrupted);
        }
    };
    if let Some(path) = args.junit_xml {
        std::fs::write(shell.folder.join(&path), junit::document(&reports))
            .map_err(|error| Diagnostic::error(format!("cannot write `{}`: {error}", path.display())))?;
    }
    Ok(if test_report::status(&reports) <= Status::Pass { Exit::Done } else { Exit::Error })
}

async fn run_all(files: &[TestFile], given: &Given, shell: &Shell, reporter: &Reporter) -> Vec<FileReport> {
    let mut reports = Vec::with_capacity(files.len());
    reporter.begin(files);
    for file in files {
        reporter.file_begins(&file.name);
        let report = Bench::new(file, given, shell).run(reporter).await;
        reporter.file_ended(&report);
        reports.push(report);
    }
    reporter.end(&reports);
    reports
}

/// Returns the paths of the test files that are meant, relative to the stack's folder.
fn find(args: &Args, shell: &Shell) -> Outcome<Vec<String>> {
    let mut found = Vec::new();
    for folder in [Path::new(""), &args.test_directory] {
        let path = shell.folder.join(folder);
        if !path.is_dir() {
            continue;
        }
        let names = names(&path)
            .map_err(|error| Diagnostic::error(format!("cannot list the folder `{}`: {error}", folder.display())))?;
        found.extend(names.into_iter().map(|name| folder.join(name).to_string_lossy().replace('\\', "/")));
    }
    if args.filter.is_empty() {
        return Ok(found);
    }
    let mut unknown = Diagnostics::new();
    let wanted: Vec<String> = args.filter.iter().map(|path| plain(path)).collect();
    for path in wanted.iter().filter(|path| !found.contains(path)) {
        let diagnostic = Diagnostic::error(format!("there is no test file `{path}`"));
        unknown.push(match found.is_empty() {
            true => diagnostic.hint(format!("test files are called `*{}`", test_file::ENDING)),
            false => diagnostic.hint(format!("there are: {}", found.join(", "))),
        });
    }
    found.retain(|path| wanted.contains(path));
    if unknown.is_empty() { Ok(found) } else { Err(unknown.into()) }
}

/// A path without `./` at its begin.
fn plain(path: &Path) -> String {
    let path = path.to_string_lossy().replace('\\', "/");
    path.strip_prefix("./").map(str::to_owned).unwrap_or(path)
}

fn names(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(test_file::ENDING) && !name.starts_with('.') && folder.join(&name).is_file() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Reads all files, and tells all that is wrong with any of them.
fn read(paths: &[String], shell: &Shell) -> Outcome<Vec<TestFile>> {
    let mut files = Vec::new();
    let mut is_wrong = false;
    for path in paths {
        let bytes = std::fs::read(shell.folder.join(path));
        let bytes = bytes.map_err(|error| Diagnostic::error(format!("cannot read `{path}`: {error}")))?;
        match test_file::read(path, &bytes) {
            Ok(file) => files.push(file),
            Err((found, sources)) => {
                is_wrong = true;
                shell.terminal.diagnostics(&found, &sources);
            }
        }
    }
    // What is wrong was said, each with the text of its own file.
    if is_wrong { Err(Box::<Failure>::default()) } else { Ok(files) }
}

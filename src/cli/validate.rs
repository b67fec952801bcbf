//! `spawnpoint validate`

use super::configuration::{self, Configuration, Given};
use super::disk::Disk;
use super::exit::Exit;
use super::failure::{Failure, Outcome};
use super::flags::Values;
use super::shell::{Ended, Shell};
use crate::diagnostics::{Diagnostics, Severity, Sources};
use crate::plan::{self, Options, PlanInput};
use crate::render::diagnostics;
use crate::state::State;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Checks the files alone, without state and clusters
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    values: Values,
    /// Writes the result as JSON, as `terraform validate -json` does
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) async fn run(args: Args, shell: &Shell) -> Ended {
    let given = Given::of_process(args.values.0);
    let (found, sources) = match judge(&given, shell) {
        Ok((found, configuration)) => (found, configuration.sources),
        Err(failure) => (failure.diagnostics, failure.sources),
    };
    if args.json {
        shell.terminal.line(&as_json(&found, &sources));
    } else if found.has_errors() {
        return Err(Failure::new(found, &sources));
    } else {
        shell.terminal.diagnostics(&found, &sources);
        shell.terminal.line("Success! The configuration is valid.");
    }
    Ok(if found.has_errors() { Exit::Error } else { Exit::Done })
}

/// Judges the stack's files and returns all there is to say, with the stack if it has no errors of its own.
fn judge(given: &Given, shell: &Shell) -> Outcome<(Diagnostics, Configuration)> {
    let world = Arc::new(Disk::new(shell.folder.clone()));
    let mut configuration = configuration::load(world, given, shell)?;
    let mut found = std::mem::take(&mut configuration.warnings);
    found.extend(plan::validate(&PlanInput {
        stack: &configuration.stack,
        state: &State::default(),
        observed: None,
        games: &configuration.games,
        estimate_ms: &|_| 0,
        options: &Options::default(),
        now: shell.now.as_second(),
        fingerprint_key: &[0; 32],
        in_progress: &BTreeMap::new(),
        told: &BTreeMap::new(),
        avoided_vmids: &BTreeSet::new(),
    }));
    Ok((found, configuration))
}

fn as_json(found: &Diagnostics, sources: &Sources) -> String {
    let count = |severity| found.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let document = json!({
        "format_version": "1.0",
        "valid": !found.has_errors(),
        "error_count": count(Severity::Error),
        "warning_count": count(Severity::Warning),
        "diagnostics": found.iter().map(|diagnostic| diagnostics::json(diagnostic, sources)).collect::<Vec<_>>(),
    });
    serde_json::to_string_pretty(&document).expect("JSON values can be written")
}

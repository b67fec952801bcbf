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
        Ok((found, Configuration { sources, stack, .. })) => {
            // The program ends here, and the system takes its memory back at once.
            std::mem::forget(stack);
            (found, sources)
        }
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
    let world = Arc::new(Disk::forgetful(shell.folder.clone()));
    let mut configuration = configuration::load(world, given, shell)?;
    let mut found = std::mem::take(&mut configuration.warnings);
    let (state, options) = (State::default(), Options::default());
    let Configuration { stack, games, .. } = &configuration;
    // Nobody looks anything up here: what follows from it is judged as far as it can be.
    let open = (!stack.lookups().is_empty()).then(|| stack.with_stand_ins());
    let stack = match &open {
        Some((stand_ins, wrong)) => {
            found.extend(wrong.iter().cloned());
            stand_ins
        }
        None => stack,
    };
    found.extend(plan::validate(&PlanInput::of_files(stack, games, &state, &options, shell.now.as_second())));
    Ok((found, configuration))
}

fn as_json(found: &Diagnostics, sources: &Sources) -> String {
    let found = diagnostics::json_each(found, sources);
    let count = |wanted| found.iter().filter(|(severity, _)| *severity == wanted).count();
    let document = json!({
        "format_version": "1.0",
        "valid": count(Severity::Error) == 0,
        "error_count": count(Severity::Error),
        "warning_count": count(Severity::Warning),
        "diagnostics": found.iter().map(|(_, diagnostic)| diagnostic).collect::<Vec<_>>(),
    });
    serde_json::to_string_pretty(&document).expect("JSON values can be written")
}

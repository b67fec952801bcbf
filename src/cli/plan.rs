//! `spawnpoint plan`

use super::configuration::Given;
use super::disk::Disk;
use super::exit::Exit;
use super::failure::Outcome;
use super::flags::{Planning, Refresh, Values};
use super::plan_file::{Origin, PlanFile};
use super::session::{Role, Session, schema};
use super::shell::{Ended, Shell};
use super::terminal::{Form, now};
use crate::diagnostics::Diagnostic;
use crate::plan::{Mode, Options, Plan};
use crate::render::{plan, stream};
use std::path::PathBuf;
use std::sync::Arc;

/// Shows what apply would do. Touches nothing
///
/// Reads the files, the state and the clusters, and compares. The plan says for each change whether it is live, reboots, stops or
/// re-creates, what becomes of quota and nodes, and how long it takes.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    values: Values,
    #[command(flatten)]
    planning: Planning,
    /// Writes the plan to a file that `apply` takes
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Plans to destroy everything
    #[arg(long, conflicts_with = "refresh_only")]
    destroy: bool,
    /// Plans only to bring the state to what is on the clusters
    #[arg(long)]
    refresh_only: bool,
    /// `false` reads nothing that is recorded and takes it to be as recorded; `fast` reads no guest that shows no sign of a change since
    /// the last fast look
    #[arg(long, value_name = "HOW", default_value = "true", default_missing_value = "true", num_args = 0..=1,
        require_equals = true, hide_possible_values = true)]
    refresh: Refresh,
    /// Ends with 2 if there are changes, 0 if there are none
    #[arg(long)]
    detailed_exitcode: bool,
    /// Writes one JSON object per line
    #[arg(long)]
    json: bool,
    /// Accepted for Terraform's sake: a plan asks nothing
    #[arg(long, value_name = "BOOL", default_value_t = true, default_missing_value = "true", num_args = 0..=1,
        require_equals = true, action = clap::ArgAction::Set, hide = true)]
    input: bool,
}

/// Runs the command.
pub(super) async fn run(args: Args, shell: &Shell) -> Ended {
    let shell = &shell.in_form(if args.json { Form::Json } else { Form::Text });
    let given = Given::of_process(args.values.0);
    let mode = match (args.destroy, args.refresh_only) {
        (true, _) => Mode::Destroy,
        (false, true) => Mode::RefreshOnly,
        (false, false) => Mode::Apply,
    };
    let options = args.planning.options(mode, args.refresh)?;
    let disk = Arc::new(Disk::new(shell.folder.clone()));
    let session = Session::open(disk.clone(), &given, shell).await?.looking(args.refresh);
    let plan = session.plan(&options, Role::Reader).await?;
    show(&plan, shell);
    if let Some(path) = args.out {
        let origin = Origin { memory: disk.memory(), given, options };
        PlanFile::new(&plan, &origin, session.store.keys())?.write(&shell.folder.join(&path))?;
        shell.terminal.say(&format!("Saved the plan. To do exactly this: spawnpoint apply {}", path.display()));
    }
    let exit = if args.detailed_exitcode && !plan.is_empty() { Exit::Changes } else { Exit::Done };
    session.end(plan);
    Ok(exit)
}

/// Shows a plan: text, or lines of the stream.
pub(super) fn show(plan: &Plan, shell: &Shell) {
    match shell.terminal.form {
        Form::Text => shell.terminal.data(&plan::text(plan, schema, shell.terminal.out)),
        Form::Json => {
            shell.terminal.line(&stream::version(&now()));
            for line in stream::plan(&now(), plan) {
                shell.terminal.line(&line);
            }
        }
    }
}

impl Planning {
    /// Returns what was asked for.
    ///
    /// # Errors
    /// Nothing is left to be done: the state is to follow what is there, and nobody is to look.
    pub(super) fn options(&self, mode: Mode, refresh: Refresh) -> Outcome<Options> {
        let looks = refresh != Refresh::False;
        if mode == Mode::RefreshOnly && !looks {
            let summary =
                "`-refresh-only` with `-refresh=false` would do nothing: without a look, the state stays as it is";
            return Err(Diagnostic::error(summary).hint("leave one of them out").into());
        }
        Ok(Options {
            mode,
            targets: self.target.clone(),
            excludes: self.exclude.clone(),
            replace: self.replace.clone(),
            parallelism: usize::from(self.parallelism),
            allowed_destroys: self.allow_destroys,
            looks,
        })
    }
}

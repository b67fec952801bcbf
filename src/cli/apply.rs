//! `spawnpoint apply`

use super::configuration::Given;
use super::disk::{Disk, Replay};
use super::execute::execute;
use super::exit::Exit;
use super::flags::{Approval, Locking, Planning, Refresh, Values};
use super::plan::show;
use super::plan_file::PlanFile;
use super::session::{Role, Session, schema};
use super::shell::{Ended, Shell};
use super::terminal::{Form, Input};
use crate::apply::Writer;
use crate::config::Address;
use crate::diagnostics::Diagnostic;
use crate::plan::{Mode, Options, Plan};
use crate::render::{self, Style};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Brings the clusters to what the files say
///
/// Without a plan file: plans, shows the plan, asks for a `yes`, applies. With one: plans again from what the file holds, and applies only
/// if that still means the same; otherwise nothing is done and the exit code is 4.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// A file that `plan -out` wrote
    #[arg(value_name = "PLANFILE", conflicts_with_all = ["target", "exclude", "replace", "refresh_only", "destroy"])]
    file: Option<PathBuf>,
    #[command(flatten)]
    values: Values,
    #[command(flatten)]
    planning: Planning,
    #[command(flatten)]
    approval: Approval,
    #[command(flatten)]
    locking: Locking,
    /// Destroys everything, as `spawnpoint destroy` does
    #[arg(long, conflicts_with = "refresh_only")]
    destroy: bool,
    /// Only brings the state to what is on the clusters
    #[arg(long)]
    refresh_only: bool,
    /// `false` shows a plan made without reading what is recorded, then looks and applies only what is still meant; `fast` reads no guest
    /// that shows no sign of a change since the last fast look
    #[arg(long, value_name = "HOW", default_value = "true", default_missing_value = "true", num_args = 0..=1,
        require_equals = true, hide_possible_values = true)]
    refresh: Refresh,
    /// Writes one JSON object per line
    #[arg(long)]
    json: bool,
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
    match args.file {
        Some(path) => apply_file(&path, &given, args.locking, shell).await,
        None => {
            let options = args.planning.options(mode, args.refresh)?;
            plan_and_apply_with(&given, options, None, args.refresh, (args.approval, args.locking), shell).await
        }
    }
}

/// Plans under the lock, shows, asks, applies. What was shown is what is done.
pub(super) async fn plan_and_apply(
    given: &Given,
    options: Options,
    approval: Approval,
    locking: Locking,
    shell: &Shell,
) -> Ended {
    plan_and_apply_with(given, options, None, Refresh::True, (approval, locking), shell).await
}

/// Like [`plan_and_apply`], with an object to import besides what the files say, and a look of another kind.
pub(super) async fn plan_and_apply_with(
    given: &Given,
    options: Options,
    import: Option<(Address, String)>,
    refresh: Refresh,
    (approval, locking): (Approval, Locking),
    shell: &Shell,
) -> Ended {
    let input = Input::of_process(approval.input && shell.terminal.form == Form::Text);
    if !approval.auto_approve && input != Input::Asked {
        return Err(nobody_to_ask(input));
    }
    let world = Arc::new(Disk::new(shell.folder.clone()));
    let mut session = Session::open(world, given, shell).await?.looking(refresh);
    if let Some((to, id)) = import {
        session.import(to, id).await?;
    }
    let run = shell.run_id();
    let journal = session.store.lock("apply", &run, locking.lock_timeout, shell).await?;
    let planned = session.plan(&options, Role::Worker(&journal)).await;
    let ended = match planned {
        Err(failure) => Err(failure),
        Ok(plan) => {
            show(&plan, shell);
            match approval.auto_approve || plan.is_empty() || is_approved(&plan, shell) {
                true => execute_looked(&session, plan, &options, (&journal, &run)).await,
                false => {
                    shell.terminal.say("Apply cancelled: only `yes` is a yes. Nothing was done.");
                    Ok(Exit::Error)
                }
            }
        }
    };
    close(journal, ended).await
}

/// Carries out a plan. One that was made without a look is made again with one first, and has to mean the same.
async fn execute_looked(session: &Session, plan: Plan, options: &Options, (journal, run): (&Writer, &str)) -> Ended {
    let plan = match plan.has_looked {
        true => plan,
        false => {
            let looked = session.plan(&Options { looks: true, ..options.clone() }, Role::Worker(journal)).await?;
            if looked.intent != plan.intent {
                let shown = render::plan::text(&plan, schema, Style::Plain);
                let stale = Diagnostic::error("what is there is not what is recorded. Nothing was done")
                    .hint("look at the difference, then plan with a look: `spawnpoint plan`");
                tell_difference(stale, &shown, &looked, &session.shell);
                return Ok(Exit::Stale);
            }
            looked
        }
    };
    execute(session, &plan, journal, run, options.parallelism).await
}

async fn apply_file(path: &Path, given: &Given, locking: Locking, shell: &Shell) -> Ended {
    let file = PlanFile::read(&shell.folder.join(path))?;
    // The present files say where the state and its key are; everything else comes from the plan file.
    let opening = Session::open(Arc::new(Disk::new(shell.folder.clone())), given, shell).await?;
    let origin = file.origin(opening.store.keys())?;
    drop(opening);
    let world = Arc::new(Replay::new(origin.memory, shell.folder.clone()));
    let session = Session::open(world, &origin.given, shell).await?;
    let run = shell.run_id();
    let journal = session.store.lock("apply", &run, locking.lock_timeout, shell).await?;
    let ended = match session.plan(&origin.options, Role::Worker(&journal)).await {
        Err(failure) => Err(failure),
        Ok(plan) if is_same(&file, &plan) => {
            show(&plan, shell);
            execute(&session, &plan, &journal, &run, origin.options.parallelism).await
        }
        Ok(plan) => {
            refuse(&file, &plan, shell);
            Ok(Exit::Stale)
        }
    };
    close(journal, ended).await
}

fn is_same(file: &PlanFile, plan: &Plan) -> bool {
    file.intent == plan.intent && file.lineage == plan.lineage
}

fn refuse(file: &PlanFile, plan: &Plan, shell: &Shell) {
    let mut diagnostic =
        Diagnostic::error("the plan is stale: planned again, it would do something else. Nothing was done")
            .hint("look at the difference, then plan again: `spawnpoint plan -out FILE`");
    if file.lineage != plan.lineage {
        diagnostic = diagnostic.detail("It was made from another state.");
    }
    tell_difference(diagnostic, &file.text, plan, shell);
}

fn tell_difference(stale: Diagnostic, approved: &str, plan: &Plan, shell: &Shell) {
    let now = render::plan::text(plan, schema, Style::Plain);
    shell.terminal.diagnostics(&stale.into(), &crate::diagnostics::Sources::new());
    let difference = similar::TextDiff::from_lines(approved, now.as_str());
    let text = difference.unified_diff().context_radius(2).header("approved", "now").to_string();
    shell.terminal.say(text.trim_end());
}

/// The lock is given back however the run ended; that it could not be is told only if nothing worse happened.
async fn close(journal: Writer, ended: Ended) -> Ended {
    let closed = journal.close().await;
    let exit = ended?;
    closed?;
    Ok(exit)
}

fn is_approved(plan: &Plan, shell: &Shell) -> bool {
    let (question, warning) = match plan.mode {
        Mode::Destroy => ("Do you really want to destroy all of this?", " There is no way back."),
        Mode::Apply | Mode::RefreshOnly => ("Do you want to do this?", ""),
    };
    let answer = shell.terminal.ask(&format!("\n{question}{warning} Only `yes` is a yes: "));
    answer.as_deref() == Some("yes")
}

fn nobody_to_ask(input: Input) -> Box<super::failure::Failure> {
    let summary = match input {
        Input::Refused => "nothing is applied without a `yes`, and `-input=false` or `-json` says not to ask for it",
        Input::NoTerminal | Input::Asked => "nothing is applied without a `yes`, and there is no terminal to ask on",
    };
    Diagnostic::error(summary)
        .hint("look at the plan first, then run it: `spawnpoint plan -out FILE` and `spawnpoint apply FILE`")
        .hint("or apply whatever the plan will be: `spawnpoint apply -auto-approve`")
        .into()
}

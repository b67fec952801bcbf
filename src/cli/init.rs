//! `spawnpoint init`

use super::configuration::Given;
use super::disk::Disk;
use super::exit::Exit;
use super::flags::Values;
use super::modules;
use super::session::Session;
use super::shell::{Ended, Shell};
use std::sync::Arc;

/// Fetches modules, checks the stack and makes its state ready
///
/// Needed only for modules that are archives or repositories: they are fetched into `.spawnpoint/modules`, and `spawnpoint.lock.hcl`, which
/// belongs into the repository, keeps what they were. The rest `plan` and `apply` do by themselves.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    values: Values,
    /// Accepted for Terraform's sake: nothing is asked
    #[arg(long, value_name = "BOOL", default_value_t = true, default_missing_value = "true", num_args = 0..=1,
        require_equals = true, action = clap::ArgAction::Set, hide = true)]
    input: bool,
}

/// Runs the command.
pub(super) async fn run(args: Args, shell: &Shell) -> Ended {
    let fetched = modules::bring(shell).await?;
    let given = Given::of_process(args.values.0);
    let session = Session::open(Arc::new(Disk::new(shell.folder.clone())), &given, shell).await?;
    let state = session.store.load().await?;
    let settings = &session.configuration.stack.settings;
    if fetched > 0 {
        shell.terminal.line(&format!("Fetched {}.", crate::render::amount::count(fetched, "module")));
    }
    shell.terminal.line(&format!(
        "Project `{}` is ready: {}, {} in the state.",
        settings.project,
        crate::render::amount::count(session.clusters.len(), "cluster"),
        crate::render::amount::count(state.records.len(), "object"),
    ));
    shell.terminal.say("next: spawnpoint plan");
    Ok(Exit::Done)
}

//! `spawnpoint destroy`

use super::apply::plan_and_apply;
use super::configuration::Given;
use super::flags::{Approval, Locking, Planning, Refresh, Values};
use super::shell::{Ended, Shell};
use super::terminal::Form;
use crate::plan::Mode;

/// Destroys everything that this stack made
///
/// What it adopted is forgotten and left alone.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    values: Values,
    #[command(flatten)]
    planning: Planning,
    #[command(flatten)]
    approval: Approval,
    #[command(flatten)]
    locking: Locking,
    /// Writes one JSON object per line
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) async fn run(args: Args, shell: &Shell) -> Ended {
    let shell = &shell.in_form(if args.json { Form::Json } else { Form::Text });
    let given = Given::of_process(args.values.0);
    plan_and_apply(&given, args.planning.options(Mode::Destroy, Refresh::True)?, args.approval, args.locking, shell)
        .await
}

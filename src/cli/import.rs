//! `spawnpoint import`

use super::apply::plan_and_apply_with;
use super::configuration::Given;
use super::flags::{Approval, Locking, Refresh, Values, address};
use super::shell::{Ended, Shell};
use super::terminal::Form;
use crate::config::Address;
use crate::plan::{Mode, Options};

/// Brings an object that exists under a block of this stack
///
/// The block describes the object; what it says otherwise is shown and changed. Only this object is planned. `import` blocks do the same
/// within an ordinary plan.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The block, or instance of one, that it becomes
    #[arg(value_parser = address)]
    address: Address,
    /// How its type identifies it: a VMID, a name. `spawnpoint schema BLOCK` says which
    id: String,
    #[command(flatten)]
    values: Values,
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
    let options = Options { mode: Mode::Apply, targets: vec![args.address.clone()], ..Options::default() };
    let import = Some((args.address, args.id));
    plan_and_apply_with(&given, options, import, Refresh::True, (args.approval, args.locking), shell).await
}

//! `spawnpoint unlock`

use super::configuration::{self, Given};
use super::disk::Disk;
use super::exit::Exit;
use super::flags::Values;
use super::shell::{Ended, Shell};
use super::store::Store;
use std::sync::Arc;

/// Takes the lock from a run that is gone
///
/// Locks of dead processes on this machine are taken over without it. The id is in the message that says who holds the lock.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Id of the lock
    id: String,
    #[command(flatten)]
    values: Values,
}

/// Runs the command.
pub(super) async fn run(args: Args, shell: &Shell) -> Ended {
    let given = Given::of_process(args.values.0);
    let configuration = configuration::load(Arc::new(Disk::new(shell.folder.clone())), &given, shell)?;
    let store = Store::open(&configuration.stack.settings, shell).await?;
    let broken = store.backend().break_lock(&args.id).await?;
    shell.terminal.line(&format!("Taken: the lock of {broken}"));
    Ok(Exit::Done)
}

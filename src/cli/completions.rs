//! `spawnpoint completions`

use super::exit::Exit;
use super::shell::{Ended, Shell};
use clap::CommandFactory;

/// Writes a script that completes commands and flags
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The shell it is for
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

/// Runs the command.
pub(super) async fn run(args: Args, shell: &Shell) -> Ended {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Cli::command(), "spawnpoint", &mut script);
    shell.terminal.data(&String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}

//! The commands: one file each with its arguments, whose documentation is the help, and `run`. What they share is in the other files.
//!
//! `session` is how a run goes, `execute` how a plan is carried out, `terminal` the only place that writes.

mod apply;
mod arguments;
mod clusters;
mod completions;
mod configuration;
mod console;
mod destroy;
mod disk;
mod execute;
mod exit;
mod failure;
mod flags;
mod fmt;
mod functions;
mod graph;
mod init;
mod output;
mod plan;
mod plan_file;
mod schema;
mod session;
mod shell;
mod show;
mod sim;
mod state;
mod store;
mod terminal;
mod unlock;
mod validate;
mod version;

pub use exit::Exit;

use clap::{Parser, Subcommand};
use shell::{Ended, Shell};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Game hosting on Proxmox VE: describe it, see what would change, apply it
#[derive(Debug, Parser)]
#[command(name = "spawnpoint", version, propagate_version = false, arg_required_else_help = true)]
struct Cli {
    /// Works in this folder instead of the current one
    #[arg(long, global = true, value_name = "FOLDER")]
    chdir: Option<PathBuf>,
    /// Writes no colours
    #[arg(long, global = true)]
    no_color: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    Validate(validate::Args),
    Fmt(fmt::Args),
    Plan(plan::Args),
    Apply(apply::Args),
    Destroy(destroy::Args),
    Show(show::Args),
    State(state::Args),
    Output(output::Args),
    Graph(graph::Args),
    Console(console::Args),
    Functions(functions::Args),
    Schema(schema::Args),
    Sim(sim::Args),
    Unlock(unlock::Args),
    Completions(completions::Args),
    Version(version::Args),
}

/// Reads the arguments, runs the command, and says how it ended.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = arguments::normalised(arguments);
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let is_answer = !error.use_stderr();
            let _ = error.print();
            return if is_answer { Exit::Done } else { Exit::Error }.into();
        }
    };
    let command = arguments.iter().skip(1).take_while(|word| !word.to_string_lossy().starts_with('-'));
    let command: Vec<String> = command.map(|word| word.to_string_lossy().into_owned()).collect();
    let shell = match Shell::new(cli.chdir, cli.no_color, command.join(" ")) {
        Ok(shell) => shell,
        Err((terminal, failure)) => {
            terminal.failure(&failure);
            return Exit::Error.into();
        }
    };
    let runtime = tokio::runtime::Runtime::new().expect("the system can start threads");
    let ended = runtime.block_on(run(cli.command, &shell));
    // A blocking read of standard input would keep the program alive.
    runtime.shutdown_background();
    match ended {
        Ok(exit) => exit.into(),
        Err(failure) => {
            shell.terminal.failure(&failure);
            Exit::Error.into()
        }
    }
}

async fn run(command: Command, shell: &Shell) -> Ended {
    match command {
        Command::Init(args) => init::run(args, shell).await,
        Command::Validate(args) => validate::run(args, shell),
        Command::Fmt(args) => fmt::run(&args, shell),
        Command::Plan(args) => plan::run(args, shell).await,
        Command::Apply(args) => apply::run(args, shell).await,
        Command::Destroy(args) => destroy::run(args, shell).await,
        Command::Show(args) => show::run(args, shell).await,
        Command::State(args) => state::run(args, shell).await,
        Command::Output(args) => output::run(args, shell).await,
        Command::Graph(args) => graph::run(args, shell),
        Command::Console(args) => console::run(args, shell).await,
        Command::Functions(args) => functions::run(&args, shell),
        Command::Schema(args) => schema::run(&args, shell),
        Command::Sim(args) => sim::run(args, shell).await,
        Command::Unlock(args) => unlock::run(args, shell).await,
        Command::Completions(args) => completions::run(&args, shell),
        Command::Version(args) => version::run(&args, shell),
    }
}

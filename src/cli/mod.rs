//! The commands: one file each with its arguments, whose documentation is the help, and `run`. What they share is in the other files.
//!
//! `session` is how a run goes, `execute` how a plan is carried out, `terminal` the only place that writes.

mod arguments;
mod clusters;
mod configuration;
mod disk;
mod execute;
mod exit;
mod failure;
mod files;
mod flags;
mod lookups;
mod modules;
mod plan_file;
mod seen;
mod server;
mod session;
mod shell;
mod sim_check;
mod sim_record;
mod store;
mod terminal;

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
    /// Uses this workspace instead of the selected one
    #[arg(long, global = true, value_name = "NAME")]
    workspace: Option<String>,
    /// Writes no colours
    #[arg(long, global = true)]
    no_color: bool,
    #[command(subcommand)]
    command: Command,
}

/// Makes a module, a variant of [`Command`] and an arm of [`run`] of each line of the table.
///
/// rustfmt looks for modules in no macro but one of this name, and only in what looks like a condition.
macro_rules! cfg_if {
    (if #[cfg(all())] { $(mod $command:ident;)* }) => {
        $(mod $command;)*

        #[derive(Debug, Subcommand)]
        #[expect(non_camel_case_types, reason = "a variant has the name of its file, which is the command's")]
        enum Command {
            $($command($command::Args),)*
        }

        async fn run(command: Command, shell: &Shell) -> Ended {
            match command {
                $(Command::$command(args) => $command::run(args, shell).await,)*
            }
        }
    };
}

// The commands, in the order of the help. Each is a file with `Args` and `run`.
cfg_if! {
    if #[cfg(all())] {
        mod init;
        mod validate;
        mod fmt;
        mod plan;
        mod apply;
        mod destroy;
        mod import;
        mod show;
        mod state;
        mod output;
        mod graph;
        mod console;
        mod permissions;
        mod doctor;
        mod functions;
        mod schema;
        mod test;
        mod sim;
        mod workspace;
        mod unlock;
        mod completions;
        mod version;
    }
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
    let shell = match Shell::new(cli.chdir, cli.workspace, cli.no_color, command.join(" ")) {
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

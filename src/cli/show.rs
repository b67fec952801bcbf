//! `spawnpoint show`

use super::configuration::{self, Given};
use super::disk::Disk;
use super::exit::Exit;
use super::flags::Values;
use super::plan_file::PlanFile;
use super::shell::{Ended, Shell};
use super::state::listing;
use super::store::Store;
use std::path::PathBuf;
use std::sync::Arc;

/// Shows a plan file, or what the state knows
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// A file that `plan -out` wrote; without one, the state is shown
    file: Option<PathBuf>,
    /// Writes JSON: a plan in Terraform's form, see `x_spawnpoint` in it for ours
    #[arg(long, requires = "file")]
    json: bool,
    #[command(flatten)]
    values: Values,
}

/// Runs the command.
pub(super) async fn run(args: Args, shell: &Shell) -> Ended {
    if let Some(path) = args.file {
        let file = PlanFile::read(&shell.folder.join(path))?;
        match args.json {
            true => shell.terminal.line(&file.json.to_string()),
            false => shell.terminal.data(&file.text),
        }
        return Ok(Exit::Done);
    }
    let given = Given::of_process(args.values.0);
    let configuration = configuration::load(Arc::new(Disk::new(shell.folder.clone())), &given, shell)?;
    let state = Store::open(&configuration.stack.settings, shell).await?.load().await?;
    shell.terminal.data(&listing(state.records.iter()));
    Ok(Exit::Done)
}

//! `spawnpoint permissions`

use super::configuration::{self, Configuration, Given};
use super::disk::Disk;
use super::exit::Exit;
use super::flags::Values;
use super::shell::{Ended, Shell};
use crate::plan::permissions::of_files;
use crate::plan::{Options, PlanInput};
use crate::render::permissions::{Grantee, commands, document};
use crate::state::State;
use std::sync::Arc;

/// Prints the least role, token and access rules for what the files hold
///
/// Nothing is asked of a cluster and nothing is changed: read the commands, then run them as root on a node. Proxmox VE forgets the rules on
/// a pool when the pool is destroyed: run its lines again before the next apply.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    values: Values,
    /// Major version of Proxmox VE, whose privileges have other names before 9
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u32).range(7..=9))]
    pve: u32,
    /// User that gets the privileges
    #[arg(long, value_name = "USER@REALM", default_value = "spawnpoint@pve")]
    user: String,
    /// Name of the user's token; default: the stack's project
    #[arg(long, value_name = "NAME")]
    token: Option<String>,
    /// Writes paths and privileges as JSON instead of commands
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) async fn run(args: Args, shell: &Shell) -> Ended {
    let given = Given::of_process(args.values.0);
    let configuration = configuration::load(Arc::new(Disk::new(shell.folder.clone())), &given, shell)?;
    let (state, options) = (State::default(), Options::default());
    let Configuration { stack, games, .. } = &configuration;
    let needed = of_files(&PlanInput::of_files(stack, games, &state, &options, shell.now.as_second()), args.pve);
    if args.json {
        let document = serde_json::to_string_pretty(&document(&needed)).expect("JSON values can be written");
        shell.terminal.line(&document);
        return Ok(Exit::Done);
    }
    let token = args.token.unwrap_or_else(|| configuration.stack.settings.project.clone());
    let grantee = Grantee { user: args.user, token };
    let texts: Vec<String> = needed.iter().map(|(cluster, grants)| commands(cluster, grants, &grantee)).collect();
    shell.terminal.data(&texts.join("\n"));
    Ok(Exit::Done)
}

//! `spawnpoint sim record`: a lab file of a cluster that is there.

use super::clusters;
use super::configuration::{self, Given};
use super::disk::Disk;
use super::exit::Exit;
use super::failure::Outcome;
use super::files::replace;
use super::flags::Values;
use super::server::ServerFlags;
use super::shell::{Ended, Shell};
use crate::diagnostics::Diagnostic;
use crate::proxmox::{Client, Limits};
use crate::simulator::record::{lab_text, record};
use std::path::PathBuf;
use std::sync::Arc;

/// Makes a lab file of a cluster that is there, without a secret
///
/// Reads nodes, storages with their files, bridges, guests with their snapshots, firewalls, HA, SDN, pools and users, and changes nothing.
/// What is left out is told on standard error. A lab that was recorded, started and recorded again is the same file.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    values: Values,
    #[command(flatten)]
    server: ServerFlags,
    /// The cluster of the stack to record; default: the only one, or the default one
    #[arg(long, value_name = "NAME", conflicts_with = "endpoint")]
    cluster: Option<String>,
    /// What the lab calls its cluster; default: the cluster's own name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Writes the lab to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs the command.
pub(super) async fn run(args: Args, shell: &Shell) -> Ended {
    let client = client(&args, shell)?;
    let recording = record(&client, args.name.as_deref()).await.map_err(|error| {
        Diagnostic::error(format!("{} cannot be recorded: {error}", client.describe())).hints(error.hint)
    })?;
    let text = lab_text(&recording.lab);
    for left_out in &recording.left_out {
        shell.terminal.say(&format!("left out: {left_out}"));
    }
    let Some(path) = args.out else {
        shell.terminal.data(&text);
        return Ok(Exit::Done);
    };
    replace(&shell.folder.join(&path), text.as_bytes())
        .map_err(|error| Diagnostic::error(format!("cannot write `{}`: {error}", path.display())))?;
    let (nodes, guests) = (recording.lab.node.len(), recording.lab.guest.len());
    let shown = path.display();
    shell
        .terminal
        .say(&format!("Recorded {nodes} nodes and {guests} guests. To start them: spawnpoint sim serve -lab {shown}"));
    Ok(Exit::Done)
}

/// The server that is named, else a cluster of the stack.
fn client(args: &Args, shell: &Shell) -> Outcome<Client> {
    if !args.server.endpoint.is_empty()
        && let Some(settings) = args.server.settings(shell)?
    {
        return Ok(Client::new(clusters::https("the server", settings)?, Limits::default()));
    }
    let world = Arc::new(Disk::new(shell.folder.clone()));
    let configuration = configuration::load(world.clone(), &Given::of_process(args.values.0.clone()), shell)?;
    let all = &configuration.stack.clusters;
    let is_meant = |name: &str, is_default: bool| match &args.cluster {
        Some(wanted) => wanted == name,
        None => is_default || all.len() == 1,
    };
    let Some((name, settings)) = all.iter().find(|(name, settings)| is_meant(name, settings.is_default)) else {
        let names: Vec<&str> = all.keys().map(|name| &**name).collect();
        return Err(Diagnostic::error("which cluster is to be recorded?")
            .hint(format!("`-cluster NAME`, of {}; or `-endpoint URL` for another", names.join(", ")))
            .into());
    };
    let transport = match &settings.simulator {
        Some(simulator) => clusters::lab(name, simulator, settings, &*world, shell)?,
        None => clusters::https(name, clusters::wire(settings, all.len() == 1 || settings.is_default, shell)?)?,
    };
    Ok(Client::new(transport, Limits::default()))
}

//! `spawnpoint sim serve`, `dump` and `reset`: a lab as a server of its own. `sim check` and `sim record` are in files of their own.

use super::clusters::{pace, read_lab};
use super::disk::Disk;
use super::exit::Exit;
use super::failure::{Failure, Outcome};
use super::shell::{Ended, Shell};
use super::{sim_check, sim_record};
use crate::diagnostics::Diagnostic;
use crate::simulator::{Lab, Options, Pace, RunningServer, Server, Store, StoreError};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// A Proxmox VE cluster that is not there
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Serves a lab over HTTPS until Ctrl-C
    Serve {
        /// Where to listen; port 0 takes a free one
        #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8006")]
        listen: SocketAddr,
        #[command(flatten)]
        lab: LabFlags,
    },
    /// Writes what a lab holds as JSON, without times and task log
    Dump {
        #[command(flatten)]
        lab: LabFlags,
    },
    /// Makes sixty checks of what a server does, on the simulator or a real one
    Check(sim_check::Args),
    /// Makes a lab file of a cluster that is there, without a secret
    Record(sim_record::Args),
    /// Forgets everything that happened in a lab
    Reset {
        #[command(flatten)]
        lab: LabFlags,
    },
}

/// Which lab.
#[derive(clap::Args, Debug)]
struct LabFlags {
    /// A lab file; without one, the built-in lab
    #[arg(long, value_name = "FILE")]
    lab: Option<String>,
    /// Label of the cluster whose lab it is; default: the lab's own name
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// How time passes: instant or real
    #[arg(long, value_name = "WORD", default_value = "instant", value_parser = time)]
    time: Pace,
    /// How many times faster than real; implies --time real
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    speed: Option<u32>,
    /// Version the lab plays, instead of the one its file names
    #[arg(long, value_name = "VERSION", value_parser = ["9.2", "8.4"])]
    pve: Option<String>,
    /// Folder of labs
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

fn time(word: &str) -> Result<Pace, String> {
    pace(word).ok_or_else(|| "expected `instant` or `real`".into())
}

/// Runs the command.
pub(super) async fn run(args: Args, shell: &Shell) -> Ended {
    match args.command {
        Command::Serve { listen, lab } => serve(listen, &lab, shell).await,
        Command::Dump { lab } => {
            let store = lab.open(shell)?;
            let dump = serde_json::to_string_pretty(&store.machine().dump()).expect("JSON values can be written");
            shell.terminal.line(&dump);
            Ok(Exit::Done)
        }
        Command::Check(args) => sim_check::run(args, shell).await,
        Command::Record(args) => sim_record::run(args, shell).await,
        Command::Reset { lab } => {
            let (name, folder) = (lab.read(shell)?.cluster, lab.folder(shell)?);
            Store::reset(&folder, &name).map_err(|error| unusable(&error))?;
            shell.terminal.line(&format!("Lab `{name}` is as new."));
            Ok(Exit::Done)
        }
    }
}

impl LabFlags {
    fn read(&self, shell: &Shell) -> Outcome<Lab> {
        let mut lab = match &self.lab {
            Some(path) => read_lab(path, &Disk::new(shell.folder.clone()))?,
            None => Lab::built_in(),
        };
        if let Some(name) = &self.cluster {
            lab.cluster.clone_from(name);
        }
        if let Some(version) = &self.pve {
            lab.version.clone_from(version);
        }
        Ok(lab)
    }

    fn folder(&self, shell: &Shell) -> Outcome<PathBuf> {
        match &self.folder {
            Some(folder) => Ok(shell.folder.join(folder)),
            None => shell.labs_folder(),
        }
    }

    fn pace(&self) -> Pace {
        self.speed.map_or(self.time, |speed| Pace::Real { speed })
    }

    fn open(&self, shell: &Shell) -> Outcome<Store> {
        Store::open(&self.folder(shell)?, &self.read(shell)?, self.pace()).map_err(|error| unusable(&error))
    }
}

fn unusable(error: &StoreError) -> Box<Failure> {
    let diagnostic = Diagnostic::error(error.to_string());
    error.hint().map_or(diagnostic.clone(), |hint| diagnostic.hint(hint)).into()
}

async fn serve(listen: SocketAddr, lab: &LabFlags, shell: &Shell) -> Ended {
    let name = lab.read(shell)?.cluster;
    let folder = lab.folder(shell)?.join(&name);
    std::fs::create_dir_all(&folder)
        .map_err(|error| Diagnostic::error(format!("cannot make `{}`: {error}", folder.display())))?;
    let store = Arc::new(Mutex::new(lab.open(shell)?));
    let options = Options { folder, interceptor: None };
    let server = Server::start(listen, store, options).await.map_err(Diagnostic::error)?;
    shell.terminal.data(&greeting(&name, &server));
    shell.terminal.say("Serving. Ctrl-C ends it; the lab stays as it is.");
    // Without a way to hear Ctrl-C, the process lives until it is ended.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
    server.stop();
    Ok(Exit::Done)
}

/// What a client needs, and a block to paste. The token opens nothing but this lab.
fn greeting(name: &str, server: &RunningServer) -> String {
    let RunningServer { address, fingerprint, ca_pem, token, .. } = server;
    let ca_pem = ca_pem.display();
    format!(
        "endpoint     https://{address}\n\
         fingerprint  {fingerprint}\n\
         ca file      {ca_pem}\n\
         token        {token}\n\
         \n\
         cluster \"{name}\" {{\n  \
           endpoints    = [\"https://{address}\"]\n  \
           fingerprints = [\"{fingerprint}\"]\n  \
           token        = \"{token}\"\n\
         }}\n"
    )
}

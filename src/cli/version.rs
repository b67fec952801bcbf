//! `spawnpoint version`

use super::exit::Exit;
use super::shell::{Ended, Shell};
use serde_json::json;

/// Says which version this is
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Writes it as JSON, as `terraform version -json` does
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) async fn run(args: Args, shell: &Shell) -> Ended {
    let version = env!("CARGO_PKG_VERSION");
    let platform = format!("{}_{}", std::env::consts::OS, std::env::consts::ARCH);
    shell.terminal.line(&match args.json {
        true => json!({ "spawnpoint_version": version, "platform": platform }).to_string(),
        false => format!("Spawnpoint v{version}\non {platform}"),
    });
    Ok(Exit::Done)
}

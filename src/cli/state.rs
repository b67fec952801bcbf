//! `spawnpoint state list` and `spawnpoint state show`

use super::configuration::{self, Given};
use super::disk::Disk;
use super::exit::Exit;
use super::flags::{Values, address};
use super::shell::{Ended, Shell};
use super::store::Store;
use crate::config::Address;
use crate::diagnostics::Diagnostic;
use crate::render::{change, value};
use crate::state::{Completeness, Record};
use std::fmt::Write as _;
use std::sync::Arc;

/// Shows what the state knows
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Lists the addresses of all objects, or of those within an address
    List {
        /// Only what these cover: `tenant.acme` covers its children
        #[arg(value_parser = address)]
        within: Vec<Address>,
        #[command(flatten)]
        values: Values,
    },
    /// Shows one object as last applied
    Show {
        /// The object
        #[arg(value_parser = address)]
        address: Address,
        #[command(flatten)]
        values: Values,
    },
}

/// Runs the command.
pub(super) async fn run(args: Args, shell: &Shell) -> Ended {
    let (Command::List { values, .. } | Command::Show { values, .. }) = &args.command;
    let given = Given::of_process(values.0.clone());
    let configuration = configuration::load(Arc::new(Disk::new(shell.folder.clone())), &given, shell)?;
    let state = Store::open(&configuration.stack.settings, shell).await?.load().await?;
    match args.command {
        Command::List { within, .. } => {
            let is_within = |address: &Address| within.is_empty() || within.iter().any(|target| target.covers(address));
            let found = state.records.keys().filter(|address| is_within(address));
            shell.terminal.data(&found.map(|address| format!("{address}\n")).collect::<String>());
        }
        Command::Show { address, .. } => {
            let found: Vec<(&Address, &Record)> =
                state.records.iter().filter(|(known, _)| address.covers(known)).collect();
            if found.is_empty() {
                let diagnostic = Diagnostic::error(format!("there is no `{address}` in the state"));
                return Err(diagnostic.hint("`spawnpoint state list` lists what there is").into());
            }
            shell.terminal.data(&listing(found.into_iter()));
        }
    }
    Ok(Exit::Done)
}

/// Returns records as blocks, an empty line between two.
pub(super) fn listing<'a>(records: impl Iterator<Item = (&'a Address, &'a Record)>) -> String {
    let blocks: Vec<String> = records.map(|(address, record)| block(address, record)).collect();
    blocks.join("\n")
}

fn block(address: &Address, record: &Record) -> String {
    let mut facts = vec![change::place(&record.kind, &record.identity)];
    facts.extend(record.is_adopted.then(|| "adopted".to_owned()));
    facts.extend((record.completeness == Completeness::Partial).then(|| "unfinished".to_owned()));
    let mut text = format!("# {address}: {}\n{} {{\n", facts.join(", "), record.kind);
    let entries = record.applied.as_entries();
    let width = entries.into_iter().flatten().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, item) in entries.into_iter().flatten() {
        let lines = value::lines(item);
        let _ = writeln!(text, "  {name:width$} = {}", lines.join("\n  "));
    }
    text.push_str("}\n");
    text
}

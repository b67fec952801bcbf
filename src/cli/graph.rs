//! `spawnpoint graph`

use super::configuration::{self, Given};
use super::disk::Disk;
use super::exit::Exit;
use super::failure::Failure;
use super::flags::Values;
use super::shell::{Ended, Shell};
use crate::graph;
use std::sync::Arc;

/// Draws what depends on what
///
/// DOT for Graphviz, Mermaid for Markdown, or an SVG that needs no other program.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    values: Values,
    /// Form of the drawing
    #[arg(long, value_enum, default_value_t = Form::Dot)]
    format: Form,
}

/// A form of drawing.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Form {
    Dot,
    Mermaid,
    Svg,
}

/// Runs the command.
pub(super) async fn run(args: Args, shell: &Shell) -> Ended {
    let given = Given::of_process(args.values.0);
    let configuration = configuration::load(Arc::new(Disk::new(shell.folder.clone())), &given, shell)?;
    let graph = graph::drawing(&configuration.stack).map_err(|found| Failure::new(found, &configuration.sources))?;
    shell.terminal.data(&match args.format {
        Form::Dot => graph.dot(),
        Form::Mermaid => graph.mermaid(),
        Form::Svg => graph.svg(),
    });
    Ok(Exit::Done)
}

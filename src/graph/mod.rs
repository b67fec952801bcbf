//! What must come before what: a [`Graph`] over addresses, and three ways to look at it.
//!
//! `dag` is the graph, `cycle` says what is wrong with one that is none, `text` writes DOT and Mermaid, `layout` and `svg` draw it without
//! any other program. Edges go from the dependant to what it depends on. Nothing here knows what an object is.

mod cycle;
mod dag;
mod layout;
mod svg;
mod text;

pub use cycle::Cycle;
pub use dag::Graph;

use crate::config::{Block, Stack};
use crate::diagnostics::Diagnostics;

/// Returns the graph of a configuration to look at: its blocks, and the look-ups they refer to.
pub fn drawing(stack: &Stack) -> Result<Graph, Diagnostics> {
    build(&stack.blocks)?;
    let lookups = stack.lookups();
    let nodes = stack.blocks.iter().map(|block| &block.address).chain(lookups.iter().map(|node| &node.address));
    let of_blocks =
        stack.blocks.iter().map(|block| (&block.address, block.dependencies.iter().chain(block.lookups.iter())));
    let of_blocks = of_blocks.flat_map(|(address, others)| others.map(move |other| (address, other)));
    let of_lookups = lookups.iter().flat_map(|node| node.lookups.iter().map(|other| (&node.address, other)));
    Ok(Graph::new(nodes.cloned().collect(), of_blocks.chain(of_lookups))
        .expect("look-ups in a circle were refused when they were read"))
}

/// Returns the graph of the blocks of a configuration, or one error that names a cycle and shows each block on it.
pub fn build(blocks: &[Block]) -> Result<Graph, Diagnostics> {
    let nodes = blocks.iter().map(|block| block.address.clone()).collect();
    let edges =
        blocks.iter().flat_map(|block| block.dependencies.iter().map(|dependency| (&block.address, dependency)));
    Graph::new(nodes, edges).map_err(|cycle| {
        let span = |address: &crate::config::Address| {
            blocks.iter().find(|block| block.address == *address).map(|block| block.span)
        };
        cycle.diagnostic(span).into()
    })
}

/// Returns the place of each block after those of all it depends on, or the same error. `blocks` are sorted by address, none is there twice.
pub fn order(blocks: &[Block]) -> Result<Vec<usize>, Diagnostics> {
    debug_assert!(blocks.is_sorted_by(|left, right| left.address < right.address));
    build(blocks).map(|graph| graph.places().collect())
}

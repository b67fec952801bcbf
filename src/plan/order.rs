//! What must come before what, as a graph by index. Knows blocks and halves of operations, nothing of what they do.
//!
//! Making follows the dependencies and destroying runs against them. Blocks without operations are seen through, so an operation waits for
//! the nearest ones only and the graph stays small.

use std::cmp::Reverse;
use std::collections::BTreeSet;

/// One operation, as far as order is concerned.
#[derive(Clone, Debug, Default)]
pub(super) struct Item {
    /// Index of its block.
    pub(super) block: usize,
    /// Place among the children of its composite: they are made in this order, and destroyed the other way round.
    pub(super) position: usize,
    /// Whether it destroys; everything else makes.
    pub(super) half: Half,
    /// Index of the other half of a replacement.
    pub(super) twin: Option<usize>,
    /// Of the destroying half: whether those that used the block let go first. False where the new one takes the old one's place.
    pub(super) waits_for_leavers: bool,
    /// Blocks the object depended on when it was last applied.
    pub(super) left: Vec<usize>,
}

/// Which way an operation goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Half {
    /// It makes or changes.
    #[default]
    Make,
    /// It destroys.
    Destroy,
}

/// Operations of one block.
#[derive(Clone, Default)]
struct Block {
    making: Vec<usize>,
    destroying: Vec<usize>,
    /// Makings of objects that used the block when they were last applied.
    leavers: Vec<usize>,
}

/// Returns for each item those that must be done before it, sorted. `dependencies` are those of each block.
pub(super) fn edges(items: &[Item], dependencies: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut blocks = vec![Block::default(); dependencies.len()];
    for (index, item) in items.iter().enumerate() {
        match item.half {
            Half::Make => {
                blocks[item.block].making.push(index);
                for block in &item.left {
                    blocks[*block].leavers.push(index);
                }
            }
            Half::Destroy => blocks[item.block].destroying.push(index),
        }
    }
    // In the order they go, so that those before one are the first ones: a block may have very many.
    for block in &mut blocks {
        block.making.sort_by_key(|index| items[*index].position);
        block.destroying.sort_by_key(|index| Reverse(items[*index].position));
    }
    let dependants = reversed(dependencies);
    let makings = nearest(dependencies, |block| &blocks[block].making);
    let destroyings = nearest(&dependants, |block| &blocks[block].destroying);
    let before = |(index, item): (usize, &Item)| {
        let block = &blocks[item.block];
        let (neighbours, nearest, siblings) = match item.half {
            Half::Make => (&dependencies[item.block], &makings, &block.making),
            Half::Destroy => (&dependants[item.block], &destroyings, &block.destroying),
        };
        let mut before: BTreeSet<usize> = neighbours.iter().flat_map(|other| &nearest[*other]).copied().collect();
        before.extend(siblings.iter().take_while(|other| comes_first(&items[**other], item)));
        match (item.half, item.waits_for_leavers) {
            (Half::Destroy, true) => before.extend(block.leavers.iter().chain(&item.twin)),
            (Half::Destroy, false) => {}
            // The making half of a replacement waits, unless its other half does.
            (Half::Make, _) => before.extend(item.twin.filter(|twin| !items[*twin].waits_for_leavers)),
        }
        before.remove(&index);
        before.into_iter().collect()
    };
    items.iter().enumerate().map(before).collect()
}

fn comes_first(other: &Item, item: &Item) -> bool {
    match item.half {
        Half::Make => other.position < item.position,
        Half::Destroy => other.position > item.position,
    }
}

fn reversed(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut reversed = vec![Vec::new(); edges.len()];
    for (from, to) in edges.iter().enumerate().flat_map(|(from, to)| to.iter().map(move |to| (from, *to))) {
        reversed[to].push(from);
    }
    reversed
}

/// Returns what stands for each block: its own operations, or those of the nearest blocks beyond it that have any.
fn nearest<'a>(edges: &[Vec<usize>], own: impl Fn(usize) -> &'a Vec<usize>) -> Vec<Vec<usize>> {
    let mut nearest: Vec<Vec<usize>> = vec![Vec::new(); edges.len()];
    for block in far_ends_first(edges) {
        nearest[block] = match own(block) {
            own if !own.is_empty() => own.clone(),
            _ => edges[block]
                .iter()
                .flat_map(|beyond| &nearest[*beyond])
                .copied()
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
        };
    }
    nearest
}

/// Depth first, every block after those its edges lead to. Blocks of old records may form a cycle, which is entered once.
fn far_ends_first(edges: &[impl AsRef<[usize]>]) -> Vec<usize> {
    let mut is_seen = vec![false; edges.len()];
    let mut order = Vec::with_capacity(edges.len());
    for start in 0..edges.len() {
        let mut open: Vec<(usize, usize)> = Vec::new();
        if !std::mem::replace(&mut is_seen[start], true) {
            open.push((start, 0));
        }
        while let Some((block, next)) = open.last_mut() {
            match edges[*block].as_ref().get(*next) {
                Some(beyond) => {
                    *next += 1;
                    if !std::mem::replace(&mut is_seen[*beyond], true) {
                        open.push((*beyond, 0));
                    }
                }
                None => {
                    order.push(*block);
                    open.pop();
                }
            }
        }
    }
    order
}

/// Returns when each operation ends if it begins as soon as all before it have ended.
pub(super) fn ends(before: &[impl AsRef<[usize]>], own: &[u64]) -> Vec<u64> {
    let mut ends = vec![0; before.len()];
    for index in far_ends_first(before) {
        ends[index] = own[index] + before[index].as_ref().iter().map(|before| ends[*before]).max().unwrap_or(0);
    }
    ends
}

/// Returns how long operations take together: the longest chain, or all the work shared out, whichever takes longer.
pub(super) fn duration_ms(before: &[Vec<usize>], own_ms: &[u64], parallelism: usize) -> u64 {
    let work: u64 = own_ms.iter().sum();
    ends(before, own_ms).into_iter().max().unwrap_or(0).max(work / parallelism.max(1) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(block: usize) -> Item {
        Item { block, ..Item::default() }
    }

    fn destroy(block: usize) -> Item {
        Item { block, half: Half::Destroy, ..Item::default() }
    }

    /// `vm` is block 0, `tenant` 1, `template` 2; the first depends on the others.
    fn on_both() -> [Vec<usize>; 3] {
        [vec![1, 2], vec![], vec![]]
    }

    #[test]
    fn making_follows_dependencies_and_destroying_runs_against_them() {
        assert_eq!(edges(&[make(0), make(1), make(2)], &on_both()), [vec![1, 2], vec![], vec![]]);
        assert_eq!(edges(&[destroy(0), destroy(1), destroy(2)], &on_both()), [vec![], vec![0], vec![0]]);
    }

    #[test]
    fn blocks_without_operations_are_seen_through() {
        let chain = [vec![1], vec![2], vec![3], vec![]];
        assert_eq!(edges(&[make(0), make(3)], &chain), [vec![1], vec![]]);
        assert_eq!(edges(&[destroy(0), destroy(3)], &chain), [vec![], vec![0]]);
        // The nearest one is enough: what it waits for is waited for.
        assert_eq!(edges(&[make(0), make(2), make(3)], &chain), [vec![1], vec![2], vec![]]);
    }

    #[test]
    fn children_of_a_composite_keep_their_order() {
        let at = |position, item: Item| Item { position, ..item };
        let one = [vec![]];
        assert_eq!(edges(&[at(1, make(0)), at(0, make(0)), at(1, make(0))], &one), [vec![1], vec![], vec![1]]);
        assert_eq!(edges(&[at(1, destroy(0)), at(0, destroy(0))], &one), [vec![], vec![0]]);
    }

    #[test]
    fn a_replacement_takes_its_dependants_along() {
        // Block 0 (a game server) depends on block 1 (its guest), and both are replaced.
        let twin = |twin, item: Item| Item { twin: Some(twin), ..item };
        let items =
            [twin(1, destroy(0)), Item { left: vec![1], ..twin(0, make(0)) }, twin(3, destroy(1)), twin(2, make(1))];
        let expected = [vec![], vec![0, 3], vec![0], vec![2]];
        assert_eq!(edges(&items, &[vec![1], vec![]]), expected);
    }

    #[test]
    fn an_old_one_that_goes_last_waits_until_its_users_have_left() {
        // A pool is replaced, new one first, and its guest moves over.
        let items = [
            Item { twin: Some(1), waits_for_leavers: true, ..destroy(1) },
            Item { twin: Some(0), ..make(1) },
            Item { left: vec![1], ..make(0) },
        ];
        assert_eq!(edges(&items, &[vec![1], vec![]]), [vec![1, 2], vec![], vec![1]]);
    }

    #[test]
    fn the_estimate_is_the_longest_chain_or_the_shared_work() {
        let chain = [vec![], vec![0], vec![1], vec![]];
        assert_eq!(duration_ms(&chain, &[1, 2, 3, 4], 10), 6);
        assert_eq!(duration_ms(&chain, &[1, 2, 3, 4], 1), 10);
    }
}

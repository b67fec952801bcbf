//! Where the boxes of a drawing go: columns by longest path, order within a column by barycentres, heights by what they are joined to.
//!
//! The classic layered drawing (Sugiyama). Units are pixels. Deterministic: every sort is stable and ties go by address.

use super::Graph;
use crate::config::Address;
use std::collections::BTreeMap;

const HEIGHT: f64 = 30.0;
const GAP: f64 = 14.0;
const COLUMN_GAP: f64 = 64.0;
const MARGIN: f64 = 24.0;

/// Sweeps over the columns. Crossings hardly change after four there-and-back sweeps, and a drawing costs microseconds.
const SWEEPS: usize = 8;

/// A finished drawing.
#[derive(Debug)]
pub(super) struct Layout {
    /// Width of the drawing.
    pub(super) width: f64,
    /// Height of the drawing.
    pub(super) height: f64,
    /// One per address, in order of the graph.
    pub(super) boxes: Vec<LabelledBox>,
    /// One per edge of the reduction.
    pub(super) curves: Vec<Vec<Point>>,
}

/// An address with its place.
#[derive(Debug)]
pub(super) struct LabelledBox {
    pub(super) address: Address,
    /// Upper left corner.
    pub(super) corner: Point,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// A place in the drawing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// A box, or the place where a long edge passes a column.
struct Vertex {
    address: Option<Address>,
    rank: usize,
    y: f64,
    left: Vec<usize>,
    right: Vec<usize>,
}

impl Layout {
    /// Lays out a graph: what comes first is on the left.
    pub(super) fn of(graph: &Graph) -> Self {
        let mut sketch = Sketch::of(graph);
        sketch.untangle();
        sketch.straighten();
        sketch.finish()
    }
}

struct Sketch {
    vertices: Vec<Vertex>,
    columns: Vec<Vec<usize>>,
    /// Vertices of each edge, from the dependant (right) to the dependency (left).
    edges: Vec<Vec<usize>>,
}

impl Sketch {
    fn of(graph: &Graph) -> Self {
        let mut ranks: BTreeMap<Address, usize> = BTreeMap::new();
        for address in graph.order() {
            let rank = graph.dependencies(&address).iter().map(|dependency| ranks[dependency] + 1).max();
            ranks.insert(address, rank.unwrap_or(0));
        }
        let mut sketch = Self { vertices: Vec::new(), columns: Vec::new(), edges: Vec::new() };
        let mut places = BTreeMap::new();
        for address in graph.order() {
            places.insert(address.clone(), sketch.add(Some(address.clone()), ranks[&address]));
        }
        for (dependant, dependency) in graph.reduction() {
            let mut path = vec![places[&dependant]];
            for rank in (ranks[&dependency] + 1..ranks[&dependant]).rev() {
                path.push(sketch.add(None, rank));
            }
            path.push(places[&dependency]);
            for pair in path.windows(2) {
                sketch.vertices[pair[0]].left.push(pair[1]);
                sketch.vertices[pair[1]].right.push(pair[0]);
            }
            sketch.edges.push(path);
        }
        sketch
    }

    fn add(&mut self, address: Option<Address>, rank: usize) -> usize {
        if self.columns.len() <= rank {
            self.columns.resize_with(rank + 1, Vec::new);
        }
        self.vertices.push(Vertex { address, rank, y: 0.0, left: Vec::new(), right: Vec::new() });
        self.columns[rank].push(self.vertices.len() - 1);
        self.vertices.len() - 1
    }

    /// Orders each column by the mean position of its neighbours, to the right and back again.
    fn untangle(&mut self) {
        self.number();
        for sweep in 0..SWEEPS {
            let to_the_right = sweep % 2 == 0;
            for at in 0..self.columns.len() {
                let rank = if to_the_right { at } else { self.columns.len() - 1 - at };
                let mut column = std::mem::take(&mut self.columns[rank]);
                let centre = |vertex: &usize| {
                    let own = &self.vertices[*vertex];
                    self.mean(if to_the_right { &own.left } else { &own.right }).unwrap_or(own.y)
                };
                column.sort_by(|a, b| centre(a).total_cmp(&centre(b)));
                self.columns[rank] = column;
                self.number();
            }
        }
    }

    /// Sets `y` to the position within the column, which is what `untangle` compares.
    fn number(&mut self) {
        for column in &self.columns {
            for (at, vertex) in column.iter().enumerate() {
                self.vertices[*vertex].y = at as f64;
            }
        }
    }

    fn mean(&self, vertices: &[usize]) -> Option<f64> {
        let sum: f64 = vertices.iter().map(|vertex| self.vertices[*vertex].y).sum();
        (!vertices.is_empty()).then(|| sum / vertices.len() as f64)
    }

    /// Moves each vertex towards the mean of its neighbours as far as those above and below let it.
    fn straighten(&mut self) {
        for vertex in &mut self.vertices {
            vertex.y *= HEIGHT + GAP;
        }
        for _ in 0..SWEEPS {
            for rank in (0..self.columns.len()).chain((0..self.columns.len()).rev()) {
                let column = self.columns[rank].clone();
                let wish = |vertex: &usize| {
                    let own = &self.vertices[*vertex];
                    let (left, right) = (self.mean(&own.left), self.mean(&own.right));
                    match (left, right) {
                        (Some(left), Some(right)) => f64::midpoint(left, right),
                        (one, other) => one.or(other).unwrap_or(own.y),
                    }
                };
                let wishes: Vec<f64> = column.iter().map(wish).collect();
                for (vertex, y) in column.iter().zip(spread(&wishes)) {
                    self.vertices[*vertex].y = y;
                }
            }
        }
        let top = self.vertices.iter().map(|vertex| vertex.y).fold(f64::INFINITY, f64::min);
        for vertex in &mut self.vertices {
            vertex.y = (vertex.y - top).round() + MARGIN;
        }
    }

    fn finish(self) -> Layout {
        let width = |vertex: &usize| self.vertices[*vertex].address.as_ref().map_or(0.0, label_width);
        let widths: Vec<f64> = self.columns.iter().map(|column| column.iter().map(width).fold(0.0, f64::max)).collect();
        let mut lefts = Vec::new();
        let mut x = MARGIN;
        for width in &widths {
            lefts.push(x);
            x += width + COLUMN_GAP;
        }
        let curves = self.edges.iter().map(|path| self.curve(path, &lefts, &widths)).collect();
        let bottom = self.vertices.iter().map(|vertex| vertex.y + HEIGHT).fold(0.0, f64::max);
        let boxes = self.vertices.into_iter().filter_map(|vertex| {
            let corner = Point { x: lefts[vertex.rank], y: vertex.y };
            vertex.address.map(|address| LabelledBox { address, corner, width: widths[vertex.rank], height: HEIGHT })
        });
        Layout { width: x - COLUMN_GAP + MARGIN, height: bottom + MARGIN, boxes: boxes.collect(), curves }
    }

    /// Leaves the dependant on its left side, crosses each column it passes on a level line, enters the dependency on its right side.
    fn curve(&self, path: &[usize], lefts: &[f64], widths: &[f64]) -> Vec<Point> {
        let last = path.len() - 1;
        let mut points = Vec::new();
        for (at, vertex) in path.iter().map(|vertex| &self.vertices[*vertex]).enumerate() {
            let (y, left) = (vertex.y + HEIGHT / 2.0, lefts[vertex.rank]);
            if at > 0 {
                points.push(Point { x: left + widths[vertex.rank], y });
            }
            if at < last {
                points.push(Point { x: left, y });
            }
        }
        points
    }
}

/// Returns positions near the wishes that keep their order and a box's height and gap apart: neighbours that collide are moved as a block
/// to where the mean of their wishes is.
fn spread(wishes: &[f64]) -> Vec<f64> {
    let pitch = HEIGHT + GAP;
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for (at, wish) in wishes.iter().enumerate() {
        // Each block is (sum of wishes less the offset within the column, members); its place is the mean.
        blocks.push((wish - at as f64 * pitch, 1));
        while let [.., (above, above_count), (below, below_count)] = blocks[..] {
            if above / above_count as f64 <= below / below_count as f64 {
                break;
            }
            blocks.truncate(blocks.len() - 2);
            blocks.push((above + below, above_count + below_count));
        }
    }
    let places = blocks.iter().flat_map(|(sum, count)| std::iter::repeat_n(sum / *count as f64, *count));
    places.enumerate().map(|(at, place)| place + at as f64 * pitch).collect()
}

/// Returns the width of a box that holds an address in 13 pixel monospace letters, 0.6 em each.
fn label_width(address: &Address) -> f64 {
    (address.to_string().chars().count() as f64 * 7.8 + 28.0).ceil()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::text::tests::graph;

    #[test]
    fn boxes_never_overlap_and_dependencies_are_left() {
        let graph = graph(
            "vm.a>tenant.t vm.b>tenant.t vm.c>tenant.u vm.c>template.d vm.a>template.d vm.b>template.d \
             game_server.x>vm.a game_server.y>vm.b game_server.y>vm.c tenant.t>tier.g tenant.u>tier.g game_server.z>tier.g",
        );
        let layout = Layout::of(&graph);
        let place = |address: &Address| {
            layout.boxes.iter().find(|one| one.address == *address).expect("every address has a box").corner
        };
        for (dependant, dependency) in graph.reduction() {
            assert!(place(&dependant).x > place(&dependency).x, "{dependant} is right of {dependency}");
        }
        for (at, one) in layout.boxes.iter().enumerate() {
            assert!(one.corner.y >= MARGIN && one.corner.y + one.height <= layout.height);
            for other in &layout.boxes[at + 1..] {
                let apart = (one.corner.y - other.corner.y).abs() >= HEIGHT;
                assert!(one.corner.x != other.corner.x || apart, "{} and {}", one.address, other.address);
            }
        }
    }

    #[test]
    fn colliding_wishes_are_spread_around_their_mean() {
        assert_eq!(spread(&[0.0, 0.0]), [-22.0, 22.0]);
        assert_eq!(spread(&[0.0, 100.0]), [0.0, 100.0]);
        assert_eq!(spread(&[50.0, 0.0, 200.0]), [3.0, 47.0, 200.0]);
    }
}

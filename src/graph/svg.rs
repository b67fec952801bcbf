//! The drawing as SVG: one file, no script, no font to load, readable on light and dark pages.

use super::Graph;
use super::layout::{LabelledBox, Layout, Point};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Hues of the bar at the left of a box, by type of block in order of appearance. Colour repeats what the label says.
const HUES: [&str; 6] = ["#3b82f6", "#10b981", "#f59e0b", "#8b5cf6", "#ef4444", "#14b8a6"];

const STYLE: &str = "\
  svg { background: #ffffff; }
  .box { fill: #f8fafc; stroke: #94a3b8; }
  .edge { fill: none; stroke: #64748b; stroke-width: 1.4; }
  .tip { fill: #64748b; }
  text { fill: #0f172a; font: 13px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; }
  @media (prefers-color-scheme: dark) {
    svg { background: #0f172a; }
    .box { fill: #1e293b; stroke: #475569; }
    .edge { stroke: #94a3b8; }
    .tip { fill: #94a3b8; }
    text { fill: #e2e8f0; }
  }
";

impl Graph {
    /// Returns a drawing of the graph: what is made first on the left, an arrow from each object to what it needs.
    pub fn svg(&self) -> String {
        let layout = Layout::of(self);
        let (width, height) = (layout.width, layout.height);
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>Dependencies, what is made first on the left</title>\n\
             <style>\n{STYLE}</style>\n<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" \
             markerHeight=\"8\" orient=\"auto\"><path class=\"tip\" d=\"M0 0L8 4L0 8z\"/></marker></defs>\n"
        );
        for points in &layout.curves {
            let _ = writeln!(text, "<path class=\"edge\" marker-end=\"url(#tip)\" d=\"{}\"/>", bezier(points));
        }
        let mut hues = BTreeMap::new();
        for labelled in &layout.boxes {
            let next = HUES[hues.len() % HUES.len()];
            let hue = *hues.entry(labelled.address.kind.clone()).or_insert(next);
            text.push_str(&draw(labelled, hue));
        }
        text.push_str("</svg>\n");
        text
    }
}

fn draw(labelled: &LabelledBox, hue: &str) -> String {
    let LabelledBox { address, corner: Point { x, y }, width, height } = labelled;
    let label = escaped(&address.to_string());
    format!(
        "<g><rect class=\"box\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"5\"/>\
         <rect x=\"{x}\" y=\"{y}\" width=\"5\" height=\"{height}\" rx=\"2\" fill=\"{hue}\"/>\
         <text x=\"{}\" y=\"{}\">{label}</text></g>\n",
        x + 16.0,
        y + height / 2.0 + 4.5,
    )
}

/// Points come in pairs: from a box or level line to the next. Each pair is one curve that leaves and arrives level.
fn bezier(points: &[Point]) -> String {
    let mut path = String::new();
    for (at, pair) in points.windows(2).enumerate() {
        let (from, to) = (pair[0], pair[1]);
        if at == 0 {
            let _ = write!(path, "M{} {}", from.x, from.y);
        }
        let middle = f64::midpoint(from.x, to.x);
        match at % 2 {
            0 => {
                let _ = write!(path, "C{middle} {} {middle} {} {} {}", from.y, to.y, to.x, to.y);
            }
            _ => {
                let _ = write!(path, "H{}", to.x);
            }
        }
    }
    path
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use crate::graph::Graph;
    use crate::graph::text::tests::graph;

    #[test]
    fn a_drawing_is_the_same_every_time_and_holds_every_label() {
        let text = "vm.mc[a<b]>tenant.acme game_server.s>vm.mc[a<b] game_server.s>tier.gold";
        let svg = graph(text).svg();
        assert_eq!(svg, graph(text).svg());
        for label in ["tenant.acme", "vm.mc[\"a&lt;b\"]", "game_server.s", "tier.gold"] {
            assert!(svg.contains(&format!(">{label}</text>")), "{label}");
        }
        assert_eq!(svg.matches("class=\"edge\"").count(), 3);
    }

    #[test]
    fn an_edge_that_passes_a_column_is_level_there() {
        let svg = graph("vm.a>tenant.t game_server.g>vm.a game_server.g>tier.x").svg();
        assert!(svg.lines().any(|line| line.contains('H') && line.contains("class=\"edge\"")), "{svg}");
    }

    #[test]
    fn nothing_can_be_drawn() {
        let svg = Graph::new(Vec::new(), []).expect("no cycle").svg();
        assert!(svg.ends_with("</svg>\n"));
        assert!(!svg.contains("inf") && !svg.contains("NaN"), "{svg}");
    }
}

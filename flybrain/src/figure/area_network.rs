//! Networks of brain areas: who drives whom, who feeds back to whom.

use std::collections::BTreeSet;

use connectome_graph::area::AreaGraph;

use super::Figure;
use super::check::Check;
use super::color::{INK, Rgb, SOFT_INK, WHITE, category};
use super::font::{Weight, shorten, width};
use super::layered::{Edge, Layered, Tree};
use super::layout::MARGIN;
use super::legend::{Entry, Swatch, header};
use super::scene::{Anchor, Point, Rect, Scene, Segment, Stroke, Text, polygon};
use crate::Error;

/// Areas as boxes in layers, inputs at the bottom; feedforward edges are solid, feedback edges are dashed.
///
/// Edges of one kind from one area start as one line and branch on their way, each branch ending in an arrowhead.
///
/// ```
/// use connectome_graph::area::paper::PaperGraph;
/// use flybrain::figure::AreaNetwork;
///
/// let figure = AreaNetwork::of("Vision below hearing", &PaperGraph::default().graph()).build()?;
///
/// // or piece by piece
/// let figure = AreaNetwork::new("A chain")
///     .area("V1", "28×28×32", 0)
///     .area("V2", "14×14×32", 1)
///     .edge(0, 1)
///     .feedback(1, 0)
///     .input(0)
///     .output(1)
///     .build()?;
/// # Ok::<(), flybrain::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct AreaNetwork {
    title: String,
    areas: Vec<AreaBox>,
    edges: BTreeSet<Edge>,
    inputs: BTreeSet<usize>,
    outputs: BTreeSet<usize>,
}

#[derive(Debug, Clone, PartialEq)]
struct AreaBox {
    name: String,
    size: String,
    level: u32,
}

/// Kinds of edges.
const FEEDFORWARD: usize = 0;
const FEEDBACK: usize = 1;

/// More areas than this are no picture any more.
pub(crate) const MOST_AREAS: usize = 100;
/// Font sizes in boxes.
const NAME: f64 = 13.0;
const NOTE: f64 = 10.0;
/// Longest text of a box.
const LONGEST: f64 = 150.0;
/// Distance of the ends of edges at a box.
const PORT: f64 = 9.0;
/// Room for an edge from an area to itself, at either side of the box.
const LOOP: f64 = 26.0;
const ARROW: f64 = 7.0;
/// Fills of inputs and outputs.
const INPUT: Rgb = Rgb(0xd3, 0xee, 0xe3);
const OUTPUT: Rgb = Rgb(0xff, 0xe4, 0xad);

impl AreaNetwork {
    /// An empty picture.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            areas: Vec::new(),
            edges: BTreeSet::new(),
            inputs: BTreeSet::new(),
            outputs: BTreeSet::new(),
        }
    }

    /// The picture of a network; sizes are height x width x channels of the state.
    pub fn of(title: impl Into<String>, graph: &AreaGraph) -> Self {
        let levels = graph.levels();
        let mut picture = Self::new(title);
        for ((name, area), level) in graph.names().iter().zip(graph.areas()).zip(levels) {
            picture = picture.area(name, format!("{}×{}×{}", area.input_h, area.input_w, area.hidden_dim), level);
        }
        let picture = graph.edges().into_iter().fold(picture, |picture, (from, to)| picture.edge(from, to));
        let picture =
            graph.feedback_edges().into_iter().fold(picture, |picture, (from, to)| picture.feedback(from, to));
        let picture = graph.inputs().iter().fold(picture, |picture, &area| picture.input(area));
        graph.outputs().iter().fold(picture, |picture, &area| picture.output(area))
    }

    /// Adds an area: its name, what stands below the name, and its level, 0 lowest. Areas are numbered from 0.
    #[must_use]
    pub fn area(mut self, name: impl Into<String>, size: impl Into<String>, level: u32) -> Self {
        self.areas.push(AreaBox { name: name.into(), size: size.into(), level });
        self
    }

    /// Adds a feedforward edge.
    #[must_use]
    pub fn edge(mut self, from: usize, to: usize) -> Self {
        self.edges.insert((from, to, FEEDFORWARD));
        self
    }

    /// Adds a feedback edge.
    #[must_use]
    pub fn feedback(mut self, from: usize, to: usize) -> Self {
        self.edges.insert((from, to, FEEDBACK));
        self
    }

    /// Marks an area that gets stimuli.
    #[must_use]
    pub fn input(mut self, area: usize) -> Self {
        self.inputs.insert(area);
        self
    }

    /// Marks an area that is read out.
    #[must_use]
    pub fn output(mut self, area: usize) -> Self {
        self.outputs.insert(area);
        self
    }

    /// Draws the figure, as large as it needs to be.
    ///
    /// # Errors
    /// [`Error::EmptyPlot`] without an area, [`Error::BadOption`] for edges, inputs or outputs that are no areas and for
    /// more than 100 areas.
    pub fn build(&self) -> Result<Figure, Error> {
        self.check()?;
        let boxes: Vec<(f64, f64)> = (0..self.areas.len()).map(|area| self.box_size(area)).collect();
        let loops = |area: usize| [FEEDFORWARD, FEEDBACK].iter().any(|&kind| self.edges.contains(&(area, area, kind)));
        let half = |area: usize| boxes[area].0 / 2.0 + if loops(area) { LOOP } else { 0.0 } + 10.0;
        let between: BTreeSet<_> = self.edges.iter().copied().filter(|edge| edge.0 != edge.1).collect();
        let levels: Vec<u32> = self.areas.iter().map(|area| area.level).collect();
        let layout = Layered::new(&(0..boxes.len()).map(half).collect::<Vec<_>>(), &levels, &between);

        let row = boxes.iter().map(|b| b.1).fold(0.0, f64::max);
        let gaps: Vec<f64> =
            (1..layout.layers.len()).map(|layer| (40.0 + 1.2 * layout.links(layer - 1) as f64).min(90.0)).collect();
        let high = layout.layers.len() as f64 * row + gaps.iter().sum::<f64>();
        let mut probe = Scene::new((layout.width() + 2.0 * MARGIN).max(380.0).ceil(), 1.0);
        let top = header(&mut probe, &self.title, &self.legend()) + 6.0;
        let mut scene = Scene::new(probe.width, (top + high + MARGIN).ceil());
        header(&mut scene, &self.title, &self.legend());

        // the middle of each layer, lowest first
        let mut middle = vec![top + high - row / 2.0];
        gaps.iter().for_each(|gap| middle.push(middle[middle.len() - 1] - gap - row));
        let left = (scene.width - layout.width()) / 2.0;
        let drawing = Drawing { picture: self, layout: &layout, boxes: &boxes, middle: &middle, left, row };
        drawing.edges(&mut scene);
        (0..self.areas.len()).for_each(|area| drawing.area(&mut scene, area));
        Ok(Figure::new(scene, &self.title))
    }

    fn check(&self) -> Result<(), Error> {
        let check = Check { plot: "area network", title: &self.title };
        let n = self.areas.len();
        check.not_empty(n == 0, "an area")?;
        check.option("areas", n, (n > MOST_AREAS).then_some("draw at most 100, or the connections as a Heatmap"))?;
        let advice = "areas are numbered from 0 in the order in which they were added";
        for &(from, to, _) in &self.edges {
            check.option("edge", (from, to), (from >= n || to >= n).then_some(advice))?;
        }
        for (what, marked) in [("input", &self.inputs), ("output", &self.outputs)] {
            for &area in marked {
                check.option(what, area, (area >= n).then_some(advice))?;
            }
        }
        Ok(())
    }

    fn legend(&self) -> Vec<Entry> {
        let kinds = [(FEEDFORWARD, "feedforward"), (FEEDBACK, "feedback")];
        let kinds = kinds.into_iter().filter(|(kind, _)| self.edges.iter().any(|edge| edge.2 == *kind));
        let lines = kinds.map(|(kind, name)| Entry { name: name.to_owned(), swatch: Swatch::Line(stroke(kind)) });
        let marks = [(&self.inputs, "input", INPUT), (&self.outputs, "output", OUTPUT)];
        let marks = marks.into_iter().filter(|(areas, ..)| !areas.is_empty());
        lines
            .chain(marks.map(|(_, name, color)| Entry { name: name.to_owned(), swatch: Swatch::Patch(color) }))
            .collect()
    }

    /// What an area is to the outside.
    fn note(&self, area: usize) -> &'static str {
        match (self.inputs.contains(&area), self.outputs.contains(&area)) {
            (true, true) => "input, output",
            (true, false) => "input",
            (false, true) => "output",
            (false, false) => "",
        }
    }

    /// Width and height of a box: room for its text and for the ends of its edges.
    fn box_size(&self, area: usize) -> (f64, f64) {
        let AreaBox { name, size, .. } = &self.areas[area];
        let name = width(name, NAME, Weight::Bold).min(LONGEST);
        let note = width(size, NOTE, Weight::Regular).max(width(self.note(area), NOTE, Weight::Regular)).min(LONGEST);
        let ends = self.edges.iter().filter(|edge| edge.1 == area && edge.0 != area).count() + 2;
        let high = if self.inputs.is_empty() && self.outputs.is_empty() { 38.0 } else { 50.0 };
        ((name.max(note) + 18.0).max(64.0).max((0.8 * PORT * ends as f64).min(LONGEST)), high)
    }
}

fn color(kind: usize) -> Rgb {
    category(kind, 2)
}

fn stroke(kind: usize) -> Stroke {
    let line = Stroke::new(color(kind), 1.3);
    if kind == FEEDBACK { line.dashed(4.0, 3.0) } else { line }
}

/// A picture while it is drawn.
struct Drawing<'a> {
    picture: &'a AreaNetwork,
    layout: &'a Layered,
    boxes: &'a [(f64, f64)],
    middle: &'a [f64],
    left: f64,
    row: f64,
}

impl Drawing<'_> {
    fn x(&self, item: usize) -> f64 {
        self.left + self.layout.items[item].x
    }

    fn rect(&self, area: usize) -> Rect {
        let (w, h) = self.boxes[area];
        let y = self.middle[self.layout.items[area].layer];
        Rect::new(self.x(area) - w / 2.0, y - h / 2.0, w, h)
    }

    fn area(&self, scene: &mut Scene, area: usize) {
        let AreaBox { name, size, .. } = &self.picture.areas[area];
        let rect = self.rect(area);
        let outline = rounded(rect, 5.0);
        scene.open("area", name);
        let (input, output) = (self.picture.inputs.contains(&area), self.picture.outputs.contains(&area));
        let fill = match (input, output) {
            (true, _) => INPUT,
            (false, true) => OUTPUT,
            (false, false) => WHITE,
        };
        scene.path(outline.clone(), Some(fill.into()), None);
        if input && output {
            let right = Rect::new(rect.x + rect.w / 2.0, rect.y, rect.w / 2.0, rect.h);
            scene.clip(right);
            scene.path(outline.clone(), Some(OUTPUT.into()), None);
            scene.unclip();
        }
        scene.path(outline, None, Some(Stroke::new(INK, 1.2)));
        let note = self.picture.note(area);
        let lines = [(name.as_str(), NAME, Weight::Bold), (size, NOTE, Weight::Regular), (note, NOTE, Weight::Regular)];
        let lines: Vec<_> = lines.into_iter().filter(|line| !line.0.trim().is_empty()).collect();
        let high: f64 = lines.iter().map(|line| line.1 * 1.25).sum();
        let mut y = rect.y + (rect.h - high) / 2.0;
        for (text, font, weight) in lines {
            let short = shorten(text, font, weight, rect.w - 8.0);
            let at = (rect.x + rect.w / 2.0, y + font * 0.95);
            let color = if weight == Weight::Bold { INK } else { SOFT_INK };
            scene.text(Text { weight, ..Text::new(short, at, font).anchor(Anchor::Middle).color(color) });
            y += font * 1.25;
        }
        scene.close();
    }

    fn edges(&self, scene: &mut Scene) {
        let ports = self.ports();
        for kind in [FEEDBACK, FEEDFORWARD] {
            scene.open(if kind == FEEDBACK { "feedback" } else { "feedforward" }, "");
            for (tree, ports) in self.layout.trees.iter().zip(&ports).filter(|(tree, _)| tree.kind == kind) {
                self.tree(scene, tree, ports);
            }
            for area in 0..self.boxes.len() {
                if self.picture.edges.contains(&(area, area, kind)) {
                    self.own(scene, area, kind);
                }
            }
            scene.close();
        }
    }

    /// Where the edges of each tree touch boxes: at the source, then at each target. At each side of a box they stand
    /// in the order of their other ends.
    fn ports(&self) -> Vec<Vec<f64>> {
        let mut ports: Vec<Vec<f64>> = self.layout.trees.iter().map(|tree| vec![0.0; 1 + tree.targets.len()]).collect();
        // side of a box -> (place of the other end, kind, tree, port)
        let mut sides = vec![Vec::new(); 2 * self.boxes.len()];
        for (t, tree) in self.layout.trees.iter().enumerate() {
            let up = self.is_up(tree);
            let first = tree.lanes.first().copied();
            let near = tree.targets.iter().filter(|target| target.1 == tree.source).map(|target| target.0);
            let near: Vec<f64> = near.chain(first).map(|item| self.x(item)).collect();
            let mean = near.iter().sum::<f64>() / near.len() as f64;
            sides[2 * tree.source + usize::from(up)].push((mean, tree.kind, t, 0));
            for (port, &(target, from)) in tree.targets.iter().enumerate() {
                sides[2 * target + usize::from(!up)].push((self.x(from), tree.kind, t, 1 + port));
            }
        }
        for (side, mut ends) in sides.into_iter().enumerate() {
            ends.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let rect = self.rect(side / 2);
            let step = PORT.min((rect.w - 14.0) / ends.len().max(2) as f64);
            for (i, &(_, _, tree, port)) in ends.iter().enumerate() {
                ports[tree][port] = rect.x + rect.w / 2.0 + step * (i as f64 - (ends.len() - 1) as f64 / 2.0);
            }
        }
        ports
    }

    fn is_up(&self, tree: &Tree) -> bool {
        self.layout.items[tree.targets[0].0].layer > self.layout.items[tree.source].layer
    }

    fn tree(&self, scene: &mut Scene, tree: &Tree, ports: &[f64]) {
        // upwards is towards smaller y
        let forward = if self.is_up(tree) { -1.0 } else { 1.0 };
        let edge = |item: usize, side: f64| {
            let half = if item < self.boxes.len() { self.boxes[item].1 / 2.0 } else { self.row / 2.0 };
            self.middle[self.layout.items[item].layer] + side * half
        };
        let start = (ports[0], edge(tree.source, forward));
        let mut path = vec![Segment::Move(start)];
        let mut at = start;
        for &lane in &tree.lanes {
            let x = self.x(lane);
            bend(&mut path, at, (x, edge(lane, -forward)));
            at = (x, edge(lane, forward));
            path.push(Segment::Line(at));
        }
        if tree.lanes.is_empty() {
            path.clear();
        }
        let line = stroke(tree.kind);
        let mut heads = Vec::new();
        for (&(target, from), &x) in tree.targets.iter().zip(&ports[1..]) {
            let start = if from == tree.source { start } else { (self.x(from), edge(from, forward)) };
            let tip = (x, edge(target, -forward));
            path.push(Segment::Move(start));
            bend(&mut path, start, (x, tip.1 - forward * ARROW * 0.8));
            heads.push(arrow(tip, (0.0, forward)));
        }
        scene.path(path, None, Some(line));
        heads.into_iter().for_each(|head| scene.path(head, Some(color(tree.kind).into()), None));
    }

    /// An edge from an area to itself: feedforward at the right side of its box, feedback at the left.
    fn own(&self, scene: &mut Scene, area: usize, kind: usize) {
        let rect = self.rect(area);
        let (x, out) = if kind == FEEDFORWARD { (rect.right(), 1.0) } else { (rect.x, -1.0) };
        let middle = rect.y + rect.h / 2.0;
        let (from, to) = ((x, middle - 10.0), (x, middle + 10.0));
        let end = (x + out * ARROW * 0.8, to.1);
        let path = vec![
            Segment::Move(from),
            Segment::Cubic((x + out * (LOOP + 4.0), from.1 - 6.0), (x + out * (LOOP + 4.0), to.1 + 2.0), end),
        ];
        scene.path(path, None, Some(stroke(kind)));
        scene.path(arrow(to, (-out, 0.0)), Some(color(kind).into()), None);
    }
}

/// A curve that leaves and arrives vertically.
fn bend(path: &mut Vec<Segment>, from: Point, to: Point) {
    let middle = (from.1 + to.1) / 2.0;
    path.push(Segment::Cubic((from.0, middle), (to.0, middle), to));
}

/// An arrowhead that points along a unit vector.
fn arrow((x, y): Point, (dx, dy): Point) -> Vec<Segment> {
    let (half, back) = (0.42 * ARROW, (x - ARROW * dx, y - ARROW * dy));
    polygon([(x, y), (back.0 - half * dy, back.1 + half * dx), (back.0 + half * dy, back.1 - half * dx)])
}

/// Outline of a rectangle with round corners.
fn rounded(rect: Rect, r: f64) -> Vec<Segment> {
    let (x, y, right, bottom) = (rect.x, rect.y, rect.right(), rect.bottom());
    vec![
        Segment::Move((x + r, y)),
        Segment::Line((right - r, y)),
        Segment::Quad((right, y), (right, y + r)),
        Segment::Line((right, bottom - r)),
        Segment::Quad((right, bottom), (right - r, bottom)),
        Segment::Line((x + r, bottom)),
        Segment::Quad((x, bottom), (x, bottom - r)),
        Segment::Line((x, y + r)),
        Segment::Quad((x, y), (x + r, y)),
        Segment::Close,
    ]
}

//! Networks of brain areas: who drives whom, who feeds back to whom, which areas get stimuli and which are read out.
//!
//! Areas are numbered as in their [`AreaTable`]. Feedforward edges carry bottom-up signals, feedback edges top-down
//! ones. Source: Tugsbayar, Li, Muller, Richards 2025, *eLife* 105953.
//!
//! ```
//! use connectome_graph::area::{Area, AreaGraph, AreaTable, FeedbackEdges, LongestPath};
//!
//! // V1 -> V2 -> V4 with a shortcut; 28, 14 and 7 pixels a side
//! let area = |input_dim, side| Area {
//!     hidden_dim: 32,
//!     input_dim,
//!     input_h: side,
//!     input_w: side,
//!     kernel_h: 3,
//!     kernel_w: 3,
//!     basal_topdown_dim: 0,
//!     apical_topdown_dim: 0,
//! };
//! let names = ["V1", "V2", "V4"].map(String::from).to_vec();
//! let adjacency = vec![0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0];
//! let table = AreaTable::new(names, adjacency, vec![area(1, 28), area(10, 14), area(10, 7)])?;
//!
//! let graph = AreaGraph::new(&table, &[0], &[2], FeedbackEdges::Reciprocal)?;
//! assert_eq!(graph.sources(2), [0, 1]);
//! assert_eq!(graph.feedback_sources(0), [1, 2]);
//! assert_eq!(graph.distances(), [Some(0), Some(1), Some(1)]);
//! assert_eq!(graph.longest_path(), LongestPath::Steps(2));
//!
//! // the same network without the feedback from V4 to V1
//! let (v4, v1) = (graph.index_of("V4")?, graph.index_of("V1")?);
//! assert_eq!(graph.cut_feedback(v4, v1)?.feedback_sources(v1), [1]);
//! # Ok::<(), connectome_graph::Error>(())
//! ```

mod diagnostic;
mod hierarchy;
pub mod paper;
mod path;

use std::path::Path;

pub use connectome_io::format::area_table::{Area, AreaTable};

pub use diagnostic::Diagnostic;
pub use hierarchy::{Directions, FeedbackEntries, FromHierarchy, Sizes, scores};
pub use path::LongestPath;

use crate::{Error, Topology};

/// Where the feedback edges of a network come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FeedbackEdges {
    /// Every feedforward edge i -> j has a feedback edge j -> i, a self edge included; negative entries of the table
    /// are ignored. The default.
    #[default]
    Reciprocal,
    /// A negative entry (i, j) of the table says that i sends feedback to j.
    Signed,
}

/// A network of brain areas with its inputs and outputs. Validated at construction.
///
/// Self edges and cycles are legal; so are areas and outputs that no input reaches, which
/// [`diagnostics`](AreaGraph::diagnostics) reports.
#[derive(Debug, Clone, PartialEq)]
pub struct AreaGraph {
    names: Vec<String>,
    areas: Vec<Area>,
    inputs: Vec<usize>,
    outputs: Vec<usize>,
    feedback: FeedbackEdges,
    sources: Vec<Vec<usize>>,
    targets: Vec<Vec<usize>>,
    feedback_sources: Vec<Vec<usize>>,
    /// Negative entries of the table that are no edges.
    ignored: usize,
}

impl AreaGraph {
    /// Takes the areas that get stimuli and those that are read out, each list in the order in which stimuli are given
    /// and results returned. The sign of an entry decides what it is; its magnitude is ignored.
    ///
    /// # Errors
    /// [`Error::Table`] if a list is empty, names an area twice or one that does not exist.
    pub fn new(table: &AreaTable, inputs: &[usize], outputs: &[usize], feedback: FeedbackEdges) -> Result<Self, Error> {
        table.check_areas(inputs, "input_nodes")?;
        table.check_areas(outputs, "output_nodes")?;
        let n = table.n_areas();
        let select = |connected: &dyn Fn(usize, usize) -> bool| -> Vec<Vec<usize>> {
            (0..n).map(|area| (0..n).filter(|&other| connected(other, area)).collect()).collect()
        };
        let targets = select(&|target, area| table.connection(area, target) > 0.0);
        let feedback_sources = match feedback {
            FeedbackEdges::Reciprocal => targets.clone(),
            FeedbackEdges::Signed => select(&|source, area| table.connection(source, area) < 0.0),
        };
        let ignored = match feedback {
            FeedbackEdges::Reciprocal => table.adjacency().iter().filter(|&&entry| entry < 0.0).count(),
            FeedbackEdges::Signed => 0,
        };
        Ok(Self {
            names: table.names().to_vec(),
            areas: table.areas().to_vec(),
            inputs: inputs.to_vec(),
            outputs: outputs.to_vec(),
            feedback,
            sources: select(&|source, area| table.connection(source, area) > 0.0),
            targets,
            feedback_sources,
            ignored,
        })
    }

    /// Reads a table of areas, see [`AreaTable::read`].
    ///
    /// # Errors
    /// [`Error::Table`]: those of the file and of [`AreaGraph::new`].
    pub fn read(
        path: impl AsRef<Path>,
        inputs: &[usize],
        outputs: &[usize],
        feedback: FeedbackEdges,
    ) -> Result<Self, Error> {
        Self::new(&AreaTable::read(path)?, inputs, outputs, feedback)
    }

    /// As [`AreaGraph::new`], with inputs and outputs by name.
    ///
    /// # Errors
    /// Those of [`AreaGraph::index_of`] and [`AreaGraph::new`].
    pub fn named<S: AsRef<str>>(
        table: &AreaTable,
        inputs: &[S],
        outputs: &[S],
        feedback: FeedbackEdges,
    ) -> Result<Self, Error> {
        let indices =
            |list: &[S]| list.iter().map(|name| find(table.names(), name.as_ref())).collect::<Result<Vec<_>, _>>();
        Self::new(table, &indices(inputs)?, &indices(outputs)?, feedback)
    }

    /// Number of areas.
    pub fn n_areas(&self) -> usize {
        self.areas.len()
    }

    /// Name of each area.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The area of a name.
    ///
    /// # Errors
    /// [`Error::AreaName`] if no area or more than one has it.
    pub fn index_of(&self, name: &str) -> Result<usize, Error> {
        find(&self.names, name)
    }

    /// Sizes of each area.
    pub fn areas(&self) -> &[Area] {
        &self.areas
    }

    /// Sizes of an area.
    ///
    /// # Panics
    /// If there is no such area.
    pub fn area(&self, area: usize) -> &Area {
        &self.areas[self.assert_area("area", area)]
    }

    /// Areas that get stimuli, in the order of the stimuli.
    pub fn inputs(&self) -> &[usize] {
        &self.inputs
    }

    /// Areas that are read out, in the order of the results.
    pub fn outputs(&self) -> &[usize] {
        &self.outputs
    }

    /// Where the feedback edges came from when the network was built; edges may have been cut since.
    pub fn feedback(&self) -> FeedbackEdges {
        self.feedback
    }

    /// Areas that drive `area`, ascending.
    ///
    /// # Panics
    /// If there is no such area.
    pub fn sources(&self, area: usize) -> &[usize] {
        &self.sources[self.assert_area("sources", area)]
    }

    /// Areas that `area` drives, ascending.
    ///
    /// # Panics
    /// If there is no such area.
    pub fn targets(&self, area: usize) -> &[usize] {
        &self.targets[self.assert_area("targets", area)]
    }

    /// Areas that send feedback to `area`, ascending.
    ///
    /// # Panics
    /// If there is no such area.
    pub fn feedback_sources(&self, area: usize) -> &[usize] {
        &self.feedback_sources[self.assert_area("feedback_sources", area)]
    }

    /// All feedforward edges as (from, to), by `from`, then `to`.
    pub fn edges(&self) -> Vec<(usize, usize)> {
        self.targets.iter().enumerate().flat_map(|(from, list)| list.iter().map(move |&to| (from, to))).collect()
    }

    /// All feedback edges as (from, to), by `from`, then `to`.
    pub fn feedback_edges(&self) -> Vec<(usize, usize)> {
        let by_target = self.feedback_sources.iter().enumerate();
        let mut edges: Vec<_> = by_target.flat_map(|(to, list)| list.iter().map(move |&from| (from, to))).collect();
        edges.sort_unstable();
        edges
    }

    /// Height and width of each area that gets stimuli, (0, 0) for the others; `[n_areas]`, in pixels.
    pub fn input_sizes(&self) -> Vec<[u32; 2]> {
        self.of_inputs([0, 0], |area| [area.input_h, area.input_w])
    }

    /// Channels of the bottom-up input of each area that gets stimuli, 0 for the others; `[n_areas]`.
    pub fn input_dims(&self) -> Vec<u32> {
        self.of_inputs(0, |area| area.input_dim)
    }

    fn of_inputs<T: Clone>(&self, other: T, size: impl Fn(&Area) -> T) -> Vec<T> {
        let mut sizes = vec![other; self.n_areas()];
        for &input in &self.inputs {
            sizes[input] = size(&self.areas[input]);
        }
        sizes
    }

    /// The feedforward edges as a matrix `[post, pre]` with weights 1.
    pub fn topology(&self) -> Topology {
        let row = |sources: &Vec<usize>| sources.iter().map(|&source| (source as u32, 1.0)).collect();
        let rows: Vec<Vec<(u32, f64)>> = self.sources.iter().map(row).collect();
        Topology::from_rows(self.n_areas(), &rows)
    }

    /// The network without one feedforward edge. Feedback stays as it was, that in the opposite direction included.
    ///
    /// # Errors
    /// [`Error::NoEdge`] if there is no such edge.
    ///
    /// # Panics
    /// If there is no such area.
    pub fn cut(&self, from: usize, to: usize) -> Result<Self, Error> {
        let mut graph = self.clone();
        if !(remove(&mut graph.targets[self.assert_area("cut", from)], to)
            && remove(&mut graph.sources[self.assert_area("cut", to)], from))
        {
            return Err(self.no_edge("feedforward", from, to, self.targets(from)));
        }
        Ok(graph)
    }

    /// The network without one feedback edge. Feedforward edges stay as they were.
    ///
    /// # Errors
    /// [`Error::NoEdge`] if there is no such edge.
    ///
    /// # Panics
    /// If there is no such area.
    pub fn cut_feedback(&self, from: usize, to: usize) -> Result<Self, Error> {
        let mut graph = self.clone();
        self.assert_area("cut_feedback", from);
        if !remove(&mut graph.feedback_sources[self.assert_area("cut_feedback", to)], from) {
            let known: Vec<usize> = (0..self.n_areas()).filter(|&n| self.feedback_sources(n).contains(&from)).collect();
            return Err(self.no_edge("feedback", from, to, &known));
        }
        Ok(graph)
    }

    fn no_edge(&self, kind: &'static str, from: usize, to: usize, known: &[usize]) -> Error {
        let names = self.list(known);
        let known = if known.is_empty() { "none".to_owned() } else { names };
        Error::NoEdge { kind, from: self.names[from].clone(), to: self.names[to].clone(), known }
    }

    /// Names of areas, separated by commas.
    fn list(&self, areas: &[usize]) -> String {
        areas.iter().map(|&area| self.names[area].as_str()).collect::<Vec<_>>().join(", ")
    }

    fn assert_area(&self, what: &str, area: usize) -> usize {
        assert!(area < self.n_areas(), "{what}: area {area} of {}", self.n_areas());
        area
    }
}

/// The one area of a name.
fn find(names: &[String], name: &str) -> Result<usize, Error> {
    let mut found = (0..names.len()).filter(|&area| names[area] == name);
    match (found.next(), found.next()) {
        (Some(area), None) => Ok(area),
        (first, _) => {
            let problem = if first.is_some() { "is the name of several areas" } else { "is the name of no area" };
            let mut known = names[..names.len().min(16)].join(", ");
            if names.len() > 16 {
                known += ", ...";
            }
            Err(Error::AreaName { name: name.to_owned(), problem, known })
        }
    }
}

/// Removes an entry from a list; whether it was there.
fn remove(list: &mut Vec<usize>, entry: usize) -> bool {
    let place = list.iter().position(|&other| other == entry);
    place.map(|place| list.remove(place)).is_some()
}

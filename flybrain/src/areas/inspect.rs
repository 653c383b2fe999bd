//! What a table of areas will become.

use connectome_graph::area::LongestPath;
use connectome_io::format::area_table::AreaTable;
use serde::Serialize;
use tch::Device;

use super::model::{graph, steps};
use super::{AreaClassifier, Config, pictures};
use crate::Error;
use crate::figure::Figure;

/// A network of areas in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspection {
    /// Each area.
    pub areas: Vec<AreaSummary>,
    /// Feedforward edges, by name.
    pub feedforward: Vec<[String; 2]>,
    /// Feedback edges, by name.
    pub feedback: Vec<[String; 2]>,
    /// Numbers that are trained in the network.
    pub parameters: usize,
    /// And in the readout.
    pub readout_parameters: usize,
    /// Steps that a run takes with these settings.
    pub steps: u32,
    /// The fewest steps after which everything has arrived; none where areas form a cycle.
    pub sufficient_steps: Option<u32>,
    /// What its maker may not have meant.
    pub remarks: Vec<String>,
}

/// An area.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AreaSummary {
    /// Its name.
    pub name: String,
    /// Channels, height and width of its state.
    pub state: [u32; 3],
    /// Height and width of its kernels.
    pub kernel: [u32; 2],
    /// Channels of feedback into the gates and into the candidate; the gain is always there.
    pub basal_apical: [u32; 2],
    /// Step of its first update; none where no stimulus reaches it.
    pub first_update: Option<u32>,
    /// Level in the hierarchy.
    pub level: u32,
    /// Whether it gets the stimulus.
    pub is_input: bool,
    /// Whether it is read.
    pub is_output: bool,
}

/// Builds the network of a table with some settings and counts.
///
/// # Errors
/// As [`AreaClassifier::new`].
pub fn inspect(config: &Config, table: &AreaTable) -> Result<Inspection, Error> {
    let graph = graph(config, table)?;
    let first = graph.area(graph.inputs()[0]);
    let side = |own: u32| config.image_size.unwrap_or(i64::from(own));
    // the images are grey
    let image = [1, side(first.input_h), side(first.input_w)];
    let model = AreaClassifier::new(config, table.clone(), image, Device::Cpu)?;
    let count = |under: &str| model.parameters().under(under).iter().map(|(_, tensor)| tensor.numel()).sum();
    let (distances, levels) = (graph.distances(), graph.levels());
    let areas = graph.areas().iter().enumerate().map(|(i, area)| AreaSummary {
        name: graph.names()[i].clone(),
        state: [area.hidden_dim, area.input_h, area.input_w],
        kernel: [area.kernel_h, area.kernel_w],
        basal_apical: [area.basal_topdown_dim, area.apical_topdown_dim],
        first_update: distances[i],
        level: levels[i],
        is_input: graph.inputs().contains(&i),
        is_output: graph.outputs().contains(&i),
    });
    let areas: Vec<AreaSummary> = areas.collect();
    let named = |edges: Vec<(usize, usize)>| {
        edges.into_iter().map(|(from, to)| [from, to].map(|area| graph.names()[area].clone())).collect()
    };
    let frames = u32::try_from(config.frames).unwrap_or(u32::MAX);
    let longest: LongestPath = graph.longest_path();
    Ok(Inspection {
        feedforward: named(graph.edges()),
        feedback: named(graph.feedback_edges()),
        parameters: count("model"),
        readout_parameters: count("readout"),
        steps: steps(config, areas.len()),
        sufficient_steps: longest.process_time(frames),
        remarks: graph.diagnostics().iter().map(ToString::to_string).chain(passed_over(table)).collect(),
        areas,
    })
}

fn passed_over(table: &AreaTable) -> Option<String> {
    let columns = table.further_columns();
    (!columns.is_empty()).then(|| format!("columns of the table that have no meaning here: {}", columns.join(", ")))
}

/// The areas of a table and their edges as a picture.
///
/// # Errors
/// [`Error::Graph`] for areas that are not there.
pub fn graph_picture(config: &Config, table: &AreaTable) -> Result<Figure, Error> {
    pictures::graph(&graph(config, table)?)
}

//! Networks of areas.

mod builder;
mod drive;
mod plan;
mod run;

use connectome_graph::area::AreaGraph;
use tch::{Device, Kind, Tensor};

use crate::cell::ConvGruCell;
use crate::projection::Afferents;

pub use builder::{Builder, LayerNorm, TopDown};
pub use plan::Schedule;
pub use run::{Forward, Keep, Mode, Response, Updated};

/// Whether something follows the reference where that is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Compat {
    /// It does what is right. The default.
    #[default]
    None,
    /// Feedback by a convolution has stride and padding for the kernel of the area that sends it, though it is convolved with that of the
    /// area that gets it, and is interpolated, not averaged, to the size wanted. For parameters that were trained there.
    Reference,
}

/// A network of brain areas: each a convolutional GRU cell, driven by learned projections of the areas before it and by feedback from
/// those after it; `ConnectomicsConvGRU` of the reference.
///
/// ```
/// use connectome_graph::area::{AreaGraph, FeedbackEdges};
/// use connectome_io::format::area_table::{Area, AreaTable};
/// use convgru_feedback::{AreaNetwork, Forward};
/// use tch::{Device, Kind, Tensor, nn};
///
/// // two areas, V1 -> V2, with feedback from V2 to V1
/// let area = |side, input| Area {
///     hidden_dim: 8, input_dim: input, input_h: side, input_w: side, kernel_h: 3, kernel_w: 3, basal_topdown_dim: 0, apical_topdown_dim: 1,
/// };
/// let table = AreaTable::new(vec!["V1".into(), "V2".into()], vec![0., 1., 0., 0.], vec![area(16, 1), area(8, 4)])?;
/// let graph = AreaGraph::new(&table, &[0], &[1], FeedbackEdges::Reciprocal)?;
///
/// let vs = nn::VarStore::new(Device::Cpu);
/// let network = AreaNetwork::builder(&graph).projection_channels(6).build(&vs.root())?;
/// let film = Tensor::randn([2, 5, 1, 16, 16], (Kind::Float, Device::Cpu));           // [batch, time, channels, height, width]
/// let response = network.forward(&[&film], &Forward::new())?;
/// assert_eq!(response.outputs[0].size(), [2, 8, 8, 8]);                               // [batch, hidden, height, width] of V2
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Time
///
/// In each step the active areas are updated: input areas while their stimulus has frames, and the targets of areas that were active
/// the step before. So an area at distance d from the input is updated in step d for the first time, and the feedback that it sends matters
/// from step d + 1 on: in a feedforward chain that is shown one frame there is none to speak of. The default number of steps is `frames + areas - 1`, which is enough
/// for every area of a graph without cycles.
#[derive(Debug)]
pub struct AreaNetwork {
    graph: AreaGraph,
    areas: Vec<Area>,
    schedule: Schedule,
    top_down: TopDown,
    dropout: f64,
    /// Channels, height and width of each input.
    stimuli: Vec<[i64; 3]>,
    options: (Kind, Device),
}

#[derive(Debug)]
struct Area {
    bottom_up: Option<Afferents>,
    top_down: Option<Afferents>,
    cell: ConvGruCell,
    /// Scale and shift.
    norm: Option<[Tensor; 2]>,
    /// Channels, height and width of the state.
    shape: [i64; 3],
}

impl AreaNetwork {
    /// Starts the settings of a network for a graph.
    pub fn builder(graph: &AreaGraph) -> Builder<'_> {
        Builder::new(graph)
    }

    /// The graph.
    pub fn graph(&self) -> &AreaGraph {
        &self.graph
    }

    /// In which order areas see each other's states.
    pub fn schedule(&self) -> Schedule {
        self.schedule
    }

    /// Channels, height and width of each stimulus, in the order of the input areas.
    pub fn stimulus_shapes(&self) -> &[[i64; 3]] {
        &self.stimuli
    }

    /// Channels, height and width of an area's state, for a readout.
    ///
    /// # Panics
    /// If there is no such area.
    pub fn state_shape(&self, area: usize) -> [i64; 3] {
        self.areas[area].shape
    }
}

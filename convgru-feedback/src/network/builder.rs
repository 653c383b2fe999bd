//! Settings of a network of areas, and how it is made.

use std::collections::BTreeMap;

use connectome_graph::area::AreaGraph;
use tch::Tensor;
use tch::nn::Path;

use super::{Area, AreaNetwork, Schedule};
use crate::cell::{Arithmetic, ConvGruCell};
use crate::convolution::Bias;
use crate::init::{Draw, filled};
use crate::projection::{Afferents, Route, Size};
use crate::{Compat, Error};

/// Whether a network has feedback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TopDown {
    /// Areas get it along the feedback edges of the graph. The default.
    #[default]
    On,
    /// None of it is computed; its parameters are there, as in the reference.
    Off,
}

/// Whether states are normalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LayerNorm {
    /// They are not. The default.
    #[default]
    Off,
    /// Each new state over channels, height and width, with a trained scale and shift per entry; eps 1e-5.
    On,
}

/// Settings of an [`AreaNetwork`].
///
/// | setting | default |
/// | --- | --- |
/// | [`schedule`](Self::schedule) | [`Schedule::Synchronous`] |
/// | [`top_down`](Self::top_down) | [`TopDown::On`] |
/// | [`dropout`](Self::dropout) | 0.25 |
/// | [`projection_channels`](Self::projection_channels) | 32 |
/// | [`layer_norm`](Self::layer_norm) | [`LayerNorm::Off`] |
/// | [`cell_bias`](Self::cell_bias) | [`Bias::None`] |
/// | [`stimulus`](Self::stimulus) | the area's own channels and size |
/// | [`arithmetic`](Self::arithmetic) | [`Arithmetic::Fused`] |
/// | [`compat`](Self::compat) | [`Compat::None`] |
/// | [`seed`](Self::seed) | 0 |
#[derive(Debug, Clone)]
pub struct Builder<'a> {
    graph: &'a AreaGraph,
    schedule: Schedule,
    top_down: TopDown,
    dropout: f64,
    projection_channels: i64,
    layer_norm: LayerNorm,
    cell_bias: Bias,
    stimuli: BTreeMap<usize, [i64; 3]>,
    arithmetic: Arithmetic,
    compat: Compat,
    seed: u64,
}

impl<'a> Builder<'a> {
    pub(super) fn new(graph: &'a AreaGraph) -> Self {
        Self {
            graph,
            schedule: Schedule::default(),
            top_down: TopDown::default(),
            dropout: 0.25,
            projection_channels: 32,
            layer_norm: LayerNorm::default(),
            cell_bias: Bias::default(),
            stimuli: BTreeMap::new(),
            arithmetic: Arithmetic::default(),
            compat: Compat::default(),
            seed: 0,
        }
    }

    /// In which order areas see each other's states.
    #[must_use]
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// Whether there is feedback.
    #[must_use]
    pub fn top_down(mut self, top_down: TopDown) -> Self {
        self.top_down = top_down;
        self
    }

    /// Probability with which an entry of a new state is set to zero in training, the others scaled up, from 0 to below 1. What is kept is
    /// what recurs.
    #[must_use]
    pub fn dropout(mut self, p: f64) -> Self {
        self.dropout = p;
        self
    }

    /// Channels of each projection before they are brought together (`proj_hidden_dim`).
    #[must_use]
    pub fn projection_channels(mut self, channels: i64) -> Self {
        self.projection_channels = channels;
        self
    }

    /// Whether states are normalised.
    #[must_use]
    pub fn layer_norm(mut self, layer_norm: LayerNorm) -> Self {
        self.layer_norm = layer_norm;
        self
    }

    /// Whether the cells' convolutions have biases; projections always have.
    #[must_use]
    pub fn cell_bias(mut self, bias: Bias) -> Self {
        self.cell_bias = bias;
        self
    }

    /// Channels, height and width of the stimulus of an input area, given by its place among the input areas, where they are not the
    /// area's own `input_dim`, `input_h` and `input_w` (`input_dims`, `input_sizes`).
    #[must_use]
    pub fn stimulus(mut self, input: usize, [channels, height, width]: [i64; 3]) -> Self {
        self.stimuli.insert(input, [channels, height, width]);
        self
    }

    /// With what the cells' steps are computed.
    #[must_use]
    pub fn arithmetic(mut self, arithmetic: Arithmetic) -> Self {
        self.arithmetic = arithmetic;
        self
    }

    /// Whether feedback follows the reference where that is wrong.
    #[must_use]
    pub fn compat(mut self, compat: Compat) -> Self {
        self.compat = compat;
        self
    }

    /// Seed of the starting parameters.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Makes the network's parameters under `path`, in its kind and on its device, by the names of a reference's `state_dict`:
    /// `bottomup_projections.node_{n}.{input|layer_{i}|integrator}`, `topdown_projections.node_{n}.{feedback_{i}|integrator}`,
    /// `cell_list.{n}.{conv_gates|conv_can}` and `layer_norm_list.{n}`, each with `weight` and `bias`; i counts the sources of area n.
    ///
    /// # Errors
    /// [`Error::Option`] for settings that make no sense and sizes of areas that no cell can have.
    pub fn build(self, path: &Path<'_>) -> Result<AreaNetwork, Error> {
        self.check()?;
        let draw = &mut Draw::new(self.seed);
        let n = self.graph.n_areas();
        let bottom_up = (0..n).map(|a| self.bottom_up(path, draw, a)).collect::<Result<Vec<_>, _>>()?;
        let top_down = (0..n).map(|a| self.top_down_of(path, draw, a)).collect::<Result<Vec<_>, _>>()?;
        let mut areas = Vec::with_capacity(n);
        for (a, (bottom_up, top_down)) in bottom_up.into_iter().zip(top_down).enumerate() {
            let channels = [self.input_channels(a), self.hidden(a)];
            let cell_path = path / "cell_list" / a;
            let cell =
                ConvGruCell::drawn(&cell_path, draw, channels, self.kernel(a), self.feedback(a), self.cell_bias)?
                    .with_arithmetic(self.arithmetic);
            let shape = [self.hidden(a), self.size(a)[0], self.size(a)[1]];
            let norm = match self.layer_norm {
                LayerNorm::Off => None,
                LayerNorm::On => {
                    let path = path / "layer_norm_list" / a;
                    let options = (path.kind(), path.device());
                    let weight = filled(&path, "weight", &Tensor::f_ones(shape, options)?)?;
                    Some([weight, filled(&path, "bias", &Tensor::f_zeros(shape, options)?)?])
                }
            };
            areas.push(Area { bottom_up, top_down, cell, norm, shape });
        }
        Ok(AreaNetwork {
            graph: self.graph.clone(),
            areas,
            schedule: self.schedule,
            top_down: self.top_down,
            dropout: self.dropout,
            stimuli: (0..self.graph.inputs().len()).map(|i| self.stimulus_of(i)).collect(),
            options: (path.kind(), path.device()),
        })
    }

    fn check(&self) -> Result<(), Error> {
        if !(0.0..1.0).contains(&self.dropout) {
            let what = format!("{} is not a probability from 0 to below 1", self.dropout);
            return Err(Error::Option { option: "dropout", what });
        }
        if self.projection_channels < 1 {
            let what = format!("{}; at least 1 is needed", self.projection_channels);
            return Err(Error::Option { option: "projection_channels", what });
        }
        let n = self.graph.inputs().len();
        for (&input, sizes) in &self.stimuli {
            if input >= n || sizes.iter().any(|&side| side < 1) {
                let what = format!("{sizes:?} for input {input}; there are {n} inputs, and each size is at least 1");
                return Err(Error::Option { option: "stimulus", what });
            }
        }
        Ok(())
    }

    fn bottom_up(&self, path: &Path<'_>, draw: &mut Draw, area: usize) -> Result<Option<Afferents>, Error> {
        let path = path / "bottomup_projections" / format!("node_{area}");
        let (to, kernel, width) = (self.size(area), self.kernel(area), self.projection_channels);
        let mut routes = Vec::new();
        if let Some(input) = self.graph.inputs().iter().position(|&input| input == area) {
            let [channels, h, w] = self.stimulus_of(input);
            routes.push(Route::bottom_up(&(&path / "input"), draw, [channels, width], [[h, w], to], kernel)?);
        }
        for (i, &source) in self.graph.sources(area).iter().enumerate() {
            let path = &path / format!("layer_{i}");
            let (channels, from) = (self.hidden(source), self.size(source));
            routes.push(Route::bottom_up(&path, draw, [channels, width], [from, to], kernel)?);
        }
        Afferents::new(&path, draw, routes, self.input_channels(area))
    }

    fn top_down_of(&self, path: &Path<'_>, draw: &mut Draw, area: usize) -> Result<Option<Afferents>, Error> {
        let path = path / "topdown_projections" / format!("node_{area}");
        let mut routes = Vec::new();
        for (i, &source) in self.graph.feedback_sources(area).iter().enumerate() {
            let path = &path / format!("feedback_{i}");
            let channels = [self.hidden(source), self.projection_channels];
            let (sizes, kernels) = ([self.size(source), self.size(area)], [self.kernel(source), self.kernel(area)]);
            routes.push(Route::top_down(&path, draw, channels, sizes, kernels, self.compat)?);
        }
        let [basal, apical] = self.feedback(area);
        Afferents::new(&path, draw, routes, self.input_channels(area) + self.hidden(area) + basal + 2 * apical)
    }

    fn stimulus_of(&self, input: usize) -> [i64; 3] {
        let area = self.graph.inputs()[input];
        let [h, w] = self.size(area);
        self.stimuli.get(&input).copied().unwrap_or([self.input_channels(area), h, w])
    }

    fn size(&self, area: usize) -> Size {
        let area = self.graph.area(area);
        [area.input_h.into(), area.input_w.into()]
    }

    fn kernel(&self, area: usize) -> Size {
        let area = self.graph.area(area);
        [area.kernel_h.into(), area.kernel_w.into()]
    }

    fn input_channels(&self, area: usize) -> i64 {
        self.graph.area(area).input_dim.into()
    }

    fn hidden(&self, area: usize) -> i64 {
        self.graph.area(area).hidden_dim.into()
    }

    /// Basal and apical channels.
    fn feedback(&self, area: usize) -> [i64; 2] {
        let area = self.graph.area(area);
        [area.basal_topdown_dim.into(), area.apical_topdown_dim.into()]
    }
}

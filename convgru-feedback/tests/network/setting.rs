//! Networks of any kind, with stimuli.

use connectome_graph::area::{Area, AreaGraph, AreaTable, FeedbackEdges};
use convgru_feedback::{AreaNetwork, Arithmetic, Bias, Compat, LayerNorm, Schedule};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor, no_grad};

pub(crate) const SCHEDULES: [Schedule; 3] = [Schedule::Synchronous, Schedule::PingPong, Schedule::InPlace];

/// Numbers between -1 and 1 that depend on the seed alone.
pub(crate) fn uniform(seed: u64, shape: &[i64], kind: Kind) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let n = shape.iter().product::<i64>();
    let numbers: Vec<f64> = (0..n).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_slice(&numbers).view(shape).to_kind(kind)
}

/// Largest difference of two tensors of one shape.
pub(crate) fn apart(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    if a.numel() == 0 { 0.0 } else { (a - b).abs().max().double_value(&[]) }
}

/// A graph, and all that is set about a network of it and its stimuli.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) areas: Vec<Area>,
    /// `[source, target]`
    pub(crate) adjacency: Vec<f64>,
    pub(crate) inputs: Vec<usize>,
    pub(crate) outputs: Vec<usize>,
    pub(crate) feedback: FeedbackEdges,
    pub(crate) schedule: Schedule,
    pub(crate) layer_norm: LayerNorm,
    pub(crate) cell_bias: Bias,
    pub(crate) compat: Compat,
    /// Frames of each stimulus.
    pub(crate) frames: Vec<i64>,
    pub(crate) batch: i64,
    /// Channels of a projection.
    pub(crate) channels: i64,
    /// By which parameters are multiplied; with 2 signals do not fade.
    pub(crate) scale: f64,
    pub(crate) seed: u64,
}

impl Setting {
    pub(crate) fn graph(&self) -> AreaGraph {
        let names = (0..self.areas.len()).map(|i| format!("area {i}")).collect();
        let table = AreaTable::new(names, self.adjacency.clone(), self.areas.clone()).unwrap();
        AreaGraph::new(&table, &self.inputs, &self.outputs, self.feedback).unwrap()
    }

    /// A network of the graph, and its parameters.
    pub(crate) fn network(&self, kind: Kind, arithmetic: Arithmetic) -> (VarStore, AreaNetwork) {
        // Tensors are small: threads would wait for each other most of the time.
        tch::set_num_threads(1);
        let mut store = VarStore::new(Device::Cpu);
        store.set_kind(kind);
        let network = AreaNetwork::builder(&self.graph())
            .schedule(self.schedule)
            .layer_norm(self.layer_norm)
            .cell_bias(self.cell_bias)
            .compat(self.compat)
            .projection_channels(self.channels)
            .arithmetic(arithmetic)
            .seed(self.seed)
            .build(&store.root())
            .unwrap();
        no_grad(|| store.variables().values_mut().for_each(|parameter| *parameter *= self.scale));
        (store, network)
    }

    /// One film per input, `[batch, time, channels, height, width]`.
    pub(crate) fn stimuli(&self, kind: Kind) -> Vec<Tensor> {
        let film = |(i, (&area, &frames)): (usize, (&usize, &i64))| {
            let Area { input_dim, input_h, input_w, .. } = self.areas[area];
            let shape = [self.batch, frames, input_dim.into(), input_h.into(), input_w.into()];
            uniform(self.seed ^ (1000 + i as u64), &shape, kind)
        };
        self.inputs.iter().zip(&self.frames).enumerate().map(film).collect()
    }
}

fn area() -> impl Strategy<Value = Area> {
    let kernel = || select(vec![1, 3, 5]);
    ((1..4u32, 1..4u32), (1..9u32, 1..9u32), (kernel(), kernel()), (0..3u32, 0..3u32)).prop_map(
        |((hidden_dim, input_dim), (input_h, input_w), (kernel_h, kernel_w), (basal, apical))| Area {
            hidden_dim,
            input_dim,
            input_h,
            input_w,
            kernel_h,
            kernel_w,
            basal_topdown_dim: basal,
            apical_topdown_dim: apical,
        },
    )
}

/// Networks of one to four areas of any sizes and edges.
pub(crate) fn settings() -> impl Strategy<Value = Setting> {
    (1..5usize).prop_flat_map(|n| {
        let all: Vec<usize> = (0..n).collect();
        (
            prop::collection::vec(area(), n),
            prop::collection::vec(select(vec![0.0, 1.0, 1.0, -1.0]), n * n),
            (subsequence(all.clone(), 1..=n).prop_shuffle(), subsequence(all, 1..=n).prop_shuffle()),
            prop::collection::vec(1..4i64, n),
            (any::<bool>(), select(SCHEDULES.to_vec()), any::<bool>(), any::<bool>(), any::<bool>()),
            (1..4i64, any::<u64>()),
        )
            .prop_map(|(areas, adjacency, (inputs, outputs), mut frames, options, (batch, seed))| {
                let (signed, schedule, norm, bias, reference) = options;
                frames.truncate(inputs.len());
                Setting {
                    areas,
                    adjacency,
                    inputs,
                    outputs,
                    feedback: if signed { FeedbackEdges::Signed } else { FeedbackEdges::Reciprocal },
                    schedule,
                    layer_norm: if norm { LayerNorm::On } else { LayerNorm::Off },
                    cell_bias: if bias { Bias::Trained } else { Bias::None },
                    compat: if reference { Compat::Reference } else { Compat::None },
                    frames,
                    batch,
                    channels: 3,
                    scale: 2.0,
                    seed,
                }
            })
    })
}

/// An area with a square state.
pub(crate) fn square(side: u32, input_dim: u32, [basal, apical]: [u32; 2]) -> Area {
    Area {
        hidden_dim: 2,
        input_dim,
        input_h: side,
        input_w: side,
        kernel_h: 3,
        kernel_w: 3,
        basal_topdown_dim: basal,
        apical_topdown_dim: apical,
    }
}

/// Two areas that drive each other, with feedback in all ways; both get a stimulus.
pub(crate) fn pair() -> Setting {
    Setting {
        areas: vec![square(4, 1, [1, 1]), square(3, 2, [2, 0])],
        adjacency: vec![0.0, 1.0, 1.0, 0.0],
        inputs: vec![0, 1],
        outputs: vec![1, 0],
        feedback: FeedbackEdges::Reciprocal,
        schedule: Schedule::Synchronous,
        layer_norm: LayerNorm::Off,
        cell_bias: Bias::Trained,
        compat: Compat::None,
        frames: vec![3, 2],
        batch: 2,
        channels: 3,
        scale: 2.0,
        seed: 5,
    }
}

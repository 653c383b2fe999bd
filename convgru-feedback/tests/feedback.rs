//! What feedback does to an area, and what it cannot do.
//!
//! Two areas, V1 -> V2, and feedback from V2 to V1 that acts in one way alone: as a gain on what drives the candidate state, by shifting
//! the candidate's threshold, or on the gates.

use connectome_graph::area::{Area, AreaGraph, AreaTable, FeedbackEdges};
use convgru_feedback::{AreaNetwork, Bias, ConvGruCell, Forward, Keep, Schedule, TopDown};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor, no_grad};

const SCHEDULES: [Schedule; 3] = [Schedule::Synchronous, Schedule::PingPong, Schedule::InPlace];
const V1: usize = 0;
const V2: usize = 1;
/// Pixels of a side of V1.
const SIDE: i64 = 12;
const FRAMES: i64 = 6;

/// In which way feedback acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Gain,
    Threshold,
    Gates,
}

const WAYS: [Way; 3] = [Way::Gain, Way::Threshold, Way::Gates];

impl Way {
    /// Basal and apical channels of V1.
    fn channels(self) -> [u32; 2] {
        match self {
            Self::Gain => [0, 0],
            Self::Threshold => [0, 2],
            Self::Gates => [2, 0],
        }
    }

    /// The two areas, with stimuli to some of them.
    fn graph(self, inputs: &[usize]) -> AreaGraph {
        let area = |side, [basal, apical]: [u32; 2]| Area {
            hidden_dim: 4,
            input_dim: 3,
            input_h: side,
            input_w: side,
            kernel_h: 3,
            kernel_w: 3,
            basal_topdown_dim: basal,
            apical_topdown_dim: apical,
        };
        let names = ["V1", "V2"].map(String::from).to_vec();
        let areas = vec![area(SIDE as u32, self.channels()), area(SIDE as u32 / 2, [0, 0])];
        let table = AreaTable::new(names, vec![0.0, 1.0, 0.0, 0.0], areas).unwrap();
        AreaGraph::new(&table, inputs, &[V2], FeedbackEdges::Reciprocal).unwrap()
    }

    /// The channels of V1's feedback `[basal | apical | gains]` through which it acts: the first, and how many.
    fn acting(self) -> (i64, i64) {
        match self {
            Self::Gain => (0, 3 + 4),
            Self::Threshold | Self::Gates => (0, 2),
        }
    }

    /// Parameters of a graph. Without biases of projections, areas without activity send nothing. Areas drive each other strongly, and
    /// feedback acts in this way alone.
    fn parameters(self, graph: &AreaGraph) -> VarStore {
        let (store, _) = network(graph, Schedule::Synchronous, TopDown::On, None);
        no_grad(|| {
            for (name, mut parameter) in store.variables() {
                if name.ends_with("bias") {
                    let _ = parameter.zero_();
                } else if name.starts_with("bottomup") {
                    parameter *= 3.0;
                }
                if name == "topdown_projections.node_0.integrator.weight" {
                    let (first, n) = self.acting();
                    let acting = parameter.narrow(0, first, n) * 40.0;
                    let _ = parameter.zero_();
                    parameter.narrow(0, first, n).copy_(&acting);
                }
            }
        });
        store
    }
}

/// A network with these parameters, or new ones.
fn network(
    graph: &AreaGraph,
    schedule: Schedule,
    top_down: TopDown,
    parameters: Option<&VarStore>,
) -> (VarStore, AreaNetwork) {
    // Tensors are small: threads would wait for each other most of the time.
    tch::set_num_threads(1);
    let mut store = VarStore::new(Device::Cpu);
    let mut builder = AreaNetwork::builder(graph).schedule(schedule).top_down(top_down).projection_channels(6).seed(3);
    for input in 0..graph.inputs().len() {
        let [height, width] = graph.input_sizes()[graph.inputs()[input]].map(i64::from);
        builder = builder.stimulus(input, [1, height, width]);
    }
    let network = builder.build(&store.root()).unwrap();
    if let Some(parameters) = parameters {
        store.copy(parameters).unwrap();
    }
    (store, network)
}

fn uniform(seed: u64, shape: &[i64], low: f32) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let numbers: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(low..1.0)).collect();
    Tensor::from_slice(&numbers).view(shape)
}

/// States after each step, `[step][area]`.
fn trace(network: &AreaNetwork, stimuli: &[&Tensor]) -> Vec<Vec<Tensor>> {
    no_grad(|| network.forward(stimuli, &Forward::new().keep(Keep::Trace))).unwrap().trace
}

fn mean(t: &Tensor) -> f64 {
    t.abs().mean(Kind::Double).double_value(&[])
}

/// Each way has an effect as soon as feedback can have arrived. Without the edge there is none: the states are those of the same weights
/// with feedback turned off, bit for bit.
#[test]
fn every_way_has_an_effect_that_vanishes_with_the_edge() {
    let film = uniform(1, &[2, FRAMES, 1, SIDE, SIDE], -1.0);
    for schedule in SCHEDULES {
        for way in WAYS {
            let whole = way.graph(&[V1]);
            let parameters = way.parameters(&whole);
            let run =
                |graph: &AreaGraph, top_down| trace(&network(graph, schedule, top_down, Some(&parameters)).1, &[&film]);
            let with = run(&whole, TopDown::On);
            let off = run(&whole, TopDown::Off);
            let cut = run(&whole.cut_feedback(V2, V1).unwrap(), TopDown::On);
            // V2 is first updated at step 1. In place V1 hears of it at once, else a step later; V2 a step after V1.
            let arrival = if schedule == Schedule::InPlace { 1 } else { 2 };
            for (step, ((with, off), cut)) in with.iter().zip(&off).zip(&cut).enumerate() {
                for area in [V1, V2] {
                    let what = format!("{way:?}, {schedule:?}, step {step}, area {area}");
                    assert!(cut[area].equal(&off[area]), "without the edge: {what}");
                    assert_eq!(with[area].equal(&off[area]), step < arrival + area, "with the edge: {what}");
                }
            }
            let end = FRAMES as usize - 1;
            let effect = mean(&(&with[end][V1] - &off[end][V1])) / mean(&off[end][V1]);
            println!("{way:?}, {schedule:?}: V1 changes by {effect:.3} of its activity");
            assert!(effect > 0.02, "{way:?}, {schedule:?}: {effect}");
        }
    }
}

/// V1 sees nothing while V2 does. A gain has nothing to amplify, gates have nothing to let in: V1 stays at zero, exactly. Shifted
/// thresholds make it active.
#[test]
fn feedback_alone_drives_an_area_by_its_thresholds_only() {
    let blank = Tensor::zeros([1, FRAMES, 1, SIDE, SIDE], (Kind::Float, Device::Cpu));
    let film = uniform(2, &[1, FRAMES, 1, SIDE / 2, SIDE / 2], -1.0);
    for schedule in SCHEDULES {
        for way in WAYS {
            let graph = way.graph(&[V1, V2]);
            let parameters = way.parameters(&graph);
            let (_, with) = network(&graph, schedule, TopDown::On, Some(&parameters));
            let (first, n) = way.acting();
            let mut strongest = 0.0f64;
            let watch = |update: convgru_feedback::Updated<'_>| {
                if let (V1, Some(feedback)) = (update.area, update.top_down) {
                    strongest = strongest.max(feedback.narrow(1, first, n).max().double_value(&[]));
                }
            };
            let how = Forward::new().keep(Keep::Trace);
            let trace = no_grad(|| with.forward_watched(&[&blank, &film], &how, watch)).unwrap().trace;
            assert!(strongest > 0.5, "{way:?}, {schedule:?}: feedback of {strongest}");
            assert!(trace.iter().all(|states| mean(&states[V2]) > 1e-3));
            let active = trace.iter().map(|states| mean(&states[V1])).fold(0.0, f64::max);
            match way {
                Way::Gain | Way::Gates => assert_eq!(active, 0.0, "{way:?}, {schedule:?}"),
                Way::Threshold => assert!(active > 0.05, "{way:?}, {schedule:?}: {active}"),
            }
        }
    }
}

/// Where V1 is active is a matter of what it sees for a gain and for gates; shifted thresholds make it active elsewhere, too.
#[test]
fn thresholds_alone_make_a_response_wider() {
    let film = uniform(4, &[1, 3, 1, SIDE, SIDE], -1.0);
    let _ = film.narrow(4, 2, SIDE - 2).zero_();
    let pixels = |state: &Tensor| state.abs().amax([1], false).gt(0.0);
    let count = |pixels: &Tensor| pixels.sum(Kind::Int64).int64_value(&[]);
    for schedule in SCHEDULES {
        for way in WAYS {
            let graph = way.graph(&[V1]);
            let parameters = way.parameters(&graph);
            let [with, off] = [TopDown::On, TopDown::Off]
                .map(|top_down| trace(&network(&graph, schedule, top_down, Some(&parameters)).1, &[&film]));
            let (with, off) = (pixels(&with[2][V1]), pixels(&off[2][V1]));
            assert!(count(&off) > 0 && count(&off) < SIDE * SIDE, "{} pixels", count(&off));
            assert!(off.logical_and(&with).equal(&off), "{way:?}, {schedule:?}: an active pixel fell silent");
            assert_eq!(count(&with) > count(&off), way == Way::Threshold, "{way:?}, {schedule:?}");
        }
    }
}

/// A cell of two input channels and three of state, with one basal and one apical channel, update gates of the bias given that only feedback
/// moves, and weights that are positive elsewhere.
fn cell(update: f64) -> (VarStore, ConvGruCell) {
    let store = VarStore::new(Device::Cpu);
    let cell = ConvGruCell::new(&store.root(), [2, 3], [3, 3], [1, 1], Bias::Trained, 7).unwrap();
    no_grad(|| {
        for (name, mut parameter) in store.variables() {
            let _ = parameter.abs_();
            match name.as_str() {
                "conv_gates.bias" => drop(parameter.narrow(0, 3, 3).fill_(update)),
                "conv_gates.weight" => {
                    let _ = parameter.zero_();
                    let _ = parameter.select(1, 5).select(1, 1).select(1, 1).fill_(1.0);
                }
                "conv_can.bias" => drop(parameter.zero_()),
                _ => {}
            }
        }
    });
    (store, cell)
}

/// Feedback `[b | a | m]`, the same everywhere.
fn feedback(cell: &ConvGruCell, [b, a, m]: [f64; 3]) -> Tensor {
    let f = Tensor::full([1, cell.feedback_channels(), 5, 5], m, (Kind::Float, Device::Cpu));
    let _ = f.narrow(1, 0, 1).fill_(b);
    let _ = f.narrow(1, 1, 1).fill_(a);
    f
}

/// A state moves by the share that its update gate lets through: where that is shut, neither gain nor threshold can do anything, however
/// strong the drive. Feedback to the gates opens them.
#[test]
fn gates_alone_open_what_is_shut() {
    let (_store, cell) = cell(-12.0);
    let share = 1.0 / (1.0 + 12f64.exp());
    let x = uniform(5, &[1, 2, 5, 5], 0.5);
    for h in [None, Some(uniform(6, &[1, 3, 5, 5], -1.0))] {
        let change = |f: [f64; 3]| {
            let new = cell.forward(&x, h.as_ref(), Some(&feedback(&cell, f))).unwrap();
            let change = match &h {
                Some(h) => new - h,
                None => new,
            };
            change.abs().max().double_value(&[])
        };
        // what tanh gives is at most 2 away from a state
        let most = 2.0 * share * (1.0 + 1e-2);
        for shut in [[0.0, 0.0, 0.0], [0.0, 0.0, 1e4], [0.0, 1e4, 0.0], [0.0, 1e4, 1e4], [-5.0, 1e4, 1e4]] {
            assert!(change(shut) <= most + 1e-7, "{shut:?} moves a shut state by {}", change(shut));
        }
        assert!(change([12.0, 0.0, 0.0]) > 0.1, "open gates move it by {}", change([12.0, 0.0, 0.0]));
    }
}

/// A gain only amplifies: below zero it is none, above it every response grows with it, and where there is neither input nor state there
/// is none.
#[test]
fn a_gain_amplifies_what_is_there() {
    let (_store, cell) = cell(0.0);
    let [x, h] = [2, 3].map(|channels| uniform(8, &[1, channels, 5, 5], 0.1));
    // nothing in the last columns
    [&x, &h].into_iter().for_each(|t| drop(t.narrow(3, 2, 3).zero_()));
    for h in [None, Some(&h)] {
        let run = |m| cell.forward(&x, h, Some(&feedback(&cell, [0.0, 0.0, m]))).unwrap();
        let plain = run(0.0);
        assert!(run(-0.5).equal(&plain) && run(-1e6).equal(&plain));
        // The kernel reaches one column beyond.
        let [near, far] = [(0, 3), (3, 2)].map(|(first, n)| move |t: &Tensor| t.narrow(3, first, n));
        assert!(near(&plain).min().double_value(&[]) > 0.0 && mean(&far(&plain)) == 0.0);
        let mut last = plain;
        for m in [0.1, 0.5, 1.0, 2.0] {
            let next = run(m);
            assert!(near(&(&next - last)).min().double_value(&[]) > 0.0, "gain {m}");
            assert_eq!(mean(&far(&next)), 0.0, "gain {m}");
            last = next;
        }
    }
}

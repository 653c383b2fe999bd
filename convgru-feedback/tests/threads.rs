//! Results for any number of threads. A program of its own, since the number is that of the whole process.

use connectome_graph::area::{Area, AreaGraph, AreaTable, FeedbackEdges};
use convgru_feedback::{AreaNetwork, Bias, ConvGruCell, Forward, Keep};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor, no_grad};

const THREADS: [i32; 3] = [1, 2, 5];

fn uniform(seed: u64, shape: &[i64], kind: Kind) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let n = shape.iter().product::<i64>();
    let numbers: Vec<f64> = (0..n).map(|_| rng.random_range(-2.0..2.0)).collect();
    Tensor::from_slice(&numbers).view(shape).to_kind(kind)
}

/// A step and its gradients by `x`, `h` and feedback. Each output of a convolution is one of its inputs, so that libtorch has no sums whose
/// order could change, and all that is left is what this crate computes.
fn step(kind: Kind) -> Vec<Tensor> {
    let mut store = VarStore::new(Device::Cpu);
    store.set_kind(kind);
    let (input, hidden, feedback) = (3, 5, [2, 1]);
    let cell = ConvGruCell::new(&store.root(), [input, hidden], [1, 1], feedback, Bias::None, 0).unwrap();
    no_grad(|| {
        for weight in store.variables().values_mut() {
            let (outputs, inputs) = (weight.size()[0], weight.size()[1]);
            let _ = weight.zero_();
            (0..outputs).for_each(|o| drop(weight.get(o).get((3 * o + 1) % inputs).fill_(1.0)));
        }
    });
    // More pixels than one thread takes, and a number that nothing divides.
    let leaf = |seed, channels| uniform(seed, &[3, channels, 67, 71], kind).set_requires_grad(true);
    let [x, h, f] = [leaf(1, input), leaf(2, hidden), leaf(3, cell.feedback_channels())];
    let from_zero = cell.forward(&x, None, Some(&f)).unwrap();
    let next = cell.forward(&x, Some(&h), Some(&f)).unwrap();
    let loss = ((&from_zero + &next) * uniform(4, &next.size(), kind)).sum(Kind::Double);
    let gradients = Tensor::run_backward(&[loss], &[&x, &h, &f], false, false);
    [from_zero, next].into_iter().chain(gradients).collect()
}

/// All states of a network over time, and the gradients of its parameters.
fn run(kind: Kind) -> Vec<Tensor> {
    let area = |side, input_dim, basal| Area {
        hidden_dim: 16,
        input_dim,
        input_h: side,
        input_w: side,
        kernel_h: 3,
        kernel_w: 3,
        basal_topdown_dim: basal,
        apical_topdown_dim: 1,
    };
    let names = ["V1", "V2"].map(String::from).to_vec();
    let table = AreaTable::new(names, vec![0.0, 1.0, 0.0, 0.0], vec![area(32, 1, 0), area(16, 8, 2)]).unwrap();
    let graph = AreaGraph::new(&table, &[0], &[1], FeedbackEdges::Reciprocal).unwrap();
    let mut store = VarStore::new(Device::Cpu);
    store.set_kind(kind);
    let network = AreaNetwork::builder(&graph).build(&store.root()).unwrap();
    let film = uniform(9, &[4, 4, 1, 32, 32], kind);
    let response = network.forward(&[&film], &Forward::new().keep(Keep::Trace)).unwrap();
    response.outputs[0].sum(Kind::Double).backward();
    let mut parameters: Vec<_> = store.variables().into_iter().collect();
    parameters.sort_by(|a, b| a.0.cmp(&b.0));
    let gradients = parameters.iter().map(|(_, parameter)| parameter.grad()).filter(Tensor::defined);
    response.trace.into_iter().flatten().map(|state| state.detach()).chain(gradients).collect()
}

fn with_threads(threads: i32, f: impl Fn() -> Vec<Tensor>) -> Vec<Tensor> {
    tch::set_num_threads(threads);
    f()
}

/// The elementwise parts of a step, forward and backward, are the same bit for bit. Sums within libtorch's convolutions may be split
/// otherwise among threads, so that whole networks agree to rounding.
#[test]
fn threads_do_not_change_results() {
    for kind in [Kind::Float, Kind::Double] {
        let [one, others @ ..] = THREADS.map(|threads| with_threads(threads, || step(kind)));
        for other in others {
            assert!(one.iter().zip(&other).all(|(a, b)| a.equal(b)), "elementwise parts in {kind:?}");
        }
        let tolerance = if kind == Kind::Float { 1e-5 } else { 1e-14 };
        let [one, others @ ..] = THREADS.map(|threads| with_threads(threads, || run(kind)));
        for (threads, other) in THREADS[1..].iter().zip(&others) {
            let mut worst = 0.0f64;
            for (a, b) in one.iter().zip(other) {
                let scale = a.abs().max().double_value(&[]).max(1e-6);
                worst = worst.max((a - b).abs().max().double_value(&[]) / scale);
            }
            println!("{kind:?}, {threads} threads: {worst:.1e}");
            assert!(worst <= tolerance, "{kind:?}: {threads} threads are {worst:.1e} off");
        }
    }
}

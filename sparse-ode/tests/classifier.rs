//! The classifiers: shapes, layouts, dropout, and the reference's numbers and gradients.

use connectome_graph::{Duplicates, Topology};
use sparse_ode::{
    Adjoint, Builder, ConnectomeClassifier, ConnectomeOdeClassifier, ConnectomeOdeRnn, ConnectomeRnn, Error, Forward,
    FromNetwork, Init, Layout, Mode, NeuronClass, PerNeuron, Projection, ReadAt, Readout, SignRule, Solver, SparseRnn,
    Steps, Tau,
};
use std::collections::HashMap;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

fn ring(n: usize) -> Topology {
    let pre = (0..n as u32).map(|i| (i + 1) % n as u32).collect();
    Topology::from_csr(n, n, (0..=n as u64).map(|i| i as _).collect(), pre, vec![0.7; n]).unwrap()
}

fn double() -> VarStore {
    let mut vs = VarStore::new(Device::Cpu);
    vs.set_kind(Kind::Double);
    vs
}

fn wave(shape: &[i64]) -> Tensor {
    let n: i64 = shape.iter().product();
    (Tensor::arange(n, (Kind::Double, Device::Cpu)) * 0.73).sin().reshape(shape)
}

fn distance(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    (a - b).abs().max().double_value(&[])
}

#[test]
fn logits_are_two_layers_of_the_outputs() {
    let vs = double();
    let readout = Readout::new(3).hidden(5).seed(4);
    let model = ConnectomeClassifier::new(&vs.root(), ConnectomeRnn::builder(6, &ring(6)), &readout).unwrap();
    let parameters = vs.variables();
    let images = wave(&[2, 4, 1, 2, 3]);
    let all = model.forward(&images, &Steps::new(), ReadAt::AllTimes, Mode::Evaluate).unwrap();
    assert_eq!((all.run.outs.size(), all.logits.size()), (vec![2, 4, 6], vec![4, 2, 3]));
    let linear = |x: &Tensor, layer: &str| {
        let part = |name: &str| &parameters[&format!("readout.{layer}.{name}")];
        x.matmul(&part("weight").tr()) + part("bias")
    };
    let want = linear(&linear(&all.run.outs, "hidden").clamp_min(0.0), "classes").transpose(0, 1);
    assert!(distance(&all.logits, &want) < 1e-14);
    let last = model.forward(&images, &Steps::new(), ReadAt::LastTime, Mode::Evaluate).unwrap();
    assert!(distance(&last.logits, &want.get(3)) < 1e-14);
    assert!(distance(&last.run.hs, &model.rnn().forward(&images.flatten(2, -1), &Steps::new()).unwrap().hs) == 0.0);

    // time first: the same numbers, from the same seeds
    let vs = double();
    let rnn = ConnectomeRnn::builder(6, &ring(6)).layout(Layout::TimeFirst);
    let other = ConnectomeClassifier::new(&vs.root(), rnn, &readout).unwrap();
    let run = other.forward(&images.transpose(0, 1), &Steps::new(), ReadAt::AllTimes, Mode::Evaluate).unwrap();
    assert_eq!(run.run.outs.size(), [4, 2, 6]);
    assert!(distance(&run.logits, &want) < 1e-14);
}

#[test]
fn dropout_is_of_training_alone() {
    let vs = double();
    let readout = Readout::new(2).hidden(64).dropout(0.5);
    let model = ConnectomeOdeClassifier::new(&vs.root(), ConnectomeOdeRnn::builder(4, &ring(4)), &readout).unwrap();
    let image = wave(&[3, 1, 2, 2]);
    let logits = |mode| model.forward(&image, &Forward::new(), ReadAt::LastTime, mode).unwrap().logits;
    let quiet = logits(Mode::Evaluate);
    assert!(quiet.equal(&logits(Mode::Evaluate)));
    tch::manual_seed(1);
    assert!(!logits(Mode::Train).equal(&logits(Mode::Train)));
    // its mean is what evaluation gives
    let mean = (0..2000).fold(quiet.zeros_like(), |sum, _| sum + logits(Mode::Train).detach()) / 2000.0;
    assert!(distance(&mean, &quiet) < 0.05, "{}", distance(&mean, &quiet));
}

#[test]
fn starting_weights_are_within_their_bound_and_differ_by_seed() {
    let weights = |seed| {
        let vs = double();
        let readout = Readout::new(10).seed(seed);
        ConnectomeOdeClassifier::new(&vs.root(), ConnectomeOdeRnn::builder(9, &ring(9)), &readout).unwrap();
        vs.variables()
    };
    let (first, again, other) = (weights(1), weights(1), weights(2));
    for (name, size, bound) in [
        ("readout.hidden.weight", vec![512, 9], 1.0 / 3.0),
        ("readout.hidden.bias", vec![512], 1.0 / 3.0),
        ("readout.classes.weight", vec![10, 512], 512f64.sqrt().recip()),
        ("readout.classes.bias", vec![10], 512f64.sqrt().recip()),
    ] {
        let largest = first[name].abs().max().double_value(&[]);
        assert!(first[name].size() == size && largest <= bound && largest > 0.6 * bound, "{name}: {largest}");
        assert!(first[name].requires_grad() && first[name].equal(&again[name]) && !first[name].equal(&other[name]));
    }
}

/// No two of the drawn parameters begin alike, up to their bounds, whatever the seeds of network and readout.
#[test]
fn what_is_drawn_is_drawn_independently() {
    let mut starts = Vec::new();
    for seed in 0..4 {
        let vs = double();
        let rnn = ConnectomeRnn::builder(4, &ring(9)).seed(seed).input_projection(Projection::Dense);
        let rnn = rnn.output_projection(Projection::Dense).output_size(16);
        ConnectomeClassifier::new(&vs.root(), rnn, &Readout::new(3).hidden(25).seed(seed)).unwrap();
        for (name, inputs) in [
            ("rnn.input_projection.weight", 4.0),
            ("rnn.output_projection.weight", 9.0),
            ("rnn.output_projection.bias", 9.0),
            ("readout.hidden.weight", 16.0),
            ("readout.hidden.bias", 16.0),
            ("readout.classes.weight", 25.0),
            ("readout.classes.bias", 25.0),
        ] {
            let first = vs.variables()[name].view([-1]).double_value(&[0]) * f64::sqrt(inputs);
            assert!(first.abs() <= 1.0 && starts.iter().all(|s: &f64| (s - first).abs() > 1e-9), "{name}, seed {seed}");
            starts.push(first);
        }
    }
}

/// What is refused leaves no parameters behind, so that another try gets the names.
#[test]
fn a_build_that_fails_leaves_nothing_behind() {
    let vs = double();
    let builder = || ConnectomeOdeRnn::builder(4, &ring(4));
    let new = |builder, readout: Readout| ConnectomeOdeClassifier::new(&vs.root(), builder, &readout).map(|_| ());
    for refused in [
        new(builder().tau(Tau::Given(PerNeuron::All(0.5))), Readout::new(2)),
        new(builder().tau(Tau::DrawnPerType(Init::Ones)), Readout::new(2)),
        new(builder(), Readout::new(2).dropout(2.0)),
    ] {
        assert!(matches!(refused, Err(Error::Option { .. })) && vs.is_empty());
    }
    new(builder(), Readout::new(2)).unwrap();
    assert!(vs.variables().keys().all(|name| !name.contains("__")));
}

/// A model refuses what it would pass over.
#[test]
fn options_without_a_use_are_refused() {
    let says = |builder: Builder<SparseRnn>| builder.build(&double().root()).unwrap_err().to_string();
    let builder = || SparseRnn::builder(4, &ring(4));
    assert!(says(builder().tau(Tau::Drawn(Init::Ones))).contains("no time constants"));
    let inhibitory = || PerNeuron::All(NeuronClass::Inhibitory);
    assert!(says(builder().neuron_class(inhibitory())).contains("no inhibitory neurons"));
    assert!(builder().neuron_class(inhibitory()).sign_rule(SignRule::Signed).build(&double().root()).is_ok());
    assert!(builder().neuron_class(PerNeuron::All(NeuronClass::Excitatory)).build(&double().root()).is_ok());
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let new = |readout: Readout| {
        ConnectomeClassifier::new(&double().root(), ConnectomeRnn::builder(4, &ring(4)), &readout).map(|_| ())
    };
    for bad in
        [Readout::new(0), Readout::new(2).hidden(0), Readout::new(2).dropout(1.0), Readout::new(2).dropout(f64::NAN)]
    {
        assert!(matches!(new(bad), Err(Error::Option { .. })));
    }
}

/// A topology of coordinates `[2, entries]`.
fn topology(case: &HashMap<String, Tensor>, indices: &str, values: &str, size: (usize, usize)) -> Topology {
    let row = |i: i64| -> Vec<u32> {
        Vec::<i64>::try_from(case[indices].get(i)).unwrap().into_iter().map(|n| n as u32).collect()
    };
    let values = Vec::<f64>::try_from(&case[values]).unwrap();
    Topology::from_edges(size.0, size.1, &row(0), &row(1), &values, Duplicates::Error).unwrap()
}

fn classed<M: FromNetwork>(builder: Builder<M>, signs: &Tensor) -> Builder<M> {
    let class = |sign: f64| if sign < 0.0 { NeuronClass::Inhibitory } else { NeuronClass::Excitatory };
    let signs = Vec::<f64>::try_from(signs.view([-1])).unwrap();
    builder.neuron_class(PerNeuron::Neurons(signs.into_iter().map(class).collect()))
}

/// Logits, loss and all gradients of bioplnn's classifier.
#[test]
fn the_reference_gives_the_same_logits_and_gradients() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/bioplnn/classifier_ode_f64.safetensors");
    let case: HashMap<String, Tensor> = Tensor::read_safetensors(path).unwrap().into_iter().collect();
    let vs = double();
    let input = topology(&case, "ih_indices", "ih_values", (60, 12));
    let builder = ConnectomeOdeRnn::builder(12, &topology(&case, "hh_indices", "hh_values_before", (60, 60)))
        .input_projection(Projection::Sparse(input))
        .layout(Layout::TimeFirst);
    let builder = classed(builder, &case["sign_mask"]);
    // its gradients go through the choice of step sizes
    let solver = Solver::new().adjoint(Adjoint::ThroughStepSizes);
    let readout = Readout::new(10).hidden(16).dropout(0.5);
    let model = ConnectomeOdeClassifier::new(&vs.root(), builder, &readout).unwrap().with_solver(solver);
    let names = [
        ("readout.hidden.weight", "out_layer.1.weight", "out_layer.1.weight"),
        ("readout.hidden.bias", "out_layer.1.bias", "out_layer.1.bias"),
        ("readout.classes.weight", "out_layer.4.weight", "out_layer.4.weight"),
        ("readout.classes.bias", "out_layer.4.bias", "out_layer.4.bias"),
        ("rnn.connectome.values", "hh_values_before", "rnn.hh.values"),
        ("rnn.connectome.bias", "hh_bias", "rnn.hh.bias"),
        ("rnn.input_projection.values", "ih_values", "rnn.ih.values"),
        ("rnn.tau", "tau_before", "rnn.tau"),
    ];
    let parameters = vs.variables();
    for (ours, theirs, _) in names {
        tch::no_grad(|| parameters[ours].shallow_clone().copy_(&case[theirs]));
    }
    let logits = |evals: usize, at: ReadAt| {
        model.forward(&case["x"], &Forward::new().num_evals(evals), at, Mode::Evaluate).unwrap().logits
    };
    assert!(distance(&logits(4, ReadAt::AllTimes), &case["logits_all_timesteps"]) < 1e-11);
    let last = logits(2, ReadAt::LastTime);
    assert!(distance(&last, &case["logits"]) < 1e-11);
    // tch's cross_entropy_for_logits computes in single precision
    let loss = last.log_softmax(-1, Kind::Double).nll_loss(&case["labels"]);
    assert!(distance(&loss, &case["loss"]) < 1e-11);
    loss.backward();
    for (ours, _, theirs) in names {
        let want = &case[&format!("grad.{theirs}")];
        let worst = distance(&parameters[ours].grad(), want) / (1.0 + want.abs().max().double_value(&[]));
        assert!(worst < 1e-8, "{ours}: {worst:e}");
    }
}

//! Engines agree with each other, gradients with differences, and nothing depends on threads or on who shares a batch.

use connectome_graph::hex::{Extent, expand};
use fly_vision::measure::motion_tuning;
use fly_vision::network::{
    Adaptive, EngineKind, Grey, Initial, Initials, Network, Protocol, Record, Response, Run, Start, Stimulus, Strength,
    Symmetries, Wiring,
};
use fly_vision::stimulus::{BarSettings, MovingBars};
use sparse_ode::{Activation, Method, Solver};
use std::sync::Arc;
use tch::{Device, Kind, Tensor};

fn wiring(extent: u32) -> Arc<Wiring> {
    let fly = expand(&fly_vision::connectome().unwrap(), Extent(extent)).unwrap();
    Arc::new(Wiring::from_hex(&fly).unwrap())
}

/// A network whose parameters differ from type to type, some time constants shorter than a step.
fn network(wiring: &Arc<Wiring>, engine: EngineKind, kind: Kind, activation: Activation) -> Network {
    let initials =
        Initials { time_constant: Initial::Normal { mean: 0.04, std: 0.015, seed: 5 }, ..Initials::default() };
    let builder = Network::builder(wiring.clone()).initials(initials).engine(engine).kind(kind);
    builder.activation(activation).build_alone().unwrap()
}

/// Numbers between 0 and 1 without a generator.
fn movie(shape: [i64; 3], kind: Kind) -> Tensor {
    let n: i64 = shape.iter().product();
    let t = Tensor::arange(n, (Kind::Double, Device::Cpu));
    ((t * 0.713).sin() * 0.5 + 0.5).view(shape).to_kind(kind)
}

fn largest(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[]) / (1.0 + b.abs().max().double_value(&[]))
}

/// Runs, and gives the gradients of a scalar by parameters, movie and start.
fn with_gradients(network: &Network, movie: &Tensor, start: Option<&Tensor>, dt: f64) -> (Response, Vec<Tensor>) {
    let movie = movie.copy().set_requires_grad(true);
    let start = start.map(|s| s.copy().set_requires_grad(true));
    let mut run = Run::new(dt).record(Record::Output);
    if let Some(start) = &start {
        run = run.from(start);
    }
    let stimulus = if movie.size()[2] == network.wiring().n_columns() as i64 {
        Stimulus::Columns(&movie)
    } else {
        Stimulus::Cells(&movie)
    };
    let response = network.forward(stimulus, &run).unwrap();
    let by = (Tensor::arange(response.activity.numel() as i64, (network.kind(), Device::Cpu)) * 0.37).sin();
    let loss = (response.activity.view(-1) * by).sum(network.kind()) + response.last.square().sum(network.kind()) * 0.1;
    let p = network.parameters();
    let mut of = vec![&p.bias, &p.time_constant, &p.strength, &movie];
    of.extend(&start);
    let gradients = Tensor::run_backward(&[&loss], &of, false, false);
    (response, gradients)
}

#[test]
fn engines_agree_in_states_and_gradients() {
    for (extent, batch, activation) in [
        (0, 3, Activation::Relu),
        (1, 1, Activation::Softplus),
        (2, 5, Activation::Relu),
        (4, 19, Activation::Elu),
        (5, 2, Activation::Tanh),
    ] {
        let wiring = wiring(extent);
        for kind in [Kind::Double, Kind::Float] {
            let oracle = network(&wiring, EngineKind::Tensors, kind, activation);
            let (columns, cells) = (wiring.n_columns() as i64, wiring.n_cells() as i64);
            let start = movie([1, batch, cells], kind).squeeze_dim(0);
            let tolerance = if kind == Kind::Double { 1e-11 } else { 2e-4 };
            for last in [columns, cells] {
                let shown = movie([batch, 4, last], kind);
                for start in [None, Some(&start)] {
                    let (want, want_gradients) = with_gradients(&oracle, &shown, start, 0.03);
                    for engine in [EngineKind::Stencil, EngineKind::Sparse] {
                        let own = network(&wiring, engine, kind, activation);
                        let (got, gradients) = with_gradients(&own, &shown, start, 0.03);
                        let what = format!("{engine:?}, extent {extent}, batch {batch}, {kind:?}, {activation:?}");
                        assert!(largest(&got.activity, &want.activity) < tolerance, "activity: {what}");
                        assert!(largest(&got.last, &want.last) < tolerance, "last state: {what}");
                        for (i, (g, w)) in gradients.iter().zip(&want_gradients).enumerate() {
                            let error = (g - w).abs().max().double_value(&[]);
                            let size = w.abs().max().double_value(&[]);
                            assert!(error <= tolerance * (1e-3 + size), "gradient {i}: {error} of {size}: {what}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn held_cells_are_held_and_pass_no_gradient() {
    let wiring = wiring(2);
    let shown = movie([2, 5, 19], Kind::Double);
    let mut outcomes = Vec::new();
    for engine in [EngineKind::Tensors, EngineKind::Stencil, EngineKind::Sparse] {
        let mut network = network(&wiring, engine, Kind::Double, Activation::Relu);
        network.silence("Mi9").unwrap();
        network.hold_type("T4a", 0.25).unwrap();
        network.hold_cells(&[0, 700], 1.5).unwrap();
        let run = Run::new(0.02).record(Record::All);
        let response = network.simulate(&shown, &run).unwrap();
        for (cells, value) in
            [(wiring.cells_of("Mi9").unwrap(), 0.0), (wiring.cells_of("T4a").unwrap(), 0.25), (vec![0, 700], 1.5)]
        {
            for cell in cells {
                let trace = response.activity.select(2, i64::from(cell));
                assert_eq!(f64::try_from((trace - value).abs().max()).unwrap(), 0.0, "cell {cell}");
            }
        }
        outcomes.push(with_gradients(&network, &shown, None, 0.02));
        network.release();
        let free = network.simulate(&shown, &run).unwrap();
        assert!(largest(&free.activity, &response.activity) > 1e-3);
    }
    for (response, gradients) in &outcomes[1..] {
        assert!(largest(&response.activity, &outcomes[0].0.activity) < 1e-12);
        for (g, w) in gradients.iter().zip(&outcomes[0].1) {
            assert!(largest(g, w) < 1e-11);
        }
    }
}

/// Bit for bit: one, two or five threads; alone or among others (with the stencil); in one run or in two.
#[test]
fn nothing_depends_on_threads_or_company() {
    let wiring = wiring(3);
    let shown = movie([21, 6, 37], Kind::Float);
    for engine in [EngineKind::Stencil, EngineKind::Sparse] {
        let network = network(&wiring, engine, Kind::Float, Activation::Relu);
        let pool = |n: usize| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        let of = |n: usize| {
            let wiring = &wiring;
            pool(n).install(move || {
                let network = self::network(wiring, engine, Kind::Float, Activation::Relu);
                let shown = movie([21, 6, 37], Kind::Float);
                let (response, gradients) = with_gradients(&network, &shown, None, 0.02);
                (response.activity, gradients)
            })
        };
        let (activity, gradients) = of(1);
        for n in [2, 5] {
            let (other, others) = of(n);
            assert!(activity.equal(&other) && gradients.iter().zip(&others).all(|(a, b)| a.equal(b)), "{n} threads");
        }
        let run = Run::new(0.02).record(Record::Output);
        for sample in [0, 7, 20] {
            let alone = network.simulate(&shown.narrow(0, sample, 1), &run).unwrap();
            let (alone, among) = (alone.activity.get(0), activity.get(sample));
            // the sparse product adds up in another order when a sample is alone
            let same = if engine == EngineKind::Stencil { alone.equal(&among) } else { largest(&alone, &among) < 1e-6 };
            assert!(same, "{engine:?}, sample {sample}: off by {}", largest(&alone, &among));
        }
        let first = network.simulate(&shown.narrow(1, 0, 2), &run).unwrap();
        let rest =
            network.simulate(&shown.narrow(1, 2, 4), &Run::new(0.02).from(&first.last).record(Record::Output)).unwrap();
        assert!(Tensor::cat(&[first.activity, rest.activity], 1).equal(&activity));
    }
}

#[test]
fn gradients_agree_with_differences() {
    let wiring = wiring(1);
    let network = network(&wiring, EngineKind::Stencil, Kind::Double, Activation::Softplus);
    let shown = movie([1, 6, 7], Kind::Double);
    let p = network.parameters();
    let loss = || {
        let run = Run::new(0.02).record(Record::All);
        network.forward(&shown, &run).unwrap().activity.square().sum(Kind::Double)
    };
    let gradients = Tensor::run_backward(&[&loss()], &[&p.bias, &p.time_constant, &p.strength], false, false);
    for (parameter, gradient) in [&p.bias, &p.time_constant, &p.strength].into_iter().zip(&gradients) {
        for at in (0..parameter.size()[0]).step_by(7) {
            let value = parameter.double_value(&[at]);
            // rounding of the loss, of some 1e-13, over smaller steps is more than what they differ by
            let h = 1e-4 * value.abs().max(1e-2);
            let shifted = |by: f64| {
                tch::no_grad(|| {
                    let _ = parameter.get(at).fill_(value + by);
                    loss().double_value(&[])
                })
            };
            let slope = (shifted(h) - shifted(-h)) / (2.0 * h);
            shifted(0.0);
            let got = gradient.double_value(&[at]);
            assert!((got - slope).abs() <= 1e-7 * (1.0 + slope.abs()), "[{at}]: {got}, by differences {slope}");
        }
    }
}

#[test]
fn one_graph_gives_two_gradients_and_parameters_may_step_between_them() {
    let wiring = wiring(1);
    let network = network(&wiring, EngineKind::Stencil, Kind::Double, Activation::Relu);
    let shown = movie([2, 4, 7], Kind::Double);
    let response = network.forward(&shown, &Run::new(0.02)).unwrap();
    let of = [&network.parameters().bias];
    let first = response.activity.sum(Kind::Double);
    let second = response.activity.square().sum(Kind::Double);
    let want = Tensor::run_backward(&[&second], &of, true, false);
    let _ = Tensor::run_backward(&[&first], &of, true, false);
    let _ = tch::no_grad(|| network.parameters().bias.shallow_clone().g_add_scalar_(1.0));
    let got = Tensor::run_backward(&[&second], &of, false, false);
    assert!(got[0].equal(&want[0]));
}

#[test]
fn clamping_keeps_strengths_positive_and_symmetric_types_equal() {
    let wiring = wiring(1);
    let symmetries = Symmetries {
        bias: vec![vec!["T4a".into(), "T4b".into()]],
        strength: vec![vec![("R1".into(), "L1".into()), ("R2".into(), "L1".into())]],
        ..Symmetries::default()
    };
    let network = Network::builder(wiring.clone()).symmetries(symmetries).build_alone().unwrap();
    let p = network.parameters();
    let _ = tch::no_grad(|| p.strength.get(3).fill_(-1.0));
    network.simulate(&movie([1, 1, 7], Kind::Float), &Run::new(0.02)).unwrap();
    assert_eq!(p.strength.double_value(&[3]), -1.0, "simulations leave parameters alone");
    network.forward(&movie([1, 1, 7], Kind::Float), &Run::new(0.02)).unwrap();
    assert_eq!(p.strength.double_value(&[3]), 0.0);
    let at = |name: &str| p.bias.double_value(&[i64::from(wiring.type_index(name).unwrap())]);
    assert_eq!(at("T4a"), at("T4b"));
    assert_ne!(at("T4a"), at("T4c"));
    let unknown = Symmetries { bias: vec![vec!["T9".into()]], ..Symmetries::default() };
    assert!(Network::builder(wiring).symmetries(unknown).build_alone().unwrap_err().to_string().contains("T9"));
}

#[test]
fn adaptive_steps_agree_with_fine_euler_steps() {
    let wiring = wiring(2);
    let network = network(&wiring, EngineKind::Fastest, Kind::Double, Activation::Relu);
    let frames = movie([2, 5, 19], Kind::Double);
    let solver = Solver::new().method(Method::Dopri5).tolerances(1e-9, 1e-9);
    let adaptive = Adaptive::new(&network, solver).unwrap();
    let run = Run::new(0.02).record(Record::All);
    let exact = adaptive.simulate(&frames, &run).unwrap();
    let mut errors = Vec::new();
    for fine in [40i64, 80] {
        let held = frames.repeat_interleave_self_int(fine, 1, None);
        let euler = network.simulate(&held, &Run::new(0.02 / fine as f64).record(Record::All)).unwrap();
        let ends = Tensor::arange_start_step(fine - 1, 5 * fine, fine, (Kind::Int64, Device::Cpu));
        errors.push(largest(&euler.activity.index_select(1, &ends), &exact.activity));
    }
    assert!(errors[1] < 2e-3 && (1.8..2.2).contains(&(errors[0] / errors[1])), "Euler is of first order: {errors:?}");
}

#[test]
fn published_models_fit_lattices_of_any_size() {
    let mut network = Network::builder(wiring(2)).build_alone().unwrap();
    let start = network.parameters().bias.copy();
    network.set_pretrained(49).unwrap();
    assert!(!network.parameters().bias.equal(&start));
    let grey = network.steady_state(0.5, 0.01, 3, Grey::default()).unwrap();
    assert_eq!(grey.size(), [3, 1203]);
    assert!(grey.isfinite().all().double_value(&[]) == 1.0);
    // signs and synapse numbers too are its own, whatever was there
    let fresh = Network::builder(wiring(2)).build_alone().unwrap();
    for (own, want) in [(|n: &Network| n.parameters().log_n_syn.shallow_clone()) as fn(&Network) -> Tensor, |n| {
        n.parameters().sign.shallow_clone()
    }]
    .map(|of| (of(&network), of(&fresh)))
    {
        let _ = tch::no_grad(|| own.shallow_clone().fill_(0.5));
        network.set_pretrained(49).unwrap();
        assert!(own.equal(&want));
    }
    assert!(network.set_pretrained(50).unwrap_err().to_string().contains("0 to 49"));
}

#[test]
fn what_does_not_fit_is_refused() {
    let network = Network::builder(wiring(1)).build_alone().unwrap();
    let run = Run::new(0.02);
    let told = |result: Result<Response, fly_vision::Error>| result.unwrap_err().to_string();
    assert!(told(network.simulate(&movie([1, 2, 8], Kind::Float), &run)).contains("7 columns"));
    let start = movie([1, 3, 10], Kind::Float).squeeze_dim(0);
    assert!(told(network.simulate(&movie([1, 2, 7], Kind::Float), &run.clone().from(&start))).contains("cells"));
    assert!(told(network.simulate(&movie([1, 2, 7], Kind::Float), &Run::new(0.0))).contains("dt"));
    let unknown = Run::new(0.02).record(Record::Type("T6".into()));
    assert!(told(network.simulate(&movie([1, 2, 7], Kind::Float), &unknown)).contains("there is no cell type \"T6\""));
    let nothing =
        network.simulate(Stimulus::Nothing { batch: 2, frames: 3 }, &Run::new(0.02).start(Start::Rest)).unwrap();
    assert_eq!(nothing.activity.size(), [2, 3, 65]);
    let none = network.simulate(Stimulus::Nothing { batch: 0, frames: 3 }, &Run::new(0.02)).unwrap();
    assert_eq!(none.activity.size(), [0, 3, 65]);
    let still = network.simulate(Stimulus::Nothing { batch: 2, frames: 0 }, &Run::new(0.02)).unwrap();
    assert_eq!((still.activity.size(), still.last.size()), (vec![2, 0, 65], vec![2, 443]));
}

#[test]
fn parameters_are_saved_and_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fly.safetensors");
    let mut trained = Network::builder(wiring(1)).build_alone().unwrap();
    trained.set_pretrained(3).unwrap();
    trained.save(&path).unwrap();
    let mut fresh = Network::builder(wiring(1)).build_alone().unwrap();
    fresh.load(&path).unwrap();
    let (a, b) = (trained.parameters(), fresh.parameters());
    assert!(a.bias.equal(&b.bias) && a.strength.equal(&b.strength) && a.time_constant.equal(&b.time_constant));
    // the activation is the file's
    let leaky = Network::builder(wiring(1)).activation(Activation::LeakyRelu(0.3)).build_alone().unwrap();
    let leaky_path = folder.path().join("leaky.safetensors");
    leaky.save(&leaky_path).unwrap();
    fresh.load(&leaky_path).unwrap();
    assert_eq!(fresh.activation(), Activation::LeakyRelu(0.3));
    fresh.set_from(&trained).unwrap();
    assert_eq!(fresh.activation(), Activation::Relu);
    let mut file = connectome_io::format::safetensors::read_tensors(&leaky_path).unwrap();
    for (key, wrong) in [("leak", "NaN"), ("activation", "sine")] {
        let before = fresh.parameters().bias.copy();
        let right = file.metadata.insert(key.into(), wrong.into()).unwrap();
        connectome_io::format::safetensors::write_tensors(&leaky_path, &file).unwrap();
        assert!(fresh.load(&leaky_path).unwrap_err().to_string().contains(wrong));
        assert!(fresh.parameters().bias.equal(&before) && fresh.activation() == Activation::Relu);
        file.metadata.insert(key.into(), right);
    }

    // 1e39 is a number, but none of the network's
    let mut numbers = Vec::<f64>::try_from(leaky.parameters().bias.detach()).unwrap();
    numbers[5] = 1e39;
    file.arrays.insert("nodes_bias".into(), connectome_io::Array::vector(numbers));
    connectome_io::format::safetensors::write_tensors(&leaky_path, &file).unwrap();
    assert!(fresh.load(&leaky_path).unwrap_err().to_string().contains("at 5"));

    // as flyvis writes a checkpoint
    let p = trained.parameters();
    let mut tensors = connectome_io::format::safetensors::Tensors::default();
    for (name, t) in [
        ("network.nodes_bias", &p.bias),
        ("network.nodes_time_const", &p.time_constant),
        ("network.edges_sign", &p.sign),
        ("network.edges_syn_count", &p.log_n_syn),
        ("network.edges_syn_strength", &p.strength),
    ] {
        let numbers = Vec::<f32>::try_from(t.detach()).unwrap();
        tensors.arrays.insert(name.into(), connectome_io::Array::vector(numbers));
    }
    let checkpoint = folder.path().join("chkpt_00000.pt");
    connectome_io::format::pt::write_tensors(&checkpoint, &tensors).unwrap();
    let mut fresh = Network::builder(wiring(1)).build_alone().unwrap();
    fresh.load(&checkpoint).unwrap();
    assert!(fresh.parameters().strength.equal(&p.strength));
    let mut larger = Network::builder(wiring(2)).build_alone().unwrap();
    assert!(larger.load(&checkpoint).unwrap_err().to_string().contains("extent"));
}

/// The currents into a cell are all that moves it.
#[test]
fn currents_add_up_to_what_drives_a_cell() {
    use fly_vision::network::Protocol;
    use fly_vision::stimulus::{FlashSettings, Flashes, Stimuli};
    let wiring = wiring(3);
    let network = network(&wiring, EngineKind::Stencil, Kind::Float, Activation::Relu);
    let dt = 0.01;
    let settings =
        FlashSettings { extent: Extent(3), radius: vec![1], t_stim: 0.1, t_pre: 0.05, dt, ..FlashSettings::default() };
    let flashes = Flashes::new(settings).unwrap();
    let protocol = Protocol::default();
    let responses = network.responses_to(&flashes, &protocol).unwrap();
    for name in ["Mi1", "T4a", "Tm9"] {
        let (cell, t) = (responses.cell(name).unwrap(), i64::from(wiring.type_index(name).unwrap()));
        let bias = network.parameters().bias.double_value(&[t]);
        let tau = network.parameters().time_constant.double_value(&[t]).max(dt);
        let currents = network.current_responses(&flashes, name, &protocol).unwrap();
        assert_eq!(currents.len(), flashes.len());
        for (sample, current) in currents.iter().enumerate() {
            let v: Vec<f64> = responses.trace(0, sample, cell).collect();
            for (pair, total) in v.windows(2).zip(current.total()) {
                let next = pair[0] + dt / tau * (bias + total - pair[0]);
                assert!((next - pair[1]).abs() < 1e-4, "{name}: {next} and {}", pair[1]);
            }
        }
    }
    assert!(network.current_responses(&flashes, "T9", &protocol).is_err());
}

/// Untrained, with synapses of one strength per cell and all pathways open, T4 and T5 prefer the directions that they prefer in flies, and
/// cells before them none: by their wiring alone, though barely.
#[test]
fn directions_are_in_the_wiring() {
    let initials = Initials { strength: Strength::Total(2.0), ..Initials::default() };
    let mut network = Network::builder(wiring(6)).initials(initials).build_alone().unwrap();
    network.balance(0.1, 0.5).unwrap();
    let settings = BarSettings { extent: Extent(6), speeds: vec![19.0], ..BarSettings::edges() };
    let edges = MovingBars::new(settings).unwrap();
    let all = motion_tuning(&network.responses_to(&edges, &Protocol::default()).unwrap(), 0).unwrap();
    assert_eq!(all.len(), 18);
    for tuning in all.iter().filter(|t| t.known_direction.is_some()) {
        assert!(tuning.is_right() && (0.005..0.2).contains(&tuning.dsi), "{tuning:?}");
    }
}

/// Parameters go from an eye to a larger one, and not to one with types that they are not of.
#[test]
fn parameters_are_taken_from_another_eye() {
    let mut small = Network::builder(wiring(5)).build_alone().unwrap();
    small.set_pretrained(3).unwrap();
    let mut large = Network::builder(wiring(6)).build_alone().unwrap();
    large.set_from(&small).unwrap();
    let mut want = Network::builder(wiring(6)).build_alone().unwrap();
    want.set_pretrained(3).unwrap();
    assert!(large.group_weights().unwrap().equal(&want.group_weights().unwrap()));
    assert!(large.parameters().bias.equal(&want.parameters().bias));
    // an eye of one column has no pairs of types that only connect across columns
    let tiny = Network::builder(wiring(0)).build_alone().unwrap();
    let error = large.set_from(&tiny).unwrap_err().to_string();
    assert!(error.contains("it has no synapses from"), "{error}");
}

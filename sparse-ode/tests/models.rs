//! The networks: equations against plain sums, options and their errors, layouts, devices' paths, threads.

use connectome_graph::Topology;
use sparse_ode::{
    Bias, Builder, ConnectomeOdeRnn, ConnectomeRnn, Error, Forward, FrameBoundaries, FromNetwork, Init, Layout,
    NeuronClass, NeuronTypes, OnFailure, PerNeuron, Projection, SignRule, Solver, SparseRnn, Status, Steps, Tau,
    Training,
};
use std::collections::BTreeMap;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

const N: usize = 7;

/// A small wiring with weights of both signs, row = postsynaptic.
fn wiring() -> Topology {
    let (mut post, mut pre, mut weight) = (vec![], vec![], vec![]);
    for i in 0..N as u32 {
        for j in 0..N as u32 {
            if (i * 5 + j * 3) % 4 == 0 {
                post.push(i);
                pre.push(j);
                weight.push(f64::from(i * 7 + j) / 20.0 - 0.4);
            }
        }
    }
    Topology::from_edges(N, N, &post, &pre, &weight, connectome_graph::Duplicates::Error).unwrap()
}

fn double() -> VarStore {
    let mut vs = VarStore::new(Device::Cpu);
    vs.set_kind(Kind::Double);
    vs
}

fn wave(shape: &[i64], shift: f64) -> Tensor {
    let n: i64 = shape.iter().product();
    (Tensor::arange(n, (Kind::Double, Device::Cpu)) * 0.73 + shift).sin().reshape(shape)
}

fn numbers(t: &Tensor) -> Vec<f64> {
    Vec::try_from(t.to_kind(Kind::Double).contiguous().view([-1])).unwrap()
}

fn distance(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    (a - b).abs().max().double_value(&[])
}

/// Types, classes, time constants and nonlinearities for seven neurons of two types.
fn typed<M: FromNetwork>(builder: Builder<M>) -> Builder<M> {
    builder
        .neuron_types(NeuronTypes::from_labels(&["b", "a", "a", "b", "b", "a", "b"]))
        .neuron_class(PerNeuron::Types(vec![NeuronClass::Inhibitory, NeuronClass::Excitatory]))
        .tau(Tau::Given(PerNeuron::Types(vec![1.5, 2.0])))
        .nonlinearity(PerNeuron::Types(vec!["tanh".parse().unwrap(), "sigmoid".parse().unwrap()]))
}

/// A network under a held input as numbers: its derivative is that of an Euler step of the model, its tangents those of the derivative.
#[test]
fn held_inputs() {
    let vs = double();
    let model = typed(ConnectomeOdeRnn::builder(N, &wiring())).build(&vs.root()).unwrap();
    let (input, h) = (wave(&[N as i64], 0.3), numbers(&wave(&[N as i64], 1.1)));
    let field = model.held_input::<f64>(&input).unwrap();
    let (k, mut work) = (3, field.work(3));
    let q = numbers(&wave(&[N as i64, k], 2.0));
    let mut at = |h: &[f64], q: &[f64]| {
        let (mut dh, mut dq) = (vec![f64::NAN; N], vec![f64::NAN; q.len()]);
        field.eval(h, q, &mut dh, &mut dq, &mut work);
        (dh, dq)
    };
    let (dh, dq) = at(&h, &q);
    let dt = 0.25;
    let model = model.with_solver(Solver::new().method(sparse_ode::Method::Euler).fixed_step(dt));
    let h0 = Tensor::from_slice(&h).view([1, N as i64]);
    let run = model.forward(&input.unsqueeze(0), &Forward::new().span(0.0, dt).h0(&h0)).unwrap();
    for ((dh, from), to) in dh.iter().zip(&h).zip(numbers(&run.hs.get(0).get(1))) {
        assert!((dh - (to - from) / dt).abs() < 1e-12, "{dh} and {}", (to - from) / dt);
    }
    assert!(
        dh.iter().zip(&h).any(|(dh, h)| (dh + h / 1.5).abs() > 1e-3 && (dh + h / 2.0).abs() > 1e-3),
        "all is cut off"
    );
    for c in 0..k as usize {
        let mut moved = |step: f64| -> Vec<f64> {
            let h: Vec<f64> = h.iter().enumerate().map(|(i, h)| h + step * q[i * k as usize + c]).collect();
            at(&h, &[]).0
        };
        let (after, before) = (moved(1e-6), moved(-1e-6));
        for i in 0..N {
            let want = (after[i] - before[i]) / 2e-6;
            assert!((dq[i * k as usize + c] - want).abs() < 1e-8, "{} and {want}", dq[i * k as usize + c]);
        }
    }
    assert!(matches!(model.held_input::<f32>(&input), Err(Error::Input { what: "the kind of numbers", .. })));
    assert!(matches!(model.held_input::<f64>(&wave(&[2], 0.0)), Err(Error::Input { what: "the input", .. })));
}

/// What one evaluation or step should give, by plain sums over the wiring.
fn target(x: &[f64], h: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let kinds = [1, 0, 0, 1, 1, 0, 1];
    let mut z = x.to_vec();
    for (post, pre, w) in wiring().iter() {
        let sign = if kinds[pre as usize] == 0 { -1.0 } else { 1.0 };
        z[post as usize] += sign * w.max(0.0) * h[pre as usize];
    }
    let n = (0..N).map(|i| if kinds[i] == 0 { z[i].tanh().max(0.0) } else { 1.0 / (1.0 + (-z[i]).exp()) }).collect();
    (n, kinds.map(|k| [1.5, 2.0][k]).to_vec())
}

#[test]
fn discrete_steps_follow_the_equation() {
    let vs = double();
    let model = typed(ConnectomeRnn::builder(N, &wiring())).build(&vs.root()).unwrap();
    let (x, h0) = (wave(&[1, 4, N as i64], 0.3), wave(&[1, N as i64], 1.1).abs());
    let run = model.forward(&x, &Steps::new().h0(&h0)).unwrap();
    assert_eq!(run.hs.size(), [1, 4, N as i64]);
    let mut h = numbers(&h0);
    for t in 0..4 {
        let (n, tau) = target(&numbers(&x.get(0).get(t)), &h);
        h = (0..N).map(|i| n[i] / tau[i] + (1.0 - 1.0 / tau[i]) * h[i]).collect();
        let off = distance(&run.hs.get(0).get(t), &Tensor::from_slice(&h));
        assert!(off < 1e-14, "step {t}: {off}");
    }
}

/// The continuous network's end agrees with many small Euler steps of the equation, extrapolated.
#[test]
fn the_field_follows_the_equation() {
    let vs = double();
    let solver = Solver::new().tolerances(1e-12, 1e-12);
    let model = typed(ConnectomeOdeRnn::builder(N, &wiring())).build(&vs.root()).unwrap().with_solver(solver);
    let (x, h0) = (wave(&[1, N as i64], 0.3), wave(&[1, N as i64], 1.1).abs());
    let run = model.forward(&x, &Forward::new().h0(&h0).span(0.5, 2.0)).unwrap();
    let euler = |steps: usize| {
        let (dt, x) = (1.5 / steps as f64, numbers(&x));
        let mut h = numbers(&h0);
        for _ in 0..steps {
            let (n, tau) = target(&x, &h);
            h = (0..N).map(|i| h[i] + dt * (n[i] - h[i]) / tau[i]).collect();
        }
        h
    };
    let (a, b, c) = (euler(2000), euler(4000), euler(8000));
    // Richardson's extrapolation removes the first two orders.
    let want: Vec<f64> = (0..N).map(|i| (8.0 * c[i] - 6.0 * b[i] + a[i]) / 3.0).collect();
    let off = distance(&run.hs.get(0).get(1), &Tensor::from_slice(&want));
    assert!(off < 1e-9, "{off}");
    assert_eq!(distance(&run.hs.get(0).get(0), &h0.get(0)), 0.0);
}

/// Sparse, dense and identity inputs that say the same give the same.
#[test]
fn input_projections_agree() {
    let hs = |projection: Projection, weights: Option<&Tensor>, x: &Tensor| {
        let vs = double();
        let size = x.size()[x.dim() - 1] as usize;
        let model = typed(ConnectomeOdeRnn::builder(size, &wiring())).input_projection(projection);
        let model = model.build(&vs.root()).unwrap();
        if let Some(w) = weights {
            tch::no_grad(|| vs.variables()["input_projection.weight"].shallow_clone().copy_(w));
        }
        model.forward(x, &Forward::new().num_evals(5)).unwrap().hs
    };
    let p = Topology::from_edges(
        N,
        3,
        &[0, 2, 5, 5],
        &[1, 0, 0, 2],
        &[1.0, 0.5, 2.0, -1.0],
        connectome_graph::Duplicates::Error,
    )
    .unwrap();
    for x in [wave(&[2, 3], 0.2), wave(&[2, 4, 3], 0.2)] {
        let dense = Tensor::zeros([N as i64, 3], (Kind::Double, Device::Cpu));
        for (post, pre, w) in p.iter() {
            let _ = dense.get(i64::from(post)).get(i64::from(pre)).fill_(w);
        }
        let sparse = hs(Projection::Sparse(p.clone()), None, &x);
        assert!(distance(&sparse, &hs(Projection::Dense, Some(&dense), &x)) < 1e-13);
        assert!(distance(&sparse, &hs(Projection::Identity, None, &x.matmul(&dense.tr()))) < 1e-13);
    }
}

#[test]
fn output_projections_read_out() {
    let x = wave(&[2, N as i64], 0.4);
    let vs = double();
    let model = ConnectomeOdeRnn::builder(N, &wiring()).output_neurons(&[6, 0]).unwrap().build(&vs.root()).unwrap();
    let run = model.forward(&x, &Forward::new().num_evals(3)).unwrap();
    assert_eq!(run.outs.size(), [2, 3, 2]);
    assert_eq!(distance(&run.outs.select(2, 0), &run.hs.select(2, 6)), 0.0);
    let vs = double();
    let model = ConnectomeRnn::builder(N, &wiring()).output_projection(Projection::Dense).output_size(4);
    let model = model.layout(Layout::TimeFirst).build(&vs.root()).unwrap();
    let run = model.forward(&x, &Steps::new().num_steps(3)).unwrap();
    let v = vs.variables();
    let want = run.hs.matmul(&v["output_projection.weight"].tr()) + v["output_projection.bias"].tr();
    assert_eq!(run.outs.size(), [3, 2, 4]);
    assert!(distance(&run.outs, &want) < 1e-14);
}

#[test]
fn layouts_are_transposes() {
    let x = wave(&[3, 4, N as i64], 0.1);
    let run = |layout, x: &Tensor| {
        let vs = double();
        let model = typed(ConnectomeOdeRnn::builder(N, &wiring())).layout(layout).build(&vs.root()).unwrap();
        model.forward(x, &Forward::new().num_evals(6)).unwrap()
    };
    let (a, b) = (run(Layout::BatchFirst, &x), run(Layout::TimeFirst, &x.transpose(0, 1)));
    assert_eq!((a.hs.size(), a.ts.size()), (vec![3, 6, N as i64], vec![3, 6]));
    assert_eq!((b.hs.size(), b.ts.size()), (vec![6, 3, N as i64], vec![6, 3]));
    assert_eq!(distance(&a.hs, &b.hs.transpose(0, 1)), 0.0);
}

/// Restarting at frame boundaries meets the truth to the tolerance, forward and backward; stepping across does not.
#[test]
fn restarts_are_accurate() {
    let x = wave(&[2, 5, N as i64], 0.1) * 4.0;
    let run = |frames, tolerance: f64, x: &Tensor, span: (f64, f64), h0: &Tensor| {
        let vs = double();
        let model = typed(ConnectomeOdeRnn::builder(N, &wiring())).build(&vs.root()).unwrap();
        let model = model.with_solver(Solver::new().tolerances(tolerance, tolerance));
        let forward = Forward::new().num_evals(8).span(span.0, span.1).frame_boundaries(frames).h0(h0);
        model.forward(x, &forward).unwrap()
    };
    let h0 = wave(&[2, N as i64], 0.9).abs();
    let truth = run(FrameBoundaries::Restart, 1e-12, &x, (0.0, 3.0), &h0).hs;
    let restarted = run(FrameBoundaries::Restart, 1e-5, &x, (0.0, 3.0), &h0).hs;
    let across = run(FrameBoundaries::StepAcross, 1e-5, &x, (0.0, 3.0), &h0).hs;
    let (good, bad) = (distance(&restarted, &truth), distance(&across, &truth));
    // The rectified nonlinearity has kinks of its own, which no frame boundary tells of.
    assert!(good < 1e-3 && bad > 10.0 * good, "{good} {bad}");
    let back = run(FrameBoundaries::Restart, 1e-12, &x.flip([1]), (3.0, 0.0), &truth.select(1, 7));
    assert!(distance(&back.hs.select(1, 7), &h0) < 1e-6);
}

/// One, two and five threads give the same bits, on a network large enough to be shared out.
#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let n = 6000usize;
    let (mut post, mut pre) = (vec![], vec![]);
    for i in 0..n as u64 {
        for k in 0..12 {
            post.push(i as u32);
            pre.push(((i * 2_654_435_761 + k * 40_503) % n as u64) as u32);
        }
    }
    let wiring =
        Topology::from_edges(n, n, &post, &pre, &vec![0.2; post.len()], connectome_graph::Duplicates::Sum).unwrap();
    let before = tch::get_num_threads();
    for (inputs, projection, batch) in [(n, Projection::Identity, 8), (50, Projection::Dense, 1)] {
        // rayon's and libtorch's
        let run = |threads: usize| {
            tch::set_num_threads(threads as i32);
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let (wiring, projection) = (wiring.clone(), projection.clone());
            pool.install(move || {
                let vs = VarStore::new(Device::Cpu);
                let model = ConnectomeOdeRnn::builder(inputs, &wiring).input_projection(projection);
                let model = model.build(&vs.root()).unwrap();
                let x = wave(&[batch, inputs as i64], 0.2).to_kind(Kind::Float).set_requires_grad(true);
                let hs = model.forward(&x, &Forward::new().num_evals(7)).unwrap().hs;
                hs.square().sum(Kind::Float).backward();
                let gradients = vs.variables().into_values().map(|v| v.grad());
                let mut all: Vec<Vec<f64>> = gradients.chain([x.grad(), hs.detach()]).map(|t| numbers(&t)).collect();
                all.sort_by(|a, b| a.partial_cmp(b).unwrap());
                all
            })
        };
        let one = run(1);
        assert!(one == run(2) && one == run(5), "{projection:?}");
    }
    tch::set_num_threads(before);
}

/// Weights are held at or above zero in place, and only with the rules that say so.
#[test]
fn sign_rules() {
    let x = wave(&[1, N as i64], 0.4);
    let after = |rule| {
        let vs = double();
        let model = ConnectomeOdeRnn::builder(N, &wiring()).sign_rule(rule).build(&vs.root()).unwrap();
        let run = model.forward(&x, &Forward::new()).unwrap();
        (vs.variables()["connectome.values"].min().double_value(&[]), run.hs)
    };
    assert_eq!(after(SignRule::Dale).0, 0.0);
    assert!(after(SignRule::Signed).0 < 0.0);
    assert!(distance(&after(SignRule::Dale).1, &after(SignRule::Unsigned).1) == 0.0);
    assert!(distance(&after(SignRule::Dale).1, &after(SignRule::Signed).1) > 1e-3);
}

/// An inhibitory neuron lowers its targets.
#[test]
fn inhibition_inhibits() {
    let one = Topology::from_edges(2, 2, &[1], &[0], &[3.0], connectome_graph::Duplicates::Error).unwrap();
    let x = Tensor::from_slice(&[1.0, 0.0]).view([1, 2]);
    let end = |class| {
        let vs = double();
        let classes = PerNeuron::Neurons(vec![class, NeuronClass::Excitatory]);
        let model = ConnectomeOdeRnn::builder(2, &one).neuron_class(classes).build(&vs.root()).unwrap();
        model.forward(&x, &Forward::new()).unwrap().hs.double_value(&[0, 1, 1])
    };
    assert!(end(NeuronClass::Inhibitory) < end(NeuronClass::Excitatory) - 0.1);
}

#[test]
fn time_constants_start_at_one_or_above() {
    let taus = |tau: Tau, seed| {
        let vs = double();
        typed(ConnectomeOdeRnn::builder(N, &wiring())).tau(tau).seed(seed).build(&vs.root()).unwrap();
        let tau = vs.variables()["tau"].shallow_clone();
        (tau.size(), numbers(&tau))
    };
    let (size, tau) = taus(Tau::Drawn(Init::Ones), 3);
    assert_eq!(size, [N as i64, 1]);
    assert!(tau.iter().all(|t| (1.0..1.000_001).contains(t)) && tau.iter().any(|&t| t > 1.0));
    assert_eq!(taus(Tau::Drawn(Init::Ones), 3).1, tau);
    assert_ne!(taus(Tau::Drawn(Init::Ones), 4).1, tau);
    assert_eq!(taus(Tau::DrawnPerType(Init::Ones), 3).0, [2, 1]);
    assert_eq!(taus(Tau::Given(PerNeuron::All(1.25)), 3), (vec![N as i64, 1], vec![1.25; N]));
    let by_label = BTreeMap::from([("a".into(), 4.0), ("b".into(), 3.0)]);
    assert_eq!(taus(Tau::Given(PerNeuron::Labels(by_label)), 3).1, [4.0, 3.0]);
}

/// Fixed parameters are of the store's kind, like trained ones, and give the same results.
#[test]
fn fixed_parameters_are_of_the_stores_kind() {
    let x = wave(&[2, N as i64], 0.3);
    let end = |training| {
        let vs = double();
        let model = ConnectomeOdeRnn::builder(N, &wiring()).train_connectome(training).train_tau(training);
        let model = model.output_neurons(&[1]).unwrap().train_output_projection(training).build(&vs.root()).unwrap();
        assert!(vs.variables().values().all(|v| v.kind() == Kind::Double));
        model.forward(&x, &Forward::new()).unwrap().outs
    };
    assert_eq!(distance(&end(Training::Fixed), &end(Training::Trained)), 0.0);
}

/// Trained parameters are the store's trainable variables, under their paths.
#[test]
fn parameters_have_paths() {
    let names = |training| {
        let vs = double();
        let p = Topology::from_edges(N, 3, &[0], &[1], &[1.0], connectome_graph::Duplicates::Error).unwrap();
        let model = ConnectomeRnn::builder(3, &wiring()).input_projection(Projection::Sparse(p));
        let model = model.output_neurons(&[1]).unwrap().train_connectome(training).train_tau(training);
        model.train_input_projection(training).train_output_projection(training).build(&vs.root()).unwrap();
        let mut all: Vec<String> = vs.variables().into_keys().collect();
        all.sort();
        (all, vs.trainable_variables().len())
    };
    let all = [
        "connectome.bias",
        "connectome.values",
        "input_projection.values",
        "output_projection.bias",
        "output_projection.values",
        "tau",
    ];
    assert_eq!(names(Training::Trained), (all.map(String::from).to_vec(), 6));
    assert_eq!(names(Training::Fixed), (all.map(String::from).to_vec(), 0));
}

#[test]
fn discrete_networks_are_differentiable() {
    let vs = double();
    let model = typed(ConnectomeRnn::builder(N, &wiring())).build(&vs.root()).unwrap();
    let x = wave(&[2, 3, N as i64], 0.3).set_requires_grad(true);
    model.forward(&x, &Steps::new()).unwrap().hs.square().sum(Kind::Double).backward();
    for (name, v) in vs.variables() {
        assert!(v.grad().defined() && v.grad().abs().max().double_value(&[]) > 0.0, "{name}");
    }
    assert!(x.grad().abs().max().double_value(&[]) > 0.0);
    let vs = double();
    let plain = SparseRnn::builder(N, &wiring()).connectome_bias(Bias::Absent).build(&vs.root()).unwrap();
    let run = plain.forward(&x.detach(), &Steps::new()).unwrap();
    assert_eq!((run.hs.size(), vs.variables().len()), (vec![2, 3, N as i64], 1));
}

/// A network that a user's parameters have ruined: an error with time and samples, or what there is.
#[test]
fn failures_are_told() {
    let vs = double();
    let model = ConnectomeOdeRnn::builder(N, &wiring()).build(&vs.root()).unwrap();
    let model = model.with_solver(Solver::new().max_steps(Some(4)));
    let x = wave(&[2, N as i64], 0.4);
    let e = model.forward(&x, &Forward::new()).unwrap_err().to_string();
    assert!(e.contains("sample 0 stopped at t = ") && e.contains("raise max_steps") && e.contains("2 samples"), "{e}");
    let run = model.forward(&x, &Forward::new().num_evals(3).on_failure(OnFailure::Partial)).unwrap();
    assert_eq!(run.status, [Status::ReachedMaxSteps; 2]);
    assert!(
        !run.hs.select(1, 0).isnan().any().int64_value(&[]) != 0
            && run.hs.select(1, 2).isnan().all().int64_value(&[]) == 1
    );
    let x = Tensor::full([1, N as i64], f64::NAN, (Kind::Double, Device::Cpu));
    let e = ConnectomeOdeRnn::builder(N, &wiring())
        .build(&double().root())
        .unwrap()
        .forward(&x, &Forward::new())
        .unwrap_err();
    assert!(e.to_string().contains("look for NaN"), "{e}");
}

#[test]
fn nonsense_options_are_refused() {
    fn says(builder: Builder<ConnectomeOdeRnn>, what: &str) {
        match builder.build(&double().root()) {
            Err(e @ Error::Option { .. }) => assert!(e.to_string().contains(what), "{e}"),
            other => panic!("{other:?} for {what}"),
        }
    }
    let b = || ConnectomeOdeRnn::builder(N, &wiring());
    let p = |post, pre| {
        Projection::Sparse(
            Topology::from_edges(post, pre, &[0], &[0], &[1.0], connectome_graph::Duplicates::Error).unwrap(),
        )
    };
    let types = || NeuronTypes::from_labels(&[1, 2, 1, 2, 1, 2, 1]);
    let long = Topology::from_edges(3, 2, &[0], &[0], &[1.0], connectome_graph::Duplicates::Error).unwrap();
    says(ConnectomeOdeRnn::builder(2, &long), "[3, 2]; it must be square");
    says(b().num_neurons(8), "num_neurons: 8, but the connectome has 7");
    says(ConnectomeOdeRnn::builder(3, &wiring()), "identity, but there are 3 inputs for 7 neurons");
    says(b().input_projection(p(7, 3)), "not [neurons 7, inputs 7]");
    says(b().output_projection(p(3, 6)), "not [outputs, neurons 7]");
    says(b().output_projection(p(3, 7)).output_size(4), "not [outputs 4, neurons 7]");
    says(b().output_projection(Projection::Dense), "needs it");
    says(b().output_size(3), "3, but the identity gives 7");
    says(b().input_projection(Projection::Dense).train_input_projection(Training::Fixed), "must be trained");
    says(
        b().output_projection(Projection::Dense).output_size(2).train_output_projection(Training::Fixed),
        "must be trained",
    );
    says(b().num_neuron_types(2), "2, but neuron_types is not given");
    says(b().num_neuron_types(3).neuron_types(types()), "3, but neuron_types has 2: 1, 2");
    says(b().neuron_types(NeuronTypes::from_labels(&[1, 2])), "2 labels for 7 neurons");
    says(b().neuron_class(PerNeuron::Types(vec![NeuronClass::Excitatory])), "but there are no neuron_types");
    says(
        b().neuron_types(types()).neuron_class(PerNeuron::Types(vec![NeuronClass::Excitatory])),
        "1 values for 2 types",
    );
    says(b().neuron_class(PerNeuron::Neurons(vec![NeuronClass::Excitatory])), "1 values for 7 neurons");
    let by = |l: &str| {
        PerNeuron::Labels(BTreeMap::from([("1".into(), NeuronClass::Excitatory), (l.into(), NeuronClass::Inhibitory)]))
    };
    says(b().neuron_types(types()).neuron_class(by("3")), "there is no type \"3\"");
    says(b().neuron_types(types()).neuron_class(by("1")), "type \"2\" has no value");
    says(b().tau(Tau::Given(PerNeuron::All(0.5))), "tau must be at least 1.0");
    says(b().tau(Tau::Given(PerNeuron::All(f64::NAN))), "tau must be at least 1.0");
    says(b().tau(Tau::Drawn(Init::Randn(1))), "tau must be at least 1.0");
    says(b().tau(Tau::DrawnPerType(Init::Ones)), "no neuron_types");
    says(b().tau(Tau::Drawn(Init::Custom(|_| vec![2.0]))), "gave 1 numbers where 7");
    says(b().nonlinearity(PerNeuron::Neurons(vec!["relu".parse().unwrap(); N])), "one for all, or one per type");
    let text = |r: Result<Builder<ConnectomeOdeRnn>, Error>| r.map(|_| ()).unwrap_err().to_string();
    assert!(
        text(b().neuron_type_indices(&[vec![0, 1], vec![2, 3, 4, 5]]))
            .contains("must together contain all neuron indices; 6")
    );
    assert!(text(b().neuron_type_indices(&[vec![0, 1, 7]])).contains("type 0 has neuron 7 of 7"));
    assert!(text(b().neuron_type_indices(&[vec![0, 1], vec![1]])).contains("neuron 1 is of type 0 and of type 1"));
    assert!(text(b().output_neurons(&[9])).contains('9'));
    let mut half = VarStore::new(Device::Cpu);
    half.set_kind(Kind::Half);
    assert!(b().build(&half.root()).unwrap_err().to_string().contains("Half has no kernels"));
}

#[test]
fn misfitting_arguments_are_refused() {
    let model = ConnectomeOdeRnn::builder(N, &wiring()).build(&double().root()).unwrap();
    let discrete = ConnectomeRnn::builder(N, &wiring()).build(&double().root()).unwrap();
    let x = wave(&[2, N as i64], 0.1);
    let text = |x: &Tensor, f: &Forward<'_>| model.forward(x, f).unwrap_err().to_string();
    assert!(text(&x, &Forward::new().num_evals(1)).contains("at least 2"));
    assert!(text(&x, &Forward::new().span(1.0, 1.0)).contains("goes from 1 to 1"));
    assert!(text(&wave(&[2, 3], 0.1), &Forward::new()).contains("[2, 3] Double on Cpu, the model wants [2, 7] Double"));
    assert!(text(&x.to_kind(Kind::Float), &Forward::new()).contains("Float on Cpu"));
    assert!(text(&wave(&[N as i64], 0.1), &Forward::new()).contains("[7]"));
    assert!(text(&wave(&[0, N as i64], 0.1), &Forward::new()).contains("at least one sample"));
    let h0 = wave(&[3, N as i64], 0.0);
    assert!(text(&x, &Forward::new().h0(&h0)).contains("h0 is [3, 7]"));
    let text = |x: &Tensor, s: &Steps<'_>| discrete.forward(x, s).unwrap_err().to_string();
    assert!(text(&x, &Steps::new()).contains("a held input needs a number of steps"));
    assert!(text(&x, &Steps::new().num_steps(0)).contains("at least one step"));
    assert!(text(&wave(&[2, 3, N as i64], 0.1), &Steps::new().num_steps(4)).contains("4 for a sequence of 3 frames"));
}

/// Two forward passes before one backward: the second leaves parameters that need no clamping alone.
#[test]
fn two_passes_share_a_backward() {
    let vs = double();
    let positive = wiring().map_weights(f64::abs).unwrap();
    let model = typed(ConnectomeRnn::builder(N, &positive)).build(&vs.root()).unwrap();
    let pass = |shift| model.forward(&wave(&[2, 3, N as i64], shift), &Steps::new()).unwrap().hs.sum(Kind::Double);
    (pass(0.1) + pass(0.7)).backward();
    assert!(vs.variables()["connectome.values"].grad().abs().max().double_value(&[]) > 0.0);
}

/// With logarithms for parameters the network is the same, gradients are those of the weights times the weights, and no step of an
/// optimiser leads below zero.
#[test]
fn weights_by_their_logarithms() {
    let wiring = Topology::from_csr(3, 3, vec![0, 2, 3, 4], vec![1, 2, 0, 1], vec![0.5, 1.5, 2.0, 0.25]).unwrap();
    let classes = vec![NeuronClass::Excitatory, NeuronClass::Inhibitory, NeuronClass::Excitatory];
    let run = |rule| {
        let mut vs = VarStore::new(Device::Cpu);
        vs.set_kind(Kind::Double);
        let model = ConnectomeOdeRnn::builder(3, &wiring)
            .neuron_class(PerNeuron::Neurons(classes.clone()))
            .tau(sparse_ode::Tau::Given(PerNeuron::All(1.5)))
            .sign_rule(rule)
            .build(&vs.root())
            .unwrap();
        let x = Tensor::from_slice(&[0.3, -0.7, 1.1]).view([1, 3]);
        let h0 = Tensor::from_slice(&[0.9, 0.4, 0.2]).view([1, 3]);
        let hs = model.forward(&x, &Forward::new().h0(&h0)).unwrap().hs;
        (&hs * &hs).sum(Kind::Double).backward();
        let parameter = vs.variables().into_iter().find(|(name, _)| name.contains("values")).unwrap();
        (hs.detach(), parameter.0, parameter.1)
    };
    let (hs, name, values) = run(SignRule::Dale);
    let (by_logarithm, log_name, logarithms) = run(SignRule::DaleByLogarithm);
    assert_eq!((name.as_str(), log_name.as_str()), ("connectome.values", "connectome.log_values"));
    assert!((hs - by_logarithm).abs().max().double_value(&[]) < 1e-14);
    let want = values.grad() * values.detach();
    assert!((logarithms.grad() - want).abs().max().double_value(&[]) < 1e-14);

    let zero = wiring.map_weights(|w| if w < 0.3 { 0.0 } else { w }).unwrap();
    let refused = ConnectomeOdeRnn::builder(3, &zero).sign_rule(SignRule::DaleByLogarithm);
    let e = refused.build(&VarStore::new(Device::Cpu).root()).unwrap_err().to_string();
    assert!(e.contains("from neuron 1 to 2 is 0"), "{e}");
}

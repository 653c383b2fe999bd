//! Gradients agree with finite differences, whatever the method, the network, the times and the states kept.

use connectome_graph::{Duplicates, Topology};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use sparse_ode::{
    Activation, Adjoint, Checkpointing, ConnectomeOdeRnn, ErrorOf, Forward, Layout, Method, NeuronClass, NeuronTypes,
    Now, PerNeuron, Projection, Solver, Tau, TensorTimes, TimePrecision, Times,
};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

/// Largest difference of the gradients of `loss` with respect to `leaves` from central differences, over the largest gradient.
fn off(leaves: &[(String, Tensor)], loss: impl FnMut() -> Tensor) -> (f64, String) {
    off_where_smooth(leaves, 1e-3, f64::INFINITY, loss)
}

/// The same by differences at a distance `h`, without the places where those at two distances disagree by more than `smooth` of the
/// largest gradient: there a step is accepted on one side and rejected on the other, and no derivative exists.
fn off_where_smooth(
    leaves: &[(String, Tensor)],
    h: f64,
    smooth: f64,
    mut loss: impl FnMut() -> Tensor,
) -> (f64, String) {
    for (_, leaf) in leaves {
        let mut gradient = leaf.grad();
        if gradient.defined() {
            let _ = gradient.zero_();
        }
    }
    loss().backward();
    let numbers = |t: &Tensor| Vec::<f64>::try_from(t.detach().contiguous().view(-1)).unwrap();
    let mut worst = (0.0, String::new());
    for (name, leaf) in leaves {
        let (value, gradient) = (numbers(leaf), numbers(&leaf.grad()));
        let set =
            |v: &[f64]| tch::no_grad(|| leaf.shallow_clone().copy_(&Tensor::from_slice(v).view(&leaf.size()[..])));
        let largest = gradient.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
        for i in 0..value.len() {
            let mut at = |by: f64| {
                let mut moved = value.clone();
                moved[i] += by;
                set(&moved);
                loss().double_value(&[])
            };
            // Richardson's extrapolation of central differences: the error is of fourth order.
            let (far, near) = ((at(h) - at(-h)) / (2.0 * h), (at(h / 2.0) - at(-h / 2.0)) / h);
            if (near - far).abs() > smooth * largest.max(1e-3) {
                continue;
            }
            let want = (4.0 * near - far) / 3.0;
            let deviation = (gradient[i] - want).abs() / largest.max(1e-3);
            if deviation > worst.0 {
                worst = (deviation, format!("{name}[{i}]: {} and {want}", gradient[i]));
            }
        }
        set(&value);
    }
    worst
}

/// A network of any kind with what a forward pass takes, all of it wanting gradients.
#[derive(Debug, Clone)]
struct Setting {
    neurons: usize,
    batch: i64,
    frames: i64,
    seed: u64,
    input: u8,
    types: bool,
    method: Method,
    dt: f64,
    span: (f64, f64),
    layout: Layout,
    checkpointing: Checkpointing,
}

fn settings() -> impl Strategy<Value = Setting> {
    let checkpointing = prop_oneof![
        Just(Checkpointing::All),
        (1..6usize).prop_map(Checkpointing::Every),
        (1..7usize).prop_map(Checkpointing::Binomial)
    ];
    let span = prop_oneof![Just((0.0, 1.0)), Just((0.3, 1.7)), Just((1.0, 0.2))];
    let layout = prop_oneof![Just(Layout::BatchFirst), Just(Layout::TimeFirst)];
    (
        (3..9usize, 1..4i64, 1..4i64, any::<u64>(), 0..3u8, any::<bool>()),
        (prop::sample::select(&Method::ALL[..]), 0.09..0.4f64, span, layout, checkpointing),
    )
        .prop_map(|((neurons, batch, frames, seed, input, types), (method, dt, span, layout, checkpointing))| {
            Setting { neurons, batch, frames, seed, input, types, method, dt, span, layout, checkpointing }
        })
}

/// Numbers between 0 and 1 that depend on the seed and their place.
fn uniform(seed: u64, n: usize) -> Vec<f64> {
    let mut state = seed | 1;
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1u64 << 53) as f64
        })
        .collect()
}

impl Setting {
    fn wiring(&self, post: usize, pre: usize, seed: u64) -> Topology {
        let draws = uniform(seed, post * pre);
        let (mut rows, mut columns, mut weights) = (vec![], vec![], vec![]);
        for (i, draw) in draws.iter().enumerate().filter(|(_, draw)| **draw < 0.6) {
            rows.push((i / pre) as u32);
            columns.push((i % pre) as u32);
            weights.push(0.1 + draw);
        }
        Topology::from_edges(post, pre, &rows, &columns, &weights, Duplicates::Error).unwrap()
    }

    fn tensor(&self, seed: u64, shape: &[i64]) -> Tensor {
        let n = shape.iter().product::<i64>() as usize;
        Tensor::from_slice(&uniform(seed, n)).view(shape).set_requires_grad(true)
    }

    /// All that gradients are taken of, and the loss.
    fn problem(&self, solver: &Solver) -> (Vec<(String, Tensor)>, impl FnMut() -> Tensor) {
        let (n, s) = (self.neurons, self.seed);
        let inputs = if self.input == 0 { n } else { 3 };
        let mut vs = VarStore::new(Device::Cpu);
        vs.set_kind(Kind::Double);
        let mut builder = ConnectomeOdeRnn::builder(inputs, &self.wiring(n, n, s ^ 1))
            .layout(self.layout)
            .output_size(2)
            .output_projection(Projection::Sparse(self.wiring(2, n, s ^ 2)))
            .input_projection(match self.input {
                0 => Projection::Identity,
                1 => Projection::Sparse(self.wiring(n, inputs, s ^ 3)),
                _ => Projection::Dense,
            });
        if self.types {
            let labels: Vec<String> = (0..n).map(|i| ["a", "b"][i % 2].into()).collect();
            builder = builder
                .neuron_types(NeuronTypes::from_labels(&labels))
                .neuron_class(PerNeuron::Types(vec![NeuronClass::Excitatory, NeuronClass::Inhibitory]))
                .tau(Tau::Given(PerNeuron::Types(vec![1.3, 2.2])))
                .nonlinearity(PerNeuron::Types(vec![Activation::Sigmoid.into(), Activation::Softplus.into()]));
        } else {
            builder = builder.tau(Tau::Given(PerNeuron::All(1.6)));
        }
        let model = builder.build(&vs.root()).unwrap().with_solver(solver.clone());
        let shape = match (self.frames, self.layout) {
            (1, _) => vec![self.batch, inputs as i64],
            (frames, Layout::BatchFirst) => vec![self.batch, frames, inputs as i64],
            (frames, Layout::TimeFirst) => vec![frames, self.batch, inputs as i64],
        };
        let (x, h0) = (self.tensor(s ^ 4, &shape), self.tensor(s ^ 5, &[self.batch, n as i64]));
        let time = |t: f64| Tensor::from(t).set_requires_grad(true);
        let (start, end) = (time(self.span.0), time(self.span.1));
        let mut leaves: Vec<(String, Tensor)> = vs.variables().into_iter().collect();
        leaves.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, t) in [("x", &x), ("h0", &h0), ("start", &start), ("end", &end)] {
            leaves.push((name.into(), t.shallow_clone()));
        }
        let weight = self.tensor(s ^ 6, &[4, self.batch, n as i64]).detach();
        let layout = self.layout;
        let loss = move || {
            let _ = &vs;
            let run = model.forward(&x, &Forward::new().num_evals(4).h0(&h0).span_of(&start, &end)).unwrap();
            let hs = if layout == Layout::BatchFirst { run.hs.transpose(0, 1) } else { run.hs };
            (hs * &weight).sum(Kind::Double) + (&run.outs * &run.outs).sum(Kind::Double)
        };
        (leaves, loss)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    /// With steps of constant length the gradient is that of the numbers computed: weights, biases, time constants, projections,
    /// inputs, starting states, start and end. Frames end steps; evaluation times lie within.
    #[test]
    fn networks(setting in settings()) {
        let solver = Solver::new().method(setting.method).fixed_step(setting.dt).checkpointing(setting.checkpointing);
        let (leaves, loss) = setting.problem(&solver);
        let (worst, what) = off(&leaves, loss);
        prop_assert!(worst < 1e-6, "{what}");
    }

    /// With steps chosen by their errors, finite differences see the choice as well.
    #[test]
    fn networks_through_step_sizes(setting in settings()) {
        prop_assume!(setting.method != Method::Euler);
        let solver = Solver::new()
            .method(setting.method)
            .tolerances(1e-4, 1e-3)
            .adjoint(Adjoint::ThroughStepSizes)
            .checkpointing(setting.checkpointing);
        let (leaves, loss) = setting.problem(&solver);
        let (worst, what) = off_where_smooth(&leaves, 1e-5, 1e-4, loss);
        prop_assert!(worst < 1e-5, "{what}");
    }

    /// Which states are kept changes nothing.
    #[test]
    fn checkpoints(setting in settings(), most in 1..9usize) {
        let gradients = |checkpointing| {
            let solver = Solver::new().method(setting.method).fixed_step(0.03).checkpointing(checkpointing);
            let (leaves, mut loss) = setting.problem(&solver);
            loss().backward();
            leaves.iter().map(|(_, t)| Vec::<f64>::try_from(t.grad().contiguous().view(-1)).unwrap()).collect::<Vec<_>>()
        };
        let all = gradients(Checkpointing::All);
        for other in [Checkpointing::Every(most), Checkpointing::Binomial(most)] {
            for (a, b) in all.iter().flatten().zip(gradients(other).iter().flatten()) {
                prop_assert!((a - b).abs() <= 1e-13 * (1.0 + a.abs()), "{other:?}: {a} and {b}");
            }
        }
    }
}

/// At tight tolerances all gradients are the true one, also across the jumps between frames and backward in time.
#[test]
fn adjoints_agree() {
    for (types, span) in [(true, (0.0, 1.5)), (false, (1.0, -0.2))] {
        let setting = Setting {
            neurons: 7,
            batch: 3,
            frames: 3,
            seed: 11,
            input: 1,
            types,
            method: Method::Dopri5,
            dt: 0.0,
            span,
            layout: Layout::BatchFirst,
            checkpointing: Checkpointing::All,
        };
        let gradients = |adjoint| {
            let solver = Solver::new().tolerances(1e-11, 1e-11).adjoint(adjoint);
            let (leaves, mut loss) = setting.problem(&solver);
            loss().backward();
            leaves
                .into_iter()
                .map(|(n, t)| (n, Vec::<f64>::try_from(t.grad().contiguous().view(-1)).unwrap()))
                .collect::<Vec<_>>()
        };
        let want = gradients(Adjoint::ConstantSteps);
        let continuous = [ErrorOf::States, ErrorOf::Everything].map(Adjoint::Continuous);
        for adjoint in [Adjoint::ThroughStepSizes, continuous[0], continuous[1]] {
            for ((name, got), (_, want)) in gradients(adjoint).iter().zip(&want) {
                let largest = want.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
                for (g, w) in got.iter().zip(want) {
                    assert!((g - w).abs() < 1e-7 * largest, "{adjoint:?}, {name}: {g} and {w}");
                }
            }
        }
    }
}

/// A field of tensors that depends on time and on parameters of each sample: gradients of these and of all times.
#[test]
fn fields_of_tensors() {
    let field = |now: &Now, y: &Tensor, p: &[Tensor]| {
        let own = now.of(&p[1])?;
        Ok(y.f_mm(&p[0])?.f_tanh()? + (own * &now.t).f_cos()?)
    };
    let leaf = |v: &[f64], shape: &[i64]| Tensor::from_slice(v).view(shape).set_requires_grad(true);
    let y0 = leaf(&[0.3, -0.2, 0.5, 0.1, 0.4, -0.6], &[3, 2]);
    let (w, speed) = (leaf(&[0.5, -1.0, 0.7, 0.2], &[2, 2]), leaf(&[1.0, 2.0, 3.0], &[3, 1]));
    let times = TensorTimes {
        start: leaf(&[0.0, 1.0, 0.5], &[3]),
        end: leaf(&[1.0, 0.1, 2.0], &[3]),
        eval: leaf(&[0.2, 0.9, 0.8, 0.33, 0.6, 1.92], &[3, 2]),
    };
    let leaves: Vec<(String, Tensor)> = [
        ("y0", &y0),
        ("w", &w),
        ("speed", &speed),
        ("start", &times.start),
        ("end", &times.end),
        ("eval", &times.eval),
    ]
    .map(|(name, t)| (name.to_owned(), t.shallow_clone()))
    .into();
    let tight = |adjoint| Solver::new().tolerances(1e-10, 1e-10).adjoint(adjoint);
    for (solver, within) in [
        (Solver::new().fixed_step(0.13), 1e-6),
        (Solver::new().method(Method::Heun).fixed_step(0.07), 1e-6),
        (tight(Adjoint::ConstantSteps), 1e-6),
        (tight(Adjoint::Continuous(ErrorOf::States)), 1e-6),
        (tight(Adjoint::Continuous(ErrorOf::Everything)), 1e-6),
    ] {
        let loss = || {
            let s = solver.solve_tensors(field, &y0, &times, &[&w, &speed]).unwrap();
            (&s.values * &s.values).sum(Kind::Double) + s.end.sum(Kind::Double)
        };
        let (worst, what) = off(&leaves, loss);
        assert!(worst < within, "{solver:?}: {what}");
    }
}

/// Samples whose solve fails have no part in the gradient of the others.
#[test]
fn failed_samples_leave_the_others_alone() {
    let blow = |_: &Now, y: &Tensor, p: &[Tensor]| Ok(y * y * &p[0]);
    let w = Tensor::from_slice(&[1.0f64]).set_requires_grad(true);
    let times = TensorTimes::try_from(&Times::span(2, 0.0, 1.0).unwrap().evenly(3).unwrap()).unwrap();
    let y0 = Tensor::from_slice(&[0.2, 3.0]).view([2, 1]);
    let s = Solver::new().tolerances(1e-9, 1e-9).max_steps(Some(300)).solve_tensors(blow, &y0, &times, &[&w]).unwrap();
    assert!(s.failure.is_some());
    s.values.get(0).get(2).sum(Kind::Double).backward();
    // y = 1 / (1/y0 - w t), so that dy/dw at w = t = 1 is y^2.
    let y = 1.0 / (1.0 / 0.2 - 1.0);
    assert!((w.grad().double_value(&[0]) - y * y).abs() < 1e-7);
}

/// Last states alone may be what a loss is made of, also where others were asked for.
#[test]
fn a_loss_of_the_end_alone() {
    let field = |_: &Now, y: &Tensor, p: &[Tensor]| Ok(-(y * &p[0]));
    let k = Tensor::from_slice(&[0.7f64]).set_requires_grad(true);
    for times in [Times::span(1, 0.0, 1.0).unwrap(), Times::span(1, 0.0, 1.0).unwrap().evenly(4).unwrap()] {
        let times = TensorTimes::try_from(&times).unwrap();
        let y0 = Tensor::from_slice(&[1.0f64]).view([1, 1]);
        let s = Solver::new().tolerances(1e-9, 1e-9).solve_tensors(field, &y0, &times, &[&k]).unwrap();
        let mut gradient = k.grad();
        if gradient.defined() {
            let _ = gradient.zero_();
        }
        s.end.sum(Kind::Double).backward();
        assert!((k.grad().double_value(&[0]) + (-0.7f64).exp()).abs() < 1e-7);
    }
}

/// A fixed step that happens to fit ends at the end as one that was shortened does.
#[test]
fn the_end_counts_whether_steps_fit_or_not() {
    let field = |_: &Now, y: &Tensor, _: &[Tensor]| Ok(y * -0.7);
    for dt in [0.25, 0.24, 0.1] {
        let times = TensorTimes::try_from(&Times::span(1, 0.0, 1.0).unwrap()).unwrap();
        let times =
            TensorTimes { start: times.start.set_requires_grad(true), end: times.end.set_requires_grad(true), ..times };
        let y0 = Tensor::from_slice(&[2.0f64]).view([1, 1]);
        Solver::new().fixed_step(dt).solve_tensors(field, &y0, &times, &[]).unwrap().end.sum(Kind::Double).backward();
        let want = -0.7 * 2.0 * (-0.7f64).exp();
        let got = (times.start.grad().double_value(&[0]), times.end.grad().double_value(&[0]));
        assert!((got.1 - want).abs() < 1e-4 && (got.0 + want).abs() < 1e-4, "dt {dt}: {got:?}, {want}");
    }
}

/// Euler's guessed step is one for all, also across a jump that cuts one of them.
#[test]
fn a_guessed_step_without_an_estimate() {
    let field = |now: &Now, y: &Tensor, p: &[Tensor]| Ok(-(y * &p[0]) + now.piece.to_kind(Kind::Double).unsqueeze(1));
    // a short time: the guess makes thousands of steps of a unit
    for jumps in [&[][..], &[0.037][..]] {
        let solver = Solver::new().method(Method::Euler).jumps(jumps).adjoint(Adjoint::ThroughStepSizes);
        let k = Tensor::from_slice(&[0.8f64]).set_requires_grad(true);
        let y0 = Tensor::from_slice(&[1.3f64]).view([1, 1]);
        let times = TensorTimes::try_from(&Times::span(1, 0.0, 0.1).unwrap()).unwrap();
        let leaves = vec![("k".to_owned(), k.shallow_clone())];
        let (worst, what) =
            off(&leaves, || solver.solve_tensors(field, &y0, &times, &[&k]).unwrap().end.sum(Kind::Double));
        assert!(worst < 1e-3, "{jumps:?}: {what}");
    }
}

/// A sample whose field is not a number leaves the gradients of the others finite, whatever the adjoint.
#[test]
fn samples_that_are_not_numbers() {
    let field = |now: &Now, y: &Tensor, p: &[Tensor]| {
        let bad = now.sample.eq(1).unsqueeze(1);
        Ok(-(y * &p[0]).masked_fill(&bad, f64::NAN))
    };
    let times = TensorTimes::try_from(&Times::span(2, 0.0, 1.0).unwrap().evenly(2).unwrap()).unwrap();
    for adjoint in [Adjoint::ConstantSteps, Adjoint::ThroughStepSizes] {
        let k = Tensor::from_slice(&[0.7f64]).set_requires_grad(true);
        let y0 = Tensor::from_slice(&[1.0f64, 1.0]).view([2, 1]);
        let s = Solver::new().adjoint(adjoint).solve_tensors(field, &y0, &times, &[&k]).unwrap();
        assert!(s.failure.is_some());
        s.values.get(0).sum(Kind::Double).backward();
        assert!((k.grad().double_value(&[0]) + (-0.7f64).exp()).abs() < 1e-3, "{adjoint:?}: {:?}", k.grad());
    }
}

/// A projection without synapses brings nothing, and outputs of a sample that was lost spoil no gradient.
#[test]
fn empty_projections_and_lost_samples() {
    let empty = Topology::from_csr(4, 4, vec![0; 5], vec![], vec![]).unwrap();
    let ring = Topology::from_csr(4, 4, vec![0, 1, 2, 3, 4], vec![3, 0, 1, 2], vec![0.5; 4]).unwrap();
    let x = Tensor::from_slice(&[1.0f64, 2.0, 3.0, 4.0]).view([1, 4]);
    let hs = |input| {
        let mut vs = VarStore::new(Device::Cpu);
        vs.set_kind(Kind::Double);
        let model = ConnectomeOdeRnn::builder(4, &ring).input_projection(input).build(&vs.root()).unwrap();
        let x = if vs.variables().contains_key("input_projection.values") { x.shallow_clone() } else { x.zeros_like() };
        model.forward(&x, &Forward::new()).unwrap().hs
    };
    assert!(hs(Projection::Sparse(empty)).allclose(&hs(Projection::Identity), 1e-12, 1e-12, false));

    let mut vs = VarStore::new(Device::Cpu);
    vs.set_kind(Kind::Double);
    let model = ConnectomeOdeRnn::builder(4, &ring)
        .output_size(2)
        .output_projection(Projection::Dense)
        .build(&vs.root())
        .unwrap();
    let x = Tensor::cat(&[x.shallow_clone(), x.full_like(f64::NAN)], 0);
    let partial = Forward::new().on_failure(sparse_ode::OnFailure::Partial);
    let run = model.forward(&x, &partial).unwrap();
    assert!(run.outs.get(1).get(1).isnan().all().int64_value(&[]) == 1);
    run.outs.get(0).sum(Kind::Double).backward();
    for (name, v) in vs.variables() {
        assert_eq!(v.grad().isfinite().all().int64_value(&[]), 1, "{name}");
    }
}

/// Rest is looked for on the way forward alone.
#[test]
fn the_way_back_does_not_end_at_rest() {
    let gradient = |steady| {
        let k = Tensor::from_slice(&[1.0]).set_requires_grad(true);
        let y0 = Tensor::from_slice(&[1.0]).view([1, 1]);
        let times = TensorTimes::try_from(&Times::span(1, 0.0, 6.95).unwrap()).unwrap();
        let solver = Solver::new().limits(sparse_ode::Limits { dt_max: Some(0.2), ..Default::default() });
        let solver = solver.adjoint(Adjoint::Continuous(ErrorOf::States)).steady_state(steady);
        let field = |_: &Now, y: &Tensor, p: &[Tensor]| Ok(y.f_mul(&p[0])?.f_neg()?);
        let solution = solver.solve_tensors(field, &y0, &times, &[&k]).unwrap();
        (solution.end.sum(Kind::Double) * 1e-4).backward();
        (solution.status[0], k.grad().double_value(&[0]))
    };
    assert_eq!(gradient(Some((1e-3, 0.0))), gradient(None));
}

/// A first step that is short where time begins at 0 is lengthened where the way back begins, so that time moves.
#[test]
fn the_way_back_begins_with_a_step_that_moves_time() {
    let y0 = Tensor::from_slice(&[1f32]).view([1, 1]).set_requires_grad(true);
    let times = TensorTimes::try_from(&Times::span(1, 0.0, 1000.0).unwrap()).unwrap();
    let solver = Solver::new().time_precision(TimePrecision::Single).initial_step(&[1e-6]);
    let field = |_: &Now, y: &Tensor, _: &[Tensor]| Ok(y.f_mul_scalar(-1e-3)?);
    let solution = solver.adjoint(Adjoint::Continuous(ErrorOf::States)).solve_tensors(field, &y0, &times, &[]).unwrap();
    solution.end.sum(Kind::Float).backward();
    assert!((y0.grad().double_value(&[0, 0]) - (-1f64).exp()).abs() < 1e-3);
}

/// The sign of a given step is the direction's, also on the way back, whichever way that goes; and the gradient of the parameters, an
/// integral over the steps back, is the discrete one as steps become short.
#[test]
fn given_steps_of_either_sign_lead_back() {
    let field = |now: &Now, y: &Tensor, p: &[Tensor]| Ok(((y * &p[0]).f_sin()? - y) * now.t.f_cos()?);
    for (start, end) in [(0.0, 1.0), (1.0, 0.0), (-0.5, 0.7)] {
        let times = Times::per_sample(&[start, start], &[end, 0.5 * (start + end)]).unwrap().evenly(3).unwrap();
        let times = TensorTimes::try_from(&times).unwrap();
        let gradients = |solver: Solver| {
            let k = Tensor::from_slice(&[1.7]).set_requires_grad(true);
            let y0 = Tensor::from_slice(&[0.4, -0.9]).view([2, 1]).set_requires_grad(true);
            let s = solver.solve_tensors(field, &y0, &times, &[&k]).unwrap();
            (s.end.sum(Kind::Double) + s.values.square().sum(Kind::Double)).backward();
            [k.grad().double_value(&[0]), y0.grad().double_value(&[0, 0]), y0.grad().double_value(&[1, 0])]
        };
        let heun = || Solver::new().method(Method::Heun);
        let want = gradients(heun().fixed_step(0.002));
        let continuous = Adjoint::Continuous(ErrorOf::States);
        for solver in [heun().fixed_step(0.002), heun().fixed_step(-0.002), Solver::new().initial_step(&[-0.01])] {
            for (got, want) in gradients(solver.adjoint(continuous).tolerances(1e-8, 1e-8)).iter().zip(want) {
                assert!((got - want).abs() < 1e-4, "from {start} to {end}: {got} and {want}");
            }
        }
    }
}

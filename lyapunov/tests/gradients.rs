//! Gradients against central differences, and through autograd.

use lyapunov::{Activation, Checkpoints, Error, Inputs, Interval, RateModel, Settings, Wiring};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use tch::{Device, Kind, Tensor};
use tch_sparse::SparsityPattern;

fn normals(shape: &[i64], scale: f64, seed: u64) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let numbers: Vec<f64> = (0..shape.iter().product::<i64>())
        .map(|_| scale * <StandardNormal as Distribution<f64>>::sample(&StandardNormal, &mut rng))
        .collect();
    Tensor::from_slice(&numbers).view(shape)
}

/// The tensors of a model: coupling, state, gains, shifts, input.
struct Leaves([Tensor; 5]);

impl Leaves {
    fn new(coupling: Tensor, n: i64, types: i64) -> Self {
        let gains = normals(&[types], 0.2, 2) + 1.2;
        Self([coupling, normals(&[n], 1.0, 3), gains, normals(&[types], 0.3, 4), normals(&[n], 0.05, 5)])
    }

    /// A smooth scalar of the exponents.
    fn scalar(&self, model: &RateModel, settings: &Settings) -> Tensor {
        let [coupling, state, gains, shifts, input] = &self.0;
        let inputs = Inputs::new(coupling, state).gains(gains).shifts(shifts).input(input);
        let exponents = model.exponents(&inputs, settings).unwrap().exponents;
        let weights = Tensor::arange(exponents.size()[exponents.dim() - 1], (exponents.kind(), Device::Cpu)) + 1.0;
        ((&exponents + 0.3).square() * weights).sum(exponents.kind())
    }

    fn gradients(&self, model: &RateModel, settings: &Settings) -> Vec<Tensor> {
        let leaves = Self(self.0.each_ref().map(|t| t.detach().copy().set_requires_grad(true)));
        leaves.scalar(model, settings).backward();
        leaves.0.iter().map(Tensor::grad).collect()
    }

    /// Central differences along a random direction in each tensor against the gradient.
    fn check(&self, model: &RateModel, settings: &Settings, what: &str) {
        let gradients = self.gradients(model, settings);
        for (i, gradient) in gradients.iter().enumerate() {
            let direction = normals(&self.0[i].size(), 1.0, 40 + i as u64);
            let at = |step: f64| {
                let moved = std::array::from_fn(|j| {
                    if i == j { &self.0[j] + step * &direction } else { self.0[j].shallow_clone() }
                });
                Self(moved).scalar(model, settings).double_value(&[])
            };
            let h = 1e-5;
            let want = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
            let got = (gradient * &direction).sum(Kind::Double).double_value(&[]);
            assert!(
                (got - want).abs() <= 1e-6 * want.abs().max(1.0),
                "{what}, tensor {i}: {got}, by differences {want}"
            );
        }
    }
}

fn pattern(n: usize) -> SparsityPattern {
    let (mut row_ptr, mut columns) = (vec![0], Vec::new());
    for r in 0..n {
        columns.extend((0..n as u32).filter(|c| (r * 7 + *c as usize * 3) % 4 == 1));
        row_ptr.push(columns.len());
    }
    SparsityPattern::from_csr(n, n, row_ptr, &columns).unwrap()
}

#[test]
fn central_differences() {
    let n = 9;
    for activation in Activation::ALL {
        for (k, interval) in [(1, Interval::Time(0.3)), (4, Interval::Adaptive), (9, Interval::Time(1.0))] {
            let settings = Settings::new(k).duration(6.0).interval(interval).seed(3);
            let types: Vec<u32> = (0..n).map(|i| i % 4).collect();
            let model = RateModel::new(Wiring::Dense(9)).activation(activation).types(&types, 4);
            let dense = Leaves::new(normals(&[9, 9], 0.5, 1), 9, 4);
            dense.check(&model, &settings, &format!("dense, {activation:?}, {k} exponents"));
            let pattern = pattern(9);
            let entries = pattern.n_entries() as i64;
            let model = RateModel::new(Wiring::Sparse(pattern)).activation(activation).dt(0.2);
            let sparse = Leaves::new(normals(&[entries], 0.8, 1), 9, 9);
            sparse.check(&model, &settings, &format!("sparse, {activation:?}, {k} exponents"));
        }
    }
}

/// At a size where factorisations are products.
#[test]
fn central_differences_of_a_larger_network() {
    let model = RateModel::new(Wiring::Dense(40)).activation(Activation::TanhPositive);
    let leaves = Leaves::new(normals(&[40, 40], 0.2, 1), 40, 40);
    for interval in [Interval::Time(0.4), Interval::Adaptive] {
        leaves.check(&model, &Settings::new(30).duration(5.0).interval(interval), &format!("{interval:?}"));
    }
}

#[test]
fn checkpoints_do_not_matter() {
    let model = RateModel::new(Wiring::Dense(30)).activation(Activation::TanhPositive);
    let leaves = Leaves::new(normals(&[30, 30], 0.3, 1), 30, 30);
    let settings = Settings::new(7).duration(15.0).transient(12.0).interval(Interval::Time(0.4));
    let all = leaves.gradients(&model, &settings.clone().checkpoints(Checkpoints::Every(1)));
    for every in [2, 5, 1000] {
        let some = leaves.gradients(&model, &settings.clone().checkpoints(Checkpoints::Every(every)));
        assert!(all.iter().zip(&some).all(|(a, b)| a == b), "every {every}");
    }
    let automatic = leaves.gradients(&model, &settings);
    assert!(all.iter().zip(&automatic).all(|(a, b)| a == b));
}

#[test]
fn many_networks_at_once() {
    let model = RateModel::new(Wiring::Dense(6));
    let settings = Settings::new(3).duration(5.0).start(
        &Vec::<f64>::try_from(normals(&[18], 1.0, 9)).unwrap(), // the same tangents for all
    );
    let couplings = normals(&[4, 6, 6], 0.6, 1).set_requires_grad(true);
    let states = normals(&[4, 6], 1.0, 2).set_requires_grad(true);
    let gains = Tensor::ones([6], (Kind::Double, Device::Cpu)).set_requires_grad(true);
    let of = |c: &Tensor, s: &Tensor| model.exponents(&Inputs::new(c, s).gains(&gains), &settings).unwrap();
    let all = of(&couplings, &states);
    assert_eq!((all.exponents.size(), all.spectra.len()), (vec![4, 3], 4));
    let weights = normals(&[4, 3], 1.0, 6);
    (&all.exponents * &weights).sum(Kind::Double).backward();
    let (by_coupling, by_state, by_gain) = (couplings.grad().copy(), states.grad().copy(), gains.grad().copy());
    let mut sum = Tensor::zeros([6], (Kind::Double, Device::Cpu));
    for b in 0..4 {
        let leaf = |t: Tensor| t.detach().copy().set_requires_grad(true);
        let (c, s) = (leaf(couplings.get(b)), leaf(states.get(b)));
        let _ = gains.grad().zero_();
        let one = of(&c, &s);
        assert_eq!(one.exponents, all.exponents.get(b));
        (one.exponents * weights.get(b)).sum(Kind::Double).backward();
        assert!(c.grad() == by_coupling.get(b) && s.grad() == by_state.get(b));
        sum += gains.grad();
    }
    assert!((sum - by_gain).abs().max().double_value(&[]) < 1e-12);
    // A shared coupling gets the sum, too.
    let shared = couplings.get(0).detach().copy().set_requires_grad(true);
    of(&shared, &states).exponents.sum(Kind::Double).backward();
    assert_eq!(shared.grad().size(), [6, 6]);
}

#[test]
fn single_precision_is_close() {
    let model = RateModel::new(Wiring::Dense(20)).activation(Activation::TanhPositive);
    let double = Leaves::new(normals(&[20, 20], 0.3, 1), 20, 20);
    let single = Leaves(double.0.each_ref().map(|t| t.to_kind(Kind::Float)));
    let settings = Settings::new(4).duration(10.0).start(&Vec::<f64>::try_from(normals(&[80], 1.0, 9)).unwrap());
    for (a, b) in double.gradients(&model, &settings).iter().zip(single.gradients(&model, &settings)) {
        let (off, size) = ((a - b.to_kind(Kind::Double)).abs().max(), a.abs().max());
        assert!((off / size).double_value(&[]) < 1e-3);
    }
}

#[test]
fn tensors_that_do_not_fit_are_refused() {
    let model = RateModel::new(Wiring::Dense(3));
    let settings = Settings::new(1).duration(1.0);
    let (c, s) = (normals(&[3, 3], 1.0, 1), normals(&[3], 1.0, 2));
    let refused = |c: &Tensor, s: &Tensor| match model.exponents(&Inputs::new(c, s), &settings) {
        Err(Error::Shape { what, got, .. }) => (what, got),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&normals(&[3, 4], 1.0, 1), &s).0, "the coupling");
    assert_eq!(refused(&c, &normals(&[4], 1.0, 1)).0, "the starting state");
    assert_eq!(refused(&c, &s.to_kind(Kind::Float)).1, "[3] Float on Cpu");
    assert_eq!(refused(&normals(&[2, 3, 3], 1.0, 1), &normals(&[4, 3], 1.0, 1)).0, "the starting state");
    assert_eq!(refused(&c.to_kind(Kind::Half), &s).0, "the coupling");
    let gains = normals(&[2], 1.0, 1);
    assert!(matches!(
        model.exponents(&Inputs::new(&c, &s).gains(&gains), &settings),
        Err(Error::Shape { what: "the gains", .. })
    ));
    // Second derivatives fail loudly.
    let c = c.set_requires_grad(true);
    let of = model.exponents(&Inputs::new(&c, &s), &settings).unwrap();
    let gradient = Tensor::f_run_backward(&[of.exponents.sum(Kind::Double)], &[&c], true, true).unwrap();
    assert!(gradient[0].sum(Kind::Double).f_backward().is_err());
}

#[test]
fn a_gradient_that_overflows_is_told() {
    let model = RateModel::new(Wiring::Dense(100)).activation(Activation::Tanh);
    let coupling = normals(&[100, 100], 0.5, 1).to_kind(Kind::Float).set_requires_grad(true);
    let state = normals(&[100], 1.0, 2).to_kind(Kind::Float);
    let of = model.exponents(&Inputs::new(&coupling, &state), &Settings::new(2).duration(500.0)).unwrap();
    let error = of.exponents.sum(Kind::Float).f_backward().unwrap_err().to_string();
    assert!(error.contains("gradients left the range") && error.contains("a shorter duration"), "{error}");
}

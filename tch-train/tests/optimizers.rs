//! Optimisers against libtorch's own and by hand.

use tch::nn::OptimizerConfig;
use tch::{Device, Kind, Tensor, nn};
use tch_train::{Adam, AdamW, Error, Lookahead, Optimizer, Parameters, Rule, SecondMoment, Sgd, StepsOf};

/// Two parameters of odd sizes, one of them transposed in memory where `strided`.
fn store(kind: Kind, strided: bool) -> nn::VarStore {
    let mut vs = nn::VarStore::new(Device::Cpu);
    vs.set_kind(kind);
    let numbers = |n: i64| (Tensor::arange(n, (kind, Device::Cpu)) * 0.37).sin();
    let matrix = numbers(35).view([7, 5]);
    let matrix = if strided { matrix.tr() } else { matrix.tr().contiguous() };
    let mut a = vs.root().zeros("a", &[5, 7]);
    tch::no_grad(|| a.set_data(&matrix));
    let mut b = vs.root().zeros("b", &[13]);
    tch::no_grad(|| b.copy_(&numbers(13)));
    vs
}

/// A loss with curvature, and a gradient that changes in sign and size from step to step.
fn loss(vs: &nn::VarStore, step: usize) -> Tensor {
    let v = vs.variables();
    loss_of(&v["a"], &v["b"], step)
}

fn loss_of(a: &Tensor, b: &Tensor, step: usize) -> Tensor {
    let phase = step as f64 * 0.7;
    ((a - 0.3).square() * (a * 2.0 + phase).cos()).sum(a.kind()) + (b * (b + phase).sin()).sum(a.kind()) * 3.0
}

/// Largest difference of the parameters after 50 steps of both.
fn distance(kind: Kind, strided: bool, ours: Rule, theirs: impl OptimizerConfig) -> f64 {
    let (left, right) = (store(kind, strided), store(kind, strided));
    let mut ours = Optimizer::new(ours, &Parameters::of(&left)).unwrap();
    let lr = ours.groups().next().unwrap().1.lr();
    let mut theirs = theirs.build(&right, lr).unwrap();
    for step in 0..50 {
        ours.zero_grad().unwrap();
        loss(&left, step).backward();
        ours.step().unwrap();
        theirs.backward_step(&loss(&right, step));
    }
    let (left, right) = (left.variables(), right.variables());
    assert_eq!(left["a"].is_contiguous(), !strided);
    ["a", "b"].iter().map(|n| (&left[*n] - &right[*n]).abs().max().double_value(&[])).fold(0.0, f64::max)
}

#[test]
fn fifty_steps_are_those_of_libtorch() {
    let adam = |wd: f64, amsgrad: bool| nn::Adam { wd, amsgrad, ..nn::Adam::default() };
    let adamw = |wd: f64, amsgrad: bool| nn::AdamW { wd, amsgrad, ..nn::AdamW::default() };
    let largest = SecondMoment::Largest;
    let sgd = Sgd { lr: 0.01, ..Sgd::default() };
    for (kind, tolerance) in [(Kind::Double, 1e-12), (Kind::Float, 2e-4)] {
        for strided in [false, true] {
            let d = |ours: Rule, theirs| distance(kind, strided, ours, theirs);
            let plain = Adam { lr: 0.02, ..Adam::default() };
            let w = AdamW { lr: 0.02, weight_decay: 0.1, ..AdamW::default() };
            let mut all = vec![
                d(plain.into(), adam(0.0, false)),
                d(Adam { weight_decay: 0.05, ..plain }.into(), adam(0.05, false)),
                d(Adam { weight_decay: 0.05, second_moment: largest, ..plain }.into(), adam(0.05, true)),
                d(
                    Adam { beta1: 0.3, beta2: 0.9, eps: 1e-4, ..plain }.into(),
                    nn::Adam { beta1: 0.3, beta2: 0.9, eps: 1e-4, ..nn::Adam::default() },
                ),
            ];
            let d = |ours: Rule, theirs| distance(kind, strided, ours, theirs);
            all.push(d(w.into(), adamw(0.1, false)));
            all.push(d(AdamW { second_moment: largest, ..w }.into(), adamw(0.1, true)));
            let d = |ours: Sgd, theirs| distance(kind, strided, ours.into(), theirs);
            all.push(d(sgd, nn::sgd(0.0, 0.0, 0.0, false)));
            all.push(d(Sgd { weight_decay: 0.2, ..sgd }, nn::sgd(0.0, 0.0, 0.2, false)));
            all.push(d(Sgd { momentum: 0.9, dampening: 0.25, ..sgd }, nn::sgd(0.9, 0.25, 0.0, false)));
            all.push(d(
                Sgd { momentum: 0.8, weight_decay: 0.1, lookahead: Lookahead::Nesterov, ..sgd },
                nn::sgd(0.8, 0.0, 0.1, true),
            ));
            assert!(all.iter().all(|d| *d <= tolerance), "{kind:?}, strided {strided}: {all:?}");
        }
    }
}

/// One parameter with a gradient set by hand.
fn one(value: f64) -> (Tensor, Parameters) {
    let p = Tensor::from_slice(&[value]).set_requires_grad(true);
    let parameters = Parameters::new([("p", p.shallow_clone())]).unwrap();
    (p, parameters)
}

fn step(p: &Tensor, optimizer: &mut Optimizer, gradient: f64) -> f64 {
    optimizer.zero_grad().unwrap();
    (p * gradient).sum(Kind::Double).backward();
    optimizer.step().unwrap();
    p.double_value(&[0])
}

fn near(got: f64, want: f64) {
    assert!((got - want).abs() < 1e-14, "{got} instead of {want}");
}

/// Steps of the logarithm are libtorch's steps of a parameter whose exponential is taken.
#[test]
fn steps_of_the_logarithm_are_those_of_an_exponent() {
    for strided in [false, true] {
        let (left, right) = (store(Kind::Double, strided), store(Kind::Double, strided));
        for (name, tensor) in left.variables() {
            // of both signs, which stay
            let sign = if name == "a" { -1.0 } else { 1.0 };
            tch::no_grad(|| tensor.shallow_clone().copy_(&(tensor.exp() * sign)));
        }
        let rule = Adam { lr: 0.01, steps_of: StepsOf::Logarithm, ..Adam::default() };
        let mut ours = Optimizer::new(rule, &Parameters::of(&left)).unwrap();
        let mut theirs = nn::Adam::default().build(&right, 0.01).unwrap();
        for step in 0..50 {
            ours.zero_grad().unwrap();
            loss(&left, step).backward();
            ours.step().unwrap();
            let v = right.variables();
            theirs.backward_step(&loss_of(&-v["a"].exp(), &v["b"].exp(), step));
        }
        let (left, right) = (left.variables(), right.variables());
        for (name, sign) in [("a", -1.0), ("b", 1.0)] {
            let want = right[name].exp() * sign;
            assert!((&left[name] - want).abs().max().double_value(&[]) < 1e-12, "{name}");
        }
    }
}

#[test]
fn steps_worked_by_hand() {
    // m = 0.1 g, v = 0.001 g²; corrected they are g and g², so that the first step is lr g / (|g| + eps).
    let (p, parameters) = one(1.0);
    let mut adam = Optimizer::new(Adam { lr: 0.1, eps: 0.5, ..Adam::default() }, &parameters).unwrap();
    near(step(&p, &mut adam, 2.0), 1.0 - 0.1 * 2.0 / 2.5);
    // then m = 0.9 * 0.2 + 0.1 * -4 = -0.22, v = 0.999 * 0.004 + 0.001 * 16 = 0.019996
    let after = 0.92 - 0.1 * (-0.22 / 0.19) / ((0.019996f64 / 0.001999).sqrt() + 0.5);
    near(step(&p, &mut adam, -4.0), after);

    let (p, parameters) = one(1.0);
    let mut adamw =
        Optimizer::new(AdamW { lr: 0.1, weight_decay: 0.5, eps: 0.5, ..AdamW::default() }, &parameters).unwrap();
    near(step(&p, &mut adamw, 2.0), 0.95 - 0.08);

    // the logarithm's gradient is 2 * 2, and its first step lr 4 / (4 + eps)
    let (p, parameters) = one(2.0);
    let rule = Adam { lr: 0.1, eps: 1.0, steps_of: StepsOf::Logarithm, ..Adam::default() };
    let mut adam = Optimizer::new(rule, &parameters).unwrap();
    near(step(&p, &mut adam, 2.0), 2.0 * (-0.08f64).exp());

    // b = 2, p = 1 - 0.1 (2 + 0.5 * 2) = 0.7; b = 0.5 * 2 + 1 = 2, p = 0.7 - 0.1 (1 + 0.5 * 2) = 0.5
    let (p, parameters) = one(1.0);
    let options = Sgd { lr: 0.1, momentum: 0.5, lookahead: Lookahead::Nesterov, ..Sgd::default() };
    let mut sgd = Optimizer::new(options, &parameters).unwrap();
    near(step(&p, &mut sgd, 2.0), 0.7);
    near(step(&p, &mut sgd, 1.0), 0.5);
    sgd.set_lr(0.0).unwrap();
    near(step(&p, &mut sgd, 1.0), 0.5);
}

#[test]
fn groups_have_their_own_rules() {
    let vs = store(Kind::Double, false);
    let all = Parameters::of(&vs);
    let fast = Sgd { lr: 1.0, ..Sgd::default() };
    let mut optimizer = Optimizer::new(Sgd { lr: 0.0, ..fast }, &all.under("a"))
        .unwrap()
        .with_group("b", fast, &all.under("b"))
        .unwrap();
    let sum = |name: &str| all.get(name).unwrap().sum(Kind::Double).double_value(&[]);
    let (a, b) = (sum("a"), sum("b"));
    (all.get("a").unwrap().sum(Kind::Double) + all.get("b").unwrap().sum(Kind::Double)).backward();
    optimizer.step().unwrap();
    near(sum("a"), a);
    assert!((sum("b") - (b - 13.0)).abs() < 1e-12);
    optimizer.set_group_lr("b", 0.5).unwrap();
    assert_eq!(
        optimizer.groups().map(|(name, rule)| (name, rule.lr())).collect::<Vec<_>>(),
        [("main", 0.0), ("b", 0.5)]
    );
    let text = optimizer.set_group_lr("c", 0.5).unwrap_err().to_string();
    assert_eq!(text, "group: there is no \"c\", only main, b");
    assert_eq!(optimizer.parameters().len(), 2);
    assert_eq!(optimizer.group("b").unwrap().len(), 1);
}

#[test]
fn a_saved_state_continues_bit_for_bit() {
    let rules: [Rule; 4] = [
        Adam { steps_of: StepsOf::Logarithm, weight_decay: 0.1, ..Adam::default() }.into(),
        Adam { second_moment: SecondMoment::Largest, weight_decay: 0.1, ..Adam::default() }.into(),
        AdamW::default().into(),
        Sgd { momentum: 0.9, dampening: 0.1, ..Sgd::default() }.into(),
    ];
    for (rule, kind) in rules.into_iter().flat_map(|rule| [(rule, Kind::Float), (rule, Kind::Double)]) {
        let (left, right) = (store(kind, false), store(kind, false));
        let mut first = Optimizer::new(rule, &Parameters::of(&left)).unwrap();
        let run = |vs: &nn::VarStore, optimizer: &mut Optimizer, steps: std::ops::Range<usize>| {
            for step in steps {
                optimizer.zero_grad().unwrap();
                loss(vs, step).backward();
                optimizer.step().unwrap();
            }
        };
        run(&left, &mut first, 0..7);
        first.set_lr(0.05).unwrap();
        let state = first.state().unwrap();
        for (name, mut tensor) in right.variables() {
            tch::no_grad(|| tensor.copy_(&left.variables()[&name]));
        }
        run(&left, &mut first, 7..12);
        let mut second = Optimizer::new(rule, &Parameters::of(&right)).unwrap();
        second.load_state(&state).unwrap();
        run(&right, &mut second, 7..12);
        for (name, tensor) in left.variables() {
            assert!(tensor.equal(&right.variables()[&name]), "{rule:?}: {name}");
        }
    }
}

#[test]
fn a_state_that_does_not_fit_is_refused_whole() {
    let vs = store(Kind::Double, false);
    let mut adam = Optimizer::new(Adam::default(), &Parameters::of(&vs)).unwrap();
    loss(&vs, 0).backward();
    adam.step().unwrap();
    let mut state = adam.state().unwrap();
    state.tensors.insert("exp_avg/a".into(), Tensor::zeros([7, 5], (Kind::Double, Device::Cpu)));
    state.tensors.remove("exp_avg_sq/b");
    let text = adam.load_state(&state).unwrap_err().to_string();
    assert_eq!(
        text,
        "the optimiser's state does not fit:\n  exp_avg/a: [7, 5] Double saved, [5, 7] Double here\n  exp_avg_sq/b: not saved"
    );
    let mut other = Optimizer::new(Adam { beta2: 0.9, ..Adam::default() }, &Parameters::of(&vs)).unwrap();
    let text = other.load_state(&adam.state().unwrap()).unwrap_err().to_string();
    assert!(
        text.contains("group main: Adam(Adam {") && text.contains("beta2: 0.999") && text.contains("here"),
        "{text}"
    );
    let mut fewer = Optimizer::new(Adam::default(), &Parameters::of(&vs).under("a")).unwrap();
    let text = fewer.load_state(&adam.state().unwrap()).unwrap_err().to_string();
    assert!(text.contains("b: saved, not in group main here"), "{text}");
}

#[test]
fn a_parameter_without_gradient_is_left_alone_and_resumes_alike() {
    let vs = store(Kind::Double, false);
    let all = Parameters::of(&vs);
    let mut optimizer = Optimizer::new(AdamW::default(), &all).unwrap();
    let (a, b) = (all.get("a").unwrap(), all.get("b").unwrap());
    let before = b.copy();
    a.sum(Kind::Double).backward();
    optimizer.step().unwrap();
    assert!(b.equal(&before));
    let state = optimizer.state().unwrap();
    assert_eq!((state.groups[0].steps["a"], state.groups[0].steps["b"], state.tensors.len()), (1, 0, 2));

    // from here on without gradients: zero where there was one, none in a new process
    let fresh = store(Kind::Double, false);
    let copy = Parameters::of(&fresh);
    tch::no_grad(|| copy.get("a").unwrap().shallow_clone().copy_(a));
    let mut resumed = Optimizer::new(AdamW::default(), &copy).unwrap();
    resumed.load_state(&state).unwrap();
    optimizer.zero_grad().unwrap();
    optimizer.step().unwrap();
    resumed.step().unwrap();
    assert!(a.equal(copy.get("a").unwrap()));
}

#[test]
fn a_step_is_noticed_by_graphs_that_need_the_old_values() {
    let (p, parameters) = one(2.0);
    let mut optimizer = Optimizer::new(Sgd::default(), &parameters).unwrap();
    let kept = (&p * &p).sum(Kind::Double);
    p.sum(Kind::Double).backward();
    optimizer.step().unwrap();
    assert!(kept.f_backward().unwrap_err().to_string().contains("modified by an inplace operation"));
}

#[test]
fn gradients_of_any_layout() {
    let p = Tensor::ones([3, 4], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    let parameters = Parameters::new([
        ("p", p.shallow_clone()),
        ("none", Tensor::zeros([0], (Kind::Float, Device::Cpu)).set_requires_grad(true)),
    ])
    .unwrap();
    let mut optimizer = Optimizer::new(Sgd { lr: 1.0, ..Sgd::default() }, &parameters).unwrap();
    let factors = Tensor::arange(12, (Kind::Float, Device::Cpu)).view([4, 3]);
    (p.tr() * &factors).sum(Kind::Float).backward();
    optimizer.step().unwrap();
    assert!(p.equal(&(1.0f64 - factors.tr())));
}

#[test]
fn what_cannot_be_trained_is_refused() {
    let vs = store(Kind::Double, false);
    let all = Parameters::of(&vs);
    let new = |rule: Rule, p: &Parameters| Optimizer::new(rule, p).map(|_| ()).unwrap_err().to_string();
    let adam = Adam::default();
    assert_eq!(new(Adam { beta1: 1.0, ..adam }.into(), &all), "beta1: 1; it must be from 0 to below 1");
    assert_eq!(new(Adam { lr: f64::NAN, ..adam }.into(), &all), "lr: NaN; it must be finite and 0 or more");
    let endless = f64::INFINITY;
    assert_eq!(new(Adam { eps: endless, ..adam }.into(), &all), "eps: inf; it must be finite and 0 or more");
    for rule in [
        Rule::from(Adam { weight_decay: endless, ..adam }),
        AdamW { weight_decay: endless, ..AdamW::default() }.into(),
        Sgd { weight_decay: endless, ..Sgd::default() }.into(),
    ] {
        assert_eq!(new(rule, &all), "weight_decay: inf; it must be finite and 0 or more");
    }
    let nesterov = Sgd { lookahead: Lookahead::Nesterov, ..Sgd::default() };
    assert!(new(nesterov.into(), &all).contains("needs momentum"));
    assert!(new(adam.into(), &all.under("c")).contains("no parameter that wants a gradient"));
    let half = Tensor::zeros([2], (Kind::Half, Device::Cpu)).set_requires_grad(true);
    assert!(new(adam.into(), &Parameters::new([("h", half)]).unwrap()).contains("Half cannot be trained"));
    let computed = all.get("a").unwrap() * 2.0;
    assert!(new(adam.into(), &Parameters::new([("c", computed)]).unwrap()).contains("computed from others"));
    let twice = Parameters::new([("x", all.get("a").unwrap().shallow_clone())]).unwrap();
    let both = Optimizer::new(adam, &all).unwrap().with_group("more", adam, &twice);
    assert!(matches!(both, Err(Error::Parameter { name, .. }) if name == "x"));
    let mut sgd = Optimizer::new(Sgd::default(), &all).unwrap();
    assert!(sgd.set_momentum(0.5).is_err());
}

//! What breaks the rules comes out as an error that says what and where.

use tch::{Device, Kind, Tensor};
use tch_function::{BoxError, Error, Forward, Op, SecondDerivative, apply, apply_one};

use crate::ops::{Gradients, Product, RawCube, With, double, double_back, leaf, product, total, values};

fn assert_says(e: &dyn std::fmt::Display, what: &[&str]) {
    let text = e.to_string();
    for part in what {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
    assert!(!text.contains("frame #"), "a C++ stack trace in {text:?}");
}

/// The error of an apply whose forward gives these outputs and saves nothing.
fn forward_error(f: impl Fn(&[Tensor]) -> Vec<Tensor> + Send + Sync + 'static, recorded: bool) -> Error {
    let x = values(&[2, 3], 1).set_requires_grad(recorded);
    let forward = move |t: &[Tensor]| Ok(Forward { outputs: f(t), saved: vec![] });
    apply(With(forward, double_back), &[&x, &values(&[2], 2)]).unwrap_err()
}

/// The error of a backward.
fn backward_error(f: impl Fn() -> Gradients + Send + Sync + 'static) -> String {
    let x = leaf(&[2, 3], 1);
    let y = apply_one(With(double, move |_: &[Tensor], _: &[Option<Tensor>]| f()), &[&x]).unwrap();
    let e = total(&y).f_backward().unwrap_err();
    assert!(!x.grad().defined());
    e.to_string()
}

#[test]
fn outputs_must_be_new_tensors() {
    for recorded in [true, false] {
        assert_says(
            &forward_error(|t| vec![t[0].shallow_clone()], recorded),
            &["With: output 0 is input 0 itself", "return a copy"],
        );
        assert_says(
            &forward_error(|t| vec![&t[0] * 2.0, t[1].view([2, 1])], recorded),
            &["output 1 is a view of input 1"],
        );
        assert_says(&forward_error(|t| vec![t[0].detach()], recorded), &["output 0 is a view of input 0"]);
        let twice = |t: &[Tensor]| {
            let y = &t[0] * 2.0;
            vec![y.shallow_clone(), y]
        };
        assert_says(&forward_error(twice, recorded), &["output 1 shares its memory with output 0"]);
        assert_says(&forward_error(|_| vec![Tensor::new()], recorded), &["output 0 is an undefined tensor"]);
    }
    let halves = |t: &[Tensor]| (&t[0] * 2.0).chunk(2, 0);
    assert_says(&forward_error(halves, true), &["output 1 shares its memory with output 0"]);
    let inference = |t: &[Tensor]| vec![tch_function::inference_mode(|| &t[0] * 2.0).unwrap()];
    assert_says(&forward_error(inference, true), &["output 0 was made in inference mode"]);
    assert_says(
        &forward_error(|t| vec![tch::with_grad(|| &t[0] * 2.0)], true),
        &["output 0 has a gradient history of its own"],
    );
}

#[test]
fn inputs_must_be_defined_and_left_alone() {
    let e = apply(Product::default(), &[&values(&[1], 1), &Tensor::new()]).unwrap_err();
    assert_says(&e, &["Product: input 1 is an undefined tensor"]);
    let in_place = |t: &[Tensor]| {
        let y = &t[0] * 2.0;
        let _ = t[1].shallow_clone().fill_(0.0);
        vec![y]
    };
    assert_says(&forward_error(in_place, true), &["With: the forward modified input 1 in place"]);
    assert_says(&forward_error(in_place, false), &["With: the forward modified input 1 in place"]);
}

#[test]
fn errors_and_panics_of_the_forward_are_errors() {
    let x = leaf(&[3], 1);
    let fail = |_: &[Tensor]| Err("no luck".into());
    let e = apply(With(fail, double_back), &[&x]).unwrap_err();
    assert_says(&e, &["With: forward failed: no luck"]);
    assert!(std::error::Error::source(&e).is_some_and(|e| e.to_string() == "no luck"));

    let torch = |t: &[Tensor]| Ok(Forward { outputs: vec![t[0].f_matmul(&values(&[5], 1))?], saved: vec![] });
    assert_says(&apply(With(torch, double_back), &[&x]).unwrap_err(), &["With: forward failed: ", "size"]);

    let panics = |t: &[Tensor]| Ok(Forward { outputs: vec![t[0].matmul(&values(&[5], 1))], saved: vec![] });
    let e = apply(With(panics, double_back), &[&x]).unwrap_err();
    assert!(matches!(e, Error::ForwardPanicked { op: "With", .. }));
    assert_says(&e, &["With: forward panicked: "]);
    assert!((&x * 2.0).requires_grad(), "recording is on again after a panic");
}

#[test]
fn errors_and_panics_of_the_backward_are_errors() {
    assert_says(&backward_error(|| Err("no luck".into())), &["With: no luck"]);
    assert_says(&backward_error(|| panic!("on {}", "purpose")), &["With: backward panicked: on purpose"]);
    assert_says(
        &backward_error(|| std::panic::panic_any(7)),
        &["With: backward panicked: with a value that is not text"],
    );
    assert_says(
        &backward_error(|| Ok(vec![Some(values(&[2], 1).f_matmul(&values(&[5], 1))?)])),
        &["With: Internal torch error"],
    );
    let e = backward_error(|| tch::no_grad(|| panic!("inside no_grad")));
    assert_says(&e, &["inside no_grad"]);
    assert!(leaf(&[1], 1).exp().requires_grad(), "recording is on again after a panic");
}

#[test]
fn gradients_must_fit_their_inputs() {
    let give = |t: fn() -> Vec<Option<Tensor>>| backward_error(move || Ok(t()));
    assert_says(&give(Vec::new), &["With: backward returned 0 gradients for 1 inputs"]);
    assert_says(&give(|| vec![None, None]), &["With: backward returned 2 gradients for 1 inputs"]);
    assert_says(
        &give(|| vec![Some(values(&[3, 2], 1))]),
        &["backward returned a gradient of [3, 2] Double on Cpu for input 0, which is [2, 3] Double on Cpu"],
    );
    // libtorch's own nodes would sum this one up, and convert the next.
    assert_says(&give(|| vec![Some(values(&[7, 2, 3], 1))]), &["[7, 2, 3] Double on Cpu for input 0", "[2, 3] Double"]);
    assert_says(
        &give(|| vec![Some(values(&[2, 3], 1).to_kind(Kind::Float))]),
        &["[2, 3] Float on Cpu for input 0, which is [2, 3] Double on Cpu"],
    );
    // What nobody needs is not looked at.
    let (x, y) = (leaf(&[2], 1), values(&[2], 2));
    let back = |_: &[Tensor], g: &[Option<Tensor>]| Ok(vec![g[0].as_ref().map(|g| g * 2.0), Some(values(&[9], 1))]);
    total(&apply_one(With(double, back), &[&x, &y]).unwrap()).backward();
    // Undefined is zero.
    let back = |_: &[Tensor], _: &[Option<Tensor>]| Ok(vec![Some(Tensor::new())]);
    let x = leaf(&[2], 1);
    (total(&apply_one(With(double, back), &[&x]).unwrap()) + total(&x)).backward();
    assert_eq!(Vec::<f64>::try_from(x.grad()).unwrap(), [1.0, 1.0]);
}

#[test]
fn saved_tensors_must_not_change() {
    let (x, z) = (leaf(&[3], 1), values(&[3], 2));
    let _ = z.shallow_clone().fill_(1.0);
    let y = total(&product(&x, &z));
    let _ = z.get(1).fill_(7.0);
    assert_says(
        &y.f_backward().unwrap_err(),
        &[
            "Product: input 1, saved for the backward (tensor 1 of 2), was modified in place after the forward (it is at",
            "version 2; expected version 1",
            "modify a copy",
        ],
    );
    // An optimiser's step between forward and backward is such a change.
    let w = leaf(&[3], 3);
    let y = total(&apply_one(RawCube, &[&w]).unwrap());
    let _ = tch::no_grad(|| w.shallow_clone().g_sub_(&values(&[3], 4)));
    assert_says(&y.f_backward().unwrap_err(), &["RawCube: input 0, saved for the backward", "modified in place"]);
    // A saved output.
    let mut y = crate::ops::exp(&(&x * 1.0));
    let _ = tch::no_grad(|| y.fill_(0.0));
    assert_says(&total(&y).f_backward().unwrap_err(), &["Exp: output 0, saved for the backward", "modified in place"]);
    // An input that was not saved may change.
    let z = &x * 1.0;
    let y = apply_one(With(double, double_back), &[&z]).unwrap();
    let _ = tch::no_grad(|| z.shallow_clone().fill_(0.0));
    total(&y).backward();
}

#[test]
fn the_graph_is_used_once_unless_kept() {
    let x = leaf(&[3], 1);
    let y = total(&apply_one(With(double, double_back), &[&x]).unwrap());
    y.backward();
    let e = y.f_backward().unwrap_err();
    assert_says(&e, &["second time"]);
}

/// A recorded backward would take a saved intermediate for a constant: a second derivative that is silently wrong.
#[test]
fn recorded_backwards_save_inputs_and_outputs_only() {
    struct Sine {
        intermediate: bool,
    }
    impl Op for Sine {
        const NAME: &'static str = "Sine";
        const SECOND: SecondDerivative = SecondDerivative::Recorded;
        fn forward(&self, t: &[Tensor], _: &[bool]) -> Result<Forward, BoxError> {
            let mask = t[0].gt(0.0);
            let kept = if self.intermediate { t[0].cos() } else { t[0].shallow_clone() };
            Ok(Forward { outputs: vec![t[0].sin()], saved: vec![mask, Tensor::new(), kept] })
        }
        fn backward(&self, saved: &[Tensor], grads: &[Option<Tensor>], _: &[bool]) -> Gradients {
            assert!(saved[0].kind() == Kind::Bool && !saved[1].defined());
            Ok(vec![grads[0].as_ref().map(|g| g * saved[2].cos())])
        }
    }
    let x = leaf(&[3], 1);
    let e = apply(Sine { intermediate: true }, &[&x]).unwrap_err();
    assert_says(&e, &["Sine: saved tensor 2 is neither an input nor an output", "SecondDerivative::Recorded"]);
    tch_function::gradcheck::second(
        |t| apply_one(Sine { intermediate: false }, &[&t[0]]).unwrap(),
        &[&values(&[3], 1)],
    )
    .unwrap();
}

#[test]
fn apply_one_wants_one_output() {
    for n in [0, 2] {
        let forward = move |t: &[Tensor]| Ok(Forward { outputs: (0..n).map(|_| &t[0] * 2.0).collect(), saved: vec![] });
        let e = apply_one(With(forward, double_back), &[&values(&[1], 1)]).unwrap_err();
        assert_says(&e, &[&format!("With: {n} outputs where 1 was asked for")]);
    }
}

#[test]
fn names_with_nul_are_refused_and_drop_the_operation() {
    struct Nul(#[expect(dead_code, reason = "its drop is what counts")] std::sync::Arc<()>);
    impl Op for Nul {
        const NAME: &'static str = "N\0l";
        fn forward(&self, t: &[Tensor], _: &[bool]) -> Result<Forward, BoxError> {
            double(t)
        }
        fn backward(&self, saved: &[Tensor], grads: &[Option<Tensor>], _: &[bool]) -> Gradients {
            double_back(saved, grads)
        }
    }
    let witness = std::sync::Arc::new(());
    let e = apply(Nul(witness.clone()), &[&leaf(&[1], 1)]).unwrap_err();
    assert_says(&e, &["NUL"]);
    assert_eq!(std::sync::Arc::strong_count(&witness), 1);
}

#[test]
fn a_panic_in_drop_stays_inside() {
    struct Fragile;
    impl Drop for Fragile {
        fn drop(&mut self) {
            panic!("in drop, on purpose");
        }
    }
    impl Op for Fragile {
        const NAME: &'static str = "Fragile";
        fn forward(&self, t: &[Tensor], _: &[bool]) -> Result<Forward, BoxError> {
            double(t)
        }
        fn backward(&self, saved: &[Tensor], grads: &[Option<Tensor>], _: &[bool]) -> Gradients {
            double_back(saved, grads)
        }
    }
    let x = leaf(&[1], 1);
    total(&apply_one(Fragile, &[&x]).unwrap()).backward();
    assert_eq!(x.grad().double_value(&[0]), 2.0);
    assert_eq!(x.device(), Device::Cpu);
}

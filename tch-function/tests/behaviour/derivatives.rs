//! Derivatives agree with finite differences and with libtorch's own, or fail loudly.

use proptest::prelude::*;
use tch::{Kind, Tensor};
use tch_function::{Error, apply, apply_one, gradcheck};

use crate::ops::{MaxAndSum, Product, RawCube, exp, leaf, product, same, total, values};

#[test]
fn first_derivatives_agree_with_differences() {
    let (a, b) = (values(&[3, 4], 1), values(&[3, 4], 2));
    gradcheck::first(|t| product(&t[0], &t[1].tanh()), &[&a, &b]).unwrap();
    gradcheck::first(|t| exp(&product(&t[0], &t[0])), &[&a]).unwrap();
    gradcheck::first(|t| apply_one(RawCube, &[&t[0]]).unwrap(), &[&a]).unwrap();
    gradcheck::first(|t| Tensor::cat(&[apply(MaxAndSum, &[&t[0]]).unwrap().remove(0), t[0].copy()], 1), &[&a]).unwrap();
    gradcheck::first(|t| apply(MaxAndSum, &[&t[0]]).unwrap().remove(2).sin(), &[&a]).unwrap();
}

#[test]
fn recorded_second_derivatives_agree_with_differences() {
    let (a, b) = (values(&[2, 3], 3), values(&[2, 3], 4));
    gradcheck::second(|t| product(&t[0], &t[1].tanh()).sin(), &[&a, &b]).unwrap();
    // Saved outputs are differentiated through as well.
    gradcheck::second(|t| exp(&t[0]), &[&a]).unwrap();
    gradcheck::second(|t| exp(&product(&exp(&t[0]), &product(&t[0], &t[1]))), &[&a, &b]).unwrap();
}

#[test]
fn complex_numbers_have_first_and_second_derivatives() {
    let (a, b) = (values(&[3, 2], 5), values(&[3, 2], 6));
    let f = |t: &[Tensor]| product(&t[0].view_as_complex(), &t[1].view_as_complex().tanh());
    assert_eq!(f(&[a.copy(), b.copy()]).kind(), Kind::ComplexDouble);
    gradcheck::first(f, &[&a, &b]).unwrap();
    gradcheck::second(f, &[&a, &b]).unwrap();
}

/// The gradient of a penalty on a gradient: a training step with `create_graph`, with our operations and with libtorch's.
#[test]
fn gradient_penalty_equals_libtorchs_own() {
    let penalty = |multiply: fn(&Tensor, &Tensor) -> Tensor, exponential: fn(&Tensor) -> Tensor| {
        let (a, b) = (leaf(&[5], 7), leaf(&[5], 8));
        let y = total(&multiply(&exponential(&a), &b));
        let g = Tensor::run_backward(&[&y], &[&a, &b], true, true);
        let loss = y + (total(&(&g[0] * &g[0])) * 0.5) + total(&g[1].sin());
        loss.backward();
        (a.grad(), b.grad())
    };
    let ours = penalty(product, exp);
    let theirs = penalty(|a, b| a * b, Tensor::exp);
    assert!(ours.0.allclose(&theirs.0, 1e-14, 1e-14, false) && ours.1.allclose(&theirs.1, 1e-14, 1e-14, false));
}

#[test]
fn refused_second_derivative_is_an_error_wherever_it_is_asked() {
    let cube = |x: &Tensor| apply_one(RawCube, &[x]).unwrap();
    let says = |e: &dyn std::fmt::Display| {
        let text = e.to_string();
        assert_eq!(text.matches("RawCube has no second derivative").count(), 1, "{text}");
        assert!(!text.contains("frame #"), "a C++ stack trace in {text}");
    };
    says(&gradcheck::second(|t| cube(&t[0]), &[&values(&[3], 9)]).unwrap_err());

    let x = leaf(&[3], 9);
    let g = Tensor::run_backward(&[total(&cube(&x))], &[&x], true, true).remove(0);
    assert!(g.allclose(&(&x * &x * 3.0), 1e-15, 1e-15, false), "the gradient itself can be used");
    says(&total(&g).f_backward().unwrap_err());
    // With respect to the input alone, where only nodes on the way to it are run, and beside a part that has a derivative.
    let g = Tensor::run_backward(&[total(&cube(&x))], &[&x], true, true).remove(0);
    says(&Tensor::f_run_backward(&[total(&(g + &x * &x))], &[&x], false, false).unwrap_err());
    // With respect to what the incoming gradient depends on: y = w x³, d(dy/dx)/dw.
    let w = leaf(&[3], 10);
    let x = leaf(&[3], 11);
    let g = Tensor::run_backward(&[total(&(cube(&x) * &w))], &[&x], true, true).remove(0);
    says(&Tensor::f_run_backward(&[total(&g)], &[&w], false, false).unwrap_err());
    // Where nobody asks, nothing happens.
    let g = Tensor::run_backward(&[total(&cube(&x))], &[&x], false, false).remove(0);
    assert!(!g.requires_grad());
}

#[test]
fn gradcheck_names_the_worst_entry() {
    let wrong = |t: &[Tensor]| &t[0] * 2.0 + (&t[1] * &t[1]).detach().sin() + t[1].slice(0, 0, 1, 1);
    let e = gradcheck::first(wrong, &[&values(&[3], 1), &Tensor::from_slice(&[0.1, 0.2, 1.1])]).unwrap_err();
    let Error::Gradient { order, input, ref index, analytic, wrong, entries, .. } = e else { panic!("{e}") };
    assert_eq!((order, input, &index[..], analytic, wrong, entries), ("first", 1, &[2][..], 0.0, 3, 6));
    assert!(e.to_string().contains("first derivative by input 1, entry [2]"), "{e}");

    let e = gradcheck::first(|t| &t[0] * 1.0, &[&values(&[2], 1).to_kind(Kind::Float)]).unwrap_err();
    assert!(e.to_string().contains("input 0 is Float; differences want Double"), "{e}");
    let e = gradcheck::first(|t| t[0].sqrt(), &[&Tensor::from_slice(&[1.0, -1.0])]).unwrap_err();
    assert!(e.to_string().contains("where the function gives NaN; choose other inputs"), "{e}");
    let e = gradcheck::first(|t| t[0].sqrt(), &[&Tensor::from_slice(&[1.0, 0.0])]).unwrap_err();
    assert!(e.to_string().contains("entry [1]: -inf by backward, NaN by differences"), "{e}");

    // A second derivative that is lost on the way is found, where the first one is right.
    let lost = |t: &[Tensor]| &t[0] * t[0].detach() * 2.0 - (&t[0] * &t[0]).detach();
    let x = values(&[2, 2], 2);
    let e = gradcheck::second(lost, &[&x]).unwrap_err().to_string();
    assert!(e.contains("second derivative by input 0"), "{e}");

    // Integers are not moved, an empty input has no entries, a linear function has a zero second derivative.
    let place = Tensor::from_slice(&[1_i64, 0]);
    gradcheck::first(|t| t[0].index_select(0, &t[1]), &[&x, &place]).unwrap();
    assert_eq!(gradcheck::second(|t| &t[0] * 3.0, &[&x]).unwrap(), 0.0);
    assert_eq!(gradcheck::first(|t| exp(&t[0]), &[&values(&[0, 3], 1)]).unwrap(), 0.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the shape (empty and scalar ones too), whichever inputs need a gradient: values and gradients are those of
    /// libtorch's own product, forward and backward are told which inputs need one, and no others get one.
    #[test]
    fn product_equals_libtorchs(size in prop::collection::vec(0..5_i64, 0..4), need_a: bool, need_b: bool) {
        let run = |ours: bool| {
            let a = values(&size, 1).set_requires_grad(need_a);
            let b = values(&size, 2).set_requires_grad(need_b);
            let op = Product::default();
            let seen = op.seen.clone();
            let y = if ours { apply_one(op, &[&a, &b]).unwrap() } else { &a * &b };
            if y.requires_grad() {
                total(&(&y * &y)).backward();
            }
            let seen = seen.lock().unwrap().clone();
            (y, a.grad(), b.grad(), seen)
        };
        let ((y, a, b, seen), (want_y, want_a, want_b, _)) = (run(true), run(false));
        prop_assert!(same(&y.detach(), &want_y.detach()));
        prop_assert_eq!(y.requires_grad(), need_a || need_b);
        prop_assert_eq!((a.defined(), b.defined()), (need_a, need_b));
        prop_assert!(!need_a || same(&a, &want_a));
        prop_assert!(!need_b || same(&b, &want_b));
        let calls = if need_a || need_b { 2 } else { 1 };
        prop_assert_eq!(seen, vec![vec![need_a, need_b]; calls]);
    }
}

//! How nodes hang together: several outputs, shared inputs, nesting, keeping the graph, who owns the operation.

use std::sync::Arc;

use tch::{Kind, Tensor};
use tch_function::{Error, Forward, Op, apply, apply_one};

use crate::ops::{
    Exp, MaxAndSum, Product, RawCube, With, double, double_back, exp, leaf, product, same, total, values,
};

#[test]
fn no_node_without_recording_or_need() {
    let x = leaf(&[3], 1);
    let op = Arc::new(Product::default());
    assert!(!tch::no_grad(|| apply_one(op.clone(), &[&x, &x]).unwrap()).requires_grad());
    assert!(!apply_one(op.clone(), &[&values(&[3], 1), &values(&[3], 1)]).unwrap().requires_grad());
    assert_eq!(Arc::strong_count(&op), 1, "no node keeps the operation");
    assert_eq!(*op.seen.lock().unwrap(), [[false, false]; 2]);
    assert!(apply_one(op.clone(), &[&x, &values(&[3], 1)]).unwrap().requires_grad());
}

#[test]
fn outputs_that_nothing_uses_have_no_gradient() {
    let x = leaf(&[2, 3], 1);
    let y = apply(MaxAndSum, &[&x]).unwrap();
    assert_eq!(y.iter().map(Tensor::requires_grad).collect::<Vec<_>>(), [true, false, true]);
    total(&y[2]).backward();
    assert!(same(&x.grad(), &Tensor::ones_like(&x)));

    let x = leaf(&[2, 3], 1);
    let y = apply(MaxAndSum, &[&x]).unwrap();
    let (max, place) = x.max_dim(-1, true);
    assert!(same(&y[1], &place));
    total(&y[0]).backward();
    let ours = x.grad().copy();
    let want = Tensor::run_backward(&[total(&max)], &[&x], false, false).remove(0);
    assert!(same(&ours, &want));

    // Integers only: nothing to differentiate, and no node that could be asked.
    let argmax = |t: &[Tensor]| Ok(Forward { outputs: vec![t[0].argmax(0, false)], saved: vec![] });
    let y = apply_one(With(argmax, |_: &[Tensor], _: &[Option<Tensor>]| unreachable!()), &[&x]).unwrap();
    assert!(!y.requires_grad());
}

#[test]
fn an_input_given_twice_gets_both_gradients() {
    let x = leaf(&[4], 1);
    total(&product(&x, &x)).backward();
    assert!(same(&x.grad(), &(&x * 2.0).detach()));
}

#[test]
fn a_gradient_for_some_inputs_only_asks_for_no_more() {
    let (a, b) = (leaf(&[4], 1), leaf(&[4], 2));
    let op = Arc::new(Product::default());
    let y = total(&apply_one(op.clone(), &[&a, &b]).unwrap());
    let g = Tensor::run_backward(&[&y], &[&b], false, false).remove(0);
    assert!(same(&g, &a.detach()));
    assert_eq!(*op.seen.lock().unwrap(), [[true, true], [false, true]]);
}

#[test]
fn keeping_the_graph_gives_the_same_again() {
    let x = leaf(&[4], 1);
    let y = total(&exp(&apply_one(RawCube, &[&x]).unwrap()));
    let g: Vec<Tensor> = (0..3).map(|i| Tensor::run_backward(&[&y], &[&x], i < 2, false).remove(0)).collect();
    assert!(same(&g[0], &g[1]) && same(&g[0], &g[2]));
    let e = Tensor::f_run_backward(&[&y], &[&x], false, false).unwrap_err().to_string();
    assert!(e.contains("Exp: backward a second time through the same graph") && e.contains("keep_graph"), "{e}");
}

/// A backward may use operations, and may run a backward of its own (checkpointing).
#[test]
fn operations_nest() {
    let x = leaf(&[4], 1);
    let back = |saved: &[Tensor], grads: &[Option<Tensor>]| {
        let x = saved[0].detach().set_requires_grad(true);
        let g = tch::with_grad(|| {
            let y = exp(&apply_one(RawCube, &[&x])?);
            Ok::<_, Error>(Tensor::f_run_backward(&[total(&y)], &[&x], false, false))
        })??;
        Ok(vec![grads[0].as_ref().map(|out| product(out, &g[0]))])
    };
    let forward = |t: &[Tensor]| {
        Ok(Forward { outputs: vec![exp(&apply_one(RawCube, &[&t[0]])?)], saved: vec![t[0].shallow_clone()] })
    };
    let y = apply_one(With(forward, back), &[&x]).unwrap();
    total(&y).backward();
    let want = (&x * &x * 3.0 * &y).detach();
    assert!(x.grad().allclose(&want, 1e-14, 1e-14, false));
}

#[test]
fn gradients_do_not_share_memory_with_what_was_saved() {
    // The gradient of y = x, up to a sign, is a view of a saved tensor and of itself.
    let (a, b) = (leaf(&[2, 3], 1), leaf(&[2, 3], 2));
    let constant = values(&[3, 2], 3);
    let kept = constant.shallow_clone();
    let forward = {
        let constant = std::sync::Mutex::new(constant);
        move |t: &[Tensor]| {
            let constant = constant.lock().unwrap().shallow_clone();
            Ok(Forward { outputs: vec![&t[0] + &t[1]], saved: vec![constant] })
        }
    };
    let back =
        |saved: &[Tensor], _: &[Option<Tensor>]| Ok(vec![Some(saved[0].view([2, 3])), Some(saved[0].view([2, 3]))]);
    total(&apply_one(With(forward, back), &[&a, &b]).unwrap()).backward();
    let (mut grad_a, before) = (a.grad(), kept.copy());
    let grad_b = b.grad().copy();
    let _ = grad_a.fill_(0.0);
    assert!(same(&kept, &before), "zeroing a gradient must not reach a saved tensor");
    assert!(same(&b.grad(), &grad_b), "nor another gradient");

    // Two views of one fresh tensor.
    let (a, b) = (leaf(&[3], 1), leaf(&[3], 2));
    let sum = |t: &[Tensor]| Ok(Forward { outputs: vec![&t[0] + &t[1]], saved: vec![] });
    let views = |_: &[Tensor], grads: &[Option<Tensor>]| {
        let g = grads[0].as_ref().map(|g| g * 1.0);
        Ok(vec![g.as_ref().map(|g| g.view([3])), g.as_ref().map(|g| g.view([3]))])
    };
    total(&apply_one(With(sum, views), &[&a, &b]).unwrap()).backward();
    let _ = a.grad().fill_(0.0);
    assert!(same(&b.grad(), &Tensor::ones_like(&b).detach()), "one gradient reaches another");
}

#[test]
fn expanded_gradients_and_other_layouts_come_through() {
    let x = leaf(&[3, 4], 1);
    let seen = Arc::new(std::sync::Mutex::new(vec![]));
    let strides = seen.clone();
    let back = move |_: &[Tensor], grads: &[Option<Tensor>]| {
        strides.lock().unwrap().push(grads[0].as_ref().map(Tensor::stride));
        Ok(vec![grads[0].as_ref().map(|g| g.contiguous() * 2.0)])
    };
    total(&apply_one(With(double, back), &[&x.tr()]).unwrap()).backward();
    assert!(same(&x.grad(), &Tensor::full_like(&x, 2.0)));
    assert_eq!(*seen.lock().unwrap(), [Some(vec![0, 0])], "what `sum` sends");
}

/// A view of fresh memory (as `from_slice` and `reshape` give) becomes a tensor in its own right, saved or not.
#[test]
fn outputs_may_be_views_of_fresh_memory() {
    let x = leaf(&[2, 3], 1);
    let transposed = |t: &[Tensor]| {
        let base = t[0].exp();
        Ok(Forward { outputs: vec![base.tr()], saved: vec![base.tr(), base] })
    };
    let saved_same = |t: &[Tensor]| {
        let y = t[0].exp().tr();
        Ok(Forward { outputs: vec![y.shallow_clone()], saved: vec![y.shallow_clone(), y.tr()] })
    };
    let back = |saved: &[Tensor], grads: &[Option<Tensor>]| {
        assert!(same(&saved[0].tr().detach(), &saved[1].detach()));
        Ok(vec![grads[0].as_ref().map(|g| g.tr() * saved[0].detach().tr())])
    };
    let want = x.exp().detach();
    for y in [apply_one(With(transposed, back), &[&x]), apply_one(With(saved_same, back), &[&x])] {
        let mut y = y.unwrap();
        assert!(same(&y.detach(), &want.tr()));
        let g = Tensor::run_backward(&[total(&y)], &[&x], true, false).remove(0);
        assert!(same(&g, &want));
        let _ = tch::no_grad(|| y.fill_(0.0));
        let e = Tensor::f_run_backward(&[total(&y)], &[&x], false, false).unwrap_err().to_string();
        assert!(e.contains("modified in place"), "a saved tensor on the memory of the output: {e}");
    }
}

#[test]
fn several_kinds() {
    for kind in [Kind::Half, Kind::BFloat16, Kind::Float, Kind::Double, Kind::ComplexFloat] {
        let x = values(&[3], 1).to_kind(kind).set_requires_grad(true);
        let y = apply_one(With(double, double_back), &[&x]).unwrap();
        y.sum(kind).abs().backward();
        assert_eq!(x.grad().kind(), kind);
    }
}

#[test]
fn an_operation_is_dropped_once_with_its_graph() {
    let x = leaf(&[3], 1);
    let op = Arc::new(Exp);
    let weak = Arc::downgrade(&op);
    let y = apply_one(op, &[&x]).unwrap();
    let z = total(&y);
    drop(y);
    assert_eq!(weak.strong_count(), 1, "the graph of z keeps it");
    z.backward();
    drop(z);
    assert_eq!(weak.strong_count(), 0, "a saved output makes no cycle");
}

/// A long chain of nodes is freed without recursion.
#[test]
fn a_deep_graph_is_freed() {
    let op = Arc::new(Exp);
    let mut y = leaf(&[1], 1);
    for _ in 0..50_000 {
        y = apply_one(op.clone(), &[&(y * 0.1)]).unwrap();
    }
    drop(y);
    assert_eq!(Arc::strong_count(&op), 1);
}

#[test]
fn zero_outputs_and_zero_inputs() {
    let none = |_: &[Tensor]| Ok(Forward { outputs: vec![], saved: vec![] });
    let op = With(none, |_: &[Tensor], _: &[Option<Tensor>]| Ok(vec![None]));
    assert!(apply(op, &[&leaf(&[2], 1)]).unwrap().is_empty());
    let source = |_: &[Tensor]| Ok(Forward { outputs: vec![values(&[2], 1)], saved: vec![] });
    let op = With(source, |_: &[Tensor], _: &[Option<Tensor>]| Ok(vec![]));
    assert!(!apply_one(op, &[]).unwrap().requires_grad());
}

#[test]
fn names_reach_through_arc() {
    assert_eq!(<Arc<RawCube> as Op>::NAME, "RawCube");
    assert_eq!(<Arc<Exp> as Op>::SECOND, <Exp as Op>::SECOND);
}

//! What a node of ours costs beside one of libtorch's: forward and backward on a few numbers.
//!
//! `cargo run --release -p tch-function --example overhead`

use std::time::Instant;

use tch::{Device, Kind, Tensor};
use tch_function::{BoxError, Forward, Op, apply_one};

struct Double;

impl Op for Double {
    const NAME: &'static str = "Double";

    fn forward(&self, inputs: &[Tensor], _: &[bool]) -> Result<Forward, BoxError> {
        Ok(Forward {
            outputs: vec![&inputs[0] * 2.0],
            saved: vec![],
        })
    }

    fn backward(
        &self,
        _: &[Tensor],
        grads: &[Option<Tensor>],
        _: &[bool],
    ) -> Result<Vec<Option<Tensor>>, BoxError> {
        Ok(vec![grads[0].as_ref().map(|g| g * 2.0)])
    }
}

struct Product;

impl Op for Product {
    const NAME: &'static str = "Product";

    fn forward(&self, inputs: &[Tensor], _: &[bool]) -> Result<Forward, BoxError> {
        let (a, b) = (&inputs[0], &inputs[1]);
        Ok(Forward {
            outputs: vec![a * b],
            saved: vec![a.shallow_clone(), b.shallow_clone()],
        })
    }

    fn backward(
        &self,
        saved: &[Tensor],
        grads: &[Option<Tensor>],
        _: &[bool],
    ) -> Result<Vec<Option<Tensor>>, BoxError> {
        let g = grads[0].as_ref();
        Ok(vec![g.map(|g| g * &saved[1]), g.map(|g| g * &saved[0])])
    }
}

/// Least and median time of a call in microseconds.
fn time(calls: usize, rounds: usize, mut f: impl FnMut()) -> (f64, f64) {
    let mut times: Vec<f64> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            (0..calls).for_each(|_| f());
            start.elapsed().as_secs_f64() * 1e6 / calls as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    (times[0], times[rounds / 2])
}

fn main() -> Result<(), BoxError> {
    let quick = std::env::args().any(|a| a == "--quick");
    let (calls, rounds) = if quick { (200, 5) } else { (2000, 41) };
    let leaf = || Tensor::ones([8], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    let (x, z) = (leaf(), leaf());
    let back = |y: Tensor| {
        let _ = Tensor::run_backward(&[y.sum(Kind::Float)], &[&x], false, false);
    };
    let back_both = |y: Tensor| {
        let _ = Tensor::run_backward(&[y.sum(Kind::Float)], &[&x, &z], false, false);
    };
    let _ = apply_one(Double, &[&x])?;
    let _ = apply_one(Product, &[&x, &z])?;

    println!(
        "forward + backward on 8 numbers, microseconds, least (median) of {rounds} rounds of {calls}"
    );
    println!(
        "{:<16} {:>16} {:>16} {:>12}",
        "", "libtorch's own", "through Rust", "difference"
    );
    let row = |name: &str, theirs: (f64, f64), ours: (f64, f64)| {
        println!(
            "{name:<16} {:>7.2} ({:>5.2})  {:>7.2} ({:>5.2})  {:>11.2}",
            theirs.0,
            theirs.1,
            ours.0,
            ours.1,
            ours.0 - theirs.0
        );
    };
    row(
        "y = 2x",
        time(calls, rounds, || back(&x * 2.0)),
        time(calls, rounds, || {
            back(apply_one(Double, &[&x]).expect("applied above"));
        }),
    );
    row(
        "y = x z",
        time(calls, rounds, || back_both(&x * &z)),
        time(calls, rounds, || {
            back_both(apply_one(Product, &[&x, &z]).expect("applied above"));
        }),
    );
    row(
        "y = 2x, no grad",
        time(calls, rounds, || drop(tch::no_grad(|| &x * 2.0))),
        time(calls, rounds, || {
            drop(tch::no_grad(|| apply_one(Double, &[&x])));
        }),
    );
    Ok(())
}

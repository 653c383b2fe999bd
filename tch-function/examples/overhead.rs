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
        Ok(Forward { outputs: vec![&inputs[0] * 2.0], saved: vec![] })
    }

    fn backward(&self, _: &[Tensor], grads: &[Option<Tensor>], _: &[bool]) -> Result<Vec<Option<Tensor>>, BoxError> {
        Ok(vec![grads[0].as_ref().map(|g| g * 2.0)])
    }
}

struct Product;

impl Op for Product {
    const NAME: &'static str = "Product";

    fn forward(&self, inputs: &[Tensor], _: &[bool]) -> Result<Forward, BoxError> {
        let (a, b) = (&inputs[0], &inputs[1]);
        Ok(Forward { outputs: vec![a * b], saved: vec![a.shallow_clone(), b.shallow_clone()] })
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

/// Least and median time of a call of each of two functions in microseconds, their rounds alternating.
fn compare(calls: usize, rounds: usize, mut a: impl FnMut(), mut b: impl FnMut()) -> [(f64, f64); 2] {
    let mut times = [Vec::new(), Vec::new()];
    let round = |f: &mut dyn FnMut()| {
        let start = Instant::now();
        (0..calls).for_each(|_| f());
        start.elapsed().as_secs_f64() * 1e6 / calls as f64
    };
    for _ in 0..rounds {
        times[0].push(round(&mut a));
        times[1].push(round(&mut b));
    }
    times.map(|mut t| {
        t.sort_by(f64::total_cmp);
        (t[0], t[rounds / 2])
    })
}

fn main() -> Result<(), BoxError> {
    let quick = std::env::args().any(|a| a == "--quick");
    let (calls, rounds) = if quick { (100, 5) } else { (500, 201) };
    let leaf = || Tensor::ones([8], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    let (x, z) = (leaf(), leaf());
    let back = |y: Tensor, leaves: &[&Tensor]| {
        let _ = Tensor::run_backward(&[y.sum(Kind::Float)], leaves, false, false);
    };
    let double = || apply_one(Double, &[&x]).expect("2x of a defined tensor");
    let product = || apply_one(Product, &[&x, &z]).expect("a product of equal shapes");

    println!("forward + backward on 8 numbers, microseconds, least (median) of {rounds} rounds of {calls}");
    println!("{:<16} {:>16} {:>16} {:>12}", "", "libtorch's own", "through Rust", "difference");
    let row = |name: &str, [theirs, ours]: [(f64, f64); 2]| {
        println!(
            "{name:<16} {:>7.2} ({:>6.2}) {:>7.2} ({:>6.2}) {:>12.2}",
            theirs.0,
            theirs.1,
            ours.0,
            ours.1,
            ours.0 - theirs.0
        );
    };
    row("y = 2x", compare(calls, rounds, || back(&x * 2.0, &[&x]), || back(double(), &[&x])));
    row("y = x z", compare(calls, rounds, || back(&x * &z, &[&x, &z]), || back(product(), &[&x, &z])));
    let theirs = || drop(tch::no_grad(|| &x * &z));
    row("y = x z, no grad", compare(calls, rounds, theirs, || drop(tch::no_grad(product))));
    Ok(())
}

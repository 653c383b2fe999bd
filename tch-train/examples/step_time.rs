//! Time of an optimiser's step beside libtorch's own: least of alternating rounds, one thread.
//! `cargo run --release -p tch-train --example step_time [numbers]`

use std::time::Instant;

use tch::nn::{self, OptimizerConfig};
use tch::{Device, Kind, Tensor};
use tch_train::{Adam, BoxError, Optimizer, Parameters, Rule, Sgd};

const ROUNDS: usize = 21;

/// A store with one parameter and its gradient.
fn store(numbers: i64) -> nn::VarStore {
    let vs = nn::VarStore::new(Device::Cpu);
    let p = vs.root().randn_standard("p", &[numbers]);
    (&p * Tensor::rand([numbers], (Kind::Float, Device::Cpu))).sum(Kind::Float).backward();
    vs
}

/// Milliseconds of ours and of theirs.
fn compare(numbers: i64, rule: Rule, theirs: impl OptimizerConfig) -> Result<[f64; 2], BoxError> {
    let stores = [store(numbers), store(numbers)];
    let mut ours = Optimizer::new(rule, &Parameters::of(&stores[0]))?;
    let mut theirs = theirs.build(&stores[1], 1e-3)?;
    let mut least = [f64::INFINITY; 2];
    for _ in 0..ROUNDS {
        let start = Instant::now();
        ours.step()?;
        least[0] = least[0].min(start.elapsed().as_secs_f64() * 1e3);
        let start = Instant::now();
        theirs.step();
        least[1] = least[1].min(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(least)
}

fn main() -> Result<(), BoxError> {
    tch::set_num_threads(1);
    let numbers = std::env::args().nth(1).map_or(Ok(4_623_254), |n| n.parse())?;
    println!("ms per step of {numbers} numbers, f32\n           ours libtorch");
    let [ours, theirs] = compare(numbers, Adam::default().into(), nn::Adam::default())?;
    println!("Adam   {ours:8.2} {theirs:8.2}");
    let [ours, theirs] =
        compare(numbers, Sgd { momentum: 0.9, ..Sgd::default() }.into(), nn::sgd(0.9, 0.0, 0.0, false))?;
    println!("SGD    {ours:8.2} {theirs:8.2}");
    Ok(())
}

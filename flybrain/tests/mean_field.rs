//! Simulated networks and mean-field theory, which know nothing of each other.

use flybrain::rate::sweep::{Options, read, run};
use flybrain::rate::{Dynamics, Record, Transition, Varied};
use lyapunov::Activation;

const SAMPLES: u64 = 24;

/// Networks of `n` neurons from rest to chaos.
fn transition(n: usize) -> Transition {
    let dynamics =
        Dynamics { n, activation: Activation::Tanh, dt: 0.1, tsim: 200.0, tons: None, seed: 0, compat: false };
    Transition { gmin: 0.4, gmax: 4.0, m_g: 10, n_samples: SAMPLES, varied: Varied::WEIGHTS, dynamics }
}

/// Value, mean exponent, its standard error.
fn means(plan: &Transition) -> Vec<(f64, f64, f64)> {
    let folder = tempfile::tempdir().unwrap();
    run(plan, folder.path(), &Options::default()).unwrap();
    let records: Vec<_> = read(plan, folder.path()).unwrap().into_iter().map(Option::unwrap).collect();
    let statistics = |records: &[Record]| {
        let count = records.len() as f64;
        let mean = records.iter().map(Record::largest).sum::<f64>() / count;
        let variance = records.iter().map(|r| (r.largest() - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (records[0].value, mean, (variance / count).sqrt())
    };
    records.chunks(SAMPLES as usize).map(statistics).collect()
}

/// Where the mean passes 0.
fn crossing(means: &[(f64, f64, f64)]) -> f64 {
    let at = means.windows(2).position(|pair| pair[0].1 < 0.0 && pair[1].1 >= 0.0).expect("it passes 0 once");
    let [(g0, y0, _), (g1, y1, _)] = [means[at], means[at + 1]];
    g0 - y0 * (g1 - g0) / (y1 - y0)
}

/// Exponents of finite networks are below those of infinite ones, at rest and in chaos, by what halves where the size doubles; without
/// that part they agree within three standard errors, and chaos begins at coupling 1. (With half as many neurons what falls faster
/// than the inverse of their number is 0.03 yet, four standard errors of six times as many networks.)
#[test]
fn exponents_of_two_sizes_lead_to_the_mean_field() {
    let [plan, large] = [transition(200), transition(400)];
    let (small, large) = (means(&plan), means(&large));
    for ((g, a, a_error), (_, b, b_error)) in small.iter().zip(&large) {
        let theory = plan.theory(*g).unwrap();
        assert!(*a < theory && *b < theory && a < b, "g = {g}: {a}, {b}, mean field {theory}");
        let (limit, error) = (2.0 * b - a, (4.0 * b_error.powi(2) + a_error.powi(2)).sqrt());
        assert!((limit - theory).abs() < 3.0 * error, "g = {g}: {limit} ± {error}, mean field {theory}");
        assert!(error < 0.02, "g = {g}: {error} tells nothing");
    }
    let (small, large) = (crossing(&small), crossing(&large));
    assert!(large < small && (2.0 * large - small - 1.0).abs() < 0.2, "crossings {small}, {large}");
}

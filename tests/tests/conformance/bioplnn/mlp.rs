//! The file of adjoints: forward values of three ways to solve a perceptron's flow.

use super::problem::Problem;
use super::settings::{self, Spans};
use crate::case::Case;
use crate::report::{Report, relative};
use sparse_ode::{Compat, Solution, Times, per_sample};

pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    let problem = Problem::of(case)?;
    let (batch, features) = (problem.batch(), problem.features());
    let spans = Spans::of(case, batch)?;
    let y0 = case.floats("y0")?;
    let solver = settings::solver(case)?.compat(Compat::Torchode);
    let text = |e: sparse_ode::Error| e.to_string();

    let mut field = per_sample(features, |t, b, y: &[f64], dy: &mut [f64]| {
        problem.derivative(t, b, y, dy);
    });
    let all: Vec<usize> = (0..batch).collect();
    let each = solver.solve(&mut field, y0, &spans.times(&all).map_err(text)?).map_err(text)?;
    for way in ["autodiff", "autodiff_detached"] {
        check(case, report, way, &each, batch)?;
    }

    // One step for the whole batch: a single sample of all features.
    let one = &spans.eval[..spans.points];
    if spans.eval.chunks(spans.points).any(|eval| eval != one) {
        return Err("samples with times of their own cannot share their steps".into());
    }
    let mut field = per_sample(batch * features, |t, _, y: &[f64], dy: &mut [f64]| {
        for (b, (y, dy)) in y.chunks(features).zip(dy.chunks_mut(features)).enumerate() {
            problem.derivative(t, b, y, dy);
        }
    });
    let times = Times::span(1, spans.start[0], spans.end[0]).and_then(|t| t.evaluate(one)).map_err(text)?;
    let joint = solver.solve(&mut field, y0, &times).map_err(text)?;
    check(case, report, "joint", &joint, batch)
}

/// Compares one way's steps and values; those of the joint one are `[points, batch, features]` here.
fn check(case: &Case, report: &mut Report, way: &str, s: &Solution<f64>, batch: usize) -> crate::Outcome {
    let [samples, points, width] = s.shape();
    let features = width * samples / batch;
    let mut values = Vec::with_capacity(s.values().len());
    for b in 0..batch {
        for p in 0..points {
            let from = if samples == batch { (b * points + p) * features } else { (p * batch + b) * features };
            values.extend_from_slice(&s.values()[from..from + features]);
        }
    }
    let key = |what: &str| format!("{way}.{what}");
    report.close_in_norms(&key("ys"), points * features, &values, case.floats(&key("ys"))?, relative(1e-9));
    let steps: Vec<i64> = s.stats().iter().map(|s| s.steps as i64).collect();
    let accepted: Vec<i64> = s.stats().iter().map(|s| s.accepted as i64).collect();
    report.exact(&key("n_steps"), &steps, case.integers(&key("n_steps"))?);
    report.exact(&key("n_accepted"), &accepted, case.integers(&key("n_accepted"))?);
    Ok(())
}

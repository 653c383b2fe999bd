//! The file of adjoints: values and gradients of three ways to solve a perceptron's flow.

use super::arrays::{numbers, tensor};
use super::problem::Problem;
use super::settings::{self, Spans};
use crate::case::Case;
use crate::report::{Report, relative};
use sparse_ode::{Adjoint, Compat, ErrorOf, FieldError, Now, Solution, Solver, TensorTimes, Times, per_sample};
use tch::{Kind, Tensor};

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
    check(case, report, "joint", &joint, batch)?;

    let each = spans.times(&all).map_err(text)?;
    gradients(case, report, "autodiff", &problem, &each, &solver.clone().adjoint(Adjoint::ThroughStepSizes))?;
    gradients(case, report, "autodiff_detached", &problem, &each, &solver)?;
    let everything = Adjoint::Continuous(ErrorOf::Everything);
    gradients(case, report, "joint", &problem, &times, &solver.clone().adjoint(everything))?;
    // What is right: steps of each sample's own, and the parameters along with them.
    report_states(case, report, &problem, &each, &solver)
}

/// Compares the gradients of `sum(ys * loss_weight)`. The times are those of the batch, or of all samples in one.
fn gradients(
    case: &Case,
    report: &mut Report,
    way: &str,
    problem: &Problem,
    times: &Times,
    solver: &Solver,
) -> crate::Outcome {
    for (name, got) in differentiate(case, problem, times, solver)? {
        let key = format!("{way}.grad.{name}");
        report.close_in_norm(&key, &got, case.floats(&key)?, relative(1e-8));
    }
    Ok(())
}

/// The continuous adjoint with steps of each sample's own agrees with the file's to its tolerance.
fn report_states(
    case: &Case,
    report: &mut Report,
    problem: &Problem,
    times: &Times,
    solver: &Solver,
) -> crate::Outcome {
    let solver = solver.clone().adjoint(Adjoint::Continuous(ErrorOf::States));
    for (name, got) in differentiate(case, problem, times, &solver)? {
        let want = case.floats(&format!("joint.grad.{name}"))?;
        report.close_in_norm(&format!("{name} by the error of states"), &got, want, relative(1e-5));
    }
    Ok(())
}

fn differentiate(
    case: &Case,
    problem: &Problem,
    times: &Times,
    solver: &Solver,
) -> Result<Vec<(String, Vec<f64>)>, String> {
    let text = |e: sparse_ode::Error| e.to_string();
    let (samples, points) = (times.batch() as i64, times.points() as i64);
    let shape = [problem.batch() as i64, problem.features() as i64];
    let y0 = tensor(case, "y0", Kind::Double)?.set_requires_grad(true);
    let parameters = problem.tensors(case, Kind::Double)?;
    let list: Vec<&Tensor> = parameters.iter().map(|(_, p)| p).collect();
    let field = problem.field();
    let flat = move |now: &Now, y: &Tensor, p: &[Tensor]| -> Result<Tensor, FieldError> {
        Ok(field(now, &y.f_view([-1, shape[1]])?, p)?.f_view(&y.size()[..])?)
    };
    let times = TensorTimes::try_from(times).map_err(text)?;
    let solution = solver.solve_tensors(flat, &y0.view([samples, -1]), &times, &list).map_err(text)?;
    let weight = tensor(case, "loss_weight", Kind::Double)?;
    let values = if samples == shape[0] {
        solution.values
    } else {
        solution.values.view([points, shape[0], shape[1]]).transpose(0, 1)
    };
    (values * weight).sum(Kind::Double).f_backward().map_err(|e| e.to_string())?;
    let named = parameters.iter().map(|(name, p)| ((*name).to_owned(), p)).chain([("y0".to_owned(), &y0)]);
    named.map(|(name, p)| Ok((name, numbers(&p.grad())?))).collect()
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

//! Continuous networks.

use super::arrays::{numbers, tensor};
use super::dense::Dense;
use super::gradients;
use super::model::Description;
use super::trace::{self, Counts, Took};
use crate::case::Case;
use crate::report::{Report, Tolerance, absolute, relative};
use serde_json::Value;
use sparse_ode::{Compat, ConnectomeOdeRnn, Forward, FrameBoundaries, Run, Solver};
use tch::{Kind, Tensor};

/// Arguments of a forward pass.
pub(crate) struct Arguments {
    evals: usize,
    pub(crate) start: f64,
    pub(crate) end: f64,
    pub(crate) x: Tensor,
    pub(crate) h0: Option<Tensor>,
}

impl Arguments {
    fn of(case: &Case, kind: Kind) -> Result<Self, String> {
        let forward = case.table("forward", &["num_evals", "num_steps", "start_time", "end_time"])?;
        let number = |keys: &[&str], default: f64| {
            keys.iter().find_map(|key| forward.get(*key)).map_or(Some(default), Value::as_f64)
        };
        let wrong = || format!("forward {forward:?} holds something else than numbers");
        Ok(Self {
            evals: number(&["num_evals", "num_steps"], 2.0).ok_or_else(wrong)? as usize,
            start: number(&["start_time"], 0.0).ok_or_else(wrong)?,
            end: number(&["end_time"], 1.0).ok_or_else(wrong)?,
            x: tensor(case, "x", kind)?,
            h0: case.has("h0").then(|| tensor(case, "h0", kind)).transpose()?,
        })
    }

    fn forward(&self, frames: FrameBoundaries) -> Forward<'_> {
        let forward = Forward::new().num_evals(self.evals).span(self.start, self.end).frame_boundaries(frames);
        match &self.h0 {
            Some(h0) => forward.h0(h0),
            None => forward,
        }
    }
}

pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    case.setting("solver").and_then(|s| match s {
        "Dopri5+IntegralController atol=1e-6 rtol=1e-3" => Ok(()),
        other => Err(format!("solver {other:?} is not understood")),
    })?;
    let network = Description::of(case)?;
    network.check(report)?;
    let arguments = Arguments::of(case, network.kind)?;
    let (tolerance, counts) = match (network.kind, arguments.x.dim()) {
        (Kind::Double, _) => (relative(1e-9), Counts::Equal),
        (_, 2) => (absolute(2e-5), Counts::Equal),
        _ => (absolute(2e-5 + 3.0 * error_of_golden(case)?), Counts::Near),
    };

    let compatible = Solver::new().compat(Compat::Torchode);
    let forward = arguments.forward(FrameBoundaries::StepAcross);
    let (model, vs) = network.build(ConnectomeOdeRnn::builder)?;
    let run = model.with_solver(compatible.clone()).forward(&arguments.x, &forward).map_err(|e| e.to_string())?;
    compare(case, report, &run, "", tolerance)?;
    network.check_clamped(&vs, report)?;
    let took = Took {
        status: &run.status,
        stats: &run.stats,
        evaluations: run.evaluations,
        initial_step: &run.initial_step,
        points: arguments.evals,
    };
    trace::statistics(case, report, &took, counts)?;
    let ts: Vec<f64> = case.floats("ts")?.to_vec();
    report.close("ts", &numbers(&run.ts)?, &ts, relative(if network.kind == Kind::Double { 1e-14 } else { 2e-7 }));

    for (prefix, loss, adjoint) in gradients::WAYS {
        if !case.keys(prefix).is_empty() {
            let arguments = Arguments::of(case, network.kind)?;
            let solver = compatible.clone().adjoint(adjoint);
            let ran = differentiable(&network, arguments, &solver, FrameBoundaries::StepAcross)?;
            gradients::check_network(case, report, (prefix, loss), &ran, relative(1e-8))?;
        }
    }

    let (right, _vs) = network.build(ConnectomeOdeRnn::builder)?;
    let right = right.forward(&arguments.x, &forward).map_err(|e| e.to_string())?;
    compare(case, report, &right, " as is right", tolerance)?;
    if arguments.x.dim() == 3 {
        let run = network
            .build(ConnectomeOdeRnn::builder)?
            .0
            .forward(&arguments.x, &arguments.forward(FrameBoundaries::Restart));
        let hs = numbers(&run.map_err(|e| e.to_string())?.hs)?;
        report.close_in_norm("hs with steps that end at frames, beside exact ones", &hs, &exact(case)?, relative(5e-3));
    }
    same_with_any_threads(report, &numbers(&right.hs)?, || {
        let network = Description::of(case)?;
        let arguments = Arguments::of(case, network.kind)?;
        let (model, _vs) = network.build(ConnectomeOdeRnn::builder)?;
        let run = model.forward(&arguments.x, &arguments.forward(FrameBoundaries::StepAcross));
        numbers(&run.map_err(|e| e.to_string())?.hs)
    })?;

    let steps = trace::Steps { near: 1e-6, tolerance: 1e-3, estimates: true };
    trace::steps(case, report, &Dense::of(case, &network, &arguments)?.trace(&compatible)?, steps)
}

/// The same problem solved as exactly as possible: steps must end where frames do.
pub(crate) fn run_true(case: &Case, report: &mut Report) -> crate::Outcome {
    let network = Description::of(case)?;
    network.check(report)?;
    case.integers("n_fine")?;
    let (ts, points) = (case.floats("ts")?, case.shape("ts")?[1]);
    let true_arguments = || -> Result<Arguments, String> {
        Ok(Arguments { evals: points, start: ts[0], end: ts[points - 1], ..Arguments::of(case, network.kind)? })
    };
    let arguments = true_arguments()?;
    // The file's own steps of fixed length pass over the kinks of the rectifier, which costs them half of their digits.
    for (atol, rtol, tolerance) in [(1e-13, 1e-13, 1e-8), (1e-6, 1e-3, 5e-3)] {
        let (model, _vs) = network.build(ConnectomeOdeRnn::builder)?;
        let model = model.with_solver(Solver::new().tolerances(atol, rtol));
        let run =
            model.forward(&arguments.x, &arguments.forward(FrameBoundaries::Restart)).map_err(|e| e.to_string())?;
        let what = format!("hs at rtol {rtol:.0e}");
        report.close_in_norm(&what, &numbers(&run.hs)?, case.floats("hs")?, relative(tolerance));
        report.close("ts", &numbers(&run.ts)?, ts, relative(1e-14));
        // The file's gradients come from the same fixed steps, with about a thousandth of error each.
        let solver = Solver::new().tolerances(atol, rtol);
        let ran = differentiable(&network, true_arguments()?, &solver, FrameBoundaries::Restart)?;
        gradients::check_network(
            case,
            report,
            ("grad.", "loss"),
            &ran,
            relative(if rtol < 1e-6 { 1e-3 } else { 2e-2 }),
        )?;
    }
    Ok(())
}

/// A forward pass whose input and starting state want gradients.
fn differentiable(
    network: &Description<'_>,
    arguments: Arguments,
    solver: &Solver,
    frames: FrameBoundaries,
) -> Result<gradients::Ran, String> {
    let (x, h0) = (arguments.x.set_requires_grad(true), arguments.h0.map(|h0| h0.set_requires_grad(true)));
    let arguments = Arguments { x: x.shallow_clone(), h0: h0.as_ref().map(Tensor::shallow_clone), ..arguments };
    let (model, vs) = network.build(ConnectomeOdeRnn::builder)?;
    let run = model.with_solver(solver.clone()).forward(&x, &arguments.forward(frames)).map_err(|e| e.to_string())?;
    Ok(gradients::Ran { hs: run.hs, outs: run.outs, vs, x, h0 })
}

/// The states of a file's problem, solved in double precision as exactly as possible.
fn exact(case: &Case) -> Result<Vec<f64>, String> {
    let mut network = Description::of(case)?;
    network.kind = Kind::Double;
    let arguments = Arguments::of(case, network.kind)?;
    let model = network.build(ConnectomeOdeRnn::builder)?.0.with_solver(Solver::new().tolerances(1e-12, 1e-12));
    let run = model.forward(&arguments.x, &arguments.forward(FrameBoundaries::Restart));
    numbers(&run.map_err(|e| e.to_string())?.hs)
}

/// How wrong the file's own states are, which steps across the jumps of the input make them. In single precision roundings decide
/// on which side of a jump a step ends, so that no two ways to compute them agree better than that.
fn error_of_golden(case: &Case) -> Result<f64, String> {
    Ok(exact(case)?.iter().zip(case.floats("hs")?).fold(0.0, |m, (a, b)| f64::max(m, (a - b).abs())))
}

fn compare(case: &Case, report: &mut Report, run: &Run, how: &str, tolerance: Tolerance) -> crate::Outcome {
    for (key, got) in [("hs", &run.hs), ("outs", &run.outs)] {
        let shape: Vec<usize> = got.size().iter().map(|&n| n as usize).collect();
        report.exact(&format!("shape of {key}"), &shape, case.shape(key)?);
        report.close_in_norm(&format!("{key}{how}"), &numbers(got)?, case.floats(key)?, tolerance);
    }
    Ok(())
}

/// Runs it with one, two and five threads, which must not change a bit.
pub(crate) fn same_with_any_threads(
    report: &mut Report,
    want: &[f64],
    run: impl Fn() -> Result<Vec<f64>, String> + Sync,
) -> crate::Outcome {
    for threads in [1, 2, 5] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|e| e.to_string())?;
        let got = pool.install(&run)?;
        let equal = got.iter().map(|v| v.to_bits()).eq(want.iter().map(|v| v.to_bits()));
        report.expect(equal, || format!("hs changes with {threads} threads"));
    }
    Ok(())
}

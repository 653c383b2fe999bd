//! Gradients, of the solver files (libtorch differentiates the field, the solver everything else) and of the networks.

use super::arrays::{numbers, tensor};
use super::problem::Problem;
use super::settings::Spans;
use crate::case::Case;
use crate::report::{Report, Tolerance};
use sparse_ode::{Adjoint, Checkpointing, Solver, TensorTimes};
use tch::nn::VarStore;
use tch::{Kind, Tensor};

/// The two gradients that files hold: their names and what they are of.
pub(crate) const WAYS: [(&str, &str, Adjoint); 2] =
    [("grad.", "loss", Adjoint::ThroughStepSizes), ("grad_detached.", "loss_detached", Adjoint::ConstantSteps)];

/// Compares `loss = sum(ys * loss_weight)` and its gradients.
pub(crate) fn check(
    case: &Case,
    report: &mut Report,
    problem: &Problem,
    solver: &Solver,
    spans: &Spans,
    kind: Kind,
) -> crate::Outcome {
    for (prefix, loss, adjoint) in WAYS {
        if case.keys(prefix).is_empty() {
            continue;
        }
        let all: Vec<usize> = (0..problem.batch()).collect();
        let times = spans.times(&all).map_err(|e| e.to_string())?;
        let times = TensorTimes::try_from(&times).map_err(|e| e.to_string())?;
        let weight = tensor(case, "loss_weight", kind)?;
        // Which states are kept makes no difference.
        for checkpointing in [Checkpointing::All, Checkpointing::Every(4), Checkpointing::Binomial(4)] {
            let solver = solver.clone().adjoint(adjoint).checkpointing(checkpointing);
            let y0 = tensor(case, "y0", kind)?.set_requires_grad(true);
            let parameters = problem.tensors(case, kind)?;
            let list: Vec<&Tensor> = parameters.iter().map(|(_, p)| p).collect();
            let solution = solver.solve_tensors(problem.field(), &y0, &times, &list).map_err(|e| e.to_string())?;
            let values = if spans.points == 0 { solution.end.unsqueeze(1) } else { solution.values };
            let got = (values * &weight).sum(kind);
            report.close(loss, &numbers(&got)?, case.floats(loss)?, Tolerance { relative: 1e-9, absolute: 1e-12 });
            got.f_backward().map_err(|e| e.to_string())?;
            for key in case.keys(prefix) {
                let name = &key[prefix.len()..];
                let of = match name {
                    "y0" => Some(&y0),
                    _ => parameters.iter().find(|(n, _)| *n == name).map(|(_, p)| p),
                };
                let of = of.ok_or_else(|| format!("{key}: the problem has no {name}"))?;
                report.close_in_norm(
                    key,
                    &numbers(&of.grad())?,
                    case.floats(key)?,
                    Tolerance { relative: 1e-8, absolute: 0.0 },
                );
            }
        }
    }
    Ok(())
}

/// What a loss is made of: states and outputs as they come, and what gradients are taken of beside the parameters.
pub(crate) struct Ran {
    pub(crate) hs: Tensor,
    pub(crate) outs: Tensor,
    pub(crate) vs: VarStore,
    pub(crate) x: Tensor,
    pub(crate) h0: Option<Tensor>,
}

/// Compares the loss of a network, `sum(hs w) + sum((outs v)^2) / 2`, and its gradients, which begin with `prefix`. Without the
/// second term where the file has no `v`.
pub(crate) fn check_network(
    case: &Case,
    report: &mut Report,
    (prefix, loss): (&str, &str),
    ran: &Ran,
    tolerance: Tolerance,
) -> crate::Outcome {
    let kind = ran.hs.kind();
    let mut got = (&ran.hs * tensor(case, "loss_weight_hs", kind)?).sum(kind);
    if case.has("loss_weight_outs") {
        let weighted = &ran.outs * tensor(case, "loss_weight_outs", kind)?;
        got += 0.5 * (&weighted * &weighted).sum(kind);
    }
    report.close(loss, &numbers(&got)?, case.floats(loss)?, tolerance);
    got.f_backward().map_err(|e| e.to_string())?;
    let variables = ran.vs.variables();
    for key in case.keys(prefix) {
        let name = match &key[prefix.len()..] {
            "hh.values" => "connectome.values",
            "hh.bias" => "connectome.bias",
            "ih.values" => "input_projection.values",
            "ho.values" => "output_projection.values",
            "ho.bias" => "output_projection.bias",
            other => other,
        };
        let of = match name {
            "x" => Some(&ran.x),
            "h0" => ran.h0.as_ref(),
            _ => variables.get(name),
        };
        let of = of.ok_or_else(|| format!("{key}: the network has no {name}"))?;
        report.close_in_norm(key, &numbers(&of.grad())?, case.floats(key)?, tolerance);
    }
    Ok(())
}

//! Discrete networks.

use super::arrays::{numbers, tensor};
use super::gradients;
use super::model::Description;
use super::ode::same_with_any_threads;
use crate::case::Case;
use crate::report::{Report, absolute, relative};
use sparse_ode::{ConnectomeRnn, Sequence, SparseRnn, Steps};
use tch::nn::VarStore;
use tch::{Kind, Tensor};

pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    let network = Description::of(case)?;
    network.check(report)?;
    let x = tensor(case, "x", network.kind)?.set_requires_grad(true);
    let h0 = case.has("h0").then(|| tensor(case, "h0", network.kind)).transpose()?.map(|h0| h0.set_requires_grad(true));
    let (run, vs) = forward(case, &network, &x, h0.as_ref())?;
    let double = network.kind == Kind::Double;
    let tolerance = if double { relative(1e-12) } else { absolute(2e-5) };
    for (key, got) in [("hs", &run.hs), ("outs", &run.outs)] {
        let shape: Vec<usize> = got.size().iter().map(|&n| n as usize).collect();
        report.exact(&format!("shape of {key}"), &shape, case.shape(key)?);
        report.close_in_norm(key, &numbers(got)?, case.floats(key)?, tolerance);
    }
    network.check_clamped(&vs, report)?;
    same_with_any_threads(report, &numbers(&run.hs)?, || {
        let network = Description::of(case)?;
        let h0 = case.has("h0").then(|| tensor(case, "h0", network.kind)).transpose()?;
        numbers(&forward(case, &network, &tensor(case, "x", network.kind)?, h0.as_ref())?.0.hs)
    })?;
    let ran = gradients::Ran { hs: run.hs, outs: run.outs, vs, x, h0 };
    let tolerance = if double { relative(1e-10) } else { relative(2e-5) };
    gradients::check_network(case, report, ("grad.", "loss"), &ran, tolerance)
}

fn forward(
    case: &Case,
    network: &Description<'_>,
    x: &Tensor,
    h0: Option<&Tensor>,
) -> Result<(Sequence, VarStore), String> {
    let text = |e: sparse_ode::Error| e.to_string();
    let mut steps = Steps::new();
    if let Some(n) = case.table("forward", &["num_steps"])?.get("num_steps").and_then(serde_json::Value::as_u64) {
        steps = steps.num_steps(n as usize);
    }
    if let Some(h0) = h0 {
        steps = steps.h0(h0);
    }
    match case.setting("cls")? {
        "ConnectomeRNN" => {
            let (model, vs) = network.build(ConnectomeRnn::builder)?;
            Ok((model.forward(x, &steps).map_err(text)?, vs))
        }
        "SparseRNN" => {
            let (model, vs) = network.build(SparseRnn::builder)?;
            Ok((model.forward(x, &steps).map_err(text)?, vs))
        }
        other => Err(format!("the class {other:?} is not understood")),
    }
}

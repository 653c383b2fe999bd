//! Networks that learn: the classifier's logits and gradients, and steps of an optimiser.

use super::arrays::{numbers, tensor};
use super::model::Description;
use crate::case::Case;
use crate::report::{Report, relative};
use sparse_ode::{
    Adjoint, Compat, ConnectomeOdeClassifier, ConnectomeOdeRnn, Forward, Layout, Mode, ReadAt, Readout, Solver,
};
use tch::nn::VarStore;
use tch::{Device, Kind, Reduction, no_grad};
use tch_train::{Adam, Optimizer, Parameters};

/// What the package does.
fn solver() -> Solver {
    Solver::new().compat(Compat::Torchode).adjoint(Adjoint::ThroughStepSizes)
}

/// The readout's parameters here and in files.
const READOUT: [(&str, &str); 4] = [
    ("readout.hidden.weight", "out_layer.1.weight"),
    ("readout.hidden.bias", "out_layer.1.bias"),
    ("readout.classes.weight", "out_layer.4.weight"),
    ("readout.classes.bias", "out_layer.4.bias"),
];

const NETWORK: [(&str, &str); 4] = [
    ("rnn.connectome.values", "rnn.hh.values"),
    ("rnn.connectome.bias", "rnn.hh.bias"),
    ("rnn.input_projection.values", "rnn.ih.values"),
    ("rnn.tau", "rnn.tau"),
];

pub(crate) fn run_classifier(case: &Case, report: &mut Report) -> crate::Outcome {
    let text = |e: sparse_ode::Error| e.to_string();
    let network = Description::of(case)?;
    network.check(report)?;
    let mut vs = VarStore::new(Device::Cpu);
    vs.set_kind(network.kind);
    let readout = Readout::new(case.shape("out_layer.4.bias")?[0]).hidden(case.shape("out_layer.1.bias")?[0]);
    let rnn = network.configured(ConnectomeOdeRnn::builder)?.layout(Layout::TimeFirst);
    let model = ConnectomeOdeClassifier::new(&vs.root(), rnn, &readout).map_err(text)?.with_solver(solver());
    network.set_parameters(&vs, "rnn.")?;
    let variables = vs.variables();
    for (name, key) in READOUT {
        let mut parameter = variables.get(name).ok_or("the classifier lacks a parameter")?.shallow_clone();
        let value = tensor(case, key, network.kind)?;
        no_grad(|| parameter.copy_(&value));
    }
    let x = tensor(case, "x", network.kind)?;
    let logits = |evals: usize, at: ReadAt| -> Result<_, String> {
        Ok(model.forward(&x, &Forward::new().num_evals(evals), at, Mode::Evaluate).map_err(text)?.logits)
    };
    let last = logits(2, ReadAt::LastTime)?;
    report.close_in_norm("logits", &numbers(&last)?, case.floats("logits")?, relative(1e-10));
    let all = logits(case.shape("logits_all_timesteps")?[0], ReadAt::AllTimes)?;
    let want = case.floats("logits_all_timesteps")?;
    report.close_in_norm("logits_all_timesteps", &numbers(&all)?, want, relative(1e-10));
    let labels = tch::Tensor::from_slice(case.integers("labels")?);
    let loss = last.log_softmax(-1, network.kind).nll_loss(&labels);
    report.close("loss", &numbers(&loss)?, case.floats("loss")?, relative(1e-10));
    loss.f_backward().map_err(|e| e.to_string())?;
    for (name, key) in NETWORK.iter().chain(&READOUT) {
        let key = format!("grad.{key}");
        let parameter = variables.get(*name).ok_or_else(|| format!("the classifier lacks {name}"))?;
        report.close_in_norm(&key, &numbers(&parameter.grad())?, case.floats(&key)?, relative(1e-8));
    }
    Ok(())
}

pub(crate) fn run_adam(case: &Case, report: &mut Report) -> crate::Outcome {
    match case.setting("optimizer")? {
        "Adam lr=0.05 betas 0.9,0.999 eps 1e-8" => {}
        other => return Err(format!("optimiser {other:?} is not understood")),
    }
    match case.setting("loss")? {
        "mean squared error of hs[-1] vs target" => {}
        other => return Err(format!("loss {other:?} is not understood")),
    }
    let text = |e: tch_train::Error| e.to_string();
    let network = Description::of(case)?;
    network.check(report)?;
    let (model, vs) = network.build(ConnectomeOdeRnn::builder)?;
    let model = model.with_solver(solver());
    // The file holds these two as they were after the last step; they start as bioplnn makes them.
    for (name, key, steps, start) in [
        ("connectome.bias", "hh_bias", "hh_bias_steps", 0.0),
        ("input_projection.values", "ih_values", "ih_values_steps", 1.0),
    ] {
        let (last, steps) = (case.floats(key)?, case.floats(steps)?);
        if steps.ends_with(last) {
            let mut parameter = vs.variables().remove(name).ok_or("the network lacks a parameter")?;
            let _ = no_grad(|| parameter.fill_(start));
        }
    }
    let mut optimizer = Optimizer::new(Adam { lr: 0.05, ..Adam::default() }, &Parameters::of(&vs)).map_err(text)?;
    let (x, target) = (tensor(case, "x", network.kind)?, tensor(case, "target", network.kind)?);
    let steps = case.shape("losses")?[0];
    let (mut losses, mut taken) = (Vec::new(), Vec::new());
    let arrays = [
        ("connectome.values", "hh_values_steps"),
        ("connectome.bias", "hh_bias_steps"),
        ("input_projection.values", "ih_values_steps"),
        ("tau", "tau_steps"),
    ];
    let mut seen = arrays.map(|_| Vec::new());
    for _ in 0..steps {
        optimizer.zero_grad().map_err(text)?;
        let run = model.forward(&x, &Forward::new()).map_err(|e| e.to_string())?;
        let last = if network.is_batch_first()? { run.hs.select(1, -1) } else { run.hs.select(0, -1) };
        let loss = last.mse_loss(&target, Reduction::Mean);
        loss.f_backward().map_err(|e| e.to_string())?;
        optimizer.step().map_err(text)?;
        losses.extend(numbers(&loss)?);
        taken.extend(run.stats.iter().map(|s| s.steps as i64));
        let variables = vs.variables();
        for ((name, _), seen) in arrays.iter().zip(&mut seen) {
            seen.extend(numbers(variables.get(*name).ok_or("the network lacks a parameter")?)?);
        }
    }
    report.exact("n_steps", &taken, case.integers("n_steps")?);
    report.close("losses", &losses, case.floats("losses")?, relative(1e-9));
    for ((_, key), seen) in arrays.iter().zip(&seen) {
        report.close_in_norm(key, seen, case.floats(key)?, relative(1e-8));
    }
    report.expect(network.kind == Kind::Double, || "single precision has no tolerance here".into());
    Ok(())
}

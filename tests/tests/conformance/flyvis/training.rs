//! Whole iterations of training.

use super::network::named;
use crate::case::Case;
use crate::report::{Report, Tolerance, absolute, relative};
use crate::tensors::{numbers, tensor};
use connectome_graph::hex::{Extent, expand};
use fly_vision::Network;
use fly_vision::network::{EngineKind, Wiring};
use fly_vision::task::{AugmentationOptions, Decay, DecoderOptions, OutsideWeights};
use fly_vision::training::{FlyTraining, TrainingSettings};
use tch::{Kind, Tensor};

/// Adam divides by the size of gradients, so that rounding of small ones shows in steps of the size of the learning rate.
fn steps(lr: f64) -> Tolerance {
    Tolerance { relative: 1e-4, absolute: 2e-2 * lr }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    for engine in [EngineKind::Stencil, EngineKind::Tensors] {
        iterations(case, report, engine)?;
    }
    Ok(())
}

fn training(case: &Case, engine: EngineKind) -> Result<FlyTraining, String> {
    let lr = case.number("lr")?;
    let rate = Decay { start: lr, stop: lr, ..Decay::default() };
    let mut settings = TrainingSettings {
        batch: case.number("batch")? as usize,
        decoder: DecoderOptions { dropout: 0.0, outside: OutsideWeights::Moved, ..DecoderOptions::default() },
        augmentation: AugmentationOptions { dt: case.number("dt")?, ..AugmentationOptions::default() },
        ..TrainingSettings::default()
    };
    for decay in settings.decays_mut() {
        *decay = rate.clone();
    }
    let types = fly_vision::connectome().map_err(text)?;
    let fly = expand(&types, Extent(case.number("extent")? as u32)).map_err(text)?;
    let builder = Network::builder(Wiring::from_hex(&fly).map_err(text)?).engine(engine);
    FlyTraining::new(builder, settings).map_err(text)
}

fn iterations(case: &Case, report: &mut Report, engine: EngineKind) -> crate::Outcome {
    let training = training(case, engine)?;
    let lr = case.number("lr")?;
    for (name, parameter) in named(training.network()) {
        let initial = tensor(case, &format!("init.{name}"), Kind::Float)?;
        if initial.size() != parameter.size() {
            return Err(format!("{name} has {:?} numbers, the network {:?}", initial.size(), parameter.size()));
        }
        tch::no_grad(|| parameter.shallow_clone().copy_(&initial));
    }
    let (lum, flow) = (tensor(case, "lum", Kind::Float)?, tensor(case, "flow", Kind::Float)?);
    let n = case.number("iters")? as i64;
    report.exact("T", &[lum.size()[2] as f64], &[case.number("T")?]);
    report.exact("iterations", &[lum.size()[0]], &[n]);
    let mut optimizer = training.optimizer().map_err(text)?;
    let mut losses = Vec::new();
    training.settle().map_err(text)?;
    for iteration in 0..n {
        let parameters = |report: &mut Report, prefix: &str, of: &dyn Fn(&Tensor) -> Tensor, tolerance: Tolerance| {
            for (name, parameter) in named(training.network()) {
                let key = format!("{prefix}{name}");
                if parameter.requires_grad() && case.has(&key) {
                    report.close_in_norm(&key, &numbers(&of(parameter))?, case.floats(&key)?, tolerance);
                }
            }
            Ok::<(), String>(())
        };
        optimizer.zero_grad().map_err(text)?;
        let luminance = lum.get(iteration).squeeze_dim(2);
        let (loss, ..) = training.loss(&luminance, &flow.get(iteration), iteration as u64, 0).map_err(text)?;
        loss.f_backward().map_err(text)?;
        losses.push(loss.double_value(&[]));
        parameters(report, &format!("iter{iteration}.task_grad."), &Tensor::grad, relative(1e-3))?;
        optimizer.step().map_err(text)?;
        parameters(report, &format!("iter{iteration}.after_adam."), &Tensor::detach, steps(lr))?;
        training.penalise(lr).map_err(text)?;
        parameters(report, &format!("iter{iteration}.after_penalty."), &Tensor::detach, steps(lr))?;
    }
    report.close("losses", &losses, case.floats("losses")?, relative(1e-5));
    for (name, parameter) in named(training.network()) {
        let key = format!("final.{name}");
        if case.has(&key) {
            report.close(&key, &numbers(parameter)?, case.floats(&key)?, steps(lr));
        }
    }
    let all = training.parameters();
    for key in case.keys("final_decoder.") {
        let name = key.replacen("final_decoder.", "decoder.", 1);
        let got = numbers(all.get(&name).ok_or_else(|| format!("the decoder has no {name}"))?)?;
        if case.is_integer(key) {
            let whole: Vec<i64> = got.iter().map(|x| *x as i64).collect();
            report.exact(key, &whole, case.integers(key)?);
        } else {
            // a bias before a normalisation has no gradient but that of rounding, by which Adam steps all the same; with it moves the mean
            let drift = 2.0 * n as f64 * lr;
            let tolerance = match name.strip_prefix("decoder.base.") {
                Some("0.bias") => absolute(drift),
                Some("1.running_mean") => Tolerance { absolute: 0.1 * drift, ..steps(lr) },
                _ => steps(lr),
            };
            report.close(key, &got, case.floats(key)?, tolerance);
        }
    }
    report.close("lr", &[training.settings().lr_penalty.at(0)], &[lr], absolute(0.0));
    Ok(())
}

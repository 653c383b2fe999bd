//! Training on exponents.

use super::problem::{Side, activation, scalar};
use crate::case::Case;
use crate::report::{Report, absolute};
use connectome_io::Labels;
use flybrain::rate::RateSystem;
use flybrain::rate::train::{Bounds, Groups, Listed, Log, Masks, Recipe, Share, Training, flystability_tangents};
use lyapunov::{Compat, Interval, Loss, Wiring};
use tch::Kind;

pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    for side in Side::BOTH {
        train(case, side, report)?;
    }
    let (n, k) = (case.integers("in.types")?.len(), case.shape("in.q0_raw")?[1]);
    for key in ["in.q0_raw", "in.q0_raw_full"] {
        report.close(
            "drawn tangents",
            &flystability_tangents(n, case.shape(key)?[1], Kind::Double),
            case.floats(key)?,
            absolute(1e-12),
        );
    }
    let (q, _) = lyapunov::qr(n, k, case.floats("in.q0_raw")?);
    let golden = case.floats("in.q0")?;
    for column in 0..k {
        let of = |list: &[f64]| (0..n).map(|i| list[i * k + column]).collect::<Vec<_>>();
        let (own, golden) = (of(&q), of(golden));
        let sign = own.iter().zip(&golden).map(|(a, b)| a * b).sum::<f64>().signum();
        report.close("q0", &own.iter().map(|x| sign * x).collect::<Vec<_>>(), &golden, absolute(1e-10));
    }
    Ok(())
}

fn loss(case: &Case) -> Result<Loss, String> {
    let target = case.number("target")?;
    Ok(match case.setting("loss")? {
        "l2" => Loss::L2 { target },
        "MSE" => Loss::MeanSquare { target },
        "MSE_Custom" => Loss::Line { from: 1.24, to: -1.25 },
        "Sinai" => Loss::Expansion,
        other => return Err(format!("the loss {other:?} is not understood")),
    })
}

/// The network that a file begins with.
fn network(case: &Case) -> Result<RateSystem, String> {
    let codes = super::problem::types(case)?;
    let of = |key: &str| case.floats(key).map(<[f64]>::to_vec);
    let (gains, shifts, state, dt) = (of("in.gains")?, of("in.shifts")?, of("in.h0")?, scalar(case, "in.dt")?);
    let activation = activation(case)?;
    let names = (0..gains.len()).map(|t| t.to_string()).collect();
    let types = Labels::new(names, codes).map_err(|e| e.to_string())?;
    RateSystem::new(Wiring::Dense(types.len()), of("in.W")?, of("in.C")?)
        .and_then(|s| {
            s.with_numbered_types(types)?.with_gains(gains)?.with_shifts(shifts)?.with_state(state)?.with_dt(dt)
        })
        .map(|s| s.with_activation(activation))
        .map_err(|e| e.to_string())
}

fn train(case: &Case, side: Side, report: &mut Report) -> crate::Outcome {
    let name = side.name();
    let counts = if case.has("in.number_param") { Some(case.integers("in.number_param")?) } else { None };
    let share = |key: &str, place: usize| -> Result<Share, String> {
        Ok(match (scalar(case, key)? != 0.0, counts) {
            (false, _) => Share::None,
            (true, None) => Share::All,
            (true, Some(counts)) => Share::Some(counts[place] as usize),
        })
    };
    let groups = Groups {
        weights: share("in.train_weights", 0)?,
        gains: share("in.train_gains", 1)?,
        shifts: share("in.train_shifts", 2)?,
    };
    let mask = |key: &str, share: Share, report: &mut Report| -> Result<Option<Vec<f64>>, String> {
        let Share::Some(count) = share else { return Ok(None) };
        let mask = case.floats(key)?;
        report.expect(mask.iter().sum::<f64>() == count as f64, || format!("{key}: not {count} numbers are trained"));
        Ok(Some(mask.to_vec()))
    };
    let masks = Masks {
        weights: mask("in.mask_W", groups.weights, report)?,
        shifts: mask("in.mask_shifts", groups.shifts, report)?,
        gains: mask("in.mask_gains", groups.gains, report)?,
    };
    let loss = loss(case)?;
    let maximise = case.integers("in.maximize")? != [0];
    report.expect(loss.is_maximised() == maximise, || "the loss goes the other way".into());
    let nle = case.integers("in.nle")?[0] as usize;
    let tons = scalar(case, "in.tons")?;
    let recipe = Recipe {
        groups,
        loss,
        exponents: nle,
        full: None,
        duration: scalar(case, "in.tsim")?,
        interval: if tons > 0.0 { Interval::Time(tons) } else { Interval::Adaptive },
        lr: scalar(case, "in.lr")?,
        bounds: Bounds::Free,
        compat: if side == Side::Reference { Compat::FlyStability } else { Compat::None },
        seed: 0,
        start: Some(case.floats("in.q0_raw")?.to_vec()),
    };
    let text = |e: flybrain::Error| e.to_string();
    let training = Training::new(network(case)?, recipe, &masks).map_err(text)?;
    let mut optimizer = training.optimizer().map_err(text)?;
    let mut log = Log::default();
    let mut paths: [Vec<f64>; 3] = Default::default();
    let mut keep = || -> Result<(), String> {
        let now = training.system().map_err(text)?;
        for (path, numbers) in paths.iter_mut().zip([now.weights(), now.shifts(), now.gains()]) {
            path.extend_from_slice(numbers);
        }
        Ok(())
    };
    keep()?;
    for _ in 0..case.integers("in.epochs")?[0] {
        optimizer.zero_grad().map_err(|e| e.to_string())?;
        log.epochs.push(training.epoch().map_err(text)?);
        optimizer.step().map_err(|e| e.to_string())?;
        training.bound();
        keep()?;
    }
    let want = |key: &str| case.floats(&format!("out.{name}.{key}"));
    for (path, key) in paths.iter().zip(["W", "shifts", "gains"]) {
        report.close(&format!("{key} {name}"), path, want(key)?, absolute(1e-8));
    }
    let list = |of: &dyn Fn(&flybrain::rate::train::Epoch) -> f64| log.epochs.iter().map(of).collect::<Vec<_>>();
    let tolerance = absolute(1e-8);
    report.close(&format!("loss {name}"), &list(&|e| e.loss), want("loss")?, tolerance);
    if side == Side::Exact {
        let spectra: Vec<f64> = log.epochs.iter().flat_map(|e| e.exponents.clone()).collect();
        report.close("spectrum", &spectra, want("spectrum")?, tolerance);
        return Ok(());
    }
    report.close("lambda_max", &list(&|e| e.largest), want("lambda_max")?, tolerance);
    for (i, key) in ["grad_weights", "grad_shifts", "grad_gains"].into_iter().enumerate() {
        report.close(key, &list(&|e| e.norms[i]), want(key)?, tolerance);
    }
    let listed = if counts.is_some() { Listed::All } else { Listed::WithoutLast };
    let json = log.to_json(listed);
    let logged: Vec<f64> = serde_json::from_value(json["training_loss"].clone()).map_err(|e| e.to_string())?;
    report.close("logged_loss", &logged, want("logged_loss")?, tolerance);
    // From where the last epoch ended, with the parameters that its step made.
    let full = training.full_settings().start(case.floats("in.q0_raw_full")?);
    let spectrum = training.spectrum(&full).map_err(text)?;
    report.close("full_spectrum_after", spectrum.exponents(), want("full_spectrum_after")?, tolerance);
    Ok(())
}

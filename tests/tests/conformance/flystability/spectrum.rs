//! Spectra.

use super::problem::{Side, network, scalar, settings};
use crate::case::Case;
use crate::report::{Report, absolute};
use flybrain::rate::train::flystability_tangents;
use lyapunov::{Interval, Settings, entropy, integer_dimension};
use tch::Kind;

pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    let adaptive = match case.setting("adaptive")? {
        "True" => true,
        "False" => false,
        other => return Err(format!("adaptive is {other:?}")),
    };
    let (h0, k) = (case.floats("in.h0")?, case.shape("in.q0_raw")?[1]);
    let nle = case.integers("in.nle")?[0];
    report.expect(nle as usize == k, || format!("{nle} exponents with {k} tangents"));
    for side in Side::BOTH {
        let name = side.name();
        if !case.has(&format!("out.ls_{name}")) {
            continue;
        }
        let sensitivity = scalar(case, &format!("out.sens_{name}"))?;
        let tolerance = absolute((100.0 * sensitivity).max(1e-9));
        let network = network(case, side, None)?;
        let settings = settings(case, side)?;
        let run = |settings: &Settings| settings.run(&network, h0).map_err(|e| e.to_string());
        let spectrum = run(&settings)?;
        let what = |part: &str| format!("{part} {name}");
        report.close(&what("ls"), spectrum.exponents(), case.floats(&format!("out.ls_{name}"))?, tolerance);
        let state = absolute((1e5 * sensitivity).max(1e-9));
        report.close(&what("h_final"), spectrum.state(), case.floats(&format!("out.h_final_{name}"))?, state);
        let history = spectrum.history().ok_or("no history")?;
        let from_q0 = run(&settings.clone().start(case.floats("in.q0")?))?;
        report.close(&what("ls from q0"), from_q0.exponents(), case.floats(&format!("out.ls_{name}"))?, tolerance);
        match side {
            Side::Exact => {
                report.close(&what("history"), &history.exponents, case.floats("out.ls_exact_history")?, tolerance);
                report.close("entropy", &[spectrum.entropy()], case.floats("out.entropy")?, tolerance);
                // Exponents do not depend on when tangents are orthonormalised.
                for other in [Interval::Adaptive, Interval::Time(1.3)] {
                    let spectrum = run(&settings.clone().interval(other))?;
                    report.close(
                        "ls by another interval",
                        spectrum.exponents(),
                        case.floats("out.ls_exact")?,
                        tolerance,
                    );
                }
            }
            Side::Reference => {
                report.close(&what("history"), &history.exponents, case.floats("out.spectrum_history")?, tolerance);
                report.close(&what("times"), &history.times, case.floats("out.time_history")?, absolute(1e-9));
                let intervals: Vec<i64> = spectrum.intervals().iter().map(|&i| i as i64).collect();
                report.exact("stepons_history", &intervals, case.integers("out.stepons_history")?);
                report.expect(adaptive == (intervals.len() > 1), || format!("{} intervals", intervals.len()));
                let got = [entropy(spectrum.exponents())];
                report.close("entropy_ref", &got, case.floats("out.entropy_ref")?, tolerance);
                let got = [integer_dimension(spectrum.exponents()) as i64];
                report.exact("dim_ref", &got, case.integers("out.dim_ref")?);
            }
        }
    }
    if case.has("out.ls_ref_f32") {
        // What single precision does to the trajectory, from how it answers to a push of 1e-13.
        let rounding = absolute((1e7 * scalar(case, "out.sens_ref")?).max(1e-3));
        let network = network(case, Side::Reference, None)?;
        let double = single(case, &network, case.floats("in.q0_raw")?)?;
        report.close("ls in f32", &double, case.floats("out.ls_ref")?, rounding);
        // FlyStability in single precision draws other tangents from the same seed.
        let own = single(case, &network, &flystability_tangents(h0.len(), k, Kind::Float))?;
        report.close("ls_ref_f32", &own, case.floats("out.ls_ref_f32")?, rounding);
    }
    Ok(())
}

/// The exponents of the reference in single precision.
fn single(case: &Case, of: &lyapunov::RateNetwork<f64>, start: &[f64]) -> Result<Vec<f64>, String> {
    let narrow = |list: &[f64]| list.iter().map(|&x| x as f32).collect::<Vec<_>>();
    let types = super::problem::types(case)?;
    let network = lyapunov::Coupling::dense(types.len(), narrow(of.coupling().values()))
        .and_then(|c| {
            lyapunov::RateNetwork::builder(c)
                .activation(of.activation())
                .dt(case.floats("in.dt").map_or(0.1, |dt| dt[0]))
                .types(&types)
                .gains(&narrow(case.floats("in.gains").unwrap_or_default()))
                .shifts(&narrow(case.floats("in.shifts").unwrap_or_default()))
                .derivative(Side::Reference.derivative())
                .build()
        })
        .map_err(|e| e.to_string())?;
    let spectrum = settings(case, Side::Reference)?.start(start).run(&network, &narrow(case.floats("in.h0")?));
    Ok(spectrum.map_err(|e| e.to_string())?.exponents().to_vec())
}

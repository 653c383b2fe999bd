//! Networks at rest, whose exponents are those of a matrix.

use super::problem::{coupling, scalar};
use crate::case::Case;
use crate::report::{Report, absolute};
use lyapunov::{Activation, Compat, Coupling, Derivative, Interval, RateNetwork, Settings};

pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    let network = |prefix: &str, dt: f64, derivative| {
        let values = coupling(case, prefix)?;
        let n = values.len().isqrt();
        let coupling = Coupling::dense(n, values).map_err(|e| e.to_string())?;
        let builder = RateNetwork::builder(coupling).activation(Activation::Tanh).dt(dt).derivative(derivative);
        builder.build().map_err(|e| e.to_string())
    };
    let at_rest = |network: &RateNetwork<f64>, settings: &Settings, n: usize| -> Result<Vec<f64>, String> {
        Ok(settings.run(network, &vec![0.0; n]).map_err(|e| e.to_string())?.exponents().to_vec())
    };
    // FlyStability's own test.
    let settings = Settings::new(2)
        .duration(scalar(case, "two.in.tsim")?)
        .interval(Interval::Time(scalar(case, "two.in.tons")?))
        .start(case.floats("two.in.q0_raw")?);
    let two = network("two.in.", 0.1, Derivative::FlyStability)?;
    let got = at_rest(&two, &settings.clone().compat(Compat::FlyStability), 2)?;
    report.close("two ls_ref", &got, case.floats("two.out.ls_ref")?, absolute(1e-9));
    let two = network("two.in.", 0.1, Derivative::Exact)?;
    // Two exponents of one size, of complex eigenvalues: what one tangent turns by is lost over the run's time.
    let got = at_rest(&two, &settings, 2)?;
    report.close("two ls_true", &got, case.floats("two.out.ls_true")?, absolute(2e-3));
    report.close("two sum", &[got.iter().sum()], &[case.floats("two.out.ls_true")?.iter().sum()], absolute(1e-10));
    let n = case.floats("net.in.h0")?.len();
    report.expect(case.floats("net.in.h0")?.iter().all(|h| *h == 0.0), || "the network is not at rest".into());
    let long = Settings::new(n).duration(4000.0).transient(0.0).tangent_transient(1000.0);
    for (key, dt) in [("ls_true", 0.1), ("ls_true_continuous", 1e-3)] {
        let duration = if dt < 0.01 { long.clone().duration(400.0) } else { long.clone() };
        let mut got = at_rest(&network("net.in.", dt, Derivative::Exact)?, &duration, n)?;
        got.sort_by(|a, b| b.total_cmp(a));
        let mut want = case.floats(&format!("net.out.{key}"))?.to_vec();
        want.sort_by(|a, b| b.total_cmp(a));
        // Pairs of complex eigenvalues turn, and Euler's step of 0.001 is off by half of it times the exponents' squares.
        report.close(key, &got, &want, absolute(5e-3));
        let sum = |list: &[f64]| [list.iter().sum::<f64>()];
        report.close("sum", &sum(&got), &sum(&want), absolute(if dt < 0.01 { 2e-2 } else { 1e-9 }));
    }
    Ok(())
}

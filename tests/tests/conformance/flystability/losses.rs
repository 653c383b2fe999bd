//! Losses and what is derived from spectra.

use crate::case::Case;
use crate::report::{Report, absolute};
use lyapunov::{Loss, entropy, integer_dimension, kaplan_yorke_dimension};

pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    let target = case.number("target_tp")?;
    let losses = [
        ("l2_t0", Loss::L2 { target: 0.0 }),
        ("l2_tp", Loss::L2 { target }),
        ("mse_t0", Loss::MeanSquare { target: 0.0 }),
        ("mse_tp", Loss::MeanSquare { target }),
        ("mse_custom", Loss::Line { from: 1.24, to: -1.25 }),
        ("sinai", Loss::Expansion),
    ];
    let tolerance = absolute(1e-12);
    for s in 0..case.number("count")? as usize {
        let exponents = case.floats(&format!("s{s}.in.spectrum"))?;
        let want = |key: &str| case.floats(&format!("s{s}.out.{key}"));
        for (key, loss) in &losses {
            report.close(key, &[loss.value(exponents)], want(key)?, tolerance);
            report.close(&format!("{key}.grad"), &loss.gradient(exponents), want(&format!("{key}.grad"))?, tolerance);
        }
        report.close("entropy", &[entropy(exponents)], want("entropy")?, tolerance);
        report.close("entropy as a loss", &[Loss::Entropy.value(exponents)], want("entropy")?, tolerance);
        report.close("kaplan_yorke", &[kaplan_yorke_dimension(exponents)], want("kaplan_yorke")?, tolerance);
        let golden = case.integers(&format!("s{s}.out.dim_ref"))?;
        report.exact("dim_ref", &[integer_dimension(exponents) as i64], golden);
    }
    Ok(())
}

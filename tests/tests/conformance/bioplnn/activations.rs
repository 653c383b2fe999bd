//! Nonlinearities by name.

use crate::case::Case;
use crate::report::{Report, Tolerance};
use sparse_ode::Nonlinearity;

pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    let x = case.floats("x")?;
    for name in case.keys("").into_iter().filter(|name| *name != "x") {
        // The name of a module in lower case.
        let phi: Nonlinearity =
            name.trim_end_matches("_lower").parse().map_err(|e: sparse_ode::Error| e.to_string())?;
        let want = case.floats(name)?;
        let mut got = x.to_vec();
        phi.apply(&mut got);
        report.close(name, &got, want, Tolerance { relative: 1e-13, absolute: 1e-14 });
        let tensor = phi.apply_tensor(&tch::Tensor::from_slice(x)).map_err(|e| e.to_string())?;
        let got = Vec::<f64>::try_from(tensor).map_err(|e| e.to_string())?;
        report.close(&format!("{name} of tensors"), &got, want, Tolerance { relative: 1e-14, absolute: 1e-15 });
    }
    Ok(())
}

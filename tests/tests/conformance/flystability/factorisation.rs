//! Factorisations and their derivatives.

use crate::case::Case;
use crate::report::{Report, Tolerance};
use crate::tensors::{numbers, tensor};
use lyapunov::{qr, qr_pull_back};
use tch::{Kind, Tensor};

const TOLERANCE: Tolerance = Tolerance { relative: 1e-9, absolute: 1e-10 };

pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    for key in case.keys("") {
        let Some(name) = key.strip_suffix(".in.A") else { continue };
        let of = |part: &str| case.floats(&format!("{name}.{part}"));
        let shape = case.shape(key)?;
        let (n, k) = (shape[0], shape[1]);
        if n < k {
            wide(case, report, name)?;
            continue;
        }
        // The golden factors have LAPACK's signs, ours a positive diagonal; gradients of Q and R turn with them.
        let golden = of("out.R")?;
        let sign: Vec<f64> = (0..k).map(|i| golden[i * k + i].signum()).collect();
        let columns = |m: &[f64]| -> Vec<f64> { m.iter().enumerate().map(|(at, x)| x * sign[at % k]).collect() };
        let rows = |m: &[f64]| -> Vec<f64> { m.iter().enumerate().map(|(at, x)| x * sign[at / k]).collect() };
        let (q, r) = qr(n, k, of("in.A")?);
        report.close("Q", &columns(&q), of("out.Q")?, TOLERANCE);
        report.close("R", &rows(&r), golden, TOLERANCE);
        let pulled = qr_pull_back(n, k, &q, &r, &columns(of("in.dQ")?), &rows(of("in.dR")?));
        report.close_in_norm("dA", &pulled, of("out.dA")?, TOLERANCE);
        report.close_in_norm("dA_torch", &pulled, of("out.dA_torch")?, TOLERANCE);
        let logs: Vec<f64> = (0..k * k).map(|at| if at / k == at % k { 1.0 / r[at] } else { 0.0 }).collect();
        let pulled = qr_pull_back(n, k, &q, &r, &vec![0.0; n * k], &logs);
        report.close_in_norm("dA_logdiag", &pulled, of("out.dA_logdiag")?, TOLERANCE);
    }
    Ok(())
}

/// More columns than rows: no tangents are. libtorch's factorisation, which networks on tensors use, must agree all the same.
fn wide(case: &Case, report: &mut Report, name: &str) -> crate::Outcome {
    let of = |part: &str| tensor(case, &format!("{name}.{part}"), Kind::Double);
    let a = of("in.A")?.set_requires_grad(true);
    let (q, r) = Tensor::linalg_qr(&a, "reduced");
    let golden = of("out.R")?;
    let sign = (r.diagonal(0, 0, 1) * golden.diagonal(0, 0, 1)).sign().detach();
    let (q, r): (Tensor, Tensor) = (&q * &sign, &r * sign.unsqueeze(1));
    report.close("Q", &numbers(&q)?, case.floats(&format!("{name}.out.Q"))?, TOLERANCE);
    report.close("R", &numbers(&r)?, case.floats(&format!("{name}.out.R"))?, TOLERANCE);
    let scalar = (q * of("in.dQ")?).sum(Kind::Double) + (r * of("in.dR")?).sum(Kind::Double);
    scalar.f_backward().map_err(|e| e.to_string())?;
    report.close_in_norm("dA", &numbers(&a.grad())?, case.floats(&format!("{name}.out.dA"))?, TOLERANCE);
    report.close_in_norm("dA_torch", &numbers(&a.grad())?, case.floats(&format!("{name}.out.dA_torch"))?, TOLERANCE);
    report.expect(of("out.dA_logdiag")?.abs().max().double_value(&[]) == 0.0, || "dA_logdiag is not zero".into());
    Ok(())
}

//! Gradients of losses on exponents.

use super::problem::{Side, activation, scalar, settings, types};
use crate::case::Case;
use crate::report::{Report, Tolerance, absolute};
use crate::tensors::{numbers, tensor};
use lyapunov::{Checkpoints, Inputs, Loss, RateModel, Wiring};
use tch::{Kind, Tensor};

const GRADIENT: Tolerance = Tolerance { relative: 1e-8, absolute: 1e-9 };

pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    let target = case.number("target")?;
    let losses = [
        ("l2", Loss::L2 { target }),
        ("mse", Loss::MeanSquare { target }),
        ("mse_custom", Loss::Line { from: 1.24, to: -1.25 }),
        ("sinai", Loss::Expansion),
    ];
    let types = types(case)?;
    let groups = case.shape("in.gains")?[0];
    for side in Side::BOTH {
        let name = side.name();
        let model = RateModel::new(Wiring::Dense(types.len()))
            .activation(activation(case)?)
            .derivative(side.derivative())
            .dt(scalar(case, "in.dt")?)
            .types(&types, groups);
        for (i, (key, loss)) in losses.iter().enumerate() {
            let of = |key: &str| tensor(case, key, Kind::Double);
            let leaf = |t: Tensor| t.set_requires_grad(true);
            let (sizes, gains, shifts) = (leaf(of("in.W")?), leaf(of("in.gains")?), leaf(of("in.shifts")?));
            let coupling = &sizes * of("in.C")?;
            let state = of("in.h0")?;
            let inputs = Inputs::new(&coupling, &state).gains(&gains).shifts(&shifts);
            // Whatever a recording keeps, the gradient is the same.
            let settings = settings(case, side)?.checkpoints(Checkpoints::Every(1 + 3 * i));
            let got = model.exponents(&inputs, &settings).map_err(|e| e.to_string())?;
            let exponents = numbers(&got.exponents)?;
            report.close(&format!("ls {name}"), &exponents, case.floats(&format!("out.ls_{name}"))?, absolute(1e-9));
            let value = loss.value(&exponents);
            report.close(
                &format!("{key} {name}"),
                &[value],
                case.floats(&format!("out.{key}.{name}"))?,
                absolute(1e-9),
            );
            (got.exponents * Tensor::from_slice(&loss.gradient(&exponents)))
                .sum(Kind::Double)
                .f_backward()
                .map_err(|e| e.to_string())?;
            for (part, t) in [("dW", &sizes), ("dgains", &gains), ("dshifts", &shifts)] {
                let want = case.floats(&format!("out.{key}.{name}.{part}"))?;
                report.close(&format!("{key} {part} {name}"), &numbers(&t.grad())?, want, GRADIENT);
            }
            if side == Side::Exact {
                let error = scalar(case, &format!("out.{key}.exact.fd_err"))?;
                report
                    .expect(error < 1e-5, || format!("{key}: golden gradients are {error} off by central differences"));
            }
        }
    }
    let (n, k) = (types.len(), case.integers("in.nle")?[0] as usize);
    let (q, _) = lyapunov::qr(n, k, case.floats("in.q0_raw")?);
    let golden = case.floats("in.q0")?;
    let by_sign: Vec<f64> = (0..n * k)
        .map(|at| {
            let column = at % k;
            let dot: f64 = (0..n).map(|i| q[i * k + column] * golden[i * k + column]).sum();
            q[at] * dot.signum()
        })
        .collect();
    report.close("q0", &by_sign, golden, absolute(1e-10));
    Ok(())
}

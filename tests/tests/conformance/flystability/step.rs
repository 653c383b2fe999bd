//! Steps and Jacobians.

use super::problem::{Side, network, scalar};
use crate::case::Case;
use crate::report::{Report, absolute};
use lyapunov::{RateNetwork, StepMap};

pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    let exact = network(case, Side::Exact, None)?;
    let tolerance = absolute(1e-12);
    let start = case.floats("in.h0")?;
    let n = start.len();
    report.close("A0", &exact.activity(start), case.floats("out.A0")?, tolerance);
    let mean = exact.activity(start).iter().sum::<f64>() / n as f64;
    report.close("mean_output0", &[mean], &[scalar(case, "out.mean_output0")?], tolerance);
    let step = |network: &RateNetwork<f64>, state: &[f64]| {
        let (mut state, mut work) = (state.to_vec(), network.work(0));
        network.step(0, &mut state, &mut work);
        state
    };
    for (name, network) in [("noext", &exact), ("ext", &network(case, Side::Exact, Some(case.floats("in.ext")?))?)] {
        let h1 = step(network, start);
        report.close("h1", &h1, case.floats(&format!("out.h1_{name}"))?, tolerance);
        report.close("A1", &network.activity(&h1), case.floats(&format!("out.A1_{name}"))?, tolerance);
    }
    let (mut state, mut states, mut activities) = (start.to_vec(), Vec::new(), Vec::new());
    let before = case.shape("out.H_traj")?[0];
    for _ in 0..before {
        state = step(&exact, &state);
        states.extend_from_slice(&state);
        activities.extend(exact.activity(&state));
    }
    report.close("H_traj", &states, case.floats("out.H_traj")?, tolerance);
    report.close("A_traj", &activities, case.floats("out.A_traj")?, tolerance);
    // The exact derivative is that at the state before the step, FlyStability's that after it: its step must arrive there.
    let identity: Vec<f64> = (0..n * n).map(|i| f64::from(u8::from(i / n == i % n))).collect();
    for (name, at) in [("h0", start), ("end", &state)] {
        let (mut there, mut jacobian, mut work) = (at.to_vec(), identity.clone(), exact.work(n));
        exact.push(0, &mut there, &mut jacobian, &mut work);
        report.close("jac_exact", &jacobian, case.floats(&format!("out.jac_exact_at_{name}"))?, tolerance);
    }
    // A constant input takes the step to any state.
    for (name, at) in [("h0", start), ("end", &state)] {
        let without = step(&exact, start);
        let input: Vec<f64> = at.iter().zip(&without).map(|(to, from)| to - from).collect();
        let reference = network(case, Side::Reference, Some(&input))?;
        let (mut there, mut jacobian, mut work) = (start.to_vec(), identity.clone(), reference.work(n));
        reference.push(0, &mut there, &mut jacobian, &mut work);
        report.close("jac_ref", &jacobian, case.floats(&format!("out.jac_ref_at_{name}"))?, tolerance);
    }
    Ok(())
}

//! Activations and their derivatives.

use crate::case::Case;
use crate::report::{Report, absolute};
use lyapunov::{Activation, Coupling, Derivative, Differentiable, Point, PointMut, RateNetwork, StepMap};

pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    let [x, gain, shift] = ["x", "gain", "shift"].map(|key| case.floats(&format!("in.{key}")));
    let (x, gain, shift) = (x?, gain?, shift?);
    let n = x.len();
    let names = [
        ("tanh", Activation::Tanh),
        ("tanh_streched", Activation::TanhStretched),
        ("tanh_positive", Activation::TanhPositive),
    ];
    for (name, activation) in names {
        let (mut value, mut slope) = (vec![0.0; n], vec![0.0; n]);
        activation.evaluate(x, gain, shift, &mut value, &mut slope);
        report.close(name, &value, case.floats(&format!("out.{name}"))?, absolute(1e-12));
        report.close("dx", &slope, case.floats(&format!("out.{name}.dx"))?, absolute(1e-12));
        // Uncoupled but for the activity of each neuron itself: the pull-back's gradients are the activation's derivatives.
        let itself = (0..n * n).map(|i| f64::from(u8::from(i / n == i % n))).collect();
        let network = Coupling::dense(n, itself)
            .and_then(|c| RateNetwork::builder(c).activation(activation).dt(1.0).gains(gain).shifts(shift).build())
            .map_err(|e| e.to_string())?;
        let (mut work, mut gradient) = (network.work(0), vec![0.0; network.n_parameters()]);
        let mut ones = vec![1.0; n];
        let before = Point { state: x, tangents: &[] };
        network.pull(0, before, PointMut { state: &mut ones, tangents: &mut [] }, &mut gradient, &mut work);
        report.close("pulled dx", &ones, case.floats(&format!("out.{name}.dx"))?, absolute(1e-12));
        let [gains, shifts] = [n * n..n * n + n, n * n + n..n * n + 2 * n];
        // What grows with x to 800 is compared by its size.
        let large = crate::report::Tolerance { relative: 1e-12, absolute: 1e-12 };
        report.close("dgain", &gradient[gains], case.floats(&format!("out.{name}.dgain"))?, large);
        report.close("dshift", &gradient[shifts], case.floats(&format!("out.{name}.dshift"))?, large);
    }
    // FlyStability's slope is what its derivative multiplies a tangent by.
    let zeros = vec![0.0; n * n];
    let mut ones = zeros.clone();
    (0..n).for_each(|i| ones[i * n + i] = 1.0);
    let network = Coupling::dense(n, ones.clone())
        .and_then(|c| {
            RateNetwork::builder(c).dt(1.0).gains(gain).shifts(shift).derivative(Derivative::FlyStability).build()
        })
        .map_err(|e| e.to_string())?;
    // A step of length 1 replaces the state by its activity; the inverse of the activity makes the state after it x where there is one.
    let within = |i: usize| x[i].abs() < 0.999 && gain[i] != 0.0;
    let start: Vec<f64> = (0..n).map(|i| if within(i) { x[i].atanh() / gain[i] + shift[i] } else { 0.0 }).collect();
    let (mut state, mut tangents, mut work) = (start, ones, network.work(n));
    network.push(0, &mut state, &mut tangents, &mut work);
    let want = case.floats("out.ref_jac_factor")?;
    let chosen: Vec<usize> = (0..n).filter(|&i| within(i) && (state[i] - x[i]).abs() < 1e-9).collect();
    let pick = |of: &dyn Fn(usize) -> f64| chosen.iter().map(|&i| of(i)).collect::<Vec<_>>();
    report.expect(chosen.len() >= 3, || format!("{} of {n} states can be reached", chosen.len()));
    report.close("ref_jac_factor", &pick(&|i| tangents[i * n + i]), &pick(&|i| want[i]), absolute(1e-8));
    Ok(())
}

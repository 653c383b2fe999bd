//! The solver's laws: order, tolerances, batches, times, failures.

use sparse_ode::{
    Compat, Controller, Error, Integral, Limits, Method, Pid, Save, Solution, Solver, Status, Times, per_sample,
};

/// Slope of `y` over `x`, both as logarithms, by least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let (mx, my) = points.iter().fold((0.0, 0.0), |(a, b), (x, y)| (a + x.ln() / n, b + y.ln() / n));
    let (num, den) =
        points.iter().fold((0.0, 0.0), |(a, b), (x, y)| (a + (x.ln() - mx) * (y.ln() - my), b + (x.ln() - mx).powi(2)));
    num / den
}

/// `y' = w J y + y cos t`, whose solution is a rotation times `exp(sin t)`.
fn spiral(t: f64, y: &[f64], dy: &mut [f64]) {
    dy[0] = -2.0 * y[1] + y[0] * t.cos();
    dy[1] = 2.0 * y[0] + y[1] * t.cos();
}

fn spiral_at(t: f64) -> [f64; 2] {
    [t.sin().exp() * (2.0 * t).cos(), t.sin().exp() * (2.0 * t).sin()]
}

fn distance(got: &[f64], want: &[f64]) -> f64 {
    got.iter().zip(want).map(|(g, w)| (g - w).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn order_of_convergence() {
    for method in Method::ALL {
        let points: Vec<(f64, f64)> = [20, 40, 80, 160]
            .iter()
            .map(|&n| {
                let dt = 2.0 / f64::from(n);
                let mut field = per_sample(2, |t, _, y: &[f64], dy| spiral(t, y, dy));
                let times = Times::span(1, 0.0, 2.0).unwrap();
                let s = Solver::new().method(method).fixed_step(dt).solve(&mut field, &[1.0, 0.0], &times).unwrap();
                (dt, distance(s.end(), &spiral_at(2.0)))
            })
            .collect();
        let got = slope(&points);
        assert!((got - f64::from(method.order())).abs() < 0.2, "{method:?}: {got}");
    }
}

/// Between steps the polynomial is as good as its degree promises.
#[test]
fn order_of_the_polynomial() {
    for (method, order) in [
        (Method::Dopri5, 5.0),
        (Method::Tsit5, 5.0),
        (Method::BogackiShampine, 4.0),
        (Method::Heun, 3.0),
        (Method::Euler, 2.0),
    ] {
        let points: Vec<(f64, f64)> = [0.2, 0.1, 0.05, 0.025]
            .iter()
            .map(|&dt| {
                let mut field = per_sample(2, |t, _, y: &[f64], dy| spiral(t, y, dy));
                let eval = [0.37 * dt, 0.71 * dt];
                let times = Times::span(1, 0.0, dt).unwrap().evaluate(&eval).unwrap();
                let s = Solver::new().method(method).fixed_step(dt).solve(&mut field, &[1.0, 0.0], &times).unwrap();
                let error = eval.iter().zip(s.values().chunks(2)).map(|(&t, y)| distance(y, &spiral_at(t)));
                (dt, error.fold(0.0, f64::max))
            })
            .collect();
        // Local errors: one order above the global ones.
        let got = slope(&points);
        assert!(got > order - 0.3, "{method:?}: {got}");
    }
}

/// The global error follows the tolerance with an exponent near one.
#[test]
fn errors_follow_tolerances() {
    for (method, controller) in [
        (Method::Dopri5, Controller::default()),
        (Method::Tsit5, Controller::Pid(Pid::default())),
        (Method::BogackiShampine, Controller::default()),
    ] {
        let points: Vec<(f64, f64)> = (4..10)
            .map(|d| {
                let tolerance = 10f64.powi(-d);
                let mut field = per_sample(2, |t, _, y: &[f64], dy| spiral(t, y, dy));
                let s = Solver::new()
                    .method(method)
                    .controller(controller.clone())
                    .tolerances(tolerance, tolerance)
                    .solve(&mut field, &[1.0, 0.0], &Times::span(1, 0.0, 5.0).unwrap())
                    .unwrap();
                (tolerance, distance(s.end(), &spiral_at(5.0)))
            })
            .collect();
        let got = slope(&points);
        assert!((0.7..1.25).contains(&got), "{method:?}: {got}");
        assert!(points.iter().all(|(tolerance, error)| error < &(100.0 * tolerance)), "{points:?}");
    }
}

/// A field of one sample.
type Plain = dyn Fn(f64, &[f64], &mut [f64]);

/// Problems whose end is known in closed form or from first integrals.
#[test]
fn known_ends() {
    let solve = |features: usize, y0: &[f64], end: f64, f: &Plain| -> Vec<f64> {
        let mut field = per_sample(features, |t, _, y: &[f64], dy| f(t, y, dy));
        let times = Times::span(1, 0.0, end).unwrap();
        let solver = Solver::new().tolerances(1e-12, 1e-12);
        solver.solve(&mut field, y0, &times).unwrap().into_success().unwrap().end().to_vec()
    };
    // DETEST A2 to A4.
    let y = solve(1, &[1.0], 20.0, &|_, y, dy| dy[0] = -0.5 * y[0].powi(3));
    assert!((y[0] - 1.0 / 21f64.sqrt()).abs() < 1e-10);
    let y = solve(1, &[1.0], 20.0, &|t, y, dy| dy[0] = y[0] * t.cos());
    assert!((y[0] - 20f64.sin().exp()).abs() < 1e-9);
    let y = solve(1, &[1.0], 20.0, &|_, y, dy| dy[0] = 0.25 * y[0] * (1.0 - y[0] / 20.0));
    assert!((y[0] - 20.0 / (1.0 + 19.0 * (-5f64).exp())).abs() < 1e-9);
    // DETEST D5: an orbit of eccentricity 0.9 returns after a period.
    let e: f64 = 0.9;
    let start = [1.0 - e, 0.0, 0.0, ((1.0 + e) / (1.0 - e)).sqrt()];
    let y = solve(4, &start, std::f64::consts::TAU, &|_, y, dy| {
        let r3 = (y[0] * y[0] + y[1] * y[1]).powf(1.5);
        dy.copy_from_slice(&[y[2], y[3], -y[0] / r3, -y[1] / r3]);
    });
    assert!(distance(&y, &start) < 1e-7, "{y:?}");
    // Arenstorf's orbit closes (Hairer, Norsett & Wanner I, II.0, eq. (0.1)).
    let start = [0.994, 0.0, 0.0, -2.001_585_106_379_082_5];
    let y = solve(4, &start, 17.065_216_560_157_96, &|_, y, dy| {
        let (m, n) = (0.012_277_471, 1.0 - 0.012_277_471);
        let d1 = ((y[0] + m).powi(2) + y[1] * y[1]).powf(1.5);
        let d2 = ((y[0] - n).powi(2) + y[1] * y[1]).powf(1.5);
        dy[0] = y[2];
        dy[1] = y[3];
        dy[2] = y[0] + 2.0 * y[3] - n * (y[0] + m) / d1 - m * (y[0] - n) / d2;
        dy[3] = y[1] - 2.0 * y[2] - n * y[1] / d1 - m * y[1] / d2;
    });
    assert!(distance(&y[..2], &start[..2]) < 1e-3, "{y:?}");
}

fn oscillators(mu: &[f64]) -> impl FnMut(f64, usize, &[f64], &mut [f64]) {
    let mu = mu.to_vec();
    move |_, sample, y, dy| {
        dy[0] = y[1];
        dy[1] = mu[sample] * (1.0 - y[0] * y[0]) * y[1] - y[0];
    }
}

/// A sample's result does not depend on the batch that it is solved in.
#[test]
fn batches_do_not_couple() {
    let mu = [0.5, 5.0, 50.0, 1.0, 20.0];
    let y0: Vec<f64> = mu.iter().enumerate().flat_map(|(i, _)| [2.0 - 0.3 * i as f64, 0.1]).collect();
    let times = |batch| Times::span(batch, 0.0, 6.0).unwrap().evenly(13).unwrap();
    let all = Solver::new().solve(&mut per_sample(2, oscillators(&mu)), &y0, &times(5)).unwrap();
    for i in 0..5 {
        let mut field = per_sample(2, oscillators(&mu[i..=i]));
        let one = Solver::new().solve(&mut field, &y0[2 * i..2 * i + 2], &times(1)).unwrap();
        assert_eq!(one.stats()[0], all.stats()[i], "sample {i}");
        assert_eq!(one.values(), &all.values()[i * 26..(i + 1) * 26], "sample {i}");
    }
}

#[test]
fn forward_and_backward_in_one_batch() {
    let times = Times::per_sample(&[0.0, 3.0], &[3.0, 0.0]).unwrap();
    let ends: Vec<f64> = [spiral_at(0.0), spiral_at(3.0)].concat();
    let mut field = per_sample(2, |t, _, y: &[f64], dy| spiral(t, y, dy));
    let s = Solver::new().tolerances(1e-10, 1e-10).solve(&mut field, &ends, &times).unwrap();
    assert!(s.is_success() && s.t() == [3.0, 0.0]);
    assert!(distance(s.end(), &[spiral_at(3.0), spiral_at(0.0)].concat()) < 1e-8);
}

/// Evaluation times: at the start, several in a step, at the end, none; the steps do not depend on them.
#[test]
fn evaluation_times_do_not_change_the_steps() {
    let run = |times: Times| {
        let mut field = per_sample(2, |t, _, y: &[f64], dy| spiral(t, y, dy));
        Solver::new().tolerances(1e-8, 1e-8).solve(&mut field, &[1.0, 0.0], &times).unwrap()
    };
    let plain = run(Times::span(1, 0.0, 4.0).unwrap());
    for eval in [
        vec![0.0, 4.0],
        vec![0.0, 0.0, 1e-9, 1e-3, 1.1e-3, 2.0, 4.0, 4.0],
        (0..=400).map(|i| 0.01 * f64::from(i)).collect(),
    ] {
        let s = run(Times::span(1, 0.0, 4.0).unwrap().evaluate(&eval).unwrap());
        assert_eq!((s.stats()[0].steps, s.evaluations()), (plain.stats()[0].steps, plain.evaluations()));
        assert_eq!(s.stats()[0].reached, eval.len());
        assert_eq!(s.end(), plain.end());
        for (t, y) in eval.iter().zip(s.values().chunks(2)) {
            assert!(distance(y, &spiral_at(*t)) < 1e-6, "{t}");
        }
    }
}

/// A field that is not a number for long steps: the step is shortened and the solution reached.
#[test]
fn overflow_rejects_the_step() {
    let mut field =
        per_sample(1, |_, _, y: &[f64], dy| dy[0] = if y[0] < 0.0 { f64::NAN } else { -y[0].sqrt() - 1e-3 * y[0] });
    let solver = Solver::new().initial_step(&[50.0]).tolerances(1e-8, 1e-6);
    let s = solver.solve(&mut field, &[4.0], &Times::span(1, 0.0, 3.0).unwrap()).unwrap();
    assert!(s.is_success() && s.stats()[0].steps > s.stats()[0].accepted, "{:?}", s.stats());
    assert!(s.end()[0] > 0.0 && s.end()[0] < 0.3);
}

/// A field that is never a number: the sample ends with a status and advice, the others go on.
#[test]
fn a_hopeless_sample_stops_alone() {
    let mut field =
        per_sample(1, |t, sample, y: &[f64], dy| dy[0] = if sample == 1 && t > 1.0 { f64::NAN } else { -y[0] });
    let times = Times::span(3, 0.0, 2.0).unwrap().evenly(5).unwrap();
    let s = Solver::new().solve(&mut field, &[1.0, 1.0, 1.0], &times).unwrap();
    assert_eq!(s.status(), [Status::Success, Status::StepTooSmall, Status::Success]);
    assert!(s.t()[1] > 0.9 && s.t()[1] <= 1.0 && s.stats()[1].reached >= 2);
    assert!(s.values()[5..][..s.stats()[1].reached].iter().all(|v| v.is_finite()));
    assert!(s.values()[5..][s.stats()[1].reached..5].iter().all(|v| v.is_nan()));
    let text = s.into_success().unwrap_err().to_string();
    assert!(text.contains("sample 1 stopped at t = ") && text.contains("NaN"), "{text}");
}

#[test]
fn rejects_in_a_row_have_an_end() {
    let mut field = per_sample(1, |_, _, _: &[f64], dy| dy[0] = f64::NAN);
    let s = Solver::new().max_rejects(Some(5)).solve(&mut field, &[1.0], &Times::span(1, 0.0, 2.0).unwrap()).unwrap();
    assert_eq!((s.status()[0], s.stats()[0].steps, s.t()[0], s.end()[0]), (Status::TooManyRejects, 6, 0.0, 1.0));
}

#[test]
fn steps_run_out_with_a_partial_result() {
    let mut field = per_sample(1, |_, _, y: &[f64], dy| dy[0] = y[0] * y[0]);
    let times = Times::span(2, 0.0, 2.0).unwrap().evenly(9).unwrap();
    let s = Solver::new().max_steps(Some(60)).solve(&mut field, &[1.0, 0.1], &times).unwrap();
    assert_eq!(s.status(), [Status::ReachedMaxSteps, Status::Success]);
    assert!((s.t()[0] - 1.0).abs() < 1e-3, "the blow-up is at 1, not {}", s.t()[0]);
    assert!((s.end()[1] - 1.0 / 8.0).abs() < 1e-4);
}

/// A sample that comes to its end with its last step is a success, unless torchode's behaviour is asked for.
#[test]
fn the_last_step_may_be_the_last_allowed() {
    let run = |compat| {
        let mut field = per_sample(1, |_, _, y: &[f64], dy| dy[0] = -y[0]);
        let solver = Solver::new().fixed_step(0.25).max_steps(Some(4)).compat(compat);
        solver.solve(&mut field, &[1.0], &Times::span(1, 0.0, 1.0).unwrap()).unwrap().status()[0]
    };
    assert_eq!((run(Compat::None), run(Compat::Torchode)), (Status::Success, Status::ReachedMaxSteps));
}

/// A field with jumps, told of them: steps end there, the result is exact where pieces are polynomials.
#[test]
fn jumps_are_met_exactly() {
    for (start, end) in [(0.0, 3.0), (3.0, 0.0)] {
        let mut pieces = Vec::new();
        let mut field = sparse_ode_field(
            |at_piece: usize, forward: bool| {
                pieces.push(at_piece);
                let piece = if forward { at_piece } else { 2 - at_piece };
                [1.0, -4.0, 2.5][piece]
            },
            end > start,
        );
        let times = Times::span(1, start, end).unwrap().evaluate(&[if end > start { 1.5 } else { 2.0 }]).unwrap();
        let solver = Solver::new().jumps(&[2.0, 1.0]).tolerances(1e-10, 1e-10);
        let s = solver.solve(&mut field, &[0.5], &times).unwrap();
        let want =
            if end > start { (0.5 + 1.0 - 4.0 + 2.5, 0.5 + 1.0 - 2.0) } else { (0.5 - 2.5 + 4.0 - 1.0, 0.5 - 2.5) };
        assert!((s.end()[0] - want.0).abs() < 1e-13, "{:?}", s.end());
        assert!((s.values()[0] - want.1).abs() < 1e-13, "{:?}", s.values());
        assert_eq!(s.stats()[0].steps, s.stats()[0].accepted);
        drop(field);
        assert!(pieces.is_sorted() && pieces.last() == Some(&2));
    }
}

/// A fixed step that a jump cuts short is followed by whole ones.
#[test]
fn fixed_steps_are_whole_after_a_jump() {
    let mut field = per_sample(1, |_, _, y: &[f64], dy| dy[0] = -y[0]);
    let solver = Solver::new().fixed_step(0.1).jumps(&[0.35]);
    let mut stepper = solver.start(&mut field, &[1.0], &Times::span(1, 0.0, 1.0).unwrap()).unwrap();
    let mut ends = Vec::new();
    while stepper.step(&mut field).unwrap() {
        ends.push(stepper.t()[0]);
    }
    let want = [0.1, 0.2, 0.3, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95];
    assert!(ends.len() == want.len() && ends.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-12), "{ends:?}");
    assert_eq!(stepper.finish().t(), [1.0]);
}

/// A field whose derivative depends on the piece only.
fn sparse_ode_field<F: FnMut(usize, bool) -> f64>(f: F, forward: bool) -> impl sparse_ode::VectorField<f64> {
    struct Pieces<F>(F, bool);
    impl<F: FnMut(usize, bool) -> f64> sparse_ode::VectorField<f64> for Pieces<F> {
        fn features(&self) -> usize {
            1
        }
        fn eval(&mut self, at: sparse_ode::At<'_>, _: &[f64], dy: &mut [f64]) -> Result<(), sparse_ode::FieldError> {
            dy[0] = (self.0)(at.piece[0], self.1);
            Ok(())
        }
    }
    Pieces(f, forward)
}

/// The field is never asked outside a sample's span.
#[test]
fn the_span_is_never_left() {
    let spans = [(0.1, 1.4), (0.7, 0.2), (-3.0, -2.9)];
    let mut field = per_sample(1, |t, sample: usize, y: &[f64], dy| {
        let (a, b): (f64, f64) = spans[sample];
        assert!(t >= a.min(b) && t <= a.max(b), "sample {sample} at {t}");
        dy[0] = (20.0 * t).sin() - y[0];
    });
    let (start, end): (Vec<f64>, Vec<f64>) = spans.into_iter().unzip();
    for method in Method::ALL {
        let solver = Solver::new().method(method).max_steps(Some(2000));
        let solver = if method == Method::Euler { solver.fixed_step(0.013) } else { solver };
        assert!(solver.solve(&mut field, &[1.0; 3], &Times::per_sample(&start, &end).unwrap()).unwrap().is_success());
    }
}

/// Going on from a copy gives the same bits as going on from the original.
#[test]
fn a_cloned_stepper_goes_on_alike() {
    let mu = [1.0, 30.0];
    let times = Times::span(2, 0.0, 5.0).unwrap().evenly(7).unwrap();
    let mut field = per_sample(2, oscillators(&mu));
    let mut stepper = Solver::new().start(&mut field, &[2.0, 0.0, 2.0, 0.0], &times).unwrap();
    for _ in 0..20 {
        stepper.step(&mut field).unwrap();
    }
    let copy = stepper.clone();
    let go_on = |mut s: sparse_ode::Stepper<f64>, field: &mut dyn sparse_ode::VectorField<f64>| -> Solution<f64> {
        while s.step(field).unwrap() {}
        s.finish()
    };
    let (a, b) = (go_on(stepper, &mut field), go_on(copy, &mut field));
    assert_eq!(a, b);
    assert_eq!(a, Solver::new().solve(&mut field, &[2.0, 0.0, 2.0, 0.0], &times).unwrap());
}

#[test]
fn single_precision_states_and_times() {
    let mut field = per_sample(2, |t, _, y: &[f32], dy| {
        let mut d = [0.0; 2];
        spiral(t, &[f64::from(y[0]), f64::from(y[1])], &mut d);
        dy.copy_from_slice(&[d[0] as f32, d[1] as f32]);
    });
    for time in [sparse_ode::TimePrecision::Double, sparse_ode::TimePrecision::Single] {
        let solver = Solver::new().tolerances(1e-6, 1e-6).time_precision(time);
        let s = solver.solve(&mut field, &[1f32, 0.0], &Times::span(1, 0.0, 3.0).unwrap()).unwrap();
        let end = [f64::from(s.end()[0]), f64::from(s.end()[1])];
        assert!(distance(&end, &spiral_at(3.0)) < 1e-4, "{end:?}");
    }
}

#[test]
fn nonsense_is_refused() {
    let says = |r: Result<Solution<f64>, Error>, what: &str| {
        let e = r.unwrap_err().to_string();
        assert!(e.contains(what), "{e}");
    };
    let mut field = per_sample(1, |_, _, y: &[f64], dy| dy[0] = -y[0]);
    let times = Times::span(2, 0.0, 1.0).unwrap();
    let mut solve = |s: Solver, y0: &[f64]| s.solve(&mut field, y0, &times);
    says(solve(Solver::new(), &[1.0]), "1 numbers, 2 samples of 1 features want 2");
    says(solve(Solver::new().tolerances(-1.0, 0.0), &[1.0; 2]), "atol -1");
    says(solve(Solver::new().tolerances(0.0, 0.0), &[1.0; 2]), "atol 0 must be positive");
    says(solve(Solver::new().controller(Controller::Fixed), &[1.0; 2]), "needs initial_step");
    says(solve(Solver::new().initial_step(&[0.1; 3]), &[1.0; 2]), "3 initial steps for 2 samples");
    says(solve(Solver::new().fixed_step(0.0), &[1.0; 2]), "must be finite and not zero");
    says(solve(Solver::new().max_steps(Some(0)), &[1.0; 2]), "max_steps is 0");
    says(solve(Solver::new().jumps(&[f64::NAN]), &[1.0; 2]), "jump times");
    let limits = Limits { dt_min: Some(1.0), dt_max: Some(0.1), ..Limits::default() };
    says(solve(Solver::new().controller(Controller::Integral(Integral { limits })), &[1.0; 2]), "limited to 1 to 0.1");
    let limits = Limits { safety: 1.5, ..Limits::default() };
    says(solve(Solver::new().limits(limits), &[1.0; 2]), "safety is 1.5");
    let text = |r: Result<Times, Error>| r.unwrap_err().to_string();
    assert!(text(Times::span(1, 1.0, 1.0)).contains("goes from 1 to 1"));
    assert!(text(Times::span(1, 0.0, f64::NAN)).contains("finite"));
    assert!(text(Times::per_sample(&[0.0], &[1.0, 2.0])).contains("1 start times for 2"));
    assert!(text(Times::span(1, 0.0, 1.0).unwrap().evenly(1)).contains("at least 2"));
    assert!(text(Times::span(1, 0.0, 1.0).unwrap().evaluate(&[0.5, 0.4])).contains("out of order or outside"));
    assert!(text(Times::span(1, 0.0, 1.0).unwrap().evaluate(&[1.5])).contains("out of order or outside"));
    assert!(text(Times::span(2, 0.0, 1.0).unwrap().evaluate_per_sample(&[0.5; 3])).contains("3 evaluation times"));
}

/// Without error control a state that is not finite ends the sample where it was last good.
#[test]
fn fixed_steps_do_not_hide_overflow() {
    for method in [Method::Euler, Method::Dopri5] {
        let mut field = per_sample(1, |t, _, _: &[f64], dy| dy[0] = if t > 0.5 { f64::NAN } else { 1.0 });
        let solver = Solver::new().method(method).fixed_step(0.1);
        let s = solver.solve(&mut field, &[0.0], &Times::span(1, 0.0, 1.0).unwrap()).unwrap();
        assert_eq!(s.status(), [Status::InfiniteNorm]);
        assert!(s.end()[0].is_finite() && s.t()[0] < 0.75, "{method:?}: {:?} at {:?}", s.end(), s.t());
    }
}

/// Short steps that a jump or the guess asks for are no fault of a sample with a `dt_min`.
#[test]
fn dt_min_tolerates_jumps_and_the_first_step() {
    let limits = Limits { dt_min: Some(2e-3), ..Limits::default() };
    let mut field = per_sample(1, |_, _, y: &[f64], dy| dy[0] = 1.0 - y[0]);
    let solver = Solver::new().limits(limits).jumps(&[0.3, 0.300_01]);
    let s = solver.solve(&mut field, &[0.0], &Times::span(1, 0.0, 1.0).unwrap()).unwrap();
    assert_eq!(s.status(), [Status::Success]);
}

/// Single times far from zero: the first step is long enough for time to move.
#[test]
fn time_moves_far_from_zero() {
    let mut field = per_sample(1, |_, _, y: &[f32], dy| dy[0] = 1.0 - y[0]);
    let solver = Solver::new().time_precision(sparse_ode::TimePrecision::Single);
    let s = solver.solve(&mut field, &[0.0], &Times::span(1, 1e5, 1e5 + 1.0).unwrap()).unwrap();
    assert!(s.is_success() && (s.end()[0] - 0.632_12).abs() < 5e-3, "{:?} {:?}", s.status(), s.end());
}

/// A trajectory holds the solution at its steps exactly and between them as the dense output has it, in either direction.
#[test]
fn trajectories() {
    for method in Method::ALL {
        for (start, end) in [(0.0, 2.0), (2.0, -0.5)] {
            let solver =
                if method == Method::Euler { Solver::new().fixed_step(0.05) } else { Solver::new() }.method(method);
            let eval: Vec<f64> = (0..=30).map(|i| start + (end - start) * f64::from(i) / 30.0).collect();
            let times = Times::per_sample(&[start, start], &[end, (start + end) / 2.0]).unwrap();
            let mut field = per_sample(2, |t, _, y: &[f64], dy| spiral(t, y, dy));
            let y0 = [1.0, 0.0, 0.5, -0.5];
            let (solution, path) = solver.trajectory(&mut field, &y0, &times, Save::Dense).unwrap();
            assert_eq!(path.t(1).len(), solution.stats()[1].accepted + 1);
            assert_eq!((path.t(0)[0], *path.t(0).last().unwrap()), (start, end));
            assert_eq!(&path.y(0)[path.y(0).len() - 2..], &solution.end()[..2]);
            let alone = Times::span(1, start, end).unwrap().evaluate(&eval).unwrap();
            let want = solver.solve(&mut field, &y0[..2], &alone).unwrap();
            for (t, want) in eval.iter().zip(want.values().chunks(2)) {
                assert!(distance(&path.at(0, *t).unwrap(), want) < 1e-12, "{method:?} at {t}");
            }
            assert!(path.at(0, end + (end - start)).is_err());
            let (_, steps) = solver.trajectory(&mut field, &y0, &times, Save::Steps).unwrap();
            assert_eq!(steps.y(0), path.y(0));
            assert!(steps.at(0, steps.t(0)[1]).is_ok());
            let e = steps.at(0, (steps.t(0)[0] + steps.t(0)[1]) / 2.0).unwrap_err().to_string();
            assert!(e.contains("Save::Dense"), "{e}");
        }
    }
}

/// Samples that come to rest end there; the others go on. Stopped ones keep what they reached.
#[test]
fn rest_and_stops() {
    let rates = [5.0, 0.01];
    let mut field = per_sample(1, |_, sample, y: &[f64], dy| dy[0] = rates[sample] * (1.0 - y[0]));
    let times = Times::span(2, 0.0, 100.0).unwrap().evenly(11).unwrap();
    for method in [Method::Dopri5, Method::Heun] {
        let solver = Solver::new().method(method).tolerances(1e-7, 1e-7).steady_state(Some((1e-3, 0.0)));
        let solution = solver.solve(&mut field, &[0.0, 0.0], &times).unwrap();
        assert_eq!(solution.status(), [Status::Steady, Status::Success], "{method:?}");
        assert!(solution.t()[0] < 10.0 && (solution.end()[0] - 1.0).abs() < 1e-3, "{:?}", solution.t());
        assert!(solution.is_success() && solution.values()[10].is_nan());
    }
    let mut seen = 0;
    let solution = Solver::new()
        .solve_watched(&mut field, &[0.0, 0.0], &times, |stepper| {
            seen += 1;
            if stepper.t()[1] > 20.0 {
                stepper.stop(&[1, 7]);
            }
        })
        .unwrap();
    assert_eq!(solution.status(), [Status::Success, Status::Stopped]);
    assert!(seen > 3 && solution.t()[1] > 20.0 && solution.t()[1] < 100.0);
    assert!(Solver::new().steady_state(Some((-1.0, 0.0))).solve(&mut field, &[0.0; 2], &times).is_err());
}

/// From a clone in the middle a solve goes on exactly as it would have.
#[test]
fn resumes_from_a_clone() {
    let mut field = per_sample(2, |t, _, y: &[f64], dy| spiral(t, y, dy));
    let times = Times::span(2, 0.0, 5.0).unwrap().evenly(7).unwrap();
    let solver = Solver::new().controller(Controller::Pid(Pid::default()));
    let mut stepper = solver.start(&mut field, &[1.0, 0.0, -0.3, 2.0], &times).unwrap();
    for _ in 0..6 {
        stepper.step(&mut field).unwrap();
    }
    let mut copy = stepper.clone();
    while stepper.step(&mut field).unwrap() {}
    while copy.step(&mut field).unwrap() {}
    assert_eq!(stepper.finish(), copy.finish());
}

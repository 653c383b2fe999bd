//! How steps are chosen, refused and ended where it matters.

use sparse_ode::{
    Compat, Controller, Error, Limits, Method, Now, Pid, Solver, Status, TensorTimes, TimePrecision, Times, per_sample,
};
use tch::Tensor;

fn span(start: f64, end: f64) -> Times {
    Times::span(1, start, end).unwrap()
}

/// A step that is given is taken as it is, though time is coarse, and the state moves as far as time does.
#[test]
fn given_steps_are_not_lengthened() {
    let mut field = per_sample(1, |_, _, _: &[f32], dy| dy[0] = 1.0);
    let solver = Solver::new().method(Method::Euler).time_precision(TimePrecision::Single);
    for start in [0.0, 1000.0] {
        let s = solver.clone().fixed_step(1e-3).solve(&mut field, &[0.0], &span(start, start + 1.0)).unwrap();
        let steps = s.stats()[0].steps;
        assert!(s.is_success() && (1000..1030).contains(&steps), "{steps} steps from {start}");
        assert_eq!(s.initial_step(), [f64::from(1e-3f32)]);
        assert!((s.end()[0] - 1.0).abs() < 1e-4, "{:?} from {start}", s.end());
    }
    let s = solver.fixed_step(1e-6).solve(&mut field, &[0.0], &span(1000.0, 1001.0)).unwrap();
    assert_eq!((s.status()[0], s.t()[0]), (Status::StepTooSmall, 1000.0));
    let mut field = per_sample(1, |_, _, _: &[f64], dy| dy[0] = 1.0);
    let s = Solver::new().initial_step(&[1e-18]).solve(&mut field, &[0.0], &span(1.0, 2.0)).unwrap();
    assert_eq!(s.status(), [Status::StepTooSmall]);
}

/// Rejections count where there are any.
#[test]
fn no_rejection_is_none_too_many() {
    let mut decay = per_sample(1, |_, _, y: &[f64], dy| dy[0] = -y[0]);
    let s = Solver::new().max_rejects(Some(0)).solve(&mut decay, &[1.0], &span(0.0, 5.0)).unwrap();
    assert!(s.is_success() && s.stats()[0].steps == s.stats()[0].accepted, "{:?}", s.stats());
    let mut edge = per_sample(1, |t: f64, _, _: &[f64], dy| dy[0] = f64::from(u8::from(t > 1.0)));
    let s = Solver::new().max_rejects(Some(0)).solve(&mut edge, &[0.0], &span(0.0, 5.0)).unwrap();
    assert_eq!((s.status()[0], s.stats()[0].steps - s.stats()[0].accepted), (Status::TooManyRejects, 1));
}

/// Söderlind's H312PID, whose memory asks for longer steps after quiet times, comes through an edge.
#[test]
fn a_controller_recovers_after_rejections() {
    let h312 = Pid { proportional: -2.0 / 9.0, integral: 2.0 / 9.0, derivative: 1.0 / 18.0, ..Pid::default() };
    let mut pulse = per_sample(1, |t: f64, _, y: &[f64], dy| dy[0] = -y[0] + (-(t - 10.0).powi(2) * 20.0).exp());
    let solver = Solver::new().controller(Controller::Pid(h312));
    let s = solver.solve(&mut pulse, &[1.0], &span(0.0, 30.0)).unwrap();
    assert!(s.is_success() && s.stats()[0].accepted < s.stats()[0].steps, "{:?} {:?}", s.status(), s.stats());
    let bad = Controller::Pid(Pid { integral: f64::NAN, ..Pid::default() });
    let refused = Solver::new().controller(bad).solve(&mut pulse, &[1.0], &span(0.0, 1.0)).unwrap_err();
    assert!(refused.to_string().contains("coefficients are [0.2, NaN, 0.0]"), "{refused}");
}

/// A state that overflows is never accepted, though its tolerance is infinite as well, unless as torchode does it.
#[test]
fn an_infinite_state_is_an_infinite_error() {
    let mut growth = per_sample(1, |_, _, y: &[f32], dy| dy[0] = y[0]);
    let mut end = |solver: Solver| {
        let s = solver.method(Method::Heun).solve(&mut growth, &[2e38], &span(0.0, 0.6)).unwrap();
        (s.status()[0], s.end()[0].is_finite())
    };
    let adaptive = Solver::new().initial_step(&[0.6]);
    let (status, is_finite) = end(adaptive.clone());
    assert!(!status.is_success() && is_finite, "{status:?}");
    assert_eq!(end(Solver::new().fixed_step(0.6)), (Status::InfiniteNorm, true));
    assert_eq!(end(adaptive.compat(Compat::Torchode)), (Status::Success, false));
}

/// A step that ends at a stop and is rejected is not tried again and again where a shorter one is not allowed.
#[test]
fn dt_min_ends_a_rejected_last_step() {
    let mut wall = per_sample(1, |t: f64, _, _: &[f64], dy| dy[0] = if t > 0.97 { 1e6 } else { 0.0 });
    let limits = Limits { dt_min: Some(0.1), ..Limits::default() };
    let solver = Solver::new().limits(limits).initial_step(&[0.95]);
    let s = solver.solve(&mut wall, &[0.0], &span(0.0, 1.0)).unwrap();
    assert_eq!((s.status()[0], s.stats()[0].steps), (Status::ReachedDtMin, 2));
}

/// The last step is watched, too, and an event in it counts.
#[test]
fn the_last_step_is_watched() {
    let mut fall = per_sample(1, |_, _, _: &[f64], dy| dy[0] = -1.0);
    let solver = Solver::new().fixed_step(0.5);
    // the second sample comes to its end a step earlier
    let times = Times::per_sample(&[0.0, 0.5], &[1.0, 1.0]).unwrap();
    let mut watched = 0;
    let s = solver
        .solve_watched(&mut fall, &[0.9, 2.0], &times, |stepper| {
            watched += 1;
            let down: Vec<usize> = (0..2).filter(|&b| stepper.state()[b] < 0.0).collect();
            stepper.stop(&down);
        })
        .unwrap();
    assert_eq!((watched, s.status()), (2, [Status::Stopped, Status::Success].as_slice()));
    let late = solver
        .solve_watched(&mut fall, &[0.9, 2.0], &times, |stepper| {
            if stepper.t() == [1.0, 1.0] {
                stepper.stop(&[1]);
            }
        })
        .unwrap();
    assert_eq!(late.status(), [Status::Success; 2]);
    // where all are stopped there is nothing more to watch
    let mut seen = 0;
    let stopped = solver.solve_watched(&mut fall, &[0.9], &span(0.0, 5.0), |stepper| {
        seen += 1;
        stepper.stop(&[0]);
    });
    assert_eq!((seen, stopped.unwrap().status()[0]), (1, Status::Stopped));
}

/// Tolerances count as they are used.
#[test]
fn tolerances_below_the_states_precision_are_refused() {
    let mut rest = per_sample(1, |_, _, _: &[f32], dy| dy[0] = 0.0);
    let mut refused = |solver: Solver| solver.solve(&mut rest, &[0f32], &span(0.0, 1.0)).unwrap_err().to_string();
    assert!(refused(Solver::new().tolerances(1e-50, 1e-3)).contains("in Float"));
    assert!(refused(Solver::new().tolerances(1e-6, 1e50)).contains("in Float"));
    assert!(refused(Solver::new().steady_state(Some((1e-50, 0.0)))).contains("in Float"));
}

/// Evaluation times of another shape or kind are refused, also where there are none.
#[test]
fn evaluation_times_have_two_dimensions() {
    let field = |_: &Now, y: &Tensor, _: &[Tensor]| Ok(y.f_neg()?);
    let number = |t: f64| Tensor::from_slice(&[t]);
    let solve = |eval: Tensor| {
        let times = TensorTimes { start: number(0.0), end: number(1.0), eval };
        Solver::new().solve_tensors(field, &Tensor::from_slice(&[1.0]).view([1, 1]), &times, &[])
    };
    let empty = Tensor::from_slice::<f64>(&[]).view([1, 0]);
    assert_eq!(solve(empty.shallow_clone()).unwrap().values.size(), [1, 0, 1]);
    for bad in [
        Tensor::from_slice(&[0.0, 0.5, 1.0]),
        Tensor::from_slice::<f64>(&[]),
        Tensor::from_slice(&[0.5]).view([1, 1, 1]),
        empty.to_kind(tch::Kind::Float),
        Tensor::from_slice::<f64>(&[]).view([2, 0]),
    ] {
        let shape = bad.size();
        let refused = solve(bad).map(|s| s.values.size());
        assert!(matches!(refused, Err(Error::Input { what: "the evaluation times", .. })), "{shape:?}: {refused:?}");
    }
}

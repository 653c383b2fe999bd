//! Comparing what a solve did, step by step and in all, with what torchode did.

use crate::case::Case;
use crate::report::{Report, Tolerance, relative};
use sparse_ode::{LastStep, Stats, Status};

/// What a solve took.
pub(crate) struct Took<'a> {
    pub(crate) status: &'a [Status],
    pub(crate) stats: &'a [Stats],
    pub(crate) evaluations: usize,
    pub(crate) initial_step: &'a [f64],
    /// Evaluation times per sample; none where only the end was asked for.
    pub(crate) points: usize,
}

/// How exactly numbers of steps agree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Counts {
    Equal,
    /// Within two, or 2 %: single precision rounds an error estimate near 1 to either side.
    Near,
}

/// Compares `status`, `stat_*` and `dt_initial`.
pub(crate) fn statistics(case: &Case, report: &mut Report, took: &Took<'_>, counts: Counts) -> crate::Outcome {
    let stats = |of: fn(&Stats) -> usize| -> Vec<i64> { took.stats.iter().map(|s| of(s) as i64).collect() };
    let codes: Vec<i64> = took.status.iter().map(|s| s.code()).collect();
    report.exact("status", &codes, case.integers("status")?);
    let reached = if took.points == 0 {
        took.status.iter().map(|&s| i64::from(s == Status::Success)).collect()
    } else {
        stats(|s| s.reached)
    };
    report.exact("stat_n_initialized", &reached, case.integers("stat_n_initialized")?);
    for (key, got) in [
        ("stat_n_steps", stats(|s| s.steps)),
        ("stat_n_accepted", stats(|s| s.accepted)),
        ("stat_n_f_evals", vec![took.evaluations as i64; codes.len()]),
    ] {
        let want = case.integers(key)?;
        if counts == Counts::Equal {
            report.exact(key, &got, want);
        } else {
            let float = |v: &[i64]| -> Vec<f64> { v.iter().map(|&n| n as f64).collect() };
            // A step is up to seven evaluations.
            let absolute = if key == "stat_n_f_evals" { 14.0 } else { 2.0 };
            report.close(key, &float(&got), &float(want), Tolerance { relative: 0.02, absolute });
        }
    }
    let initial = case.floats("dt_initial")?;
    report.close("dt_initial", took.initial_step, initial, relative(if is_single(case) { 1e-5 } else { 1e-9 }));
    Ok(())
}

fn is_single(case: &Case) -> bool {
    case.setting_or("dtype", "float64").ends_with("float32")
}

/// How closely the numbers of each step agree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steps {
    /// Of times and steps, relative.
    pub(crate) near: f64,
    /// Tolerances of the solve, which magnify roundings in the error estimate.
    pub(crate) tolerance: f64,
    /// Whether there is an error estimate.
    pub(crate) estimates: bool,
}

/// Compares every iteration of every sample that ran in it; accept flags exactly. Single precision takes other steps here and
/// there: their numbers are compared, not each of them.
pub(crate) fn steps(case: &Case, report: &mut Report, trace: &[LastStep], steps: Steps) -> crate::Outcome {
    let [t0, dt, next, error] =
        ["trace_t0", "trace_dt", "trace_dt_next", "trace_error_ratio"].map(|key| case.floats(key));
    let (t0, dt, next, error, accept) = (t0?, dt?, next?, error?, case.integers("trace_accept")?);
    if is_single(case) {
        return Ok(());
    }
    let (counts, iterations) = (case.integers("stat_n_steps")?, case.shape("trace_dt")?[0]);
    let batch = counts.len();
    report.exact("iterations", &[trace.len()], &[iterations]);
    // An estimate is a difference of numbers that rounding has blurred already.
    let noise = 1e3 * f64::EPSILON / steps.tolerance;
    let near = relative(steps.near + 3.0 * noise);
    for (i, step) in trace.iter().enumerate().take(iterations) {
        let ran: Vec<usize> = (0..batch).filter(|&b| (i as i64) < counts[b]).collect();
        if step.sample != ran {
            report.fail(format!("iteration {i}: samples {:?} ran, golden {ran:?}", step.sample));
            return Ok(());
        }
        let of = |list: &[f64]| -> Vec<f64> { ran.iter().map(|&b| list[i * batch + b]).collect() };
        let flags: Vec<bool> = ran.iter().map(|&b| accept[i * batch + b] != 0).collect();
        report.exact("trace_accept", &step.accepted, &flags);
        report.close("trace_t0", &step.t, &of(t0), Tolerance { absolute: 1e-12, ..near });
        report.close("trace_dt", &step.dt, &of(dt), near);
        report.close("trace_dt_next", &step.next_dt, &of(next), near);
        if steps.estimates {
            report.close("trace_error_ratio", &step.error, &of(error), Tolerance { absolute: noise, ..near });
        }
    }
    Ok(())
}

//! Solver files: every step as torchode took it, and the right behaviour beside it.

use super::gradients;
use super::problem::Problem;
use super::settings::{self, Spans};
use super::trace::{self, Counts, Took};
use crate::case::Case;
use crate::report::{Report, Tolerance};
use sparse_ode::Real;
use sparse_ode::{Compat, LastStep, Solution, Solver, Status, per_sample};

/// A solver file, its numbers in the precision of its states.
struct Job<'a> {
    case: &'a Case,
    problem: Problem,
    solver: Solver,
    spans: Spans,
    double: bool,
}

pub(crate) fn run(case: &Case, report: &mut Report) -> crate::Outcome {
    let problem = Problem::of(case)?;
    let spans = Spans::of(case, problem.batch())?;
    let double = settings::is_double(case, "dtype")?;
    let job = Job { case, solver: settings::solver(case)?, spans, problem, double };
    if double { job.check::<f64>(report) } else { job.check::<f32>(report) }
}

impl Job<'_> {
    fn check<T: Real>(&self, report: &mut Report) -> crate::Outcome {
        let all: Vec<usize> = (0..self.problem.batch()).collect();
        let (solution, trace) = self.solve::<T>(Compat::Torchode, &all, 0.0)?;
        let took = Took {
            status: solution.status(),
            stats: solution.stats(),
            evaluations: solution.evaluations(),
            initial_step: solution.initial_step(),
            points: self.points(),
        };
        trace::statistics(self.case, report, &took, if self.double { Counts::Equal } else { Counts::Near })?;
        self.check_trace(&trace, report)?;
        let golden = self.case.floats("ys")?;
        let shape = [self.problem.batch(), self.points().max(1), self.problem.features()];
        report.exact("shape of ys", &shape, self.case.shape("ys")?);
        let values = self.values(&solution);
        let tolerances = self.tolerances::<T>(&values)?;
        let n = shape[1] * shape[2];
        for (b, tolerance) in tolerances.iter().enumerate() {
            report.close_in_norm("ys", &values[b * n..][..n], &golden[b * n..][..n], *tolerance);
        }
        self.check_times(report)?;
        gradients::check(
            self.case,
            report,
            &self.problem,
            &self.solver.clone().compat(Compat::Torchode),
            &self.spans,
            T::KIND,
        )?;
        self.check_right::<T>(&tolerances, report)
    }

    /// How closely the values of each sample agree: as a fraction of its largest value, and no closer than ten times what a
    /// change of the initial state by a few units in the last place makes. Step-size control magnifies roundings: the first error
    /// estimates consist of nothing else, and the steps follow them.
    fn tolerances<T: Real>(&self, values: &[f64]) -> Result<Vec<Tolerance>, String> {
        let all: Vec<usize> = (0..self.problem.batch()).collect();
        let n = values.len() / all.len();
        let mut moved = vec![0.0f64; all.len()];
        for units in [4.0, -4.0] {
            let other = self.values(&self.solve::<T>(Compat::Torchode, &all, units)?.0);
            for (i, (a, b)) in values.iter().zip(&other).enumerate() {
                // A maximum that passes over NaN.
                moved[i / n] = moved[i / n].max((a - b).abs());
            }
        }
        let relative = match (self.double, self.problem.amplifies_rounding()) {
            (true, false) => 1e-10,
            (true, true) => 1e-7,
            (false, _) => 2e-5,
        };
        Ok(moved.into_iter().map(|m| Tolerance { relative, absolute: 10.0 * m }).collect())
    }

    fn points(&self) -> usize {
        self.spans.points
    }

    /// Solves for some of the samples, from a state moved by some units in the last place.
    fn solve<T: Real>(
        &self,
        compat: Compat,
        samples: &[usize],
        units: f64,
    ) -> Result<(Solution<T>, Vec<LastStep>), String> {
        let features = self.problem.features();
        let y0 = self.case.floats("y0")?;
        let moved = 1.0 + units * if self.double { f64::EPSILON } else { f64::from(f32::EPSILON) };
        let own: Vec<T> =
            samples.iter().flat_map(|&b| &y0[b * features..][..features]).map(|&y| T::from_f64(moved * y)).collect();
        let mut solver = self.solver.clone().compat(compat);
        if self.case.has("dt0") {
            let dt0 = self.case.floats("dt0")?;
            let of = |b: usize| dt0[if dt0.len() == 1 { 0 } else { b }];
            solver = solver.initial_step(&samples.iter().map(|&b| of(b)).collect::<Vec<_>>());
        }
        let mut field = per_sample(features, |t, column, y: &[T], dy: &mut [T]| {
            self.problem.derivative(t, samples[column], y, dy);
        });
        let text = |e: sparse_ode::Error| e.to_string();
        let times = self.spans.times(samples).map_err(text)?;
        let mut stepper = solver.start(&mut field, &own, &times).map_err(text)?;
        let mut trace = Vec::new();
        loop {
            let runs = stepper.step(&mut field).map_err(text)?;
            trace.push(stepper.last_step().clone());
            if !runs {
                return Ok((stepper.finish(), trace));
            }
        }
    }

    /// Values at the evaluation times, or at the end where there are none.
    fn values<T: Real>(&self, solution: &Solution<T>) -> Vec<f64> {
        let values = if self.points() == 0 { solution.end() } else { solution.values() };
        values.iter().map(|v| v.to_f64()).collect()
    }

    fn check_trace(&self, trace: &[LastStep], report: &mut Report) -> crate::Outcome {
        let case = self.case;
        let steps = trace::Steps {
            near: if self.problem.amplifies_rounding() { 1e-4 } else { 1e-6 },
            tolerance: case.number("rtol")? + case.number("atol")?,
            estimates: case.setting_or("method", "Dopri5") != "Euler" && case.setting_or("controller", "I") != "fixed",
        };
        trace::steps(case, report, trace, steps)
    }

    fn check_times(&self, report: &mut Report) -> crate::Outcome {
        let want = self.case.floats("ts")?;
        if self.points() > 0 {
            report.exact("ts", &self.spans.eval, want);
        } else {
            report.exact("ts", &self.spans.end, want);
        }
        Ok(())
    }

    /// Without torchode's faults: each sample ends as it would alone, and what the file holds of it stays.
    fn check_right<T: Real>(&self, tolerances: &[Tolerance], report: &mut Report) -> crate::Outcome {
        let all: Vec<usize> = (0..self.problem.batch()).collect();
        let (right, _) = self.solve::<T>(Compat::None, &all, 0.0)?;
        let golden = self.case.floats("ys")?;
        let per_sample = self.points().max(1) * self.problem.features();
        let values = self.values(&right);
        for (b, &tolerance) in tolerances.iter().enumerate() {
            let (alone, _) = self.solve::<T>(Compat::Torchode, &[b], 0.0)?;
            let at_end = alone.t()[0] == self.spans.end[b];
            let (status, expected) = (right.status()[b], alone.status()[0]);
            let fits = match expected {
                Status::Success => status == Status::Success,
                _ if at_end => status == Status::Success,
                // There the right thing is to try a shorter step.
                Status::InfiniteNorm => true,
                // It may be found out sooner that no number of steps is enough.
                Status::ReachedMaxSteps => status != Status::Success,
                other => status == other,
            };
            report.expect(fits, || format!("sample {b} ends with {status:?}, alone with {expected:?}"));
            let own = &values[b * per_sample..][..per_sample];
            report.close_in_norm("ys beside other samples", own, &self.values(&alone), tolerance);
            // What the file holds is a beginning of it.
            let known: Vec<usize> = (0..per_sample).filter(|&i| !golden[b * per_sample + i].is_nan()).collect();
            let of = |from: &[f64]| -> Vec<f64> { known.iter().map(|&i| from[i]).collect() };
            report.close_in_norm("ys as is right", &of(own), &of(&golden[b * per_sample..][..per_sample]), tolerance);
            report.expect(status != Status::Success || own.iter().all(|v| v.is_finite()), || {
                format!("sample {b} succeeds with values that are not finite")
            });
        }
        Ok(())
    }
}
